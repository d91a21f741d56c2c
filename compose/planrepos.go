package compose

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/repo"
)

// DefaultRepos are the repositories that an image of a release is made from
// when the request names none. Updates exist once a release is out (final);
// updates-testing is never among them by itself. Sources: the fedora-repos
// package, ODCS's latest ELN compose, and centos-stream-repos.
func DefaultRepos(release, arch string, final bool) []Repo {
	mirrors := func(id, name string) Repo {
		return Repo{ID: id, Metalink: "https://mirrors.fedoraproject.org/metalink?repo=" + name + "&arch=" + arch}
	}
	stream := func(id, path string) Repo {
		return Repo{ID: id, BaseURL: "https://mirror.stream.centos.org/" + release + "-stream/" + path + "/" + arch + "/os/"}
	}
	number, err := strconv.Atoi(release)
	switch {
	case release == "rawhide":
		return []Repo{mirrors("rawhide", "rawhide")}
	case err != nil: // eln
		const eln = "https://odcs.fedoraproject.org/composes/production/latest-Fedora-ELN/compose/"
		return []Repo{
			{ID: "eln-baseos", BaseURL: eln + "BaseOS/" + arch + "/os/"},
			{ID: "eln-appstream", BaseURL: eln + "AppStream/" + arch + "/os/"},
		}
	case number < FirstFedora:
		return []Repo{stream("baseos", "BaseOS"), stream("appstream", "AppStream")}
	case !final:
		return []Repo{mirrors("fedora", "fedora-"+release)}
	}
	return []Repo{mirrors("fedora", "fedora-"+release), mirrors("updates", "updates-released-f"+release)}
}

// installRepos freezes the repositories that the image is installed from.
func (q *resolution) installRepos(ctx context.Context, backend Backend) error {
	if backend == nil || q.req.Release == "" {
		return nil
	}
	c, ok := capability(backend, q.req.Kind, q.req.Arch, q.req.Release)
	if !ok || !slices.Contains(c.Uses, "repos") {
		return nil
	}
	release, err := q.releaseState(ctx)
	if err != nil {
		return err
	}
	repos := q.req.Repos
	// An image that is installed by a kickstart is installed from what it names, and
	// so is one of a description.
	brings := slices.Contains(c.Uses, "kickstart") && !c.Gathers || q.req.Options.Kiwi != nil && !q.req.Options.Kiwi.IgnoreRepos
	if len(repos) == 0 && !brings {
		if q.opts.Repos != nil {
			repos = q.opts.Repos(release, q.req.Arch, q.plan.Final)
		} else {
			repos = DefaultRepos(release, q.req.Arch, q.plan.Final)
		}
	}
	for i, r := range repos {
		field := fmt.Sprintf("repos[%d]", i)
		if err := q.installRepo(ctx, field, r); err != nil {
			return err
		}
		if n := len(q.plan.Repos) - 1; c.Gathers && r.GPGCheck && n >= 0 && q.plan.Repos[n].ID == r.ID {
			if err := q.repoKeys(ctx, field, &q.plan.Repos[n]); err != nil {
				return err
			}
		}
	}
	return nil
}

// releaseState says under which name the release's repositories stand, and sets
// Plan.Final: Bodhi knows which releases are out.
func (q *resolution) releaseState(ctx context.Context) (release string, err error) {
	release = q.req.Release
	number, err := strconv.Atoi(release)
	if err != nil {
		return release, nil //nolint:nilerr // rawhide and eln are never final
	}
	if number < FirstFedora {
		q.plan.Final = true
		return release, nil
	}
	known, err := q.bodhi.Release(ctx, "F"+release)
	switch {
	case errors.Is(err, bodhi.ErrNotFound):
		q.warn(CodeBadRelease, "release", "Bodhi does not know Fedora %s; it is taken for one that is not out yet, without updates.", release)
	case err != nil:
		return release, upstream(err, "release")
	case known.IsRawhide():
		release = "rawhide"
	default:
		q.plan.Final = known.State == bodhi.ReleaseCurrent || known.State == bodhi.ReleaseArchived
	}
	return release, nil
}

