// Command harness is a gate for a test pipeline: it composes a side repo and
// fails unless the package report says what the test expects. Its test file
// shows the same from within `go test`, which is how a harness in Go would use
// the package compose.
//
//	go run ./examples/harness -expect anaconda=44.12-1.fc44 -expect 'anaconda-core>=44.12' FEDORA-2026-1a2b3c4d5e
//	go test ./examples/harness
//
// Each -expect is a package name, optionally with =, <, <=, > or >= and
// [epoch:]version[-release]. The output is in the Test Anything Protocol; the
// exit code is 0 only if every line is "ok". The defaults are the real Fedora.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
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
		fmt.Fprintln(os.Stderr, "harness:", err)
		os.Exit(1)
	}
}

// Fedora says where builds and updates come from.
type Fedora struct {
	HubURL, TopURL, BodhiURL string
}

// run is main with everything that it needs as arguments.
func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	var fedora Fedora
	var expect []string
	req := compose.Request{Kind: compose.KindRepo}
	flags := flag.NewFlagSet("harness", flag.ContinueOnError)
	flags.StringVar(&fedora.HubURL, "koji", koji.DefaultHubURL, "`URL` of the Koji hub")
	flags.StringVar(&fedora.TopURL, "topurl", koji.DefaultTopURL, "`URL` of the hub's files")
	flags.StringVar(&fedora.BodhiURL, "bodhi", bodhi.DefaultURL, "`URL` of Bodhi")
	flags.StringVar(&req.Release, "release", "", "Fedora release; default: that of the sources")
	flags.StringVar(&req.Arch, "arch", "x86_64", "architecture")
	flags.Func("expect", "`package` that must be there; may be repeated", func(s string) error {
		expect = append(expect, s)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	req.Sources = flags.Args()
	dir, err := os.MkdirTemp("", "harness-")
	if err != nil {
		return fmt.Errorf("make work directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	result, err := Compose(ctx, fedora, req, dir)
	if err != nil {
		return err
	}
	var tap strings.Builder
	fmt.Fprintf(&tap, "TAP version 13\n1..%d\n", len(expect))
	failed := 0
	for i, want := range expect {
		if err := compose.Ships(result.Packages, want); err != nil {
			failed++
			fmt.Fprintf(&tap, "not ok %d - %s\n# %v\n", i+1, want, err)
			continue
		}
		fmt.Fprintf(&tap, "ok %d - %s\n", i+1, want)
	}
	if _, err := io.WriteString(stdout, tap.String()); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d expectations do not hold", failed, len(expect))
	}
	return nil
}

// Compose resolves and builds req in dir.
func Compose(ctx context.Context, fedora Fedora, req compose.Request, dir string) (result *compose.Result, err error) {
	hub, err := koji.New(fedora.HubURL, koji.Options{TopURL: fedora.TopURL})
	if err != nil {
		return nil, err
	}
	updates, err := bodhi.New(fedora.BodhiURL, bodhi.Options{})
	if err != nil {
		return nil, err
	}
	// Private addresses are refused unless somebody vouches for them; whoever
	// named these servers does.
	network := compose.Network{CacheDir: dir + "/cache", TrustHosts: hosts(fedora.HubURL, fedora.TopURL)}
	resolver, err := compose.NewResolver(hub, updates, network, compose.ResolverOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resolver.Close()) }()
	builder, err := compose.NewBuilder(network, compose.BuilderOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, builder.Close()) }()
	plan, err := resolver.Resolve(ctx, req)
	if err != nil {
		return nil, err
	}
	return builder.Build(ctx, plan, compose.Work{ID: "harness", Dir: dir})
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
