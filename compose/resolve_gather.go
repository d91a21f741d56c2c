package compose

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/fedora-respin/respin/compose/content"
	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/comps"
	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
)

const (
	maxSideHeaders = 2000      // RPMs of a side repo whose headers are read
	maxUnmet       = 10        // requirements that an answer names
	maxMirrors     = 5         // that a Plan names for a repository
	maxGroupText   = 256 << 10 // bytes of groups with their translations
	sideNumber     = 0         // of the side repo among those that are searched
)

// gather freezes the packages of a medium: those that are named, with their
// groups and all that they require, from the side repo first and then from the
// repositories.
func (q *resolution) gather(ctx context.Context, backend Backend) error {
	if backend == nil || len(q.problems) > 0 {
		return nil
	}
	c, _ := capability(backend, q.req.Kind, q.req.Arch, q.req.Release)
	if !c.Gathers {
		return nil
	}
	q.baseRelease()
	side, err := q.sideIndex(ctx)
	if err != nil || len(q.problems) > 0 {
		return err
	}
	all, err := q.searchable(ctx, side)
	if err != nil || all == nil {
		return err
	}
	wanted := q.toGather(all)
	chosen, err := all.Select(ctx, wanted)
	if err != nil {
		return q.gatherFailed(ctx, err)
	}
	q.unmet(chosen, wanted)
	if len(q.problems) > 0 {
		return nil
	}
	return q.takeGathered(all, chosen)
}

// baseRelease warns of an installer that is of another release than the packages:
// it may not know what they want of it.
func (q *resolution) baseRelease() {
	b := q.plan.Base
	if b == nil || b.Release == "" {
		return
	}
	was, err := strconv.Atoi(b.Release)
	is, otherErr := strconv.Atoi(q.req.Release)
	if err == nil && otherErr == nil && was != is {
		q.warn(CodeBadRelease, "base", "The base image is of release %d, and its installer would install packages of release %d.", was, is)
	}
}

// gatherFailed tells a repository that cannot be read from an end of patience.
func (q *resolution) gatherFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return upstream(ctx.Err(), "repos")
	}
	return q.repoProblem(ctx, &sourceRun{text: "repos", field: "repos"}, "the release's repositories", err)
}

// sideIndex indexes the RPMs of the side repo by their headers.
func (q *resolution) sideIndex(ctx context.Context) (*index.Index, error) {
	list := q.sorted()
	if len(list) > maxSideHeaders {
		q.problem(Problem{
			Code: CodeSourceTooLarge, Field: "sources", Remedy: "Name single builds, or the repository in repos.",
			Sentence: fmt.Sprintf("The sources stand for %d RPMs; for a %s the dependencies of at most %d are looked at.", len(list), q.req.Kind, maxSideHeaders),
		})
		return nil, nil //nolint:nilnil // the problem says it
	}
	headers := make([]*rpm.Package, len(list))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range list {
		g.Go(func() error {
			p := &list[i]
			pkg, err := q.sideHeader(gctx, p)
			if err != nil {
				return q.unreadable(gctx, remoteRPM{name: p.File, url: p.URL}, &sourceRun{text: p.From, field: "sources"}, err)
			}
			headers[i] = pkg
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err //nolint:wrapcheck // unreadable has said it
	}
	headers = slices.DeleteFunc(headers, func(p *rpm.Package) bool { return p == nil || p.Source })
	return index.FromHeaders(ctx, slices.Values(headers)) //nolint:wrapcheck // it says what it does
}

// sideHeader reads a header where it stands; signed and unsigned copies have the same.
func (q *resolution) sideHeader(ctx context.Context, p *PlanRPM) (pkg *rpm.Package, err error) {
	for _, u := range slices.Concat([]string{p.URL}, p.Mirrors, []string{p.UnsignedURL}) {
		if u == "" {
			continue
		}
		if pkg, _, err = q.readHeader(ctx, &remoteRPM{name: p.File, url: u}); err == nil {
			if got := pkg.NEVRA().String(); got != p.NEVRA {
				return nil, &noRPMError{fmt.Errorf("it is %s, not %s", got, p.NEVRA)}
			}
			return pkg, nil
		}
	}
	return nil, err
}

// searchable puts side repo and repositories together. Number sideNumber is the
// side repo, the others follow in the order of byCost.
func (q *resolution) searchable(ctx context.Context, side *index.Index) (*content.Content, error) {
	sources := make([]check.Source, len(q.opened))
	for i, r := range q.opened {
		sources[i] = check.Source{Name: q.plan.Repos[i].ID, Repo: r}
	}
	repos, err := check.Load(ctx, index.Cache{Dir: q.indexes}, sources...)
	if err != nil {
		return nil, q.gatherFailed(ctx, err)
	}
	hide(repos, side, q.plan.Repos)
	groups := make([]*comps.Comps, len(q.opened))
	for i, r := range q.opened {
		g, err := r.Comps(ctx)
		if err != nil && !errors.Is(err, repo.ErrNoData) {
			return nil, q.gatherFailed(ctx, err)
		}
		groups[i] = g
	}
	all := []check.Repo{{Name: SideRepoID, Index: side}}
	for _, i := range byCost(q.plan.Repos) {
		all = append(all, repos[i])
	}
	return content.New(q.req.Arch, all, groups...), nil
}

// hide keeps out of sight what the side repo replaces, what the request keeps out
// of a repository, and what a repository of better priority has.
func hide(repos []check.Repo, side *index.Index, plans []PlanRepo) {
	ours := map[string]bool{}
	for p := range side.Packages() {
		ours[p.Name()+"."+p.Arch()] = true
	}
	priority := func(i int) int { return cmp.Or(plans[i].Priority, 99) }
	for i := range repos {
		before, plan := repos[i].Hidden, &plans[i]
		var better []*index.Index
		for j := range repos {
			if priority(j) < priority(i) {
				better = append(better, repos[j].Index)
			}
		}
		repos[i].Hidden = func(p index.Package) bool {
			name := p.Name()
			if before != nil && before(p) || ours[name+"."+p.Arch()] || matches(plan.ExcludePkgs, name) {
				return true
			}
			if len(plan.IncludePkgs) > 0 && !matches(plan.IncludePkgs, name) {
				return true
			}
			return slices.ContainsFunc(better, func(ix *index.Index) bool {
				for range ix.Named(name) {
					return true
				}
				return false
			})
		}
	}
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return err == nil && ok
	})
}

