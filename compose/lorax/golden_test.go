package lorax_test

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
	"github.com/fedora-respin/respin/compose/lorax"
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
func described(t *testing.T, release string, final, full bool) *compose.Plan {
	t.Helper()
	p := &compose.Plan{
		Request: compose.Request{Kind: compose.KindBootISO, Release: release, Arch: "x86_64"}, Final: final, Epoch: 1793000000,
		VolID: "Fedora-" + release + "-boot-iso-x86_64", Image: "Fedora-" + release + "-boot-iso-x86_64.iso",
	}
	for _, r := range compose.DefaultRepos(release, "x86_64", final) {
		p.Repos = append(p.Repos, compose.PlanRepo{Repo: r})
	}
	if full {
		p.RPMs = []compose.PlanRPM{{NEVRA: "anaconda-44.12-1.fc44.x86_64", Name: "anaconda", Arch: "x86_64"}}
		p.Request.Packages, p.Request.Require = []string{"vim", "tmux"}, []string{"anaconda>=44.12", "bash=5.3", "tmux"}
		p.Request.Exclude = []string{"fedora-logos"}
		p.Request.Options = compose.Options{
			RootfsSize: 3, RootfsType: "squashfs-ext4", Variant: "Server", Product: "Fedora Remix",
			Templates:    []compose.Template{{Name: "branding", Text: "installpkg x\n"}, {Name: "images", Text: "mkdir /x\n", Arch: true}},
			TemplateVars: map[string]string{"b": "2 = two", "a": "1"}, ArchTemplateVars: map[string]string{"z": "--x"},
		}
	}
	if err := (&lorax.Backend{}).Describe(p); err != nil {
		t.Fatal(err)
	}
	return p
}

// frozen is what a golden file holds of a Plan.
func frozen(t *testing.T, p *compose.Plan) []byte {
	t.Helper()
	data, err := json.MarshalIndent(map[string]any{
		"argv": p.Argv, "env": p.Env(), "tools": p.Tools, "warnings": p.Warnings,
		"respin.repo": strings.Split(compose.RepoFile(p, "/side/repo"), "\n"),
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	// Readable, and the same for every JSON reader.
	return append([]byte(strings.NewReplacer(`\u003e`, ">", `\u003c`, "<", `\u0026`, "&").Replace(string(data))), '\n')
}

func TestArgvOfEachReleaseIsFrozen(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*compose.Plan{
		"F42": described(t, "42", true, false), "F43": described(t, "43", true, false), "F44": described(t, "44", true, false),
		"F45-branched": described(t, "45", false, false), "rawhide": described(t, "rawhide", false, false), "eln": described(t, "eln", false, false),
		"EL10": described(t, "10", true, false), "F44-everything": described(t, "44", true, true),
	} {
		golden(t, name+".json", frozen(t, p))
	}
}

// The versions differ in what they can be asked; the stand-in has the options of
// each, as the history of pylorax/cmdline/__init__.py has them.
func TestArgvIsTranslatedForEachVersion(t *testing.T) {
	t.Parallel()
	url := release(t)
	for _, version := range []string{"40.5", "41.0", "41.3", "43.0", "46.0"} {
		for _, rootfs := range []string{"squashfs", "squashfs-ext4", "erofs"} {
			t.Run(version+"-"+rootfs, func(t *testing.T) {
				t.Parallel()
				p := plan(url)
				p.Request.Options.RootfsType = rootfs
				runner, _ := built.Runner(t, composetest.Settings{Version: version})
				made, job, err := build(t, p, runner)
				if old := version == "40.5" || version == "41.0"; old && rootfs == "erofs" {
					failed := compose.Diagnose(t.Context(), compose.StageCompose, err).Failure
					if err == nil || failed.Code != compose.CodeToolMissing || !strings.Contains(failed.Sentence, "lorax "+version) {
						t.Fatalf("got %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if tool := job.Tools[0]; tool.Version != version || made.Commands[0].Version != version {
					t.Errorf("version %s, recorded %+v", tool.Version, made.Commands[0])
				}
				argv := strings.ReplaceAll(strings.Join(made.Commands[0].Argv, "\n"), url, "http://release/")
				golden(t, "lorax-"+version+"-"+rootfs+".txt", []byte(argv+"\n"))
			})
		}
	}
}
