package rpmdb_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" //nolint:depguard // writes logs and freelists as SQLite does; who imports rpmdb does not link it

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/rpmdb"
	"github.com/fedora-respin/respin/repo/rpmdb/rpmdbtest"
)

const installed = 1767225600

// blobs are n headers of growing size: with and without overflow pages.
func blobs(n int) (list [][]byte, nevras []string) {
	for i := range n {
		name := fmt.Sprintf("pkg%03d", i)
		var files []rpmtest.File
		for j := range i * i % 97 {
			files = append(files, rpmtest.File{Path: fmt.Sprintf("/usr/share/%s/%d", name, j), Data: []byte(name)})
		}
		list = append(list, rpmdbtest.Installed(rpmtest.Build(rpmtest.Spec{Name: name, Version: "1", Release: "1.fc44", Vendor: "Example", Files: files}), installed))
		nevras = append(nevras, name+"-1-1.fc44.noarch")
	}
	return list, nevras
}

func names(db *rpmdb.DB) (list []string, err error) {
	for p, err := range db.Packages() {
		if err != nil {
			return list, err
		}
		list = append(list, p.NEVRA().String())
	}
	return list, nil
}

func formats(blobs [][]byte) map[rpmdb.Format][]byte {
	return map[rpmdb.Format][]byte{
		rpmdb.SQLite: rpmdbtest.SQLite(blobs...), rpmdb.NDB: rpmdbtest.NDB(blobs...), rpmdb.BDB: rpmdbtest.BDB(blobs...),
	}
}

