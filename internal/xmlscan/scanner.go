package xmlscan

import (
	"bytes"
	"errors"
	"io"
)

// Kind says what Next has found.
type Kind uint8

// The kinds of tokens.
const (
	Start Kind = iota + 1 // a start tag; Local, Space and Attr describe it
	End                   // an end tag, or the end of <name/>
	Text                  // part of the text of an element; long text comes in several parts
)

// Limits bound a document; the zero value of each means its default.
type Limits struct {
	Depth int // open elements; default 64
	Token int // bytes of one tag, comment or run of text, and of what AppendText appends; default 16 MiB
	Attrs int // attributes of one tag; default 64
}

const (
	defaultDepth = 64
	defaultToken = 16 << 20
	defaultAttrs = 64
	firstBuffer  = 128 << 10
)

// Scanner reads one document. It is not safe for concurrent use.
type Scanner struct {
	r      io.Reader
	limits Limits

	buf       []byte
	pos, end  int
	base      int64 // offset of buf[0] in the document
	lines     int   // line ends before buf[0]
	readErr   error // of r, io.EOF included
	failed    error // sticky
	selfClose bool  // the tag just returned was <name/>
	closing   bool  // the last element of the stack has ended
	started   bool  // something but white space was seen
	rooted    bool
	doctyped  bool

	name  []byte // of the current tag, as written
	local []byte
	attrs []attr
	text  []byte

	scratch []byte

	stack []byte // names of the open elements, one after the other
	marks []int  // where each begins
}

type attr struct{ name, value []byte }

// New returns a Scanner that reads from r.
func New(r io.Reader, limits Limits) *Scanner {
	for _, l := range []struct {
		field *int
		value int
	}{{&limits.Depth, defaultDepth}, {&limits.Token, defaultToken}, {&limits.Attrs, defaultAttrs}} {
		if *l.field <= 0 {
			*l.field = l.value
		}
	}
	return &Scanner{r: r, limits: limits, buf: make([]byte, firstBuffer)}
}

// Next moves to the next token. io.EOF comes only after one whole document,
// when nothing but white space, comments and instructions follow. Other errors
// are a *SyntaxError or what the reader said; they are final.
func (s *Scanner) Next() (Kind, error) {
	if s.failed != nil {
		return 0, s.failed
	}
	kind, err := s.next()
	if err != nil {
		s.failed = err
	}
	return kind, err
}

func (s *Scanner) next() (Kind, error) {
	if s.closing {
		s.pop()
	}
	if s.selfClose {
		s.selfClose = false
		s.closing = true
		return End, nil
	}
	for {
		if s.pos == s.end {
			if ok, err := s.more(); err != nil {
				return 0, err
			} else if !ok {
				return 0, s.ended()
			}
		}
		if s.buf[s.pos] != '<' {
			if kind, err := s.readText(); kind != 0 || err != nil {
				return kind, err
			}
			continue
		}
		if err := s.need(2); err != nil {
			return 0, err
		}
		switch s.buf[s.pos+1] {
		case '/':
			return s.endTag()
		case '!', '?':
			if kind, err := s.special(); kind != 0 || err != nil {
				return kind, err
			}
		default:
			return s.startTag()
		}
	}
}

// ended judges the end of the input between two tokens.
func (s *Scanner) ended() error {
	switch {
	case len(s.marks) > 0:
		return s.truncated("document ends inside element " + string(clip(s.top())))
	case !s.rooted:
		return s.truncated("no root element")
	}
	return io.EOF
}

// more brings further input behind what is unread, and tells whether there was
// any. Slices into the buffer are void afterwards.
func (s *Scanner) more() (bool, error) {
	if s.readErr != nil {
		return s.drained()
	}
	if s.pos > 0 {
		s.lines += bytes.Count(s.buf[:s.pos], []byte{'\n'})
		copy(s.buf, s.buf[s.pos:s.end])
		s.base += int64(s.pos)
		s.end -= s.pos
		s.pos = 0
	}
	if s.end == len(s.buf) {
		if len(s.buf) >= s.limits.Token {
			return false, s.tooLong()
		}
		bigger := make([]byte, min(2*len(s.buf), max(s.limits.Token, len(s.buf)+1)))
		copy(bigger, s.buf[:s.end])
		s.buf = bigger
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		s.readErr = err
		if n > 0 {
			return true, nil
		}
		if err != nil {
			return s.drained()
		}
	}
	s.readErr = io.ErrNoProgress
	return s.drained()
}

func (s *Scanner) drained() (bool, error) {
	if errors.Is(s.readErr, io.EOF) {
		return false, nil
	}
	return false, s.readErr
}

// need fails unless n bytes are unread.
func (s *Scanner) need(n int) error {
	for s.end-s.pos < n {
		ok, err := s.more()
		if err != nil {
			return err
		}
		if !ok {
			return s.truncated("document ends in a tag")
		}
	}
	return nil
}

// find returns how many unread bytes stand before mark. The first from bytes
// are passed over.
func (s *Scanner) find(mark string, from int, what string) (int, error) {
	for {
		if s.end-s.pos > from {
			if i := bytes.Index(s.buf[s.pos+from:s.end], []byte(mark)); i >= 0 {
				return from + i, nil
			}
		}
		from = max(from, s.end-s.pos-len(mark)+1)
		ok, err := s.more()
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, s.truncated("document ends in " + what)
		}
	}
}

func (s *Scanner) push(name []byte) error {
	if len(s.marks) == s.limits.Depth {
		return s.fail("elements nested more than %d deep", s.limits.Depth)
	}
	s.marks = append(s.marks, len(s.stack))
	s.stack = append(s.stack, name...)
	return nil
}

func (s *Scanner) pop() {
	s.closing = false
	last := len(s.marks) - 1
	s.stack = s.stack[:s.marks[last]]
	s.marks = s.marks[:last]
}

func (s *Scanner) top() []byte { return s.stack[s.marks[len(s.marks)-1]:] }

// Local returns the name of the current tag without its prefix. Like the
// results of Attr and Text it is valid until the next call of Next.
func (s *Scanner) Local() []byte { return s.local }

// Text returns the text of a Text token, references resolved. The caller may
// change its bytes.
func (s *Scanner) Text() []byte { return s.text }

// Attr returns the value of the attribute that is written name, prefix
// included, of the current start tag.
func (s *Scanner) Attr(name string) ([]byte, bool) {
	for i := range s.attrs {
		if string(s.attrs[i].name) == name {
			return s.attrs[i].value, true
		}
	}
	return nil, false
}

// Attrs calls each for every attribute of the current start tag, in order.
func (s *Scanner) Attrs(each func(name, value []byte)) {
	for i := range s.attrs {
		each(s.attrs[i].name, s.attrs[i].value)
	}
}

// Space returns the namespace that the current start tag declares for itself;
// declarations of the elements around it do not count. It is meant for roots.
func (s *Scanner) Space() string {
	name := "xmlns"
	if n := len(s.name) - len(s.local); n > 0 {
		name += ":" + string(s.name[:n-1])
	}
	v, _ := s.Attr(name)
	return string(v)
}

// Depth returns how many elements are open, the current one included.
func (s *Scanner) Depth() int { return len(s.marks) }

// Offset returns how many bytes of the document lie behind.
func (s *Scanner) Offset() int64 { return s.base + int64(s.pos) }

// Line returns the number of the current line, counted from 1.
func (s *Scanner) Line() int { return s.lines + bytes.Count(s.buf[:s.pos], []byte{'\n'}) + 1 }
