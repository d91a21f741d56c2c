package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
)

// source is one repository with what dnf knows of it.
type source struct {
	id               string
	location         repo.Location
	priority, cost   int
	include, exclude []string
}

// candidate is a package of a repository.
type candidate struct {
	*repo.Entry
	from *source
	base string
}

// world is everything that could be installed, and what is chosen.
type world struct {
	arch   string
	all    []*candidate
	chosen []*candidate
}

// repos loads what lorax's get_dnf_base_object would: URLs that it does not
// understand are dropped, those with srpm in them skipped.
func (s *session) repos(p *parser, temp string) (*world, bool) {
	var sources []*source
	for i, u := range p.values["--source"] {
		if strings.HasPrefix(u, "/") {
			u = "file://" + u
		}
		if !slices.ContainsFunc([]string{"http://", "https://", "ftp://", "file://"}, func(pre string) bool { return strings.HasPrefix(u, pre) }) {
			continue
		}
		if strings.Contains(u, "SRPM") || strings.Contains(u, "srpm") {
			s.log.info("Skipping source repo: %s", u)
			continue
		}
		id := "lorax-repo-" + strconv.Itoa(i)
		s.log.info("Added '%s': %s", id, u)
		sources = append(sources, &source{id: id, location: repo.Location{BaseURLs: []string{u}}, priority: 99, cost: 1000})
	}
	for _, file := range p.values["--repo"] {
		found, err := readRepoFile(file)
		if err != nil {
			s.log.error("%v", err)
			return nil, false
		}
		sources = append(sources, found...)
	}
	if len(sources) == 0 {
		s.log.error("No enabled repos")
		return nil, false
	}
	cache := p.last("--cachedir", filepath.Join(temp, "dnf.cache"))
	if err := os.Mkdir(cache, 0o755); err != nil && !os.IsExist(err) {
		s.log.error("%v", err)
		return nil, false
	}
	s.log.info("Fetching metadata...")
	w := &world{arch: p.last("--buildarch", "x86_64")}
	for _, src := range sources {
		if err := w.load(src, cache); err != nil {
			s.log.error("Problem fetching metadata: %v", err)
			return nil, false
		}
	}
	return w, true
}

func readRepoFile(file string) ([]*source, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var list []*source
	var cur *source
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(text, "[") {
			cur = &source{id: strings.Trim(text, "[]"), priority: 99, cost: 1000}
			if cur.id != "main" { // dnf takes it for its own configuration
				list = append(list, cur)
			}
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok || cur == nil {
			continue
		}
		switch key {
		case "baseurl":
			cur.location.BaseURLs = strings.Fields(value)
		case "metalink":
			cur.location.Metalink = value
		case "mirrorlist":
			cur.location.Mirrorlist = value
		case "priority":
			cur.priority, _ = strconv.Atoi(value)
		case "cost":
			cur.cost, _ = strconv.Atoi(value)
		case "includepkgs":
			cur.include = strings.Split(value, ",")
		case "excludepkgs":
			cur.exclude = strings.Split(value, ",")
		}
	}
	return list, lines.Err()
}

func (w *world) load(src *source, cache string) error {
	var r *repo.Repo
	var err error
	base := ""
	if len(src.location.BaseURLs) > 0 {
		base = src.location.BaseURLs[0]
	}
	if u, parseErr := url.Parse(base); parseErr == nil && u.Scheme == "file" {
		r, err = repo.OpenDir(u.Path)
	} else {
		var remote *repo.Remote
		if remote, err = repo.NewRemote(cache, repo.RemoteOptions{AllowLoopback: true, AllowPrivate: true}); err == nil {
			defer func() { _ = remote.Close() }()
			r, err = remote.Open(context.Background(), src.location)
		}
		if err == nil {
			base = r.URL
		}
	}
	if err != nil {
		return err
	}
	for e, err := range r.Primary(context.Background()) {
		if err != nil {
			return err
		}
		if e.Arch != "noarch" && e.Arch != w.arch || src.hides(e.Name) {
			continue
		}
		w.all = append(w.all, &candidate{Entry: e, from: src, base: base})
	}
	return nil
}

func (s *source) hides(name string) bool {
	match := func(globs []string) bool {
		return slices.ContainsFunc(globs, func(g string) bool { ok, _ := path.Match(g, name); return ok })
	}
	return len(s.include) > 0 && !match(s.include) || match(s.exclude)
}

func (w *world) name(name string) bool {
	return slices.ContainsFunc(w.all, func(c *candidate) bool { return c.Name == name })
}

// better is dnf's order: priority, version, cost.
func better(a, b *candidate) int {
	return cmp.Or(cmp.Compare(a.from.priority, b.from.priority), b.EVR.Compare(a.EVR), cmp.Compare(a.from.cost, b.from.cost))
}

