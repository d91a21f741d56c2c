package kojitest

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/internal/wire"
)

// buildMethods are those about builds, RPMs and archives.
func buildMethods() map[string]method {
	return map[string]method{
		"getBuild": signature("get_build", "buildInfo, strict=False", (*Hub).getBuild),
		"listBuilds": signature("listBuilds", "packageID=None, userID=None, taskID=None, prefix=None, state=None, volumeID=None, source=None, "+
			"createdBefore=None, createdAfter=None, completeBefore=None, completeAfter=None, type=None, typeInfo=None, queryOpts=None, pattern=None, "+
			"cgID=None, draft=None, promotedBefore=None, promotedAfter=None, promoter=None", (*Hub).listBuilds),
		"untaggedBuilds":      signature("untagged_builds", "name=None, queryOpts=None, draft=None", (*Hub).untaggedBuilds),
		"getBuildLogs":        signature("get_build_logs", "build", (*Hub).getBuildLogs),
		"getBuildType":        signature("get_build_type", "buildInfo, strict=False", (*Hub).getBuildType),
		"getMavenBuild":       signature("get_maven_build", "buildInfo, strict=False", none),
		"getWinBuild":         signature("get_win_build", "buildInfo, strict=False", none),
		"getImageBuild":       signature("get_image_build", "buildInfo, strict=False", (*Hub).getImageBuild),
		"getChangelogEntries": signature("getChangelogEntries", "buildID=None, taskID=None, filepath=None, author=None, before=None, after=None, queryOpts=None, strict=False", (*Hub).getChangelogEntries),

		"listRPMs":        signature("list_rpms", "buildID=None, buildrootID=None, imageID=None, componentBuildrootID=None, hostID=None, arches=None, queryOpts=None, draft=None", (*Hub).listRPMs),
		"listBuildRPMs":   signature("listBuildRPMs", "build", (*Hub).listBuildRPMs),
		"getRPM":          signature("get_rpm", "rpminfo, strict=False, multi=False", (*Hub).getRPM),
		"getRPMHeaders":   signature("getRPMHeaders", "rpmID=None, taskID=None, filepath=None, headers=None, strict=False", (*Hub).getRPMHeaders),
		"getRPMDeps":      signature("getRPMDeps", "rpmID, depType=None, queryOpts=None, strict=False", (*Hub).getRPMDeps),
		"listRPMFiles":    signature("listRPMFiles", "rpmID, queryOpts=None", (*Hub).listRPMFiles),
		"queryRPMSigs":    signature("query_rpm_sigs", "rpm_id=None, sigkey=None, queryOpts=None", (*Hub).queryRPMSigs),
		"getRPMChecksums": signature("getRPMChecksums", "rpm_id, checksum_types=None, cacheonly=False", (*Hub).getRPMChecksums),

		"listArchives": signature("list_archives", "buildID=None, buildrootID=None, componentBuildrootID=None, hostID=None, type=None, filename=None, "+
			"size=None, checksum=None, checksum_type=None, typeInfo=None, queryOpts=None, imageID=None, archiveID=None, strict=False", (*Hub).listArchives),
	}
}

// none answers for what this hub never has.
func none(*Hub, args) (any, error) { return nil, nil }

// findBuild finds by id, NVR or {name, version, release}; nil is none.
func (h *Hub) findBuild(info any) (*build, error) {
	switch v := info.(type) {
	case int64:
		if v < 1 || v > int64(len(h.builds)) {
			return nil, nil
		}
		return h.builds[v-1], nil
	case string:
		if _, _, _, ok := splitNVR(v); !ok {
			return nil, generic("invalid format: %s", v)
		}
		return h.buildByNVR(v), nil
	case map[string]any:
		if id, ok := v["id"].(int64); ok {
			return h.findBuild(id)
		}
		return h.buildByNVR(fmt.Sprintf("%v-%v-%v", v["name"], v["version"], v["release"])), nil
	default:
		return nil, generic("Invalid type for argument: %s", python(info))
	}
}

// needBuild is the same where a missing build is a fault.
func (h *Hub) needBuild(info any) (*build, error) {
	b, err := h.findBuild(info)
	if err == nil && b == nil {
		err = generic("No such build: %s", python(info))
	}
	return b, err
}

func (h *Hub) getBuild(a args) (any, error) {
	b, err := h.findBuild(a["buildInfo"])
	switch {
	case err != nil:
		return nil, err
	case b != nil:
		return b.row(), nil
	case a.bool("strict"):
		return nil, generic("No such build: %s", python(a["buildInfo"]))
	}
	return nil, nil
}

