package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// puller asks consumers for single messages without waiting for one to come.
// The client library's fetch gives an unanswered request up after a second; a
// message that comes later is then stuck for a whole lease. This one waits as
// long as any other call, and needs no right to look at consumers. It is used
// by one goroutine.
type puller struct {
	c   *conn
	n   names
	sub *nats.Subscription
}

// ackTimeout is short: after a crash of the server it may ignore the
// acknowledgment of a delivery that it forgot, and then delivers again.
const ackTimeout = 5 * time.Second

var pullRequest = []byte(`{"batch":1,"no_wait":true}`)

// pull returns nil when nothing waits, or the consumer does not exist yet.
func (p *puller) pull(consumer string) (*nats.Msg, error) {
	if p.sub == nil {
		sub, err := p.c.nc.SubscribeSync(p.c.nc.NewInbox())
		if err != nil {
			return nil, err
		}
		p.sub = sub
	}
	since := p.c.connectedSince()
	err := p.c.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+p.n.jobs()+"."+consumer, p.sub.Subject, pullRequest)
	if err != nil {
		return nil, err
	}
	msg, err := p.next(since)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, nil
	}
	if err != nil {
		p.close() // a late answer must not be taken for that of the next request
		return nil, err
	}
	status := msg.Header.Get("Status")
	if status == "" && msg.Reply != "" {
		return msg, nil
	}
	if status == "404" || status == "408" || status == "503" {
		return nil, nil
	}
	return nil, fmt.Errorf("queue answered %s %s", status, msg.Header.Get("Description"))
}

// next waits for the answer, but not when the connection that it would come
// over is gone.
func (p *puller) next(since time.Time) (*nats.Msg, error) {
	deadline := time.Now().Add(callTimeout)
	for {
		msg, err := p.sub.NextMsg(200 * time.Millisecond)
		if !errors.Is(err, nats.ErrTimeout) || time.Now().After(deadline) ||
			!p.c.nc.IsConnected() || p.c.connectedSince() != since {
			return msg, err
		}
	}
}

func (p *puller) close() {
	if p.sub != nil {
		_ = p.sub.Unsubscribe()
		p.sub = nil
	}
}

// delivery acknowledges one delivered message.
type delivery struct {
	c     *conn
	reply string
}

// inProgress restarts the server's lease timer.
func (d *delivery) inProgress() error { return d.c.nc.Publish(d.reply, []byte("+WPI")) }

// nak gives the message back, to be delivered again after delay. When it does
// not get through, the lease time does the same.
func (d *delivery) nak(delay time.Duration) {
	body := []byte("-NAK")
	if delay > 0 {
		if arg, err := json.Marshal(map[string]int64{"delay": delay.Nanoseconds()}); err == nil {
			body = append(append(body, ' '), arg...)
		}
	}
	_ = d.c.nc.Publish(d.reply, body)
}

// ack takes the message off the queue and waits for the server to say so.
func (d *delivery) ack() error {
	ctx, cancel := d.c.call(context.Background(), ackTimeout)
	defer cancel()
	_, err := d.c.nc.RequestWithContext(ctx, d.reply, []byte("+ACK"))
	return err
}
