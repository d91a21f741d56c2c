package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// small starts the Fedora that the tests compose from: a Koji hub and a Bodhi
// on loopback. A harness of one's own would name the real ones here.
func small(t *testing.T) (*composetest.Fedora, Fedora) {
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
	return f, Fedora{HubURL: f.HubURL, TopURL: f.TopURL, BodhiURL: f.BodhiURL}
}

// TestTheUpdateShips is the shape of a harness's test: compose, then assert on
// the package report.
func TestTheUpdateShips(t *testing.T) {
	t.Parallel()
	f, fedora := small(t)
	result, err := Compose(t.Context(), fedora, compose.Request{Kind: compose.KindRepo, Arch: "x86_64", Sources: []string{f.Update}}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range result.Packages {
		if p.Verdict != compose.VerdictIncluded || len(p.SHA256) != 64 {
			t.Errorf("%+v", p)
		}
		got[p.Name+"."+p.Arch] = p.Shipped
	}
	want := map[string]string{
		"clock.x86_64": "1:5.0^20261101gitabcdef-2.fc44", "hello-docs.noarch": "1.0-1.fc44",
		"greeter.x86_64": "2.3-4.fc44", "greeter-devel.x86_64": "2.3-4.fc44", "greeter-libs.x86_64": "2.3-4.fc44",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestARequiredVersionIsMissing lets the compose itself judge: Require fails it.
func TestARequiredVersionIsMissing(t *testing.T) {
	t.Parallel()
	f, fedora := small(t)
	_, err := Compose(t.Context(), fedora, compose.Request{
		Kind: compose.KindRepo, Arch: "x86_64", Sources: []string{f.Update}, Require: []string{"greeter>=3"},
	}, t.TempDir())
	if failed, ok := errors.AsType[*compose.FailedError](err); !ok || failed.Failure.Code != compose.CodeVerifyFailed {
		t.Fatalf("got %v", err)
	}
}

// TestAnAlteredPackageIsNotShipped plays a damaged mirror.
func TestAnAlteredPackageIsNotShipped(t *testing.T) {
	t.Parallel()
	f, fedora := small(t)
	for _, name := range f.Hub.Files() {
		if strings.Contains(name, "hello-docs-1.0-1.fc44.noarch") {
			if err := f.Hub.CorruptFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := Compose(t.Context(), fedora, compose.Request{Kind: compose.KindRepo, Arch: "x86_64", Sources: []string{composetest.BuildNoarch}}, t.TempDir())
	if failed, ok := errors.AsType[*compose.FailedError](err); !ok || failed.Failure.Code != compose.CodeRPMAltered {
		t.Fatalf("got %v", err)
	}
}

// TestKojiIsDown: trouble of others is told apart from trouble of the update.
func TestKojiIsDown(t *testing.T) {
	t.Parallel()
	f, fedora := small(t)
	f.Hub.Fail(kojitest.Failures{Offline: "outage"})
	_, err := Compose(t.Context(), fedora, compose.Request{Kind: compose.KindRepo, Arch: "x86_64", Sources: []string{composetest.BuildNoarch}}, t.TempDir())
	if refused, ok := errors.AsType[*compose.RefusedError](err); !ok || !refused.Has(compose.CodeKojiUnreachable) {
		t.Fatalf("got %v", err)
	}
}

func TestRunPrintsTAP(t *testing.T) {
	t.Parallel()
	f, fedora := small(t)
	flags := []string{"-koji", fedora.HubURL, "-topurl", fedora.TopURL, "-bodhi", fedora.BodhiURL}
	var said bytes.Buffer
	good := append(slices.Clone(flags), "-expect", "greeter=2.3-4.fc44", "-expect", "clock>1:5.0", "-expect", "hello-docs", "-expect", "hello-docs<=1.0", f.Update)
	if err := run(t.Context(), good, &said); err != nil {
		t.Error(err)
	}
	want := "TAP version 13\n1..4\nok 1 - greeter=2.3-4.fc44\nok 2 - clock>1:5.0\nok 3 - hello-docs\nok 4 - hello-docs<=1.0\n"
	if diff := cmp.Diff(want, said.String()); diff != "" {
		t.Error(diff)
	}
	said.Reset()
	bad := append(slices.Clone(flags), "-expect", "greeter>=3", "-expect", "vim", "-expect", "hello-docs<1.0", f.Update)
	if err := run(t.Context(), bad, &said); err == nil || err.Error() != "3 of 3 expectations do not hold" {
		t.Errorf("got %v", err)
	}
	want = "TAP version 13\n1..3\nnot ok 1 - greeter>=3\n# greeter.x86_64 is 2.3-4.fc44\nnot ok 2 - vim\n# there is no package vim\n" +
		"not ok 3 - hello-docs<1.0\n# hello-docs.noarch is 1.0-1.fc44\n"
	if diff := cmp.Diff(want, said.String()); diff != "" {
		t.Error(diff)
	}
}
