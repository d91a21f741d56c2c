package main

import (
	"cmp"
	"fmt"
	"io"
	"time"
)

// judge compares ours, the first outcome, with a target.
func (t target) judge(results []outcome) (ratio float64, ok bool) {
	ours := results[0]
	for _, r := range results[1:] {
		if r.tool != t.Against {
			continue
		}
		switch t.Figure {
		case "wall":
			ratio = float64(ours.cost.Wall) / float64(r.cost.Wall)
		case "cpu":
			ratio = float64(ours.cost.CPU) / float64(r.cost.CPU)
		case "rss":
			ratio = float64(ours.cost.RSS) / float64(r.cost.RSS)
		case "size":
			ratio = float64(ours.size) / float64(r.size)
		}
	}
	return ratio, ratio > 0 && ratio <= t.Most
}

// print writes a contest as two Markdown tables: what each tool cost, and what
// came of the targets.
func (c contest) print(w io.Writer, results []outcome) error {
	p := &printer{w: w}
	p.line("### %s\n", c.Title)
	p.line("| tool | wall | user+sys | peak memory | %s |", cmp.Or(c.Column, "metadata"))
	p.line("|---|---:|---:|---:|---:|")
	for _, r := range results {
		p.line("| %s | %s | %s | %.0f MB | %.2f MB |", r.tool, seconds(r.cost.Wall), seconds(r.cost.CPU), float64(r.cost.RSS)/1e6, float64(r.size)/1e6)
	}
	p.line("")
	if len(c.Targets) == 0 {
		return p.err
	}
	p.line("| respin against | figure | ratio | target | |")
	p.line("|---|---|---:|---:|---|")
	for _, t := range c.Targets {
		ratio, ok := t.judge(results)
		verdict := "reached"
		if !ok {
			verdict = "**missed**"
		}
		p.line("| %s | %s | %.2f | %.2f | %s |", t.Against, t.Figure, ratio, t.Most, verdict)
	}
	p.line("")
	return p.err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// printer keeps the first error of a writer.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
