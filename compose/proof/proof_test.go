package proof_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/image/imagetest"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/compose/proof"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/rpmdb/rpmdbtest"
)

func spec(name, version string) rpmtest.Spec {
	return rpmtest.Spec{Name: name, Version: version, Release: "1.fc44", Arch: "x86_64", License: "MIT", Vendor: "Fedora Project", URL: "https://example.org/" + name}
}

// system is the root of a system with a database of the packages; list, where
// not empty, is what lorax left.
func system(list string, packages ...rpmtest.Spec) fstest.MapFS {
	var blobs [][]byte
	for _, s := range packages {
		blobs = append(blobs, rpmdbtest.Installed(rpmtest.Build(s), 1767225600))
	}
	root := fstest.MapFS{"usr/lib/os-release": {Data: []byte("NAME=Fedora\nPRETTY_NAME=\"Fedora Linux 44\"\n")}}
	if len(blobs) > 0 {
		root["usr/lib/sysimage/rpm/rpmdb.sqlite"] = &fstest.MapFile{Data: rpmdbtest.SQLite(blobs...)}
	}
	if list != "" {
		root["root/lorax-packages.log"] = &fstest.MapFile{Data: []byte(list)}
	}
	return root
}

// bootISO is an ISO with the system in the root of its installer.
func bootISO(tb testing.TB, root fstest.MapFS) string {
	tb.Helper()
	install := imagetest.Squashfs(fstest.MapFS{"LiveOS/rootfs.img": {Data: imagetest.Squashfs(root)}})
	path := filepath.Join(tb.TempDir(), "boot.iso")
	data := isotest.Build(isotest.Options{VolumeID: "T", Files: map[string]string{"images/install.img": string(install)}})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func read(tb testing.TB, root fstest.MapFS) *proof.Contents {
	tb.Helper()
	c, err := proof.Read(tb.Context(), bootISO(tb, root), proof.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func nevra(tb testing.TB, s string) rpm.NEVRA {
	tb.Helper()
	n, err := rpm.ParseNEVRA(s)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// want is the RPM of a spec as a Plan knows it.
func want(tb testing.TB, s rpmtest.Spec) proof.Want {
	tb.Helper()
	p, err := rpm.Read(bytes.NewReader(rpmtest.Build(s)))
	if err != nil {
		tb.Fatal(err)
	}
	return proof.Want{NEVRA: p.NEVRA(), SigMD5: p.Digests.SigMD5, HeaderSHA256: p.Digests.HeaderSHA256, From: "side"}
}

func TestVerdictsComeFromTheDatabaseInTheImage(t *testing.T) {
	t.Parallel()
	rebuilt := spec("same", "1.0")
	rebuilt.BuildHost = "other.example.org"
	noarch := spec("moved", "2.0")
	noarch.Arch = "noarch"
	c := read(t, system("", spec("same", "1.0"), spec("old", "1.0"), spec("new", "3.0"), spec("kernel", "1"), spec("kernel", "2"), spec("moved", "1.0"), spec("multi", "1.0")))
	twin := spec("multi", "1.0")
	twin.Arch = "i686"
	named := want(t, spec("asked", "1.0"))
	named.Named = true
	source := proof.Want{NEVRA: nevra(t, "same-1.0-1.fc44.src")}
	unknown := proof.Want{NEVRA: nevra(t, "same-1.0-1.fc44.x86_64")}
	var got []string
	for _, e := range c.Judge([]proof.Want{
		want(t, spec("same", "1.0")), want(t, rebuilt), unknown, want(t, spec("old", "2.0")), want(t, spec("new", "2.0")), want(t, spec("kernel", "1")),
		want(t, noarch), want(t, twin), want(t, spec("absent", "1.0")), named, source,
	}, proof.JudgeOptions{}) {
		got = append(got, strings.Join([]string{e.String(), string(e.Verdict), e.Shipped, string(e.Evidence)}, " "))
	}
	if diff := cmp.Diff([]string{
		"same-1.0-1.fc44.x86_64 included 1.0-1.fc44 digest",
		"same-1.0-1.fc44.x86_64 missing 1.0-1.fc44 digest",
		"same-1.0-1.fc44.x86_64 included 1.0-1.fc44 version",
		"old-2.0-1.fc44.x86_64 older 1.0-1.fc44 version",
		"new-2.0-1.fc44.x86_64 newer 3.0-1.fc44 version",
		"kernel-1-1.fc44.x86_64 included 1-1.fc44 digest",
		"moved-2.0-1.fc44.noarch older 1.0-1.fc44 version",
		"multi-1.0-1.fc44.i686 not-installed  ",
		"absent-1.0-1.fc44.x86_64 not-installed  ",
		"asked-1.0-1.fc44.x86_64 missing  ",
		"same-1.0-1.fc44.src not-installed  ",
	}, got); diff != "" {
		t.Error(diff)
	}
	if s := c.Systems[0]; s.Path != "images/install.img:LiveOS/rootfs.img" || s.Release != "Fedora Linux 44" || s.Database != "usr/lib/sysimage/rpm/rpmdb.sqlite" {
		t.Errorf("%+v", s)
	}
}

func TestReasonNamesTheRepositoryThatWon(t *testing.T) {
	t.Parallel()
	c := read(t, system("", spec("old", "1.0"), spec("new", "3.0")))
	repo := func(id string, priority int, excludes []string, packages ...string) proof.Repo {
		return proof.Repo{ID: id, Priority: priority, Excludes: excludes, Named: func(name string) iter.Seq[rpm.NEVRA] {
			return func(yield func(rpm.NEVRA) bool) {
				for _, p := range packages {
					if n := nevra(t, p); n.Name == name && !yield(n) {
						return
					}
				}
			}
		}}
	}
	const wantOld, haveOld, wantNew, haveNew = "old-2.0-1.fc44.x86_64", "old-1.0-1.fc44.x86_64", "new-2.0-1.fc44.x86_64", "new-3.0-1.fc44.x86_64"
	for name, tt := range map[string]struct {
		want, repo, reason string
		repos              []proof.Repo
	}{
		"priority":     {wantOld, "fedora", "fedora won: its priority 10 comes before 99 of side.", []proof.Repo{repo("side", 0, nil, wantOld), repo("fedora", 10, nil, haveOld)}},
		"newer":        {wantNew, "updates", "updates won: it has the newer version, and side no better priority.", []proof.Repo{repo("side", 0, nil, wantNew), repo("updates", 0, nil, haveNew)}},
		"hidden":       {wantOld, "fedora", "side hides it: excludepkgs=ol*.", []proof.Repo{repo("side", 0, []string{"ol*"}, wantOld), repo("fedora", 0, nil, haveOld)}},
		"not offered":  {wantOld, "fedora", "side does not have " + wantOld + ".", []proof.Repo{repo("side", 0, nil), repo("fedora", 0, nil, haveOld)}},
		"held back":    {wantOld, "fedora", "fedora won although side has the newer version: a dependency or an exclusion held it back.", []proof.Repo{repo("side", 0, nil, wantOld), repo("fedora", 0, nil, haveOld)}},
		"there before": {wantOld, "", "No repository of the compose has the version that was installed: it was in the image before.", []proof.Repo{repo("side", 0, nil, wantOld)}},
	} {
		e := c.Judge([]proof.Want{{NEVRA: nevra(t, tt.want), From: "side"}}, proof.JudgeOptions{Repos: tt.repos})[0]
		if e.Repo != tt.repo || e.Reason != tt.reason {
			t.Errorf("%s: %q, %q", name, e.Repo, e.Reason)
		}
	}
}

func TestAListAloneIsWeakerEvidence(t *testing.T) {
	t.Parallel()
	c := read(t, system("anaconda-44.12-1.fc44.x86_64\nbash-5.2-1.fc44.x86_64\ngpg-pubkey-a15b79cc-63d04c2c.(none)\n\nnot a package\n"))
	anaconda := spec("anaconda", "44.12")
	anaconda.Epoch = 3 // lists have no epochs
	e := c.Judge([]proof.Want{want(t, anaconda), want(t, spec("bash", "5.3"))}, proof.JudgeOptions{})
	if e[0].Verdict != proof.Included || e[0].Evidence != proof.ByList || e[1].Verdict != proof.Older {
		t.Errorf("%+v", e)
	}
	s := c.Systems[0]
	if s.Database != "" || s.List != "root/lorax-packages.log" || len(s.Packages) != 2 || len(s.Notes) != 1 || len(s.Disagreements) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDatabaseAndListAreHeldAgainstEachOther(t *testing.T) {
	t.Parallel()
	c := read(t, system("a-1-1.fc44.x86_64\nremoved-1-1.fc44.x86_64\n", spec("a", "1"), spec("added", "1")))
	want := []proof.Disagreement{{"added-1-1.fc44.x86_64", proof.OnlyInDatabase}, {"removed-1-1.fc44.x86_64", proof.OnlyInList}}
	if diff := cmp.Diff(want, c.Systems[0].Disagreements); diff != "" {
		t.Error(diff)
	}
}

func TestRequireTakesEverySpelling(t *testing.T) {
	t.Parallel()
	sub := spec("anaconda-core", "44.12")
	sub.SourceRPM = "anaconda-44.12-1.fc44.src.rpm"
	epoch := spec("vim", "9.1")
	epoch.Epoch = 2
	c := read(t, system("", sub, epoch))
	for _, good := range []string{
		"vim", "vim>=2:9", "vim>=2:9.1-1.fc44", "vim=2:9.1", "anaconda-core>44.11", "anaconda-core-44.12-1.fc44", "anaconda-core-44.12-1.fc44.x86_64", "anaconda-44.12-1.fc44", "vim-9.1-1.fc44", "vim-2:9.1-1.fc44.x86_64",
	} {
		if err := c.Require(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, text := range map[string]string{
		"emacs": "there is no such package", "vim>=2:9.2": "it has vim-2:9.1-1.fc44.x86_64", "vim<2:9": "it has vim-2:9.1-1.fc44.x86_64",
		"vim-9.2-1.fc44": "it has vim-2:9.1-1.fc44.x86_64", "anaconda-44.13-1.fc44": "there is no such package", "emacs>1": "there is no package emacs",
	} {
		err := c.Require(bad)
		if e, ok := errors.AsType[*proof.RequireError](err); !ok || !strings.Contains(e.Instead, text) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := c.Require("vim=>1"); err == nil {
		t.Error("=> is taken for a comparison")
	}
}

func TestAnImageWithoutASystemIsAnError(t *testing.T) {
	t.Parallel()
	_, err := proof.Read(t.Context(), bootISO(t, fstest.MapFS{"hello": {Data: []byte("x")}}), proof.Options{})
	if !errors.Is(err, proof.ErrNoSystem) {
		t.Errorf("%v", err)
	}
	_, err = proof.Read(t.Context(), bootISO(t, fstest.MapFS{"usr/lib/os-release": {Data: []byte("ID=x\n")}}), proof.Options{})
	if !errors.Is(err, proof.ErrNoSystem) || !strings.Contains(err.Error(), "neither a database of rpm nor a list") {
		t.Errorf("%v", err)
	}
}

func TestSBOMIsTheSameForTheSameImage(t *testing.T) {
	t.Parallel()
	odd := spec("odd", "1.0+git^1")
	odd.License, odd.Epoch = "GPLv2+ and (Public Domain or MIT)", 1
	both := spec("both", "1")
	both.License = "(GPL-2.0-or-later OR MIT) AND Apache-2.0"
	c := read(t, system("", odd, both))
	var a, b bytes.Buffer
	if err := errors.Join(c.SBOM(&a, proof.SBOMOptions{Tool: "respin-1"}), c.SBOM(&b, proof.SBOMOptions{Tool: "respin-1"})); err != nil {
		t.Fatal(err)
	}
	if a.String() != b.String() {
		t.Error("two documents of one image differ")
	}
	var doc struct {
		Name         string
		Namespace    string `json:"documentNamespace"`
		CreationInfo struct{ Created string }
		Packages     []struct {
			Name, VersionInfo, LicenseDeclared, Comment string
			ExternalRefs                                []struct{ ReferenceLocator string }
		}
		Relationships []struct{ RelationshipType string }
		Licenses      []struct{ ExtractedText string } `json:"hasExtractedLicensingInfos"`
	}
	if err := json.Unmarshal(a.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Name != "boot.iso" || doc.CreationInfo.Created != "2026-01-01T00:00:00Z" || len(doc.Packages) != 3 || len(doc.Relationships) != 3 || len(doc.Licenses) != 1 {
		t.Errorf("%+v", doc)
	}
	p := doc.Packages[2]
	if p.Name != "odd" || p.VersionInfo != "1:1.0+git^1-1.fc44" || !strings.HasPrefix(p.LicenseDeclared, "LicenseRef-") || !strings.Contains(p.Comment, "sigmd5 ") ||
		p.ExternalRefs[0].ReferenceLocator != "pkg:rpm/fedora/odd@1.0%2Bgit%5E1-1.fc44?arch=x86_64&epoch=1" {
		t.Errorf("%+v", p)
	}
	if doc.Packages[1].LicenseDeclared != both.License {
		t.Errorf("%+v", doc.Packages[1])
	}
	b.Reset()
	if err := c.SBOM(&b, proof.SBOMOptions{Created: time.Unix(1, 0)}); err != nil || !strings.Contains(b.String(), "1970-01-01T00:00:01Z") {
		t.Errorf("%v", err)
	}
}

func FuzzParseList(f *testing.F) {
	f.Add("bash-5.2-1.fc44.x86_64\ngpg-pubkey-1-2\n")
	f.Add("x\n\x00-1-1.noarch")
	f.Fuzz(func(t *testing.T, text string) {
		list, notes := proof.ParseList(strings.NewReader(text))
		if len(list)+len(notes) > strings.Count(text, "\n")+2 {
			t.Fatalf("%d packages and %d notes", len(list), len(notes))
		}
		if i := slices.IndexFunc(list, func(n rpm.NEVRA) bool { return n.Name == "" }); i >= 0 {
			t.Fatal("a package without a name")
		}
	})
}
