package koji

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/kolo/xmlrpc"
)

// TaskFailedError says that a task has failed; the call that asked for it has
// not. It unwraps to the task's own fault, so that errors.Is(err, ErrBuild)
// holds for a failed build.
type TaskFailedError struct {
	TaskID int
	Fault  *Fault
}

func (e *TaskFailedError) Error() string {
	return fmt.Sprintf("koji task %d failed: %s", e.TaskID, e.Fault.String)
}

// Unwrap returns the task's fault.
func (e *TaskFailedError) Unwrap() error { return e.Fault }

// taskFault reads the struct of a fault that a task has stored; nil for any
// other struct.
func taskFault(id int, m map[string]any) error {
	code, ok := m["faultCode"].(int64)
	if !ok {
		return nil
	}
	text, _ := m["faultString"].(string)
	return &TaskFailedError{TaskID: id, Fault: &Fault{
		FaultError: xmlrpc.FaultError{Code: int(code), String: text}, Method: "task " + strconv.Itoa(id),
	}}
}

// BuildArchResult is the result of a task of method buildArch: paths below
// work/, such as tasks/2/2/x.x86_64.rpm.
type BuildArchResult struct {
	RPMs, SRPMs, Logs []string
	BuildrootID       int
}

// ParseBuildArchResult reads what GetTaskResult returns for a buildArch task. It
// reports false for results of another form.
func ParseBuildArchResult(result any) (BuildArchResult, bool) {
	m, ok := result.(map[string]any)
	if !ok || m["rpms"] == nil {
		return BuildArchResult{}, false
	}
	root, _ := m["brootid"].(int64)
	return BuildArchResult{
		RPMs: elements[string](m["rpms"]), SRPMs: elements[string](m["srpms"]), Logs: elements[string](m["logs"]), BuildrootID: int(root),
	}, true
}

func getTaskResult(id int) spec[any] {
	// With raise_fault the failure of the task would look like one of the call.
	return into("getTaskResult", func(out *any) (any, error) {
		if m, ok := (*out).(map[string]any); ok {
			if err := taskFault(id, m); err != nil {
				return nil, err
			}
		}
		return *out, nil
	}, id).with(keywords{}.off("raise_fault", true)).of("task", strconv.Itoa(id))
}

// GetTaskResult returns what a task has returned, as it came. A task that has
// failed is a *TaskFailedError; one that has not ended or was canceled is a
// *Fault of class ErrGeneric.
func (c *Client) GetTaskResult(ctx context.Context, id int) (any, error) {
	return call(ctx, c, getTaskResult(id))
}

// GetTaskResult adds Client.GetTaskResult.
func (b *Batch) GetTaskResult(id int) *Pending[any] { return add(b, getTaskResult(id)) }

// TaskFile is a file that a task left behind. Fedora deletes them 14 days
// after the task.
type TaskFile struct {
	Name       string // relative to the task's folder, may contain slashes
	Volume     string
	Size       int64 // bytes
	ModTime    time.Time
	AccessTime time.Time
	ChangeTime time.Time // of the record of the file, not of its content
}

// statFile is what listTaskOutput tells of a file.
type statFile struct {
	Size       int64     `koji:"st_size"` // a string on the wire
	ModTime    time.Time `koji:"st_mtime"`
	AccessTime time.Time `koji:"st_atime"`
	ChangeTime time.Time `koji:"st_ctime"`
}

func listTaskOutput(id int) spec[[]TaskFile] {
	return into("listTaskOutput", func(out *map[string]map[string]statFile) ([]TaskFile, error) {
		files := make([]TaskFile, 0, len(*out))
		for _, name := range slices.Sorted(maps.Keys(*out)) {
			volumes := (*out)[name]
			for _, volume := range slices.Sorted(maps.Keys(volumes)) {
				st := volumes[volume]
				files = append(files, TaskFile{
					Name: name, Volume: volume, Size: st.Size, ModTime: st.ModTime, AccessTime: st.AccessTime, ChangeTime: st.ChangeTime,
				})
			}
		}
		return files, nil
	}, id).with(keywords{}.on("stat", true).on("all_volumes", true)).of("task", strconv.Itoa(id))
}

// ListTaskOutput returns the files that a task left, on all volumes, sorted by
// name. Once they have been deleted, and for a task that does not exist, there
// are none.
func (c *Client) ListTaskOutput(ctx context.Context, id int) ([]TaskFile, error) {
	return call(ctx, c, listTaskOutput(id))
}

// ListTaskOutput adds Client.ListTaskOutput.
func (b *Batch) ListTaskOutput(id int) *Pending[[]TaskFile] { return add(b, listTaskOutput(id)) }

// DownloadOptions names a part of a file.
type DownloadOptions struct {
	Offset int64  // from the start; below 0 from the end
	Size   int64  // bytes; 0 is all that is left
	Volume string // "" is DefaultVolume
}

func downloadTaskOutput(id int, file string, o DownloadOptions) spec[[]byte] {
	k := keywords{}.number("offset", int(o.Offset)).number("size", int(o.Size)).text("volume", o.Volume)
	return into("downloadTaskOutput", func(out *string) ([]byte, error) {
		// The hub answers base64 in a string.
		data, err := base64.StdEncoding.DecodeString(*out)
		if err != nil {
			return nil, &DecodeError{Method: "downloadTaskOutput", Err: err}
		}
		return data, nil
	}, id, file).with(k).of("file of task "+strconv.Itoa(id), file)
}

// DownloadTaskOutput returns a part of a file of a task, at the end of it
// nothing. For whole files PathInfo.Task with plain HTTP is better: this
// passes through the hub and through memory. A file that is not there is a
// *NotFoundError.
func (c *Client) DownloadTaskOutput(ctx context.Context, id int, file string, o DownloadOptions) ([]byte, error) {
	return call(ctx, c, downloadTaskOutput(id, file, o))
}

// DownloadTaskOutput adds Client.DownloadTaskOutput.
func (b *Batch) DownloadTaskOutput(id int, file string, o DownloadOptions) *Pending[[]byte] {
	return add(b, downloadTaskOutput(id, file, o))
}
