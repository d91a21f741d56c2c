package kiwi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/kiwi"
	"github.com/fedora-respin/respin/compose/livemedia"
	"github.com/fedora-respin/respin/koji"
)

// stage is a small Fedora with a resolver, a builder and a server of descriptions.
type stage struct {
	fedora  *composetest.Fedora
	resolve *compose.Resolver
	build   *compose.Builder
	tools   string
	url     string            // of the served archives
	served  map[string][]byte // by path
	uploads map[string]compose.Uploaded
}

func newStage(t *testing.T, set composetest.Settings) *stage {
	t.Helper()
	if compose.HostArch() != "x86_64" {
		t.Skip("the small Fedora's images are for x86_64, and are made on it only")
	}
	s := &stage{served: map[string][]byte{}, uploads: map[string]compose.Uploaded{}}
	var err error
	if s.fedora, err = composetest.StartFedora(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := s.served[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/gzip")
		_, _ = w.Write(data)
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	hub, err := koji.New(s.fedora.HubURL, koji.Options{TopURL: s.fedora.TopURL})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := bodhi.New(s.fedora.BodhiURL, bodhi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	network := compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MinFree: 1 << 20}
	// livemedia comes first, as in the daemon: a description chooses kiwi by itself.
	backends := []compose.Backend{&livemedia.Backend{}, &kiwi.Backend{}}
	s.resolve, err = compose.NewResolver(hub, updates, network, compose.ResolverOptions{
		Backends: backends,
		Uploads: func(_ context.Context, id string) (compose.Uploaded, error) {
			if u, ok := s.uploads[id]; ok {
				return u, nil
			}
			return compose.Uploaded{}, compose.ErrNoUpload
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	runner, tools := built.runner(t, set)
	s.tools = tools
	if s.build, err = compose.NewBuilder(network, compose.BuilderOptions{Backends: backends, Runner: runner}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.resolve.Close(), s.build.Close(), s.fedora.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *stage) request() compose.Request {
	return compose.Request{
		Kind: compose.KindLive, Release: "44", Arch: "x86_64", Sources: []string{s.fedora.Update}, Packages: []string{"greeter"}, Require: []string{"greeter>=2.3"},
		BootArgs: []string{"console=ttyS0"}, VolID: "F44-Test",
		Options: compose.Options{Kiwi: &compose.Kiwi{Description: s.url + "/f44.tar.gz", File: "Test.kiwi", Profile: "Test-Live"}},
	}
}

func TestUpdateGoesIntoALiveImageFromADescription(t *testing.T) {
	t.Parallel()
	s := newStage(t, composetest.Settings{})
	data := archive(t, files(release(t)))
	s.served["/f44.tar.gz"] = data
	plan, err := s.resolve.Resolve(t.Context(), s.request())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if d := plan.Description; plan.Backend != "kiwi" || d == nil || d.SHA256 != hex.EncodeToString(sum[:]) || d.Size != int64(len(data)) || d.Dir != "descriptions-f44" {
		t.Fatalf("back end %s, description %+v", plan.Backend, plan.Description)
	}
	dir := t.TempDir()
	result, err := s.build.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, compose.OutDir)
	for _, name := range []string{"Fedora-44-live-x86_64.iso", "Fedora-44-live-x86_64.packages", "packages.txt", "sbom.spdx.json", "logs/kiwi.log", "plan.json"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left beside the result: %v", left)
	}
	i := slices.IndexFunc(result.Packages, func(e compose.PackageEntry) bool { return e.Name == "greeter" })
	if i < 0 || result.Packages[i].Verdict != compose.VerdictIncluded || result.Packages[i].Evidence != "digest" {
		t.Errorf("packages %+v", result.Packages)
	}
	if a := result.Artifacts[slices.IndexFunc(result.Artifacts, func(a compose.Artifact) bool { return a.Type == compose.ArtifactISO })]; !a.Bootable || a.ImplantedMD5 == "" {
		t.Errorf("image %+v", a)
	}
	if argv := strings.Join(result.Commands[0].Argv, "\n"); !strings.Contains(argv, "--set-type-attr=kernelcmdline=quiet rhgb console=ttyS0") ||
		!strings.Contains(argv, "--add-repo=file://${siderepo},rpm-md,respin,1,false,false,,,,false,baseurl") {
		t.Errorf("argv %s", argv)
	}
}

func TestUploadedDescriptionIsTaken(t *testing.T) {
	t.Parallel()
	s := newStage(t, composetest.Settings{})
	data := archive(t, files(release(t)))
	sum := sha256.Sum256(data)
	id := hex.EncodeToString(sum[:])
	path := filepath.Join(t.TempDir(), "d.tar")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s.served["/u"] = data
	s.uploads[id] = compose.Uploaded{ID: id, Name: "d.tar", Type: compose.UploadTar, Path: path, URL: s.url + "/u", Size: int64(len(data)), SHA256: id}
	req := s.request()
	req.Options.Kiwi.Description = "upload:" + id
	plan, err := s.resolve.Resolve(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Description.URL != s.url+"/u" || plan.Description.SHA256 != id {
		t.Errorf("description %+v", plan.Description)
	}
	for _, w := range plan.Warnings {
		if w.Field == "options.kiwi.sha256" {
			t.Errorf("an upload is pinned by its id: %+v", w)
		}
	}
	if _, err := s.build.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
}

func TestBadDescriptionsAreRefusedWithWhatWouldDo(t *testing.T) {
	t.Parallel()
	s := newStage(t, composetest.Settings{})
	good := files("http://127.0.0.1:1/")
	s.served["/f44.tar.gz"] = archive(t, good)
	broken := files("http://127.0.0.1:1/")
	broken["components/live.xml"] = "<image>\n<profiles>\n<profile name='x'>\n</image>\n"
	s.served["/broken.tar.gz"] = archive(t, broken)
	remote := files("http://127.0.0.1:1/")
	remote["Test.kiwi"] = strings.Replace(remote["Test.kiwi"], "this://./components/disk.xml", "https://example.org/disk.xml", 1)
	s.served["/remote.tar.gz"] = archive(t, remote)
	two := files("http://127.0.0.1:1/")
	two["Other.kiwi"] = two["Test.kiwi"]
	s.served["/two.tar.gz"] = archive(t, two)
	escape := map[string]string{"Test.kiwi": good["Test.kiwi"], "x": "-> ../../etc/passwd"}
	s.served["/escape.tar.gz"] = archive(t, escape)
	s.served["/page"] = []byte("<!DOCTYPE html><html><title>Sign in</title></html>")
	for name, tc := range map[string]struct {
		change func(*compose.Request)
		code   compose.Code
		says   string // in sentence or remedy
	}{
		"no such profile":     {func(r *compose.Request) { r.Options.Kiwi.Profile = "Test-Lives" }, compose.CodeBadDescription, "LiveInstall, Test-Live"},
		"profile of a disk":   {func(r *compose.Request) { r.Options.Kiwi.Profile = "Test-Disk" }, compose.CodeBadDescription, "makes no iso for x86_64"},
		"profile's arch":      {func(r *compose.Request) { r.Arch = "aarch64" }, compose.CodeBadDescription, "makes no iso for aarch64"},
		"type of a disk":      {func(r *compose.Request) { r.Options.Kiwi.Type, r.Options.Kiwi.Profile = "oem", "Test-Disk" }, compose.CodeBadDescription, "no live"},
		"unreadable format":   {func(r *compose.Request) { r.Kind, r.Options.Kiwi.Profile = compose.KindDisk, "Test-Azure" }, compose.CodeBadDescription, "vhd-fixed"},
		"no such file":        {func(r *compose.Request) { r.Options.Kiwi.File = "Fedora.kiwi" }, compose.CodeBadDescription, "It has Test.kiwi."},
		"broken XML":          {func(r *compose.Request) { r.Options.Kiwi.Description = s.url + "/broken.tar.gz" }, compose.CodeBadDescription, "element <profile> closed by </image>"},
		"remote include":      {func(r *compose.Request) { r.Options.Kiwi.Description = s.url + "/remote.tar.gz" }, compose.CodeBadDescription, "https://example.org/disk.xml"},
		"several main files":  {func(r *compose.Request) { r.Options.Kiwi.Description, r.Options.Kiwi.File = s.url+"/two.tar.gz", "" }, compose.CodeBadDescription, "Other.kiwi, Test.kiwi"},
		"link that leads out": {func(r *compose.Request) { r.Options.Kiwi.Description = s.url + "/escape.tar.gz" }, compose.CodeBadDescription, "leads out"},
		"web page":            {func(r *compose.Request) { r.Options.Kiwi.Description = s.url + "/page" }, compose.CodeWebPage, "web page"},
		"not there":           {func(r *compose.Request) { r.Options.Kiwi.Description = s.url + "/none" }, compose.CodeBadDescription, "404"},
		"another sum":         {func(r *compose.Request) { r.Options.Kiwi.SHA256 = strings.Repeat("a", 64) }, compose.CodeBadDescription, "was given"},
		"no such upload":      {func(r *compose.Request) { r.Options.Kiwi.Description = "upload:0123456789abcdef" }, compose.CodeUploadNotFound, "0123456789abcdef"},
		"environment":         {func(r *compose.Request) { r.Packages = []string{"@^workstation"} }, compose.CodeBadPackage, "environments"},
		"nothing named":       {func(r *compose.Request) { r.Options = compose.Options{Backend: "kiwi"} }, compose.CodeNoDescription, "none was named"},
		"git repository":      {func(r *compose.Request) { r.Options.Kiwi.Description = "https://example.org/d.git" }, compose.CodeURLRefused, "archive"},
		"kickstart too":       {func(r *compose.Request) { r.Kickstart = &compose.Kickstart{Text: "text\n"} }, compose.CodeInvalidRequest, "both are named"},
		"another back end":    {func(r *compose.Request) { r.Options.Backend = "livemedia" }, compose.CodeInvalidRequest, "livemedia"},
		"file that leads out": {func(r *compose.Request) { r.Options.Kiwi.File = "../x.kiwi" }, compose.CodeInvalidRequest, "no path"},
		"profile as option":   {func(r *compose.Request) { r.Options.Kiwi.Profile = "--debug" }, compose.CodeInvalidRequest, "no profile"},
		"kind without types":  {func(r *compose.Request) { r.Kind = compose.KindPXELive }, compose.CodeUnsupportedKind, "kiwi"},
	} {
		req := s.request()
		tc.change(&req)
		_, err := s.resolve.Resolve(t.Context(), req)
		var refused *compose.RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		if p := refused.Problems[0]; p.Code != tc.code || !strings.Contains(p.Sentence+" "+p.Remedy, tc.says) || p.Field == "" {
			t.Errorf("%s: %+v", name, refused.Problems)
		}
	}
}

func TestDescriptionThatChangedIsNotBuiltFrom(t *testing.T) {
	t.Parallel()
	s := newStage(t, composetest.Settings{})
	s.served["/f44.tar.gz"] = archive(t, files(release(t)))
	plan, err := s.resolve.Resolve(t.Context(), s.request())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(plan.Warnings, func(w compose.Warning) bool { return w.Field == "options.kiwi.sha256" }) {
		t.Errorf("nobody is told that it may change: %+v", plan.Warnings)
	}
	changed := files("http://127.0.0.1:1/")
	s.served["/f44.tar.gz"] = archive(t, changed)
	result, err := s.build.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: t.TempDir()})
	if err == nil || result.Failure.Stage != compose.StageFetch {
		t.Fatalf("failure %+v", result.Failure)
	}
	t.Logf("%+v", result.Failure)
}

func TestFailuresOfKiwiAreToldInItsWords(t *testing.T) {
	t.Parallel()
	for fail, want := range map[string]string{
		"missing": "no-such-package", "depsolve": "libmissing.so.1", "script": "config.sh", "disk": "space", "volid": "OTHER",
	} {
		t.Run(fail, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, composetest.Settings{Fail: fail})
			s.served["/f44.tar.gz"] = archive(t, files(release(t)))
			plan, err := s.resolve.Resolve(t.Context(), s.request())
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			result, err := s.build.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir})
			if err == nil {
				t.Fatal("it was made")
			}
			f := result.Failure
			t.Logf("%+v", f)
			if text := f.Sentence + strings.Join(f.Evidence, "\n"); !strings.Contains(text, want) || f.Code == compose.CodeInternal {
				t.Errorf("failure %+v", f)
			}
			if _, err := os.Stat(filepath.Join(dir, compose.OutDir, "logs", "kiwi.log")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCanceledKiwiLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, composetest.Settings{Fail: "hang"})
	s.served["/f44.tar.gz"] = archive(t, files(release(t)))
	plan, err := s.resolve.Resolve(t.Context(), s.request())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	go func() {
		for len(composetest.Hanging(s.tools)) == 0 && ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
		}
		cancel(compose.ErrCanceled)
	}()
	dir := t.TempDir()
	result, _ := s.build.Build(ctx, plan, compose.Work{ID: "c1", Dir: dir})
	if result.Failure == nil || result.Failure.Code != compose.CodeCanceled {
		t.Fatalf("failure %+v", result.Failure)
	}
	for _, pid := range composetest.Hanging(s.tools) {
		if composetest.Alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left: %v %v", entries, err)
	}
}
