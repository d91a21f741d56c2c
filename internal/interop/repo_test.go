//go:build interop

package interop_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
)

// repoTool finds a tool of this file or gives the test up.
func repoTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		shareddata.Missing(t, "the program "+name)
	}
	return path
}

func runTool(t *testing.T, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// metadata returns the plain content of the three core files.
func metadata(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, kind := range []string{"primary", "filelists", "other"} {
		in, err := r.Stream(t.Context(), kind)
		if err != nil {
			t.Fatal(err)
		}
		if out[kind], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// chunks cuts a metadata file at its packages, so that a difference shows the
// package it is in.
func chunks(data []byte) []string {
	return strings.SplitAfter(string(data), "</package>\n")
}

func compareMetadata(t *testing.T, theirs, ours string) {
	t.Helper()
	want, got := metadata(t, theirs), metadata(t, ours)
	for kind := range want {
		if bytes.Equal(want[kind], got[kind]) {
			continue
		}
		a, b := chunks(want[kind]), chunks(got[kind])
		shown := 0
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] && shown < 3 {
				shown++
				t.Errorf("%s, package %d (-createrepo_c +ours):\n%s", kind, i, cmp.Diff(a[i], b[i]))
			}
		}
		if len(a) != len(b) {
			t.Errorf("%s: createrepo_c has %d packages, we have %d", kind, len(a)-1, len(b)-1)
		}
	}
}

// bothRepos indexes dir with createrepo_c and with us and compares. The 0.17
// series of Debian judges; its pre rule is selected.
func bothRepos(t *testing.T, dir string, opts repo.Options, args ...string) *repo.Report {
	t.Helper()
	judge := repoTool(t, "createrepo_c")
	theirs := t.TempDir()
	argv := append([]string{judge, "-q", "--no-database", "-o", theirs}, args...)
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--changelog-limit") }) {
		argv = append(argv, "--changelog-limit=10") // the default of 2.x
	}
	runTool(t, append(argv, dir)...)
	if strings.HasPrefix(runTool(t, judge, "--version"), "Version: 0.") {
		opts.Pre = repo.Pre017
	}
	rep, err := repo.Create(t.Context(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	compareMetadata(t, theirs, dir)
	return rep
}

// linkData fills a directory with links to the RPMs of the shared data, some
// of them in folders.
func linkData(t *testing.T) (dir string, files int) {
	t.Helper()
	dir = t.TempDir()
	names, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "rpms"), "*.rpm"))
	if err != nil || len(names) < 100 {
		t.Fatalf("%d RPMs: %v", len(names), err)
	}
	for i, n := range names {
		sub := filepath.Join(dir, []string{"", "a", "a/b", "Packages/x"}[i%4])
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(n, filepath.Join(sub, filepath.Base(n))); err != nil {
			t.Fatal(err)
		}
	}
	return dir, len(names)
}

func TestRepoEqualsCreaterepoOnEveryReadableRPM(t *testing.T) {
	t.Parallel()
	dir, files := linkData(t)
	rep := bothRepos(t, dir, repo.Options{})
	if rep.Packages < 240 || rep.Packages+len(rep.Skipped) != files {
		t.Errorf("%d packages and %d skipped of %d files", rep.Packages, len(rep.Skipped), files)
	}
	for _, c := range []repo.Compression{repo.Gzip, repo.XZ, repo.None} {
		before := metadata(t, dir)
		if _, err := repo.Create(t.Context(), dir, repo.Options{Compression: c, Pre: repo.Pre017, KeepOld: -1}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, metadata(t, dir)); diff != "" {
			t.Errorf("%s differs from zstd", c)
		}
	}
}