// pick is the best of those that fit; packages of a repository of lower priority
// are hidden by name.
func (w *world) pick(fits func(*candidate) bool) *candidate {
	best := map[string]int{}
	for _, c := range w.all {
		if p, ok := best[c.Name]; !ok || c.from.priority < p {
			best[c.Name] = c.from.priority
		}
	}
	var found *candidate
	for _, c := range w.all {
		if c.from.priority == best[c.Name] && fits(c) && (found == nil || better(c, found) < 0) {
			found = c
		}
	}
	return found
}

// newest is what lorax's _pkgver leaves: the latest version, and only then the
// better priority.
func (w *world) newest(fits func(*candidate) bool) *candidate {
	var found *candidate
	for _, c := range w.all {
		if fits(c) && (found == nil || cmp.Or(found.EVR.Compare(c.EVR), cmp.Compare(c.from.priority, found.from.priority)) < 0) {
			found = c
		}
	}
	return found
}

// want chooses what an installpkg line names: a glob, or a name with a version.
func (w *world) want(spec string) bool {
	name, dep := spec, rpm.Dependency{}
	if i := strings.IndexAny(spec, "<>="); i > 0 {
		evr := strings.TrimLeft(spec[i:], "<>=")
		name, dep.EVR = spec[:i], evr
		for _, r := range spec[i : len(spec)-len(evr)] {
			dep.Flags |= map[rune]rpm.DepFlags{'<': rpm.DepLess, '>': rpm.DepGreater, '=': rpm.DepEqual}[r]
		}
		if dep.Flags == rpm.DepEqual && !strings.Contains(evr, "-") {
			return false // lorax: with = the release belongs to it
		}
	}
	names := map[string]bool{}
	for _, c := range w.all {
		if ok, _ := path.Match(name, c.Name); ok {
			names[c.Name] = true
		}
	}
	any := false
	for n := range names {
		c := w.newest(func(c *candidate) bool {
			return c.Name == n && rpm.Overlaps(rpm.Dependency{Name: n, Flags: rpm.DepEqual, EVR: c.EVR.String()}, rpm.Dependency{Name: n, Flags: dep.Flags, EVR: dep.EVR})
		})
		if c != nil {
			w.choose(c)
			any = true
		}
	}
	return any
}

func (w *world) choose(c *candidate) {
	if !slices.ContainsFunc(w.chosen, func(o *candidate) bool { return o.Name == c.Name && o.Arch == c.Arch }) {
		w.chosen = append(w.chosen, c)
	}
}

// solve adds what the chosen ones require; it returns what nothing provides.
func (w *world) solve() (problems []string) {
	for i := 0; i < len(w.chosen); i++ {
		for _, r := range w.chosen[i].Requires {
			if strings.HasPrefix(r.Name, "rpmlib(") || strings.HasPrefix(r.Name, "(") || w.met(r) {
				continue
			}
			if c := w.pick(func(c *candidate) bool { return provides(c, r) }); c != nil {
				w.choose(c)
				continue
			}
			problems = append(problems, fmt.Sprintf("nothing provides %s needed by %s from %s", r.Name, w.chosen[i].NEVRA(), w.chosen[i].from.id))
		}
	}
	slices.SortFunc(w.chosen, func(a, b *candidate) int { return strings.Compare(a.Name, b.Name) })
	return problems
}

func (w *world) met(r repo.Relation) bool {
	return slices.ContainsFunc(w.chosen, func(c *candidate) bool { return provides(c, r) })
}

func provides(c *candidate, r repo.Relation) bool {
	for _, p := range c.Provides {
		if p.Name == r.Name && rpm.Overlaps(
			rpm.Dependency{Name: p.Name, Flags: p.Flags, EVR: p.EVR.String()}, rpm.Dependency{Name: r.Name, Flags: r.Flags, EVR: r.EVR.String()}) {
			return true
		}
	}
	return slices.ContainsFunc(c.Files, func(f repo.EntryFile) bool { return f.Path == r.Name })
}

// download brings the RPMs of the chosen ones, checked.
func (w *world) download(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i, c := range w.chosen {
		if err := c.download(filepath.Join(dir, path.Base(c.Location))); err != nil {
			return fmt.Errorf("%s: %w", c.NEVRA(), err)
		}
		fmt.Printf("Downloading %d / %d RPMs\n", i+1, len(w.chosen))
	}
	return nil
}

func get(u string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, u, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s: %s", u, resp.Status)
	}
	return resp.Body, nil
}

func (c *candidate) download(to string) error {
	u, err := url.Parse(c.base)
	if err != nil {
		return err
	}
	u = u.JoinPath(c.Location)
	var in io.ReadCloser
	if u.Scheme == "file" {
		in, err = os.Open(u.Path)
	} else {
		in, err = get(u.String())
	}
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), in)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if sum := hex.EncodeToString(h.Sum(nil)); err == nil && c.Checksum.Type == "sha256" && sum != c.Checksum.Value {
		err = fmt.Errorf("checksum is %s", sum)
	}
	return err
}
