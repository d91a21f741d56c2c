package rpm

import (
	"cmp"
	"strings"
)

// Vercmp orders two versions or two releases as rpm does: -1 when a is older,
// 0 when they are equal, 1 when a is newer. A tilde sorts before everything,
// the end of the string included; a caret sorts after the end of the string
// and before anything else. The rules are those of rpm's rpmio/rpmvercmp.cc.
func Vercmp(a, b string) int {
	if a == b {
		return 0
	}
	for a != "" || b != "" {
		a, b = skipSeparators(a), skipSeparators(b)
		if d, done := compareMarks(&a, &b); done {
			return d
		} else if d == marked {
			continue
		}
		if a == "" || b == "" {
			break
		}
		if d := compareSegment(&a, &b); d != 0 {
			return d
		}
	}
	return cmp.Compare(min(len(a), 1), min(len(b), 1))
}

// marked says that both sides began with the same mark, which is now cut off.
const marked = 2

// compareMarks deals with a leading tilde or caret. done means that the
// comparison is decided by d.
func compareMarks(a, b *string) (d int, done bool) {
	ta, tb := strings.HasPrefix(*a, "~"), strings.HasPrefix(*b, "~")
	ca, cb := strings.HasPrefix(*a, "^"), strings.HasPrefix(*b, "^")
	switch {
	case ta && tb, ca && cb:
		*a, *b = (*a)[1:], (*b)[1:]
		return marked, false
	case ta:
		return -1, true
	case tb:
		return 1, true
	case ca && *b == "":
		return 1, true
	case cb && *a == "":
		return -1, true
	case ca:
		return -1, true
	case cb:
		return 1, true
	}
	return 0, false
}

// compareSegment cuts the leading run of digits, or of letters, off both and
// compares the two. Which of the kinds it is, a decides.
func compareSegment(a, b *string) int {
	class, numeric := isAlpha, isDigit((*a)[0])
	if numeric {
		class = isDigit
	}
	sa, sb := leading(*a, class), leading(*b, class)
	if sb == "" { // kinds differ: a number is newer than a word
		if numeric {
			return 1
		}
		return -1
	}
	*a, *b = (*a)[len(sa):], (*b)[len(sb):]
	if numeric {
		sa, sb = strings.TrimLeft(sa, "0"), strings.TrimLeft(sb, "0")
		if d := cmp.Compare(len(sa), len(sb)); d != 0 {
			return d
		}
	}
	return cmp.Compare(sa, sb)
}

func skipSeparators(s string) string {
	for s != "" && !isDigit(s[0]) && !isAlpha(s[0]) && s[0] != '~' && s[0] != '^' {
		s = s[1:]
	}
	return s
}

func leading(s string, class func(byte) bool) string {
	i := 0
	for i < len(s) && class(s[i]) {
		i++
	}
	return s[:i]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isAlpha(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
