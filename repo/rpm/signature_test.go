package rpm

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// signV3 makes the signature packet of version 3 that no current tool writes.
func signV3(t *testing.T, key *openpgp.Entity, data []byte) []byte {
	t.Helper()
	suffix := []byte{0, 0x69, 0x55, 0xb9, 0x00}
	sum := sha256.Sum256(append(append([]byte(nil), data...), suffix...))
	priv, ok := key.PrivateKey.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		t.Fatalf("a %T", key.PrivateKey.PrivateKey)
	}
	sig, err := rsa.SignPKCS1v15(rand.Reader, priv, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	body := append([]byte{3, 5}, suffix...)
	body = binary.BigEndian.AppendUint64(body, key.PrimaryKey.KeyId)
	body = append(body, 1, 8, sum[0], sum[1])
	body = binary.BigEndian.AppendUint16(body, uint16(len(sig)*8))
	body = append(body, sig...)
	return append([]byte{0x89, byte(len(body) >> 8), byte(len(body))}, body...)
}

func TestSignatureVersion3(t *testing.T) {
	t.Parallel()
	key, err := openpgp.NewEntity("QA", "", "qa@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048, Time: func() time.Time { return time.Unix(1700000000, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	h := &Header{data: "the header", index: ""}
	signed := &hashRecorder{}
	h.writeAll(signed)
	s := decodeSignature(TagRSAHeader, signV3(t, key, signed.data))
	if s.Version != 3 || s.Algorithm != "RSA/SHA256" || s.Date.Unix() != 0x6955b900 {
		t.Fatalf("%+v", s)
	}
	verdict := func(h *Header) SignatureCheck {
		d := &digester{header: h}
		d.addSignature(&s, NewKeyring(key))
		return d.signatures[0].result()
	}
	if got := verdict(h); got.Status != StatusOK || got.Signer != "QA <qa@example.org>" {
		t.Errorf("%+v", got)
	}
	if got := verdict(&Header{data: "the hEader"}); got.Status != StatusBad {
		t.Errorf("%+v", got)
	}
	s.Raw = s.Raw[:len(s.Raw)-3]
	if got := verdict(h); got.Status != StatusUnsupported {
		t.Errorf("cut packet: %+v", got)
	}
}

type hashRecorder struct{ data []byte }

func (r *hashRecorder) Write(b []byte) (int, error) {
	r.data = append(r.data, b...)
	return len(b), nil
}

func TestDecodeSignatureSurvivesDamage(t *testing.T) {
	t.Parallel()
	good := []byte{0xc2, 23, 4, 0, 22, 10, 0, 6, 5, 2, 0x69, 0x55, 0xb9, 0, 0, 0, 9, 16, 1, 2, 3, 4, 5}
	for i := range good {
		for _, v := range []byte{0, 0x7f, 0xff} {
			b := append([]byte(nil), good...)
			b[i] = v
			decodeSignature(TagOpenPGP, b)
			decodeSignature(TagOpenPGP, b[:i])
		}
	}
	for _, raw := range [][]byte{nil, {0xc2}, {0x89, 0xff, 0xff, 3}, []byte("no packet at all")} {
		if s := decodeSignature(TagSigPGP, raw); s.Version != 0 || s.HeaderOnly() {
			t.Errorf("%q: %+v", raw, s)
		}
	}
}
