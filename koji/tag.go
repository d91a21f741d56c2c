package koji

import (
	"context"
	"iter"
	"strings"
)

// Tag is a tag. Koji has no kinds of tags: what a tag is for stands in its
// name and in Extra.
type Tag struct {
	ID       int     `koji:"id"`
	Name     string  `koji:"name"`
	Arches   *string `koji:"arches"` // separated by spaces; see ArchList
	Locked   bool    `koji:"locked"`
	PermID   *int    `koji:"perm_id"`
	Perm     *string `koji:"perm"` // needed to tag into it
	Maven    bool    `koji:"maven_support"`
	MavenAll bool    `koji:"maven_include_all"`
	// Extra is free form, as it came; ListTags leaves it out. IsSideTag, Macros
	// and MockOptions read the members that are common.
	Extra      map[string]any `koji:"extra"`
	QueryEvent *int           `koji:"query_event"` // that was asked for, nil for now

	// Only where ListTags was asked for a package: how the tag holds it.
	OwnerID     *int    `koji:"owner_id"`
	OwnerName   *string `koji:"owner_name"`
	Blocked     *bool   `koji:"blocked"`
	ExtraArches *string `koji:"extra_arches"`
}

// ArchList returns the arches that the tag builds for.
func (t *Tag) ArchList() []string {
	if t.Arches == nil {
		return nil
	}
	return strings.Fields(*t.Arches)
}

// IsSideTag reports whether the tag is a side tag (extra.sidetag). Its name
// says nothing: hubs choose the pattern.
func (t *Tag) IsSideTag() bool { return truthy(t.Extra["sidetag"]) }

// SideTagUser returns who asked for the side tag, or "".
func (t *Tag) SideTagUser() string {
	user, _ := t.Extra["sidetag_user"].(string)
	return user
}

// WithDebuginfo reports whether the repositories of the tag hold debuginfo.
func (t *Tag) WithDebuginfo() bool { return truthy(t.Extra["with_debuginfo"]) }

// Macros returns the RPM macros that the tag sets for its builds
// (extra "rpm.macro.NAME"), by name. A value of nil unsets one.
func (t *Tag) Macros() map[string]any { return t.prefixed("rpm.macro.") }

// MockOptions returns how the tag sets mock up (extra "mock.NAME"), by name.
func (t *Tag) MockOptions() map[string]any { return t.prefixed("mock.") }

func (t *Tag) prefixed(prefix string) map[string]any {
	out := map[string]any{}
	for key, v := range t.Extra {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			out[name] = v
		}
	}
	return out
}

func getTag(name string) spec[*Tag] {
	return one[Tag]("tag", name, "getTag", name).pinned(0)
}

// GetTag returns a tag with its own Extra, or a *NotFoundError. In a snapshot it
// is the tag as it was then.
func (c *Client) GetTag(ctx context.Context, name string) (*Tag, error) {
	return call(ctx, c, getTag(name))
}

// GetTag adds Client.GetTag.
func (b *Batch) GetTag(name string) *Pending[*Tag] { return add(b, getTag(name)) }

// TagExtra is a member of a tag's Extra. A blocked one ends the inheritance of
// that member and counts as missing.
type TagExtra struct {
	Blocked bool
	Value   any
}

// BlockedTag is a tag with those members of Extra, too, that are blocked.
type BlockedTag struct {
	Tag
	Extra map[string]TagExtra
}

func getTagBlocked(name string) spec[*BlockedTag] {
	return into("getTag", func(out **Tag) (*BlockedTag, error) {
		if *out == nil {
			return nil, &NotFoundError{What: "tag", Ref: name}
		}
		t := &BlockedTag{Tag: **out, Extra: map[string]TagExtra{}}
		for key, v := range t.Tag.Extra {
			if pair, ok := v.([]any); ok && len(pair) == 2 {
				t.Extra[key] = TagExtra{Blocked: truthy(pair[0]), Value: pair[1]}
			}
		}
		t.Tag.Extra = nil
		return t, nil
	}, name).of("tag", name).with(keywords{}.on("blocked", true)).pinned(0)
}

// GetTagBlocked returns a tag with its blocked members of Extra told from the
// others, or a *NotFoundError.
func (c *Client) GetTagBlocked(ctx context.Context, name string) (*BlockedTag, error) {
	return call(ctx, c, getTagBlocked(name))
}

// GetTagBlocked adds Client.GetTagBlocked.
func (b *Batch) GetTagBlocked(name string) *Pending[*BlockedTag] { return add(b, getTagBlocked(name)) }

// TagOptions selects tags; conditions add up. The zero value selects all.
type TagOptions struct {
	Build   BuildRef // that hold this build; the zero value does not restrict
	Package string   // that have this package; fills Tag.OwnerName and Blocked
	Pattern string   // with such a name; * and ? are wildcards, case does not count
	NoPerms bool     // leave Tag.Perm out, which is faster
	Page    Page     // Order by id or name
}

func listTags(o TagOptions) spec[[]Tag] {
	k := keywords{}.text("package", o.Package).text("pattern", o.Pattern).off("perms", o.NoPerms).page(o.Page)
	what, ref := "package", o.Package
	if !o.Build.isZero() {
		k["build"] = o.Build.arg()
		what, ref = "build", o.Build.String()
	}
	return value[[]Tag]("listTags").with(k).of(what, ref)
}

