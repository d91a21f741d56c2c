package diagnose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"
)

// hit is the first line of a log that a rule matched.
type hit struct {
	*compiled
	line   place
	part   int // which part of its log that is
	last   int // number of the last line that matched
	values map[string]string
	before place
	after  []place
	again  int // how often it matched after that
	// retried: only seen where a downloader says why it takes another mirror
	retried bool
}

// score is the weight of a hit; one that does not name what it is about is worth
// a little less.
func (h *hit) score() int {
	if len(h.values) == 0 && slices.ContainsFunc(h.names, func(n string) bool { return n != "" }) {
		return h.weight - 5
	}
	return h.weight
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
	keptErrors = 24
	keptLast   = 3
	keptAfter  = 8
	manyTimes  = 64
	maxWork    = 64 << 20 // bytes that expressions run over: about ten seconds
)

// scan is the reading of one log.
type scan struct {
	*Classifier
	name    string
	index   int
	hits    map[int]*hit
	past    []*hit // what was there before the tool said that it had succeeded
	done    bool
	open    []*hit          // hits that the next lines belong to
	errors  [keptErrors]raw // the last lines that look like errors, in turns
	wrongs  int             // how many there were
	last    [keptLast]raw   // the last lines, oldest first
	filled  int             // how many of last there are
	lines   int
	parts   int // of lines
	bytes   int64
	cut     bool // not all of it was read
	work    int  // bytes that expressions ran over
	seen    []int32
	marks   []uint32 // by owner: the mark of the line that it was last seen on
	mark    uint32
	seed    maphash.Seed
	recent  [512]uint64 // sums of lines that rules were tried on
	cleaner cleaner
}

