package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// fakeServer answers like the daemon for one compose: POST makes it, the first
// GET of its record finds it queued, later ones ended, and each connection to
// its events gets the next part.
func fakeServer(t *testing.T, end api.Compose, parts ...string) string {
	t.Helper()
	var gets, connections atomic.Int32
	var srv *httptest.Server
	link := func(c api.Compose) api.Compose {
		c.ID, c.Links.Page, c.Links.Log = "c1", "http://h/composes/c1", "http://h/log"
		c.Links.Report, c.Links.Files = "http://h/report", "http://h/images/c1/"
		return c
	}
	mux := http.NewServeMux()
	send := func(w http.ResponseWriter, c api.Compose) { _ = json.NewEncoder(w).Encode(link(c)) }
	mux.HandleFunc("POST /api/v1/composes", func(w http.ResponseWriter, _ *http.Request) {
		send(w, api.Compose{State: compose.StateQueued, Warnings: []compose.Warning{{Sentence: "The base image is not pinned."}}})
	})
	mux.HandleFunc("GET /api/v1/composes/c1", func(w http.ResponseWriter, _ *http.Request) {
		if gets.Add(1) == 1 {
			send(w, api.Compose{State: compose.StateQueued, Position: 2, Reason: "no node offers aarch64"})
			return
		}
		send(w, end)
	})
	mux.HandleFunc("GET /api/v1/composes/c1/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if i := int(connections.Add(1)) - 1; i < len(parts) {
			_, _ = io.WriteString(w, parts[i])
		}
		_ = http.NewResponseController(w).Flush()
		if int(connections.Load()) < len(parts) {
			panic(http.ErrAbortHandler)
		}
		if !strings.Contains(parts[len(parts)-1], `"end"`) {
			<-r.Context().Done()
		}
	})
	srv = httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func event(e api.Event) string {
	data, _ := json.Marshal(e)
	return fmt.Sprintf("id: 0\ndata: %s\n\n", data)
}

func stage(s compose.Stage, percent int, message string) string {
	return event(api.Event{Type: "stage", State: compose.StateBuilding, Stage: s, Percent: percent, Message: message})
}

func run(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(t.Context(), Env{Args: args, Stdout: &o, Stderr: &e})
	return code, o.String(), e.String()
}

func TestBuildWaitInAPipe(t *testing.T) {
	t.Parallel()
	queued := event(api.Event{Type: "state", State: compose.StateQueued})
	done := event(api.Event{Type: "end", State: compose.StateSucceeded, Percent: 100})
	server := fakeServer(t, api.Compose{
		State: compose.StateSucceeded,
		Artifacts: []compose.Artifact{
			{Name: "a.iso", Type: compose.ArtifactISO, URL: "http://h/images/c1/a.iso", SHA256: "abc", Size: 3 << 20},
			{Name: "plan.json", Type: compose.ArtifactPlan, URL: "http://h/images/c1/plan.json"},
		},
		SideRepo:  &compose.SideRepo{URL: "http://h/repos/c1/", RepoFileURL: "http://h/images/c1/respin-c1.repo"},
		Published: []api.Published{{Name: "ftp", URL: "ftp://f/c1"}, {Name: "other", Error: "full"}},
	},
		queued+stage(compose.StageFetch, 3, "fetching the RPMs")+stage(compose.StageFetch, 20, "fetched 1 of 2 files"),
		stage(compose.StageFetch, 20, "fetched 1 of 2 files")+stage(compose.StageCompose, 45, "writing image")+event(api.Event{Type: "log", Text: "not for here\n"})+
			event(api.Event{Type: "state", State: compose.StatePublishing, Stage: compose.StagePublish, Percent: 95, Message: "publishing"})+done,
	)
	code, out, errOut := run(t, "build", "repo", "hello-1-1", "--server", server, "--wait")
	if code != ExitOK {
		t.Errorf("exit code %d", code)
	}
	wantOut := `compose    c1
state      succeeded
page       http://h/composes/c1
iso        http://h/images/c1/a.iso
 sha256    abc
 size      3.0 MiB
side repo  http://h/repos/c1/
repo file  http://h/images/c1/respin-c1.repo
log        http://h/log
report     http://h/report
checksums  http://h/images/c1/CHECKSUM
also at    ftp://f/c1
not at     other: full
`
	if d := cmp.Diff(wantOut, out); d != "" {
		t.Errorf("stdout differs (-want +got):\n%s", d)
	}
	wantErr := `resolving the request
warning: The base image is not pinned.
compose c1
http://h/composes/c1
  0% queued: position 2, no node offers aarch64
  3% fetch: fetching the RPMs
 45% compose: writing image
 95% publish: publishing
`
	if d := cmp.Diff(wantErr, errOut); d != "" {
		t.Errorf("stderr differs (-want +got):\n%s", d)
	}
}

