package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
)

// Errors that callers branch on.
var (
	// ErrNotFound: no job of that ID was submitted, or it was forgotten since.
	ErrNotFound = errors.New("job not found")
	// ErrNotFinished: the job has no result yet.
	ErrNotFinished = errors.New("job not finished")
	// ErrFinished: the job already has its result.
	ErrFinished = errors.New("job already finished")
	// ErrConflict: the ID was submitted before for a different job.
	ErrConflict = errors.New("job ID already used for a different job")
	// ErrReset: the reader's position lies beyond the stream of events, so the
	// stream is not the one that the reader knows.
	ErrReset = errors.New("event stream was reset")
	// ErrClosed: the queue was closed.
	ErrClosed = errors.New("queue closed")
	// ErrNotHere is for Handler.Finalize: another node must do it.
	ErrNotHere = errors.New("not possible on this node")
	// ErrNodeReplaced: another process runs under this node's ID.
	ErrNodeReplaced = errors.New("node replaced by another process of the same ID")
	// ErrHandlerStuck: a handler did not return in time at shutdown.
	ErrHandlerStuck = errors.New("handler did not return at shutdown")
)

// Causes with which a handler's context is canceled.
var (
	// ErrCanceled: the user canceled the job.
	ErrCanceled = errors.New("job canceled")
	// ErrLeaseLost: another node took the job over, or it has a result already.
	ErrLeaseLost = errors.New("lease lost")
	// ErrShutdown: the node is shutting down.
	ErrShutdown = errors.New("node shutting down")
)

// FieldError is one bad field of a Job, Result or NodeConfig.
type FieldError struct {
	Field  string // as in JSON, such as "kind"
	Reason string // "must be ..."
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + " " + e.Reason }

var token = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func checkToken(field, value string, longest int) error {
	switch {
	case value == "":
		return &FieldError{field, "must not be empty"}
	case len(value) > longest:
		return &FieldError{field, fmt.Sprintf("must have at most %d characters", longest)}
	case !token.MatchString(value):
		return &FieldError{field, "must consist of letters, digits, _ and -"}
	}
	return nil
}

// Validate names every bad field of the job, joined; each is a *FieldError.
func (j Job) Validate() error {
	errs := []error{checkToken("id", j.ID, 128), j.Capability().Validate()}
	if j.Priority != Normal && j.Priority != High {
		errs = append(errs, &FieldError{"priority", fmt.Sprintf("must be %d or %d", Normal, High)})
	}
	if j.MaxAttempts < 0 || j.MaxAttempts > 100 {
		errs = append(errs, &FieldError{"max_attempts", "must be between 0 and 100"})
	}
	errs = append(errs, checkJSON("payload", j.Payload, MaxPayload))
	return errors.Join(errs...)
}

// Validate names every bad field, joined; each is a *FieldError.
func (c Capability) Validate() error {
	return errors.Join(checkToken("kind", c.Kind, 64), checkToken("arch", c.Arch, 64))
}

// Validate names every bad field, joined; each is a *FieldError. Defaults are
// not bad.
func (c NodeConfig) Validate() error {
	errs := []error{ValidateNodeID(c.ID)}
	if len(c.Offers) == 0 {
		errs = append(errs, &FieldError{"offers", "must name at least one capability"})
	}
	for i, o := range c.Offers {
		if err := o.Validate(); err != nil {
			errs = append(errs, &FieldError{fmt.Sprintf("offers[%d]", i), err.Error()})
		}
	}
	if c.Slots < 0 || c.Slots > 1024 {
		errs = append(errs, &FieldError{"slots", "must be between 0 and 1024"})
	}
	return errors.Join(errs...)
}

// ValidateNodeID returns a *FieldError when id is not a token of 1 to 64
// characters out of A-Z a-z 0-9 _ and -.
func ValidateNodeID(id string) error { return checkToken("id", id, 64) }

// ValidateJobID returns a *FieldError when id cannot be a job's ID.
func ValidateJobID(id string) error { return checkToken("id", id, 128) }

// Validate checks what a handler passes to Lease.Finish.
func (r Result) Validate() error {
	var errs []error
	switch r.Outcome {
	case Succeeded, Failed, Canceled, Lost:
	default:
		errs = append(errs, &FieldError{"outcome", fmt.Sprintf("must be %s, %s or %s", Succeeded, Failed, Canceled)})
	}
	return errors.Join(append(errs, checkJSON("data", r.Data, MaxData))...)
}

func checkJSON(field string, data json.RawMessage, longest int) error {
	switch {
	case len(data) > longest:
		return &FieldError{field, fmt.Sprintf("must have at most %d bytes", longest)}
	case len(data) > 0 && !json.Valid(data):
		return &FieldError{field, "must be valid JSON"}
	}
	return nil
}
