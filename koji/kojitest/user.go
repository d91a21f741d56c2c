package kojitest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/internal/wire"
)

// User is an account to add. Owners that are not added get a plain one.
type User struct {
	Name       string
	Password   string   // for login; "" is none
	Principals []string // of Kerberos
	Status     koji.UserStatus
	Type       koji.UserType
	// Permissions are those of the hub, such as "admin", which has all.
	Permissions []string
}

type account struct {
	User
	id int
}

// session is an open session.
type session struct {
	id              int
	key             string
	user            *account
	auth            koji.AuthType
	callnum         int // of the last write; -1 is none yet
	expired, closed bool
}

// AddUser adds an account, or changes the one of that name, and returns its id.
func (h *Hub) AddUser(u User) (int, error) {
	if u.Name == "" {
		return 0, errors.New("add user to koji test hub: no name")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	row := h.account(u.Name)
	row.User = u
	return row.id, nil
}

// Negotiate makes the hub accept GSSAPI: f says whose token stands behind
// "Authorization: Negotiate", "" for nobody's. Without it only passwords and
// TLS certificates open a session; certificates must have been verified by the
// server that the hub runs in.
func (h *Hub) Negotiate(f func(token string) string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.negotiate = f
}

// ExpireSessions makes all open sessions expire: calls are refused with fault
// 1007 until they are renewed.
func (h *Hub) ExpireSessions() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.sessions {
		s.expired = true
	}
}

// account finds an account by name or makes one.
func (h *Hub) account(name string) *account {
	i := slices.IndexFunc(h.users, func(u *account) bool { return u.Name == name })
	if i >= 0 {
		return h.users[i]
	}
	u := &account{User: User{Name: name}, id: len(h.users) + 1}
	h.users = append(h.users, u)
	return u
}

// findUser finds by id, name or principal; nil is none.
func (h *Hub) findUser(info any) *account {
	i := slices.IndexFunc(h.users, func(u *account) bool {
		switch v := info.(type) {
		case int64:
			return int(v) == u.id
		case string:
			return v == u.Name || slices.Contains(u.Principals, v)
		case map[string]any:
			return v["id"] == int64(u.id) || v["name"] == u.Name
		default:
			return false
		}
	})
	if i < 0 {
		return nil
	}
	return h.users[i]
}

func (u *account) row() wire.Struct {
	principals := []any{}
	for _, p := range u.Principals {
		principals = append(principals, p)
	}
	return wire.Struct{
		{Name: "id", Value: u.id},
		{Name: "name", Value: u.Name},
		{Name: "status", Value: int(u.Status)},
		{Name: "usertype", Value: int(u.Type)},
		{Name: "krb_principals", Value: principals},
	}
}

func (h *Hub) getUser(a args) (any, error) {
	info := a["userInfo"]
	if info == nil && a.user() == nil {
		return nil, generic("No user provided")
	}
	u := a.user()
	if info != nil {
		u = h.findUser(info)
	}
	switch {
	case u == nil && a.bool("strict"):
		return nil, generic("No such user: %s", python(info))
	case u == nil:
		return nil, nil
	}
	return u.row(), nil
}

