package cli_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
	"github.com/fedora-respin/respin/compose/image/imagetest"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/daemon/cli"
	"github.com/fedora-respin/respin/daemon/client"
	"github.com/fedora-respin/respin/koji/kojitest"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/rpmdb/rpmdbtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"respin": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		code := cli.Main(ctx, cli.Env{Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
		stop()
		os.Exit(code)
	}})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			self, err := exec.LookPath("respin")
			if err != nil {
				return err
			}
			e.Setenv("RESPIN", self)
			e.Setenv("GORACE", "atexit_sleep_ms=0") // or every run would end a second later
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_DATA_HOME", e.WorkDir+"/.data")
			e.Setenv("RESPIN_SERVER", "http://127.0.0.1:1") // nobody answers there
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mkrpm": makeRPM, "signrpm": signRPM, "oddrpm": oddRPM, "mkiso": makeISO, "mksystem": makeSystem, "damage": damage, "hub": startHub, "web": serveFiles, "daemon": startDaemon, "status": status,
		},
	})
}

// makeRPM: mkrpm NAME VERSION RELEASE ARCH FILE [requires=X|provides=X]...
func makeRPM(ts *testscript.TestScript, _ bool, args []string) {
	s := spec(args[0], args[1], args[2], args[3])
	for _, arg := range args[5:] {
		kind, name, _ := strings.Cut(arg, "=")
		switch kind {
		case "requires":
			s.Requires = append(s.Requires, rpm.Dependency{Name: name})
		case "provides":
			s.Provides = append(s.Provides, rpm.Dependency{Name: name})
		default:
			ts.Fatalf("mkrpm: what is %s?", arg)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[4]), rpmtest.Build(s), 0o644))
}

func spec(name, version, release, arch string) rpmtest.Spec {
	return rpmtest.Spec{
		Name: name, Version: version, Release: release, Arch: arch, Requires: rpmtest.Deps("bash >= 5"),
		Files: []rpmtest.File{{Path: "/usr/share/" + name, Data: []byte(name)}},
	}
}

// makeISO: mkiso FILE VOLID [ARCH].
func makeISO(ts *testscript.TestScript, _ bool, args []string) {
	arch := "x86_64"
	if len(args) > 2 {
		arch = args[2]
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), isotest.Base(args[1], arch), 0o644))
}

// makeSystem: mksystem ISO RPM... makes a boot.iso with the RPMs installed in it.
func makeSystem(ts *testscript.TestScript, _ bool, args []string) {
	var blobs [][]byte
	for _, path := range args[1:] {
		data, err := os.ReadFile(ts.MkAbs(path))
		ts.Check(err)
		blobs = append(blobs, rpmdbtest.Installed(data, 1767225600))
	}
	root := imagetest.Squashfs(fstest.MapFS{"usr/lib/sysimage/rpm/rpmdb.sqlite": {Data: rpmdbtest.SQLite(blobs...)}})
	install := imagetest.Squashfs(fstest.MapFS{"LiveOS/rootfs.img": {Data: root}})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), isotest.Build(isotest.Options{VolumeID: "T", Files: map[string]string{"images/install.img": string(install)}}), 0o644))
}

// damage: damage FILE changes a byte near its end.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	data[len(data)-3] ^= 0xff
	ts.Check(os.WriteFile(path, data, 0o644))
}

