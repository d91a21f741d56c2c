package natsqueue

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/fedora-respin/respin/queue"
)

// rawNode connects as a node would, without its good manners. Errors that the
// server sends by itself arrive in the channel.
func rawNode(t *testing.T, creds Credentials) (*nats.Conn, chan error) {
	t.Helper()
	key, err := nkeys.FromSeed([]byte(creds.Seed))
	if err != nil {
		t.Fatal(err)
	}
	auth, err := nkeyOption(key)
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 100)
	nc, err := nats.Connect(creds.URL, auth, nats.CustomInboxPrefix(inboxPrefix(creds.Node)),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc, errs
}

func TestNodePermissions(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	dvd := queue.Capability{Kind: "dvd", Arch: "x86_64"}
	creds, err := e.server.NewNodeCredentials("n1", dvd)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.master.Submit(t.Context(), queue.Job{ID: "a", Kind: "dvd", Arch: "x86_64"}); err != nil {
		t.Fatal(err)
	}
	if err := e.master.Submit(t.Context(), queue.Job{ID: "b", Kind: "repo", Arch: "x86_64"}); err != nil {
		t.Fatal(err)
	}
	nc, errs := rawNode(t, creds)
	denied := func(what string, do func() error) {
		t.Helper()
		for len(errs) > 0 {
			<-errs
		}
		if err := do(); err != nil && !errors.Is(err, nats.ErrPermissionViolation) && !errors.Is(err, context.DeadlineExceeded) {
			t.Logf("%s: %v", what, err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-errs:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%s: %v, want a permissions violation", what, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s is allowed", what)
		}
	}
	publish := func(subject string) func() error {
		return func() error { return nc.Publish(subject, []byte("{}")) }
	}
	for _, subject := range []string{
		"queue.jobs.n.x86_64.dvd.evil",                        // submit
		"queue.ctl.cancel",                                    // cancel
		"queue.events.n2.a",                                   // speak for another node
		"queue.events.=master=.a",                             // or for the master
		"$KV.queue_nodes.info.n2", "$KV.queue_nodes.drain.n1", // be another node; undo a drain
		"$KV.queue_nodes.config", "$KV.queue_cancels.a", // settings, cancellations
		"$KV.queue_index.a",                                           // what was submitted
		"$JS.API.STREAM.DELETE.queue_jobs",                            // administer
		"$JS.API.STREAM.PURGE.queue_results",                          //
		"$JS.API.STREAM.MSG.DELETE.queue_results",                     //
		"$JS.API.STREAM.CREATE.mine",                                  //
		"$JS.API.CONSUMER.CREATE.queue_jobs",                          //
		"$JS.API.CONSUMER.DELETE.queue_jobs.n~x86_64~dvd",             //
		"$JS.API.CONSUMER.MSG.NEXT.queue_jobs.n~x86_64~repo",          // take what was not offered
		"$JS.API.DIRECT.GET.queue_jobs.queue.jobs.n.x86_64.repo.b",    // read it
		"$JS.API.STREAM.MSG.GET.queue_jobs",                           //
		"$JS.ACK.queue_jobs.n~x86_64~repo.1.1.1.1.1", "_INBOX.n2.abc", // end it; answer for others
	} {
		denied("publish "+subject, publish(subject))
	}
	for _, subject := range []string{"_INBOX.>", "_INBOX.n2.>", ">", "queue.events.>", "queue.jobs.>", "$JS.API.>", "$KV.>"} {
		denied("subscribe "+subject, func() error {
			_, err := nc.SubscribeSync(subject)
			return err
		})
	}

	// A recorded result cannot be replaced, by whatever means a node has.
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "queue.results.a", []byte(`{"job_id":"a","outcome":"failed"}`)); err != nil {
		t.Fatalf("a node must be able to record a result: %v", err)
	}
	if _, err := js.Publish(t.Context(), "queue.results.a", []byte(`{"job_id":"a","outcome":"succeeded"}`)); err == nil {
		t.Error("a second result was accepted")
	}
	rollup := nats.NewMsg("queue.results.a")
	rollup.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	if _, err := js.PublishMsg(t.Context(), rollup); err == nil {
		t.Error("a result was rolled up")
	}
	if r, err := e.master.Result(t.Context(), "a"); err != nil || r.Outcome != queue.Failed {
		t.Errorf("Result = %+v, %v; want the first one", r, err)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	if nc, err := nats.Connect(e.server.URL()); err == nil {
		nc.Close()
		t.Error("an anonymous client was let in")
	}
	creds, err := e.server.NewNodeCredentials("n1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := key.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds.Seed = string(seed)
	if n, err := ConnectNode(t.Context(), creds, NodeOptions{}); err == nil {
		n.Close()
		t.Error("an unknown key was let in")
	}
	// The master's own key works only inside the process.
	auth, err := nkeyOption(e.server.masterKey)
	if err != nil {
		t.Fatal(err)
	}
	if nc, err := nats.Connect(e.server.URL(), auth); err == nil {
		nc.Close()
		t.Error("the master's key was accepted over TCP")
	}
}

func TestRevokedNodeIsShutOut(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	run := func(id string) chan error {
		done := make(chan error, 1)
		w := e.Worker(t, id)
		t.Cleanup(func() { w.Close() })
		go func() { done <- w.Run(t.Context(), killConfig(), queue.Handler{Handle: hold}) }()
		return done
	}
	gone, stays := run("n1"), run("n2")
	if got := e.server.NodesWithCredentials(); !slices.Equal(got, []string{"n1", "n2"}) {
		t.Errorf("NodesWithCredentials = %v", got)
	}
	if err := e.server.RevokeNode("n1"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-gone:
		if err == nil || !strings.Contains(err.Error(), "uthorization") {
			t.Errorf("Run of the revoked node = %v, want an authorization error", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the revoked node still runs")
	}
	if n, err := ConnectNode(t.Context(), e.creds["n1"], NodeOptions{}); err == nil {
		n.Close()
		t.Error("the revoked node was let in again")
	}
	select {
	case err := <-stays:
		t.Errorf("the other node ended: %v", err)
	default:
	}
	e.Restart(t, 0) // revocation outlives it
	if n, err := ConnectNode(t.Context(), e.creds["n1"], NodeOptions{}); err == nil {
		n.Close()
		t.Error("the revoked node was let in after a restart")
	}
	n, err := ConnectNode(t.Context(), e.creds["n2"], NodeOptions{})
	if err != nil {
		t.Fatalf("the other node after a restart: %v", err)
	}
	n.Close()
}

func hold(ctx context.Context, _ queue.Lease) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestCredentialsFile(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	creds, err := e.server.NewNodeCredentials("n1")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "n1.json")
	if err := creds.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode(), err)
	}
	got, err := ReadCredentials(path)
	if err != nil || got != creds {
		t.Errorf("ReadCredentials = %v, %v", got, err)
	}
	if s := creds.String(); strings.Contains(s, creds.Seed) {
		t.Errorf("String tells the secret: %s", s)
	}
	kept, err := os.ReadFile(filepath.Join(e.cfg.Dir, "nodes.json"))
	if err != nil || strings.Contains(string(kept), creds.Seed) {
		t.Errorf("the server keeps the secret (%v)", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCredentials(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v, want a refusal that says what to do", err)
	}
	for name, text := range map[string]string{
		"not JSON": "hello", "unknown key": `{"node":"n1","url":"nats://h","nkey_seed":"x","pasword":"y"}`,
		"bad seed": `{"node":"n1","url":"nats://h","nkey_seed":"SUx"}`, "bad node": `{"node":"n 1","url":"nats://h"}`,
		"two objects": `{"node":"n1","url":"nats://h","creds_file":"f"}{}`,
	} {
		if _, err := ParseCredentials([]byte(text)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add([]byte(`{"node":"n1","url":"nats://host.example.org:4222","creds_file":"n1.creds"}`))
	f.Add([]byte(`{"node":"n1","url":"u","nkey_seed":"SUAKYRHVIOREXV7EUZTBHUHL7NUMHPMAS7QMDU3GTIUWEI5LDNOXD43IZY"}`))
	f.Add([]byte(`{"node":"a.b","namespace":"*"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCredentials(data)
		if err != nil {
			return
		}
		if queue.ValidateNodeID(c.Node) != nil || c.URL == "" {
			t.Errorf("accepted %+v", c)
		}
	})
}

func TestNoAddressNoCredentials(t *testing.T) {
	t.Parallel()
	s, err := Start(Embedded{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if _, err := s.NewNodeCredentials("n1"); err == nil {
		t.Error("credentials without an address to connect to")
	}
	if s.URL() != "" {
		t.Errorf("URL = %s", s.URL())
	}
	if _, err := Start(Embedded{Dir: t.TempDir(), Listen: "nowhere"}); err == nil {
		t.Error("a listen address without port was accepted")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Start(Embedded{Dir: t.TempDir(), Listen: l.Addr().String()}); err == nil ||
		!strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a taken address: %v", err)
	}
}
