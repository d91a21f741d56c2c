package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/kickstart"
)

// DefaultKickstarts is where fedora-kickstarts is served, the kickstarts that
// Fedora's spins are or were made from: {branch} is that of a release (f44; main
// for rawhide and ELN), {file} a file of it.
const DefaultKickstarts = "https://pagure.io/fedora-kickstarts/raw/{branch}/f/{file}"

// spinPattern is a file of fedora-kickstarts without its .ks, in at most one folder.
var spinPattern = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_-]{0,63}/)?[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

func spinName(spin string) string { return strings.TrimSuffix(spin, ".ks") }

// spinURL is where the kickstart of a spin is.
func (q *resolution) spinURL(spin string) string {
	branch := "f" + q.req.Release
	if q.req.Release == "rawhide" || q.req.Release == "eln" {
		branch = "main"
	}
	return strings.NewReplacer("{branch}", branch, "{file}", spinName(spin)+".ks").Replace(q.opts.Kickstarts)
}

// PlanKickstart is a file that a kickstart was put together from.
type PlanKickstart struct {
	URL    string `json:"url"`
	SHA256 string `json:"sha256"`
}

// spin reads the kickstart of a spin with everything that it includes into one
// text. The files are those of a branch, which may move between two of them: the
// Plan has the text and each file's digest.
func (q *resolution) spin(ctx context.Context, spin string) (text string, ok bool, err error) {
	start := q.spinURL(spin)
	if n, err := strconv.Atoi(q.req.Release); err == nil && n < FirstFedora {
		q.spinProblem(CodeBadKickstart, start, "There are no kickstarts of Fedora's spins for release %s.", q.req.Release)
		return "", false, nil
	}
	files := map[string]string{}
	open := func(address string) (io.ReadCloser, error) {
		data, err := q.spinFile(ctx, address)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		files[address] = hex.EncodeToString(sum[:])
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	body, err := open(start)
	if err != nil {
		return "", false, q.spinUnread(ctx, spin, start, err)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return "", false, fmt.Errorf("read kickstart: %w", err)
	}
	doc, err := kickstart.Parse(start, data, kickstart.Options{Includes: kickstart.URLIncluder(nil, open)})
	if ctx.Err() != nil {
		return "", false, upstream(ctx.Err(), "kickstart.spin")
	}
	if err != nil {
		q.badKickstart(err)
		return "", false, nil
	}
	for address, sum := range files {
		q.plan.KickstartFiles = append(q.plan.KickstartFiles, PlanKickstart{URL: address, SHA256: sum})
	}
	slices.SortFunc(q.plan.KickstartFiles, func(a, b PlanKickstart) int { return strings.Compare(a.URL, b.URL) })
	return string(doc.Flatten().Bytes()), true, nil
}

// spinFile fetches one file. What does not exist is fs.ErrNotExist.
func (q *resolution) spinFile(ctx context.Context, address string) ([]byte, error) {
	data, total, err := q.fetcher.Head(ctx, address, maxKickstart+1)
	if status, ok := errors.AsType[*fetch.StatusError](err); ok && status.Code == http.StatusNotFound {
		return nil, fmt.Errorf("%s: %w", address, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	if len(data) > maxKickstart || total > maxKickstart {
		return nil, fmt.Errorf("fetch %s: larger than %s", address, bytesText(maxKickstart))
	}
	return data, nil
}

func (q *resolution) spinProblem(code Code, file, format string, args ...any) {
	q.problem(Problem{Code: code, Field: "kickstart.spin", File: file, Sentence: fmt.Sprintf(format, args...), Remedy: "Give the kickstart as text or url."})
}

func (q *resolution) spinUnread(ctx context.Context, spin, address string, err error) error {
	switch {
	case ctx.Err() != nil:
		return upstream(ctx.Err(), "kickstart.spin")
	case errors.Is(err, fs.ErrNotExist):
		q.spinProblem(CodeBadKickstart, address, "fedora-kickstarts has no %s for release %s.", spinName(spin), q.req.Release)
	default:
		q.spinProblem(CodeBadKickstart, address, "The kickstart %s cannot be read: %s.", spinName(spin), strings.TrimSuffix(firstLine(err), "."))
	}
	return nil
}
