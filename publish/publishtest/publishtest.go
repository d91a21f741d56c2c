// Package publishtest is the conformance suite that every publish.Publisher
// passes: it publishes, breaks off, repeats, races and fills the disk, and
// looks at the place itself for what came of it.
//
//	func TestConformance(t *testing.T) {
//		publishtest.Run(t, func(t *testing.T) publishtest.Place {
//			base := t.TempDir()
//			return publishtest.Place{
//				Open: func(t *testing.T) publish.Publisher { return newPublisher(t, base) },
//				Root: base,
//			}
//		})
//	}
package publishtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/publish"
)

// Place is where the Publishers under test publish to.
type Place struct {
	// Open returns a new Publisher for the place, as another process would.
	Open func(t *testing.T) publish.Publisher
	// Root is the local directory in which published sets appear by their ID.
	Root string
	// Fill makes the place refuse more bytes (true) or take them again; nil
	// where that cannot be acted out.
	Fill func(full bool)
	// Bytewise says that a file which broke off is gone on with in its middle.
	Bytewise bool
}

// Run runs the suite; place is called for a fresh place in each test.
func Run(t *testing.T, place func(t *testing.T) Place) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Place){
		"PublishesWhole":         testPublishesWhole,
		"AnotherProcessFinishes": testAnotherProcessFinishes,
		"FinalizeTwice":          testFinalizeTwice,
		"ConcurrentFinalize":     testConcurrentFinalize,
		"ConcurrentSets":         testConcurrentSets,
		"ResumesAfterBreak":      testResumesAfterBreak,
		"StagesAgain":            testStagesAgain,
		"DropsStrayFiles":        testDropsStrayFiles,
		"RefusesDifferentSet":    testRefusesDifferentSet,
		"SecondAttemptWins":      testSecondAttemptWins,
		"NotStaged":              testNotStaged,
		"Remove":                 testRemove,
		"CanceledContext":        testCanceledContext,
		"ChangedUnderneath":      testChangedUnderneath,
		"FullDisk":               testFullDisk,
		"BadNames":               testBadNames,
		"Closed":                 testClosed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, place(t))
		})
	}
}

// files is a set as a compose makes it: nested, with an empty file and names
// that need escaping.
func files() map[string][]byte {
	return map[string][]byte{
		"images/boot.iso":                       noise(700_000, 1),
		"repo/repodata/repomd.xml":              []byte("<repomd/>\n"),
		"repo/Packages/g/g++-1^2~rc1 x%y#z.rpm": noise(30_000, 2),
		"logs/empty.log":                        {},
		".treeinfo":                             []byte("[general]\n"),
	}
}

func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// set writes files to a new directory and scans it.
func set(t *testing.T, id string, attempt int, files map[string][]byte) publish.Set {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := publish.Scan(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s.ID, s.Attempt = id, attempt
	return s
}

func stage(t *testing.T, p publish.Publisher, s publish.Set) publish.Staged {
	t.Helper()
	staged, err := p.Stage(t.Context(), s, nil)
	if err != nil {
		t.Fatalf("stage: %v", err)
	}
	return staged
}

func finalize(t *testing.T, p publish.Publisher, s publish.Staged) publish.Location {
	t.Helper()
	loc, err := p.Finalize(t.Context(), s)
	if err != nil {
		t.Fatalf("finalize: %v", err)
	}
	return loc
}

// wantPublished compares the published set with what went into it.
func wantPublished(t *testing.T, pl Place, s publish.Set) {
	t.Helper()
	got, want := map[string]string{}, map[string]string{}
	for _, f := range s.Files {
		want[f.Path] = f.SHA256
	}
	top := filepath.Join(pl.Root, s.ID)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path) //nolint:gosec // a directory of this test's own
		sum := sha256.Sum256(data)
		rel, _ := filepath.Rel(top, path)
		got[filepath.ToSlash(rel)] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("published files differ:\n%s", diff)
	}
}

