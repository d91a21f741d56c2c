package compose

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose/kiwidesc"
	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/internal/limitio"
)

// UploadTar is the type of an upload that is a description's archive.
const UploadTar = "tar"

// DefaultKiwiType is kiwi's type of image for a kind; "" where kiwi makes none.
func DefaultKiwiType(kind Kind) string {
	switch kind { //nolint:exhaustive // the others are none of kiwi's
	case KindLive:
		return "iso"
	case KindDisk:
		return "oem"
	case KindTar:
		return "tbz"
	case KindOCI:
		return "oci"
	}
	return ""
}

// description reads the kiwi description and freezes its digest and what is
// chosen of it.
func (q *resolution) description(ctx context.Context) error {
	k := q.req.Options.Kiwi
	if k == nil {
		return nil
	}
	p := &PlanDescription{URL: k.Description}
	data, err := q.descriptionArchive(ctx, p)
	if err != nil || data == nil {
		return err
	}
	sum := sha256.Sum256(data)
	p.SHA256, p.Size = hex.EncodeToString(sum[:]), int64(len(data))
	if k.SHA256 != "" && k.SHA256 != p.SHA256 {
		q.badDescription("options.kiwi.sha256", "Check the sum, or the archive.", "The archive of the description has the SHA-256 sum %s where %s was given.", p.SHA256, k.SHA256)
		return nil
	}
	if k.SHA256 == "" && !strings.HasPrefix(k.Description, "upload:") {
		q.warn(CodeBadDescription, "options.kiwi.sha256", "The description is not pinned: should %s change before the build, the compose fails. Its sum is %s now.", p.URL, p.SHA256)
	}
	archive, err := kiwidesc.Open(bytes.NewReader(data))
	if err != nil {
		q.badDescription("options.kiwi.description", "Give a tar archive of the description's directory.", "The description cannot be taken: %s.", inner(err))
		return nil
	}
	q.choose(archive, p)
	return nil
}

// inner is the message of what the package of descriptions wraps.
func inner(err error) string {
	if bad, ok := errors.AsType[*kiwidesc.ArchiveError](err); ok {
		return bad.Error()
	}
	if large, ok := errors.AsType[*limitio.TooLargeError](err); ok {
		return large.Error()
	}
	return firstLine(err)
}

// choose selects what the request wants of the description.
func (q *resolution) choose(archive *kiwidesc.Archive, p *PlanDescription) {
	k := q.req.Options.Kiwi
	desc, err := archive.Description(k.File)
	if err != nil {
		q.descriptionError(err)
		return
	}
	image := cmp.Or(k.Type, DefaultKiwiType(q.req.Kind))
	selected, err := desc.Select(k.Profiles(), image, q.req.Arch)
	if err != nil {
		q.selectError(desc, image, err)
		return
	}
	p.Selection = *selected
	q.plan.Description = p
	if q.req.Release != "" && p.Release != "" && p.Release != q.req.Release && numeric(p.Release) && numeric(q.req.Release) {
		q.warn(CodeBadRelease, "release", "The description is for release %s, and the compose is for %s.", p.Release, q.req.Release)
	}
}

