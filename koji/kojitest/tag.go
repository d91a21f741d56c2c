package kojitest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/koji"
)

// Tag is a tag to add.
type Tag struct {
	Name    string
	Arches  []string // nil inherits those of the parents where a build asks
	Locked  bool
	Perm    string // needed to tag into it; "" is none
	Extra   map[string]any
	Parents []string // inherited from, nearest first
	// BlockedExtra are members of extra that are not inherited from here on.
	BlockedExtra []string
}

type tag struct {
	Tag
	id, event int
	deleted   int // event, 0 is not yet
	parents   []*tag
}

// active reports whether the tag was there at an event; 0 is now.
func (t *tag) active(event int) bool { return lives(t.event, t.deleted, event) }

// lives reports whether what was created and revoked at these events was there
// at another; revoked 0 is not yet, event 0 is now.
func lives(created, revoked, event int) bool {
	if event == 0 {
		return revoked == 0
	}
	return created <= event && (revoked == 0 || revoked > event)
}

// tagging is a build in a tag.
type tagging struct {
	tag            *tag
	build          *build
	event, revoked int // events; 0 is not revoked
}

// tagPackage is a package in the list of a tag, without which no build of it
// counts.
type tagPackage struct {
	tag            *tag
	pkg            int
	owner          *account
	blocked        bool
	event, revoked int
}

type target struct {
	id, event, revoked int
	name               string
	build, dest        *tag
}

// ExternalRepo is a repository of others that a tag builds with.
type ExternalRepo struct {
	Name      string
	URL       string // $arch stands for the arch
	Priority  int
	MergeMode koji.MergeMode // default koji.MergeKoji
	Arches    []string       // default those of the tag
}

type externalRow struct {
	ExternalRepo
	id, event int
	tag       *tag
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
	row := &tag{Tag: t}
	for _, p := range t.Parents {
		parent := h.tag(p)
		if parent == nil {
			return 0, fmt.Errorf("no parent %q", p)
		}
		row.parents = append(row.parents, parent)
	}
	h.lastTag++
	row.id = h.lastTag
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
	t, err := h.addSideTag(parent, h.account(user), nil, "")
	if err != nil {
		return "", fmt.Errorf("add side tag to koji test hub: %w", err)
	}
	return t.Name, nil
}

func (h *Hub) addSideTag(parent *tag, user *account, extra map[string]any, suffix string) (*tag, error) {
	name := fmt.Sprintf("%s-side-%d%s", parent.Name, h.lastTag+1, suffix)
	all := map[string]any{"sidetag": true, "sidetag_user": user.Name, "sidetag_user_id": user.id}
	maps.Copy(all, extra)
	if _, err := h.addTag(Tag{Name: name, Arches: append([]string{}, parent.Arches...), Parents: []string{parent.Name}, Extra: all}); err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	side := h.tag(name)
	h.addTarget(name, side, side)
	return side, nil
}

// RemoveTag removes a tag. Questions about events before still find it.
func (h *Hub) RemoveTag(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tag(name)
	if t == nil {
		return fmt.Errorf("remove tag of koji test hub: no tag %q", name)
	}
	h.removeTag(t)
	return nil
}

func (h *Hub) removeTag(t *tag) {
	event, _ := h.event()
	t.deleted = event
	for i := range h.targets {
		if h.targets[i].revoked == 0 && (h.targets[i].build == t || h.targets[i].dest == t) {
			h.targets[i].revoked = event
		}
	}
}

// AddTarget adds a build target.
func (h *Hub) AddTarget(name, buildTag, destTag string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	build, dest := h.tag(buildTag), h.tag(destTag)
	if build == nil || dest == nil {
		return fmt.Errorf("add target %q to koji test hub: no tag %q or %q", name, buildTag, destTag)
	}
	h.addTarget(name, build, dest)
	return nil
}

func (h *Hub) addTarget(name string, build, dest *tag) {
	event, _ := h.event()
	h.targets = append(h.targets, target{id: len(h.targets) + 1, event: event, name: name, build: build, dest: dest})
}

// AddExternalRepo adds a repository of others to a tag and returns its id.
func (h *Hub) AddExternalRepo(tagName string, r ExternalRepo) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tag(tagName)
	if t == nil || r.Name == "" {
		return 0, fmt.Errorf("add external repository %q to koji test hub: no name or no tag %q", r.Name, tagName)
	}
	if r.MergeMode == "" {
		r.MergeMode = koji.MergeKoji
	}
	event, _ := h.event()
	h.externals = append(h.externals, &externalRow{ExternalRepo: r, id: len(h.externals) + 1, event: event, tag: t})
	return len(h.externals), nil
}

