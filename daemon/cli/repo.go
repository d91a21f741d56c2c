package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/repo"
)

type repoCmd struct {
	Create repoCreateCmd `cmd:"" help:"Make a repository of a folder of RPMs."`
	Show   repoShowCmd   `cmd:"" help:"Show what a repository says about itself."`
	Check  repoCheckCmd  `cmd:"" help:"Check whether all that its packages require is there."`
	Diff   repoDiffCmd   `cmd:"" help:"Show what changed between two repositories."`
}

type repoCreateCmd struct {
	Dir                    string   `arg:"" help:"Folder with the RPMs; repodata/ goes there."`
	Compress               string   `enum:"gz,zstd,xz,none" default:"zstd" help:"Compression of the metadata."`
	Update                 bool     `help:"Renew what is there. This version reads every RPM again; the result is the same."`
	Workers                int      `placeholder:"N" help:"RPMs read at a time. Default: one for each processor."`
	Comps                  string   `placeholder:"FILE" help:"Package groups to index."`
	Revision               string   `placeholder:"N" help:"Revision of the repository. Default: the time."`
	SetTimestampToRevision bool     `help:"Give the metadata the time of --revision, for the same bytes every time."`
	SimpleMdFilenames      bool     `help:"Metadata files without their checksum in the name."`
	Baseurl                string   `placeholder:"URL" help:"Where the packages are, when they are not beside the metadata."`
	ChangelogLimit         int      `default:"10" placeholder:"N" help:"Changelog entries of each package (default 10); 0 for none, -1 for all."`
	Excludes               []string `sep:"none" placeholder:"GLOB" help:"Leave these files out."`
	Pkglist                string   `placeholder:"FILE" help:"Index exactly the files that this file lists, one a line."`
}

func (*repoCreateCmd) about() string {
	return `Writes what createrepo_c writes. A reader finds the old repository or the new one at any moment, also after a kill. Exit code 2 when an RPM was unreadable: it is named and skipped, and the rest is written.`
}

func (*repoCreateCmd) examples() []example {
	return []example{
		{"respin repo create rpms/", "A repository for dnf."},
		{"respin repo create rpms/ --compress gz --revision 1767225600 --set-timestamp-to-revision", "One that old clients read, with the same bytes every time."},
	}
}

// repoCreated is what repo create prints with --json.
type repoCreated struct {
	Packages   int             `json:"packages"`
	Skipped    []repoSkipped   `json:"skipped"`
	Duplicates []repoDuplicate `json:"duplicates,omitempty"`
	Repomd     string          `json:"repomd_sha256"`
	Revision   string          `json:"revision"`
}

type repoDuplicate struct {
	NEVRA string   `json:"nevra"`
	Paths []string `json:"paths"`
}

type repoSkipped struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Run is the verb.
func (r *repoCreateCmd) Run(ctx context.Context, a *app) error {
	o, err := r.options(a)
	if err != nil {
		return err
	}
	bar := a.counter("indexing")
	o.Progress = func(done, total int, _ string) { bar.set(int64(done), int64(total)) }
	rep, err := repo.Create(ctx, r.Dir, o)
	bar.close()
	if wrong, ok := errors.AsType[*repo.OptionError](err); ok {
		return usagef("%v", wrong)
	}
	if err != nil {
		return err
	}
	out := repoCreated{Packages: rep.Packages, Skipped: []repoSkipped{}, Repomd: rep.RepomdChecksum.Value, Revision: rep.Repomd.Revision}
	for _, s := range rep.Skipped {
		out.Skipped = append(out.Skipped, repoSkipped{s.Path, s.Err.Error()})
		a.say("skipped %s: %s\n", clean(s.Path), clean(s.Err.Error()))
	}
	for _, d := range rep.Duplicates {
		out.Duplicates = append(out.Duplicates, repoDuplicate{d.NEVRA.String(), []string{d.First, d.Second}})
		a.remark("%s is there twice: %s and %s\n", d.NEVRA, clean(d.First), clean(d.Second))
	}
	if a.global.JSON {
		a.printJSON(out)
	} else if !a.global.Quiet {
		a.printf("%d packages, repomd.xml sha256 %s\n", out.Packages, out.Repomd)
	}
	if len(out.Skipped) > 0 {
		return &saidError{ExitUsage}
	}
	return nil
}

func (r *repoCreateCmd) options(a *app) (repo.Options, error) {
	o := repo.Options{
		Compression: repo.Compression(r.Compress), Workers: r.Workers, Groupfile: r.Comps, Revision: r.Revision,
		TimestampToRevision: r.SetTimestampToRevision, SimpleFilenames: r.SimpleMdFilenames, BaseURL: r.Baseurl,
		ChangelogLimit: r.ChangelogLimit, Excludes: r.Excludes,
	}
	switch {
	case r.ChangelogLimit == 0:
		o.ChangelogLimit = repo.NoChangelogs
	case r.ChangelogLimit < 0:
		o.ChangelogLimit = repo.AllChangelogs
	}
	if r.Pkglist != "" {
		data, err := a.readFile(r.Pkglist, 64<<20)
		if err != nil {
			return o, usagef("--pkglist: %s", reason(err))
		}
		o.PkgList = []string{}
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); line != "" {
				o.PkgList = append(o.PkgList, line)
			}
		}
	}
	return o, nil
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
