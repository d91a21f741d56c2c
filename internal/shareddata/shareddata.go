// Package shareddata finds the third-party test data (real RPMs, repodata,
// kickstarts, recorded answers) that stands beside the checkout and is never
// part of it. Tests that need it skip where it is absent, and fail where
// RESPIN_INTEROP=1 promises that it is there.
package shareddata

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the folder sub of the shared data: $RESPIN_DATA/sub, or
// ../shared/data/sub beside the module root.
func Dir(t testing.TB, sub string) string {
	t.Helper()
	base := os.Getenv("RESPIN_DATA")
	if base == "" {
		base = filepath.Join(filepath.Dir(Root(t)), "shared", "data")
	}
	dir := filepath.Join(base, sub)
	if _, err := os.Stat(dir); err != nil {
		Missing(t, "the shared test data "+sub+" ("+dir+")")
	}
	return dir
}

// Missing skips the test because what is absent, or fails it when
// RESPIN_INTEROP=1 says that everything is there.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("RESPIN_INTEROP") == "1" {
		t.Fatalf("RESPIN_INTEROP=1, but %s is missing", what)
	}
	t.Skipf("%s is missing; RESPIN_INTEROP=1 turns this into a failure", what)
}

// Root returns the folder of go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}
