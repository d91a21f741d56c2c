package remaster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/internal/proc"
)

// tools returns a runner that finds only the given scripts and the system's own
// tools: the mechanism around xorriso is tested without it.
func tools(t *testing.T, scripts map[string]string) *proc.Runner {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sh", "cp", "sleep", "printf", "touch"} {
		for _, bin := range []string{"/bin/", "/usr/bin/"} {
			if _, err := os.Stat(bin + name); err == nil {
				_ = os.Symlink(bin+name, filepath.Join(dir, name))
			}
		}
	}
	return &proc.Runner{Env: []string{"PATH=" + dir}, Grace: time.Second}
}

// copyBase behaves like xorriso that changes nothing: $7 and $9 are behind
// -indev and -outdev.
const copyBase = `
in= out= prev=
for a; do
	case $prev in -indev) in=${a#stdio:} ;; -outdev) out=${a#stdio:} ;; esac
	prev=$a
done
`

func baseFile(t *testing.T, arch string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "base.iso")
	if err := os.WriteFile(path, isotest.Base("F44-base", arch), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var noFAT = map[string]string{"mdir": "exit 0", "mcopy": "exit 1", "xorriso": copyBase + `cp "$in" "$out"`}

func with(scripts map[string]string, name, script string) map[string]string {
	all := map[string]string{name: script}
	for k, v := range scripts {
		if k != name {
			all[k] = v
		}
	}
	return all
}

func TestRunPublishesWholeImageAndReportsEdits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var last int
	res, err := remaster.Run(t.Context(), remaster.Job{
		BaseISO: baseFile(t, "x86_64"), Output: filepath.Join(dir, "out.iso"), Kickstart: []byte("text\n"),
		Runner: tools(t, noFAT), Progress: func(p int, _ string) {
			if p < last {
				t.Errorf("progress went from %d to %d", last, p)
			}
			last = p
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != 100 || strings.Join(res.Edited, " ") != "/EFI/BOOT/grub.cfg /boot/grub2/grub.cfg" {
		t.Errorf("progress %d, edited %v", last, res.Edited)
	}
	if err := iso.CheckMD5(t.Context(), res.Path, nil); err != nil || res.Checksum == nil {
		t.Errorf("checksum: %v", err)
	}
	onlyFile(t, dir, "out.iso")
}

// What replaces a file of the base that nothing boots by is taken, and a text that
// is nowhere is a warning.
func TestRunWarnsOfWhatIsNotThereAndLeavesTheChecksumOut(t *testing.T) {
	t.Parallel()
	local := filepath.Join(t.TempDir(), "stage2")
	if err := os.WriteFile(local, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := remaster.Run(t.Context(), remaster.Job{
		BaseISO: baseFile(t, "x86_64"), Output: filepath.Join(t.TempDir(), "out.iso"), Runner: tools(t, noFAT), NoChecksum: true,
		Replace: []remaster.Replacement{{From: "quiet", To: "loud"}, {From: "nowhere"}}, Add: []remaster.Graft{{Local: local, ISOPath: "/images/install.img"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(res.Edited) != "[/EFI/BOOT/grub.cfg /boot/grub2/grub.cfg]" {
		t.Errorf("edited %v; a .treeinfo without digests is left alone", res.Edited)
	}
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], `"nowhere"`) || res.Checksum != nil || len(res.Edited) != 2 {
		t.Errorf("got %+v", res)
	}
	if err := iso.CheckMD5(t.Context(), res.Path, nil); !errors.Is(err, iso.ErrNoChecksum) {
		t.Errorf("checksum: %v", err)
	}
}

func TestRunWarnsOfMenusForAnotherVolume(t *testing.T) {
	t.Parallel()
	image := bytes.ReplaceAll(isotest.Base("F44-base", "x86_64"), []byte("LABEL=F44-base"), []byte("LABEL=F99-base"))
	image = bytes.ReplaceAll(image, []byte("-l 'F44-base'"), []byte("-l 'F99-base'"))
	base := filepath.Join(t.TempDir(), "base.iso")
	if err := os.WriteFile(base, image, 0o600); err != nil {
		t.Fatal(err)
	}
	for volid, want := range map[string]int{"F44-new": 1, "F44-base": 0, "": 0} {
		res, err := remaster.Run(t.Context(), remaster.Job{
			BaseISO: base, Output: filepath.Join(t.TempDir(), "out.iso"), Runner: tools(t, noFAT), VolID: volid, BootArgs: []string{"a"},
		})
		if err != nil || len(res.Warnings) != want {
			t.Errorf("%q: %v, %v", volid, res, err)
		}
	}
	res, err := remaster.Run(t.Context(), remaster.Job{BaseISO: baseFile(t, "x86_64"), Output: filepath.Join(t.TempDir(), "out.iso"), Runner: tools(t, noFAT), VolID: "F44-new"})
	if err != nil || len(res.Warnings) != 0 {
		t.Errorf("%v, %v", res, err)
	}
}

func onlyFile(t *testing.T, dir string, want ...string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s has %v, want %v", dir, got, want)
	}
}

func TestRefusalsNameEveryProblemAndLeaveNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	taken := filepath.Join(dir, "taken.iso")
	for _, name := range []string{text, taken} {
		if err := os.WriteFile(name, bytes.Repeat([]byte("no image "), 9000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bare := filepath.Join(dir, "bare.iso")
	if err := os.WriteFile(bare, isotest.Build(isotest.Options{VolumeID: "X"}), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(text, link); err != nil {
		t.Fatal(err)
	}
	good := baseFile(t, "x86_64")
	tree := filepath.Join(t.TempDir(), "EFI")
	if err := errors.Join(os.MkdirAll(filepath.Join(tree, "BOOT"), 0o755), os.WriteFile(filepath.Join(tree, "BOOT", "grub.cfg"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	runner := tools(t, noFAT)
	out := filepath.Join(dir, "out.iso")
	graft := func(local, at string) remaster.Job {
		return remaster.Job{BaseISO: good, Output: out, Add: []remaster.Graft{{Local: local, ISOPath: at}}}
	}
	for name, tc := range map[string]struct {
		job  remaster.Job
		want func(error) bool
	}{
		"no image":      {remaster.Job{BaseISO: text, Output: out}, is[*iso.NotISOError]},
		"missing image": {remaster.Job{BaseISO: "/nonexistent", Output: out}, func(err error) bool { return errors.Is(err, fs.ErrNotExist) }},
		"other arch":    {remaster.Job{BaseISO: good, Output: out, Arch: "aarch64"}, is[*remaster.ArchError]},
		"unknown arch":  {remaster.Job{BaseISO: bare, Output: out, Arch: "aarch64"}, is[*remaster.ArchError]},
		"output exists": {remaster.Job{BaseISO: good, Output: taken}, func(err error) bool {
			return is[*remaster.OutputExistsError](err) && errors.Is(err, fs.ErrExist)
		}},
		"output folder":                         {remaster.Job{BaseISO: good, Output: filepath.Join(dir, "no", "x.iso")}, func(err error) bool { return errors.Is(err, fs.ErrNotExist) }},
		"volume id":                             {remaster.Job{BaseISO: good, Output: out, VolID: strings.Repeat("x", 33)}, is[*iso.VolumeIDError]},
		"argument":                              {remaster.Job{BaseISO: good, Output: out, BootArgs: []string{"a\nb"}}, is[*remaster.ArgError]},
		"quoted argument":                       {remaster.Job{BaseISO: good, Output: out, BootArgs: []string{`a="b"`}}, is[*remaster.ArgError]},
		"removed argument":                      {remaster.Job{BaseISO: good, Output: out, RemoveArgs: []string{"a=b"}}, is[*remaster.ArgError]},
		"empty replacement":                     {remaster.Job{BaseISO: good, Output: out, Replace: []remaster.Replacement{{To: "x"}}}, is[*remaster.ReplaceError]},
		"replaced line end":                     {remaster.Job{BaseISO: good, Output: out, Replace: []remaster.Replacement{{From: "a\n", To: "b"}}}, is[*remaster.ReplaceError]},
		"nothing to replace in":                 {remaster.Job{BaseISO: bare, Output: out, Replace: []remaster.Replacement{{From: "a", To: "b"}}}, is[*remaster.NoBootConfigError]},
		"graft on boot configuration":           {graft(text, "/EFI/BOOT/grub.cfg"), is[*remaster.GraftError]},
		"graft of folder on boot configuration": {graft(tree, "/"+"EFI"), is[*remaster.GraftError]},
		"graft on a folder":                     {graft(text, "/images"), is[*remaster.GraftError]},
		"graft below a file":                    {graft(text, "/images/install.img/x"), is[*remaster.GraftError]},
		"graft of folder on a file":             {graft(tree, "/images/install.img"), is[*remaster.GraftError]},
		"kickstart name":                        {remaster.Job{BaseISO: good, Output: out, Kickstart: []byte("x"), KickstartName: "../x"}, is[*remaster.GraftError]},
		"no boot config":                        {remaster.Job{BaseISO: bare, Output: out, Kickstart: []byte("x")}, is[*remaster.NoBootConfigError]},
		"graft to root":                         {graft(text, "/"), is[*remaster.GraftError]},
		"graft upwards":                         {graft(text, "/a/../../b"), is[*remaster.GraftError]},
		"graft to a folder above":               {graft(text, "/a/.."), is[*remaster.GraftError]},
		"graft wildcard":                        {graft(text, "/a*"), is[*remaster.GraftError]},
		"graft of link":                         {graft(link, "/a"), is[*remaster.GraftError]},
		"graft of nothing":                      {graft("/nonexistent", "/a"), is[*remaster.GraftError]},
		"two in one place":                      {remaster.Job{BaseISO: good, Output: out, Kickstart: []byte("x"), Add: []remaster.Graft{{Local: text, ISOPath: "/respin.ks"}}}, is[*remaster.GraftError]},
		"updates.img":                           {remaster.Job{BaseISO: good, Output: out, UpdatesImg: "/nonexistent/updates.img"}, is[*remaster.GraftError]},
		"no tool":                               {remaster.Job{BaseISO: good, Output: out, Runner: tools(t, nil)}, is[*proc.NotFoundError]},
		"no mtools for FAT":                     {remaster.Job{BaseISO: good, Output: out, Runner: tools(t, map[string]string{"xorriso": ""})}, is[*proc.NotFoundError]},
	} {
		if tc.job.Runner == nil {
			tc.job.Runner = runner
		}
		var all *remaster.JobError
		if err := remaster.Check(tc.job); !errors.As(err, &all) || len(all.Problems) != 1 || !tc.want(err) {
			t.Errorf("%s: check says %v", name, err)
		}
		if res, err := remaster.Run(t.Context(), tc.job); res != nil || !tc.want(err) {
			t.Errorf("%s: got %v, %v", name, res, err)
		}
	}
	onlyFile(t, dir, "bare.iso", "link", "taken.iso", "text")
	err := remaster.Check(remaster.Job{BaseISO: text, Output: taken, VolID: "ä", Runner: tools(t, nil)})
	var all *remaster.JobError
	if !errors.As(err, &all) || len(all.Problems) != 4 {
		t.Errorf("all at once: %v", err)
	}
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func TestFailureOrCancelLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tools map[string]string
		want  func(error) bool
	}{
		"tool fails": {
			with(noFAT, "xorriso", copyBase+`printf half >"$out"; echo 'xorriso : FAILURE : disk on fire' >&2; exit 5`),
			func(err error) bool {
				e, ok := errors.AsType[*proc.Error](err)
				return ok && e.ExitCode == 5 && strings.Contains(e.Error(), "disk on fire")
			},
		},
		"tool writes no image": {with(noFAT, "xorriso", copyBase+`printf half >"$out"`), is[*iso.NotISOError]},
		"FAT image is full": {
			map[string]string{
				"xorriso": noFAT["xorriso"],
				"mdir":    "echo ::/EFI/BOOT/grub.cfg",
				"mcopy":   `case "$5" in ::*) printf 'linux /k\n' >"$6" ;; *) echo 'Disk full' >&2; exit 1 ;; esac`,
			},
			func(err error) bool { return errors.Is(err, remaster.ErrFATFull) },
		},
		"boot is lost": {with(noFAT, "xorriso", copyBase+`cp "$LOST" "$out"`), is[*remaster.LostBootError]},
	} {
		dir, work := t.TempDir(), t.TempDir()
		lost := filepath.Join(t.TempDir(), "lost.iso")
		if err := os.WriteFile(lost, isotest.Build(isotest.Options{VolumeID: "X", BIOS: true, Pad: 64}), 0o600); err != nil {
			t.Fatal(err)
		}
		runner := tools(t, tc.tools)
		runner.Env = append(runner.Env, "LOST="+lost)
		_, err := remaster.Run(t.Context(), remaster.Job{
			BaseISO: baseFile(t, "x86_64"), Output: filepath.Join(dir, "out.iso"), BootArgs: []string{"inst.text"}, WorkDir: work, Runner: runner,
		})
		if !tc.want(err) {
			t.Errorf("%s: got %v", name, err)
		}
		onlyFile(t, dir)
		onlyFile(t, work)
	}
}

func TestCancelInTheMiddle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	script := copyBase + `cp "$in" "$out"; echo 'xorriso : UPDATE : Writing:      40s   40.0%   fifo  99%  buf  50%' >&2; sleep 60`
	_, err := remaster.Run(ctx, remaster.Job{
		BaseISO: baseFile(t, "x86_64"), Output: filepath.Join(dir, "out.iso"), Runner: tools(t, with(noFAT, "xorriso", script)),
		Progress: func(p int, _ string) {
			if p > 10 {
				cancel()
			}
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	onlyFile(t, dir)
}

func TestOutputThatAppearsMeanwhileIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "out.iso")
	_, err := remaster.Run(t.Context(), remaster.Job{
		BaseISO: baseFile(t, "x86_64"), Output: out, Runner: tools(t, with(noFAT, "xorriso", noFAT["xorriso"]+"; printf other >"+out)),
	})
	data, _ := os.ReadFile(out)
	if !is[*remaster.OutputExistsError](err) || string(data) != "other" {
		t.Fatalf("got %v, file %q", err, data)
	}
	onlyFile(t, dir, "out.iso")
}

func TestNoSpaceErrorIsENOSPC(t *testing.T) {
	t.Parallel()
	err := error(&remaster.NoSpaceError{Dir: "/x", Need: 5 << 20, Free: 1 << 20})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "5 MiB") {
		t.Fatalf("got %v", err)
	}
}

func TestToolsNamesTheMissing(t *testing.T) {
	t.Parallel()
	list, err := remaster.Tools(t.Context(), tools(t, map[string]string{"xorriso": "echo 'xorriso 1.5.4 : x'"}))
	if !is[*proc.NotFoundError](err) || len(list) != 3 || list[0].Version != "1.5.4" || list[0].Err != nil || list[1].Err == nil {
		t.Fatalf("got %+v, %v", list, err)
	}
}

func TestRepoISORefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := remaster.MakeRepoISO(t.Context(), remaster.RepoJob{
		Dir: filepath.Join(dir, "none"), Output: filepath.Join(dir, "x.iso"), VolID: "", Runner: tools(t, nil),
	})
	var all *remaster.JobError
	if !errors.As(err, &all) || len(all.Problems) != 3 {
		t.Fatalf("got %v", err)
	}
	onlyFile(t, dir)
}

func ExampleCheck() {
	err := remaster.Check(remaster.Job{BaseISO: "/nonexistent/boot.iso", Output: "/nonexistent/out.iso", VolID: "Fedora 44"})
	var vol *iso.VolumeIDError
	fmt.Println(errors.As(err, &vol), errors.Is(err, fs.ErrNotExist))
	fmt.Println(vol)
	// Output:
	// true true
	// volume id "Fedora 44": character ' ' is not one of A-Z a-z 0-9 _ -
}
