package koji

import (
	"context"
	"iter"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// TaggedBuild is a build as a tag holds it. The hub leaves Source and the
// content generator out here, and Extra unless it is asked for.
type TaggedBuild struct {
	Build
	TagID    int    `koji:"tag_id"`
	TagName  string `koji:"tag_name"`     // the tag it really is in, when others are inherited
	TagEvent int    `koji:"create_event"` // of the tagging: the greater, the later
}

// TaggedOptions selects builds of a tag. The zero value takes what is tagged
// into the tag itself.
type TaggedOptions struct {
	// Event asks for the tag as it was then; 0 is now, or the event of the
	// snapshot. Questions that belong together should use the same event.
	Event int
	// Inherit adds what the tag inherits. For a side tag that is the whole
	// distribution.
	Inherit bool
	// Latest takes, of each package, only what was tagged last, which need not
	// be the highest version. LatestN takes the last n.
	Latest  bool
	LatestN int
	Package string // only builds of this source package
	Prefix  string // only source packages with this prefix
	Owner   string // only builds of this user
	Type    string // only builds of this type, such as "module"
	Extra   bool   // give Build.Extra
	Draft   *bool  // nil is both
}

func (o TaggedOptions) keywords() keywords {
	return keywords{}.on("inherit", o.Inherit).on("latest", o.Latest).number("latest", o.LatestN).text("package", o.Package).
		text("prefix", o.Prefix).text("owner", o.Owner).text("type", o.Type).on("extra", o.Extra).flag("draft", o.Draft)
}

func listTagged(tag string, o TaggedOptions) spec[[]TaggedBuild] {
	return value[[]TaggedBuild]("listTagged", tag).with(o.keywords()).pinned(o.Event).of("tag", tag)
}

// ListTagged returns the complete builds of a tag, later tagged ones first;
// those of blocked packages are left out. A tag that does not exist is a
// *NotFoundError.
func (c *Client) ListTagged(ctx context.Context, tag string, o TaggedOptions) ([]TaggedBuild, error) {
	return call(ctx, c, listTagged(tag, o))
}

// ListTagged adds Client.ListTagged.
func (b *Batch) ListTagged(tag string, o TaggedOptions) *Pending[[]TaggedBuild] {
	return add(b, listTagged(tag, o))
}

// TaggedBuilds iterates over what ListTagged returns.
func (c *Client) TaggedBuilds(ctx context.Context, tag string, o TaggedOptions) iter.Seq2[*TaggedBuild, error] {
	return iterate(ctx, c, listTagged(tag, o))
}

// LatestOptions selects builds of a tag and what it inherits, the last of each
// package.
type LatestOptions struct {
	Event   int    // 0 is now, or the event of the snapshot
	Package string // only this source package
	Type    string // only builds of this type
	Draft   *bool  // nil is both
}

func (o LatestOptions) keywords() keywords {
	return keywords{}.text("package", o.Package).text("type", o.Type).flag("draft", o.Draft)
}

func getLatestBuilds(tag string, o LatestOptions) spec[[]TaggedBuild] {
	return value[[]TaggedBuild]("getLatestBuilds", tag).with(o.keywords()).pinned(o.Event).of("tag", tag)
}

// GetLatestBuilds returns of each package the build that was tagged last into
// the tag, or else into what it inherits. A tag that does not exist is a
// *NotFoundError.
func (c *Client) GetLatestBuilds(ctx context.Context, tag string, o LatestOptions) ([]TaggedBuild, error) {
	return call(ctx, c, getLatestBuilds(tag, o))
}

// GetLatestBuilds adds Client.GetLatestBuilds.
func (b *Batch) GetLatestBuilds(tag string, o LatestOptions) *Pending[[]TaggedBuild] {
	return add(b, getLatestBuilds(tag, o))
}

// TaggedRPMOptions selects RPMs of a tag; Prefix does not apply, and Extra is
// always given.
type TaggedRPMOptions struct {
	TaggedOptions
	Arches []string // only these
	// Signatures gives one RPM for each signature that the hub has, with SigKey set.
	Signatures bool
}

// TaggedRPMs is what a tag holds, RPMs and the builds they are of.
type TaggedRPMs struct {
	RPMs   []RPM
	Builds []TaggedBuild
}

// tuple reads the pair that the hub answers with.
func (s spec[R]) tuple(rpms, builds any) spec[R] {
	s.out = &wire.Tuple{rpms, builds}
	return s
}

func listTaggedRPMs(tag string, o TaggedRPMOptions) spec[TaggedRPMs] {
	k := o.keywords().texts("arch", o.Arches).on("rpmsigs", o.Signatures)
	delete(k, "prefix")
	delete(k, "extra")
	return taggedRPMs("listTaggedRPMS", tag).with(k).pinned(o.Event).of("tag", tag)
}

func taggedRPMs(method, tag string) spec[TaggedRPMs] {
	var out TaggedRPMs
	s := into(method, func(*struct{}) (TaggedRPMs, error) { return out, nil }, tag)
	return s.tuple(&out.RPMs, &out.Builds)
}

// ListTaggedRPMs returns the RPMs of a tag with their builds. Name an arch: all
// RPMs of a release are an answer of many megabytes; TaggedRPMs does not hold
// them. A tag that does not exist is a *NotFoundError.
func (c *Client) ListTaggedRPMs(ctx context.Context, tag string, o TaggedRPMOptions) (TaggedRPMs, error) {
	return call(ctx, c, listTaggedRPMs(tag, o))
}

// ListTaggedRPMs adds Client.ListTaggedRPMs.
func (b *Batch) ListTaggedRPMs(tag string, o TaggedRPMOptions) *Pending[TaggedRPMs] {
	return add(b, listTaggedRPMs(tag, o))
}

// TaggedRPMs iterates over the RPMs of a tag, holding one at a time. Their
// builds are the answer of ListTagged with the same options and event.
func (c *Client) TaggedRPMs(ctx context.Context, tag string, o TaggedRPMOptions) iter.Seq2[*RPM, error] {
	return iterateIn[RPM](ctx, c, listTaggedRPMs(tag, o), func(rows *wire.Each) any { return &wire.Tuple{rows} })
}

// LatestRPMOptions selects RPMs of the builds that LatestOptions selects.
type LatestRPMOptions struct {
	LatestOptions
	Arches []string // only these
	// Signatures gives one RPM for each signature that the hub has, with SigKey set.
	Signatures bool
}

func getLatestRPMs(tag string, o LatestRPMOptions) spec[TaggedRPMs] {
	k := o.keywords().texts("arch", o.Arches).on("rpmsigs", o.Signatures)
	return taggedRPMs("getLatestRPMS", tag).with(k).pinned(o.Event).of("tag", tag)
}

// GetLatestRPMs returns the RPMs of the builds that GetLatestBuilds returns. A
// tag that does not exist is a *NotFoundError.
func (c *Client) GetLatestRPMs(ctx context.Context, tag string, o LatestRPMOptions) (TaggedRPMs, error) {
	return call(ctx, c, getLatestRPMs(tag, o))
}

// GetLatestRPMs adds Client.GetLatestRPMs.
func (b *Batch) GetLatestRPMs(tag string, o LatestRPMOptions) *Pending[TaggedRPMs] {
	return add(b, getLatestRPMs(tag, o))
}
