package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// corpusFormat is part of the corpus' folder name: a change of the generator
// must not be mistaken for a change of what is measured.
const corpusFormat = 1

// corpus describes a folder of RPMs that look, to a repodata writer, like a
// part of a distribution: same mix of sizes, files, dependencies and changelogs.
// The same corpus gives the same bytes everywhere.
type corpus struct {
	Seed     uint64
	Packages int
	Bytes    int64 // of all packages together, about
	Even     bool  // all packages have about the same size
}

// maxPackage bounds one package; a distribution has a few larger ones, which
// would make the sum of a small corpus a matter of chance.
const maxPackage = 64 << 20

// buildEpoch is the build time of the oldest package, 2026-01-01.
const buildEpoch = 1767225600

func (c corpus) dirName() string {
	name := fmt.Sprintf("rpms-v%d-%d-%d-%dm", corpusFormat, c.Seed, c.Packages, c.Bytes>>20)
	if c.Even {
		name += "-even"
	}
	return name
}

// ensure makes the corpus below parent unless it is there, and returns its folder.
func (c corpus) ensure(ctx context.Context, parent string) (string, error) {
	dir := filepath.Join(parent, c.dirName())
	done := filepath.Join(dir, ".complete")
	if _, err := os.Stat(done); err == nil {
		return dir, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for corpus: %w", err)
	}
	sizes := c.sizes()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range c.Packages {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return c.write(dir, i, sizes[i])
		})
	}
	if err := g.Wait(); err != nil {
		return "", fmt.Errorf("make corpus: %w", err)
	}
	return dir, atomicfile.Write(done, nil, 0o644)
}

// sizes draws the payload of each package: log-normal, as the packages of
// Fedora are, with a median of some 60 KB and a long tail, scaled to Bytes.
func (c corpus) sizes() []int64 {
	if c.Even {
		return slices.Repeat([]int64{c.Bytes / int64(c.Packages)}, c.Packages)
	}
	r := rand.New(rand.NewPCG(c.Seed, math.MaxUint64)) //nolint:gosec // the same every time is what is wanted
	drawn := make([]float64, c.Packages)
	for i := range drawn {
		drawn[i] = math.Exp(11 + 2.1*r.NormFloat64())
	}
	sizes := make([]int64, c.Packages)
	// What the bound cuts off the largest goes to the others; a few rounds settle it.
	scale := 1.0
	for range 20 {
		var sum float64
		for i, d := range drawn {
			sizes[i] = int64(math.Min(d*scale, maxPackage))
			sum += float64(sizes[i])
		}
		scale *= float64(c.Bytes) / sum
	}
	return sizes
}

