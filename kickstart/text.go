package kickstart

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nextLine cuts the first line off s, terminator included. The terminators are
// those of Python's str.splitlines, because that is how pykickstart and
// anaconda cut a kickstart: a form feed or U+2028 starts a new line for them.
func nextLine(s string) (line, rest string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n' || c == '\v' || c == '\f' || c >= 0x1c && c <= 0x1e:
			return s[:i+1], s[i+1:]
		case c == '\r':
			if i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
			return s[:i+1], s[i+1:]
		case c == 0xc2 && strings.HasPrefix(s[i:], "\u0085"):
			return s[:i+2], s[i+2:]
		case c == 0xe2 && (strings.HasPrefix(s[i:], "\u2028") || strings.HasPrefix(s[i:], "\u2029")):
			return s[:i+3], s[i+3:]
		}
	}
	return s, ""
}

// breaksLine tells whether r ends a line of a kickstart.
func breaksLine(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// isSpace is Python's str.isspace for one character.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// trim is Python's str.strip.
func trim(s string) string { return strings.TrimFunc(s, isSpace) }

// blankOrComment tells which lines are no commands: 0 for a blank one, '#' for
// a comment, 1 for the rest.
func blankOrComment(line string) byte {
	s := strings.TrimLeftFunc(line, isSpace)
	switch {
	case s == "":
		return 0
	case s[0] == '#':
		return '#'
	}
	return 1
}

// checkText refuses text that no quoting can carry into a kickstart.
func checkText(field, s string) error {
	if !utf8.ValidString(s) {
		return &ValueError{field, "is not UTF-8"}
	}
	for _, r := range s {
		switch {
		case r == 0:
			return &ValueError{field, "holds a NUL"}
		case breaksLine(r):
			return &ValueError{field, fmt.Sprintf("holds a line break (U+%04X)", r)}
		case unicode.IsControl(r):
			return &ValueError{field, fmt.Sprintf("holds a control character (U+%04X)", r)}
		}
	}
	return nil
}

// checkWord refuses what checkText does, blanks, and the empty string.
func checkWord(field, s string) error {
	if s == "" {
		return &ValueError{field, "is empty"}
	}
	if err := checkText(field, s); err != nil {
		return err
	}
	if strings.IndexFunc(s, isSpace) >= 0 {
		return &ValueError{field, "holds a blank"}
	}
	return nil
}