// AddPackage puts a package into the list of a tag. Tagging a build does so by
// itself where the list and what it inherits do not have it.
func (h *Hub) AddPackage(tagName, pkg, owner string) error {
	return h.listPackage(tagName, pkg, owner, false)
}

// BlockPackage blocks a package in a tag: its builds are not in it any more.
func (h *Hub) BlockPackage(tagName, pkg string) error { return h.listPackage(tagName, pkg, "", true) }

func (h *Hub) listPackage(tagName, pkg, owner string, blocked bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tag(tagName)
	if t == nil || pkg == "" {
		return fmt.Errorf("list package %q in koji test hub: no name or no tag %q", pkg, tagName)
	}
	h.setPackage(t, pkg, h.account(or(owner, DefaultOwner)), blocked)
	return nil
}

func (h *Hub) setPackage(t *tag, pkg string, owner *account, blocked bool) {
	event, _ := h.event()
	id := h.packages.index(pkg) + 1
	for _, p := range h.tagPackages {
		if p.tag == t && p.pkg == id && p.revoked == 0 {
			p.revoked = event
		}
	}
	h.tagPackages = append(h.tagPackages, &tagPackage{tag: t, pkg: id, owner: owner, blocked: blocked, event: event})
}

// packagesOf returns the package lists of a tag and what it inherits, nearest
// first, one entry for each package unless duplicates are wanted.
func (h *Hub) packagesOf(t *tag, event int, inherit, duplicates bool) []*tagPackage {
	tags := []*tag{t}
	if inherit {
		tags = t.lineage(map[*tag]bool{})
	}
	var out []*tagPackage
	seen := map[int]bool{}
	for _, t := range tags {
		for _, p := range h.tagPackages {
			if p.tag == t && lives(p.event, p.revoked, event) && (duplicates || !seen[p.pkg]) {
				seen[p.pkg] = true
				out = append(out, p)
			}
		}
	}
	return out
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
	if !slices.ContainsFunc(h.packagesOf(t, 0, true, false), func(p *tagPackage) bool { return p.pkg == b.pkg }) {
		event := len(h.events) + 1 // the same event as the tagging
		h.tagPackages = append(h.tagPackages, &tagPackage{tag: t, pkg: b.pkg, owner: b.owner, event: event})
	}
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
	if !h.untagBuild(tagName, nvr) {
		return fmt.Errorf("untag build %q from %q of koji test hub: it is not in it", nvr, tagName)
	}
	return nil
}

func (h *Hub) untagBuild(tagName, nvr string) bool {
	for _, l := range h.listing {
		if l.tag.Name == tagName && l.build.NVR == nvr && l.revoked == 0 {
			l.revoked, _ = h.event()
			return true
		}
	}
	return false
}

// tag finds a tag that is there now.
func (h *Hub) tag(name string) *tag {
	i := slices.IndexFunc(h.tags, func(t *tag) bool { return t.Name == name && t.deleted == 0 })
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

// link is an inheritance as getFullInheritance walks it.
type link struct {
	child, parent   *tag
	priority, depth int
}

// links returns the inheritance from a tag on, depth first, each tag once; with
// reverse, towards the tags that inherit from it.
func (h *Hub) links(t *tag, reverse bool, depth int, seen map[*tag]bool) []link {
	var out []link
	seen[t] = true
	for _, l := range h.directLinks(t, reverse) {
		next := l.parent
		if reverse {
			next = l.child
		}
		if seen[next] || next.deleted != 0 {
			continue
		}
		seen[next] = true
		l.depth = depth
		out = append(out, l)
		out = append(out, h.links(next, reverse, depth+1, seen)...)
	}
	return out
}

func (h *Hub) directLinks(t *tag, reverse bool) []link {
	var out []link
	if !reverse {
		for i, p := range t.parents {
			out = append(out, link{child: t, parent: p, priority: i})
		}
		return out
	}
	for _, c := range h.tags {
		if i := slices.Index(c.parents, t); i >= 0 {
			out = append(out, link{child: c, parent: t, priority: i})
		}
	}
	return out
}

// arches is how the tag's row has them: nil where it has none of its own.
func (t *tag) arches() any {
	if t.Arches == nil {
		return nil
	}
	return strings.Join(t.Arches, " ")
}
