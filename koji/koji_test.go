package koji_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
)

func TestIsDebuginfo(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"bash": false, "bash-debuginfo": true, "bash-debugsource": true, "glibc-debuginfo-common": true, "debuginfo": false, "elfutils-debuginfod": false, "bash-debug": false,
	} {
		if got := koji.IsDebuginfo(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestIdentOfOlderAndNewerHubs(t *testing.T) {
	t.Parallel()
	for hash, want := range map[string]string{"186a0eb5": "sigmd5 186a0eb5", "sha256::b2de": "sha256 b2de", "sha3-256::00": "sha3-256 00"} {
		if kind, digest := (&koji.RPM{PayloadHash: hash}).Ident(); kind+" "+digest != want {
			t.Errorf("%s: %s %s", hash, kind, digest)
		}
	}
}

func TestFileArch(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"a-1-1.fc44.x86_64.rpm": "x86_64", "d/a-1-1.noarch.rpm": "noarch", "a-1-1.src.rpm": "src", "build.log": "", "x.rpm": "", ".rpm": "", "a..rpm": "",
	} {
		if got, ok := koji.FileArch(file); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v", file, got, ok)
		}
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	p := koji.PathInfo{TopURL: "https://k.example.org/"}
	b := &koji.Build{Name: "c++", Version: "1.0~rc1^git", Release: "1.fc44", VolumeName: koji.DefaultVolume}
	r := &koji.RPM{Name: "c++-libs", Version: "1.0~rc1^git", Release: "1.fc44", Arch: "x86_64"}
	archived := *b
	archived.VolumeName = "archive 00"
	for got, want := range map[string]string{
		p.Build(b):                        "https://k.example.org/packages/c%2B%2B/1.0~rc1%5Egit/1.fc44",
		p.RPM(b, r):                       "https://k.example.org/packages/c%2B%2B/1.0~rc1%5Egit/1.fc44/x86_64/c%2B%2B-libs-1.0~rc1%5Egit-1.fc44.x86_64.rpm",
		p.Signed(b, r, "31645531"):        "https://k.example.org/packages/c%2B%2B/1.0~rc1%5Egit/1.fc44/data/signed/31645531/x86_64/c%2B%2B-libs-1.0~rc1%5Egit-1.fc44.x86_64.rpm",
		p.Sigcache(b, r, "31645531"):      "https://k.example.org/packages/c%2B%2B/1.0~rc1%5Egit/1.fc44/data/sigcache/31645531/x86_64/c%2B%2B-libs-1.0~rc1%5Egit-1.fc44.x86_64.rpm.sig",
		p.BuildLogs(b):                    "https://k.example.org/packages/c%2B%2B/1.0~rc1%5Egit/1.fc44/data/logs",
		p.Build(&archived):                "https://k.example.org/vol/archive%2000/packages/c%2B%2B/1.0~rc1%5Egit/1.fc44",
		p.Task(123456789, "", ""):         "https://k.example.org/work/tasks/6789/123456789",
		p.Task(12, "v", "d/../x y.rpm"):   "https://k.example.org/vol/v/work/tasks/12/12/d/%2E%2E/x%20y.rpm",
		p.Scratch("qa", 7, "x.rpm"):       "https://k.example.org/scratch/qa/task_7/x.rpm",
		p.Repo("f44-build", 0, "x86_64"):  "https://k.example.org/repos/f44-build/latest/x86_64",
		p.Repo("f44-build", 5, "aarch64"): "https://k.example.org/repos/f44-build/5/aarch64",
		p.DistRepo("f44", 5, "src", ""):   "https://k.example.org/repos-dist/f44/5/src",
	} {
		if got != want {
			t.Errorf("%s instead of %s", got, want)
		}
	}
}

func TestEnumsKeepUnknownValues(t *testing.T) {
	t.Parallel()
	if s := fmt.Sprint(koji.BuildDeleted, koji.TaskClosed, koji.BuildState(17), koji.TaskState(-1)); s != "DELETED CLOSED 17 -1" {
		t.Error(s)
	}
	if koji.TaskOpen.Finished() || !koji.TaskCanceled.Finished() {
		t.Error("Finished")
	}
}

// recordings serves a recorded answer to every call.
func recordings(t *testing.T, name string) *koji.Client {
	t.Helper()
	raw := must(os.ReadFile(filepath.Join(shareddata.Dir(t, "koji-wire"), name+".response.xml")))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(raw) }))
	t.Cleanup(s.Close)
	return must(koji.New(s.URL, koji.Options{}))
}

