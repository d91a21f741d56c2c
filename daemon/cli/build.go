package cli

import (
	"context"
	"errors"
	"os"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/client"
)

type buildCmd struct {
	requestFlags
	Fresh          bool   `help:"Build even when the same Plan stands built."`
	Wait           bool   `short:"w" help:"Wait until it has ended, show its stages, and end with the URLs."`
	Output         string `short:"o" placeholder:"DIR" help:"Fetch the files into this folder afterwards; implies --wait. With --local: where the result goes."`
	Local          bool   `help:"Build in this process, without a daemon."`
	Config         string `placeholder:"FILE" help:"With --local: the configuration that says where Koji and Bodhi are."`
	IdempotencyKey string `placeholder:"KEY" help:"The same key again answers with the compose that it made."`
}

func (*buildCmd) about() string {
	return `Sends a request to the daemon, which asks Koji and Bodhi and freezes the answer in a Plan, or says everything that is wrong with it (exit code 3). The compose then goes on by itself. Prints its id and the URL of its page.

Files of this host - the base image, a kickstart, RPMs - are sent along; one that the server has already is not sent again.

With --wait the exit code says how it ended: 0 succeeded, 4 failed, 5 canceled. Ctrl-C stops waiting, not the compose.`
}

func (*buildCmd) examples() []example {
	return []example{
		{"respin build repo FEDORA-2026-1a2b3c4d5e --wait", "The packages of an update as a repository, with its .repo file."},
		{"respin build remaster FEDORA-2026-1a2b3c4d5e task:123456789 --base-iso boot.iso --kickstart my.ks --wait --output images", "An installer image with an update, a scratch build and a kickstart on it, fetched into images/."},
		{"respin build -f request.yaml --label run=1234 --notify qa@example.org", "A request from a file, with something added."},
	}
}

