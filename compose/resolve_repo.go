package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/internal/typo"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/mdxml"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Bounds of a repository that is a source. primary.xml of all of Fedora has 20
// MB, and 250 MB unpacked.
const (
	maxPrimary     = 256 << 20 // bytes as stored
	maxPrimaryOpen = 2 << 30   // bytes unpacked
	maxRepoNames   = 200_000   // names kept for suggestions
	// maxRepoHeaders is up to how many RPMs have their headers read, which tells
	// who signed them; those of more are read when they are fetched.
	maxRepoHeaders = 200
)

// repoURL takes the RPMs of a repository, or those of the names after #.
func (q *resolution) repoURL(ctx context.Context, s *sourceRun) error {
	where, names := splitSelection(s.Value)
	where = strings.NewReplacer("$releasever", q.releaseNow(), "$basearch", q.req.Arch, "$arch", q.req.Arch).Replace(where)
	if strings.Contains(s.Value, "$releasever") && q.releaseNow() == "" {
		q.problem(Problem{
			Code: CodeBadRelease, Field: "release", Remedy: "Name it with release (--release 44), or write the URL out.",
			Sentence: fmt.Sprintf("The URL of %s depends on the release, which nothing says.", s.text),
		})
		return nil
	}
	r, err := q.repos.Open(ctx, repo.LocationOf(where))
	if err != nil {
		return q.repoProblem(ctx, s, where, err)
	}
	return q.repoRPMs(ctx, s, r, names)
}

// repoProblem says why a repository cannot be read. Its error ends the resolution.
func (q *resolution) repoProblem(ctx context.Context, s *sourceRun, where string, err error) error {
	if ctx.Err() != nil {
		return upstream(ctx.Err(), s.field)
	}
	p := Problem{Code: CodeRepoInvalid, Field: s.field, Remedy: "Check the URL: it is the folder that has repodata in it."}
	refused, isRefused := errors.AsType[*fetch.RefusedError](err)
	page, isPage := errors.AsType[*fetch.HTMLError](err)
	status, hasStatus := errors.AsType[*repo.StatusError](err)
	switch {
	case isRefused:
		p.Code, p.Remedy = CodeURLRefused, "Use a public http or https address, or ask the operator."
		p.Sentence = fmt.Sprintf("%s is not fetched: %s.", refused.URL, refused.Reason)
	case isPage:
		p.Sentence = fmt.Sprintf("%s is no repository: a web page came instead of %s.", where, page.URL)
	case notThere(err):
		p.Code, p.Sentence = CodeRepoNotFound, fmt.Sprintf("There is no repository at %s: %s does not exist.", where, status.URL)
	case errors.Is(err, repo.ErrUnreachable):
		p.Code, p.Remedy = CodeRepoUnreachable, "Try again later, or check the address."
		p.Sentence = fmt.Sprintf("The repository %s does not answer: %s.", where, firstLine(err))
	case hasStatus:
		p.Sentence = fmt.Sprintf("The repository %s cannot be read: %s was answered with HTTP status %d.", where, status.URL, status.Status)
	default:
		p.Sentence = fmt.Sprintf("The repository %s cannot be read: %s.", where, firstLine(err))
	}
	q.problem(p)
	return nil
}

// repoPackage is what is kept of a package of a repository.
type repoPackage struct {
	nevra          rpm.NEVRA
	location, base string
	sumType, sum   string
	size           int64
	head           int
	built          int64
}

// selection collects the wanted packages of a repository, within bounds.
type selection struct {
	q       *resolution
	names   map[string]bool // wanted; nil: all. True once one was found
	arches  map[string][]string
	all     map[string]bool // names in the repository, for suggestions
	chosen  []repoPackage
	total   int64
	packets int // packages seen
}

var errTooMuch = errors.New("more than one compose takes")

