package check

import (
	"fmt"

	"github.com/fedora-respin/respin/repo/index"
)

// checkTwins compares p with the packages of its name.
func (c *checker) checkTwins(p ref) {
	for i, v := range c.repos {
		var newest index.Package
		for q := range v.Index.Named(p.pkg.Name()) {
			if !c.spend(1) {
				return
			}
			if v.state[q.Number()] == foreign || isSource(q) != isSource(p.pkg) || !twins(p.pkg, q) || (ref{i, q}) == p {
				continue
			}
			switch d := q.EVR().Compare(p.pkg.EVR()); {
			case d == 0:
				// In the side repo each pair is met twice.
				if q.Arch() == p.pkg.Arch() && (i > 0 || q.Number() > p.pkg.Number()) {
					c.compareContent(p, ref{i, q})
				}
			case d > 0 && (newest.Index() == nil || q.EVR().Compare(newest.EVR()) > 0):
				newest = q
			}
		}
		if newest.Index() != nil && !staysBeside(p.pkg) {
			c.loses(p, ref{i, newest})
		}
	}
}

// compareContent looks at two packages of one NEVRA.
func (c *checker) compareContent(p, q ref) {
	a, b := p.pkg.Checksum(), q.pkg.Checksum()
	if a == b || a.Type != b.Type || !c.room(SameNEVRA) {
		return
	}
	out := Problem{
		Severity: Error, Code: SameNEVRA, Package: p.pkg.String(), Repo: c.nameOf(p), Other: q.pkg.String(), OtherRepo: c.nameOf(q),
		Text: fmt.Sprintf("%s has other content in %s than in %s: which one is installed is a matter of chance", p.pkg, c.nameOf(p), c.nameOf(q)),
	}
	if q.repo == p.repo {
		out.Text = fmt.Sprintf("%s is there twice with other content, as %s and as %s", p.pkg, p.pkg.Location(), q.pkg.Location())
	}
	// Koji's unsigned copy and the signed one that was released differ in their
	// signature headers alone.
	if p.pkg.BuildTime() == q.pkg.BuildTime() && p.pkg.SourceRPM() == q.pkg.SourceRPM() && p.pkg.InstalledSize() == q.pkg.InstalledSize() {
		out.Severity = Note
		out.Text = fmt.Sprintf("%s is the same build in %s and in %s, with other signatures", p.pkg, c.nameOf(p), c.nameOf(q))
	}
	c.add(out)
}

func (c *checker) loses(p, q ref) {
	out := Problem{
		Severity: Error, Code: Loses, Package: p.pkg.String(), Repo: c.nameOf(p), Other: q.pkg.String(), OtherRepo: c.nameOf(q),
		Text: fmt.Sprintf("%s loses to the newer %s from %s wherever the priority of the side repo is not heeded", p.pkg, q.pkg, c.nameOf(q)),
	}
	if q.repo == 0 {
		out.Severity = Warning
		out.Text = fmt.Sprintf("%s loses to the newer %s of the same repository", p.pkg, q.pkg)
	}
	c.add(out)
}
