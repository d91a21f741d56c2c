package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/fedora-respin/respin/compose"
)

// transferFloor is the size in bytes from which on a bar is worth its line.
const transferFloor = 8 << 20

// bar is a progress bar on a terminal, and nothing elsewhere. A nil bar works.
type bar struct{ b *progressbar.ProgressBar }

// transfer is a bar for bytes.
func (a *app) transfer(what string, total int64) *bar {
	if !a.errTTY || a.global.Quiet || total < transferFloor {
		return nil
	}
	return &bar{progressbar.NewOptions64(total, a.barOptions(what, progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true))...)}
}

// counter is a bar for things.
func (a *app) counter(what string) *bar {
	if !a.errTTY || a.global.Quiet {
		return nil
	}
	return &bar{progressbar.NewOptions64(1, a.barOptions(what, progressbar.OptionShowCount())...)}
}

func (a *app) barOptions(what string, more ...progressbar.Option) []progressbar.Option {
	return append([]progressbar.Option{
		progressbar.OptionSetWriter(a.env.Stderr), progressbar.OptionSetDescription(clip(what, a.width/2)),
		progressbar.OptionSetWidth(24), progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetRenderBlankState(true),
	}, more...)
}

func (b *bar) set(done, total int64) {
	if b == nil {
		return
	}
	if total > 0 && total != b.b.GetMax64() {
		b.b.ChangeMax64(total)
	}
	_ = b.b.Set64(min(done, b.b.GetMax64())) // a bar that cannot be drawn stops nothing
}

func (b *bar) reader(r io.Reader) io.Reader {
	if b == nil {
		return r
	}
	return &counted{r: r, bar: b}
}

func (b *bar) close() {
	if b != nil {
		_ = b.b.Finish()
		_ = b.b.Clear()
	}
}

type counted struct {
	r    io.Reader
	bar  *bar
	done int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	c.bar.set(c.done, 0)
	return n, err //nolint:wrapcheck // a Reader passes errors on as they are
}

// stages shows where a compose stands: a bar on a terminal, a line for each
// change of stage in a pipe.
type stages struct {
	app  *app
	bar  *progressbar.ProgressBar
	last string
}

func (a *app) stages() *stages {
	s := &stages{app: a}
	if a.errTTY && !a.global.Quiet {
		s.bar = progressbar.NewOptions(100, a.barOptions("", progressbar.OptionSetElapsedTime(true), progressbar.OptionSetPredictTime(false), progressbar.OptionThrottle(0), progressbar.OptionShowDescriptionAtLineEnd())...)
	}
	return s
}

// show is told every change. what is the state while there is no stage.
func (s *stages) show(state compose.State, stage compose.Stage, percent int, message string) {
	what := string(stage)
	if what == "" || state == compose.StateQueued || state == compose.StateResolving {
		what = string(state)
	}
	if s.bar != nil {
		_ = s.bar.Set(min(max(percent, 0), 99)) // the library ends its line at 100
		s.bar.Describe(clip(fmt.Sprintf("%-9s  %s", what, clean(message)), max(s.app.width-44, 20)))
		return
	}
	if what == s.last {
		return
	}
	s.last = what
	if message != "" {
		message = ": " + message
	}
	s.app.remark("%3d%% %s%s\n", percent, what, clean(message))
}

func (s *stages) close() {
	if s.bar != nil {
		_ = s.bar.Clear()
	}
}

// clip shortens s to n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	if n < 4 {
		return string(r[:max(n, 0)])
	}
	return string(r[:n-3]) + "..."
}
