package koji

import "context"

// call makes a call at once.
func call[R any](ctx context.Context, c *Client, s spec[R]) (R, error) {
	return s.finish(c.Call(ctx, s.method, s.args, s.out))
}

// GetAPIVersion returns the version of the hub's interface, 1 for years.
func (c *Client) GetAPIVersion(ctx context.Context) (int, error) {
	return call(ctx, c, value[int]("getAPIVersion"))
}

// GetKojiVersion returns the hub's version, such as "1.35.3". Hubs before 1.23
// answer with a fault that says "Invalid method".
func (c *Client) GetKojiVersion(ctx context.Context) (string, error) {
	return call(ctx, c, value[string]("getKojiVersion"))
}

// GetBuild returns a build, whatever its state: look at State before going for
// its files. An NVR of the wrong form is a *Fault of class ErrGeneric, a build
// that does not exist a *NotFoundError.
func (c *Client) GetBuild(ctx context.Context, ref BuildRef) (*Build, error) {
	return call(ctx, c, getBuild(ref))
}

// ListRPMs returns the RPMs of a build, of the given arches only (noarch and
// src are arches too) or all. A build that does not exist has none.
func (c *Client) ListRPMs(ctx context.Context, buildID int, arches ...string) ([]RPM, error) {
	return call(ctx, c, listRPMs(buildID, arches))
}

// ListBuildRPMs returns all RPMs of a build. A build that does not exist is a
// *NotFoundError.
func (c *Client) ListBuildRPMs(ctx context.Context, ref BuildRef) ([]RPM, error) {
	return call(ctx, c, listBuildRPMs(ref))
}

// GetRPM returns an RPM by name-version-release.arch, or a *NotFoundError.
func (c *Client) GetRPM(ctx context.Context, nvra string) (*RPM, error) {
	return call(ctx, c, getRPM(nvra))
}

// ListTagged returns the complete builds of a tag, later tagged ones first. A
// tag that does not exist is a *NotFoundError.
func (c *Client) ListTagged(ctx context.Context, tag string, o TaggedOptions) ([]TaggedBuild, error) {
	return call(ctx, c, listTagged(tag, o))
}

// ListTaggedRPMs returns the RPMs of a tag with their builds. Name an arch: all
// RPMs of a release are an answer of many megabytes. A tag that does not exist
// is a *NotFoundError.
func (c *Client) ListTaggedRPMs(ctx context.Context, tag string, o TaggedRPMOptions) (TaggedRPMs, error) {
	return call(ctx, c, listTaggedRPMs(tag, o))
}

// GetTag returns a tag as it is now, or a *NotFoundError.
func (c *Client) GetTag(ctx context.Context, name string) (*Tag, error) {
	return call(ctx, c, getTag(name, 0))
}

// GetTagAt returns a tag as it was at an event, or a *NotFoundError.
func (c *Client) GetTagAt(ctx context.Context, name string, event int) (*Tag, error) {
	return call(ctx, c, getTag(name, event))
}

// ListTags returns the tags that a build is in, without their Extra.
func (c *Client) ListTags(ctx context.Context, ref BuildRef) ([]Tag, error) {
	return call(ctx, c, listTags(ref))
}

// GetTaskInfo returns a task with its Request, or a *NotFoundError.
func (c *Client) GetTaskInfo(ctx context.Context, id int) (*Task, error) {
	return call(ctx, c, getTaskInfo(id))
}

// GetTaskChildren returns the direct children of a task with their Requests. A
// task that does not exist has none.
func (c *Client) GetTaskChildren(ctx context.Context, id int) ([]Task, error) {
	return call(ctx, c, getTaskChildren(id))
}

// GetTaskDescendents returns the tree below a task: for the task and each of
// its descendents the direct children.
func (c *Client) GetTaskDescendents(ctx context.Context, id int) (map[int][]Task, error) {
	return call(ctx, c, getTaskDescendents(id))
}

// ListTaskOutput returns the files that a task left, on all volumes, sorted by
// name. Once they have been deleted, and for a task that does not exist, there
// are none.
func (c *Client) ListTaskOutput(ctx context.Context, id int) ([]TaskFile, error) {
	return call(ctx, c, listTaskOutput(id))
}

// GetRPMChecksums returns by signing key ("" is the unsigned copy) what the hub
// already knows of the checksums of whole files.
func (c *Client) GetRPMChecksums(ctx context.Context, rpmID int) (map[string]Checksums, error) {
	return call(ctx, c, getRPMChecksums(rpmID))
}

// QueryRPMSigs returns with which keys an RPM is signed. The signed copy may
// have been removed all the same (PathInfo.Sigcache).
func (c *Client) QueryRPMSigs(ctx context.Context, rpmID int) ([]Signature, error) {
	return call(ctx, c, queryRPMSigs(rpmID))
}

// GetLastEvent returns the latest event, to pin questions about tags to.
func (c *Client) GetLastEvent(ctx context.Context) (Event, error) {
	return call(ctx, c, value[Event]("getLastEvent"))
}

// GetBuildTarget returns a build target, or a *NotFoundError.
func (c *Client) GetBuildTarget(ctx context.Context, name string) (*BuildTarget, error) {
	return call(ctx, c, getBuildTarget(name))
}

// ListSideTags returns the side tags of a base tag and of a user; "" is any. A
// hub without the plugin answers with a *Fault that says "Invalid method".
func (c *Client) ListSideTags(ctx context.Context, baseTag, user string) ([]SideTag, error) {
	return call(ctx, c, listSideTags(baseTag, user))
}
