//go:build interop

package interop_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// unmet is a requirement that has no provider, and who has it.
type unmet struct{ Package, Requirement string }

// dnfOffline is a dnf that knows the repositories alone, pairs of name and
// directory.
func dnfOffline(t *testing.T, repos ...string) []string {
	t.Helper()
	argv := []string{
		repoTool(t, "dnf"), "-q", "--installroot=" + t.TempDir(), "--setopt=reposdir=/nonexistent", "--setopt=cachedir=" + t.TempDir(),
		"--releasever=9", "--forcearch=x86_64", "--setopt=module_platform_id=platform:el9",
	}
	for i := 0; i < len(repos); i += 2 {
		argv = append(argv, "--repofrompath="+repos[i]+",file://"+repos[i+1], "--repo="+repos[i])
	}
	return argv
}

// dnfRepoclosure asks dnf, offline, which requirements of the first repository
// nobody meets.
func dnfRepoclosure(t *testing.T, repos ...string) map[unmet]bool {
	t.Helper()
	argv := append(dnfOffline(t, repos...), "repoclosure", "--check", repos[0])
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	// It ends with 1 when something is unmet; without the plugin it says so.
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && (!ended || !strings.Contains(stderr.String(), "Repoclosure ended")) {
		if strings.Contains(stderr.String(), "No such command") {
			shareddata.Missing(t, "dnf's plugin repoclosure (dnf-plugins-core)")
		}
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	found := map[unmet]bool{}
	pkg := ""
	for s := bufio.NewScanner(strings.NewReader(string(out))); s.Scan(); {
		line := s.Text()
		if rest, ok := strings.CutPrefix(line, "package: "); ok {
			pkg, _, _ = strings.Cut(rest, " from ")
		} else if rest, ok := strings.CutPrefix(line, "    "); ok {
			found[unmet{pkg, rest}] = true
		}
	}
	return found
}

// ourClosure answers the same question.
func ourClosure(t *testing.T, repos ...string) map[unmet]bool {
	t.Helper()
	var sources []check.Source
	for i := 0; i < len(repos); i += 2 {
		r, err := repo.OpenDir(repos[i+1])
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, check.Source{Name: repos[i], Repo: r})
	}
	loaded, err := check.Load(t.Context(), index.Cache{}, sources...)
	if err != nil {
		t.Fatal(err)
	}
	report, err := check.Run(t.Context(), loaded[0], loaded[1:], check.Options{Arch: "x86_64"})
	if err != nil {
		t.Fatal(err)
	}
	found := map[unmet]bool{}
	for _, p := range report.Problems {
		if slices.Contains([]check.Code{check.NothingProvides, check.ProviderReplaced, check.BadDependency, check.NeededIf}, p.Code) {
			found[unmet{p.Package, p.Requirement}] = true
		}
	}
	return found
}

// compareClosure allows for what repoclosure does not look into: a requirement
// under a condition is unmet for it when what it asks for is missing, whether or
// not the condition can be met, and one of two is enough for it where both are
// required.
func compareClosure(t *testing.T, theirs, ours map[unmet]bool) {
	t.Helper()
	for u := range theirs {
		if !ours[u] && !strings.Contains(u.Requirement, " if ") && !strings.Contains(u.Requirement, " unless ") {
			t.Errorf("dnf alone: %s needs %s", u.Package, u.Requirement)
		}
	}
	for u := range ours {
		if !theirs[u] && !strings.Contains(u.Requirement, " and ") {
			t.Errorf("we alone: %s needs %s", u.Package, u.Requirement)
		}
	}
}

// notInstallable asks dnf's solver, which knows that (a and b) needs both;
// repoclosure is content with one.
func notInstallable(t *testing.T, theirs, ours map[unmet]bool, repos ...string) {
	t.Helper()
	asked := 0
	for u := range ours {
		if theirs[u] || !strings.Contains(u.Requirement, " and ") || asked == 5 {
			continue
		}
		asked++
		argv := dnfOffline(t, repos...)
		out, err := exec.Command(argv[0], append(argv[1:], "--nogpgcheck", "--best", "install", "--assumeno", u.Package)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "nothing provides") {
			t.Errorf("dnf would install %s, which needs %s: %v\n%s", u.Package, u.Requirement, err, out)
		}
	}
	if asked == 0 {
		t.Error("no (a and b) was among the requirements")
	}
}

// TestClosureOfADistributionIsDnfs compares on all of CentOS Stream 9 AppStream:
// 17,000 packages, modules and multilib among them, 4,000 unmet requirements.
func TestClosureOfADistributionIsDnfs(t *testing.T) {
	t.Parallel()
	data := shareddata.Dir(t, "repodata")
	repos := []string{"app", filepath.Join(data, "cs9-appstream"), "base", filepath.Join(data, "cs9-baseos")}
	theirs := dnfRepoclosure(t, repos...)
	if len(theirs) < 1000 {
		t.Fatalf("dnf names %d unmet requirements", len(theirs))
	}
	compareClosure(t, theirs, ourClosure(t, repos...))
}

