// Package pylorax reads what the programs of pylorax (lorax, livemedia-creator)
// say while they run: their console as progress, and their logs as the reason of
// a failure.
//
//	watch := pylorax.NewMonitor([]pylorax.Stage{{"download", "Downloading packages", 6}}, report)
//	err := runner.Run(ctx, proc.Cmd{Name: "lorax", OnLine: func(_ proc.Stream, line string) { watch.Line(line) }})
//	if err != nil {
//		return pylorax.Failure(ctx, "lorax", "logs/lorax.log", watch, err) // a *compose.ToolError
//	}
//
// Formats: weldr/lorax, src/pylorax/__init__.py, setup_logging, and dnfhelper.py,
// the same from 34 (EL 9), 40 (EL 10, dnf 4) and 40.5 (libdnf5) to 46.0.
package pylorax

import (
	"regexp"
	"strconv"
	"strings"
)

// Stage is a part of a program's work: what it says when it begins, and the
// percent of the whole that is done by then.
type Stage struct {
	Name   string
	Marker string // the line, or its beginning
	At     int
}

var (
	// stamp is the time that the console's lines begin with.
	stamp       = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: `)
	selected    = regexp.MustCompile(`^(\d+) packages selected$`)
	downloading = regexp.MustCompile(`^Downloading (\d+) / (\d+) RPMs`)
	installing4 = regexp.MustCompile(`^\((\d+)/(\d+)\) (\S+)`)                          // dnf 4
	installingN = regexp.MustCompile(`^Installing \S+ \((\d+)/(\d+)\)$`)                // anaconda
	installing5 = regexp.MustCompile(`^(?:Install|Reinstall|Upgrade|Downgrade) (\S+)$`) // libdnf5
	rebuilding  = regexp.MustCompile(`^rebuilding boot/`)
)

const maxKept = 200 // lines kept for the reason of a failure

// Monitor turns output into progress. Percent never falls, however the
// lines come.
type Monitor struct {
	report  func(stage string, percent int, message string)
	stages  []Stage
	current string
	percent int
	base    int // percent where the current stage began
	next    int // and where the next begins
	total   int // packages
	done    int
	tail    []string // the last lines, without times
}

// NewMonitor returns a Monitor for the stages, in the order in which they come.
func NewMonitor(stages []Stage, report func(stage string, percent int, message string)) *Monitor {
	return &Monitor{report: report, stages: stages, current: stages[0].Name, next: 1}
}

// Stage is the name of the stage under way.
func (m *Monitor) Stage() string { return m.current }

// Line takes one line of the output.
func (m *Monitor) Line(text string) {
	text = stamp.ReplaceAllString(strings.TrimRight(text, " \t"), "")
	if text == "" {
		return
	}
	if len(m.tail) == maxKept {
		m.tail = append(m.tail[:0], m.tail[1:]...)
	}
	m.tail = append(m.tail, text)
	for i, s := range m.stages {
		if strings.HasPrefix(text, s.Marker) {
			m.begin(i, text)
			return
		}
	}
	m.within(text)
}

func (m *Monitor) begin(i int, text string) {
	s := m.stages[i]
	if s.At < m.base {
		return // of an installer inside, or a line that only looks like one
	}
	m.current, m.base, m.next = s.Name, s.At, 100
	for _, later := range m.stages[i+1:] {
		if later.At > s.At {
			m.next = later.At
			break
		}
	}
	m.say(s.At, text)
}

// within counts what a stage does.
func (m *Monitor) within(text string) {
	if g := selected.FindStringSubmatch(text); g != nil {
		m.total, _ = strconv.Atoi(g[1])
		m.say(m.percent, text)
		return
	}
	if g := downloading.FindStringSubmatch(text); g != nil && m.current == "download" {
		m.fraction(number(g[1]), number(g[2]), text)
		return
	}
	if g := installing4.FindStringSubmatch(text); g != nil && m.current == "install" {
		m.fraction(number(g[1]), number(g[2]), text)
		return
	}
	if g := installingN.FindStringSubmatch(text); g != nil && m.current == "install" {
		m.fraction(number(g[1]), number(g[2]), text)
		return
	}
	if installing5.MatchString(text) && m.current == "install" {
		m.done++
		m.fraction(m.done, m.total, text)
		return
	}
	if rebuilding.MatchString(text) && m.current == "boot images" {
		m.say(m.percent, text)
	}
}

// number is bounded: lines come from outside.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n > 1_000_000 {
		return 0
	}
	return n
}

func (m *Monitor) fraction(done, total int, text string) {
	if total <= 0 {
		return
	}
	m.say(m.base+min(done, total)*(m.next-m.base)/total, text)
}

func (m *Monitor) say(percent int, message string) {
	m.percent = max(m.percent, min(percent, 100))
	m.report(m.current, m.percent, message)
}
