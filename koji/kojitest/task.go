package kojitest

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/fedora-respin/respin/koji"
)

// Task is a task to add.
type Task struct {
	ID     int    // default: one more than the greatest
	Method string // default: build, for children buildArch
	Arch   string // default noarch
	Label  string // default for children: their arch
	Owner  string // default DefaultOwner
	// State defaults to closed; a task that nobody took yet is Free.
	State koji.TaskState
	Free  bool
	// Request is what the method was called with. For build it defaults to
	// Source, Target and {scratch: Scratch}.
	Request        []any
	Source, Target string
	Scratch        bool
	Result         any    // of a closed task; for buildArch made from the output
	Failure        string // of a failed task, such as "BuildError: mock exited with status 1"
	Children       []Task
	Volume         string            // of the output; default koji.DefaultVolume
	Output         map[string][]byte // by name
	OutputPaths    map[string]string // by name, files on disk that stay there
	// Priority defaults to 20, for children to one less than the parent's.
	Priority int
	// Created, Started and Completed default to when the task is added.
	Created, Started, Completed time.Time
}

type task struct {
	Task
	parent   *task
	children []*task
	owner    *account
}

// AddTask adds a task with its children and their output, and returns its id.
func (h *Hub) AddTask(t Task) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	row, err := h.addTask(t, nil)
	if err != nil {
		return 0, fmt.Errorf("add task to koji test hub: %w", err)
	}
	return row.ID, nil
}

func (h *Hub) addTask(t Task, parent *task) (*task, error) {
	if t.ID == 0 {
		t.ID = h.lastTask + 1
	}
	if t.ID < 0 || h.tasks[t.ID] != nil {
		return nil, fmt.Errorf("task %d exists already or is no id", t.ID)
	}
	if (t.Output != nil || t.OutputPaths != nil) && t.Free {
		return nil, errors.New("a free task has no output")
	}
	row := &task{Task: t.withDefaults(parent), parent: parent}
	row.owner = h.account(row.Owner)
	h.tasks[t.ID] = row
	h.lastTask = max(h.lastTask, t.ID)
	now := h.now // a task is no event, but takes its time
	h.now = now.Add(time.Second)
	for i, field := range []*time.Time{&row.Created, &row.Started, &row.Completed} {
		if field.IsZero() {
			*field = now.Add(time.Duration(i) * 250 * time.Millisecond)
		}
	}
	for name, data := range t.Output {
		h.files[row.file(name)] = &file{data: data, mtime: row.Completed}
	}
	for name, disk := range t.OutputPaths {
		h.files[row.file(name)] = &file{disk: disk, mtime: row.Completed}
	}
	for _, c := range t.Children {
		child, err := h.addTask(c, row)
		if err != nil {
			return nil, err
		}
		row.children = append(row.children, child)
	}
	return row, nil
}

func (t Task) withDefaults(parent *task) Task {
	if t.State == koji.TaskFree && !t.Free {
		t.State = koji.TaskClosed
	}
	t.Owner, t.Arch, t.Volume = or(t.Owner, DefaultOwner), or(t.Arch, "noarch"), or(t.Volume, koji.DefaultVolume)
	if parent == nil {
		t.Method = or(t.Method, "build")
	} else {
		t.Method, t.Label = or(t.Method, "buildArch"), or(t.Label, t.Arch)
	}
	if t.Priority == 0 {
		t.Priority = 20
		if parent != nil {
			t.Priority = parent.Priority - 1
		}
	}
	if t.Request != nil {
		return t
	}
	switch t.Method {
	case "build":
		t.Request = []any{t.Source, t.Target, map[string]any{}}
		if t.Target == "" {
			t.Request[1] = nil
		}
		if t.Scratch {
			t.Request[2] = map[string]any{"scratch": true}
		}
	case "buildArch":
		t.Request = []any{"tasks/0/0/x.src.rpm", 1, t.Arch, true, map[string]any{"repo_id": 1}}
	default:
		t.Request = []any{}
	}
	return t
}

// dir is where the output is, below the top URL.
func (t *task) dir() string {
	dir := path.Join("work/tasks", strconv.Itoa(t.ID%10000), strconv.Itoa(t.ID))
	if t.Volume != koji.DefaultVolume {
		dir = path.Join("vol", t.Volume, dir)
	}
	return dir
}

func (t *task) file(name string) string { return path.Join(t.dir(), name) }

// output returns the names of the files that are still there.
func (h *Hub) output(t *task) []string {
	prefix := t.dir() + "/"
	var out []string
	for p := range h.files {
		if len(p) > len(prefix) && p[:len(prefix)] == prefix {
			out = append(out, p[len(prefix):])
		}
	}
	slices.Sort(out)
	return out
}