// toGather is the request as a %packages section: what it names, what its
// kickstart names, what the side repo has, and what an installer asks for by
// itself on every machine.
func (q *resolution) toGather(all *content.Content) kickstart.Packages {
	var p kickstart.Packages
	if q.plan.Kickstart != "" {
		if doc, err := kickstart.Parse("kickstart", []byte(q.plan.Kickstart), kickstart.Options{Version: q.kickstartVersion()}); err == nil {
			p = doc.Packages()
		}
	}
	p.NoCore, p.ExcludeWeakDeps = !hasGroup(all, "core"), false
	for _, name := range q.req.Packages {
		if env, ok := strings.CutPrefix(name, "@^"); ok {
			q.gatherEnvironment(all, &p, env)
		} else if group, ok := strings.CutPrefix(name, "@"); ok {
			p.Groups = append(p.Groups, kickstart.Group{Name: group})
		} else {
			p.Packages = append(p.Packages, name)
		}
	}
	if hasGroup(all, "anaconda-tools") {
		p.Groups = append(p.Groups, kickstart.Group{Name: "anaconda-tools"})
	}
	if ok, _ := all.HasPackage("kernel"); ok {
		p.Packages = append(p.Packages, "kernel")
	}
	for _, r := range q.sorted() {
		if r.Arch != "src" {
			p.Packages = append(p.Packages, r.Name+"."+r.Arch)
		}
	}
	p.Excluded = append(p.Excluded, q.req.Exclude...)
	return p
}

// gatherEnvironment adds an environment; a kickstart knows one, a medium may hold
// many.
func (q *resolution) gatherEnvironment(all *content.Content, p *kickstart.Packages, env string) {
	if p.Environment == "" || p.Environment == env {
		p.Environment = env
		return
	}
	groups := all.EnvironmentGroups(env)
	if len(groups) == 0 {
		q.notFound("@^" + env)
	}
	for _, id := range groups {
		if hasGroup(all, id) { // an environment may name groups of another repository
			p.Groups = append(p.Groups, kickstart.Group{Name: id})
		}
	}
}

func hasGroup(all *content.Content, id string) bool {
	ok, _ := all.HasGroup(id)
	return ok && all.HasGroups()
}

