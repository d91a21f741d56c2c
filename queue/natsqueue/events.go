package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

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
			return nil
		}
		// The consumer of this reader is gone, for instance because the connection
		// was away for long; a new one goes on where it stopped.
		m.o.Logger.Debug("event reader starts again", "after", after, "error", err)
		if !pause(ctx, 250*time.Millisecond) {
			return nil
		}
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
		*after = seq
		e, ok := m.decodeEvent(msg.Subject(), msg.Data(), meta)
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
// permissions, for who speaks; a message that does not decode is skipped.
func (m *Master) decodeEvent(subject string, data []byte, meta *jetstream.MsgMetadata) (queue.Event, bool) {
	var e queue.Event
	p := strings.Split(subject, ".")
	switch {
	case len(p) == 3 && p[1] == "results":
		var r storedResult
		if err := json.Unmarshal(data, &r); err != nil {
			m.o.Logger.Warn("result skipped", "subject", subject, "error", err)
			return e, false
		}
		e = queue.Event{JobID: p[2], Attempt: r.Attempt, Node: r.Node, Type: queue.TypeFinished, Message: r.Message}
		if e.Data, _ = json.Marshal(r.Result); e.Data == nil {
			return e, false
		}
	case len(p) == 4 && p[1] == "events":
		if err := json.Unmarshal(data, &e); err != nil {
			m.o.Logger.Warn("event skipped", "subject", subject, "error", err)
			return e, false
		}
		e.JobID = p[3]
		if e.Type == queue.TypeFinished {
			return e, false // only a recorded result may say so
		}
		if e.Type != queue.TypeLost {
			e.Node = p[2]
		}
	default:
		return e, false
	}
	e.Seq, e.Time = meta.Sequence.Stream, meta.Timestamp
	return e, true
}
