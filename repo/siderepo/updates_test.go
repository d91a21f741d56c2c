package siderepo_test

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
)

func fromBodhi() *bodhi.Update {
	at := func(day int) bodhi.Time { return bodhi.Time{Time: time.Date(2026, 1, day, 12, 0, 0, 0, time.UTC)} }
	return &bodhi.Update{
		Alias: "FEDORA-2026-1a2b3c4d5e", Title: "hello-2.12-1.fc44", Type: bodhi.TypeSecurity, Severity: bodhi.SeverityUrgent,
		Suggest: bodhi.SuggestReboot, Status: bodhi.StatusTesting, URL: "https://bodhi.example.org/updates/FEDORA-2026-1a2b3c4d5e",
		Notes: "Fixes getty@tty1.service.\n* Thu Jan 01 2026 QA <qa.team+x@lists.example.org> - 2.12-1\n",
		User:  &bodhi.User{Name: "packager"}, Release: bodhi.Release{Name: "F44", LongName: "Fedora 44"},
		Submitted: at(1), Modified: at(2), PushedAt: at(3),
		Bugs:   []bodhi.Bug{{ID: 20, Title: "tell me at someone@example.org"}, {ID: 3, Title: "CVE-2026-1 & more"}},
		Builds: []bodhi.Build{{NVR: "world-1-1"}, {NVR: "hello-2.12-1.fc44"}},
	}
}

func TestUpdateInfoOfASideRepo(t *testing.T) {
	t.Parallel()
	in := t.TempDir()
	items := []siderepo.Item{
		writeRPM(t, filepath.Join(in, "hello-2.12-1.fc44.x86_64.rpm"), rpmtest.Spec{Name: "hello", Epoch: 1, Version: "2.12", Release: "1.fc44", Arch: "x86_64"}),
		writeRPM(t, filepath.Join(in, "hello-libs-2.12-1.fc44.x86_64.rpm"), rpmtest.Spec{
			Name: "hello-libs", Version: "2.12", Release: "1.fc44", Arch: "x86_64", SourceRPM: "hello-2.12-1.fc44.src.rpm",
		}),
		writeRPM(t, filepath.Join(in, "other-1-1.noarch.rpm"), rpmtest.Spec{Name: "other", Version: "1", Release: "1"}),
	}
	u := siderepo.UpdateFromBodhi(fromBodhi())
	unused := u
	unused.ID, unused.Builds = "FEDORA-2026-0000000000", []string{"nothing-1-1"}
	dir := filepath.Join(t.TempDir(), "repo")
	made := mustWrite(t, dir, items, siderepo.Options{Updates: []siderepo.Update{u, unused, u}, Compression: repo.Gzip})
	sums := map[string]string{}
	for _, p := range made.Packages {
		sums[p.NEVRA.Name] = p.SHA256
		if want := map[string]string{"hello": "hello-2.12-1.fc44", "hello-libs": "hello-2.12-1.fc44", "other": "other-1-1"}[p.NEVRA.Name]; p.Build != want {
			t.Errorf("%s is of %s", p.NEVRA, p.Build)
		}
	}
	want := strings.NewReplacer("SUM1", sums["hello"], "SUM2", sums["hello-libs"]).Replace(`<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update type="security" version="1">
    <id>FEDORA-2026-1a2b3c4d5e</id>
    <title>hello-2.12-1.fc44</title>
    <issued date="2026-01-01 12:00:00"/>
    <updated date="2026-01-02 12:00:00"/>
    <release>Fedora 44</release>
    <severity>Critical</severity>
    <summary>hello-2.12-1.fc44 security update</summary>
    <description>Fixes getty@tty1.service.
* Thu Jan 01 2026 QA &lt;(address)&gt; - 2.12-1
</description>
    <reboot_suggested>True</reboot_suggested>
    <references>
      <reference href="https://bodhi.example.org/updates/FEDORA-2026-1a2b3c4d5e" id="FEDORA-2026-1a2b3c4d5e" type="self" title="hello-2.12-1.fc44"/>
      <reference href="https://bugzilla.redhat.com/show_bug.cgi?id=3" id="3" type="bugzilla" title="CVE-2026-1 &amp; more"/>
      <reference href="https://bugzilla.redhat.com/show_bug.cgi?id=20" id="20" type="bugzilla" title="tell me at (address)"/>
    </references>
    <pkglist>
      <collection short="F44">
        <name>Fedora 44</name>
        <package name="hello" version="2.12" release="1.fc44" epoch="1" arch="x86_64" src="hello-2.12-1.fc44.src.rpm">
          <filename>hello-2.12-1.fc44.x86_64.rpm</filename>
          <sum type="sha256">SUM1</sum>
          <reboot_suggested>True</reboot_suggested>
        </package>
        <package name="hello-libs" version="2.12" release="1.fc44" epoch="0" arch="x86_64" src="hello-2.12-1.fc44.src.rpm">
          <filename>hello-libs-2.12-1.fc44.x86_64.rpm</filename>
          <sum type="sha256">SUM2</sum>
          <reboot_suggested>True</reboot_suggested>
        </package>
      </collection>
    </pkglist>
  </update>
</updates>
`)
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := r.Stream(t.Context(), "updateinfo")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	got, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// TestUpdateDoesNotChangeWhileBodhiPushesIt: status, karma and pushes are no
// part of it, and it survives being frozen as JSON.
func TestUpdateDoesNotChangeWhileBodhiPushesIt(t *testing.T) {
	t.Parallel()
	before := siderepo.UpdateFromBodhi(fromBodhi())
	pushed := fromBodhi()
	pushed.Status, pushed.Karma, pushed.Pushed, pushed.PushedAt, pushed.Stable = bodhi.StatusStable, 3, true, bodhi.Time{Time: time.Now()}, bodhi.Time{Time: time.Now()}
	if diff := cmp.Diff(before, siderepo.UpdateFromBodhi(pushed)); diff != "" {
		t.Error(diff)
	}
	data, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"example.org>", "someone@", "packager", "karma", "status"} {
		if strings.Contains(string(data), never) {
			t.Errorf("%s is in %s", never, data)
		}
	}
	var again siderepo.Update
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, again); diff != "" {
		t.Error(diff)
	}
}

func TestUpdateIsBounded(t *testing.T) {
	t.Parallel()
	u := fromBodhi()
	u.Notes, u.Title, u.Bugs[0].Title = strings.Repeat("é", 1<<20), strings.Repeat("x", 1<<20), strings.Repeat("€", 1<<20)
	got := siderepo.UpdateFromBodhi(u)
	if n := len(got.Notes) + len(got.Title) + len(got.Bugs[0].Title) + len(got.Bugs[1].Title); n > 20<<10 {
		t.Errorf("%d bytes", n)
	}
	if !strings.HasSuffix(got.Notes, "é…") || !strings.HasSuffix(got.Bugs[1].Title, "€…") {
		t.Errorf("%q", got.Notes[len(got.Notes)-8:])
	}
}

func TestNoUpdatesNoUpdateInfo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "repo")
	mustWrite(t, dir, items(t), siderepo.Options{})
	r, err := repo.OpenDir(dir)
	if err != nil || r.Repomd.Find("updateinfo") != nil {
		t.Errorf("%+v %v", r, err)
	}
}