func TestRecordedAnswersAsTypes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	at := func(usec int64) *time.Time { v := time.UnixMicro(usec).UTC(); return &v }
	epoch := 2
	got := must(recordings(t, "getBuild-epoch").GetBuild(ctx, koji.BuildID(3)))
	want := &koji.Build{
		ID: 3, PackageID: 2, Name: "ondemand-tool", Version: "3.2", Release: "1.fc42", Epoch: &epoch, NVR: "ondemand-tool-3.2-1.fc42",
		State: koji.BuildComplete, OwnerID: 1, OwnerName: "admin", VolumeName: "DEFAULT", Event: 19,
		Created: *at(1795392720859707), Started: at(1795392720856908), Completed: at(1795392720856908),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if b := must(recordings(t, "getBuild-building").GetBuild(ctx, koji.BuildID(6))); b.State != koji.BuildBuilding || b.Completed != nil {
		t.Errorf("%+v", b)
	}
	tagged := must(recordings(t, "listTagged-latest-inherit").ListTagged(ctx, "x", koji.TaggedOptions{}))
	if len(tagged) != 2 || tagged[0].ID != 2 || tagged[1].TagName != "f42" || tagged[1].TagEvent != 21 || !tagged[1].Completed.Equal(*want.Completed) {
		t.Errorf("%+v", tagged)
	}
	rpms := must(recordings(t, "listTaggedRPMS-rpmsigs").ListTaggedRPMs(ctx, "x", koji.TaggedRPMOptions{}))
	if len(rpms.RPMs) != 4 || len(rpms.Builds) != 1 || *rpms.RPMs[0].SigKey != "" || *rpms.RPMs[1].SigKey != "5ff11124" || rpms.RPMs[0].BuildTime.Unix() != 1795392175 {
		t.Errorf("%+v", rpms)
	}
	sha := "b2dedfb1e5e0936513e500821654972b2f5beaa2e1beb4ecb1f2a10d39c6521b"
	sums := must(recordings(t, "getRPMChecksums").GetRPMChecksums(ctx, 9))
	if len(sums) != 2 || sums[""].SHA256 != nil || *sums["5ff11124"].SHA256 != sha {
		t.Errorf("%+v", sums)
	}
	if sigs := must(recordings(t, "queryRPMSigs").QueryRPMSigs(ctx, koji.RPMID(9))); len(sigs) != 2 || sigs[1].SigKey != "5ff11124" || sigs[1].RPMID != 9 {
		t.Errorf("%+v", sigs)
	}
	tag := must(recordings(t, "getTag").GetTag(ctx, "x"))
	if !tag.IsSideTag() || tag.SideTagUser() != "ada" || len(tag.ArchList()) != 2 {
		t.Errorf("%+v", tag)
	}
	if side := must(recordings(t, "listSideTags").ListSideTags(ctx, "", "")); len(side) != 1 || side[0].UserID != 2 {
		t.Errorf("%+v", side)
	}
	task := must(recordings(t, "getTaskInfo-request").GetTaskInfo(ctx, 1))
	if r, ok := task.BuildRequest(); !ok || !r.Scratch || r.Target != "f42" {
		t.Errorf("%+v", task)
	}
	files := must(recordings(t, "listTaskOutput-stat-allvol").ListTaskOutput(ctx, 2))
	if len(files) != 7 || files[6].Name != "root.log" || files[6].Size != 4 || files[6].Volume != "DEFAULT" || files[6].ModTime.Unix() != 1795392721 {
		t.Errorf("%+v", files)
	}
	if tree := must(recordings(t, "getTaskDescendents").GetTaskDescendents(ctx, 1)); len(tree) != 4 || len(tree[1]) != 3 {
		t.Errorf("%+v", tree)
	}
	if e := must(recordings(t, "getLastEvent").GetLastEvent(ctx)); e.ID != 27 || !e.Time.Equal(*at(1795392722206853)) {
		t.Errorf("%+v", e)
	}
}

func TestNilsOfTheRealHubAreNotFound(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	if _, err := recordings(t, "getBuild-missing-nil").GetBuild(ctx, koji.NVR("a-1-1")); err == nil || err.Error() != `no build "a-1-1" in Koji` {
		t.Error(err)
	}
	if _, err := recordings(t, "fault-1000-nosuchtag").ListTagged(ctx, "nosuch", koji.TaggedOptions{}); err == nil || err.Error() != `no tag "nosuch" in Koji` {
		t.Error(err)
	}
}

func Example() {
	hub := kojitest.NewHub()
	_, err := hub.AddTag(kojitest.Tag{Name: "f44-updates-candidate"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = hub.AddBuild(kojitest.Build{
		NVR: "hello-2.12-1.fc44", Tags: []string{"f44-updates-candidate"},
		RPMs: []kojitest.RPM{{Name: "hello", Arch: "x86_64", Data: []byte("...")}, {Name: "hello-debuginfo", Arch: "x86_64", Data: []byte("...")}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(hub)
	defer server.Close()

	ctx := context.Background()
	client, err := koji.New(server.URL+"/kojihub", koji.Options{TopURL: "https://files.example.org"})
	if err != nil {
		fmt.Println(err)
		return
	}
	builds, err := client.ListTagged(ctx, "f44-updates-candidate", koji.TaggedOptions{Latest: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range builds {
		rpms, err := client.ListRPMs(ctx, b.ID, koji.Arches("x86_64", false, false)...)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, r := range rpms {
			if !r.IsDebuginfo() {
				fmt.Println(client.Paths().RPM(&b.Build, &r))
			}
		}
	}
	// Output: https://files.example.org/packages/hello/2.12/1.fc44/x86_64/hello-2.12-1.fc44.x86_64.rpm
}
