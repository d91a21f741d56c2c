//go:build interop

package interop_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/koji"
)

// remasterWith composes req on a medium of aarch64, with files of its own at
// SERVER/NAME, and returns where the result is.
func remasterWith(t *testing.T, req compose.Request, files map[string]string) (*compose.Plan, *compose.Result, string, error) {
	t.Helper()
	l := layouts()["aarch64"]
	base := l.medium(t, "aarch64")
	mux := http.NewServeMux()
	mux.HandleFunc("/base.iso", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, base) })
	for name, text := range files {
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	req.Kind, req.Release, req.Arch, req.Base = compose.KindRemaster, "44", "aarch64", &compose.Base{URL: srv.URL + "/base.iso"}
	for i, f := range req.Files {
		req.Files[i].URL = strings.Replace(f.URL, "SERVER", srv.URL, 1)
	}
	if req.UpdatesImage != nil {
		req.UpdatesImage.URL = strings.Replace(req.UpdatesImage.URL, "SERVER", srv.URL, 1)
	}
	// Nobody is asked: the request has no sources.
	hub, err := koji.New("http://127.0.0.1:1/kojihub", koji.Options{})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := bodhi.New("http://127.0.0.1:1/", bodhi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	network := compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MinFree: 1 << 20}
	r, err := compose.NewResolver(hub, updates, network, compose.ResolverOptions{Backends: []compose.Backend{&remaster.Backend{}}})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Resolve(t.Context(), req)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := compose.NewBuilder(network, compose.BuilderOptions{Backends: []compose.Backend{&remaster.Backend{}}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	result, err := b.Build(t.Context(), plan, compose.Work{ID: "files", Dir: dir})
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	return plan, result, filepath.Join(dir, compose.OutDir), err
}

func TestComposeWithFilesOfItsOwn(t *testing.T) {
	t.Parallel()
	plan, result, out, err := remasterWith(t, compose.Request{
		Files: []compose.File{
			{Path: "/extra/Größe/a b.txt", Text: "a text\n", Executable: true}, {Path: "/images/install.img", URL: "SERVER/stage2"}, {Path: "/empty", URL: "SERVER/empty"},
		},
		UpdatesImage: &compose.File{URL: "SERVER/updates"}, VolID: "F44-files",
		Replace: []compose.Replacement{{From: "timeout=60", To: "timeout=5"}, {From: "nowhere", To: "x"}},
	}, map[string]string{"stage2": "another stage2", "updates": "an updates image", "empty": ""})
	if err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(out, plan.Image)
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	var artifact compose.Artifact
	for _, a := range result.Artifacts {
		if a.Path == plan.Image {
			artifact = a
		}
	}
	if artifact.SHA256 != sha(data) || artifact.Size != int64(len(data)) || artifact.ImplantedMD5 == "" || !artifact.Bootable {
		t.Errorf("the artifact is %+v, the file has %d bytes and %s", artifact, len(data), sha(data))
	}
	tree := extractAll(t, image)
	for path, want := range map[string]string{
		"extra/Größe/a b.txt": "a text\n", "images/install.img": "another stage2", "updates.img": "an updates image", "empty": "",
		"EFI/BOOT/grub.cfg": strings.NewReplacer(
			"'LABEL'", "'F44-files'", "LABEL=LABEL", "LABEL=F44-files", "timeout=60", "timeout=5", "quiet\n", "quiet inst.updates=hd:LABEL=F44-files:/updates.img\n",
		).Replace(efiMenu),
		".treeinfo": (&layout{sums: layouts()["aarch64"].sums}).treeInfo(t, tree),
	} {
		if got := fromMedium(t, tree, path); got != want {
			t.Errorf("%s is\n%q, not\n%q", path, got, want)
		}
	}
	if got := executablesOf(t, image); !slices.Equal(got, []string{"/extra/Größe/a b.txt"}) {
		t.Errorf("these can be executed: %q", got)
	}
	log, err := os.ReadFile(filepath.Join(out, "logs/compose.log"))
	if err != nil || !strings.Contains(string(log), `warning: The text "nowhere"`) {
		t.Errorf("the log does not warn: %v", err)
	}
	commands, err := json.Marshal(result.Commands)
	if err != nil || !strings.Contains(string(commands), `${files[1]}`) || strings.Contains(string(commands), filepath.Dir(out)) {
		t.Errorf("commands: %s, %v", commands, err)
	}
	// The proof is of what the Plan says, not of what was put in.
	bad := *plan
	bad.Files = append([]compose.PlanFile(nil), plan.Files...)
	bad.Files[0].SHA256 = sha([]byte("other"))
	made := &compose.Made{Artifacts: []compose.Artifact{{Path: plan.Image}}}
	_, err = (&remaster.Backend{}).Verify(t.Context(), &bad, &compose.BackendJob{OutDir: out, Runner: &proc.Runner{}}, made)
	if failed, ok := errors.AsType[*compose.FailedError](err); !ok || failed.Failure.Code != compose.CodeVerifyFailed {
		t.Errorf("another file passes: %v", err)
	}
}

// executablesOf are the files of a medium that may be executed.
func executablesOf(t *testing.T, image string) []string {
	t.Helper()
	img, err := iso.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	var list []string
	if err := img.Walk(func(name string, e iso.Entry) error {
		if e.Mode.IsRegular() && e.Mode&0o111 != 0 {
			list = append(list, name)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestComposeWithoutMediumChecksum(t *testing.T) {
	t.Parallel()
	plan, result, out, err := remasterWith(t, compose.Request{BootArgs: []string{"inst.text"}, Options: compose.Options{NoMD5Sum: true}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := iso.CheckMD5(t.Context(), filepath.Join(out, plan.Image), nil); !errors.Is(err, iso.ErrNoChecksum) {
		t.Errorf("got %v", err)
	}
	for _, a := range result.Artifacts {
		if a.ImplantedMD5 != "" {
			t.Errorf("%+v", a)
		}
	}
}

func TestAFileInPlaceOfABootMenuFailsWithItsName(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/EFI/BOOT/grub.cfg": "boot configuration", "/images/efiboot.img": "EFI boot image", "/images": "folder"} {
		_, _, _, err := remasterWith(t, compose.Request{Files: []compose.File{{Path: path, Text: "mine"}}}, nil)
		failed, ok := errors.AsType[*compose.FailedError](err)
		if !ok || failed.Failure.Code != compose.CodeFileConflict || !strings.Contains(failed.Failure.Sentence, path) || !strings.Contains(failed.Failure.Sentence, want) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}
