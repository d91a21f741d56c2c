package dvd_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/dvd"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/compose/productmd"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/comps"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// world is a small Fedora with a repository of its release and a boot.iso.
type world struct {
	*composetest.Fedora
	dir, url string // of the folder with repo/, other/ and boot.iso
	resolver *compose.Resolver
	builder  *compose.Builder
}

// release is the repository: what groups name, what that requires, and more.
func release() []rpmtest.Spec {
	one := func(name, version string, requires ...string) rpmtest.Spec {
		return rpmtest.Spec{Name: name, Version: version, Release: "1.fc44", Arch: "x86_64", Requires: rpmtest.Deps(requires...)}
	}
	return []rpmtest.Spec{
		one("bash", "5.2", "libc"),
		{Name: "glibc", Version: "2.42", Release: "1.fc44", Arch: "x86_64", Provides: rpmtest.Deps("libc")},
		one("kernel", "7.0"), one("vim", "9.1", "vim-data"),
		{Name: "vim-data", Version: "9.1", Release: "1.fc44"},
		one("greeter", "1.0"), one("greeter-libs", "99"), one("unused", "1"), one("broken", "1", "missing-lib"), one("grub2", "2.12"),
		one("wants-old", "1", "vim = 1.0-1.fc44"), one("wants-epoch", "1", "vim = 9.1-1.fc44"),
		{Name: "recommends", Version: "1", Release: "1.fc44", Arch: "x86_64", Recommends: rpmtest.Deps("broken")},
	}
}

const groups = `<comps>
<group><id>core</id><name>Core</name><packagelist><packagereq type="mandatory">bash</packagereq></packagelist></group>
<group><id>editors</id><name>Editors</name><packagelist><packagereq type="default">vim</packagereq><packagereq type="optional">unused</packagereq></packagelist></group>
<group><id>anaconda-tools</id><name>Tools</name><packagelist><packagereq type="mandatory">grub2</packagereq></packagelist></group>
<environment><id>first</id><name>First</name><grouplist><groupid>core</groupid><groupid>editors</groupid></grouplist></environment>
<environment><id>second</id><name>Second</name><grouplist><groupid>lacks</groupid><groupid>elsewhere</groupid></grouplist></environment>
<group><id>lacks</id><name>Lacks</name><packagelist><packagereq type="mandatory">unused</packagereq></packagelist></group>
</comps>`

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, tools(t), &dvd.Backend{})
}

