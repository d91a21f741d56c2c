package proc

import (
	"bytes"
	"io"
	"os"
	"slices"
	"sync"
)

// sink takes both streams of a tool: raw to the writers, cut into lines for
// OnLine and for the tail.
type sink struct {
	mu      sync.Mutex
	log     io.Writer
	stdout  io.Writer
	onLine  func(Stream, string)
	maxLine int
	keep    int
	tail    []string
	err     error // the first that a writer gave
}

func (r *Runner) newSink(c Cmd) *sink {
	s := &sink{log: c.Log, stdout: c.Stdout, onLine: c.OnLine, maxLine: DefaultMaxLine, keep: DefaultTailLines}
	if r != nil && r.MaxLine > 0 {
		s.maxLine = r.MaxLine
	}
	if r != nil && r.TailLines > 0 {
		s.keep = r.TailLines
	}
	return s
}

// drain reads the stream to its end. It keeps reading when a writer has failed,
// for a tool whose pipe is full would hang.
func (s *sink) drain(stream Stream, f *os.File) {
	buf := make([]byte, 32<<10)
	var rest []byte
	for {
		n, err := f.Read(buf)
		if n > 0 {
			rest = s.take(stream, rest, buf[:n])
		}
		if err != nil {
			break
		}
	}
	if len(rest) > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.line(stream, rest)
	}
}

// take writes p and hands on its lines; it returns the unfinished last line.
// A carriage return ends a line as well: tools draw progress with it.
func (s *sink) take(stream Stream, rest, p []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(s.log, p)
	if stream == Stdout {
		s.write(s.stdout, p)
	}
	rest = append(rest, p...)
	for {
		i := bytes.IndexAny(rest, "\r\n")
		switch {
		case i >= 0 && i <= s.maxLine:
			s.line(stream, rest[:i])
			rest = rest[i+1:]
		case len(rest) > s.maxLine:
			s.line(stream, rest[:s.maxLine])
			rest = rest[s.maxLine:]
		default:
			return slices.Clone(rest)
		}
	}
}

func (s *sink) write(w io.Writer, p []byte) {
	if w == nil || s.err != nil {
		return
	}
	if _, err := w.Write(p); err != nil {
		s.err = err
	}
}

func (s *sink) line(stream Stream, b []byte) {
	if len(b) == 0 {
		return
	}
	text := string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
	if s.onLine != nil {
		s.onLine(stream, text)
	}
	if len(s.tail) == s.keep {
		s.tail = append(s.tail[:0], s.tail[1:]...)
	}
	s.tail = append(s.tail, text)
}

func (s *sink) finish() ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tail, s.err
}
