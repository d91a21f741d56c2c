package rpm_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func verify(t *testing.T, data []byte, ring *rpm.Keyring) *rpm.Verdict {
	t.Helper()
	v, err := rpm.Verify(bytes.NewReader(data), rpm.VerifyOptions{Keyring: ring})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerifyDigests(t *testing.T) {
	t.Parallel()
	good := small()
	const ok, bad, absent = rpm.StatusOK, rpm.StatusBad, rpm.StatusAbsent
	for name, c := range map[string]struct {
		data                              []byte
		size, md5, sha1, sha256, sha3, pl rpm.Status
	}{
		"good":            {good, ok, ok, ok, ok, absent, ok},
		"payload flipped": {rpmtest.FlipPayload(good), ok, bad, ok, ok, absent, bad},
		"header flipped":  {rpmtest.FlipHeader(good), ok, bad, bad, bad, absent, ok},
		"truncated":       {rpmtest.Truncate(good, 3), bad, bad, ok, ok, absent, bad},
		"bytes after it":  {append(bytes.Clone(good), "x"...), bad, bad, ok, ok, absent, bad},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := verify(t, c.data, nil)
			for check, want := range map[string]rpm.Status{
				rpm.CheckSize: c.size, rpm.CheckMD5: c.md5, rpm.CheckHeaderSHA1: c.sha1,
				rpm.CheckHeaderSHA256: c.sha256, rpm.CheckHeaderSHA3: c.sha3, rpm.CheckPayload: c.pl,
			} {
				if got := v.Check(check).Status; got != want {
					t.Errorf("%s is %s, want %s", check, got, want)
				}
			}
			sum := sha256.Sum256(c.data)
			if v.SHA256 != hex.EncodeToString(sum[:]) || v.Size != int64(len(c.data)) || v.Package.FileSize != v.Size {
				t.Errorf("sha256 %s, size %d", v.SHA256, v.Size)
			}
			var ve *rpm.VerifyError
			if err := v.Err(); errors.As(err, &ve) == (name == "good") {
				t.Errorf("Err is %v", err)
			}
			if v.SignatureStatus() != rpm.StatusUnsigned {
				t.Errorf("signature status %s", v.SignatureStatus())
			}
		})
	}
}

// TestVerifyRealPackages holds the verdict against rpm's, as the manifest tells it.
func TestVerifyRealPackages(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		if !s.readable() || s.facts["digests"] == "" {
			continue
		}
		t.Run(filepath.Base(s.path), func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(s.path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			v, err := rpm.Verify(f, rpm.VerifyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			v.Signatures = nil // the manifest speaks of digests
			if err := v.Err(); (err == nil) != (s.facts["digests"] == "ok") {
				t.Errorf("%v, the manifest says %s", err, s.facts["digests"])
			}
		})
	}
}

