//go:build interop

package interop_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/rpmdb"
	"github.com/fedora-respin/respin/repo/rpmdb/rpmdbtest"
)

// dbFormat asks rpm for what ours yields of each package.
const dbFormat = `%{NAME}\t%|EPOCH?{%{EPOCH}}:{-}|\t%{VERSION}\t%{RELEASE}\t%|ARCH?{%{ARCH}}:{-}|\t%{INSTALLTIME}\t%|SIGMD5?{%{SIGMD5}}:{-}|\t%|SHA256HEADER?{%{SHA256HEADER}}:{-}|\t%|VENDOR?{%{VENDOR}}:{-}|\t%|SOURCERPM?{%{SOURCERPM}}:{-}|\n`

func dbLine(p *rpmdb.Package) string {
	or := func(s string, tag rpm.Tag) string {
		if s == "" && (tag == 0 || !p.Header.Has(tag)) {
			return "-"
		}
		return s
	}
	epoch := "-"
	if p.EVR.HasEpoch {
		epoch = fmt.Sprint(p.EVR.Epoch)
	}
	return strings.Join([]string{
		p.Name, epoch, p.EVR.Version, p.EVR.Release, or(p.HeaderArch, 0), fmt.Sprint(p.InstallTime), or(p.Digests.SigMD5, 0), or(p.Digests.HeaderSHA256, 0), or(p.Vendor, rpm.TagVendor), or(p.SourceRPM, 0),
	}, "\t")
}

// rpmLines asks rpm for every header, damaged ones too, in sorted order.
func rpmLines(t *testing.T, dir, backend string) []string {
	t.Helper()
	out, err := rpmTool(t, "--dbpath", dir, "--define", "_db_backend "+backend, "-qa", "--nodigest", "--nosignature", "--qf", dbFormat)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	slices.Sort(lines)
	return lines
}

func ourLines(t *testing.T, dir string) (lines []string, packages []*rpmdb.Package) {
	t.Helper()
	db, err := rpmdb.Open(os.DirFS(dir), ".")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for p, err := range db.Packages() {
		if err != nil {
			t.Error(err)
			continue
		}
		lines, packages = append(lines, dbLine(p)), append(packages, p)
	}
	slices.Sort(lines)
	return lines, packages
}

// realDB has rpm install every package that it takes into a new database.
func realDB(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range sharedRPMs(t) {
		_, _ = rpmTool(t, "--dbpath", dir, "--define", "_db_backend sqlite", "-i", "--justdb", "--nodeps", "--noscripts",
			"--ignorearch", "--ignoreos", "--nodigest", "--nosignature", "--force", f)
	}
	return dir
}

func sharedRPMs(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "rpms"), "*.rpm"))
	if err != nil || len(list) < 200 {
		t.Fatalf("%d packages in shared data: %v", len(list), err)
	}
	return list
}

// TestRPMDBAgreesWithRPM has rpm make a database of every real package, and
// compares what it says of each with what ours reads. Berkeley DB's own
// db5.3_load then writes the same headers as a hash, which rpm reads too.
func TestRPMDBAgreesWithRPM(t *testing.T) {
	t.Parallel()
	dir := realDB(t)
	want := rpmLines(t, dir, "sqlite")
	got, packages := ourLines(t, dir)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	t.Logf("%d packages", len(got))
	if len(got) < 170 {
		t.Errorf("only %d packages", len(got))
	}
	bad := 0
	for _, p := range packages {
		if p.HeaderStatus == rpm.StatusBad {
			bad++
		}
	}
	// rpm refuses these when it is not told to look away.
	out, err := rpmTool(t, "--dbpath", dir, "-qa")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got) - strings.Count(out, "\n"); bad != n {
		t.Errorf("%d headers are bad, rpm skips %d", bad, n)
	}
	load, err := exec.LookPath("db5.3_load")
	if err != nil {
		shareddata.Missing(t, "db5.3_load")
	}
	hash := t.TempDir()
	var dump strings.Builder
	dump.WriteString("VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=4096\nHEADER=END\n 00000000\n ff000000\n")
	for _, b := range blobsOf(t, dir) {
		fmt.Fprintf(&dump, " %s\n %s\n", hex.EncodeToString([]byte{byte(b.number), byte(b.number >> 8), 0, 0}), hex.EncodeToString(b.blob))
	}
	dump.WriteString("DATA=END\n")
	cmd := exec.CommandContext(t.Context(), load, filepath.Join(hash, "Packages"))
	cmd.Stdin = strings.NewReader(dump.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("db5.3_load: %v: %s", err, out)
	}
	if diff := cmp.Diff(want, rpmLines(t, hash, "bdb_ro")); diff != "" {
		t.Fatal(diff)
	}
	if got, _ = ourLines(t, hash); cmp.Diff(want, got) != "" {
		t.Error(cmp.Diff(want, got))
	}
}

