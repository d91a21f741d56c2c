package koji

import (
	"context"
	"iter"
	"strconv"
	"time"
)

// Task is a task of the hub.
type Task struct {
	ID        int        `koji:"id"`
	State     TaskState  `koji:"state"`
	Method    string     `koji:"method"` // build, buildArch, buildSRPMFromSCM, ...
	Arch      string     `koji:"arch"`
	Label     *string    `koji:"label"` // under which the parent knows it
	Parent    *int       `koji:"parent"`
	Owner     *int       `koji:"owner"`
	HostID    *int       `koji:"host_id"`
	ChannelID *int       `koji:"channel_id"`
	Priority  int        `koji:"priority"` // the least goes first; 20 is usual
	Weight    float64    `koji:"weight"`
	Waiting   *bool      `koji:"waiting"`
	Awaited   *bool      `koji:"awaited"`
	Created   time.Time  `koji:"create_ts,create_time"`
	Started   *time.Time `koji:"start_ts,start_time"`
	Completed *time.Time `koji:"completion_ts,completion_time"`
	// Request holds the arguments of the task's method, as they came.
	Request []any `koji:"request"`

	// Only of ListTasks. Result is as it came: nil until the task has ended, an
	// array of one value, or the struct of a fault; Outcome reads it.
	OwnerName *string   `koji:"owner_name"`
	OwnerType *UserType `koji:"owner_type"`
	Result    any       `koji:"result"`
}

// Outcome reads Result: the value of a task that succeeded, or a
// *TaskFailedError. It is nil where there is no result.
func (t *Task) Outcome() (any, error) {
	switch r := t.Result.(type) {
	case []any:
		if len(r) == 1 {
			return r[0], nil
		}
	case map[string]any:
		if err := taskFault(t.ID, r); err != nil {
			return nil, err
		}
	}
	return t.Result, nil
}

// BuildRequest is the request of a task of method build.
type BuildRequest struct {
	Source  string // git URL with commit, or cli-build/.../x.src.rpm
	Target  string // "" for none
	Scratch bool
	Options map[string]any // all of them, scratch included
}

// BuildRequest reads Request of a task of method build. It reports false for
// other methods and if the request was not asked for.
func (t *Task) BuildRequest() (BuildRequest, bool) {
	var r BuildRequest
	if t.Method != "build" || len(t.Request) == 0 {
		return r, false
	}
	arg := t.arguments()
	var ok bool
	if r.Source, ok = arg(0, "src").(string); !ok {
		return r, false
	}
	r.Target, _ = arg(1, "target").(string)
	r.Options, _ = arg(2, "opts").(map[string]any)
	r.Scratch = truthy(r.Options["scratch"])
	return r, true
}

// BuildArchRequest is the request of a task of method buildArch.
type BuildArchRequest struct {
	SourceRPM string // below work/, such as tasks/1/1/x.src.rpm
	RootTagID int    // the tag whose packages it builds with
	Arch      string
	KeepSRPM  bool
	Options   map[string]any // repo_id and others
}

// BuildArchRequest reads Request of a task of method buildArch. It reports false
// for other methods and if the request was not asked for.
func (t *Task) BuildArchRequest() (BuildArchRequest, bool) {
	var r BuildArchRequest
	if t.Method != "buildArch" || len(t.Request) == 0 {
		return r, false
	}
	arg := t.arguments()
	var ok bool
	if r.SourceRPM, ok = arg(0, "pkg").(string); !ok {
		return r, false
	}
	root, _ := arg(1, "root").(int64)
	r.RootTagID = int(root)
	r.Arch, _ = arg(2, "arch").(string)
	r.KeepSRPM = truthy(arg(3, "keep_srpm"))
	r.Options, _ = arg(4, "opts").(map[string]any)
	return r, true
}

// arguments finds an argument of the request by position or by name: named ones
// may stand in a last struct that says __starstar.
func (t *Task) arguments() func(int, string) any {
	positional := len(t.Request)
	named, _ := t.Request[positional-1].(map[string]any)
	if truthy(named["__starstar"]) {
		positional--
	} else {
		named = nil
	}
	return func(i int, name string) any {
		if i < positional {
			return t.Request[i]
		}
		return named[name]
	}
}

// truthy is Python's bool() for what stands in free form structs.
func truthy(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int64:
		return v != 0
	case string:
		return v != ""
	default:
		return false
	}
}

func getTaskInfo(id int) spec[*Task] {
	return one[Task]("task", strconv.Itoa(id), "getTaskInfo", id).with(keywords{}.on("request", true))
}

// GetTaskInfo returns a task with its Request, or a *NotFoundError.
func (c *Client) GetTaskInfo(ctx context.Context, id int) (*Task, error) {
	return call(ctx, c, getTaskInfo(id))
}

// GetTaskInfo adds Client.GetTaskInfo.
func (b *Batch) GetTaskInfo(id int) *Pending[*Task] { return add(b, getTaskInfo(id)) }

func getTaskInfos(ids []int) spec[[]*Task] {
	return value[[]*Task]("getTaskInfo", ids).with(keywords{}.on("request", true))
}

// GetTaskInfos returns several tasks with their Requests, in the order of ids,
// nil for those that do not exist.
func (c *Client) GetTaskInfos(ctx context.Context, ids ...int) ([]*Task, error) {
	return call(ctx, c, getTaskInfos(ids))
}

