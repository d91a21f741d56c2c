package check

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/repo/index"
)

// maxSought bounds the missing requirements for which near misses are sought
// among all names: each costs a comparison with every name there is.
const maxSought = 100

// nearMiss is a package that comes near, best first.
type nearMiss struct {
	rank int // 0: the very name in another version, or on another architecture
	text string
}

// nearMisses says for each missing requirement what comes near it.
func (c *checker) nearMisses() [][]string {
	found := make([][]nearMiss, len(c.missed))
	if c.opts.MaxMisses >= 0 {
		var seek []int
		for i, m := range c.missed {
			if m.verdict.code != NothingProvides || m.rel.IsRich() {
				continue
			}
			if found[i] = c.offers(m.rel); found[i] == nil && len(seek) < maxSought {
				seek = append(seek, i)
			}
		}
		c.seekNames(seek, found)
	}
	out := make([][]string, len(found))
	for i, list := range found {
		slices.SortStableFunc(list, func(a, b nearMiss) int { return cmp.Compare(a.rank, b.rank) })
		for _, m := range list {
			if !slices.Contains(out[i], m.text) && len(out[i]) < c.opts.MaxMisses {
				out[i] = append(out[i], m.text)
			}
		}
	}
	return out
}

// offers lists packages that provide the name itself, newest first.
func (c *checker) offers(r index.Relation) []nearMiss {
	type offer struct {
		v   *view
		pkg index.Package
		has index.Relation
	}
	var list []offer
	for _, v := range c.repos {
		if !c.spend(v.Index.Offered(r.Name)) {
			return nil
		}
		for p, has := range v.Index.Offers(r.Name) {
			list = append(list, offer{v, p, has})
		}
	}
	slices.SortStableFunc(list, func(a, b offer) int { return b.pkg.EVR().Compare(a.pkg.EVR()) })
	var out []nearMiss
	for _, o := range list[:min(len(list), c.maxNear())] {
		text := fmt.Sprintf("%s from %s provides %s", o.pkg, o.v.Name, o.has)
		switch o.v.state[o.pkg.Number()] {
		case foreign:
			text += ", but is not for this architecture or hidden"
		case replaced:
			text += ", but the side repo replaces it"
		}
		out = append(out, nearMiss{0, clip(text)})
	}
	return out
}

// maxNear bounds what is found of one rank, before doubles are dropped.
func (c *checker) maxNear() int { return 4 * c.opts.MaxMisses }

// seekNames looks through all names for ones that resemble a missing one.
func (c *checker) seekNames(seek []int, found [][]nearMiss) {
	if len(seek) == 0 {
		return
	}
	sought := make([]string, len(seek))
	for i, n := range seek {
		sought[i] = c.missed[n].rel.Name
	}
	counts := make([][5]int, len(seek)) // of each rank
	for _, v := range c.repos {
		seen := make([]bool, v.Index.RelationCount()) // one package for each is enough
		for p := range v.Index.Packages() {
			if !c.spend(1) {
				return
			}
			if v.state[p.Number()] != visible {
				continue
			}
			compare := func(name string) {
				for i, want := range sought {
					if rank := resembles(want, name); rank > 0 && counts[i][rank] < c.maxNear() {
						counts[i][rank]++
						found[seek[i]] = append(found[seek[i]], nearMiss{rank, clip(fmt.Sprintf("%s from %s provides %s", p, v.Name, name))})
					}
				}
			}
			for _, rel := range p.Rels(index.Provides) {
				if !seen[rel] {
					seen[rel] = true
					compare(v.Index.Name(rel))
				}
			}
			for f := range p.Files() {
				compare(f)
			}
		}
	}
}

// resembles ranks how near a name comes to the one that is wanted; 0 means not
// at all.
func resembles(want, name string) int {
	switch {
	case want == name:
		return 0
	case strings.HasPrefix(want, "/"):
		if strings.HasPrefix(name, "/") && path.Base(want) == path.Base(name) {
			return 1 // the file, elsewhere
		}
		return 0
	case strings.HasPrefix(name, "/"):
		return 0
	}
	// libfoo.so.2()(64bit) and libfoo.so.3()(64bit), but no symbol versions
	if w, wantSuffix, ok := strings.Cut(want, ".so."); ok {
		if n, suffix, ok := strings.Cut(name, ".so."); ok && n == w && bits(wantSuffix) == bits(suffix) {
			return 2
		}
		return 0
	}
	if strings.EqualFold(want, name) {
		return 3
	}
	if len(want) >= 4 && len(name) >= 4 && within2(want, name) {
		return 4
	}
	return 0
}

// bits returns what follows the version of a library: "()(64bit)".
func bits(suffix string) string {
	if i := strings.IndexByte(suffix, '('); i >= 0 {
		return suffix[i:]
	}
	return ""
}

// within2 tells whether two edits at most (a letter put in, left out or
// replaced) turn a into b, one for names below eight letters.
func within2(a, b string) bool {
	limit := 2
	if len(a) < 8 {
		limit = 1
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > limit {
		return false
	}
	for len(a) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(b) > 2*limit+8 {
		return false // what differs is too far apart to be two edits
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost++
			}
			last = row[j+1]
			row[j+1] = min(cost, row[j]+1, last+1)
		}
	}
	return row[len(b)] <= limit
}
