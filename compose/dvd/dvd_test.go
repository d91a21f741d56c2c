package dvd_test

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

	"github.com/fedora-respin/respin/compose/dvd"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/compose/productmd"
	"github.com/fedora-respin/respin/repo/comps"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func specs() []rpmtest.Spec {
	return []rpmtest.Spec{
		{Name: "bash", Version: "5.2", Release: "1.fc44", Arch: "x86_64", Files: []rpmtest.File{{Path: "/usr/bin/bash", Data: []byte("bash")}}},
		{Name: "Vim", Epoch: 2, Version: "9.1", Release: "1.fc44", SourceRPM: "vim-9.1-1.fc44.src.rpm"},
		{Name: "bash-debuginfo", Version: "5.2", Release: "1.fc44", Arch: "x86_64", SourceRPM: "bash-5.2-1.fc44.src.rpm"},
	}
}

func write(t *testing.T, specs ...rpmtest.Spec) []dvd.Package {
	t.Helper()
	dir := t.TempDir()
	var list []dvd.Package
	for _, s := range specs {
		n := s.NEVRA()
		path := filepath.Join(dir, n.FileName())
		if err := os.WriteFile(path, rpmtest.Build(s), 0o600); err != nil {
			t.Fatal(err)
		}
		list = append(list, dvd.Package{Path: path})
	}
	return list
}

var product = productmd.Product{Name: "Fedora", Short: "Fedora", Version: "44"}

func newJob(t *testing.T) dvd.Job {
	t.Helper()
	base := filepath.Join(t.TempDir(), "boot.iso")
	if err := os.WriteFile(base, isotest.Base("F44-base", "x86_64"), 0o600); err != nil {
		t.Fatal(err)
	}
	mandatory := func(names ...string) (list []comps.Package) {
		for _, n := range names {
			list = append(list, comps.Package{Name: n, Type: comps.Mandatory})
		}
		return list
	}
	return dvd.Job{
		BaseISO: base, Output: filepath.Join(t.TempDir(), "F.iso"), Arch: "x86_64", VolID: "F44-dvd", Product: product, Variant: "Server",
		Packages: write(t, specs()...), Time: time.Unix(1767225600, 0), Runner: tools(t),
		Comps: &comps.Comps{Groups: []comps.Group{{ID: "core", Packages: mandatory("bash")}, {ID: "other", Packages: mandatory("gone")}}},
	}
}