// GetTaskInfos adds Client.GetTaskInfos.
func (b *Batch) GetTaskInfos(ids ...int) *Pending[[]*Task] { return add(b, getTaskInfos(ids)) }

func getTaskRequest(id int) spec[[]any] {
	return value[[]any]("getTaskRequest", id).of("task", strconv.Itoa(id))
}

// GetTaskRequest returns the arguments of a task's method, as they came.
func (c *Client) GetTaskRequest(ctx context.Context, id int) ([]any, error) {
	return call(ctx, c, getTaskRequest(id))
}

// GetTaskRequest adds Client.GetTaskRequest.
func (b *Batch) GetTaskRequest(id int) *Pending[[]any] { return add(b, getTaskRequest(id)) }

func getTaskChildren(id int) spec[[]Task] {
	return value[[]Task]("getTaskChildren", id).with(keywords{}.on("request", true))
}

// GetTaskChildren returns the direct children of a task with their Requests. A
// task that does not exist has none.
func (c *Client) GetTaskChildren(ctx context.Context, id int) ([]Task, error) {
	return call(ctx, c, getTaskChildren(id))
}

// GetTaskChildren adds Client.GetTaskChildren.
func (b *Batch) GetTaskChildren(id int) *Pending[[]Task] { return add(b, getTaskChildren(id)) }

func getTaskDescendents(id int) spec[map[int][]Task] {
	return into("getTaskDescendents", func(out *map[string][]Task) (map[int][]Task, error) {
		tree := make(map[int][]Task, len(*out))
		for key, children := range *out {
			parent, err := strconv.Atoi(key)
			if err != nil {
				return nil, &DecodeError{Method: "getTaskDescendents", Err: err}
			}
			tree[parent] = children
		}
		return tree, nil
	}, id).with(keywords{}.on("request", true)).of("task", strconv.Itoa(id))
}

// GetTaskDescendents returns the tree below a task: for the task and each of
// its descendents the direct children.
func (c *Client) GetTaskDescendents(ctx context.Context, id int) (map[int][]Task, error) {
	return call(ctx, c, getTaskDescendents(id))
}

// GetTaskDescendents adds Client.GetTaskDescendents.
func (b *Batch) GetTaskDescendents(id int) *Pending[map[int][]Task] {
	return add(b, getTaskDescendents(id))
}

// TaskOptions selects tasks; conditions add up. The zero value selects the
// millions of all tasks.
type TaskOptions struct {
	Method                          string
	States, NotStates               []TaskState
	Arches, NotArches               []string
	OwnerIDs, NotOwnerIDs           []int // see GetUser
	HostIDs, NotHostIDs             []int
	ChannelIDs, NotChannelIDs       []int
	ParentIDs, NotParentIDs         []int
	TopLevel                        bool // only those without a parent
	CreatedBefore, CreatedAfter     time.Time
	StartedBefore, StartedAfter     time.Time
	CompletedBefore, CompletedAfter time.Time
	Page                            Page // Order by members such as id
}

func (o TaskOptions) keywords() map[string]any {
	k := keywords{}.text("method", o.Method).texts("arch", o.Arches).texts("not_arch", o.NotArches).
		moment("createdBefore", o.CreatedBefore).moment("createdAfter", o.CreatedAfter).
		moment("startedBefore", o.StartedBefore).moment("startedAfter", o.StartedAfter).
		moment("completeBefore", o.CompletedBefore).moment("completeAfter", o.CompletedAfter)
	for name, states := range map[string][]TaskState{"state": o.States, "not_state": o.NotStates} {
		if len(states) > 0 {
			k[name] = states
		}
	}
	for name, ids := range map[string][]int{
		"owner": o.OwnerIDs, "not_owner": o.NotOwnerIDs, "host_id": o.HostIDs, "not_host_id": o.NotHostIDs,
		"channel_id": o.ChannelIDs, "not_channel_id": o.NotChannelIDs, "parent": o.ParentIDs, "not_parent": o.NotParentIDs,
	} {
		if len(ids) > 0 {
			k[name] = ids
		}
	}
	if o.TopLevel {
		k["parent"] = nil
	}
	return k
}

func listTasks(o TaskOptions) spec[[]Task] {
	opts := o.keywords()
	opts["decode"] = true
	return value[[]Task]("listTasks", opts, o.Page.options())
}

// ListTasks returns the tasks that are selected, with Request and Result.
func (c *Client) ListTasks(ctx context.Context, o TaskOptions) ([]Task, error) {
	return call(ctx, c, listTasks(o))
}

// ListTasks adds Client.ListTasks.
func (b *Batch) ListTasks(o TaskOptions) *Pending[[]Task] { return add(b, listTasks(o)) }

// Tasks iterates over what ListTasks returns.
func (c *Client) Tasks(ctx context.Context, o TaskOptions) iter.Seq2[*Task, error] {
	return iterate(ctx, c, listTasks(o))
}

func countTasks(o TaskOptions) spec[int] {
	return counted("listTasks", []any{o.keywords()}, keywords{})
}

// CountTasks returns how many tasks are selected; Page does not matter.
func (c *Client) CountTasks(ctx context.Context, o TaskOptions) (int, error) {
	return call(ctx, c, countTasks(o))
}

// CountTasks adds Client.CountTasks.
func (b *Batch) CountTasks(o TaskOptions) *Pending[int] { return add(b, countTasks(o)) }
