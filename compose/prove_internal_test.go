package compose

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/image/imagetest"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/rpmdb/rpmdbtest"
)

func provenRPM(name, version string) []byte {
	return rpmtest.Build(rpmtest.Spec{Name: name, Version: version, Release: "1.fc44", Arch: "x86_64"})
}

// proving is a build whose image is made, with the packages installed in it,
// and the report of its side repo.
func proving(t *testing.T, kind Kind, side, installed [][]byte, req Request) (*build, []PackageEntry, *bytes.Buffer) {
	t.Helper()
	req.Kind = kind
	p := &Plan{Request: req, Image: "result.img", Epoch: 1767225600, Repos: []PlanRepo{{Repo: Repo{ID: "updates", Priority: 10}}}}
	var entries []PackageEntry
	for _, data := range side {
		r, err := rpm.Read(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		p.RPMs = append(p.RPMs, PlanRPM{NEVRA: r.NEVRA().String(), Name: r.Name, Arch: r.Arch, SigMD5: r.Digests.SigMD5})
		entries = append(entries, PackageEntry{Name: r.Name, Arch: r.Arch, Requested: r.EVR.String(), Shipped: r.EVR.String(), Verdict: VerdictIncluded, Signature: "unsigned"})
	}
	var blobs [][]byte
	for _, data := range installed {
		blobs = append(blobs, rpmdbtest.Installed(data, 1767225600))
	}
	out := t.TempDir()
	root := fstest.MapFS{"usr/lib/sysimage/rpm/rpmdb.sqlite": {Data: rpmdbtest.SQLite(blobs...)}}
	image := imagetest.Squashfs(fstest.MapFS{"LiveOS/rootfs.img": {Data: imagetest.Squashfs(root)}})
	if err := os.WriteFile(filepath.Join(out, p.Image), image, 0o600); err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	r := &build{Builder: &Builder{now: time.Now}, plan: p, out: out, log: log, result: &Result{Packages: entries}}
	r.parts = []*part{{plan: p, job: &BackendJob{OutDir: out}}}
	return r, entries, log
}

func judged(t *testing.T, r *build, entries []PackageEntry) ([]PackageEntry, error) {
	t.Helper()
	x := r.parts[0]
	proven, err := r.prove(t.Context(), x, &Proof{Packages: entries})
	if err != nil {
		t.Fatal(err)
	}
	return proven, r.judge(r.plan, proven, func(spec string) error { return x.ships(&Proof{Packages: proven}, spec) })
}

func TestAnImageIsJudgedByWhatIsInstalledInIt(t *testing.T) {
	t.Parallel()
	anaconda, doc := provenRPM("anaconda", "44.12"), provenRPM("anaconda-doc", "44.12")
	r, entries, _ := proving(t, KindBootISO, [][]byte{anaconda, doc}, [][]byte{anaconda, provenRPM("bash", "5.3")}, Request{Require: []string{"anaconda>=44.12", "bash"}})
	proven, err := judged(t, r, entries)
	if err != nil {
		t.Fatal(err)
	}
	want := []PackageEntry{
		{Name: "anaconda", Arch: "x86_64", Requested: "44.12-1.fc44", Shipped: "44.12-1.fc44", Repo: sideRepoID, Signature: "unsigned", Verdict: VerdictIncluded, Evidence: "digest"},
		{Name: "anaconda-doc", Arch: "x86_64", Requested: "44.12-1.fc44", Signature: "unsigned", Verdict: VerdictNotInstalled, Reason: "Nothing in the package set needs it."},
	}
	if diff := cmp.Diff(want, proven); diff != "" {
		t.Error(diff)
	}
	sbom, err := os.ReadFile(filepath.Join(r.out, sbomPath))
	if err != nil || !strings.Contains(string(sbom), "pkg:rpm/fedora/bash@5.3-1.fc44") || !strings.Contains(string(sbom), `"created": "2026-01-01T00:00:00Z"`) {
		t.Errorf("SBOM %.200s, %v", sbom, err)
	}
}

func TestAnImageThatShipsSomethingElseFailsWithASentence(t *testing.T) {
	t.Parallel()
	anaconda := provenRPM("anaconda", "44.12")
	for name, tt := range map[string]struct {
		installed []byte
		req       Request
		sentence  string
	}{
		"older":    {provenRPM("anaconda", "44.11"), Request{}, "anaconda 44.12-1.fc44 was asked for, but what the result holds is 44.11-1.fc44, older. The other version came from elsewhere: updates. updates (priority 10) comes before side repo (99)."},
		"newer":    {provenRPM("anaconda", "45.1"), Request{}, "anaconda 44.12-1.fc44 was asked for, but what the result holds is 45.1-1.fc44, newer."},
		"named":    {provenRPM("bash", "5"), Request{Packages: []string{"anaconda"}}, "anaconda 44.12-1.fc44 was asked for, but what the result holds is missing. It was asked for by name and is not in the image."},
		"required": {provenRPM("bash", "5"), Request{Require: []string{"anaconda"}}, "anaconda 44.12-1.fc44 was asked for, but what the result holds is missing."},
	} {
		r, entries, _ := proving(t, KindLive, [][]byte{anaconda}, [][]byte{tt.installed}, tt.req)
		_, err := judged(t, r, entries)
		if failed, ok := errors.AsType[*FailedError](err); !ok || failed.Failure.Code != CodeVerifyFailed || !strings.HasPrefix(failed.Failure.Sentence, tt.sentence) {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

func TestAMediumThatCarriesPackagesIsJudgedAsBefore(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{KindRemaster, KindRepoISO, KindDVD, KindRepo} {
		r, entries, _ := proving(t, kind, [][]byte{provenRPM("a", "2")}, [][]byte{provenRPM("a", "1")}, Request{})
		if proven, err := judged(t, r, entries); err != nil || cmp.Diff(entries, proven) != "" {
			t.Errorf("%s: %+v, %v", kind, proven, err)
		}
	}
}

func TestAnImageThatCannotBeReadIsLogged(t *testing.T) {
	t.Parallel()
	r, entries, log := proving(t, KindDisk, [][]byte{provenRPM("a", "2")}, nil, Request{})
	if err := os.WriteFile(filepath.Join(r.out, r.plan.Image), []byte("\xfd7zXZ\x00."), 0o600); err != nil {
		t.Fatal(err)
	}
	if proven, err := judged(t, r, entries); err != nil || cmp.Diff(entries, proven) != "" || !strings.Contains(log.String(), "not looked into") {
		t.Errorf("%+v, %v, log %q", proven, err, log)
	}
}
