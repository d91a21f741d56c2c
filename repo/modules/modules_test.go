package modules_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ulikunitz/xz"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/modules"
	"github.com/fedora-respin/respin/repo/rpm"
)

const sample = `---
document: modulemd-defaults
version: 1
data:
  module: node
  stream: 10
  profiles: {10: [default]}
...
---
document: modulemd
version: 2
data: {name: node, stream: "10", version: 20, context: c, arch: x86_64, artifacts: {rpms: [node-1:10.2-1.x86_64, node-1:10.2-1.src, npm-0:6-1.noarch]}}
---
document: modulemd
version: 2
data: {name: node, stream: 10, version: 10, context: c, arch: x86_64, artifacts: {rpms: [node-1:10.1-1.x86_64]}}
---
document: modulemd
version: 2
data: {name: node, stream: 3.10, version: 30, context: 1, arch: x86_64, artifacts: {rpms: [node-1:3.10-1.x86_64, broken]}}
---
document: modulemd-obsoletes
data: {module: node}
`

func TestFilter(t *testing.T) {
	t.Parallel()
	list, err := modules.Read(strings.NewReader(sample))
	if err != nil || len(list) != 3 || list[2].Stream != "3.10" || list[2].Default || !list[0].Default {
		t.Fatalf("%+v %v", list, err)
	}
	filter := modules.NewFilter(list)
	got := map[string]bool{}
	want := map[string]bool{
		"node-1:10.2-1.x86_64": false, // enabled
		"npm-6-1.noarch":       false,
		"node-1:10.1-1.x86_64": true, // an older build of the stream
		"node-1:3.10-1.x86_64": true, // another stream
		"node-1:12-1.x86_64":   true, // not of a module, but of a name that the enabled stream has
		"bash-5-1.x86_64":      false,
	}
	for n := range want {
		nevra, err := rpm.ParseNEVRA(n)
		if err != nil {
			t.Fatal(err)
		}
		got[n] = filter.Hidden(nevra)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hidden (-want +got):\n%s", diff)
	}
	if (*modules.Filter)(nil).Hidden(rpm.NEVRA{Name: "a"}) {
		t.Error("without modules nothing is hidden")
	}
}

func TestMalformedIsRefused(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{"{", "document: modulemd\ndata: [a]", "document: modulemd\ndata: {stream: [a]}", "data: {version: x}"} {
		if list, err := modules.Read(strings.NewReader(doc)); err == nil {
			t.Errorf("%q: %v", doc, list)
		}
	}
}

func TestReadsModulesOfOthers(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "repodata"), "cs9-appstream/repodata/*modules.yaml.xz"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	f, err := os.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := xz.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	list, err := modules.Read(in)
	if err != nil {
		t.Fatal(err)
	}
	artifacts := 0
	for _, m := range list {
		artifacts += len(m.Artifacts)
		if m.Default || m.Name == "" || m.Stream == "" || m.Arch != "x86_64" {
			t.Errorf("%+v", m)
		}
	}
	if len(list) < 20 || artifacts < 1000 {
		t.Errorf("%d modules, %d artifacts", len(list), artifacts)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(sample))
	f.Fuzz(func(t *testing.T, doc []byte) {
		list, err := modules.Read(strings.NewReader(string(doc)))
		if err != nil {
			return
		}
		filter := modules.NewFilter(list)
		for _, m := range list {
			for _, a := range m.Artifacts {
				if n, err := rpm.ParseNEVRA(a); err == nil {
					filter.Hidden(n)
				}
			}
		}
	})
}

func ExampleNewFilter() {
	list, err := modules.Read(strings.NewReader(`
document: modulemd
data: {name: node, stream: "22", version: 1, arch: x86_64, artifacts: {rpms: [nodejs-1:22.1-1.x86_64]}}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	n, _ := rpm.ParseNEVRA("nodejs-1:22.1-1.x86_64")
	fmt.Println(modules.NewFilter(list).Hidden(n))
	// Output:
	// true
}