func (h *Hub) listBuilds(a args) (any, error) {
	pkg, owner := 0, (*account)(nil)
	if a["packageID"] != nil {
		if pkg = h.findPackage(a["packageID"]); pkg == 0 {
			return []any{}, nil
		}
	}
	if a["userID"] != nil {
		if owner = h.findUser(a["userID"]); owner == nil {
			return []any{}, nil
		}
	}
	if a["promoter"] != nil || a["cgID"] != nil { // nobody promotes or generates here
		return []any{}, nil
	}
	if kind := a.text("type"); kind != "" && !slices.Contains(h.types.list, kind) {
		return nil, generic("unsupported build type: %s", kind)
	}
	rows := []any{}
	for _, b := range h.builds {
		if (pkg == 0 || b.pkg == pkg) && (owner == nil || b.owner == owner) && b.selected(a) {
			rows = append(rows, b.listRow())
		}
	}
	return page(rows, a["queryOpts"])
}

// selected applies the conditions of listBuilds that are about the build alone.
func (b *build) selected(a args) bool {
	task, anyTask := a["taskID"].(int64)
	return (a["state"] == nil || a["state"] == int64(b.State)) &&
		(!anyTask || task == int64(b.TaskID) || task == -1 && b.TaskID != 0) &&
		(a["volumeID"] == nil || a["volumeID"] == int64(b.volume)) &&
		(a["prefix"] == nil || strings.HasPrefix(strings.ToLower(b.name), strings.ToLower(a.text("prefix")))) &&
		(a["pattern"] == nil || matches(a.text("pattern"), b.NVR)) &&
		(a["source"] == nil || b.Source != "" && matches(a.text("source"), b.Source)) &&
		(a["draft"] == nil || a["draft"] == b.Draft) &&
		(a["type"] == nil || slices.Contains(b.types(), a.text("type"))) &&
		a.between("createdAfter", "createdBefore", b.created, true) &&
		a.between("completeAfter", "completeBefore", b.Completed, b.State != koji.BuildBuilding) &&
		a.between("promotedAfter", "promotedBefore", b.created, false)
}

// untaggedBuilds lists complete builds that are in no tag.
func (h *Hub) untaggedBuilds(a args) (any, error) {
	rows := []any{}
	for _, b := range h.builds {
		if b.State != koji.BuildComplete || a["name"] != nil && a["name"] != b.name || a["draft"] != nil && a["draft"] != b.Draft ||
			slices.ContainsFunc(h.listing, func(l *tagging) bool { return l.build == b && l.revoked == 0 }) {
			continue
		}
		rows = append(rows, wire.Struct{
			{Name: "id", Value: b.id}, {Name: "name", Value: b.name}, {Name: "release", Value: b.release}, {Name: "version", Value: b.version},
		})
	}
	return page(rows, a["queryOpts"])
}

// types are the kinds of what the build consists of.
func (b *build) types() []string {
	var out []string
	if len(b.rpms) > 0 {
		out = append(out, "rpm")
	}
	for _, a := range b.archives {
		if !slices.Contains(out, a.BuildType) {
			out = append(out, a.BuildType)
		}
	}
	return out
}

func (h *Hub) getBuildType(a args) (any, error) {
	b, err := h.findBuild(a["buildInfo"])
	if err == nil && b == nil && a.bool("strict") {
		err = generic("No such build: %s", python(a["buildInfo"]))
	}
	if err != nil || b == nil {
		return nil, err
	}
	out := wire.Struct{}
	info, _ := b.Extra["typeinfo"].(map[string]any)
	for _, kind := range b.types() {
		out = append(out, wire.Member{Name: kind, Value: info[kind]})
	}
	return out, nil
}

func (h *Hub) getImageBuild(a args) (any, error) {
	b, err := h.findBuild(a["buildInfo"])
	if err != nil || b == nil || !slices.Contains(b.types(), "image") {
		return nil, err
	}
	return wire.Struct{{Name: "build_id", Value: b.id}}, nil
}

// getBuildLogs lists what is below data/logs of a complete build.
func (h *Hub) getBuildLogs(a args) (any, error) {
	b, err := h.needBuild(a["build"])
	if err != nil {
		return nil, err
	}
	dirs := b.dirs()
	root := path.Join(dirs[len(dirs)-1], "data/logs") + "/"
	rows := []any{}
	for _, name := range h.sortedFiles() {
		rel, ok := strings.CutPrefix(name, root)
		if !ok {
			continue
		}
		dir := path.Dir(rel)
		rows = append(rows, wire.Struct{
			{Name: "name", Value: path.Base(rel)}, {Name: "dir", Value: dir}, {Name: "path", Value: root + dir + "/" + path.Base(rel)},
		})
	}
	return rows, nil
}

func (h *Hub) listRPMs(a args) (any, error) {
	if v, ok := a["buildID"]; ok && v != nil {
		if _, ok := v.(int64); !ok {
			return nil, raise(1019, "Invalid type for buildID: %s", python(v))
		}
	}
	rows := []any{}
	for _, name := range []string{"buildrootID", "imageID", "componentBuildrootID", "hostID"} {
		if a[name] != nil { // this hub has no build roots and no hosts
			return page(rows, a["queryOpts"])
		}
	}
	arches, filter := a.list("arches"), a["arches"] != nil
	for _, r := range h.rpms {
		if id, ok := a["buildID"].(int64); ok && int(id) != r.build.id || filter && !slices.Contains(arches, r.arch) ||
			a["draft"] != nil && a["draft"] != r.build.Draft {
			continue
		}
		rows = append(rows, r.row(rpmShape{external: true, nvr: true, extra: true}))
	}
	return page(rows, a["queryOpts"])
}

