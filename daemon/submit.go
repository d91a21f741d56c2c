package daemon

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/store"
	"github.com/fedora-respin/respin/internal/diskfree"
	"github.com/fedora-respin/respin/queue"
)

// resolveTimeout bounds how long the questions to Koji and Bodhi may take.
const resolveTimeout = 2 * time.Minute

// maxResolving bounds the resolutions at a time: each may hold the head of an
// image or a large RPM header in memory, and all ask the same hub.
const maxResolving = 8

// maxPreviews is the same for callers who may only read, so that they cannot
// keep submitters waiting.
const maxPreviews = 2

// ask waits until a resolution may begin and returns its context and what ends
// it. The time limit begins with the resolution.
func (d *Daemon) ask(ctx context.Context) (context.Context, func(), error) {
	places := d.asking
	if ctx.Value(callerKey{}) != nil && d.allow(ctx, scopeSubmit) != nil {
		places = d.previewing
	}
	select {
	case places <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("wait for other resolutions: %w", ctx.Err())
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	return ctx, func() { cancel(); <-places }, nil
}

// SubmitOptions go with a request.
type SubmitOptions struct {
	IdempotencyKey string // the same key again gives the compose that it made
	Fresh          bool   // build even when the same Plan stands built
	Owner          string
}

// Submit takes a request: resolves it, and queues the Plan or gives back a
// compose that already holds it (reused). A request that cannot be built is a
// *compose.RefusedError and leaves no record.
func (d *Daemon) Submit(ctx context.Context, req compose.Request, o SubmitOptions) (c *store.Compose, reused bool, err error) {
	if req.Arch == "" {
		req.Arch = compose.HostArch()
	}
	asked, err := digestOf(&req)
	if err != nil {
		return nil, false, err
	}
	if o.IdempotencyKey != "" {
		o.IdempotencyKey = o.Owner + "\x00" + o.IdempotencyKey
		if old, err := d.byKey(ctx, o.IdempotencyKey, asked); err == nil || !errors.Is(err, store.ErrNotFound) {
			return old, err == nil, err
		}
	}
	if problems := req.Check(); len(problems) > 0 {
		return nil, false, compose.Refuse(problems...)
	}
	if err := d.checkHostRun(ctx, &req); err != nil {
		return nil, false, err
	}
	if err := errors.Join(d.checkQuota(ctx), d.checkDisk(ctx, &compose.Plan{})); err != nil {
		return nil, false, err
	}
	// The record comes first: a kill while Koji is asked loses no request.
	c = &store.Compose{
		ID: d.newID(), State: compose.StateResolving, Owner: o.Owner, IdemKey: o.IdempotencyKey,
		Created: d.now().UTC().Truncate(time.Millisecond), Request: req, Record: store.Record{Asked: asked},
	}
	if err := d.store.Insert(ctx, c); errors.Is(err, store.ErrExists) && o.IdempotencyKey != "" {
		old, err := d.byKey(ctx, o.IdempotencyKey, asked)
		return old, err == nil, err
	} else if err != nil {
		return nil, false, err
	}
	id := c.ID // a return sets c while the work below may still go on
	type answer struct {
		c      *store.Compose
		reused bool
		err    error
	}
	done := make(chan answer)
	gone := ctx.Done()
	// The caller may go away; the work that it started is finished all the same.
	d.spawn(func(ctx context.Context) {
		made, reused, err := d.resolveInto(ctx, id, o.Fresh)
		select {
		case done <- answer{made, reused, err}:
		case <-gone:
			d.recordRefusal(ctx, id, err)
		}
	})
	select {
	case a := <-done:
		if a.err != nil && !d.stopping() {
			return nil, false, errors.Join(a.err, d.store.Delete(context.WithoutCancel(ctx), id))
		}
		return a.c, a.reused, a.err
	case <-gone:
		return nil, false, fmt.Errorf("submit request: %w", ctx.Err())
	}
}

// idempotencyField names the header in problems.
const idempotencyField = "Idempotency-Key"

// byKey returns the compose that the key made. The key of another request is a
// mistake of the caller's, who would take the answer for his own.
func (d *Daemon) byKey(ctx context.Context, key, asked string) (*store.Compose, error) {
	old, err := d.store.ByKey(ctx, key)
	if err == nil && old.Asked != "" && old.Asked != asked {
		return nil, compose.Refuse(compose.Problem{
			Code: compose.CodeInvalidRequest, Field: idempotencyField, Remedy: "Use a new key for a new request.",
			Sentence: "The Idempotency-Key was used for another request: compose " + old.ID + ".",
		})
	}
	return old, err
}

// digestOf tells requests apart.
func digestOf(req *compose.Request) (string, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return "", fmt.Errorf("encode request: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// recordRefusal ends a record whose caller is not there any more to hear why.
func (d *Daemon) recordRefusal(ctx context.Context, id string, err error) {
	if err == nil || ctx.Err() != nil { // a stopping daemon resolves it at the next start
		return
	}
	failure := &compose.Failure{Code: compose.CodeInternal, Sentence: "The request could not be resolved; the server's log says why."}
	if refused, ok := errors.AsType[*compose.RefusedError](err); ok {
		p := refused.Problems[0]
		failure = &compose.Failure{Code: p.Code, Sentence: p.Sentence, Remedy: p.Remedy}
	} else {
		d.log.Error("resolve request", "compose_id", id, "error", err)
	}
	_, err = d.store.Update(ctx, id, func(c *store.Compose) error {
		if c.State == compose.StateResolving {
			d.finish(c, compose.StateFailed, failure)
		}
		return nil
	})
	if err != nil {
		d.log.Error("record a refusal", "compose_id", id, "error", err)
	}
	d.changed(id)
}

// resolveInto resolves the record id and queues it. With fresh unset, a compose
// that stands built for the same Plan takes its place.
func (d *Daemon) resolveInto(ctx context.Context, id string, fresh bool) (*store.Compose, bool, error) {
	c, err := d.store.Get(ctx, id)
	if err != nil {
		return nil, false, err
	}
	plan, err := d.Resolve(ctx, c.Request)
	if err != nil {
		return nil, false, err
	}
	if !fresh && pinned(plan) {
		old, err := d.reuse(ctx, plan, c.Request)
		if err == nil {
			return old, true, d.store.Delete(ctx, id)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return nil, false, err
		}
	}
	c, err = d.store.Update(ctx, id, func(c *store.Compose) error {
		if c.State != compose.StateResolving { // canceled meanwhile
			return nil
		}
		notify := c.Request.Notify
		c.Plan, c.Digest, c.Request, c.Warnings = plan, plan.Digest, plan.Request, plan.Warnings
		c.Request.Notify = notify
		c.State = compose.StateQueued
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	d.changed(id)
	if c.State != compose.StateQueued {
		return c, false, nil
	}
	d.log.Info("queued", "compose_id", id, "kind", c.Request.Kind, "plan", plan.Digest)
	d.enqueue(ctx, c)
	return c, false, nil
}

// pinned tells whether the Plan names all its inputs by digest: only then are
// they the same as when it was built before.
func pinned(p *compose.Plan) bool { return p.Base == nil || p.Base.SHA256 != "" }

// reuse returns the compose that stands built for the Plan, and keeps it for as
// long as one that is made now; store.ErrNotFound when there is none.
func (d *Daemon) reuse(ctx context.Context, plan *compose.Plan, req compose.Request) (*store.Compose, error) {
	old, err := d.store.ByDigest(ctx, plan.Digest)
	if err != nil {
		return nil, err
	}
	old, err = d.store.Update(ctx, old.ID, func(c *store.Compose) error {
		if c.State != compose.StateSucceeded { // expired meanwhile
			return store.ErrNotFound
		}
		if until := d.now().Add(d.ttl(&req)).UTC().Truncate(time.Millisecond); until.After(c.Expires) {
			c.Expires = until
		}
		return nil
	})
	if err == nil {
		d.changed(old.ID)
	}
	return old, err
}

// ttl is how long the files of a compose of that request stay.
func (d *Daemon) ttl(req *compose.Request) time.Duration {
	if req.TTL > 0 {
		return time.Duration(req.TTL)
	}
	return d.cfg.TTL
}

// Resolve turns a request into a Plan and checks what this server knows of its
// own: tools and disk.
func (d *Daemon) Resolve(ctx context.Context, req compose.Request) (*compose.Plan, error) {
	if err := d.checkHostRun(ctx, &req); err != nil {
		return nil, err
	}
	ctx, done, err := d.ask(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if req.Arch == "" {
		req.Arch = compose.HostArch()
	}
	plan, err := d.resolver.Resolve(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := d.checkTools(ctx, plan); err != nil {
		return nil, err
	}
	if err := d.checkSize(plan); err != nil {
		return nil, err
	}
	return plan, d.checkDisk(ctx, plan)
}

// checkSize refuses a Plan that the queue cannot carry.
func (d *Daemon) checkSize(plan *compose.Plan) error {
	data, err := d.payload(strings.Repeat("x", 64), plan)
	if err != nil {
		return err
	}
	if len(data) <= queue.MaxPayload {
		return nil
	}
	field, remedy := "sources", "Name fewer sources."
	if 2*len(plan.Kickstart) > len(data)/2 {
		field, remedy = "kickstart", "Shorten the kickstart."
	}
	return compose.Refuse(compose.Problem{
		Code: compose.CodeInvalidRequest, Field: field, Remedy: remedy,
		Sentence: fmt.Sprintf("The Plan of this request has %d bytes, and a build node takes %d.", len(data), queue.MaxPayload),
	})
}

// checkTools refuses a Plan that every node of its arch lacks a tool for. When
// there is no node of that arch at all the compose may wait for one.
func (d *Daemon) checkTools(ctx context.Context, plan *compose.Plan) error {
	if plan.Backend == "" {
		return nil
	}
	nodes, err := d.master.Nodes(ctx)
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	kind, arch, reason := string(plan.Needs(Backends())), plan.Request.Arch, ""
	for i := range nodes {
		if !nodes[i].Online {
			continue
		}
		for _, offer := range nodes[i].Offers {
			if offer.Kind == kind && offer.Arch == arch {
				return nil
			}
		}
		if nodes[i].Labels["arch"] == arch {
			reason = nodes[i].Labels[missingLabel+kind]
		}
	}
	if reason == "" {
		return nil
	}
	p := compose.Problem{
		Code: compose.CodeToolMissing, Field: "kind",
		Sentence: fmt.Sprintf("No build node can make a %s: %s.", plan.Request.Kind, reason),
		Remedy:   "Install it on the node and start the node again; respin doctor lists what is missing.",
	}
	if first := plan.First; first != nil {
		p.Field = "base"
		p.Sentence = fmt.Sprintf("No build node can make the %s that a %s without a base image starts from: %s.", first.Kind, plan.Request.Kind, reason)
		p.Remedy = "Name a boot.iso with base.url (--base-iso). " + p.Remedy
	}
	return compose.Refuse(p)
}

// checkDisk refuses a Plan whose files will not fit where results are hosted.
// A node checks its own disk again before it downloads.
func (d *Daemon) checkDisk(ctx context.Context, plan *compose.Plan) error {
	need := 2*plan.Size() + d.cfg.Limits.DiskFloor
	free, err := d.freeDisk(ctx, 2*plan.Size())
	if err != nil {
		return err
	}
	if free >= need {
		return nil
	}
	return compose.Refuse(compose.Problem{
		Code:     compose.CodeDiskFull,
		Sentence: fmt.Sprintf("The server has %d MiB of free disk, and this compose needs %d MiB.", free>>20, need>>20),
		Remedy:   "Delete old composes (respin delete), or ask the operator for room.",
	})
}

// freeDisk is the free room of the data directory. Where n bytes and the floor
// do not fit, the cache of the node in this process gives way first: nothing
// would ever be queued, and so nothing pruned, on a disk that it fills.
func (d *Daemon) freeDisk(ctx context.Context, n int64) (int64, error) {
	free, err := diskfree.At(d.cfg.Data)
	if err != nil || free >= n+d.cfg.Limits.DiskFloor || d.node == nil {
		return free, err
	}
	if err := d.node.builder.MakeRoom(ctx, n); err != nil {
		d.log.Debug("the cache makes no room", "error", err) // what is free is judged by the caller
	}
	return diskfree.At(d.cfg.Data)
}

func (d *Daemon) checkQuota(ctx context.Context) error {
	n, err := d.store.Count(ctx, store.Filter{States: unfinished()})
	if err != nil {
		return err
	}
	if n < d.cfg.Quotas.Waiting {
		return nil
	}
	return compose.Refuse(compose.Problem{
		Code:     compose.CodeQuota,
		Sentence: fmt.Sprintf("%d composes are waiting or building, which is all that this server takes.", n),
		Remedy:   "Wait for some to finish.",
	})
}

func unfinished() []compose.State {
	return []compose.State{compose.StateResolving, compose.StateQueued, compose.StateBuilding, compose.StatePublishing}
}

// payload is what a build node gets.
type payload struct {
	Plan    *compose.Plan `json:"plan"`
	RepoURL string        `json:"repo_url"` // where the side repo will be served
}

func (d *Daemon) payload(id string, plan *compose.Plan) ([]byte, error) {
	data, err := json.Marshal(payload{Plan: plan, RepoURL: d.cfg.URL + "/repos/" + id + "/"})
	if err != nil {
		return nil, fmt.Errorf("encode job: %w", err)
	}
	return data, nil
}

// failQueued ends a compose that no build node can be given.
func (d *Daemon) failQueued(ctx context.Context, id string) {
	_, err := d.store.Update(ctx, id, func(c *store.Compose) error {
		if c.State == compose.StateQueued && !c.Submitted {
			d.finish(c, compose.StateFailed, &compose.Failure{Code: compose.CodeInternal, Sentence: "The queue does not take this compose.", Remedy: "Tell the operator."})
		}
		return nil
	})
	if err != nil {
		d.log.Error("record a refusal", "compose_id", id, "error", err)
	}
	d.changed(id)
}

// enqueue hands a queued record to the queue. When that does not work now, the
// outbox loop tries again: the record says that it was not submitted.
func (d *Daemon) enqueue(ctx context.Context, c *store.Compose) {
	data, err := d.payload(c.ID, c.Plan)
	if err == nil {
		err = d.master.Submit(ctx, queue.Job{ID: c.ID, Kind: string(c.Plan.Needs(Backends())), Arch: c.Request.Arch, Payload: data})
	}
	if errors.Is(err, queue.ErrConflict) {
		// It has the compose, with what an earlier configuration or version made of
		// it (the payload names this server's URL). The Plan in it is the same.
		err = nil
	}
	if err == nil {
		c, err = d.store.Update(ctx, c.ID, func(c *store.Compose) error { c.Submitted = true; return nil })
		if err == nil && c.Canceling { // between the record and the queue
			d.cancelInQueue(ctx, c.ID)
		}
	}
	if field, ok := errors.AsType[*queue.FieldError](err); ok { // it never will
		d.log.Error("queue refuses the compose", "compose_id", c.ID, "error", field)
		d.failQueued(ctx, c.ID)
		return
	}
	if err != nil && ctx.Err() == nil {
		d.log.Warn("queue does not take the compose; trying again", "compose_id", c.ID, "error", err)
	}
}

// Cancel ends a compose. One that has ended keeps its state.
func (d *Daemon) Cancel(ctx context.Context, id string) (*store.Compose, error) {
	c, err := d.store.Update(ctx, id, func(c *store.Compose) error {
		if c.State.Done() {
			return nil
		}
		c.Canceling = true
		if !c.Submitted {
			d.finish(c, compose.StateCanceled, canceledFailure())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.changed(id)
	if !c.State.Done() {
		d.cancelInQueue(ctx, id)
		return d.store.Get(ctx, id)
	}
	return c, nil
}

func (d *Daemon) cancelInQueue(ctx context.Context, id string) {
	err := d.master.Cancel(ctx, id)
	if err != nil && !errors.Is(err, queue.ErrFinished) && ctx.Err() == nil {
		d.log.Warn("queue does not take the cancellation; trying again", "compose_id", id, "error", err)
	}
}

func canceledFailure() *compose.Failure {
	return &compose.Failure{Code: compose.CodeCanceled, Sentence: "The compose was canceled."}
}

// Retry makes a new compose of the same Plan; ErrNotDone while the old one is
// under way.
func (d *Daemon) Retry(ctx context.Context, id, owner string) (*store.Compose, error) {
	old, err := d.store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if !old.State.Done() {
		return nil, ErrNotDone
	}
	if err := d.checkHostRun(ctx, &old.Request); err != nil {
		return nil, err
	}
	if old.Plan == nil {
		c, _, err := d.Submit(ctx, old.Request, SubmitOptions{Fresh: true, Owner: owner})
		return c, err
	}
	if err := errors.Join(d.checkQuota(ctx), d.checkDisk(ctx, old.Plan)); err != nil {
		return nil, err
	}
	c := &store.Compose{
		ID: d.newID(), State: compose.StateQueued, Owner: owner, Created: d.now().UTC().Truncate(time.Millisecond),
		Request: old.Request, Plan: old.Plan, Digest: old.Digest, Record: store.Record{RetryOf: id, Warnings: old.Warnings},
	}
	if err := d.store.Insert(ctx, c); err != nil {
		return nil, err
	}
	d.enqueue(ctx, c)
	return c, nil
}

// newID returns an identifier that sorts by day and that people can read out:
// 20261123-k3f9qz7m.
func (d *Daemon) newID() string {
	const digits = "23456789abcdefghjkmnpqrstuvwxyz" // no look-alikes
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	for i := range b {
		b[i] = digits[int(b[i])%len(digits)]
	}
	return d.now().UTC().Format("20060102") + "-" + string(b[:])
}
