package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// step is one part of the demo.
type step struct {
	title, why string
	limit      time.Duration // generous: it is there so that the demo ends on any machine
	run        func(context.Context, *scene) error
}

// shown is how a step went.
type shown struct {
	step
	took  time.Duration
	facts []string
	err   error
}

// show runs the steps until one does not hold; later ones would stand on it.
func (d *demo) show(ctx context.Context, steps []step) ([]shown, error) {
	var list []shown
	for i, s := range steps {
		if ctx.Err() != nil {
			return list, ctx.Err()
		}
		d.out.heading(i+1, s.title, s.why)
		sc := &scene{demo: d}
		start := time.Now()
		limited, cancel := context.WithTimeout(ctx, s.limit)
		err := s.run(limited, sc)
		if err == nil {
			err = sc.broken()
		}
		if err != nil && limited.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("not done within %v: %w", s.limit, err)
		}
		cancel()
		list = append(list, shown{s, time.Since(start), sc.facts, err})
		if ctx.Err() != nil {
			return list, ctx.Err()
		}
		if err != nil {
			d.out.line("")
			d.out.bad("step %d, %s: %v", i+1, s.title, err)
			return list, fmt.Errorf("step %d, %s, did not hold", i+1, s.title)
		}
		d.out.note("%s", d.out.paint("2", fmt.Sprintf("(%.1f s)", time.Since(start).Seconds())))
	}
	return list, nil
}

// scene is one step under way: what was checked in it, and what is worth a
// place in the summary.
type scene struct {
	*demo
	facts []string
	wrong []string
}

// fact adds to the step's line of the summary.
func (s *scene) fact(format string, args ...any) {
	s.facts = append(s.facts, fmt.Sprintf(format, args...))
}

// holds checks a condition; what is a sentence that is true when it holds.
func (s *scene) holds(ok bool, what string, args ...any) bool {
	what = fmt.Sprintf(what, args...)
	if ok {
		s.out.good("%s", what)
		return true
	}
	s.out.bad("%s", what)
	s.wrong = append(s.wrong, "this does not hold: "+what)
	return false
}

// same checks that got is what was wanted.
func (s *scene) same(what string, want, got any) bool {
	if want == got {
		s.out.good("%s: %s", what, clip(fmt.Sprint(got), maxWidth))
		return true
	}
	s.out.bad("%s: expected %v, saw %v", what, want, got)
	s.wrong = append(s.wrong, fmt.Sprintf("%s: expected %v, saw %v", what, want, got))
	return false
}

// contains checks that text has a part in it.
func (s *scene) contains(what, text, part string) {
	if strings.Contains(text, part) {
		s.out.good("%s has %s", what, clip(strconv.Quote(part), maxWidth))
		return
	}
	s.out.bad("%s lacks %q", what, part)
	s.wrong = append(s.wrong, fmt.Sprintf("%s: expected %q in it, saw:\n%s", what, part, text))
}

// broken is the error of the checks that did not hold.
func (s *scene) broken() error {
	if len(s.wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%d of the checks did not hold:\n  - %s", len(s.wrong), strings.Join(s.wrong, "\n  - "))
}

// until asks again and again until done says so or ctx ends; what it waits for
// is named in the error. Each of alive may give a reason to stop waiting.
func until(ctx context.Context, what string, done func() (bool, error), alive ...func() error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, a := range alive {
			if err := a(); err != nil {
				return fmt.Errorf("wait for %s: %w", what, err)
			}
		}
		ok, err := done()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}
