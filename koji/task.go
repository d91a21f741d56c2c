package koji

import (
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
	Priority  int        `koji:"priority"`
	Weight    float64    `koji:"weight"`
	Waiting   *bool      `koji:"waiting"`
	Awaited   *bool      `koji:"awaited"`
	Created   time.Time  `koji:"create_ts,create_time"`
	Started   *time.Time `koji:"start_ts,start_time"`
	Completed *time.Time `koji:"completion_ts,completion_time"`
	// Request holds the arguments of the task's method, if they were asked for.
	Request []any `koji:"request"`
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
	named, _ := t.Request[len(t.Request)-1].(map[string]any)
	starstar := truthy(named["__starstar"])
	arg := func(i int, name string) any {
		positional := len(t.Request)
		if starstar {
			positional--
		}
		if i < positional {
			return t.Request[i]
		}
		if starstar {
			return named[name]
		}
		return nil
	}
	var ok bool
	if r.Source, ok = arg(0, "src").(string); !ok {
		return r, false
	}
	r.Target, _ = arg(1, "target").(string)
	r.Options, _ = arg(2, "opts").(map[string]any)
	r.Scratch = truthy(r.Options["scratch"])
	return r, true
}

func truthy(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int64:
		return v != 0
	default:
		return false
	}
}

// TaskFile is a file that a task left behind. Fedora deletes them 14 days
// after the task.
type TaskFile struct {
	Name    string // relative to the task's folder, may contain slashes
	Volume  string
	Size    int64 // bytes
	ModTime time.Time
}

// BuildRef names a build: by id, or by name, version and release. The zero
// value names none.
type BuildRef struct {
	ID                     int
	NVR                    string // used if ID is 0
	Name, Version, Release string // used if ID is 0 and NVR is ""
}

// BuildID names a build by its id.
func BuildID(id int) BuildRef { return BuildRef{ID: id} }

// NVR names a build by name-version-release, without epoch.
func NVR(nvr string) BuildRef { return BuildRef{NVR: nvr} }

// ParseBuildRef reads what a person types: digits are an id, the rest an NVR.
func ParseBuildRef(s string) BuildRef {
	if id, err := strconv.Atoi(s); err == nil && id > 0 && s[0] != '+' {
		return BuildID(id)
	}
	return NVR(s)
}

// String returns the id or the NVR.
func (r BuildRef) String() string {
	switch {
	case r.ID != 0:
		return strconv.Itoa(r.ID)
	case r.NVR != "":
		return r.NVR
	default:
		return r.Name + "-" + r.Version + "-" + r.Release
	}
}

// arg is how the hub wants it.
func (r BuildRef) arg() any {
	switch {
	case r.ID != 0:
		return r.ID
	case r.NVR != "":
		return r.NVR
	default:
		return map[string]any{"name": r.Name, "version": r.Version, "release": r.Release}
	}
}
