package natsqueue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// callTimeout bounds one request to the server. It is long because a slow disk
// under SyncAlways is not a broken one.
const callTimeout = 15 * time.Second

// conn is a connection that reconnects for ever, and knows since when it
// stands.
type conn struct {
	nc  *nats.Conn
	js  jetstream.JetStream
	log hclog.Logger

	reconnected chan struct{} // holds a token after every reconnect
	closed      chan struct{}

	mu    sync.Mutex
	since time.Time
	calls map[*call]struct{} // under way
}

// call is one request; its answer can only come over the connection on which
// it was sent.
type call struct{ cancel context.CancelCauseFunc }

var errDisconnected = errors.New("disconnected from the queue")

// call bounds a request by a time, and ends it when the connection breaks
// instead of waiting for an answer that cannot come.
func (c *conn) call(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithTimeout(ctx, timeout)
	ctx, cancel := context.WithCancelCause(ctx)
	one := &call{cancel: cancel}
	c.mu.Lock()
	c.calls[one] = struct{}{}
	c.mu.Unlock()
	return ctx, func() {
		c.mu.Lock()
		delete(c.calls, one)
		c.mu.Unlock()
		cancel(nil)
		stop()
	}
}

func (c *conn) endCalls() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.calls {
		one.cancel(errDisconnected)
	}
}

func (c *conn) connectedFor() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.nc.IsConnected() {
		return 0
	}
	return time.Since(c.since)
}

func (c *conn) connectedSince() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.since
}

// err says why the connection was closed.
func (c *conn) err() error {
	if err := c.nc.LastError(); err != nil {
		return fmt.Errorf("connection to the queue closed: %w", err)
	}
	return errors.New("connection to the queue closed")
}

func (c *conn) close() {
	c.nc.Close()
	<-c.closed
}

// dial connects. Publishing while disconnected fails at once instead of being
// buffered: a buffered pull or heartbeat would reach the server after its time.
func dial(ctx context.Context, url string, log hclog.Logger, opts ...nats.Option) (*conn, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	c := &conn{
		log: log, reconnected: make(chan struct{}, 1), closed: make(chan struct{}),
		since: time.Now(), calls: map[*call]struct{}{},
	}
	opts = append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 500*time.Millisecond),
		nats.ReconnectBufSize(-1), nats.PingInterval(20 * time.Second), nats.Timeout(10 * time.Second),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			c.endCalls()
			if err != nil {
				log.Warn("queue disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			c.mu.Lock()
			c.since = time.Now()
			c.mu.Unlock()
			log.Info("queue reconnected")
			select {
			case c.reconnected <- struct{}{}:
			default:
			}
		}),
		nats.ClosedHandler(func(*nats.Conn) { close(c.closed) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("queue", "error", err) }),
	}, opts...)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		return nil, err
	}
	c.nc = nc
	if c.js, err = jetstream.New(nc, jetstream.WithDefaultTimeout(callTimeout)); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func nkeyOption(key nkeys.KeyPair) (nats.Option, error) {
	pub, err := key.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return nats.Nkey(pub, key.Sign), nil
}

func caOption(pem string) (nats.Option, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil, errors.New("ca: no PEM certificate found")
	}
	return nats.Secure(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}), nil
}

// patiently repeats do while the queue is away or not set up, until it works,
// ctx is done or the connection was closed for good.
func (c *conn) patiently(ctx context.Context, do func(ctx context.Context) error) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		call, cancel := c.call(ctx, callTimeout)
		err := do(call)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.log.Warn("queue not ready", "error", err, "again", wait)
		select {
		case <-c.closed:
			return c.err()
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// pause waits, or reports false when ctx is done first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
