package kiwi_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/kiwidesc"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
)

// standIns builds the stand-in tools once; each test gets links with settings of
// its own.
type standIns struct {
	once sync.Once
	dir  string
	err  error
}

func (s *standIns) runner(t *testing.T, set composetest.Settings) (*proc.Runner, string) {
	t.Helper()
	s.once.Do(func() {
		if s.dir, s.err = os.MkdirTemp("", "respin-standin-"); s.err == nil { //nolint:usetesting // it outlives the first test
			s.err = composetest.Install(t.Context(), s.dir, composetest.Settings{})
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	set.AnyUser = true
	dir := t.TempDir()
	if err := composetest.Link(dir, filepath.Join(s.dir, "standin"), set); err != nil {
		t.Fatal(err)
	}
	return &proc.Runner{Env: []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "LANG=C.UTF-8"}, Grace: 5 * time.Second}, dir
}

// built is shared by the tests of the package; TestMain removes it.
var built standIns //nolint:gochecknoglobals // one build of the stand-ins for all tests

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

func pkg(name, version, release, arch string, requires ...string) []byte {
	return rpmtest.Build(rpmtest.Spec{
		Name: name, Version: version, Release: release, Arch: arch, Requires: rpmtest.Deps(requires...), Compressor: "zstd",
		Files: []rpmtest.File{{Path: "/usr/share/" + name + "/README", Data: []byte(name + " " + version + "-" + release + "\n")}},
	})
}

// makeRepo writes a repository of RPMs into dir.
func makeRepo(t *testing.T, dir string, rpms map[string][]byte) {
	t.Helper()
	in := t.TempDir()
	var items []siderepo.Item
	for name, data := range rpms {
		path := filepath.Join(in, name+".rpm")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		items = append(items, siderepo.Item{Path: path, Name: name + ".rpm"})
	}
	if _, err := siderepo.Write(t.Context(), dir, items, siderepo.Options{ID: "c1", BaseURL: "https://example.org/", Time: time.Unix(1793000000, 0), Compression: repo.Gzip}); err != nil {
		t.Fatal(err)
	}
}

// release serves a small release. One of its packages is newer than the side repo's.
func release(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	makeRepo(t, dir, map[string][]byte{
		"anaconda-live-44.12-1.fc44.x86_64": pkg("anaconda-live", "44.10", "1.fc44", "x86_64", "bash"),
		"bash-5.3-1.fc44.x86_64":            pkg("bash", "5.3", "1.fc44", "x86_64"),
		"filesystem-3.18-1.fc44.x86_64":     pkg("filesystem", "3.18", "1.fc44", "x86_64"),
		"kernel-6.17.0-1.fc44.x86_64":       pkg("kernel", "6.17.0", "1.fc44", "x86_64"),
		"hello-11-1.fc44.noarch":            pkg("hello", "11", "1.fc44", "noarch"),
		"logos-44-1.fc44.noarch":            pkg("logos", "44", "1.fc44", "noarch"),
	})
	srv := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(srv.Close)
	return srv.URL + "/"
}

// sideRPMs are the builds that are to be in.
func sideRPMs() map[string][]byte {
	return map[string][]byte{
		"anaconda-live-44.12-1.fc44.x86_64": pkg("anaconda-live", "44.12", "1.fc44", "x86_64", "bash"),
		"anaconda-core-44.12-1.fc44.x86_64": pkg("anaconda-core", "44.12", "1.fc44", "x86_64", "bash"),
		"hello-10-1.fc44.noarch":            pkg("hello", "10", "1.fc44", "noarch"),
	}
}

// files are a description in the shape of Fedora's: profiles that require others,
// includes, a repository of its own.
func files(repository string) map[string]string {
	return map[string]string{
		"Test.kiwi": `<?xml version="1.0" encoding="utf-8"?>
<image schemaversion="7.5" name="Test">
	<description type="system"><author>A</author><contact>a@example.org</contact><specification>test</specification></description>
	<preferences><version>44</version><packagemanager>dnf5</packagemanager><release-version>44</release-version></preferences>
	<include from="this://./repositories/core.xml"/>
	<include from="this://./components/live.xml"/>
	<include from="this://./components/disk.xml"/>
	<packages type="bootstrap"><package name="filesystem"/></packages>
</image>
`,
		"repositories/release.xml": `<image><repository type="rpm-md" alias="release"><source path="` + repository + `"/></repository></image>` + "\n",
		"repositories/core.xml":    "-> release.xml",
		"components/live.xml": `<image>
	<profiles>
		<profile name="LiveInstall" description="l"><requires profile="Base"/></profile>
		<profile name="Base" description="b"/>
		<profile name="Test-Live" description="t"><requires profile="LiveInstall"/></profile>
	</profiles>
	<preferences profiles="LiveInstall" arch="x86_64">
		<type image="iso" primary="true" flags="dmsquash" volid="Test" filesystem="squashfs" mediacheck="true" kernelcmdline="quiet rhgb"><bootloader name="grub2"/></type>
	</preferences>
	<packages type="iso" profiles="LiveInstall"><package name="anaconda-live"/><package name="kernel"/></packages>
	<packages type="image" profiles="Base"><package name="bash"/><package name="logos"/><package name="arm-only" arch="aarch64"/></packages>
</image>
`,
		"components/disk.xml": `<image>
	<profiles>
		<profile name="Test-Disk" description="d"><requires profile="Base"/></profile>
		<profile name="Test-Cloud" description="d"><requires profile="Base"/></profile>
		<profile name="Test-Azure" description="d"><requires profile="Base"/></profile>
		<profile name="Test-Tar" description="d"><requires profile="Base"/></profile>
		<profile name="Test-Container" description="d"><requires profile="Base"/></profile>
	</profiles>
	<preferences profiles="Test-Disk"><type image="oem" filesystem="ext4"/></preferences>
	<preferences profiles="Test-Cloud"><type image="oem" format="qcow2" filesystem="ext4"/></preferences>
	<preferences profiles="Test-Azure"><type image="oem" format="vhd-fixed" filesystem="ext4"/></preferences>
	<preferences profiles="Test-Tar"><type image="tbz"/></preferences>
	<preferences profiles="Test-Container"><type image="oci"/><type image="docker"/></preferences>
</image>
`,
		"config.sh":     "#!/bin/bash\nexit 0\n",
		"root/etc/motd": "hello\n",
	}
}

// archive packs files as a forge does; a text that begins with "-> " is a link.
func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: "descriptions-f44/" + name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(files[name])), ModTime: time.Unix(1793000000, 0)}
		if target, link := strings.CutPrefix(files[name], "-> "); link {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(files[name])); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// profileOf is a profile of the description that makes a kind.
