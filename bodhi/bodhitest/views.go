package bodhitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/bodhi"
)

// Compose is a push in progress.
type Compose struct {
	Release string              // the name of a release added before
	Request bodhi.UpdateRequest // default: testing
	State   bodhi.ComposeState  // default: requested
	Error   string
	Updates []string // aliases, which the compose locks
	// Created and StateDate default to the server's clock.
	Created, StateDate time.Time
}

// AddCompose starts a push; there is one at a time of a release to a
// repository. Its updates are locked.
func (s *Server) AddCompose(c Compose) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	set(&c.Request, bodhi.RequestTesting)
	set(&c.State, bodhi.ComposeRequested)
	set(&c.Created, s.now())
	set(&c.StateDate, c.Created)
	if s.release(c.Release) == nil || s.compose(c.Release, string(c.Request)) != nil {
		return fmt.Errorf("add compose: no release %q, or it is composed already", c.Release)
	}
	for _, alias := range c.Updates {
		e := s.find(alias)
		if e == nil {
			return fmt.Errorf("add compose: no update %s", alias)
		}
		e.Locked = true
	}
	s.composes = append(s.composes, &c)
	return nil
}

// EndCompose ends a push: its updates are not locked any more.
func (s *Server) EndCompose(release string, request bodhi.UpdateRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.compose(release, string(request))
	if c == nil {
		return fmt.Errorf("end compose: none of %s %s", release, request)
	}
	for _, alias := range c.Updates {
		if e := s.find(alias); e != nil {
			e.Locked = false
		}
	}
	s.composes = slices.DeleteFunc(s.composes, func(other *Compose) bool { return other == c })
	return nil
}

func (s *Server) compose(release, request string) *Compose {
	for _, c := range s.composes {
		if c.Release == release && string(c.Request) == request {
			return c
		}
	}
	return nil
}

func (s *Server) composeJSON(c *Compose) object {
	release := s.release(c.Release)
	summary := []any{}
	var content any
	security := false
	for _, alias := range c.Updates {
		if e := s.find(alias); e != nil {
			summary = append(summary, object{"alias": e.Alias, "title": e.shortTitle()})
			security = security || e.Type == bodhi.TypeSecurity
			content = null(e.content())
		}
	}
	return object{
		"release_id": s.releaseID(release), "request": c.Request, "state": c.State, "state_date": moment(c.StateDate), "date_created": moment(c.Created),
		"checkpoints": "{}", "error_message": null(c.Error), "release": releaseJSON(release), "content_type": content, "security": security, "update_summary": summary,
	}
}

// serveComposes sorts by urgency: security first, then stable, then age.
func (s *Server) serveComposes(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rank := func(c *Compose) int {
		n := 0
		if secure, _ := s.composeJSON(c)["security"].(bool); !secure {
			n += 2
		}
		if c.Request != bodhi.RequestStable {
			n++
		}
		return n
	}
	sorted := slices.Clone(s.composes)
	slices.SortStableFunc(sorted, func(a, b *Compose) int { return rank(a) - rank(b) })
	rows := []any{}
	for _, c := range sorted {
		rows = append(rows, s.composeJSON(c))
	}
	answer(w, http.StatusOK, object{"composes": rows})
}

func (s *Server) serveCompose(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.compose(r.PathValue("release"), r.PathValue("request"))
	if c == nil {
		notFoundPage(w, r)
		return
	}
	answer(w, http.StatusOK, object{"compose": s.composeJSON(c)})
}

// SetDecisions makes Greenwave decide so about an update. Without any decision
// this Bodhi has no Greenwave.
func (s *Server) SetDecisions(alias string, decisions ...bodhi.Decision) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(alias) == nil {
		return fmt.Errorf("set decisions: no %s", alias)
	}
	s.decisions[alias] = decisions
	return nil
}

func (s *Server) serveTestResults(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	alias := r.PathValue("id")
	switch {
	case s.find(alias) == nil:
		answerErrors(w, http.StatusNotFound, complaint{"url", "id", "Invalid update id"})
	case len(s.decisions) == 0:
		answerErrors(w, http.StatusNotImplemented, complaint{"body", "request", "No greenwave_api_url specified"})
	default:
		decisions := s.decisions[alias]
		if decisions == nil {
			decisions = []bodhi.Decision{}
		}
		answer(w, http.StatusOK, object{"decisions": decisions})
	}
}

// SetTagged says which builds Koji has in a tag, the newest of each package
// first, for the views that pass that on. What the NVR tells may be left out.
func (s *Server) SetTagged(tag string, builds ...bodhi.KojiBuild) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tagged[tag] = slices.Clone(builds)
	for i := range builds {
		b := &s.tagged[tag][i]
		b.TagName = tag
		name := packageName(b.NVR)
		version, release, _ := strings.Cut(strings.TrimPrefix(b.NVR[len(name):], "-"), "-")
		set(&b.Name, name)
		set(&b.PackageName, b.Name)
		set(&b.Version, version)
		set(&b.Release, release)
		set(&b.State, 1)
	}
}

