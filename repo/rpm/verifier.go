package rpm

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"github.com/fedora-respin/respin/internal/sha256pair"
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
	whole sha256pair.Digest
	both  *lockstep // whole and the payload's digest, where that is SHA-256
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
	if payload := v.d.takePair(pkg.Digests.PayloadAlgo); payload != nil {
		v.both = newLockstep(payload, &v.whole, pkg.HeaderEnd)
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

// takePair takes the payload's digest out of those that are fed one by one when
// it is SHA-256, which gains from being computed beside that of the whole file.
func (d *digester) takePair(algo uint32) *sha256pair.Digest {
	if !sha256pair.Accelerated() || algo != 8 {
		return nil
	}
	for _, c := range d.checks {
		if c.name != CheckPayload || c.want == "" {
			continue
		}
		pair := &sha256pair.Digest{}
		for i, w := range d.payload {
			if w == io.Writer(c.h) {
				d.payload = append(d.payload[:i:i], d.payload[i+1:]...)
				c.h = pairHash{pair}
				return pair
			}
		}
	}
	return nil
}

// pairHash is a Digest as the rest of this package wants one.
type pairHash struct{ *sha256pair.Digest }

func (pairHash) Size() int      { return sha256pair.Size }
func (pairHash) BlockSize() int { return sha256pair.BlockSize }

var _ hash.Hash = pairHash{}

// lockstep computes two SHA-256 over the same bytes, the second of which has
// begun earlier, at another place within its blocks. It stays lead bytes ahead,
// so that both are at the start of a block whenever they go on together.
type lockstep struct {
	payload, whole *sha256pair.Digest
	lead           int    // bytes that whole is ahead of payload
	ahead          bool   // it is
	rest           []byte // seen by neither, or the first lead bytes by whole
}

func newLockstep(payload, whole *sha256pair.Digest, offset int64) *lockstep {
	const block = sha256pair.BlockSize
	l := &lockstep{payload: payload, whole: whole, lead: int((block - offset%block) % block), rest: make([]byte, 0, 4*block)}
	l.ahead = l.lead == 0
	return l
}

func (l *lockstep) write(p []byte) {
	const block = sha256pair.BlockSize
	if len(l.rest) > 0 {
		// As much of p as completes the blocks that rest has begun.
		blocks := (len(l.rest) + block - 1) / block
		n := min(blocks*block+l.lead-len(l.rest), len(p))
		from := len(l.rest)
		l.rest = append(l.rest, p[:n]...)
		done := l.both(l.rest)
		if done < from {
			l.rest = append(l.rest[:0], l.rest[done:]...)
			return
		}
		l.rest = l.rest[:0]
		p = p[done-from:]
	}
	done := l.both(p)
	l.rest = append(l.rest, p[done:]...)
}

// both feeds as many whole blocks as there are for the two and returns how many
// bytes payload has taken.
func (l *lockstep) both(p []byte) int {
	const block = sha256pair.BlockSize
	if len(p) < l.lead {
		return 0
	}
	if !l.ahead {
		_, _ = l.whole.Write(p[:l.lead])
		l.ahead = true
	}
	n := (len(p) - l.lead) / block * block
	sha256pair.Write(l.payload, l.whole, p[:n], p[l.lead:l.lead+n])
	return n
}

// end feeds what fills no block.
func (l *lockstep) end() {
	_, _ = l.payload.Write(l.rest)
	if l.ahead {
		_, _ = l.whole.Write(l.rest[l.lead:])
	} else {
		_, _ = l.whole.Write(l.rest)
	}
	l.rest = nil
}