func TestRepoOptionsEqualCreaterepo(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "list")
	pkgs := []string{"b/two-1-1.noarch.rpm", "one-1-1.noarch.rpm", "a/b/three-1-1.noarch.rpm"}
	if err := os.WriteFile(list, []byte(strings.Join(pkgs, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		opts repo.Options
		args []string
	}{
		"sha512":          {repo.Options{Checksum: "sha512"}, []string{"--checksum=sha512"}},
		"all changelogs":  {repo.Options{ChangelogLimit: repo.AllChangelogs}, []string{"--changelog-limit=-1"}},
		"no changelogs":   {repo.Options{ChangelogLimit: repo.NoChangelogs}, []string{"--changelog-limit=0"}},
		"two changelogs":  {repo.Options{ChangelogLimit: 2}, []string{"--changelog-limit=2"}},
		"baseurl":         {repo.Options{BaseURL: "https://example.org/r?a=1&b=ü"}, []string{"--baseurl=https://example.org/r?a=1&b=ü"}},
		"baseurl path":    {repo.Options{BaseURL: "/srv/r"}, []string{"--baseurl=/srv/r"}},
		"location prefix": {repo.Options{LocationPrefix: "x/y/"}, []string{"--location-prefix=x/y/"}},
		"cut dirs":        {repo.Options{CutDirs: 1}, []string{"--cut-dirs=1"}},
		"cut many dirs":   {repo.Options{CutDirs: 5}, []string{"--cut-dirs=5"}},
		"cut and prefix":  {repo.Options{CutDirs: 1, LocationPrefix: "p"}, []string{"--cut-dirs=1", "--location-prefix=p"}},
		"exclude name":    {repo.Options{Excludes: []string{"t*"}}, []string{"--excludes=t*"}},
		"exclude path":    {repo.Options{Excludes: []string{"a/*"}}, []string{"--excludes=a/*"}},
		"exclude folder":  {repo.Options{Excludes: []string{"?"}}, []string{"--excludes=?"}},
		"pkglist":         {repo.Options{PkgList: pkgs}, []string{"--pkglist=" + list}},
		"skip symlinks":   {repo.Options{SkipSymlinks: true}, []string{"--skip-symlinks"}},
		"plain":           {repo.Options{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, p := range []string{"one-1-1", "b/two-1-1", "a/b/three-1-1", "c/one-1-1", "a/ä <&>'\"-1-1"} {
				writeRPM(t, filepath.Join(dir, p+".noarch.rpm"), spec(filepath.Base(p)))
			}
			if err := os.Symlink("one-1-1.noarch.rpm", filepath.Join(dir, "link.rpm")); err != nil {
				t.Fatal(err)
			}
			bothRepos(t, dir, tc.opts, tc.args...)
		})
	}
}

func spec(name string) rpmtest.Spec {
	return rpmtest.Spec{
		Name: name, Version: "1", Release: "1",
		Files: []rpmtest.File{{Path: "/usr/bin/" + name, Mode: 0o755, Data: []byte("x")}, {Path: "/usr/share/" + name}},
		Changelogs: []rpm.Changelog{
			{Time: 300, Author: "QA <qa@example.org> - 3  ", Text: "- c"},
			{Time: 200, Author: "QA <qa@example.org> - 2", Text: "- b2"},
			{Time: 200, Author: "QA <qa@example.org> - 2", Text: "- b1"},
			{Time: 200, Author: "QA <qa@example.org> - 2", Text: "- b0"},
			{Time: 100, Author: " ", Text: "- a"},
		},
	}
}

func writeRPM(t *testing.T, path string, s rpmtest.Spec) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, rpmtest.Build(s), 0o644); err != nil {
		t.Fatal(err)
	}
}

// oddStrings go into every place of a package in turn.
func oddStrings() []string {
	return []string{
		"tab\there", "two\nlines", "cr\r\nlf", `q"uo'te`, "a<b>&amp;c", "Zoë Ü €  😀", "lat\xedn1 \x80\x9f\xff",
		" spaces ", "]]>", "\u00a0nbsp\u0085nel\u2028", "del\x7f", "trunc\xe2\x82", "<!-- c -->", "&#10;", "mixed é \xe9",
		"tab\tand é", "\ttab first", "trailing\xc3",
	}
}

