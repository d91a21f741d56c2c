package kojitest

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/internal/wire"
)

// taskMethods are those about tasks and their output.
func taskMethods() map[string]method {
	return map[string]method{
		"getTaskInfo":        signature("getTaskInfo", "task_id, request=False, strict=False", (*Hub).getTaskInfo),
		"getTaskChildren":    signature("getTaskChildren", "task_id, request=False, strict=False", (*Hub).getTaskChildren),
		"getTaskDescendents": signature("getTaskDescendents", "task_id, request=False", (*Hub).getTaskDescendents),
		"getTaskRequest":     signature("getTaskRequest", "taskId", (*Hub).getTaskRequest),
		"getTaskResult":      signature("getTaskResult", "taskId, raise_fault=True", (*Hub).getTaskResult),
		"taskFinished":       signature("taskFinished", "taskId", (*Hub).taskFinished),
		"listTasks":          signature("listTasks", "opts=None, queryOpts=None", (*Hub).listTasks),
		"listTaskOutput":     signature("list_task_output", "taskID, stat=False, all_volumes=False, strict=False", (*Hub).listTaskOutput),
		"downloadTaskOutput": signature("downloadTaskOutput", "taskID, fileName, offset=0, size=-1, volume=None", (*Hub).downloadTaskOutput),
		"listBuildroots": signature("query_buildroots", "hostID=None, tagID=None, state=None, rpmID=None, archiveID=None, taskID=None, buildrootID=None, repoID=None, queryOpts=None",
			func(_ *Hub, a args) (any, error) { return page([]any{}, a["queryOpts"]) }),
	}
}

// findTask finds by id. A missing task is a fault if strict is asked for.
func (h *Hub) findTask(a args, name string, strict bool) (*task, error) {
	id, err := a.int(name)
	if err != nil {
		return nil, err
	}
	t := h.tasks[id]
	if t == nil && strict {
		return nil, generic("No such task: %d", id)
	}
	return t, nil
}

