package compose

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/fedora-respin/respin/internal/fetch"
)

// maxUnpinned bounds a file that is named by its URL alone, in bytes: it is read
// when the request is resolved, so that the Plan has its digest.
const maxUnpinned = 8 << 20

// maxMediumFiles bounds all files for the medium together, in bytes.
const maxMediumFiles = 64 << 30

// medium freezes the files that go onto the medium besides the side repo.
func (q *resolution) medium(ctx context.Context) error {
	if q.req.Kind != KindRemaster {
		return nil // a warning says that the fields are not used
	}
	var total int64
	for i := range q.req.Files {
		f, err := q.mediumFile(ctx, fmt.Sprintf("files[%d]", i), &q.req.Files[i])
		if err != nil {
			return err
		}
		total += f.Size
		q.plan.Files = append(q.plan.Files, f)
	}
	if u := q.req.UpdatesImage; u != nil {
		f, err := q.mediumFile(ctx, "updates_image", u)
		if err != nil {
			return err
		}
		f.Path = "/" + MediumUpdates
		q.plan.UpdatesImage = &f
	}
	if total > maxMediumFiles {
		q.problem(Problem{
			Code: CodeImageTooLarge, Field: "files", Remedy: "Leave some out.",
			Sentence: fmt.Sprintf("The files have %s together; at most %s go onto a medium.", bytesText(total), bytesText(maxMediumFiles)),
		})
	}
	return nil
}

// mediumFile finds one file and its digest. What is wrong with it is recorded as
// a problem.
func (q *resolution) mediumFile(ctx context.Context, field string, f *File) (PlanFile, error) {
	p := PlanFile{Path: f.Path, SHA256: f.SHA256, Executable: f.Executable}
	given := f.SHA256
	switch {
	case f.Text != "":
		sum := sha256.Sum256([]byte(f.Text))
		p.Size, p.SHA256 = int64(len(f.Text)), hex.EncodeToString(sum[:])
	case f.Upload != "":
		u, err := q.uploaded(ctx, f.Upload)
		if errors.Is(err, ErrNoUpload) {
			q.problem(Problem{Code: CodeUploadNotFound, Field: field + ".upload", Sentence: fmt.Sprintf("There is no upload %s.", clip(f.Upload)), Remedy: "Upload the file (again)."})
			return p, nil
		}
		if err != nil {
			return p, err
		}
		f.Upload = u.ID
		p.URL, p.Size, p.SHA256 = u.URL, u.Size, u.SHA256
	default:
		if err := q.remoteFile(ctx, field, f.URL, &p); err != nil {
			return p, err
		}
	}
	if given != "" && p.SHA256 != given {
		q.problem(Problem{
			Code: CodeFileAltered, Field: field + ".sha256", Remedy: "Check the sum, or the file.",
			Sentence: fmt.Sprintf("The file has the SHA-256 sum %s where %s was given.", p.SHA256, given),
		})
	}
	return p, nil
}

// remoteFile looks at the file at url, and reads it when it is small.
func (q *resolution) remoteFile(ctx context.Context, field, url string, p *PlanFile) error {
	p.URL = url
	data, total, err := q.fetcher.Head(ctx, url, maxUnpinned+1)
	if err != nil {
		return q.fileUnreadable(ctx, field, url, err)
	}
	whole := len(data) <= maxUnpinned
	switch {
	case total >= 0 && whole && total != int64(len(data)):
		q.problem(Problem{
			Code: CodeFileUnreachable, Field: field + ".url", Remedy: "Try again later.",
			Sentence: fmt.Sprintf("%s was cut off: %d of %d bytes came.", url, len(data), total),
		})
	case total > maxFile:
		q.problem(Problem{
			Code: CodeBadFile, Field: field + ".url", Remedy: "Leave it out.",
			Sentence: fmt.Sprintf("%s is larger than %s.", url, bytesText(maxFile)),
		})
	case whole:
		sum := sha256.Sum256(data)
		p.Size, p.SHA256 = int64(len(data)), hex.EncodeToString(sum[:])
	case p.SHA256 == "":
		q.problem(Problem{
			Code: CodeBadFile, Field: field + ".sha256", Remedy: "Give its sha256, or upload the file.",
			Sentence: fmt.Sprintf("%s is larger than %s, and its SHA-256 sum is not given.", url, bytesText(maxUnpinned)),
		})
	default:
		p.Size = max(total, 0)
	}
	return nil
}

func (q *resolution) fileUnreadable(ctx context.Context, field, url string, err error) error {
	if ctx.Err() != nil {
		return upstream(ctx.Err(), field+".url")
	}
	p := Problem{Code: CodeFileUnreachable, Field: field + ".url", Remedy: "Check the URL.", Sentence: fmt.Sprintf("%s cannot be read: %s.", url, firstLine(err))}
	if status, ok := errors.AsType[*fetch.StatusError](err); ok {
		p.Sentence = fmt.Sprintf("%s cannot be read: the server answers with HTTP status %d.", url, status.Code)
	}
	if html, ok := errors.AsType[*fetch.HTMLError](err); ok {
		p.Code, p.Sentence = CodeWebPage, html.URL+" is a web page, not a file."
	}
	if refused, ok := errors.AsType[*fetch.RefusedError](err); ok {
		p.Code, p.Sentence = CodeURLRefused, fmt.Sprintf("%s is not fetched: %s.", refused.URL, refused.Reason)
		p.Remedy = "Use a public http or https address, upload the file, or ask the operator."
	}
	q.problem(p)
	return nil
}
