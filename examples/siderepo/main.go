// Command siderepo makes a package repository out of a Bodhi update, without a
// daemon: what compose does for kind repo, in one process.
//
//	go run ./examples/siderepo -out side FEDORA-2026-1a2b3c4d5e
//
// Any source works in place of the update: a build (name-version-release),
// task:ID, tag:NAME or rpm:URL. The defaults are the real Fedora. Afterwards:
//
//	sudo dnf --repofrompath=side,side/out/repo --repo=side --nogpgcheck list --available
//
// The exit code is 0 when every RPM of the update was fetched, verified and
// indexed.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/koji"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "siderepo:", err)
		os.Exit(1)
	}
}

// run is main with everything that it needs as arguments.
func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	flags := flag.NewFlagSet("siderepo", flag.ContinueOnError)
	hubURL := flags.String("koji", koji.DefaultHubURL, "`URL` of the Koji hub")
	topURL := flags.String("topurl", koji.DefaultTopURL, "`URL` of the hub's files")
	bodhiURL := flags.String("bodhi", bodhi.DefaultURL, "`URL` of Bodhi")
	release := flags.String("release", "", "Fedora release; default: that of the sources")
	arch := flags.String("arch", "x86_64", "architecture")
	out := flags.String("out", "side", "`directory` to make; the repository is out/repo below it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	hub, err := koji.New(*hubURL, koji.Options{TopURL: *topURL})
	if err != nil {
		return err
	}
	updates, err := bodhi.New(*bodhiURL, bodhi.Options{})
	if err != nil {
		return err
	}
	// Private addresses are refused unless somebody vouches for them; whoever
	// typed these URLs does.
	network := compose.Network{
		CacheDir:   filepath.Join(*out, "cache"),
		TrustHosts: hosts(*hubURL, *topURL),
	}
	resolver, err := compose.NewResolver(hub, updates, network, compose.ResolverOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resolver.Close()) }()
	builder, err := compose.NewBuilder(network, compose.BuilderOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, builder.Close()) }()

	plan, err := resolver.Resolve(ctx, compose.Request{
		Kind: compose.KindRepo, Release: *release, Arch: *arch, Sources: flags.Args(),
	})
	if err != nil {
		return err // a *compose.RefusedError: every reason with its remedy
	}
	var said strings.Builder
	for _, s := range plan.Sources {
		fmt.Fprintf(&said, "%s: %s, %d RPMs\n", s.Source, cmp.Or(s.Title, s.Type), s.RPMs)
	}
	result, err := builder.Build(ctx, plan, compose.Work{ID: "siderepo", Dir: *out})
	if err != nil {
		return err // a *compose.FailedError: stage, code, sentence
	}
	for _, p := range result.Packages {
		fmt.Fprintf(&said, "%s.%s %s: %s\n", p.Name, p.Arch, p.Shipped, p.Verdict)
	}
	fmt.Fprintf(&said, "repository: %s, %d packages\n", filepath.Join(*out, compose.OutDir, result.SideRepo.Path), result.SideRepo.Packages)
	_, err = io.WriteString(stdout, said.String())
	return err
}

// hosts returns host:port of each URL.
func hosts(urls ...string) []string {
	var list []string
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			list = append(list, u.Host)
		}
	}
	return list
}
