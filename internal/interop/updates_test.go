//go:build interop

package interop_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/updates"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/rpm"
)

// pipe runs a shell line in dir with data on standard input.
func pipe(t *testing.T, dir string, stdin []byte, line string) (string, error) {
	t.Helper()
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, bytes.NewReader(stdin), &out, &stderr
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", line, err, stderr.String())
	}
	return out.String(), nil
}

// unpacked describes every file of a folder: type, mode, links, time, content.
func unpacked(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	first := map[uint64]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, st := path[len(dir)+1:], info.Sys().(*syscall.Stat_t)
		line := fmt.Sprintf("%s %06o", name, st.Mode)
		switch {
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + target
		case d.Type().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if first[st.Ino] == "" {
				first[st.Ino] = name
			}
			line += fmt.Sprintf(" %x links %d with %s time %d", sha256.Sum256(data), st.Nlink, first[st.Ino], info.ModTime().Unix())
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestUpdatesImageUnpacksAsRpm2cpio makes an image of each real package and
// compares what cpio unpacks of it with what cpio unpacks of rpm2cpio's output:
// names, types, modes, contents, hard links, times.
func TestUpdatesImageUnpacksAsRpm2cpio(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"rpm2cpio", "rpm2archive", "tar", "cpio", "gzip"} {
		if _, err := exec.LookPath(tool); err != nil {
			shareddata.Missing(t, tool)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("cpio keeps modes and owners for root only")
	}
	list, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "rpms"), "*.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	compared, refused := 0, map[string]int{}
	for _, path := range list {
		var image bytes.Buffer
		in := []updates.Input{{Path: path}}
		// No time is cut, as rpm2cpio cuts none.
		o := updates.Options{Time: time.Unix(math.MaxUint32, 0)}
		report, err := updates.Write(t.Context(), &image, in, o)
		if err != nil {
			refused[reasonOf(err)]++
			mayRefuse(t, path, err)
			continue
		}
		if _, err := updates.Check(t.Context(), bytes.NewReader(image.Bytes()), in, o); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
		compareWithRpm2cpio(t, path, image.Bytes(), report)
		compared++
	}
	t.Logf("%d images compared; refused: %v", compared, refused)
	if compared < 100 {
		t.Errorf("only %d packages were compared", compared)
	}
}

func reasonOf(err error) string {
	text := err.Error()
	for _, reason := range []string{"is no RPM", "is damaged", "source package", "device node", "leads out", "payload of format", "4 GiB", "more than"} {
		if strings.Contains(text, reason) {
			return reason
		}
	}
	return text
}

// mayRefuse holds a refusal against what rpm itself says of the package.
func mayRefuse(t *testing.T, path string, refusal error) {
	t.Helper()
	name := filepath.Base(path)
	switch reasonOf(refusal) {
	case "is no RPM", "is damaged":
		if _, err := rpmTool(t, "-K", "--nosignature", path); err == nil && !strings.Contains(refusal.Error(), "a signature: ") {
			t.Errorf("%s: %v, and rpm finds its digests good", name, refusal)
		}
	case "source package":
		if p, err := rpm.Open(path); err != nil || !p.Source {
			t.Errorf("%s: %v", name, refusal)
		}
	case "device node", "leads out", "payload of format", "4 GiB":
		t.Logf("%s: %v", name, refusal)
	default:
		t.Errorf("%s: %v", name, refusal)
	}
}

func compareWithRpm2cpio(t *testing.T, path string, image []byte, report *updates.Report) {
	t.Helper()
	name := filepath.Base(path)
	ours, theirs := t.TempDir(), t.TempDir()
	if _, err := pipe(t, ours, image, "gzip -dc | cpio -idm --quiet --no-absolute-filenames"); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	line := fmt.Sprintf("rpm2cpio '%s' | cpio -idm --quiet --no-absolute-filenames", path)
	if report.Packages[0].Verdict.Package.Format == 6 {
		// rpm2cpio of rpm 4.18 gives up on the archives of format 6.
		line = fmt.Sprintf("rpm2archive -n - <'%s' | tar -xp", path)
	}
	if _, err := pipe(t, theirs, nil, line); err != nil && report.Files > 0 {
		t.Errorf("%s: %v", name, err)
		return
	}
	// Folders that the package does not own get the mode that they have in an
	// installer; cpio knows none.
	for _, dir := range []string{"tmp", "var/tmp", "root"} {
		for _, root := range []string{ours, theirs} {
			if path := filepath.Join(root, dir); exists(path) {
				if err := os.Chmod(path, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if name == "test-1.0.0.x86_64.rpm" {
		// Its maker wrote no time into the archive; rpm believes the header, as we do.
		if err := os.Chtimes(filepath.Join(theirs, "tmp/README.md"), time.Time{}, time.Unix(1693073900, 0)); err != nil {
			t.Fatal(err)
		}
	}
	got, want := unpacked(t, ours), unpacked(t, theirs)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: (-rpm2cpio +respin)\n%s", name, diff)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestUpdatesImageIsListedAsPacked compares the order that cpio lists.
func TestUpdatesImageIsListedAsPacked(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("cpio"); err != nil {
		shareddata.Missing(t, "cpio")
	}
	var image bytes.Buffer
	path := filepath.Join(shareddata.Dir(t, "rpms"), "ngircd-22-2.fc22.x86_64.rpm")
	if _, err := updates.Write(t.Context(), &image, []updates.Input{{Path: path}}, updates.Options{}); err != nil {
		t.Fatal(err)
	}
	out, err := pipe(t, t.TempDir(), image.Bytes(), "gzip -dc | cpio -t --quiet")
	if err != nil {
		t.Fatal(err)
	}
	p, err := rpm.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(out)
	for f := range p.Files() {
		if name, _ := f.Local(); !f.IsGhost() && !slices.Contains(listed, name) {
			t.Errorf("cpio does not list %s", name)
		}
	}
}

// TestRemasterRunsTheUpdate boots a remaster with an updates.img of the update:
// the stand-in's installer finds it where inst.updates says.
func TestRemasterRunsTheUpdate(t *testing.T) {
	t.Parallel()
	base := baseISO(t)
	result, out, err := buildHere(t, filepath.Dir(base), nil, func(f *composetest.Fedora, url string) compose.Request {
		return compose.Request{
			Kind: compose.KindRemaster, Release: "44", Arch: "x86_64", Sources: []string{f.Update}, BootArgs: []string{"console=ttyS0,115200"},
			Base: &compose.Base{URL: url + "/" + filepath.Base(base)}, Options: compose.Options{SmokeBoot: true, UpdatesImg: true},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	console, err := os.ReadFile(filepath.Join(out, result.Smoke.Log))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(result.Artifacts, func(a compose.Artifact) bool { return a.Type == compose.ArtifactISO })
	image, err := iso.ReadFile(filepath.Join(out, result.Artifacts[i].Path), "/updates.img", 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("updates: /updates.img sha256=%x\n", sha256.Sum256(image)); !strings.Contains(string(console), want) {
		t.Errorf("the console does not say %q:\n%s", want, console)
	}
	listed, err := pipe(t, t.TempDir(), image, "gzip -dc | cpio -t --quiet")
	if err != nil || !strings.Contains(listed, "usr/share/greeter/README\n") {
		t.Errorf("%v\n%s", err, listed)
	}
}
