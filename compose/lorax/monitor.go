package lorax

import (
	"regexp"
	"strconv"
	"strings"
)

// stage is a part of lorax's work: what it says when it begins, and the percent
// of the whole that is done by then. The shares follow a run that downloads
// 800 packages; they only steer the bar.
type stage struct {
	name   string
	marker string // the line, or its beginning
	at     int
}

// stages are in the order of pylorax/__init__.py, Lorax.run.
func stages() []stage {
	return []stage{
		{"prepare", "checking for root privileges", 0},
		{"prepare", "setting up build parameters", 1},
		{"resolve", "installing runtime packages", 2},
		{"resolve", "running runtime-install.tmpl", 3},
		{"resolve", "Checking dependencies", 4},
		{"download", "Downloading packages", 6},
		{"install", "Preparing transaction from installation source", 30},
		{"configure", "Performing post-installation setup tasks", 54},
		{"configure", "writing .buildstamp file", 55},
		{"configure", "doing post-install configuration", 56},
		{"configure", "running runtime-postinstall.tmpl", 57},
		{"configure", "backing up installroot", 59},
		{"cleanup", "generating kernel module metadata", 61},
		{"cleanup", "cleaning unneeded files", 62},
		{"cleanup", "running runtime-cleanup.tmpl", 63},
		{"check", "verifying the installroot", 66},
		{"check", "Skipping verify", 66},
		{"runtime image", "creating the runtime image", 67},
		{"boot images", "preparing to build output tree and boot images", 82},
		{"boot images", "rebuilding initramfs images", 83},
		{"tree", "populating output tree and building boot images", 95},
		{"tree", "writing .treeinfo file", 99},
	}
}

var (
	// stamp is the time that the console's lines begin with.
	stamp       = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: `)
	selected    = regexp.MustCompile(`^(\d+) packages selected$`)
	downloading = regexp.MustCompile(`^Downloading (\d+) / (\d+) RPMs`)
	installing4 = regexp.MustCompile(`^\((\d+)/(\d+)\) (\S+)`)                          // dnf 4
	installing5 = regexp.MustCompile(`^(?:Install|Reinstall|Upgrade|Downgrade) (\S+)$`) // libdnf5
	rebuilding  = regexp.MustCompile(`^rebuilding boot/`)
)

const maxKept = 200 // lines kept for the reason of a failure

// monitor turns lorax's output into progress. Percent never falls, however the
// lines come.
type monitor struct {
	report  func(stage string, percent int, message string)
	stages  []stage
	current string
	percent int
	base    int // percent where the current stage began
	next    int // and where the next begins
	total   int // packages
	done    int
	tail    []string // the last lines, without times
}

func newMonitor(report func(stage string, percent int, message string)) *monitor {
	return &monitor{report: report, stages: stages(), current: "prepare", next: 1}
}

// line takes one line of the output.
func (m *monitor) line(text string) {
	text = stamp.ReplaceAllString(strings.TrimRight(text, " \t"), "")
	if text == "" {
		return
	}
	if len(m.tail) == maxKept {
		m.tail = append(m.tail[:0], m.tail[1:]...)
	}
	m.tail = append(m.tail, text)
	for i, s := range m.stages {
		if strings.HasPrefix(text, s.marker) {
			m.begin(i, text)
			return
		}
	}
	m.within(text)
}

func (m *monitor) begin(i int, text string) {
	s := m.stages[i]
	if s.at < m.base {
		return // of an installer inside, or a line that only looks like one
	}
	m.current, m.base, m.next = s.name, s.at, 100
	for _, later := range m.stages[i+1:] {
		if later.at > s.at {
			m.next = later.at
			break
		}
	}
	m.say(s.at, text)
}

// within counts what a stage does.
func (m *monitor) within(text string) {
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

func (m *monitor) fraction(done, total int, text string) {
	if total <= 0 {
		return
	}
	m.say(m.base+min(done, total)*(m.next-m.base)/total, text)
}

func (m *monitor) say(percent int, message string) {
	m.percent = max(m.percent, min(percent, 100))
	m.report(m.current, m.percent, message)
}
