package koji

import "strings"

// IsDebuginfo reports whether an RPM of that name is debuginfo or debugsource,
// by the rule of koji download-build.
func IsDebuginfo(name string) bool {
	return strings.HasSuffix(name, "-debuginfo") || strings.HasSuffix(name, "-debugsource") || strings.Contains(name, "-debuginfo-")
}

// Arches returns the RPM arches to ask a build for so that a machine of arch
// can be installed from it: arch and noarch, i686 too for multilib on x86_64,
// src if sources are wanted.
func Arches(arch string, multilib, source bool) []string {
	out := []string{arch}
	if multilib && arch == "x86_64" {
		out = append(out, "i686")
	}
	out = append(out, "noarch")
	if source {
		out = append(out, "src")
	}
	return out
}

// FileArch returns the arch in the name of an RPM file, the part between the
// last two dots of x.noarch.rpm, and false for other files.
func FileArch(file string) (string, bool) {
	base, ok := strings.CutSuffix(file[strings.LastIndexByte(file, '/')+1:], ".rpm")
	if !ok {
		return "", false
	}
	i := strings.LastIndexByte(base, '.')
	if i <= 0 || i == len(base)-1 {
		return "", false
	}
	return base[i+1:], true
}
