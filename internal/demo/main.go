// Command demo is `make demo`: it shows the main job of respin from end to end
// on one machine, with nothing of it pretended. A Koji hub, a Bodhi, a mail
// server and an FTP server run on loopback; the binary that `make build` made
// runs as daemon, as second build node and as command line; the image that comes
// out is downloaded and booted.
//
//	go run ./internal/demo -respin bin/respin -cache .cache/demo [-keep] [-work demo]
//
// Every step prints why it is there, the command lines that it runs, what they
// said, and what was checked. The exit code is 0 only if every check held. The
// work directory stays for a look; the next run replaces it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
)

// options are the flags.
type options struct {
	respin string // the binary
	cache  string // kernel and stand-in image, kept between runs
	work   string // everything else, fresh in each run
	keep   bool   // leave everything running at the end
}

func main() {
	var o options
	flag.StringVar(&o.respin, "respin", "bin/respin", "the binary to show")
	flag.StringVar(&o.cache, "cache", ".cache/demo", "`directory` that is kept between runs")
	flag.StringVar(&o.work, "work", "demo", "`directory` of this run; an earlier run's is replaced")
	flag.BoolVar(&o.keep, "keep", false, "leave everything running until Ctrl-C")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	out := newTeller(os.Stdout, term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "")
	err := run(ctx, o, out)
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1) //nolint:forbidigo // main exits
	}
}

// run shows everything and ends what it started.
func run(ctx context.Context, o options, out *teller) (err error) {
	d, err := newDemo(o, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	start := time.Now()
	shown, err := d.show(ctx, script(d))
	d.summary(ctx, shown, time.Since(start))
	if o.keep && ctx.Err() == nil {
		d.leaveRunning(ctx)
	}
	return err
}

// script is the demo in its order.
func script(d *demo) []step {
	return []step{
		{"A base image", "Remastering starts from a boot.iso; this stand-in has Fedora's layout and boot loaders, and no installer inside.", 10 * time.Minute, d.baseImage},
		{"A small Fedora", "A Koji hub and a Bodhi as real servers with real RPMs, so that nothing leaves this machine; mail and FTP too.", time.Minute, d.smallFedora},
		{"respin serve", "One process: REST and pages, the queue, the records, and a build node.", 2 * time.Minute, d.serve},
		{"From an update to an image", "The main job: an update and a scratch build travel into a side repo, onto a bootable image, to a URL.", 10 * time.Minute, d.mainJob},
		{"The same over REST and the web form", "Scripts and people ask the same server; the same Plan is not built twice unless asked for.", 10 * time.Minute, d.restAndForm},
		{"A second build node", "Another process with credentials of its own takes its share, and puts results on an FTP server too.", 10 * time.Minute, d.secondNode},
		{"When something is wrong", "A refused request says why at once; a compose that fails says why by mail, with the log.", 10 * time.Minute, d.goesWrong},
		{"kill -9", "The daemon dies in the middle of a compose. After its restart the compose is finished, and published once.", 10 * time.Minute, d.killed},
		{"Download and boot", "The proof: the image from its URL boots as CD and as disk, and holds the very packages of the Plan.", 20 * time.Minute, d.downloadAndBoot},
		{"What is left to know", "How long each stage took, how large the binary is, and what this machine can build.", 2 * time.Minute, d.lastFacts},
	}
}
