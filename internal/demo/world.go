package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/client"
	"github.com/fedora-respin/respin/daemon/notify/smtptest"
	"github.com/fedora-respin/respin/internal/proc"
)

// Facts of the demo's world.
const (
	release     = "44"
	arch        = "x86_64" // of the stand-in
	ftpUser     = "qa"
	ftpPassword = "correct horse"
	mailbox     = "qa@example.org"
	localNode   = "node-1"
	otherNode   = "node-2"
)

// demo is everything that runs, and what earlier steps found out.
type demo struct {
	opts   options
	out    *teller
	dir    string // work directory, absolute
	lock   *os.File
	runner *proc.Runner

	fedora   *composetest.Fedora
	mail     *smtptest.Server
	ftp      *ftpServer
	children []*child // in the order of their start
	daemon   *child

	url, queue string // of the daemon
	client     *client.Client

	baseISO   string
	kickstart string // file
	main      api.Compose
	plan      *compose.Plan
	upload    string // id of the base image on the server
}

// newDemo makes a fresh work directory.
func newDemo(o options, out *teller) (*demo, error) {
	d := &demo{opts: o, out: out, runner: &proc.Runner{}}
	if _, err := d.runner.Look(o.respin, ""); err != nil || !strings.Contains(o.respin, "/") {
		return nil, fmt.Errorf("there is no binary at %s: run make build first", o.respin)
	}
	var err error
	if d.dir, err = filepath.Abs(o.work); err != nil {
		return nil, fmt.Errorf("find work directory: %w", err)
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make work directory: %w", err)
	}
	return d, d.clear()
}

// lockName marks a work directory as the demo's own.
const lockName = ".respin-demo"

// clear removes what an earlier run left, and only that: a directory with
// anything in it that is not the demo's is refused.
func (d *demo) clear() error {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("read work directory: %w", err)
	}
	ours := slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == lockName })
	if len(entries) > 0 && !ours {
		return fmt.Errorf("%s holds files that are not the demo's: name another directory with -work", d.dir)
	}
	if d.lock, err = os.OpenFile(filepath.Join(d.dir, lockName), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return fmt.Errorf("lock work directory: %w", err)
	}
	err = unix.Flock(int(d.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("a demo runs in %s already: end it, or name another directory with -work", d.dir)
	}
	if err != nil {
		return fmt.Errorf("lock work directory: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != lockName {
			errs = append(errs, os.RemoveAll(filepath.Join(d.dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// close ends everything in the reverse order of its start.
func (d *demo) close() error {
	var errs []error
	for _, c := range slices.Backward(d.children) {
		errs = append(errs, c.stop())
	}
	if d.ftp != nil {
		errs = append(errs, d.ftp.close())
	}
	if d.mail != nil {
		errs = append(errs, d.mail.Close())
	}
	if d.fedora != nil {
		errs = append(errs, d.fedora.Close())
	}
	return errors.Join(append(errs, d.lock.Close())...)
}

// path is a file of the work directory.
func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// short names a path as a user in the current directory would.
func short(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return path
	}
	return rel
}

// env is the environment of every child: nothing of the caller's configuration
// of respin gets in.
func (d *demo) env() []string {
	env := proc.BaseEnv()
	if d.url != "" {
		env = append(env, "RESPIN_SERVER="+d.url)
	}
	return env
}

// address returns the wanted port of loopback, or another when that is taken.
func address(ctx context.Context, port int) (addr string, wanted bool, err error) {
	for _, p := range []int{port, 0} {
		var l net.Listener
		l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		if err != nil {
			continue
		}
		addr = l.Addr().String()
		return addr, p == port, l.Close()
	}
	return "", false, fmt.Errorf("find a free port: %w", err)
}

// compose returns the record of a compose once it has ended.
func (d *demo) finished(ctx context.Context, id string) (api.Compose, error) {
	var c api.Compose
	err := until(ctx, "the end of compose "+id, func() (bool, error) {
		var err error
		c, err = d.client.Get(ctx, id)
		return err == nil && c.State.Done(), err
	})
	return c, err
}

// newest returns the record of the compose that was asked for last.
func (d *demo) newest(ctx context.Context) (api.Compose, error) {
	list, err := d.client.List(ctx, client.ListOptions{Limit: 1})
	if err != nil {
		return api.Compose{}, err
	}
	if len(list.Composes) == 0 {
		return api.Compose{}, errors.New("the server has no compose")
	}
	return list.Composes[0], nil
}

// mails waits for n messages to an address and returns those that came.
func (d *demo) mails(ctx context.Context, to string, n int) ([]smtptest.Message, error) {
	var got []smtptest.Message
	err := until(ctx, fmt.Sprintf("mail to %s", to), func() (bool, error) {
		got = slices.DeleteFunc(d.mail.Messages(), func(m smtptest.Message) bool { return !slices.Contains(m.To, to) })
		return len(got) >= n, nil
	})
	return got, err
}

// settle gives what must not happen a little time to happen.
func settle(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
