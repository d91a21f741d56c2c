package cli

import (
	"context"

	"github.com/fedora-respin/respin/daemon/client"
)

type sourceCmd struct {
	Source        string `arg:"" help:"An update, a build, task:ID, tag:NAME, a URL of an RPM, upload:ID."`
	Release       string `short:"r" placeholder:"R" help:"Fedora release."`
	Arch          string `short:"a" placeholder:"ARCH" help:"Architecture. Default: the server's."`
	Multilib      bool   `help:"i686 packages too, on x86_64."`
	Debuginfo     bool   `help:"Debuginfo and debugsource packages too."`
	IncludeSource bool   `help:"Source packages too."`
}

func (*sourceCmd) about() string {
	return `The type of a source is seen from how it is written; a prefix forces it: update: build: task: tag: rpm: upload:.`
}

func (*sourceCmd) examples() []example {
	return []example{
		{"respin source FEDORA-2026-1a2b3c4d5e", "The builds of an update and their RPMs."},
		{"respin source tag:f44-build-side-101234 --arch aarch64", "The latest builds of a side tag."},
	}
}

// Run is the verb.
func (s *sourceCmd) Run(ctx context.Context, a *app) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	info, err := c.Source(ctx, s.Source, client.SourceOptions{
		Release: s.Release, Arch: s.Arch, Multilib: s.Multilib, Debuginfo: s.Debuginfo, Source: s.IncludeSource,
	})
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
