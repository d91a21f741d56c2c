package repo_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// stamp is the file time of every RPM that the tests write.
var stamp = time.Unix(1767300000, 0) //nolint:gochecknoglobals // never written

func writeRPM(t *testing.T, path string, s rpmtest.Spec) {
	t.Helper()
	writeFile(t, path, rpmtest.Build(s))
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, stamp, stamp); err != nil {
		t.Fatal(err)
	}
}

func simple(name string) rpmtest.Spec {
	return rpmtest.Spec{Name: name, Version: "1", Release: "1"}
}

// rich uses every element that repodata has.
func rich() rpmtest.Spec {
	return rpmtest.Spec{
		Name: "rich", Epoch: 2, Version: "1.0^git2", Release: "3.fc44", Arch: "x86_64",
		Summary: "A & B < C > \"D\"", Description: "Zoë writes\n\ttwo lines", License: "MIT", URL: "https://example.org/?a&b",
		Vendor: "Example", Packager: "Zoë <qa@example.org>", Group: "Tools",
		Requires: append(rpmtest.Deps("libfoo >= 1:2.0-3", "(a or b)"),
			rpm.Dependency{Name: "/usr/sbin/useradd", Flags: rpm.DepScriptPre},
			rpm.Dependency{Name: "late", Flags: rpm.DepPosttrans},
			rpm.Dependency{Name: "libc.so.6(GLIBC_2.4)(64bit)"}, rpm.Dependency{Name: "libc.so.6(GLIBC_2.34)(64bit)"},
			rpm.Dependency{Name: "zlib"}, rpm.Dependency{Name: "/usr/bin/rich"}),
		Provides:  []rpm.Dependency{{Name: "virtual(Zoë)", Flags: rpm.DepEqual, EVR: "1"}},
		Conflicts: rpmtest.Deps("poor < 1"), Obsoletes: rpmtest.Deps("richer <= 0.9-1"),
		Recommends: rpmtest.Deps("rec"), Suggests: rpmtest.Deps("sug"), Supplements: rpmtest.Deps("sup"), Enhances: rpmtest.Deps("enh"),
		Files: []rpmtest.File{
			{Path: "/etc/rich", Mode: 0o40755},
			{Path: "/etc/rich/é&.conf", Data: []byte("x")},
			{Path: "/usr/bin/rich", Mode: 0o755, Data: []byte("#!/bin/sh\n")},
			{Path: "/usr/share/rich/ghost", Flags: rpm.FileGhost},
		},
		Changelogs: []rpm.Changelog{
			{Time: 1767268800, Author: "Zoë <qa@example.org> - 1.0-3  ", Text: "- newest"},
			{Time: 1767268800, Author: "QA <qa@example.org> - 1.0-2", Text: "- older & wiser"},
			{Time: 1767182400, Author: "QA <qa@example.org> - 1.0-1", Text: "- first"},
		},
	}
}

// content returns the plain bytes of a metadata file.
func content(t *testing.T, dir, kind string) string {
	t.Helper()
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	in, err := r.Stream(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// locations lists the packages of a repository in order.
func locations(t *testing.T, dir string) []string {
	t.Helper()
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for e, err := range r.Primary(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Location)
	}
	return out
}

// names lists what stands in a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
