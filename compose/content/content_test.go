package content_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/content"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/kickstart/lint"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/comps"
	"github.com/fedora-respin/respin/repo/index"
)

// pkg is one package of a test's repository; versions are "ver-rel".
type pkg struct {
	name, version, arch                      string
	provides, requires, recommends, suggests string // with commas; "name = 1-1" has a version
	supplements, conflicts                   string
	size                                     int // MiB
}

// primary writes primary.xml.
func primary(pkgs []pkg) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="%d">`, len(pkgs))
	escape := strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;")
	for i, p := range pkgs {
		if p.version == "" {
			p.version = "1-1"
		}
		if p.arch == "" {
			p.arch = "x86_64"
		}
		ver, rel, _ := strings.Cut(p.version, "-")
		fmt.Fprintf(&b, `<package type="rpm"><name>%s</name><arch>%s</arch><version epoch="0" ver="%s" rel="%s"/><checksum type="sha256" pkgid="YES">%064d</checksum>`+
			`<summary/><description/><packager/><url/><time file="1" build="1"/><size package="%d" installed="%d" archive="1"/><location href="%s.rpm"/><format><rpm:license/>`,
			p.name, p.arch, ver, rel, i+1, p.size<<19, p.size<<20, p.name)
		deps := func(kind, list string) {
			if list == "" {
				return
			}
			fmt.Fprintf(&b, "<rpm:%s>", kind)
			for d := range strings.SplitSeq(list, ",") {
				name, version, ok := strings.Cut(d, " = ")
				if strings.HasPrefix(d, "(") || !ok {
					fmt.Fprintf(&b, `<rpm:entry name="%s"/>`, escape.Replace(d))
					continue
				}
				v, r, _ := strings.Cut(version, "-")
				fmt.Fprintf(&b, `<rpm:entry name="%s" flags="EQ" epoch="0" ver="%s" rel="%s"/>`, name, v, r)
			}
			fmt.Fprintf(&b, "</rpm:%s>", kind)
		}
		self := p.name + " = " + p.version
		if p.provides != "" {
			self += "," + p.provides
		}
		deps("provides", self)
		deps("requires", p.requires)
		deps("recommends", p.recommends)
		deps("suggests", p.suggests)
		deps("supplements", p.supplements)
		deps("conflicts", p.conflicts)
		b.WriteString("</format></package>")
	}
	return b.String() + "</metadata>"
}

const groups = `<comps>
<group><id>core</id><name>Core</name><packagelist><packagereq type="mandatory">bash</packagereq><packagereq type="default">vim</packagereq>
<packagereq type="optional">emacs</packagereq><packagereq type="conditional" requires="vim">vim-help</packagereq><packagereq type="default" arch="s390x">s390</packagereq></packagelist></group>
<group><id>desk</id><name>The Desk</name><packagelist><packagereq type="default">desk</packagereq><packagereq>gone</packagereq></packagelist></group>
<group><id>extra</id><name>Extra</name><packagelist><packagereq type="default">extra</packagereq></packagelist></group>
<environment><id>desk-environment</id><name>Desk</name><grouplist><groupid>desk</groupid></grouplist><optionlist><groupid default="true">extra</groupid><groupid>other</groupid></optionlist></environment>
</comps>`

// load makes the content of test repositories, one after the other.
func load(t *testing.T, repos ...[]pkg) *content.Content {
	t.Helper()
	var list []check.Repo
	for i, pkgs := range repos {
		ix, err := index.Build(t.Context(), strings.NewReader(primary(pkgs)), 0)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, check.Repo{Name: fmt.Sprint("repo", i), Index: ix})
	}
	c, err := comps.Read(strings.NewReader(groups))
	if err != nil {
		t.Fatal(err)
	}
	return content.New("x86_64", list, c, nil)
}

// forecast computes what a %packages section comes to.
func forecast(t *testing.T, c *content.Content, section string) lint.Forecast {
	t.Helper()
	doc, err := kickstart.Parse("x.ks", []byte("%packages "+section+"\n%end\n"), kickstart.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Forecast(t.Context(), doc.Packages())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// small is a repository with something of everything.
func small() []pkg {
	return []pkg{
		{name: "bash", size: 10, provides: "/bin/sh", requires: "libc.so"},
		{name: "glibc", size: 20, provides: "libc.so", requires: "langpack", suggests: "glibc-minimal-langpack"},
		{name: "glibc-aa", provides: "langpack"},
		{name: "glibc-minimal-langpack", provides: "langpack", size: 1},
		{name: "glibc", arch: "i686", provides: "libc.so"},
		{name: "vim", version: "8-1", size: 5},
		{name: "vim", version: "9-1", size: 7, requires: "(vim-data if desk),/bin/sh", recommends: "vim-extra,nothing-has-it"},
		{name: "vim-data", arch: "noarch"},
		{name: "vim-help", arch: "noarch"},
		{name: "vim-extra", arch: "noarch"},
		{name: "emacs", requires: "(emacs-nox or emacs-gtk)"},
		{name: "emacs-gtk"},
		{name: "emacs-nox"},
		{name: "desk", requires: "rpmlib(X),(toolkit = 2-1 with theme),missing.so"},
		{name: "kit-a", provides: "toolkit = 2-1"},
		{name: "kit-b", provides: "toolkit = 2-1,theme"},
		{name: "desk-lang", supplements: "(desk and langpack)"},
		{name: "extra", arch: "noarch", requires: "nano"},
		{name: "nano"},
		{name: "s390"},
		{name: "foreign", arch: "aarch64"},
		{name: "src", arch: "src"},
	}
}

func TestForecastFollowsDependencies(t *testing.T) {
	t.Parallel()
	c := load(t, small())
	base := func(more ...string) []string {
		return slices.Sorted(slices.Values(append(more, "bash", "glibc", "glibc-minimal-langpack")))
	}
	gone := []lint.Missing{{Requirement: "missing.so", By: "desk"}}
	for _, tt := range []struct {
		section string
		want    []string
		missing []lint.Missing
	}{
		{"\nvim", base("vim", "vim-extra", "vim-help"), nil},
		{"--exclude-weakdeps\n@core --nodefaults", base(), nil},
		{"--nocore\nvim\nvim-8", base("vim", "vim-extra"), nil},
		{"--exclude-weakdeps --nocore\nemacs\n-emacs-nox", []string{"emacs", "emacs-gtk"}, nil},
		{"--nocore\nemacs\n-emacs-*", []string{"emacs"}, []lint.Missing{{Requirement: "emacs-nox", By: "emacs", Excluded: "emacs-nox"}}},
		{"--nocore\n@core --optional", base("emacs", "emacs-nox", "vim", "vim-extra", "vim-help"), nil},
		{"--nocore --exclude-weakdeps\n@^desk-environment\nvim", base("desk", "extra", "kit-b", "nano", "vim", "vim-data"), gone},
		{"--nocore\n@^Desk\n-@extra\nbash", base("desk", "desk-lang", "kit-b"), gone},
		{"--nocore\nextra\n-nano", []string{"extra"}, []lint.Missing{{Requirement: "nano", By: "extra", Excluded: "nano"}}},
		{"--nocore\nglibc.i686\nforeign\nsrc\nno-such\n@no-such", []string{"glibc"}, nil},
	} {
		f := forecast(t, c, tt.section)
		if diff := cmp.Diff(tt.want, f.Packages); diff != "" {
			t.Errorf("%q: packages (-want +got):\n%s", tt.section, diff)
		}
		if diff := cmp.Diff(tt.missing, f.Missing); diff != "" {
			t.Errorf("%q: missing (-want +got):\n%s", tt.section, diff)
		}
	}
	f := forecast(t, c, "--exclude-weakdeps --nocore\nvim")
	if f.Installed != (10+20+1+7)<<20 || f.Download != f.Installed/2 {
		t.Errorf("installed %d, download %d", f.Installed>>20, f.Download>>20)
	}
}

func TestNewerVersionsOfAnotherRepoAreTaken(t *testing.T) {
	t.Parallel()
	side := []pkg{{name: "vim", version: "10-1", size: 100, requires: "gone"}}
	f := forecast(t, load(t, small(), side), "--nocore\nvim")
	if f.Installed != 100<<20 || len(f.Missing) != 1 {
		t.Errorf("%+v", f)
	}
}

func TestLookups(t *testing.T) {
	t.Parallel()
	c := load(t, small())
	for spec, want := range map[string]string{
		"vim": "yes", "vim*": "yes", "vi[mn]": "yes", "glibc.i686": "yes", "vim.aarch64": "no", "vim-9": "yes", "vim-9-1": "yes", "vim-0:9-1": "yes", "vim-9-1.x86_64": "yes",
		"vim-7": "no", "langpack": "yes", "/bin/sh": "yes", "/no/such": "no", "foreign": "no", "src": "no", "vmi": "no, vim", "emacs-xon": "no, emacs-nox", "x*": "no", "*.i686": "yes", "v*.noarch": "yes", "e*.i686": "no",
	} {
		found, near := c.HasPackage(spec)
		got := map[bool]string{true: "yes", false: "no"}[found]
		if near != "" {
			got += ", " + near
		}
		if got != want {
			t.Errorf("package %s: %s, want %s", spec, got, want)
		}
	}
	for id, want := range map[string]bool{"core": true, "The Desk": true, "cor": false, "": false} {
		if got, near := c.HasGroup(id); got != want || id == "cor" && near != "core" {
			t.Errorf("group %q: %v, %q", id, got, near)
		}
	}
	for id, want := range map[string]bool{"desk-environment": true, "Desk": true, "desk": false} {
		if got, near := c.HasEnvironment(id); got != want || id == "desk" && near != "desk-environment" {
			t.Errorf("environment %q: %v, %q", id, got, near)
		}
	}
	if owners, known, err := c.UnitOwners(t.Context(), "sshd.service"); owners != nil || known || err != nil {
		t.Errorf("units without file lists: %v, %v, %v", owners, known, err)
	}
	bare := content.New("x86_64", nil)
	if ok, _ := bare.HasGroup("any"); !ok || bare.HasGroups() {
		t.Error("without comps nothing can be said about groups")
	}
}

// TestRealRepository: CentOS Stream 9 BaseOS.
func TestRealRepository(t *testing.T) {
	t.Parallel()
	r, err := repo.OpenDir(filepath.Join(shareddata.Dir(t, "repodata"), "cs9-baseos"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := content.Load(t.Context(), index.Cache{}, "x86_64", check.Source{Name: "baseos", Repo: r})
	if err != nil {
		t.Fatal(err)
	}
	f := forecast(t, c, "\nkernel")
	if len(f.Missing) > 0 || len(f.Packages) < 250 || f.Installed < 600<<20 || f.Installed > 900<<20 {
		t.Errorf("%d packages, %d MiB, missing %v", len(f.Packages), f.Installed>>20, f.Missing)
	}
	for unit, want := range map[string][]string{"sshd.service": {"openssh-server"}, "getty@tty1.service": {"systemd"}, "no-such.service": nil} {
		if owners, known, err := c.UnitOwners(t.Context(), unit); !known || err != nil || !cmp.Equal(owners, want) {
			t.Errorf("%s: %v, %v, %v", unit, owners, known, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Forecast(ctx, kickstart.Packages{}); err == nil {
		t.Error("a canceled forecast succeeded")
	}
}

func TestDamagedFileListsCostOnlyThePaths(t *testing.T) {
	t.Parallel()
	ix, err := index.Build(t.Context(), strings.NewReader(primary([]pkg{{name: "hello", requires: "/opt/x,gone"}})), 0)
	if err != nil {
		t.Fatal(err)
	}
	damaged := errors.New("open-checksum is wrong")
	c := content.New("x86_64", []check.Repo{{Name: "os", Index: ix, Paths: func(context.Context) (*index.Paths, error) { return nil, damaged }}})
	f, err := c.Forecast(t.Context(), kickstart.Packages{Packages: []string{"hello"}, NoCore: true})
	if err != nil || len(f.Missing) != 1 || f.Missing[0].Requirement != "gone" {
		t.Errorf("%+v, %v", f, err)
	}
	if _, known, err := c.UnitOwners(t.Context(), "x.service"); known || err != nil {
		t.Errorf("known %v, %v", known, err)
	}
	if list := c.Unread(); len(list) != 1 || !errors.Is(list[0], damaged) {
		t.Errorf("%v", list)
	}
}

func ExampleContent_Forecast() {
	ix, err := index.Build(context.Background(), strings.NewReader(primary([]pkg{
		{name: "hello", size: 2, requires: "libhello.so"},
		{name: "libhello", size: 1, provides: "libhello.so"},
	})), 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	c := content.New("x86_64", []check.Repo{{Name: "os", Index: ix}})
	f, err := c.Forecast(context.Background(), kickstart.Packages{Packages: []string{"hello"}, NoCore: true})
	fmt.Println(f.Packages, f.Installed>>20, "MiB", err)
	// Output: [hello libhello] 3 MiB <nil>
}

func TestSelectTellsPackagesAndWhatIsMissing(t *testing.T) {
	t.Parallel()
	c := load(t, small(), []pkg{{name: "vim", version: "10-1"}, {name: "new", requires: "nano"}})
	s, err := c.Select(t.Context(), kickstart.Packages{
		NoCore: true, Packages: []string{"new", "vim", "bash*", "nothing", "nope*"}, Excluded: []string{"glibc-aa"},
		Groups: []kickstart.Group{{Name: "extra"}, {Name: "no-group"}}, Environment: "no-environment",
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range s.Packages {
		got = append(got, fmt.Sprintf("%s from %d", p, p.Repo))
	}
	want := []string{
		"bash-1-1.x86_64 from 0", "extra-1-1.noarch from 0", "glibc-1-1.x86_64 from 0", "glibc-minimal-langpack-1-1.x86_64 from 0",
		"nano-1-1.x86_64 from 0", "new-1-1.x86_64 from 1", "vim-10-1.x86_64 from 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"nothing", "@no-group", "@^no-environment"}, s.Unknown); diff != "" || len(s.Missing) != 0 {
		t.Errorf("unknown: (-want +got)\n%s, missing %v", diff, s.Missing)
	}
	s, err = c.Select(t.Context(), kickstart.Packages{NoCore: true, Environment: "desk-environment"})
	if err != nil || len(s.Missing) != 1 || s.Missing[0].Requirement != "missing.so" || s.Missing[0].By != "desk" {
		t.Errorf("%v: missing %+v", err, s.Missing)
	}
	if c.Comps().Group("core") == nil {
		t.Error("the groups are lost")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Select(ctx, kickstart.Packages{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
