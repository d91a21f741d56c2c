package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/client"
)

type sourceCmd struct {
	Source        string `arg:"" help:"An update, a build, task:ID, tag:NAME, copr:OWNER/PROJECT, repo:URL or repo:URL#name,name, a URL of an RPM, upload:ID, or a package's name."`
	Release       string `short:"r" placeholder:"R" help:"Fedora release; needed for a bare name and a COPR project."`
	Arch          string `short:"a" placeholder:"ARCH" help:"Architecture. Default: the server's."`
	Multilib      bool   `help:"i686 packages too, on x86_64."`
	Debuginfo     bool   `help:"Debuginfo and debugsource packages too."`
	IncludeSource bool   `help:"Source packages too."`
	Signatures    string `placeholder:"POLICY" help:"What is asked of signatures: require, prefer or ignore. Default: require for what is stable, prefer for the rest."`
	Local         bool   `help:"Ask Koji, Bodhi and COPR from this process, without a daemon."`
	Config        string `placeholder:"FILE" help:"With --local: the configuration that says where they are."`
}

func (*sourceCmd) about() string {
	return `The type of a source is seen from how it is written; a prefix forces it: update: build: task: tag: copr: repo: rpm: upload:.

A bare name is looked for in the release's stable, updates, updates-testing and candidate tags, in this order; the answer says which had it. Taken are the packages of the architecture and noarch; i686, debuginfo and source packages when asked for.`
}

func (*sourceCmd) examples() []example {
	return []example{
		{"respin source FEDORA-2026-1a2b3c4d5e", "The builds of an update and their RPMs."},
		{"respin source tag:f44-build-side-101234 --arch aarch64", "The latest builds of a side tag."},
		{"respin source anaconda --release 44 --local", "The build that a bare name stands for, asked without a daemon."},
		{"respin source repo:https://example.org/repo/#vim,vim-common --json", "Two packages of a repository, for programs."},
	}
}

// Run is the verb.
func (s *sourceCmd) Run(ctx context.Context, a *app) error {
	info, err := s.ask(ctx, a)
	if err != nil {
		return err
	}
	if a.global.JSON {
		a.printJSON(info)
		return nil
	}
	for _, w := range info.Warnings {
		a.remark("warning: %s\n", clean(w.Sentence))
	}
	a.printSource(&info.PlanSource)
	a.printf("\n")
	a.printRPMs(info.RPMs)
	return nil
}

func (s *sourceCmd) ask(ctx context.Context, a *app) (api.SourceInfo, error) {
	if s.Local {
		return s.askLocal(ctx, a)
	}
	if s.Config != "" {
		return api.SourceInfo{}, usagef("--config: goes with --local only; the daemon has its own configuration")
	}
	c, err := a.client()
	if err != nil {
		return api.SourceInfo{}, err
	}
	info, err := c.Source(ctx, s.Source, client.SourceOptions{
		Release: s.Release, Arch: s.Arch, Multilib: s.Multilib, Debuginfo: s.Debuginfo, Source: s.IncludeSource, Signatures: compose.SignaturePolicy(s.Signatures),
	})
	if err != nil {
		return info, fmt.Errorf("ask for source: %w", err)
	}
	return info, nil
}

// askLocal asks as the daemon does, in this process.
func (s *sourceCmd) askLocal(ctx context.Context, a *app) (info api.SourceInfo, err error) {
	cfg, err := a.config(s.Config, nil)
	if err != nil {
		return info, err
	}
	req := compose.Request{
		Kind: compose.KindRepo, Release: s.Release, Arch: s.Arch, Sources: []string{s.Source},
		Options: compose.Options{Multilib: s.Multilib, Debuginfo: s.Debuginfo, IncludeSource: s.IncludeSource},
	}
	if req.Arch == "" {
		req.Arch = compose.HostArch()
	}
	if s.Signatures != "" {
		req.Signatures = map[string]compose.SignaturePolicy{compose.EverySource: compose.SignaturePolicy(s.Signatures)}
	}
	if problems := req.Check(); len(problems) > 0 {
		return info, compose.Refuse(problems...)
	}
	r, err := (&local{app: a, cfg: &cfg}).resolver()
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	plan, err := r.Source(ctx, req)
	if err != nil {
		return info, err
	}
	return api.SourceInfo{PlanSource: plan.Sources[0], RPMs: plan.RPMs, Warnings: plan.Warnings}, nil
}
