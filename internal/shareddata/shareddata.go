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

// Dir returns the folder sub of the shared data: $RESPIN_TESTDATA/sub, or
// ../shared/data/sub beside the module root.
func Dir(tb testing.TB, sub string) string {
	tb.Helper()
	base := os.Getenv("RESPIN_TESTDATA")
	if base == "" {
		base = filepath.Join(filepath.Dir(Root(tb)), "shared", "data")
	}
	dir := filepath.Join(base, sub)
	if _, err := os.Stat(dir); err != nil {
		Missing(tb, "the shared test data "+sub+" ("+dir+")")
	}
	return dir
}

// Missing skips the test because what is absent, or fails it when
// RESPIN_INTEROP=1 says that everything is there.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("RESPIN_INTEROP") == "1" {
		tb.Fatalf("RESPIN_INTEROP=1, but %s is missing", what)
	}
	tb.Skipf("%s is missing; RESPIN_INTEROP=1 turns this into a failure", what)
}

// Root returns the folder of go.mod.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			tb.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}
