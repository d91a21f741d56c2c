package repo_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo"
)

// module is a document of modulemd.
func module(name, stream, summary string) string {
	return "document: modulemd\nversion: 2\ndata:\n  name: " + name + "\n  stream: " + stream + "\n  version: 1\n  context: c0ffee\n  arch: x86_64\n  summary: " + summary + "\n"
}

const moduleDefaults = "document: modulemd-defaults\nversion: 1\ndata:\n  module: perl\n  stream: 5.26\n"

func TestModulesFoundInTheWalkAreMerged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "a.rpm"), simple("a"))
	put := func(name, text string) { writeFile(t, filepath.Join(dir, name), []byte(text)) }
	put("b/modules.yaml", "%YAML 1.2\n# a comment\n---\n"+module("perl", "5.30", "one")+"...\n---\n"+moduleDefaults+"...\n")
	put("a/perl.modulemd.yaml", "--- \n"+module("perl", "5.26", "'--- no mark'")+"---\n"+module("perl", "5.30", "one")+"--- # beside its mark\n"+module("ruby", "3", "r"))
	put("a/x.modulemd-defaults.yaml", moduleDefaults)
	put("a/z-modules.yaml.gz", "")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(module("zip", "1", "packed"))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	put("a/z-modules.yaml.gz", packed.String())
	put("notes.yaml", "not about modules")
	rep, err := repo.Create(t.Context(), dir, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := "---\n" + module("perl", "5.26", "'--- no mark'") + "...\n---\n" + module("perl", "5.30", "one") + "...\n---\n # beside its mark\n" +
		module("ruby", "3", "r") + "...\n---\n" + moduleDefaults + "...\n---\n" + module("zip", "1", "packed") + "...\n"
	if diff := cmp.Diff(want, content(t, dir, "modules")); diff != "" {
		t.Error(diff)
	}
	if len(rep.Warnings) != 0 || !strings.HasSuffix(rep.Repomd.Find("modules").Href, "-modules.yaml.zst") {
		t.Errorf("%+v", rep)
	}
	// The next run does not take its own output for input, and a clash is named.
	put("c/modules.yaml", module("perl", "5.30", "another"))
	if rep, err = repo.Create(t.Context(), dir, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, content(t, dir, "modules")); diff != "" {
		t.Error(diff)
	}
	if len(rep.Warnings) != 1 || !strings.Contains(rep.Warnings[0], "modulemd:perl:5.30:1:c0ffee:x86_64") {
		t.Errorf("%q", rep.Warnings)
	}
	// What is given comes before what is found.
	given := filepath.Join(t.TempDir(), "given.yaml")
	writeFile(t, given, []byte(module("perl", "5.30", "given")))
	if _, err = repo.Create(t.Context(), dir, repo.Options{Extra: []repo.Extra{{Type: "modules", Path: given}}}); err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir, "modules"); !strings.HasPrefix(got, "---\n"+module("perl", "5.30", "given")) || strings.Contains(got, "summary: one") {
		t.Errorf("%s", got)
	}
}

func TestBrokenModulesFailTheRun(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no yaml": "a: [", "no modulemd": "just: a map\n", "a list": "- 1\n", "aliases": "a: &a [x]\ndocument: *a\n",
	} {
		dir := t.TempDir()
		create(t, dir, "a", repo.Options{})
		writeFile(t, filepath.Join(dir, "modules.yaml"), []byte(text))
		_, err := repo.Create(t.Context(), dir, repo.Options{})
		if err == nil || !strings.Contains(err.Error(), "modules.yaml") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := repo.OpenDir(dir); err != nil {
			t.Errorf("%s: the old repository is gone: %v", name, err)
		}
		create(t, dir, "", repo.Options{Excludes: []string{"modules.yaml"}})
	}
}

// TestPackedExtraIsUnpackedFirst: as createrepo_c does with a comps file.
func TestPackedExtraIsUnpackedFirst(t *testing.T) {
	t.Parallel()
	dir, in := t.TempDir(), t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, "<comps/>\n"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(in, "comps.xml.gz"), packed.Bytes())
	rep, err := repo.Create(t.Context(), dir, repo.Options{Groupfile: filepath.Join(in, "comps.xml.gz"), Compression: repo.None, SimpleFilenames: true})
	if err != nil || rep.Repomd.Find("group").Href != "repodata/comps.xml" {
		t.Fatalf("%+v %v", rep, err)
	}
	if got := content(t, dir, "group"); got != "<comps/>\n" {
		t.Errorf("%q", got)
	}
	writeFile(t, filepath.Join(in, "comps.xml.gz"), packed.Bytes()[:packed.Len()-3])
	if _, err := repo.Create(t.Context(), dir, repo.Options{Groupfile: filepath.Join(in, "comps.xml.gz")}); err == nil {
		t.Error("a cut file was taken in")
	}
}

func TestExtraThatIsWrittenByTheCaller(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "a.rpm"), simple("a"))
	var seen []string
	extra := repo.Extra{Type: "updateinfo", Name: "updateinfo.xml", Write: func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(seen, " "))
		return err
	}}
	o := repo.Options{Extra: []repo.Extra{extra}, Indexed: func(i repo.Indexed) { seen = append(seen, i.NEVRA.String()) }}
	if _, err := repo.Create(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	if got := content(t, dir, "updateinfo"); got != "a-1-1.noarch" {
		t.Errorf("%q", got)
	}
	broken := errors.New("broken")
	o.Extra[0].Write = func(io.Writer) error { return broken }
	if _, err := repo.Create(t.Context(), dir, o); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	for _, e := range []repo.Extra{
		{Type: "primary_zck", Path: "x"},
		{Type: "group"},
		{Type: "x", Write: extra.Write},
		{Type: "x", Path: "p", Name: "a/b"},
		{Type: "x", Path: "p", Name: ".respin-lock"},
		{Type: "group", Path: "a\nb.xml"},
		{Type: "group", Path: "a\xff.xml"},
		{Type: "group", Path: `a\b.xml`},
	} {
		_, err := repo.Create(t.Context(), dir, repo.Options{Extra: []repo.Extra{e}})
		if _, ok := errors.AsType[*repo.OptionError](err); !ok {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

// TestNoMetadataFileOverwritesAnother: two files of one simple name.
func TestNoMetadataFileOverwritesAnother(t *testing.T) {
	t.Parallel()
	dir, in := t.TempDir(), t.TempDir()
	create(t, dir, "a", repo.Options{SimpleFilenames: true})
	before := snapshot(t, dir)
	for _, name := range []string{"primary.xml", "repomd.xml", ".respin-lock"} {
		writeFile(t, filepath.Join(in, name), []byte("x"))
		_, err := repo.Create(t.Context(), dir, repo.Options{SimpleFilenames: true, Compression: repo.None, Groupfile: filepath.Join(in, name)})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
		t.Error(diff)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "repodata", ".*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
}

func TestOutputGoesElsewhere(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "new", "out")
	writeRPM(t, filepath.Join(dir, "a.rpm"), simple("a"))
	if _, err := repo.Create(t.Context(), dir, repo.Options{OutputDir: out, Update: true}); err != nil {
		t.Fatal(err)
	}
	if got := locations(t, out); len(got) != 1 || got[0] != "a.rpm" {
		t.Errorf("%q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "repodata")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("repodata where the packages are: %v", err)
	}
	if _, err := os.Stat(filepath.Join(out, repo.CacheName)); err != nil {
		t.Error(err)
	}
}