// AddSideTag adds a side tag of Koji; its builds are those of SetTagged.
func (s *Server) AddSideTag(t bodhi.SideTag) error {
	if t.Name == "" {
		return errors.New("add side tag: no name")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sideTags = append(s.sideTags, t)
	return nil
}

// SetCritpath says which RPMs of a collection, such as rawhide, are in the
// critical path, by group.
func (s *Server) SetCritpath(collection string, groups map[string][]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.critpath[collection] = groups
}

// SetMessageSchema adds a topic of messages with its JSON schema.
func (s *Server) SetMessageSchema(topic string, schema json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.schemas[topic] = schema
}

func (s *Server) serveLatestBuilds(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pkg, out := r.URL.Query().Get("package"), object{}
	for _, release := range s.releases {
		if release.State == bodhi.ReleaseArchived || release.State == bodhi.ReleaseDisabled {
			continue
		}
		for _, tag := range []string{
			release.CandidateTag, release.TestingTag, release.StableTag, release.OverrideTag, release.PendingTestingTag, release.PendingStableTag, release.PendingSigningTag,
		} {
			for _, b := range s.tagged[tag] {
				if b.Name == pkg && out[tag] == nil {
					out[tag] = b.NVR
				}
			}
		}
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) serveLatestBuildsInTag(w http.ResponseWriter, r *http.Request) {
	tag := r.URL.Query().Get("tag")
	if tag == "" {
		pyramid(w, http.StatusBadRequest, "The server could not comply with the request since it is either malformed or otherwise incorrect.\n\n\ntag parameter is required\n\n")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, http.StatusOK, append([]bodhi.KojiBuild{}, s.tagged[tag]...))
}

func (s *Server) serveLatestCandidates(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := []any{}
	for _, release := range s.releases {
		if release.State == bodhi.ReleaseArchived || release.State == bodhi.ReleaseDisabled {
			continue
		}
		tags := []string{release.CandidateTag}
		if on(q, "testing") {
			tags = append(tags, release.TestingTag, release.PendingTestingTag, release.PendingSigningTag)
		}
		for _, tag := range tags {
			for _, b := range s.tagged[tag] {
				pending := slices.ContainsFunc(s.updates, func(e *entry) bool { return e.Status == bodhi.StatusPending && slices.Contains(e.nvrs(), b.NVR) })
				if q.Get("package") != "" && b.Name != q.Get("package") || q.Get("package") == "" && !strings.HasPrefix(b.Name, q.Get("prefix")) || on(q, "hide_existing") && pending {
					continue
				}
				row := object{"nvr": b.NVR, "id": b.ID, "package_name": b.Name, "owner_name": b.OwnerName, "release_name": release.LongName}
				if !slices.ContainsFunc(rows, func(other any) bool { return maps.Equal(other.(object), row) }) {
					rows = append(rows, row)
				}
			}
		}
	}
	answer(w, http.StatusOK, rows)
}

// on reads a flag as Pyramid's asbool does, which takes anything.
func on(q url.Values, name string) bool {
	return slices.Contains([]string{"t", "true", "y", "yes", "on", "1"}, strings.ToLower(strings.TrimSpace(q.Get(name))))
}

func (s *Server) serveSideTags(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := []any{}
	sorted := slices.SortedFunc(slices.Values(s.sideTags), func(a, b bodhi.SideTag) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range sorted {
		builds := append([]bodhi.KojiBuild{}, s.tagged[t.Name]...)
		if q.Get("user") != "" && t.User != q.Get("user") || on(q, "contains_builds") && len(builds) == 0 {
			continue
		}
		rows = append(rows, object{"id": t.ID, "name": t.Name, "sidetag_user": t.User, "builds": builds})
	}
	answer(w, http.StatusOK, rows)
}

func (s *Server) serveCritpath(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	wanted := slices.DeleteFunc(strings.Split(q.Get("components"), ","), func(name string) bool { return name == "" })
	s.mu.Lock()
	defer s.mu.Unlock()
	collection := q.Get("collection")
	if collection == "" {
		collection = "rawhide"
	}
	groups := s.critpath[collection]
	if kind := q.Get("component_type"); kind != "" && kind != string(bodhi.ContentRPM) {
		groups = nil
	}
	out := object{}
	for group, names := range groups {
		var in []string
		for _, name := range names {
			if len(wanted) == 0 || slices.Contains(wanted, name) {
				in = append(in, name)
			}
		}
		if len(in) > 0 {
			out[group] = in
		}
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) serveTopics(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, http.StatusOK, append([]string{}, slices.Sorted(maps.Keys(s.schemas))...))
}

func (s *Server) serveSchema(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	schema, ok := s.schemas[r.PathValue("topic")]
	if !ok {
		notFoundPage(w, r)
		return
	}
	answer(w, http.StatusOK, schema)
}

func (s *Server) serveLive(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") }

func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, object{"db_session": true})
}
