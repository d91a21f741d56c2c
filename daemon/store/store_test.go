package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/store"
)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func sample(id string, at time.Time) *store.Compose {
	return &store.Compose{
		ID: id, State: compose.StateQueued, Created: at, Digest: "d-" + id,
		Request: compose.Request{
			Kind: compose.KindRepo, Release: "44", Arch: "x86_64", Sources: []string{"task:1", "src-" + id},
			Labels: map[string]string{"team": id}, Notify: []compose.Notify{{Email: "qa@example.org"}},
		},
	}
}

func TestComposesSurviveReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "with space?.db")
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	s := open(t, path)
	want := sample("a", at)
	want.Plan = &compose.Plan{Digest: "x", RPMs: []compose.PlanRPM{{NEVRA: "n-1-1.noarch", Size: 5}}}
	if err := s.Insert(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, path).Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIdempotencyKeyMakesOneCompose(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"))
	a, b := sample("a", time.Now()), sample("b", time.Now())
	a.IdemKey, b.IdemKey = "k", "k"
	if err := s.Insert(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := s.Insert(t.Context(), b); !errors.Is(err, store.ErrExists) {
		t.Fatalf("second insert: %v", err)
	}
	got, err := s.ByKey(t.Context(), "k")
	if err != nil || got.ID != "a" {
		t.Fatalf("%v, %v", got, err)
	}
}

func TestFiltersAndPaging(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"))
	for _, id := range []string{"a", "b", "c"} {
		if err := s.Insert(t.Context(), sample(id, time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Update(t.Context(), "b", func(c *store.Compose) error { c.State = compose.StateFailed; return nil }); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		filter store.Filter
		want   []string
	}{
		"all, newest first": {store.Filter{}, []string{"c", "b", "a"}},
		"state":             {store.Filter{States: []compose.State{compose.StateFailed, compose.StateCanceled}}, []string{"b"}},
		"source":            {store.Filter{Source: "src-a"}, []string{"a"}},
		"label":             {store.Filter{Label: "team=c"}, []string{"c"}},
		"kind, none":        {store.Filter{Kind: "dvd"}, nil},
		"limit":             {store.Filter{Limit: 1}, []string{"c"}},
		"before":            {store.Filter{Before: 3}, []string{"b", "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := s.List(t.Context(), tc.filter)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range list {
				got = append(got, c.ID)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			n, err := s.Count(t.Context(), tc.filter)
			if tc.filter.Limit == 0 && (err != nil || n != len(tc.want)) {
				t.Errorf("count %d, %v", n, err)
			}
		})
	}
}

func TestNoticesAreWrittenOnceWhenTheComposeEnds(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"))
	if err := s.Insert(t.Context(), sample("a", time.Now())); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Update(t.Context(), "a", func(c *store.Compose) error { c.State = compose.StateSucceeded; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	due, err := s.DueNotices(t.Context(), time.Now(), 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("%d notices, %v", len(due), err)
	}
	due[0].State = "sent"
	if err := s.UpdateNotice(t.Context(), due[0]); err != nil {
		t.Fatal(err)
	}
	if due, _ = s.DueNotices(t.Context(), time.Now(), 10); len(due) != 0 {
		t.Fatalf("%d notices are due after sending", len(due))
	}
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"))
	if err := s.Insert(t.Context(), sample("a", time.Now())); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	if _, err := s.Update(t.Context(), "a", func(c *store.Compose) error { c.State = compose.StateFailed; return boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), "a")
	if err != nil || got.State != compose.StateQueued {
		t.Fatalf("%v, %v", got.State, err)
	}
	if _, err := s.Update(t.Context(), "none", func(*store.Compose) error { return nil }); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestUploadsByPrefixAndTokensByHash(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"))
	id := "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	if err := s.PutUpload(t.Context(), store.Upload{ID: id, Name: "a.iso", Type: "iso", Size: 7}); err != nil {
		t.Fatal(err)
	}
	if u, err := s.Upload(t.Context(), id[:8]); err != nil || u.ID != id {
		t.Fatalf("%v, %v", u, err)
	}
	for _, bad := range []string{"0011223", "ffffffff", ""} {
		if _, err := s.Upload(t.Context(), bad); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := s.PutToken(t.Context(), store.Token{ID: "t", Name: "n", Hash: []byte("h"), Scopes: []string{"submit"}}); err != nil {
		t.Fatal(err)
	}
	tok, err := s.TokenByHash(t.Context(), []byte("h"))
	if err != nil || !tok.Allows("submit") || tok.Allows("cancel") {
		t.Fatalf("%v, %v", tok, err)
	}
	if _, err := s.DeleteToken(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TokenByHash(t.Context(), []byte("h")); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestDatabaseStandsWhereItWasAskedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b%20?c#d", "respin.db")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestBriefListLeavesOutPlansOnly(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	c := sample("a", time.Unix(1_700_000_000, 0).UTC())
	c.Plan = &compose.Plan{Digest: "d"}
	if err := s.Insert(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	full, err := s.List(t.Context(), store.Filter{})
	if err != nil || len(full) != 1 || full[0].Plan == nil {
		t.Fatalf("%+v, %v", full, err)
	}
	brief, err := s.List(t.Context(), store.Filter{Brief: true})
	if err != nil || len(brief) != 1 || brief[0].Plan != nil {
		t.Fatalf("%+v, %v", brief, err)
	}
	full[0].Plan = nil
	if diff := cmp.Diff(full, brief); diff != "" {
		t.Error(diff)
	}
	if ids, err := s.IDs(t.Context(), store.Filter{States: []compose.State{c.State}}); err != nil || len(ids) != 1 || ids[0] != "a" {
		t.Errorf("%v, %v", ids, err)
	}
}
