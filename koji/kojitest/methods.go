package kojitest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// methodTable names the hub's methods with the parameters of kojihub.py.
func methodTable() map[string]method {
	const taggedParams = "tag event= inherit= prefix= latest= package= owner= type= strict= extra= draft="
	t := map[string]method{
		"getAPIVersion":  signature("getAPIVersion", "", func(*Hub, args) (any, error) { return 1, nil }),
		"getKojiVersion": signature("getKojiVersion", "", func(*Hub, args) (any, error) { return Version, nil }),
		"echo":           signature("echo", "*", func(_ *Hub, a args) (any, error) { return a["*"], nil }),

		"getBuild":        signature("get_build", "buildInfo strict=", (*Hub).getBuild),
		"listRPMs":        signature("list_rpms", "buildID= buildrootID= imageID= componentBuildrootID= hostID= arches= queryOpts= draft=", (*Hub).listRPMs),
		"listBuildRPMs":   signature("listBuildRPMs", "build", (*Hub).listBuildRPMs),
		"getRPM":          signature("get_rpm", "rpminfo strict= multi=", (*Hub).getRPM),
		"queryRPMSigs":    signature("query_rpm_sigs", "rpm_id= sigkey= queryOpts=", (*Hub).queryRPMSigs),
		"getRPMChecksums": signature("getRPMChecksums", "rpm_id checksum_types= cacheonly=", (*Hub).getRPMChecksums),

		"listTagged":      signature("listTagged", taggedParams, (*Hub).listTagged),
		"getLatestBuilds": signature("getLatestBuilds", "tag event= package= type= draft=", (*Hub).getLatestBuilds),
		"listTaggedRPMS": signature("listTaggedRPMS", "tag event= inherit= latest= package= arch= rpmsigs= owner= type= strict= extra= draft=",
			(*Hub).listTaggedRPMS),
		"getTag":         signature("get_tag", "tagInfo strict= event= blocked=", (*Hub).getTag),
		"listTags":       signature("list_tags", "build= package= perms= queryOpts= pattern=", (*Hub).listTags),
		"listSideTags":   signature("listSideTags", "basetag= user= queryOpts=", (*Hub).listSideTags),
		"getBuildTarget": signature("get_build_target", "info event= strict=", (*Hub).getBuildTarget),
		"getLastEvent":   signature("getLastEvent", "before= strict=", (*Hub).getLastEvent),
		"getEvent":       signature("getEvent", "id strict=", (*Hub).getEvent),

		"getTaskInfo":        signature("getTaskInfo", "task_id request= strict=", (*Hub).getTaskInfo),
		"getTaskChildren":    signature("getTaskChildren", "task_id request= strict=", (*Hub).getTaskChildren),
		"getTaskDescendents": signature("getTaskDescendents", "task_id request=", (*Hub).getTaskDescendents),
		"getTaskRequest":     signature("getTaskRequest", "taskId", (*Hub).getTaskRequest),
		"getTaskResult":      signature("getTaskResult", "taskId raise_fault=", (*Hub).getTaskResult),
		"listTaskOutput":     signature("list_task_output", "taskID stat= all_volumes= strict=", (*Hub).listTaskOutput),
		"downloadTaskOutput": signature("downloadTaskOutput", "taskID fileName offset= size= volume=", (*Hub).downloadTaskOutput),
	}
	listed := slices.Sorted(maps.Keys(t))
	listed = append(listed, "multiCall", "system.listMethods", "system.multicall")
	t["system.listMethods"] = signature("system_listMethods", "", func(*Hub, args) (any, error) { return listed, nil })
	return t
}

// python shows a value as Python's repr, as faults do.
func python(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case string:
		return "'" + v + "'"
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, "'"+k+"': "+python(v[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return fmt.Sprint(v)
	}
}

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
		return nil, generic("Invalid type for buildInfo: %s", python(info))
	}
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

func (h *Hub) listRPMs(a args) (any, error) {
	if v, ok := a["buildID"]; ok && v != nil {
		if _, ok := v.(int64); !ok {
			return nil, raise(1019, "Invalid type for buildID: %s", python(v))
		}
	}
	arches, filter := a.list("arches"), a["arches"] != nil
	rows := []any{}
	for _, r := range h.rpms {
		if id, ok := a["buildID"].(int64); ok && int(id) != r.build.id || filter && !slices.Contains(arches, r.arch) {
			continue
		}
		rows = append(rows, r.row(rpmShape{external: true, nvr: true, extra: true}))
	}
	return rows, nil
}

func (h *Hub) listBuildRPMs(a args) (any, error) {
	b, err := h.findBuild(a["build"])
	if err != nil {
		return nil, err
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
		r := h.findRPM(a["rpm_id"])
		if r == nil {
			if _, ok := a["rpm_id"].(int64); ok {
				return []any{}, nil
			}
			return nil, generic("No such rpm: %s", python(a["rpm_id"]))
		}
		rpms = []*rpmRow{r}
	}
	rows := []any{}
	for _, r := range rpms {
		for _, s := range r.sigs {
			if a["sigkey"] != nil && a["sigkey"] != s.key {
				continue
			}
			rows = append(rows, wire.Struct{{Name: "rpm_id", Value: r.id}, {Name: "sighash", Value: s.hash}, {Name: "sigkey", Value: s.key}})
		}
	}
	return rows, nil
}

func (h *Hub) getRPMChecksums(a args) (any, error) {
	r := h.findRPM(a["rpm_id"])
	if r == nil {
		return nil, generic("No such rpm: %s", python(a["rpm_id"]))
	}
	types := a.list("checksum_types")
	if types == nil {
		types = []string{"md5", "sha256"}
	}
	out := wire.Struct{}
	for _, s := range r.sigs {
		var sums wire.Struct
		for _, t := range types {
			v, ok := map[string]string{"md5": s.md5, "sha256": s.sha256}[t]
			if !ok {
				return nil, generic("Checksum_type is not in allowed types: %s", t)
			}
			sums = append(sums, wire.Member{Name: t, Value: nonempty(v)})
		}
		out = append(out, wire.Member{Name: s.key, Value: sums})
	}
	return out, nil
}

func (h *Hub) getLastEvent(a args) (any, error) {
	id := len(h.events)
	if before, ok := a["before"].(float64); ok {
		for id > 0 && stamp(h.events[id-1]) >= before {
			id--
		}
	}
	return h.eventRow(id, a)
}

func (h *Hub) getEvent(a args) (any, error) {
	id, err := a.int("id")
	if err != nil {
		return nil, err
	}
	return h.eventRow(id, a)
}

func (h *Hub) eventRow(id int, a args) (any, error) {
	if id < 1 || id > len(h.events) {
		if a.unless("strict") {
			return nil, generic("No event with id %d", id)
		}
		return nil, nil
	}
	return wire.Struct{{Name: "id", Value: id}, {Name: "ts", Value: stamp(h.events[id-1])}}, nil
}