func (c *selection) see(p *mdxml.Package) error {
	c.packets++
	name, arch := string(p.Name), string(p.Arch)
	if c.names != nil {
		if len(c.all) < maxRepoNames {
			c.all[name] = true
		}
		if _, asked := c.names[name]; !asked {
			return nil
		}
		if !slices.Contains(c.arches[name], arch) && len(c.arches[name]) < 20 {
			c.arches[name] = append(c.arches[name], arch)
		}
	}
	if !c.q.wanted(name, arch) {
		return nil
	}
	if c.names != nil {
		c.names[name] = true
	}
	c.chosen = append(c.chosen, repoPackage{
		nevra: rpm.NEVRA{Name: name, EVR: p.EVR.EVR(), Arch: arch}, location: string(p.Location), base: string(p.Base),
		sumType: string(p.ChecksumType), sum: string(p.Checksum), size: p.Size, head: int(min(max(p.HeaderEnd, 0), fetch.MaxHead)), built: p.BuildTime,
	})
	if c.total += max(p.Size, 0); len(c.chosen) > maxRPMs || c.total > maxTotal {
		return errTooMuch
	}
	return nil
}

// repoRPMs takes the packages of an opened repository.
func (q *resolution) repoRPMs(ctx context.Context, s *sourceRun, r *repo.Repo, names []string) error {
	s.info.Repo = &PlanRepo{Repo: Repo{BaseURL: r.URL}, RepomdSHA256: r.RepomdChecksum.Value, Revision: r.Repomd.Revision}
	c := &selection{q: q, arches: map[string][]string{}, all: map[string]bool{}}
	if len(names) > 0 {
		c.names = map[string]bool{}
		for _, n := range names {
			c.names[n] = false
		}
	}
	err := readPrimary(ctx, r, c.see)
	if errors.Is(err, errTooMuch) {
		q.problem(Problem{
			Code: CodeSourceTooLarge, Field: s.field, Remedy: "Name the packages that are wanted: " + strings.SplitN(s.text, "#", 2)[0] + "#name,name.",
			Sentence: fmt.Sprintf("The repository %s has more than %d RPMs or %s for %s; one compose takes no more.", r.URL, maxRPMs, bytesText(maxTotal), q.req.Arch),
		})
		return nil
	}
	if err != nil {
		return q.repoProblem(ctx, s, r.URL, err)
	}
	if !q.complete(s, r, c, names) {
		return nil
	}
	s.info.Title = fmt.Sprintf("%d of %d packages of %s", len(c.chosen), c.packets, r.URL)
	return q.takeRepo(ctx, s, r, c.chosen)
}

// readPrimary reads primary.xml to its end: before that nothing in it is proven.
func readPrimary(ctx context.Context, r *repo.Repo, each func(*mdxml.Package) error) error {
	if d := r.Repomd.Find("primary"); d != nil && (d.Size > maxPrimary || d.OpenSize > maxPrimaryOpen) {
		return errTooMuch
	}
	in, err := r.Stream(ctx, "primary")
	if err != nil {
		return err //nolint:wrapcheck // the caller names the repository
	}
	defer in.Close() //nolint:errcheck // opened for reading
	bounded := io.LimitReader(in, maxPrimaryOpen)
	err = mdxml.ReadPrimary(bounded, each)
	if err == nil {
		_, err = io.Copy(io.Discard, bounded)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err() //nolint:wrapcheck // the caller names the repository
	}
	return err //nolint:wrapcheck // the caller names the repository
}

