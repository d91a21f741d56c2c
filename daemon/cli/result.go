package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

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
	if p.First != nil {
		base = fmt.Sprintf("a %s, made first by %s", p.First.Kind, p.First.Backend)
	}
	gathered := ""
	if len(p.Gathered) > 0 {
		gathered = fmt.Sprintf("%d packages of the repositories", len(p.Gathered))
	}
	files := ""
	if n := len(p.Files); n > 0 {
		files = strconv.Itoa(n)
	}
	if p.UpdatesImage != nil {
		files = strings.TrimPrefix(files+", 1 updates image", ", ")
	}
	kickstart := ""
	if n := strings.Count(p.Kickstart, "\n"); n > 0 {
		kickstart = fmt.Sprintf("%d lines", n)
	}
	a.pairs(
		"plan", p.Digest, "kind", string(p.Request.Kind), "release", p.Request.Release, "arch", p.Request.Arch,
		"image", p.Image, "volume id", p.VolID, "back end", p.Backend, "base", strings.TrimSpace(base), "kickstart", kickstart, "files", files,
		"gathered", gathered, "to fetch", fmt.Sprintf("%d RPMs, %s in all", len(p.RPMs)+len(p.Gathered), bytesText(p.Size())),
	)
	for _, s := range p.Sources {
		a.printf("\n")
		a.printSource(&s)
	}
	a.printf("\n")
	a.printRPMs(p.RPMs)
}

func (a *app) printSource(s *compose.PlanSource) {
	kv := []string{"source", s.Source, "type", s.Type, "title", s.Title, "chosen", s.Why, "tag", s.Tag}
	if s.Repo != nil {
		kv = append(kv, "repo", s.Repo.BaseURL, "revision", s.Repo.Revision)
	}
	if t := s.Task; t != nil {
		what := t.State
		if t.Scratch {
			what += ", scratch"
		}
		kv = append(kv, "task", fmt.Sprintf("%d, %s, %s", t.ID, t.Method, what), "owner", t.Owner, "target", t.Target, "origin", t.Origin)
		if t.Expires != nil {
			kv = append(kv, "expires", "about "+t.Expires.Format(time.DateOnly)+", when Koji removes the files")
		}
	}
	signed := string(s.Signatures)
	if len(s.SignedBy) > 0 {
		signed += ", signed by " + strings.Join(s.SignedBy, ", ")
	}
	if s.Unsigned > 0 {
		signed += fmt.Sprintf(", %d unsigned", s.Unsigned)
	}
	a.pairs(append(kv, "builds", strings.Join(s.Builds, "\n"), "signatures", signed)...)
	if len(s.BuildDetails) == 0 {
		return
	}
	a.printf("\n")
	t := &table{head: []string{"BUILD", "ID", "OWNER", "COMPLETED", "RPMS", "SIZE"}}
	for i := range s.BuildDetails {
		b := &s.BuildDetails[i]
		done := ""
		if b.Completed != nil {
			done = b.Completed.UTC().Format(time.DateOnly)
		}
		t.add(b.NVR, strconv.Itoa(b.ID), b.Owner, done, strconv.Itoa(b.RPMs), bytesText(b.Size))
	}
	a.printTable(t)
}

func (a *app) printRPMs(list []compose.PlanRPM) {
	t := &table{head: []string{"RPM", "SIZE", "SIGNED", "DIGEST", "FROM"}}
	for i := range list {
		r := &list[i]
		signed := r.Signature
		if r.SignedBy != "" {
			signed = r.SignedBy
		}
		t.add(r.NEVRA, bytesText(r.Size), signed, digestText(r), r.From)
	}
	a.printTable(t)
}

// digestText is the best of the digests that the RPM is known by.
func digestText(r *compose.PlanRPM) string {
	for _, d := range [][2]string{{"sha256", r.SHA256}, {"sha512", r.SHA512}, {"sigmd5", r.SigMD5}, {"header sha256", r.HeaderSHA256}} {
		if d[1] != "" {
			return d[0] + " " + d[1]
		}
	}
	return ""
}
