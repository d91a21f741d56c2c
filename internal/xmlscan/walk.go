package xmlscan

import (
	"bytes"
	"errors"
	"io"
	"strconv"
)

// Root moves to the root element, which must have the name and, when it says
// one, the namespace.
func (s *Scanner) Root(space, local string) error {
	if _, err := s.Next(); err != nil {
		return s.inside(err)
	}
	if got := s.Space(); string(s.local) != local || got != space && got != "" {
		return s.Fail("root element is not " + local)
	}
	return nil
}

// Child moves to the next child of the element whose start tag, or whose child,
// was read last; false means that the element has ended. Text is passed over.
// A child must be read to its end, by Child, AppendText or Skip.
func (s *Scanner) Child() (bool, error) {
	for {
		kind, err := s.Next()
		if err != nil {
			return false, s.inside(err)
		}
		switch kind {
		case Start:
			return true, nil
		case End:
			return false, nil
		case Text:
		}
	}
}

// Children calls each with the name of every child of the element whose start
// tag was read last. each must read it to its end.
func (s *Scanner) Children(each func(name string) error) error {
	for {
		more, err := s.Child()
		if err != nil || !more {
			return err
		}
		if err := each(string(s.local)); err != nil {
			return err
		}
	}
}

// AppendText appends the text of the element whose start tag was read last to
// dst, and reads to its end. Elements inside it are passed over.
func (s *Scanner) AppendText(dst []byte) ([]byte, error) {
	from := len(dst)
	for depth := s.Depth(); ; {
		kind, err := s.Next()
		if err != nil {
			return dst, s.inside(err)
		}
		switch {
		case kind == Text && s.Depth() == depth:
			// Comments and elements between its runs make a text of any length.
			if len(dst)-from+len(s.text) > s.limits.Token {
				return dst, s.tooLong()
			}
			dst = append(dst, s.text...)
		case kind == End && s.Depth() == depth:
			return dst, nil
		}
	}
}

// ReadText returns the text of the element whose start tag was read last,
// without the white space around it, and reads to its end.
func (s *Scanner) ReadText() (string, error) {
	var err error
	s.scratch, err = s.AppendText(s.scratch[:0])
	return string(bytes.TrimSpace(s.scratch)), err
}

// ReadNumber is ReadText for an integer; see ParseNumber.
func (s *Scanner) ReadNumber() (int64, error) {
	name := string(s.local)
	text, err := s.ReadText()
	if err != nil {
		return 0, err
	}
	n, ok := ParseNumber([]byte(text))
	if !ok {
		return 0, s.Fail(name + ": bad number " + strconv.Quote(text))
	}
	return n, nil
}

// AttrText returns a copy of an attribute's value, "" when it is absent.
func (s *Scanner) AttrText(name string) string {
	v, _ := s.Attr(name)
	return string(v)
}

// Skip reads to the end of the element whose start tag was read last.
func (s *Scanner) Skip() error {
	for depth := s.Depth(); ; {
		kind, err := s.Next()
		if err != nil {
			return s.inside(err)
		}
		if kind == End && s.Depth() == depth {
			return nil
		}
	}
}

// Finish reads what follows the root element: nothing, but it must be read so
// that a reader which checks a digest at its end is heard.
func (s *Scanner) Finish() error {
	_, err := s.Next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		err = s.Fail("elements after the end")
	}
	return err
}

// Fail makes an error that points at the current place.
func (s *Scanner) Fail(reason string) error { return s.fail("%s", reason) }

// inside turns the end of the input into an error.
func (s *Scanner) inside(err error) error {
	if errors.Is(err, io.EOF) {
		return s.truncated("document ends early")
	}
	return err
}

// ParseNumber reads an integer. A fraction is dropped, as in the times that
// some programs write; an empty text is 0.
func ParseNumber(text []byte) (int64, bool) {
	text = bytes.TrimSpace(text)
	if i := bytes.IndexByte(text, '.'); i >= 0 {
		text = text[:i]
	}
	if len(text) == 0 {
		return 0, true
	}
	if len(text) > 18 {
		n, err := strconv.ParseInt(string(text), 10, 64)
		return n, err == nil
	}
	var n int64
	digits := text
	if text[0] == '-' || text[0] == '+' {
		digits = text[1:]
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if text[0] == '-' {
		n = -n
	}
	return n, len(digits) > 0
}
