package kojitest

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/internal/wire"
)

// The records of the hub in the members' order of the real one: queries answer
// in the order of names, what is added later stands behind.

// when is a date as the database gives it: isoformat(' ').
func when(t time.Time) string {
	if t.Nanosecond()/1000 == 0 {
		return t.Format("2006-01-02 15:04:05-07:00")
	}
	return t.Format("2006-01-02 15:04:05.000000-07:00")
}

func stamp(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// optional gives nil for a nil pointer.
func optional(p *int) any {
	if p == nil {
		return nil
	}
	return *p
}

func nonzero(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

func nonempty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// only gives v, or nil where the record has none yet.
func only(there bool, v any) any {
	if !there {
		return nil
	}
	return v
}

func maybeExtra(extra map[string]any) any {
	if extra == nil {
		return nil
	}
	return extra
}

// row is the build as getBuild answers.
func (b *build) row() wire.Struct {
	done := b.State != koji.BuildBuilding
	return wire.Struct{
		{Name: "build_id", Value: b.id},
		{Name: "cg_id", Value: nil},
		{Name: "completion_time", Value: only(done, when(b.Completed))},
		{Name: "completion_ts", Value: only(done, stamp(b.Completed))},
		{Name: "creation_event_id", Value: b.event},
		{Name: "creation_time", Value: when(b.created)},
		{Name: "creation_ts", Value: stamp(b.created)},
		{Name: "draft", Value: b.Draft},
		{Name: "epoch", Value: optional(b.Epoch)},
		{Name: "extra", Value: maybeExtra(b.Extra)},
		{Name: "id", Value: b.id},
		{Name: "name", Value: b.name},
		{Name: "nvr", Value: b.NVR},
		{Name: "owner_id", Value: b.owner.id},
		{Name: "owner_name", Value: b.owner.Name},
		{Name: "package_id", Value: b.pkg},
		{Name: "package_name", Value: b.name},
		{Name: "promoter_id", Value: nil},
		{Name: "promoter_name", Value: nil},
		{Name: "promotion_time", Value: nil},
		{Name: "promotion_ts", Value: nil},
		{Name: "release", Value: b.release},
		{Name: "source", Value: nonempty(b.Source)},
		{Name: "start_time", Value: when(b.Started)},
		{Name: "start_ts", Value: stamp(b.Started)},
		{Name: "state", Value: int(b.State)},
		{Name: "task_id", Value: nonzero(b.TaskID)},
		{Name: "version", Value: b.version},
		{Name: "volume_id", Value: b.volume},
		{Name: "volume_name", Value: b.Volume},
		{Name: "cg_name", Value: nil},
	}
}

// listRow is the build as listBuilds answers: without id and content generator.
func (b *build) listRow() wire.Struct {
	var out wire.Struct
	for _, m := range b.row() {
		if m.Name != "id" && m.Name != "cg_id" && m.Name != "cg_name" {
			out = append(out, m)
		}
	}
	return out
}

// row is the archive as listArchives answers; asked for images it tells the arch.
func (a *archiveRow) row(kind string) wire.Struct {
	sum := sha256.Sum256(a.Data)
	out := wire.Struct{
		{Name: "btype", Value: a.BuildType},
		{Name: "btype_id", Value: a.typeID},
		{Name: "build_id", Value: a.build.id},
		{Name: "buildroot_id", Value: nil},
		{Name: "checksum", Value: hex.EncodeToString(sum[:])},
		{Name: "checksum_type", Value: int(koji.ChecksumSHA256)},
		{Name: "compression_type", Value: nil},
		{Name: "extra", Value: maybeExtra(a.Extra)},
		{Name: "filename", Value: a.Name},
		{Name: "id", Value: a.id},
		{Name: "metadata_only", Value: false},
		{Name: "size", Value: len(a.Data)},
		{Name: "type_description", Value: a.TypeName + " file"},
		{Name: "type_extensions", Value: strings.TrimPrefix(path.Ext(a.Name), ".")},
		{Name: "type_id", Value: 1},
		{Name: "type_name", Value: a.TypeName},
	}
	if kind == "image" {
		out = append(wire.Struct{{Name: "arch", Value: a.Arch}}, out...)
	}
	return out
}

// row is the build as listTagged answers.
func (l *tagging) row(extra bool) wire.Struct {
	b := l.build
	out := wire.Struct{
		{Name: "build_id", Value: b.id},
		{Name: "completion_time", Value: when(b.Completed)},
		{Name: "create_event", Value: l.event},
		{Name: "creation_event_id", Value: b.event},
		{Name: "creation_time", Value: when(b.created)},
		{Name: "draft", Value: b.Draft},
		{Name: "epoch", Value: optional(b.Epoch)},
	}
	if extra {
		out = append(out, wire.Member{Name: "extra", Value: maybeExtra(b.Extra)})
	}
	return append(out, wire.Struct{
		{Name: "id", Value: b.id},
		{Name: "name", Value: b.name},
		{Name: "nvr", Value: b.NVR},
		{Name: "owner_id", Value: b.owner.id},
		{Name: "owner_name", Value: b.owner.Name},
		{Name: "package_id", Value: b.pkg},
		{Name: "package_name", Value: b.name},
		{Name: "promoter_id", Value: nil},
		{Name: "promoter_name", Value: nil},
		{Name: "promotion_time", Value: nil},
		{Name: "release", Value: b.release},
		{Name: "start_time", Value: when(b.Started)},
		{Name: "state", Value: int(b.State)},
		{Name: "tag_id", Value: l.tag.id},
		{Name: "tag_name", Value: l.tag.Name},
		{Name: "task_id", Value: nonzero(b.TaskID)},
		{Name: "version", Value: b.version},
		{Name: "volume_id", Value: b.volume},
		{Name: "volume_name", Value: b.Volume},
	}...)
}

// rpmShape says which of the members that not every method gives are there.
type rpmShape struct {
	external, nvr, extra, sigkey bool
	sig                          any
}

func (r *rpmRow) row(s rpmShape) wire.Struct {
	out := wire.Struct{
		{Name: "arch", Value: r.arch},
		{Name: "build_id", Value: r.build.id},
		{Name: "buildroot_id", Value: nil},
		{Name: "buildtime", Value: r.buildTime},
		{Name: "draft", Value: r.build.Draft},
		{Name: "epoch", Value: optional(r.epoch)},
	}
	add := func(there bool, name string, v any) {
		if there {
			out = append(out, wire.Member{Name: name, Value: v})
		}
	}
	add(s.external, "external_repo_id", 0)
	add(s.external, "external_repo_name", "INTERNAL")
	add(s.extra, "extra", nil)
	add(true, "id", r.id)
	add(true, "metadata_only", r.metadataOnly)
	add(true, "name", r.name)
	add(s.nvr, "nvr", r.nvr())
	add(true, "payloadhash", r.payloadHash)
	add(true, "release", r.release)
	add(s.sigkey, "sigkey", s.sig)
	add(true, "size", r.size)
	add(true, "version", r.version)
	return out
}

// row is the task as getTaskInfo and its kin answer; they put the request in
// different places.
func (t *task) row(request, sorted bool) wire.Struct {
	started := t.State != koji.TaskFree && t.State != koji.TaskAssigned
	done := t.State.Finished()
	var parent any
	if t.parent != nil {
		parent = t.parent.ID
	}
	out := wire.Struct{
		{Name: "arch", Value: t.Arch},
		{Name: "awaited", Value: nil},
		{Name: "channel_id", Value: 1},
		{Name: "completion_time", Value: only(done, when(t.Completed))},
		{Name: "completion_ts", Value: only(done, stamp(t.Completed))},
		{Name: "create_time", Value: when(t.Created)},
		{Name: "create_ts", Value: stamp(t.Created)},
		{Name: "host_id", Value: nil},
		{Name: "id", Value: t.ID},
		{Name: "label", Value: nonempty(t.Label)},
		{Name: "method", Value: t.Method},
		{Name: "owner", Value: t.owner.id},
		{Name: "parent", Value: parent},
		{Name: "priority", Value: t.Priority},
	}
	if request && sorted {
		out = append(out, wire.Member{Name: "request", Value: t.Request})
	}
	out = append(out, wire.Struct{
		{Name: "start_time", Value: only(started, when(t.Started))},
		{Name: "start_ts", Value: only(started, stamp(t.Started))},
		{Name: "state", Value: int(t.State)},
		{Name: "waiting", Value: nil},
		{Name: "weight", Value: 1.0},
	}...)
	if request && !sorted {
		out = append(out, wire.Member{Name: "request", Value: t.Request})
	}
	return out
}

// stat is what listTaskOutput tells of a file.
func (f *file) stat() wire.Struct {
	size, err := f.size()
	if err != nil {
		size = 0
	}
	at := stamp(f.mtime)
	return wire.Struct{
		{Name: "st_atime", Value: at},
		{Name: "st_ctime", Value: at},
		{Name: "st_mtime", Value: at},
		{Name: "st_size", Value: strconv.FormatInt(size, 10)},
	}
}
