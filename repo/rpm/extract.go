package rpm

import "strings"

// extractor reads typed values out of a header and keeps the first complaint.
type extractor struct {
	h   *Header
	o   Options
	err error
}

func (x *extractor) fail(err error) {
	if x.err == nil {
		x.err = err
	}
}

// text returns the first string of tag, "" when absent.
func (x *extractor) text(tag Tag) string {
	e := x.h.find(tag)
	if e == nil {
		return ""
	}
	if !e.Type.isString() {
		x.fail(x.h.bad(tag, e.offset, "%s, wants a string", e.Type))
		return ""
	}
	s, _ := x.h.Text(tag)
	return s
}

// number returns element 0 of an integer tag.
func (x *extractor) number(tag Tag) (uint64, bool) {
	e := x.h.find(tag)
	if e == nil {
		return 0, false
	}
	if !e.Type.isInt() {
		x.fail(x.h.bad(tag, e.offset, "%s, wants an integer", e.Type))
		return 0, false
	}
	return x.h.uint(e, 0), true
}

// firstNumber returns the first of the tags that is there, 0 without any.
func (x *extractor) firstNumber(tags ...Tag) uint64 {
	for _, t := range tags {
		if v, ok := x.number(t); ok {
			return v
		}
	}
	return 0
}

// column returns the entry of a tag that must have n elements of a class;
// nil when it is absent.
func (x *extractor) column(tag Tag, n int, text bool) *Entry {
	e := x.h.find(tag)
	switch {
	case e == nil:
		return nil
	case text != e.Type.isString() || !text && !e.Type.isInt():
		x.fail(x.h.bad(tag, e.offset, "unexpected %s", e.Type))
		return nil
	case e.Count != n:
		x.fail(x.h.bad(tag, e.offset, "%d elements where the list has %d", e.Count, n))
		return nil
	}
	return e
}

// list returns the entry of a string array that starts a table, or nil. It
// fails when the table has more than limit rows.
func (x *extractor) list(tag Tag, limit int) *Entry {
	e := x.h.find(tag)
	if e == nil {
		return nil
	}
	if !e.Type.isString() {
		x.fail(x.h.bad(tag, e.offset, "%s, wants strings", e.Type))
		return nil
	}
	if e.Count > limit {
		x.fail(x.h.bad(tag, e.offset, "%d elements, at most %d are accepted", e.Count, limit))
		return nil
	}
	return e
}

// cursor walks the strings of one entry; a nil entry gives "" for ever.
type cursor struct{ rest string }

func (x *extractor) cursor(e *Entry) cursor {
	if e == nil {
		return cursor{}
	}
	return cursor{x.h.data[e.offset : e.offset+e.length]}
}

func (c *cursor) next() string {
	i := strings.IndexByte(c.rest, 0)
	if i < 0 {
		return ""
	}
	s := c.rest[:i]
	c.rest = c.rest[i+1:]
	return s
}

// uint reads element i of an entry that may be nil.
func (x *extractor) uint(e *Entry, i int) uint64 {
	if e == nil {
		return 0
	}
	return x.h.uint(e, i)
}

// maxEntries and maxFiles are the bounds in force.
func (x *extractor) maxEntries() int {
	if x.o.MaxEntries > 0 {
		return x.o.MaxEntries
	}
	return defaultDeps
}

func (x *extractor) maxFiles() int {
	if x.o.MaxFiles > 0 {
		return x.o.MaxFiles
	}
	return maxArray + 1
}

// dependencies reads one dependency list. Headers of rpm 2 and 3 carry names
// without flags and versions.
func (x *extractor) dependencies(name, flags, version Tag) []Dependency {
	e := x.list(name, x.maxEntries())
	if e == nil {
		return nil
	}
	f := x.column(flags, e.Count, false)
	v := x.column(version, e.Count, true)
	if x.err != nil {
		return nil
	}
	names, versions := x.cursor(e), x.cursor(v)
	deps := make([]Dependency, e.Count)
	for i := range deps {
		deps[i] = Dependency{Name: names.next(), Flags: DepFlags(x.uint(f, i)), EVR: versions.next()}
	}
	return deps
}

func (x *extractor) changelogs() []Changelog {
	e := x.list(TagChangelogName, x.maxEntries())
	if e == nil {
		return nil
	}
	times := x.column(TagChangelogTime, e.Count, false)
	texts := x.column(TagChangelogText, e.Count, true)
	if x.err != nil {
		return nil
	}
	author, text := x.cursor(e), x.cursor(texts)
	logs := make([]Changelog, e.Count)
	for i := range logs {
		logs[i] = Changelog{Time: int64(x.uint(times, i)), Author: author.next(), Text: text.next()}
	}
	return logs
}