func (h *Hub) listBuildRPMs(a args) (any, error) {
	b, err := h.findBuild(a["build"])
	if err != nil {
		return nil, err
	}
	if _, isID := a["build"].(int64); b == nil && isID { // ids are not looked up
		return []any{}, nil
	}
	if b == nil {
		return nil, generic("No such build: %s", python(a["build"]))
	}
	return h.listRPMs(args{"buildID": int64(b.id)})
}

// findRPM finds by id, N-V-R.A[.rpm] or {name, version, release, arch}.
func (h *Hub) findRPM(info any) *rpmRow {
	i := slices.IndexFunc(h.rpms, func(r *rpmRow) bool {
		switch v := info.(type) {
		case int64:
			return int(v) == r.id
		case string:
			return strings.TrimSuffix(v, ".rpm") == r.nvr()+"."+r.arch
		case map[string]any:
			if id, ok := v["id"].(int64); ok {
				return int(id) == r.id
			}
			return v["name"] == r.name && v["version"] == r.version && v["release"] == r.release && v["arch"] == r.arch
		default:
			return false
		}
	})
	if i < 0 {
		return nil
	}
	return h.rpms[i]
}

func (h *Hub) getRPM(a args) (any, error) {
	r := h.findRPM(a["rpminfo"])
	switch {
	case r == nil && a.bool("strict"):
		return nil, generic("No such rpm: %s", python(a["rpminfo"]))
	case r == nil && a.bool("multi"):
		return []any{}, nil
	case r == nil:
		return nil, nil
	}
	row := r.row(rpmShape{external: true, extra: true})
	if a.bool("multi") {
		return []any{row}, nil
	}
	return row, nil
}

func (h *Hub) queryRPMSigs(a args) (any, error) {
	rpms := h.rpms
	if a["rpm_id"] != nil {
		rpms = nil
		if r := h.findRPM(a["rpm_id"]); r != nil {
			rpms = []*rpmRow{r}
		}
	}
	rows := []any{}
	for _, r := range rpms {
		for _, s := range r.sigs {
			if a["sigkey"] != nil && strings.ToLower(a.text("sigkey")) != s.Key {
				continue
			}
			rows = append(rows, wire.Struct{{Name: "rpm_id", Value: r.id}, {Name: "sighash", Value: s.Hash}, {Name: "sigkey", Value: s.Key}})
		}
	}
	return page(rows, a["queryOpts"])
}

func (h *Hub) getRPMChecksums(a args) (any, error) {
	if _, ok := a["rpm_id"].(int64); !ok {
		return nil, generic("rpm_id must be an integer")
	}
	r := h.findRPM(a["rpm_id"])
	if r == nil {
		return nil, generic("No such rpm: %s", python(a["rpm_id"]))
	}
	types := a.list("checksum_types")
	if len(types) == 0 {
		types = []string{"md5", "sha256"}
	}
	out := wire.Struct{}
	for _, s := range r.sigs {
		var sums wire.Struct
		for _, t := range types {
			v, ok := map[string]string{"md5": s.MD5, "sha1": "", "sha256": s.SHA256}[t]
			if !ok {
				return nil, generic("Checksum_type %s isn't supported", t)
			}
			sums = append(sums, wire.Member{Name: t, Value: nonempty(v)})
		}
		out = append(out, wire.Member{Name: s.Key, Value: sums})
	}
	return out, nil
}

func (h *Hub) listArchives(a args) (any, error) {
	rows := []any{}
	kind := a.text("type")
	if kind != "" && !slices.Contains(h.types.list, kind) {
		return nil, generic("unsupported archive type: %s", kind)
	}
	for _, r := range h.archives {
		row := r.row(kind)
		sum, _ := row.Get("checksum")
		if (a["buildID"] == nil || a["buildID"] == int64(r.build.id)) && (a["archiveID"] == nil || a["archiveID"] == int64(r.id)) &&
			(kind == "" || kind == r.BuildType) && (a["filename"] == nil || a["filename"] == r.Name) && (a["size"] == nil || a["size"] == int64(len(r.Data))) &&
			(a["checksum"] == nil || a["checksum"] == sum) && (a["checksum_type"] == nil || a["checksum_type"] == int64(koji.ChecksumSHA256)) &&
			a["buildrootID"] == nil && a["componentBuildrootID"] == nil && a["hostID"] == nil && a["imageID"] == nil {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 && a.bool("strict") {
		return nil, generic("No archives found.")
	}
	return page(rows, a["queryOpts"])
}
