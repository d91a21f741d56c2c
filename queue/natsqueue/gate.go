package natsqueue

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// gate decides who may connect to the embedded server, and as what. It stands
// in place of the server's own user list because changing that list means
// reloading the options, which other goroutines of the server read unguarded.
type gate struct {
	mu    sync.Mutex
	users map[string]gateUser // by public key
	conns map[uint64]string   // connection -> public key, of all that came in
	alive func(id uint64) bool
}

type gateUser struct {
	name      string
	inProcess bool                // refused over TCP
	perms     *server.Permissions // nil: everything
}

// tidyConns is how many connections are remembered before those that ended are
// looked for.
const tidyConns = 1024

func newGate() *gate {
	return &gate{users: map[string]gateUser{}, conns: map[uint64]string{}}
}

// Check implements server.Authentication.
func (g *gate) Check(c server.ClientAuthentication) bool {
	key := c.GetOpts().Nkey
	g.mu.Lock()
	defer g.mu.Unlock()
	user, ok := g.users[key]
	if !ok || user.inProcess && !isInProcess(c.RemoteAddress()) || verify(c, key) != nil {
		return false
	}
	c.RegisterUser(&server.User{Username: user.name, Permissions: user.perms})
	if len(g.conns) >= tidyConns && g.alive != nil {
		maps.DeleteFunc(g.conns, func(id uint64, _ string) bool { return !g.alive(id) })
	}
	g.conns[c.GetID()] = key
	return true
}

func isInProcess(a net.Addr) bool { return a != nil && a.Network() == "pipe" }

// verify checks that the client holds the secret of its key.
func verify(c server.ClientAuthentication, key string) error {
	sig, err := base64.RawURLEncoding.DecodeString(c.GetOpts().Sig)
	if err != nil {
		return fmt.Errorf("decode signature: %w", err)
	}
	pub, err := nkeys.FromPublicKey(key)
	if err != nil {
		return err
	}
	return pub.Verify(c.GetNonce(), sig)
}

// set replaces the list of users and returns the connections of those who are
// no longer on it.
func (g *gate) set(users map[string]gateUser) (cut []uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users = users
	for id, key := range g.conns {
		if _, ok := users[key]; !ok {
			cut = append(cut, id)
			delete(g.conns, id)
		}
	}
	return cut
}
