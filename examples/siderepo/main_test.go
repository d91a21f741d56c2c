package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/repo"
)

func fedora(t *testing.T) *composetest.Fedora {
	t.Helper()
	f, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestMakesARepositoryOfAnUpdate(t *testing.T) {
	t.Parallel()
	f, out := fedora(t), filepath.Join(t.TempDir(), "side")
	var said bytes.Buffer
	if err := run(t.Context(), []string{"-koji", f.HubURL, "-topurl", f.TopURL, "-bodhi", f.BodhiURL, "-out", out, f.Update}, &said); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		f.Update + ": ", ", 5 RPMs\n", "hello-docs.noarch 1.0-1.fc44: included\n",
		"clock.x86_64 1:5.0^20261101gitabcdef-2.fc44: included\n", "repository: " + out + "/out/repo, 5 packages\n",
	} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not in:\n%s", want, said.String())
		}
	}
	made, err := repo.OpenDir(filepath.Join(out, "out", "repo"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for e, err := range made.Primary(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name)
	}
	if diff := cmp.Diff([]string{"clock", "greeter", "greeter-devel", "greeter-libs", "hello-docs"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestSaysWhyItCannot(t *testing.T) {
	t.Parallel()
	f, out := fedora(t), filepath.Join(t.TempDir(), "side")
	err := run(t.Context(), []string{"-koji", f.HubURL, "-topurl", f.TopURL, "-bodhi", f.BodhiURL, "-out", out, composetest.BuildDeleted, "FEDORA-2026-0000000000"}, &bytes.Buffer{})
	refused, ok := errors.AsType[*compose.RefusedError](err)
	if !ok || !refused.Has(compose.CodeBuildDeleted) || !refused.Has(compose.CodeUpdateNotFound) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(out, compose.OutDir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused request left something: %v", err)
	}
}
