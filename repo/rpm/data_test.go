package rpm_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fedora-respin/respin/repo/rpm"
)

func TestRealPackagesAgreeWithManifest(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		if !s.readable() {
			continue
		}
		t.Run(filepath.Base(s.path), func(t *testing.T) {
			t.Parallel()
			p, err := rpm.Open(s.path)
			if err != nil {
				t.Fatal(err)
			}
			epoch := ""
			if p.EVR.HasEpoch {
				epoch = strconv.Itoa(int(p.EVR.Epoch))
			}
			for key, got := range map[string]string{
				"arch": p.HeaderArch, "epoch": epoch,
				"files": strconv.Itoa(p.FileCount()), "changelogs": strconv.Itoa(p.Header.Count(rpm.TagChangelogName)),
				"rpmver": p.RPMVersion, "rpmformat": strconv.Itoa(p.Format),
				"filedigestalgo": strconv.Itoa(int(p.FileDigestAlgo)),
			} {
				if want, ok := s.facts[key]; ok && got != strings.TrimPrefix(want, "-") {
					t.Errorf("%s is %q, the manifest says %q", key, got, want)
				}
			}
			if _, ok := s.facts["source"]; ok != p.Source || ok != (p.Arch == "src") {
				t.Errorf("Source %v, Arch %q, the manifest says source %v", p.Source, p.Arch, ok)
			}
			if p.NoSource != strings.Contains(s.path, ".nosrc.") {
				t.Errorf("NoSource is %v", p.NoSource)
			}
			for kind := range rpm.DepKinds() {
				_, ok := s.facts[kind.String()]
				if list := slices.Collect(p.Dependencies(kind)); ok && s.facts["arch"] != "" && len(list) == 0 {
					t.Errorf("no %s, the manifest has some", kind)
				}
			}
		})
	}
}

func TestBrokenPackagesGiveFormatErrors(t *testing.T) {
	t.Parallel()
	n := 0
	for _, s := range samples(t) {
		if s.readable() {
			continue
		}
		n++
		_, err := rpm.Open(s.path)
		if _, ok := errors.AsType[*rpm.FormatError](err); !ok {
			t.Errorf("%s: %v, want a *FormatError", filepath.Base(s.path), err)
		}
	}
	if n < 30 {
		t.Errorf("only %d broken packages", n)
	}
}

func TestPathsAreThoseOfFiles(t *testing.T) {
	t.Parallel()
	files := 0
	for _, s := range samples(t) {
		p, err := rpm.Read(bytes.NewReader(readFile(t, s.path)))
		if err != nil {
			continue
		}
		var want []rpm.File
		for f := range p.Files() {
			want = append(want, rpm.File{Dir: f.Dir, Name: f.Name, Mode: f.Mode, Flags: f.Flags})
		}
		got := slices.Collect(p.Paths())
		if !slices.Equal(got, want) || len(got) != p.FileCount() {
			t.Errorf("%s: %d paths of %d files", filepath.Base(s.path), len(got), len(want))
		}
		files += len(got)
		for f := range p.Paths() { // may be broken off
			_ = f
			break
		}
	}
	if files < 2000 {
		t.Errorf("only %d files", files)
	}
}

func TestReadFromSlowReaders(t *testing.T) {
	t.Parallel()
	n := 0
	for _, s := range samples(t) {
		if !s.readable() || n >= 12 {
			continue
		}
		n++
		data := readFile(t, s.path)
		want, err := rpm.Read(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range map[string]io.Reader{
			"one byte": iotest.OneByteReader(bytes.NewReader(data)),
			"half":     iotest.HalfReader(bytes.NewReader(data)),
			"data+EOF": iotest.DataErrReader(bytes.NewReader(data)),
		} {
			got, err := rpm.Read(r)
			if err != nil {
				t.Fatalf("%s, %s: %v", filepath.Base(s.path), name, err)
			}
			if d := cmp.Diff(want, got, cmpopts.IgnoreFields(rpm.Package{}, "Header", "Signature"), cmpopts.IgnoreUnexported(rpm.Package{})); d != "" {
				t.Errorf("%s, %s: %s", filepath.Base(s.path), name, d)
			}
		}
	}
}

func TestReadLeavesReaderAtPayload(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		if filepath.Base(s.path) != "Archer-3.4.5-6.x86_64.rpm" {
			continue
		}
		data := readFile(t, s.path)
		r := bytes.NewReader(data)
		p, err := rpm.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if at := int64(len(data) - r.Len()); at != p.HeaderEnd {
			t.Errorf("reader stands at %d, the header ends at %d", at, p.HeaderEnd)
		}
		if got := string(data[p.HeaderEnd : p.HeaderEnd+5]); got != "\xfd7zXZ" {
			t.Errorf("payload starts with %q", got)
		}
	}
}

func TestReaderFailureIsNoFormatError(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	_, err := rpm.Read(iotest.ErrReader(boom))
	var fe *rpm.FormatError
	if !errors.Is(err, boom) || errors.As(err, &fe) {
		t.Errorf("got %v", err)
	}
}
