package rpm

import "strings"

// Overlaps tells whether two versioned dependencies of the same name have a
// version in common, as rpm's rpmdsCompare decides it: a side without
// comparison bits meets everything, and releases count only when both sides
// have one. An EVR that cannot be parsed meets nothing but its like.
func Overlaps(a, b Dependency) bool {
	const sense = DepLess | DepGreater | DepEqual
	fa, fb := a.Flags&sense, b.Flags&sense
	if a.Name != b.Name {
		return false
	}
	if fa == 0 || fb == 0 || a.EVR == "" || b.EVR == "" {
		return true
	}
	d, ok := compareDependencyEVR(a.EVR, b.EVR)
	if !ok {
		return a.EVR == b.EVR && fa&fb != 0
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

func compareDependencyEVR(a, b string) (int, bool) {
	ea, errA := ParseEVR(a)
	eb, errB := ParseEVR(b)
	if errA != nil || errB != nil {
		return 0, false
	}
	if ea.Release == "" || eb.Release == "" {
		ea.Release, eb.Release = "", ""
	}
	return ea.Compare(eb), true
}

// IsRich tells whether the dependency is a boolean one, "(a or b)", which
// Overlaps does not evaluate.
func (d Dependency) IsRich() bool { return strings.HasPrefix(d.Name, "(") }
