package proof

import (
	"cmp"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Verdict says whether an image ships what was wanted, in the words of the
// package report.
type Verdict string

// The verdicts.
const (
	Included     Verdict = "included"
	Older        Verdict = "older"
	Newer        Verdict = "newer"
	Missing      Verdict = "missing"
	NotInstalled Verdict = "not-installed"
)

// Want is an RPM that an image is to ship.
type Want struct {
	rpm.NEVRA
	SigMD5, HeaderSHA256 string // lower-case hexadecimal; "" when not known
	// Named says that the package itself was asked for. One that was only
	// offered, in a side repo, may stay out without anything being wrong.
	Named bool
	From  string // id of the repository that offers it; "" when not known
}

// Repo is a repository that the image was made from, for the reason of a
// verdict.
type Repo struct {
	ID       string
	Priority int      // dnf's: the lower wins; 0 stands for its default, 99
	Excludes []string // globs of excludepkgs
	Includes []string // globs of includepkgs; empty: everything
	// Named yields what the repository has by a name; nil when nobody knows.
	Named func(name string) iter.Seq[rpm.NEVRA]
}

// JudgeOptions are what a verdict may be explained by.
type JudgeOptions struct {
	Repos []Repo
}

// Entry is the verdict on one Want.
type Entry struct {
	Want
	Verdict  Verdict
	Shipped  string   // [epoch:]version-release that the image has; "" without any
	System   string   // path of the system that has it
	Repo     string   // id of the repository that the shipped one came from; "" when not known
	Evidence Evidence // of Shipped
	Reason   string   // a sentence; "" for what is included by its digest
}

// found is a package and where it is.
type found struct {
	*Package
	system *System
}

// named returns every package of a name in any system.
func (c *Contents) named(name string) (list []found) {
	for i := range c.Systems {
		s := &c.Systems[i]
		at, ok := slices.BinarySearchFunc(s.Packages, name, func(p Package, name string) int { return cmp.Compare(p.Name, name) })
		for ; ok && at < len(s.Packages) && s.Packages[at].Name == name; at++ {
			list = append(list, found{&s.Packages[at], s})
		}
	}
	return list
}

// Judge gives a verdict on each of the wants, in their order.
func (c *Contents) Judge(wants []Want, o JudgeOptions) []Entry {
	list := make([]Entry, len(wants))
	for i, w := range wants {
		list[i] = c.judge(w, o)
	}
	return list
}

func (c *Contents) judge(w Want, o JudgeOptions) Entry {
	e := Entry{Want: w, Verdict: NotInstalled, Reason: "Nothing in the package set needs it."}
	if w.Named {
		e.Verdict, e.Reason = Missing, "It was asked for by name and is not in the image."
	}
	if w.Arch == "src" || w.Arch == "nosrc" {
		e.Reason = "Source packages are never installed."
		return e
	}
	all := c.named(w.Name)
	same := slices.DeleteFunc(slices.Clone(all), func(f found) bool { return f.Arch != w.Arch })
	if len(same) == 0 {
		if len(all) == 0 {
			return e
		}
		// An architecture may change to noarch and back between two builds; a
		// multilib twin is another package.
		if same = slices.DeleteFunc(slices.Clone(all), func(f found) bool { return f.Arch != "noarch" && w.Arch != "noarch" }); len(same) == 0 {
			e.Reason = fmt.Sprintf("The image has it for %s only.", all[0].Arch)
			return e
		}
	}
	best := same[0]
	for _, f := range same {
		switch {
		case f.equal(w): // one of several, as of kernels
			best = f
		case !best.equal(w) && f.EVR.Compare(best.EVR) > 0:
			best = f
		}
	}
	e.Shipped, e.System, e.Evidence = best.EVR.String(), best.system.Path, best.evidence()
	switch d := best.difference(w); {
	case d < 0:
		e.Verdict = Older
	case d > 0:
		e.Verdict = Newer
	default:
		e.Verdict, e.Evidence, e.Reason = best.same(w)
	}
	e.Repo = o.origin(best.NEVRA)
	if e.Verdict == Older || e.Verdict == Newer {
		e.Reason = o.why(w, best.NEVRA, e.Repo)
	}
	return e
}

func (f found) evidence() Evidence {
	if f.system.Database == "" {
		return ByList
	}
	return ByVersion
}

// difference compares versions. A list has no epochs, so that none are compared
// with it.
func (f found) difference(w Want) int {
	want := w.EVR
	if f.system.Database == "" && !f.EVR.HasEpoch {
		want.Epoch, want.HasEpoch = 0, false
	}
	return f.EVR.Compare(want)
}

func (f found) equal(w Want) bool { return f.Arch == w.Arch && f.difference(w) == 0 }

// same judges a package of the wanted version by its digest.
func (f found) same(w Want) (Verdict, Evidence, string) {
	switch {
	case f.Arch != w.Arch:
		return Missing, ByVersion, fmt.Sprintf("The version is there, but for %s: it is another build of it.", f.Arch)
	case f.HeaderStatus == rpm.StatusBad:
		return Missing, ByVersion, "The version is there, but its header in the database has been changed."
	case w.SigMD5 != "" && f.SigMD5 != "" && w.SigMD5 != f.SigMD5, w.HeaderSHA256 != "" && f.HeaderSHA256 != "" && w.HeaderSHA256 != f.HeaderSHA256:
		return Missing, ByDigest, "The version is there, but it is another build of it."
	case w.SigMD5 != "" && f.SigMD5 != "", w.HeaderSHA256 != "" && f.HeaderSHA256 != "":
		return Included, ByDigest, ""
	case f.system.Database == "":
		return Included, ByList, "Only the list of the builder says so: the image has no database of rpm."
	}
	return Included, ByVersion, "No digest could be compared."
}

// priority is dnf's.
func (r *Repo) priority() int { return cmp.Or(r.Priority, 99) }

func (r *Repo) has(n rpm.NEVRA) bool {
	if r.Named == nil {
		return false
	}
	for have := range r.Named(n.Name) {
		if have.Arch == n.Arch && have.EVR.Version == n.EVR.Version && have.EVR.Release == n.EVR.Release {
			return true
		}
	}
	return false
}

// hides returns the setting that keeps dnf from seeing a package, "" when it
// sees it.
func (r *Repo) hides(n rpm.NEVRA) string {
	match := func(globs []string) string {
		for _, g := range globs {
			for _, s := range []string{n.Name, n.Name + "." + n.Arch, nvra(n), n.String()} {
				if ok, err := path.Match(g, s); ok && err == nil {
					return g
				}
			}
		}
		return ""
	}
	if g := match(r.Excludes); g != "" {
		return "excludepkgs=" + g
	}
	if len(r.Includes) > 0 && match(r.Includes) == "" {
		return "includepkgs=" + strings.Join(r.Includes, ",")
	}
	return ""
}

// origin is the repository that a package came from: of those that have it the
// one of the best priority.
func (o JudgeOptions) origin(n rpm.NEVRA) string {
	best := -1
	for i := range o.Repos {
		if r := &o.Repos[i]; r.has(n) && r.hides(n) == "" && (best < 0 || r.priority() < o.Repos[best].priority()) {
			best = i
		}
	}
	if best < 0 {
		return ""
	}
	return o.Repos[best].ID
}

// why explains that another version was installed than was wanted.
func (o JudgeOptions) why(w Want, shipped rpm.NEVRA, from string) string {
	if len(o.Repos) == 0 {
		return ""
	}
	at := func(id string) int {
		return slices.IndexFunc(o.Repos, func(r Repo) bool { return r.ID == id })
	}
	won, offers := at(from), at(w.From)
	if offers < 0 {
		offers = slices.IndexFunc(o.Repos, func(r Repo) bool { return r.has(w.NEVRA) })
	}
	switch {
	case offers < 0:
		return fmt.Sprintf("No repository of the compose has %s.", w.NEVRA)
	case !o.Repos[offers].has(w.NEVRA):
		return fmt.Sprintf("%s does not have %s.", o.Repos[offers].ID, w.NEVRA)
	case o.Repos[offers].hides(w.NEVRA) != "":
		return fmt.Sprintf("%s hides it: %s.", o.Repos[offers].ID, o.Repos[offers].hides(w.NEVRA))
	case won < 0 && slices.ContainsFunc(o.Repos, func(r Repo) bool { return r.Named == nil }):
		return o.elsewhere(offers)
	case won < 0:
		return "No repository of the compose has the version that was installed: it was in the image before."
	case o.Repos[won].priority() < o.Repos[offers].priority():
		return fmt.Sprintf("%s won: its priority %d comes before %d of %s.", from, o.Repos[won].priority(), o.Repos[offers].priority(), o.Repos[offers].ID)
	case shipped.EVR.Compare(w.EVR) > 0:
		return fmt.Sprintf("%s won: it has the newer version, and %s no better priority.", from, o.Repos[offers].ID)
	}
	return fmt.Sprintf("%s won although %s has the newer version: a dependency or an exclusion held it back.", from, o.Repos[offers].ID)
}

// elsewhere explains what came from a repository whose content nobody knows.
func (o JudgeOptions) elsewhere(offers int) string {
	var all, before []string
	for i := range o.Repos {
		r := &o.Repos[i]
		if r.Named != nil {
			continue
		}
		all = append(all, r.ID)
		if r.priority() < o.Repos[offers].priority() {
			before = append(before, fmt.Sprintf("%s (priority %d)", r.ID, r.priority()))
		}
	}
	text := "The other version came from elsewhere: " + strings.Join(all, ", ") + "."
	if len(before) > 0 {
		text += fmt.Sprintf(" %s comes before %s (%d).", strings.Join(before, ", "), o.Repos[offers].ID, o.Repos[offers].priority())
	}
	return text
}
