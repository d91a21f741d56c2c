package bodhitest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/bodhi"
)

func (s *Server) serveUpdates(w http.ResponseWriter, r *http.Request) {
	p := &params{v: r.URL.Query()}
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := s.updateFilter(p)
	shows := p.flag("display_user")
	var rows []any
	if len(p.errs) == 0 {
		for _, e := range s.newestFirst() {
			if !slices.ContainsFunc(keep, func(f func(*entry) bool) bool { return !f(e) }) {
				rows = append(rows, e.json(s, base(r)))
			}
		}
	}
	var pkg any
	if names := p.split("packages"); len(names) > 0 {
		pkg = names[0]
	}
	collection(w, r, p, "updates", rows, object{
		"chrome": true, "display_user": shows == nil || *shows, "display_request": true, "package": pkg,
	})
}

func (s *Server) newestFirst() []*entry {
	sorted := slices.Clone(s.updates)
	slices.SortStableFunc(sorted, func(a, b *entry) int {
		if c := b.Submitted.Compare(a.Submitted); c != 0 {
			return c
		}
		return b.serial - a.serial
	})
	return sorted
}

// updateFilter makes one condition of each parameter of ListUpdateSchema.
func (s *Server) updateFilter(p *params) []func(*entry) bool {
	var keep []func(*entry) bool
	list := func(values []string, of func(*entry) []string) {
		if len(values) > 0 {
			keep = append(keep, func(e *entry) bool { return overlap(values, of(e)) })
		}
	}
	one := func(value string, of func(*entry) string) {
		if value != "" {
			keep = append(keep, func(e *entry) bool { return of(e) == value })
		}
	}
	flag := func(name string, of func(*entry) bool) {
		if want := p.flag(name); want != nil {
			keep = append(keep, func(e *entry) bool { return of(e) == *want })
		}
	}
	span := func(name string, of func(*entry) time.Time) {
		if since := p.moment(name + "_since"); !since.IsZero() {
			keep = append(keep, func(e *entry) bool { return !of(e).IsZero() && !of(e).Before(since) })
		}
		if before := p.moment(name + "_before"); !before.IsZero() {
			keep = append(keep, func(e *entry) bool { return !of(e).IsZero() && of(e).Before(before) })
		}
	}
	alias := func(e *entry) []string { return []string{e.Alias} }
	list(p.split("alias"), alias)
	list(p.split("updateid"), alias)
	list(p.split("builds"), (*entry).nvrs)
	list(p.split("packages"), (*entry).packages)
	list(s.releaseNames(p), func(e *entry) []string { return []string{e.release.Name} })
	list(s.users(p, "user"), func(e *entry) []string { return []string{e.User} })
	list(bugs(p), (*entry).bugs)
	list(p.oneOf("status", statuses()), func(e *entry) []string { return []string{string(e.Status)} })
	list(p.oneOf("gating", gatings()), func(e *entry) []string { return []string{string(e.Gating)} })
	one(p.choice("request", requests()), func(e *entry) string { return string(e.Request) })
	one(p.choice("severity", severities()), func(e *entry) string { return string(e.Severity) })
	one(p.choice("suggest", suggestions()), func(e *entry) string { return string(e.Suggest) })
	one(p.choice("type", types()), func(e *entry) string { return string(e.Type) })
	one(p.choice("content_type", contents()), (*entry).content)
	flag("critpath", func(e *entry) bool { return e.Critpath })
	flag("locked", func(e *entry) bool { return e.Locked })
	flag("pushed", (*entry).isPushed)
	flag("from_side_tag", func(e *entry) bool { return e.FromTag != "" })
	span("submitted", func(e *entry) time.Time { return e.Submitted })
	span("modified", func(e *entry) time.Time { return e.Modified })
	span("approved", func(e *entry) time.Time { return e.Approved })
	// In SQL the hybrid property date_pushed is date_stable alone.
	span("pushed", func(e *entry) time.Time { return e.Stable })
	if pattern := p.text("like"); pattern != "" {
		keep = append(keep, func(e *entry) bool {
			return slices.ContainsFunc(e.nvrs(), func(nvr string) bool { return like("%"+pattern+"%", nvr) })
		})
	}
	if word := strings.ToLower(p.text("search")); word != "" {
		keep = append(keep, func(e *entry) bool {
			return strings.Contains(strings.ToLower(strings.Join(append(e.nvrs(), e.Alias), "\n")), word)
		})
	}
	return keep
}