func newWorldOf(t *testing.T, runner compose.Runner, backends ...compose.Backend) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{dir: dir}
	makeRepo := func(name string, specs ...rpmtest.Spec) {
		at := filepath.Join(dir, name)
		for _, s := range specs {
			n := s.NEVRA()
			if err := errors.Join(os.MkdirAll(at, 0o755), os.WriteFile(filepath.Join(at, n.FileName()), rpmtest.Build(s), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		group := filepath.Join(dir, "comps.xml")
		if err := os.WriteFile(group, []byte(groups), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := repo.Create(t.Context(), at, repo.Options{Groupfile: group}); err != nil {
			t.Fatal(err)
		}
	}
	makeRepo("repo", release()...)
	makeRepo("other", rpmtest.Spec{Name: "vim", Version: "1.0", Release: "1.fc44", Arch: "x86_64"})
	makeRepo("epoch", rpmtest.Spec{Name: "vim", Epoch: 1, Version: "9.1", Release: "1.fc44", Arch: "x86_64"})
	if err := os.WriteFile(filepath.Join(dir, "boot.iso"), isotest.Base("F44-base", "x86_64"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	f, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hub, err := koji.New(f.HubURL, koji.Options{TopURL: f.TopURL})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := bodhi.New(f.BodhiURL, bodhi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Fedora, w.url = f, server.URL
	network := compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MinFree: 1 << 20}
	repos := func(string, string, bool) []compose.Repo {
		return []compose.Repo{{ID: "fedora", BaseURL: w.url + "/repo/"}}
	}
	if w.resolver, err = compose.NewResolver(hub, updates, network, compose.ResolverOptions{Backends: backends, Repos: repos}); err != nil {
		t.Fatal(err)
	}
	if w.builder, err = compose.NewBuilder(network, compose.BuilderOptions{Backends: backends, Runner: runner}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(w.resolver.Close(), w.builder.Close(), f.Close()); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) request() compose.Request {
	return compose.Request{
		Kind: compose.KindDVD, Release: "44", Arch: "x86_64", Sources: []string{w.Update}, Packages: []string{"@editors"},
		Repos: []compose.Repo{{ID: "fedora", BaseURL: w.url + "/repo/"}}, Base: &compose.Base{URL: w.url + "/boot.iso"},
	}
}

// gathered are the names and versions of a Plan's packages of the release.
func gathered(p *compose.Plan) []string {
	var out []string
	for _, g := range p.Gathered {
		out = append(out, strings.TrimSuffix(strings.TrimSuffix(g.NEVRA, ".fc44.x86_64"), ".fc44.noarch"))
	}
	return out
}

func TestFromUpdateToMedium(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plan, err := w.resolver.Resolve(t.Context(), w.request())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range plan.RPMs {
		t.Log("side repo:", r.NEVRA)
	}
	want := []string{"bash-5.2-1", "glibc-2.42-1", "grub2-2.12-1", "kernel-7.0-1", "vim-9.1-1", "vim-data-9.1-1"}
	got := gathered(plan)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gathered: (-want +got)\n%s", diff)
	}
	dir := t.TempDir()
	var log bytes.Buffer
	result, err := w.builder.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir, Log: &log})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	out := filepath.Join(dir, compose.OutDir)
	image := filepath.Join(out, plan.Image)
	var names []string
	m, err := iso.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	if err := m.Walk(func(name string, e iso.Entry) error {
		if strings.HasSuffix(name, ".rpm") && e.Mode.IsRegular() {
			names = append(names, name)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(names) != len(plan.RPMs)+len(plan.Gathered) {
		t.Errorf("on the medium: %q", names)
	}
	for _, e := range result.Packages {
		if e.Verdict != compose.VerdictIncluded || !slices.Contains(names, e.Path) {
			t.Errorf("%+v", e)
		}
	}
	c, err := comps.Read(strings.NewReader(plan.Groups))
	if err != nil || c.Group("core") == nil || c.Group("lacks") != nil || len(c.Group("editors").Packages) != 1 {
		t.Errorf("groups %v: %s", err, plan.Groups)
	}
	data, err := os.ReadFile(filepath.Join(out, "metadata", "images.json"))
	if err != nil {
		t.Fatal(err)
	}
	images, err := productmd.ReadImages(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(result.Artifacts, func(a compose.Artifact) bool { return a.Path == plan.Image })
	if one := images.Images["Everything"]["x86_64"][0]; i < 0 || one.Checksums["sha256"] != result.Artifacts[i].SHA256 || !result.Artifacts[i].Bootable {
		t.Errorf("%+v, %+v", one, result.Artifacts)
	}
}

func TestGatheringObeysTheRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tc := range map[string]struct {
		change  func(*compose.Request)
		has     []string
		hasNot  []string
		refused []compose.Code
		says    string
	}{
		"the side repo's version": {func(r *compose.Request) { r.Packages = []string{"greeter-libs"} }, []string{"bash-5.2-1"}, []string{"greeter-libs-99-1"}, nil, ""},
		"kickstart's packages": {func(r *compose.Request) {
			r.Packages, r.Kickstart = nil, &compose.Kickstart{Text: "%packages\nunused\n%end\n"}
		}, []string{"unused-1-1"}, []string{"vim-9.1-1"}, nil, ""},
		"release's own repositories": {func(r *compose.Request) { r.Repos = nil }, []string{"bash-5.2-1", "vim-9.1-1"}, nil, nil, ""},
		"excludepkgs":                {func(r *compose.Request) { r.Repos[0].ExcludePkgs = []string{"vim*"} }, nil, []string{"vim-9.1-1"}, nil, ""},
		"newest of equals": {func(r *compose.Request) {
			r.Repos = append(r.Repos, compose.Repo{ID: "other", BaseURL: w.url + "/other/"})
		}, []string{"vim-9.1-1"}, []string{"vim-1.0-1"}, nil, ""},
		"priority": {func(r *compose.Request) {
			r.Repos = append(r.Repos, compose.Repo{ID: "other", BaseURL: w.url + "/other/", Priority: 10})
		}, []string{"vim-1.0-1"}, []string{"vim-9.1-1"}, nil, ""},
		"unknown package":          {func(r *compose.Request) { r.Packages = []string{"nothing"} }, nil, nil, []compose.Code{compose.CodePackageNotFound}, "nothing"},
		"unknown group":            {func(r *compose.Request) { r.Packages = []string{"@nothing"} }, nil, nil, []compose.Code{compose.CodePackageNotFound}, "@nothing"},
		"unmet":                    {func(r *compose.Request) { r.Packages = []string{"broken"} }, nil, nil, []compose.Code{compose.CodeDependencyMissing}, "missing-lib, which broken requires"},
		"unmet, excluded":          {func(r *compose.Request) { r.Exclude = []string{"glibc"} }, nil, nil, []compose.Code{compose.CodeDependencyMissing}, "glibc is excluded"},
		"unmet, and asked":         {func(r *compose.Request) { r.Packages, r.Options.SkipPreflight = []string{"broken"}, true }, []string{"broken-1-1"}, nil, nil, ""},
		"required, of the release": {func(r *compose.Request) { r.Require = []string{"vim>=9", "greeter=2.3"} }, []string{"vim-9.1-1"}, nil, nil, ""},
		"required and not there": {
			func(r *compose.Request) { r.Require = []string{"vim>=10"} }, nil, nil,
			[]compose.Code{compose.CodePackageNotFound},
			"Nothing that goes onto the medium is vim>=10: vim.x86_64 is 9.1-1.fc44.",
		},
		"environments":           {func(r *compose.Request) { r.Packages = []string{"@^first", "@^second"} }, []string{"vim-9.1-1", "unused-1-1"}, nil, nil, ""},
		"unknown environment":    {func(r *compose.Request) { r.Packages = []string{"@^first", "@^third"} }, nil, nil, []compose.Code{compose.CodePackageNotFound}, "@^third"},
		"recommended and broken": {func(r *compose.Request) { r.Packages = []string{"recommends"} }, []string{"recommends-1-1"}, []string{"broken-1-1"}, nil, ""},
		"two versions, as required": {func(r *compose.Request) {
			r.Packages = []string{"vim", "wants-old"}
			r.Repos = append(r.Repos, compose.Repo{ID: "other", BaseURL: w.url + "/other/"})
		}, []string{"vim-9.1-1", "vim-1.0-1", "wants-old-1-1"}, nil, nil, ""},
		"two epochs of one file name": {func(r *compose.Request) {
			r.Packages = []string{"vim", "wants-epoch"}
			r.Repos = append(r.Repos, compose.Repo{ID: "epoch", BaseURL: w.url + "/epoch/"})
		}, nil, nil, []compose.Code{compose.CodeRepoInvalid}, "has the file name of vim-"},
		"no repository": {func(r *compose.Request) { r.Repos[0].BaseURL = w.url + "/none/" }, nil, nil, []compose.Code{compose.CodeRepoNotFound}, "none"},
		"no base":       {func(r *compose.Request) { r.Base = nil }, nil, nil, []compose.Code{compose.CodeBaseRequired}, "starts from an image"},
	} {
		req := w.request()
		tc.change(&req)
		plan, err := w.resolver.Resolve(t.Context(), req)
		if tc.refused != nil {
			refused, ok := errors.AsType[*compose.RefusedError](err)
			if !ok || refused.Problems[0].Code != tc.refused[0] || !strings.Contains(refused.Problems[0].Sentence, tc.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		names := gathered(plan)
		for _, n := range tc.has {
			if !slices.Contains(names, n) {
				t.Errorf("%s: no %s in %q", name, n, names)
			}
		}
		for _, n := range tc.hasNot {
			if slices.Contains(names, n) {
				t.Errorf("%s: %s in %q", name, n, names)
			}
		}
	}
}

func TestMediumOfTheReleaseAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	req := w.request()
	req.Sources = nil
	plan, err := w.resolver.Resolve(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if _, err := w.builder.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: t.TempDir(), Log: &log}); err != nil || len(plan.RPMs) != 0 || len(plan.Gathered) < 6 {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if plan.Epoch != 1767225600 { // when rpmtest's packages were built
		t.Errorf("epoch %d", plan.Epoch)
	}
}

func TestPlanOfAMediumIsItsContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var digests []string
	for range 2 {
		plan, err := w.resolver.Resolve(t.Context(), w.request())
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, plan.Digest)
	}
	req := w.request()
	req.Packages = []string{"@editors", "unused"}
	plan, err := w.resolver.Resolve(t.Context(), req)
	if err != nil || digests[0] != digests[1] || plan.Digest == digests[0] {
		t.Errorf("%v: %q and %s", err, digests, plan.Digest)
	}
}

func TestBaseOfAnotherReleaseIsWarnedOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for disc, warned := range map[string]bool{"43": true, "44": false, "Fedora 43": true, "Fedora 44": false, "Rawhide": false, "": false} {
		w.put(t, "other.iso", string(isotest.Build(isotest.Options{VolumeID: "X", BIOS: true, UEFI: true, Files: map[string]string{
			".discinfo": "1.0\n" + disc + "\nx86_64\n", "images/pxeboot/vmlinuz": "kernel", "images/pxeboot/initrd.img": "initrd",
		}})))
		req := w.request()
		req.Base.URL = w.url + "/other.iso"
		plan, err := w.resolver.Resolve(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(plan.Warnings, func(w compose.Warning) bool { return w.Code == string(compose.CodeBadRelease) && w.Field == "base" }); got != warned {
			t.Errorf("%q: %+v", disc, plan.Warnings)
		}
	}
}
