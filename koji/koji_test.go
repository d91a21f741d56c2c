package koji_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"

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
