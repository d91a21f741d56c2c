package koji

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// spec is one call and how its answer becomes an R. Client makes it at once, a
// Batch together with others.
type spec[R any] struct {
	method string
	args   []any
	out    any // pointer that the answer is read into
	finish func(error) (R, error)
}

// value is the call whose answer is the result.
func value[R any](method string, args ...any) spec[R] {
	out := new(R)
	return spec[R]{method: method, args: args, out: out, finish: func(err error) (R, error) {
		if err != nil {
			return *new(R), err
		}
		return *out, nil
	}}
}

// one is the call whose answer is a struct, or nil if there is no such thing.
func one[R any](what, ref, method string, args ...any) spec[*R] {
	s := value[*R](method, args...)
	finish := s.finish
	s.finish = func(err error) (*R, error) {
		v, err := finish(missing(err, what, ref))
		if err == nil && v == nil {
			err = &NotFoundError{What: what, Ref: ref}
		}
		return v, err
	}
	return s
}

// of makes faults that say "no such what" a *NotFoundError.
func (s spec[R]) of(what, ref string) spec[R] {
	finish := s.finish
	s.finish = func(err error) (R, error) { return finish(missing(err, what, ref)) }
	return s
}

// missing turns the fault about a missing thing into *NotFoundError. Koji has
// no code of its own for it, only the text (kojihub.py: lookup_name, get_build).
func missing(err error, what, ref string) error {
	var fault *Fault
	if !errors.As(err, &fault) || fault.Code != 1000 {
		return err
	}
	for _, prefix := range []string{"No such ", "Invalid tagInfo: ", "No matching "} {
		if strings.HasPrefix(fault.String, prefix) {
			return &NotFoundError{What: what, Ref: ref, Err: fault}
		}
	}
	return err
}

// named appends the keywords that are set.
func named(args []any, kw Keywords) []any {
	if len(kw) == 0 {
		return args
	}
	return append(args, kw)
}

func getBuild(ref BuildRef) spec[*Build] {
	return one[Build]("build", ref.String(), "getBuild", ref.arg())
}

func listRPMs(buildID int, arches []string) spec[[]RPM] {
	kw := Keywords{}
	if len(arches) > 0 {
		kw["arches"] = arches
	}
	return value[[]RPM]("listRPMs", named([]any{buildID}, kw)...)
}

func listBuildRPMs(ref BuildRef) spec[[]RPM] {
	return value[[]RPM]("listBuildRPMs", ref.arg()).of("build", ref.String())
}

func getRPM(nvra string) spec[*RPM] { return one[RPM]("RPM", nvra, "getRPM", nvra) }

// TaggedOptions selects builds of a tag. The zero value takes what is tagged
// into the tag itself.
type TaggedOptions struct {
	// Event asks for the tag as it was then; 0 is now. Questions that belong
	// together should use the same event (GetLastEvent).
	Event int
	// Inherit adds what the tag inherits. For a side tag that is the whole
	// distribution.
	Inherit bool
	// Latest takes, of each package, only what was tagged last, which need not
	// be the highest version.
	Latest  bool
	Package string // only builds of this source package
	Prefix  string // only source packages with this prefix
	Owner   string // only builds of this user
	Type    string // only builds of this type, such as "module"
}

func (o TaggedOptions) keywords() Keywords {
	kw := Keywords{}
	if o.Event != 0 {
		kw["event"] = o.Event
	}
	for name, on := range map[string]bool{"inherit": o.Inherit, "latest": o.Latest} {
		if on {
			kw[name] = true
		}
	}
	for name, text := range map[string]string{"package": o.Package, "prefix": o.Prefix, "owner": o.Owner, "type": o.Type} {
		if text != "" {
			kw[name] = text
		}
	}
	return kw
}

func listTagged(tag string, o TaggedOptions) spec[[]TaggedBuild] {
	return value[[]TaggedBuild]("listTagged", named([]any{tag}, o.keywords())...).of("tag", tag)
}

// TaggedRPMOptions selects RPMs of a tag; Prefix does not apply.
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

