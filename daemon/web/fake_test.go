package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/web"
)

const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

var errNotFound = errors.New("not found")

// plain is a Service over plain data. It notes what it was asked to do.
type plain struct {
	composes []api.Compose
	request  compose.Request
	report   api.Report
	queue    api.Queue
	nodes    api.Nodes
	next     string
	err      error // what Submit, Cancel and Retry answer
	reused   bool
	upload   func(name string, r web.Reader) (api.Upload, error)

	mu        sync.Mutex
	submitted []compose.Request
	calls     []string
}

func (s *plain) note(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

func (s *plain) Submit(_ context.Context, req compose.Request, once string) (api.Compose, error) {
	s.note(strings.TrimSpace("submit " + once))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.submitted = append(s.submitted, req)
	return api.Compose{ID: "20261123-aaaaaaaa", Reused: s.reused}, s.err
}

func (s *plain) Cancel(_ context.Context, id string) error { s.note("cancel " + id); return s.err }

func (s *plain) Retry(_ context.Context, id string) (api.Compose, error) {
	s.note("retry " + id)
	return api.Compose{ID: "20261123-bbbbbbbb"}, s.err
}

func (s *plain) Upload(_ context.Context, name string, length int64, r web.Reader) (api.Upload, error) {
	s.note("upload " + name)
	if s.upload != nil {
		return s.upload(name, r)
	}
	n, err := io.Copy(io.Discard, r)
	return api.Upload{ID: digest, Name: name, Size: n}, err
}

func (s *plain) Get(_ context.Context, id string) (api.Compose, error) {
	for i := range s.composes {
		if s.composes[i].ID == id {
			return s.composes[i], nil
		}
	}
	return api.Compose{}, errNotFound
}

func (s *plain) Request(context.Context, string) (compose.Request, error) { return s.request, s.err }

func (s *plain) List(_ context.Context, state, cursor string) (api.ComposeList, error) {
	s.note("list " + state + " " + cursor)
	return api.ComposeList{Composes: s.composes, Next: s.next}, nil
}

func (s *plain) Report(context.Context, string) (api.Report, error) { return s.report, nil }
func (s *plain) Queue(context.Context) (api.Queue, error)           { return s.queue, nil }
func (s *plain) Nodes(context.Context) (api.Nodes, error)           { return s.nodes, nil }

func (s *plain) Releases(context.Context) (api.Releases, error) {
	r := api.Releases{Arches: compose.Arches()}
	for _, k := range compose.Kinds() {
		info := api.KindInfo{Kind: k, Available: k == compose.KindRepo || k == compose.KindRemaster}
		if !info.Available {
			info.Reason = "lorax is not installed"
		}
		r.Kinds = append(r.Kinds, info)
	}
	return r, nil
}

func (s *plain) Problem(err error) api.Problem {
	if refused, ok := errors.AsType[*compose.RefusedError](err); ok {
		return api.Problem{
			Title: "Request refused", Status: refused.Status(), Code: refused.Problems[0].Code, Problems: refused.Problems,
			Detail: refused.Problems[0].Sentence, Remedy: refused.Problems[0].Remedy,
		}
	}
	if errors.Is(err, errNotFound) {
		return api.Problem{Title: "Not Found", Status: http.StatusNotFound, Code: compose.CodeComposeNotFound, Detail: "There is no compose of that id."}
	}
	return api.Problem{Title: "Internal", Status: http.StatusInternalServerError, Code: compose.CodeInternal, Detail: "The server made an error."}
}

func newPages(t *testing.T, s *plain) *web.Pages {
	t.Helper()
	p, err := web.New(s, web.Options{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func get(t *testing.T, p http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	return w
}

// field is a part of a posted form; with a file name it is a file.
type field struct{ name, value, file string }

func post(t *testing.T, p http.Handler, fields ...field) *httptest.ResponseRecorder {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, f := range fields {
		var w io.Writer
		var err error
		if f.file != "" {
			w, err = m.CreateFormFile(f.name, f.file)
		} else {
			w, err = m.CreateFormField(f.name)
		}
		if err == nil {
			_, err = io.WriteString(w, f.value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", &b)
	r.Header.Set("Content-Type", m.FormDataContentType())
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func wantText(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

func ago(d time.Duration) *time.Time {
	t := time.Now().Add(-d)
	return &t
}

func succeeded() api.Compose {
	const files = "http://respin.example.org/images/20261123-k3f9qz7m/"
	return api.Compose{
		ID: "20261123-k3f9qz7m", State: compose.StateSucceeded, Percent: 100, Kind: compose.KindRemaster, Release: "44", Arch: "x86_64",
		Title: "Installer with new anaconda", Sources: []string{"FEDORA-2026-1a2b3c4d5e", "task:42"}, PlanDigest: digest,
		Node: "node-1", Attempt: 2, RetryOf: "20261122-older111", Created: *ago(time.Hour), Started: ago(59 * time.Minute), Finished: ago(50 * time.Minute), Expires: ago(-72*time.Hour - time.Minute),
		Warnings: []compose.Warning{{Code: "unsupported-field", Field: "packages", Sentence: "A remaster does not use packages."}},
		Artifacts: []compose.Artifact{
			{Name: "f44.iso", URL: files + "f44.iso", Size: 823132160, SHA256: digest, Type: compose.ArtifactISO, Bootable: true, ImplantedMD5: "d41d8cd98f00b204e9800998ecf8427e"},
			{Name: "ks.cfg", URL: files + "ks.cfg", Size: 812, SHA256: digest, Type: compose.ArtifactKickstart},
		},
		SideRepo: &compose.SideRepo{
			URL: "http://respin.example.org/repos/20261123-k3f9qz7m/", RepoFileURL: files + "respin-20261123-k3f9qz7m.repo",
			RepoText: "[respin-20261123-k3f9qz7m]\n", RepomdSHA256: digest, Packages: 7,
		},
		Timings:   []compose.Timing{{Stage: compose.StageFetch, Seconds: 12.3}, {Stage: compose.StageCompose, Seconds: 62}},
		Smoke:     &compose.Smoke{OK: true, Seconds: 31},
		Published: []api.Published{{Name: "ftp", URL: "ftp://ftp.example.org/x/"}, {Name: "mirror", Error: "the password was refused"}},
		Links:     api.Links{Files: files},
		Notices:   []api.Notice{{Kind: "email", State: "sent", Time: ago(49 * time.Minute)}},
		Labels:    map[string]string{"ticket": "1234"},
	}
}

func failed() api.Compose {
	return api.Compose{
		ID: "20261123-failed11", State: compose.StateFailed, Stage: compose.StageCompose, Kind: compose.KindRemaster, Release: "44", Arch: "x86_64",
		Sources: []string{"vim"}, Created: *ago(time.Hour),
		Failure: &compose.Failure{
			Code: compose.CodeToolFailed, Stage: compose.StageCompose, Sentence: "xorriso ended with an error.", Remedy: "Read the evidence and the log.",
			Evidence: []string{"xorriso : FAILURE : one", "xorriso : FAILURE : two"},
		},
		Notices: []api.Notice{{Kind: "email", State: "failed", Error: "the mail server does not answer"}},
	}
}

func building() api.Compose {
	return api.Compose{
		ID: "20261123-building", State: compose.StateBuilding, Stage: compose.StageCompose, Percent: 42, Message: "writing the image",
		Kind: compose.KindRemaster, Release: "44", Arch: "x86_64", Sources: []string{"vim", "emacs", "nano", "ed"}, Created: *ago(time.Minute), Started: ago(30 * time.Second), Node: "node-1",
	}
}

func queued() api.Compose {
	return api.Compose{
		ID: "20261123-queued11", State: compose.StateQueued, Position: 3, Reason: "no node offers aarch64",
		Kind: compose.KindRepo, Release: "44", Arch: "aarch64", Sources: []string{"vim"}, Created: *ago(5*time.Minute + time.Second),
	}
}
