//go:build interop

package interop_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/dvd"
	"github.com/fedora-respin/respin/compose/productmd"
	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/comps"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// realDVD makes a DVD of real packages on the stand-in's boot.iso.
func realDVD(t *testing.T, change func(*dvd.Job)) (*dvd.Result, dvd.Job) {
	t.Helper()
	base := baseISO(t)
	list, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "rpms"), "*.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	job := dvd.Job{
		BaseISO: base, Output: filepath.Join(t.TempDir(), "Fedora-44-dvd-x86_64.iso"), Arch: "x86_64", VolID: "Fedora-44-dvd-x86_64",
		Product: productmd.Product{Name: "Fedora", Short: "Fedora", Version: "44"}, Variant: "Server", BootArgs: []string{"console=ttyS0,115200"},
		Time: time.Unix(1767225600, 0),
		Comps: &comps.Comps{Groups: []comps.Group{
			{ID: "core", Name: comps.Text{"": "Core"}, UserVisible: true, Packages: []comps.Package{{Name: "tool", Type: comps.Mandatory}}},
			{ID: "lacks", Name: comps.Text{"": "Lacks"}, UserVisible: true, Packages: []comps.Package{{Name: "gone", Type: comps.Mandatory}}},
		}},
	}
	seen := map[string]bool{}
	for _, path := range list {
		p, err := rpm.Open(path)
		if err != nil || p.Source || p.FileSize > 1<<20 || strings.HasPrefix(p.Name, "SpecCheck") || len(job.Packages) >= 40 || p.Arch != "noarch" && p.Arch != "x86_64" {
			continue
		}
		if name := p.NEVRA().FileName(); !seen[name] {
			seen[name] = true
			job.Packages = append(job.Packages, dvd.Package{Path: path, Name: name})
		}
	}
	own := filepath.Join(t.TempDir(), "tool-1-1.x86_64.rpm")
	put(t, own, rpmtest.Build(rpmtest.Spec{Name: "tool", Version: "1", Release: "1", Arch: "x86_64", Files: []rpmtest.File{{Path: "/usr/bin/tool", Data: []byte("tool")}}}))
	job.Packages = append(job.Packages, dvd.Package{Path: own})
	if change != nil {
		change(&job)
	}
	res, err := dvd.Make(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	return res, job
}

func TestDVDBootsAndItsRepositoryIsWhole(t *testing.T) {
	t.Parallel()
	res, job := realDVD(t, nil)
	want := dvd.Want{VolID: job.VolID, Arch: job.Arch, Product: job.Product, SHA256: map[string]string{}}
	for _, p := range res.Packages {
		want.SHA256[filepath.Base(p.Path)] = p.SHA256
	}
	if len(want.SHA256) < 20 {
		t.Fatalf("only %d packages", len(want.SHA256))
	}
	want.Package = func(_, _ string, r io.Reader) error {
		_, err := rpm.Verify(r, rpm.VerifyOptions{})
		return err
	}
	if err := dvd.Check(t.Context(), res.Path, want); err != nil {
		t.Fatal(err)
	}
	if out, err := tool(t, "checkisomd5", res.Path); err != nil || !strings.Contains(out, "PASS") {
		t.Errorf("checkisomd5: %v %s", err, out)
	}
	for _, as := range []struct {
		firmware smoke.Firmware
		medium   smoke.Medium
	}{{smoke.BIOS, smoke.CDROM}, {smoke.UEFI, smoke.Disk}} {
		console := boot(t, res.Path, as.firmware, as.medium, composetest.MarkOK)
		if !slices.ContainsFunc(console, func(l string) bool { return strings.HasPrefix(l, "repo: ") && strings.HasSuffix(l, " primary=ok") }) {
			t.Errorf("%s as %s: no repository was found:\n%s", as.firmware, as.medium, strings.Join(console, "\n"))
		}
		for _, p := range res.Packages {
			if line := "rpm: /" + p.Path + " sha256=" + p.SHA256 + " primary=ok"; !slices.Contains(console, line) {
				t.Errorf("%s as %s: the installer does not find %s", as.firmware, as.medium, p.Path)
			}
		}
	}
}

