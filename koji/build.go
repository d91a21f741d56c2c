package koji

import (
	"context"
	"iter"
	"strconv"
	"time"
)

// DefaultVolume is the name of the volume directly below the top URL.
const DefaultVolume = "DEFAULT"

// Build is a build as getBuild answers. Pointers are nil where the hub says
// nil, and members that a method leaves out are zero: ListBuilds knows no
// content generator, ListTagged neither that nor Source.
type Build struct {
	ID                 int        `koji:"id,build_id"`
	PackageID          int        `koji:"package_id"`
	Name               string     `koji:"package_name,name"` // the source package's
	Version            string     `koji:"version"`
	Release            string     `koji:"release"`
	Epoch              *int       `koji:"epoch"`
	NVR                string     `koji:"nvr"` // name-version-release, without epoch
	State              BuildState `koji:"state"`
	Draft              bool       `koji:"draft"`   // hubs before 1.34 know none
	TaskID             *int       `koji:"task_id"` // nil for imported builds
	OwnerID            int        `koji:"owner_id"`
	OwnerName          string     `koji:"owner_name"`
	VolumeID           int        `koji:"volume_id"`
	VolumeName         string     `koji:"volume_name"` // DefaultVolume, or another disk of the hub
	Event              int        `koji:"creation_event_id"`
	Created            time.Time  `koji:"creation_ts,creation_time"`
	Started            *time.Time `koji:"start_ts,start_time"`
	Completed          *time.Time `koji:"completion_ts,completion_time"` // nil while building
	Promoted           *time.Time `koji:"promotion_ts,promotion_time"`   // of former drafts
	PromoterID         *int       `koji:"promoter_id"`
	Promoter           *string    `koji:"promoter_name"`
	Source             *string    `koji:"source"` // such as git+https://src.fedoraproject.org/rpms/x.git#commit
	ContentGenerator   *string    `koji:"cg_name"`
	ContentGeneratorID *int       `koji:"cg_id"`
	// Extra is free form, as it came; OriginalURL and TypeInfo read the members
	// that are common.
	Extra map[string]any `koji:"extra"`
}

// EVR returns epoch:version-release, without the epoch if there is none.
func (b *Build) EVR() string { return evr(b.Epoch, b.Version, b.Release) }

// Ref names the build for another call.
func (b *Build) Ref() BuildRef { return BuildRef{ID: b.ID, NVR: b.NVR} }

// OriginalURL returns extra.source.original_url, what the build was asked for
// with, or "".
func (b *Build) OriginalURL() string {
	text, _ := member(b.Extra, "source")["original_url"].(string)
	return text
}

// TypeInfo returns extra.typeinfo of a build type such as "module" or "image",
// which content generators fill, or nil.
func (b *Build) TypeInfo(buildType string) map[string]any {
	return member(member(b.Extra, "typeinfo"), buildType)
}

// member returns a map inside a map, nil if there is none.
func member(m map[string]any, name string) map[string]any {
	inner, _ := m[name].(map[string]any)
	return inner
}

func evr(epoch *int, version, release string) string {
	s := version + "-" + release
	if epoch != nil {
		s = strconv.Itoa(*epoch) + ":" + s
	}
	return s
}

// BuildOptions selects builds; conditions add up. The zero value selects the
// millions of all builds.
type BuildOptions struct {
	Package string // only of this source package
	User    string // only of this owner
	Prefix  string // only of source packages that begin so
	Pattern string // only with such an NVR; * and ? are wildcards, case does not count
	Source  string // only with such a Source; * and ? are wildcards
	// State is the state, nil is any: new(koji.BuildComplete).
	State            *BuildState
	TaskID           int  // only of this task; AnyTask is of any task at all
	VolumeID         *int // only on this volume
	Type             string
	TypeInfo         map[string]any // only with these members; for Type maven and win
	ContentGenerator string
	Draft            *bool // nil is both
	Promoter         string

	// Before and After are exclusive; the zero time does not restrict.
	CreatedBefore, CreatedAfter     time.Time
	CompletedBefore, CompletedAfter time.Time
	PromotedBefore, PromotedAfter   time.Time

	Page Page // Order by members of listBuilds, such as build_id or nvr
}

// AnyTask selects builds that were made by a task and not imported.
const AnyTask = -1

