package natsqueue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/fedora-respin/respin/queue"
)

// indexEntry is what stays of a submitted job when its message is gone.
type indexEntry struct {
	Kind        string    `json:"kind"`
	Arch        string    `json:"arch"`
	Priority    int       `json:"priority,omitempty"`
	MaxAttempts int       `json:"max_attempts,omitempty"`
	Digest      string    `json:"digest"` // sha256 of the job's JSON
	Submitted   time.Time `json:"submitted"`
}

func (e indexEntry) job(id string) queue.Job {
	return queue.Job{ID: id, Kind: e.Kind, Arch: e.Arch, Priority: e.Priority, MaxAttempts: e.MaxAttempts}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// storedResult is a Result with the name of who recorded it, so that a writer
// who did not see the answer to its write can tell its own from another's.
type storedResult struct {
	queue.Result
	Writer string    `json:"writer"`
	stored time.Time // by the server's clock
}

// Claim says who runs a job. The entry's own time stamp is its last heartbeat.
type claim struct {
	Node     string `json:"node"`
	Instance string `json:"instance"` // one process of the node
	Attempt  int    `json:"attempt"`
	Lost     int    `json:"lost,omitempty"`     // earlier attempts whose node went silent
	Released bool   `json:"released,omitempty"` // handed back
}

// getKV reads and decodes an entry; a nil entry means that there is none.
func getKV[T any](ctx context.Context, kv jetstream.KeyValue, key string) (T, jetstream.KeyValueEntry, error) {
	var v T
	e, err := kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return v, nil, nil
	}
	if err != nil {
		return v, nil, fmt.Errorf("read %s %s: %w", kv.Bucket(), key, err)
	}
	if err := json.Unmarshal(e.Value(), &v); err != nil {
		return v, nil, fmt.Errorf("read %s %s: %w", kv.Bucket(), key, err)
	}
	return v, e, nil
}

// result returns nil when there is none.
func (s *stores) result(ctx context.Context, id string) (*storedResult, error) {
	msg, err := s.results.GetLastMsgForSubject(ctx, s.n.resultSubject(id))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read result of %s: %w", id, err)
	}
	var r storedResult
	if err := json.Unmarshal(msg.Data, &r); err != nil {
		return nil, fmt.Errorf("read result of %s: %w", id, err)
	}
	r.stored = msg.Time
	return &r, nil
}

// writeResult records r unless a result stands, and returns the one that
// stands. It tries until that is known or ctx is done.
func writeResult(ctx context.Context, c *conn, s *stores, r storedResult) (*storedResult, error) {
	if len(r.Message) > queue.MaxMessage {
		r.Message = r.Message[:queue.MaxMessage]
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("record result of %s: %w", r.JobID, err)
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		call, cancel := c.call(ctx, callTimeout)
		_, err := c.js.PublishMsg(call, &nats.Msg{Subject: s.n.resultSubject(r.JobID), Data: data},
			jetstream.WithExpectLastSequencePerSubject(0))
		if err == nil {
			cancel()
			return &r, nil
		}
		// Whatever the error says: what stands is what counts.
		stands, getErr := s.result(call, r.JobID)
		cancel()
		if getErr == nil && stands != nil {
			return stands, nil
		}
		if ctx.Err() != nil || !pause(ctx, wait) {
			return nil, fmt.Errorf("record result of %s: %w", r.JobID, errors.Join(context.Cause(ctx), err))
		}
		select {
		case <-c.closed:
			return nil, fmt.Errorf("record result of %s: %w", r.JobID, c.err())
		default:
		}
	}
}

// serverNow asks the server for its time by writing key and reading back when
// it was stored.
func serverNow(ctx context.Context, kv jetstream.KeyValue, key string) (time.Time, error) {
	if _, err := kv.Put(ctx, key, nil); err != nil {
		return time.Time{}, fmt.Errorf("read the server's time: %w", err)
	}
	e, err := kv.Get(ctx, key)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the server's time: %w", err)
	}
	return e.Created(), nil
}
