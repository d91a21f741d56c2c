package updates_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/updates"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func TestEveryFormatAndCompressorGivesTheSameFiles(t *testing.T) {
	t.Parallel()
	want := lines(
		"040755 0:0 run",
		"040755 0:0 usr",
		"040555 0:0 usr/bin",
		"040755 0:0 usr/lib",
		"010600 0:0 run/tool",
		"104755 1:20 usr/bin/tool = tool",
		"100644 0:0 usr/lib/big = 300000 bytes",
		"100644 0:0 usr/lib/empty",
		"120777 0:0 usr/lib/link -> ../bin/tool",
		"100644 0:0 usr/bin/one link 1 of 3",
		"100644 0:0 usr/bin/three link 1 of 3",
		"100644 0:0 usr/bin/two = shared data link 1 of 3",
	)
	for _, format := range []int{3, 4, 6} {
		for _, c := range []string{"gzip", "zstd", "xz", "lzma", "none"} {
			image, report := build(t, updates.Options{}, packages(t, tool(format, c))...)
			if diff := cmp.Diff(want, list(t, image)); diff != "" {
				t.Errorf("format %d, %s: (-want +got)\n%s", format, c, diff)
			}
			if report.Files != 8 || report.Folders != 4 || report.Packages[0].Files != 9 || len(report.Warnings) != 0 {
				t.Errorf("format %d, %s: %+v", format, c, report)
			}
		}
	}
}

func TestOrderOfPackagesDoesNotMatter(t *testing.T) {
	t.Parallel()
	inputs := packages(
		t, tool(4, "zstd"),
		rpmtest.Spec{Name: "b", Files: []rpmtest.File{{Path: "/usr/share/b", Data: []byte("b")}}},
		rpmtest.Spec{Name: "a", Files: []rpmtest.File{{Path: "/usr/share/a", Data: []byte("a")}}},
	)
	first, report := build(t, updates.Options{}, inputs...)
	if report.Packages[0].Input != 2 {
		t.Errorf("packages are not sorted: %+v", report.Packages[0])
	}
	slices.Reverse(inputs)
	if again, _ := build(t, updates.Options{}, inputs...); !bytes.Equal(first, again) {
		t.Error("another order of the packages gives another image")
	}
}

