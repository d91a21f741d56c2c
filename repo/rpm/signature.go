package rpm

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
)

// maxSignatures bounds the elements of OPENPGP that are looked at.
const maxSignatures = 64

// Kinds of OpenPGP signature (RFC 9580, section 5.2.1) and subpackets (5.2.3.7).
const (
	subpacketCreated     = 2
	subpacketIssuer      = 16
	subpacketFingerprint = 33
)

// signatures collects the signatures of the signature header. One that cannot
// be decoded is kept with Version 0, so that nobody takes the package for an
// unsigned one.
func (p *Package) signatures() []Signature {
	return signaturesIn(p.Signature, TagSigPGP, TagSigGPG)
}

// signaturesIn is signatures for a header that has the two old kinds as pgp and
// gpg.
func signaturesIn(h *Header, pgp, gpg Tag) []Signature {
	var sigs []Signature
	for _, tag := range []Tag{TagDSAHeader, TagRSAHeader} {
		if raw := h.Bytes(tag); raw != nil {
			sigs = append(sigs, decodeSignature(tag, raw))
		}
	}
	for s := range h.Strings(TagOpenPGP) {
		if len(sigs) >= maxSignatures {
			break
		}
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			raw = []byte(s)
		}
		// rpm 6 writes RSAHEADER or DSAHEADER beside the same packet here.
		if !containsPacket(sigs, raw) {
			sigs = append(sigs, decodeSignature(TagOpenPGP, raw))
		}
	}
	if raw := h.Bytes(pgp); raw != nil {
		sigs = append(sigs, decodeSignature(TagSigPGP, raw))
	}
	if raw := h.Bytes(gpg); raw != nil {
		sigs = append(sigs, decodeSignature(TagSigGPG, raw))
	}
	return sigs
}

func containsPacket(sigs []Signature, raw []byte) bool {
	for i := range sigs {
		if string(sigs[i].Raw) == string(raw) {
			return true
		}
	}
	return false
}

// decodeSignature reads the fields of an OpenPGP signature packet.
func decodeSignature(tag Tag, raw []byte) Signature {
	s := Signature{Tag: tag, Raw: raw, Algorithm: "unknown"}
	body, ok := packetBody(raw)
	if !ok || len(body) < 6 {
		return s
	}
	switch body[0] {
	case 2, 3:
		s.decodeV3(body)
	case 4, 6:
		s.decodeV4(body)
	}
	return s
}

// packetBody strips the packet's own header; ok is false when it is no
// signature packet or its length goes past the data.
func packetBody(raw []byte) (body []byte, ok bool) {
	if len(raw) < 2 || raw[0]&0x80 == 0 {
		return nil, false
	}
	kind, rest := raw[0]&0x3f, raw[1:]
	var n int64
	if raw[0]&0x40 == 0 { // old format
		kind = raw[0] >> 2 & 0x0f
		width := 1 << (raw[0] & 3)
		if width > 4 || len(rest) < width {
			return nil, false
		}
		for _, b := range rest[:width] {
			n = n<<8 | int64(b)
		}
		rest = rest[width:]
	} else if n, rest, ok = subpacketLength(rest); !ok {
		return nil, false
	}
	if kind != 2 || n > int64(len(rest)) {
		return nil, false
	}
	return rest[:n], true
}

// subpacketLength reads a one-, two- or five-byte length.
func subpacketLength(b []byte) (n int64, rest []byte, ok bool) {
	switch {
	case len(b) >= 1 && b[0] < 192:
		return int64(b[0]), b[1:], true
	case len(b) >= 2 && b[0] >= 192 && b[0] < 224:
		return int64(b[0]-192)<<8 + int64(b[1]) + 192, b[2:], true
	case len(b) >= 5 && b[0] == 255:
		return int64(binary.BigEndian.Uint32(b[1:])), b[5:], true
	}
	return 0, nil, false
}

func (s *Signature) decodeV3(b []byte) {
	if len(b) < 19 || b[1] != 5 {
		return
	}
	s.Version = 3
	s.Date = time.Unix(int64(binary.BigEndian.Uint32(b[3:])), 0).UTC()
	s.KeyID = hex.EncodeToString(b[7:15])
	s.Algorithm = algorithmName(b[15], b[16])
}

func (s *Signature) decodeV4(b []byte) {
	s.Algorithm = algorithmName(b[2], b[3])
	width := 2
	if b[0] == 6 {
		width = 4
	}
	rest := b[4:]
	for range 2 { // hashed, then unhashed subpackets
		if len(rest) < width {
			return
		}
		var n int64
		for _, c := range rest[:width] {
			n = n<<8 | int64(c)
		}
		rest = rest[width:]
		if n > int64(len(rest)) {
			return
		}
		s.subpackets(rest[:n])
		rest = rest[n:]
	}
	s.Version = int(b[0])
}

func (s *Signature) subpackets(b []byte) {
	for len(b) > 0 {
		n, rest, ok := subpacketLength(b)
		if !ok || n < 1 || n > int64(len(rest)) {
			return
		}
		data := rest[1:n]
		switch kind := rest[0] & 0x7f; {
		case kind == subpacketCreated && len(data) == 4 && s.Date.IsZero():
			s.Date = time.Unix(int64(binary.BigEndian.Uint32(data)), 0).UTC()
		case kind == subpacketIssuer && len(data) == 8 && s.KeyID == "":
			s.KeyID = hex.EncodeToString(data)
		case kind == subpacketFingerprint && s.KeyID == "":
			s.KeyID = keyIDOfFingerprint(data)
		}
		b = rest[n:]
	}
}

// keyIDOfFingerprint takes the end of a version 4 fingerprint and the start of
// a later one (RFC 9580, section 5.5.4).
func keyIDOfFingerprint(data []byte) string {
	switch {
	case len(data) == 21 && data[0] == 4:
		return hex.EncodeToString(data[13:])
	case len(data) == 33:
		return hex.EncodeToString(data[1:9])
	}
	return ""
}

func algorithmName(key, sum byte) string {
	name := func(names []string, b byte) string {
		if int(b) < len(names) && names[b] != "" {
			return names[b]
		}
		return strconv.Itoa(int(b))
	}
	return name([]string{
		1: "RSA", 3: "RSA", 17: "DSA", 19: "ECDSA", 22: "EdDSA", 27: "Ed25519", 28: "Ed448",
		30: "ML-DSA-65+Ed25519", 31: "ML-DSA-87+Ed448", 32: "SLH-DSA-128s", 33: "SLH-DSA-128f", 34: "SLH-DSA-256s",
	}, key) + "/" + name([]string{
		1: "MD5", 2: "SHA1", 3: "RIPEMD160", 8: "SHA256", 9: "SHA384", 10: "SHA512", 11: "SHA224", 12: "SHA3-256", 14: "SHA3-512",
	}, sum)
}