func profileOf(kind compose.Kind) string {
	return map[compose.Kind]string{compose.KindLive: "Test-Live", compose.KindDisk: "Test-Disk", compose.KindTar: "Test-Tar", compose.KindOCI: "Test-Container"}[kind]
}

// selected is what the resolver puts into the Plan.
func selected(t *testing.T, data []byte, profile, image, arch string) *compose.PlanDescription {
	t.Helper()
	a, err := kiwidesc.Open(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	d, err := a.Description("Test.kiwi")
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Select([]string{profile}, image, arch)
	if err != nil {
		t.Fatal(err)
	}
	return &compose.PlanDescription{URL: "https://example.org/f44.tar.gz", SHA256: strings.Repeat("0", 64), Size: int64(len(data)), Selection: *s}
}

// plan is a Plan as the resolver hands it to Describe.
func plan(t *testing.T, kind compose.Kind, data []byte) *compose.Plan {
	t.Helper()
	p := &compose.Plan{
		Request: compose.Request{
			Kind: kind, Release: "44", Arch: "x86_64", Packages: []string{"hello"}, Require: []string{"anaconda-live>=44.12"},
			Options: compose.Options{Kiwi: &compose.Kiwi{Description: "https://example.org/f44.tar.gz", File: "Test.kiwi", Profile: profileOf(kind)}},
		},
		VolID: "Fedora-44-live-x86_64", Image: "Fedora-44-" + string(kind) + "-x86_64.iso", Final: true, Epoch: 1793000000,
		Description: selected(t, data, profileOf(kind), compose.DefaultKiwiType(kind), "x86_64"),
	}
	if kind != compose.KindLive {
		p.Request.Require = []string{"hello=10-1.fc44"}
	}
	for _, nevra := range []string{"anaconda-core-44.12-1.fc44.x86_64", "anaconda-live-44.12-1.fc44.x86_64", "hello-10-1.fc44.noarch"} {
		name, arch := nevra[:strings.LastIndex(nevra[:strings.LastIndex(nevra, "-")], "-")], nevra[strings.LastIndex(nevra, ".")+1:]
		p.RPMs = append(p.RPMs, compose.PlanRPM{NEVRA: nevra, Name: name, Arch: arch, File: nevra + ".rpm"})
	}
	return p
}
