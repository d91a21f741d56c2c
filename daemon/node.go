package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/queue"
)

// missingLabel and the kind make the label by which a node says why it does not
// offer that kind.
const missingLabel = "missing."

// giveUp is how long finalizing is tried at a place that does not have, or take,
// what was staged there.
const giveUp = time.Hour

// node takes composes from the queue, builds them and publishes what they made.
type node struct {
	cfg     *Config
	log     hclog.Logger
	version string
	worker  queue.Worker
	builder *compose.Builder
	runners *Runners
	primary publish.Publisher // the daemon's hosting
	extra   []place           // further places, of this node's own configuration
}

// place is a further place to publish at.
type place struct {
	name string
	url  string
	publish.Publisher
}

// nodeResult is what a node reports of a compose.
type nodeResult struct {
	Result    *compose.Result `json:"result"`
	Staged    *publish.Staged `json:"staged,omitempty"`
	Extra     []stagedExtra   `json:"extra,omitempty"`
	Published []api.Published `json:"published,omitempty"`
}

type stagedExtra struct {
	Name   string         `json:"name"`
	Staged publish.Staged `json:"staged"`
}

// newNode makes a node that takes its work from worker and hosts its results at
// primary.
func newNode(ctx context.Context, cfg *Config, worker queue.Worker, primary publish.Publisher, version string, log hclog.Logger) (*node, error) {
	n := &node{cfg: cfg, log: log, version: version, worker: worker, primary: primary}
	if err := os.MkdirAll(cfg.Node.Work, 0o755); err != nil {
		return nil, fmt.Errorf("make work directory: %w", err)
	}
	var err error
	if n.extra, err = newPlaces(cfg.Publish); err != nil {
		return nil, err
	}
	if n.runners, err = NewRunners(ctx, cfg, cfg.Node.Work); err != nil {
		return nil, err
	}
	network := cfg.network()
	network.CacheDir = filepath.Join(cfg.Node.Work, "cache")
	keys, err := cfg.Keys.Load()
	if err != nil {
		return nil, err
	}
	n.builder, err = compose.NewBuilder(network, compose.BuilderOptions{
		Backends: Backends(), Runner: n.runners.Host, Roots: n.runners.Roots, Keys: keys, Timeout: cfg.Node.Timeout, Logger: log.Named("build"),
	})
	return n, err
}

// run works until ctx ends. What a killed process left in the work directory
// goes first: its composes are delivered again and start from their Plans.
func (n *node) run(ctx context.Context) error {
	// Mounts go before the directories that they are in.
	removed, err := n.runners.Clean(ctx)
	for _, what := range removed {
		n.log.Info("removed what an ended process left", "what", what)
	}
	if err != nil {
		return fmt.Errorf("start build node %s: %w", n.cfg.Node.ID, err)
	}
	if err := n.sweep(); err != nil {
		return err
	}
	held, err := n.runners.Ready(ctx)
	if err != nil {
		return fmt.Errorf("start build node %s: %w", n.cfg.Node.ID, err)
	}
	n.log.Info("tools of composes", "runner", n.runners.Kind, "held_by", held)
	can, missing := n.builder.Offers(ctx)
	labels := map[string]string{"arch": compose.HostArch(), runnerLabel: n.cfg.Runner.kind()}
	for kind, reason := range missing {
		labels[missingLabel+string(kind)] = reason
		n.log.Warn("kind not offered", "kind", kind, "reason", reason)
	}
	var offers []queue.Capability
	for _, o := range can {
		if kind, _ := compose.SplitJobKind(o.Kind); n.cfg.Node.offers(kind) {
			offers = append(offers, queue.Capability{Kind: string(o.Kind), Arch: o.Arch})
		}
	}
	if len(offers) == 0 {
		return fmt.Errorf("start build node %s: this host can build none of %s", n.cfg.Node.ID, strings.Join(n.cfg.Node.Offers, ", "))
	}
	n.log.Info("build node", "node", n.cfg.Node.ID, "offers", offers, "slots", n.cfg.Node.Slots)
	return n.worker.Run(ctx, queue.NodeConfig{
		ID: n.cfg.Node.ID, Offers: offers, Slots: n.cfg.Node.Slots, Version: n.version, Labels: labels,
	}, queue.Handler{Handle: n.handle, Finalize: n.finalize})
}

// offers tells whether the configuration lets the node build a kind; of a chain of
// kinds each must be let.
func (c *NodeConfig) offers(kind compose.Kind) bool {
	if len(c.Offers) == 0 {
		return true
	}
	for part := range strings.SplitSeq(string(kind), "_") {
		if !slices.Contains(c.Offers, part) {
			return false
		}
	}
	return true
}