func TestNoTimeIsLaterThanTheEpoch(t *testing.T) {
	t.Parallel()
	spec := rpmtest.Spec{Name: "p", BuildTime: 2000, Files: []rpmtest.File{{Path: "/etc/old", MTime: 500}, {Path: "/etc/new", MTime: 1500}}}
	for name, tc := range map[string]struct {
		time time.Time
		want map[string]uint32
	}{
		"given":      {time.Unix(1000, 0), map[string]uint32{"etc": 1000, "etc/old": 500, "etc/new": 1000}},
		"build time": {time.Time{}, map[string]uint32{"etc": 2000, "etc/old": 500, "etc/new": 1500}},
		"before all": {time.Unix(-5, 0), map[string]uint32{"etc": 0, "etc/old": 0, "etc/new": 0}},
	} {
		image, _ := build(t, updates.Options{Time: tc.time}, packages(t, spec)...)
		got := map[string]uint32{}
		if err := updates.Walk(bytes.NewReader(image), updates.Options{}, func(e *updates.Entry, _ io.Reader) error {
			got[e.Name] = e.MTime
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestMergeUsrMovesWhatIsBelowTheLinks(t *testing.T) {
	t.Parallel()
	inputs := packages(
		t, rpmtest.Spec{Name: "filesystem", Files: []rpmtest.File{{Path: "/lib", Linkto: "usr/lib"}, {Path: "/usr/lib", Mode: 0o40555}}},
		rpmtest.Spec{Name: "driver", Files: []rpmtest.File{{Path: "/lib/modules/x.ko", Data: []byte("x")}, {Path: "/library", Data: []byte("y")}}},
	)
	image, _ := build(t, updates.Options{MergeUsr: true}, inputs...)
	want := lines(
		"040755 0:0 usr", "040555 0:0 usr/lib", "040755 0:0 usr/lib/modules",
		"100644 0:0 usr/lib/modules/x.ko = x", "100644 0:0 library = y", "120777 0:0 lib -> usr/lib",
	)
	if diff := cmp.Diff(want, list(t, image)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	_, err := updates.Write(t.Context(), io.Discard, inputs, updates.Options{})
	if e, ok := errors.AsType[*updates.ConflictError](err); !ok || e.Path != "lib" || e.First != "filesystem-1-1.noarch" || e.Second != "driver-1-1.noarch" {
		t.Errorf("a file behind another package's link: %v", err)
	}
}

func TestWhatAnArchiveCannotCarryIsReported(t *testing.T) {
	t.Parallel()
	image, report := build(t, updates.Options{}, packages(t, rpmtest.Spec{
		Name: "odd", Scripts: rpmtest.Scripts{Post: "ldconfig"},
		Files: []rpmtest.File{
			{Path: "/usr/bin/odd", Mode: 0o6755, User: "odd", Group: "odder", Caps: "cap_net_raw=ep"},
			{Path: "/usr/bin/even", Mode: 0o6755, User: "odd", Group: "tty"},
		},
	})...)
	want := lines("040755 0:0 usr", "040755 0:0 usr/bin", "102755 0:5 usr/bin/even", "100755 0:0 usr/bin/odd")
	if diff := cmp.Diff(want, list(t, image)); diff != "" {
		t.Errorf("setuid bits of files that fell to root: (-want +got)\n%s", diff)
	}
	all := strings.Join(report.Warnings, "\n")
	for _, part := range []string{"scriptlets", "gives files to odd,", "gives files to odder,", "cap_net_raw=ep"} {
		if !strings.Contains(all, part) {
			t.Errorf("no warning says %q:\n%s", part, all)
		}
	}
	if len(report.Warnings) != 4 {
		t.Errorf("warnings:\n%s", all)
	}
}

func TestPackagesMayShareFiles(t *testing.T) {
	t.Parallel()
	license := rpmtest.File{Path: "/usr/share/licenses/x", Data: []byte("MIT")}
	a := rpmtest.Spec{Name: "a", Files: []rpmtest.File{
		license, {Path: "/usr/bin/a", Data: []byte("A")}, {Path: "/usr/bin/z", Hardlink: "/usr/bin/a"}, {Path: "/var/tmp/x"},
	}}
	// b has the name that carries the data of its hard links from a.
	b := rpmtest.Spec{Name: "b", Files: []rpmtest.File{
		license, {Path: "/usr/bin/b", Data: []byte("A")}, {Path: "/usr/bin/c", Hardlink: "/usr/bin/b"}, {Path: "/usr/bin/z", Hardlink: "/usr/bin/b"},
	}}
	image, report := build(t, updates.Options{}, packages(t, a, b)...)
	got := list(t, image)
	for _, want := range []string{
		"041777 0:0 var/tmp\n", "usr/bin/a link 1 of 2\n", "usr/bin/z = A link 1 of 2\n", "usr/bin/b link 2 of 2\n", "usr/bin/c = A link 2 of 2\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "licenses/x"); n != 1 || report.Packages[1].Shared != 2 {
		t.Errorf("%d copies, %+v", n, report.Packages[1])
	}
}

func TestRefusalsNamePackageAndPath(t *testing.T) {
	t.Parallel()
	one := func(f ...rpmtest.File) []rpmtest.Spec { return []rpmtest.Spec{{Name: "p", Files: f}} }
	two := func(a, b rpmtest.File) []rpmtest.Spec {
		return []rpmtest.Spec{{Name: "p", Files: []rpmtest.File{a}}, {Name: "q", Files: []rpmtest.File{b}}}
	}
	for name, tc := range map[string]struct {
		specs []rpmtest.Spec
		o     updates.Options
		want  []string
	}{
		"character device":        {specs: one(rpmtest.File{Path: "/dev/x", Mode: 0o020600}), want: []string{`"/dev/x" of p-1-1.noarch`, "device node"}},
		"block device":            {specs: one(rpmtest.File{Path: "/dev/x", Mode: 0o060600}), want: []string{`"/dev/x" of p-1-1.noarch`}},
		"socket":                  {specs: one(rpmtest.File{Path: "/run/x", Mode: 0o140600}), want: []string{`"/run/x" of p-1-1.noarch`}},
		"path upwards":            {specs: one(rpmtest.File{Path: "/usr/../../etc/passwd"}), want: []string{`"/usr/../../etc/passwd"`, "elsewhere"}},
		"path twice spelled":      {specs: one(rpmtest.File{Path: "/usr//bin/x"}), want: []string{`"/usr//bin/x"`}},
		"link out of the image":   {specs: one(rpmtest.File{Path: "/usr/x", Linkto: "../../etc"}), want: []string{`"/usr/x" of p-1-1.noarch`, `"../../etc" leads out`}},
		"link out and in":         {specs: one(rpmtest.File{Path: "/usr/x", Linkto: "../../updates/etc"}), want: []string{"leads out"}},
		"behind own link":         {specs: one(rpmtest.File{Path: "/x", Linkto: "/etc"}, rpmtest.File{Path: "/x/passwd"}), want: []string{"p-1-1.noarch and p-1-1.noarch conflict at /x", "/x/passwd"}},
		"behind link of other":    {specs: two(rpmtest.File{Path: "/x", Linkto: "/etc"}, rpmtest.File{Path: "/x/y/passwd"}), want: []string{"p-1-1.noarch and q-1-1.noarch conflict at /x"}},
		"below a file":            {specs: two(rpmtest.File{Path: "/x"}, rpmtest.File{Path: "/x/y"}), want: []string{"conflict at /x", "a file in the first"}},
		"link in place of folder": {specs: two(rpmtest.File{Path: "/x", Mode: 0o40755}, rpmtest.File{Path: "/x", Linkto: "/etc"}), want: []string{"a folder in one, a symbolic link in the other"}},
		"different links":         {specs: two(rpmtest.File{Path: "/x", Linkto: "a"}, rpmtest.File{Path: "/x", Linkto: "b"}), want: []string{"different targets"}},
		"different contents":      {specs: two(rpmtest.File{Path: "/x", Data: []byte("a")}, rpmtest.File{Path: "/x", Data: []byte("b")}), want: []string{"p-1-1.noarch and q-1-1.noarch conflict at /x", "contents differ"}},
		"different modes":         {specs: two(rpmtest.File{Path: "/x"}, rpmtest.File{Path: "/x", Mode: 0o600}), want: []string{"0644 and 0600"}},
		"different owners":        {specs: two(rpmtest.File{Path: "/x"}, rpmtest.File{Path: "/x", User: "bin"}), want: []string{"owners differ"}},
		"all at once":             {specs: append(one(rpmtest.File{Path: "/dev/x", Mode: 0o020600}), one(rpmtest.File{Path: "/a/../x"})...), want: []string{`"/dev/x"`, `"/a/../x"`}},
		"too many packages":       {specs: two(rpmtest.File{Path: "/x"}, rpmtest.File{Path: "/y"}), o: updates.Options{MaxInputs: 1}, want: []string{"more than 1 packages"}},
		"too many files":          {specs: one(rpmtest.File{Path: "/x"}, rpmtest.File{Path: "/y"}), o: updates.Options{MaxFiles: 1}, want: []string{"more than 1 files"}},
		"too many folders":        {specs: one(rpmtest.File{Path: "/a/b/c/d"}), o: updates.Options{MaxFiles: 2}, want: []string{"more than 2 files"}},
		"too many bytes":          {specs: one(rpmtest.File{Path: "/x", Data: make([]byte, 1000)}), o: updates.Options{MaxSize: 1000}, want: []string{"more than 1000 bytes"}},
	} {
		var out bytes.Buffer
		report, err := updates.Write(t.Context(), &out, packages(t, tc.specs...), tc.o)
		if err == nil || report != nil || out.Len() != 0 {
			t.Errorf("%s: %v, %v, %d bytes written", name, report, err, out.Len())
			continue
		}
		for _, part := range tc.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q is not in %v", name, part, err)
			}
		}
	}
}

func TestInputsThatAreNoGoodPackage(t *testing.T) {
	t.Parallel()
	data := rpmtest.Build(tool(4, "gzip"))
	source := rpmtest.Source(rpmtest.Spec{Name: "s", Version: "1", Release: "1", Files: []rpmtest.File{{Path: "s.spec"}}})
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"payload altered": {rpmtest.FlipPayload(data), "is damaged"},
		"header altered":  {rpmtest.FlipHeader(data), "is damaged"},
		"cut off":         {rpmtest.Truncate(data, 9), "is damaged"},
		"no RPM":          {[]byte("<html>"), "is no RPM"},
		"source":          {source, "source package"},
	} {
		in := packages(t, tool(4, "gzip"))[0]
		in.Name = "it"
		if err := os.WriteFile(in.Path, tc.data, 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		_, err := updates.Write(t.Context(), &out, []updates.Input{in}, updates.Options{})
		if e, ok := errors.AsType[*updates.InputError](err); !ok || e.Name != "it" || !strings.Contains(err.Error(), tc.want) || out.Len() != 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, out.Len())
		}
	}
	_, err := updates.Write(t.Context(), io.Discard, []updates.Input{{Path: "/nonexistent/a.rpm"}, {Path: "/nonexistent/b.rpm"}}, updates.Options{})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "a.rpm") || !strings.Contains(err.Error(), "b.rpm") {
		t.Errorf("missing files: %v", err)
	}
}

