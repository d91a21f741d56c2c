package rpmtest

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"math/big"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/fedora-respin/respin/repo/rpm"
)

// SignOptions say how Sign signs.
type SignOptions struct {
	Time time.Time // of the signature; default 2026-01-02
	// Legacy also adds the header+payload signature (SIGPGP or SIGGPG) that
	// rpm wrote before 4.14.
	Legacy bool
	// LegacyOnly adds nothing but the header+payload signature.
	LegacyOnly bool
	// Packet3 makes signature packets of version 3, as rpm 4.11 and older did;
	// for RSA keys.
	Packet3 bool
}

// Sign returns the package with a header signature of the key added, in
// RSAHEADER for an RSA key and in DSAHEADER for any other, as rpmsign does. A
// package of format 6 gets it in OPENPGP, beside those that are there, and its
// signature header keeps its size. Sign panics when data is no RPM or the
// entity cannot sign.
func Sign(data []byte, key *openpgp.Entity, opts SignOptions) []byte {
	if opts.Time.IsZero() {
		opts.Time = time.Unix(1767312000, 0)
	}
	p := parse(data)
	header := data[p.HeaderStart:p.HeaderEnd]
	payload := data[p.HeaderEnd:]
	tag, legacy := rpm.TagDSAHeader, rpm.TagSigGPG
	signer, ok := key.SigningKey(opts.Time)
	if !ok {
		panic("rpmtest: the key cannot sign")
	}
	if signer.PublicKey.PubKeyAlgo == packet.PubKeyAlgoRSA {
		tag, legacy = rpm.TagRSAHeader, rpm.TagSigPGP
	}
	sign := func(parts ...[]byte) []byte {
		if opts.Packet3 {
			return signature3(signer.PrivateKey, opts.Time, parts...)
		}
		return signature(signer.PrivateKey, opts.Time, parts...)
	}
	region := rpm.TagHeaderSignatures
	if p.Format == 3 {
		region = 0
	}
	if p.Format == 6 {
		w := &headerWriter{entriesOf(p.Signature, rpm.TagOpenPGP)}
		all := append(slices.Collect(p.Signature.Strings(rpm.TagOpenPGP)), base64.StdEncoding.EncodeToString(sign(header)))
		w.texts(rpm.TagOpenPGP, all)
		w.fill(rpm.TagSigReservedV6, int(p.Signature.Size()))
		return join(data[:96], w.sort().bytes(region), header, payload)
	}
	w := &headerWriter{entriesOf(p.Signature, tag, legacy)}
	if !opts.LegacyOnly {
		w.bin(tag, sign(header))
	}
	if opts.Legacy || opts.LegacyOnly {
		w.bin(legacy, sign(header, payload))
	}
	w.fill(rpm.TagSigReserved, int(p.Signature.Size()))
	return join(data[:96], w.sort().bytes(region), header, payload)
}

// fill gives reserved space the length with which the header has the size it
// had, so that the rest of the file need not move. Without such space, or with
// too little, nothing happens.
func (w *headerWriter) fill(tag rpm.Tag, size int) {
	for i := range w.entries {
		e := &w.entries[i]
		if e.Tag != tag {
			continue
		}
		if n := len(e.Data) - (len(w.bytes(rpm.TagHeaderSignatures)) - size); n > 0 {
			e.Data, e.Count = make([]byte, n), n
		}
	}
}

// SignatureHeader returns the signature header of a package alone, as Koji
// keeps it below data/sigcache. It panics when data is no RPM.
func SignatureHeader(data []byte) []byte {
	p := parse(data)
	return bytes.Clone(data[96:p.HeaderStart])
}

// signature3 makes the packet of RFC 4880, section 5.2.2, which no current
// tool writes.
func signature3(key *packet.PrivateKey, at time.Time, parts ...[]byte) []byte {
	priv, ok := key.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		panic("rpmtest: a signature packet of version 3 by a key that is not RSA")
	}
	suffix := binary.BigEndian.AppendUint32([]byte{0}, uint32(at.Unix()))
	h := sha256.New()
	feed(h, append(slices.Clone(parts), suffix))
	sum := h.Sum(nil)
	sig, err := rsa.SignPKCS1v15(nil, priv, crypto.SHA256, sum)
	check(err)
	body := append([]byte{3, 5}, suffix...)
	body = binary.BigEndian.AppendUint64(body, key.KeyId)
	body = append(body, byte(packet.PubKeyAlgoRSA), 8, sum[0], sum[1])
	n := new(big.Int).SetBytes(sig)
	body = binary.BigEndian.AppendUint16(body, uint16(n.BitLen()))
	body = append(body, n.Bytes()...)
	return append([]byte{0x89, byte(len(body) >> 8), byte(len(body))}, body...)
}

func signature(key *packet.PrivateKey, at time.Time, parts ...[]byte) []byte {
	fixed := false
	config := &packet.Config{
		DefaultHash: crypto.SHA256,
		Time:        func() time.Time { return at },
		// A random salt would make every build of a test package another one.
		NonDeterministicSignaturesViaNotation: &fixed,
	}
	sig := &packet.Signature{
		Version: key.Version, SigType: packet.SigTypeBinary, PubKeyAlgo: key.PubKeyAlgo,
		Hash: config.Hash(), CreationTime: at, IssuerKeyId: &key.KeyId,
	}
	h, err := sig.PrepareSign(config)
	check(err)
	feed(h, parts)
	check(sig.Sign(h, key, config))
	var b bytes.Buffer
	check(sig.Serialize(&b))
	return b.Bytes()
}

func feed(h hash.Hash, parts [][]byte) {
	for _, p := range parts {
		_, _ = h.Write(p)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
