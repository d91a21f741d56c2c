package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/fedora-respin/respin/repo"
)

type repoCreateCmd struct {
	Dir                    string        `arg:"" help:"Folder with the RPMs; repodata/ goes there."`
	Update                 bool          `help:"Read only RPMs that are new or changed; the rest comes from the last run, the result is the same. Other metadata (groups, updateinfo ...) are kept. Nothing changed: nothing is written."`
	TrustMtime             bool          `help:"With --update: the same size and modification time are enough, also on another inode. For copies of a repository."`
	DiscardOther           bool          `name:"discard-additional-metadata" help:"With --update: drop the other metadata that this command line does not name."`
	Compress               string        `enum:"gz,zstd,xz,none" default:"zstd" help:"Compression of the metadata."`
	Checksum               string        `enum:"sha256,sha512" default:"sha256" help:"Checksum of packages and metadata."`
	Workers                int           `placeholder:"N" help:"Readers of RPMs, two at a time each. Default: one for each processor, and at least 4."`
	Outputdir              string        `placeholder:"DIR" help:"Where repodata/ goes. Default: the folder with the RPMs."`
	Excludes               []string      `sep:"none" placeholder:"GLOB" help:"Leave these files out: * and ?, matched on the name and on the path below the folder."`
	Pkglist                string        `placeholder:"FILE" help:"Index exactly the files that this file lists, one a line."`
	SkipSymlinks           bool          `help:"Leave symbolic links out."`
	ChangelogLimit         signed        `default:"10" placeholder:"N" help:"Changelog entries of each package (default 10); 0 for none, -1 for all."`
	Baseurl                string        `placeholder:"URL" help:"Where the packages are, when they are not beside the metadata."`
	LocationPrefix         string        `placeholder:"PATH" help:"Put this before the location of every package."`
	CutDirs                int           `placeholder:"N" help:"Drop so many folders from the location of every package."`
	Comps                  string        `placeholder:"FILE" help:"Package groups to index."`
	Updateinfo             string        `placeholder:"FILE" help:"Updates (advisories) to index."`
	Modules                string        `placeholder:"FILE" help:"Module metadata to index, besides those that are found among the RPMs."`
	Metadata               []string      `sep:"none" placeholder:"TYPE=FILE" help:"Further metadata to index."`
	Revision               string        `placeholder:"N" help:"Revision of the repository. Default: the time."`
	SetTimestampToRevision bool          `help:"Give the metadata the time of --revision, for the same bytes every time."`
	SimpleMdFilenames      bool          `help:"Metadata files without their checksum in the name. Readers can then meet a mixture for a moment."`
	Repo                   []string      `sep:"none" placeholder:"TAG" help:"Tag of the repository."`
	Content                []string      `sep:"none" placeholder:"TAG" help:"Tag of its content."`
	Distro                 []string      `sep:"none" placeholder:"[CPE,]NAME" help:"Distribution that it belongs to."`
	KeepOld                time.Duration `default:"10m" placeholder:"TIME" help:"How long metadata files stay after newer ones have replaced them, for readers that still hold the old repomd.xml (default 10m); 0s: not at all."`
	Cache                  string        `placeholder:"FILE" help:"Side cache that --update goes by. Default: .respin-repodata-cache beside repodata/; none: leave none behind."`
}

func (*repoCreateCmd) about() string {
	return `Writes what createrepo_c writes, byte for byte. A reader finds the old repository or the new one at any moment, also after a kill; a second writer is refused. Exit code 2 when an RPM was unreadable: it is named and skipped, and the rest is written.

With --update an RPM is unchanged when its path, size, inode, modification and change time are the same to the nanosecond. Whatever writes to a file renews its change time, so a package that was replaced and got its old size and time back is read again. Linking, chmod and moving renew it too; that costs a read and nothing else.`
}

func (*repoCreateCmd) examples() []example {
	return []example{
		{"respin repo create rpms/", "A repository for dnf."},
		{"respin repo create rpms/ --update", "The same again after some RPMs have come and gone."},
		{"respin repo create rpms/ --compress gz --comps comps.xml", "One with package groups that old clients (yum, RHEL before 8.4) read."},
		{"respin repo create rpms/ --revision 1767225600 --set-timestamp-to-revision", "One with the same bytes every time."},
	}
}

// signed is a number that may be negative, also without "=" before it: kong
// takes "-1" for a flag.
type signed int

// Decode reads it.
func (s *signed) Decode(ctx *kong.DecodeContext) error {
	text := ctx.Scan.Pop().String()
	n, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("expected a number but got %q", text)
	}
	*s = signed(n)
	return nil
}

