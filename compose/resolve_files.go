package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/repo/rpm"
)

// remoteRPM is an RPM that is known by its name only, or as a repository
// describes it.
type remoteRPM struct {
	name, url string
	mirrors   []string
	size      int64 // 0: not known
	listed    bool  // somebody lists it by that name: the server has to give that
	head      int   // bytes up to the end of its header; 0: not known
	sha256    string
	sha512    string
	nevra     rpm.NEVRA // what a repository calls it; empty where none does
}

// maxFile bounds one file that a Plan may name, in bytes: what the fetcher takes.
const maxFile = 16 << 30

// headSizes are how much of an RPM is read until its header is complete. Most
// headers are smaller than the first; the kernel's modules take the second.
func headSizes() []int { return []int{128 << 10, 2 << 20, fetch.MaxHead} }

// header reads the header of a remote RPM and takes it.
func (q *resolution) header(ctx context.Context, f remoteRPM, s *sourceRun) error {
	pkg, size, err := q.readHeader(ctx, &f)
	switch {
	case err != nil:
		return q.unreadable(ctx, f, s, err)
	case size > maxFile:
		err = fmt.Errorf("it is larger than %s", bytesText(maxFile))
	case f.size > 0 && size > 0 && size != f.size:
		err = fmt.Errorf("it has %d bytes where %d are listed", size, f.size)
	}
	if err == nil && f.nevra.Name != "" && pkg.NEVRA().String() != f.nevra.String() {
		err = fmt.Errorf("it is %s, and the repository says %s", pkg.NEVRA(), f.nevra)
	}
	if err == nil && !f.listed {
		// The end of a URL is anybody's choice, and not always a file name.
		f.name = pkg.NEVRA().FileName()
	}
	if err == nil && !isPackageFile(f.name) {
		err = fmt.Errorf("it calls itself %q, which is no name of a package", clip(f.name))
	}
	if err != nil {
		q.problem(Problem{
			Code: CodeRPMUnreadable, Field: s.field, Remedy: "Check the file on the server.",
			Sentence: fmt.Sprintf("%s cannot be taken: %s.", f.url, err),
		})
		return nil
	}
	if !q.wanted(pkg.Name, pkg.Arch) {
		q.problem(Problem{
			Code: CodeNoRPMsForArch, Field: s.field, Remedy: "Choose the RPM of the wanted architecture.",
			Sentence: fmt.Sprintf("%s is for %s, and the compose is for %s.", f.name, pkg.Arch, q.req.Arch),
		})
		return nil
	}
	q.noteBranch(pkg.EVR.Release)
	p := planFile(pkg, f.name, f.url, max(size, 0), s.text)
	p.Mirrors, p.SHA256, p.SHA512 = f.mirrors, f.sha256, f.sha512
	q.takeFile(s, pkg, p)
	return nil
}

// noRPMError is a file that cannot be read as a package.
type noRPMError struct{ err error }

func (e *noRPMError) Error() string { return e.err.Error() }
func (e *noRPMError) Unwrap() error { return e.err }

// readHeader reads as much of a file as its header takes, in growing pieces.
func (q *resolution) readHeader(ctx context.Context, f *remoteRPM) (pkg *rpm.Package, size int64, err error) {
	sizes := headSizes()
	if f.head > 0 {
		sizes = append([]int{min(f.head, fetch.MaxHead)}, sizes...)
	}
	for _, n := range sizes {
		var data []byte
		if data, size, err = q.fetcher.Head(ctx, f.url, n); err != nil {
			return nil, 0, err //nolint:wrapcheck // the caller's to judge
		}
		pkg, err = rpm.Read(bytes.NewReader(data))
		if err == nil {
			return pkg, size, nil
		}
		if int64(len(data)) == size || !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
	}
	return nil, size, &noRPMError{err}
}

// takeFile takes an RPM whose header was read, signed or not as it is.
func (q *resolution) takeFile(s *sourceRun, pkg *rpm.Package, p PlanRPM) {
	p.Policy, p.Signature, p.SignedBy = s.policy, SignatureUnsigned, ""
	var others []string
	for i := range pkg.Signatures {
		id := pkg.Signatures[i].KeyID
		if p.Signature = SignatureSigned; id == "" {
			continue
		}
		if q.counts(s, id) {
			p.SignedBy = id
			break
		}
		others = append(others, id)
	}
	if s.policy == SignaturesRequire && p.SignedBy == "" {
		q.mu.Lock()
		s.missing, s.others = append(s.missing, p.File), append(s.others, others...)
		q.mu.Unlock()
		return
	}
	if p.SignedBy == "" && len(others) > 0 {
		p.SignedBy = others[0]
	}
	q.take(s, "", p)
}

