package xmlscan

import (
	"bytes"
	"strconv"
)

// nameByte marks the bytes of ASCII names; nameStart those that may begin one.
const (
	nameByte  = 1 << iota // letters, digits, - . _ :
	nameStart             // letters, _ :
)

func nameClass(c byte) byte {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':':
		return nameByte | nameStart
	case c >= '0' && c <= '9', c == '-', c == '.':
		return nameByte
	}
	return 0
}

// nameClasses is nameClass as a table.
var nameClasses = func() (t [256]byte) { //nolint:gochecknoglobals // a constant table
	for i := range t {
		t[i] = nameClass(byte(i))
	}
	return t
}()

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// skipSpace returns the first index from i on that is no white space.
func skipSpace(w []byte, i int) int {
	for i < len(w) && isSpace(w[i]) {
		i++
	}
	return i
}

// skipName returns the end of the name that starts at i, i when there is none,
// and where its colon stands: 0 without one, -1 for one out of place.
func skipName(w []byte, i int) (end, colon int) {
	if i < len(w) && nameClasses[w[i]]&nameStart == 0 {
		return i, 0
	}
	from := i
	for i < len(w) && nameClasses[w[i]] != 0 {
		if w[i] == ':' {
			if colon != 0 || i == from {
				colon = -1
			} else {
				colon = i
			}
		}
		i++
	}
	if colon == i-1 && colon > 0 {
		colon = -1
	}
	return i, colon
}

const badColon = "a name with a colon out of place"

// startTag reads the tag at the position.
func (s *Scanner) startTag() (Kind, error) {
	if s.rooted && len(s.marks) == 0 {
		return 0, s.fail("second root element")
	}
	for whole := false; ; {
		n, reason := s.parseTag(s.buf[s.pos:s.end])
		if reason != "" {
			return 0, s.fail("%s", reason)
		}
		if n > 0 {
			s.pos += n
			break
		}
		if whole {
			return 0, s.truncated("document ends in a tag")
		}
		var err error
		if whole, err = s.moreOfTag(); err != nil {
			return 0, err
		}
	}
	for i := range s.attrs {
		if err := s.finishAttr(i); err != nil {
			return 0, err
		}
	}
	s.started, s.rooted = true, true
	return Start, s.push(s.name)
}

// moreOfTag brings twice of what is unread, so that a long tag, which is parsed
// from its start each time, costs no more than twice its length however little
// the reader gives at once. It tells whether that was the end of the input.
func (s *Scanner) moreOfTag() (end bool, err error) {
	unread := s.end - s.pos
	want := max(unread+1, min(2*unread, s.limits.Token))
	for s.end-s.pos < want {
		if ok, err := s.more(); err != nil || !ok {
			return true, err
		}
	}
	return false, nil
}

// maxName bounds the name of an element, which is kept while it is open; the
// longest of any format here has 25 bytes.
const maxName = 1 << 10

// parseTag cuts w, which starts with "<", into name and attributes. It returns
// the length of the tag, 0 when w ends before it does, or what is wrong.
func (s *Scanner) parseTag(w []byte) (n int, reason string) {
	i, colon := skipName(w, 1)
	switch {
	case i > maxName:
		return 0, "a name of more than " + strconv.Itoa(maxName) + " bytes"
	case i == len(w):
		return 0, ""
	case i == 1:
		return 0, "a name is expected after <"
	case colon < 0:
		return 0, badColon
	}
	s.name, s.local = w[1:i], w[1:i]
	if colon > 0 {
		s.local = w[colon+1 : i]
	}
	s.attrs, s.selfClose = s.attrs[:0], false
	for {
		from := i
		i = skipSpace(w, i)
		if i == len(w) {
			return 0, ""
		}
		switch c := w[i]; {
		case c == '>':
			return i + 1, ""
		case c == '/':
			if i+1 == len(w) {
				return 0, ""
			}
			if w[i+1] != '>' {
				return 0, "a > is expected after /"
			}
			s.selfClose = true
			return i + 2, ""
		case i == from:
			return 0, "white space, / or > is expected in a tag"
		}
		if i, reason = s.parseAttr(w, i); i == 0 {
			return 0, reason
		}
	}
}

// parseAttr cuts the attribute at w[i] off and returns where it ends; 0 when w
// ends before it does or something is wrong.
func (s *Scanner) parseAttr(w []byte, i int) (end int, reason string) {
	from := i
	i, colon := skipName(w, i)
	if i == from {
		return 0, "an attribute's name is expected"
	}
	name := w[from:i]
	i = skipSpace(w, i)
	if i == len(w) {
		return 0, ""
	}
	if colon < 0 {
		return 0, badColon
	}
	if w[i] != '=' {
		return 0, "attribute without a value"
	}
	i = skipSpace(w, i+1)
	if i == len(w) {
		return 0, ""
	}
	quote := w[i]
	if quote != '"' && quote != '\'' {
		return 0, "value of an attribute without quotes"
	}
	i++
	n := bytes.IndexByte(w[i:], quote)
	if n < 0 {
		return 0, ""
	}
	if len(s.attrs) == s.limits.Attrs {
		return 0, "too many attributes"
	}
	s.attrs = append(s.attrs, attr{name, w[i : i+n]})
	return i + n + 1, ""
}

// finishAttr checks attribute i against those before it and resolves the
// references in its value.
func (s *Scanner) finishAttr(i int) error {
	a := &s.attrs[i]
	for j := range i {
		if bytes.Equal(s.attrs[j].name, a.name) {
			return s.fail("attribute %s stands twice", clip(a.name))
		}
	}
	value, reason := resolve(a.value, attrClasses)
	if reason != "" {
		return s.fail("attribute %s: %s", clip(a.name), reason)
	}
	a.value = value
	return nil
}

// endTag reads the tag at the position.
func (s *Scanner) endTag() (Kind, error) {
	if len(s.marks) == 0 {
		return 0, s.fail("end tag outside the root element")
	}
	n, err := s.find(">", 2, "a tag")
	if err != nil {
		return 0, err
	}
	name := bytes.TrimRight(s.buf[s.pos+2:s.pos+n], " \t\r\n")
	top := s.top()
	if !bytes.Equal(name, top) {
		return 0, s.fail("element %s ends as %q", clip(top), clip(name))
	}
	s.name, s.local = top, top[bytes.IndexByte(top, ':')+1:]
	s.attrs = s.attrs[:0]
	s.pos += n + 1
	s.closing = true
	return End, nil
}
