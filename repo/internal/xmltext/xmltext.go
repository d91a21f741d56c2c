// Package xmltext writes the text of XML as createrepo_c's files have it, byte
// for byte.
//
//	b = append(b, "<package"...)
//	b = xmltext.AppendAttr(b, "name", pkg.Name, true)
//	b = append(b, ">\n"...)
//	b = xmltext.AppendElement(b, "  ", "summary", pkg.Summary)
package xmltext

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// The escape rules below are those of libxml2 (xmlsave.c) for a node that is
// dumped without a document, which is how createrepo_c writes its packages:
// text keeps its UTF-8, attributes turn every non-ASCII character into a
// hexadecimal reference. encoding/xml does neither exactly.

// Classes of bytes.
const (
	control = 1 << iota // XML cannot carry it
	high                // of a character above U+007F
	inText              // escaped in text
	inAttr              // escaped in attributes
)

// classes is made once and never written again.
var classes = func() (table [256]uint8) {
	for i := range table {
		c := byte(i)
		switch {
		case forbiddenControl(c):
			table[i] = control
		case c >= utf8.RuneSelf:
			table[i] = high
		}
		if textEscape(c) != "" {
			table[i] |= inText
		}
		if attrEscape(c) != "" {
			table[i] |= inAttr
		}
	}
	return table
}()

// free tells whether no byte of s is of the classes: nearly every string of a
// package can be copied as it is.
func free(s string, of uint8) bool {
	for i := range len(s) {
		if classes[s[i]]&of != 0 {
			return false
		}
	}
	return true
}

// AppendText appends s as the content of an element.
func AppendText(dst []byte, s string) []byte {
	if free(s, control|high|inText) {
		return append(dst, s...)
	}
	s = Clean(s)
	from := 0
	for i := range len(s) {
		if classes[s[i]]&inText != 0 {
			dst = append(dst, s[from:i]...)
			dst = append(dst, textEscape(s[i])...)
			from = i + 1
		}
	}
	return append(dst, s[from:]...)
}

func textEscape(c byte) string {
	switch c {
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '&':
		return "&amp;"
	case '\r':
		return "&#13;"
	}
	return ""
}

// AppendAttr appends ` name="s"`. With ascii set, characters above U+007F
// become references.
func AppendAttr(dst []byte, name, s string, ascii bool) []byte {
	dst = append(dst, ' ')
	dst = append(dst, name...)
	dst = append(dst, '=', '"')
	if free(s, control|high|inAttr) {
		dst = append(dst, s...)
	} else {
		dst = appendAttrValue(dst, Clean(s), ascii)
	}
	return append(dst, '"')
}

func appendAttrValue(dst []byte, s string, ascii bool) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if ascii {
				dst = append(dst, s[from:i]...)
				dst = append(dst, "&#x"...)
				dst = append(dst, strings.ToUpper(strconv.FormatInt(int64(r), 16))...)
				dst = append(dst, ';')
				from = i + n
			}
			i += n
			continue
		}
		if classes[c]&inAttr != 0 {
			dst = append(dst, s[from:i]...)
			dst = append(dst, attrEscape(c)...)
			from = i + 1
		}
		i++
	}
	return append(dst, s[from:]...)
}

func attrEscape(c byte) string {
	switch c {
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '&':
		return "&amp;"
	case '"':
		return "&quot;"
	case '\t':
		return "&#9;"
	case '\n':
		return "&#10;"
	case '\r':
		return "&#13;"
	}
	return ""
}

// Clean returns s when it is UTF-8 that XML can carry, and otherwise reads
// it as latin1, as createrepo_c does: 0x80-0xBF are dropped (the string is then
// most likely cp-1252), and so are control characters. createrepo_c lets
// overlong forms, surrogates and U+FFFE pass, which makes its XML unreadable;
// here they take the latin1 way too.
func Clean(s string) string {
	if free(s, control|high) || validXML(s) {
		return s
	}
	out := make([]byte, 0, len(s)+len(s)/4)
	for i := range len(s) {
		switch c := s[i]; {
		case forbiddenControl(c), c >= 0x80 && c < 0xC0:
		case c < utf8.RuneSelf:
			out = append(out, c)
		default:
			out = utf8.AppendRune(out, rune(c))
		}
	}
	return string(out)
}

// validXML tells whether every character of s is a Char of XML 1.0.
func validXML(s string) bool {
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		case r == 0xFFFE, r == 0xFFFF, r < 0x80 && forbiddenControl(byte(r)):
			return false
		}
	}
	return true
}

// forbiddenControl tells whether XML 1.0 cannot carry the byte.
func forbiddenControl(c byte) bool {
	return c < 0x20 && c != '\t' && c != '\n' && c != '\r'
}

// HasControl tells whether s holds a control character that XML cannot carry.
func HasControl(s string) bool { return !free(s, control) }

// AppendElement appends a line with an element and its text; an empty text is
// written as an open and a close tag, as createrepo_c does.
func AppendElement(b []byte, indent, name, text string) []byte {
	b = append(b, indent...)
	b = append(b, '<')
	b = append(b, name...)
	b = append(b, '>')
	b = AppendText(b, text)
	b = append(b, '<', '/')
	b = append(b, name...)
	return append(b, '>', '\n')
}
