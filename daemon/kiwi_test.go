package daemon_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/kiwidesc"
	"github.com/fedora-respin/respin/daemon/api"
)

// description is an archive of a small kiwi description that installs from the
// side repo alone.
func description(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	text := `<image schemaversion="7.5" name="Test">
<profiles><profile name="Live" description="l"/></profiles>
<preferences><version>44</version><packagemanager>dnf5</packagemanager></preferences>
<preferences profiles="Live"><type image="iso" flags="dmsquash" mediacheck="true"/></preferences>
<packages type="bootstrap"><package name="greeter"/></packages>
</image>`
	if err := os.WriteFile(filepath.Join(dir, "Test.kiwi"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := kiwidesc.Pack(&b, dir); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func liveOf(w *world, id string) compose.Request {
	return compose.Request{
		Kind: compose.KindLive, Release: "44", Arch: compose.HostArch(), Sources: []string{w.fedora.Update}, Require: []string{"greeter>=2.3"},
		Options: compose.Options{Kiwi: &compose.Kiwi{Description: "upload:" + id, Profile: "Live"}},
	}
}

func TestUploadedDescriptionBecomesALiveImage(t *testing.T) {
	// No t.Parallel: the PATH is the process's.
	if compose.HostArch() != "x86_64" {
		t.Skip("the small Fedora's images are for x86_64, and are made on it only")
	}
	tools := t.TempDir()
	if err := composetest.Install(t.Context(), tools, composetest.Settings{AnyUser: true}); err != nil {
		t.Fatal(err)
	}
	// livemedia-creator is not here: the compose must find the node by its back end.
	for _, name := range []string{"livemedia-creator", "anaconda", "lorax"} {
		if err := os.Remove(filepath.Join(tools, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	w := newWorld(t, nil)
	var u api.Upload
	if resp := w.call("POST", "/api/v1/uploads?name=d.tar", description(t), &u); resp.StatusCode != http.StatusCreated || u.Type != "tar" {
		t.Fatalf("%s %+v", resp.Status, u)
	}
	c := w.await(w.submit(liveOf(w, u.ID)).ID)
	if c.State != compose.StateSucceeded {
		t.Fatalf("%s %+v", c.State, c.Failure)
	}
	if !slices.ContainsFunc(c.Artifacts, func(a compose.Artifact) bool { return a.Type == compose.ArtifactISO && a.Bootable }) {
		t.Errorf("artifacts %+v", c.Artifacts)
	}
	var nodes api.Nodes
	w.call("GET", "/api/v1/nodes", nil, &nodes)
	offered := func(kind, backend string) bool {
		return slices.ContainsFunc(nodes.Nodes[0].Offers, func(o api.Offer) bool { return o.Kind == kind && o.Backend == backend })
	}
	if !offered("live", "kiwi") || offered("live", "") || nodes.Nodes[0].Missing["live"] == "" {
		t.Errorf("offers %+v, missing %+v", nodes.Nodes[0].Offers, nodes.Nodes[0].Missing)
	}
	var releases api.Releases
	w.call("GET", "/api/v1/releases", nil, &releases)
	if i := slices.IndexFunc(releases.Kinds, func(k api.KindInfo) bool { return k.Kind == compose.KindLive }); !releases.Kinds[i].Available {
		t.Errorf("kinds %+v", releases.Kinds)
	}
	// A kickstart is for the other back end, which no node has the tools for.
	var p api.Problem
	fromKickstart := liveOf(w, u.ID)
	fromKickstart.Options.Kiwi = nil
	fromKickstart.Kickstart = &compose.Kickstart{Text: "url --url=" + w.url + "/\nnetwork --activate\npart / --size=4096\nrootpw --lock\n%packages\ndracut-live\n%end\n"}
	if w.call("POST", "/api/v1/resolve", fromKickstart, &p); p.Code != compose.CodeToolMissing || !strings.Contains(p.Detail, "livemedia-creator") {
		t.Errorf("%+v", p)
	}
}

func TestDescriptionsAreJudgedWhenTheyCome(t *testing.T) {
	// No t.Parallel: the PATH is the process's.
	t.Setenv("PATH", t.TempDir())
	w := newWorld(t, nil)
	var p api.Problem
	if resp := w.call("POST", "/api/v1/uploads?name=d.tar", []byte("<html>no archive</html>"), &p); resp.StatusCode != http.StatusUnprocessableEntity || p.Code != compose.CodeBadDescription {
		t.Errorf("no archive: %s %+v", resp.Status, p)
	}
	var u api.Upload
	w.call("POST", "/api/v1/uploads?name=d.tar", description(t), &u)
	req := liveOf(w, u.ID)
	req.Options.Kiwi.Profile = "Lives"
	if w.call("POST", "/api/v1/resolve", req, &p); p.Code != compose.CodeBadDescription || !strings.Contains(p.Detail, "Lives") {
		t.Errorf("profile: %+v", p)
	}
	req.Options.Kiwi.Description = "http://192.168.0.1/d.tar.gz"
	if w.call("POST", "/api/v1/resolve", req, &p); p.Code != compose.CodeURLRefused {
		t.Errorf("private address: %+v", p)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		p = api.Problem{} // until the node has joined the compose could only wait for one
		if w.call("POST", "/api/v1/resolve", liveOf(w, u.ID), &p); p.Code != "" {
			break
		}
	}
	if p.Code != compose.CodeToolMissing || !strings.Contains(p.Detail, "kiwi-ng") {
		t.Errorf("%+v", p)
	}
}
