package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// lastFacts are numbers about what was shown.
func (d *demo) lastFacts(ctx context.Context, s *scene) error {
	c, err := d.client.Get(ctx, d.main.ID)
	if err != nil {
		return err
	}
	s.out.note("Stages of compose %s:", c.ID)
	var total float64
	for _, t := range c.Timings {
		s.out.output(fmt.Sprintf("%-10s %6.2f s", t.Stage, t.Seconds))
		total += t.Seconds
	}
	s.holds(len(c.Timings) > 0, "the record has the time of each stage")
	s.fact("built in %.1f s", total)
	st, err := os.Stat(d.opts.respin)
	if err != nil {
		return fmt.Errorf("look at the binary: %w", err)
	}
	s.out.note("One static binary, %s: %.1f MiB", d.opts.respin, float64(st.Size())/(1<<20))
	s.fact("binary %.1f MiB", float64(st.Size())/(1<<20))
	if _, err := s.mustRespin(ctx, "version"); err != nil {
		return err
	}
	r, err := s.quietly(ctx, "doctor", "--config", short(d.path("serve.yaml")))
	if err != nil {
		return err
	}
	s.out.outputPart(r.all, 40)
	s.contains("what doctor says", r.all, "remaster")
	return nil
}

// summary is the table at the end.
func (d *demo) summary(ctx context.Context, list []shown, took time.Duration) {
	width := 0
	for _, s := range list {
		width = max(width, utf8.RuneCountInString(s.title))
	}
	d.out.line("\n%s", d.out.paint("1", fmt.Sprintf("    %-*s  %-6s %7s  %s", width, "step", "result", "seconds", "facts")))
	failed := false
	for i, s := range list {
		result := d.out.paint("32", "ok    ")
		switch {
		case s.err != nil && ctx.Err() != nil:
			result = "cut   "
		case s.err != nil:
			failed, result = true, d.out.paint("1;31", "FAILED")
		}
		first, more := "", s.facts
		if len(more) > 0 {
			first, more = more[0], more[1:]
		}
		d.out.line("%2d. %-*s  %s %7.1f  %s", i+1, width, s.title, result, s.took.Seconds(), first)
		for _, fact := range more {
			d.out.line("    %-*s  %-6s %7s  %s", width, "", "", "", fact)
		}
	}
	d.out.line("    %-*s  %-6s %7.1f", width, "all", "", took.Seconds())
	switch {
	case failed:
		d.out.line("\nNot everything held. What was expected and what was seen stands above; the logs are in %s:", short(d.dir))
		for _, c := range d.children {
			d.out.line("  %s", short(c.log))
		}
	case ctx.Err() != nil:
		d.out.line("\nInterrupted. What there is so far is in %s.", short(d.dir))
	default:
		d.out.line("\n%s Everything of this run is in %s until the next one.", d.out.paint("1;32", "Every step held."), short(d.dir))
	}
}

// leaveRunning waits for Ctrl-C.
func (d *demo) leaveRunning(ctx context.Context) {
	lines := [][2]string{}
	if d.url != "" {
		lines = append(lines, [2]string{"respin", d.url + "/composes"})
	}
	if d.fedora != nil {
		lines = append(lines, [2]string{"Koji hub", d.fedora.HubURL}, [2]string{"Bodhi", d.fedora.BodhiURL})
	}
	if d.mail != nil {
		lines = append(lines, [2]string{"mail", "smtp://" + d.mail.Addr()})
	}
	if d.ftp != nil {
		lines = append(lines, [2]string{"FTP", "ftp://" + d.ftp.addr + " (user " + ftpUser + ", password '" + ftpPassword + "')"})
	}
	d.out.line("\nEverything is left running until Ctrl-C:")
	for _, l := range lines {
		d.out.line("  %-10s %s", l[0], l[1])
	}
	if d.url != "" && !strings.HasSuffix(d.url, ":8080") {
		d.out.line("  export RESPIN_SERVER=%s", d.url)
	}
	<-ctx.Done()
}
