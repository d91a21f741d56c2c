package koji

import "strconv"

// BuildState is the state of a build. Values that a newer hub invents are kept.
type BuildState int

// The values of BuildState (koji.BUILD_STATES). Of a deleted build only the
// record is left; a build is usable only when complete.
const (
	BuildBuilding BuildState = 0
	BuildComplete BuildState = 1
	BuildDeleted  BuildState = 2
	BuildFailed   BuildState = 3
	BuildCanceled BuildState = 4
)

// String returns Koji's name, such as COMPLETE.
func (s BuildState) String() string {
	return enum(int(s), "BUILDING", "COMPLETE", "DELETED", "FAILED", "CANCELED")
}

// TaskState is the state of a task. Values that a newer hub invents are kept.
type TaskState int

// The values of TaskState (koji.TASK_STATES). Closed is success.
const (
	TaskFree     TaskState = 0
	TaskOpen     TaskState = 1
	TaskClosed   TaskState = 2
	TaskCanceled TaskState = 3
	TaskAssigned TaskState = 4
	TaskFailed   TaskState = 5
)

// String returns Koji's name, such as CLOSED.
func (s TaskState) String() string {
	return enum(int(s), "FREE", "OPEN", "CLOSED", "CANCELED", "ASSIGNED", "FAILED")
}

// Finished reports whether the state is final.
func (s TaskState) Finished() bool {
	return s == TaskClosed || s == TaskCanceled || s == TaskFailed
}

func enum(n int, names ...string) string {
	if n >= 0 && n < len(names) {
		return names[n]
	}
	return strconv.Itoa(n)
}
