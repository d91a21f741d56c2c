package diagnose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"syscall"
)

// Log is one log by name, as evidence will show it.
type Log struct {
	Name   string
	Reader io.Reader
}

// Facts are what the caller knows besides the logs. Everything may be left out.
type Facts struct {
	Tool   string         // what ran: lorax, mock, ...
	Stage  string         // of the compose, for Verdict.Stage
	Exit   int            // exit status; 0: success, or not known
	Signal syscall.Signal // that ended the tool; 0: none, or not known

	TimedOut  bool // the caller ended it, because it took too long
	NodeLost  bool // the host it ran on is gone
	OOMKilled bool // its cgroup counted a kill for memory (memory.events: oom_kill)
}

// Options bound the reading. The zero value works.
type Options struct {
	MaxBytes int64 // of one log; default 2 GiB. What follows is not read, and Verdict.Partial says so.
	MaxLogs  int   // default 1000; more are an error
}

// Defaults of Options.
const (
	DefaultMaxBytes = 2 << 30
	DefaultMaxLogs  = 1000
)

// Classifier knows the rules. It may be used by many goroutines.
type Classifier struct {
	maxBytes int64
	maxLogs  int
	rules    []compiled
	keys     *keySet
	noise    *regexp.Regexp
	warnings *regexp.Regexp
	marked   *regexp.Regexp
	secrets  []*regexp.Regexp
	because  map[Code][]Code
}

// New makes the rules ready, which takes some milliseconds.
func New(o Options) *Classifier {
	c := &Classifier{maxBytes: o.MaxBytes, maxLogs: o.MaxLogs, noise: regexp.MustCompile(noise), warnings: regexp.MustCompile(warnings), marked: regexp.MustCompile(errorMark), secrets: secrets(), because: explains()}
	if c.maxBytes <= 0 {
		c.maxBytes = DefaultMaxBytes
	}
	if c.maxLogs <= 0 {
		c.maxLogs = DefaultMaxLogs
	}
	c.rules, c.keys = compile(rules())
	return c
}

// TooManyError says that there are more logs than are read.
type TooManyError struct{ Logs, Limit int }

// Error says how many there are, and how many are read.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("%d logs where at most %d are read", e.Logs, e.Limit)
}

// Read reads the logs one after the other and says what went wrong. The Verdict
// is complete for what could be read, also beside an error: one or more logs
// that broke off (their readers' errors, joined), or ctx's. It is nil only
// beside a *TooManyError.
func (c *Classifier) Read(ctx context.Context, logs []Log, facts Facts) (*Verdict, error) {
	if len(logs) > c.maxLogs {
		return nil, &TooManyError{len(logs), c.maxLogs}
	}
	j := &judge{Classifier: c, facts: facts}
	var broken []error
	for i, l := range logs {
		s := &scan{Classifier: c, name: printable([]byte(l.Name)), index: i}
		j.scans = append(j.scans, s)
		if err := s.read(ctx, l.Reader); err != nil {
			broken = append(broken, err)
		}
	}
	return j.verdict(), errors.Join(broken...)
}