func TestDVDIsTheSameTwice(t *testing.T) {
	t.Parallel()
	first, _ := realDVD(t, nil)
	again, _ := realDVD(t, func(j *dvd.Job) { slices.Reverse(j.Packages) })
	if first.SHA256 != again.SHA256 {
		t.Error("two media of one job differ")
	}
}

// TestProductmdLoadsADVD has productmd load the folder of a DVD as a compose, and
// the medium's .treeinfo and .discinfo; dnf reads its groups.
func TestProductmdLoadsADVD(t *testing.T) {
	t.Parallel()
	res, job := realDVD(t, nil)
	tree := t.TempDir()
	if out, err := tool(t, "xorriso", "-osirrox", "on", "-indev", "stdio:"+res.Path, "-extract", "/", tree); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const script = `
import sys, productmd.compose, productmd.treeinfo, productmd.discinfo
c = productmd.compose.Compose(sys.argv[1])
print(c.info.compose.id, sorted(c.info.variants), c.info.release.short)
image, = c.images["Server"]["x86_64"]
print(image.path, image.type, image.volume_id, image.implant_md5, image.bootable)
print(sum(len(x) for x in c.rpms["Server"]["x86_64"].values()))
t = productmd.treeinfo.TreeInfo()
t.load(sys.argv[2] + "/.treeinfo")
print(t, t.variants["Server"].paths.packages, t.variants["Server"].paths.repository, t.stage2.mainimage, t.media.discnum, t.media.totaldiscs)
import hashlib
for path, (kind, value) in sorted(t.checksums.checksums.items()):
    assert hashlib.new(kind, open(sys.argv[2] + "/" + path, "rb").read()).hexdigest() == value, path
d = productmd.discinfo.DiscInfo()
d.load(sys.argv[2] + "/.discinfo")
print(d.description, d.arch, d.disc_numbers)
`
	python := filepath.Join(shareddata.Root(t), ".cache", "venv", "bin", "python")
	out, err := exec.CommandContext(t.Context(), python, "-c", script, filepath.Dir(res.Path), tree).CombinedOutput()
	if err != nil {
		t.Fatalf("productmd: %v\n%s", err, out)
	}
	want := strings.Join([]string{
		"Fedora-44-20260101.t.0 ['Server'] Fedora", "Fedora-44-dvd-x86_64.iso dvd Fedora-44-dvd-x86_64 " + res.Checksum.MD5 + " True",
		"", "Fedora-44 Server.x86_64 Packages . images/install.img 1 1", "Fedora 44 x86_64 [1]", "",
	}, "\n")
	lines := strings.Split(string(out), "\n")
	if len(lines) > 2 {
		lines[2] = ""
	}
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("productmd says\n%s\nnot\n%s", got, want)
	}
	dnf(t, tree, job)
}

// TestProductmdTakesEveryKindOfPackage puts what options.include_source, debuginfo
// and multilib bring onto a medium, and has productmd add each entry of rpms.json
// anew: loading checks less than adding does.
func TestProductmdTakesEveryKindOfPackage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	res, _ := realDVD(t, func(j *dvd.Job) {
		j.Packages = nil
		one := func(name, arch string, epoch uint32) rpmtest.Spec {
			return rpmtest.Spec{Name: name, Epoch: epoch, Version: "1", Release: "1", Arch: arch, SourceRPM: "tool-1-1.src.rpm"}
		}
		for _, s := range []rpmtest.Spec{
			one("tool", "x86_64", 3), one("tool", "i686", 3), one("tool-debuginfo", "x86_64", 3), one("tool-debugsource", "x86_64", 3), one("tool-doc", "noarch", 3),
			{Name: "tool", Epoch: 3, Version: "1", Release: "1", Arch: "src"},
		} {
			path := filepath.Join(dir, s.NEVRA().FileName())
			if put(t, path, rpmtest.Build(s)); s.Arch == "src" {
				put(t, path, rpmtest.Source(s))
			}
			j.Packages = append(j.Packages, dvd.Package{Path: path})
		}
	})
	const script = `
import os, sys, productmd.compose, productmd.rpms
c = productmd.compose.Compose(sys.argv[1])
again = productmd.rpms.Rpms()
for source, rpms in sorted(c.rpms["Server"]["x86_64"].items()):
    for nevra, r in sorted(rpms.items()):
        again.add("Server", "x86_64", nevra, r["path"], r["sigkey"], r["category"], None if r["category"] == "source" else source)
        print(source, nevra, r["category"], r["path"])
assert again.rpms == c.rpms.rpms
`
	python := filepath.Join(shareddata.Root(t), ".cache", "venv", "bin", "python")
	out, err := exec.CommandContext(t.Context(), python, "-c", script, filepath.Dir(res.Path)).CombinedOutput()
	want := ""
	for _, line := range []string{
		"tool-3:1-1.i686 binary", "tool-3:1-1.src source", "tool-3:1-1.x86_64 binary", "tool-debuginfo-3:1-1.x86_64 debug", "tool-debugsource-3:1-1.x86_64 debug", "tool-doc-3:1-1.noarch binary",
	} {
		nevra, _, _ := strings.Cut(line, " ")
		want += "tool-3:1-1.src " + line + " Packages/t/" + strings.Replace(nevra, "3:", "", 1) + ".rpm\n"
	}
	if err != nil || string(out) != want {
		t.Errorf("productmd: %v\n%s\nnot\n%s", err, out, want)
	}
}

