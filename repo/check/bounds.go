package check

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// ErrTooComplex is the answer of Run to repositories in which so many packages
// have one name, or conflict with so many others, that looking at all pairs
// would take minutes: nobody's but those of somebody who wants that.
var ErrTooComplex = errors.New("too many packages of one name or capability to look at all pairs")

const (
	// maxWork bounds the comparisons of one run. CentOS Stream 9 AppStream with
	// all its versions, as the side repo of BaseOS, takes some three million.
	maxWork = 1 << 28
	// pollWork is how many comparisons are made between two looks at the context.
	pollWork = 1 << 14
	// maxPairs bounds the problems of a kind that stands between two packages: a
	// thousand packages make a million pairs.
	maxPairs = 10_000
	// maxText bounds a name or sentence in a problem, in bytes. Rich dependencies
	// of distributions have a kilobyte at most.
	maxText = 4 << 10
)

// spend counts n comparisons; false says that the run is to end, and err why.
func (u *universe) spend(n int) bool {
	if u.err != nil {
		return false
	}
	u.work += int64(n)
	if u.work >= u.poll {
		u.poll = u.work + pollWork
		if u.err = u.ctx.Err(); u.err == nil && u.work > maxWork {
			u.err = ErrTooComplex
		}
	}
	return u.err == nil
}

// room tells whether one more problem of a kind is listed that stands between
// two packages; one that is not is counted. It is asked before sentences are made.
func (c *checker) room(code Code) bool {
	if c.pairs[code] == maxPairs {
		c.report.Omitted++
		return false
	}
	c.pairs[code]++
	return true
}

// add notes a problem.
func (c *checker) add(p Problem) {
	for _, s := range []*string{&p.Package, &p.Requirement, &p.Other, &p.Text} {
		*s = clip(*s)
	}
	for i := range p.Misses {
		p.Misses[i] = clip(p.Misses[i])
	}
	c.report.Problems = append(c.report.Problems, p)
}

// clip shortens a text. What it returns keeps no longer one in memory.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n]) + "..."
}
