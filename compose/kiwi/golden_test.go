package kiwi_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/kiwi"
)

var update = flag.Bool("update", false, "write the golden files") //nolint:gochecknoglobals // a flag of the test binary

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// described is the Plan of one release; full says everything that a request can.
func described(t *testing.T, kind compose.Kind, release string, full bool) *compose.Plan {
	t.Helper()
	text := files("https://mirrors.fedoraproject.org/metalink?repo=fedora-$releasever&amp;arch=$basearch")
	p := plan(t, kind, archive(t, text))
	p.Request.Release, p.VolID, p.Image = release, "Fedora-"+release+"-live-x86_64", "Fedora-"+release+"-"+string(kind)+"-x86_64.iso"
	p.RPMs, p.Request.Packages, p.Request.Require = nil, nil, nil
	if full {
		p.RPMs = []compose.PlanRPM{{NEVRA: "anaconda-44.12-1.fc44.x86_64", Name: "anaconda", Arch: "x86_64"}}
		p.Request.Packages, p.Request.Exclude, p.Request.BootArgs = []string{"vim", "@core"}, []string{"logos"}, []string{"console=ttyS0", "inst.text"}
		p.Request.Options.Kiwi.IgnoreRepos = true
		for _, r := range []compose.Repo{
			{ID: "extra", BaseURL: "https://example.org/a,b;c/$releasever/", Priority: 50, GPGCheck: true, GPGKeys: []string{"https://example.org/k1", "https://example.org/k;2"}, Cost: 5},
			{ID: "link", Metalink: "https://example.org/metalink?repo=f-44&arch=x86_64", IncludePkgs: []string{"vim*"}, Priority: 1},
			{ID: "list", Mirrorlist: "https://example.org/mirrors#top", ExcludePkgs: []string{"emacs*"}},
		} {
			p.Repos = append(p.Repos, compose.PlanRepo{Repo: r})
		}
	}
	if err := (&kiwi.Backend{}).Describe(p); err != nil {
		t.Fatal(err)
	}
	return p
}

// frozen is what a golden file holds of a Plan.
func frozen(t *testing.T, p *compose.Plan) []byte {
	t.Helper()
	data, err := json.MarshalIndent(map[string]any{"argv": p.Argv, "env": p.Env(), "tools": p.Tools, "warnings": p.Warnings, "image": p.Image}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte(strings.NewReplacer(`\u003e`, ">", `\u003c`, "<", `\u0026`, "&").Replace(string(data))), '\n')
}

func TestArgvOfEachReleaseIsFrozen(t *testing.T) {
	t.Parallel()
	for _, release := range []string{"42", "43", "44", "45", "rawhide"} {
		for _, kind := range []compose.Kind{compose.KindLive, compose.KindDisk, compose.KindTar, compose.KindOCI} {
			golden(t, "F"+release+"-"+string(kind)+".json", frozen(t, described(t, kind, release, false)))
		}
	}
	golden(t, "F44-live-everything.json", frozen(t, described(t, compose.KindLive, "44", true)))
}

// Two parsers of arguments stand behind the name: docopt in kiwi 10, typer in 11.
// Both take the same words.
func TestArgvIsWhatEachVersionTakes(t *testing.T) {
	t.Parallel()
	url := release(t)
	data := archive(t, files(url))
	for _, version := range []string{"10.3.11", "11.1.6"} {
		for _, kind := range []compose.Kind{compose.KindLive, compose.KindDisk} {
			t.Run(version+"-"+string(kind), func(t *testing.T) {
				t.Parallel()
				p, j := plan(t, kind, data), job(t, data, composetest.Settings{Kiwi: version})
				p.Request.Exclude, p.Repos = []string{"logos"}, []compose.PlanRepo{{Repo: compose.Repo{ID: "extra", BaseURL: url, Priority: 50}}}
				if kind == compose.KindLive {
					p.Request.BootArgs = []string{"console=ttyS0"}
				}
				made, err := build(t, p, j)
				if err != nil {
					t.Fatalf("%v\n%s", err, j.Log)
				}
				if tool := j.Tools[0]; tool.Version != version || made.Commands[0].Version != version {
					t.Errorf("version %s, recorded %+v", tool.Version, made.Commands[0])
				}
				argv := strings.ReplaceAll(strings.Join(made.Commands[0].Argv, "\n"), url, "http://release/")
				golden(t, "kiwi-"+version+"-"+string(kind)+".txt", []byte(argv+"\n"))
			})
		}
	}
}
