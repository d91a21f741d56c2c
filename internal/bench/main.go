// Command bench is `make bench-repo`, `make bench-fetch` and `make bench-remaster`: it
// makes a corpus of packages, lets respin and its peers work on it in turn on this machine, and
// prints what each of them cost as tables for docs/performance.md.
//
//	go run ./internal/bench corpus                       # only the corpus, into .cache/bench
//	go run ./internal/bench write -runs 7                # writing repodata
//	go run ./internal/bench write -only zstd -runs 3
//	go run ./internal/bench read                         # reading it, and closure
//	go run ./internal/bench fetch -packages 500 -mb 2000 -even
//	go run ./internal/bench remaster -mb 2400            # an image of 2.5 GB
//
// The corpus is made from a seed and is the same everywhere. Ratios count, not
// seconds: the tools take turns, so that what else the machine does meets all of
// them, and the median of the runs is shown. Memory is what the kernel says of
// the ended process. The exit code tells of errors, not of missed targets.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// options are the flags.
type options struct {
	corpus corpus
	cache  string
	runs   int
	only   string
	paths  paths
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // main exits
	}
}

func bench(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New("say what to do: corpus, write, read, fetch or remaster")
	}
	if args[0] == "child" { // one measured run
		return child(ctx, args[1:])
	}
	o, megabytes := options{}, int64(0)
	flags := flag.NewFlagSet("bench "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Uint64Var(&o.corpus.Seed, "seed", 44, "what the corpus is drawn from")
	flags.IntVar(&o.corpus.Packages, "packages", 2000, "packages in the corpus")
	flags.Int64Var(&megabytes, "mb", 1600, "their payload in MiB")
	flags.BoolVar(&o.corpus.Even, "even", false, "packages of one size")
	flags.StringVar(&o.cache, "cache", ".cache/bench", "`directory` that keeps the corpus")
	flags.IntVar(&o.runs, "runs", 7, "runs of each tool; the median counts")
	flags.StringVar(&o.only, "only", "", "only the contests with this `word` in their title")
	flags.StringVar(&o.paths.Respin, "respin", "bin/respin", "our binary")
	flags.StringVar(&o.paths.Debian, "createrepo", "/usr/bin/createrepo_c", "the distribution's createrepo_c")
	flags.StringVar(&o.paths.PyPI, "createrepo-pypi", ".cache/createrepo/createrepo_c", "PyPI's createrepo_c")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	o.corpus.Bytes = megabytes << 20
	if args[0] == "read" {
		return o.read(ctx, stdout, stderr)
	}
	if args[0] == "remaster" {
		return o.remaster(ctx, stdout, stderr)
	}
	dir, err := o.corpus.ensure(ctx, o.cache)
	if err != nil {
		return err
	}
	switch args[0] {
	case "corpus":
		_, err = fmt.Fprintln(stdout, dir)
		return err
	case "write":
		return o.write(ctx, dir, stdout, stderr)
	case "fetch":
		return o.fetch(ctx, dir, stdout, stderr)
	}
	return fmt.Errorf("there is nothing called %q; corpus, write, read, fetch and remaster are known", args[0])
}

// write compares the writers of repodata.
func (o options) write(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	least, err := floor(ctx)
	if err != nil {
		return err
	}
	if err := warm(ctx, dir); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "%d packages, %d MiB of payload, seed %d; median of %d runs, tools in turn; memory below %.0f MB is not told apart.\n\n",
		o.corpus.Packages, o.corpus.Bytes>>20, o.corpus.Seed, o.runs, float64(least)/1e6); err != nil {
		return err
	}
	work := filepath.Join(o.cache, "work")
	defer os.RemoveAll(work) //nolint:errcheck // made anew each time
	for _, c := range o.paths.contests() {
		if !strings.Contains(c.Title, o.only) {
			continue
		}
		if _, err := fmt.Fprintln(stderr, "bench:", c.Title); err != nil {
			return err
		}
		results, err := c.hold(ctx, dir, work, o.runs)
		if err != nil {
			return err
		}
		if err := c.print(stdout, results); err != nil {
			return err
		}
	}
	return nil
}