// dnf reads the medium's repository, as the installer does by its library.
func dnf(t *testing.T, tree string, job dvd.Job) {
	t.Helper()
	args := []string{
		"--installroot=" + t.TempDir(), "--repofrompath=medium,file://" + tree, "--repo=medium", "--releasever=44", "--forcearch=" + job.Arch,
		"--setopt=reposdir=/nonexist", "--setopt=cachedir=" + t.TempDir(), "--setopt=module_platform_id=platform:f44", "--nogpgcheck",
	}
	out, err := tool(t, "dnf", append(args, "group", "list", "--ids")...)
	if err != nil || !strings.Contains(out, "(core)") || strings.Contains(out, "(lacks)") {
		t.Errorf("dnf group list: %v\n%s", err, out)
	}
	if out, err = tool(t, "dnf", append(args, "repoquery", "tool")...); err != nil || !strings.Contains(out, "tool-0:1-1.x86_64") {
		t.Errorf("dnf repoquery: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(tree, "media.repo")); err != nil {
		t.Error(err)
	}
}

// smallRelease is a folder with a repository of a release that the update of
// composetest's Fedora is newer than.
func smallRelease(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, s := range []rpmtest.Spec{
		{Name: "bash", Version: "5.2", Release: "1.fc44", Arch: "x86_64", Requires: rpmtest.Deps("libc")},
		{Name: "glibc", Version: "2.42", Release: "1.fc44", Arch: "x86_64", Provides: rpmtest.Deps("libc")},
		{Name: "greeter", Version: "1.0", Release: "1.fc44", Arch: "x86_64"},
	} {
		n := s.NEVRA()
		put(t, filepath.Join(dir, n.FileName()), rpmtest.Build(s))
	}
	put(t, filepath.Join(dir, "comps.xml"), []byte(`<comps><group><id>core</id><packagelist><packagereq>bash</packagereq></packagelist></group></comps>`))
	if _, err := repo.Create(t.Context(), dir, repo.Options{Groupfile: filepath.Join(dir, "comps.xml")}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDVDOfAnUpdateBoots makes a DVD of an update and a release with every back
// end and the real tools, and boots it before it would be published.
func TestDVDOfAnUpdateBoots(t *testing.T) {
	t.Parallel()
	base := baseISO(t)
	dir := smallRelease(t)
	if err := os.Link(base, filepath.Join(dir, "boot.iso")); err != nil {
		data, err := os.ReadFile(base)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, "boot.iso"), data)
	}
	result, out, err := buildHere(t, dir, nil, func(f *composetest.Fedora, url string) compose.Request {
		return compose.Request{
			Kind: compose.KindDVD, Release: "44", Arch: "x86_64", Sources: []string{f.Update}, BootArgs: []string{"console=ttyS0,115200"},
			Repos: []compose.Repo{{ID: "fedora", BaseURL: url + "/"}}, Base: &compose.Base{URL: url + "/boot.iso"}, Options: compose.Options{SmokeBoot: true, Variant: "Server"},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	console, err := os.ReadFile(filepath.Join(out, result.Smoke.Log))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b/bash-5.2-1.fc44.x86_64.rpm", "g/glibc-2.42-1.fc44.x86_64.rpm", "g/greeter-2.3-4.fc44.x86_64.rpm"} {
		if !strings.Contains(string(console), "rpm: /Packages/"+name+" sha256=") {
			t.Errorf("the installer does not find %s:\n%s", name, console)
		}
	}
	if strings.Contains(string(console), "greeter-1.0-1") {
		t.Error("what the update replaces is on the medium")
	}
}

// TestDVDWithItsOwnBootISOBoots has the boot.iso made in the same build, by the
// stand-in of lorax that makes one which boots, and puts the medium of it on with
// the real tools. The installer has the update's packages, and so has Packages/.
func TestDVDWithItsOwnBootISOBoots(t *testing.T) {
	t.Parallel()
	cache := filepath.Dir(baseISO(t))
	runner := standInTools(t, composetest.Settings{Runtime: []string{"bash"}, Bootable: cache})
	var plan *compose.Plan
	result, out, err := buildHere(t, smallRelease(t), runner, func(f *composetest.Fedora, url string) compose.Request {
		return compose.Request{
			Kind: compose.KindDVD, Release: "44", Arch: "x86_64", Sources: []string{f.Update}, Packages: []string{"greeter"}, Require: []string{"greeter>=2.3", "glibc"},
			BootArgs: []string{"console=ttyS0,115200"}, Repos: []compose.Repo{{ID: "fedora", BaseURL: url + "/"}}, Options: compose.Options{SmokeBoot: true, Variant: "Server"},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(out, "plan.json"))
	if err == nil {
		err = json.Unmarshal(data, &plan)
	}
	if err != nil || plan.First == nil {
		t.Fatalf("%v: %s", err, data)
	}
	for _, e := range result.Packages {
		if e.Verdict != compose.VerdictIncluded || e.Installer == nil || e.Name == "greeter" && e.Installer.Verdict != compose.VerdictIncluded {
			t.Errorf("%+v", e)
		}
	}
	image := filepath.Join(out, plan.Image)
	if text, err := tool(t, "checkisomd5", image); err != nil || !strings.Contains(text, "PASS") {
		t.Errorf("checkisomd5: %v %s", err, text)
	}
	// The builder has booted it by BIOS from CD; here by UEFI as a disk.
	console := boot(t, image, smoke.UEFI, smoke.Disk, composetest.MarkOK)
	for _, want := range []string{"rpm: /Packages/g/greeter-2.3-4.fc44.x86_64.rpm sha256=", "rpm: /Packages/b/bash-5.2-1.fc44.x86_64.rpm sha256=", "stage2: /images/install.img sha256="} {
		// The kernel may begin the line.
		if !slices.ContainsFunc(console, func(l string) bool { return strings.Contains(l, want) }) {
			t.Errorf("the console does not say %q:\n%s", want, strings.Join(console, "\n"))
		}
	}
	// The installer on the medium is the one that was proven.
	root := t.TempDir()
	if text, err := tool(t, "xorriso", "-osirrox", "on", "-indev", "stdio:"+image, "-extract", "/images/install.img", filepath.Join(root, "install.img")); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if text, err := tool(t, "unsquashfs", "-cat", filepath.Join(root, "install.img"), "root/lorax-packages.log"); err != nil || !strings.Contains(text, "greeter-2.3-4.fc44.x86_64") {
		t.Errorf("the installer: %v\n%s", err, text)
	}
}

// standInTools puts the stand-in tools before those of this host.
func standInTools(t *testing.T, set composetest.Settings) *proc.Runner {
	t.Helper()
	dir := t.TempDir()
	set.AnyUser = true
	if err := composetest.Link(dir, filepath.Join(standInsBuilt(t), "standin"), set); err != nil {
		t.Fatal(err)
	}
	return &proc.Runner{Env: []string{"PATH=" + dir + ":" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "LANG=C.UTF-8"}, Grace: time.Second}
}