func (e *entry) packages() []string {
	names := e.nvrs()
	for i := range names {
		names[i] = packageName(names[i])
	}
	return names
}

func (e *entry) bugs() []string {
	ids := make([]string, 0, len(e.Bugs))
	for _, b := range e.Bugs {
		ids = append(ids, strconv.Itoa(b.ID))
	}
	return ids
}

func (e *entry) content() string {
	if len(e.Builds) == 0 {
		return ""
	}
	return string(e.Builds[0].Type)
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(v string) bool { return slices.Contains(b, v) })
}

// releaseNames resolves names, versions and the magic words of both parameters.
func (s *Server) releaseNames(p *params) []string {
	wanted := p.split("releases")
	if single := p.text("release"); single != "" {
		wanted = append(wanted, single)
	}
	var names, unknown []string
	for _, want := range wanted {
		found := s.matchRelease(want)
		magic := want == "__current__" || want == "__pending__" || want == "__archived__"
		if len(found) == 0 && !magic {
			unknown = append(unknown, want)
		}
		names = append(names, found...)
	}
	if len(unknown) > 0 {
		p.bad("releases", "Invalid releases specified: %s", strings.Join(unknown, ", "))
	}
	if len(wanted) > 0 && len(names) == 0 {
		return []string{""} // a magic word that selects nothing
	}
	return names
}

func (s *Server) matchRelease(want string) []string {
	states := map[string][]bodhi.ReleaseState{
		"__current__":  {bodhi.ReleaseCurrent},
		"__pending__":  {bodhi.ReleasePending, bodhi.ReleaseFrozen},
		"__archived__": {bodhi.ReleaseArchived},
	}[want]
	var names []string
	for _, r := range s.releases {
		if slices.Contains(states, r.State) {
			names = append(names, r.Name)
		}
		if r.Name == want || r.Name == strings.ToUpper(want) || r.Version == want {
			return []string{r.Name}
		}
	}
	return names
}

func bugs(p *params) []string {
	ids := p.split("bugs")
	for _, id := range ids {
		if _, err := strconv.Atoi(id); err != nil {
			p.bad("bugs", "Invalid bug ID specified: %s", pyList(ids))
			break
		}
	}
	return ids
}

func (s *Server) serveUpdate(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(id); e != nil {
		answer(w, http.StatusOK, object{"update": e.json(s, base(r)), "can_edit": false, "ci_allowed": false})
		return
	}
	if s.isPackage(id) {
		w.Header().Set("Location", base(r)+"/updates/?packages="+url.QueryEscape(id))
		moved(w, http.StatusFound, "The resource was found at "+base(r)+"/updates/?packages="+id)
		return
	}
	answerErrors(w, http.StatusNotFound, complaint{"url", "id", "Invalid update id"})
}

func (s *Server) isPackage(name string) bool {
	return slices.ContainsFunc(s.updates, func(e *entry) bool { return slices.Contains(e.packages(), name) })
}

func (s *Server) serveReleases(w http.ResponseWriter, r *http.Request) {
	p := &params{v: r.URL.Query()}
	s.mu.Lock()
	defer s.mu.Unlock()
	states := p.oneOf("state", releaseStates())
	pattern := p.text("name")
	noArchived := p.flag("exclude_archived")
	updates, packages := s.known(p, "updates", s.find), s.knownPackages(p)
	for i, id := range p.v["ids"] {
		if _, err := strconv.Atoi(id); err != nil {
			p.bad(fmt.Sprintf("ids.%d", i), "%q is not a number", id)
		}
	}
	sorted := slices.Clone(s.releases)
	slices.SortFunc(sorted, func(a, b *bodhi.Release) int { return strings.Compare(a.Name, b.Name) })
	var rows []any
	for _, rel := range sorted {
		holds := func(keep func(*entry) bool) bool {
			return slices.ContainsFunc(s.updates, func(e *entry) bool { return e.release == rel && keep(e) })
		}
		switch {
		case len(states) > 0 && !slices.Contains(states, string(rel.State)),
			pattern != "" && !like(pattern, rel.Name),
			noArchived != nil && *noArchived && rel.State == bodhi.ReleaseArchived,
			len(p.v["ids"]) > 0 && !slices.Contains(p.v["ids"], strconv.Itoa(s.releaseID(rel))),
			len(updates) > 0 && !holds(func(e *entry) bool { return slices.Contains(updates, e.Alias) }),
			len(packages) > 0 && !holds(func(e *entry) bool { return overlap(packages, e.packages()) }):
			continue
		}
		rows = append(rows, releaseJSON(rel))
	}
	collection(w, r, p, "releases", rows, nil)
}

