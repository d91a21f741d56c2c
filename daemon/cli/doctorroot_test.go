package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
)

// The host has a lorax of its own in every case: where the runner is mock or
// podman it must not count.
func TestDoctorLooksWhereTheToolsWouldRun(t *testing.T) { //nolint:paralleltest // it sets PATH, which the host's tools are found by
	if os.Geteuid() != 0 {
		t.Skip("the stand-ins for mock and podman mount and chroot, which takes root")
	}
	build := t.TempDir()
	built, err := composetest.BuildStandIn(t.Context(), build)
	if err != nil {
		t.Fatal(err)
	}
	old := os.Getenv("PATH")
	for name, tc := range map[string]struct {
		config   string
		roots    composetest.Roots
		inside   string // version of lorax in the roots
		where    string
		version  string // of lorax as told
		bootISO  bool
		reason   string
		unusable string // says why the runner is not usable
	}{
		"host":            {config: "runner: host\n", version: "lorax-43.0", bootISO: true},
		"mock":            {config: "runner: {kind: mock, probe_release: \"44\"}\n", inside: "46.0", where: "mock chroot fedora-44-x86_64", version: "46.0", bootISO: true},
		"podman":          {config: "runner: {kind: podman, images: {default: img}}\n", inside: "45.2", where: "image img", version: "45.2", bootISO: true},
		"empty image":     {config: "runner: {kind: podman, images: {default: empty}}\n", where: "image empty", reason: "missing: lorax (in image empty)"},
		"old in image":    {config: "runner: {kind: podman, images: {default: img}}\n", inside: "33.1", where: "image img", reason: "lorax 33.1 of image img is too old, 34 or newer is needed: update lorax there"},
		"old podman":      {config: "runner: {kind: podman, images: {default: img}}\n", roots: composetest.Roots{Podman: "3.4.4"}, where: "podman", reason: "podman 3.4.4 of the build node is too old", unusable: "podman 3.4.4 of the build node is too old, 4.0 or newer is needed: update podman there"},
		"no mock release": {config: "runner: mock\n", roots: composetest.Roots{Configs: []string{"fedora-44-x86_64"}}, where: "mock", reason: "mock has no configuration fedora-rawhide-x86_64"},
	} {
		dir, hostDir := t.TempDir(), t.TempDir()
		tc.roots.Images = map[string][]string{"img": {"lorax"}, "empty": nil}
		tc.roots.Inside = &composetest.Settings{Version: tc.inside}
		if err := composetest.InstallRoots(dir, built, tc.roots); err != nil {
			t.Fatal(err)
		}
		if err := composetest.Link(hostDir, built, composetest.Settings{Version: "43.0", AnyUser: true}); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", strings.Join([]string{dir, hostDir, old}, ":"))
		config := filepath.Join(dir, "respin.yaml")
		if err := os.WriteFile(config, []byte(tc.config), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		code := Main(t.Context(), Env{
			Args: []string{"doctor", "--offline", "--json", "--config", config}, Environ: []string{"RESPIN_DATA=" + t.TempDir()}, Stdout: &out, Stderr: &errs,
		})
		var r doctorReport
		if err := json.Unmarshal(out.Bytes(), &r); code != ExitOK || err != nil {
			t.Fatalf("%s: %d, %v\n%s", name, code, err, errs.String())
		}
		if wrong := judgeDoctor(&r, tc.where, tc.version, tc.bootISO, tc.reason, tc.unusable); wrong != "" {
			t.Errorf("%s: %s\n%s", name, wrong, out.String())
		}
		if left := append(composetest.Chroots(dir), composetest.Containers(dir)...); len(left) > 0 {
			t.Errorf("%s: left %q", name, left)
		}
	}
}

func judgeDoctor(r *doctorReport, where, version string, bootISO bool, reason, unusable string) string {
	for _, tool := range r.Tools {
		if tool.Name == "lorax" && (tool.Where != where || !strings.Contains(tool.Version, version) || version == "" && tool.Version != "") {
			return fmt.Sprintf("lorax is %+v", tool)
		}
	}
	for _, k := range r.Kinds {
		if k.Kind == compose.KindBootISO && (k.Available != bootISO || !strings.Contains(k.Reason, reason)) {
			return fmt.Sprintf("boot-iso is %+v", k)
		}
	}
	for _, one := range r.Runners {
		if one.Configured && (one.Usable != (unusable == "") || !one.Usable && one.Says != unusable || one.Usable && one.Version == "" && one.Name != "host") {
			return fmt.Sprintf("runner is %+v", one)
		}
	}
	return ""
}
