package kickstart_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

func TestFlattenPutsIncludesInAndDropsWhatIsOverridden(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{
		"base.ks": {Data: []byte("# base\nlang de\npart / --size 5120\npart swap --size=1\nservices --enabled=a\nkeyboard us\nurl --url=http://old\n" +
			"repo --name=fedora --baseurl=http://old\nreboot\n%packages\n-vim\n%end")},
		"pkgs.inc": {Data: []byte("vim\n# why")},
	}
	src := "%include base.ks\nlang en\npart / --size=18000\npart swap --size=2\nservices --disabled=b\nkeyboard --vckeymap=de\nurl --mirrorlist=http://new\n" +
		"repo --name=fedora --baseurl=http://new\nnetwork --hostname=a\nnetwork --device=link\nshutdown\n%include /tmp/parts\n%packages\n%include pkgs.inc\n%include /tmp/pkgs\nnano\n%end\n"
	want := "# base\npart swap --size=1\nservices --enabled=a\nkeyboard us\n%packages\n-vim\n%end\n" +
		"lang en\npart / --size=18000\npart swap --size=2\nservices --disabled=b\nkeyboard --vckeymap=de\nurl --mirrorlist=http://new\n" +
		"repo --name=fedora --baseurl=http://new\nnetwork --hostname=a\nnetwork --device=link\nshutdown\n%include /tmp/parts\n%packages\nvim\n# why\n%include /tmp/pkgs\nnano\n%end\n"
	doc := parse(t, src, kickstart.Options{Version: kickstart.F44, Includes: kickstart.FSIncluder(tree), IgnoreMissing: true})
	flat := doc.Flatten()
	if diff := cmp.Diff(want, flat.String()); diff != "" {
		t.Errorf("flattened (-want +got):\n%s", diff)
	}
	if doc.String() != src {
		t.Error("Flatten changed the document")
	}
	if diags := flat.Validate(kickstart.F44); len(diags) > 0 {
		t.Errorf("the flattened kickstart has problems: %v", diags)
	}
	if err := flat.AddPackages("emacs"); err != nil {
		t.Fatal(err)
	}
	if doc.String() != src {
		t.Error("editing the flattened kickstart changed the document")
	}
}

// TestFlattenOfFedorasSpins: the spins use includes three deep, and some define
// the root partition twice.
func TestFlattenOfFedorasSpins(t *testing.T) {
	t.Parallel()
	dir, _ := dataFiles(t)
	root, err := os.OpenRoot(filepath.Join(dir, "fedora-f43"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	spins, err := filepath.Glob(filepath.Join(dir, "fedora-f43", "fedora-*.ks"))
	if err != nil || len(spins) < 50 {
		t.Fatalf("%d spins, %v", len(spins), err)
	}
	for _, spin := range spins {
		name := filepath.Base(spin)
		doc, err := kickstart.Parse(name, readFile(t, spin), kickstart.Options{Version: kickstart.F44, Includes: kickstart.FSIncluder(root.FS())})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		flat := doc.Flatten()
		again, err := kickstart.Parse(name, flat.Bytes(), kickstart.Options{Version: kickstart.F44})
		if err != nil {
			t.Errorf("%s flattened: %v", name, err)
			continue
		}
		if diff := cmp.Diff(doc.Packages(), again.Packages()); diff != "" {
			t.Errorf("%s: flattening changed the packages (-want +got):\n%s", name, diff)
		}
		roots := 0
		for _, p := range again.Partitions() {
			if p.Mountpoint == "/" {
				roots++
			}
		}
		if roots > 1 {
			t.Errorf("%s: flattening left %d root partitions", name, roots)
		}
	}
}
