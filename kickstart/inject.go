package kickstart

import (
	"fmt"
	"slices"
	"strings"
)

// defaultCost is dnf's cost of a repository that names none, and that of the
// url command, which cannot name one.
const defaultCost = 1000

// Injection is what InjectRepos did.
type Injection struct {
	Repos []Repo // as they were written, with their final names and costs
	// Notes say what the kickstart cannot promise, a sentence each.
	Notes []string
}

// InjectRepos adds side repositories in such a way that they win, and changes
// nothing else:
//
//   - A side repo without a Cost gets one below all others (dnf takes a
//     package that several repositories have from the cheapest; the url command
//     counts 1000).
//   - The name "updates", which anaconda keeps for itself, and names in use get
//     a suffix.
//   - The url command stays: livemedia-creator and anaconda want it beside repo.
//   - prefer names packages, or globs, that must come from the side even if
//     another repository has a newer version, for which cost counts nothing and
//     a kickstart knows no priority: they are put on --excludepkgs of the other
//     repo commands. The url command has no such option; a note says so.
//
// On error, a *ValueError or ErrIncluded, nothing is changed.
func (d *Document) InjectRepos(side []Repo, prefer ...string) (Injection, error) {
	for _, name := range prefer {
		if err := checkListItem("prefer", name); err != nil {
			return Injection{}, err
		}
	}
	work := &Document{Name: d.Name, nodes: slices.Clone(d.nodes), version: d.version, eol: d.eol}
	old := d.Repos()
	in := Injection{}
	cost := d.cheapest(old) - 1
	if cost < 1 {
		cost = 1
		in.note("Another repo has cost 1 already: of equal packages, dnf may take its.")
	}
	_, hasURL := d.URL()
	if len(prefer) > 0 {
		if err := work.excludeFrom(prefer); err != nil {
			return Injection{}, err
		}
		if hasURL {
			in.note("The url command cannot exclude packages: a version of %s there that is newer than the side's still wins.", strings.Join(prefer, ", "))
		}
	}
	if !hasURL && len(side) > 0 {
		in.note("The kickstart has no url command: livemedia-creator refuses repo without it, and anaconda installs from its own medium.")
	}
	for _, r := range side {
		r.Name = work.freeName(r.Name)
		if r.Cost == 0 {
			r.Cost = cost
		}
		if err := work.AddRepo(r); err != nil {
			return Injection{}, err
		}
		r.Pos = Position{}
		in.Repos = append(in.Repos, r)
	}
	d.nodes = work.nodes
	return in, nil
}

func (in *Injection) note(format string, args ...any) {
	in.Notes = append(in.Notes, fmt.Sprintf(format, args...))
}

// cheapest is the lowest cost of the repositories that are there.
func (d *Document) cheapest(repos []Repo) int {
	lowest := defaultCost
	for _, r := range repos {
		if r.Cost > 0 {
			lowest = min(lowest, r.Cost)
		}
	}
	return lowest
}

// freeName finds a name that is neither reserved nor in use.
func (d *Document) freeName(name string) string {
	used := map[string]bool{reservedRepo: true}
	for _, r := range d.Repos() {
		used[r.Name] = true
	}
	free := name
	if name == reservedRepo {
		free = name + "-side"
	}
	for n := 2; used[free]; n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}

// excludeFrom keeps packages out of the repos that are there.
func (d *Document) excludeFrom(names []string) error {
	for c := range d.Commands("repo") {
		if !slices.Contains(d.nodes, Node(c)) {
			return fmt.Errorf("exclude packages at %s: %w", c.pos, ErrIncluded)
		}
	}
	for i, n := range d.nodes {
		c, isCommand := n.(*Command)
		if !isCommand || c.Name != "repo" {
			continue
		}
		a, ok := d.read(c)
		if !ok {
			continue
		}
		list := a.list("excludepkgs")
		for _, name := range names {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
		edited, err := d.withOption(c, "--excludepkgs", quoteOption("--excludepkgs", strings.Join(list, ",")))
		if err != nil {
			return err
		}
		d.nodes[i] = edited
	}
	return nil
}

// AddRepoArgument gives the boot argument that tells anaconda of the repo
// where no kickstart does, "inst.addrepo=NAME,URL", and which fields of the
// repo are lost on the way: the argument carries a name and the address of one
// installable tree or repository, over http, https, ftp, nfs, hd or file. The
// source it adds stands beside that of inst.repo or of the medium, without a
// cost of its own. A repo without BaseURL gives a *ValueError.
//
// Source: anaconda's documentation of boot options.
func (r Repo) AddRepoArgument() (arg string, lost []string, err error) {
	if err := r.check(); err != nil {
		return "", nil, err
	}
	if r.BaseURL == "" {
		return "", nil, &ValueError{"BaseURL", "is empty: inst.addrepo takes neither mirror list nor metalink"}
	}
	if strings.ContainsAny(r.BaseURL, `"'`) {
		return "", nil, &ValueError{"BaseURL", "holds a quote, which a kernel command line cannot carry"}
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Cost", r.Cost != 0},
		{"IncludePkgs", len(r.IncludePkgs) > 0},
		{"ExcludePkgs", len(r.ExcludePkgs) > 0},
		{"Proxy", r.Proxy != ""},
		{"NoVerifySSL", r.NoVerifySSL},
		{"Install", r.Install},
		{"SSLCACert", r.SSLCACert != ""},
		{"SSLClientCert", r.SSLClientCert != ""},
		{"SSLClientKey", r.SSLClientKey != ""},
	} {
		if f.set {
			lost = append(lost, f.name)
		}
	}
	return "inst.addrepo=" + r.Name + "," + r.BaseURL, lost, nil
}
