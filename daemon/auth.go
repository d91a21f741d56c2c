package daemon

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/store"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/queue/natsqueue"
)

// The scopes of tokens.
const (
	scopeSubmit = "submit"
	scopeCancel = "cancel"
	scopeRenew  = "renew"
	scopeNode   = "node"
	scopeAdmin  = "admin"
	// scopeHostRun lets scripts of requests, of their packages, kickstarts and lorax
	// templates, run on a node itself.
	scopeHostRun = "host-run"
)

type callerKey struct{}

// caller is who makes a call.
type caller struct {
	token *store.Token // nil: anonymous
	local bool         // from this machine
}

// authenticate finds out who calls. A wrong token is refused at once: silently
// treating it as none would hide the mistake.
func (d *Daemon) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &caller{local: isLocal(r)}
		if header := r.Header.Get("Authorization"); header != "" {
			scheme, secret, ok := strings.Cut(header, " ")
			if !ok || !strings.EqualFold(scheme, "Bearer") {
				d.writeProblem(w, refuseCall(codeUnauthorized, http.StatusUnauthorized, "The Authorization header holds no bearer token.", "Send Authorization: Bearer TOKEN."))
				return
			}
			hash := sha256.Sum256([]byte(secret))
			token, err := d.store.TokenByHash(r.Context(), hash[:])
			if errors.Is(err, store.ErrNotFound) {
				d.writeProblem(w, refuseCall(codeUnauthorized, http.StatusUnauthorized, "The token is not known here.", "Make one with respin token create."))
				return
			}
			if err != nil {
				d.writeProblem(w, err)
				return
			}
			c.token = &token
			if d.now().Sub(token.Used) > time.Minute {
				if err := d.store.TokenUsed(r.Context(), token.ID, d.now()); err != nil {
					d.log.Warn("note the use of a token", "error", err)
				}
			}
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

// isLocal tells whether somebody on this machine calls. A proxy on this machine
// calls for others: it says so, or keeps the name that they used.
func isLocal(r *http.Request) bool {
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && isLoopback(host) && isLoopback(hostname(r.Host))
}

// hostname is the name of a Host header without port and brackets.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.Trim(host, "[]")
}

// allow checks that the caller of ctx may do what scope stands for.
func (d *Daemon) allow(ctx context.Context, scope string) error {
	c, _ := ctx.Value(callerKey{}).(*caller)
	if c != nil && c.token != nil {
		if c.token.Allows(scope) {
			return nil
		}
		return refuseCall(codeNotAllowed, http.StatusForbidden, fmt.Sprintf("The token %s does not have the scope %s.", c.token.Name, scope), "Use a token that has it.")
	}
	user := scope == scopeSubmit || scope == scopeCancel || scope == scopeRenew
	if d.cfg.Auth.Anonymous == "submit" && (user || c != nil && c.local) {
		return nil
	}
	return refuseCall(codeUnauthorized, http.StatusUnauthorized, "This call needs a token with the scope "+scope+".", "Send Authorization: Bearer TOKEN (--token, RESPIN_TOKEN).")
}

// ownerOf names who submits, for the record.
func ownerOf(ctx context.Context) string {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok && c.token != nil {
		return c.token.Name
	}
	return ""
}

