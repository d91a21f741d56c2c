package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/client"
)

// app is one run of the program: what the verbs need of its surroundings.
type app struct {
	env    Env
	global *Globals
	model  *kong.Application
	node   *kong.Node // the verb that runs

	out      *sticky // standard output
	outTTY   bool
	errTTY   bool
	outColor bool
	errColor bool
	width    int // columns of the terminal behind stderr

	kickstart string // the file that the request's kickstart was read from
}

func newApp(env Env, g *Globals) *app {
	a := &app{env: env, global: g, out: &sticky{w: env.Stdout}, width: 80}
	a.outTTY, _ = terminal(env.Stdout)
	var width int
	if a.errTTY, width = terminal(env.Stderr); width > 20 {
		a.width = width
	}
	plain := a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb"
	a.outColor, a.errColor = a.outTTY && !plain, a.errTTY && !plain
	return a
}

// prepare fills in what the environment says of the flags that were not given.
func (a *app) prepare() {
	if a.global.Server == "" {
		a.global.Server = a.getenv("RESPIN_SERVER")
	}
	if a.global.Server == "" {
		a.global.Server = client.DefaultURL
	}
	if a.global.Token == "" {
		a.global.Token = a.getenv("RESPIN_TOKEN")
	}
}

// terminal tells whether w is one, and its columns.
func terminal(w io.Writer) (is bool, width int) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, 0
	}
	width, _, _ = term.GetSize(int(f.Fd()))
	return true, width
}

func (a *app) getenv(name string) string {
	value := ""
	for _, kv := range a.env.Environ {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}

// client calls the server of the flags.
func (a *app) client() (*client.Client, error) {
	c, err := client.New(a.global.Server, client.Options{Token: a.global.Token, UserAgent: "respin/" + a.version().Version})
	if err != nil {
		return nil, usagef("--server: %v", err)
	}
	return c, nil
}

// sticky remembers the first error of a writer, so that printing needs no check
// on every line.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.err = err
	return n, err //nolint:wrapcheck // a Writer passes errors on as they are
}

// printf writes to standard output.
func (a *app) printf(format string, args ...any) { _, _ = fmt.Fprintf(a.out, format, args...) }

// say writes to standard error.
func (a *app) say(format string, args ...any) { _, _ = fmt.Fprintf(a.env.Stderr, format, args...) }

// remark writes to standard error unless --quiet.
func (a *app) remark(format string, args ...any) {
	if !a.global.Quiet {
		a.say(format, args...)
	}
}

// printJSON writes v to standard output.
func (a *app) printJSON(v any) { a.encode(v, "  ") }

// printLine writes v to standard output as one line, for streams.
func (a *app) printLine(v any) { a.encode(v, "") }

func (a *app) encode(v any, indent string) {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil && a.out.err == nil {
		a.out.err = fmt.Errorf("encode result: %w", err)
	}
}

// clean makes text of others safe for a terminal: nothing in it moves the cursor.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) {
			return r
		}
		return '?'
	}, s)
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// Colors, by what they mean.
const (
	colorGood = "32"
	colorBad  = "31"
	colorWarn = "33"
	colorBold = "1"
)

func paint(on bool, color, text string) string {
	if !on || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func stateColor(s compose.State) string {
	switch s {
	case compose.StateSucceeded:
		return colorGood
	case compose.StateFailed:
		return colorBad
	default:
		return colorWarn
	}
}

// state is a state for standard error.
func (a *app) state(s compose.State) string { return paint(a.errColor, stateColor(s), string(s)) }

// when is a time as tables show it.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05") + "Z"
}

func whenOptional(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return when(*t)
}

// bytesText is a size for people.
func bytesText(n int64) string {
	const units = "KMGTP"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, i := float64(n)/1024, 0
	for value >= 1024 && i < len(units)-1 {
		value, i = value/1024, i+1
	}
	return fmt.Sprintf("%.1f %ciB", value, units[i])
}