func (c corpus) write(dir string, i int, size int64) error {
	spec := c.spec(i, size)
	name := spec.NEVRA()
	base := fmt.Sprintf("%s-%s-%s.%s.rpm", spec.Name, spec.Version, spec.Release, name.Arch)
	path := filepath.Join(dir, "Packages", spec.Name[:1], base)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	f, err := atomicfile.Create(path, 0o644)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := rpmtest.Write(f, spec); err != nil {
		return fmt.Errorf("write %s: %w", base, err)
	}
	// No Commit: 2,000 fsyncs buy nothing for files that can be made again.
	if err := f.Chmod(0o644); err != nil {
		return fmt.Errorf("write %s: %w", base, err)
	}
	when := time.Unix(spec.BuildTime, 0)
	if err := os.Chtimes(f.Name(), when, when); err != nil {
		return fmt.Errorf("write %s: %w", base, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", base, err)
	}
	return nil
}

// spec draws package i with a payload of size bytes.
func (c corpus) spec(i int, size int64) rpmtest.Spec {
	d := draw{rand.New(rand.NewPCG(c.Seed, uint64(i)))} //nolint:gosec // the same every time is what is wanted
	name := d.packageName() + "-" + strconv.Itoa(i)
	version := fmt.Sprintf("%d.%d.%d", d.IntN(9), d.IntN(30), d.IntN(12))
	s := rpmtest.Spec{
		Name: name, Version: version, Release: strconv.Itoa(1+d.IntN(20)) + ".fc44", Arch: "x86_64",
		Summary: d.sentence(4 + d.IntN(6)), Description: d.paragraph(1 + d.IntN(6)), License: pick(d, licenses()),
		URL: "https://example.org/" + name, Vendor: "Fedora Project", Packager: "Fedora Project", Group: "Unspecified",
		BuildTime: buildEpoch + int64(d.IntN(300*86400)), Compressor: "none", Changelogs: d.changelogs(version),
	}
	if d.IntN(3) == 0 {
		s.Arch = "noarch"
	}
	if d.IntN(12) == 0 {
		s.Epoch = uint32(1 + d.IntN(3))
	}
	d.dependencies(&s)
	s.Files = d.files(name, size)
	if d.IntN(6) == 0 {
		s.Scripts = rpmtest.Scripts{Post: "/sbin/ldconfig\n", Postun: "/sbin/ldconfig\n"}
	}
	return s
}

// draw is a source of things that look like a distribution's.
type draw struct{ *rand.Rand }

func pick[T any](d draw, list []T) T { return list[d.IntN(len(list))] }

// logNormal draws a count with the median and the spread given.
func (d draw) logNormal(median, sigma float64, most int) int {
	return min(int(median*math.Exp(sigma*d.NormFloat64())), most)
}

func (d draw) word() string {
	var b strings.Builder
	for range 2 + d.IntN(3) {
		b.WriteString(pick(d, syllables()))
	}
	return b.String()
}

func (d draw) packageName() string {
	return pick(d, []string{"lib", "python3-", "perl-", "rubygem-", "golang-", "rust-", "", "", "", ""}) + d.word() +
		pick(d, []string{"", "", "", "-libs", "-devel", "-doc", "-tools", "-common"})
}

func (d draw) sentence(words int) string {
	list := make([]string, words)
	for i := range list {
		list[i] = pick(d, vocabulary())
	}
	return strings.ToUpper(list[0][:1]) + list[0][1:] + " " + strings.Join(list[1:], " ")
}

func (d draw) paragraph(sentences int) string {
	list := make([]string, sentences)
	for i := range list {
		list[i] = d.sentence(8+d.IntN(12)) + "."
	}
	return strings.Join(list, "\n")
}

func (d draw) changelogs(version string) []rpm.Changelog {
	n := 1 + d.logNormal(12, 0.9, 200)
	list := make([]rpm.Changelog, n)
	when := int64(buildEpoch)
	for i := range list {
		when -= 86400 * int64(1+d.IntN(200))
		author := fmt.Sprintf("%s %s <%s@example.org> - %s-%d", pick(d, vocabulary()), d.word(), d.word(), version, n-i)
		list[i] = rpm.Changelog{Time: max(when, 0) + int64(n-i), Author: author, Text: "- " + d.sentence(3+d.IntN(12))}
	}
	return list
}

func (d draw) dependencies(s *rpmtest.Spec) {
	for range d.logNormal(4, 0.8, 200) {
		soname := "lib" + d.word() + ".so." + strconv.Itoa(d.IntN(9))
		s.Provides = append(s.Provides, rpm.Dependency{Name: soname + "()(64bit)"})
	}
	for range d.logNormal(9, 0.8, 300) {
		s.Requires = append(s.Requires, rpm.Dependency{Name: "lib" + d.word() + ".so." + strconv.Itoa(d.IntN(9)) + "()(64bit)"})
	}
	for _, v := range []string{"2.2.5", "2.4", "2.14", "2.34"} {
		s.Requires = append(s.Requires, rpm.Dependency{Name: "libc.so.6(GLIBC_" + v + ")(64bit)"})
	}
	s.Requires = append(s.Requires, rpm.Dependency{Name: "rtld(GNU_HASH)"})
	s.Requires = append(s.Requires, rpmtest.Deps(d.word()+" >= 1."+strconv.Itoa(d.IntN(30)))...)
	if d.IntN(5) == 0 {
		s.Recommends = rpmtest.Deps(d.word(), "("+d.word()+" if "+d.word()+")")
	}
	if d.IntN(10) == 0 {
		s.Obsoletes = rpmtest.Deps(d.word() + " < 2.0-1")
	}
}

// files spreads size bytes over the files of the package. They are noise: a
// payload is compressed, and nothing that is measured looks into it.
func (d draw) files(name string, size int64) []rpmtest.File {
	n := 2 + d.logNormal(12, 1.5, 6000)
	root := pick(d, []string{"/usr/lib64/", "/usr/share/", "/usr/lib/python3.14/site-packages/", "/usr/include/"}) + name
	list := []rpmtest.File{{Path: root, Mode: 0o40755}, {Path: "/usr/bin/" + name, Mode: 0o755, Data: d.noise(size / 2)}}
	folder := root
	rest := size - size/2
	for i := range n {
		if d.IntN(8) == 0 {
			folder = root + "/" + pick(d, vocabulary())
			list = append(list, rpmtest.File{Path: folder + strconv.Itoa(i), Mode: 0o40755})
			folder += strconv.Itoa(i)
		}
		part := rest / int64(n-i)
		rest -= part
		path := fmt.Sprintf("%s/%s_%s%d%s", folder, pick(d, vocabulary()), d.word(), i, pick(d, []string{".so", ".py", ".h", ".mo", ".html", ".png"}))
		list = append(list, rpmtest.File{Path: path, Data: d.noise(part)})
	}
	return append(list, rpmtest.File{Path: "/etc/" + name + ".conf", Flags: rpm.FileConfig, Data: d.noise(64)})
}

func (d draw) noise(n int64) []byte {
	b := make([]byte, n)
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(d.Uint32())
	}
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	return b
}

func licenses() []string {
	return []string{"MIT", "GPL-2.0-or-later", "GPL-3.0-or-later", "Apache-2.0", "BSD-3-Clause", "LGPL-2.1-or-later AND MIT", "MPL-2.0"}
}

func syllables() []string {
	return strings.Fields("ba be bo da de di do fa fo ga go ka ke ki ko la le li lo ma me mi mo na ne ni no pa pe po ra re ri ro sa se si so ta te ti to va vo xi za zo net sys con dev gl x11 qt gtk xml")
}

func vocabulary() []string {
	return strings.Fields(`the a of for and with library files to development tools support package contains that which is from
		data system interface module python network server client program application format image document configuration build
		version update fix rebuild rebased upstream release bug security patch memory leak test remove add enable disable option
		license spec macro dependency missing requires provides kernel driver protocol database parser plugin theme font icon
		language translation documentation header static shared runtime compiler debug audio video graphics desktop session`)
}
