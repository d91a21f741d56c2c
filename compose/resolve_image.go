package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/kickstart"
)

// MediumRepo is where the side repo stands on a medium, and MediumKickstart the
// kickstart. The installer mounts its medium at /run/install/repo.
const (
	MediumRepo      = "respin-repo"
	MediumKickstart = "respin.ks"
	mediumMount     = "/run/install/repo/"
	// MediumRepoName is the repository's name inside the installer.
	MediumRepoName = "respin"
)

// base finds the image that the build starts from and looks at as much of it as
// is needed to refuse a wrong one now.
func (q *resolution) base(ctx context.Context) error {
	b := q.req.Base
	if b == nil || *b == (Base{}) {
		return nil
	}
	var err error
	switch {
	case b.Upload != "":
		err = q.uploadedBase(ctx)
	case b.Compose != "":
		err = q.composeBase(ctx)
	default:
		err = q.remoteBase(ctx)
	}
	if err != nil || q.plan.Base == nil {
		return err
	}
	p := q.plan.Base
	if b.SHA256 != "" && p.SHA256 != "" && p.SHA256 != b.SHA256 {
		q.problem(Problem{
			Code: CodeBaseAltered, Field: "base.sha256", Remedy: "Check the sum, or the file.",
			Sentence: fmt.Sprintf("The base image has the SHA-256 sum %s where %s was given.", p.SHA256, b.SHA256),
		})
	}
	if p.SHA256 == "" {
		p.SHA256 = b.SHA256
	}
	if p.SHA256 == "" {
		q.warn(CodeBaseAltered, "base.sha256", "The base image is not pinned: give its sha256 so that a changed file is noticed.")
	}
	if p.Arch != "" && p.Arch != q.req.Arch {
		q.problem(Problem{
			Code: CodeBaseWrongArch, Field: "base", Remedy: "Give the image of the wanted architecture, or choose that arch.",
			Sentence: fmt.Sprintf("The base image is for %s, and the compose is for %s.", p.Arch, q.req.Arch),
		})
	}
	return nil
}

func (q *resolution) uploadedBase(ctx context.Context) error {
	u, err := q.uploaded(ctx, q.req.Base.Upload)
	if errors.Is(err, ErrNoUpload) {
		q.problem(Problem{Code: CodeUploadNotFound, Field: "base.upload", Sentence: fmt.Sprintf("There is no upload %s.", q.req.Base.Upload), Remedy: "Upload the image (again)."})
		return nil
	}
	if err != nil {
		return err
	}
	f, err := os.Open(u.Path)
	if err != nil {
		return fmt.Errorf("open upload: %w", err)
	}
	defer func() { _ = f.Close() }()
	q.req.Base.Upload = u.ID
	q.inspect(&PlanBase{URL: u.URL, SHA256: u.SHA256, Size: u.Size}, f, u.Name)
	return nil
}

func (q *resolution) composeBase(ctx context.Context) error {
	if q.opts.Composes == nil {
		q.problem(Problem{Code: CodeComposeNotFound, Field: "base.compose", Sentence: "There are no earlier composes here.", Remedy: "Name the image by its URL."})
		return nil
	}
	p, err := q.opts.Composes(ctx, q.req.Base.Compose)
	if errors.Is(err, ErrNoUpload) {
		q.problem(Problem{
			Code: CodeComposeNotFound, Field: "base.compose", Remedy: "Name one that made an ISO and has not expired.",
			Sentence: fmt.Sprintf("There is no image of a compose %s.", clip(q.req.Base.Compose)),
		})
		return nil
	}
	if err != nil {
		return err
	}
	q.plan.Base = &p
	return nil
}

