package ftp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"path"
	"sync"
	"time"

	jftp "github.com/jlaffaye/ftp"
)

// errNone says that a file is not on the server.
var errNone = errors.New("no such file")

// maxDepth bounds the trees that are listed; publish.CheckPath allows no
// deeper ones.
const maxDepth = 512

// session is one connection to the server, for one call.
type session struct {
	c    *jftp.ServerConn
	link *link
}

// with calls do with a session, again with a new one while the connection
// breaks and either there is progress or there are retries left.
func (p *Publisher) with(ctx context.Context, do func(*session) (progress bool, err error)) error {
	for fails := 0; ; {
		progress, err := p.once(ctx, do)
		if _, again := errors.AsType[*retryError](err); err == nil || !again {
			return err
		}
		if progress {
			fails = 0
		}
		fails++
		if fails > max(p.cfg.Retries, 0) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(p.cfg.Backoff(fails)):
		}
	}
}

func (p *Publisher) once(ctx context.Context, do func(*session) (bool, error)) (bool, error) {
	s, err := p.dial(ctx)
	if err != nil {
		return false, p.sort(ctx, fmt.Errorf("connect to %s: %w", p.cfg.Addr, err))
	}
	progress, err := do(s)
	s.close()
	return progress, p.sort(ctx, err)
}

func (p *Publisher) dial(ctx context.Context) (*session, error) {
	l := &link{ctx: ctx, timeout: p.cfg.Timeout, conns: map[net.Conn]bool{}}
	l.stop = context.AfterFunc(ctx, l.closeAll)
	opts := []jftp.DialOption{jftp.DialWithDialFunc(l.dial), jftp.DialWithShutTimeout(p.cfg.Timeout)}
	if p.cfg.TLS {
		l.tls = tlsConfig(p.cfg)
		opts = append(opts, jftp.DialWithExplicitTLS(l.tls))
	}
	c, err := jftp.Dial(p.cfg.Addr, opts...)
	if err != nil {
		l.end()
		return nil, err
	}
	s := &session{c: c, link: l}
	if err := c.Login(p.cfg.User, string(p.cfg.Password)); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func tlsConfig(cfg Config) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.TLSConfig != nil {
		c = cfg.TLSConfig.Clone()
	}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(cfg.Addr)
	}
	if c.ClientSessionCache == nil {
		// Servers want to see the control connection's session on the data
		// connections, as a proof that both have one client.
		c.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	}
	return c
}

func (s *session) close() {
	_ = s.c.Quit() // a broken connection has no farewell
	s.link.end()
}

// link makes the connections of a session, control first, and closes them
// with the context.
type link struct {
	ctx     context.Context //nolint:containedctx // the library's dial function has none
	timeout time.Duration
	tls     *tls.Config
	stop    func() bool

	mu     sync.Mutex
	conns  map[net.Conn]bool
	dialed bool
	ended  bool
}

func (l *link) dial(network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: l.timeout}
	raw, err := d.DialContext(l.ctx, network, addr)
	if err != nil {
		return nil, err
	}
	conn := &idleConn{Conn: raw, link: l}
	l.mu.Lock()
	data := l.dialed
	l.dialed = true
	l.conns[raw] = true
	ended := l.ended
	l.mu.Unlock()
	if ended || l.ctx.Err() != nil {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	if data && l.tls != nil {
		// With a dial function of one's own the library leaves the data
		// connections bare.
		return tls.Client(conn, l.tls), nil
	}
	return conn, nil
}

func (l *link) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for c := range l.conns {
		_ = c.Close()
	}
}

func (l *link) end() {
	l.stop()
	l.closeAll()
}

// idleConn gives every read and write the timeout of its own.
type idleConn struct {
	net.Conn
	link *link
}

func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.link.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *idleConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.link.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *idleConn) Close() error {
	c.link.mu.Lock()
	delete(c.link.conns, c.Conn)
	c.link.mu.Unlock()
	return c.Conn.Close()
}

// list lists a directory, dot files included; nothing when it is not there.
func (s *session) list(dir string) ([]*jftp.Entry, error) {
	arg := dir
	if !s.c.IsTimePreciseInList() {
		arg = "-a " + dir // LIST hides dot files, MLSD does not
	}
	entries, err := s.c.List(arg)
	if missing(err) {
		return nil, nil
	}
	out := entries[:0]
	for _, e := range entries {
		// Some servers answer with whole paths, and the directory itself.
		if e.Name = path.Base(e.Name); e.Name != "." && e.Name != ".." && e.Name != "/" {
			out = append(out, e)
		}
	}
	return out, err
}

// tree lists all files below dir by their path relative to it; directories
// have size -1.
func (s *session) tree(dir string) (map[string]int64, error) {
	sizes := map[string]int64{}
	var walk func(rel string, depth int) error
	walk = func(rel string, depth int) error {
		entries, err := s.list(path.Join(dir, rel))
		if err != nil || depth > maxDepth {
			return err
		}
		for _, e := range entries {
			name := path.Join(rel, e.Name)
			if e.Type != jftp.EntryTypeFolder {
				sizes[name] = int64(e.Size)
				continue
			}
			sizes[name] = -1
			if err := walk(name, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return sizes, walk("", 0)
}

// removeTree deletes what is at name: file, directory or nothing.
func (s *session) removeTree(name string) error {
	// A directory that is not there or empty needs no listing.
	if err := s.c.RemoveDir(name); err == nil {
		return nil
	}
	entries, err := s.list(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		full := path.Join(name, e.Name)
		if e.Type == jftp.EntryTypeFolder {
			err = s.removeTree(full)
		} else {
			err = s.c.Delete(full)
		}
		if err != nil && !missing(err) {
			return err
		}
	}
	if err := s.c.RemoveDir(name); err != nil {
		if there, lerr := s.exists(name); there || lerr != nil {
			return errors.Join(err, lerr)
		}
	}
	return nil
}

// exists reports whether name is there.
func (s *session) exists(name string) (bool, error) {
	entries, err := s.list(path.Dir(name))
	for _, e := range entries {
		if e.Name == path.Base(name) {
			return true, nil
		}
	}
	return false, err
}

// digest reads a small file and returns its SHA-256, errNone when there is
// none.
func (s *session) digest(name string) (string, error) {
	h := sha256.New()
	err := s.hashInto(h, name)
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (s *session) hashInto(h hash.Hash, name string) error {
	r, err := s.c.Retr(name)
	if missing(err) {
		return errNone
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(h, io.LimitReader(r, 1<<40))
	return errors.Join(err, r.Close())
}
