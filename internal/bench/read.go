package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/bench/distro"
	"github.com/fedora-respin/respin/internal/bench/xmlpeer"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// distroPackages is the size of a Fedora release.
const distroPackages = 70_000

// read compares the readers of repodata. A child is this program again, so that
// each run is a process of its own.
func (o options) read(ctx context.Context, stdout, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	primary := filepath.Join(o.cache, fmt.Sprintf("primary-v1-%d-%d.xml", o.corpus.Seed, distroPackages))
	if err := ensurePrimary(primary, o.corpus.Seed); err != nil {
		return err
	}
	saved := filepath.Join(o.cache, "primary.index")
	fixed := func(argv ...string) func(string, string, bool) []string {
		return func(string, string, bool) []string { return argv }
	}
	contests := []contest{
		{
			Title:   fmt.Sprintf("primary.xml of %d packages into the index", distroPackages),
			Tools:   []tool{{"respin", fixed(self, "child", "index", primary, saved)}, {"encoding/xml", fixed(self, "child", "encoding-xml", primary)}},
			Targets: []target{{"encoding/xml", "wall", 0.2}, {"the saved index", "rss", 2}},
		},
		{
			Title:   "loading the saved index",
			Tools:   []tool{{"respin", fixed(self, "child", "load", saved)}},
			Targets: []target{{"100 ms", "wall", 1}},
		},
	}
	closure, err := o.closure(ctx)
	if err != nil {
		return err
	}
	if closure == nil {
		_, _ = fmt.Fprintln(stderr, "bench: no closure: CentOS Stream 9's metadata are not beside the checkout")
	} else {
		contests = append(contests, *closure)
	}
	for _, c := range contests {
		if !strings.Contains(c.Title, o.only) {
			continue
		}
		_, _ = fmt.Fprintln(stderr, "bench:", c.Title)
		results, err := o.holdReading(ctx, c, saved)
		if err != nil {
			return err
		}
		if err := c.print(stdout, results); err != nil {
			return err
		}
	}
	return nil
}

// holdReading runs a contest and adds the things that are no tools but that
// targets go against.
func (o options) holdReading(ctx context.Context, c contest, saved string) ([]outcome, error) {
	costs, err := race(ctx, o.runs, len(c.Tools), func(i int) ([]string, error) { return c.Tools[i].Argv("", "", false), nil })
	if err != nil {
		return nil, err
	}
	results := make([]outcome, len(costs))
	for i := range costs {
		results[i] = outcome{tool: c.Tools[i].Name, cost: costs[i]}
	}
	for _, t := range c.Targets {
		switch t.Against {
		case "the saved index":
			st, err := os.Stat(saved)
			if err != nil {
				return nil, fmt.Errorf("look at saved index: %w", err)
			}
			results = append(results, outcome{tool: t.Against, cost: cost{RSS: st.Size()}, size: st.Size()})
		case "100 ms":
			results = append(results, outcome{tool: t.Against, cost: cost{Wall: 100 * time.Millisecond}})
		}
	}
	return results, nil
}

func ensurePrimary(path string, seed uint64) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make cache: %w", err)
	}
	return atomicfile.WriteFunc(path, 0o644, func(w io.Writer) error {
		return distro.WritePrimary(w, distro.Options{Packages: distroPackages, Seed: seed})
	})
}

