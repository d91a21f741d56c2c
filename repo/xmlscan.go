package repo

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
)

// FormatError says that a metadata file is not what it should be.
type FormatError struct {
	File   string // "repomd.xml", "primary.xml"
	Offset int64  // bytes into the plain content
	Reason string
	Err    error // what a lower layer said, may be nil
}

func (e *FormatError) Error() string {
	s := fmt.Sprintf("%s at byte %d: %s", e.File, e.Offset, e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns what a lower layer said.
func (e *FormatError) Unwrap() error { return e.Err }

// Bounds of every metadata document. Real repodata is five levels deep and its
// largest package (firmware, with all its files) stays below 10 MiB.
const (
	maxXMLDepth   = 32
	maxRecord     = 64 << 20 // bytes of XML between two packages
	maxRepomdSize = 16 << 20
)

// scanner walks an XML document. On top of what encoding/xml refuses it
// refuses a second root, text after the root, depth and records of any size.
type scanner struct {
	file   string
	dec    *xml.Decoder
	budget *budgetReader
	depth  int
	rooted bool
}

func newScanner(r io.Reader, file string) *scanner {
	b := &budgetReader{r: r, left: maxRecord, limit: maxRecord}
	return &scanner{file: file, dec: xml.NewDecoder(b), budget: b}
}

// budgetReader bounds what may be read between two calls of refill.
type budgetReader struct {
	r           io.Reader
	left, limit int64
}

func (b *budgetReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, &limitio.TooLargeError{What: "record", Limit: b.limit}
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (s *scanner) refill() { s.budget.left = s.budget.limit }

func (s *scanner) fail(reason string, err error) error {
	return &FormatError{File: s.file, Offset: s.dec.InputOffset(), Reason: reason, Err: err}
}

// next returns the next start or end of an element or text; io.EOF only after
// one whole document.
func (s *scanner) next() (xml.Token, error) {
	for {
		tok, err := s.dec.Token()
		if err != nil {
			return nil, s.end(err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if s.depth == 0 && s.rooted {
				return nil, s.fail("second root element", nil)
			}
			s.rooted = true
			if s.depth++; s.depth > maxXMLDepth {
				return nil, s.fail("elements nested too deeply", nil)
			}
			return tok, nil
		case xml.EndElement:
			s.depth--
			return tok, nil
		case xml.CharData:
			if s.depth > 0 {
				return tok, nil
			}
			if strings.TrimSpace(string(t)) != "" {
				return nil, s.fail("text outside the root element", nil)
			}
		}
	}
}

func (s *scanner) end(err error) error {
	switch {
	case !errors.Is(err, io.EOF):
		if _, ok := errors.AsType[*xml.SyntaxError](err); ok {
			return s.fail("malformed XML", err)
		}
		return fmt.Errorf("read %s: %w", s.file, err)
	case s.depth > 0:
		return s.fail("document ends early", io.ErrUnexpectedEOF)
	case !s.rooted:
		return s.fail("no root element", io.ErrUnexpectedEOF)
	}
	return io.EOF
}

// root reads up to the root element, which must have the name.
func (s *scanner) root(space, local string) (xml.StartElement, error) {
	tok, err := s.next()
	if err != nil {
		return xml.StartElement{}, err
	}
	start, ok := tok.(xml.StartElement)
	if !ok || start.Name.Local != local || (start.Name.Space != space && start.Name.Space != "") {
		return xml.StartElement{}, s.fail("root element is not "+local, nil)
	}
	return start, nil
}

// text reads the text up to the end of the element that was just started.
// Elements inside it are passed over.
func (s *scanner) text() (string, error) {
	var b strings.Builder
	for level := 1; ; {
		tok, err := s.next()
		if err != nil {
			return "", s.inside(err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			level++
		case xml.EndElement:
			if level--; level == 0 {
				return b.String(), nil
			}
		case xml.CharData:
			if level == 1 {
				b.Write(t)
			}
		}
	}
}

// skip passes over the rest of the element that was just started.
func (s *scanner) skip() error {
	_, err := s.text()
	return err
}

// inside turns an end of input into an error.
func (s *scanner) inside(err error) error {
	if errors.Is(err, io.EOF) {
		return s.fail("document ends early", io.ErrUnexpectedEOF)
	}
	return err
}

// children calls each for every child of the element that was just started;
// each must read it to its end.
func (s *scanner) children(each func(xml.StartElement) error) error {
	for {
		tok, err := s.next()
		if err != nil {
			return s.inside(err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if err := each(t); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

// rest reads what follows the root element: nothing, but it must be read so
// that the checksum of the stream is looked at.
func (s *scanner) rest() error {
	for {
		_, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func attr(e xml.StartElement, local string) string {
	for _, a := range e.Attr {
		if a.Name.Local == local && (a.Name.Space == "" || local == "base") {
			return a.Value
		}
	}
	return ""
}

// number reads an integer; createrepo once wrote times with a fraction, which
// is dropped. The empty string is 0.
func (s *scanner) number(text string) (int64, error) {
	text = strings.TrimSpace(text)
	whole, _, _ := strings.Cut(text, ".")
	if whole == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0, s.fail("bad number "+strconv.Quote(text), err)
	}
	return n, nil
}
