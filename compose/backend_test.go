package compose_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
)

func TestArgvIsFilledInAndHiddenAgain(t *testing.T) {
	t.Parallel()
	p := &compose.Plan{Image: "a.iso"}
	j := &compose.BackendJob{SideRepo: "/w/out/repo", OutDir: "/w/made", LogDir: "/w/out/logs", Temp: "/w/tmp/${logs}", CacheDir: "/c"}
	argv := []string{"tool", "--out=${output}", "${outdir}/os", "--tmp=${tmp}/x", "--log=${logs}", "$HOME", "a=$(b)"}
	got, err := j.Expand(p, argv)
	if err != nil {
		t.Fatal(err)
	}
	// What a path holds is not filled in once more.
	want := []string{"tool", "--out=/w/made/a.iso", "/w/made/os", "--tmp=/w/tmp/${logs}/x", "--log=/w/out/logs", "$HOME", "a=$(b)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(argv, j.Record(p, compose.Tool{Name: "tool"}, got).Argv); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"${base}", "x${nothing}", "${"} {
		var unknown *compose.PlaceholderError
		if _, err := j.Expand(p, []string{bad}); !errors.As(err, &unknown) || unknown.Arg != bad {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestInstalledEntriesTellWhichBuildIsIn(t *testing.T) {
	t.Parallel()
	p := &compose.Plan{Request: compose.Request{Packages: []string{"asked"}, Require: []string{"required>=2"}}}
	for _, n := range []string{"same", "older", "newer", "asked", "required", "absent", "arch", "twin", "other"} {
		r := compose.PlanRPM{NEVRA: n + "-1:2-3.x86_64", Name: n, Arch: "x86_64"}
		if n == "other" {
			r.SigMD5 = "aa"
		}
		p.RPMs = append(p.RPMs, r)
	}
	entries, err := compose.InstalledEntries(p, []compose.Shipped{
		{NEVRA: "same-1:2-3.x86_64"},
		{NEVRA: "older-2-3.x86_64"},
		{NEVRA: "newer-1:2-4.x86_64"},
		{NEVRA: "arch-1:2-3.noarch"},
		{NEVRA: "twin-1:2-2.x86_64"},
		{NEVRA: "twin-1:2-3.x86_64"},
		{NEVRA: "twin-1:2-1.x86_64"},
		{NEVRA: "other-1:2-3.x86_64", SigMD5: "bb"},
		{NEVRA: "no nevra"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		got[e.Name] = string(e.Verdict) + " " + e.Shipped
	}
	want := map[string]string{
		"same": "included 1:2-3", "older": "older 2-3", "newer": "newer 1:2-4", "asked": "missing ", "required": "missing ",
		"absent": "not-installed ", "arch": "missing 1:2-3", "twin": "included 1:2-3", "other": "missing 1:2-3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHostileRepositoriesAndOptionsAreRefused(t *testing.T) {
	t.Parallel()
	repo := func(change func(*compose.Repo)) compose.Request {
		r := compose.Repo{ID: "x", BaseURL: "https://example.org/"}
		change(&r)
		return compose.Request{Repos: []compose.Repo{r}}
	}
	options := func(o compose.Options) compose.Request { return compose.Request{Options: o} }
	for name, req := range map[string]compose.Request{
		"section of dnf":       repo(func(r *compose.Repo) { r.ID = "main" }),
		"side repo's id":       repo(func(r *compose.Repo) { r.ID = "respin" }),
		"id of two lines":      repo(func(r *compose.Repo) { r.ID = "a]\n[b" }),
		"nowhere":              repo(func(r *compose.Repo) { r.BaseURL = "" }),
		"in two places":        repo(func(r *compose.Repo) { r.Metalink = "https://example.org/metalink" }),
		"URL of two lines":     repo(func(r *compose.Repo) { r.BaseURL = "https://example.org/\ngpgcheck=0" }),
		"local file":           repo(func(r *compose.Repo) { r.BaseURL = "file:///etc/" }),
		"password":             repo(func(r *compose.Repo) { r.BaseURL = "https://u:p@example.org/" }),
		"key of a file":        repo(func(r *compose.Repo) { r.GPGKeys = []string{"file:///etc/key"} }),
		"check without key":    repo(func(r *compose.Repo) { r.GPGCheck = true }),
		"packages of two":      repo(func(r *compose.Repo) { r.ExcludePkgs = []string{"a\nb"} }),
		"negative cost":        repo(func(r *compose.Repo) { r.Cost = -1 }),
		"twice":                {Repos: []compose.Repo{{ID: "a", BaseURL: "https://a.org/"}, {ID: "a", BaseURL: "https://b.org/"}}},
		"root of a thousand":   options(compose.Options{RootfsSize: 1 << 20}),
		"root of another type": options(compose.Options{RootfsType: "zfs --x"}),
		"product with quotes":  options(compose.Options{Product: "Fedora'\n"}),
		"variant as option":    options(compose.Options{Variant: "--help"}),
		"template's name":      options(compose.Options{Templates: []compose.Template{{Name: "../x", Text: "y"}}}),
		"empty template":       options(compose.Options{Templates: []compose.Template{{Name: "x"}}}),
		"variable's name":      options(compose.Options{TemplateVars: map[string]string{"a=b": "c"}}),
		"variable of two":      options(compose.Options{ArchTemplateVars: map[string]string{"a": "c\nd"}}),
		"placeholder":          options(compose.Options{TemplateVars: map[string]string{"a": "${logs}"}}),
	} {
		req.Kind, req.Release, req.Arch = compose.KindBootISO, "44", "x86_64"
		if problems := req.Check(); len(problems) != 1 {
			t.Errorf("%s: %v", name, problems)
		}
	}
	good := compose.Request{Kind: compose.KindBootISO, Release: "44", Repos: []compose.Repo{{
		ID: "a", Metalink: "https://example.org/metalink?repo=f-$releasever&arch=$basearch", GPGCheck: true, GPGKeys: []string{"https://example.org/k"}, ExcludePkgs: []string{"vim*"}, Priority: 5,
	}}, Options: compose.Options{RootfsType: "erofs", Product: "Fedora Remix", Variant: "Server", TemplateVars: map[string]string{"a": "b = c"}}}
	if problems := good.Check(); len(problems) != 0 {
		t.Error(problems)
	}
}

func TestDefaultReposFollowTheRelease(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		release string
		final   bool
		want    string
	}{
		{"44", true, "fedora updates"}, {"45", false, "fedora"}, {"rawhide", false, "rawhide"}, {"eln", false, "eln-baseos eln-appstream"}, {"10", true, "baseos appstream"},
	} {
		var ids []string
		for _, r := range compose.DefaultRepos(tc.release, "aarch64", tc.final) {
			ids = append(ids, r.ID)
			if !strings.Contains(r.BaseURL+r.Metalink, "aarch64") {
				t.Errorf("%s: %+v", tc.release, r)
			}
		}
		if got := strings.Join(ids, " "); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.release, got, tc.want)
		}
	}
}

func ExampleRepoFile() {
	p := &compose.Plan{
		RPMs:  []compose.PlanRPM{{Name: "anaconda"}},
		Repos: []compose.PlanRepo{{Repo: compose.Repo{ID: "fedora", BaseURL: "https://example.org/44/", Cost: 500}}},
	}
	fmt.Print(compose.RepoFile(p, "/work/$job/repo"))
	// Output:
	// [respin]
	// name=respin side repo
	// baseurl=file:///work/%24job/repo
	// enabled=1
	// gpgcheck=0
	// repo_gpgcheck=0
	// priority=1
	// cost=1
	// metadata_expire=1
	//
	// [fedora]
	// name=fedora
	// baseurl=https://example.org/44/
	// enabled=1
	// gpgcheck=0
	// repo_gpgcheck=0
	// cost=500
	// excludepkgs=anaconda
}