func (h *Hub) getTaskInfo(a args) (any, error) {
	list, many := a["task_id"].([]any)
	if !many {
		t, err := h.findTask(a, "task_id", a.bool("strict"))
		if err != nil || t == nil {
			return nil, err
		}
		return t.row(a.bool("request"), false), nil
	}
	rows := make([]any, 0, len(list))
	for _, id := range list {
		row, err := h.getTaskInfo(args{"task_id": id, "request": a["request"], "strict": a["strict"]})
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (h *Hub) getTaskChildren(a args) (any, error) {
	t, err := h.findTask(a, "task_id", a.bool("strict"))
	if err != nil || t == nil {
		return []any{}, err
	}
	return t.childRows(a.bool("request")), nil
}

func (t *task) childRows(request bool) []any {
	rows := []any{}
	for _, c := range t.children {
		rows = append(rows, c.row(request, true))
	}
	return rows
}

func (h *Hub) getTaskDescendents(a args) (any, error) {
	t, err := h.findTask(a, "task_id", false)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return wire.Struct{{Name: plain(a["task_id"]), Value: []any{}}}, nil
	}
	return t.descend(a.bool("request"), nil), nil
}

func (t *task) descend(request bool, out wire.Struct) wire.Struct {
	out = append(out, wire.Member{Name: strconv.Itoa(t.ID), Value: t.childRows(request)})
	for _, c := range t.children {
		out = c.descend(request, out)
	}
	return out
}

func (h *Hub) getTaskRequest(a args) (any, error) {
	t, err := h.findTask(a, "taskId", true)
	if err != nil {
		return nil, err
	}
	return t.Request, nil
}

func (h *Hub) taskFinished(a args) (any, error) {
	t, err := h.findTask(a, "taskId", true)
	if err != nil {
		return nil, err
	}
	return t.State.Finished(), nil
}

func (h *Hub) getTaskResult(a args) (any, error) {
	t, err := h.findTask(a, "taskId", true)
	if err != nil {
		return nil, err
	}
	switch t.State {
	case koji.TaskClosed:
		return h.result(t), nil
	case koji.TaskCanceled:
		return nil, generic("Task %d is canceled", t.ID)
	case koji.TaskFailed:
		if a.unless("raise_fault") {
			return nil, raise(1005, "%s", t.failure())
		}
		return wire.Struct{{Name: "faultCode", Value: 1005}, {Name: "faultString", Value: t.failure()}}, nil
	default:
		return nil, generic("Task %d is not finished", t.ID)
	}
}

func (t *task) failure() string { return or(t.Failure, "BuildError: error building package") }

// result is what the task has returned; that of buildArch is made of its files.
func (h *Hub) result(t *task) any {
	if t.Result == nil && t.Method == "buildArch" {
		return h.archResult(t)
	}
	return t.Result
}

// listTasks answers with what a task was asked for and what it has returned, as
// values with decode and else as the XML that the database holds.
func (h *Hub) listTasks(a args) (any, error) {
	opts, _ := a["opts"].(map[string]any)
	o := args(opts)
	rows := []any{}
	for _, id := range slices.Sorted(maps.Keys(h.tasks)) {
		t := h.tasks[id]
		if t.selected(o) {
			rows = append(rows, h.listedTask(t, o.bool("decode")))
		}
	}
	return page(rows, a["queryOpts"])
}

func (t *task) selected(o args) bool {
	parent := 0
	if t.parent != nil {
		parent = t.parent.ID
	}
	for name, v := range map[string]int{"owner": t.owner.id, "host_id": 0, "channel_id": 1, "parent": parent, "state": int(t.State)} {
		null := v == 0 && name != "state" // which SQL finds neither in a list nor outside
		if want, given := o.ids(name); given && (null != (want == nil) || want != nil && !slices.Contains(want, v)) {
			return false
		}
		if not, given := o.ids("not_" + name); given && (null || slices.Contains(not, v)) {
			return false
		}
	}
	return (o["method"] == nil || o["method"] == t.Method) &&
		(o["arch"] == nil || slices.Contains(o.list("arch"), t.Arch)) && !slices.Contains(o.list("not_arch"), t.Arch) &&
		o.between("createdAfter", "createdBefore", t.Created, true) &&
		o.between("startedAfter", "startedBefore", t.Started, t.State != koji.TaskFree) &&
		o.between("completeAfter", "completeBefore", t.Completed, t.State.Finished()) &&
		o.between("completedAfter", "completedBefore", t.Completed, t.State.Finished())
}

func (h *Hub) listedTask(t *task, decode bool) wire.Struct {
	var request, result any = t.Request, nil
	switch t.State {
	case koji.TaskClosed:
		result = []any{h.result(t)}
	case koji.TaskFailed:
		result = wire.Struct{{Name: "faultCode", Value: 1005}, {Name: "faultString", Value: t.failure()}}
	default:
	}
	if !decode {
		request, result = h.stored(t)
	}
	return sorted(append(t.row(false, true), wire.Struct{
		{Name: "owner_name", Value: t.owner.Name},
		{Name: "owner_type", Value: int(t.owner.Type)},
		{Name: "request", Value: request},
		{Name: "result", Value: result},
	}...))
}

// stored is the XML in which the database keeps the request and the result.
func (h *Hub) stored(t *task) (request, result any) {
	var b strings.Builder
	if err := wire.EncodeRequest(&b, t.Method, t.Request); err == nil {
		request = b.String()
	}
	b.Reset()
	switch t.State {
	case koji.TaskClosed:
		if err := wire.EncodeResponse(&b, h.result(t)); err == nil {
			result = b.String()
		}
	case koji.TaskFailed:
		if err := wire.EncodeFault(&b, 1005, t.failure()); err == nil {
			result = b.String()
		}
	default:
	}
	return request, result
}

// archResult is what buildArch answers: its files by kind.
func (h *Hub) archResult(t *task) wire.Struct {
	rpms, srpms, logs := []any{}, []any{}, []any{}
	for _, name := range h.output(t) {
		p := strings.TrimPrefix(t.file(name), "work/")
		switch {
		case strings.HasSuffix(name, ".src.rpm"):
			srpms = append(srpms, p)
		case strings.HasSuffix(name, ".rpm"):
			rpms = append(rpms, p)
		case strings.HasSuffix(name, ".log"):
			logs = append(logs, p)
		}
	}
	return wire.Struct{{Name: "rpms", Value: rpms}, {Name: "srpms", Value: srpms}, {Name: "logs", Value: logs}, {Name: "brootid", Value: 1}}
}

func (h *Hub) listTaskOutput(a args) (any, error) {
	t, err := h.findTask(a, "taskID", a.bool("strict"))
	if err != nil {
		return nil, err
	}
	stat, volumes := a.bool("stat"), a.bool("all_volumes")
	plain, byName := []any{}, wire.Struct{}
	if t != nil && (volumes || t.Volume == koji.DefaultVolume) {
		for _, name := range h.output(t) {
			info := h.files[t.file(name)].stat()
			plain = append(plain, name)
			switch {
			case stat && volumes:
				byName = append(byName, wire.Member{Name: name, Value: wire.Struct{{Name: t.Volume, Value: info}}})
			case volumes:
				byName = append(byName, wire.Member{Name: name, Value: []any{t.Volume}})
			default:
				byName = append(byName, wire.Member{Name: name, Value: info})
			}
		}
	}
	if stat || volumes {
		return byName, nil
	}
	return plain, nil
}

// downloadTaskOutput answers base64 in a string, as the hub does.
func (h *Hub) downloadTaskOutput(a args) (any, error) {
	t, err := h.findTask(a, "taskID", true)
	if err != nil {
		return nil, err
	}
	name := a.text("fileName")
	if strings.Contains(name, "..") {
		return nil, generic("Invalid file name: %s", name)
	}
	f, ok := h.files[t.file(name)]
	if !ok || a["volume"] != nil && a["volume"] != t.Volume {
		return nil, generic("no file \"%s\" output by task %d", name, t.ID)
	}
	data, err := f.read()
	if err != nil {
		return nil, err
	}
	offset, err := a.int("offset")
	if err != nil {
		return nil, err
	}
	if offset < 0 {
		offset += len(data)
	}
	data = data[min(max(offset, 0), len(data)):]
	if size, ok := a["size"].(int64); ok && size >= 0 && size < int64(len(data)) {
		data = data[:size]
	}
	return base64.StdEncoding.EncodeToString(data), nil
}
