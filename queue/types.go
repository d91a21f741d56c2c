package queue

import (
	"encoding/json"
	"time"
)

// Limits of what a queue accepts. An adapter may not accept less.
const (
	// MaxPayload bounds Job.Payload, in bytes.
	MaxPayload = 4 << 20
	// MaxData bounds Result.Data, in bytes.
	MaxData = 1 << 20
	// MaxMessage bounds Result.Message, in bytes; longer ones are cut.
	MaxMessage = 8 << 10
	// DefaultMaxAttempts is what Job.MaxAttempts 0 stands for.
	DefaultMaxAttempts = 3
)

// Priorities of a Job.
const (
	Normal = 0
	High   = 1
)

// Job is one piece of work. ID, Kind and Arch are tokens of 1 to 64 characters
// (128 for ID) out of A-Z a-z 0-9 _ and -.
type Job struct {
	// ID is the caller's; submitting the same ID again runs nothing again.
	ID string `json:"id"`
	// Kind and Arch say which nodes can take it; see Capability.
	Kind string `json:"kind"`
	Arch string `json:"arch"`
	// Priority is Normal or High. High jobs of a capability start first.
	Priority int `json:"priority,omitempty"`
	// Payload is any JSON, at most MaxPayload bytes.
	Payload json.RawMessage `json:"payload,omitempty"`
	// MaxAttempts is how many nodes may be lost over this job before its outcome
	// is Lost; 0 means DefaultMaxAttempts. Attempts that a node handed back (see
	// Worker.Run) do not count.
	MaxAttempts int `json:"max_attempts,omitempty"`
}

// Capability returns what a node must offer to be given the job.
func (j Job) Capability() Capability { return Capability{Kind: j.Kind, Arch: j.Arch} }

// Attempts returns MaxAttempts with its default applied.
func (j Job) Attempts() int {
	if j.MaxAttempts <= 0 {
		return DefaultMaxAttempts
	}
	return j.MaxAttempts
}

// Capability is a pair that a node offers and a job asks for. Both match as a
// whole; there are no wildcards.
type Capability struct {
	Kind string `json:"kind"`
	Arch string `json:"arch"`
}

// String returns "kind/arch".
func (c Capability) String() string { return c.Kind + "/" + c.Arch }

// Types of an Event.
const (
	// TypeStarted: an attempt began on Node.
	TypeStarted = "started"
	// TypeStage: the attempt entered Stage.
	TypeStage = "stage"
	// TypeProgress: Percent or Message changed within Stage. Intermediate values
	// may be left out.
	TypeProgress = "progress"
	// TypeLog: Message holds one or more whole lines, each ending in a newline.
	TypeLog = "log"
	// TypeReleased: Node handed the job back; it waits for another attempt.
	TypeReleased = "released"
	// TypeLost: Node stopped answering during Attempt.
	TypeLost = "lost"
	// TypeFinished: the one result was recorded; Data holds the Result. Final
	// for every outcome except Succeeded.
	TypeFinished = "finished"
	// TypeFinalized: Finalize returned nil and the job left the queue. A
	// succeeded job is complete only now.
	TypeFinalized = "finalized"
)

// Event is one entry of the stream from nodes to the master.
type Event struct {
	// Seq orders all events of a queue. It grows, not always by one.
	Seq   uint64 `json:"seq"`
	JobID string `json:"job_id"`
	// Time is the engine's, when it stored the event.
	Time    time.Time       `json:"time"`
	Attempt int             `json:"attempt,omitempty"`
	Node    string          `json:"node,omitempty"`
	Type    string          `json:"type"`
	Stage   string          `json:"stage,omitempty"`
	Percent int             `json:"percent,omitempty"`
	Message string          `json:"message,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// Outcome is how a job ended.
type Outcome string

// The outcomes. Lost means that Job.MaxAttempts nodes went away over the job.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"
	Canceled  Outcome = "canceled"
	Lost      Outcome = "lost"
)

// Result is the one result of a job.
type Result struct {
	JobID string `json:"job_id"`
	// Attempt and Node say who recorded it; 0 and "" for a job that never ran.
	Attempt int     `json:"attempt,omitempty"`
	Node    string  `json:"node,omitempty"`
	Outcome Outcome `json:"outcome"`
	// Message is one sentence for people: why it failed, who was lost.
	Message string `json:"message,omitempty"`
	// Data is the handler's own, at most MaxData bytes.
	Data     json.RawMessage `json:"data,omitempty"`
	Finished time.Time       `json:"finished"`
}

// NodeInfo is what the master knows of a node.
type NodeInfo struct {
	ID       string            `json:"id"`
	Host     string            `json:"host,omitempty"`
	Version  string            `json:"version,omitempty"`
	Offers   []Capability      `json:"offers,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Slots    int               `json:"slots,omitempty"`
	Running  []string          `json:"running,omitempty"` // job IDs, sorted
	LastSeen time.Time         `json:"last_seen"`
	// Online is whether it was seen within the lease time.
	Online bool `json:"online"`
	// Draining nodes take no new jobs.
	Draining bool `json:"draining,omitempty"`
}

// State is where a job stands.
type State string

// The states, in their order. Finishing means that the result is recorded and
// Finalize has not yet succeeded.
const (
	Waiting   State = "waiting"
	Running   State = "running"
	Finishing State = "finishing"
	Finished  State = "finished"
)

// Status is a snapshot of one job.
type Status struct {
	JobID     string     `json:"job_id"`
	Cap       Capability `json:"capability"`
	Priority  int        `json:"priority,omitempty"`
	Submitted time.Time  `json:"submitted"`
	State     State      `json:"state"`
	// Attempt and Node are those of the present or latest attempt.
	Attempt int    `json:"attempt,omitempty"`
	Node    string `json:"node,omitempty"`
	// Canceling is set between Cancel and the result.
	Canceling bool `json:"canceling,omitempty"`
	// Result is set in Finishing and Finished.
	Result *Result `json:"result,omitempty"`
}

// WaitCode says why a job waits.
type WaitCode string

// The reasons for waiting.
const (
	WaitNoNode   WaitCode = "no-node"  // nobody offers the capability
	WaitDraining WaitCode = "draining" // those who do are draining
	WaitBusy     WaitCode = "busy"     // those who do have no free slot
	WaitLease    WaitCode = "lease"    // its node stopped answering; the lease must end first
	WaitStarting WaitCode = "starting" // a node is about to take it
)

// WaitingJob is a job that no node runs at present.
type WaitingJob struct {
	JobID     string     `json:"job_id"`
	Cap       Capability `json:"capability"`
	Priority  int        `json:"priority,omitempty"`
	Submitted time.Time  `json:"submitted"`
	// Position counts from 1 among the waiting jobs of the same capability.
	Position int      `json:"position"`
	Code     WaitCode `json:"code"`
	// Reason is one sentence for people, such as "no node offers dvd/aarch64".
	Reason string `json:"reason"`
}
