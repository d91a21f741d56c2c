//go:build interop

package interop_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
	"github.com/fedora-respin/respin/repo/updateinfo"
)

// newest finds a program of the newest createrepo_c, which internal/setup puts
// into a virtual environment, or its Python.
func newest(t *testing.T, program string) string {
	t.Helper()
	dir := os.Getenv("RESPIN_CREATEREPO")
	if dir == "" {
		dir = filepath.Join(shareddata.Root(t), ".cache", "createrepo")
	}
	path := filepath.Join(dir, program)
	if _, err := os.Stat(path); err != nil {
		shareddata.Missing(t, "the newest createrepo_c ("+path+")")
	}
	return path
}

// TestRepoEqualsTheNewestCreaterepo is the strict judge: the 2.x rule for
// prerequisites, every compression, both checksums, every file of the data set.
func TestRepoEqualsTheNewestCreaterepo(t *testing.T) {
	t.Parallel()
	judge := newest(t, "createrepo_c")
	dir, files := linkData(t)
	for _, tc := range []struct {
		name string
		opts repo.Options
		args []string
	}{
		{"gz", repo.Options{Compression: repo.Gzip}, []string{"--general-compress-type=gz"}},
		{"zstd", repo.Options{Compression: repo.Zstd}, []string{"--general-compress-type=zstd"}},
		{"xz", repo.Options{Compression: repo.XZ}, []string{"--general-compress-type=xz"}},
		{"none", repo.Options{Compression: repo.None}, []string{"--general-compress-type=gz"}},
		{"sha512", repo.Options{Checksum: "sha512"}, []string{"--checksum=sha512"}},
		{"all changelogs", repo.Options{ChangelogLimit: repo.AllChangelogs}, []string{"--changelog-limit=-1"}},
		{"moved", repo.Options{LocationPrefix: "x/y", CutDirs: 1, BaseURL: "https://example.org/"}, []string{"--location-prefix=x/y", "--cut-dirs=1", "--baseurl=https://example.org/"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := t.TempDir(), t.TempDir()
			argv := append([]string{judge, "-q", "--no-database", "-o", theirs}, tc.args...)
			// Exit code 2: some of the data set is unreadable on purpose.
			cmd := exec.CommandContext(t.Context(), argv[0], append(argv[1:], dir)...)
			if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 2 {
				t.Fatalf("createrepo_c: %v\n%s", err, out)
			}
			tc.opts.OutputDir = ours
			rep, err := repo.Create(t.Context(), dir, tc.opts)
			if err != nil {
				t.Fatal(err)
			}
			if rep.Packages < 240 || rep.Packages+len(rep.Skipped) != files {
				t.Errorf("%d packages and %d skipped of %d files", rep.Packages, len(rep.Skipped), files)
			}
			compareMetadata(t, theirs, ours)
		})
	}
}

// readBack lets createrepo_c's Python bindings read a repository of ours and
// compare every field of every package with what they read from the RPM itself.
const readBack = `
import os, sys, createrepo_c as cr
root = sys.argv[1]
fields = [f for f in dir(cr.Package()) if not f.startswith("_") and f not in ("copy", "nevra", "nvra", "location_base")]
n = wrong = skipped = 0
for pkg in cr.RepositoryReader.from_path(root).iter_packages():
    n += 1
    path = os.path.join(root, pkg.location_href)
    try:
        rpm = cr.package_from_rpm(path, checksum_type=cr.SHA256, location_href=pkg.location_href, changelog_limit=10)
        want = {f: getattr(rpm, f) for f in fields}
    except UnicodeDecodeError:
        skipped += 1  # the bindings cannot hand out what is no UTF-8
        continue
    for f in fields:
        got, wanted = getattr(pkg, f), want[f]
        if f in ("files_checksum_type",):
            continue  # not in the metadata
        if f == "files":  # the digest is not in them either
            got, wanted = [x[:3] for x in got], [x[:3] for x in wanted]
            got = [(x[0] or "", x[1], x[2]) for x in got]
            wanted = [(x[0] or "", x[1], x[2]) for x in wanted]
        if isinstance(wanted, str) and not wanted:
            wanted = None
        if isinstance(got, str) and not got:
            got = None
        if "\ufffd" in repr(wanted):
            continue  # the bindings put that in place of what is no UTF-8
        if got != wanted:
            wrong += 1
            print(pkg.location_href, f, repr(got)[:300], "is in the RPM", repr(wanted)[:300])
print("read", n, "skipped", skipped, "wrong", wrong)
`

