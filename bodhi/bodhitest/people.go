package bodhitest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// User is an account. Submitters and authors that are not added are members of
// the group packager.
type User struct {
	Name   string
	Groups []string
}

// AddUser adds an account, or replaces the one of that name.
func (s *Server) AddUser(u User) error {
	if u.Name == "" {
		return errors.New("add user: no name")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user(u.Name).Groups = slices.Clone(u.Groups)
	return nil
}

// user finds an account or makes one.
func (s *Server) user(name string) *User {
	for _, u := range s.accounts {
		if u.Name == name {
			return u
		}
	}
	u := &User{Name: name, Groups: []string{"packager"}}
	s.accounts = append(s.accounts, u)
	return u
}

// userID is the internal number: the order of coming up, from 1.
func (s *Server) userID(u *User) int { return slices.Index(s.accounts, u) + 1 }

// userJSON has an address, as the real one: readers must be seen to drop it.
func (s *Server) userJSON(name string) object {
	u := s.user(name)
	groups := []any{}
	for _, g := range u.Groups {
		groups = append(groups, object{"name": g})
	}
	return object{
		"id": s.userID(u), "name": name, "email": name + "@example.org", "avatar": "https://example.org/avatar/" + name,
		"openid": name + ".id.example.org", "groups": groups,
	}
}

// users reads a list of accounts, which must exist.
func (s *Server) users(p *params, name string) []string {
	users := p.split(name)
	var unknown []string
	for _, u := range users {
		if !slices.ContainsFunc(s.accounts, func(a *User) bool { return a.Name == u }) {
			unknown = append(unknown, u)
		}
	}
	if len(unknown) > 0 {
		p.bad(name, "Invalid users specified: %s", strings.Join(unknown, ", "))
	}
	return users
}

func (s *Server) serveUsers(w http.ResponseWriter, r *http.Request) {
	p := &params{v: r.URL.Query()}
	s.mu.Lock()
	defer s.mu.Unlock()
	pattern, within, word := p.text("name"), p.text("like"), strings.ToLower(p.text("search"))
	updates, groups := s.known(p, "updates", s.find), p.split("groups")
	var unknown []string
	for _, g := range groups {
		if !slices.ContainsFunc(s.accounts, func(u *User) bool { return slices.Contains(u.Groups, g) }) {
			unknown = append(unknown, g)
		}
	}
	if len(unknown) > 0 {
		p.bad("groups", "Invalid groups specified: %s", strings.Join(unknown, ", "))
	}
	var rows []any
	for _, u := range s.accounts {
		submits := slices.ContainsFunc(s.updates, func(e *entry) bool { return e.User == u.Name && slices.Contains(updates, e.Alias) })
		if pattern != "" && !like(pattern, u.Name) || within != "" && !like("%"+within+"%", u.Name) || !strings.Contains(strings.ToLower(u.Name), word) ||
			len(groups) > 0 && !overlap(groups, u.Groups) || len(updates) > 0 && !submits {
			continue
		}
		rows = append(rows, s.userJSON(u.Name))
	}
	collection(w, r, p, "users", rows, nil)
}

func (s *Server) serveUser(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.accounts, func(u *User) bool { return u.Name == name }) {
		answerErrors(w, http.StatusNotFound, complaint{"body", "name", "No such user"})
		return
	}
	urls := object{}
	for key, path := range map[string]string{
		"comments_by": "/comments/?user=", "comments_on": "/comments/?update_owner=", "recent_updates": "/updates/?user=", "recent_overrides": "/overrides/?user=",
		"comments_by_rss": "/rss/comments/?user=", "comments_on_rss": "/rss/comments/?update_owner=", "recent_updates_rss": "/rss/updates/?user=", "recent_overrides_rss": "/rss/overrides/?user=",
	} {
		urls[key] = base(r) + path + url.QueryEscape(name)
	}
	answer(w, http.StatusOK, object{"user": s.userJSON(name), "urls": urls})
}

// remark is a comment with the update it is on.
type remark struct {
	Comment
	id int
	on *entry
}

// remarks are all comments, newest first.
func (s *Server) remarks() []remark {
	var out []remark
	for _, e := range s.updates {
		for i, c := range e.Comments {
			out = append(out, remark{Comment: c, id: e.commentID(i), on: e})
		}
	}
	slices.SortStableFunc(out, func(a, b remark) int { return b.Time.Compare(a.Time) })
	return out
}

// commentID numbers the comments of an update apart from those of others.
func (e *entry) commentID(i int) int { return e.serial*1000 + i }

func (s *Server) serveComments(w http.ResponseWriter, r *http.Request) {
	p := &params{v: r.URL.Query()}
	s.mu.Lock()
	defer s.mu.Unlock()
	chrome := p.flag("chrome")
	authors, owners, ignored := s.users(p, "user"), s.users(p, "update_owner"), s.users(p, "ignore_user")
	updates, packages := s.known(p, "updates", s.find), s.knownPackages(p)
	since, pattern := p.moment("since"), p.text("like")
	p.text("search") // taken and ignored
	var rows []any
	for _, c := range s.remarks() {
		if len(authors) > 0 && !slices.Contains(authors, c.User) || len(owners) > 0 && !slices.Contains(owners, c.on.User) || slices.Contains(ignored, c.User) ||
			len(updates) > 0 && !slices.Contains(updates, c.on.Alias) || len(packages) > 0 && !overlap(packages, c.on.packages()) ||
			!since.IsZero() && c.Time.Before(since) || pattern != "" && !like("%"+pattern+"%", c.Text) || (chrome == nil || *chrome) && c.User == "bodhi" {
			continue
		}
		rows = append(rows, s.remarkJSON(c, base(r)))
	}
	collection(w, r, p, "comments", rows, object{"chrome": chrome == nil || *chrome})
}

