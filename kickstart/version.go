package kickstart

import (
	"slices"
	"strings"
)

// Version names a kickstart syntax: "F38" to "F46", "RHEL9", "RHEL10" or
// "DEVEL". The empty Version asks for no check of commands and options.
type Version string

// The versions whose option tables are built in.
const (
	F38    Version = "F38"
	F39    Version = "F39"
	F40    Version = "F40"
	F41    Version = "F41"
	F42    Version = "F42"
	F43    Version = "F43"
	F44    Version = "F44"
	F45    Version = "F45"
	F46    Version = "F46" // so far the commands of F45
	RHEL9  Version = "RHEL9"
	RHEL10 Version = "RHEL10"
	// Devel is the newest Fedora syntax that is built in.
	Devel Version = "DEVEL"
)

// Versions lists the versions that Validate knows, Fedora first.
func Versions() []Version {
	return []Version{F38, F39, F40, F41, F42, F43, F44, F45, F46, RHEL9, RHEL10, Devel}
}

// ParseVersion reads a version as people write it: "F44", "f44", "44",
// "Fedora 44", "rawhide", "RHEL9", "Red Hat Enterprise Linux 9.4", "DEVEL". It
// reports false for versions without a table.
func ParseVersion(s string) (Version, bool) {
	u := strings.ToUpper(strings.TrimSpace(s))
	switch {
	case u == "RAWHIDE":
		return Devel, true
	case strings.HasPrefix(u, "RED HAT ENTERPRISE LINUX "):
		major, _, _ := strings.Cut(u[strings.LastIndexByte(u, ' ')+1:], ".")
		u = "RHEL" + major
	case strings.HasPrefix(u, "FEDORA"):
		u = "F" + strings.TrimSpace(u[len("FEDORA"):])
	case u != "" && u[0] >= '0' && u[0] <= '9':
		u = "F" + u
	}
	v := Version(u)
	return v, slices.Contains(Versions(), v)
}

// level orders the versions the way features were introduced, so that rules
// can say "since F40". RHEL9 branched off after F34 and RHEL10 after F40.
func (v Version) level() int {
	switch v {
	case RHEL9:
		return 341
	case RHEL10:
		return 401
	case Devel:
		return F46.level()
	default:
	}
	n := 0
	for _, c := range strings.TrimPrefix(string(v), "F") {
		n = n*10 + int(c-'0')
	}
	return n * 10
}

// isRHEL tells whether v is one of Red Hat Enterprise Linux.
func (v Version) isRHEL() bool { return strings.HasPrefix(string(v), "RHEL") }
