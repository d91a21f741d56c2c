package daemon_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// TestADVDWithoutABaseWaitsForANodeWithLorax: a node that makes DVDs is not given
// one whose boot.iso it cannot make, and nobody waits for it either.
func TestADVDWithoutABaseWaitsForANodeWithLorax(t *testing.T) {
	if compose.HostArch() != "x86_64" {
		t.Skip("lorax makes images of its own architecture, and the small Fedora is for x86_64")
	}
	// No t.Parallel: the PATH is the process's. These answer only what probing asks.
	path := t.TempDir()
	for _, name := range []string{"xorriso", "mcopy", "mdir"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte("#!/bin/sh\necho stand-in "+name+" 1.5.4\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	files := t.TempDir()
	bash := rpmtest.Spec{Name: "bash", Version: "5.3", Release: "1.fc44", Arch: "x86_64"}
	if err := os.WriteFile(filepath.Join(files, bash.NEVRA().FileName()), rpmtest.Build(bash), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Create(t.Context(), files, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	mirror := httptest.NewServer(http.FileServer(http.Dir(files)))
	t.Cleanup(mirror.Close)
	u, err := url.Parse(mirror.URL)
	if err != nil {
		t.Fatal(err)
	}
	tools := t.TempDir()
	if err := composetest.Install(t.Context(), tools, composetest.Settings{AnyUser: true}); err != nil {
		t.Fatal(err)
	}
	request := compose.Request{Kind: compose.KindDVD, Release: "44", Arch: "x86_64", Packages: []string{"bash"}, Repos: []compose.Repo{{ID: "fedora", BaseURL: mirror.URL + "/"}}}
	for _, tc := range []struct {
		path           string
		offers         []string
		lorax, offered bool
	}{
		{path, nil, false, false},
		{path + ":" + tools, nil, true, true},
		{path + ":" + tools, []string{"dvd", "boot-iso"}, true, true},
		{path + ":" + tools, []string{"dvd"}, true, false}, // this node is not to run scripts
	} {
		t.Setenv("PATH", tc.path)
		w := newWorld(t, func(c *daemon.Config) {
			c.Node.Offers, c.Limits.TrustHosts = tc.offers, []string{u.Host}
		})
		var nodes api.Nodes
		for deadline := time.Now().Add(patience); time.Now().Before(deadline) && len(nodes.Nodes) == 0; time.Sleep(50 * time.Millisecond) {
			w.call("GET", "/api/v1/nodes", nil, &nodes)
		}
		if len(nodes.Nodes) != 1 {
			t.Fatalf("nodes %+v", nodes)
		}
		n := nodes.Nodes[0]
		has := func(kind string) bool {
			return slices.Contains(n.Offers, api.Offer{Kind: kind, Arch: "x86_64"})
		}
		if !has("dvd") || has("dvd_boot-iso") != tc.offered || strings.Contains(n.Missing["dvd_boot-iso"], "lorax") == tc.lorax {
			t.Errorf("%+v: offers %v, missing %v", tc, n.Offers, n.Missing)
		}
		var p api.Problem
		resp := w.call("POST", "/api/v1/resolve", request, &p)
		if tc.lorax && resp.StatusCode != http.StatusOK {
			t.Errorf("with lorax: %s %+v", resp.Status, p)
		}
		if !tc.lorax && (p.Code != compose.CodeToolMissing || !strings.Contains(p.Detail, "lorax") || !strings.Contains(p.Detail, "boot-iso that a dvd without a base image starts from")) {
			t.Errorf("without lorax: %s %+v", resp.Status, p)
		}
		w.stop()
	}
}
