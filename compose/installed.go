package compose

import (
	"slices"

	"github.com/fedora-respin/respin/compose/proof"
	"github.com/fedora-respin/respin/repo/rpm"
)

// InstalledEntries is the package report of an image of which a list says what is
// installed: one line for each RPM of the Plan. An RPM whose package is not
// installed at all is VerdictMissing when the request names it in packages or
// require, and VerdictNotInstalled otherwise: nobody asked for it to be in the
// image. Where the image itself can be read, a Builder lets that judge instead.
func InstalledEntries(p *Plan, shipped []Shipped) ([]PackageEntry, error) {
	wants, err := p.Wants()
	if err != nil {
		return nil, err
	}
	return p.entries(listed(shipped), wants, nil), nil
}

// listed is what a list says that an image holds.
func listed(shipped []Shipped) *proof.Contents {
	list, from := make([]proof.Package, 0, len(shipped)), ""
	for _, s := range shipped {
		if n, err := rpm.ParseNEVRA(s.NEVRA); err == nil {
			list, from = append(list, proof.Package{NEVRA: n, SigMD5: s.SigMD5, HeaderSHA256: s.HeaderSHA256}), s.From
		}
	}
	return proof.Listed(from, list)
}

// entries is the package report by what an image holds; before is the report as
// the side repo has it.
func (p *Plan) entries(c *proof.Contents, wants []proof.Want, before []PackageEntry) []PackageEntry {
	list := make([]PackageEntry, len(wants))
	for i, e := range c.Judge(wants, p.judgeOptions()) {
		list[i] = provenEntry(e, before)
	}
	return list
}

// named tells whether the request names the package for the image.
func (p *Plan) named(pkg string) bool {
	return slices.Contains(p.Request.Packages, pkg) || slices.ContainsFunc(p.Request.Require, func(spec string) bool {
		dep, err := parseRequire(spec)
		return err == nil && dep.Name == pkg
	})
}
