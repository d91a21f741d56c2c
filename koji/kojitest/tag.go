package kojitest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/fedora-respin/respin/koji"
)

// Tag is a tag to add.
type Tag struct {
	Name    string
	Arches  []string
	Locked  bool
	Extra   map[string]any
	Parents []string // inherited from, nearest first
}

type tag struct {
	Tag
	id      int
	event   int
	parents []*tag
}

// tagging is a build in a tag.
type tagging struct {
	tag            *tag
	build          *build
	event, revoked int // events; 0 is not revoked
}

type target struct {
	id          int
	name        string
	build, dest *tag
}

// AddTag adds a tag and returns its id. Parents must be there already.
func (h *Hub) AddTag(t Tag) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id, err := h.addTag(t)
	if err != nil {
		return 0, fmt.Errorf("add tag %q to koji test hub: %w", t.Name, err)
	}
	return id, nil
}

func (h *Hub) addTag(t Tag) (int, error) {
	if t.Name == "" {
		return 0, errors.New("no name")
	}
	if h.tag(t.Name) != nil {
		return 0, errors.New("exists already")
	}
	row := &tag{Tag: t, id: len(h.tags) + 1}
	for _, p := range t.Parents {
		parent := h.tag(p)
		if parent == nil {
			return 0, fmt.Errorf("no parent %q", p)
		}
		row.parents = append(row.parents, parent)
	}
	row.event, _ = h.event()
	h.tags = append(h.tags, row)
	return row.id, nil
}

// AddSideTag adds a side tag of the tag base for a user, with a target of the
// same name, as the hub's plugin does, and returns its name.
func (h *Hub) AddSideTag(base, user string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	parent := h.tag(base)
	if parent == nil {
		return "", fmt.Errorf("add side tag to koji test hub: no tag %q", base)
	}
	name := fmt.Sprintf("%s-side-%d", base, len(h.tags)+1)
	_, err := h.addTag(Tag{
		Name: name, Arches: parent.Arches, Parents: []string{base},
		Extra: map[string]any{"sidetag": true, "sidetag_user": user, "sidetag_user_id": h.users.index(user) + 1},
	})
	if err != nil {
		return "", fmt.Errorf("add side tag %q to koji test hub: %w", name, err)
	}
	side := h.tag(name)
	h.targets = append(h.targets, target{id: len(h.targets) + 1, name: name, build: side, dest: side})
	return name, nil
}

// AddTarget adds a build target.
func (h *Hub) AddTarget(name, buildTag, destTag string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	build, dest := h.tag(buildTag), h.tag(destTag)
	if build == nil || dest == nil {
		return fmt.Errorf("add target %q to koji test hub: no tag %q or %q", name, buildTag, destTag)
	}
	h.targets = append(h.targets, target{id: len(h.targets) + 1, name: name, build: build, dest: dest})
	return nil
}

// TagBuild tags a build, which makes it the tag's latest of its package.
func (h *Hub) TagBuild(tagName, nvr string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, b := h.tag(tagName), h.buildByNVR(nvr)
	if t == nil || b == nil {
		return fmt.Errorf("tag build %q into %q of koji test hub: no such build or tag", nvr, tagName)
	}
	h.tagBuild(t, b)
	return nil
}

func (h *Hub) tagBuild(t *tag, b *build) {
	event, _ := h.event()
	for _, l := range h.listing { // tagging again moves it to the front
		if l.tag == t && l.build == b && l.revoked == 0 {
			l.revoked = event
		}
	}
	h.listing = append(h.listing, &tagging{tag: t, build: b, event: event})
}

// UntagBuild takes a build out of a tag.
func (h *Hub) UntagBuild(tagName, nvr string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.listing {
		if l.tag.Name == tagName && l.build.NVR == nvr && l.revoked == 0 {
			l.revoked, _ = h.event()
			return nil
		}
	}
	return fmt.Errorf("untag build %q from %q of koji test hub: it is not in it", nvr, tagName)
}

func (h *Hub) tag(name string) *tag {
	i := slices.IndexFunc(h.tags, func(t *tag) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return h.tags[i]
}

// lineage returns the tag and what it inherits from, depth first, each once.
func (t *tag) lineage(seen map[*tag]bool) []*tag {
	if seen[t] {
		return nil
	}
	seen[t] = true
	out := []*tag{t}
	for _, p := range t.parents {
		out = append(out, p.lineage(seen)...)
	}
	return out
}

// query selects taggings as readTaggedBuilds does.
type query struct {
	event   int // 0 is now
	inherit bool
	latest  int // of each package; 0 is all
	match   func(*build) bool
}

// tagged returns complete builds of the tag, nearest tag first, in each tag the
// latest tagging first. With latest, a nearer tag hides what a farther one has
// of the same package.
func (h *Hub) tagged(t *tag, q query) []*tagging {
	tags := []*tag{t}
	if q.inherit {
		tags = t.lineage(map[*tag]bool{})
	}
	var out []*tagging
	seen := map[int]int{}
	for _, t := range tags {
		rows := slices.Clone(h.listing)
		slices.SortStableFunc(rows, func(a, b *tagging) int { return cmp.Compare(b.event, a.event) })
		for _, l := range rows {
			if l.tag != t || !l.active(q.event) || l.build.State != koji.BuildComplete || !q.match(l.build) {
				continue
			}
			pkg := l.build.pkg
			if q.latest > 0 && seen[pkg] >= q.latest {
				continue
			}
			seen[pkg]++
			out = append(out, l)
		}
	}
	return out
}

func (l *tagging) active(event int) bool {
	if event == 0 {
		return l.revoked == 0
	}
	return l.event <= event && (l.revoked == 0 || l.revoked > event)
}

// extraOf copies a map in a form that the encoder takes.
func extraOf(extra map[string]any) map[string]any {
	if extra == nil {
		return map[string]any{}
	}
	return maps.Clone(extra)
}
