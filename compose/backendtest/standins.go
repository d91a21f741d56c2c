package backendtest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
)

// StandIns builds the stand-in tools of composetest once for the tests of a
// package; each test gets links with settings of its own. TestMain calls Remove.
type StandIns struct {
	once sync.Once
	dir  string
	err  error
}

// Folder is a folder for PATH with the stand-ins.
func (s *StandIns) Folder(t *testing.T, set composetest.Settings) string {
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
	if set.Runtime == nil {
		set.Runtime = []string{"anaconda", "anaconda-core", "kernel", "bash"}
	}
	dir := t.TempDir()
	if err := composetest.Link(dir, filepath.Join(s.dir, "standin"), set); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Runner runs the stand-ins, which are in the folder.
func (s *StandIns) Runner(t *testing.T, set composetest.Settings) (runner *proc.Runner, folder string) {
	t.Helper()
	dir := s.Folder(t, set)
	return &proc.Runner{Env: []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "LANG=C.UTF-8"}, Grace: 5 * time.Second}, dir
}

// Remove removes what was built.
func (s *StandIns) Remove() {
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// Package makes an RPM with one file.
func Package(name, version, release, arch string, requires ...string) []byte {
	return rpmtest.Build(rpmtest.Spec{
		Name: name, Version: version, Release: release, Arch: arch, Requires: rpmtest.Deps(requires...), Compressor: "zstd",
		Files: []rpmtest.File{{Path: "/usr/share/" + name + "/README", Data: []byte(name + " " + version + "-" + release + "\n")}},
	})
}

// Repo writes a repository of RPMs, by name-version-release.arch, into dir.
func Repo(t *testing.T, dir string, rpms map[string][]byte) {
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
