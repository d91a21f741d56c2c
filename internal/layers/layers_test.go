// Package layers holds the test of the import graph: who may import whom is
// written once, here, and docs/ARCHITECTURE.md explains it.
package layers_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
)

const module = "github.com/fedora-respin/respin/"

// allowed lists for each layer what it may import of ours besides plumbing. A
// name ending in /... stands for the whole tree below it, the folder included.
var allowed = []struct {
	layer string
	may   []string
}{
	{"koji/...", []string{"koji/..."}},
	{"bodhi/...", []string{"bodhi/..."}},
	{"kickstart/...", []string{"kickstart/..."}},
	{"queue/...", []string{"queue/..."}},
	{"publish/...", []string{"publish/..."}},
	{"repo/rpm/...", []string{"repo/rpm/..."}},
	{"repo/siderepo/...", []string{"repo/...", "koji", "bodhi"}},
	{"repo/...", []string{"repo/..."}},
	{"compose/...", []string{"compose/...", "repo/...", "kickstart/...", "koji/...", "bodhi/..."}},
	{"daemon/respin", []string{"daemon/..."}},
	{"daemon/...", []string{"daemon/...", "compose/...", "repo/...", "kickstart/...", "koji/...", "bodhi/...", "queue/...", "publish/..."}},
	{"examples/...", []string{"compose/...", "repo/...", "kickstart/...", "koji/...", "bodhi/...", "queue/...", "publish/...", "daemon/..."}},
	// The demo, the benchmarks and the interop suite drive everything.
	{"internal/bench/...", []string{"..."}},
	{"internal/demo", []string{"..."}},
	{"internal/interop", []string{"..."}},
}

// serverOnly are modules that a user of the library packages must not link.
var serverOnly = []string{
	"github.com/nats-io/nats-server", "github.com/nats-io/nats.go", "modernc.org/sqlite", "github.com/danielgtaylor/huma",
	"github.com/wneessen/go-mail", "github.com/prometheus/client_golang", "github.com/jlaffaye/ftp",
}

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = shareddata.Root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("go list shows only %d packages", len(all))
	}
	return all
}

func within(path, pattern string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == base || strings.HasPrefix(path, base+"/")
	}
	return path == pattern
}

func TestImportsFollowTheLayers(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		at := slices.IndexFunc(allowed, func(a struct {
			layer string
			may   []string
		},
		) bool {
			return within(path, a.layer)
		})
		for _, imp := range p.Imports {
			target, ours := strings.CutPrefix(imp, module)
			if !ours || strings.HasPrefix(target, "internal/") && at >= 0 {
				continue
			}
			switch {
			case at < 0 && strings.HasPrefix(path, "internal/") && strings.HasPrefix(target, "internal/"):
			case at < 0:
				t.Errorf("%s imports %s, but stands in no layer that may", path, target)
			case !slices.ContainsFunc(allowed[at].may, func(may string) bool { return within(target, may) }):
				t.Errorf("%s must not import %s", path, target)
			}
		}
	}
}

func TestLibraryPackagesLinkNoServer(t *testing.T) {
	t.Parallel()
	libraries := []string{"koji/...", "bodhi/...", "kickstart/...", "repo/...", "compose/..."}
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if !slices.ContainsFunc(libraries, func(l string) bool { return within(path, l) }) {
			continue
		}
		for _, dep := range p.Deps {
			for _, heavy := range serverOnly {
				if strings.HasPrefix(dep, heavy) {
					t.Errorf("%s links %s", path, dep)
				}
			}
		}
	}
}
