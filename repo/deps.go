package repo

import (
	"iter"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// PreRule says which requirements get pre="1" in primary.xml.
type PreRule int

const (
	// Pre2x is the rule of createrepo_c since 1.0: prerequisites, %pre, %post,
	// %pretrans and %posttrans.
	Pre2x PreRule = iota
	// Pre017 is the rule of createrepo_c 0.17: without the transaction scripts.
	Pre017
)

const preMask017 = rpm.DepPrereq | rpm.DepScriptPre | rpm.DepScriptPost

func (r PreRule) mask() rpm.DepFlags {
	if r == Pre017 {
		return preMask017
	}
	return preMask017 | rpm.DepPretrans | rpm.DepPosttrans
}

// entry is one rpm:entry of primary.xml.
type entry struct {
	name, flags, epoch, ver, rel string
	pre                          bool
}

// depGroups are the dependency elements of one package, after createrepo_c's
// filters, in the order in which they are written.
type depGroups struct {
	provides, requires, conflicts, obsoletes, suggests, enhances, recommends, supplements []entry
}

// depGrouper makes depGroups. Its tables serve one package after the other; what
// group returns is good until it is called again.
type depGrouper struct {
	groups   depGroups
	provided map[string]struct{} // by depKey
	seen     map[string]seenDep  // last requirement of a name
	own      map[string]struct{} // the package's files that primary.xml lists
	ownRead  bool                // not before a path is required
	key      []byte
}

// reset empties the tables. Those of a giant are not kept.
func (d *depGrouper) reset() {
	const large = 4096
	if d.provided == nil || len(d.provided)+len(d.seen)+len(d.own) > large {
		*d = depGrouper{provided: map[string]struct{}{}, seen: map[string]seenDep{}, own: map[string]struct{}{}}
		return
	}
	clear(d.provided)
	clear(d.seen)
	clear(d.own)
	d.ownRead = false
	for _, l := range d.groups.all() {
		clear(*l) // the strings keep a header in memory
		*l = (*l)[:0]
	}
}

// all are the groups in the order in which they are written.
func (g *depGroups) all() [8]*[]entry {
	return [...]*[]entry{&g.provides, &g.requires, &g.conflicts, &g.obsoletes, &g.suggests, &g.enhances, &g.recommends, &g.supplements}
}

// group applies the rules of createrepo_c's parsehdr.c. The order of the steps
// matters: recommends collects Requires with MISSINGOK first, then the real
// Recommends, then the strong ones of SUSE's old suggestions.
func (d *depGrouper) group(p *rpm.Package, rule PreRule) *depGroups {
	d.reset()
	g := &d.groups
	for dep := range p.Dependencies(rpm.Provides) {
		if e, ok := newEntry(dep); ok {
			d.provided[string(d.keyOf(dep))] = struct{}{}
			g.provides = append(g.provides, e)
		}
	}
	g.conflicts = plainDeps(g.conflicts, p.Dependencies(rpm.Conflicts))
	g.obsoletes = plainDeps(g.obsoletes, p.Dependencies(rpm.Obsoletes))
	d.filterRequires(p, rule.mask())
	g.suggests = plainDeps(g.suggests, p.Dependencies(rpm.Suggests))
	g.enhances = plainDeps(g.enhances, p.Dependencies(rpm.Enhances))
	g.recommends = plainDeps(g.recommends, p.Dependencies(rpm.Recommends))
	g.supplements = plainDeps(g.supplements, p.Dependencies(rpm.Supplements))
	g.suggests, g.recommends = splitStrong(g.suggests, g.recommends, p.Dependencies(rpm.OldSuggests))
	g.enhances, g.supplements = splitStrong(g.enhances, g.supplements, p.Dependencies(rpm.OldEnhances))
	return g
}

// keyOf identifies a dependency as createrepo_c does: by plain concatenation.
func (d *depGrouper) keyOf(dep rpm.Dependency) []byte {
	d.key = append(append(append(d.key[:0], dep.Name...), flagString(dep.Flags)...), dep.EVR...)
	return d.key
}

func plainDeps(dst []entry, deps iter.Seq[rpm.Dependency]) []entry {
	for d := range deps {
		if e, ok := newEntry(d); ok {
			dst = append(dst, e)
		}
	}
	return dst
}

func splitStrong(weak, strong []entry, deps iter.Seq[rpm.Dependency]) (newWeak, newStrong []entry) {
	for d := range deps {
		e, ok := newEntry(d)
		switch {
		case !ok:
		case d.Flags&rpm.DepStrong != 0:
			strong = append(strong, e)
		default:
			weak = append(weak, e)
		}
	}
	return weak, strong
}

// seenDep is what createrepo_c remembers of the last requirement of a name.
type seenDep struct {
	flags, version string
	pre            bool
}

func (d *depGrouper) filterRequires(p *rpm.Package, mask rpm.DepFlags) {
	g := &d.groups
	var libc entry // the name is empty until there is one
	for dep := range p.Dependencies(rpm.Requires) {
		if strings.HasPrefix(dep.Name, "rpmlib(") || d.isOwnFile(p, dep.Name) {
			continue
		}
		if _, ok := d.provided[string(d.keyOf(dep))]; ok {
			continue
		}
		now := seenDep{flags: flagString(dep.Flags), version: dep.EVR, pre: dep.Flags&mask != 0}
		if before, ok := d.seen[dep.Name]; ok && before == now {
			continue
		}
		e, ok := newEntry(dep)
		switch {
		case !ok:
		case dep.Flags&rpm.DepMissingOK != 0:
			g.recommends = append(g.recommends, e)
		case strings.HasPrefix(e.name, "libc.so.6"):
			e.pre = now.pre
			if libc.name == "" || libcNewer(e.name, libc.name) {
				libc = e
			}
		default:
			e.pre = now.pre
			g.requires = append(g.requires, e)
			d.seen[dep.Name] = now
		}
	}
	if libc.name != "" {
		g.requires = append(g.requires, libc)
	}
}

// isOwnFile tells whether name is one of the package's own files that
// primary.xml lists.
func (d *depGrouper) isOwnFile(p *rpm.Package, name string) bool {
	if !strings.HasPrefix(name, "/") || !isPrimary(name) {
		return false
	}
	if !d.ownRead {
		d.ownRead = true
		for f := range p.Paths() {
			if isPrimaryFile(&f) {
				d.own[f.Path()] = struct{}{}
			}
		}
	}
	_, ok := d.own[name]
	return ok
}

func flagString(f rpm.DepFlags) string {
	switch f & 0xf {
	case rpm.DepLess:
		return "LT"
	case rpm.DepGreater:
		return "GT"
	case rpm.DepEqual:
		return "EQ"
	case rpm.DepLess | rpm.DepEqual:
		return "LE"
	case rpm.DepGreater | rpm.DepEqual:
		return "GE"
	default: // none, or a nonsense of bits
		return ""
	}
}

// newEntry splits the version. It answers false for an epoch that is no
// number: createrepo_c leaves such a dependency out.
func newEntry(d rpm.Dependency) (entry, bool) {
	e := entry{name: d.Name, flags: flagString(d.Flags)}
	if d.EVR == "" {
		return e, true
	}
	rest := d.EVR
	e.epoch = "0"
	if head, tail, ok := strings.Cut(d.EVR, ":"); ok {
		if !isStrtol(head) {
			return entry{}, false
		}
		if head != "" {
			e.epoch = head
		}
		rest = tail
	}
	e.ver, e.rel, _ = strings.Cut(rest, "-")
	return e, true
}

// isStrtol tells whether C's strtol would read all of s: optional white space,
// an optional sign, digits. The empty string counts, as it does there.
func isStrtol(s string) bool {
	if s == "" {
		return true
	}
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// isPrimary tells whether primary.xml lists the path: createrepo_c's rule,
// which yum defined. It is not a pattern: "bin/" counts anywhere.
func isPrimary(path string) bool {
	return strings.HasPrefix(path, "/etc/") || path == "/usr/lib/sendmail" || strings.Contains(path, "bin/")
}

// isPrimaryFile is isPrimary of a file's path, which it puts together only
// where the rule could hold across the two parts.
func isPrimaryFile(f *rpm.File) bool {
	if strings.HasSuffix(f.Dir, "/") && strings.IndexByte(f.Name, '/') < 0 && f.Name != "sendmail" {
		return strings.HasPrefix(f.Dir, "/etc/") || strings.Contains(f.Dir, "bin/")
	}
	return isPrimary(f.Path())
}

// libcNewer tells whether the glibc symbol version in a, such as
// libc.so.6(GLIBC_2.34)(64bit), is higher than the one in b.
func libcNewer(a, b string) bool {
	ra, va := libcVersion(a)
	rb, vb := libcVersion(b)
	if ra != rb || ra != libcNumber {
		return ra > rb
	}
	return rpm.Vercmp(va, vb) > 0
}

// How much the first bracket of a libc requirement says, least first.
const (
	libcPlain = iota
	libcUnclosed
	libcEmpty
	libcWord // such as GLIBC_PRIVATE
	libcNumber
)

// libcVersion ranks the first bracket and returns its content from the first
// digit on.
func libcVersion(name string) (rank int, version string) {
	_, rest, opened := strings.Cut(name, "(")
	inner, _, closed := strings.Cut(rest, ")")
	switch {
	case !opened:
		return libcPlain, ""
	case !closed:
		return libcUnclosed, ""
	case inner == "":
		return libcEmpty, ""
	}
	if i := strings.IndexAny(inner, "0123456789"); i >= 0 {
		return libcNumber, inner[i:]
	}
	return libcWord, ""
}
