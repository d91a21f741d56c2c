package rpm

import (
	"bytes"
	"crypto"
	"crypto/dsa" //nolint:staticcheck // packages of EL 4 and 5 are signed with it; verifying only
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/big"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// signatureJob is one signature on its way to a verdict.
type signatureJob struct {
	check  SignatureCheck
	keys   []openpgp.Key
	packet *packet.Signature // nil for version 3
	v3     *signatureV3
	h      hash.Hash
}

// addSignature decodes a signature and has it see what it covers, also without
// its key: the signature begins with two bytes of the hash that was signed, so
// that damage shows.
func (d *digester) addSignature(s *Signature, ring *Keyring) {
	j := &signatureJob{check: SignatureCheck{Signature: *s, KeyID: s.KeyID, Algorithm: s.Algorithm, Date: s.Date, Covers: s.Covers()}}
	d.signatures = append(d.signatures, j)
	if s.Version == 0 {
		j.refuse(packetError(s.Raw))
		return
	}
	if j.keys = ring.find(s.KeyID); len(j.keys) > 0 {
		for name := range j.keys[0].Entity.Identities {
			j.check.Signer = max(j.check.Signer, name)
		}
	}
	if err := j.prepare(); err != nil {
		j.refuse(err)
		return
	}
	if s.HeaderOnly() {
		d.header.writeRegion(j.h)
		return
	}
	d.header.writeAll(j.h)
	d.payload = append(d.payload, j.h)
}

// refuse tells what cannot be checked here from what nobody can check.
func (j *signatureJob) refuse(err error) {
	j.check.Status, j.check.Reason = StatusBad, err.Error()
	if _, ok := errors.AsType[pgperrors.UnsupportedError](err); ok {
		j.check.Status = StatusUnsupported
	}
}

// packetError says why a signature could not be decoded.
func packetError(raw []byte) error {
	body, ok := packetBody(raw)
	if ok && len(body) > 0 && (body[0] < 2 || body[0] > 6 || body[0] == 5) {
		return pgperrors.UnsupportedError(fmt.Sprintf("signature packet of version %d", body[0]))
	}
	return errors.New("no OpenPGP signature packet")
}

// prepare decodes the packet and starts its hash.
func (j *signatureJob) prepare() (err error) {
	defer recovered(&err)
	raw := j.check.Signature.Raw
	if j.check.Signature.Version == 3 {
		if j.v3, err = parseSignatureV3(raw); err != nil {
			return err
		}
		j.h = j.v3.hash.New()
		return nil
	}
	p, err := packet.Read(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	sig, ok := p.(*packet.Signature)
	if !ok {
		return errors.New("no signature packet")
	}
	if sig.SigType != packet.SigTypeBinary {
		return fmt.Errorf("signature of type 0x%02x, wants a binary document", uint8(sig.SigType))
	}
	j.packet = sig
	j.h, err = sig.PrepareVerify()
	return err
}

func (j *signatureJob) result() SignatureCheck {
	if j.check.Status != "" {
		return j.check
	}
	if len(j.keys) == 0 {
		j.check.Status = StatusUnknownKey
		if !j.begins() {
			j.check.Status, j.check.Reason = StatusBad, "what was signed is not what is here"
		}
		return j.check
	}
	first := j.keys[0].PublicKey
	if err := j.verifyKey(first); err != nil {
		j.check.Status, j.check.Reason = StatusBad, err.Error()
		return j.check
	}
	// A keyring may hold several copies of a key, an expired and a renewed one
	// among them: one valid copy is enough.
	for i := range j.keys {
		if !bytes.Equal(j.keys[i].PublicKey.Fingerprint, first.Fingerprint) {
			continue
		}
		if j.check.Reason = invalidKey(&j.keys[i], j.check.Signature.Date); j.check.Reason == "" {
			j.check.Status = StatusOK
			return j.check
		}
	}
	j.check.Status = StatusBad
	return j.check
}

// begins tells whether the hash begins with the bytes that the signature says.
func (j *signatureJob) begins() bool {
	var suffix []byte
	var start [2]byte
	switch {
	case j.v3 != nil:
		suffix, start = j.v3.suffix, j.v3.start
	case j.packet.Version == 5: // not of RFC 9580
		return true
	default:
		suffix, start = j.packet.HashSuffix, j.packet.HashTag
	}
	_, _ = j.h.Write(suffix)
	return [2]byte(j.h.Sum(nil)) == start
}

// invalidKey returns why the key could not sign at date, or "".
func invalidKey(key *openpgp.Key, date time.Time) string {
	switch {
	case key.Revoked(date), key.Entity.Revoked(date):
		return "the key was revoked when it signed"
	case key.SelfSignature != nil && key.PublicKey.KeyExpired(key.SelfSignature, date):
		return "the key was not valid when it signed"
	case key.PublicKey.IsSubkey && key.SelfSignature != nil && key.SelfSignature.FlagsValid && !key.SelfSignature.FlagSign:
		return "the subkey is not for signing"
	}
	return ""
}

func (j *signatureJob) verifyKey(pub *packet.PublicKey) (err error) {
	defer recovered(&err)
	if j.v3 != nil {
		return j.v3.verify(pub, j.h)
	}
	// It writes to the hash, so there is one try: of two different keys with
	// one id, which only an attacker makes, the first counts.
	return pub.VerifySignature(j.h, j.packet)
}

// recovered turns a panic of the OpenPGP library on hostile input into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("verify signature: %v", r)
	}
}

