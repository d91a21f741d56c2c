package check_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// pkg describes a package in one line: "name-1:2-3.noarch" and then lines
// "requires x >= 1", "provides ...", "file /usr/bin/x".
func pkg(t *testing.T, nevra string, lines ...string) rpmtest.Spec {
	t.Helper()
	n, err := rpm.ParseNEVRA(nevra)
	if err != nil {
		t.Fatal(err)
	}
	s := rpmtest.Spec{Name: n.Name, Epoch: n.EVR.Epoch, Version: n.EVR.Version, Release: n.EVR.Release, Arch: n.Arch, BuildTime: 1767000000}
	for _, l := range lines {
		what, text, _ := strings.Cut(l, " ")
		list, ok := map[string]*[]rpm.Dependency{
			"requires": &s.Requires, "provides": &s.Provides, "conflicts": &s.Conflicts, "obsoletes": &s.Obsoletes,
		}[what]
		switch {
		case ok && strings.HasPrefix(text, "("):
			*list = append(*list, rpm.Dependency{Name: text})
		case ok:
			*list = append(*list, rpmtest.Deps(text)...)
		case what == "file":
			s.Files = append(s.Files, rpmtest.File{Path: text, Data: []byte(text)})
		case what == "summary":
			s.Summary = text
		case what == "built":
			s.BuildTime += 60
		default:
			t.Fatal(l)
		}
	}
	return s
}