// installRepo opens one repository, so that a wrong one is refused now, and
// notes what it holds. Its error ends the resolution.
func (q *resolution) installRepo(ctx context.Context, field string, r Repo) error {
	vars := strings.NewReplacer("$releasever", q.req.Release, "$basearch", q.req.Arch, "$arch", q.req.Arch)
	r.BaseURL, r.Metalink, r.Mirrorlist = vars.Replace(r.BaseURL), vars.Replace(r.Metalink), vars.Replace(r.Mirrorlist)
	r.GPGKeys = slices.Clone(r.GPGKeys)
	for i := range r.GPGKeys {
		r.GPGKeys[i] = vars.Replace(r.GPGKeys[i])
	}
	location := repo.Location{Metalink: r.Metalink, Mirrorlist: r.Mirrorlist}
	if r.BaseURL != "" {
		location.BaseURLs = []string{r.BaseURL}
	}
	opened, err := q.repos.Open(ctx, location)
	if err != nil {
		where := r.BaseURL + r.Metalink + r.Mirrorlist
		return q.repoProblem(ctx, &sourceRun{text: where, field: field}, where, err)
	}
	q.opened = append(q.opened, opened)
	q.plan.Repos = append(q.plan.Repos, PlanRepo{Repo: r, RepomdSHA256: opened.RepomdChecksum.Value, Revision: opened.Repomd.Revision})
	return nil
}

// Limits of Request.Repos.
const (
	maxRepos   = 50
	maxRepoSet = 500 // names in includepkgs and in excludepkgs
	maxRepoKey = 20
	maxNumber  = 1_000_000 // of priority and cost
)

var repoIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$`)

// SideRepoID is the id of the side repo in what back ends write; "main" is the
// section of a .repo file that dnf takes for its own configuration.
const SideRepoID = "respin"

// repos checks the repositories that an image is to be made from. What they say
// ends up in .repo files and kickstarts, so nothing may begin a line of its own.
func (c *checker) repos(r *Request) {
	if len(r.Repos) > maxRepos {
		c.add(CodeInvalidRequest, "repos", "Name fewer.", "%d repositories are more than the %d that one compose takes.", len(r.Repos), maxRepos)
		return
	}
	seen := map[string]bool{"main": true, SideRepoID: true}
	for i := range r.Repos {
		one, field := &r.Repos[i], fmt.Sprintf("repos[%d]", i)
		switch {
		case !repoIDPattern.MatchString(one.ID):
			c.add(CodeInvalidRequest, field+".id", "Use up to 64 of A-Z a-z 0-9 _ . : -, with a letter or digit first.", "%q is no id of a repository.", clip(one.ID))
		case seen[one.ID]:
			c.add(CodeInvalidRequest, field+".id", "Give each repository an id of its own.", "The repository id %q is taken.", one.ID)
		}
		seen[one.ID] = true
		c.repo(one, field)
	}
}

func (c *checker) repo(r *Repo, field string) {
	if count(r.BaseURL != "", r.Metalink != "", r.Mirrorlist != "") != 1 {
		c.add(CodeInvalidRequest, field, "Give one of baseurl, metalink and mirrorlist.", "The repository %q does not say in one way where it is.", clip(r.ID))
	}
	for _, u := range append([]string{r.BaseURL, r.Metalink, r.Mirrorlist}, r.GPGKeys[:min(len(r.GPGKeys), maxRepoKey)]...) {
		if u != "" && (!isWebURL(u) || strings.ContainsAny(u, " \t\"'\\")) {
			c.add(CodeURLRefused, field, "Give a public http or https address.", "%q is no http or https URL without user and password.", clip(u))
		}
	}
	if r.Priority < 0 || r.Priority > maxNumber || r.Cost < 0 || r.Cost > maxNumber {
		c.add(CodeInvalidRequest, field, "Give small positive numbers.", "Priority or cost of the repository %q is out of bounds.", clip(r.ID))
	}
	if len(r.IncludePkgs) > maxRepoSet || len(r.ExcludePkgs) > maxRepoSet || len(r.GPGKeys) > maxRepoKey {
		c.add(CodeInvalidRequest, field, "Name fewer.", "The repository %q names too many packages or keys.", clip(r.ID))
		return
	}
	if r.GPGCheck && len(r.GPGKeys) == 0 {
		c.add(CodeInvalidRequest, field+".gpgkeys", "Name the key's URL, or leave gpgcheck out.", "The repository %q asks for signatures and names no key.", clip(r.ID))
	}
	for _, name := range slices.Concat(r.IncludePkgs, r.ExcludePkgs) {
		if !packagePattern.MatchString(name) || strings.HasPrefix(name, "@") {
			c.add(CodeBadPackage, field, "Give package names or globs.", "%q is no package name.", clip(name))
		}
	}
}