// flushUnsigned makes one problem of all files that lack a signature.
func (q *resolution) flushUnsigned(s *sourceRun) {
	if len(s.missing) == 0 {
		return
	}
	slices.Sort(s.missing)
	q.unsigned(s, "The source "+s.text, s.missing, s.others)
	s.missing, s.others = nil, nil
}

func isPackageFile(name string) bool {
	_, err := rpm.ParseNEVRA(name)
	return err == nil && name == path.Base(name) && strings.HasSuffix(name, ".rpm")
}

// unreadable turns the failure to read a file into a problem of the source.
func (q *resolution) unreadable(ctx context.Context, f remoteRPM, s *sourceRun, err error) error {
	if ctx.Err() != nil {
		return upstream(ctx.Err(), s.field)
	}
	if q.notAFile(s.field, f.name, err) {
		return nil
	}
	p := Problem{Code: CodeRPMUnreadable, Field: s.field, Remedy: "Check the file on the server.", Sentence: fmt.Sprintf("%s cannot be read: %s.", f.url, firstLine(err))}
	if _, ok := errors.AsType[*noRPMError](err); ok {
		p.Sentence = fmt.Sprintf("%s is no readable RPM: %s.", f.url, firstLine(err))
	}
	if notThere(err) {
		p.Sentence = fmt.Sprintf("%s is not there (any more).", f.url)
		if s.Type == SourceTask {
			p.Code, p.Remedy = CodeTaskExpired, "Run the build again; Koji keeps the files of a task for two weeks."
		}
	}
	if refused, ok := errors.AsType[*fetch.RefusedError](err); ok {
		p.Code, p.Sentence = CodeURLRefused, fmt.Sprintf("%s is not fetched: %s.", refused.URL, refused.Reason)
		p.Remedy = "Use a public http or https address, upload the file, or ask the operator."
	}
	q.problem(p)
	return nil
}

// rpmURL takes one RPM from anywhere.
func (q *resolution) rpmURL(ctx context.Context, s *sourceRun) error {
	if !isWebURL(s.Value) {
		q.problem(Problem{
			Code: CodeURLRefused, Field: s.field, Remedy: "Give an http or https URL; respin build uploads a local file for you.",
			Sentence: fmt.Sprintf("%q is no http or https URL.", clip(s.Value)),
		})
		return nil
	}
	name := path.Base(s.Value)
	s.info.Title = name
	err := q.header(ctx, remoteRPM{name: name, url: s.Value}, s)
	q.flushUnsigned(s)
	return err
}

// upload takes an RPM that the user brought.
func (q *resolution) upload(ctx context.Context, s *sourceRun) error {
	u, err := q.uploaded(ctx, s.Value)
	if errors.Is(err, ErrNoUpload) || err == nil && u.Type != "rpm" {
		q.problem(Problem{Code: CodeUploadNotFound, Field: s.field, Sentence: fmt.Sprintf("There is no uploaded RPM %s.", s.Value), Remedy: "Upload it (again)."})
		return nil
	}
	if err != nil {
		return err
	}
	pkg, err := rpm.Open(u.Path)
	if err != nil {
		q.problem(Problem{Code: CodeRPMUnreadable, Field: s.field, Sentence: fmt.Sprintf("The upload %s is no readable RPM: %s.", u.Name, firstLine(err)), Remedy: "Upload it again."})
		return nil
	}
	s.info.Title = u.Name
	if !q.wanted(pkg.Name, pkg.Arch) {
		q.problem(Problem{
			Code: CodeNoRPMsForArch, Field: s.field, Remedy: "Upload the RPM of the wanted architecture.",
			Sentence: fmt.Sprintf("%s is for %s, and the compose is for %s.", u.Name, pkg.Arch, q.req.Arch),
		})
		return nil
	}
	q.noteBranch(pkg.EVR.Release)
	p := planFile(pkg, pkg.NEVRA().FileName(), u.URL, u.Size, s.text)
	p.SHA256 = u.SHA256
	q.takeFile(s, pkg, p)
	q.flushUnsigned(s)
	return nil
}

func (q *resolution) uploaded(ctx context.Context, id string) (Uploaded, error) {
	if q.opts.Uploads == nil {
		return Uploaded{}, ErrNoUpload
	}
	return q.opts.Uploads(ctx, id)
}
