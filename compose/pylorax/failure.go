package pylorax

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// maxTail is how much of the end of a log is looked at, in bytes.
const maxTail = 1 << 20

// Message takes the time, level and logger off a line of a log.
func Message(line string) (level, message string, ok bool) {
	m := logLine.FindStringSubmatch(line)
	if m == nil {
		return "", line, false
	}
	return m[1], m[2], true
}

var (
	// logLine is one line of lorax.log: time, level, logger, message.
	logLine  = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ([A-Z]+) [A-Za-z0-9_.-]+: (.*)$`)
	usage    = regexp.MustCompile(`^[a-z-]+: error: (.*)$`)
	raised   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*(Error|Exception|Interrupt|Exit)\b(: ?(.*))?$`)
	problem  = regexp.MustCompile(`^ *Problem( \d+)?: `)
	indented = regexp.MustCompile(`^ +- `)
)

// Failure says why a tool failed, in its own words: a *compose.ToolError. A
// cancellation stays what it is, and a tool that could not be started.
func Failure(ctx context.Context, tool, logfile string, watch *Monitor, err error) error {
	failed, ok := errors.AsType[*proc.Error](err)
	if !ok || ctx.Err() != nil {
		return err
	}
	lines := reason(watch.tail, logTail(logfile))
	if len(lines) == 0 {
		return err
	}
	return &compose.ToolError{Tool: tool, Stage: watch.current, Lines: lines, Err: failed}
}

// reason picks the lines that say why, the most telling first: what the solver
// could not do; what is wrong with the command line; the last errors of the log;
// the exception that ended it.
func reason(console, log []string) []string {
	if lines := block(console); lines != nil {
		return lines
	}
	for _, line := range slices.Backward(console) {
		if m := usage.FindStringSubmatch(line); m != nil {
			return []string{m[1]}
		}
	}
	lines := lastErrors(log)
	for _, line := range slices.Backward(console) {
		if m := raised.FindStringSubmatch(line); m != nil {
			if len(lines) == 0 || !strings.Contains(strings.Join(lines, "\n"), strings.TrimSpace(m[3])) {
				lines = append(lines, line)
			}
			break
		}
		if strings.HasPrefix(line, "error: ") {
			lines = append(lines, line)
			break
		}
	}
	return lines
}

// block is the last "Problem:" of a dependency solver with what belongs to it.
func block(console []string) []string {
	for i, line := range slices.Backward(console) {
		if !problem.MatchString(line) {
			continue
		}
		lines := []string{strings.TrimSpace(line)}
		for _, more := range console[i+1:] {
			if !indented.MatchString(more) || len(lines) > 20 {
				break
			}
			lines = append(lines, strings.TrimSpace(more))
		}
		return lines
	}
	return nil
}

// lastErrors is the last run of lines at level ERROR or CRITICAL.
func lastErrors(log []string) []string {
	var lines []string
	for _, line := range slices.Backward(log) {
		m := logLine.FindStringSubmatch(line)
		bad := m != nil && (m[1] == "ERROR" || m[1] == "CRITICAL")
		switch {
		case bad:
			lines = append(lines, strings.TrimSpace(m[2]))
		case len(lines) > 0 && m != nil, len(lines) > 50:
			slices.Reverse(lines)
			return lines
		}
	}
	slices.Reverse(lines)
	return lines
}

// logTail reads the last lines of a log; none when there is no log.
func logTail(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return nil
	}
	buf := make([]byte, min(st.Size(), maxTail))
	n, _ := f.ReadAt(buf, st.Size()-int64(len(buf)))
	return strings.Split(strings.TrimRight(strings.ToValidUTF8(string(buf[:n]), "\uFFFD"), "\n"), "\n")
}
