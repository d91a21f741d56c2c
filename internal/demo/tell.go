package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxWidth is where a line of output is cut: a Plan is one line of many kilobytes.
const maxWidth = 150

// teller prints the demo's story. Its methods may be called by many goroutines.
type teller struct {
	mu    sync.Mutex
	w     io.Writer
	color bool
}

func newTeller(w io.Writer, color bool) *teller { return &teller{w: w, color: color} }

// paint marks text on a terminal.
func (t *teller) paint(code, text string) string {
	if !t.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (t *teller) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Nobody is left to tell when standard output is gone.
	_, _ = fmt.Fprintf(t.w, format+"\n", args...)
}

// heading begins a step.
func (t *teller) heading(n int, title, why string) {
	t.line("\n%s\n   %s\n", t.paint("1;36", fmt.Sprintf("%2d. %s", n, title)), t.paint("3", why))
}

// note is a sentence between commands.
func (t *teller) note(format string, args ...any) {
	t.line("   %s", fmt.Sprintf(format, args...))
}

// command shows a command line as it can be pasted into a shell.
func (t *teller) command(argv ...string) {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = quote(a)
	}
	t.line("   %s", t.paint("1", "$ "+strings.Join(quoted, " ")))
}

// output shows what a command said, line by line.
func (t *teller) output(text string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		t.line("     %s", t.paint("2", clip(strings.TrimRight(line, "\r\n"), maxWidth)))
	}
}

// outputPart shows the first lines of a long text.
func (t *teller) outputPart(text string, lines int) {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(all) <= lines {
		t.output(text)
		return
	}
	t.output(strings.Join(all[:lines], "\n"))
	t.output(fmt.Sprintf("... (%d more lines)", len(all)-lines))
}

func (t *teller) good(format string, args ...any) {
	t.line("   %s %s", t.paint("32", "ok"), fmt.Sprintf(format, args...))
}

func (t *teller) bad(format string, args ...any) {
	t.line("   %s %s", t.paint("1;31", "NO"), fmt.Sprintf(format, args...))
}

// clip shortens s to n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// fold breaks a long line into at most n of width characters.
func fold(s string, width, n int) string {
	var b strings.Builder
	r := []rune(strings.TrimSpace(s))
	for ; len(r) > width && n > 1; n-- {
		b.WriteString(string(r[:width]) + "\n")
		r = r[width:]
	}
	b.WriteString(clip(string(r), width))
	return b.String()
}

// quote writes an argument as a shell reads it.
func quote(arg string) string {
	if arg == "&" || arg == ">" { // the shell's own
		return arg
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@,+%^", r)
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) < 0 {
		return arg
	}
	if strings.ContainsAny(arg, "\r\n") {
		return "$'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\r", `\r`, "\n", `\n`).Replace(arg) + "'"
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