// complete tells whether everything that was named was found.
func (q *resolution) complete(s *sourceRun, r *repo.Repo, c *selection, names []string) bool {
	ok := true
	for _, name := range names {
		if c.names[name] {
			continue
		}
		ok = false
		p := Problem{Code: CodePackageNotFound, Field: s.field, Remedy: "Check the name.", Sentence: fmt.Sprintf("The repository %s has no package %s.", r.URL, name)}
		if arches := c.arches[name]; len(arches) > 0 {
			slices.Sort(arches)
			p.Code, p.Remedy = CodeNoRPMsForArch, "Choose an architecture that it has the package for."
			p.Sentence = fmt.Sprintf("The repository %s has %s for %s, not for %s.", r.URL, name, strings.Join(arches, ", "), q.req.Arch)
		} else if near := typo.Closest(name, slices.Sorted(maps.Keys(c.all))); near != "" {
			p.Remedy = fmt.Sprintf("Did you mean %s?", near)
		}
		q.problem(p)
	}
	if ok && len(c.chosen) == 0 {
		ok = false
		q.problem(Problem{
			Code: CodeNoRPMsForArch, Field: s.field, Remedy: "Choose an architecture that the repository is for.",
			Sentence: fmt.Sprintf("The repository %s has no RPM for %s among its %d packages.", r.URL, q.req.Arch, c.packets),
		})
	}
	return ok
}

// takeRepo takes the chosen packages; of a moderate number the headers are read,
// which say who signed them.
func (q *resolution) takeRepo(ctx context.Context, s *sourceRun, r *repo.Repo, list []repoPackage) error {
	files := make([]remoteRPM, 0, len(list))
	for i := range list {
		f, err := list[i].remote(r)
		if err != nil {
			q.problem(Problem{
				Code: CodeRepoInvalid, Field: s.field, Remedy: "Ask whoever made the repository.",
				Sentence: fmt.Sprintf("The repository %s cannot be used: %s %s.", r.URL, list[i].nevra, err),
			})
			return nil
		}
		files = append(files, f)
	}
	if len(files) <= maxRepoHeaders {
		return q.headers(ctx, files, s)
	}
	for i := range files {
		f := &files[i]
		q.noteBranch(f.nevra.EVR.Release)
		q.take(s, "", PlanRPM{
			NEVRA: f.nevra.String(), Name: f.nevra.Name, Arch: f.nevra.Arch, File: f.name, URL: f.url, Mirrors: f.mirrors, Size: f.size,
			SHA256: f.sha256, SHA512: f.sha512, Signature: SignatureUnread, Policy: s.policy, BuildTime: list[i].built, From: s.text,
		})
	}
	return nil
}

// remote says where the package is and what it must be.
func (p *repoPackage) remote(r *repo.Repo) (remoteRPM, error) {
	f := remoteRPM{name: path.Base(p.location), size: p.size, head: p.head, listed: true, nevra: p.nevra}
	switch sum := strings.ToLower(p.sum); {
	case p.sumType == "sha256" && len(sum) == 64:
		f.sha256 = sum
	case p.sumType == "sha512" && len(sum) == 128:
		f.sha512 = sum
	default:
		return f, fmt.Errorf("is described by a checksum of type %s; only sha256 and sha512 prove what comes", clip(p.sumType))
	}
	if !isPackageFile(f.name) || !filepath.IsLocal(filepath.FromSlash(p.location)) || strings.Contains(p.location, `\`) {
		return f, fmt.Errorf("stands at %q, which is no place of a package in a repository", clip(p.location))
	}
	if p.size <= 0 || p.size > maxFile {
		return f, fmt.Errorf("has %d bytes; one file may have %s", p.size, bytesText(maxFile))
	}
	bases := r.Mirrors
	if p.base != "" {
		if !isWebURL(p.base) {
			return f, fmt.Errorf("stands below %q, which is no http or https URL", clip(p.base))
		}
		bases = []string{p.base}
	}
	for _, base := range bases {
		u, err := url.Parse(base)
		if err != nil {
			return f, fmt.Errorf("stands below %q, which is no URL", clip(base))
		}
		f.mirrors = append(f.mirrors, u.JoinPath(strings.Split(p.location, "/")...).String())
	}
	f.url, f.mirrors = f.mirrors[0], f.mirrors[1:]
	return f, nil
}