func listTaggedRPMs(tag string, o TaggedRPMOptions) spec[TaggedRPMs] {
	kw := o.keywords()
	delete(kw, "prefix")
	if len(o.Arches) > 0 {
		kw["arch"] = o.Arches
	}
	if o.Signatures {
		kw["rpmsigs"] = true
	}
	var out TaggedRPMs
	s := spec[TaggedRPMs]{method: "listTaggedRPMS", args: named([]any{tag}, kw), out: &wire.Tuple{&out.RPMs, &out.Builds}}
	s.finish = func(err error) (TaggedRPMs, error) {
		if err != nil {
			return TaggedRPMs{}, err
		}
		return out, nil
	}
	return s.of("tag", tag)
}

func getTag(name string, event int) spec[*Tag] {
	kw := Keywords{}
	if event != 0 {
		kw["event"] = event
	}
	return one[Tag]("tag", name, "getTag", named([]any{name}, kw)...)
}

func listTags(ref BuildRef) spec[[]Tag] {
	return value[[]Tag]("listTags", ref.arg()).of("build", ref.String())
}

func getTaskInfo(id int) spec[*Task] {
	return one[Task]("task", strconv.Itoa(id), "getTaskInfo", id, Keywords{"request": true})
}

func getTaskChildren(id int) spec[[]Task] {
	return value[[]Task]("getTaskChildren", id, Keywords{"request": true})
}

func getTaskDescendents(id int) spec[map[int][]Task] {
	var out map[string][]Task
	return spec[map[int][]Task]{
		method: "getTaskDescendents", args: []any{id, Keywords{"request": true}}, out: &out,
		finish: func(err error) (map[int][]Task, error) {
			if err != nil {
				return nil, missing(err, "task", strconv.Itoa(id))
			}
			tree := make(map[int][]Task, len(out))
			for key, children := range out {
				parent, err := strconv.Atoi(key)
				if err != nil {
					return nil, &DecodeError{Method: "getTaskDescendents", Err: err}
				}
				tree[parent] = children
			}
			return tree, nil
		},
	}
}

// statFile is what listTaskOutput tells of a file.
type statFile struct {
	Size    int64     `koji:"st_size"` // a string on the wire
	ModTime time.Time `koji:"st_mtime"`
}

func listTaskOutput(id int) spec[[]TaskFile] {
	var out map[string]map[string]statFile
	return spec[[]TaskFile]{
		method: "listTaskOutput", args: []any{id, Keywords{"stat": true, "all_volumes": true}}, out: &out,
		finish: func(err error) ([]TaskFile, error) {
			if err != nil {
				return nil, missing(err, "task", strconv.Itoa(id))
			}
			files := make([]TaskFile, 0, len(out))
			for _, name := range slices.Sorted(maps.Keys(out)) {
				for _, volume := range slices.Sorted(maps.Keys(out[name])) {
					st := out[name][volume]
					files = append(files, TaskFile{Name: name, Volume: volume, Size: st.Size, ModTime: st.ModTime})
				}
			}
			return files, nil
		},
	}
}

func getRPMChecksums(rpmID int) spec[map[string]Checksums] {
	// Without cacheonly the hub computes and stores, which only users may ask for.
	return value[map[string]Checksums]("getRPMChecksums", rpmID, Keywords{"cacheonly": true}).of("RPM", strconv.Itoa(rpmID))
}

func queryRPMSigs(rpmID int) spec[[]Signature] {
	return value[[]Signature]("queryRPMSigs", rpmID).of("RPM", strconv.Itoa(rpmID))
}

func getBuildTarget(name string) spec[*BuildTarget] {
	return one[BuildTarget]("target", name, "getBuildTarget", name)
}

func listSideTags(baseTag, user string) spec[[]SideTag] {
	kw := Keywords{}
	if baseTag != "" {
		kw["basetag"] = baseTag
	}
	if user != "" {
		kw["user"] = user
	}
	return value[[]SideTag]("listSideTags", named(nil, kw)...)
}
