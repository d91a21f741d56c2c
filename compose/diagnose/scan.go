package diagnose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// hit is the first line of a log that a rule matched.
type hit struct {
	*compiled
	line   place
	last   int // number of the last line that matched
	values map[string]string
	before place
	after  []place
}

// place is a line of a log.
type place struct {
	log  int // which log, in the order they were given
	num  int
	text string // printable, not yet masked
}

// at orders places: by log, then by line.
func (p place) at() int64 { return int64(p.log)<<40 + int64(p.num) }

// raw is a line in a buffer that is used again.
type raw struct {
	num int
	buf []byte
}

// Bounds of what is kept of a log.
const (
	keptErrors = 6
	keptLast   = 3
	keptAfter  = 8
)

// scan is the reading of one log.
type scan struct {
	*Classifier
	name    string
	index   int
	hits    map[int]*hit
	past    []*hit // what was there before the tool said that it had succeeded
	done    bool
	open    []*hit // hits that the next lines belong to
	errors  []place
	last    [keptLast]raw // the last lines, oldest first
	filled  int           // how many of last there are
	lines   int
	bytes   int64
	cut     bool // not all of it was read
	seen    []int32
	cleaner cleaner
}

// read takes in a whole log. A log that breaks off counts as far as it goes.
func (s *scan) read(ctx context.Context, r io.Reader) error {
	lines := newLineReader(r, s.maxBytes)
	s.hits = map[int]*hit{}
	defer func() { s.bytes = s.maxBytes - lines.left }()
	for {
		if lines.num%4096 == 0 && ctx.Err() != nil {
			return fmt.Errorf("read log %s: %w", s.name, context.Cause(ctx))
		}
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errTooLong):
			s.cut = true
			return nil
		case err != nil:
			s.cut = true
			return fmt.Errorf("read log %s: %w", s.name, err)
		}
		s.lines = lines.num
		s.line(s.cleaner.clean(line))
	}
}

// line takes in one line. What carriage returns overwrite are lines of their own
// with the same number.
func (s *scan) line(line []byte) {
	for len(line) > 0 {
		part := line
		if at := slices.Index(line, '\r'); at >= 0 {
			part, line = line[:at], line[at+1:]
		} else {
			line = nil
		}
		s.part(part)
	}
}

func (s *scan) part(line []byte) {
	s.seen = s.seen[:0]
	s.keys.in(line, func(owner int32) {
		if !slices.Contains(s.seen, owner) {
			s.seen = append(s.seen, owner)
		}
	})
	if len(s.seen) > 0 && !binary(line) {
		s.try(line)
	}
	if meaningful(line) {
		s.keep(line)
	}
}

// try runs the rules whose keys are in line.
func (s *scan) try(line []byte) {
	if s.noise.noise.Match(line) {
		return
	}
	item := s.noise.bullet.Match(line)
	looksWrong := false
	slices.Sort(s.seen) // the table's order, whatever order the words come in
	for _, owner := range s.seen {
		i := int(owner)
		if i == len(s.rules) {
			looksWrong = true
			continue
		}
		r := &s.rules[i]
		if item && !r.more.list {
			continue
		}
		old := s.hits[i]
		if old != nil && r.more.done {
			continue
		}
		groups := r.re.FindSubmatchIndex(line)
		switch {
		case groups == nil:
		case r.more.done:
			s.succeed()
		case old != nil:
			old.last = s.lines
		default:
			s.hit(i, r, line, groups)
		}
	}
	if looksWrong && !item && meaningful(line) {
		if len(s.errors) == keptErrors {
			s.errors = slices.Delete(s.errors, 0, 1)
		}
		s.errors = append(s.errors, s.place(line))
	}
}

func (s *scan) hit(i int, r *compiled, line []byte, groups []int) {
	h := &hit{compiled: r, line: s.place(line), last: s.lines, values: r.values(line, groups)}
	if s.filled > 0 && s.last[s.filled-1].num < s.lines {
		h.before = s.words(s.filled - 1)
	}
	s.hits[i] = h
	s.done = false
	if r.more.after > 0 || r.more.detail {
		s.open = append(s.open, h)
	}
}

// succeed puts aside what was said before the tool's success.
func (s *scan) succeed() {
	for _, h := range s.hits {
		s.past = append(s.past, h)
	}
	slices.SortFunc(s.past, func(a, b *hit) int { return int(a.line.at() - b.line.at()) })
	s.past = s.past[:min(len(s.past), len(s.rules))]
	s.hits, s.open, s.done = map[int]*hit{}, nil, true
}

func (s *scan) place(line []byte) place {
	return place{log: s.index, num: s.lines, text: printable(line)}
}

// words is one of the last lines.
func (s *scan) words(i int) place {
	return place{log: s.index, num: s.last[i].num, text: printable(s.last[i].buf)}
}

// keep remembers a line as the last one, and for the hits that wait for it.
func (s *scan) keep(line []byte) {
	if s.filled == keptLast {
		oldest := s.last[0]
		copy(s.last[:], s.last[1:])
		s.last[keptLast-1] = oldest
		s.filled--
	}
	at := &s.last[s.filled]
	at.num, at.buf = s.lines, append(at.buf[:0], line[:min(len(line), 4*maxText)]...)
	s.filled++
	if len(s.open) > 0 {
		s.follow(s.place(line))
	}
}

// follow hands a line to the hits that it belongs to.
func (s *scan) follow(at place) {
	s.open = slices.DeleteFunc(s.open, func(h *hit) bool {
		if h.line.num == at.num {
			return false
		}
		h.after = append(h.after, at)
		if h.more.detail && h.values["detail"] == "" {
			if h.values == nil {
				h.values = map[string]string{}
			}
			h.values["detail"] = trimDetail(at.text)
		}
		return len(h.after) >= min(max(h.more.after, 1), keptAfter)
	})
}
