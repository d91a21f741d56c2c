package check

import (
	"slices"

	"github.com/fedora-respin/respin/repo/index"
)

// family is a set of architectures whose packages are installed side by side;
// it goes by its 64-bit member. The sets are those of rpm's rpmrc
// (arch_compat), as far as Fedora and its kin build for them.
func familyOf(arch string) string {
	switch arch {
	case "x86_64", "x86_64_v2", "x86_64_v3", "x86_64_v4", "amd64", "ia32e",
		"i386", "i486", "i586", "i686", "athlon", "geode", "pentium3", "pentium4":
		return "x86_64"
	case "s390", "s390x":
		return "s390x"
	case "ppc", "ppc64", "ppc64iseries", "ppc64p7", "ppc64pseries":
		return "ppc64"
	case "armv7l", "armv7hl", "armv7hnl", "armv6hl", "armv5tel":
		return "armv7hl"
	}
	return arch // aarch64, ppc64le, riscv64, noarch, src ...
}

// families lists the families that the side repo has packages of, "" for one
// that has noarch packages alone.
func families(side Repo, opts Options) []string {
	if opts.Arch != "" {
		return []string{familyOf(opts.Arch)}
	}
	var out []string
	for p := range side.Index.Packages() {
		switch f := familyOf(p.Arch()); f {
		case "noarch", "src", "nosrc":
		default:
			if !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	if out == nil {
		out = []string{""}
	}
	slices.Sort(out)
	return out
}

func isSource(p index.Package) bool { return p.Arch() == "src" || p.Arch() == "nosrc" }