// remoteBase reads the start of the image. Boot images keep their directories
// and small files in front, so this mostly tells the architecture too; where it
// does not, the build node checks again.
func (q *resolution) remoteBase(ctx context.Context) error {
	url := q.req.Base.URL
	data, total, err := q.fetcher.Head(ctx, url, 4<<20)
	if err != nil {
		return q.baseUnreadable(ctx, url, err)
	}
	if total > maxFile {
		q.problem(Problem{
			Code: CodeBaseNotISO, Field: "base.url", Remedy: "Give a boot.iso.",
			Sentence: fmt.Sprintf("The base image %s is larger than %s.", url, bytesText(maxFile)),
		})
		return nil
	}
	base := &PlanBase{URL: url, Size: max(total, 0)}
	q.inspect(base, bytes.NewReader(data), url)
	return nil
}

func (q *resolution) baseUnreadable(ctx context.Context, url string, err error) error {
	if ctx.Err() != nil {
		return upstream(ctx.Err(), "base.url")
	}
	p := Problem{Code: CodeBaseUnreachable, Field: "base.url", Remedy: "Check the URL.", Sentence: fmt.Sprintf("The base image %s cannot be read: %s.", url, firstLine(err))}
	if status, ok := errors.AsType[*fetch.StatusError](err); ok {
		p.Sentence = fmt.Sprintf("The base image %s cannot be read: the server answers with HTTP status %d.", url, status.Code)
	}
	if html, ok := errors.AsType[*fetch.HTMLError](err); ok {
		p.Code, p.Sentence = CodeBaseNotISO, fmt.Sprintf("%s is a web page, not an ISO image.", html.URL)
	}
	if refused, ok := errors.AsType[*fetch.RefusedError](err); ok {
		p.Code, p.Sentence = CodeURLRefused, fmt.Sprintf("The base image %s is not fetched: %s.", refused.URL, refused.Reason)
		p.Remedy = "Use a public http or https address, upload the image (--base-iso FILE), or ask the operator."
	}
	q.problem(p)
	return nil
}

// inspect looks at the image, or the part of it that is here, and sets the base.
func (q *resolution) inspect(base *PlanBase, r io.ReaderAt, name string) {
	size := base.Size
	if size == 0 {
		size = 1 << 50 // the server does not say; the build node will see
	}
	image, err := iso.NewImage(r, size, name)
	if err != nil {
		reason := firstLine(err)
		if not, ok := errors.AsType[*iso.NotISOError](err); ok {
			reason = not.Reason
		}
		q.problem(Problem{
			Code: CodeBaseNotISO, Field: "base", Remedy: "Give a boot.iso of Fedora's.",
			Sentence: fmt.Sprintf("%s is not an ISO 9660 image: %s.", name, strings.TrimSuffix(reason, ".")),
		})
		return
	}
	base.VolID = image.VolumeID()
	if info, err := image.Info(); err == nil {
		base.Arch = info.Arch
		if info.TreeInfo != nil {
			base.Release = clipTo(info.TreeInfo.Version, 20)
		} else if info.DiscInfo != nil {
			words := strings.Fields(info.DiscInfo.Description)
			base.Release = clipTo(strings.Join(words[max(len(words)-1, 0):], ""), 20)
		}
	}
	q.plan.Base = base
}

// kickstart freezes the kickstart's text, with the side repo in it.
func (q *resolution) kickstart(ctx context.Context) error {
	k := q.req.Kickstart
	if k == nil || *k == (Kickstart{}) {
		return nil
	}
	name, text := "kickstart", k.Text
	var err error
	ok := true
	switch {
	case k.URL != "":
		name = k.URL
		text, ok, err = q.kickstartFrom(ctx, k.URL)
	case k.Spin != "":
		name = spinName(k.Spin) + ".ks"
		text, ok, err = q.spin(ctx, k.Spin)
	}
	if err != nil || !ok {
		return err
	}
	doc, diagnostics, err := kickstart.Check(name, []byte(text), kickstart.Options{Version: q.kickstartVersion()})
	if err != nil {
		q.badKickstart(err)
		return nil
	}
	failed := false
	for _, d := range diagnostics {
		if d.Severity < kickstart.SeverityError {
			q.warn(CodeBadKickstart, "kickstart", "%s:%d: %s.", d.Pos.File, d.Pos.Line, strings.TrimSuffix(d.Message, "."))
			continue
		}
		failed = true
		q.badKickstart(d.Err())
	}
	if failed {
		return nil
	}
	if q.req.Kind == KindRemaster && len(q.rpms) > 0 {
		if err := addMediumRepo(doc); err != nil {
			return fmt.Errorf("add the side repo to the kickstart: %w", err)
		}
	}
	q.plan.Kickstart = string(doc.Bytes())
	return nil
}

