package cli

import (
	"context"
	"fmt"
)

type repoCmd struct {
	Create repoCreateCmd `cmd:"" help:"Make a repository of a folder of RPMs."`
	Show   repoShowCmd   `cmd:"" help:"Show what a repository says about itself."`
	Check  repoCheckCmd  `cmd:"" help:"Check whether all that its packages require is there."`
	Diff   repoDiffCmd   `cmd:"" help:"Show what changed between two repositories."`
}

type repoShowCmd struct {
	Dir      string `arg:"" help:"Folder or URL above repodata/."`
	Packages bool   `short:"p" help:"List its packages."`
}

func (*repoShowCmd) about() string { return "" }

func (*repoShowCmd) examples() []example {
	return []example{
		{"respin repo show rpms/", "Revision, metadata files and number of packages."},
		{"respin repo show -p http://127.0.0.1:8080/repos/20261123-k3f9qz7m/", "The packages of a side repo."},
	}
}

// repoInfo is what repo show prints with --json.
type repoInfo struct {
	Revision string         `json:"revision"`
	Repomd   string         `json:"repomd_sha256"`
	Packages int            `json:"packages"`
	Size     int64          `json:"size"` // of the packages
	Data     []repoData     `json:"data"`
	List     []repoListItem `json:"list,omitempty"`
}

type repoData struct {
	Type     string `json:"type"`
	Href     string `json:"href"`
	Size     int64  `json:"size"`
	Checksum string `json:"checksum"`
}

type repoListItem struct {
	NEVRA    string `json:"nevra"`
	Location string `json:"location"`
	Size     int64  `json:"size"`
	Checksum string `json:"checksum"`
}

// Run is the verb.
func (r *repoShowCmd) Run(ctx context.Context, a *app) error {
	reader := a.repoReader()
	defer reader.close()
	rp, err := reader.open(ctx, r.Dir)
	if err != nil {
		return err
	}
	info := repoInfo{Revision: rp.Repomd.Revision, Repomd: rp.RepomdChecksum.Value}
	for _, d := range rp.Repomd.Data {
		info.Data = append(info.Data, repoData{d.Type, d.Href, d.Size, d.Checksum.String()})
	}
	for e, err := range rp.Primary(ctx) {
		if err != nil {
			return fmt.Errorf("%s: %w", r.Dir, err)
		}
		info.Packages++
		info.Size += e.Size
		if r.Packages {
			info.List = append(info.List, repoListItem{e.NEVRA().String(), e.Location, e.Size, e.Checksum.String()})
		}
	}
	if a.global.JSON {
		a.printJSON(info)
		return nil
	}
	a.pairs("revision", info.Revision, "repomd.xml", "sha256 "+info.Repomd, "packages", fmt.Sprintf("%d, %s", info.Packages, bytesText(info.Size)))
	a.printf("\n")
	t := &table{head: []string{"METADATA", "SIZE", "FILE"}}
	for _, d := range info.Data {
		t.add(d.Type, bytesText(d.Size), d.Href)
	}
	a.printTable(t)
	if r.Packages {
		a.printf("\n")
		t := &table{head: []string{"PACKAGE", "SIZE", "FILE"}}
		for _, p := range info.List {
			t.add(p.NEVRA, bytesText(p.Size), p.Location)
		}
		a.printTable(t)
	}
	return nil
}