// ListTags returns the tags that are selected, without their Extra. A build or
// package that does not exist is a *NotFoundError.
func (c *Client) ListTags(ctx context.Context, o TagOptions) ([]Tag, error) {
	return call(ctx, c, listTags(o))
}

// ListTags adds Client.ListTags.
func (b *Batch) ListTags(o TagOptions) *Pending[[]Tag] { return add(b, listTags(o)) }

// Tags iterates over what ListTags returns.
func (c *Client) Tags(ctx context.Context, o TagOptions) iter.Seq2[*Tag, error] {
	return iterate(ctx, c, listTags(o))
}

// Named is something with an id and a name.
type Named struct {
	ID   int    `koji:"id"`
	Name string `koji:"name"`
}

// BuildConfig is a tag with what it inherits: Arches and Extra are those that a
// build in it gets.
type BuildConfig struct {
	Tag
	Inherited ConfigInheritance `koji:"config_inheritance"`
}

// ConfigInheritance says which tag the parts of a BuildConfig are from; what is
// not there is the tag's own.
type ConfigInheritance struct {
	Arches *Named           `koji:"arches"`
	Extra  map[string]Named `koji:"extra"`
}

func getBuildConfig(tag string) spec[*BuildConfig] {
	return one[BuildConfig]("tag", tag, "getBuildConfig", tag).pinned(0)
}

// GetBuildConfig returns the configuration of builds in a tag, or a
// *NotFoundError.
func (c *Client) GetBuildConfig(ctx context.Context, tag string) (*BuildConfig, error) {
	return call(ctx, c, getBuildConfig(tag))
}

// GetBuildConfig adds Client.GetBuildConfig.
func (b *Batch) GetBuildConfig(tag string) *Pending[*BuildConfig] { return add(b, getBuildConfig(tag)) }

// Inheritance is a link from a tag to one that it inherits from.
type Inheritance struct {
	ParentID     int    `koji:"parent_id"`
	Name         string `koji:"name"` // of the parent; with Reverse of the child
	ChildID      int    `koji:"child_id,tag_id"`
	Priority     int    `koji:"priority"` // the least is asked first
	MaxDepth     *int   `koji:"maxdepth"` // how many links further; nil is all
	Intransitive bool   `koji:"intransitive"`
	NoConfig     bool   `koji:"noconfig"` // arches and extra are not inherited
	PkgFilter    string `koji:"pkg_filter"`

	// Only of GetFullInheritance: how far the link is from the tag asked for,
	// how far it may still go, and all package filters on the way.
	Depth     int      `koji:"currdepth"`
	NextDepth *int     `koji:"nextdepth"`
	Filter    []string `koji:"filter"`
}

func getInheritanceData(tag string) spec[[]Inheritance] {
	return value[[]Inheritance]("getInheritanceData", tag).pinned(0).of("tag", tag)
}

// GetInheritanceData returns the direct links of a tag, in order. A tag that
// does not exist is a *NotFoundError.
func (c *Client) GetInheritanceData(ctx context.Context, tag string) ([]Inheritance, error) {
	return call(ctx, c, getInheritanceData(tag))
}

// GetInheritanceData adds Client.GetInheritanceData.
func (b *Batch) GetInheritanceData(tag string) *Pending[[]Inheritance] {
	return add(b, getInheritanceData(tag))
}

// InheritanceOptions says which way to go.
type InheritanceOptions struct {
	Event   int  // 0 is now, or the event of the snapshot
	Reverse bool // the tags that inherit from this one, instead of those it inherits from
}

func getFullInheritance(tag string, o InheritanceOptions) spec[[]Inheritance] {
	return value[[]Inheritance]("getFullInheritance", tag).with(keywords{}.on("reverse", o.Reverse)).pinned(o.Event).of("tag", tag)
}

// GetFullInheritance returns all links from a tag on, in the order in which they
// are looked through. A tag that does not exist is a *NotFoundError.
func (c *Client) GetFullInheritance(ctx context.Context, tag string, o InheritanceOptions) ([]Inheritance, error) {
	return call(ctx, c, getFullInheritance(tag, o))
}

// GetFullInheritance adds Client.GetFullInheritance.
func (b *Batch) GetFullInheritance(tag string, o InheritanceOptions) *Pending[[]Inheritance] {
	return add(b, getFullInheritance(tag, o))
}

// ExternalRepo is a repository of others that a tag builds with.
type ExternalRepo struct {
	ID        int       `koji:"external_repo_id"`
	Name      string    `koji:"external_repo_name"`
	URL       string    `koji:"url"` // $arch stands for the arch
	Priority  int       `koji:"priority"`
	MergeMode MergeMode `koji:"merge_mode"`
	Arches    *string   `koji:"arches"` // separated by spaces; nil is those of the tag
	TagID     int       `koji:"tag_id"`
	TagName   string    `koji:"tag_name"` // the tag it is set in
}

func getExternalRepoList(tag string) spec[[]ExternalRepo] {
	return value[[]ExternalRepo]("getExternalRepoList", tag).pinned(0).of("tag", tag)
}

// GetExternalRepoList returns the external repositories of a tag and of what it
// inherits, in the order of their use. A tag that does not exist is a
// *NotFoundError.
func (c *Client) GetExternalRepoList(ctx context.Context, tag string) ([]ExternalRepo, error) {
	return call(ctx, c, getExternalRepoList(tag))
}

// GetExternalRepoList adds Client.GetExternalRepoList.
func (b *Batch) GetExternalRepoList(tag string) *Pending[[]ExternalRepo] {
	return add(b, getExternalRepoList(tag))
}