// status: status CODE ARG... runs respin and compares its exit code.
func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("respin", args[1:]...); err != nil {
		failed, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("run respin: %v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// startHub starts a Koji and a Bodhi with one update of two builds.
func startHub(ts *testscript.TestScript, _ bool, _ []string) {
	hub := kojitest.NewHub()
	for _, b := range []kojitest.Build{
		{NVR: "hello-2.12-1.fc44", RPMs: []kojitest.RPM{
			{Data: rpmtest.Build(spec("hello", "2.12", "1.fc44", "x86_64"))}, {Data: rpmtest.Build(spec("hello-doc", "2.12", "1.fc44", "noarch"))},
		}},
		{NVR: "world-1.0-3.fc44", RPMs: []kojitest.RPM{{Data: rpmtest.Build(spec("world", "1.0", "3.fc44", "noarch"))}}},
	} {
		_, err := hub.AddBuild(b)
		ts.Check(err)
	}
	fillHub(ts, hub)
	server, err := hub.Start("127.0.0.1:0")
	ts.Check(err)
	updates := bodhitest.New(bodhitest.Options{})
	ts.Check(updates.AddRelease(bodhitest.Fedora(44)))
	_, err = updates.AddUpdate(bodhitest.Update{
		Alias: "FEDORA-2026-1a2b3c4d5e", Release: "F44", Status: bodhi.StatusTesting,
		Builds: []bodhi.Build{{NVR: "hello-2.12-1.fc44"}, {NVR: "world-1.0-3.fc44"}},
	})
	ts.Check(err)
	web := httptest.NewServer(updates)
	ts.Defer(func() { web.Close(); _ = server.Close() })
	ts.Setenv("RESPIN_KOJI_HUB", server.HubURL)
	ts.Setenv("RESPIN_KOJI_TOPURL", server.TopURL)
	ts.Setenv("RESPIN_BODHI_URL", web.URL)
}

// fillHub adds what is not in the update: tags with builds, a side tag SIDETAG
// and a scratch task TASK.
func fillHub(ts *testscript.TestScript, hub *kojitest.Hub) {
	arches := []string{"x86_64", "aarch64"}
	for _, t := range []kojitest.Tag{
		{Name: "f44", Arches: arches},
		{Name: "f44-updates", Arches: arches, Parents: []string{"f44"}},
		{Name: "f44-updates-testing", Arches: arches, Parents: []string{"f44-updates"}},
		{Name: "f44-updates-candidate", Arches: arches, Parents: []string{"f44-updates"}},
	} {
		_, err := hub.AddTag(t)
		ts.Check(err)
	}
	side, err := hub.AddSideTag("f44", "packager")
	ts.Check(err)
	ts.Setenv("SIDETAG", side)
	for _, b := range []struct{ name, version, tag string }{{"ladder", "1.0", "f44-updates-testing"}, {"ladder", "1.1", "f44-updates-candidate"}, {"beside", "1.0", side}} {
		_, err := hub.AddBuild(kojitest.Build{NVR: b.name + "-" + b.version + "-1.fc44", Tags: []string{b.tag}, RPMs: []kojitest.RPM{{Data: rpmtest.Build(spec(b.name, b.version, "1.fc44", "x86_64"))}}})
		ts.Check(err)
	}
	task, err := hub.AddTask(kojitest.Task{Scratch: true, Target: "f44-candidate", Source: "cli-build/try.src.rpm", Children: []kojitest.Task{
		{Method: "buildArch", Arch: "x86_64", Output: map[string][]byte{"try-1.0-1.fc44.x86_64.rpm": rpmtest.Build(spec("try", "1.0", "1.fc44", "x86_64"))}},
		{Method: "buildArch", Arch: "aarch64", Output: map[string][]byte{"try-1.0-1.fc44.aarch64.rpm": rpmtest.Build(spec("try", "1.0", "1.fc44", "aarch64"))}},
	}})
	ts.Check(err)
	ts.Setenv("TASK", strconv.Itoa(task))
}

// serveFiles: web DIR serves a folder; its address is in WEB.
func serveFiles(ts *testscript.TestScript, _ bool, args []string) {
	web := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(web.Close)
	ts.Setenv("WEB", web.URL)
	ts.Setenv("RESPIN_COPR_URL", web.URL+"/copr/")
}

// startDaemon runs respin serve in this process, on free ports, until the
// script has ended.
func startDaemon(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithCancel(context.Background())
	ready := &watched{ready: make(chan string, 1)}
	environ := []string{"RESPIN_QUEUE_LISTEN=127.0.0.1:0", "RESPIN_LIMITS_DISK_FLOOR=1048576"}
	for _, name := range []string{"HOME", "XDG_DATA_HOME", "RESPIN_KOJI_HUB", "RESPIN_KOJI_TOPURL", "RESPIN_BODHI_URL", "RESPIN_COPR_URL"} {
		if v := ts.Getenv(name); v != "" {
			environ = append(environ, name+"="+v)
		}
	}
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Main(ctx, cli.Env{
			Args: append([]string{"serve", "--listen", "127.0.0.1:0", "--data", ts.MkAbs("data")}, args...), Environ: environ, Stderr: ready,
		})
	}()
	select {
	case url := <-ready.ready:
		ts.Setenv("RESPIN_SERVER", url)
	case code := <-ended:
		cancel()
		ts.Fatalf("the daemon ended with %d:\n%s", code, ready.text())
	case <-time.After(time.Minute):
		cancel()
		ts.Fatalf("the daemon is not ready:\n%s", ready.text())
	}
	ts.Defer(func() {
		cancel()
		if code := <-ended; code != cli.ExitOK {
			ts.Fatalf("the daemon ended with %d:\n%s", code, ready.text())
		}
	})
	waitForNode(ts, ts.Getenv("RESPIN_SERVER"))
}

// waitForNode returns when the daemon's own node has joined the queue.
func waitForNode(ts *testscript.TestScript, url string) {
	c, err := client.New(url, client.Options{})
	ts.Check(err)
	for range 600 {
		nodes, err := c.Nodes(context.Background())
		ts.Check(err)
		if len(nodes.Nodes) > 0 && nodes.Nodes[0].Online {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("no node has joined")
}

// watched is a standard error that tells when the daemon serves, and where.
type watched struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	ready chan string
	told  bool
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	if _, rest, ok := strings.Cut(w.buf.String(), "respin: serving "); ok && !w.told {
		if url, _, ok := strings.Cut(rest, ","); ok {
			w.told = true
			w.ready <- url
		}
	}
	return len(p), nil
}

func (w *watched) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}