type blob struct {
	number uint32
	blob   []byte
}

// blobsOf reads the raw headers with the python module sqlite3, so that the
// hash does not come out of the reader that it is to test.
func blobsOf(t *testing.T, dir string) []blob {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", `
import sqlite3, sys
for n, b in sqlite3.connect(sys.argv[1]).execute("SELECT hnum, blob FROM Packages"): print(n, b.hex())`, filepath.Join(dir, "rpmdb.sqlite")).Output()
	if err != nil {
		shareddata.Missing(t, "python3 with sqlite3")
	}
	var list []blob
	for line := range strings.Lines(string(out)) {
		var b blob
		var text string
		if _, err := fmt.Sscan(line, &b.number, &text); err != nil {
			t.Fatal(err)
		}
		if b.blob, err = hex.DecodeString(text); err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

// TestRPMReadsRpmdbtest has rpm read what rpmdbtest writes, so that tests
// without rpm stand on real databases.
func TestRPMReadsRpmdbtest(t *testing.T) {
	t.Parallel()
	var blobs [][]byte
	for i := range 150 {
		var files []rpmtest.File
		for j := range i {
			files = append(files, rpmtest.File{Path: fmt.Sprintf("/usr/share/p%d/%d", i, j), Data: []byte("x")})
		}
		blobs = append(blobs, rpmdbtest.Installed(rpmtest.Build(rpmtest.Spec{Name: fmt.Sprintf("p%d", i), Version: "1", Release: "1", Files: files}), 1767225600))
	}
	for backend, f := range map[string]struct {
		name string
		data []byte
	}{"sqlite": {"rpmdb.sqlite", rpmdbtest.SQLite(blobs...)}, "bdb_ro": {"Packages", rpmdbtest.BDB(blobs...)}} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
			t.Fatal(err)
		}
		if backend == "sqlite" { // rpm wants its indexes too
			if out, err := rpmTool(t, "--dbpath", dir, "--define", "_db_backend sqlite", "--rebuilddb"); err != nil {
				t.Fatal(out, err)
			}
		}
		ours, _ := ourLines(t, dir)
		if diff := cmp.Diff(ours, rpmLines(t, dir, backend)); diff != "" || len(ours) != len(blobs) {
			t.Errorf("%s: %d of %d: %s", backend, len(ours), len(blobs), diff)
		}
	}
}

// TestRPMDBAgreesWithThePackages compares the digests in the database with
// those of the files that were installed.
func TestRPMDBAgreesWithThePackages(t *testing.T) {
	t.Parallel()
	type digests struct{ md5, header string }
	files := map[digests]*rpm.Package{}
	for _, f := range sharedRPMs(t) {
		p, err := rpm.Open(f)
		if bad, ok := errors.AsType[*rpm.FormatError](err); ok && bad != nil {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		files[digests{p.Digests.SigMD5, p.Digests.HeaderSHA256 + p.NEVRA().String()}] = p
	}
	_, packages := ourLines(t, realDB(t))
	signed := 0
	for _, p := range packages {
		f := files[digests{p.Digests.SigMD5, p.Digests.HeaderSHA256 + p.NEVRA().String()}]
		switch {
		case f == nil:
			t.Errorf("%s is in the database with the digest of no file", p.NEVRA())
		case len(p.Signatures) > 0:
			signed++
			if f.Signatures[0].KeyID != p.Signatures[0].KeyID {
				t.Errorf("%s: key %s in the file, %s in the database", p.NEVRA(), f.Signatures[0].KeyID, p.Signatures[0].KeyID)
			}
		case slices.ContainsFunc(f.Signatures, func(s rpm.Signature) bool { return s.Tag != rpm.TagOpenPGP }): // rpm 4.18 drops OPENPGP
			t.Errorf("%s is signed, the database says nothing of it", p.NEVRA())
		}
	}
	if signed < 20 {
		t.Errorf("only %d signed packages", signed)
	}
}
