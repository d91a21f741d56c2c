//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/client"
	"github.com/fedora-respin/respin/daemon/notify/smtptest"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// respinBinary builds the program that is shipped.
func respinBinary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "respin")
	cmd := exec.Command("go", "build", "-o", bin, "./daemon/respin")
	cmd.Dir, cmd.Env = shareddata.Root(t), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build respin: %v\n%s", err, out)
	}
	return bin
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// mortal is a process that is killed and started again.
type mortal struct {
	t    *testing.T
	bin  string
	args []string
	env  []string // besides, or instead, of this process's
	log  *os.File
	cmd  *exec.Cmd
}

// mortalEnv is this process's environment without what is for the tests: the
// daemon takes RESPIN_ variables for configuration.
func mortalEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "RESPIN_") })
}

func (m *mortal) start() {
	m.t.Helper()
	m.cmd = exec.Command(m.bin, m.args...)
	m.cmd.Stdout, m.cmd.Stderr = m.log, m.log
	m.cmd.Env = append(mortalEnv(), m.env...)
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *mortal) kill() {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Kill() // SIGKILL
	_ = m.cmd.Wait()
	m.cmd = nil
}

// A daemon with its own node and a second node, both killed with SIGKILL again
// and again while composes are submitted and built: every one is finished,
// published once and told once.
func TestKillNineLosesNothingAndPublishesNothingTwice(t *testing.T) {
	t.Parallel()
	bin := respinBinary(t)
	fedora, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fedora.Close() })
	mail, err := smtptest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mail.Close() })
	dir, listen, queue := t.TempDir(), freeAddr(t), freeAddr(t)
	_, port, _ := net.SplitHostPort(mail.Addr())
	config := filepath.Join(dir, "respin.yaml")
	text := fmt.Sprintf(`
listen: %s
data: %s
queue: {listen: %q, lease: 2s}
koji: {hub: %q, topurl: %q}
bodhi: {url: %q}
smtp: {host: 127.0.0.1, port: %s, from: respin@example.org, tls: none}
limits: {disk_floor: 1048576}
`, listen, filepath.Join(dir, "data"), queue, fedora.HubURL, fedora.TopURL, fedora.BodhiURL, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = log.Close()
		if t.Failed() {
			data, _ := os.ReadFile(log.Name())
			t.Logf("the processes said:\n%s", tailBytes(data, 20_000))
		}
	})
	daemon := &mortal{t: t, bin: bin, args: []string{"serve", "--config", config}, log: log}
	t.Cleanup(daemon.kill)
	daemon.start()
	url := "http://" + listen
	api := killClient(t, url)
	awaitReady(t, url)
	creds := filepath.Join(dir, "node2.creds")
	token, err := api.CreateToken(t.Context(), "node2", []string{"node"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(creds, []byte(token.Credentials), 0o600); err != nil {
		t.Fatal(err)
	}
	node := &mortal{t: t, bin: bin, args: []string{"node", "--creds", creds, "--config", config, "--work", filepath.Join(dir, "work2")}, log: log}
	t.Cleanup(node.kill)
	node.start()

	// Slow files make builds last long enough to be hit.
	fedora.Hub.FailFiles(kojitest.Failures{Latency: 300 * time.Millisecond})
	sources := []string{fedora.Update, fedora.SmallUpdate, "tag:" + fedora.SideTag, fmt.Sprintf("task:%d", fedora.Task), composetest.BuildCaret, composetest.BuildNoarch}
	ids := map[string]string{}
	for i, source := range sources {
		ids[source] = submitUntilAnswered(t, api, source, fmt.Sprintf("key-%d", i), func() {
			if i%2 == 1 {
				daemon.kill()
				daemon.start()
			}
		})
	}
	random := rand.New(rand.NewPCG(44, 2026))
	for range 6 {
		time.Sleep(time.Duration(300+random.IntN(1200)) * time.Millisecond)
		victim := daemon
		if random.IntN(2) == 0 {
			victim = node
		}
		victim.kill()
		time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond)
		victim.start()
	}
	fedora.Hub.FailFiles(kojitest.Failures{})
	awaitReady(t, url)
	for source, id := range ids {
		c := awaitDone(t, api, id)
		if c.State != compose.StateSucceeded || c.SideRepo == nil {
			t.Errorf("%s (%s): %s %+v", source, id, c.State, c.Failure)
			continue
		}
		resp, err := http.Get(c.SideRepo.URL + "repodata/repomd.xml")
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: side repo: %v", id, err)
		}
		_ = resp.Body.Close()
	}
	entries, _ := os.ReadDir(filepath.Join(dir, "data", "images"))
	published := 0
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			published++
		}
	}
	if published != len(sources) {
		t.Errorf("%d directories are published for %d composes", published, len(sources))
	}
	checkLetters(t, mail, ids)
}

func tailBytes(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

func killClient(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func awaitReady(t *testing.T, url string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		resp, err := http.Get(url + "/readyz")
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatal("the daemon does not get ready")
}

// submitUntilAnswered submits with an idempotency key; meanwhile disturbs.
func submitUntilAnswered(t *testing.T, c *client.Client, source, key string, disturb func()) string {
	t.Helper()
	req := compose.Request{
		Kind: compose.KindRepo, Release: "44", Arch: "x86_64", Sources: []string{source},
		Notify: []compose.Notify{{Email: "qa@example.org"}},
	}
	done := make(chan string, 1)
	go func() {
		for t.Context().Err() == nil {
			made, err := c.Submit(t.Context(), req, client.SubmitOptions{IdempotencyKey: key})
			if err == nil {
				done <- made.ID
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	time.Sleep(30 * time.Millisecond)
	disturb()
	select {
	case id := <-done:
		return id
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s was never taken", source)
		return ""
	}
}

func awaitDone(t *testing.T, c *client.Client, id string) api.Compose {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for {
		got, err := c.Get(ctx, id)
		if err == nil && got.State.Done() {
			return got
		}
		if ctx.Err() != nil {
			t.Fatalf("compose %s does not end: %v, %+v", id, err, got)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// checkLetters: a kill between the sending and its record may repeat a message,
// and then under the same Message-ID; nobody is told two different things.
func checkLetters(t *testing.T, mail *smtptest.Server, ids map[string]string) {
	t.Helper()
	told := map[string]map[string]bool{}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		for _, m := range mail.Messages() {
			for _, id := range ids {
				if strings.Contains(m.Text, id) {
					if told[id] == nil {
						told[id] = map[string]bool{}
					}
					told[id][m.Header.Get("Message-Id")] = true
				}
			}
		}
		if len(told) == len(ids) || time.Now().After(deadline) {
			break
		}
	}
	for _, id := range ids {
		if len(told[id]) != 1 {
			t.Errorf("compose %s was told of in %d different messages", id, len(told[id]))
		}
	}
}
