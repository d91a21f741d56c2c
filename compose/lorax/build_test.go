package lorax_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/backendtest"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/diagnose"
	"github.com/fedora-respin/respin/compose/lorax"
)

// build describes and builds a Plan with the side repo of sideRPMs.
func build(t *testing.T, p *compose.Plan, runner compose.Runner) (*compose.Made, *compose.BackendJob, error) {
	t.Helper()
	b := &lorax.Backend{}
	if err := b.Describe(p); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	j := &compose.BackendJob{
		SideRepo: dir + "/side", OutDir: dir + "/out", LogDir: dir + "/logs", CacheDir: dir + "/cache", Temp: dir + "/tmp",
		Runner: runner, Progress: func(string, int, string) {}, Log: &bytes.Buffer{},
	}
	for _, d := range []string{j.SideRepo, j.OutDir, j.LogDir, j.CacheDir, j.Temp} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	backendtest.Repo(t, filepath.Join(j.SideRepo, "r"), sideRPMs())
	j.SideRepo = filepath.Join(j.SideRepo, "r")
	var err error
	if j.Tools, err = b.Probe(t.Context(), runner); err != nil {
		t.Fatal(err)
	}
	made, err := b.Build(t.Context(), p, j)
	return made, j, err
}

func TestSideRepoWinsAndTheReportSaysSo(t *testing.T) {
	t.Parallel()
	p := plan(release(t))
	runner, _ := built.Runner(t, composetest.Settings{})
	made, j, err := build(t, p, runner)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := (&lorax.Backend{}).Verify(t.Context(), p, j, made)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range proof.Packages {
		got[e.Name] = string(e.Verdict) + " " + e.Shipped
	}
	// hello is older than the release's, which lorax does not get to see.
	want := map[string]string{"anaconda": "included 44.12-1.fc44", "anaconda-core": "included 44.12-1.fc44", "anaconda-live": "not-installed ", "hello": "included 1.0-1.fc44"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !proof.Image.Bootable || proof.Image.ImplantedMD5 == "" || proof.Image.VolID != p.VolID {
		t.Errorf("facts %+v", proof.Image)
	}
	if !slices.Contains(proof.Shipped, compose.Shipped{NEVRA: "bash-5.3-1.fc44.x86_64", From: "lorax"}) {
		t.Errorf("shipped %+v", proof.Shipped)
	}
	types := map[string]compose.ArtifactType{}
	for _, a := range made.Artifacts {
		types[a.Path] = a.Type
	}
	for path, typ := range map[string]compose.ArtifactType{
		p.Image: compose.ArtifactISO, "os/images/install.img": compose.ArtifactImage, "os/images/pxeboot/vmlinuz": compose.ArtifactBoot,
		"os/images/pxeboot/initrd.img": compose.ArtifactBoot, "os/.treeinfo": compose.ArtifactMetadata, "os/.discinfo": compose.ArtifactMetadata,
		"os/EFI/BOOT/grub.cfg": compose.ArtifactBoot, "os/LICENSE": compose.ArtifactMetadata,
	} {
		if types[path] != typ {
			t.Errorf("%s is %q, not %q", path, types[path], typ)
		}
	}
	info, err := os.ReadFile(filepath.Join(j.OutDir, "os/.treeinfo"))
	if err != nil || strings.Contains(string(info), "boot.iso") || !strings.Contains(string(info), "mainimage = images/install.img") {
		t.Errorf(".treeinfo: %v\n%s", err, info)
	}
	if names := packed(t, filepath.Join(j.LogDir, "pkglists.tar.gz")); !slices.Contains(names, "pkglists/anaconda") {
		t.Errorf("package lists: %q", names)
	}
}

func packed(t *testing.T, path string) (names []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(zip); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

// EL's lorax uses dnf 4, which names packages in another way as they go in.
func TestLogOfDNF4IsReadToo(t *testing.T) {
	t.Parallel()
	p := plan(release(t))
	runner, _ := built.Runner(t, composetest.Settings{Version: "40.5", DNF4: true})
	made, j, err := build(t, p, runner)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := (&lorax.Backend{}).Verify(t.Context(), p, j, made)
	if err != nil || len(proof.Shipped) != 5 || proof.Packages[0].Verdict != compose.VerdictIncluded {
		t.Errorf("%v %+v", err, proof)
	}
}

func TestExcludedPackagesAreHiddenFromLorax(t *testing.T) {
	t.Parallel()
	p := plan(release(t))
	p.Request.Packages, p.Request.Exclude = nil, []string{"ker*"}
	runner, _ := built.Runner(t, composetest.Settings{})
	made, j, err := build(t, p, runner)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := (&lorax.Backend{}).Verify(t.Context(), p, j, made)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range proof.Shipped {
		if strings.HasPrefix(s.NEVRA, "kernel") {
			t.Errorf("%s is in", s.NEVRA)
		}
	}
}

func TestFailuresAreToldInLoraxsWords(t *testing.T) {
	t.Parallel()
	url := release(t)
	for fail, want := range map[string]struct {
		code compose.Code
		says string
	}{
		"missing":  {compose.CodePackageNotFound, "nosuchpkg"},
		"depsolve": {compose.Code(diagnose.DependencyProblem), "nothing provides libnothere.so.1"},
		"download": {compose.CodeFetchFailed, "could not be downloaded"},
		"disk":     {compose.CodeDiskFull, "too small"},
		"template": {compose.Code(diagnose.TemplateError), "x86.tmpl"},
	} {
		t.Run(fail, func(t *testing.T) {
			t.Parallel()
			runner, _ := built.Runner(t, composetest.Settings{Fail: fail})
			_, _, err := build(t, plan(url), runner)
			f := compose.Diagnose(t.Context(), compose.StageCompose, err).Failure
			if f.Code != want.code || !strings.Contains(f.Sentence, want.says) || len(f.Evidence) == 0 {
				t.Errorf("got %+v", f)
			}
		})
	}
	t.Run("another volume id", func(t *testing.T) {
		t.Parallel()
		p := plan(url)
		runner, _ := built.Runner(t, composetest.Settings{Fail: "volid"})
		made, j, err := build(t, p, runner)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (&lorax.Backend{}).Verify(t.Context(), p, j, made)
		if failed, ok := errors.AsType[*compose.FailedError](err); !ok || failed.Failure.Code != compose.CodeVerifyFailed {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a package that nobody has", func(t *testing.T) {
		t.Parallel()
		p := plan(url)
		p.Request.Packages = []string{"not-there"}
		runner, _ := built.Runner(t, composetest.Settings{})
		_, _, err := build(t, p, runner)
		if f := compose.Diagnose(t.Context(), compose.StageCompose, err).Failure; !strings.Contains(f.Sentence, "not-there") || f.Code != compose.CodePackageNotFound {
			t.Errorf("got %+v", f)
		}
	})
}
