package ftp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ftpserver "github.com/fclairamb/ftpserverlib"
	"github.com/spf13/afero"

	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/publish/ftp"
	"github.com/fedora-respin/respin/publish/publishtest"
)

const (
	user     = "qa"
	password = "correct horse"
)

// server is a real FTP server in this process over a directory.
type server struct {
	root string
	addr string
	cert *tls.Config // nil: no TLS
	full atomic.Bool
	// cut, if positive, is how many bytes the next data connections bring
	// before they break, control connection included.
	cut atomic.Int64

	mu    sync.Mutex
	log   []string // commands that open files for writing, with offsets
	conns map[uint32]ftpserver.ClientContext
}

func newServer(t *testing.T, cert *tls.Config) *server {
	t.Helper()
	s := &server{root: t.TempDir(), cert: cert, conns: map[uint32]ftpserver.ClientContext{}}
	srv := ftpserver.NewFtpServer(s)
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	s.addr = srv.Addr()
	done := make(chan error, 1)
	go func() { done <- srv.Serve() }()
	t.Cleanup(func() {
		_ = srv.Stop()
		<-done
	})
	return s
}

func (s *server) GetSettings() (*ftpserver.Settings, error) {
	set := &ftpserver.Settings{ListenAddr: "127.0.0.1:0", DefaultTransferType: ftpserver.TransferTypeBinary}
	if s.cert != nil {
		set.TLSRequired = ftpserver.MandatoryEncryption
	}
	return set, nil
}

func (s *server) ClientConnected(cc ftpserver.ClientContext) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[cc.ID()] = cc
	return "test server", nil
}

func (s *server) ClientDisconnected(cc ftpserver.ClientContext) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, cc.ID())
}

func (s *server) AuthUser(cc ftpserver.ClientContext, u, pass string) (ftpserver.ClientDriver, error) {
	if u != user || pass != password {
		return nil, fmt.Errorf("%s does not have the password %s", u, pass) // a talkative server
	}
	return &driver{Fs: afero.NewBasePathFs(afero.NewOsFs(), s.root), s: s, cc: cc}, nil
}

func (s *server) GetTLSConfig() (*tls.Config, error) {
	if s.cert == nil {
		return nil, errors.New("no TLS here")
	}
	return s.cert, nil
}

type driver struct {
	afero.Fs
	s  *server
	cc ftpserver.ClientContext
}

func (d *driver) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	f, err := d.Fs.OpenFile(name, flag, perm)
	if err != nil || flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return f, err
	}
	return &file{File: f, d: d, name: name}, nil
}

type file struct {
	afero.File
	d    *driver
	name string
	n    int64
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	if offset > 0 {
		f.d.s.mu.Lock()
		f.d.s.log = append(f.d.s.log, fmt.Sprintf("%s from %d", f.name, offset))
		f.d.s.mu.Unlock()
	}
	return f.File.Seek(offset, whence)
}

func (f *file) Write(p []byte) (int, error) {
	if f.d.s.full.Load() {
		return 0, ftpserver.ErrStorageExceeded
	}
	if cut := f.d.s.cut.Load(); cut > 0 && f.n+int64(len(p)) > cut {
		n, _ := f.File.Write(p[:cut-f.n])
		f.d.s.mu.Lock()
		cc := f.d.s.conns[f.d.cc.ID()]
		f.d.s.mu.Unlock()
		if cc != nil {
			_ = cc.Close()
		}
		return n, net.ErrClosed
	}
	n, err := f.File.Write(p)
	f.n += int64(n)
	return n, err
}

func (s *server) config() ftp.Config {
	return ftp.Config{
		Addr: s.addr, User: user, Password: password, Dir: "pub/images", URL: "https://host/images",
		Backoff: func(int) time.Duration { return time.Millisecond },
	}
}

