package daemon_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/store"
)

func TestRunnerIsConfiguredByNameOrInFull(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ yaml, env, kind, image, wrong string }{
		"default":        {},
		"name":           {yaml: "runner: mock\n", kind: "mock"},
		"environment":    {env: "RESPIN_RUNNER=mock", kind: "mock"},
		"in full":        {yaml: "runner: {kind: podman, images: {\"44\": example.org/t:44}}\n", kind: "podman", image: "example.org/t:44"},
		"unknown":        {yaml: "runner: docker\n", wrong: "runner.kind"},
		"without images": {yaml: "runner: podman\n", wrong: "runner.images"},
		"unknown key":    {yaml: "runner: {sort: mock}\n", wrong: "sort"},
	} {
		path := filepath.Join(t.TempDir(), "respin.yaml")
		if err := os.WriteFile(path, []byte(tc.yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		var environ []string
		if tc.env != "" {
			environ = []string{tc.env}
		}
		c, err := daemon.LoadConfig(path, environ)
		if tc.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tc.wrong) {
				t.Errorf("%s: got %v", name, err)
			}
			continue
		}
		if err != nil || c.Runner.Kind != tc.kind || c.Runner.Images["44"] != tc.image {
			t.Errorf("%s: got %+v, %v", name, c.Runner, err)
		}
	}
}

func TestScriptsOnHostTakeTheirScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	token := func(name string, scopes ...string) string {
		var made api.Token
		w.call(http.MethodPost, "/api/v1/tokens", map[string]any{"name": name, "scopes": scopes}, &made)
		return "Bearer " + made.Secret
	}
	req := compose.Request{Kind: compose.KindLive, Release: "44", Sources: []string{"tag:none"}, Kickstart: &compose.Kickstart{Text: "%post\nid\n%end\n"}}
	plain, trusted := token("plain", "submit"), token("trusted", "submit", "host-run")
	for _, path := range []string{"/api/v1/resolve", "/api/v1/composes"} {
		var problem struct {
			Code string `json:"code"`
		}
		resp := w.call(http.MethodPost, path, req, &problem, "Authorization", plain)
		if resp.StatusCode != http.StatusForbidden || problem.Code != string(compose.CodeHostRun) {
			t.Errorf("%s without the scope: %d %s", path, resp.StatusCode, problem.Code)
		}
		resp = w.call(http.MethodPost, path, req, &problem, "Authorization", trusted)
		if resp.StatusCode == http.StatusForbidden {
			t.Errorf("%s with the scope: %d %s", path, resp.StatusCode, problem.Code)
		}
	}
	// An earlier compose is no way around it.
	w.stop()
	records, err := store.Open(t.Context(), filepath.Join(w.cfg.Data, "respin.db"))
	if err != nil {
		t.Fatal(err)
	}
	old := &store.Compose{ID: "20261126-aaaaaaaa", State: compose.StateFailed, Created: time.Now(), Request: req, Plan: &compose.Plan{Request: req}}
	if err := errors.Join(records.Insert(t.Context(), old), records.Close()); err != nil {
		t.Fatal(err)
	}
	w.start()
	var problem api.Problem
	if resp := w.call(http.MethodPost, "/api/v1/composes/"+old.ID+"/retry", nil, &problem, "Authorization", plain); resp.StatusCode != http.StatusForbidden || problem.Code != compose.CodeHostRun {
		t.Errorf("retried without the scope: %d %+v", resp.StatusCode, problem)
	}
	if resp := w.call(http.MethodPost, "/api/v1/composes/"+old.ID+"/retry", nil, nil, "Authorization", trusted); resp.StatusCode != http.StatusAccepted {
		t.Errorf("retried with the scope: %d", resp.StatusCode)
	}
}
