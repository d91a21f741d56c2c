package dvd_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func newKey(t *testing.T) (*openpgp.Entity, string) {
	t.Helper()
	made := time.Unix(1735689600, 0)
	e, err := openpgp.NewEntity("A repository", "", "repo@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return made }})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	w, err := armor.Encode(&text, openpgp.PublicKeyType, nil)
	if err == nil {
		err = errors.Join(e.Serialize(w), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return e, text.String()
}

// add makes one more repository of the world; its RPMs are signed if there is a key.
func (w *world) add(t *testing.T, name string, key *openpgp.Entity, specs ...rpmtest.Spec) {
	t.Helper()
	at := filepath.Join(w.dir, name)
	for _, s := range specs {
		data := rpmtest.Build(s)
		if key != nil {
			data = rpmtest.Sign(data, key, rpmtest.SignOptions{})
		}
		if err := errors.Join(os.MkdirAll(at, 0o755), os.WriteFile(filepath.Join(at, s.NEVRA().FileName()), data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := repo.Create(t.Context(), at, repo.Options{}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) put(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return w.url + "/" + name
}

// TestPackagesOfARepositoryMustBeSigned: gpgcheck holds for what is gathered.
func TestPackagesOfARepositoryMustBeSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, text := newKey(t)
	_, other := newKey(t)
	tool := rpmtest.Spec{Name: "tool", Version: "1", Release: "1.fc44", Arch: "x86_64"}
	w.add(t, "signed", key, tool)
	w.add(t, "unsigned", nil, tool)
	good, wrong := w.put(t, "good.asc", text), w.put(t, "wrong.asc", other)
	for name, tc := range map[string]struct {
		repo  string
		keys  []string
		field string
		code  compose.Code
	}{
		"signed":          {"signed", []string{good}, "", ""},
		"one of two keys": {"signed", []string{wrong, good}, "", ""},
		"by another key":  {"signed", []string{wrong}, "", compose.CodeRPMUntrusted},
		"not signed":      {"unsigned", []string{good}, "", compose.CodeRPMUntrusted},
		"no key":          {"signed", []string{good, w.put(t, "no.asc", "hello\n")}, "repos[1].gpgkeys[1]", compose.CodeRepoInvalid},
		"huge":            {"signed", []string{w.put(t, "huge.asc", text+strings.Repeat("\n", 1<<20))}, "repos[1].gpgkeys[0]", compose.CodeRepoInvalid},
		"key is gone":     {"signed", []string{w.url + "/gone.asc"}, "repos[1].gpgkeys[0]", compose.CodeRepoInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := w.request()
			req.Packages = append(req.Packages, "tool")
			req.Repos = append(req.Repos, compose.Repo{ID: "signed", BaseURL: w.url + "/" + tc.repo + "/", GPGCheck: true, GPGKeys: tc.keys})
			plan, err := w.resolver.Resolve(t.Context(), req)
			if tc.field != "" {
				refused, ok := errors.AsType[*compose.RefusedError](err)
				if !ok || len(refused.Problems) != 1 || refused.Problems[0].Field != tc.field || refused.Problems[0].Code != tc.code || refused.Problems[0].Remedy == "" {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || len(plan.Repos[1].Keys) != len(tc.keys) || len(plan.Warnings) > 1 {
				t.Fatalf("%v %+v", err, plan)
			}
			result, err := w.builder.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: t.TempDir()})
			switch {
			case tc.code == "" && err != nil:
				t.Error(err)
			case tc.code != "" && (err == nil || result.Failure.Code != tc.code || !strings.Contains(result.Failure.Sentence, "tool-1-1.fc44.x86_64.rpm")):
				t.Errorf("%v %+v", err, result.Failure)
			}
		})
	}
}

// TestOfEqualPackagesTheCheapestIsTaken: cost decides where version and priority
// do not.
func TestOfEqualPackagesTheCheapestIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tool := func(version string) rpmtest.Spec {
		return rpmtest.Spec{Name: "tool", Version: version, Release: "1.fc44", Arch: "x86_64"}
	}
	w.add(t, "far", nil, tool("1"))
	w.add(t, "near", nil, tool("1"))
	w.add(t, "old", nil, tool("0.9"))
	for name, tc := range map[string]struct {
		repos []compose.Repo
		from  string
	}{
		"cheaper and later":     {[]compose.Repo{{ID: "far"}, {ID: "near", Cost: 500}}, "near"},
		"dearer and first":      {[]compose.Repo{{ID: "far", Cost: 2000}, {ID: "near"}}, "near"},
		"equal":                 {[]compose.Repo{{ID: "far"}, {ID: "near", Cost: 1000}}, "far"},
		"older is never taken":  {[]compose.Repo{{ID: "far"}, {ID: "old", Cost: 1}}, "far"},
		"priority goes before":  {[]compose.Repo{{ID: "far", Priority: 1}, {ID: "near", Cost: 1}}, "far"},
		"priority of the older": {[]compose.Repo{{ID: "far", Cost: 1}, {ID: "old", Priority: 1}}, "old"},
	} {
		req := w.request()
		req.Packages = []string{"tool"}
		for _, r := range tc.repos {
			r.BaseURL = w.url + "/" + r.ID + "/"
			req.Repos = append(req.Repos, r)
		}
		plan, err := w.resolver.Resolve(t.Context(), req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		i := slices.IndexFunc(plan.Gathered, func(g compose.PlanPackage) bool { return strings.HasPrefix(g.NEVRA, "tool-") })
		if i < 0 || plan.Repos[plan.Gathered[i].Repo].ID != tc.from {
			t.Errorf("%s: %+v", name, plan.Gathered)
		}
		for _, warning := range plan.Warnings {
			if strings.HasPrefix(warning.Field, "repos") {
				t.Errorf("%s: %+v", name, warning)
			}
		}
	}
}