func TestMakePutsARepositoryOntoTheBase(t *testing.T) {
	t.Parallel()
	job := newJob(t)
	var last int
	job.Progress = func(p int, _ string) {
		if p < last {
			t.Errorf("progress went from %d to %d", last, p)
		}
		last = p
	}
	res, err := dvd.Make(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	m, err := iso.Open(res.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	var names []string
	if err := m.Walk(func(name string, e iso.Entry) error {
		if e.Mode.IsRegular() {
			names = append(names, name)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "/repodata/") && n != "/repodata/repomd.xml" })
	slices.Sort(names)
	want := []string{
		"/.discinfo", "/.treeinfo", "/EFI/BOOT/grub.cfg", "/Packages/b/bash-5.2-1.fc44.x86_64.rpm", "/Packages/b/bash-debuginfo-5.2-1.fc44.x86_64.rpm",
		"/Packages/v/Vim-9.1-1.fc44.noarch.rpm", "/boot/grub2/grub.cfg", "/images/install.img", "/images/pxeboot/initrd.img", "/images/pxeboot/vmlinuz",
		"/media.repo", "/repodata/repomd.xml",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	data, err := m.ReadFile(".treeinfo", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := productmd.ReadTreeInfo(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if tree.MainImage != "images/install.img" || tree.Images["x86_64"]["kernel"] != "images/pxeboot/vmlinuz" || tree.Variants[0].UID != "Server" || len(tree.Checksums) != 4 {
		t.Errorf("%+v", tree)
	}
	disc, err := m.ReadFile(".discinfo", 1<<20)
	if err != nil || string(disc) != "1767225600.0\nFedora 44\nx86_64\n1" {
		t.Errorf("%q, %v", disc, err)
	}
	if last != 100 || res.Checksum == nil || len(res.Packages) != 3 {
		t.Errorf("progress %d, %+v", last, res)
	}
}

func TestMetadataBesideTheMedium(t *testing.T) {
	t.Parallel()
	job := newJob(t)
	res, err := dvd.Make(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(job.Output)
	open := func(name string) io.Reader {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.NewReader(data)
	}
	if want := []string{"metadata/composeinfo.json", "metadata/images.json", "metadata/rpms.json", "F-CHECKSUM"}; !slices.Equal(res.Metadata, want) {
		t.Errorf("metadata %q", res.Metadata)
	}
	info, err := productmd.ReadComposeInfo(open("metadata/composeinfo.json"))
	if err != nil || info.Compose.ID != "Fedora-44-20260101.t.0" || info.Variants["Server"].Arches[0] != "x86_64" {
		t.Errorf("%v, %+v", err, info)
	}
	images, err := productmd.ReadImages(open("metadata/images.json"))
	if err != nil {
		t.Fatal(err)
	}
	if one := images.Images["Server"]["x86_64"][0]; one.Path != "F.iso" || one.Size != res.Size || one.Checksums["sha256"] != res.SHA256 || *one.ImplantMD5 != res.Checksum.MD5 || *one.VolumeID != "F44-dvd" || !one.Bootable {
		t.Errorf("%+v", one)
	}
	rpms, err := productmd.ReadRPMs(open("metadata/rpms.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]productmd.RPM{
		"bash-0:5.2-1.fc44.src": {
			"bash-0:5.2-1.fc44.x86_64":           {Category: "binary", Path: "Packages/b/bash-5.2-1.fc44.x86_64.rpm"},
			"bash-debuginfo-0:5.2-1.fc44.x86_64": {Category: "debug", Path: "Packages/b/bash-debuginfo-5.2-1.fc44.x86_64.rpm"},
		},
		"vim-2:9.1-1.fc44.src": {"Vim-2:9.1-1.fc44.noarch": {Category: "binary", Path: "Packages/v/Vim-9.1-1.fc44.noarch.rpm"}},
	}
	if diff := cmp.Diff(want, rpms.RPMs["Server"]["x86_64"]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	sum, _ := io.ReadAll(open("F-CHECKSUM"))
	if string(sum) != fmt.Sprintf("# F.iso: %d bytes\nSHA256 (F.iso) = %s\n", res.Size, res.SHA256) {
		t.Errorf("%s", sum)
	}
}

func TestSameJobGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	var sums []string
	for range 2 {
		job := newJob(t)
		slices.Reverse(job.Packages)
		res, err := dvd.Make(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, res.SHA256)
	}
	if sums[0] != sums[1] {
		t.Error("two images of one job differ")
	}
}

func TestRefusalsLeaveNothing(t *testing.T) {
	t.Parallel()
	is := func(want string) func(error) bool {
		return func(err error) bool { return err != nil && strings.Contains(err.Error(), want) }
	}
	for name, tc := range map[string]struct {
		change func(*testing.T, *dvd.Job)
		want   func(error) bool
	}{
		"larger than the medium": {func(_ *testing.T, j *dvd.Job) { j.Medium = dvd.Medium{Name: "x", Text: "floppy disk", Size: 200_000} }, func(err error) bool {
			e, ok := errors.AsType[*dvd.TooLargeError](err)
			return ok && e.NumberOfPackages == 3 && strings.Contains(err.Error(), "do not fit on a floppy disk, which has room for 0.2 MB")
		}},
		"image comes out larger": {func(t *testing.T, j *dvd.Job) {
			t.Helper()
			st, err := os.Stat(j.BaseISO)
			if err != nil {
				t.Fatal(err)
			}
			j.Packages = nil
			j.Medium = dvd.Medium{Text: "x", Size: st.Size()}
		}, func(err error) bool { _, ok := errors.AsType[*dvd.TooLargeError](err); return ok }},
		"other arch":     {func(_ *testing.T, j *dvd.Job) { j.Arch = "aarch64" }, is("it is for x86_64")},
		"no arch":        {func(_ *testing.T, j *dvd.Job) { j.Arch = "" }, is("architecture must be given")},
		"volume id":      {func(_ *testing.T, j *dvd.Job) { j.VolID = "a b" }, is("volume id")},
		"no image":       {func(_ *testing.T, j *dvd.Job) { j.BaseISO = "/nonexistent" }, func(err error) bool { return errors.Is(err, os.ErrNotExist) }},
		"missing":        {func(_ *testing.T, j *dvd.Job) { j.Packages[1].Path = "/nonexistent.rpm" }, is("/nonexistent.rpm")},
		"no package":     {func(_ *testing.T, j *dvd.Job) { j.Packages[1] = dvd.Package{Path: j.BaseISO, Name: "a-1-1.noarch.rpm"} }, is("boot.iso")},
		"name":           {func(_ *testing.T, j *dvd.Job) { j.Packages[1].Name = "../a-1-1.noarch.rpm" }, is("no file name")},
		"one name twice": {func(_ *testing.T, j *dvd.Job) { j.Packages[1].Name = filepath.Base(j.Packages[0].Path) }, is("has the same name")},
		"variant":        {func(_ *testing.T, j *dvd.Job) { j.Variant = "A-B" }, is("variant")},
		"tool fails":     {func(t *testing.T, j *dvd.Job) { t.Helper(); j.Runner = tools(t, "STANDIN=fail") }, is("xorriso")},
		"has a repository": {func(t *testing.T, j *dvd.Job) {
			t.Helper()
			data := isotest.Build(isotest.Options{VolumeID: "X", Files: map[string]string{"repodata/repomd.xml": "x"}})
			if err := os.WriteFile(j.BaseISO, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}, is("has a repository already")},
		"no kernel": {func(t *testing.T, j *dvd.Job) {
			t.Helper()
			if err := os.WriteFile(j.BaseISO, isotest.Build(isotest.Options{VolumeID: "X"}), 0o600); err != nil {
				t.Fatal(err)
			}
		}, is("no kernel and initrd")},
	} {
		job := newJob(t)
		tc.change(t, &job)
		res, err := dvd.Make(t.Context(), job)
		if res != nil || !tc.want(err) {
			t.Errorf("%s: %v, %v", name, res, err)
		}
		if left, _ := os.ReadDir(filepath.Dir(job.Output)); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dvd.Make(ctx, newJob(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	job := newJob(t)
	res, err := dvd.Make(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	want := func() dvd.Want {
		w := dvd.Want{VolID: "F44-dvd", Arch: "x86_64", Product: product, SHA256: map[string]string{}}
		for _, p := range res.Packages {
			w.SHA256[filepath.Base(p.Path)] = p.SHA256
		}
		return w
	}
	seen := 0
	w := want()
	w.Package = func(name, _ string, content io.Reader) error {
		seen++
		p, err := rpm.Read(content)
		if err == nil && p.NEVRA().FileName() != name {
			t.Errorf("%s is %s", name, p.NEVRA())
		}
		return err
	}
	if err := dvd.Check(t.Context(), res.Path, w); err != nil || seen != 3 {
		t.Fatalf("%v, %d packages seen", err, seen)
	}
	for name, change := range map[string]func(*dvd.Want){
		"/Packages/n/none-1-1.noarch.rpm": func(w *dvd.Want) { w.SHA256["none-1-1.noarch.rpm"] = "" },
		"has the digest":                  func(w *dvd.Want) { w.SHA256["bash-5.2-1.fc44.x86_64.rpm"] = strings.Repeat("0", 64) },
		"volume id":                       func(w *dvd.Want) { w.VolID = "X" },
		"is of Fedora 44":                 func(w *dvd.Want) { w.Product.Version = "45" },
	} {
		w := want()
		change(&w)
		err := dvd.Check(t.Context(), res.Path, w)
		if _, ok := errors.AsType[*dvd.CheckError](err); !ok || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, err := os.ReadFile(res.Path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "damaged.iso")
	if err := os.WriteFile(damaged, bytes.Replace(data, []byte("stage2"), []byte("Stage2"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := dvd.Check(t.Context(), damaged, want()); err == nil {
		t.Error("a damaged medium was found to be right")
	}
}

func ExampleMedium_Fits() {
	medium, _ := dvd.MediumOf("dvd")
	fmt.Println(medium.Fits(900e6, 3e9, 2000))
	fmt.Println(medium.Fits(900e6, 5e9, 2000))
	// Output:
	// <nil>
	// 2000 packages of 5.00 GB and the base image of 900.0 MB do not fit on a DVD, which has room for 4.70 GB
}
