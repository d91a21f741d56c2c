//go:build interop

package interop_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// rpmTool runs rpm and returns its standard output; standard error stands in
// the error.
func rpmTool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("rpm")
	if err != nil {
		shareddata.Missing(t, "rpm")
	}
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "LANGUAGE=C")
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return out.String(), err
}

func interopSpec(compressor string) rpmtest.Spec {
	return rpmtest.Spec{
		Name: "hello-" + compressor, Epoch: 1, Version: "2.0^git1", Release: "1.fc44", Arch: "noarch", Compressor: compressor,
		Provides: rpmtest.Deps("hello = 2.0"), Requires: rpmtest.Deps("(hello if rpm)"),
		Files: []rpmtest.File{
			{Path: "/usr/share/hello", Mode: 0o40755},
			{Path: "/usr/share/hello/" + compressor, Data: bytes.Repeat([]byte("hello\n"), 1000)},
			{Path: "/usr/share/hello/link-" + compressor, Linkto: compressor},
			{Path: "/var/log/hello-" + compressor, Flags: rpm.FileGhost},
		},
		Changelogs: []rpm.Changelog{{Time: 1767225600, Author: "QA <qa@example.org> - 2.0-1", Text: "- made"}},
	}
}

// TestRPMAcceptsRpmtest has rpm check, query, install and verify what rpmtest writes.
func TestRPMAcceptsRpmtest(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"gzip", "zstd", "xz", "lzma", "none"} {
		t.Run(c, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := interopSpec(c)
			path := filepath.Join(dir, s.NEVRA().FileName())
			data := rpmtest.Build(s)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := rpmTool(t, "-Kv", "--nosignature", path)
			if err != nil {
				t.Fatalf("rpm -K: %v\n%s", err, out)
			}
			for _, want := range []string{"Header SHA256 digest: OK", "Header SHA1 digest: OK", "Payload SHA256 digest: OK", "MD5 digest: OK"} {
				if !strings.Contains(out, want) {
					t.Errorf("rpm -K does not say %q:\n%s", want, out)
				}
			}
			for _, bad := range [][]byte{rpmtest.FlipPayload(data), rpmtest.FlipHeader(data), rpmtest.Truncate(data, 7)} {
				if err := os.WriteFile(path+".bad", bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := rpmTool(t, "-K", "--nosignature", path+".bad"); err == nil {
					t.Errorf("rpm -K accepts a damaged package: %s", out)
				}
			}
			installed(t, path, s)
		})
	}
}

// installed installs a package of interopSpec below an empty root, or only
// into a database where the user may not change roots, and has rpm verify it.
func installed(t *testing.T, path string, s rpmtest.Spec) {
	t.Helper()
	root := t.TempDir()
	db := []string{"--root", root, "--dbpath", "/db"}
	if os.Getuid() != 0 {
		db = []string{"--dbpath", root, "--justdb"}
	}
	if out, err := rpmTool(t, append([]string{"-i", "--nodeps", "--nosignature", path}, db...)...); err != nil {
		t.Fatalf("rpm -i: %v\n%s", err, out)
	}
	if os.Getuid() != 0 {
		return
	}
	file := s.Files[1]
	if got, err := os.ReadFile(filepath.Join(root, file.Path)); err != nil || !bytes.Equal(got, file.Data) {
		t.Errorf("installed file: %d bytes, %v", len(got), err)
	}
	if out, err := rpmTool(t, append([]string{"-V", "--nodeps", s.Name}, db...)...); err != nil {
		t.Errorf("rpm -V: %v\n%s", err, out)
	}
}

// TestRPMInstallsEveryFormat has rpm unpack hard links, modes and symbolic links
// from the archives of every format that rpmtest writes, and compares with what
// Payload says of them.
func TestRPMInstallsEveryFormat(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may install into another root")
	}
	for format, s := range oddSpecs() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			// rpm 4.18 does not come back from a package with a pipe.
			s.Files = slices.DeleteFunc(s.Files, func(f rpmtest.File) bool { return f.Mode == 0o010600 })
			for i := range s.Files {
				s.Files[i].Caps, s.Files[i].Group = "", "" // the empty root has no such group
			}
			root := t.TempDir()
			data := rpmtest.Build(s)
			path := filepath.Join(root, "p.rpm")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			db := []string{"--root", root, "--dbpath", "/db"}
			if out, err := rpmTool(t, append([]string{"-i", "--nodeps", "--noscripts", "--ignorearch", "--nosignature", path}, db...)...); err != nil {
				t.Fatalf("rpm -i: %v\n%s", err, out)
			}
			if out, err := rpmTool(t, append([]string{"-V", "--nodeps", "--noscripts", s.Name}, db...)...); err != nil && strings.ReplaceAll(out, "\n", "") != "missing     /var/log/odd" {
				t.Errorf("rpm -V: %v\n%s", err, out)
			}
			compareUnpacked(t, data, root)
		})
	}
}

// compareUnpacked holds each entry of the payload against the file that rpm made.
func compareUnpacked(t *testing.T, data []byte, root string) {
	t.Helper()
	r := bytes.NewReader(data)
	p, err := rpm.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	y, err := p.Payload(r, rpm.PayloadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	entries := 0
	for {
		e, err := y.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		entries++
		local, ok := e.File.Local()
		if !ok {
			t.Fatalf("%q", e.File.Path())
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(filepath.Join(root, local), &st); err != nil {
			t.Fatal(err)
		}
		if uint16(st.Mode) != e.File.Mode || !e.File.IsDir() && int(st.Nlink) != e.Links {
			t.Errorf("%s: mode %o, %d links; rpm made %o, %d", local, e.File.Mode, e.Links, st.Mode, st.Nlink)
		}
		content, err := io.ReadAll(y)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.File.IsSymlink():
			if target, err := os.Readlink(filepath.Join(root, local)); err != nil || target != string(content) {
				t.Errorf("%s: %q, rpm made %q, %v", local, content, target, err)
			}
		case e.File.IsRegular() && e.Size > 0:
			if made, err := os.ReadFile(filepath.Join(root, local)); err != nil || !bytes.Equal(made, content) {
				t.Errorf("%s: %q, rpm made %q, %v", local, content, made, err)
			}
		}
	}
	if entries != p.FileCount()-1 { // one is %ghost
		t.Errorf("%d entries for %d files", entries, p.FileCount())
	}
}

// TestRPMReadsRpmtestSource has rpm query a source package.
func TestRPMReadsRpmtestSource(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hello-1-1.src.rpm")
	data := rpmtest.Source(rpmtest.Spec{
		Name: "hello", Version: "1", Release: "1", Requires: rpmtest.Deps("gcc"),
		Files: []rpmtest.File{{Path: "hello.spec", Data: []byte("Name: hello\n")}},
	})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := rpmTool(t, "-Kv", "--nosignature", path); err != nil {
		t.Errorf("rpm -K: %v\n%s", err, out)
	}
	out, err := rpmTool(t, "-qp", "--nosignature", "--qf", "%{SOURCEPACKAGE} [%{FILENAMES} %{FILEFLAGS}]", path)
	if err != nil || out != "1 hello.spec 32" {
		t.Errorf("%v, %q", err, out)
	}
}