func TestVerifyReportsReaderErrors(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	_, err := rpm.Verify(io.MultiReader(bytes.NewReader(small()), iotest.ErrReader(boom)), rpm.VerifyOptions{})
	if !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

// newKey makes a key that was made on 2026-01-01.
func newKey(t *testing.T, algo packet.PublicKeyAlgorithm) *openpgp.Entity {
	t.Helper()
	curve := packet.Curve25519
	if algo == packet.PubKeyAlgoECDSA {
		curve = packet.CurveNistP256
	}
	e, err := openpgp.NewEntity("QA", "", "qa@example.org", &packet.Config{
		Algorithm: algo, RSABits: 2048, Curve: curve, Time: func() time.Time { return time.Unix(1767225600, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestVerifySignatures(t *testing.T) {
	t.Parallel()
	other := newKey(t, packet.PubKeyAlgoEdDSA)
	for name, algo := range map[string]packet.PublicKeyAlgorithm{
		"RSA": packet.PubKeyAlgoRSA, "EdDSA": packet.PubKeyAlgoEdDSA, "ECDSA": packet.PubKeyAlgoECDSA,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := newKey(t, algo)
			ring := rpm.NewKeyring(key)
			for _, legacy := range []bool{false, true} {
				signed := rpmtest.Sign(small(), key, rpmtest.SignOptions{Legacy: legacy})
				v := verify(t, signed, ring)
				want := 1
				if legacy {
					want = 2
				}
				if err := v.Err(); err != nil || v.SignatureStatus() != rpm.StatusOK || len(v.Signatures) != want {
					t.Fatalf("legacy %v: %v, %+v", legacy, err, v.Signatures)
				}
				s := v.Signatures[0]
				if !strings.EqualFold(s.KeyID, key.PrimaryKey.KeyIdString()) || s.Signer != "QA <qa@example.org>" || s.Signature.Date.Unix() != 1767312000 {
					t.Errorf("%+v", s)
				}
				if got := verify(t, signed, rpm.NewKeyring(other)).SignatureStatus(); got != rpm.StatusUnknownKey {
					t.Errorf("with another key: %s", got)
				}
				if got := verify(t, signed, nil).SignatureStatus(); got != rpm.StatusUnknownKey {
					t.Errorf("without a keyring: %s", got)
				}
				if got := verify(t, rpmtest.FlipHeader(signed), ring).SignatureStatus(); got != rpm.StatusBad {
					t.Errorf("with a changed header: %s", got)
				}
				// A header signature does not see the payload, the digest in the header does.
				v = verify(t, rpmtest.FlipPayload(signed), ring)
				if got := v.SignatureStatus(); got != rpm.StatusBad {
					t.Errorf("legacy %v, changed payload: %s", legacy, got)
				}
				if v.Err() == nil {
					t.Error("a changed payload passes")
				}
			}
		})
	}
}

func TestVerifyExpiredAndRepeatedKeys(t *testing.T) {
	t.Parallel()
	key := newKey(t, packet.PubKeyAlgoEdDSA)
	expired := newKey(t, packet.PubKeyAlgoEdDSA)
	life := uint32(3600)
	for _, id := range expired.Identities {
		id.SelfSignature.KeyLifetimeSecs = &life
	}
	at := rpmtest.SignOptions{Time: time.Unix(1767225600+60, 0)}
	if got := verify(t, rpmtest.Sign(small(), expired, at), rpm.NewKeyring(expired)); got.SignatureStatus() != rpm.StatusOK {
		t.Errorf("signed while valid: %+v", got.Signatures)
	}
	life = 30
	v := verify(t, rpmtest.Sign(small(), key, rpmtest.SignOptions{}), rpm.NewKeyring(key, key))
	if v.SignatureStatus() != rpm.StatusOK {
		t.Errorf("key twice in the ring: %+v", v.Signatures)
	}
	early := rpmtest.Sign(small(), key, rpmtest.SignOptions{})
	key.PrimaryKey.CreationTime = time.Unix(1800000000, 0)
	if v := verify(t, early, rpm.NewKeyring(key)); v.SignatureStatus() != rpm.StatusBad {
		t.Errorf("signed before the key was made: %+v", v.Signatures)
	}
}

func TestReadKeyring(t *testing.T) {
	t.Parallel()
	var bin, asc bytes.Buffer
	for range 2 {
		key := newKey(t, packet.PubKeyAlgoEdDSA)
		if err := key.Serialize(&bin); err != nil {
			t.Fatal(err)
		}
		w, err := armor.Encode(&asc, openpgp.PublicKeyType, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Serialize(w); err != nil {
			t.Fatal(err)
		}
		w.Close()
		asc.WriteString("\n")
	}
	for name, b := range map[string]*bytes.Buffer{"binary": &bin, "armored": &asc} {
		ring, err := rpm.ReadKeyring(b)
		if err != nil || ring.Len() != 2 {
			t.Errorf("%s: %d keys, %v", name, ring.Len(), err)
		}
	}
	if _, err := rpm.ReadKeyring(bytes.NewReader([]byte("no key"))); err == nil {
		t.Error("a text is read as a keyring")
	}
}

func TestSplice(t *testing.T) {
	t.Parallel()
	key := newKey(t, packet.PubKeyAlgoRSA)
	unsigned := small()
	signed := rpmtest.Sign(unsigned, key, rpmtest.SignOptions{Legacy: true})
	var got bytes.Buffer
	if err := rpm.Splice(&got, bytes.NewReader(unsigned), bytes.NewReader(rpmtest.SignatureHeader(signed))); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), signed) {
		t.Error("spliced package differs from the signed one")
	}
	var fe *rpm.FormatError
	if err := rpm.Splice(io.Discard, bytes.NewReader(unsigned), bytes.NewReader(nil)); !errors.As(err, &fe) {
		t.Errorf("empty signature: %v", err)
	}
}