// unmet says what the repositories do not have.
func (q *resolution) unmet(s *content.Selection, wanted kickstart.Packages) {
	for _, name := range s.Unknown {
		if q.ours(name) {
			continue // kept out by exclude
		}
		q.notFound(name)
	}
	for i, m := range s.Missing {
		sentence := fmt.Sprintf("Nothing provides %s, which %s requires.", clip(m.Requirement), m.By)
		if m.Excluded != "" {
			sentence = fmt.Sprintf("%s requires %s, and %s is excluded.", m.By, clip(m.Requirement), m.Excluded)
		}
		switch {
		case i >= maxUnmet:
		case q.req.Options.SkipPreflight || wanted.IgnoreBroken:
			q.warn(CodeDependencyMissing, "packages", "%s", sentence)
		default:
			q.problem(Problem{
				Code: CodeDependencyMissing, Field: "packages", Sentence: sentence,
				Remedy: "Name a source or repository that has it, or let the medium lack it with options.skip_preflight.",
			})
		}
	}
}

func (q *resolution) notFound(name string) {
	q.problem(Problem{
		Code: CodePackageNotFound, Field: "packages", Remedy: "Check the name, or name the repository that has it.",
		Sentence: fmt.Sprintf("Neither the sources nor the repositories have %s for %s.", clip(name), q.req.Arch),
	})
}

// ours tells whether the side repo has a "name.arch".
func (q *resolution) ours(name string) bool {
	return slices.ContainsFunc(q.sorted(), func(r PlanRPM) bool { return r.Name+"."+r.Arch == name })
}

// takeGathered writes the selection into the Plan.
func (q *resolution) takeGathered(all *content.Content, s *content.Selection) error {
	names := map[string]bool{}
	var total int64
	order := byCost(q.plan.Repos)
	files := map[string]string{} // to NEVRA
	for _, p := range q.sorted() {
		files[p.File] = p.NEVRA
	}
	for _, c := range s.Packages {
		names[c.Name()] = true
		if c.Repo == sideNumber {
			continue
		}
		number := order[c.Repo-1]
		sum := c.Checksum()
		one := repoPackage{
			nevra: c.NEVRA(), location: c.Location(), base: c.Base(), sumType: sum.Type, sum: sum.Value, size: c.Size(), built: c.BuildTime(),
		}
		f, err := one.remote(q.opened[number])
		if other, taken := files[one.nevra.FileName()]; err == nil && taken {
			err = fmt.Errorf("has the file name of %s", other)
		}
		files[one.nevra.FileName()] = one.nevra.String()
		if err != nil {
			q.problem(Problem{
				Code: CodeRepoInvalid, Field: fmt.Sprintf("repos[%d]", number), Remedy: "Ask whoever made the repository.",
				Sentence: fmt.Sprintf("The repository %s cannot be used: %s %s.", q.plan.Repos[number].ID, one.nevra, err),
			})
			return nil
		}
		q.plan.Gathered = append(q.plan.Gathered, PlanPackage{
			NEVRA: one.nevra.String(), Repo: number, Location: one.location, Base: one.base, Size: one.size, SHA256: f.sha256, SHA512: f.sha512,
		})
		q.plan.Epoch = max(q.plan.Epoch, one.built)
		total += one.size
	}
	if n := len(q.plan.Gathered); n > maxRPMs || total > maxTotal {
		q.problem(Problem{
			Code: CodeSourceTooLarge, Field: "packages", Remedy: "Name fewer groups.",
			Sentence: fmt.Sprintf("The packages with all that they require are %d of %s; one compose takes %d of %s.", n, bytesText(total), maxRPMs, bytesText(maxTotal)),
		})
		return nil
	}
	for i, r := range q.opened {
		q.plan.Repos[i].Mirrors = r.Mirrors[:min(len(r.Mirrors), maxMirrors)]
	}
	var err error
	q.plan.Groups, err = groupText(all.Comps().Only(q.req.Arch, func(name string) bool { return names[name] }))
	return err
}

// groupText writes groups, without their translations where those are too much
// for a Plan.
func groupText(c *comps.Comps) (string, error) {
	if len(c.Groups) == 0 {
		return "", nil
	}
	var text bytes.Buffer
	if err := c.Write(&text); err != nil || text.Len() <= maxGroupText {
		return text.String(), err
	}
	plain := func(texts ...*comps.Text) {
		for _, t := range texts {
			if *t = maps.Clone(*t); *t != nil {
				maps.DeleteFunc(*t, func(lang, _ string) bool { return lang != "" })
			}
		}
	}
	for i := range c.Groups {
		plain(&c.Groups[i].Name, &c.Groups[i].Description)
	}
	for i := range c.Environments {
		plain(&c.Environments[i].Name, &c.Environments[i].Description)
	}
	for i := range c.Categories {
		plain(&c.Categories[i].Name, &c.Categories[i].Description)
	}
	text.Reset()
	err := c.Write(&text)
	return text.String(), err
}
