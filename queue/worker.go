package queue

import (
	"context"
	"io"
	"time"
)

// Worker is the side of a node. Call Run once.
type Worker interface {
	// Run takes jobs and has handler work on them, at most cfg.Slots at a time,
	// until ctx is canceled (returns nil), another process appears under the same
	// node ID (ErrNodeReplaced) or the engine shuts the node out (another error).
	// While the engine is away, running jobs go on and Run waits for it.
	//
	// When ctx is canceled, the contexts of running handlers are canceled with
	// the cause ErrShutdown, and each job whose handler returns within
	// cfg.ShutdownGrace without a recorded result is handed back: it is at once
	// free for another attempt, which does not count against Job.MaxAttempts. A
	// handler that does not return makes Run return ErrHandlerStuck after that
	// time; its lease then ends by itself.
	Run(ctx context.Context, cfg NodeConfig, handler Handler) error

	// Close ends the connection to the engine. Call it after Run returned.
	Close() error
}

// NodeConfig describes a node. Only Offers is required.
type NodeConfig struct {
	// ID is the node's name, a token as in Job. Default: the adapter's, where the
	// node's credentials carry one; then it must be that one.
	ID string
	// Offers is what the node can do. Where several are waiting, high priority
	// comes first and capabilities take turns.
	Offers []Capability
	// Slots is how many jobs run at once. Default 1.
	Slots int
	// Host, Version and Labels are shown to people. Host defaults to the
	// machine's name.
	Host    string
	Version string
	Labels  map[string]string
	// ShutdownGrace is how long handlers may take to return after Run's context
	// was canceled. Default 30 s.
	ShutdownGrace time.Duration
	// Log bounds what handlers can send as log lines.
	Log LogLimits
}

// LogLimits keeps a chatty tool from flooding the stream of events. Lines over
// a limit are left out, and a line says how many. The complete log belongs
// into a file that the handler publishes itself.
type LogLimits struct {
	// Rate is what may pass in the long run, in bytes per second. Default 64 KiB.
	Rate int
	// Burst is what may pass at once, in bytes. Default 512 KiB.
	Burst int
	// Total bounds one attempt, in bytes. Default 16 MiB.
	Total int
	// Line bounds one line, in bytes; the rest is cut. Default 4 KiB.
	Line int
}

// Handler does a node's work. Its functions may be called concurrently, for
// different jobs; for one job never at the same time on one node.
type Handler struct {
	// Handle works on a leased job. ctx is canceled with one of the causes
	// ErrCanceled, ErrLeaseLost and ErrShutdown (context.Cause): stop, clean up,
	// return. Nothing may be published before Lease.Finish was won. When Handle
	// returns without having called Finish, the result is recorded for it: nil is
	// Succeeded, an error is Failed with its text, and after ErrCanceled it is
	// Canceled. A panic is Failed. Required.
	Handle func(ctx context.Context, lease Lease) error
	// Finalize makes a recorded result visible, for example by renaming a staged
	// directory into place or, for an outcome other than Succeeded, by removing
	// it. Worker calls it after Handle returned with a recorded result, and again
	// after a crash, possibly on another node and possibly for a job that this
	// node never ran. It must be idempotent. On nil the job leaves the queue; on
	// an error it is tried again after a while, by any node; return ErrNotHere
	// when only another node can do it. ctx is canceled when another node has taken
	// the job over, and when the node shuts down, after NodeConfig.ShutdownGrace.
	// nil stands for nothing to do.
	Finalize func(ctx context.Context, job Job, result Result) error
}

// Lease is a job in the hands of a handler. Heartbeats are sent by the worker.
// Its methods may be called concurrently, until Handle returns.
type Lease interface {
	Job() Job
	// Attempt counts from 1.
	Attempt() int
	// Log sends one line to the master and never blocks; see LogLimits.
	Log(line string)
	// Write takes a tool's output and logs its lines. It never blocks and never
	// fails.
	io.Writer
	// Progress reports where the attempt stands; percent is cut to 0..100. It
	// never blocks; of many calls within one stage only some are sent.
	Progress(stage string, percent int, message string)
	// Finish records the one result of the job. JobID, Attempt, Node and Finished
	// are filled in. won says that it is this one; false with a nil error means
	// that another result stands: discard the work. While the engine is away
	// Finish waits for it, until ctx is done. It may be called again after an
	// error. After ErrCanceled, Failed is recorded as Canceled. Errors:
	// ErrLeaseLost when another node has taken the job over, ErrShutdown for an
	// outcome other than Succeeded while the node shuts down (return instead, and
	// the job is handed back), *FieldError.
	Finish(ctx context.Context, result Result) (won bool, err error)
}
