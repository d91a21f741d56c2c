package kojitest

import (
	"cmp"
	"slices"

	"github.com/fedora-respin/respin/koji"
)

// query selects taggings as readTaggedBuilds does.
type query struct {
	event   int // 0 is now
	inherit bool
	latest  int // of each package; 0 is all
	match   func(*build) bool
}

// tagged returns complete builds of the tag, nearest tag first, in each tag the
// latest tagging first. With latest, a nearer tag hides what a farther one has
// of the same package. What the package list blocks is left out.
func (h *Hub) tagged(t *tag, q query) []*tagging {
	tags := []*tag{t}
	if q.inherit {
		tags = t.lineage(map[*tag]bool{})
	}
	listed := map[int]bool{}
	for _, p := range h.packagesOf(t, q.event, true, false) {
		listed[p.pkg] = !p.blocked
	}
	rows := slices.Clone(h.listing)
	slices.SortStableFunc(rows, func(a, b *tagging) int {
		if c := cmp.Compare(b.event, a.event); c != 0 {
			return c
		}
		return cmp.Compare(b.build.id, a.build.id)
	})
	var out []*tagging
	seen := map[int]int{}
	for _, t := range tags {
		for _, l := range rows {
			pkg := l.build.pkg
			if l.tag != t || !lives(l.event, l.revoked, q.event) || l.build.State != koji.BuildComplete || !listed[pkg] || !q.match(l.build) ||
				q.latest > 0 && seen[pkg] >= q.latest {
				continue
			}
			seen[pkg]++
			out = append(out, l)
		}
	}
	return out
}
