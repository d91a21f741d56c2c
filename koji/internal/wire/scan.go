package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	bufSize = 64 << 10
	maxTag  = 4 << 10 // of one tag, comment parts excluded
)

// tagKind tells an opening tag from a closing and a self-closing one.
type tagKind int

const (
	tagOpen tagKind = iota
	tagClose
	tagEmpty
)

// scanner cuts the XML subset that XML-RPC uses into text and tags. There are
// no document types, hence no entity expansion beyond the five of XML.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int
	base     int64 // offset of buf[0]
	err      error // of r, sticky
	skip     []byte
}

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, bufSize)} }

func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

func (s *scanner) syntax(format string, args ...any) error {
	return &SyntaxError{Offset: s.offset(), Msg: fmt.Sprintf(format, args...)}
}

// fill reads more input behind what is unread. It reports an error only when
// nothing more comes.
func (s *scanner) fill() error {
	if s.err != nil {
		return s.err
	}
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.base += int64(s.pos)
		s.end -= s.pos
		s.pos = 0
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		s.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.err = io.ErrNoProgress
	return s.err
}

// truncated turns the end of the input in the wrong place into an error that
// says so; other errors of the reader stay what they are.
func (s *scanner) truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return &SyntaxError{Offset: s.base + int64(s.end), Msg: "the message ends in the middle", Err: io.ErrUnexpectedEOF}
	}
	return err
}

// text appends the character data up to the next tag to dst and leaves the
// position at that tag. At the end of the input it returns io.EOF.
func (s *scanner) text(dst []byte) ([]byte, error) {
	for {
		i := bytes.IndexByte(s.buf[s.pos:s.end], '<')
		chunk := s.buf[s.pos:s.end]
		if i >= 0 {
			chunk = chunk[:i]
		}
		var err error
		if bytes.IndexByte(chunk, '&') >= 0 || bytes.IndexByte(chunk, '\r') >= 0 {
			dst, err = s.slowText(dst)
			if err != nil {
				return dst, err
			}
			continue
		}
		dst = append(dst, chunk...)
		s.pos += len(chunk)
		if i < 0 {
			if err := s.fill(); err != nil {
				return dst, err
			}
			continue
		}
		more, err := s.special(&dst)
		if err != nil {
			return dst, err
		}
		if !more {
			return dst, nil
		}
	}
}

// slowText appends text with references and carriage returns in it, up to the
// next tag or the end of the buffer.
func (s *scanner) slowText(dst []byte) ([]byte, error) {
	for s.pos < s.end {
		switch c := s.buf[s.pos]; c {
		case '<':
			return dst, nil
		case '&':
			r, err := s.reference()
			if err != nil {
				return dst, err
			}
			dst = utf8.AppendRune(dst, r)
		case '\r': // XML says: \r\n and \r are \n
			if s.pos+1 >= s.end {
				if err := s.fill(); err != nil && !errors.Is(err, io.EOF) {
					return dst, err
				}
			}
			s.pos++
			if s.pos < s.end && s.buf[s.pos] == '\n' {
				s.pos++
			}
			dst = append(dst, '\n')
		default:
			dst = append(dst, c)
			s.pos++
		}
	}
	return dst, nil
}

// reference reads &name; or &#number;.
func (s *scanner) reference() (rune, error) {
	const longest = len("&#x10FFFF;") + 6 // leading zeros
	if err := s.ensure(longest); err != nil {
		return 0, err
	}
	window := s.buf[s.pos:min(s.end, s.pos+longest)]
	i := bytes.IndexByte(window, ';')
	if i < 0 {
		if len(window) < longest {
			return 0, s.truncated(io.EOF)
		}
		return 0, s.syntax("a reference without its semicolon")
	}
	name := string(window[1:i])
	r, ok := resolve(name)
	if !ok {
		return 0, s.syntax("unknown reference &%s;", name)
	}
	s.pos += i + 1
	return r, nil
}

