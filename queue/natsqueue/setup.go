package natsqueue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go/jetstream"
)

// Options configure a master. The zero value works.
type Options struct {
	// Namespace keeps several queues apart on one NATS. Default "queue".
	Namespace string
	// LeaseTime is how long a node may be silent before its jobs go to another
	// one. Default 60 s; at least 500 ms. Nodes learn it when they start.
	LeaseTime time.Duration
	// Retention is how long results, and with them the idempotence of Submit, and
	// events are kept. Default 90 days.
	Retention time.Duration
	// MaxEvents bounds the stream of events, in bytes; the oldest go first.
	// Default 1 GiB.
	MaxEvents int64
	// Logger gets what an operator should know. nil is silent.
	Logger hclog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.LeaseTime == 0 {
		o.LeaseTime = time.Minute
	}
	if o.LeaseTime < 500*time.Millisecond {
		return o, fmt.Errorf("lease time %s: must be at least 500ms", o.LeaseTime)
	}
	if o.Retention == 0 {
		o.Retention = 90 * 24 * time.Hour
	}
	if o.MaxEvents == 0 {
		o.MaxEvents = 1 << 30
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	return o, nil
}

// shared is what the master tells nodes (KV nodes, key "config").
type shared struct {
	LeaseMS int64 `json:"lease_ms"`
}

// stores are the handles that both sides use.
type stores struct {
	n                      names
	results                jetstream.Stream
	claims, cancels, nodes jetstream.KeyValue
	lease                  time.Duration
}

// setup creates what is missing and applies changed options to what is there.
func setup(ctx context.Context, js jetstream.JetStream, n names, o Options) error {
	streams := []jetstream.StreamConfig{
		{
			Name: n.jobs(), Subjects: []string{string(n) + ".jobs.>"}, Retention: jetstream.WorkQueuePolicy,
			Storage: jetstream.FileStorage, AllowDirect: true, Discard: jetstream.DiscardNew,
		},
		{
			// One result for a job: the server refuses a second message for the
			// subject, and nobody can remove the first to make room.
			Name: n.results(), Subjects: []string{string(n) + ".results.*"}, Storage: jetstream.FileStorage,
			MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
			DenyDelete: true, DenyPurge: true, AllowDirect: true, MaxAge: o.Retention,
		},
		{
			Name: n.events(), Subjects: []string{string(n) + ".events.>"}, Storage: jetstream.FileStorage,
			MaxAge: o.Retention, MaxBytes: o.MaxEvents, Discard: jetstream.DiscardOld, AllowDirect: true,
		},
	}
	for _, c := range streams {
		if _, err := js.CreateOrUpdateStream(ctx, c); err != nil {
			return fmt.Errorf("set up stream %s: %w", c.Name, err)
		}
	}
	for _, c := range []jetstream.KeyValueConfig{
		{Bucket: n.index(), TTL: o.Retention},
		{Bucket: n.claims(), TTL: o.Retention},
		{Bucket: n.cancels(), TTL: o.Retention},
		{Bucket: n.nodes()},
	} {
		if _, err := js.CreateOrUpdateKeyValue(ctx, c); err != nil {
			return fmt.Errorf("set up bucket %s: %w", c.Bucket, err)
		}
	}
	return nil
}

func openStores(ctx context.Context, js jetstream.JetStream, n names) (stores, error) {
	s := stores{n: n}
	var err error
	if s.results, err = js.Stream(ctx, n.results()); err != nil {
		return s, fmt.Errorf("open %s: %w", n.results(), err)
	}
	for bucket, kv := range map[string]*jetstream.KeyValue{
		n.claims(): &s.claims, n.cancels(): &s.cancels, n.nodes(): &s.nodes,
	} {
		if *kv, err = js.KeyValue(ctx, bucket); err != nil {
			return s, fmt.Errorf("open %s: %w", bucket, err)
		}
	}
	return s, s.readLease(ctx)
}

func (s *stores) readLease(ctx context.Context) error {
	e, err := s.nodes.Get(ctx, configKey)
	if err != nil {
		return fmt.Errorf("read the queue's configuration: %w", err)
	}
	var c shared
	if err := json.Unmarshal(e.Value(), &c); err != nil || c.LeaseMS < 500 {
		return fmt.Errorf("read the queue's configuration: %q", e.Value())
	}
	s.lease = time.Duration(c.LeaseMS) * time.Millisecond
	return nil
}

// tuneConsumers gives the consumers that exist the present lease time.
func tuneConsumers(ctx context.Context, js jetstream.JetStream, n names, lease time.Duration) error {
	stream, err := js.Stream(ctx, n.jobs())
	if err != nil {
		return fmt.Errorf("open %s: %w", n.jobs(), err)
	}
	list := stream.ListConsumers(ctx)
	var stale []jetstream.ConsumerConfig
	for info := range list.Info() {
		if info.Config.AckWait != lease {
			c := info.Config
			c.AckWait = lease
			stale = append(stale, c)
		}
	}
	if err := list.Err(); err != nil {
		return fmt.Errorf("list consumers: %w", err)
	}
	for _, c := range stale {
		if _, err := stream.UpdateConsumer(ctx, c); err != nil {
			return fmt.Errorf("update consumer %s: %w", c.Name, err)
		}
	}
	return nil
}
