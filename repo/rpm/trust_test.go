package rpm_test

import (
	"bytes"
	"crypto"
	"crypto/dsa" //nolint:staticcheck // packages of EL 4 and 5 are signed with it
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	rpmutils "github.com/sassoftware/go-rpmutils"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// ofFormat is a small package.
func ofFormat(format int) []byte {
	return rpmtest.Build(rpmtest.Spec{
		Name: "hello", Version: "1", Release: "1", Format: format,
		Files: []rpmtest.File{{Path: "/usr/share/hello", Data: bytes.Repeat([]byte("hello\n"), 100)}},
	})
}

// newDSAKey makes a key of the kind that signed EL 4 and 5.
func newDSAKey(t *testing.T) *openpgp.Entity {
	t.Helper()
	at := time.Unix(1767225600, 0)
	var key dsa.PrivateKey
	if err := dsa.GenerateParameters(&key.Parameters, rand.Reader, dsa.L1024N160); err != nil {
		t.Fatal(err)
	}
	if err := dsa.GenerateKey(&key, rand.Reader); err != nil {
		t.Fatal(err)
	}
	e := &openpgp.Entity{
		PrimaryKey: packet.NewDSAPublicKey(at, &key.PublicKey), PrivateKey: packet.NewDSAPrivateKey(at, &key),
		Identities: map[string]*openpgp.Identity{},
	}
	id := packet.NewUserId("QA", "", "qa@example.org")
	primary := true
	self := &packet.Signature{
		Version: 4, SigType: packet.SigTypePositiveCert, PubKeyAlgo: packet.PubKeyAlgoDSA, Hash: crypto.SHA256,
		CreationTime: at, IssuerKeyId: &e.PrimaryKey.KeyId, IsPrimaryId: &primary, FlagsValid: true, FlagSign: true, FlagCertify: true,
	}
	if err := self.SignUserId(id.Id, e.PrimaryKey, e.PrivateKey, nil); err != nil {
		t.Fatal(err)
	}
	e.Identities[id.Id] = &openpgp.Identity{Name: id.Id, UserId: id, SelfSignature: self, Signatures: []*packet.Signature{self}}
	return e
}

// statuses lists the verdicts on the signatures in order.
func statuses(v *rpm.Verdict) string {
	var s []string
	for _, c := range v.Signatures {
		s = append(s, string(c.Status))
	}
	return strings.Join(s, " ")
}

func TestEachSignatureHasItsVerdict(t *testing.T) {
	t.Parallel()
	mine, other := newKey(t, packet.PubKeyAlgoRSA), newKey(t, packet.PubKeyAlgoEdDSA)
	ring := rpm.NewKeyring(mine)
	legacy := rpmtest.SignOptions{Legacy: true}
	double := rpmtest.Sign(rpmtest.Sign(ofFormat(6), other, rpmtest.SignOptions{}), mine, rpmtest.SignOptions{})
	cut := rpmtest.TakeApart(rpmtest.Sign(ofFormat(4), mine, rpmtest.SignOptions{}))
	for i, e := range cut.Signature {
		if e.Tag == rpm.TagRSAHeader {
			cut.Signature[i].Data = e.Data[:len(e.Data)-9]
			cut.Signature[i].Count -= 9
		}
	}
	future := rpmtest.TakeApart(ofFormat(4))
	future.Signature = rpmtest.Set(future.Signature, rpmtest.Entry{Tag: rpm.TagRSAHeader, Type: rpm.TypeBin, Count: 12, Data: []byte("\xc2\x0a\x09\x00\x16\x0a........")[:12]})
	for name, c := range map[string]struct {
		data []byte
		ring *rpm.Keyring
		each string
		sum  rpm.Status
	}{
		"unsigned":                      {ofFormat(4), ring, "", rpm.StatusUnsigned},
		"unsigned, no keys":             {ofFormat(6), nil, "", rpm.StatusUnsigned},
		"signed":                        {rpmtest.Sign(ofFormat(4), mine, rpmtest.SignOptions{}), ring, "ok", rpm.StatusOK},
		"signed, no keys":               {rpmtest.Sign(ofFormat(4), mine, rpmtest.SignOptions{}), nil, "unknown-key", rpm.StatusUnknownKey},
		"another's key":                 {rpmtest.Sign(ofFormat(4), other, rpmtest.SignOptions{}), ring, "unknown-key", rpm.StatusUnknownKey},
		"header and payload":            {rpmtest.Sign(ofFormat(4), mine, legacy), ring, "ok ok", rpm.StatusOK},
		"header and payload, flipped":   {rpmtest.FlipPayload(rpmtest.Sign(ofFormat(4), mine, legacy)), ring, "bad bad", rpm.StatusBad},
		"header only, payload flipped":  {rpmtest.FlipPayload(rpmtest.Sign(ofFormat(4), mine, rpmtest.SignOptions{})), ring, "bad", rpm.StatusBad},
		"header flipped":                {rpmtest.FlipHeader(rpmtest.Sign(ofFormat(4), mine, rpmtest.SignOptions{})), ring, "bad", rpm.StatusBad},
		"format 6":                      {rpmtest.Sign(ofFormat(6), mine, rpmtest.SignOptions{}), ring, "ok", rpm.StatusOK},
		"format 6, payload flipped":     {rpmtest.FlipPayload(rpmtest.Sign(ofFormat(6), mine, rpmtest.SignOptions{})), ring, "bad", rpm.StatusBad},
		"format 6, two keys, one known": {double, ring, "unknown-key ok", rpm.StatusOK},
		"format 6, two keys":            {double, rpm.NewKeyring(mine, other), "ok ok", rpm.StatusOK},
		"format 6, two keys, flipped":   {rpmtest.FlipHeader(double), rpm.NewKeyring(mine, other), "bad bad", rpm.StatusBad},
		"packet 3":                      {rpmtest.Sign(ofFormat(4), mine, rpmtest.SignOptions{Packet3: true, Legacy: true}), ring, "ok ok", rpm.StatusOK},
		"packet 3, flipped":             {rpmtest.FlipHeader(rpmtest.Sign(ofFormat(4), mine, rpmtest.SignOptions{Packet3: true})), ring, "bad", rpm.StatusBad},
		// Nothing that is signed speaks of the payload of an old package.
		"format 3, header only":      {rpmtest.Sign(ofFormat(3), mine, rpmtest.SignOptions{}), ring, "bad", rpm.StatusBad},
		"format 3, payload only":     {rpmtest.Sign(ofFormat(3), mine, rpmtest.SignOptions{LegacyOnly: true}), ring, "ok", rpm.StatusOK},
		"format 3, both":             {rpmtest.Sign(ofFormat(3), mine, legacy), ring, "ok ok", rpm.StatusOK},
		"format 3, payload exchange": {exchanged(rpmtest.Sign(ofFormat(3), mine, rpmtest.SignOptions{})), ring, "bad", rpm.StatusBad},
		"a cut packet":               {cut.Bytes(), ring, "bad", rpm.StatusBad},
		"a packet of version 9":      {future.Bytes(), ring, "unsupported", rpm.StatusUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := verify(t, c.data, c.ring)
			if got := statuses(v); got != c.each || v.SignatureStatus() != c.sum {
				t.Errorf("%q, in sum %s; want %q, %s: %+v", got, v.SignatureStatus(), c.each, c.sum, v.Signatures)
			}
			if err := v.Err(); (err != nil) != (c.sum == rpm.StatusBad) {
				t.Errorf("Err: %v", err)
			}
		})
	}
}

