package compose

import "time"

// PlanSource says what one source of the request stands for.
type PlanSource struct {
	Source string   `json:"source"` // as typed
	Type   string   `json:"type"`
	Title  string   `json:"title,omitempty"`  // of the update, the task or the tag
	Builds []string `json:"builds,omitempty"` // NVRs
	RPMs   int      `json:"rpms"`
	Why    string   `json:"why,omitempty"` // how it was chosen, for a bare name
	Tag    string   `json:"tag,omitempty"` // in Koji, that the builds were found by
	// Signatures is the policy that was applied, SignedBy the ids of the keys that
	// the RPMs are signed with, sorted, and Unsigned how many of them are not.
	Signatures SignaturePolicy `json:"signatures,omitempty"`
	SignedBy   []string        `json:"signed_by,omitempty"`
	Unsigned   int             `json:"unsigned,omitempty"`
	// Repo, BuildDetails and Task are no part of the Plan's digest: they change
	// while the RPMs stay. Repo is the repository of sources that are one.
	Repo         *PlanRepo   `json:"repo,omitempty"`
	BuildDetails []PlanBuild `json:"build_details,omitempty"`
	Task         *PlanTask   `json:"task,omitempty"`
}

// PlanBuild is what Koji says about a build of a source.
type PlanBuild struct {
	NVR       string     `json:"nvr"`
	ID        int        `json:"id"`
	State     string     `json:"state"` // "complete"
	Owner     string     `json:"owner,omitempty"`
	TaskID    int        `json:"task_id,omitempty"`
	Completed *time.Time `json:"completed,omitempty"`
	Tag       string     `json:"tag,omitempty"`    // that it was found by
	Origin    string     `json:"origin,omitempty"` // what it was built from: a git URL with commit
	RPMs      int        `json:"rpms"`             // those that are taken
	Size      int64      `json:"size"`             // of these, in bytes
	SignedBy  []string   `json:"signed_by,omitempty"`
	Unsigned  int        `json:"unsigned,omitempty"`
}

// PlanTask is what Koji says about the task of a source.
type PlanTask struct {
	ID        int        `json:"id"`
	Method    string     `json:"method"`
	State     string     `json:"state"` // "closed"
	Owner     string     `json:"owner,omitempty"`
	Scratch   bool       `json:"scratch,omitempty"`
	Target    string     `json:"target,omitempty"`
	Origin    string     `json:"origin,omitempty"` // what it was built from
	Created   time.Time  `json:"created,omitzero"`
	Completed *time.Time `json:"completed,omitempty"`
	// Expires is about when Koji removes the files of the task.
	Expires *time.Time `json:"expires,omitempty"`
}
