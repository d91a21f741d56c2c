// Package distro makes up the primary metadata of a distribution: as many
// packages as wanted, with names, versions, dependencies, files and texts in the
// proportions of Fedora's, the same for the same seed. Benchmarks read it.
//
//	err := distro.WritePrimary(w, distro.Options{Packages: 70_000, Seed: 44}) // about 160 MB
package distro

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// Options say how large the distribution is.
type Options struct {
	Packages int
	Seed     uint64
}

// generator draws one package after the other.
type generator struct {
	rnd   *rand.Rand
	words []string
	names []string
	w     *bufio.Writer
}

const syllables = "ba be bi bo bu da de di do du fa fe fi ga ge gi go gu ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no nu pa pe pi po pu ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo xa xe xi"

// WritePrimary writes primary.xml, in the form of createrepo_c.
func WritePrimary(w io.Writer, o Options) error {
	g := &generator{rnd: rand.New(rand.NewPCG(o.Seed, 1)), w: bufio.NewWriterSize(w, 256<<10)} //nolint:gosec // made-up data
	parts := strings.Fields(syllables)
	for range 6000 {
		var word strings.Builder
		for range 2 + g.rnd.IntN(3) {
			word.WriteString(parts[g.rnd.IntN(len(parts))])
		}
		g.words = append(g.words, word.String())
	}
	for i := range o.Packages {
		g.names = append(g.names, g.name(i))
	}
	g.printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"%d\">\n", o.Packages)
	for i := range o.Packages {
		g.pkg(i)
	}
	g.printf("</metadata>")
	if err := g.w.Flush(); err != nil {
		return fmt.Errorf("write primary: %w", err)
	}
	return nil
}

func (g *generator) printf(format string, args ...any) { _, _ = fmt.Fprintf(g.w, format, args...) } // Flush tells

func (g *generator) word() string { return g.words[g.rnd.IntN(len(g.words))] }

func (g *generator) name(i int) string {
	base := g.words[i%len(g.words)]
	if i >= len(g.words) {
		base += "-" + g.words[i/7%len(g.words)]
	}
	return []string{"", "lib", "python3-", "perl-", "rust-", "golang-", ""}[i%7] + base + []string{"", "-libs", "-devel", "-doc", ""}[i%5]
}

func (g *generator) text(words int) string {
	out := make([]string, words)
	for i := range out {
		out[i] = g.word()
	}
	return strings.Join(out, " ")
}

// popular draws a small number far more often than a large one, as
// dependencies do.
func (g *generator) popular(n int) int {
	x := g.rnd.Float64()
	return int(x * x * x * float64(n))
}

func (g *generator) pkg(i int) {
	name, version := g.names[i], fmt.Sprintf("%d.%d.%d", g.rnd.IntN(9), g.rnd.IntN(30), g.rnd.IntN(20))
	release := fmt.Sprintf("%d.fc44", 1+g.rnd.IntN(12))
	arch := []string{"x86_64", "x86_64", "noarch", "i686"}[g.rnd.IntN(4)]
	g.printf("<package type=\"rpm\">\n  <name>%s</name>\n  <arch>%s</arch>\n  <version epoch=\"0\" ver=\"%s\" rel=\"%s\"/>\n", name, arch, version, release)
	g.printf("  <checksum type=\"sha256\" pkgid=\"YES\">%016x%016x%016x%016x</checksum>\n", g.rnd.Uint64(), g.rnd.Uint64(), g.rnd.Uint64(), g.rnd.Uint64())
	g.printf("  <summary>%s &amp; %s</summary>\n  <description>%s.\n\n%s.</description>\n", g.text(5), g.word(), g.text(40+g.rnd.IntN(50)), g.text(20+g.rnd.IntN(20)))
	g.printf("  <packager>Fedora Project</packager>\n  <url>https://%s.example.org/%s</url>\n", g.word(), name)
	g.printf("  <time file=\"%d\" build=\"%d\"/>\n", 1767000000+g.rnd.IntN(1<<23), 1766000000+g.rnd.IntN(1<<23))
	g.printf("  <size package=\"%d\" installed=\"%d\" archive=\"%d\"/>\n", g.rnd.IntN(1<<23), g.rnd.IntN(1<<25), g.rnd.IntN(1<<25))
	g.printf("  <location href=\"Packages/%c/%s-%s-%s.%s.rpm\"/>\n  <format>\n", name[0], name, version, release, arch)
	g.printf("    <rpm:license>GPL-2.0-or-later AND MIT</rpm:license>\n    <rpm:vendor>Fedora Project</rpm:vendor>\n    <rpm:group>Unspecified</rpm:group>\n    <rpm:buildhost>buildvm-%02d.example.org</rpm:buildhost>\n", g.rnd.IntN(40))
	g.printf("    <rpm:sourcerpm>%s-%s-%s.src.rpm</rpm:sourcerpm>\n    <rpm:header-range start=\"4504\" end=\"%d\"/>\n", strings.TrimSuffix(name, "-libs"), version, release, 8000+g.rnd.IntN(90000))
	g.printf("    <rpm:provides>\n      <rpm:entry name=\"%s\" flags=\"EQ\" epoch=\"0\" ver=\"%s\" rel=\"%s\"/>\n", name, version, release)
	for range g.rnd.IntN(4) {
		g.printf("      <rpm:entry name=\"%s\"/>\n", g.library(i))
	}
	g.printf("    </rpm:provides>\n    <rpm:requires>\n")
	for range 3 + g.rnd.IntN(9) {
		g.require()
	}
	g.printf("    </rpm:requires>\n")
	if g.rnd.IntN(8) == 0 {
		g.printf("    <rpm:recommends>\n      <rpm:entry name=\"(%s if %s)\"/>\n    </rpm:recommends>\n", g.names[g.popular(len(g.names))], g.names[g.popular(len(g.names))])
	}
	for range g.rnd.IntN(3) {
		g.printf("    <file>/usr/bin/%s</file>\n", g.word())
	}
	g.printf("  </format>\n</package>\n")
}

func (g *generator) library(i int) string {
	return fmt.Sprintf("lib%s.so.%d()(64bit)", g.words[i%len(g.words)], i%5)
}

func (g *generator) require() {
	switch g.rnd.IntN(5) {
	case 0:
		g.printf("      <rpm:entry name=\"libc.so.6(GLIBC_2.%d)(64bit)\"/>\n", 2+g.rnd.IntN(38))
	case 1:
		g.printf("      <rpm:entry name=\"%s\" flags=\"GE\" epoch=\"0\" ver=\"%d.%d\"/>\n", g.names[g.popular(len(g.names))], g.rnd.IntN(5), g.rnd.IntN(20))
	case 2:
		g.printf("      <rpm:entry name=\"/usr/bin/%s\" pre=\"1\"/>\n", g.words[g.popular(len(g.words))])
	default:
		g.printf("      <rpm:entry name=\"%s\"/>\n", g.library(g.popular(len(g.names))))
	}
}
