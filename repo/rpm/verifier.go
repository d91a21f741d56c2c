package rpm

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"github.com/fedora-respin/respin/internal/lanes"
)

// Verifier is Verify for bytes that come by and by, as from a server: they are
// written to it in their order, and Verdict judges them after the last one. It
// holds no more than the header, and is for one package.
//
//	v := rpm.NewVerifier(rpm.VerifyOptions{})
//	if _, err := io.Copy(io.MultiWriter(file, v), body); err != nil { ... }
//	verdict, err := v.Verdict()
type Verifier struct {
	opts  VerifyOptions
	head  []byte // lead and headers as far as they came; nil once they are complete
	need  int    // how long head has to be before there is something to do
	err   error
	size  int64 // bytes written
	pkg   *Package
	d     *digester
	whole lanes.Digest
	both  *lockstep // whole, the payload's digest where that is SHA-256, and MD5
}

// NewVerifier begins to verify a package.
func NewVerifier(opts VerifyOptions) *Verifier {
	return &Verifier{opts: opts, need: leadSize + introSize}
}

// Write takes the next bytes. The error is the *FormatError of what is no RPM,
// as soon as that is seen.
func (v *Verifier) Write(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	v.size += int64(len(p))
	if v.pkg != nil {
		v.payload(p)
		return len(p), nil
	}
	v.head = append(v.head, p...)
	for v.pkg == nil && len(v.head) >= v.need {
		if v.err = v.advance(); v.err != nil {
			return 0, v.err
		}
	}
	return len(p), nil
}

// advance reads what head has come to hold: a header's intro, or all headers.
func (v *Verifier) advance() error {
	if _, err := parseLead(string(v.head[:leadSize]), nil); err != nil {
		return err
	}
	at := leadSize
	for _, part := range []string{PartSignature, PartHeader} {
		l, err := v.opts.checkIntro(string(v.head[at:at+introSize]), part, int64(at))
		if err != nil {
			return err
		}
		if at += introSize + int(l.size()); part == PartHeader {
			v.need = at
			break
		}
		at += int(padding(int64(at)))
		if v.need = at + introSize; len(v.head) < v.need {
			return nil
		}
	}
	if len(v.head) < v.need {
		return nil
	}
	return v.parse()
}

// parse reads the headers and hands on what came behind them.
func (v *Verifier) parse() error {
	pkg, err := v.opts.Read(bytes.NewReader(v.head))
	if err != nil {
		return err
	}
	v.pkg, v.d = pkg, newDigester(pkg, v.opts.NoMD5)
	for i := range pkg.Signatures {
		v.d.addSignature(&pkg.Signatures[i], v.opts.Keyring)
	}
	head := v.head
	v.head = nil
	_, _ = v.whole.Write(head[:pkg.HeaderEnd])
	if payload, sigMD5 := v.d.takeLanes(pkg.Digests.PayloadAlgo); payload != nil {
		v.both = newLockstep(payload, &v.whole, sigMD5, pkg.HeaderEnd, pkg.Header.Size())
	}
	v.payload(head[pkg.HeaderEnd:])
	return nil
}

func (v *Verifier) payload(p []byte) {
	_, _ = v.d.Write(p)
	if v.both != nil {
		v.both.write(p)
		return
	}
	_, _ = v.whole.Write(p)
}

// Verdict judges the bytes written, which are the whole file: see Verify. It is
// called once.
func (v *Verifier) Verdict() (*Verdict, error) {
	if v.err == nil && v.pkg == nil {
		v.err = v.parse() // which says where the file ends too early
	}
	if v.err != nil {
		return nil, v.err
	}
	if v.both != nil {
		v.both.end()
	}
	v.pkg.FileSize = v.size
	out := &Verdict{Package: v.pkg, Size: v.size, SHA256: hexSum(pairHash{&v.whole})}
	out.Checks = append(out.Checks, sizeCheck(v.pkg, v.size-v.pkg.HeaderEnd))
	for _, c := range v.d.checks {
		out.Checks = append(out.Checks, c.result())
	}
	for _, s := range v.d.signatures {
		out.Signatures = append(out.Signatures, s.result())
	}
	out.refusePartial()
	return out, nil
}

// Sum256 is the SHA-256 of the bytes written, after Verdict.
func (v *Verifier) Sum256() (sum [sha256.Size]byte) {
	v.whole.Sum(sum[:0])
	return sum
}

// Verify reads the whole of r once and judges every digest and signature that
// the package carries about itself; sha256 and size of the file come with it.
// The error is a *FormatError for what is no RPM, or that of r; a package that
// fails its checks is no error but a Verdict (see Verdict.Err).
func Verify(r io.Reader, opts VerifyOptions) (*Verdict, error) {
	v := NewVerifier(opts)
	if _, err := io.CopyBuffer(struct{ io.Writer }{v}, struct{ io.Reader }{r}, make([]byte, 128<<10)); err != nil {
		if v.err != nil {
			return nil, v.err
		}
		return nil, fmt.Errorf("read rpm: %w", err)
	}
	return v.Verdict()
}

// takeLanes takes the payload's digest out of those that are fed one by one when
// it is SHA-256, and MD5 where it is asked for too: both gain from being computed
// beside the SHA-256 of the whole file.
func (d *digester) takeLanes(algo uint32) (payload *lanes.Digest, sigMD5 *lanes.MD5) {
	if !lanes.Accelerated() || algo != 8 {
		return nil, nil
	}
	if d.take(CheckPayload, func(hash.Hash) hash.Hash { payload = &lanes.Digest{}; return pairHash{payload} }); payload == nil {
		return nil, nil
	}
	d.take(CheckMD5, func(h hash.Hash) hash.Hash { sigMD5, _ = h.(*lanes.MD5); return h })
	return payload, sigMD5
}

// take has a check's hash, when it sees the payload, fed by others from now on.
func (d *digester) take(name string, with func(hash.Hash) hash.Hash) {
	for _, c := range d.checks {
		if c.name != name || c.want == "" {
			continue
		}
		for i, w := range d.payload {
			if w == io.Writer(c.h) {
				d.payload = append(d.payload[:i:i], d.payload[i+1:]...)
				c.h = with(c.h)
				return
			}
		}
	}
}

// pairHash is a Digest as the rest of this package wants one.
type pairHash struct{ *lanes.Digest }

func (pairHash) Size() int      { return lanes.Size }
func (pairHash) BlockSize() int { return lanes.BlockSize }

var _ hash.Hash = pairHash{}
