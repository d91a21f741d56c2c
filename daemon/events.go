package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/store"
	"github.com/fedora-respin/respin/queue"
)

// metaEventSeq is where the position in the queue's event stream is kept.
const metaEventSeq = "queue.event_seq"

// consume writes what nodes report into the records, for ever. An event may
// come twice: applying it again changes nothing. Its position is stored after
// it was applied, so a kill in between only repeats it.
func (d *Daemon) consume(ctx context.Context) error {
	text, err := d.store.Meta(ctx, metaEventSeq)
	if err != nil {
		return err
	}
	after, _ := strconv.ParseUint(text, 10, 64) // "" is the start
	for ctx.Err() == nil {
		for event, err := range d.master.Events(ctx, after) {
			if errors.Is(err, queue.ErrReset) {
				// The queue's directory was replaced; what it now holds is all there is.
				d.log.Warn("the queue's event stream starts anew", "after", after)
				if err := d.forgetLogSeqs(ctx); err != nil {
					return err
				}
				after = 0
				break
			}
			if err != nil {
				return fmt.Errorf("read queue events: %w", err)
			}
			if !d.applyPatiently(ctx, event) {
				return nil
			}
			after = event.Seq
		}
	}
	return nil
}

// forgetLogSeqs lets unfinished composes take log lines of a stream that counts
// from the start again.
func (d *Daemon) forgetLogSeqs(ctx context.Context) error {
	list, err := d.store.List(ctx, store.Filter{States: unfinished(), Limit: 10_000, Brief: true})
	if err != nil {
		return err
	}
	for _, c := range list {
		if _, err := d.store.Update(ctx, c.ID, func(c *store.Compose) error { c.LogSeq = 0; return nil }); err != nil {
			return err
		}
	}
	return nil
}

