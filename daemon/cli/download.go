package cli

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/client"
	"github.com/fedora-respin/respin/repo"
)

type downloadCmd struct {
	composeArg
	Output string `short:"o" default:"." placeholder:"DIR" help:"Folder for the files. Default: the current one."`
	Name   string `placeholder:"GLOB" help:"Only files whose name matches, as *.iso."`
	Logs   bool   `help:"The logs too, into logs/."`
	Repo   bool   `help:"The side repo too, into repo/. For a compose of kind repo that goes without saying."`
}

func (*downloadCmd) about() string {
	return `Every file is verified by its digest before it gets its name; what is there and right is left as it is, and a download that broke off goes on where it was.`
}

func (*downloadCmd) examples() []example {
	return []example{
		{"respin download 20261123-k3f9qz7m --output images", "The image, its kickstart, Plan and report."},
		{"respin download 20261123-k3f9qz7m --name '*.iso'", "Only the image."},
	}
}

// Run is the verb.
func (d *downloadCmd) Run(ctx context.Context, a *app) error {
	if _, err := path.Match(d.Name, "x"); err != nil {
		return usagef("--name: %q is no pattern", d.Name)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	return a.downloadAll(ctx, c, d.ID, d.Output, downloadWhat{name: d.Name, logs: d.Logs, repo: d.Repo})
}

// downloadWhat chooses among the files of a compose.
type downloadWhat struct {
	name string // glob; "" is all
	logs bool
	repo bool
}

func (a *app) downloadAll(ctx context.Context, c *client.Client, id, dir string, what downloadWhat) error {
	one, err := c.Get(ctx, id)
	if err != nil {
		return err
	}
	list, err := c.Artifacts(ctx, id)
	if err != nil {
		return err
	}
	files := list.Artifacts
	if what.logs {
		files = append(files, list.Logs...)
	}
	n := 0
	for i := range files {
		f := &files[i]
		if ok, _ := path.Match(what.name, f.Name); what.name != "" && !ok {
			continue
		}
		if err := a.downloadOne(ctx, c, f.URL, dir, f.Path, f.SHA256, f.Size); err != nil {
			return err
		}
		n++
	}
	if s := list.SideRepo; s != nil && what.name == "" && (what.repo || one.Kind == compose.KindRepo) {
		if err := a.downloadRepo(ctx, c, s.URL, filepath.Join(dir, "repo")); err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		return fmt.Errorf("compose %s is %s and has no such files", id, one.State)
	}
	return nil
}

// downloadOne fetches one file to its path below dir, and prints where it is.
func (a *app) downloadOne(ctx context.Context, c *client.Client, url, dir, name, digest string, size int64) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("the server names a file %q, which leads out of the folder", name)
	}
	to := filepath.Join(dir, filepath.FromSlash(name))
	bar := a.transfer(path.Base(name), size)
	err := c.Download(ctx, url, to, digest, bar.set)
	bar.close()
	if err != nil {
		return err
	}
	if !a.global.JSON && !a.global.Quiet {
		a.say("%s\n", to)
	}
	return nil
}

// downloadRepo fetches a repository as its own metadata lists it: RPMs first,
// repomd.xml last, so that the folder is a repository only once it is complete.
func (a *app) downloadRepo(ctx context.Context, c *client.Client, url, dir string) error {
	url = strings.TrimSuffix(url, "/") + "/"
	r, err := repo.Open(ctx, url, nil)
	if err != nil {
		return fmt.Errorf("open side repo: %w", err)
	}
	for e, err := range r.Primary(ctx) {
		if err != nil {
			return fmt.Errorf("read side repo: %w", err)
		}
		digest := ""
		if e.Checksum.Type == "sha256" {
			digest = e.Checksum.Value
		}
		if err := a.downloadOne(ctx, c, url+e.Location, dir, e.Location, digest, e.Size); err != nil {
			return err
		}
	}
	for _, d := range r.Repomd.Data {
		digest := ""
		if d.Checksum.Type == "sha256" {
			digest = d.Checksum.Value
		}
		if err := a.downloadOne(ctx, c, url+d.Href, dir, d.Href, digest, d.Size); err != nil {
			return err
		}
	}
	// One of an earlier download would not match and must not be resumed.
	if err := os.RemoveAll(filepath.Join(dir, "repodata", "repomd.xml"+client.PartSuffix)); err != nil {
		return fmt.Errorf("download side repo: %w", err)
	}
	return a.downloadOne(ctx, c, url+"repodata/repomd.xml", dir, "repodata/repomd.xml", r.RepomdChecksum.Value, 0)
}
