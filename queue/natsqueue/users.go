package natsqueue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/queue"
)

// nodeUser is what Dir/nodes.json keeps of a node: never its secret.
type nodeUser struct {
	PublicKey string             `json:"public_key"`
	Namespace string             `json:"namespace"`
	Offers    []queue.Capability `json:"offers,omitempty"`
	Created   time.Time          `json:"created"`
}

func (s *Server) nodesFile() string { return filepath.Join(s.cfg.Dir, "nodes.json") }

func readNodes(path string) (map[string]nodeUser, error) {
	nodes := map[string]nodeUser{}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nodes, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read node keys: %w", err)
	}
	if err := json.Unmarshal(data, &nodes); err != nil {
		return nil, &CorruptError{Dir: filepath.Dir(path), Detail: "nodes.json: " + err.Error()}
	}
	for id, n := range nodes {
		if queue.ValidateNodeID(id) != nil || !nkeys.IsValidPublicUserKey(n.PublicKey) {
			return nil, &CorruptError{Dir: filepath.Dir(path), Detail: fmt.Sprintf("nodes.json: bad entry %q", id)}
		}
	}
	return nodes, nil
}

// NewNodeCredentials lets a node of another host in, at once and also after a
// restart. offers limits which jobs it can take; none means all. Doing it again
// for the same ID replaces the key: a node that holds the old one is shut out.
func (s *Server) NewNodeCredentials(id string, offers ...queue.Capability) (Credentials, error) {
	return s.NewNodeCredentialsIn("", id, offers...)
}

// NewNodeCredentialsIn is NewNodeCredentials for a namespace other than the
// default.
func (s *Server) NewNodeCredentialsIn(namespace, id string, offers ...queue.Capability) (Credentials, error) {
	user, key, err := newNodeUser(namespace, id, offers)
	if err != nil {
		return Credentials{}, err
	}
	if s.cfg.Listen == "" {
		return Credentials{}, errors.New("create node credentials: the queue has no listen address for other hosts")
	}
	seed, err := key.Seed()
	if err != nil {
		return Credentials{}, fmt.Errorf("create node credentials: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(s.nodes)
	next[id] = user
	if err := s.applyNodes(next); err != nil {
		return Credentials{}, fmt.Errorf("create node credentials: %w", err)
	}
	return Credentials{Node: id, URL: s.URL(), Seed: string(seed), Namespace: user.Namespace}, nil
}

func newNodeUser(namespace, id string, offers []queue.Capability) (nodeUser, nkeys.KeyPair, error) {
	errs := []error{queue.ValidateNodeID(id)}
	for _, o := range offers {
		errs = append(errs, o.Validate())
	}
	n, err := newNames(namespace)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nodeUser{}, nil, fmt.Errorf("create node credentials: %w", err)
	}
	key, err := nkeys.CreateUser()
	if err != nil {
		return nodeUser{}, nil, fmt.Errorf("create node key: %w", err)
	}
	pub, err := key.PublicKey()
	if err != nil {
		return nodeUser{}, nil, fmt.Errorf("create node key: %w", err)
	}
	return nodeUser{PublicKey: pub, Namespace: string(n), Offers: offers, Created: time.Now().UTC()}, key, nil
}

// RevokeNode shuts a node of another host out and cuts its connection. Its jobs
// go to others when their leases end. An unknown ID is not an error.
func (s *Server) RevokeNode(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.nodes[id]; !ok {
		return nil
	}
	next := maps.Clone(s.nodes)
	delete(next, id)
	if err := s.applyNodes(next); err != nil {
		return fmt.Errorf("revoke node %s: %w", id, err)
	}
	return nil
}

// NodesWithCredentials lists the nodes of other hosts that may connect, sorted.
func (s *Server) NodesWithCredentials() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.nodes))
}

// applyNodes writes first: after a crash in between, the file is what counts.
func (s *Server) applyNodes(next map[string]nodeUser) error {
	if s.stopped {
		return queue.ErrClosed
	}
	data, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(s.nodesFile(), data, 0o600); err != nil {
		return err
	}
	s.nodes = next
	return s.admit()
}

// admit applies the list of users at once. They are the master, which exists
// only inside this process, and the nodes.
func (s *Server) admit() error {
	pub, err := s.masterKey.PublicKey()
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	users := map[string]gateUser{pub: {name: "master", inProcess: true}}
	for id, n := range s.nodes {
		users[n.PublicKey] = gateUser{name: id, perms: n.permissions(id)}
	}
	for id, n := range s.locals {
		users[n.PublicKey] = gateUser{name: id, inProcess: true, perms: n.permissions(id)}
	}
	for _, conn := range s.gate.set(users) {
		_ = s.ns.DisconnectClientByID(conn) // fails for one that went by itself
	}
	return nil
}

func (n nodeUser) permissions(id string) *server.Permissions {
	pub, sub := NodePermissions(n.Namespace, id, n.Offers...)
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: pub},
		Subscribe: &server.SubjectPermission{Allow: sub},
	}
}

// NodePermissions lists the subjects that a node must be allowed to publish and
// to subscribe, for whoever sets up an external NATS. No offers means all.
func NodePermissions(namespace, id string, offers ...queue.Capability) (publish, subscribe []string) {
	if namespace == "" {
		namespace = DefaultNamespace
	}
	n := names(namespace)
	kv := func(bucket string) string { return "$JS.API.DIRECT.GET.KV_" + bucket + ".>" }
	publish = []string{
		n.eventSubject(id, "*"),
		n.resultSubject("*"),
		"$KV." + n.claims() + ".*",
		"$KV." + n.nodes() + "." + infoKey + id,
		"$KV." + n.nodes() + "." + clockKey + id,
		"$JS.API.DIRECT.GET." + n.results() + ".>",
		kv(n.claims()), kv(n.cancels()), kv(n.nodes()),
		"$JS.API.STREAM.INFO." + n.results(),
		"$JS.API.STREAM.INFO.KV_" + n.claims(),
		"$JS.API.STREAM.INFO.KV_" + n.cancels(),
		"$JS.API.STREAM.INFO.KV_" + n.nodes(),
	}
	if len(offers) == 0 {
		publish = append(publish, "$JS.API.CONSUMER.MSG.NEXT."+n.jobs()+".*", "$JS.ACK."+n.jobs()+".>")
	}
	for _, o := range offers {
		for _, p := range []int{queue.Normal, queue.High} {
			c := consumer(o, p)
			publish = append(publish, "$JS.API.CONSUMER.MSG.NEXT."+n.jobs()+"."+c, "$JS.ACK."+n.jobs()+"."+c+".>")
		}
	}
	return publish, []string{inboxPrefix(id) + ".>", n.ctl("*")}
}
