package rpm

import "strings"

// Overlaps tells whether two versioned dependencies of the same name have a
// version in common, as rpm and libsolv decide it (rpmverOverlap in rpm's
// rpmio/rpmver.c, pool_intersect_evrs in libsolv): a side without comparison
// bits or version meets everything, an absent epoch is 0, and a version without
// release stands for all its releases.
func Overlaps(a, b Dependency) bool {
	if a.Name != b.Name {
		return false
	}
	fa, fb := a.Flags&depSense, b.Flags&depSense
	if fa == 0 || fb == 0 || a.EVR == "" || b.EVR == "" {
		return true
	}
	va, vb := splitEVR(a.EVR), splitEVR(b.EVR)
	d := compareEpochs(va.epoch, vb.epoch)
	if d == 0 {
		d = Vercmp(va.version, vb.version)
	}
	if d == 0 {
		switch {
		case va.release != "" && vb.release != "":
			d = Vercmp(va.release, vb.release)
		case va.release != "" && fb&DepEqual != 0, vb.release != "" && fa&DepEqual != 0:
			return true
		}
	}
	switch {
	case d < 0: // a is older: a must reach up, or b reach down
		return fa&DepGreater != 0 || fb&DepLess != 0
	case d > 0:
		return fa&DepLess != 0 || fb&DepGreater != 0
	default:
		return fa&fb != 0
	}
}

// rawEVR is an EVR as a dependency has it; the parts may be anything.
type rawEVR struct{ epoch, version, release string }

// splitEVR splits at a colon after digits alone, and at the last hyphen
// (parseEVR in rpm's rpmio/rpmver.c).
func splitEVR(s string) rawEVR {
	var v rawEVR
	if digits := leading(s, isDigit); strings.HasPrefix(s[len(digits):], ":") {
		v.epoch, s = digits, s[len(digits)+1:]
	}
	v.version = s
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		v.version, v.release = s[:i], s[i+1:]
	}
	return v
}

// compareEpochs compares digits; none is 0.
func compareEpochs(a, b string) int {
	trim := func(s string) string {
		if s = strings.TrimLeft(s, "0"); s == "" {
			return "0"
		}
		return s
	}
	return Vercmp(trim(a), trim(b))
}

// IsRich tells whether the dependency is a boolean one, "(a or b)", which
// Overlaps does not evaluate.
func (d Dependency) IsRich() bool { return strings.HasPrefix(d.Name, "(") }