func resolve(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	number, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(number, "x"); ok {
		number, base = hex, 16
	}
	n, err := strconv.ParseUint(number, base, 32)
	if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

// ensure fills the buffer until n bytes are unread or the input ends.
func (s *scanner) ensure(n int) error {
	for s.end-s.pos < n {
		if err := s.fill(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) has(prefix string) bool {
	return bytes.HasPrefix(s.buf[s.pos:s.end], []byte(prefix))
}

// special handles what stands at '<' and is no tag: comments, CDATA and
// processing instructions. It reports false at a tag.
func (s *scanner) special(dst *[]byte) (bool, error) {
	if s.end-s.pos < 2 {
		if err := s.ensure(2); err != nil {
			return false, err
		}
	}
	if s.end-s.pos >= 2 && s.buf[s.pos+1] != '!' && s.buf[s.pos+1] != '?' {
		return false, nil
	}
	if err := s.ensure(len("<![CDATA[")); err != nil {
		return false, err
	}
	switch {
	case s.has("<!--"):
		s.pos += len("<!--")
		return true, s.until("-->", nil)
	case s.has("<![CDATA["):
		s.pos += len("<![CDATA[")
		return true, s.until("]]>", dst)
	case s.has("<?"):
		return true, s.instruction()
	case s.end-s.pos < 2:
		return false, s.truncated(io.EOF)
	}
	return false, s.syntax("a document type or another declaration, which XML-RPC does not have")
}

// until reads up to and with mark, appending what stands before it to dst.
func (s *scanner) until(mark string, dst *[]byte) error {
	for {
		window := s.buf[s.pos:s.end]
		i := bytes.Index(window, []byte(mark))
		keep := i
		if i < 0 { // the mark may begin in the last bytes
			keep = max(0, len(window)-len(mark)+1)
		}
		if dst != nil {
			*dst = append(*dst, window[:keep]...)
		}
		s.pos += keep
		if i >= 0 {
			s.pos += len(mark)
			return nil
		}
		if err := s.fill(); err != nil {
			return s.truncated(err)
		}
	}
}

// instruction reads <?...?> and refuses a declared encoding that is not UTF-8.
func (s *scanner) instruction() error {
	s.skip = s.skip[:0]
	s.pos += len("<?")
	if err := s.until("?>", &s.skip); err != nil {
		return err
	}
	text := string(s.skip)
	if !strings.HasPrefix(text, "xml ") {
		return nil
	}
	if _, after, ok := strings.Cut(text, "encoding"); ok {
		name := strings.ToLower(strings.Trim(after, "= \t\r\n'\""))
		if i := strings.IndexAny(name, "'\" "); i >= 0 {
			name = name[:i]
		}
		if name != "utf-8" && name != "utf8" && name != "us-ascii" {
			return s.syntax("encoding %q instead of UTF-8", name)
		}
	}
	return nil
}

// tag reads the tag at the position. The name is valid until the next read; a
// namespace prefix is cut off.
func (s *scanner) tag() ([]byte, tagKind, error) {
	i := bytes.IndexByte(s.buf[s.pos:s.end], '>')
	for i < 0 {
		if s.end-s.pos > maxTag {
			return nil, 0, s.syntax("a tag longer than %d bytes", maxTag)
		}
		if err := s.fill(); err != nil {
			return nil, 0, s.truncated(err)
		}
		i = bytes.IndexByte(s.buf[s.pos:s.end], '>')
	}
	body := s.buf[s.pos+1 : s.pos+i]
	s.pos += i + 1
	kind := tagOpen
	if len(body) > 0 && body[0] == '/' {
		kind, body = tagClose, body[1:]
	} else if len(body) > 0 && body[len(body)-1] == '/' {
		kind, body = tagEmpty, body[:len(body)-1]
	}
	if j := bytes.IndexAny(body, " \t\r\n"); j >= 0 { // attributes mean nothing here
		body = body[:j]
	}
	if j := bytes.IndexByte(body, ':'); j >= 0 {
		body = body[j+1:]
	}
	if len(body) == 0 {
		return nil, 0, s.syntax("a tag without a name")
	}
	return body, kind, nil
}