func makeRepo(t *testing.T, name string, specs []rpmtest.Spec) check.Repo {
	t.Helper()
	dir := t.TempDir()
	for i, s := range specs {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.rpm", i)), rpmtest.Build(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := repo.Create(t.Context(), dir, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	ix, err := index.FromRepo(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return check.Repo{Name: name, Index: ix, Paths: func(ctx context.Context) (*index.Paths, error) { return index.PathsFromRepo(ctx, ix, r) }}
}

func TestRun(t *testing.T) {
	t.Parallel()
	type list []rpmtest.Spec
	p := func(nevra string, lines ...string) rpmtest.Spec { return pkg(t, nevra, lines...) }
	for name, tc := range map[string]struct {
		side, base list
		opts       check.Options
		want       []string
	}{
		"all is well": {
			side: list{p("a-2-1.x86_64", "requires b >= 1", "requires /usr/bin/b", "requires /usr/share/b/data", "requires liba = 2", "provides liba = 2")},
			base: list{p("a-1-1.x86_64"), p("b-1-1.noarch", "file /usr/bin/b", "file /usr/share/b/data")},
		},
		"nothing provides": {
			side: list{p("a-1-1.x86_64", "requires ghost"), p("b-1-1.x86_64", "requires ghost", "requires /opt/ghost")},
			want: []string{
				"error nothing-provides: nothing provides ghost needed by a-1-1.x86_64",
				"error nothing-provides: nothing provides /opt/ghost needed by b-1-1.x86_64",
				"error nothing-provides: nothing provides ghost needed by b-1-1.x86_64",
			},
		},
		"near misses: version": {
			side: list{p("a-1-1.x86_64", "requires libb >= 2.0")},
			base: list{p("b-1.9-1.x86_64", "provides libb = 1.9"), p("c-1-1.x86_64", "provides libb = 1:0.1")},
			want: nil,
		},
		"near misses: version too low": {
			side: list{p("a-1-1.x86_64", "requires libb >= 2.0")},
			base: list{p("b-1.9-1.x86_64", "provides libb = 1.9")},
			want: []string{
				"error nothing-provides: nothing provides libb >= 2.0 needed by a-1-1.x86_64",
				"  b-1.9-1.x86_64 from base provides libb = 1.9",
			},
		},
		"near misses: library version, spelling, place of a file": {
			side: list{p("a-1-1.x86_64", "requires libb.so.2()(64bit)", "requires python3-requets", "requires /usr/bin/tool")},
			base: list{
				p("b-1-1.x86_64", "provides libb.so.1()(64bit)", "provides libb.so.1(B_1)(64bit)", "file /usr/sbin/tool"),
				p("python3-requests-1-1.noarch"),
			},
			want: []string{
				"error nothing-provides: nothing provides /usr/bin/tool needed by a-1-1.x86_64",
				"  b-1-1.x86_64 from base provides /usr/sbin/tool",
				"error nothing-provides: nothing provides libb.so.2()(64bit) needed by a-1-1.x86_64",
				"  b-1-1.x86_64 from base provides libb.so.1()(64bit)",
				"error nothing-provides: nothing provides python3-requets needed by a-1-1.x86_64",
				"  python3-requests-1-1.noarch from base provides python3-requests",
			},
		},
		"near misses: another architecture": {
			side: list{p("a-1-1.x86_64", "requires b-libs")},
			base: list{p("b-1-1.aarch64", "provides b-libs")},
			want: []string{
				"error nothing-provides: nothing provides b-libs needed by a-1-1.x86_64",
				"  b-1-1.aarch64 from base provides b-libs, but is not for this architecture or hidden",
			},
		},
		"multilib and noarch belong together": {
			side: list{p("a-1-1.i686", "requires libc.so.6"), p("n-1-1.noarch", "requires b")},
			base: list{p("glibc-1-1.i686", "provides libc.so.6"), p("b-1-1.x86_64")},
		},
		"each architecture by itself": {
			side: list{p("a-1-1.x86_64", "requires b"), p("a-1-1.aarch64", "requires b")},
			base: list{p("b-1-1.x86_64")},
			want: []string{
				"error nothing-provides: nothing provides b needed by a-1-1.aarch64",
				"  b-1-1.x86_64 from base provides b = 1-1, but is not for this architecture or hidden",
			},
		},
		"only one architecture": {
			side: list{p("a-1-1.x86_64", "requires b"), p("a-1-1.aarch64", "requires b")},
			base: list{p("b-1-1.x86_64")}, opts: check.Options{Arch: "x86_64"},
		},
		"source packages are left out": {
			side: list{p("a-1-1.src", "requires gcc")},
		},
		"source packages when asked for": {
			side: list{p("a-1-1.src", "requires gcc")}, opts: check.Options{Source: true},
			want: []string{"error nothing-provides: nothing provides gcc needed by a-1-1.src"},
		},
		"a package of the side repo replaces the provider": {
			side: list{p("a-1-1.x86_64", "requires libb.so.1()(64bit)"), p("b-2-1.x86_64", "provides libb.so.2()(64bit)")},
			base: list{p("b-1-1.x86_64", "provides libb.so.1()(64bit)")},
			want: []string{
				"error provider-replaced: nothing provides libb.so.1()(64bit) needed by a-1-1.x86_64",
				"  b-1-1.x86_64 from base provides it, but the side repo replaces that with b-2-1.x86_64",
			},
		},
		"an obsoleted provider can still be had": {
			side: list{p("a-1-1.x86_64", "requires b"), p("c-1-1.x86_64", "obsoletes b < 2")},
			base: list{p("b-1-1.x86_64")},
		},
		"an update breaks others": {
			side: list{p("b-2-1.x86_64", "provides libb.so.2")},
			base: list{
				p("b-1-1.x86_64", "provides libb.so.1", "file /usr/bin/b"), p("c-1-1.x86_64", "requires libb.so.1"),
				p("d-1-1.x86_64", "requires /usr/bin/b"), p("e-1-1.x86_64", "requires b"), p("f-1-1.x86_64", "requires long-gone"),
				p("g-1-1.x86_64", "requires (libb.so.1 or libx)"), p("h-1-1.x86_64", "requires (libb.so.1 or c)"),
			},
			want: []string{
				"warning breaks: nothing provides libb.so.1 needed by c-1-1.x86_64 from base any more: only packages that the side repo replaces did",
				"warning breaks: nothing provides /usr/bin/b needed by d-1-1.x86_64 from base any more: only packages that the side repo replaces did",
				"warning breaks: nothing provides (libb.so.1 or libx) needed by g-1-1.x86_64 from base any more: only packages that the side repo replaces did",
			},
		},
		"kernels stay beside each other": {
			side: list{p("kernel-core-2-1.x86_64"), p("mod-1-1.x86_64", "requires kernel-core = 1")},
			base: list{p("kernel-core-1-1.x86_64")},
		},
		"conflicts": {
			side: list{p("a-1-1.x86_64", "conflicts b < 2"), p("b-1-1.x86_64"), p("c-1-1.x86_64", "conflicts d")},
			base: list{p("d-1-1.x86_64"), p("e-1-1.x86_64", "conflicts c >= 1"), p("f-1-1.x86_64", "conflicts b"), p("b-0-1.x86_64")},
			want: []string{
				"error conflict: package a-1-1.x86_64 conflicts with b < 2 provided by b-1-1.x86_64",
				"warning conflicts-base: package e-1-1.x86_64 conflicts with c >= 1 provided by c-1-1.x86_64",
				"note conflicts-base: package c-1-1.x86_64 conflicts with d provided by d-1-1.x86_64",
			},
		},
		"no provider can be installed": {
			side: list{p("a-1-1.x86_64", "requires b", "conflicts libb"), p("c-2-1.x86_64", "requires c = 1")},
			base: list{p("b-1-1.x86_64", "provides libb"), p("x-1-1.x86_64", "provides c = 1")},
			want: []string{
				"error not-installable: package a-1-1.x86_64 requires b, but none of the providers can be installed",
				"  package a-1-1.x86_64 conflicts with libb provided by b-1-1.x86_64",
				"note conflicts-base: package a-1-1.x86_64 conflicts with libb provided by b-1-1.x86_64",
			},
		},
		"obsoletes": {
			side: list{p("a-1-1.x86_64", "obsoletes b < 5"), p("b-2-1.x86_64"), p("c-1-1.x86_64")},
			base: list{p("n-1-1.x86_64", "obsoletes c <= 1"), p("m-1-1.x86_64", "obsoletes c < 1")},
			want: []string{
				"error obsoleted: package a-1-1.x86_64 obsoletes b < 5 provided by b-2-1.x86_64",
				"warning obsoleted: package n-1-1.x86_64 obsoletes c <= 1 provided by c-1-1.x86_64",
			},
		},
		"loses": {
			side: list{p("a-1-1.x86_64"), p("b-1-1.noarch"), p("c-1-1.x86_64"), p("c-2-1.x86_64")},
			base: list{p("a-1:0-1.x86_64"), p("a-2-1.x86_64"), p("b-2-1.x86_64"), p("a-9-1.aarch64")},
			want: []string{
				"error loses: a-1-1.x86_64 loses to the newer a-1:0-1.x86_64 from base wherever the priority of the side repo is not heeded",
				"error loses: b-1-1.noarch loses to the newer b-2-1.x86_64 from base wherever the priority of the side repo is not heeded",
				"warning loses: c-1-1.x86_64 loses to the newer c-2-1.x86_64 of the same repository",
			},
		},
		"same NEVRA, other content": {
			side: list{p("a-1-1.x86_64"), p("b-1-1.x86_64", "summary one"), p("c-1-1.x86_64"), p("d-1-1.x86_64"), p("d-1-1.x86_64", "built later")},
			base: list{p("a-1-1.x86_64", "built later"), p("b-1-1.x86_64", "summary two"), p("c-1-1.x86_64")},
			want: []string{
				"error same-nevra: a-1-1.x86_64 has other content in side than in base: which one is installed is a matter of chance",
				"error same-nevra: d-1-1.x86_64 is there twice with other content, as 03.rpm and as 04.rpm",
				"note same-nevra: b-1-1.x86_64 is the same build in side and in base, with other signatures",
			},
		},
		"rich dependencies": {
			side: list{
				p("and-1-1.x86_64", "requires (x and ghost)"), p("or-1-1.x86_64", "requires (ghost or x)"), p("or2-1-1.x86_64", "requires (ghost or ghost2)"),
				p("if-1-1.x86_64", "requires (ghost if x)"), p("ifelse-1-1.x86_64", "requires (ghost if x else ghost)"), p("ifelse2-1-1.x86_64", "requires (ghost if x else y)"),
				p("ifself-1-1.x86_64", "requires (ghost if ifself)"), p("with-1-1.x86_64", "requires (v > 1 with v < 3)"), p("with2-1-1.x86_64", "requires (x with y)"),
				p("without-1-1.x86_64", "requires (v without y)"), p("without2-1-1.x86_64", "requires (x without x)"), p("file-1-1.x86_64", "requires (/opt/f and x)"),
				p("bad-1-1.x86_64", "requires (x and y or z)"), p("unless-1-1.x86_64", "requires (x unless ghost)", "requires (ghost unless x else y)"),
				p("ifnever-1-1.x86_64", "requires (ghost if ghost2)"),
			},
			base: list{p("x-1-1.x86_64", "file /opt/f"), p("y-1-1.x86_64"), p("v-2-1.x86_64", "provides v = 2")},
			want: []string{
				"error nothing-provides: nothing provides (x and ghost) needed by and-1-1.x86_64",
				`error bad-dependency: package bad-1-1.x86_64 requires (x and y or z), which is no dependency: read dependency: parse rich dependency "(x and y or z)": operators and and or in one pair of parentheses`,
				"error nothing-provides: nothing provides (ghost if x else ghost) needed by ifelse-1-1.x86_64",
				"error nothing-provides: nothing provides (ghost if ifself) needed by ifself-1-1.x86_64",
				"error nothing-provides: nothing provides (ghost or ghost2) needed by or2-1-1.x86_64",
				"error nothing-provides: nothing provides (x with y) needed by with2-1-1.x86_64",
				"error nothing-provides: nothing provides (x without x) needed by without2-1-1.x86_64",
				"warning needed-if: nothing provides what (ghost if x) asks for where its condition is met, needed by if-1-1.x86_64",
				"warning needed-if: nothing provides what (ghost if x else y) asks for where its condition is met, needed by ifelse2-1-1.x86_64",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := check.Run(t.Context(), makeRepo(t, "side", tc.side), []check.Repo{makeRepo(t, "base", tc.base)}, tc.opts)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range report.Problems {
				got = append(got, fmt.Sprintf("%s %s: %s", p.Severity, p.Code, p.Text))
				for _, m := range p.Misses {
					got = append(got, "  "+m)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingIsReadForWhatIsThere(t *testing.T) {
	t.Parallel()
	side := makeRepo(t, "side", []rpmtest.Spec{pkg(t, "a-1-1.x86_64", "requires b", "file /usr/bin/a")})
	base := makeRepo(t, "base", []rpmtest.Spec{pkg(t, "b-1-1.x86_64")})
	failing := errors.New("no file lists")
	base.Paths = func(context.Context) (*index.Paths, error) { return nil, failing }
	report, err := check.Run(t.Context(), side, []check.Repo{base}, check.Options{})
	if err != nil || report.Problems != nil {
		t.Errorf("file lists were asked for: %+v %v", report, err)
	}
	side = makeRepo(t, "side", []rpmtest.Spec{pkg(t, "a-1-1.x86_64", "requires /usr/share/b")})
	report, err = check.Run(t.Context(), side, []check.Repo{base}, check.Options{})
	if err != nil || len(report.Problems) != 2 || report.Problems[0].Code != check.NothingProvides || report.Problems[1].Code != check.NoFileLists {
		t.Errorf("%+v %v", report, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := check.Run(ctx, side, nil, check.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestHiddenPackagesProvideNothing(t *testing.T) {
	t.Parallel()
	side := makeRepo(t, "side", []rpmtest.Spec{pkg(t, "a-1-1.x86_64", "requires b")})
	base := makeRepo(t, "base", []rpmtest.Spec{pkg(t, "b-1-1.x86_64")})
	base.Hidden = func(p index.Package) bool { return p.Name() == "b" }
	report, err := check.Run(t.Context(), side, []check.Repo{base}, check.Options{MaxMisses: -1})
	if err != nil || len(report.Problems) != 1 || report.Problems[0].Misses != nil || report.Count(check.Error) != 1 {
		t.Errorf("%+v %v", report, err)
	}
}
