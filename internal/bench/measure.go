package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is what one run of a program cost.
type sample struct {
	Wall, CPU time.Duration
	RSS       int64 // peak, in bytes
}

// cost is what a program costs: the median of its samples.
type cost = sample

// run starts argv, waits for it and asks the kernel what it has cost. The
// kernel counts the memory of the process that called exec in the child's peak,
// so a figure below floor says nothing.
func run(ctx context.Context, argv []string) (sample, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return sample{}, fmt.Errorf("run %s: %w\n%s", strings.Join(argv, " "), err, out.Bytes())
	}
	s := sample{Wall: wall, CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.RSS = u.Maxrss << 10 // Linux counts in KiB
	}
	return s, nil
}

// floor is the peak memory of a program that needs none.
func floor(ctx context.Context) (int64, error) {
	s, err := run(ctx, []string{"true"})
	return s.RSS, err
}

// median takes each figure for itself: on a busy machine the run with the
// median wall time need not be the one with the median CPU time. Of an even
// number of runs it is the mean of the two in the middle.
func median(samples []sample) cost {
	of := func(get func(sample) int64) int64 {
		v := make([]int64, len(samples))
		for i, s := range samples {
			v[i] = get(s)
		}
		slices.Sort(v)
		return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
	}
	return cost{
		Wall: time.Duration(of(func(s sample) int64 { return int64(s.Wall) })),
		CPU:  time.Duration(of(func(s sample) int64 { return int64(s.CPU) })),
		RSS:  of(func(s sample) int64 { return s.RSS }),
	}
}
