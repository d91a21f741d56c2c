// Command remaster puts builds, a kickstart and boot arguments onto a boot.iso
// and proves that they are there, without a daemon.
//
//	go run ./examples/remaster -base boot.iso -kickstart test.ks -out made FEDORA-2026-1a2b3c4d5e
//	go run ./examples/remaster -base https://download.fedoraproject.org/.../boot.iso -arg inst.text anaconda-44.12-1.fc44
//
// Sources are updates, builds (name-version-release), task:ID, tag:NAME or
// rpm:URL. The host needs xorriso, and mtools for an image that boots by UEFI;
// root is not needed. The defaults are the real Fedora. What was made lies below
// out/out: the image, the side repo, the kickstart, report.json, plan.json and
// the log.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/koji"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "remaster:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	hub, top, bodhi string
	base, kickstart string
	out             string
	request         compose.Request
}

func parse(args []string) (options, error) {
	o := options{request: compose.Request{Kind: compose.KindRemaster}}
	flags := flag.NewFlagSet("remaster", flag.ContinueOnError)
	flags.StringVar(&o.hub, "koji", koji.DefaultHubURL, "`URL` of the Koji hub")
	flags.StringVar(&o.top, "topurl", koji.DefaultTopURL, "`URL` of the hub's files")
	flags.StringVar(&o.bodhi, "bodhi", bodhi.DefaultURL, "`URL` of Bodhi")
	flags.StringVar(&o.base, "base", "", "the boot.iso to start from: a `file or URL`")
	flags.StringVar(&o.kickstart, "kickstart", "", "`file` with a kickstart")
	flags.StringVar(&o.out, "out", "made", "`directory` to work in")
	flags.StringVar(&o.request.Release, "release", "", "Fedora release; default: that of the sources")
	flags.StringVar(&o.request.Arch, "arch", "x86_64", "architecture")
	flags.StringVar(&o.request.VolID, "volid", "", "volume id; default: made from release, kind and arch")
	flags.Func("arg", "boot `argument`; may be repeated", func(s string) error {
		o.request.BootArgs = append(o.request.BootArgs, s)
		return nil
	})
	err := flags.Parse(args)
	o.request.Sources = flags.Args()
	return o, err
}

// run is main with everything that it needs as arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.kickstart != "" {
		text, err := os.ReadFile(o.kickstart)
		if err != nil {
			return fmt.Errorf("read kickstart: %w", err)
		}
		o.request.Kickstart = &compose.Kickstart{Text: string(text)}
	}
	base, closeBase, err := openBase(ctx, o.base)
	if err != nil {
		return err
	}
	defer closeBase()
	o.request.Base = base
	plan, result, err := makeImage(ctx, &o, stderr)
	if err != nil {
		return err
	}
	return show(stdout, filepath.Join(o.out, compose.OutDir), plan, result)
}

// makeImage resolves the request and builds its Plan.
func makeImage(ctx context.Context, o *options, stderr io.Writer) (plan *compose.Plan, result *compose.Result, err error) {
	hub, err := koji.New(o.hub, koji.Options{TopURL: o.top})
	if err != nil {
		return nil, nil, err
	}
	updates, err := bodhi.New(o.bodhi, bodhi.Options{})
	if err != nil {
		return nil, nil, err
	}
	// Private addresses are refused unless somebody vouches for them; whoever
	// typed these URLs does.
	network := compose.Network{CacheDir: filepath.Join(o.out, "cache"), TrustHosts: hosts(o.hub, o.top, o.request.Base.URL)}
	backends := []compose.Backend{&remaster.Backend{}}
	resolver, err := compose.NewResolver(hub, updates, network, compose.ResolverOptions{Backends: backends})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, resolver.Close()) }()
	builder, err := compose.NewBuilder(network, compose.BuilderOptions{Backends: backends})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, builder.Close()) }()

	if plan, err = resolver.Resolve(ctx, o.request); err != nil {
		return nil, nil, err // a *compose.RefusedError: every reason with its remedy
	}
	result, err = builder.Build(ctx, plan, compose.Work{
		ID: "remaster", Dir: o.out,
		Progress: func(p compose.Progress) { _, _ = fmt.Fprintf(stderr, "\r%3d%% %-10s", p.Percent, p.Stage) },
	})
	_, _ = fmt.Fprintln(stderr)
	return plan, result, err // a *compose.FailedError: stage, code, sentence
}

// show prints what was made and what it ships.
func show(w io.Writer, dir string, plan *compose.Plan, result *compose.Result) error {
	var text strings.Builder
	for _, warning := range plan.Warnings {
		fmt.Fprintf(&text, "warning: %s\n", warning.Sentence)
	}
	text.WriteString("FILE\tTYPE\tSIZE\tSHA256\n")
	for _, a := range result.Artifacts {
		fmt.Fprintf(&text, "%s\t%s\t%d\t%s\n", filepath.Join(dir, a.Path), a.Type, a.Size, a.SHA256)
	}
	text.WriteString("\nPACKAGE\tREQUESTED\tSHIPPED\tVERDICT\n")
	for _, p := range result.Packages {
		fmt.Fprintf(&text, "%s.%s\t%s\t%s\t%s\n", p.Name, p.Arch, p.Requested, p.Shipped, p.Verdict)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, err := io.WriteString(table, text.String())
	return errors.Join(err, table.Flush())
}

// openBase turns -base into the base of a Request. A Plan names files by URL, so
// that every node can fetch them: a local image is served on loopback as long as
// the program runs, and pinned by its digest.
func openBase(ctx context.Context, base string) (*compose.Base, func(), error) {
	if strings.HasPrefix(base, "http://") || strings.HasPrefix(base, "https://") || base == "" {
		return &compose.Base{URL: base}, func() {}, nil
	}
	f, err := os.Open(base)
	if err != nil {
		return nil, nil, fmt.Errorf("open base image: %w", err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read base image: %w", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return nil, nil, fmt.Errorf("read base image: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("serve base image: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, base)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	stop := func() {
		_ = server.Close()
		<-done
	}
	return &compose.Base{URL: "http://" + listener.Addr().String() + "/base.iso", SHA256: hex.EncodeToString(h.Sum(nil))}, stop, nil
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
