package koji

import "context"

// BuildTarget says where a build of that target is made and where it goes.
type BuildTarget struct {
	ID           int    `koji:"id"`
	Name         string `koji:"name"`
	BuildTagID   int    `koji:"build_tag"`
	BuildTagName string `koji:"build_tag_name"`
	DestTagID    int    `koji:"dest_tag"`
	DestTagName  string `koji:"dest_tag_name"`
}

func getBuildTarget(name string) spec[*BuildTarget] {
	return one[BuildTarget]("target", name, "getBuildTarget", name).pinned(0)
}

// GetBuildTarget returns a build target, or a *NotFoundError.
func (c *Client) GetBuildTarget(ctx context.Context, name string) (*BuildTarget, error) {
	return call(ctx, c, getBuildTarget(name))
}

// GetBuildTarget adds Client.GetBuildTarget.
func (b *Batch) GetBuildTarget(name string) *Pending[*BuildTarget] {
	return add(b, getBuildTarget(name))
}

// TargetOptions selects build targets; conditions add up. The zero value
// selects all.
type TargetOptions struct {
	Event    int    // 0 is now, or the event of the snapshot
	Name     string // of the target
	BuildTag string // that builds in this tag
	DestTag  string // whose builds go into this tag
	Page     Page   // Order by id or name
}

func getBuildTargets(o TargetOptions) spec[[]BuildTarget] {
	return value[[]BuildTarget]("getBuildTargets").with(keywords{}.text("info", o.Name).text("buildTagID", o.BuildTag).
		text("destTagID", o.DestTag).page(o.Page)).pinned(o.Event)
}

// GetBuildTargets returns the build targets that are selected.
func (c *Client) GetBuildTargets(ctx context.Context, o TargetOptions) ([]BuildTarget, error) {
	return call(ctx, c, getBuildTargets(o))
}

// GetBuildTargets adds Client.GetBuildTargets.
func (b *Batch) GetBuildTargets(o TargetOptions) *Pending[[]BuildTarget] {
	return add(b, getBuildTargets(o))
}