// signatureV3 is the old packet that EL 5 to 7 and old SUSE packages carry and
// the library does not read (RFC 9580, section 5.2.2).
type signatureV3 struct {
	hash   crypto.Hash
	suffix []byte // hashed after the data: type and time
	start  [2]byte
	algo   byte
	mpis   [][]byte
}

func parseSignatureV3(raw []byte) (*signatureV3, error) {
	body, ok := packetBody(raw)
	if !ok || len(body) < 19 {
		return nil, io.ErrUnexpectedEOF
	}
	if body[2] != 0 {
		return nil, fmt.Errorf("signature of type 0x%02x, wants a binary document", body[2])
	}
	hashes := map[byte]crypto.Hash{1: crypto.MD5, 2: crypto.SHA1, 8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512, 11: crypto.SHA224}
	s := &signatureV3{suffix: body[2:7], algo: body[15], start: [2]byte(body[17:19])}
	if s.hash, ok = hashes[body[16]]; !ok {
		return nil, pgperrors.UnsupportedError(fmt.Sprintf("hash algorithm %d", body[16]))
	}
	for rest := body[19:]; len(rest) > 0; {
		if len(rest) < 2 {
			return nil, io.ErrUnexpectedEOF
		}
		n := (int(binary.BigEndian.Uint16(rest)) + 7) / 8
		if rest = rest[2:]; len(rest) < n {
			return nil, io.ErrUnexpectedEOF
		}
		s.mpis = append(s.mpis, rest[:n])
		rest = rest[n:]
	}
	return s, nil
}

func (s *signatureV3) verify(pub *packet.PublicKey, h hash.Hash) error {
	_, _ = h.Write(s.suffix)
	sum := h.Sum(nil)
	switch key := pub.PublicKey.(type) {
	case *rsa.PublicKey:
		if len(s.mpis) != 1 || s.algo != 1 && s.algo != 3 || len(s.mpis[0]) > key.Size() {
			return errors.New("no RSA signature")
		}
		padded := append(make([]byte, key.Size()-len(s.mpis[0])), s.mpis[0]...)
		if err := rsa.VerifyPKCS1v15(key, s.hash, sum, padded); err != nil {
			return errors.New("RSA verification failure")
		}
		return nil
	case *dsa.PublicKey:
		if len(s.mpis) != 2 || s.algo != 17 {
			return errors.New("no DSA signature")
		}
		sum = sum[:min(len(sum), (key.Q.BitLen()+7)/8)]
		if !dsa.Verify(key, sum, new(big.Int).SetBytes(s.mpis[0]), new(big.Int).SetBytes(s.mpis[1])) {
			return errors.New("DSA verification failure")
		}
		return nil
	}
	return fmt.Errorf("version 3 signature by a key of type %d", pub.PubKeyAlgo)
}