func open(t *testing.T, cfg ftp.Config) *ftp.Publisher {
	t.Helper()
	p, err := ftp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// place makes the server's directory, as an administrator does.
func (s *server) place(t *testing.T, cfg ftp.Config) publishtest.Place {
	t.Helper()
	root := filepath.Join(s.root, filepath.FromSlash(cfg.Dir))
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return publishtest.Place{
		Root: root, Fill: s.full.Store, Bytewise: true,
		Open: func(t *testing.T) publish.Publisher { t.Helper(); return open(t, cfg) },
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	publishtest.Run(t, func(t *testing.T) publishtest.Place {
		t.Helper()
		s := newServer(t, nil)
		return s.place(t, s.config())
	})
}

func TestConformanceWithTLSAndReadBack(t *testing.T) {
	t.Parallel()
	ts := httptest.NewTLSServer(nil) // for its certificate
	ts.Close()
	publishtest.Run(t, func(t *testing.T) publishtest.Place {
		t.Helper()
		s := newServer(t, &tls.Config{Certificates: ts.TLS.Certificates, MinVersion: tls.VersionTLS12})
		cfg := s.config()
		roots := x509.NewCertPool()
		roots.AddCert(ts.Certificate())
		cfg.TLS, cfg.TLSConfig, cfg.ReadBack = true, &tls.Config{RootCAs: roots}, true
		cfg.Dir = ""
		return s.place(t, cfg)
	})
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	ts := httptest.NewTLSServer(nil)
	ts.Close()
	s := newServer(t, &tls.Config{Certificates: ts.TLS.Certificates, MinVersion: tls.VersionTLS12})
	cfg := s.config()
	cfg.TLS = true
	if err := open(t, cfg).Remove(t.Context(), "x", 0); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v, want one about the certificate", err)
	}
	cfg.TLS = false
	if err := open(t, cfg).Remove(t.Context(), "x", 0); err == nil {
		t.Error("the server wants TLS: no error")
	}
}

func scan(t *testing.T, files map[string][]byte) publish.Set {
	t.Helper()
	work := t.TempDir()
	for name, data := range files {
		path := filepath.Join(work, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	set, err := publish.Scan(t.Context(), work)
	if err != nil {
		t.Fatal(err)
	}
	set.ID, set.Attempt = "x", 1
	return set
}

func TestBrokenConnectionIsResumed(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	data := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	set := scan(t, map[string][]byte{"images/boot.iso": data})
	s.cut.Store(1_000_000)
	p := open(t, s.config())
	staged, err := p.Stage(t.Context(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finalize(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(s.root, "pub/images/x/images/boot.iso"))
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("published %d bytes, error %v", len(got), err)
	}
	want := "[/pub/images/.staging/x.1/images/boot.iso from 1000000 /pub/images/.staging/x.1/images/boot.iso from 2000000 /pub/images/.staging/x.1/images/boot.iso from 3000000]"
	if fmt.Sprint(s.log) != want {
		t.Errorf("resumed %v, want %v", s.log, want)
	}
}

// An earlier try of the same attempt made other bytes of the same size.
func TestOtherBytesAreNotGoneOnWith(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	p := open(t, s.config())
	first := bytes.Repeat([]byte("a"), 500_000)
	second := bytes.Clone(first)
	second[0] = 'b' // the ends agree
	if _, err := p.Stage(t.Context(), scan(t, map[string][]byte{"f": first}), nil); err != nil {
		t.Fatal(err)
	}
	staged, err := p.Stage(t.Context(), scan(t, map[string][]byte{"f": second}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finalize(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(s.root, "pub/images/x/f")); !bytes.Equal(got, second) {
		t.Error("bytes of the earlier try are published")
	}
}

func TestDamagedTailIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	p := open(t, s.config())
	data := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	set := scan(t, map[string][]byte{"f": data})
	if _, err := p.Stage(t.Context(), set, nil); err != nil {
		t.Fatal(err)
	}
	// A crashed server left zeros at the end.
	if err := os.WriteFile(filepath.Join(s.root, "pub/images/.staging/x.1/f"), append(bytes.Clone(data[:100_000]), make([]byte, 5000)...), 0o644); err != nil {
		t.Fatal(err)
	}
	staged, err := p.Stage(t.Context(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finalize(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(s.root, "pub/images/x/f")); !bytes.Equal(got, data) {
		t.Error("the damaged file is published")
	}
}

func TestForeignDirectoryIsNotReplaced(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	if err := os.MkdirAll(filepath.Join(s.root, "pub/images/x"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, s.config()).Stage(t.Context(), scan(t, map[string][]byte{"f": nil}), nil)
	if _, ok := errors.AsType[*publish.ExistsError](err); !ok {
		t.Errorf("error %v, want *ExistsError", err)
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := s.config()
	cfg.Password = "battery staple"
	p := open(t, cfg)
	_, err := p.Stage(t.Context(), scan(t, map[string][]byte{"f": nil}), nil)
	if !errors.Is(err, publish.ErrDenied) {
		t.Errorf("error %v, want ErrDenied", err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %v", err, p, p, cfg); strings.Contains(shown, "staple") {
		t.Errorf("the password shows: %s", shown)
	}
}

func TestServerAway(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var tries atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tries.Add(1)
			_ = c.Close()
		}
	}()
	p := open(t, ftp.Config{Addr: l.Addr().String(), Backoff: func(int) time.Duration { return 0 }})
	if _, err := p.Stage(t.Context(), scan(t, map[string][]byte{"f": nil}), nil); !errors.Is(err, publish.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	if tries.Load() != 5 {
		t.Errorf("%d connections, want 5", tries.Load())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(t.Context(), "x", 0); !errors.Is(err, publish.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
}

func TestSilentServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := open(t, ftp.Config{Addr: l.Addr().String(), Timeout: 50 * time.Millisecond, Retries: -1})
	if err := p.Remove(t.Context(), "x", 1); !errors.Is(err, publish.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	// And the context ends the wait for an answer.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p = open(t, ftp.Config{Addr: l.Addr().String()})
	if err := p.Remove(ctx, "x", 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want deadline exceeded", err)
	}
}

func TestBadConfigurations(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]ftp.Config{
		"no address":  {},
		"line end":    {Addr: "host", User: "a\r\nDELE x"},
		"dir outside": {Addr: "host", Dir: "../.."},
	} {
		if _, err := ftp.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
