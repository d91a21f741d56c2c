package xmlscan

import (
	"errors"
	"io"
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

// AppendText appends the text of the element whose start tag was read last to
// dst, and reads to its end. Elements inside it are passed over.
func (s *Scanner) AppendText(dst []byte) ([]byte, error) {
	for depth := s.Depth(); ; {
		kind, err := s.Next()
		if err != nil {
			return dst, s.inside(err)
		}
		switch {
		case kind == Text && s.Depth() == depth:
			dst = append(dst, s.text...)
		case kind == End && s.Depth() == depth:
			return dst, nil
		}
	}
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
