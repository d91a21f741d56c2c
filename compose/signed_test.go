package compose_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// resolverWith is a resolver with options of the test's own.
func resolverWith(t *testing.T, f *composetest.Fedora, o compose.ResolverOptions) *compose.Resolver {
	t.Helper()
	quick := func(int) time.Duration { return time.Millisecond }
	hub, err := koji.New(f.HubURL, koji.Options{TopURL: f.TopURL, Retries: 1, Backoff: quick})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := bodhi.New(f.BodhiURL, bodhi.Options{Retries: 1})
	if err != nil {
		t.Fatal(err)
	}
	r, err := compose.NewResolver(hub, updates, compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MinFree: 1 << 20}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// refusedWith is the first problem with the code.
func refusedWith(t *testing.T, err error, code compose.Code) compose.Problem {
	t.Helper()
	refused, ok := errors.AsType[*compose.RefusedError](err)
	if !ok {
		t.Fatalf("got %v, want %s", err, code)
	}
	for _, p := range refused.Problems {
		if p.Code == code {
			return p
		}
	}
	t.Fatalf("got %v, want %s", err, code)
	return compose.Problem{}
}

func warned(p *compose.Plan, code compose.Code) string {
	for _, w := range p.Warnings {
		if w.Code == string(code) {
			return w.Sentence
		}
	}
	return ""
}

func repoOf(sources ...string) compose.Request {
	return compose.Request{Kind: compose.KindRepo, Release: "44", Arch: "x86_64", Sources: sources}
}

func signatures(req compose.Request, source string, policy compose.SignaturePolicy) compose.Request {
	req.Signatures = map[string]compose.SignaturePolicy{source: policy}
	return req
}

func keyring(t *testing.T, keys ...*openpgp.Entity) *rpm.Keyring {
	t.Helper()
	return rpm.NewKeyring(keys...)
}

func entity(t *testing.T) *openpgp.Entity {
	t.Helper()
	made := time.Date(2025, 1, 14, 0, 0, 0, 0, time.UTC)
	e, err := openpgp.NewEntity("Somebody else", "", "else@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return made }})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhatIsStableIsTakenSigned(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	r := resolver(t, f)
	for _, source := range []string{f.SmallUpdate, "motd"} {
		plan, err := r.Resolve(t.Context(), repoOf(source))
		if err != nil {
			t.Fatal(err)
		}
		p := plan.RPMs[0]
		if p.SignedBy != f.KeyID || p.Signature != compose.SignatureSigned || p.Policy != compose.SignaturesRequire || !strings.Contains(p.URL, "/data/signed/"+f.KeyID+"/") {
			t.Errorf("%s: %+v", source, p)
		}
		if s := plan.Sources[0]; s.Signatures != compose.SignaturesRequire || len(s.SignedBy) != 1 || s.Unsigned != 0 {
			t.Errorf("%s: %+v", source, s)
		}
	}
	plan, err := r.Resolve(t.Context(), repoOf(f.Update))
	if err != nil {
		t.Fatal(err)
	}
	if s := plan.Sources[0]; s.Signatures != compose.SignaturesPrefer || s.Unsigned != len(plan.RPMs) {
		t.Errorf("an update in testing: %+v", s)
	}
	ignored, err := r.Resolve(t.Context(), signatures(repoOf(f.SmallUpdate), f.SmallUpdate, compose.SignaturesIgnore))
	if err != nil || ignored.RPMs[0].SignedBy != "" || strings.Contains(ignored.RPMs[0].URL, "/signed/") {
		t.Errorf("ignored: %+v, %v", ignored, err)
	}
}

func TestAMissingSignatureIsRefusedWhereItIsRequired(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	var rpms []kojitest.RPM
	for _, name := range []string{"bare", "bare-libs", "bare-devel"} {
		rpms = append(rpms, kojitest.RPM{Data: rpmtest.Build(rpmtest.Spec{Name: name, Version: "1", Release: "1.fc44", Arch: "x86_64"})})
	}
	if _, err := f.Hub.AddBuild(kojitest.Build{NVR: "bare-1-1.fc44", RPMs: rpms}); err != nil {
		t.Fatal(err)
	}
	alias, err := f.Bodhi.AddUpdate(bodhitest.Update{
		Alias: "FEDORA-2026-5151515151", Release: "F44", Status: bodhi.StatusStable, Builds: []bodhi.Build{{NVR: "bare-1-1.fc44"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := resolver(t, f)
	_, err = r.Resolve(t.Context(), repoOf(alias))
	p := refusedWith(t, err, compose.CodeSignatureRequired)
	if !strings.Contains(p.Sentence, "bare-1-1.fc44") || !strings.Contains(p.Sentence, "2 more") || !strings.Contains(p.Remedy, alias+"=prefer") || p.Field != "sources[0]" {
		t.Errorf("%+v", p)
	}
	for _, name := range []string{alias, compose.EverySource} {
		if _, err := r.Resolve(t.Context(), signatures(repoOf(alias), name, compose.SignaturesPrefer)); err != nil {
			t.Errorf("%s=prefer: %v", name, err)
		}
	}
	_, err = r.Resolve(t.Context(), signatures(repoOf(f.Update), "*", compose.SignaturesRequire))
	refusedWith(t, err, compose.CodeSignatureRequired)
	_, err = r.Resolve(t.Context(), signatures(repoOf(task(f.Task)), "*", compose.SignaturesRequire))
	if p := refusedWith(t, err, compose.CodeSignatureRequired); !strings.Contains(p.Sentence, "probe") {
		t.Errorf("%+v", p)
	}
}

func TestOnlyKeysThatCountCount(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	for name, tc := range map[string]struct {
		keys compose.Keys
		ok   bool
	}{
		"keyring has it":        {compose.Keys{Keyring: keyring(t, entity(t), f.Key)}, true},
		"keyring of others":     {compose.Keys{Keyring: keyring(t, entity(t))}, false},
		"release's, short":      {compose.Keys{Releases: map[string][]string{"44": {f.KeyID}}}, true},
		"release's, with 0x":    {compose.Keys{Releases: map[string][]string{"44": {"0x" + strings.ToUpper(f.KeyID)}}}, true},
		"release has another":   {compose.Keys{Releases: map[string][]string{"44": {"6d9f90a6"}}}, false},
		"for another release":   {compose.Keys{Releases: map[string][]string{"45": {"6d9f90a6"}}}, true},
		"nothing is configured": {compose.Keys{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := resolverWith(t, f, compose.ResolverOptions{Keys: tc.keys}).Resolve(t.Context(), repoOf(f.SmallUpdate))
			if !tc.ok {
				if p := refusedWith(t, err, compose.CodeSignatureRequired); !strings.Contains(p.Sentence, f.KeyID) {
					t.Errorf("%+v", p)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			configured := tc.keys.Keyring != nil || tc.keys.Releases["44"] != nil
			if said := warned(plan, compose.CodeUnknownKey); (said == "") != configured {
				t.Errorf("warning %q", said)
			}
		})
	}
}

// built is the tree of the side repo that the plan gives.
func built(t *testing.T, p *compose.Plan, keys compose.Keys) (map[string]string, *compose.Result, error) {
	t.Helper()
	dir := t.TempDir()
	b := builder(t, compose.Network{AllowLoopback: true}, compose.BuilderOptions{Keys: keys})
	result, err := b.Build(t.Context(), p, compose.Work{ID: "c1", Dir: dir, RepoURL: "https://respin.example.org/repos/c1/"})
	if err != nil {
		return nil, result, err
	}
	return tree(t, filepath.Join(dir, compose.OutDir, "repo", "Packages")), result, nil
}

func TestPrunedSignedCopyIsMadeAgainFromItsSignature(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	var path string
	for _, name := range f.Hub.Files() {
		if strings.Contains(name, "/data/signed/"+f.KeyID+"/noarch/motd") {
			path = name
		}
	}
	before, err := resolver(t, f).Resolve(t.Context(), repoOf(f.SmallUpdate))
	if err != nil {
		t.Fatal(err)
	}
	original, _, err := built(t, before, compose.Keys{Keyring: keyring(t, f.Key)})
	if err != nil || path == "" {
		t.Fatalf("%v, %q", err, path)
	}
	if err := f.Hub.RemoveFile(path); err != nil {
		t.Fatal(err)
	}
	after, err := resolver(t, f).Resolve(t.Context(), repoOf(f.SmallUpdate))
	if err != nil {
		t.Fatal(err)
	}
	if said := warned(after, compose.CodeSignedCopyGone); !strings.Contains(said, composetest.BuildSmall) {
		t.Errorf("warnings %+v", after.Warnings)
	}
	for name, p := range map[string]*compose.Plan{"resolved before": before, "resolved after": after} {
		spliced, result, err := built(t, p, compose.Keys{Keyring: keyring(t, f.Key)})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(spliced) != 1 || spliced["m/motd-3.0-1.fc44.noarch.rpm"] != original["m/motd-3.0-1.fc44.noarch.rpm"] {
			t.Errorf("%s: the spliced copy is not the signed one", name)
		}
		if result.Packages[0].Verdict != compose.VerdictIncluded {
			t.Errorf("%s: %+v", name, result.Packages[0])
		}
	}
	if err := f.Hub.RemoveFile("packages/motd/3.0/1.fc44/data/sigcache"); err != nil {
		t.Fatal(err)
	}
	_, err = resolver(t, f).Resolve(t.Context(), repoOf(f.SmallUpdate))
	if p := refusedWith(t, err, compose.CodeSignedCopyGone); !strings.Contains(p.Remedy, "=prefer") {
		t.Errorf("%+v", p)
	}
	plan, err := resolver(t, f).Resolve(t.Context(), signatures(repoOf(f.SmallUpdate), "*", compose.SignaturesPrefer))
	if err != nil || plan.RPMs[0].SignedBy != "" || warned(plan, compose.CodeSignedCopyGone) == "" {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestASignatureOfAnotherKeyFailsTheFetch(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	p, err := resolver(t, f).Resolve(t.Context(), repoOf(f.SmallUpdate))
	if err != nil {
		t.Fatal(err)
	}
	other := entity(t)
	for _, name := range f.Hub.Files() {
		if strings.Contains(name, "/data/signed/") && strings.Contains(name, "motd") {
			if err := f.Hub.AlterFile(name, func(b []byte) []byte { return rpmtest.Sign(b, other, rpmtest.SignOptions{}) }); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(name, "sigcache") {
			if err := f.Hub.RemoveFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, _, err = built(t, p, compose.Keys{})
	failed, ok := errors.AsType[*compose.FailedError](err)
	if !ok || failed.Failure.Code != compose.CodeRPMUntrusted {
		t.Errorf("got %v", err)
	}
}

func TestAHubThatKnowsNoSignaturesIsNotAskedForThem(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	f.Hub.Fail(kojitest.Failures{Method: "queryRPMSigs", Fault: &kojitest.Fault{Code: 1000, Text: "Invalid method: queryRPMSigs"}})
	plan, err := resolver(t, f).Resolve(t.Context(), repoOf(f.SmallUpdate))
	if err != nil || plan.Sources[0].Signatures != compose.SignaturesPrefer || warned(plan, compose.CodeSignatureRequired) == "" {
		t.Errorf("%+v, %v", plan, err)
	}
	_, err = resolver(t, f).Resolve(t.Context(), signatures(repoOf(f.SmallUpdate), "*", compose.SignaturesRequire))
	refusedWith(t, err, compose.CodeSignatureRequired)
}

func TestReadKeyringReadsAFolderOfKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := compose.ReadKeyring(dir); err == nil {
		t.Error("an empty folder is a keyring")
	}
	f := fedora(t)
	out, err := os.Create(filepath.Join(dir, "RPM-GPG-KEY-fedora-44"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Key.Serialize(out), out.Close()); err != nil {
		t.Fatal(err)
	}
	ring, err := compose.ReadKeyring(dir)
	if err != nil || !ring.Has(f.KeyID) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.asc"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := compose.ReadKeyring(dir); err == nil || !strings.Contains(err.Error(), "bad.asc") {
		t.Errorf("got %v", err)
	}
}