// closure is 200 packages that need what CentOS Stream 9 has, against dnf's
// answer to the same question with its cache warm. nil: the metadata are not here.
func (o options) closure(ctx context.Context) (*contest, error) {
	shared, err := filepath.Abs("../shared/data/repodata")
	if err != nil {
		return nil, fmt.Errorf("find metadata: %w", err)
	}
	base, app := filepath.Join(shared, "cs9-baseos"), filepath.Join(shared, "cs9-appstream")
	if _, err := os.Stat(base); err != nil {
		return nil, nil //nolint:nilnil,nilerr // they are third-party data that a checkout need not have
	}
	side, err := filepath.Abs(filepath.Join(o.cache, "closure-side"))
	if err == nil {
		err = sideRepo(ctx, side, base)
	}
	if err != nil {
		return nil, fmt.Errorf("make side repo: %w", err)
	}
	respin, err := filepath.Abs(o.paths.Respin)
	if err != nil {
		return nil, fmt.Errorf("find respin: %w", err)
	}
	work := filepath.Join(filepath.Dir(side), "closure-dnf")
	dnf := []string{
		"dnf", "-q", "--installroot=" + work, "--setopt=reposdir=/nonexistent", "--setopt=cachedir=" + filepath.Join(work, "cache"),
		"--releasever=9", "--forcearch=x86_64", "--setopt=module_platform_id=platform:el9",
	}
	for name, dir := range map[string]string{"side": side, "base": base, "app": app} {
		dnf = append(dnf, "--repofrompath="+name+",file://"+dir, "--repo="+name)
	}
	dnf = append(dnf, "repoclosure", "--check", "side")
	ours := []string{respin, "repo", "check", "--quiet", "--arch", "x86_64", side, "--against", "base=" + base, "--against", "app=" + app}
	c := &contest{
		Title:   "closure of 200 packages against CentOS Stream 9 BaseOS and AppStream, caches warm",
		Tools:   []tool{{"respin", nil}, {"dnf repoclosure", nil}},
		Targets: []target{{"dnf repoclosure", "wall", 1}, {"dnf repoclosure", "cpu", 1}},
	}
	for i, argv := range [][]string{ours, dnf} {
		c.Tools[i].Argv = func(string, string, bool) []string { return argv }
		if _, err := run(ctx, argv); err != nil { // warms the cache
			return nil, err
		}
	}
	return c, nil
}

// sideRepo makes packages whose requirements are all met by the base.
func sideRepo(ctx context.Context, dir, base string) error {
	r, err := repo.OpenDir(base)
	if err != nil {
		return err
	}
	var offers []rpm.Dependency
	for e, err := range r.Primary(ctx) {
		if err != nil {
			return err
		}
		for _, p := range e.Provides[:min(len(e.Provides), 8)] {
			if e.Arch != "i686" {
				offers = append(offers, rpm.Dependency{Name: p.Name, Flags: p.Flags, EVR: p.EVR.String()})
			}
		}
	}
	if err := fresh(dir); err != nil {
		return err
	}
	rnd := rand.New(rand.NewPCG(44, 9)) //nolint:gosec // the same every time is what is wanted
	for i := range 200 {
		s := rpmtest.Spec{Name: fmt.Sprintf("update%03d", i), Version: "2", Release: "1.el9", Arch: "x86_64"}
		for range 20 + rnd.IntN(20) {
			s.Requires = append(s.Requires, offers[rnd.IntN(len(offers))])
		}
		if err := os.WriteFile(filepath.Join(dir, s.Name+".rpm"), rpmtest.Build(s), 0o644); err != nil {
			return fmt.Errorf("write package: %w", err)
		}
	}
	_, err = repo.Create(ctx, dir, repo.Options{Compression: repo.Gzip})
	return err
}

// child is one run that is measured from outside.
func child(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("child: what, and with which file?")
	}
	if args[0] == "serve" {
		return serveChild(ctx, args[1])
	}
	if args[0] == "remaster" || args[0] == "implant" || args[0] == "check" {
		return remasterChild(ctx, args)
	}
	f, err := os.Open(args[1])
	if err != nil {
		return fmt.Errorf("open input: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at input: %w", err)
	}
	switch args[0] {
	case "index":
		ix, err := index.Build(ctx, f, st.Size())
		if err != nil {
			return err
		}
		return atomicfile.WriteFunc(args[2], 0o644, func(w io.Writer) error { return ix.Save(w, "bench") })
	case "encoding-xml":
		n := 0
		for _, err := range xmlpeer.Primary(f) {
			if err != nil {
				return err
			}
			n++
		}
		if n != distroPackages {
			return fmt.Errorf("read %d packages", n)
		}
		return nil
	case "fetch":
		return fetchChild(ctx, f, args[2], args[3])
	case "load":
		_, err = index.Load(f, st.Size(), "bench")
		return err
	}
	return fmt.Errorf("child: %q is not known", args[0])
}