func TestEveryFormatYieldsEveryPackageInOrder(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 300} {
		list, want := blobs(n)
		for format, data := range formats(list) {
			t.Run(fmt.Sprintf("%s of %d", format, n), func(t *testing.T) {
				t.Parallel()
				db, err := rpmdb.New(bytes.NewReader(data), int64(len(data)), format, "db")
				if err != nil {
					t.Fatal(err)
				}
				got, err := names(db)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestPackageCarriesWhatTheRPMAndTheInstallationSay(t *testing.T) {
	t.Parallel()
	file := rpmtest.Build(rpmtest.Spec{Name: "a", Epoch: 2, Version: "1", Release: "3", Arch: "x86_64", Vendor: "Example", SourceRPM: "a-1-3.src.rpm"})
	p, err := rpm.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{"var/lib/rpm/rpmdb.sqlite": {Data: rpmdbtest.SQLite(rpmdbtest.Installed(file, installed))}}
	db, err := rpmdb.Open(fsys, "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if db.Path != "var/lib/rpm/rpmdb.sqlite" || db.Format != rpmdb.SQLite {
		t.Errorf("opened %s as %s", db.Path, db.Format)
	}
	for got, err := range db.Packages() {
		if err != nil {
			t.Fatal(err)
		}
		type facts struct {
			NEVRA, Vendor, Source, SigMD5, SHA256, Digest, Key string
			Status                                             rpm.Status
			Time                                               int64
			Number                                             uint32
		}
		want := facts{"a-2:1-3.x86_64", "Example", "a-1-3.src.rpm", p.Digests.SigMD5, p.Digests.HeaderSHA256, p.Digests.HeaderSHA256, "", rpm.StatusOK, installed, 1}
		have := facts{
			got.NEVRA().String(), got.Vendor, got.SourceRPM, got.Digests.SigMD5, got.Digests.HeaderSHA256, got.HeaderDigest, got.KeyID(), got.HeaderStatus, got.InstallTime, got.Number,
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Error(diff)
		}
	}
}

func TestNoDatabaseIsNotExist(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", "var/lib/rpm"} {
		if _, err := rpmdb.Open(fstest.MapFS{"var/lib/rpm/Packages": {}}, dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", dir, err)
		}
	}
}

func TestADamagedHeaderLeavesTheOthers(t *testing.T) {
	t.Parallel()
	list, want := blobs(3)
	list[1][3]++ // one index entry more than there is
	for format, data := range formats(list) {
		db, err := rpmdb.New(bytes.NewReader(data), int64(len(data)), format, "db")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var bad *rpmdb.HeaderError
		for p, err := range db.Packages() {
			if err == nil {
				got = append(got, p.NEVRA().String())
			} else if !errors.As(err, &bad) {
				t.Errorf("%s: %v", format, err)
			}
		}
		if diff := cmp.Diff([]string{want[0], want[2]}, got); diff != "" || bad == nil || bad.Number != 2 {
			t.Errorf("%s: %v %s", format, bad, diff)
		}
	}
}

func TestAChangedHeaderIsCalledBad(t *testing.T) {
	t.Parallel()
	blob := rpmdbtest.Installed(rpmtest.Build(rpmtest.Spec{Name: "honest", Version: "1", Release: "1"}), installed)
	blob = bytes.Replace(blob, []byte("\x00honest\x00"), []byte("\x00hanest\x00"), 1)
	data := rpmdbtest.SQLite(blob)
	db, err := rpmdb.New(bytes.NewReader(data), int64(len(data)), rpmdb.SQLite, "db")
	if err != nil {
		t.Fatal(err)
	}
	for p, err := range db.Packages() {
		if err != nil || p.HeaderStatus != rpm.StatusBad {
			t.Errorf("%v, %v", p, err)
		}
	}
}

// sqliteDB lets SQLite itself make a database in WAL mode, with a freelist and
// with transactions that only the log has.
func sqliteDB(t *testing.T, list [][]byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, "live.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	do := func(q string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), q, args...); err != nil {
			t.Fatal(err)
		}
	}
	do("PRAGMA journal_mode=WAL")
	do("PRAGMA wal_autocheckpoint=0")
	do("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)")
	do("CREATE TABLE 'Name' (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
	for i, b := range list {
		do("INSERT INTO Packages(blob) VALUES(?)", b)
		do("INSERT INTO Name VALUES(?,?,0)", fmt.Sprint(i), i)
	}
	do("DELETE FROM Packages WHERE hnum % 3 = 0")
	do("PRAGMA wal_checkpoint(TRUNCATE)")
	do("DELETE FROM Packages WHERE hnum % 3 = 1")
	do("INSERT INTO Packages(hnum, blob) VALUES(9999, ?)", list[0])
	// Copied while it is open: the last connection would empty the log.
	for _, end := range []string{"", "-wal"} {
		data, err := os.ReadFile(filepath.Join(dir, "live.sqlite"+end))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "rpmdb.sqlite"+end), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCommittedTransactionsInTheLogAreRead(t *testing.T) {
	t.Parallel()
	list, all := blobs(200)
	var last, want []string
	for i := range all {
		if n := i + 1; n%3 != 0 {
			last = append(last, all[i])
			if n%3 != 1 {
				want = append(want, all[i])
			}
		}
	}
	want = append(want, all[0])
	dir := sqliteDB(t, list)
	check := func(want []string) {
		t.Helper()
		db, err := rpmdb.Open(os.DirFS(dir), ".")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		got, err := names(db)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	check(want)
	wal := filepath.Join(dir, "rpmdb.sqlite-wal")
	info, err := os.Stat(wal)
	if err != nil {
		t.Fatal(err)
	}
	// The last frame is lost, and with it the last transaction; the one before
	// it holds.
	if err := os.Truncate(wal, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	check(want[:len(want)-1])
	if err := os.Truncate(wal, 0); err != nil {
		t.Fatal(err)
	}
	check(last)
}

func TestDamageIsNamedAndNeverPanics(t *testing.T) {
	t.Parallel()
	list, _ := blobs(30)
	for format, data := range formats(list) {
		for cut := 0; cut < len(data); cut += 512 {
			readAll(t, format, data[:cut])
		}
		for at := 0; at < len(data); at += 1 + at/25 {
			for _, v := range []byte{0, 0x7f, 0xff} {
				old := data[at]
				data[at] = v
				readAll(t, format, data)
				data[at] = old
			}
		}
	}
}

// readAll reads data to the end. Every error must be one of the package's.
func readAll(t *testing.T, format rpmdb.Format, data []byte) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		_, broken := errors.AsType[*rpmdb.FormatError](err)
		if _, header := errors.AsType[*rpmdb.HeaderError](err); err != nil && !broken && !header {
			t.Fatalf("%s: %T %v", format, err, err)
		}
	}
	db, err := rpmdb.New(bytes.NewReader(data), int64(len(data)), format, "db")
	check(err)
	if err != nil {
		return
	}
	for p, err := range db.Packages() {
		check(err)
		if err == nil && p.Name == "" {
			t.Fatal("a package without a name")
		}
	}
}

func FuzzPackages(f *testing.F) {
	list, _ := blobs(2)
	for i, format := range []rpmdb.Format{rpmdb.SQLite, rpmdb.NDB, rpmdb.BDB} {
		f.Add(byte(i), formats(list)[format])
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		readAll(t, []rpmdb.Format{rpmdb.SQLite, rpmdb.NDB, rpmdb.BDB}[kind%3], data)
	})
}

func FuzzWAL(f *testing.F) {
	list, _ := blobs(2)
	base := rpmdbtest.SQLite(list...)
	f.Add([]byte("\x37\x7f\x06\x82" + strings.Repeat("\x00", 40)))
	f.Fuzz(func(t *testing.T, wal []byte) {
		db, err := rpmdb.Open(fstest.MapFS{"rpmdb.sqlite": {Data: base}, "rpmdb.sqlite-wal": {Data: wal}}, ".")
		if err != nil {
			return
		}
		defer db.Close()
		_, _ = names(db)
	})
}
