package natsqueue

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/fedora-respin/respin/queue"
)

// flushWithin bounds how long a result waits for the log lines before it.
const flushWithin = 10 * time.Second

// send stores one event in the stream, however long that takes; the message ID
// keeps the server from storing it twice when an answer is lost.
func (l *lease) send(ctx context.Context, e queue.Event) error {
	if e.Attempt == 0 {
		e.Attempt = l.h.Attempt
	}
	e.JobID = l.job.ID
	data, err := json.Marshal(e)
	if err != nil {
		return nil //nolint:nilerr // cannot be sent, now or later; plain strings always encode
	}
	msg := &nats.Msg{Subject: l.r.n.eventSubject(l.r.cfg.ID, l.job.ID), Data: data}
	id := nuid.Next()
	for {
		call, cancel := l.r.c.call(ctx, callTimeout)
		_, err = l.r.c.js.PublishMsg(call, msg, jetstream.WithMsgID(id))
		cancel()
		if err == nil || !pause(ctx, 200*time.Millisecond) {
			return err
		}
	}
}

// flush sends the events so far, if that is possible within a while.
func (l *lease) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	l.out.flush(ctx)
}
