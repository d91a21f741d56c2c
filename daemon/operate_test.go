package daemon_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/koji/kojitest"
)

func TestOperatorTokenWhereNobodyMaySubmitWithout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Auth.Anonymous = "read" })
	var p api.Problem
	if resp := w.call("POST", "/api/v1/composes", repoOf(w.fedora.SmallUpdate), &p); resp.StatusCode != http.StatusUnauthorized || p.Remedy == "" {
		t.Errorf("without a token: %s %+v", resp.Status, p)
	}
	path := filepath.Join(w.cfg.Data, daemon.OperatorTokenFile)
	secret, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	bearer := "Bearer " + strings.TrimSpace(string(secret))
	c := w.submit(repoOf(w.fedora.SmallUpdate), "Authorization", bearer)
	if c.Owner != "operator" {
		t.Errorf("owner %q", c.Owner)
	}
	w.await(c.ID)
	var made api.Token
	if resp := w.call("POST", "/api/v1/tokens", map[string]any{"name": "ci", "scopes": []string{"submit"}}, &made, "Authorization", bearer); resp.StatusCode != http.StatusCreated || made.Secret == "" {
		t.Errorf("make a token: %s", resp.Status)
	}
	if resp := w.call("POST", "/api/v1/tokens", map[string]any{"name": "x", "scopes": []string{"admin"}}, &p, "Authorization", "Bearer "+made.Secret); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a user makes an admin: %s", resp.Status)
	}
	// Scripts of the user's choice run as root on the node.
	live := compose.Request{Kind: compose.KindLive, Release: "44", Arch: "x86_64", Kickstart: &compose.Kickstart{Text: "frobnicate\n"}}
	if resp := w.call("POST", "/api/v1/composes", live, &p, "Authorization", "Bearer "+made.Secret); resp.StatusCode != http.StatusForbidden || p.Code != compose.CodeHostRun {
		t.Errorf("a user without host-run: %s %+v", resp.Status, p)
	}
	var trusted api.Token
	w.call("POST", "/api/v1/tokens", map[string]any{"name": "maker", "scopes": []string{"submit", "host-run"}}, &trusted, "Authorization", bearer)
	if resp := w.call("POST", "/api/v1/composes", live, &p, "Authorization", "Bearer "+trusted.Secret); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a user with host-run: %s %+v", resp.Status, p)
	}
}

func TestLostQueueIsFilledFromTheRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Node.Disabled = true })
	c := w.submit(repoOf(w.fedora.SmallUpdate))
	w.stop()
	if err := os.RemoveAll(filepath.Join(w.cfg.Data, "queue")); err != nil {
		t.Fatal(err)
	}
	w.cfg.Node.Disabled = false
	w.start()
	if c = w.await(c.ID); c.State != compose.StateSucceeded {
		t.Fatalf("%s %+v", c.State, c.Failure)
	}
}

func TestNodeCannotRemoveWhatIsPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.await(w.submit(repoOf(w.fedora.SmallUpdate)).ID)
	var token api.Token
	w.call("POST", "/api/v1/tokens", map[string]any{"name": "node9", "scopes": []string{"node"}}, &token)
	for _, query := range []string{"", "?attempt=0", "?attempt=x"} {
		if resp := w.call("DELETE", "/deliver/"+c.ID+query, nil, nil, "Authorization", "Bearer "+token.Secret); resp.StatusCode < 400 {
			t.Errorf("%q: %s", query, resp.Status)
		}
	}
	var repomd string
	if resp := w.call("GET", "/repos/"+c.ID+"/repodata/repomd.xml", nil, &repomd); resp.StatusCode != http.StatusOK {
		t.Errorf("the side repo is gone: %s", resp.Status)
	}
}

func TestDeleteAndRenew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.await(w.submit(repoOf(w.fedora.SmallUpdate)).ID)
	var renewed api.Compose
	if resp := w.call("POST", "/api/v1/composes/"+c.ID+"/renew", map[string]string{"ttl": "1000h"}, &renewed); resp.StatusCode != http.StatusOK || !renewed.Expires.After(*c.Expires) {
		t.Errorf("renew: %s %v", resp.Status, renewed.Expires)
	}
	var gone api.Compose
	if resp := w.call("DELETE", "/api/v1/composes/"+c.ID, nil, &gone); resp.StatusCode != http.StatusOK || gone.State != compose.StateExpired || gone.SideRepo != nil {
		t.Errorf("delete: %s %+v", resp.Status, gone)
	}
	if resp := w.call("GET", "/repos/"+c.ID+"/repodata/repomd.xml", nil, nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the files stay: %s", resp.Status)
	}
	if _, err := os.Stat(filepath.Join(w.cfg.Data, "images", c.ID)); !os.IsNotExist(err) {
		t.Errorf("the directory stays: %v", err)
	}
	// The same request is built anew: what stood is gone.
	if again := w.submit(repoOf(w.fedora.SmallUpdate)); again.ID == c.ID {
		t.Error("an expired compose was reused")
	}
}

func TestStoppedInTheMiddleIsFinishedAfterTheRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fedora.Hub.FailFiles(kojitest.Failures{Latency: time.Hour})
	c := w.submit(repoOf(w.fedora.SmallUpdate))
	for deadline := time.Now().Add(patience); c.State != compose.StateBuilding; time.Sleep(20 * time.Millisecond) {
		if w.call("GET", "/api/v1/composes/"+c.ID, nil, &c); time.Now().After(deadline) {
			t.Fatalf("the compose is %s", c.State)
		}
	}
	w.stop()
	w.fedora.Hub.FailFiles(kojitest.Failures{})
	w.start()
	if c = w.await(c.ID); c.State != compose.StateSucceeded || c.Attempt != 2 {
		t.Fatalf("%s in attempt %d: %+v", c.State, c.Attempt, c.Failure)
	}
	// It has another port now, so the queue holds the compose with another URL.
	if log := w.log.String(); strings.Contains(log, "does not take the compose") {
		t.Errorf("the operator reads:\n%s", log)
	}
	w.letter(1)
	entries, err := os.ReadDir(filepath.Join(w.cfg.Data, "work"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "job-") {
			t.Errorf("%s is left", e.Name())
		}
	}
}

func TestFormPostedTwiceMakesOneCompose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Node.Disabled = true })
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	post := func(sources string) string {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for k, v := range map[string]string{"kind": "repo", "release": "44", "arch": "x86_64", "sources": sources, "once": "one-showing"} {
			if err := form.WriteField(k, v); err != nil {
				t.Fatal(err)
			}
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		resp := w.call("POST", "/", body.Bytes(), nil, "Content-Type", form.FormDataContentType())
		if resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("post %s: %s", sources, resp.Status)
		}
		to, _, _ := strings.Cut(resp.Header.Get("Location"), "?")
		return to
	}
	first := post(w.fedora.SmallUpdate)
	if again := post(w.fedora.SmallUpdate); again != first {
		t.Errorf("posted again: %s, first %s", again, first)
	}
	// Changed after going back, it is another request.
	if other := post(w.fedora.Update); other == first {
		t.Errorf("a changed form led to %s", other)
	}
}
