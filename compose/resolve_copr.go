package compose

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/repo"
)

// DefaultCOPR is where Fedora's COPR serves its results.
const DefaultCOPR = "https://download.copr.fedorainfracloud.org/results/"

// maxListing bounds the page that lists the chroots of a COPR project, in bytes.
const maxListing = 4 << 20

// chrootPattern finds names of chroots in the listing of a project's folder.
var chrootPattern = regexp.MustCompile(`(?:fedora|epel|centos-stream|rhel)-(?:[0-9.]+|rawhide|eln)-(?:x86_64|aarch64|ppc64le|s390x|i386)`)

// coprChroot is how COPR calls the build root of a release.
func coprChroot(release, arch string) string { return "fedora-" + release + "-" + arch }

// copr takes the RPMs of a COPR project, which are a repository for each release
// and architecture: results/OWNER/PROJECT/fedora-44-x86_64/.
func (q *resolution) copr(ctx context.Context, s *sourceRun) error {
	if q.releaseNow() == "" {
		q.problem(Problem{
			Code: CodeBadRelease, Field: "release", Remedy: "Name it with release (--release 44).",
			Sentence: fmt.Sprintf("A COPR project has packages for several releases, and nothing says which of %s are meant.", s.Value),
		})
		return nil
	}
	value, names := splitSelection(s.Value)
	owner, project, _ := strings.Cut(value, "/")
	base, err := url.Parse(q.opts.COPR)
	if err != nil {
		return fmt.Errorf("read COPR's URL: %w", err)
	}
	folder := base.JoinPath(owner, project)
	chroot := coprChroot(q.releaseNow(), q.req.Arch)
	where := folder.JoinPath(chroot).String() + "/"
	r, err := q.repos.Open(ctx, repo.Location{BaseURLs: []string{where}})
	if notThere(err) {
		return q.noChroot(ctx, s, folder.String()+"/", chroot)
	}
	if err != nil {
		return q.repoProblem(ctx, s, where, err)
	}
	return q.repoRPMs(ctx, s, r, names)
}

// noChroot tells a project that is not there from one without packages for the
// release. A server that lists no folders leaves it open.
func (q *resolution) noChroot(ctx context.Context, s *sourceRun, folder, chroot string) error {
	page, err := q.fetcher.Document(ctx, []string{folder}, maxListing, nil)
	if ctx.Err() != nil {
		return upstream(ctx.Err(), s.field)
	}
	value, _ := splitSelection(s.Value)
	p := Problem{Code: CodeChrootNotFound, Field: s.field, Remedy: "Choose a release and an architecture that the project builds for."}
	switch {
	case notThere(err):
		p.Code, p.Remedy = CodeCOPRNotFound, "Check owner and project; a group is written @group."
		p.Sentence = fmt.Sprintf("COPR has no project %s: %s does not exist.", value, folder)
	case err != nil:
		p.Sentence = fmt.Sprintf("COPR has no results of %s for %s, or no such project.", value, chroot)
	default:
		found := map[string]bool{}
		for _, name := range chrootPattern.FindAllString(string(page.Data), -1) {
			found[name] = true
		}
		p.Sentence = fmt.Sprintf("The COPR project %s has no chroot %s.", value, chroot)
		if len(found) > 0 {
			p.Sentence = fmt.Sprintf("The COPR project %s has no chroot %s; it has %s.", value, chroot, strings.Join(slices.Sorted(maps.Keys(found)), ", "))
		}
	}
	q.problem(p)
	return nil
}
