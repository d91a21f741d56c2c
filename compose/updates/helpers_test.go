package updates_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose/updates"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// packages writes the packages to files.
func packages(tb testing.TB, specs ...rpmtest.Spec) []updates.Input {
	tb.Helper()
	dir := tb.TempDir()
	inputs := make([]updates.Input, len(specs))
	for i, s := range specs {
		if s.Version == "" {
			s.Version, s.Release = "1", "1"
		}
		inputs[i].Path = filepath.Join(dir, fmt.Sprintf("%d-%s.rpm", i, s.Name))
		if err := os.WriteFile(inputs[i].Path, rpmtest.Build(s), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return inputs
}

func build(tb testing.TB, o updates.Options, inputs ...updates.Input) ([]byte, *updates.Report) {
	tb.Helper()
	var out bytes.Buffer
	report, err := updates.Write(tb.Context(), &out, inputs, o)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := updates.Check(tb.Context(), bytes.NewReader(out.Bytes()), inputs, o); err != nil {
		tb.Fatalf("what was written does not check: %v", err)
	}
	return out.Bytes(), report
}

// list writes each entry of an image as a line.
func list(tb testing.TB, image []byte) string {
	tb.Helper()
	var b strings.Builder
	numbers := map[uint32]int{}
	err := updates.Walk(bytes.NewReader(image), updates.Options{}, func(e *updates.Entry, data io.Reader) error {
		content, err := io.ReadAll(data)
		if err != nil {
			return err
		}
		if len(content) > 20 {
			content = fmt.Appendf(nil, "%d bytes", len(content))
		}
		fmt.Fprintf(&b, "%06o %d:%d %s", e.Mode, e.UID, e.GID, e.Name)
		if e.Linkto != "" {
			fmt.Fprintf(&b, " -> %s", e.Linkto)
		}
		if len(content) > 0 {
			fmt.Fprintf(&b, " = %s", content)
		}
		if e.Links > 1 && e.Mode>>12 == 8 {
			if numbers[e.Inode] == 0 {
				numbers[e.Inode] = len(numbers) + 1
			}
			fmt.Fprintf(&b, " link %d of %d", numbers[e.Inode], e.Links)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func lines(text ...string) string { return strings.Join(text, "\n") + "\n" }

// tool has every kind of file that an image takes.
func tool(format int, compressor string) rpmtest.Spec {
	return rpmtest.Spec{
		Name: "tool", Version: "1", Release: "1", Format: format, Compressor: compressor,
		Files: []rpmtest.File{
			{Path: "/", Mode: 0o40555},
			{Path: "/run/tool", Mode: 0o010600},
			{Path: "/usr/bin", Mode: 0o40555},
			{Path: "/usr/bin/one", Data: []byte("shared data")},
			{Path: "/usr/bin/three", Hardlink: "/usr/bin/one"},
			{Path: "/usr/bin/tool", Mode: 0o4755, Data: []byte("tool"), User: "bin", Group: "games"},
			{Path: "/usr/bin/two", Hardlink: "/usr/bin/one"},
			{Path: "/usr/lib/big", Data: bytes.Repeat([]byte("abc"), 100000)},
			{Path: "/usr/lib/empty"},
			{Path: "/usr/lib/link", Linkto: "../bin/tool"},
			{Path: "/var/log/tool", Flags: rpm.FileGhost},
		},
	}
}

func unzip(tb testing.TB, image []byte) []byte {
	tb.Helper()
	r, err := gzip.NewReader(bytes.NewReader(image))
	if err != nil {
		tb.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
