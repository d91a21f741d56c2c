package koji

import (
	"context"
	"errors"
	"fmt"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// Batch collects calls that travel together (multiCall): Options.BatchSize of
// them in one request, fewer where the request would be longer than
// Options.MaxRequest. It has the methods of Client. It is for one goroutine.
type Batch struct {
	c     *Client
	calls []batchCall
}

type batchCall struct {
	method string
	args   []any
	size   int   // of the call in a request, in bytes
	err    error // why it cannot be sent
	out    any
	done   func(error)
}

// Pending is the answer of one call of a Batch, there once Do has returned.
type Pending[R any] struct {
	value R
	err   error
}

// Get returns the answer or the error of this call alone, as the Client's
// method of the same name would.
func (p *Pending[R]) Get() (R, error) { return p.value, p.err }

// Batch returns an empty batch; that of a snapshot is pinned to its event.
func (c *Client) Batch() *Batch { return &Batch{c: c} }

// Len returns how many calls wait for Do.
func (b *Batch) Len() int { return len(b.calls) }

var errNotDone = errors.New("read answer of a koji batch before Do")

// multiOverhead is more than what surrounds a call inside a multiCall.
const multiOverhead = 300

func add[R any](b *Batch, s spec[R]) *Pending[R] {
	p := &Pending[R]{err: errNotDone}
	call := batchCall{
		method: s.method, args: s.arguments(b.c.event), out: s.out,
		done: func(err error) { p.value, p.err = s.finish(err) },
	}
	body, err := wire.EncodeCall(call.method, call.args...)
	if err != nil {
		call.err = fmt.Errorf("call koji %s: %w", call.method, err)
	}
	call.size = len(body) + multiOverhead
	b.calls = append(b.calls, call)
	return p
}

// BatchCall adds a call of any method to the batch; its answer is read into an
// R as Client.Call does.
func BatchCall[R any](b *Batch, method string, args ...any) *Pending[R] {
	return add(b, value[R](method, args...))
}

// Do makes the calls collected so far and empties the batch. Its error is that
// of a request as a whole, which every call not yet answered then has too;
// what befell a single call is told by its Pending only.
func (b *Batch) Do(ctx context.Context) error {
	calls := b.calls
	b.calls = nil
	var failed error
	for len(calls) > 0 {
		n := b.fitting(calls)
		if failed == nil {
			failed = b.c.multiCall(ctx, sendable(calls[:n]))
		}
		if failed != nil {
			for _, call := range sendable(calls[:n]) {
				call.done(failed)
			}
		}
		calls = calls[n:]
	}
	return failed
}

// fitting is how many of the calls go into one request, at least one.
func (b *Batch) fitting(calls []batchCall) int {
	size := int64(multiOverhead)
	for i, call := range calls {
		size += int64(call.size)
		if i == b.c.opts.BatchSize || i > 0 && size > b.c.opts.MaxRequest {
			return i
		}
	}
	return len(calls)
}

// sendable leaves out the calls that cannot be written, having told them.
func sendable(calls []batchCall) []batchCall {
	out := make([]batchCall, 0, len(calls))
	for _, call := range calls {
		if call.err != nil {
			call.done(call.err)
			continue
		}
		out = append(out, call)
	}
	return out
}

// multiCall makes one request of several calls.
func (c *core) multiCall(ctx context.Context, calls []batchCall) error {
	if len(calls) == 0 {
		return nil
	}
	list := make([]any, len(calls))
	multi := &wire.Multi{Outs: make([]any, len(calls))}
	reads := true
	for i, call := range calls {
		list[i] = map[string]any{"methodName": call.method, "params": call.args}
		multi.Outs[i] = call.out
		reads = reads && readsOnly(call.method)
	}
	body, err := wire.EncodeCall("multiCall", list)
	if err != nil {
		return fmt.Errorf("call koji multiCall: %w", err)
	}
	if err := c.roundTrips(ctx, request{method: "multiCall", body: body, reads: reads}, multi); err != nil {
		return err
	}
	for i, call := range calls {
		err := multi.Errs[i]
		if err != nil {
			err = answerError(call.method, err)
		}
		call.done(err)
	}
	return nil
}