func TestRepoEscapesLikeCreaterepo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, odd := range oddStrings() {
		s := rpmtest.Spec{
			Name: fmt.Sprintf("odd%02d", i), Version: "1", Release: "1", Epoch: uint32(i % 3), Arch: "x86_64",
			Summary: odd, Description: odd + "\n" + odd, License: odd, Vendor: odd, URL: odd, Group: odd, Packager: odd, BuildHost: odd,
			Provides:   []rpm.Dependency{{Name: odd}, {Name: "v", Flags: rpm.DepEqual, EVR: odd}},
			Files:      []rpmtest.File{{Path: "/usr/bin/" + odd}, {Path: "/usr/share/" + odd, Flags: rpm.FileGhost}, {Path: "/d/" + odd, Mode: 0o40755}},
			Changelogs: []rpm.Changelog{{Time: 5, Author: odd, Text: odd}},
		}
		writeRPM(t, filepath.Join(dir, fmt.Sprintf("odd%02d.rpm", i)), s)
	}
	rep := bothRepos(t, dir, repo.Options{})
	if rep.Packages != len(oddStrings()) {
		t.Errorf("%d packages: %v", rep.Packages, rep.Skipped)
	}
}

func TestRepoControlCharactersDropThePackageAsCreaterepoDoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "good.rpm"), spec("good"))
	bad := spec("bad")
	bad.Description = "bell\a"
	writeRPM(t, filepath.Join(dir, "bad.rpm"), bad)
	old := spec("old") // the entry is past the limit: nobody sees it
	for i := range 10 {
		old.Changelogs = append([]rpm.Changelog{{Time: int64(1000 + i), Author: "QA", Text: "- x"}}, old.Changelogs...)
	}
	old.Changelogs[len(old.Changelogs)-1].Text = "bell\a"
	writeRPM(t, filepath.Join(dir, "old.rpm"), old)
	rep := bothRepos(t, dir, repo.Options{})
	if rep.Packages != 2 || len(rep.Skipped) != 1 || rep.Skipped[0].Path != "bad.rpm" {
		t.Errorf("%d packages, skipped %v", rep.Packages, rep.Skipped)
	}
}

