//go:build interop

package interop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose/content"
	"github.com/fedora-respin/respin/internal/shareddata"
	ks "github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/kickstart/lint"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/index"
)

// gatherCase is what a medium is to hold, as a kickstart and as dnf is asked.
type gatherCase struct {
	options, packages string // of %packages
	install           []string
	appstream         bool
	least             int // packages that dnf installs; 0: it refuses
}

// The two repositories of the data are not of one day: what AppStream's packages
// require of BaseOS is not always there, and then dnf refuses as well.
func gatherCases() []gatherCase {
	return []gatherCase{
		{"", "kernel", []string{"@core", "kernel"}, false, 280},
		{"", "@^minimal-environment\n@standard\nsamba", []string{"@core", "@minimal-environment", "@standard", "samba"}, false, 380},
		{"", "@^server-product-environment\n@anaconda-tools\nkernel", []string{"@core", "@server-product-environment", "@anaconda-tools", "kernel"}, false, 400},
		{"--exclude-weakdeps", "@hardware-support\n@file-server\n@mail-server", []string{"--setopt=install_weak_deps=0", "@core", "@hardware-support", "@file-server", "@mail-server"}, false, 330},
		{"--nocore", "httpd\nmod_ssl\nvim-enhanced", []string{"httpd", "mod_ssl", "vim-enhanced"}, true, 100},
		{"--nocore", "nodejs\ngit\njava-17-openjdk\nansible-core", []string{"nodejs", "git", "java-17-openjdk", "ansible-core"}, true, 200},
		{"--nocore", "mariadb-server\nphp\npodman\ngimp", []string{"mariadb-server", "php", "podman", "gimp"}, true, 300},
		{"--nocore", "vim-enhanced\npostgresql-server", []string{"vim-enhanced", "postgresql-server"}, true, 0},
		{"--nocore", "gcc-c++", []string{"gcc-c++"}, true, 0},
	}
}

// solver is dnf with some repositories of the data.
type solver struct {
	t     *testing.T
	dir   string
	names []string
	cache string
}

func newSolver(t *testing.T, appstream bool) *solver {
	t.Helper()
	if _, err := exec.LookPath("dnf"); err != nil {
		shareddata.Missing(t, "dnf")
	}
	s := &solver{t: t, dir: shareddata.Dir(t, "repodata"), names: []string{"cs9-baseos"}, cache: t.TempDir()}
	if appstream {
		s.names = append(s.names, "cs9-appstream")
	}
	return s
}

func (s *solver) content() *content.Content {
	s.t.Helper()
	var sources []check.Source
	for _, name := range s.names {
		r, err := repo.OpenDir(filepath.Join(s.dir, name))
		if err != nil {
			s.t.Fatal(err)
		}
		sources = append(sources, check.Source{Name: name, Repo: r})
	}
	c, err := content.Load(s.t.Context(), index.Cache{}, "x86_64", sources...)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

var solvedRow = regexp.MustCompile(`(?m)^ ([A-Za-z0-9][^ \n]*)\s+(?:x86_64|noarch|i686) +\S+ +cs9-`)

// install asks dnf what it would install, and returns all that it says and the
// names. only, if given, are the packages of each repository that it sees.
func (s *solver) install(specs []string, only map[int][]string) (string, []string) {
	s.t.Helper()
	repos := s.t.TempDir()
	for i, name := range s.names {
		text := fmt.Sprintf("[%s]\nname=%[1]s\nbaseurl=file://%s\ngpgcheck=0\n", name, filepath.Join(s.dir, name))
		if only != nil {
			text += "includepkgs=" + strings.Join(only[i], ",") + "\n"
		}
		put(s.t, filepath.Join(repos, name+".repo"), []byte(text))
	}
	args := append([]string{
		"--installroot=" + s.t.TempDir(), "--setopt=reposdir=" + repos, "--setopt=cachedir=" + s.cache, "--releasever=9", "--forcearch=x86_64",
		"--setopt=module_platform_id=platform:el9", "--disableplugin=local", "--assumeno", "install",
	}, specs...)
	cmd := exec.CommandContext(s.t.Context(), "dnf", args...)
	cmd.Env = append(os.Environ(), "COLUMNS=200", "LANG=C.UTF-8")
	out, _ := cmd.CombinedOutput() // --assumeno ends with 1
	var list []string
	for _, m := range solvedRow.FindAllSubmatch(out, -1) {
		list = append(list, string(m[1]))
	}
	slices.Sort(list)
	return string(out), slices.Compact(list)
}

// TestTheSolverInstallsFromWhatTheClosureGathers is what makes a set that was
// gathered without a solver good enough for a medium: dnf, which sees nothing but
// that set, installs everything that was named. How far the set is from dnf's own
// choice out of the whole repositories is bounded besides.
func TestTheSolverInstallsFromWhatTheClosureGathers(t *testing.T) {
	t.Parallel()
	for i, tt := range gatherCases() {
		// dnf splits directories, which are named after the test, at commas.
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			dnf := newSolver(t, tt.appstream)
			doc, err := ks.Parse("x.ks", []byte("%packages "+tt.options+"\n"+tt.packages+"\n%end\n"), ks.Options{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := dnf.content().Select(t.Context(), doc.Packages())
			if err != nil {
				t.Fatal(err)
			}
			if (len(s.Missing) > 0) != (tt.least == 0) || len(s.Unknown) > 0 {
				t.Errorf("missing %v, unknown %v", s.Missing, s.Unknown)
			}
			only := map[int][]string{}
			var ours []string
			for _, p := range s.Packages {
				only[p.Repo] = append(only[p.Repo], p.NEVRA().String())
				ours = append(ours, p.Name())
			}
			slices.Sort(ours)
			ours = slices.Compact(ours)
			text, theirs := dnf.install(tt.install, nil)
			if tt.least == 0 {
				// dnf names the first of what it misses.
				if !slices.ContainsFunc(s.Missing, func(m lint.Missing) bool {
					return strings.Contains(text, "nothing provides "+m.Requirement+" needed by "+m.By+"-")
				}) {
					t.Errorf("dnf misses something else than %v:\n%s", s.Missing, text)
				}
				return
			}
			if len(theirs) < tt.least {
				t.Fatalf("dnf lists only %d packages:\n%s", len(theirs), text)
			}
			var differ []string
			for _, p := range theirs {
				if _, ok := slices.BinarySearch(ours, p); !ok {
					differ = append(differ, p)
				}
			}
			text, fromSet := dnf.install(tt.install, only)
			t.Logf("%q: gathered %d; dnf %d, of which are not gathered %q; from what is gathered dnf installs %d", tt.install, len(ours), len(theirs), differ, len(fromSet))
			if strings.Contains(text, "Error:") || strings.Contains(text, "Problem") || len(fromSet)*100 < 99*len(theirs) {
				t.Errorf("from what is gathered dnf installs %d packages:\n%s", len(fromSet), text)
			}
			if len(differ)*100 > len(theirs) {
				t.Errorf("%d of dnf's %d packages are not gathered", len(differ), len(theirs))
			}
		})
	}
}
