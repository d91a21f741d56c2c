package compose

import (
	"fmt"
	"slices"

	"github.com/fedora-respin/respin/repo/rpm"
)

// InstalledEntries is the package report of an image that has packages installed:
// one line for each RPM of the Plan. An RPM whose package is not installed at
// all is VerdictMissing when the request names it in packages or require, and
// VerdictNotInstalled otherwise: nobody asked for it to be in the image.
func InstalledEntries(p *Plan, shipped []Shipped) []PackageEntry {
	type name struct{ name, arch string }
	type found struct {
		Shipped
		evr rpm.EVR
	}
	have := map[name][]found{}
	for _, s := range shipped {
		if n, err := rpm.ParseNEVRA(s.NEVRA); err == nil {
			key := name{n.Name, n.Arch}
			have[key] = append(have[key], found{s, n.EVR})
		}
	}
	entries := make([]PackageEntry, len(p.RPMs))
	for i := range p.RPMs {
		r := &p.RPMs[i]
		e := PackageEntry{Name: r.Name, Arch: r.Arch, Requested: r.evr(), Verdict: VerdictNotInstalled}
		if p.named(r.Name) {
			e.Verdict = VerdictMissing
		}
		want, err := rpm.ParseNEVRA(r.NEVRA)
		if err != nil {
			entries[i] = e
			continue
		}
		for _, f := range have[name{r.Name, r.Arch}] {
			compare := f.evr.Compare(want.EVR)
			e.Shipped, e.SigMD5, e.Repo = f.evr.String(), f.SigMD5, "release"
			switch {
			case compare < 0:
				e.Verdict = VerdictOlder
			case compare > 0:
				e.Verdict = VerdictNewer
			case r.SigMD5 != "" && f.SigMD5 != "" && r.SigMD5 != f.SigMD5, r.HeaderSHA256 != "" && f.HeaderSHA256 != "" && r.HeaderSHA256 != f.HeaderSHA256:
				e.Verdict = VerdictMissing // another build of the same version
			default:
				e.Verdict, e.Repo = VerdictIncluded, "side repo"
			}
			if e.Verdict == VerdictIncluded {
				break // kernels may be there twice
			}
		}
		entries[i] = e
	}
	return entries
}

// named tells whether the request names the package for the image.
func (p *Plan) named(pkg string) bool {
	return slices.Contains(p.Request.Packages, pkg) || slices.ContainsFunc(p.Request.Require, func(spec string) bool {
		dep, err := parseRequire(spec)
		return err == nil && dep.Name == pkg
	})
}

// has tells whether the image holds what a requirement names, from whichever
// repository. The error says what it holds instead.
func has(shipped []Shipped, want string) error {
	dep, err := parseRequire(want)
	if err != nil {
		return err
	}
	instead := "there is no package " + dep.Name
	for _, s := range shipped {
		n, err := rpm.ParseNEVRA(s.NEVRA)
		if err != nil || n.Name != dep.Name {
			continue
		}
		if rpm.Overlaps(rpm.Dependency{Name: n.Name, Flags: rpm.DepEqual, EVR: n.EVR.String()}, dep) {
			return nil
		}
		instead = fmt.Sprintf("%s.%s is %s", n.Name, n.Arch, n.EVR)
	}
	return fmt.Errorf("%s", instead)
}