// applyPatiently applies an event and stores its position. A full disk or a busy
// database passes: the event is tried again until it is in, or ctx ends.
func (d *Daemon) applyPatiently(ctx context.Context, e queue.Event) bool {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 30*time.Second) {
		err := d.apply(ctx, e)
		if err == nil {
			err = d.store.SetMeta(ctx, metaEventSeq, strconv.FormatUint(e.Seq, 10))
		}
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			d.log.Error("record what a node reported; trying again", "compose_id", e.JobID, "in", pause, "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// apply brings one event into its record.
func (d *Daemon) apply(ctx context.Context, e queue.Event) error {
	c, err := d.store.Get(ctx, e.JobID)
	if errors.Is(err, store.ErrNotFound) {
		d.log.Debug("event of an unknown compose", "compose_id", e.JobID, "type", e.Type)
		return nil
	}
	if err != nil {
		return err
	}
	if text := logText(e); text != "" && e.Seq > c.LogSeq {
		if err := d.logs.append(c.ID, c.LogSize, text); err != nil {
			return err
		}
	}
	c, err = d.store.Update(ctx, e.JobID, func(c *store.Compose) error {
		c.Submitted = true // whoever is told of it was given it, even if a kill kept that from the record
		if text := logText(e); text != "" && e.Seq > c.LogSeq {
			c.LogSeq, c.LogSize = e.Seq, c.LogSize+int64(len(text))
		}
		if !c.State.Done() {
			d.transition(c, e)
		}
		return nil
	})
	d.changed(e.JobID)
	if err == nil && e.Type == queue.TypeStarted && c.Canceling && c.State.Done() {
		// Canceled between the record and the queue, and a kill kept the queue from
		// hearing of it.
		d.cancelInQueue(ctx, c.ID)
	}
	return err
}

// logText is what an event adds to the log that users follow.
func logText(e queue.Event) string {
	at := e.Time.UTC().Format("15:04:05")
	switch e.Type {
	case queue.TypeLog:
		return e.Message
	case queue.TypeStarted:
		return fmt.Sprintf("%s attempt %d starts on node %s\n", at, e.Attempt, e.Node)
	case queue.TypeReleased:
		return fmt.Sprintf("%s node %s handed the compose back; it waits for another attempt\n", at, e.Node)
	case queue.TypeLost:
		return fmt.Sprintf("%s node %s stopped answering during attempt %d\n", at, e.Node, e.Attempt)
	}
	return ""
}

// transition moves an unfinished record along by one event.
func (d *Daemon) transition(c *store.Compose, e queue.Event) {
	switch e.Type {
	case queue.TypeStarted:
		c.State, c.Node, c.Attempt, c.Message = compose.StateBuilding, e.Node, e.Attempt, ""
		c.Stage, c.Percent = compose.StageFetch, 0
		if c.Started.IsZero() {
			c.Started = e.Time.UTC()
		}
	case queue.TypeStage, queue.TypeProgress:
		if c.State == compose.StateQueued || c.State == compose.StateBuilding || c.State == compose.StatePublishing {
			c.State, c.Stage, c.Percent, c.Message = compose.StateBuilding, compose.Stage(e.Stage), e.Percent, e.Message
			if c.Stage == compose.StagePublish {
				c.State = compose.StatePublishing
			}
		}
	case queue.TypeReleased, queue.TypeLost:
		c.State, c.Node, c.Stage, c.Percent, c.Message = compose.StateQueued, "", "", 0, ""
	case queue.TypeFinished:
		d.finished(c, e)
	case queue.TypeFinalized:
		if c.Result == nil || c.Failure != nil {
			return
		}
		if digest, err := d.hosting.Digest(c.ID); err == nil && digest == "" {
			d.fail(c, e.Time, &compose.Failure{
				Code: compose.CodePublishFailed, Stage: compose.StagePublish, Remedy: "Retry the compose.",
				Sentence: "The finished result was lost before it was published.",
			})
			return
		}
		d.end(c, compose.StateSucceeded, e.Time)
	}
}

// finished records the one result. A succeeded compose is only complete once it
// is published, which TypeFinalized says.
func (d *Daemon) finished(c *store.Compose, e queue.Event) {
	var res queue.Result
	if err := json.Unmarshal(e.Data, &res); err != nil {
		d.log.Error("result of a compose cannot be read", "compose_id", c.ID, "error", err)
		res = queue.Result{Outcome: queue.Failed, Message: "The build node sent a result that cannot be read."}
	}
	var made nodeResult
	if len(res.Data) > 0 {
		if err := json.Unmarshal(res.Data, &made); err != nil {
			d.log.Error("result of a compose cannot be read", "compose_id", c.ID, "error", err)
		}
	}
	c.Result, c.Published = made.Result, made.Published
	d.fillURLs(c)
	switch res.Outcome {
	case queue.Succeeded:
		if c.Result == nil {
			d.fail(c, e.Time, &compose.Failure{Code: compose.CodeInternal, Sentence: "The build node reported success without a result."})
			return
		}
		c.State, c.Stage, c.Message = compose.StatePublishing, compose.StagePublish, "publishing"
	case queue.Canceled:
		c.Failure = canceledFailure()
		c.Failure.Stage = c.Stage
		d.end(c, compose.StateCanceled, e.Time)
	case queue.Lost:
		d.fail(c, e.Time, &compose.Failure{
			Code: compose.CodeNodeLost, Stage: c.Stage, Remedy: "Retry the compose; if nodes keep going away, tell the operator.",
			Sentence: fmt.Sprintf("The build node was lost in %d attempts, which is as often as is tried.", res.Attempt),
		})
	default:
		failure := &compose.Failure{Code: compose.CodeInternal, Stage: c.Stage, Sentence: res.Message}
		if made.Result != nil && made.Result.Failure != nil {
			failure = made.Result.Failure
		}
		d.fail(c, e.Time, failure)
	}
}

func (d *Daemon) fail(c *store.Compose, at time.Time, f *compose.Failure) {
	if f.Code == compose.CodeCanceled {
		c.Failure = f
		d.end(c, compose.StateCanceled, at)
		return
	}
	c.Failure = f
	d.end(c, compose.StateFailed, at)
}

// end gives the record its last state. The notices are written with it.
func (d *Daemon) end(c *store.Compose, state compose.State, at time.Time) {
	c.State, c.Finished, c.Message = state, at.UTC(), ""
	c.Expires = c.Finished.Add(d.ttl(&c.Request)).Truncate(time.Millisecond)
	if state == compose.StateSucceeded {
		c.Percent, c.Stage = 100, ""
	}
	d.log.Info("ended", "compose_id", c.ID, "state", state, "node", c.Node)
}

// finish ends a record that never reached the queue.
func (d *Daemon) finish(c *store.Compose, state compose.State, f *compose.Failure) {
	f.Stage = compose.StageResolve
	c.Failure = f
	d.end(c, state, d.now())
}
