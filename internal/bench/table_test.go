package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestMedianTakesEachFigureForItself(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		samples []sample
		want    cost
	}{
		{[]sample{{3, 10, 100}, {1, 30, 200}, {2, 20, 300}}, cost{2, 20, 200}},
		{[]sample{{8, 10, 100}, {2, 30, 200}, {4, 20, 400}, {100, 90, 300}}, cost{6, 25, 250}},
		{[]sample{{3, 10, 100}, {1, 30, 200}}, cost{2, 20, 150}},
		{[]sample{{7, 8, 9}}, cost{7, 8, 9}},
	} {
		if got := median(tc.samples); got != tc.want {
			t.Errorf("%v: %+v, want %+v", tc.samples, got, tc.want)
		}
	}
}

func TestTargetsAreJudged(t *testing.T) {
	t.Parallel()
	results := []outcome{
		{tool: "ours", cost: cost{Wall: time.Second, CPU: 2 * time.Second, RSS: 30 << 20}, size: 110},
		{tool: "theirs", cost: cost{Wall: 2 * time.Second, CPU: 2 * time.Second, RSS: 10 << 20}, size: 100},
	}
	c := contest{Title: "t", Targets: []target{{"theirs", "wall", 0.5}, {"theirs", "cpu", 0.8}, {"theirs", "rss", 1}, {"theirs", "size", 1.1}, {"nobody", "wall", 9}}}
	var out bytes.Buffer
	if err := c.print(&out, results); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| theirs | wall | 0.50 | 0.50 | reached |", "| theirs | cpu | 1.00 | 0.80 | **missed** |", "| theirs | rss | 3.00 | 1.00 | **missed** |",
		"| theirs | size | 1.10 | 1.10 | reached |", "| nobody | wall | 0.00 | 9.00 | **missed** |", "| ours | 1.000 s | 2.000 s | 31 MB | 0.00 MB |",
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("no line %q in\n%s", line, out.String())
		}
	}
}

func TestRunCountsWhatAProgramCosts(t *testing.T) {
	t.Parallel()
	s, err := run(t.Context(), []string{"sleep", "0.05"})
	if err != nil || s.Wall < 50*time.Millisecond || s.RSS <= 0 || s.CPU > s.Wall {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := run(t.Context(), []string{"sh", "-c", "echo trouble; exit 3"}); err == nil || !strings.Contains(err.Error(), "trouble") {
		t.Errorf("%v", err)
	}
	if _, err := run(t.Context(), []string{"/nonexistent"}); err == nil {
		t.Error("ran a program that is not there")
	}
}
