package cli

import (
	"context"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// done prints a compose after something was done to it.
func (a *app) done(c *api.Compose, err error) error {
	if err != nil {
		return err
	}
	switch {
	case a.global.JSON:
		a.printJSON(c)
	case !a.global.Quiet:
		a.printf("%s  %s\n", c.ID, paint(a.outColor, stateColor(c.State), string(c.State)))
	}
	return nil
}

type cancelCmd struct {
	composeArg
}

func (*cancelCmd) about() string {
	return "Its logs stay. A compose that has ended keeps its state, and that is no error."
}

func (*cancelCmd) examples() []example {
	return []example{
		{"respin cancel 20261123-k3f9qz7m", "Stop one that is not needed any more."},
		{"respin list --state queued --json | jq -r '.composes[].id' | xargs -n1 respin cancel", "Cancel all that wait."},
	}
}

// Run is the verb.
func (v *cancelCmd) Run(ctx context.Context, a *app) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	one, err := c.Cancel(ctx, v.ID)
	return a.done(&one, err)
}

type retryCmd struct {
	composeArg
	Wait   bool   `short:"w" help:"Wait until it has ended, show its stages, and end with the URLs."`
	Output string `short:"o" placeholder:"DIR" help:"Fetch the files into this folder afterwards; implies --wait."`
}

func (*retryCmd) about() string {
	return "A new compose of the very same Plan: the same RPMs, whatever Koji says by now. Prints its id."
}

func (*retryCmd) examples() []example {
	return []example{
		{"respin retry 20261123-k3f9qz7m --wait", "Once more, after a node was lost."},
		{"respin show 20261123-k3f9qz7m --request | respin build -f -", "The same request with what Koji has now: not a retry, but a new build."},
	}
}

// Run is the verb.
func (v *retryCmd) Run(ctx context.Context, a *app) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	made, err := c.Retry(ctx, v.ID)
	if err != nil {
		return err
	}
	return a.submitted(ctx, c, made, v.Wait || v.Output != "", v.Output)
}

type renewCmd struct {
	composeArg
	TTL string `name:"ttl" default:"336h" placeholder:"TIME" help:"From now, like 336h (the default, two weeks)."`
}

func (*renewCmd) about() string { return "" }

func (*renewCmd) examples() []example {
	return []example{
		{"respin renew 20261123-k3f9qz7m", "Two more weeks from now."},
		{"respin renew 20261123-k3f9qz7m --ttl 2160h", "Ninety days."},
	}
}

// Run is the verb.
func (v *renewCmd) Run(ctx context.Context, a *app) error {
	ttl, err := time.ParseDuration(v.TTL)
	if err != nil {
		return usagef("--ttl: %q is no time: write it like 336h", v.TTL)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	one, err := c.Renew(ctx, v.ID, compose.Duration(ttl))
	if err == nil && !a.global.JSON && one.Expires != nil {
		a.printf("%s  expires %s\n", one.ID, when(*one.Expires))
		return nil
	}
	return a.done(&one, err)
}

type deleteCmd struct {
	composeArg
}

func (*deleteCmd) about() string {
	return "Images, side repo and logs go; the record stays, with state expired."
}

func (*deleteCmd) examples() []example {
	return []example{{"respin delete 20261123-k3f9qz7m", "Free its room now instead of when it expires."}}
}

// Run is the verb.
func (v *deleteCmd) Run(ctx context.Context, a *app) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	one, err := c.Delete(ctx, v.ID)
	return a.done(&one, err)
}