func numeric(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

func (q *resolution) badDescription(field, remedy, format string, args ...any) {
	q.problem(Problem{Code: CodeBadDescription, Field: field, Remedy: remedy, Sentence: fmt.Sprintf(format, args...)})
}

func (q *resolution) descriptionError(err error) {
	p := Problem{Code: CodeBadDescription, Field: "options.kiwi.description", Sentence: "The description cannot be used: " + firstLine(err) + "."}
	if bad, ok := errors.AsType[*kiwidesc.Error](err); ok {
		p.File, p.Line, p.Remedy = bad.File, bad.Line, bad.Remedy
		p.Sentence = "The description cannot be used: " + strings.TrimSuffix(bad.Reason, ".") + "."
		if bad.File != "" && bad.Line == 0 {
			p.Sentence = fmt.Sprintf("The description's %s cannot be used: %s.", clip(bad.File), strings.TrimSuffix(bad.Reason, "."))
		}
	}
	q.problem(p)
}

// selectError says which profiles or types there are instead.
func (q *resolution) selectError(desc *kiwidesc.Description, image string, err error) {
	missing, ok := errors.AsType[*kiwidesc.SelectError](err)
	if !ok {
		q.descriptionError(err)
		return
	}
	p := Problem{Code: CodeBadDescription, Field: "options.kiwi.profile", Sentence: upperFirst(firstLine(err)) + "."}
	choices := desc.Choices(image, q.req.Arch)
	if missing.What == "type" {
		p.Sentence = fmt.Sprintf("With the profiles that were chosen the description makes no %s for %s.", image, q.req.Arch)
		if q.req.Options.Kiwi.Type != "" {
			p.Field = "options.kiwi.type"
		}
	}
	if len(choices) > 0 {
		p.Remedy = fmt.Sprintf("These profiles make one: %s.", strings.Join(choices[:min(len(choices), maxProfiles)], ", "))
	}
	q.problem(p)
}

// descriptionArchive brings the bytes of the archive; nil when a problem was noted.
func (q *resolution) descriptionArchive(ctx context.Context, p *PlanDescription) ([]byte, error) {
	const field = "options.kiwi.description"
	if id, upload := strings.CutPrefix(p.URL, "upload:"); upload {
		return q.uploadedDescription(ctx, id, p)
	}
	// Not by Get, which would store whatever a server sends before its size is known.
	data, total, err := q.fetcher.Head(ctx, p.URL, kiwidesc.MaxArchive+1)
	switch {
	case err == nil && (len(data) > kiwidesc.MaxArchive || total > kiwidesc.MaxArchive):
		q.badDescription(field, "Leave out what kiwi does not need.", "The archive %s is larger than %s.", p.URL, bytesText(kiwidesc.MaxArchive))
		return nil, nil
	case err == nil:
		return data, nil
	case ctx.Err() != nil:
		return nil, upstream(ctx.Err(), field)
	}
	if refused, ok := errors.AsType[*fetch.RefusedError](err); ok {
		q.problem(Problem{
			Code: CodeURLRefused, Field: field, Remedy: "Use a public http or https address, upload the description (--kiwi DIRECTORY), or ask the operator.",
			Sentence: fmt.Sprintf("The description %s is not fetched: %s.", refused.URL, refused.Reason),
		})
		return nil, nil
	}
	if html, ok := errors.AsType[*fetch.HTMLError](err); ok {
		q.problem(Problem{Code: CodeWebPage, Field: field, Remedy: "Give the URL of the archive, as the forge's download button does.", Sentence: html.URL + " is a web page, not an archive."})
		return nil, nil
	}
	q.badDescription(field, "Check the URL.", "The description %s cannot be read: %s.", p.URL, firstLine(err))
	return nil, nil
}

func (q *resolution) uploadedDescription(ctx context.Context, id string, p *PlanDescription) ([]byte, error) {
	u, err := q.uploaded(ctx, id)
	if errors.Is(err, ErrNoUpload) || err == nil && u.Type != UploadTar {
		q.problem(Problem{
			Code: CodeUploadNotFound, Field: "options.kiwi.description", Remedy: "Upload the description (again).",
			Sentence: fmt.Sprintf("There is no uploaded description %s.", clip(id)),
		})
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(u.Path)
	if err != nil {
		return nil, fmt.Errorf("open upload: %w", err)
	}
	defer func() { _ = f.Close() }()
	data, err := limitio.ReadAll(f, kiwidesc.MaxArchive, "the uploaded description")
	if err != nil {
		return nil, fmt.Errorf("read upload: %w", err)
	}
	q.req.Options.Kiwi = cloneKiwi(q.req.Options.Kiwi, "upload:"+u.ID)
	p.URL = u.URL
	return data, nil
}

// cloneKiwi keeps the caller's request as it is.
func cloneKiwi(k *Kiwi, description string) *Kiwi {
	c := *k
	c.Description = description
	return &c
}
