package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/index"
)

// reposHelp is what the verbs that read repositories say of their arguments.
const reposHelp = `A repository is a folder, a URL, or the URL of a metalink or mirror list. What is read over the network is kept in the cache directory (XDG_CACHE_HOME, ~/.cache/respin), and asked for again only when it has changed.`

// repoReader opens the repositories of one command.
type repoReader struct {
	app    *app
	remote *repo.Remote
}

func (a *app) repoReader() *repoReader { return &repoReader{app: a} }

func (r *repoReader) close() {
	if r.remote != nil {
		_ = r.remote.Close()
	}
}

// cacheDir is where metadata and indexes are kept; "" when nobody says.
func (a *app) cacheDir() string {
	if dir := a.getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "respin")
	}
	if home := a.getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".cache", "respin")
	}
	return ""
}

func (r *repoReader) indexes() index.Cache {
	if dir := r.app.cacheDir(); dir != "" {
		return index.Cache{Dir: filepath.Join(dir, "indexes")}
	}
	return index.Cache{}
}

// open opens a folder or a URL.
func (r *repoReader) open(ctx context.Context, where string) (*repo.Repo, error) {
	var (
		rp  *repo.Repo
		err error
	)
	if isURL(where) {
		rp, err = r.openURL(ctx, where)
	} else {
		rp, err = repo.OpenDir(where)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return rp, nil
}

func (r *repoReader) openURL(ctx context.Context, where string) (*repo.Repo, error) {
	if r.remote == nil {
		dir := r.app.cacheDir()
		if dir == "" {
			return repo.Open(ctx, where, nil)
		}
		// Who types a URL may reach what he can reach anyway.
		var err error
		if r.remote, err = repo.NewRemote(filepath.Join(dir, "repos"), repo.RemoteOptions{AllowLoopback: true, AllowPrivate: true}); err != nil {
			return nil, err
		}
	}
	return r.remote.Open(ctx, repo.LocationOf(where))
}

// source takes "NAME=REPO" apart and opens it.
func (r *repoReader) source(ctx context.Context, arg string) (check.Source, error) {
	name, where, ok := strings.Cut(arg, "=")
	if !ok || name == "" || strings.ContainsAny(name, "/:?") {
		name, where = arg, arg
	}
	rp, err := r.open(ctx, where)
	return check.Source{Name: name, Repo: rp}, err
}

type repoCheckCmd struct {
	Repo    string   `arg:"" name:"dir" help:"Repository to check: a folder or a URL."`
	Against []string `sep:"none" placeholder:"REPO" help:"Repository that it is used with, such as the distribution's and its updates; NAME=REPO calls it NAME. May be given several times."`
	Arch    string   `placeholder:"ARCH" help:"Only packages of this architecture and those that run beside it. Default: all, each by itself."`
	Source  bool     `help:"Source packages too: what they need to be built is looked for."`
	Strict  bool     `help:"Warnings make the check fail too."`
	Notes   bool     `help:"Print notes too."`
}

func (*repoCheckCmd) about() string {
	return `Does every requirement of every package have a provider, in the repository itself or in those it is used with? Are there conflicts, obsoletes, other content under the same name and version, newer versions elsewhere, packages elsewhere that lose what they require? Messages are those of dnf, with what comes near. Nothing is solved or downloaded but metadata.

Exit code 1 when an error was found: a package that cannot be installed or would not be the one that is taken.

` + reposHelp
}

func (*repoCheckCmd) examples() []example {
	return []example{
		{"respin repo check rpms/ --against os=https://example.org/fedora/44/Everything/x86_64/os/ --against updates=https://example.org/updates/44/Everything/x86_64/", "Is this update complete?"},
		{"respin repo check rpms/ --against 'https://mirrors.fedoraproject.org/metalink?repo=fedora-44&arch=x86_64' --json", "The same, for a program."},
	}
}

// repoChecked is what repo check prints with --json.
type repoChecked struct {
	*check.Report
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
}

// Run is the verb.
func (r *repoCheckCmd) Run(ctx context.Context, a *app) error {
	reader := a.repoReader()
	defer reader.close()
	sources := make([]check.Source, 0, len(r.Against)+1)
	for _, arg := range append([]string{r.Repo}, r.Against...) {
		s, err := reader.source(ctx, arg)
		if err != nil {
			return err
		}
		sources = append(sources, s)
	}
	bar := a.counter("read repositories")
	repos, err := check.Load(ctx, reader.indexes(), sources...)
	bar.close()
	if err != nil {
		return err
	}
	bar = a.counter("check packages")
	report, err := check.Run(ctx, repos[0], repos[1:], check.Options{
		Arch: r.Arch, Source: r.Source,
		Progress: func(done, total int) { bar.set(int64(done), int64(total)) },
	})
	bar.close()
	if err != nil {
		return err
	}
	out := repoChecked{Report: report, Errors: report.Count(check.Error)}
	out.Warnings = report.Count(check.Warning) - out.Errors
	out.Notes = len(report.Problems) - out.Errors - out.Warnings
	if out.Problems == nil {
		out.Problems = []check.Problem{}
	}
	if a.global.JSON {
		a.printJSON(out)
	} else {
		r.print(a, &out)
	}
	if out.Errors > 0 || r.Strict && out.Warnings > 0 {
		return &saidError{ExitOther}
	}
	return nil
}

func (r *repoCheckCmd) print(a *app, out *repoChecked) {
	colors := map[check.Severity]string{check.Error: colorBad, check.Warning: colorWarn}
	for _, p := range out.Problems {
		if p.Severity == check.Note && !r.Notes {
			continue
		}
		a.printf("%s: %s\n", paint(a.outColor, colors[p.Severity], string(p.Severity)), clean(p.Text))
		for _, m := range p.Misses {
			a.printf("    %s\n", clean(m))
		}
	}
	if out.Omitted > 0 {
		a.remark("%d more are left out: pairs of packages that conflict, obsolete each other or are there twice\n", out.Omitted)
	}
	hint := ""
	if out.Notes > 0 && !r.Notes {
		hint = " (--notes shows them)"
	}
	a.remark("%s and %s checked: %s, %s, %s%s\n", plural(out.Packages, "package"), plural(out.Requirements, "requirement"),
		plural(out.Errors, "error"), plural(out.Warnings, "warning"), plural(out.Notes, "note"), hint)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

type repoDiffCmd struct {
	A string `arg:"" name:"a" help:"Repository as it was: a folder or a URL."`
	B string `arg:"" name:"b" help:"Repository as it is."`
}

func (*repoDiffCmd) about() string {
	return "What changed, by name and architecture: added, removed, upgraded, downgraded, and rebuilt (other content under the same version). Exit code 0 whatever it is.\n\n" + reposHelp
}

func (*repoDiffCmd) examples() []example {
	return []example{{"respin repo diff old/ new/", "Packages that came, went and changed, with sizes."}}
}

// repoDiffed is what repo diff prints with --json.
type repoDiffed struct {
	Changes []repoChange       `json:"changes"`
	Counts  map[string]int     `json:"counts"`
	Before  repoDiffedTotal    `json:"before"`
	After   repoDiffedTotal    `json:"after"`
	kinds   []index.ChangeKind // in the order of their first appearance in text
}

type repoDiffedTotal struct {
	Packages int   `json:"packages"`
	Size     int64 `json:"size"` // of the RPMs
}

type repoChange struct {
	Kind    index.ChangeKind `json:"kind"`
	Name    string           `json:"name"`
	Arch    string           `json:"arch"`
	Old     string           `json:"old,omitempty"` // [epoch:]version-release
	New     string           `json:"new,omitempty"`
	OldSize int64            `json:"old_size,omitempty"`
	NewSize int64            `json:"new_size,omitempty"`
}

// Run is the verb.
func (r *repoDiffCmd) Run(ctx context.Context, a *app) error {
	reader := a.repoReader()
	defer reader.close()
	var sides [2]*index.Index
	for i, where := range []string{r.A, r.B} {
		rp, err := reader.open(ctx, where)
		if err != nil {
			return err
		}
		if sides[i], err = reader.indexes().Open(ctx, rp); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
	}
	out := repoDiffed{Changes: []repoChange{}, Counts: map[string]int{}, Before: totalOf(sides[0]), After: totalOf(sides[1])}
	for _, c := range index.Compare(sides[0], sides[1]) {
		change := repoChange{Kind: c.Kind, Name: c.Name, Arch: c.Arch, OldSize: c.OldSize, NewSize: c.NewSize}
		if c.Old.Version != "" {
			change.Old = c.Old.String()
		}
		if c.New.Version != "" {
			change.New = c.New.String()
		}
		out.Changes = append(out.Changes, change)
		out.Counts[string(c.Kind)]++
	}
	out.kinds = []index.ChangeKind{index.Added, index.Removed, index.Upgraded, index.Downgraded, index.Rebuilt}
	if a.global.JSON {
		a.printJSON(out)
		return nil
	}
	out.print(a)
	return nil
}

func totalOf(ix *index.Index) repoDiffedTotal {
	t := repoDiffedTotal{Packages: ix.Len()}
	for p := range ix.Packages() {
		t.Size += p.Size()
	}
	return t
}

func (d *repoDiffed) print(a *app) {
	if len(d.Changes) > 0 {
		t := &table{head: []string{"CHANGE", "PACKAGE", "FROM", "TO", "SIZE"}}
		for _, c := range d.Changes {
			t.add(string(c.Kind), c.Name+"."+c.Arch, dash(c.Old), dash(c.New), sizeChange(c.OldSize, c.NewSize))
		}
		a.printTable(t)
	}
	var counts []string
	for _, k := range d.kinds {
		if n := d.Counts[string(k)]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, k))
		}
	}
	if counts == nil {
		counts = []string{"no change"}
	}
	a.remark("%s; %s, %s -> %s, %s (%s)\n", strings.Join(counts, ", "), plural(d.Before.Packages, "package"), bytesText(d.Before.Size),
		plural(d.After.Packages, "package"), bytesText(d.After.Size), sizeChange(d.Before.Size, d.After.Size))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// sizeChange writes a difference in bytes with its sign.
func sizeChange(old, now int64) string {
	switch d := now - old; {
	case d > 0:
		return "+" + bytesText(d)
	case d < 0:
		return "-" + bytesText(-d)
	}
	return "0 B"
}
