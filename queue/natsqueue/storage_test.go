package natsqueue

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/fedora-respin/respin/queue"
)

func TestLockedDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Start(Embedded{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	var locked *LockedError
	if _, err := Start(Embedded{Dir: dir}); !errors.As(err, &locked) || locked.Dir != dir {
		t.Errorf("second Start = %v, want a LockedError", err)
	}
	s.Stop()
	again, err := Start(Embedded{Dir: dir})
	if err != nil {
		t.Fatalf("Start after Stop: %v", err)
	}
	again.Stop()
}

// fill leaves a stopped queue with one waiting job.
func fill(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := Start(Embedded{Dir: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	m, err := s.Master(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := s.NewNodeCredentials("n1"); err != nil {
		t.Fatal(err)
	}
	if err := m.Submit(t.Context(), queue.Job{ID: "a", Kind: "work", Arch: "x86_64"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// reopen reports how a master starts over dir.
func reopen(t *testing.T, dir string) error {
	t.Helper()
	s, err := Start(Embedded{Dir: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer s.Stop()
	m, err := s.Master(t.Context(), Options{})
	if err != nil {
		return err
	}
	defer m.Close()
	if w, err := m.Waiting(t.Context()); err != nil || len(w) != 1 {
		t.Errorf("Waiting = %+v, %v; want the one job", w, err)
	}
	return nil
}

func TestDamagedDirectory(t *testing.T) {
	t.Parallel()
	if err := reopen(t, fill(t)); err != nil {
		t.Fatalf("an undamaged directory: %v", err)
	}
	streams := filepath.Join("jetstream", "$G", "streams")
	for name, damage := range map[string]func(dir string) error{
		"a stream's description is garbage": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, streams, "queue_jobs", "meta.inf"), []byte("garbage"), 0o600)
		},
		"a stream is missing": func(dir string) error {
			return os.RemoveAll(filepath.Join(dir, streams, "queue_results"))
		},
		"a bucket is missing": func(dir string) error {
			return os.RemoveAll(filepath.Join(dir, streams, "KV_queue_claims"))
		},
		"everything is missing": func(dir string) error { return os.RemoveAll(filepath.Join(dir, "jetstream")) },
		"the jobs are garbage": func(dir string) error {
			blocks, err := filepath.Glob(filepath.Join(dir, streams, "queue_jobs", "msgs", "*"))
			for _, b := range blocks {
				info, statErr := os.Stat(b)
				if statErr != nil || info.IsDir() {
					continue
				}
				err = errors.Join(err, os.WriteFile(b, make([]byte, info.Size()), 0o600))
			}
			return err
		},
		"the nodes' keys are garbage": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "nodes.json"), []byte(`{"n1":`), 0o600)
		},
		"a node's key is garbage": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "nodes.json"), []byte(`{"n1":{"public_key":"U"}}`), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := fill(t)
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			err := reopen(t, dir)
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || corrupt.Dir != dir || corrupt.Detail == "" {
				t.Errorf("error = %v, want a CorruptError", err)
			}
		})
	}
}

func TestExternalServer(t *testing.T) {
	t.Parallel()
	adminKey, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	nodeKey, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	pub := func(k nkeys.KeyPair) string { p, _ := k.PublicKey(); return p }
	seed := func(k nkeys.KeyPair) []byte { s, _ := k.Seed(); return s }
	allowPub, allowSub := NodePermissions("other", "n1")
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
		MaxPayload: 8 << 20,
		Nkeys: []*server.NkeyUser{{Nkey: pub(adminKey)}, {Nkey: pub(nodeKey), Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: allowPub}, Subscribe: &server.SubjectPermission{Allow: allowSub},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	defer func() { ns.Shutdown(); ns.WaitForShutdown() }()
	if !ns.ReadyForConnections(30 * time.Second) {
		t.Fatal("not ready")
	}
	m, err := Connect(t.Context(), External{URL: ns.ClientURL(), Seed: seed(adminKey)}, Options{Namespace: "other", LeaseTime: testLease})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	runOne(t, m, Credentials{Node: "n1", URL: ns.ClientURL(), Seed: string(seed(nodeKey)), Namespace: "other"})
	if _, err := Connect(t.Context(), External{URL: "nats://127.0.0.1:1"}, Options{}); err == nil {
		t.Error("Connect to nobody succeeded")
	}
}

// runOne has a node with the credentials do one job.
func runOne(t *testing.T, m *Master, creds Credentials) {
	t.Helper()
	n, err := ConnectNode(t.Context(), creds, NodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- n.Run(ctx, killConfig(), queue.Handler{Handle: func(context.Context, queue.Lease) error { return nil }})
	}()
	if err := m.Submit(t.Context(), queue.Job{ID: "a", Kind: "work", Arch: "x86_64"}); err != nil {
		t.Fatal(err)
	}
	wait, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	finalized := false
	for e, err := range m.Events(wait, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == queue.TypeFinalized {
			finalized = true
			break
		}
	}
	if !finalized {
		t.Error("the job was not finalized")
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(Embedded{
		Dir: t.TempDir(), Listen: "127.0.0.1:0",
		TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	m, err := s.Master(t.Context(), Options{LeaseTime: testLease})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	creds, err := s.NewNodeCredentials("n1")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := ConnectNode(t.Context(), creds, NodeOptions{}); err == nil {
		n.Close()
		t.Error("a node trusted a certificate that nobody vouches for")
	}
	creds.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	runOne(t, m, creds)
}