// repoCreated is what repo create prints with --json.
type repoCreated struct {
	Packages   int             `json:"packages"`
	Reused     int             `json:"reused"`    // with --update: not read again
	Unchanged  bool            `json:"unchanged"` // repodata was left alone
	Skipped    []repoSkipped   `json:"skipped"`
	Duplicates []repoDuplicate `json:"duplicates,omitempty"`
	Warnings   []string        `json:"warnings,omitempty"`
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
	bar, told := a.counter("indexing"), time.Now()
	o.Progress = func(done, total int, _ string) {
		bar.set(int64(done), int64(total))
		if bar == nil && time.Since(told) > progressEvery {
			told = time.Now()
			a.remark("indexed %d of %d packages\n", done, total)
		}
	}
	rep, err := repo.Create(ctx, r.Dir, o)
	bar.close()
	if wrong, ok := errors.AsType[*repo.OptionError](err); ok {
		return usagef("%v", wrong)
	}
	if err != nil {
		return err
	}
	return r.report(a, rep)
}

// progressEvery is how often a run that takes long says so where there is no
// terminal.
const progressEvery = 10 * time.Second

func (r *repoCreateCmd) report(a *app, rep *repo.Report) error {
	out := repoCreated{
		Packages: rep.Packages, Reused: rep.Reused, Unchanged: rep.Unchanged, Skipped: []repoSkipped{}, Warnings: rep.Warnings,
		Repomd: rep.RepomdChecksum.Value, Revision: rep.Repomd.Revision,
	}
	for _, s := range rep.Skipped {
		out.Skipped = append(out.Skipped, repoSkipped{s.Path, s.Err.Error()})
		a.say("skipped %s: %s\n", clean(s.Path), clean(s.Err.Error()))
	}
	for _, w := range rep.Warnings {
		a.remark("warning: %s\n", clean(w))
	}
	for _, d := range rep.Duplicates {
		out.Duplicates = append(out.Duplicates, repoDuplicate{d.NEVRA.String(), []string{d.First, d.Second}})
		a.remark("%s is there twice: %s and %s\n", clean(d.NEVRA.String()), clean(d.First), clean(d.Second))
	}
	switch {
	case rep.Unchanged:
		a.remark("nothing has changed; repodata stays as it is\n")
	case r.Update:
		a.remark("%d of %d packages were unchanged and not read\n", rep.Reused, rep.Packages)
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
		Compression: repo.Compression(r.Compress), Checksum: r.Checksum, Workers: r.Workers, OutputDir: r.Outputdir,
		Update: r.Update, TrustMTime: r.TrustMtime, DiscardExtra: r.DiscardOther, Cache: r.cache(),
		Excludes: r.Excludes, SkipSymlinks: r.SkipSymlinks, ChangelogLimit: int(r.ChangelogLimit),
		BaseURL: r.Baseurl, LocationPrefix: r.LocationPrefix, CutDirs: r.CutDirs,
		Groupfile: r.Comps, Revision: r.Revision, TimestampToRevision: r.SetTimestampToRevision, SimpleFilenames: r.SimpleMdFilenames,
		RepoTags: r.Repo, ContentTags: r.Content, KeepOld: r.KeepOld,
	}
	switch {
	case r.ChangelogLimit == 0:
		o.ChangelogLimit = repo.NoChangelogs
	case r.ChangelogLimit < 0:
		o.ChangelogLimit = repo.AllChangelogs
	}
	if r.Cache == "none" && r.Update {
		return o, usagef("--update goes by the side cache; --cache none leaves it without")
	}
	if r.KeepOld <= 0 {
		o.KeepOld = -1
	}
	for _, d := range r.Distro {
		tag := repo.DistroTag{Name: d}
		if cpe, name, ok := strings.Cut(d, ","); ok {
			tag = repo.DistroTag{CPEID: cpe, Name: name}
		}
		o.DistroTags = append(o.DistroTags, tag)
	}
	extra, err := r.extra()
	if err != nil {
		return o, err
	}
	o.Extra = extra
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

// cache is where the side cache goes: also without --update, so that the next
// run can have one.
func (r *repoCreateCmd) cache() string {
	switch {
	case r.Cache == "none":
		return ""
	case r.Cache != "":
		return r.Cache
	case r.Outputdir != "":
		return filepath.Join(r.Outputdir, repo.CacheName)
	}
	return filepath.Join(r.Dir, repo.CacheName)
}

func (r *repoCreateCmd) extra() ([]repo.Extra, error) {
	var list []repo.Extra
	if r.Updateinfo != "" {
		list = append(list, repo.Extra{Type: "updateinfo", Path: r.Updateinfo})
	}
	if r.Modules != "" {
		list = append(list, repo.Extra{Type: "modules", Path: r.Modules})
	}
	for _, m := range r.Metadata {
		kind, path, ok := strings.Cut(m, "=")
		if !ok || kind == "" || path == "" {
			return nil, usagef("--metadata: %q is not TYPE=FILE", m)
		}
		list = append(list, repo.Extra{Type: kind, Path: path})
	}
	return list, nil
}