func TestRepoFiltersDependenciesLikeCreaterepo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dep := func(name string, flags rpm.DepFlags, evr string) rpm.Dependency {
		return rpm.Dependency{Name: name, Flags: flags, EVR: evr}
	}
	requires := []rpm.Dependency{
		dep("libc.so.6()(64bit)", 0, ""), dep("libc.so.6(GLIBC_2.9)(64bit)", 0, ""), dep("libc.so.6(GLIBC_2.34)(64bit)", 0, ""),
		dep("libc.so.6(GLIBC_2.4)(64bit)", 0, ""), dep("libc.so.6(GLIBC_PRIVATE)(64bit)", 0, ""), dep("libc.so.6", 0, ""),
		dep("/usr/bin/own", 0, ""), dep("/usr/share/own", 0, ""), dep("/usr/bin/other", rpm.DepScriptPre, ""),
		dep("dup", 0, ""), dep("dup", 0, ""), dep("dup", rpm.DepScriptPost, ""), dep("dup", 0, ""),
		dep("sp", rpm.DepEqual, "1"), dep("sp", rpm.DepEqual, "2"), dep("sp", 0, ""),
		dep("pre", rpm.DepPrereq, ""), dep("preun", rpm.DepScriptPreun, ""), dep("pretrans", rpm.DepPretrans, ""), dep("posttrans", rpm.DepPosttrans, ""),
		dep("ep", rpm.DepGreater|rpm.DepEqual, "3:1.0-2"), dep("ep0", rpm.DepLess, ":1.0"), dep("epspace", rpm.DepLess, " 7:1.0"), dep("epsign", rpm.DepLess, "-7:1.0"),
		dep("badep", rpm.DepLess, "x:1.0"), dep("badep2", rpm.DepLess, "1x:1.0"), dep("hy", rpm.DepEqual, "1-2-3"), dep("empty", rpm.DepEqual, ""),
		dep("rel", rpm.DepEqual, "-5"), dep("noflags", 0, "1.0"), dep("ne", rpm.DepLess|rpm.DepGreater, "1.0"),
		dep("missing", rpm.DepMissingOK, ""), dep("missing", rpm.DepMissingOK, ""), dep("(a or (b if c))", 0, ""), dep("", 0, ""),
	}
	s := rpmtest.Spec{
		Name: "deps", Version: "1", Release: "1", Requires: requires, Conflicts: requires, Obsoletes: requires,
		Provides: []rpm.Dependency{dep("sp", rpm.DepEqual, "1"), dep("bad", rpm.DepEqual, "q:1"), dep("sp", rpm.DepEqual, "1")},
		Suggests: requires, Enhances: requires, Recommends: requires, Supplements: []rpm.Dependency{dep("", 0, "")},
		Files: []rpmtest.File{
			{Path: "/usr/bin/own"},
			{Path: "/usr/share/own"},
			{Path: "/etc/own.conf"},
			{Path: "/usr/lib/sendmail"},
			{Path: "/opt/x/mybin/q"},
			{Path: "/etc", Mode: 0o40755},
			{Path: "/etc/ghostdir", Mode: 0o40755, Flags: rpm.FileGhost},
			{Path: "/etc/ghost", Flags: rpm.FileGhost},
		},
	}
	writeRPM(t, filepath.Join(dir, "deps.rpm"), s)
	for i := range requires {
		one := rpmtest.Spec{Name: "one", Version: "1", Release: fmt.Sprint(i), Requires: requires[i : i+1], Provides: requires[:i], Arch: "x86_64"}
		writeRPM(t, filepath.Join(dir, fmt.Sprintf("one%d.rpm", i)), one)
		two := rpmtest.Spec{Name: "two", Version: "1", Release: fmt.Sprint(i), Requires: append(slices.Clone(requires[i:]), requires[:i]...)}
		writeRPM(t, filepath.Join(dir, fmt.Sprintf("two%d.rpm", i)), two)
	}
	bothRepos(t, dir, repo.Options{})
}