// addMediumRepo makes the installer use the side repo on its own medium. Among
// equal versions the lower cost wins, so the side repo does.
func addMediumRepo(doc *kickstart.Document) error {
	repo := kickstart.Repo{Name: MediumRepoName, BaseURL: "file://" + mediumMount + MediumRepo + "/", Cost: 1}
	err := doc.AddRepo(repo)
	for n := 2; errors.Is(err, kickstart.ErrDuplicateRepo) && n < 100; n++ {
		repo.Name = MediumRepoName + "-" + strconv.Itoa(n)
		err = doc.AddRepo(repo)
	}
	return err
}

func (q *resolution) badKickstart(err error) {
	p := Problem{Code: CodeBadKickstart, Field: "kickstart", Sentence: "The kickstart has an error: " + strings.TrimSuffix(firstLine(err), ".") + ".", Remedy: "Correct it; respin kickstart validate shows all of them."}
	if parse, ok := errors.AsType[*kickstart.ParseError](err); ok {
		p.File, p.Line = parse.File, parse.Line
		p.Sentence = upperFirst(strings.TrimSuffix(firstLine(errors.New(parse.Msg)), ".")) + "."
		if parse.Remedy != "" {
			p.Remedy = upperFirst(strings.TrimSuffix(parse.Remedy, ".")) + "."
		}
	}
	q.problem(p)
}

// kickstartVersion is the syntax of the request's release, or the newest known.
func (q *resolution) kickstartVersion() kickstart.Version {
	if v, ok := kickstart.ParseVersion("F" + q.req.Release); ok {
		return v
	}
	if q.req.Release == "eln" {
		return kickstart.RHEL10
	}
	if n, err := strconv.Atoi(q.req.Release); err == nil && n < FirstFedora {
		if v, ok := kickstart.ParseVersion("RHEL" + q.req.Release); ok {
			return v
		}
	}
	newest := kickstart.F38
	for _, v := range kickstart.Versions() {
		if strings.HasPrefix(string(v), "F") && v > newest {
			newest = v
		}
	}
	return newest
}

// maxKickstart bounds a kickstart that is fetched, in bytes.
const maxKickstart = 1 << 20

func (q *resolution) kickstartFrom(ctx context.Context, url string) (text string, ok bool, err error) {
	refuse := func(code Code, format string, args ...any) {
		q.problem(Problem{Code: code, Field: "kickstart.url", Sentence: fmt.Sprintf(format, args...), Remedy: "Check the URL, or give the kickstart's text."})
	}
	// Not by Get, which would store whatever a server sends before its size is known.
	data, total, err := q.fetcher.Head(ctx, url, maxKickstart+1)
	if err != nil {
		if ctx.Err() != nil {
			return "", false, upstream(ctx.Err(), "kickstart.url")
		}
		if refused, is := errors.AsType[*fetch.RefusedError](err); is {
			refuse(CodeURLRefused, "The kickstart %s is not fetched: %s.", url, refused.Reason)
			return "", false, nil
		}
		if _, html := errors.AsType[*fetch.HTMLError](err); html {
			refuse(CodeWebPage, "%s is a web page, not a kickstart.", url)
			return "", false, nil
		}
		refuse(CodeBadKickstart, "The kickstart %s cannot be read: %s.", url, firstLine(err))
		return "", false, nil
	}
	if len(data) > maxKickstart || total > maxKickstart {
		refuse(CodeBadKickstart, "The kickstart %s is larger than %s.", url, bytesText(maxKickstart))
		return "", false, nil
	}
	if strings.HasPrefix(strings.TrimSpace(string(data)), "<") {
		refuse(CodeWebPage, "%s is a web page, not a kickstart.", url)
		return "", false, nil
	}
	return string(data), true, nil
}