// read takes in a whole log. A log that breaks off counts as far as it goes.
func (s *scan) read(ctx context.Context, r io.Reader) error {
	lines := newLineReader(r, s.maxBytes)
	s.hits, s.marks, s.seed = map[int]*hit{}, make([]uint32, len(s.rules)+2), maphash.MakeSeed()
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
// with the same number, and so are those of a text that was written out on one
// line.
func (s *scan) line(line []byte) {
	for len(line) > 0 {
		part := line
		if at := bytes.IndexByte(line, '\r'); at >= 0 {
			part, line = line[:at], line[at+1:]
		} else {
			line = nil
		}
		for len(part) > 0 {
			var one []byte
			one, part = cutWritten(part)
			s.part(one)
		}
	}
}

func (s *scan) part(line []byte) {
	s.parts++
	s.seen = s.seen[:0]
	s.mark++
	s.keys.in(line, s.see)
	if len(s.seen) > 0 && !binary(line) {
		s.try(line)
	}
	if meaningful(line) {
		s.keep(line)
	}
}

// see notes whose keys a line holds, each once.
func (s *scan) see(owner int32) {
	if s.marks[owner] != s.mark {
		s.marks[owner] = s.mark
		s.seen = append(s.seen, owner)
	}
}

// try runs the rules whose keys are in line.
func (s *scan) try(line []byte) {
	looksWrong, words := s.sort()
	if looksWrong && len(s.seen) == 0 {
		s.wrong(line)
		return
	}
	if len(s.seen) == 0 || s.known(line) || s.ignored(line, words) {
		return
	}
	if s.work += len(line) * len(s.seen); s.work > maxWork { // no log that a tool wrote
		s.cut = true
		return
	}
	list, retried, warning := item(line), tried(line), 0
	for _, owner := range s.seen {
		i := int(owner)
		r, old := &s.rules[i], s.hits[i]
		if list && !r.more.list || old != nil && s.settled(old) {
			continue
		}
		groups := r.re.FindSubmatchIndex(line)
		if groups != nil && r.more.grave && warning == 0 {
			warning = 1 + btoi(s.warnings.Match(line) && !s.marked.Match(line))
		}
		switch {
		case groups == nil, r.more.grave && warning == 2:
		case r.more.done:
			if !s.belied(r.more.unless) {
				s.succeed()
			}
		case old != nil && (len(old.values) > 0 || len(r.values(line, groups)) == 0):
			old.last = s.lines
			old.again++
			old.retried = old.retried && retried
		default: // the first, or the first that names what it is about
			s.hit(i, r, line, groups)
			s.hits[i].retried = retried
		}
	}
	if looksWrong {
		s.wrong(line)
	}
}

// sort brings the rules that were seen into the table's order, whatever order
// their words come in, and takes from them the owners that are no rules.
func (s *scan) sort() (looksWrong, noiseWords bool) {
	slices.Sort(s.seen)
	for n := len(s.seen); n > 0 && int(s.seen[n-1]) >= len(s.rules); n = len(s.seen) {
		looksWrong = looksWrong || int(s.seen[n-1]) == len(s.rules)
		noiseWords = noiseWords || int(s.seen[n-1]) > len(s.rules)
		s.seen = s.seen[:n-1]
	}
	return looksWrong, noiseWords
}

// settled says of a rule that has matched often enough: from then on a line that
// holds its key counts as one more.
func (s *scan) settled(h *hit) bool {
	if h.again < manyTimes {
		return false
	}
	h.last = s.lines
	return true
}

// known says whether the very same line came before, but for the time and
// numbers that it begins with: logs repeat one complaint thousands of times.
func (s *scan) known(line []byte) bool {
	text := bytes.TrimLeft(line, "0123456789.,:-/T []|")
	sum := maphash.Bytes(s.seed, text)
	at := &s.recent[sum%uint64(len(s.recent))]
	if *at == sum && s.lines > manyTimes {
		for _, owner := range s.seen {
			if h := s.hits[int(owner)]; h != nil && h.again > 0 {
				h.last = s.lines
			}
		}
		return true
	}
	*at = sum
	return false
}

// wrong remembers a line that looks like an error.
func (s *scan) wrong(line []byte) {
	if !meaningful(line) {
		return
	}
	at := &s.errors[s.wrongs%keptErrors]
	at.num, at.buf = s.lines, append(at.buf[:0], line[:min(len(line), 4*maxText)]...)
	s.wrongs++
}

// lastWrong are the last lines that look like errors, noise and lists left out.
func (s *scan) lastWrong() []place {
	var out []place
	for i := max(0, s.wrongs-keptErrors); i < s.wrongs; i++ {
		at := &s.errors[i%keptErrors]
		if !item(at.buf) && !s.noise.Match(at.buf) {
			out = append(out, place{log: s.index, num: at.num, text: printable(at.buf)})
		}
	}
	return out
}

func (s *scan) hit(i int, r *compiled, line []byte, groups []int) {
	h := &hit{compiled: r, line: s.place(line), part: s.parts, last: s.lines, values: r.values(line, groups)}
	if s.filled > 0 && s.last[s.filled-1].num < s.lines {
		h.before = s.words(s.filled - 1)
	}
	s.hits[i] = h
	s.done = false
	if r.more.after > 0 || r.more.detail {
		s.open = append(s.open, h)
	}
}

// belied says whether the log shows, before the tool says that it succeeded, that
// it did not: yum and dnf list what failed, and say "Complete!" all the same.
func (s *scan) belied(unless string) bool {
	for _, h := range s.hits {
		if unless != "" && h.name == unless {
			return true
		}
	}
	return false
}

// succeed puts aside what was said before the tool's success.
func (s *scan) succeed() {
	for _, h := range s.hits {
		s.past = append(s.past, h)
	}
	slices.SortFunc(s.past, func(a, b *hit) int { return int(a.line.at() - b.line.at()) })
	s.past = s.past[:min(len(s.past), len(s.rules))]
	s.hits, s.open, s.done = map[int]*hit{}, nil, true
	clear(s.recent[:])
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
		if h.part == s.parts || strings.HasSuffix(h.line.text, at.text) { // lorax says things twice
			return false
		}
		h.after = append(h.after, at)
		if h.more.detail && h.values["detail"] == "" && h.values["why"] == "" {
			if h.values == nil {
				h.values = map[string]string{}
			}
			h.values["detail"] = trimDetail(at.text)
		}
		return len(h.after) >= min(max(h.more.after, 1), keptAfter)
	})
}
