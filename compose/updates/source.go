package updates

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"

	"github.com/fedora-respin/respin/repo/rpm"
)

// source is a package that has been verified.
type source struct {
	in      Input
	index   int // in the inputs
	nevra   string
	verdict *rpm.Verdict
	nodes   []*node // by number of the file; nil: not this package's to write
	report  *PackageReport
}

// open verifies a package. Of what it returns nothing is older than the check.
func open(ctx context.Context, index int, in Input, o rpm.VerifyOptions) (*source, error) {
	f, err := os.Open(in.Path)
	if err != nil {
		return nil, &InputError{Name: in.name(), Reason: "cannot be opened", Err: err}
	}
	defer func() { _ = f.Close() }()
	v, err := rpm.Verify(contextReader{ctx, f}, o)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("verify %s: %w", in.name(), ctx.Err())
	}
	if err != nil {
		return nil, &InputError{Name: in.name(), Reason: "is no RPM", Err: err}
	}
	if err := v.Err(); err != nil {
		return nil, &InputError{Name: in.name(), Reason: "is damaged", Err: err}
	}
	switch p := v.Package; {
	case p.Source:
		return nil, &InputError{Name: in.name(), Reason: "is a source package, which brings nothing that runs"}
	case p.PayloadFormat != "cpio" && p.FileCount() > 0:
		return nil, &InputError{Name: in.name(), Reason: fmt.Sprintf("has a payload of format %q", p.PayloadFormat)}
	}
	return &source{in: in, index: index, nevra: v.Package.NEVRA().String(), verdict: v}, nil
}

// payload opens the package again. done, called at the end of the payload, reads
// on to the end of the file and tells whether it is the one that was verified.
func (s *source) payload(ctx context.Context, maxSize int64) (y *rpm.Payload, done func() error, closer func(), err error) {
	f, err := os.Open(s.in.Path)
	if err != nil {
		return nil, nil, nil, &InputError{Name: s.in.name(), Reason: "cannot be opened", Err: err}
	}
	sum := sha256.New()
	r := io.TeeReader(contextReader{ctx, f}, sum)
	p, err := rpm.Read(r)
	if err == nil {
		y, err = p.Payload(r, rpm.PayloadOptions{MaxSize: maxSize})
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, nil, &InputError{Name: s.in.name(), Reason: "cannot be unpacked", Err: err}
	}
	return y, func() error { return s.unchanged(r, sum) }, func() { y.Close(); _ = f.Close() }, nil
}

func (s *source) unchanged(r io.Reader, sum hash.Hash) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return &InputError{Name: s.in.name(), Reason: "cannot be read", Err: err}
	}
	if hex.EncodeToString(sum.Sum(nil)) != s.verdict.SHA256 {
		return &InputError{Name: s.in.name(), Reason: "has changed while it was read"}
	}
	return nil
}

// hasScripts tells whether installing the package would run something.
func hasScripts(p *rpm.Package) bool {
	// Their texts (1023 and 1024) may be empty while a program is named.
	return slices.ContainsFunc([]rpm.Tag{
		1023, 1024, rpm.TagPreInProg, rpm.TagPostInProg, rpm.TagPreTrans, rpm.TagPostTrans, rpm.TagPreTransProg,
		rpm.TagPostTransProg, rpm.TagTriggerScripts, rpm.TagFileTriggerScripts, rpm.TagTransFileTriggerScripts,
	}, p.Header.Has)
}

// contextReader ends with ctx.
type contextReader struct {
	ctx context.Context //nolint:containedctx // it lives as long as one call
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err //nolint:wrapcheck // the caller looks at it
	}
	n, err := c.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read package: %w", err)
	}
	return n, err
}