// TestClosureOfRandomUpdatesIsDnfs draws requirements from what there is and
// from near it: other versions, other libraries, paths in and out of the primary
// file lists, rich dependencies.
func TestClosureOfRandomUpdatesIsDnfs(t *testing.T) {
	t.Parallel()
	base := filepath.Join(shareddata.Dir(t, "repodata"), "cs9-baseos")
	r, err := repo.OpenDir(base)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(9, 44))
	dir := t.TempDir()
	pool := requirementPool(t, r, rnd)
	for i := range 200 {
		s := rpmtest.Spec{Name: fmt.Sprintf("update%03d", i), Version: fmt.Sprint(rnd.IntN(9)), Release: "1.el9", Arch: []string{"x86_64", "noarch", "i686"}[rnd.IntN(3)]}
		s.Provides = []rpm.Dependency{{Name: fmt.Sprintf("virtual%d", i%20), Flags: rpm.DepEqual, EVR: fmt.Sprint(rnd.IntN(4))}}
		for range 1 + rnd.IntN(20) {
			s.Requires = append(s.Requires, pool())
		}
		writeRPM(t, filepath.Join(dir, fmt.Sprintf("%s.rpm", s.Name)), s)
	}
	if _, err := repo.Create(t.Context(), dir, repo.Options{Compression: repo.Gzip}); err != nil {
		t.Fatal(err)
	}
	repos := []string{"side", dir, "base", base}
	theirs := dnfRepoclosure(t, repos...)
	if len(theirs) < 100 {
		t.Fatalf("dnf names %d unmet requirements", len(theirs))
	}
	ours := ourClosure(t, repos...)
	compareClosure(t, theirs, ours)
	notInstallable(t, theirs, ours, repos...)
}

// requirementPool returns a function that draws requirements.
func requirementPool(t *testing.T, r *repo.Repo, rnd *rand.Rand) func() rpm.Dependency {
	t.Helper()
	var provides [][]rpm.Dependency // by package
	var paths []string
	for e, err := range r.Primary(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var list []rpm.Dependency
		for _, p := range e.Provides {
			list = append(list, rpm.Dependency{Name: p.Name, Flags: p.Flags, EVR: p.EVR.String()})
		}
		provides = append(provides, list)
	}
	for p, err := range r.Filelists(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.Files {
			paths = append(paths, f.Path)
		}
	}
	senses := []rpm.DepFlags{0, rpm.DepLess, rpm.DepLess | rpm.DepEqual, rpm.DepEqual, rpm.DepGreater | rpm.DepEqual, rpm.DepGreater}
	versions := []string{"0", "1", "2.0-1", "1:1", "5.14", "9~rc1", "3^git1"}
	plain := func() rpm.Dependency {
		list := provides[rnd.IntN(len(provides))]
		d := list[rnd.IntN(len(list))]
		switch rnd.IntN(7) {
		case 0:
			d.Flags, d.EVR = 0, ""
		case 1:
			d.Flags, d.EVR = senses[1+rnd.IntN(5)], versions[rnd.IntN(len(versions))]
		case 2:
			d.Flags = senses[1+rnd.IntN(5)]
			if d.EVR == "" {
				d.EVR = "1"
			}
		case 3:
			d.Name += "-not"
		case 4:
			return rpm.Dependency{Name: fmt.Sprintf("virtual%d", rnd.IntN(25)), Flags: senses[rnd.IntN(6)], EVR: fmt.Sprint(rnd.IntN(5))}
		}
		return d
	}
	return func() rpm.Dependency {
		switch rnd.IntN(6) {
		case 0:
			return rpm.Dependency{Name: paths[rnd.IntN(len(paths))]}
		case 1:
			return rpm.Dependency{Name: paths[rnd.IntN(len(paths))] + ".not"}
		case 2:
			op := []string{"and", "or", "with", "without"}[rnd.IntN(4)]
			a, b := plain(), plain()
			if rnd.IntN(3) == 0 {
				b.Name = a.Name
			}
			return rpm.Dependency{Name: fmt.Sprintf("(%s %s %s)", a, op, b)}
		}
		return plain()
	}
}

func TestSharedRepositoriesReadAlike(t *testing.T) {
	t.Parallel()
	base := filepath.Join(shareddata.Dir(t, "repodata"), "cs9-baseos")
	r, err := repo.OpenDir(base)
	if err != nil {
		t.Fatal(err)
	}
	ix, err := index.FromRepo(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	query := func(format string, args ...string) []string {
		return strings.Fields(runTool(t, append(append(dnfOffline(t, "base", base), "repoquery", "--qf", format), args...)...))
	}
	var ours []string
	for p := range ix.Providers(index.Relation{Name: "libc.so.6(GLIBC_2.34)(64bit)"}) {
		ours = append(ours, p.String())
	}
	theirs := query("%{name}-%{evr}.%{arch}\n", "--whatprovides", "libc.so.6(GLIBC_2.34)(64bit)")
	if diff := cmp.Diff(sortedSet(theirs), sortedSet(ours)); diff != "" || len(ours) == 0 {
		t.Errorf("providers (-dnf +ours):\n%s", diff)
	}
	all := query("%{name}-%{epoch}:%{version}-%{release}.%{arch}|%{size}|%{location}\n")
	ours = nil
	for p := range ix.Packages() {
		v := p.EVR()
		ours = append(ours, fmt.Sprintf("%s-%d:%s-%s.%s|%d|%s", p.Name(), v.Epoch, v.Version, v.Release, p.Arch(), p.Size(), p.Location()))
	}
	if diff := cmp.Diff(sortedSet(all), sortedSet(ours)); diff != "" {
		t.Errorf("packages (-dnf +ours):\n%s", diff)
	}
}

func sortedSet(list []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		out[s] = true
	}
	return out
}
