package kojitest

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/internal/wire"
)

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
	t, err := h.findTask(a, "task_id", true)
	if err != nil {
		return nil, err
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

func (h *Hub) getTaskResult(a args) (any, error) {
	t, err := h.findTask(a, "taskId", true)
	if err != nil {
		return nil, err
	}
	switch t.State {
	case koji.TaskClosed:
		if t.Result == nil && t.Method == "buildArch" {
			return h.archResult(t), nil
		}
		return t.Result, nil
	case koji.TaskCanceled:
		return nil, generic("Task %d is canceled", t.ID)
	case koji.TaskFailed:
		text := or(t.Failure, "BuildError: error building package")
		if a.unless("raise_fault") {
			return nil, raise(1005, "%s", text)
		}
		return wire.Struct{{Name: "faultCode", Value: 1005}, {Name: "faultString", Value: text}}, nil
	default:
		return nil, generic("Task %d is not finished", t.ID)
	}
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
	f, ok := h.files[t.file(a.text("fileName"))]
	if !ok {
		return nil, generic("no file \"%s\" output by task %d", a.text("fileName"), t.ID)
	}
	data, err := f.read()
	if err != nil {
		return nil, err
	}
	offset, err := a.int("offset")
	if err != nil {
		return nil, err
	}
	data = data[min(max(offset, 0), len(data)):]
	if size, ok := a["size"].(int64); ok && size >= 0 && size < int64(len(data)) {
		data = data[:size]
	}
	return base64.StdEncoding.EncodeToString(data), nil
}