func (n *node) sweep() error {
	entries, err := os.ReadDir(n.cfg.Node.Work)
	if err != nil {
		return fmt.Errorf("read work directory: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "job-") {
			n.log.Info("removing what an ended process left", "dir", e.Name())
			errs = append(errs, os.RemoveAll(filepath.Join(n.cfg.Node.Work, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func (n *node) close() error {
	errs := []error{n.worker.Close(), n.builder.Close(), n.primary.Close()}
	for _, p := range n.extra {
		errs = append(errs, p.Close())
	}
	n.runners.Close()
	return errors.Join(errs...)
}

// handle builds one compose. It publishes nothing: the result is recorded
// first, and only the one recorded result is finalized.
func (n *node) handle(ctx context.Context, lease queue.Lease) error {
	var job payload
	if err := json.Unmarshal(lease.Job().Payload, &job); err != nil || job.Plan == nil {
		return fmt.Errorf("read job: %w", errors.Join(err, errors.New("the job holds no plan")))
	}
	id := lease.Job().ID
	dir := filepath.Join(n.cfg.Node.Work, fmt.Sprintf("job-%s.%d", id, lease.Attempt()))
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return fmt.Errorf("make work directory: %w", err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			n.log.Error("remove work directory", "compose_id", id, "error", err)
		}
	}()
	buildCtx, stop := canceledAs(ctx)
	defer stop()
	result, err := n.builder.Build(buildCtx, job.Plan, compose.Work{
		ID: id, Dir: dir, RepoURL: job.RepoURL, Log: lease,
		Progress: func(p compose.Progress) { lease.Progress(string(p.Stage), p.Percent, p.Message) },
	})
	if cause := context.Cause(ctx); errors.Is(cause, queue.ErrShutdown) || errors.Is(cause, queue.ErrLeaseLost) {
		return cause // another attempt will do it
	}
	if err != nil {
		n.log.Warn("compose failed", "compose_id", id, "node", n.cfg.Node.ID, "error", err)
	}
	return n.deliver(ctx, lease, result, filepath.Join(dir, compose.OutDir))
}

// canceledAs translates the queue's word for a cancellation into compose's.
func canceledAs(ctx context.Context) (context.Context, func()) {
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		cause := context.Cause(ctx)
		if errors.Is(cause, queue.ErrCanceled) {
			cause = compose.ErrCanceled
		}
		cancel(cause)
	})
	return inner, func() { stop(); cancel(nil) }
}

// deliver stages what the build made, logs of a failed one too, and records the
// result.
func (n *node) deliver(ctx context.Context, lease queue.Lease, result *compose.Result, out string) error {
	// A canceled compose still delivers its logs, within a bound.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Hour)
	defer cancel()
	id := lease.Job().ID
	made := nodeResult{Result: result}
	lease.Progress(string(compose.StagePublish), 95, "publishing")
	if err := n.stage(ctx, lease, &made, out); err != nil {
		n.log.Error("stage result", "compose_id", id, "error", err)
		failure := compose.Diagnose(ctx, compose.StagePublish, err).Failure
		if errors.Is(err, publish.ErrNoSpace) {
			failure.Code, failure.Sentence = compose.CodeDiskFull, "The disk that results are hosted on is full."
			failure.Remedy = "Delete old composes, or ask the operator for room."
		} else if failure.Code == compose.CodeInternal {
			failure.Code, failure.Sentence = compose.CodePublishFailed, "The result could not be put where people fetch it; the log of the build node says why."
		}
		if result.Failure == nil {
			result.Failure = &failure
		}
		result.Artifacts, result.SideRepo, made.Staged, made.Extra = nil, nil, nil, nil
	}
	res := queue.Result{Outcome: queue.Succeeded}
	if result.Failure != nil {
		res.Outcome, res.Message = queue.Failed, result.Failure.Sentence
		if result.Failure.Code == compose.CodeCanceled {
			res.Outcome = queue.Canceled
		}
	}
	var err error
	if res.Data, err = encodeResult(made); err != nil {
		return err
	}
	won, err := lease.Finish(ctx, res)
	if err == nil && !won {
		n.log.Warn("another result stands; discarding this one", "compose_id", id, "attempt", lease.Attempt())
	}
	if err != nil || !won {
		err = errors.Join(err, n.primary.Remove(ctx, id, lease.Attempt()))
	}
	return err
}

// encodeResult keeps below the queue's bound: the package report of a very
// large side repo stands in report.json of the published set anyway.
func encodeResult(made nodeResult) (json.RawMessage, error) {
	data, err := json.Marshal(made)
	if err == nil && len(data) > queue.MaxData {
		short := *made.Result
		short.Packages = nil
		made.Result = &short
		data, err = json.Marshal(made)
	}
	if err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	return data, nil
}

// stage uploads the set everywhere under names that nobody is told yet. Only
// the daemon's own hosting is essential.
func (n *node) stage(ctx context.Context, lease queue.Lease, made *nodeResult, out string) error {
	set, err := publish.Scan(ctx, out)
	if err != nil {
		return fmt.Errorf("scan result: %w", err)
	}
	set.ID, set.Attempt = lease.Job().ID, lease.Attempt()
	staged, err := n.primary.Stage(ctx, set, nil)
	if err != nil {
		return fmt.Errorf("stage result: %w", err)
	}
	made.Staged = &staged
	for _, p := range n.extra {
		lease.Log("pushing to " + p.name)
		staged, err := p.Stage(ctx, set, func(file string, done, total int64) {
			lease.Progress(string(compose.StagePublish), 97, fmt.Sprintf("%s: %s, %d of %d bytes", p.name, file, done, total))
		})
		if err != nil {
			n.log.Error("stage result", "compose_id", set.ID, "place", p.name, "error", err)
			lease.Log("pushing to " + p.name + " failed: " + err.Error())
			made.Published = append(made.Published, api.Published{Name: p.name, Error: err.Error()})
			continue
		}
		made.Extra = append(made.Extra, stagedExtra{Name: p.name, Staged: staged})
		made.Published = append(made.Published, api.Published{Name: p.name, URL: p.location(set.ID)})
	}
	return nil
}

// finalize publishes a recorded result. It depends on the result alone and may
// run again at any time, on any node.
func (n *node) finalize(ctx context.Context, job queue.Job, result queue.Result) error {
	var made nodeResult
	if len(result.Data) > 0 { // none: lost, or canceled before it ran
		if err := json.Unmarshal(result.Data, &made); err != nil {
			return fmt.Errorf("read result: %w", err)
		}
	}
	if err := n.publishAt(ctx, job, result, &made); err != nil {
		return err
	}
	return n.discard(ctx, job, result, &made)
}

// publishAt gives what was staged its final name, here and at further places.
func (n *node) publishAt(ctx context.Context, job queue.Job, result queue.Result, made *nodeResult) error {
	if made.Staged != nil {
		_, err := n.primary.Finalize(ctx, *made.Staged)
		if errors.Is(err, publish.ErrNotStaged) && result.Outcome != queue.Succeeded {
			// The user has deleted it meanwhile: trying again would never end.
			n.log.Info("nothing to publish", "compose_id", job.ID, "outcome", result.Outcome)
			return nil
		}
		if gone := errors.Is(err, publish.ErrNotStaged) || errors.Is(err, publish.ErrDenied); gone && time.Since(result.Finished) > giveUp {
			// Deleted, or lost with the disk it was staged on. The daemon looks
			// whether the files are there before it calls the compose succeeded.
			n.log.Error("what was staged is gone; giving up", "compose_id", job.ID, "error", err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("publish compose %s: %w", job.ID, err)
		}
	}
	for _, e := range made.Extra {
		p := n.place(e.Name)
		if p == nil {
			return queue.ErrNotHere
		}
		if _, err := p.Finalize(ctx, e.Staged); err != nil {
			n.log.Error("publish", "compose_id", job.ID, "place", e.Name, "error", err)
			if time.Since(result.Finished) < giveUp {
				return fmt.Errorf("publish compose %s at %s: %w", job.ID, e.Name, err)
			}
		}
	}
	return nil
}

// discard removes what attempts have staged that were killed meanwhile: nobody
// will go on with it.
func (n *node) discard(ctx context.Context, job queue.Job, result queue.Result, made *nodeResult) error {
	last := result.Attempt
	if result.Outcome == queue.Lost {
		last = max(last, job.Attempts())
	}
	for attempt := 1; attempt <= last; attempt++ {
		if made.Staged != nil && attempt == made.Staged.Attempt {
			continue // Finalize has removed it, or waits for it
		}
		if err := n.primary.Remove(ctx, job.ID, attempt); err != nil {
			return fmt.Errorf("remove what attempt %d of compose %s left: %w", attempt, job.ID, err)
		}
		for _, p := range n.extra {
			if err := p.Remove(ctx, job.ID, attempt); err != nil {
				n.log.Warn("remove what an attempt left", "compose_id", job.ID, "place", p.name, "error", err)
			}
		}
	}
	return nil
}

func (n *node) place(name string) *place {
	for i := range n.extra {
		if n.extra[i].name == name {
			return &n.extra[i]
		}
	}
	return nil
}