func TestBuildWaitEndsAsTheComposeDoes(t *testing.T) {
	t.Parallel()
	failure := &compose.Failure{
		Code: compose.CodeToolFailed, Stage: compose.StageCompose, Sentence: "xorriso ended with code 5.", Remedy: "Read the log.",
		Evidence: []string{"line one", "line two"},
	}
	tests := []struct {
		state compose.State
		code  int
		want  string
	}{
		{compose.StateFailed, ExitFailed, "compose c1 failed\nxorriso ended with code 5. Read the log. [tool-failed]\nstage: compose\n  | line one\n  | line two\nlog: http://h/log\n"},
		{compose.StateCanceled, ExitCanceled, "compose c1 canceled\n"},
	}
	for _, tt := range tests {
		t.Run(string(tt.state), func(t *testing.T) {
			t.Parallel()
			end := api.Compose{State: tt.state}
			if tt.state == compose.StateFailed {
				end.Failure = failure
			}
			events := event(api.Event{Type: "state", State: compose.StateQueued}) + event(api.Event{Type: "end", State: tt.state})
			code, out, errOut := run(t, "build", "repo", "hello-1-1", "--server", fakeServer(t, end, events), "--wait", "--quiet")
			if code != tt.code || out != "" || !strings.HasPrefix(errOut, tt.want) {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, out, errOut)
			}
			code, out, _ = run(t, "build", "repo", "hello-1-1", "--server", fakeServer(t, end, events), "--wait", "--json")
			var got api.Compose
			if err := json.Unmarshal([]byte(out), &got); err != nil || got.State != tt.state || code != tt.code {
				t.Errorf("--json: exit code %d, %q (%v)", code, out, err)
			}
		})
	}
}

func TestBuildWithoutWait(t *testing.T) {
	t.Parallel()
	server := fakeServer(t, api.Compose{}, "")
	if code, out, _ := run(t, "build", "repo", "hello-1-1", "--server", server); code != ExitOK || out != "c1  http://h/composes/c1\n" {
		t.Errorf("exit code %d, stdout %q", code, out)
	}
	if _, out, errOut := run(t, "build", "repo", "hello-1-1", "--server", server, "-q"); out != "c1\n" || errOut != "" {
		t.Errorf("quiet: stdout %q, stderr %q", out, errOut)
	}
}

// Ctrl-C ends the waiting and leaves the compose alone.
func TestInterruptedWaitDetaches(t *testing.T) {
	t.Parallel()
	server := fakeServer(t, api.Compose{State: compose.StateBuilding}, stage(compose.StageFetch, 3, "fetching the RPMs"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errOut bytes.Buffer
	code := Main(ctx, Env{
		Args: []string{"build", "repo", "hello-1-1", "--server", server, "--wait"}, Stdout: &out,
		Stderr: &tripwire{w: &errOut, on: "3% fetch", do: cancel},
	})
	want := "respin: stopped following; the compose c1 goes on.\nFollow it: respin log -f c1\nCancel it: respin cancel c1\n"
	if code != ExitOther || !strings.HasSuffix(errOut.String(), want) || out.Len() > 0 {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, &out, &errOut)
	}
}

type tripwire struct {
	w  *bytes.Buffer
	on string
	do func()
}

func (w *tripwire) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if strings.Contains(w.w.String(), w.on) {
		w.do()
	}
	return n, err
}

func TestStagesOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := newApp(Env{Stderr: &out}, &Globals{})
	a.errTTY, a.width = true, 100
	s := a.stages()
	s.show(compose.StateQueued, "", 0, "position 1")
	s.show(compose.StateBuilding, compose.StageCompose, 45, "writing \x1b[2Jimage")
	s.close()
	if text := out.String(); !strings.Contains(text, "45%") || !strings.Contains(text, "compose") || strings.Contains(text, "\x1b[2J") || strings.Contains(text, "\n") {
		t.Errorf("drawn: %q", text)
	}
}

func TestRequestOfFlagsAndFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"request.yaml": "kind: remaster\nrelease: \"43\"\nsources: [\"rpm:a.rpm\", task:5]\nkickstart: {file: ks.cfg}\nbase: {url: boot.iso}\nlabels: {a: b}\noptions: {debuginfo: true}\n",
		"a.rpm":        "an RPM", "b.rpm": "another", "ks.cfg": "lang C\n", "boot.iso": "an image",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := requestFlags{
		File: filepath.Join(dir, "request.yaml"), Kind: "hello-1-1.fc44", Sources: []string{filepath.Join(dir, "b.rpm"), "https://h/c.rpm"},
		Release: "44", Label: map[string]string{"c": "d"}, BootArg: []string{"console=ttyS0,115200"}, Notify: []string{"qa@example.org"}, TTL: "1h", Multilib: true,
	}
	a := newApp(Env{Stderr: io.Discard}, &Globals{})
	p, err := f.build(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range p.files {
		file.set(&p.req, file.sha256[:8])
	}
	id := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:8] }
	want := compose.Request{
		Kind: compose.KindRemaster, Release: "44",
		Sources:   []string{"upload:" + id("an RPM"), "task:5", "hello-1-1.fc44", "upload:" + id("another"), "https://h/c.rpm"},
		Kickstart: &compose.Kickstart{Text: "lang C\n"}, Base: &compose.Base{Upload: id("an image")},
		Labels: map[string]string{"a": "b", "c": "d"}, BootArgs: []string{"console=ttyS0,115200"},
		Options: compose.Options{Debuginfo: true, Multilib: true}, TTL: compose.Duration(time.Hour), Notify: []compose.Notify{{Email: "qa@example.org"}},
	}
	if d := cmp.Diff(want, p.req); d != "" {
		t.Errorf("request differs (-want +got):\n%s", d)
	}
	if a.kickstart != filepath.Join(dir, "ks.cfg") || len(p.files) != 3 {
		t.Errorf("kickstart %q, %d files", a.kickstart, len(p.files))
	}
}