func TestCreaterepoReadsOursFieldByField(t *testing.T) {
	t.Parallel()
	python := newest(t, "bin/python")
	dir, _ := linkData(t)
	for _, c := range []repo.Compression{repo.Zstd, repo.Gzip, repo.XZ} {
		rep, err := repo.Create(t.Context(), dir, repo.Options{Compression: c, KeepOld: -1})
		if err != nil {
			t.Fatal(err)
		}
		out := runTool(t, python, "-c", readBack, dir)
		var read, skipped, wrong int
		last := out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]
		if _, err := fmt.Sscanf(last, "read %d skipped %d wrong %d", &read, &skipped, &wrong); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if read != rep.Packages || skipped > 10 || wrong != 0 {
			t.Errorf("%s: read %d of %d, skipped %d\n%s", c, read, rep.Packages, skipped, out)
		}
	}
}

// TestCreaterepoUpdatesOurs: what we wrote is what createrepo_c --update finds
// unchanged, and it rewrites it to the same bytes.
func TestCreaterepoUpdatesOurs(t *testing.T) {
	t.Parallel()
	judge := newest(t, "createrepo_c")
	dir := t.TempDir()
	for i := range 20 {
		writeRPM(t, filepath.Join(dir, fmt.Sprintf("p%d.rpm", i)), spec(fmt.Sprint("p", i)))
	}
	if _, err := repo.Create(t.Context(), dir, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	before := metadata(t, dir)
	out := runTool(t, judge, "-v", "--update", "--read-pkgs-list", filepath.Join(t.TempDir(), "read"), dir)
	if strings.Count(out, "CACHE HIT") != 20 || strings.Contains(out, "obsolete") {
		t.Errorf("createrepo_c did not reuse what we wrote:\n%s", out)
	}
	if diff := cmp.Diff(before, metadata(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestMergerepoReadsOurs(t *testing.T) {
	t.Parallel()
	dirs := []string{t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		for j := range 3 {
			name := fmt.Sprintf("p%d-%d", i, j)
			writeRPM(t, filepath.Join(dir, name+".rpm"), spec(name))
		}
		if _, err := repo.Create(t.Context(), dir, repo.Options{Compression: []repo.Compression{repo.Gzip, repo.Zstd}[i]}); err != nil {
			t.Fatal(err)
		}
	}
	merged := t.TempDir()
	runTool(t, newest(t, "mergerepo_c"), "-r", dirs[0], "-r", dirs[1], "-o", merged)
	if n := bytes.Count(metadata(t, merged)["filelists"], []byte("</package>")); n != 6 {
		t.Errorf("merged %d packages of 6", n)
	}
	// The 0.17 series knows no zstd.
	older := t.TempDir()
	runTool(t, repoTool(t, "mergerepo_c"), "--no-database", "-r", dirs[0], "-r", dirs[0], "-o", older)
	if n := bytes.Count(metadata(t, older)["primary"], []byte("</package>")); n != 3 {
		t.Errorf("merged %d packages of 3", n)
	}
}

// dumpUpdates makes updateinfo.xml from JSON with createrepo_c's own writer, and
// reads ours with its own parser.
const dumpUpdates = `
import json, sys, createrepo_c as cr
ui = cr.UpdateInfo()
def put(obj, attr, value):
    if value:
        setattr(obj, attr, value)
for u in json.load(sys.stdin):
    r = cr.UpdateRecord()
    for attr, key in (("fromstr", "From"), ("status", "Status"), ("type", "Type"), ("version", "Version"), ("id", "ID"), ("title", "Title"),
                      ("rights", "Rights"), ("release", "Release"), ("pushcount", "PushCount"), ("severity", "Severity"), ("summary", "Summary"),
                      ("description", "Description"), ("solution", "Solution"), ("reboot_suggested", "RebootSuggested")):
        put(r, attr, u[key])
    for attr, key in (("issued_date", "Issued"), ("updated_date", "Updated")):
        if u[key]:
            setattr(r, attr, int(u[key]))
    for x in u["References"] or []:
        f = cr.UpdateReference()
        for attr in ("href", "id", "type", "title"):
            put(f, attr, x["ID" if attr == "id" else attr.capitalize()])
        r.append_reference(f)
    for x in u["Collections"] or []:
        c = cr.UpdateCollection()
        put(c, "shortname", x["Short"])
        put(c, "name", x["Name"])
        if x["Module"]:
            m = cr.UpdateCollectionModule()
            for attr in ("name", "stream", "version", "context", "arch"):
                put(m, attr, x["Module"][attr.capitalize()])
            c.module = m
        for y in x["Packages"] or []:
            p = cr.UpdateCollectionPackage()
            for attr in ("name", "version", "release", "epoch", "arch", "src", "filename"):
                put(p, attr, y[attr.capitalize()])
            if y["Sum"]:
                p.sum, p.sum_type = y["Sum"]["Value"], cr.checksum_type(y["Sum"]["Type"])
            p.reboot_suggested, p.restart_suggested, p.relogin_suggested = y["RebootSuggested"], y["RestartSuggested"], y["ReloginSuggested"]
            c.append(p)
        r.append_collection(c)
    ui.append(r)
if len(sys.argv) > 1:
    ours = cr.UpdateInfo(sys.argv[1])
    sys.exit(0 if ours.xml_dump() == ui.xml_dump() else "createrepo_c reads ours as\n" + ours.xml_dump())
sys.stdout.buffer.write(ui.xml_dump().encode())
`

func TestUpdateinfoEqualsCreaterepo(t *testing.T) {
	t.Parallel()
	python := newest(t, "bin/python")
	r := rand.New(rand.NewPCG(44, 3))
	var updates []updateinfo.Update
	for i, odd := range append(oddStrings(), "", "plain") {
		if !utf8.ValidString(odd) {
			continue // the bindings take UTF-8 only
		}
		maybe := func(s string) string {
			if r.IntN(4) == 0 {
				return ""
			}
			return s
		}
		u := updateinfo.Update{
			From: maybe(odd), Status: maybe("final"), Type: maybe(odd), Version: maybe("1"), ID: odd, Title: maybe(odd), Issued: maybe(fmt.Sprint(1700000000 + i)),
			Updated: maybe("1700000001"), Rights: maybe(odd), Release: maybe(odd), PushCount: maybe("3"), Severity: maybe(odd), Summary: maybe(odd),
			Description: maybe(odd + "\n" + odd), Solution: maybe(odd), RebootSuggested: i%2 == 0,
		}
		for range r.IntN(3) {
			u.References = append(u.References, updateinfo.Reference{Href: maybe(odd), ID: maybe(odd), Type: maybe("bugzilla"), Title: maybe(odd)})
		}
		for range r.IntN(3) {
			c := updateinfo.Collection{Short: maybe(odd), Name: maybe(odd)}
			if r.IntN(2) == 0 {
				c.Module = &updateinfo.Module{Name: maybe(odd), Stream: maybe("s"), Version: r.Uint64() >> 1, Context: maybe("c"), Arch: maybe("a")}
			}
			for range r.IntN(3) {
				p := updateinfo.Package{
					Name: maybe(odd), Version: maybe("1"), Release: maybe("2"), Epoch: maybe("0"), Arch: maybe("x86_64"), Src: maybe(odd), Filename: maybe(odd),
					RebootSuggested: r.IntN(2) == 0, RestartSuggested: r.IntN(2) == 0, ReloginSuggested: r.IntN(2) == 0,
				}
				if r.IntN(2) == 0 {
					p.Sum = &updateinfo.Sum{Type: "sha256", Value: "ab12"}
				}
				c.Packages = append(c.Packages, p)
			}
			u.Collections = append(u.Collections, c)
		}
		updates = append(updates, u)
	}
	for _, list := range [][]updateinfo.Update{nil, updates} {
		input, err := json.Marshal(append([]updateinfo.Update{}, list...))
		if err != nil {
			t.Fatal(err)
		}
		var ours bytes.Buffer
		if err := updateinfo.Write(&ours, list); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), python, "-c", dumpUpdates)
		cmd.Stdin = bytes.NewReader(input)
		theirs, err := cmd.Output()
		if err != nil {
			if e, ok := errors.AsType[*exec.ExitError](err); ok {
				t.Fatalf("%v\n%s", err, e.Stderr)
			}
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(theirs), ours.String()); diff != "" {
			t.Errorf("updateinfo.xml (-createrepo_c +ours):\n%s", diff)
		}
	}
}

// TestDnfKnowsTheUpdatesOfASideRepo lets dnf list and explain the update that a
// side repo was made of.
func TestDnfKnowsTheUpdatesOfASideRepo(t *testing.T) {
	t.Parallel()
	dnf := repoTool(t, "dnf")
	in, dir, root := t.TempDir(), filepath.Join(t.TempDir(), "repo"), t.TempDir()
	path := filepath.Join(in, "hello.rpm")
	writeRPM(t, path, rpmtest.Spec{Name: "hello", Version: "2.12", Release: "1.fc44", Arch: "x86_64"})
	update := siderepo.Update{
		ID: "FEDORA-2026-1a2b3c4d5e", Type: "security", Severity: "Important", Title: "hello-2.12-1.fc44", Notes: "Fixes what was broken.", Release: "Fedora 44",
		ReleaseShort: "F44", Issued: time.Unix(1767225600, 0), Bugs: []siderepo.UpdateBug{{ID: 1234567, Title: "hello is broken"}}, Builds: []string{"hello-2.12-1.fc44"},
	}
	if _, err := siderepo.Write(t.Context(), dir, []siderepo.Item{{Path: path, Name: "hello-2.12-1.fc44.x86_64.rpm"}}, siderepo.Options{ID: "demo", Updates: []siderepo.Update{update}}); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(root, "dnf.conf")
	if err := os.WriteFile(conf, []byte("[main]\npluginpath=/nonexistent\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// Advisories are shown for what is installed: an older version.
	older := t.TempDir()
	writeRPM(t, filepath.Join(older, "hello.rpm"), rpmtest.Spec{Name: "hello", Version: "1", Release: "1.fc44", Arch: "x86_64"})
	if _, err := repo.Create(t.Context(), older, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	base := []string{
		dnf, "-q", "-y", "--config=" + conf, "--installroot=" + root, "--setopt=cachedir=" + t.TempDir(), "--setopt=reposdir=" + dir,
		"--repofrompath=older,file://" + older, "--setopt=older.gpgcheck=0", "--releasever=44", "--forcearch=x86_64", "--setopt=module_platform_id=platform:f44",
	}
	runTool(t, append(base, "--repo=older", "install", "hello")...)
	out := runTool(t, append(base, "--repo=respin-demo", "updateinfo", "info", "--available")...)
	for _, want := range []string{"FEDORA-2026-1a2b3c4d5e", "security", "Important", "1234567", "Fixes what was broken."} {
		if !strings.Contains(out, want) {
			t.Errorf("dnf updateinfo does not say %q:\n%s", want, out)
		}
	}
}

// TestDnfReadsEveryForm lets dnf list what we wrote in every compression and
// with both checksums, with simple names too.
func TestDnfReadsEveryForm(t *testing.T) {
	t.Parallel()
	dnf := repoTool(t, "dnf")
	for name, o := range map[string]repo.Options{
		"gz": {Compression: repo.Gzip}, "zstd": {Compression: repo.Zstd}, "xz": {Compression: repo.XZ}, "none": {Compression: repo.None},
		"sha512": {Checksum: "sha512"}, "simple": {SimpleFilenames: true, Compression: repo.Gzip},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for i := range 5 {
				writeRPM(t, filepath.Join(dir, "Packages", fmt.Sprintf("p%d.rpm", i)), spec(fmt.Sprint("p", i)))
			}
			if _, err := repo.Create(t.Context(), dir, o); err != nil {
				t.Fatal(err)
			}
			got := runTool(t, dnf, "-q", "--installroot="+t.TempDir(), "--repofrompath=x,file://"+dir, "--repo=x", "--setopt=reposdir=/nonexistent",
				"--setopt=cachedir="+t.TempDir(), "--releasever=44", "--setopt=module_platform_id=platform:f44", "repoquery", "--qf", "%{name} %{location}", "--whatprovides", "/usr/bin/p*")
			for i := range 5 {
				if want := fmt.Sprintf("p%d Packages/p%d.rpm\n", i, i); !strings.Contains(got, want) {
					t.Errorf("dnf does not list %q:\n%s", want, got)
				}
			}
		})
	}
}

// TestGroupfileEqualsTheNewestCreaterepo: a comps file, plain or packed, is
// indexed once, compressed, as "group".
func TestGroupfileEqualsTheNewestCreaterepo(t *testing.T) {
	t.Parallel()
	judge := newest(t, "createrepo_c")
	dir, in := t.TempDir(), t.TempDir()
	writeRPM(t, filepath.Join(dir, "one.rpm"), spec("one"))
	comps := filepath.Join(in, "comps.xml")
	if err := os.WriteFile(comps, []byte("<?xml version=\"1.0\"?>\n<comps><group><id>core</id></group></comps>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	runTool(t, "gzip", "-k", comps)
	for _, file := range []string{comps, comps + ".gz"} {
		theirs, ours := t.TempDir(), t.TempDir()
		runTool(t, judge, "-q", "--general-compress-type=gz", "--groupfile="+file, "--revision=5", "--set-timestamp-to-revision", "--simple-md-filenames", "-o", theirs, dir)
		_, err := repo.Create(t.Context(), dir, repo.Options{
			OutputDir: ours, Compression: repo.Gzip, Groupfile: file, Revision: "5", TimestampToRevision: true, SimpleFilenames: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(repomdShape(t, theirs), repomdShape(t, ours)); diff != "" {
			t.Errorf("%s: repomd.xml (-createrepo_c +ours):\n%s", filepath.Base(file), diff)
		}
	}
}
