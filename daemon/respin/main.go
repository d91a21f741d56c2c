// Command respin builds Fedora images on demand: the daemon, its build nodes and
// the tools around them in one binary.
//
//	respin serve &
//	respin build remaster FEDORA-2026-1a2b3c4d5e --base-iso boot.iso --wait
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/fedora-respin/respin/daemon/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	build, _ := debug.ReadBuildInfo()
	os.Exit(cli.Main(ctx, cli.Env{
		Args: os.Args[1:], Environ: os.Environ(), Build: build,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}
