package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/fedora-respin/respin/queue"
)

// Events implements queue.Master.
func (m *Master) Events(ctx context.Context, after uint64) iter.Seq2[queue.Event, error] {
	return func(yield func(queue.Event, error) bool) {
		run, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() { // ends with the reader
			select {
			case <-m.c.closed:
				cancel()
			case <-run.Done():
			}
		}()
		err := m.events(run, after, yield)
		if err == nil && run.Err() != nil {
			err = queue.ErrClosed
		}
		if err != nil && ctx.Err() == nil {
			yield(queue.Event{}, fmt.Errorf("read events after %d: %w", after, err))
		}
	}
}

func (m *Master) events(ctx context.Context, after uint64, yield func(queue.Event, error) bool) error {
	stream, err := m.c.js.Stream(ctx, m.n.events())
	if err != nil {
		return err
	}
	if last := stream.CachedInfo().State.LastSeq; after > last {
		return fmt.Errorf("%w: it ends at %d", queue.ErrReset, last)
	}
	for {
		more, err := m.follow(ctx, stream, &after, yield)
		if !more || ctx.Err() != nil {
			return nil //nolint:nilerr // the reader has enough, or its caller looks why ctx ended
		}
		// The consumer of this reader is gone, for instance because the connection
		// was away for long; a new one goes on where it stopped.
		m.o.Logger.Debug("event reader starts again", "after", after, "error", err)
		pause(ctx, 250*time.Millisecond)
	}
}

// follow yields until the reader has enough (more is false) or fails.
func (m *Master) follow(
	ctx context.Context, stream jetstream.Stream, after *uint64, yield func(queue.Event, error) bool,
) (more bool, err error) {
	cons, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: *after + 1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return true, err
	}
	defer m.dropConsumer(stream, cons)
	it, err := cons.Messages()
	if err != nil {
		return true, err
	}
	defer it.Stop()
	for {
		msg, err := it.Next(jetstream.NextContext(ctx))
		if errors.Is(err, jetstream.ErrNoHeartbeat) {
			continue // the ordered consumer repairs itself
		}
		if err != nil {
			return true, err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return true, err
		}
		seq := meta.Sequence.Stream
		if seq <= *after {
			continue
		}
		e, ok, err := m.decodeEvent(ctx, msg, meta)
		if err != nil {
			return true, err
		}
		*after = seq
		if ok && !yield(e, nil) {
			return false, nil
		}
	}
}

// dropConsumer saves the server from keeping a consumer that nobody reads.
func (m *Master) dropConsumer(stream jetstream.Stream, cons jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if info := cons.CachedInfo(); info != nil {
		_ = stream.DeleteConsumer(ctx, info.Name)
	}
}

// decodeEvent trusts the subject, which the server checks against the node's
// permissions, for who speaks, and only the recorded result for how a job ended.
// A message that does not decode is skipped.
func (m *Master) decodeEvent(ctx context.Context, msg jetstream.Msg, meta *jetstream.MsgMetadata) (queue.Event, bool, error) {
	var e queue.Event
	p := strings.Split(msg.Subject(), ".")
	if len(p) != 4 {
		return e, false, nil
	}
	if err := json.Unmarshal(msg.Data(), &e); err != nil {
		m.o.Logger.Warn("event skipped", "subject", msg.Subject(), "error", err)
		return e, false, nil
	}
	e.Seq, e.Time, e.JobID = meta.Sequence.Stream, meta.Timestamp, p[3]
	switch e.Type {
	case queue.TypeFinished:
		r, err := m.result(ctx, e.JobID)
		if err != nil || r == nil {
			return e, false, err
		}
		e.Attempt, e.Node, e.Message = r.Attempt, r.Node, r.Message
		e.Data, err = json.Marshal(r.Result)
		return e, err == nil, err
	case queue.TypeLost: // the node that tells is not the one that was lost
	default:
		e.Node = p[2]
	}
	return e, true, nil
}

// tellFinished stores the event of a result, under the name of whoever tells.
// The server drops repetitions within some minutes.
func tellFinished(ctx context.Context, c *conn, n names, teller, id string) error {
	data, err := json.Marshal(queue.Event{JobID: id, Type: queue.TypeFinished})
	if err != nil {
		return err
	}
	_, err = c.js.PublishMsg(ctx, &nats.Msg{Subject: n.eventSubject(teller, id), Data: data},
		jetstream.WithMsgID("finished."+id))
	if err != nil {
		return fmt.Errorf("tell the end of job %s: %w", id, err)
	}
	return nil
}
