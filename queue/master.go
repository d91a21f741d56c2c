package queue

import (
	"context"
	"iter"
)

// Master is the side that submits jobs and reads results. Its methods may be
// called concurrently. What a method acknowledged survives a restart of the
// master and of the engine.
type Master interface {
	// Submit puts a job in the queue. It is idempotent by ID: a job that is
	// waiting, running or finished is not run again, and nil is returned. After a
	// crash between the caller's own record and Submit, submit again. Errors: an
	// error holding *FieldError for every bad field; ErrConflict when the ID stands
	// for another job.
	Submit(ctx context.Context, job Job) error

	// Cancel ends a job as Canceled. A waiting job is finished when Cancel
	// returns. At the node of a running one the handler's context is canceled
	// within about a second, and the result is recorded by the node, or by the
	// master after a lease time when the node does not answer. A job that finishes
	// first keeps its result. Canceling twice does nothing more. Errors:
	// ErrNotFound, ErrFinished.
	Cancel(ctx context.Context, id string) error

	// Result returns the one result. Errors: ErrNotFound, ErrNotFinished.
	Result(ctx context.Context, id string) (Result, error)

	// Status returns a snapshot of one job. Errors: ErrNotFound.
	Status(ctx context.Context, id string) (Status, error)

	// Events yields every event with a Seq above after, then waits for more until
	// ctx is done (ends without an error) or an error is yielded (ends). Events of
	// one attempt come in order. Delivery is at least once: an event may come
	// twice with different Seq, and TypeFinalized can repeat. A reader that stores
	// the last Seq and passes it after a restart misses nothing within the
	// adapter's retention. Errors: ErrReset when after lies beyond the stream.
	Events(ctx context.Context, after uint64) iter.Seq2[Event, error]

	// Waiting lists the jobs that no node runs, in the order in which they would
	// start: high priority first, then oldest first.
	Waiting(ctx context.Context) ([]WaitingJob, error)

	// Nodes lists the known nodes by ID, those that went away without a word
	// included until the adapter forgets them.
	Nodes(ctx context.Context) ([]NodeInfo, error)

	// Drain tells a node to take no new jobs (or, with false, to take them again).
	// What it runs goes on. The order stands until it is revoked, also for a node
	// that is away or unknown.
	Drain(ctx context.Context, node string, drain bool) error

	// Close ends the master's own work. Jobs stay in the queue and nodes go on.
	Close() error
}