// wantOnly checks that the place holds these published sets and nothing staged.
func wantOnly(t *testing.T, pl Place, ids ...string) {
	t.Helper()
	want := map[string]bool{}
	for _, id := range ids {
		want[id] = true
	}
	err := filepath.WalkDir(pl.Root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(pl.Root, path)
		top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		if err == nil && !d.IsDir() && !want[top] {
			t.Errorf("left behind: %s", rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range want {
		if _, err := os.Stat(filepath.Join(pl.Root, id)); err != nil {
			t.Errorf("not published: %v", err)
		}
	}
}

func testPublishesWhole(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	p := pl.Open(t)
	s := set(t, "f44-x.1_a", 1, files())
	seen := map[string]int64{}
	staged, err := p.Stage(t.Context(), s, func(file string, done, total int64) {
		if done < seen[file] || done > total {
			t.Errorf("%s went from %d to %d of %d", file, seen[file], done, total)
		}
		seen[file] = done
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Files {
		if done, ok := seen[f.Path]; !ok || done != f.Size {
			t.Errorf("%s: progress ended at %d, want %d", f.Path, done, f.Size)
		}
	}
	if _, err := os.Stat(filepath.Join(pl.Root, s.ID)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the set is visible before Finalize: %v", err)
	}
	loc := finalize(t, p, staged)
	if loc.ID != s.ID || !strings.HasSuffix(loc.URL, s.ID+"/") {
		t.Errorf("location %+v", loc)
	}
	wantPublished(t, pl, s)
	wantOnly(t, pl, s.ID)
	err = filepath.WalkDir(filepath.Join(pl.Root, s.ID), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		need := fs.FileMode(0o444)
		if d.IsDir() {
			need = 0o555
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&need != need {
			t.Errorf("%s has mode %v: not everybody can read it", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func testAnotherProcessFinishes(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	p := pl.Open(t)
	s := set(t, "x", 3, files())
	record, err := json.Marshal(stage(t, p, s))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Close(), os.RemoveAll(s.Dir)); err != nil {
		t.Fatal(err)
	}
	var staged publish.Staged
	if err := json.Unmarshal(record, &staged); err != nil {
		t.Fatal(err)
	}
	finalize(t, pl.Open(t), staged)
	wantPublished(t, pl, s)
	wantOnly(t, pl, "x")
}

func testFinalizeTwice(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	p := pl.Open(t)
	s := set(t, "x", 1, files())
	staged := stage(t, p, s)
	first := finalize(t, p, staged)
	if diff := cmp.Diff(first, finalize(t, pl.Open(t), staged)); diff != "" {
		t.Error(diff)
	}
	wantPublished(t, pl, s)
}

func testConcurrentFinalize(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	s := set(t, "x", 1, files())
	staged := stage(t, pl.Open(t), s)
	var wg sync.WaitGroup
	for range 4 {
		p := pl.Open(t)
		wg.Go(func() {
			if _, err := p.Finalize(t.Context(), staged); err != nil {
				t.Errorf("finalize: %v", err)
			}
		})
	}
	wg.Wait()
	wantPublished(t, pl, s)
	wantOnly(t, pl, "x")
}

func testConcurrentSets(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	p := pl.Open(t)
	var wg sync.WaitGroup
	var sets []publish.Set
	for i, id := range []string{"a", "b", "a.1"} {
		fs := files()
		fs["id"] = []byte{byte('0' + i)}
		s := set(t, id, 1, fs)
		sets = append(sets, s)
		wg.Go(func() {
			staged, err := p.Stage(t.Context(), s, nil)
			if err == nil {
				_, err = p.Finalize(t.Context(), staged)
			}
			if err != nil {
				t.Errorf("%s: %v", s.ID, err)
			}
		})
	}
	wg.Wait()
	for _, s := range sets {
		wantPublished(t, pl, s)
	}
	wantOnly(t, pl, "a", "b", "a.1")
}

func testResumesAfterBreak(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	s := set(t, "x", 1, map[string][]byte{"a": noise(50_000, 1), "b": noise(24_000_000, 2), "c": noise(50_000, 3)})
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("pulled the plug")
	_, err := pl.Open(t).Stage(ctx, s, func(file string, done, total int64) {
		// What is sent may still wait in the sockets' buffers, some 10 MB; the
		// rest has arrived by then.
		if file == "b" && done > total*9/10 {
			cancel(stop)
		}
	})
	if err == nil {
		t.Fatal("no error after the break")
	}
	if !errors.Is(err, stop) {
		t.Errorf("error %v, want the cause of the context", err)
	}
	if _, err := os.Stat(filepath.Join(pl.Root, "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("half a set is published")
	}
	first := map[string]int64{}
	p := pl.Open(t)
	staged, err := p.Stage(t.Context(), s, func(file string, done, _ int64) {
		if _, ok := first[file]; !ok {
			first[file] = done
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if first["a"] != 50_000 {
		t.Errorf("a file that was complete began again: first %d bytes", first["a"])
	}
	if pl.Bytewise && first["b"] < 1_000_000 {
		t.Errorf("the broken file began again: first %d bytes", first["b"])
	}
	finalize(t, p, staged)
	wantPublished(t, pl, s)
	wantOnly(t, pl, "x")
}

func testStagesAgain(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	s := set(t, "x", 1, files())
	staged := stage(t, pl.Open(t), s)
	if diff := cmp.Diff(staged, stage(t, pl.Open(t), s)); diff != "" {
		t.Error(diff)
	}
	finalize(t, pl.Open(t), staged)
	// Killed between the rename and its record: everything is done again.
	again := stage(t, pl.Open(t), s)
	finalize(t, pl.Open(t), again)
	wantPublished(t, pl, s)
	wantOnly(t, pl, "x")
}

func testDropsStrayFiles(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	fs := files()
	fs["logs/old.log"] = []byte("old")
	fs["stray/x/y"] = []byte("old")
	fs["logs/empty.log/odd"] = []byte("a directory where the next try has a file")
	delete(fs, "logs/empty.log")
	stage(t, pl.Open(t), set(t, "x", 1, fs))
	s := set(t, "x", 1, files())
	p := pl.Open(t)
	finalize(t, p, stage(t, p, s))
	wantPublished(t, pl, s)
}

func testRefusesDifferentSet(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	p := pl.Open(t)
	s := set(t, "x", 1, files())
	other := files()
	other[".treeinfo"] = []byte("[other]\n")
	o := set(t, "x", 2, other)
	late := stage(t, p, o) // staged while nothing is published
	finalize(t, p, stage(t, p, s))

	if _, err := p.Finalize(t.Context(), late); !isExists(err) {
		t.Errorf("finalize: error %v, want *ExistsError", err)
	}
	o.Attempt = 3
	if _, err := p.Stage(t.Context(), o, nil); !isExists(err) {
		t.Errorf("stage: error %v, want *ExistsError", err)
	}
	wantPublished(t, pl, s)
}

func isExists(err error) bool {
	_, ok := errors.AsType[*publish.ExistsError](err)
	return ok
}

func testSecondAttemptWins(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	// The first node died; the second attempt made the same bytes.
	p := pl.Open(t)
	first := stage(t, p, set(t, "x", 1, files()))
	s := set(t, "x", 2, files())
	second := stage(t, p, s)
	finalize(t, p, second)
	finalize(t, p, first) // woke up after all
	wantPublished(t, pl, s)
	wantOnly(t, pl, "x")
}

func testNotStaged(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	p := pl.Open(t)
	staged := stage(t, p, set(t, "x", 1, files()))
	never := staged
	never.Attempt = 2
	if _, err := p.Finalize(t.Context(), never); !errors.Is(err, publish.ErrNotStaged) {
		t.Errorf("never staged: error %v, want ErrNotStaged", err)
	}
	other := staged
	other.Digest = strings.Repeat("ab", 32)
	if _, err := p.Finalize(t.Context(), other); !errors.Is(err, publish.ErrNotStaged) {
		t.Errorf("another set staged: error %v, want ErrNotStaged", err)
	}
	for _, bad := range []publish.Staged{{}, {ID: "../x", Attempt: 1, Digest: staged.Digest}, {ID: "x", Digest: staged.Digest}} {
		if _, err := p.Finalize(t.Context(), bad); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
	finalize(t, p, staged)
}

func testRemove(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	p := pl.Open(t)
	s := set(t, "x", 1, files())
	keep := set(t, "x.1", 1, files()) // its name looks like an attempt of x
	finalize(t, p, stage(t, p, keep))
	for range 2 { // the second finds nothing
		if err := p.Remove(t.Context(), "x", 0); err != nil {
			t.Fatal(err)
		}
		if err := p.Remove(t.Context(), "x", 1); err != nil {
			t.Fatal(err)
		}
	}
	staged := stage(t, p, s)
	if err := p.Remove(t.Context(), "x", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finalize(t.Context(), staged); !errors.Is(err, publish.ErrNotStaged) {
		t.Errorf("error %v, want ErrNotStaged", err)
	}
	finalize(t, p, stage(t, p, s))
	s.Attempt = 2
	if err := os.WriteFile(filepath.Join(s.Dir, "unused"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(t.Context(), "x", 0); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, pl, "x.1")
	wantPublished(t, pl, keep)
	if err := p.Remove(t.Context(), "../"+filepath.Base(pl.Root), 0); err == nil {
		t.Error("a name outside was removed")
	}
}

func testCanceledContext(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	p := pl.Open(t)
	s := set(t, "x", 1, files())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Stage(ctx, s, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stage: error %v, want canceled", err)
	}
	staged := stage(t, p, s)
	if _, err := p.Finalize(ctx, staged); !errors.Is(err, context.Canceled) {
		t.Errorf("finalize: error %v, want canceled", err)
	}
	if err := p.Remove(ctx, "x", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("remove: error %v, want canceled", err)
	}
	finalize(t, p, staged)
	wantPublished(t, pl, s)
}

func testChangedUnderneath(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	const name = "images/boot.iso"
	for what, change := range map[string]func(path string) error{
		"a bit": func(path string) error {
			b := noise(700_000, 1)
			b[699_999] ^= 1
			return os.WriteFile(path, b, 0o644)
		},
		"shorter": func(path string) error { return os.Truncate(path, 1000) },
		"longer":  func(path string) error { return os.Truncate(path, 700_001) },
		"gone":    os.Remove,
		"a link": func(path string) error {
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
		},
	} {
		s := set(t, "x", 1, files())
		path := filepath.Join(s.Dir, filepath.FromSlash(name))
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		_, err := pl.Open(t).Stage(t.Context(), s, nil)
		_, mismatch := errors.AsType[*publish.MismatchError](err)
		_, refused := errors.AsType[*publish.RefusedError](err)
		if !mismatch && (what != "a link" || !refused) {
			t.Errorf("%s: error %v, want *MismatchError", what, err)
		}
	}
	if _, err := os.Stat(filepath.Join(pl.Root, "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a changed set is published")
	}
	// With the right bytes back, the same attempt is finished.
	s := set(t, "x", 1, files())
	p := pl.Open(t)
	finalize(t, p, stage(t, p, s))
	wantPublished(t, pl, s)
}

func testFullDisk(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	if pl.Fill == nil {
		return // nothing to check at a place that takes everything
	}
	p := pl.Open(t)
	s := set(t, "x", 1, files())
	pl.Fill(true)
	if _, err := p.Stage(t.Context(), s, nil); !errors.Is(err, publish.ErrNoSpace) {
		t.Errorf("error %v, want ErrNoSpace", err)
	}
	pl.Fill(false)
	finalize(t, p, stage(t, p, s))
	wantPublished(t, pl, s)
	wantOnly(t, pl, "x")
}

func testBadNames(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	p := pl.Open(t)
	good := set(t, "x", 1, files())
	refused := func(what string, s publish.Set) {
		t.Helper()
		if _, err := p.Stage(t.Context(), s, nil); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	for _, id := range []string{"", ".", "..", "../x", "a/b", ".staging", "a b", "é", strings.Repeat("x", 200)} {
		s := good
		s.ID = id
		refused("ID "+id, s)
	}
	for _, path := range []string{"", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "a\nb", `a\b`, "a/\x00"} {
		s := good
		s.Files = append([]publish.File{{Path: path, Size: 1, SHA256: good.Files[0].SHA256}}, good.Files...)
		refused("path "+path, s)
	}
	s := good
	s.Attempt = 0
	refused("attempt 0", s)
	s = good
	s.Files = nil
	refused("no CHECKSUM", s)
	wantOnly(t, pl)
}

func testClosed(t *testing.T, pl Place) { //nolint:thelper // a test itself: failures belong to its lines
	p := pl.Open(t)
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stage(t.Context(), set(t, "x", 1, files()), nil); !errors.Is(err, publish.ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}