// releaseID is the internal number: the order of adding, from 1.
func (s *Server) releaseID(r *bodhi.Release) int { return slices.Index(s.releases, r) + 1 }

func (s *Server) known(p *params, name string, find func(string) *entry) []string {
	values := p.split(name)
	var unknown []string
	for _, v := range values {
		if find(v) == nil {
			unknown = append(unknown, v)
		}
	}
	if len(unknown) > 0 {
		p.bad(name, "Invalid %s specified: %s", name, strings.Join(unknown, ", "))
	}
	return values
}

func (s *Server) knownPackages(p *params) []string {
	return s.known(p, "packages", func(name string) *entry {
		for _, e := range s.updates {
			if slices.Contains(e.packages(), name) {
				return e
			}
		}
		return nil
	})
}

func (s *Server) serveRelease(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rel := range s.releases {
		if rel.Name == name || rel.LongName == name || rel.DistTag == name {
			answer(w, http.StatusOK, releaseJSON(rel))
			return
		}
	}
	answerErrors(w, http.StatusNotFound, complaint{"body", "name", "No such release"})
}

func (s *Server) serveBuilds(w http.ResponseWriter, r *http.Request) {
	p := &params{v: r.URL.Query()}
	s.mu.Lock()
	defer s.mu.Unlock()
	nvr := p.text("nvr")
	releases := s.releaseNames(p)
	updates, packages := s.known(p, "updates", s.find), s.knownPackages(p)
	byNVR := map[string]any{}
	for _, e := range s.updates {
		if len(releases) > 0 && !slices.Contains(releases, e.release.Name) || len(updates) > 0 && !slices.Contains(updates, e.Alias) {
			continue
		}
		for _, b := range e.Builds {
			if (nvr == "" || b.NVR == nvr) && (len(packages) == 0 || slices.Contains(packages, packageName(b.NVR))) {
				byNVR[b.NVR] = buildJSON(b)
			}
		}
	}
	collection(w, r, p, "builds", sortedRows(byNVR), nil)
}

func (s *Server) serveBuild(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.updates {
		for _, b := range e.Builds {
			if b.NVR == r.PathValue("nvr") {
				answer(w, http.StatusOK, buildJSON(b))
				return
			}
		}
	}
	answerErrors(w, http.StatusNotFound, complaint{"body", "nvr", "No such build"})
}

func (s *Server) servePackages(w http.ResponseWriter, r *http.Request) {
	p := &params{v: r.URL.Query()}
	s.mu.Lock()
	defer s.mu.Unlock()
	name, pattern, word := p.text("name"), p.text("like"), strings.ToLower(p.text("search"))
	byName := map[string]any{}
	for _, e := range s.updates {
		for i, pkg := range e.packages() {
			if (name == "" || name == pkg) && (pattern == "" || like("%"+pattern+"%", pkg)) && strings.Contains(strings.ToLower(pkg), word) {
				byName[pkg] = object{"name": pkg, "type": e.Builds[i].Type}
			}
		}
	}
	collection(w, r, p, "packages", sortedRows(byName), nil)
}

func sortedRows(byKey map[string]any) []any {
	keys := make([]string, 0, len(byKey))
	for k := range byKey {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	rows := make([]any, 0, len(keys))
	for _, k := range keys {
		rows = append(rows, byKey[k])
	}
	return rows
}

// base is the address the client used, for the links in answers.
func base(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