// exchanged gives a signed package another payload and makes every digest of
// the signature header fit: what anybody can do who holds no key.
func exchanged(signed []byte) []byte {
	r := rpmtest.TakeApart(signed)
	r.Payload = rpmtest.TakeApart(ofFormat(3)).Payload
	r.Payload[len(r.Payload)-1] ^= 1
	fresh := rpmtest.TakeApart(r.Digested()).Signature
	r = rpmtest.TakeApart(signed)
	r.Payload = bytes.Clone(r.Payload)
	r.Payload[len(r.Payload)-1] ^= 1
	for _, e := range fresh {
		if e.Tag == rpm.TagSigMD5 {
			r.Signature = rpmtest.Set(r.Signature, e)
		}
	}
	return r.Bytes()
}

func TestVerifyKindsOfKeys(t *testing.T) {
	t.Parallel()
	big, err := openpgp.NewEntity("QA", "", "qa@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoRSA, RSABits: 4096, Time: func() time.Time { return time.Unix(1767225600, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	v6, err := openpgp.NewEntity("QA", "", "qa@example.org", &packet.Config{
		V6Keys: true, Algorithm: packet.PubKeyAlgoEd25519, Time: func() time.Time { return time.Unix(1767225600, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*openpgp.Entity{
		"RSA/SHA256": big, "DSA/SHA256": newDSAKey(t), "EdDSA/SHA256": newKey(t, packet.PubKeyAlgoEdDSA),
		"ECDSA/SHA256": newKey(t, packet.PubKeyAlgoECDSA), "Ed25519/SHA256": newKey(t, packet.PubKeyAlgoEd25519),
		"Ed25519/SHA256 version 6": v6,
	} {
		algorithm, _, _ := strings.Cut(name, " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, format := range []int{4, 6} {
				signed := rpmtest.Sign(ofFormat(format), key, rpmtest.SignOptions{Legacy: true})
				v := verify(t, signed, rpm.NewKeyring(key))
				if v.SignatureStatus() != rpm.StatusOK || v.Signatures[0].Algorithm != algorithm || v.Signatures[0].Signer != "QA <qa@example.org>" {
					t.Errorf("format %d: %+v", format, v.Signatures)
				}
				if v.Signatures[0].Signature.Date.Unix() != 1767312000 || len(v.Signatures[0].KeyID) != 16 {
					t.Errorf("format %d: %+v", format, v.Signatures)
				}
				if got := verify(t, rpmtest.FlipHeader(signed), rpm.NewKeyring(key)).SignatureStatus(); got != rpm.StatusBad {
					t.Errorf("format %d, flipped: %s", format, got)
				}
			}
		})
	}
}

// TestVerifyWhatGoRPMUtilsSigns has another program sign.
func TestVerifyWhatGoRPMUtilsSigns(t *testing.T) {
	t.Parallel()
	key := newKey(t, packet.PubKeyAlgoRSA)
	for _, format := range []int{3, 4} {
		data := ofFormat(format)
		h, err := rpmutils.SignRpmStream(bytes.NewReader(data), key.PrivateKey, &rpmutils.SignatureOptions{Hash: crypto.SHA512, CreationTime: time.Unix(1767312000, 0)})
		if err != nil {
			t.Fatal(err)
		}
		start, err := h.DumpSignatureHeader(false)
		if err != nil {
			t.Fatal(err)
		}
		p, err := rpm.Read(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		v := verify(t, append(start, data[p.HeaderStart:]...), rpm.NewKeyring(key))
		if statuses(v) != "ok ok" || v.Signatures[0].Algorithm != "RSA/SHA512" {
			t.Errorf("format %d: %+v", format, v.Signatures)
		}
	}
}

// TestVerifyRepackedPayload: the digest of the unpacked payload is good for a
// package that is handed on unpacked.
func TestVerifyRepackedPayload(t *testing.T) {
	t.Parallel()
	s := rpmtest.Spec{Name: "p", Version: "1", Release: "1", Format: 6, Compressor: "zstd", Files: []rpmtest.File{{Path: "/a", Data: []byte("data")}}}
	packed := rpmtest.TakeApart(rpmtest.Build(s))
	s.Compressor = "none"
	packed.Payload = rpmtest.TakeApart(rpmtest.Build(s)).Payload
	data := packed.Bytes()
	v := verify(t, data, nil)
	if err := v.Err(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{rpm.CheckSize, rpm.CheckPayload, rpm.CheckPayloadSHA512, rpm.CheckPayloadSHA3} {
		if c := v.Check(name); c.Status != rpm.StatusOK || c.Want != c.Got {
			t.Errorf("%+v", c)
		}
	}
	if n, err := walk(t, data); n != 1 || err != nil {
		t.Errorf("%d files, %v", n, err)
	}
	if err := verify(t, rpmtest.FlipPayload(data), nil).Err(); err == nil {
		t.Error("a changed payload passes")
	}
}

// TestVerifyEmptyDigest: a digest that is there and says nothing is a bad one.
func TestVerifyEmptyDigest(t *testing.T) {
	t.Parallel()
	for name, tag := range map[string]rpm.Tag{rpm.CheckHeaderSHA256: rpm.TagSHA256Header, rpm.CheckHeaderSHA1: rpm.TagSHA1Header} {
		r := rpmtest.TakeApart(small())
		r.Signature = rpmtest.Set(r.Signature, rpmtest.Entry{Tag: tag, Type: rpm.TypeString, Count: 1, Data: []byte{0}})
		v := verify(t, r.Bytes(), nil)
		if got := v.Check(name).Status; got != rpm.StatusBad || v.Err() == nil {
			t.Errorf("%s is %s, %v", name, got, v.Err())
		}
	}
}

func TestSpliceKeepsReservedSpace(t *testing.T) {
	t.Parallel()
	key := newKey(t, packet.PubKeyAlgoRSA)
	file := []rpmtest.File{{Path: "/a", Data: []byte("data")}}
	for name, unsigned := range map[string][]byte{
		"format 3":                ofFormat(3),
		"format 4":                small(),
		"format 4, space to sign": rpmtest.Build(rpmtest.Spec{Name: "p", Version: "1", Release: "1", Reserve: 4128, Files: file}),
		"format 4, little space":  rpmtest.Build(rpmtest.Spec{Name: "p", Version: "1", Release: "1", Reserve: 3, Files: file}),
		"format 6":                ofFormat(6),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Odd lengths of the signature header make all paddings.
			for extra := range 9 {
				r := rpmtest.TakeApart(rpmtest.Sign(unsigned, key, rpmtest.SignOptions{Legacy: true}))
				r.Signature = rpmtest.Set(r.Signature, rpmtest.Strings(276, strings.Repeat("x", extra)))
				signed := r.Bytes()
				sig := rpmtest.SignatureHeader(signed)
				p, err := rpm.Read(bytes.NewReader(signed))
				if err != nil {
					t.Fatal(err)
				}
				// koji keeps the signature header with or without its padding.
				for _, cached := range [][]byte{sig, sig[:p.Signature.Size()], append(bytes.Clone(sig), "rest"...)} {
					var got bytes.Buffer
					if err := rpm.Splice(&got, bytes.NewReader(unsigned), bytes.NewReader(cached)); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got.Bytes(), signed) {
						t.Fatalf("%d bytes more: the spliced package differs from the signed one", extra)
					}
				}
				if v := verify(t, signed, rpm.NewKeyring(key)); v.Err() != nil || v.SignatureStatus() != rpm.StatusOK {
					t.Errorf("%v, %+v", v.Err(), v.Signatures)
				}
			}
		})
	}
}

func TestSpliceRefuses(t *testing.T) {
	t.Parallel()
	sig := rpmtest.SignatureHeader(small())
	for name, c := range map[string]struct{ rpm, sig []byte }{
		"no package":            {[]byte("<html>"), sig},
		"a cut package":         {small()[:150], sig},
		"no signature":          {small(), []byte("<html>                ")},
		"a cut signature":       {small(), sig[:len(sig)-30]},
		"a main header for one": {small(), small()[96+len(sig):]},
	} {
		var out bytes.Buffer
		if err := rpm.Splice(&out, bytes.NewReader(c.rpm), bytes.NewReader(c.sig)); err == nil || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, out.Len())
		}
	}
}