// permissions are the names of all that anybody has or a tag needs.
func (h *Hub) permissions() []string {
	all := []string{"admin"}
	add := func(name string) {
		if name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	for _, u := range h.users {
		for _, p := range u.Permissions {
			add(p)
		}
	}
	for _, t := range h.tags {
		add(t.Perm)
	}
	return all
}

func (h *Hub) getAllPerms(args) (any, error) {
	rows := []any{}
	for i, name := range h.permissions() {
		rows = append(rows, wire.Struct{{Name: "description", Value: nil}, {Name: "id", Value: i + 1}, {Name: "name", Value: name}})
	}
	return rows, nil
}

func (h *Hub) getUserPerms(a args) (any, error) {
	u := a.user()
	if a["userID"] != nil {
		u = h.findUser(a["userID"])
	}
	if u == nil {
		return nil, generic("No such user: %s", python(a["userID"]))
	}
	return append([]string{}, u.Permissions...), nil
}

// getLoggedInUser tells the way of the login, too.
func (h *Hub) getLoggedInUser(a args) (any, error) {
	u := a.user()
	if u == nil {
		return nil, nil
	}
	auth := koji.AuthNormal
	for _, s := range h.sessions {
		if s.user == u && !s.closed {
			auth = s.auth
		}
	}
	var principal any
	if len(u.Principals) > 0 && auth != koji.AuthNormal {
		principal = u.Principals[0]
	}
	return append(u.row(), wire.Struct{{Name: "authtype", Value: int(auth)}, {Name: "krb_principal", Value: principal}}...), nil
}

// permit refuses callers without a permission (Session.assertPerm).
func (a args) permit(permission string) error {
	u := a.user()
	if u == nil {
		return raise(1004, "%s permission required (user not logged in)", permission)
	}
	if !slices.Contains(u.Permissions, permission) && !slices.Contains(u.Permissions, "admin") {
		return raise(1004, "%s permission required (logged in as %s)", permission, u.Name)
	}
	return nil
}

// loggedIn refuses anonymous callers (Session.assertLogin).
func (a args) loggedIn() error {
	if a.user() == nil {
		return raise(1004, "you must be logged in for this operation")
	}
	return nil
}

// identify finds the session of a request: in its headers, or in the URL as
// older clients put it. nil without an error is anonymous.
func (h *Hub) identify(r *http.Request, call wire.Call) (*session, error) {
	id, key, num := r.Header.Get("Koji-Session-Id"), r.Header.Get("Koji-Session-Key"), r.Header.Get("Koji-Session-Callnum")
	if id == "" {
		q := r.URL.Query()
		id, key, num = q.Get("session-id"), q.Get("session-key"), q.Get("callnum")
	}
	if id == "" {
		return nil, nil
	}
	n, _ := strconv.Atoi(id)
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sessions[n]
	if s == nil || s.key != key || s.closed {
		return nil, raise(1002, "Invalid session or bad credentials")
	}
	if s.expired && call.Method != "login" && call.Method != "sslLogin" {
		return nil, raise(1007, "session \"%d\" has expired", s.id)
	}
	if num == "" {
		return s, nil
	}
	callnum, err := strconv.Atoi(num)
	switch {
	case err != nil:
		return nil, raise(1002, "Invalid callnum: %s", python(num))
	case s.callnum > callnum:
		return nil, raise(1008, "%d > %d (session %d)", s.callnum, callnum, s.id)
	case s.callnum == callnum:
		return nil, raise(1009, "unable to retry call %d (method %s) for session %d", callnum, call.Method, s.id)
	}
	if m, ok := h.methods[call.Method]; ok && m.writes { // only what is committed counts
		s.callnum = callnum
	}
	return s, nil
}

// login opens a session, or renews the one that came along.
func (h *Hub) login(r *http.Request, call wire.Call, old *session) (any, error) {
	var params []any
	named := map[string]any{}
	for _, p := range call.Params {
		if m, ok := p.(map[string]any); ok && truthy(m["__starstar"]) {
			named = m
			continue
		}
		params = append(params, p)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	user, auth, err := h.prove(r, call.Method, params)
	if err != nil {
		return nil, err
	}
	switch {
	case user.Status == koji.UserBlocked:
		return nil, raise(1002, "logins by %s are not allowed", user.Name)
	case old != nil && !truthy(named["renew"]):
		return nil, raise(1002, "Already logged in")
	}
	s := old
	if s == nil {
		h.lastSession++
		s = &session{id: h.lastSession, user: user, auth: auth, callnum: -1}
		h.sessions[s.id] = s
	}
	s.key, s.expired = fmt.Sprintf("%d-%s", user.id, rand.Text()[:19]), false
	return wire.Struct{{Name: "session-id", Value: s.id}, {Name: "session-key", Value: s.key}, {Name: "header-auth", Value: true}}, nil
}

// prove says who logs in.
func (h *Hub) prove(r *http.Request, method string, params []any) (*account, koji.AuthType, error) {
	if method == "login" {
		if len(params) < 2 {
			return nil, 0, raise(1002, "invalid username or password")
		}
		i := slices.IndexFunc(h.users, func(u *account) bool { return params[0] == u.Name && u.Password != "" && params[1] == u.Password })
		if i < 0 {
			return nil, 0, raise(1002, "invalid username or password")
		}
		return h.users[i], koji.AuthNormal, nil
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Negotiate "); ok && h.negotiate != nil && strings.HasSuffix(r.URL.Path, "/ssllogin") {
		if name := h.negotiate(token); name != "" {
			return h.account(name), koji.AuthGSSAPI, nil
		}
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 && strings.HasSuffix(r.URL.Path, "/ssllogin") {
		return h.account(r.TLS.PeerCertificates[0].Subject.CommonName), koji.AuthSSL, nil
	}
	return nil, 0, raise(1002, "could not verify client: None")
}

func (h *Hub) logout(s *session) (any, error) {
	if s == nil {
		return nil, raise(1002, "Not logged in")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.closed = true
	return nil, nil
}

// isHub reports whether a path is that of calls, the login's included.
func isHub(u *url.URL) bool {
	p := strings.TrimSuffix(u.Path, "/")
	return p == "/kojihub" || p == "/kojihub/ssllogin"
}
