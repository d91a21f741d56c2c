package cli

import (
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/publish"
)

// printEnd prints where everything of a succeeded compose is.
func (a *app) printEnd(c *api.Compose) {
	kv := []string{"compose", c.ID, "state", string(c.State), "page", c.Links.Page}
	checksums := ""
	for i := range c.Artifacts {
		f := &c.Artifacts[i]
		switch f.Type {
		case compose.ArtifactISO, compose.ArtifactImage:
			kv = append(kv, string(f.Type), f.URL, "", "", " sha256", f.SHA256, " size", bytesText(f.Size))
		case compose.ArtifactChecksum:
			checksums = f.URL
		default: // the record lists them; people need the ones below
		}
	}
	if s := c.SideRepo; s != nil {
		kv = append(kv, "side repo", s.URL, "repo file", s.RepoFileURL)
	}
	if checksums == "" && c.Links.Files != "" {
		checksums = strings.TrimSuffix(c.Links.Files, "/") + "/" + publish.ChecksumName
	}
	kv = append(kv, "log", c.Links.Log, "report", c.Links.Report, "checksums", checksums)
	for _, p := range c.Published {
		kv = append(kv, "also at", p.URL)
		if p.Error != "" {
			kv = append(kv, "not at", p.Name+": "+p.Error)
		}
	}
	a.pairs(kv...)
}

// waits says why a compose is not being built yet.
func waits(c *api.Compose) string {
	var parts []string
	if c.Position > 0 {
		parts = append(parts, fmt.Sprintf("position %d", c.Position))
	}
	if c.Reason != "" {
		parts = append(parts, c.Reason)
	}
	return strings.Join(parts, ", ")
}

// printPlan prints what a request stands for.
func (a *app) printPlan(p *compose.Plan) {
	if a.global.JSON {
		a.printJSON(p)
		return
	}
	for _, w := range p.Warnings {
		a.remark("warning: %s\n", clean(w.Sentence))
	}
	base := ""
	if p.Base != nil {
		base = p.Base.URL + " " + p.Base.SHA256
	}
	kickstart := ""
	if n := strings.Count(p.Kickstart, "\n"); n > 0 {
		kickstart = fmt.Sprintf("%d lines", n)
	}
	a.pairs(
		"plan", p.Digest, "kind", string(p.Request.Kind), "release", p.Request.Release, "arch", p.Request.Arch,
		"image", p.Image, "volume id", p.VolID, "back end", p.Backend, "base", strings.TrimSpace(base), "kickstart", kickstart,
		"to fetch", fmt.Sprintf("%d RPMs, %s in all", len(p.RPMs), bytesText(p.Size())),
	)
	for _, s := range p.Sources {
		a.printf("\n")
		a.printSource(&s)
	}
	a.printf("\n")
	a.printRPMs(p.RPMs)
}

func (a *app) printSource(s *compose.PlanSource) {
	a.pairs("source", s.Source, "type", s.Type, "title", s.Title, "builds", strings.Join(s.Builds, "\n"), "chosen", s.Why)
}

func (a *app) printRPMs(list []compose.PlanRPM) {
	t := &table{head: []string{"RPM", "SIZE", "DIGEST", "FROM"}}
	for i := range list {
		r := &list[i]
		digest := "sigmd5 " + r.SigMD5
		if r.SHA256 != "" {
			digest = "sha256 " + r.SHA256
		}
		t.add(r.NEVRA, bytesText(r.Size), digest, r.From)
	}
	a.printTable(t)
}
