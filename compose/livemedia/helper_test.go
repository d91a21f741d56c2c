package livemedia_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
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

func (s *standIns) folder(t *testing.T, set composetest.Settings) string {
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
	return dir
}

func (s *standIns) runner(t *testing.T, set composetest.Settings) (*proc.Runner, string) {
	t.Helper()
	dir := s.folder(t, set)
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

// releaseRPMs are those of a small release.
func releaseRPMs() map[string][]byte {
	return map[string][]byte{
		"anaconda-44.10-1.fc44.x86_64":      pkg("anaconda", "44.10", "1.fc44", "x86_64", "anaconda-core"),
		"anaconda-core-44.10-1.fc44.x86_64": pkg("anaconda-core", "44.10", "1.fc44", "x86_64", "bash"),
		"bash-5.3-1.fc44.x86_64":            pkg("bash", "5.3", "1.fc44", "x86_64"),
		"kernel-6.17.0-1.fc44.x86_64":       pkg("kernel", "6.17.0", "1.fc44", "x86_64"),
		"dracut-live-107-1.fc44.x86_64":     pkg("dracut-live", "107", "1.fc44", "x86_64"),
		"hello-9-1.fc44.noarch":             pkg("hello", "9", "1.fc44", "noarch"),
	}
}

// sideRPMs are the builds that are to be in.
func sideRPMs() map[string][]byte {
	return map[string][]byte{
		"anaconda-44.12-1.fc44.x86_64":      pkg("anaconda", "44.12", "1.fc44", "x86_64", "anaconda-core"),
		"anaconda-core-44.12-1.fc44.x86_64": pkg("anaconda-core", "44.12", "1.fc44", "x86_64", "bash"),
		"anaconda-live-44.12-1.fc44.x86_64": pkg("anaconda-live", "44.12", "1.fc44", "x86_64"),
		"hello-10-1.fc44.noarch":            pkg("hello", "10", "1.fc44", "noarch"),
	}
}

// ks is a kickstart of a live image that installs from url.
func ks(url string) string {
	return "lang en_US.UTF-8\nkeyboard us\ntimezone Etc/UTC --utc\nrootpw --lock\nnetwork --bootproto=dhcp --device=link --activate\n" +
		"zerombr\nclearpart --all\npart / --size=8192 --fstype=ext4\nshutdown\nurl --url=" + url + "\n" +
		"%packages\nkernel\ndracut-live\nanaconda\n%end\n"
}

// plan is a Plan as the resolver hands it to Describe.
func plan(kind compose.Kind, url string) *compose.Plan {
	p := &compose.Plan{
		Request:   compose.Request{Kind: kind, Release: "44", Arch: "x86_64", Packages: []string{"hello"}, Require: []string{"anaconda>=44.12"}},
		Kickstart: ks(url), VolID: "Fedora-44-live-x86_64", Image: "Fedora-44-" + string(kind) + "-x86_64.iso", Final: true, Epoch: 1793000000,
	}
	for _, nevra := range []string{"anaconda-44.12-1.fc44.x86_64", "anaconda-core-44.12-1.fc44.x86_64", "anaconda-live-44.12-1.fc44.x86_64", "hello-10-1.fc44.noarch"} {
		name, arch := nevra[:strings.LastIndex(nevra[:strings.LastIndex(nevra, "-")], "-")], nevra[strings.LastIndex(nevra, ".")+1:]
		p.RPMs = append(p.RPMs, compose.PlanRPM{NEVRA: nevra, Name: name, Arch: arch, File: nevra + ".rpm"})
	}
	return p
}
