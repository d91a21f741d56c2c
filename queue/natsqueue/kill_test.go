package natsqueue

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fedora-respin/respin/queue"
)

// The tests below kill real processes: this test binary, run again.
const (
	helperEnv = "NATSQUEUE_TEST_HELPER"
	dirEnv    = "NATSQUEUE_TEST_DIR"
	addrEnv   = "NATSQUEUE_TEST_ADDR"
	killLease = time.Second
	killJobs  = 24
)

// runHelper is the main program of such a process; false in the test itself.
func runHelper() bool {
	role := os.Getenv(helperEnv)
	if role == "" {
		return false
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	var err error
	switch dir := os.Getenv(dirEnv); role {
	case "worker":
		err = helperWorker(ctx, dir)
	case "master":
		err = helperMaster(ctx, dir, os.Getenv(addrEnv))
	}
	stop()
	if err != nil {
		fmt.Println("helper:", err)
		os.Exit(1)
	}
	return true
}

func helperWorker(ctx context.Context, dir string) error {
	creds, err := ReadCredentials(filepath.Join(dir, "creds.json"))
	if err != nil {
		return err
	}
	n, err := ConnectNode(ctx, creds, NodeOptions{})
	if err != nil {
		return err
	}
	defer n.Close()
	fmt.Println("ready")
	return n.Run(ctx, killConfig(), stagingHandler(dir))
}

func killConfig() queue.NodeConfig {
	return queue.NodeConfig{Offers: []queue.Capability{{Kind: "work", Arch: "x86_64"}}, Slots: 2}
}

// stagingHandler does what a real one does: it stages, finishes, and publishes
// by a rename.
func stagingHandler(dir string) queue.Handler {
	return queue.Handler{
		Handle: func(ctx context.Context, l queue.Lease) error {
			// The process ID tells attempts apart that a kill has counted alike.
			stage := fmt.Sprintf("%s.%d.%d", l.Job().ID, l.Attempt(), os.Getpid())
			if err := os.WriteFile(filepath.Join(dir, "stage", stage), []byte(stage), 0o600); err != nil {
				return err
			}
			l.Progress("work", 50, "")
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
			data, err := json.Marshal(stage)
			if err != nil {
				return err
			}
			_, err = l.Finish(ctx, queue.Result{Outcome: queue.Succeeded, Data: data})
			return err
		},
		Finalize: func(_ context.Context, job queue.Job, r queue.Result) error {
			var stage string
			if err := json.Unmarshal(r.Data, &stage); err != nil {
				return err
			}
			time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
			err := os.Rename(filepath.Join(dir, "stage", stage), filepath.Join(dir, "public", job.ID))
			if errors.Is(err, fs.ErrNotExist) {
				_, err = os.Stat(filepath.Join(dir, "public", job.ID)) // done before
			}
			return err
		},
	}
}

// helperMaster submits all jobs, as an outbox does, and notes every event with
// its number until every job is finalized.
func helperMaster(ctx context.Context, dir, addr string) error {
	server, err := Start(Embedded{Dir: filepath.Join(dir, "queue"), Listen: addr})
	if err != nil {
		return err
	}
	defer server.Stop()
	master, err := server.Master(ctx, Options{LeaseTime: killLease})
	if err != nil {
		return err
	}
	defer master.Close()
	if len(server.NodesWithCredentials()) == 0 {
		creds, err := server.NewNodeCredentials("k1")
		if err != nil {
			return err
		}
		if err := creds.WriteFile(filepath.Join(dir, "creds.json")); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	for i := range killJobs {
		if err := master.Submit(ctx, killJob(i)); err != nil {
			return err
		}
	}
	notes, err := os.OpenFile(filepath.Join(dir, "notes"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer notes.Close()
	var after uint64
	finalized := map[string]bool{}
	for lines := bufio.NewScanner(notes); lines.Scan(); {
		var e queue.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return err
		}
		after = e.Seq
		finalized[e.JobID] = finalized[e.JobID] || e.Type == queue.TypeFinalized
	}
	for e, err := range master.Events(ctx, after) {
		if err != nil {
			return err
		}
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if _, err := notes.Write(append(line, '\n')); err != nil {
			return err
		}
		if e.Type == queue.TypeFinalized {
			finalized[e.JobID] = true
			fmt.Println("finalized", e.JobID)
		}
	}
	return nil
}

func killJob(i int) queue.Job {
	return queue.Job{ID: fmt.Sprintf("job%02d", i), Kind: "work", Arch: "x86_64", MaxAttempts: 100}
}

// helper is a running helper process.
type helper struct {
	cmd   *exec.Cmd
	lines chan string
}

func startHelper(t *testing.T, role, dir, addr string) *helper {
	t.Helper()
	h := &helper{cmd: exec.Command(os.Args[0]), lines: make(chan string, 1000)}
	h.cmd.Env = append(os.Environ(), helperEnv+"="+role, dirEnv+"="+dir, addrEnv+"="+addr)
	h.cmd.Stderr = os.Stderr
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(h.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			h.lines <- s.Text()
		}
	}()
	if line, ok := <-h.lines; line != "ready" {
		t.Fatalf("helper %s said %q, %v", role, line, ok)
	}
	return h
}

// end sends a signal and waits for the process.
func (h *helper) end(sig syscall.Signal) {
	_ = h.cmd.Process.Signal(sig)
	for range h.lines { // to the end, so that Wait loses nothing
	}
	_ = h.cmd.Wait()
}

func killDirs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"stage", "public"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkPublished compares what is public with the results.
func checkPublished(t *testing.T, dir string, results map[string]queue.Result) {
	t.Helper()
	for id, r := range results {
		var stage string
		if err := json.Unmarshal(r.Data, &stage); err != nil || r.Outcome != queue.Succeeded {
			t.Errorf("%s: result %+v", id, r)
		}
		got, err := os.ReadFile(filepath.Join(dir, "public", id))
		if err != nil || string(got) != stage {
			t.Errorf("%s: public is %q, %v; the result says %q", id, got, err, stage)
		}
	}
}

func TestKilledWorkerPublishesOnce(t *testing.T) {
	t.Parallel()
	dir := killDirs(t)
	server, err := Start(Embedded{Dir: filepath.Join(dir, "queue"), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	master, err := server.Master(t.Context(), Options{LeaseTime: killLease})
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	creds, err := server.NewNodeCredentials("k1")
	if err != nil {
		t.Fatal(err)
	}
	if err := creds.WriteFile(filepath.Join(dir, "creds.json")); err != nil {
		t.Fatal(err)
	}
	for i := range killJobs {
		if err := master.Submit(t.Context(), killJob(i)); err != nil {
			t.Fatal(err)
		}
	}
	results := map[string]queue.Result{}
	deadline := time.Now().Add(90 * time.Second)
	for round := 0; len(results) < killJobs; round++ {
		if time.Now().After(deadline) {
			t.Fatalf("after %d rounds only %d jobs are finished", round, len(results))
		}
		w := startHelper(t, "worker", dir, "")
		if round < 5 {
			time.Sleep(time.Duration(50+rand.IntN(600)) * time.Millisecond)
			w.end(syscall.SIGKILL)
			continue
		}
		for i := 0; i < killJobs && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			st, err := master.Status(t.Context(), killJob(i).ID)
			if err != nil {
				t.Fatal(err)
			}
			if st.State == queue.Finished {
				results[st.JobID] = *st.Result
				i++
			}
		}
		w.end(syscall.SIGTERM)
	}
	checkPublished(t, dir, results)
}

func TestKilledMasterLosesNothing(t *testing.T) {
	t.Parallel()
	dir := killDirs(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	m := startHelper(t, "master", dir, addr)

	creds, err := ReadCredentials(filepath.Join(dir, "creds.json"))
	if err != nil {
		t.Fatal(err)
	}
	node, err := ConnectNode(t.Context(), creds, NodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	runs := map[string]int{}
	h := stagingHandler(dir)
	work := h.Handle
	h.Handle = func(ctx context.Context, l queue.Lease) error {
		mu.Lock()
		runs[l.Job().ID]++
		mu.Unlock()
		return work(ctx, l)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := node.Run(ctx, killConfig(), h); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	for range 4 {
		time.Sleep(time.Duration(rand.IntN(700)) * time.Millisecond)
		m.end(syscall.SIGKILL)
		time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
		m = startHelper(t, "master", dir, addr)
	}
	finalized := func() map[string]queue.Result {
		out := map[string]queue.Result{}
		done := map[string]bool{}
		data, err := os.ReadFile(filepath.Join(dir, "notes"))
		if err != nil {
			return nil
		}
		for line := range strings.Lines(string(data)) {
			var e queue.Event
			if json.Unmarshal([]byte(line), &e) != nil {
				continue // being written
			}
			switch e.Type {
			case queue.TypeFinished:
				var r queue.Result
				if err := json.Unmarshal(e.Data, &r); err != nil {
					t.Errorf("result of %s: %v", e.JobID, err)
				}
				if have, ok := out[e.JobID]; ok && string(have.Data) != string(r.Data) {
					t.Errorf("%s has two results: %+v and %+v", e.JobID, have, r)
				}
				out[e.JobID] = r
			case queue.TypeFinalized:
				done[e.JobID] = true
			}
		}
		if len(done) < killJobs {
			return nil
		}
		return out
	}
	var results map[string]queue.Result
	for end := time.Now().Add(90 * time.Second); results == nil; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("jobs are missing from the events")
		}
		results = finalized()
	}
	cancel()
	wg.Wait()
	m.end(syscall.SIGTERM)
	if len(results) != killJobs {
		t.Errorf("%d results told, want %d", len(results), killJobs)
	}
	for id, n := range runs {
		if n != 1 {
			t.Errorf("%s ran %d times on a node that never died", id, n)
		}
	}
	checkPublished(t, dir, results)
}