// swap puts another package in the place of the first when writing has begun.
type swap struct {
	t    *testing.T
	path string
	data []byte
	done bool
}

func (s *swap) Write(b []byte) (int, error) {
	if !s.done {
		s.done = true
		if err := os.WriteFile(s.path, s.data, 0o600); err != nil {
			s.t.Error(err)
		}
	}
	return len(b), nil
}

func TestPackageThatChangesIsNoticed(t *testing.T) {
	t.Parallel()
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for i := range big {
		big[i] ^= byte(i * i >> 7) // or gzip holds back what is to trigger the swap
	}
	spec := rpmtest.Spec{Name: "z", Files: []rpmtest.File{{Path: "/usr/bin/z", Data: []byte("good")}}}
	inputs := packages(t, rpmtest.Spec{Name: "a", Files: []rpmtest.File{{Path: "/a", Data: big}}}, spec)
	spec.Files[0].Data = []byte("evil")
	spec.Version, spec.Release = "1", "1"
	w := &swap{t: t, path: inputs[1].Path, data: rpmtest.Build(spec)}
	_, err := updates.Write(t.Context(), w, inputs, updates.Options{})
	if e, ok := errors.AsType[*updates.InputError](err); !ok || !strings.Contains(e.Reason, "changed") {
		t.Errorf("got %v", err)
	}
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	inputs := packages(t, tool(4, "gzip"))
	if _, err := updates.Write(ctx, io.Discard, inputs, updates.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	_, err := updates.Write(ctx, io.Discard, inputs, updates.Options{Progress: func(percent int, _ string) {
		if percent >= 20 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("in the middle: %v", err)
	}
	cancel()
}

func TestSinkThatFails(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := updates.Write(t.Context(), w, packages(t, tool(4, "gzip")), updates.Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestNoPackagesGiveAnEmptyImage(t *testing.T) {
	t.Parallel()
	image, report := build(t, updates.Options{})
	if got := list(t, image); got != "" || report.Size != 512 {
		t.Errorf("%q, %d bytes", got, report.Size)
	}
}

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "anaconda-core-44.12-1.fc44.noarch.rpm")
	fixed := rpmtest.Build(rpmtest.Spec{
		Name: "anaconda-core", Version: "44.12", Release: "1.fc44", Files: []rpmtest.File{{Path: "/usr/lib/anaconda/fix.py", Data: []byte("fixed = True\n")}},
	})
	if err := os.WriteFile(path, fixed, 0o600); err != nil {
		fmt.Println(err)
		return
	}
	var image bytes.Buffer
	report, err := updates.Write(context.Background(), &image, []updates.Input{{Path: path}}, updates.Options{MergeUsr: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Files, report.Folders, report.Packages[0].Verdict.Package.NEVRA())
	// Output: 1 3 anaconda-core-44.12-1.fc44.noarch
}