func (s *Server) serveComment(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		answerErrors(w, http.StatusBadRequest, complaint{"url", "id", "Comment id must be an int"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.remarks() {
		if c.id == id {
			answer(w, http.StatusOK, object{"comment": s.remarkJSON(c, base(r))})
			return
		}
	}
	answerErrors(w, http.StatusNotFound, complaint{"url", "id", "Invalid comment id"})
}

// remarkJSON is a comment by itself: it tells author and update, whose own
// comments are left out.
func (s *Server) remarkJSON(c remark, base string) object {
	o := s.commentJSON(c.on, c.id, c.Comment)
	update := c.on.json(s, base)
	for _, name := range []string{"updateid", "content_type", "test_cases", "comments", "display_user"} {
		delete(update, name)
	}
	update["bugs"] = c.on.bugsJSON(s, false)
	o["update"], o["update_alias"], o["author"] = update, c.on.Alias, c.User
	return o
}

func (s *Server) commentJSON(e *entry, id int, c Comment) object {
	u := s.userJSON(c.User)
	bugs, cases := []any{}, []any{}
	for _, v := range c.Bugs {
		for _, b := range e.Bugs {
			if b.ID == v.BugID {
				bugs = append(bugs, object{"karma": v.Karma, "comment_id": id, "bug_id": b.ID, "bug": bugJSON(b)})
			}
		}
	}
	for _, v := range c.TestCases {
		for _, test := range e.TestCases {
			if test.ID == v.TestCaseID {
				cases = append(cases, object{"karma": v.Karma, "comment_id": id, "testcase_id": test.ID, "testcase": testCaseJSON(test)})
			}
		}
	}
	return object{
		"id": id, "text": c.Text, "karma": c.Karma, "karma_critpath": 0, "timestamp": moment(c.Time),
		"update_id": e.serial, "user_id": u["id"], "user": u, "bug_feedback": bugs, "testcase_feedback": cases,
	}
}

// Override puts a build of an update into the buildroot.
type Override struct {
	NVR       string
	Notes     string
	Submitter string // default: packager
	// Submitted defaults to the server's clock, Expires to seven days later.
	// Expired is when it ended; the zero value is not yet.
	Submitted, Expires, Expired time.Time
}

// AddOverride adds a buildroot override, or replaces that of the build.
func (s *Server) AddOverride(o Override) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buildID(o.NVR) == 0 {
		return errors.New("add override: no build " + o.NVR)
	}
	set(&o.Submitter, "packager")
	set(&o.Submitted, s.now())
	set(&o.Expires, o.Submitted.Add(7*24*time.Hour))
	s.user(o.Submitter)
	s.overrides = slices.DeleteFunc(s.overrides, func(other Override) bool { return other.NVR == o.NVR })
	s.overrides = append(s.overrides, o)
	return nil
}

// buildID is the internal number of a build: the order of adding, from 1; 0 is
// none.
func (s *Server) buildID(nvr string) int {
	n := 0
	for _, e := range s.updates {
		for _, b := range e.Builds {
			if n++; b.NVR == nvr {
				return n
			}
		}
	}
	return 0
}

func (s *Server) overrideJSON(o Override) object {
	var build any
	for _, e := range s.updates {
		for _, b := range e.Builds {
			if b.NVR == o.NVR {
				build = buildJSON(b)
			}
		}
	}
	return object{
		"nvr": o.NVR, "notes": o.Notes, "submission_date": moment(o.Submitted), "expiration_date": moment(o.Expires), "expired_date": moment(o.Expired),
		"build_id": s.buildID(o.NVR), "submitter_id": s.userID(s.user(o.Submitter)), "build": build, "submitter": s.userJSON(o.Submitter),
	}
}

func (s *Server) serveOverrides(w http.ResponseWriter, r *http.Request) {
	p := &params{v: r.URL.Query()}
	s.mu.Lock()
	defer s.mu.Unlock()
	builds, packages, releases, users := p.split("builds"), s.knownPackages(p), s.releaseNames(p), s.users(p, "user")
	expired, pattern, word := p.flag("expired"), p.text("like"), strings.ToLower(p.text("search"))
	shows := p.flag("display_user")
	sorted := slices.Clone(s.overrides)
	slices.SortStableFunc(sorted, func(a, b Override) int { return b.Submitted.Compare(a.Submitted) })
	var rows []any
	for _, o := range sorted {
		e := s.holder(o.NVR)
		if len(builds) > 0 && !slices.Contains(builds, o.NVR) || len(packages) > 0 && !slices.Contains(packages, packageName(o.NVR)) ||
			len(releases) > 0 && (e == nil || !slices.Contains(releases, e.release.Name)) || len(users) > 0 && !slices.Contains(users, o.Submitter) ||
			expired != nil && *expired == o.Expired.IsZero() || pattern != "" && !like("%"+pattern+"%", o.NVR) || !strings.Contains(strings.ToLower(o.NVR), word) {
			continue
		}
		rows = append(rows, s.overrideJSON(o))
	}
	collection(w, r, p, "overrides", rows, object{"chrome": true, "display_user": shows == nil || *shows})
}

func (s *Server) serveOverride(w http.ResponseWriter, r *http.Request) {
	nvr := r.PathValue("nvr")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buildID(nvr) == 0 {
		answerErrors(w, http.StatusNotFound, complaint{"url", "nvr", "No such build"})
		return
	}
	for _, o := range s.overrides {
		if o.NVR == nvr {
			answer(w, http.StatusOK, object{"override": s.overrideJSON(o)})
			return
		}
	}
	answerErrors(w, http.StatusNotFound, complaint{"url", "nvr", "No buildroot override for this build"})
}
