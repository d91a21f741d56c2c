package xmlscan

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// Classes of bytes in text and in the values of attributes.
const (
	plain     = iota
	special   // needs a look: references, line ends, ], characters beyond ASCII
	forbidden // never allowed
)

func charClass(c byte) byte {
	switch {
	case c == '&', c == '\r', c >= utf8.RuneSelf:
		return special
	case c < ' ' && c != '\t' && c != '\n':
		return forbidden
	}
	return plain
}

type classTable [256]byte

//nolint:gochecknoglobals // constant tables
var (
	textClasses = newClasses(']', special)
	attrClasses = newClasses('<', forbidden)
	rawClasses  = newClasses('&', plain) // comments and CDATA sections
)

func newClasses(c, class byte) *classTable {
	var t classTable
	for i := range t {
		t[i] = charClass(byte(i))
	}
	t[c] = class
	return &t
}

// readText reads the text at the position. It returns 0 for white space
// outside the root element.
func (s *Scanner) readText() (Kind, error) {
	n := bytes.IndexByte(s.buf[s.pos:s.end], '<')
	for n < 0 {
		from := s.end - s.pos
		ok, err := s.more()
		if err != nil {
			return 0, err
		}
		if !ok {
			n = s.end - s.pos
			break
		}
		if n = bytes.IndexByte(s.buf[s.pos+from:s.end], '<'); n >= 0 {
			n += from
		}
	}
	raw := s.buf[s.pos : s.pos+n]
	if len(s.marks) == 0 {
		return 0, s.outside(raw)
	}
	text, reason := resolve(raw, textClasses)
	if reason != "" {
		return 0, s.fail("%s", reason)
	}
	s.pos += n
	s.text = text
	return Text, nil
}

// outside passes over what stands outside the root element.
func (s *Scanner) outside(raw []byte) error {
	rest := raw
	if s.Offset() == 0 {
		rest = bytes.TrimPrefix(rest, []byte("\ufeff"))
	}
	if len(bytes.TrimLeft(rest, " \t\r\n")) > 0 {
		return s.fail("text outside the root element")
	}
	if len(rest) > 0 {
		s.started = true
	}
	s.pos += len(raw)
	return nil
}

// resolve checks raw and resolves its references and line ends, in place: what
// comes out is never longer. It returns what is wrong, or "".
func resolve(raw []byte, classes *classTable) (out []byte, reason string) {
	for i, c := range raw {
		if classes[c] != plain {
			return resolveFrom(raw, i, classes)
		}
	}
	return raw, ""
}

// resolveFrom is resolve from the first byte that is not plain on.
func resolveFrom(raw []byte, i int, classes *classTable) (out []byte, reason string) {
	w := i // written so far
	for i < len(raw) {
		c := raw[i]
		switch {
		case classes[c] == plain:
			raw[w] = c
			w, i = w+1, i+1
		case classes[c] == forbidden:
			return nil, "character " + strconv.QuoteRune(rune(c)) + " is not allowed here"
		case c == '&':
			r, n := reference(raw[i:])
			if n == 0 {
				return nil, "unknown reference " + strconv.Quote(string(raw[i:min(len(raw), i+12)]))
			}
			w += utf8.EncodeRune(raw[w:w+n], r)
			i += n
		case c == '\r':
			raw[w] = '\n'
			w, i = w+1, i+1
			if i < len(raw) && raw[i] == '\n' {
				i++
			}
		case c == ']':
			if bytes.HasPrefix(raw[i:], []byte("]]>")) {
				return nil, "]]> in text"
			}
			raw[w] = c
			w, i = w+1, i+1
		default:
			r, n := utf8.DecodeRune(raw[i:])
			if r == utf8.RuneError && n == 1 || !validChar(r) {
				return nil, "invalid UTF-8 or a character that is not allowed"
			}
			w += copy(raw[w:], raw[i:i+n])
			i += n
		}
	}
	return raw[:w], ""
}

// reference resolves the reference at the start of b and returns its length; 0
// when it is none of the five of XML and no number of a character.
func reference(b []byte) (r rune, n int) {
	const longest = 16 // some leading zeros
	end := bytes.IndexByte(b[:min(len(b), longest)], ';')
	if end < 2 {
		return 0, 0
	}
	name := b[1:end]
	switch string(name) {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	}
	if name[0] != '#' {
		return 0, 0
	}
	digits, base := name[1:], 10
	if len(digits) > 0 && digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	v, err := strconv.ParseUint(string(digits), base, 32)
	if err != nil || v > utf8.MaxRune || !validChar(rune(v)) {
		return 0, 0
	}
	// A reference is at least as long as its character: &#9; is the shortest.
	return rune(v), end + 1
}

// validChar tells whether XML 1.0 has the character.
func validChar(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r >= 0xD800 && r < 0xE000, r == 0xFFFE, r == 0xFFFF:
		return false
	}
	return r <= utf8.MaxRune
}