// Run is the verb.
func (b *buildCmd) Run(ctx context.Context, a *app) error {
	if err := b.check(); err != nil {
		return err
	}
	p, err := b.build(a)
	if err != nil {
		return err
	}
	defer p.close()
	if b.Local {
		return a.buildLocal(ctx, p, b.Config, b.Output)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	if err := a.uploadAll(ctx, c, p); err != nil {
		return err
	}
	a.remark("resolving the request\n")
	made, err := c.Submit(ctx, p.req, client.SubmitOptions{IdempotencyKey: b.IdempotencyKey, Fresh: b.Fresh})
	if err != nil {
		return err
	}
	return a.submitted(ctx, c, made, b.Wait || b.Output != "", b.Output)
}

func (b *buildCmd) check() error {
	switch {
	case b.Config != "" && !b.Local:
		return usagef("--config: goes with --local only; the daemon has its own configuration")
	case b.Local && b.IdempotencyKey != "":
		return usagef("--idempotency-key: there is no daemon to remember it with --local")
	case b.Local && b.BaseCompose != "":
		return usagef("--base-compose: there is no daemon to ask with --local; name the image with --base-iso")
	}
	return nil
}

// uploadAll brings the files of the request to the server.
func (a *app) uploadAll(ctx context.Context, c *client.Client, p *prepared) error {
	for _, f := range p.files {
		id, err := a.upload(ctx, c, f)
		if err != nil {
			return err
		}
		f.set(&p.req, id)
	}
	return nil
}

func (a *app) upload(ctx context.Context, c *client.Client, f *localFile) (id string, err error) {
	if u, ok, err := c.UploadInfo(ctx, f.sha256); err != nil || ok && (f.kind == api.UploadFile || u.Type == f.kind) {
		if ok {
			a.remark("%s is at the server already\n", f.name)
		}
		return u.ID, err
	}
	in, err := os.Open(f.path)
	if err != nil {
		return "", err //nolint:wrapcheck // the path error says all
	}
	defer func() { _ = in.Close() }()
	a.remark("sending %s (%s)\n", f.name, bytesText(f.size))
	bar := a.transfer("sending "+f.name, f.size)
	defer bar.close()
	send := c.Upload
	if f.kind == api.UploadFile {
		send = c.UploadFile
	}
	u, err := send(ctx, f.name, f.size, bar.reader(in))
	if err == nil && u.SHA256 != f.sha256 {
		err = errors.New(f.path + " changed while it was sent")
	}
	return u.ID, err
}

// submitted goes on with a compose that was just asked for.
func (a *app) submitted(ctx context.Context, c *client.Client, made api.Compose, wait bool, output string) error {
	for _, w := range made.Warnings {
		a.remark("warning: %s\n", clean(w.Sentence))
	}
	if made.Reused {
		a.remark("the same Plan stands built; --fresh builds it anyway\n")
	}
	if !wait {
		switch {
		case a.global.JSON:
			a.printJSON(made)
		case a.global.Quiet:
			a.printf("%s\n", made.ID)
		default:
			a.printf("%s  %s\n", made.ID, made.Links.Page)
		}
		return nil
	}
	a.remark("compose %s\n%s\n", made.ID, made.Links.Page)
	end, err := a.follow(ctx, c, made)
	if err != nil {
		return err
	}
	if output != "" {
		if err := a.downloadAll(ctx, c, end.ID, output, downloadWhat{logs: true}); err != nil {
			return err
		}
	}
	if a.global.JSON {
		a.printJSON(end)
		return nil
	}
	a.printEnd(&end)
	return nil
}

// follow shows the stages of a compose until it has ended, and returns its last
// record. One that did not succeed is an *endedError.
func (a *app) follow(ctx context.Context, c *client.Client, made api.Compose) (api.Compose, error) {
	if made.State.Done() {
		return ended(made)
	}
	view := a.stages()
	defer view.close()
	for e, err := range c.Events(ctx, made.ID, "") {
		if ctx.Err() != nil {
			return made, &detachedError{made.ID}
		}
		if err != nil {
			a.remark("the compose %s goes on; respin log -f %s follows it again\n", made.ID, made.ID)
			return made, err
		}
		if e.Type != "state" && e.Type != "stage" {
			continue
		}
		if e.State == compose.StateQueued {
			e.Message = a.queued(ctx, c, made.ID)
		}
		if !e.State.Done() {
			view.show(e.State, e.Stage, e.Percent, e.Message)
		}
	}
	end, err := c.Get(ctx, made.ID)
	if err != nil {
		return made, err
	}
	return ended(end)
}

// queued says why a compose waits, as far as the server knows.
func (a *app) queued(ctx context.Context, c *client.Client, id string) string {
	one, err := c.Get(ctx, id)
	if err != nil {
		return ""
	}
	return waits(&one)
}

func ended(c api.Compose) (api.Compose, error) {
	if c.State != compose.StateSucceeded {
		return c, &endedError{c}
	}
	return c, nil
}

type resolveCmd struct {
	requestFlags
}

func (*resolveCmd) about() string {
	return `Asks the daemon for the Plan of a request - every RPM with its digest, the kickstart, the base image, the back end - and builds nothing. It takes what respin build takes.`
}

func (*resolveCmd) examples() []example {
	return []example{
		{"respin resolve repo FEDORA-2026-1a2b3c4d5e", "Which RPMs an update brings for the server's architecture."},
		{"respin resolve remaster anaconda-44.12-1.fc44 --base-iso https://example.org/boot.iso --json", "The whole Plan, for a program."},
	}
}

// Run is the verb.
func (r *resolveCmd) Run(ctx context.Context, a *app) error {
	p, err := r.build(a)
	if err != nil {
		return err
	}
	defer p.close()
	c, err := a.client()
	if err != nil {
		return err
	}
	if err := a.uploadAll(ctx, c, p); err != nil {
		return err
	}
	plan, err := c.Resolve(ctx, p.req)
	if err != nil {
		return err
	}
	a.printPlan(plan)
	return nil
}
