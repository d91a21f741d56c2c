package rpm

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"strconv"

	"github.com/fedora-respin/respin/internal/lanes"
)

// VerifyOptions are the bounds and the trust of Verify. The zero value checks
// digests and reports every signature as one of an unknown key.
type VerifyOptions struct {
	Options
	Keyring *Keyring
	// NoMD5 leaves SIGMD5 alone where SHA-256 or better covers header and
	// payload. MD5 costs more than all the rest, and adds nothing for who knows
	// the file by another digest already.
	NoMD5 bool
}

// digester feeds the payload to whatever must see it.
type digester struct {
	checks     []*digestCheck
	signatures []*signatureJob
	header     *Header
	payload    []io.Writer
}

func (d *digester) Write(b []byte) (int, error) {
	for _, w := range d.payload {
		_, _ = w.Write(b)
	}
	return len(b), nil
}

// digestCheck compares one digest; h is nil when the algorithm is not known.
// alt is another digest that will do: a package may be handed on with its
// payload unpacked, or packed again, and the header has the digests of both.
type digestCheck struct {
	name, want, alt string
	h               hash.Hash
	skipped         bool
}

func (c *digestCheck) result() Check {
	r := Check{Name: c.name, Want: c.want}
	switch {
	case c.want == "":
		r.Status = StatusAbsent
	case c.skipped:
		r.Status = StatusSkipped
	case c.h == nil:
		r.Status = StatusUnsupported
	default:
		r.Got = hexSum(c.h)
		r.Status = StatusBad
		switch r.Got {
		case c.want:
			r.Status = StatusOK
		case c.alt:
			r.Want, r.Status = c.alt, StatusOK
		}
	}
	return r
}

func newDigester(p *Package, noMD5 bool) *digester {
	d := &digester{header: p.Header}
	g := &p.Digests
	s := p.Signature
	if h := d.add(CheckMD5, present(s, TagSigMD5, g.SigMD5), "", lanes.NewMD5()); h != nil {
		if noMD5 && g.strong() {
			d.checks[0].skipped = true
		} else {
			p.Header.writeAll(h)
			d.payload = append(d.payload, h)
		}
	}
	for _, c := range []struct {
		name, want string
		h          hash.Hash
	}{
		{CheckHeaderSHA1, present(s, TagSHA1Header, g.HeaderSHA1), sha1.New()},
		{CheckHeaderSHA256, present(s, TagSHA256Header, g.HeaderSHA256), sha256.New()},
		{CheckHeaderSHA3, present(s, TagSHA3Header, g.HeaderSHA3), sha3.New256()},
	} {
		if h := d.add(c.name, c.want, "", c.h); h != nil {
			p.Header.writeRegion(h)
		}
	}
	for _, c := range []struct {
		name, want, alt string
		h               hash.Hash
	}{
		{CheckPayload, present(p.Header, TagPayloadDigest, g.Payload), g.PayloadAlt, NewHash(g.PayloadAlgo)},
		{CheckPayloadSHA512, present(p.Header, TagPayloadSHA512, g.PayloadSHA512), g.PayloadSHA512Alt, sha512.New()},
		{CheckPayloadSHA3, present(p.Header, TagPayloadSHA3, g.PayloadSHA3), g.PayloadSHA3Alt, sha3.New256()},
	} {
		if h := d.add(c.name, c.want, c.alt, c.h); h != nil {
			d.payload = append(d.payload, h)
		}
	}
	return d
}

// strong tells whether digests that nobody can forge cover header and payload.
func (g *Digests) strong() bool {
	return (g.HeaderSHA256 != "" || g.HeaderSHA3 != "") &&
		(g.Payload != "" && g.PayloadAlgo >= 8 && NewHash(g.PayloadAlgo) != nil || g.PayloadSHA512 != "" || g.PayloadSHA3 != "")
}

// present tells an empty digest, which is a bad one, from an absent one.
func present(h *Header, tag Tag, digest string) string {
	if digest == "" && h.Has(tag) {
		return "nothing"
	}
	return digest
}

// add registers a check and returns its hash when there is something to hash.
func (d *digester) add(name, want, alt string, h hash.Hash) hash.Hash {
	d.checks = append(d.checks, &digestCheck{name: name, want: want, alt: alt, h: h})
	if want == "" {
		return nil
	}
	return h
}

// NewHash returns the hash of an OpenPGP number (RFC 9580, 9.5), by which headers
// name the algorithm of payload and file digests; nil for one not known.
func NewHash(algo uint32) hash.Hash {
	switch algo {
	case 1:
		return md5.New()
	case 2:
		return sha1.New()
	case 8:
		return sha256.New()
	case 9:
		return sha512.New384()
	case 10:
		return sha512.New()
	case 11:
		return sha256.New224()
	case 12:
		return sha3.New256()
	case 14:
		return sha3.New512()
	}
	return nil
}

// sizeCheck compares the bytes read with what the package says of itself.
func sizeCheck(p *Package, payload int64) Check {
	c := Check{Name: CheckSize, Status: StatusAbsent}
	g := &p.Digests
	var want uint64
	var got int64
	switch {
	case g.SignedSize != 0:
		want, got = g.SignedSize, p.Header.Size()+payload
	case g.PayloadSize != 0 && g.PayloadSizeAlt == uint64(payload):
		want, got = g.PayloadSizeAlt, payload
	case g.PayloadSize != 0:
		want, got = g.PayloadSize, payload
	default:
		return c
	}
	c.Want, c.Got, c.Status = strconv.FormatUint(want, 10), strconv.FormatInt(got, 10), StatusBad
	if want == uint64(got) {
		c.Status = StatusOK
	}
	return c
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