func (o BuildOptions) keywords() keywords {
	k := keywords{}.text("packageID", o.Package).text("userID", o.User).text("prefix", o.Prefix).
		text("pattern", o.Pattern).text("source", o.Source).number("taskID", o.TaskID).text("type", o.Type).
		text("cgID", o.ContentGenerator).flag("draft", o.Draft).text("promoter", o.Promoter).
		moment("createdBefore", o.CreatedBefore).moment("createdAfter", o.CreatedAfter).
		moment("completeBefore", o.CompletedBefore).moment("completeAfter", o.CompletedAfter).
		moment("promotedBefore", o.PromotedBefore).moment("promotedAfter", o.PromotedAfter).page(o.Page)
	if o.State != nil {
		k["state"] = int(*o.State)
	}
	if o.VolumeID != nil {
		k["volumeID"] = *o.VolumeID
	}
	if len(o.TypeInfo) > 0 {
		k["typeInfo"] = o.TypeInfo
	}
	return k
}

func getBuild(ref BuildRef) spec[*Build] {
	return one[Build]("build", ref.String(), "getBuild", ref.arg())
}

// GetBuild returns a build, whatever its state: look at State before going for
// its files. An NVR of the wrong form is a *Fault of class ErrGeneric, a build
// that does not exist a *NotFoundError.
func (c *Client) GetBuild(ctx context.Context, ref BuildRef) (*Build, error) {
	return call(ctx, c, getBuild(ref))
}

// GetBuild adds Client.GetBuild.
func (b *Batch) GetBuild(ref BuildRef) *Pending[*Build] { return add(b, getBuild(ref)) }

func listBuilds(o BuildOptions) spec[[]Build] {
	return value[[]Build]("listBuilds").with(o.keywords())
}

// ListBuilds returns the builds that are selected. A package or user that does
// not exist has none.
func (c *Client) ListBuilds(ctx context.Context, o BuildOptions) ([]Build, error) {
	return call(ctx, c, listBuilds(o))
}

// ListBuilds adds Client.ListBuilds.
func (b *Batch) ListBuilds(o BuildOptions) *Pending[[]Build] { return add(b, listBuilds(o)) }

// Builds iterates over what ListBuilds returns.
func (c *Client) Builds(ctx context.Context, o BuildOptions) iter.Seq2[*Build, error] {
	return iterate(ctx, c, listBuilds(o))
}

func countBuilds(o BuildOptions) spec[int] { return counted("listBuilds", nil, o.keywords()) }

// CountBuilds returns how many builds are selected; Page does not matter.
func (c *Client) CountBuilds(ctx context.Context, o BuildOptions) (int, error) {
	return call(ctx, c, countBuilds(o))
}

// CountBuilds adds Client.CountBuilds.
func (b *Batch) CountBuilds(o BuildOptions) *Pending[int] { return add(b, countBuilds(o)) }

// BuildLog is a log file of a build.
type BuildLog struct {
	Name string `koji:"name"` // build.log
	Dir  string `koji:"dir"`  // the arch, or a folder below it
	Path string `koji:"path"` // below the top URL; see PathInfo.File
}

func getBuildLogs(ref BuildRef) spec[[]BuildLog] {
	return value[[]BuildLog]("getBuildLogs", ref.arg()).of("build", ref.String())
}

// GetBuildLogs returns the logs of a complete build; those of others are among
// the output of their tasks. A build that does not exist is a *NotFoundError.
func (c *Client) GetBuildLogs(ctx context.Context, ref BuildRef) ([]BuildLog, error) {
	return call(ctx, c, getBuildLogs(ref))
}

// GetBuildLogs adds Client.GetBuildLogs.
func (b *Batch) GetBuildLogs(ref BuildRef) *Pending[[]BuildLog] { return add(b, getBuildLogs(ref)) }

func getBuildType(ref BuildRef) spec[map[string]map[string]any] {
	return into("getBuildType", func(out *map[string]map[string]any) (map[string]map[string]any, error) {
		if *out == nil {
			return nil, &NotFoundError{What: "build", Ref: ref.String()}
		}
		return *out, nil
	}, ref.arg()).of("build", ref.String())
}

// GetBuildType returns what a build consists of: for each type (rpm, maven,
// win, image, module, ...) what the hub knows about it, nil for nothing. A
// build that does not exist is a *NotFoundError.
func (c *Client) GetBuildType(ctx context.Context, ref BuildRef) (map[string]map[string]any, error) {
	return call(ctx, c, getBuildType(ref))
}

// GetBuildType adds Client.GetBuildType.
func (b *Batch) GetBuildType(ref BuildRef) *Pending[map[string]map[string]any] {
	return add(b, getBuildType(ref))
}

func listBTypes() spec[[]Named] { return value[[]Named]("listBTypes") }

// ListBTypes returns the types of builds that this hub knows; their ids are its
// own.
func (c *Client) ListBTypes(ctx context.Context) ([]Named, error) { return call(ctx, c, listBTypes()) }

// ListBTypes adds Client.ListBTypes.
func (b *Batch) ListBTypes() *Pending[[]Named] { return add(b, listBTypes()) }