// guardHost keeps web pages of others from using a browser on this machine as
// their way in: cross-origin writes are refused, and on a loopback address only
// calls by a loopback name (or the configured one) are taken, so that a foreign
// name that resolves to it (DNS rebinding) is of no use.
func (d *Daemon) guardHost(next http.Handler) http.Handler {
	listen, _, err := net.SplitHostPort(d.cfg.Listen)
	onlyLoopback := err == nil && isLoopback(listen)
	public := ""
	if u, err := url.Parse(d.cfg.URL); err == nil {
		public = u.Hostname()
	}
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		d.writeProblem(w, refuseCall(codeNotAllowed, http.StatusForbidden, "A web page of another site may not do that.", "Use "+d.cfg.URL+"."))
	}))
	inner := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostname(r.Host)
		if onlyLoopback && !isLoopback(host) && host != public {
			d.writeProblem(w, refuseCall(codeNotAllowed, http.StatusForbidden, "This server is not known by that host name.", "Use "+d.cfg.URL+"."))
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// NodeCredentials is what `respin node --creds` reads: the way into the queue,
// and the way to deliver results.
type NodeCredentials struct {
	Queue natsqueue.Credentials `json:"queue"`
	API   string                `json:"api"`   // URL of the daemon
	Token string                `json:"token"` // scope node
}

func (d *Daemon) restTokens(a huma.API) {
	create := op("token-create", http.MethodPost, "/api/v1/tokens", "Make a token; its secret is shown this once", 401, 403, 409, 422)
	create.DefaultStatus = http.StatusCreated
	huma.Register(a, create, func(ctx context.Context, in *struct {
		Body struct {
			Name   string   `json:"name" minLength:"1" maxLength:"60" pattern:"^[A-Za-z0-9_-]+$" doc:"of the token; of the node, for scope node"`
			Scopes []string `json:"scopes" minItems:"1" enum:"submit,cancel,renew,node,host-run,admin"`
		}
	},
	) (*body[api.Token], error) {
		if err := d.allow(ctx, scopeAdmin); err != nil {
			return nil, d.answer(err)
		}
		t, err := d.createToken(ctx, in.Body.Name, in.Body.Scopes)
		return &body[api.Token]{t}, d.answer(err)
	})
	huma.Register(a, op("tokens", http.MethodGet, "/api/v1/tokens", "The tokens, without their secrets", 401, 403), func(ctx context.Context, _ *struct{}) (*body[[]api.Token], error) {
		if err := d.allow(ctx, scopeAdmin); err != nil {
			return nil, d.answer(err)
		}
		list, err := d.store.Tokens(ctx)
		out := []api.Token{}
		for i := range list {
			out = append(out, viewToken(&list[i]))
		}
		return &body[[]api.Token]{out}, d.answer(err)
	})
	huma.Register(a, op("token-revoke", http.MethodDelete, "/api/v1/tokens/{id}", "Revoke a token", 401, 403, 404), func(ctx context.Context, in *struct {
		ID string `path:"id" maxLength:"64"`
	},
	) (*body[api.Token], error) {
		if err := d.allow(ctx, scopeAdmin); err != nil {
			return nil, d.answer(err)
		}
		t, err := d.store.DeleteToken(ctx, in.ID)
		if errors.Is(err, store.ErrNotFound) {
			err = refuseCall(codeNotFound, http.StatusNotFound, "There is no token of that id.", "respin token list shows them.")
		}
		if err == nil && slices.Contains(t.Scopes, scopeNode) {
			err = d.server.RevokeNode(t.Name)
		}
		return &body[api.Token]{viewToken(&t)}, d.answer(err)
	})
}

func viewToken(t *store.Token) api.Token {
	return api.Token{ID: t.ID, Name: t.Name, Scopes: t.Scopes, Created: t.Created, Used: optional(t.Used)}
}

// OperatorTokenFile is the file in the data directory that the first token is in, where
// callers without one may only read. Who can read it owns the daemon's files anyway.
const OperatorTokenFile = "operator.token"

// operatorToken makes the first token where nobody could make one over REST.
func (d *Daemon) operatorToken(ctx context.Context) error {
	if d.cfg.Auth.Anonymous == "submit" {
		return nil
	}
	list, err := d.store.Tokens(ctx)
	if err != nil || slices.ContainsFunc(list, func(t store.Token) bool { return t.Allows(scopeAdmin) }) {
		return err
	}
	t, err := d.createToken(ctx, "operator", []string{scopeAdmin})
	if err != nil {
		return fmt.Errorf("make the operator's token: %w", err)
	}
	path := filepath.Join(d.cfg.Data, OperatorTokenFile)
	if err := atomicfile.Write(path, []byte(t.Secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("make the operator's token: %w", errors.Join(err, d.revoke(ctx, t.ID)))
	}
	d.log.Info("wrote a token with the scope admin", "file", path)
	return nil
}

func (d *Daemon) revoke(ctx context.Context, id string) error {
	_, err := d.store.DeleteToken(ctx, id)
	return err
}

// checkNodeName refuses a name that stands for another node: the new credentials
// would shut that one out.
func (d *Daemon) checkNodeName(ctx context.Context, name string) error {
	list, err := d.store.Tokens(ctx)
	if err != nil {
		return err
	}
	taken := name == d.cfg.Node.ID && !d.cfg.Node.Disabled
	for i := range list {
		taken = taken || list[i].Name == name && slices.Contains(list[i].Scopes, scopeNode)
	}
	if taken {
		return refuseCall(codeConflict, http.StatusConflict, "There is a build node of that name.", "Choose another name, or revoke its token first (respin token revoke).")
	}
	return nil
}

// createToken makes a token; one of scope node comes with the credentials file
// of a build node.
func (d *Daemon) createToken(ctx context.Context, name string, scopes []string) (api.Token, error) {
	var raw [40]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	secret := "rsp_" + base64.RawURLEncoding.EncodeToString(raw[:32])
	hash := sha256.Sum256([]byte(secret))
	t := store.Token{ID: hex.EncodeToString(raw[32:]), Name: name, Hash: hash[:], Scopes: scopes, Created: d.now().UTC()}
	out := viewToken(&t)
	out.Secret = secret
	if slices.Contains(scopes, scopeNode) {
		if d.server.URL() == "" {
			return out, refuseCall(codeConflict, http.StatusConflict, "The queue takes no nodes of other processes.", "Configure queue.listen.")
		}
		if err := d.checkNodeName(ctx, name); err != nil {
			return out, err
		}
		creds, err := d.server.NewNodeCredentials(name)
		if err != nil {
			return out, fmt.Errorf("make node credentials: %w", err)
		}
		data, err := json.MarshalIndent(NodeCredentials{Queue: creds, API: d.cfg.URL, Token: secret}, "", "  ")
		if err != nil {
			return out, fmt.Errorf("make node credentials: %w", err)
		}
		out.Credentials = string(data) + "\n"
	}
	return out, d.store.PutToken(ctx, t)
}
