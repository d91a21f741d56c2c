package koji

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// Batch collects calls that travel together (multiCall), Options.BatchSize of
// them in one request. It is for one goroutine.
type Batch struct {
	c     *Client
	calls []batchCall
}

type batchCall struct {
	method string
	args   []any
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

// Batch returns an empty batch.
func (c *Client) Batch() *Batch { return &Batch{c: c} }

// Len returns how many calls wait for Do.
func (b *Batch) Len() int { return len(b.calls) }

var errNotDone = errors.New("read answer of a koji batch before Do")

func add[R any](b *Batch, s spec[R]) *Pending[R] {
	p := &Pending[R]{err: errNotDone}
	b.calls = append(b.calls, batchCall{
		method: s.method, args: s.args, out: s.out,
		done: func(err error) { p.value, p.err = s.finish(err) },
	})
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
	for chunk := range slices.Chunk(calls, b.c.opts.BatchSize) {
		if failed == nil {
			failed = b.c.multiCall(ctx, chunk)
		}
		if failed != nil {
			for _, call := range chunk {
				call.done(failed)
			}
		}
	}
	return failed
}

// multiCall makes one request of several calls.
func (c *Client) multiCall(ctx context.Context, calls []batchCall) error {
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

// GetBuild adds Client.GetBuild.
func (b *Batch) GetBuild(ref BuildRef) *Pending[*Build] { return add(b, getBuild(ref)) }

// ListRPMs adds Client.ListRPMs.
func (b *Batch) ListRPMs(buildID int, arches ...string) *Pending[[]RPM] {
	return add(b, listRPMs(buildID, arches))
}

// ListBuildRPMs adds Client.ListBuildRPMs.
func (b *Batch) ListBuildRPMs(ref BuildRef) *Pending[[]RPM] { return add(b, listBuildRPMs(ref)) }

// ListTagged adds Client.ListTagged.
func (b *Batch) ListTagged(tag string, o TaggedOptions) *Pending[[]TaggedBuild] {
	return add(b, listTagged(tag, o))
}

// GetTag adds Client.GetTag.
func (b *Batch) GetTag(name string) *Pending[*Tag] { return add(b, getTag(name, 0)) }

// ListTags adds Client.ListTags.
func (b *Batch) ListTags(ref BuildRef) *Pending[[]Tag] { return add(b, listTags(ref)) }

// GetTaskInfo adds Client.GetTaskInfo.
func (b *Batch) GetTaskInfo(id int) *Pending[*Task] { return add(b, getTaskInfo(id)) }

// GetTaskChildren adds Client.GetTaskChildren.
func (b *Batch) GetTaskChildren(id int) *Pending[[]Task] { return add(b, getTaskChildren(id)) }

// ListTaskOutput adds Client.ListTaskOutput.
func (b *Batch) ListTaskOutput(id int) *Pending[[]TaskFile] { return add(b, listTaskOutput(id)) }

// GetRPMChecksums adds Client.GetRPMChecksums.
func (b *Batch) GetRPMChecksums(rpmID int) *Pending[map[string]Checksums] {
	return add(b, getRPMChecksums(rpmID))
}

// QueryRPMSigs adds Client.QueryRPMSigs.
func (b *Batch) QueryRPMSigs(rpmID int) *Pending[[]Signature] { return add(b, queryRPMSigs(rpmID)) }
