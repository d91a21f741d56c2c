package rpmtest

import (
	"bytes"
	"crypto"
	"hash"
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
}

// Sign returns the package with a header signature of the key added, in
// RSAHEADER for an RSA key and in DSAHEADER for any other, as rpmsign does. It
// panics when data is no RPM or the entity cannot sign.
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
	w := copyEntries(p.Signature, tag, legacy)
	w.bin(tag, signature(signer.PrivateKey, opts.Time, header))
	if opts.Legacy {
		w.bin(legacy, signature(signer.PrivateKey, opts.Time, header, payload))
	}
	return join(data[:96], w.bytes(rpm.TagHeaderSignatures), header, payload)
}

// SignatureHeader returns the signature header of a package alone, as Koji
// keeps it below data/sigcache. It panics when data is no RPM.
func SignatureHeader(data []byte) []byte {
	p := parse(data)
	return bytes.Clone(data[96:p.HeaderStart])
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

// copyEntries takes over a signature header that this package wrote, without
// the tags to be replaced.
func copyEntries(h *rpm.Header, without ...rpm.Tag) *headerWriter {
	w := &headerWriter{}
	for e := range h.Entries() {
		if e.Tag == rpm.TagHeaderSignatures || slices.Contains(without, e.Tag) {
			continue
		}
		switch e.Type {
		case rpm.TypeBin:
			w.bin(e.Tag, h.Bytes(e.Tag))
		case rpm.TypeString:
			s, _ := h.Text(e.Tag)
			w.text(e.Tag, s)
		case rpm.TypeInt32:
			v, _ := h.Uint(e.Tag, 0)
			w.ints(e.Tag, uint32(v))
		default:
			panic("rpmtest: a signature header of another writer")
		}
	}
	return w
}
