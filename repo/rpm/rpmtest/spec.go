package rpmtest

import (
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Spec describes a package to be made. Only Name, Version and Release are
// required; every default below is fixed, so that the same Spec always gives
// the same bytes.
type Spec struct {
	Name    string
	Epoch   uint32 // 0: the package has none
	Version string
	Release string
	Arch    string // default "noarch"

	Summary     string // default: Name
	Description string // default: Summary
	License     string // default "MIT"
	Vendor      string // default none
	URL         string
	Group       string // default "Unspecified"
	Packager    string
	BuildTime   int64  // seconds since 1970; default 1767225600 (2026-01-01)
	BuildHost   string // default "builder.example.org"
	SourceRPM   string // default Name-Version-Release.src.rpm

	// Provides are added to the package's own name (and name(isa) for an arch
	// package), Requires to the rpmlib() entries and script interpreters.
	// Dep and Deps write them briefly.
	Requires    []rpm.Dependency
	Provides    []rpm.Dependency
	Conflicts   []rpm.Dependency
	Obsoletes   []rpm.Dependency
	Recommends  []rpm.Dependency
	Suggests    []rpm.Dependency
	Supplements []rpm.Dependency
	Enhances    []rpm.Dependency

	Files      []File // sorted by path in the package
	Scripts    Scripts
	Changelogs []rpm.Changelog // newest first
	Compressor string          // of the payload: "gzip" (default), "zstd", "xz", "lzma" or "none"

	// Format is 4 (default), 6 or 3. A package of format 6 has 64-bit sizes, a
	// stripped archive and SHA3; one of format 3, as rpm 3 made them, has no
	// regions, whole file names and MD5 alone, and no provides of its own.
	Format int
	// Reserve is the space for signatures that a signature header of format 4
	// has; rpmbuild leaves 4128 bytes. Default none.
	Reserve int
}

// File is one file of a package to be made.
type File struct {
	Path   string // absolute; in a source package a bare name
	Data   []byte
	Mode   uint16 // default 0100644; permission bits alone make a regular file; 0040755 makes a directory
	Flags  rpm.FileFlags
	Linkto string // makes it a symbolic link
	// Hardlink is the Path of a regular file of the package of which this one
	// is another name.
	Hardlink string
	Rdev     uint16 // of a device node (Mode 0020000 or 0060000): major << 8 | minor
	Caps     string // such as "cap_net_raw=ep"
	User     string // default "root"
	Group    string // default "root"
	MTime    uint32 // default Spec.BuildTime

	inode int // its number in the package; hard links share one
	links int // how many share it
}

// Scripts are scriptlets for /bin/sh.
type Scripts struct {
	Pre, Post, Preun, Postun string
}

// Dep parses "name", "name >= evr" or a rich dependency "(a or b)".
func Dep(s string) rpm.Dependency {
	if strings.HasPrefix(s, "(") {
		return rpm.Dependency{Name: s}
	}
	f := strings.Fields(s)
	if len(f) != 3 {
		return rpm.Dependency{Name: s}
	}
	d := rpm.Dependency{Name: f[0], EVR: f[2]}
	for _, c := range f[1] {
		switch c {
		case '<':
			d.Flags |= rpm.DepLess
		case '>':
			d.Flags |= rpm.DepGreater
		case '=':
			d.Flags |= rpm.DepEqual
		}
	}
	return d
}

// Deps parses each of its arguments with Dep.
func Deps(ss ...string) []rpm.Dependency {
	deps := make([]rpm.Dependency, 0, len(ss))
	for _, s := range ss {
		deps = append(deps, Dep(s))
	}
	return deps
}

// NEVRA is what the package made from s will call itself.
func (s *Spec) NEVRA() rpm.NEVRA {
	arch := s.Arch
	if arch == "" {
		arch = "noarch"
	}
	return rpm.NEVRA{
		Name: s.Name,
		EVR:  rpm.EVR{Epoch: s.Epoch, HasEpoch: s.Epoch != 0, Version: s.Version, Release: s.Release},
		Arch: arch,
	}
}

// withDefaults fills in what the caller left out.
func (s Spec) withDefaults() Spec {
	def := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	def(&s.Arch, "noarch")
	def(&s.Summary, s.Name)
	def(&s.Description, s.Summary)
	def(&s.License, "MIT")
	def(&s.Group, "Unspecified")
	def(&s.BuildHost, "builder.example.org")
	def(&s.Compressor, "gzip")
	def(&s.SourceRPM, rpm.NVR{Name: s.Name, Version: s.Version, Release: s.Release}.String()+".src.rpm")
	if s.BuildTime == 0 {
		s.BuildTime = 1767225600
	}
	if s.Format == 0 {
		s.Format = 4
	}
	return s
}

// isa is rpm's _isa macro, such as "(x86-64)".
func isa(arch string) string {
	return map[string]string{
		"x86_64": "(x86-64)", "aarch64": "(aarch-64)", "ppc64le": "(ppc-64)", "ppc64": "(ppc-64)",
		"s390x": "(s390-64)", "i686": "(x86-32)", "i386": "(x86-32)", "riscv64": "(riscv-64)",
	}[arch]
}
