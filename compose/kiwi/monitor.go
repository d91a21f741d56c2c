package kiwi

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// stage is a part of kiwi's work: what it says when it begins, and the percent of
// the whole that is done by then.
type stage struct {
	name   string
	marker string // the message, or its beginning
	at     int
}

// stages are in the order of tasks/system_build.py, system/prepare.py and the
// builders; the shares steer the bar only.
func stages() []stage {
	return []stage{
		{"prepare", "Loading XML description", 0},
		{"prepare", "Preparing new root system", 1},
		{"repositories", "Setting up repository", 2},
		{"bootstrap", "Installing bootstrap packages", 3},
		{"install", "Installing system (chroot)", 12},
		{"packages", "Installing system packages (chroot)", 52},
		{"packages", "Uninstall system packages (chroot)", 57},
		{"configure", "Setting up image repository", 58},
		{"configure", "Calling config.sh script", 59},
		{"image", "Creating system image", 63},
		{"boot images", "Creating live ISO boot image(s)", 65},
		{"boot images", "Preparing boot system", 65},
		{"boot images", "Creating generic dracut initrd archive", 66},
		{"image", "Creating raw disk image", 66},
		{"image", "Creating XZ compressed tar archive", 66},
		{"image", "--> Creating container image", 66},
		{"image", "Packing system into dracut live ISO type", 74},
		{"image", "Syncing system to image", 74},
		{"ISO", "Creating live ISO image", 92},
		{"image", "Creating qcow2 Disk Format", 92},
		{"lists", "Export rpm packages metadata", 97},
		{"done", "Result files:", 99},
	}
}

var (
	// line is how kiwi's console and log begin (logger.py).
	line = regexp.MustCompile(`^\[ ([A-Z]+) *\]: (\d\d:\d\d:\d\d \| )?(.*)$`)
	// processing is the bar of command_process.py, once for each package.
	processing = regexp.MustCompile(`^Processing: \[[# ]*\] (\d{1,3})%$`)
)

// maxKept is how many lines are kept for the reason of a failure.
const maxKept = 200

// monitor turns output into progress. Percent never falls, however the lines come.
type monitor struct {
	report  func(stage string, percent int, message string)
	current string
	percent int
	base    int // percent where the current stage began
	next    int // and where the next begins
	tail    []string
}

func newMonitor(report func(string, int, string)) *monitor {
	return &monitor{report: report, current: "prepare", next: 1}
}

// line takes one line of the output.
func (m *monitor) line(text string) {
	text = strings.TrimRight(text, " \t\r")
	if text == "" {
		return
	}
	g := line.FindStringSubmatch(text)
	if g != nil {
		if bar := processing.FindStringSubmatch(g[3]); bar != nil {
			m.bar(bar[1])
			return
		}
	}
	if len(m.tail) == maxKept {
		m.tail = append(m.tail[:0], m.tail[1:]...)
	}
	m.tail = append(m.tail, text)
	if g == nil || g[1] != "INFO" {
		return
	}
	for i, s := range stages() {
		if strings.HasPrefix(g[3], s.marker) && s.at >= m.base {
			m.begin(i, g[3])
			return
		}
	}
}

func (m *monitor) begin(i int, text string) {
	list := stages()
	m.current, m.base, m.next = list[i].name, list[i].at, 100
	for _, later := range list[i+1:] {
		if later.at > m.base {
			m.next = later.at
			break
		}
	}
	m.say(m.base, text)
}

// bar counts the packages of a transaction.
func (m *monitor) bar(percent string) {
	n, err := strconv.Atoi(percent)
	if err != nil {
		return
	}
	m.say(m.base+min(n, 100)*(m.next-m.base)/100, percent+" % of the packages are installed")
}

func (m *monitor) say(percent int, message string) {
	m.percent = max(m.percent, min(percent, 100))
	m.report(m.current, m.percent, message)
}

// reason picks the lines that say why kiwi ended: its last error with what
// belongs to it, or what it says of a wrong command line.
func reason(tail []string) []string {
	for i, text := range slices.Backward(tail) {
		g := line.FindStringSubmatch(text)
		if g == nil || g[1] != "ERROR" {
			continue
		}
		lines := []string{strings.TrimSpace(g[3])}
		for _, more := range tail[i+1:] {
			if line.MatchString(more) || len(lines) > 50 {
				break
			}
			if more = strings.TrimSpace(more); more != "" && more != ":" && !strings.HasPrefix(more, ", stdout: (no output") {
				lines = append(lines, more)
			}
		}
		return telling(lines)
	}
	for _, text := range tail {
		if found, ok := strings.CutPrefix(text, "Warning: found unmatched"); ok { // docopt, of kiwi 10
			return []string{"found unmatched" + found}
		}
		if inner := strings.Trim(text, "│ "); strings.HasPrefix(text, "│") && inner != "" { // typer, of kiwi 11
			return []string{inner}
		}
	}
	return nil
}

// telling puts the words of the package manager before those of kiwi, which only
// says that it failed.
func telling(lines []string) []string {
	for i, text := range lines {
		if i > 0 && (strings.HasPrefix(text, "Problem") || strings.HasPrefix(text, "Error: ") || strings.HasPrefix(text, "Failed to ") || strings.HasPrefix(text, "No match for argument")) {
			return append(append([]string{}, lines[i:]...), lines[0])
		}
	}
	return lines
}