// TestRepomdEqualsCreaterepo compares repomd.xml up to the first checksum; the
// compressed files differ with the compressor.
func TestRepomdEqualsCreaterepo(t *testing.T) {
	t.Parallel()
	judge := repoTool(t, "createrepo_c")
	dir, theirs := t.TempDir(), t.TempDir()
	writeRPM(t, filepath.Join(dir, "one.rpm"), spec("one"))
	runTool(t, judge, "-q", "--no-database", "-o", theirs, "--revision=1700000000", "--set-timestamp-to-revision", "--simple-md-filenames",
		"--distro=cpe:/o:example:v<\"1,Uni <1>", "--distro=plain", "--content=c1", "--content=c&2", "--repo=r1", dir)
	_, err := repo.Create(t.Context(), dir, repo.Options{
		Compression: repo.Gzip, Revision: "1700000000", TimestampToRevision: true, SimpleFilenames: true,
		DistroTags:  []repo.DistroTag{{CPEID: "cpe:/o:example:v<\"1", Name: "Uni <1>"}, {Name: "plain"}},
		ContentTags: []string{"c1", "c&2"}, RepoTags: []string{"r1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want, got := repomdShape(t, theirs), repomdShape(t, dir)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("repomd.xml (-createrepo_c +ours):\n%s", diff)
	}
	for _, n := range []string{"repomd.xml", "primary.xml.gz"} {
		st, err := os.Stat(filepath.Join(dir, "repodata", n))
		if err != nil || st.ModTime().Unix() != 1700000000 {
			t.Errorf("%s: %v %v", n, st, err)
		}
	}
}

// repomdShape drops the two lines that depend on the compressor.
func repomdShape(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "repodata", "repomd.xml"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.SplitAfter(string(data), "\n"), func(l string) bool {
		l = strings.TrimSpace(l)
		return strings.HasPrefix(l, "<checksum ") || strings.HasPrefix(l, "<size>")
	})
}

// TestDnfInstallsFromASideRepo lets dnf, offline, list a side repo, choose
// from it and fetch from it.
func TestDnfInstallsFromASideRepo(t *testing.T) {
	t.Parallel()
	dnf := repoTool(t, "dnf")
	in, dir, root := t.TempDir(), filepath.Join(t.TempDir(), "repo"), t.TempDir()
	var items []siderepo.Item
	for _, s := range []rpmtest.Spec{
		{Name: "hello", Version: "1.0^git1", Release: "1.fc44", Epoch: 1, Requires: rpmtest.Deps("libhello >= 2", "/usr/bin/greet"), Files: []rpmtest.File{{Path: "/usr/bin/hello", Mode: 0o755, Data: []byte("hi")}}},
		{Name: "libhello", Version: "2.0", Release: "1.fc44"},
		{Name: "greet", Version: "0~rc1", Release: "1.fc44", Files: []rpmtest.File{{Path: "/usr/bin/greet", Mode: 0o755}}},
	} {
		path := filepath.Join(in, s.Name+".rpm")
		writeRPM(t, path, s)
		items = append(items, siderepo.Item{Path: path, Name: s.Name + "-" + s.Version + "-" + s.Release + ".noarch.rpm"})
	}
	for _, c := range []repo.Compression{repo.Gzip, repo.Zstd} {
		side, err := siderepo.Write(t.Context(), dir, items, siderepo.Options{ID: "demo", Compression: c})
		if err != nil {
			t.Fatal(err)
		}
		conf := filepath.Join(root, "dnf.conf")
		if err := os.WriteFile(conf, []byte("[main]\npluginpath=/nonexistent\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		base := []string{
			dnf, "--config=" + conf, "--installroot=" + root, "--setopt=reposdir=" + dir, "--setopt=cachedir=" + t.TempDir(),
			"--repo=respin-demo", "--releasever=44", "--forcearch=x86_64", "--setopt=module_platform_id=platform:f44", "-y",
		}
		list := runTool(t, append(base, "repoquery", "--qf", "%{epoch}:%{name}-%{version}-%{release} %{location}")...)
		for _, p := range side.Packages {
			want := fmt.Sprintf("%d:%s-%s-%s %s", p.NEVRA.EVR.Epoch, p.NEVRA.Name, p.NEVRA.EVR.Version, p.NEVRA.EVR.Release, p.Location)
			if !strings.Contains(list, want+"\n") {
				t.Errorf("%s: repoquery lacks %q:\n%s", c, want, list)
			}
		}
		// The whole closure is chosen: a versioned provide and a file of primary.xml.
		got := t.TempDir()
		out := runTool(t, append(base, "install", "--downloadonly", "--downloaddir="+got, "hello")...)
		if files, err := filepath.Glob(filepath.Join(got, "*.rpm")); err != nil || len(files) != 3 {
			t.Errorf("%s: fetched %q, %v", c, files, err)
		}
		for _, p := range []string{"hello", "libhello", "greet"} {
			if !strings.Contains(out, p) {
				t.Errorf("%s: the transaction lacks %s:\n%s", c, p, out)
			}
		}
	}
}

// TestReadsCentOSRepodata reads what another tool wrote, checksums and all.
func TestReadsCentOSRepodata(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"cs9-appstream": 17649, "cs9-baseos": 1125} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := repo.OpenDir(filepath.Join(shareddata.Dir(t, "repodata"), name))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for e, err := range r.Primary(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Name == "" || e.Arch == "" || len(e.Checksum.Value) != 64 || e.Size == 0 || e.EVR.Version == "" || len(e.Provides) == 0 {
					t.Fatalf("incomplete entry %+v", e)
				}
				n++
			}
			if n != want {
				t.Errorf("%d packages, want %d", n, want)
			}
		})
	}
}
