// Package ftp publishes sets to an FTP server, plain or with explicit TLS.
//
//	p, err := ftp.New(ftp.Config{
//		Addr: "ftp.example.org:21", User: "qa", Password: "...", Dir: "pub/images",
//		URL: "https://ftp.example.org/pub/images/",
//	})
//	staged, err := p.Stage(ctx, set, progress)
//	loc, err := p.Finalize(ctx, staged)      // RNFR, RNTO
//
// On the server, below Dir:
//
//	<id>/                          published
//	.staging/<id>.<attempt>/       on its way
//	.staging/<id>.<attempt>.digest which set that is
//
// FTP has no checksums. Sizes are always compared; the bytes before a resumed
// upload are trusted only when the server's record says that they are of this
// very set and their last 64 KiB agree; with Config.ReadBack every file is read
// back and its SHA-256 compared. Each call has a connection of its own.
package ftp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/textproto"
	"path"
	"strings"
	"sync/atomic"
	"time"

	jftp "github.com/jlaffaye/ftp"

	"github.com/fedora-respin/respin/publish"
)

// Config of an FTP Publisher. Addr is required.
type Config struct {
	Addr     string         // host:port; without port, 21
	User     string         // "" means anonymous
	Password publish.Secret //
	Dir      string         // on the server; "" means where the login leads
	URL      string         // under which Dir is served; "" means an ftp: URL

	TLS       bool        // explicit TLS (AUTH TLS), data included
	TLSConfig *tls.Config // nil: the system's roots and the name in Addr

	// ReadBack downloads every uploaded file again to compare its SHA-256.
	ReadBack bool
	// Timeout is how long a connection may be silent; 0 means one minute.
	Timeout time.Duration
	// Retries is how often a broken connection is made again in a row without
	// progress; 0 means 4, negative means never.
	Retries int
	// Backoff gives the pause before the n-th retry, n counting from 1. Nil:
	// half a second, doubled each time up to 30 s, with jitter.
	Backoff func(n int) time.Duration
}

// Publisher publishes to an FTP server. It implements publish.Publisher.
type Publisher struct {
	cfg    Config
	closed atomic.Bool
}

var _ publish.Publisher = (*Publisher)(nil)

// New checks the configuration; it does not connect.
func New(cfg Config) (*Publisher, error) {
	var errs []error
	if cfg.Addr == "" {
		errs = append(errs, errors.New("field Addr is missing"))
	} else if _, _, err := net.SplitHostPort(cfg.Addr); err != nil {
		cfg.Addr = net.JoinHostPort(strings.Trim(cfg.Addr, "[]"), "21")
	}
	for _, s := range []string{cfg.User, string(cfg.Password), cfg.Dir} {
		if strings.ContainsAny(s, "\r\n\x00") {
			errs = append(errs, errors.New("one of User, Password and Dir has a line end"))
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("create FTP publisher: %w", err)
	}
	if cfg.User == "" {
		cfg.User, cfg.Password = "anonymous", "anonymous"
	}
	cfg.Dir = path.Clean("./" + cfg.Dir)
	if strings.HasPrefix(strings.TrimPrefix(cfg.Dir, "./"), "..") {
		return nil, errors.New("create FTP publisher: Dir leads out of the login's directory")
	}
	if cfg.URL == "" {
		cfg.URL = "ftp://" + cfg.Addr + "/" + strings.TrimPrefix(cfg.Dir, ".")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.Retries == 0 {
		cfg.Retries = 4
	}
	if cfg.Backoff == nil {
		cfg.Backoff = func(n int) time.Duration {
			d := min(500*time.Millisecond<<min(n-1, 10), 30*time.Second)
			return d/2 + rand.N(d/2) //nolint:gosec // jitter needs no secrecy
		}
	}
	return &Publisher{cfg: cfg}, nil
}

// String names the place without the password.
func (p *Publisher) String() string { return "FTP publisher " + p.cfg.Addr + " " + p.cfg.Dir }

// GoString keeps the password out of %#v.
func (p *Publisher) GoString() string { return p.String() }

// Close makes later calls fail; each call closes its own connection.
func (p *Publisher) Close() error {
	p.closed.Store(true)
	return nil
}

func (p *Publisher) ready(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.closed.Load() {
		return publish.ErrClosed
	}
	return nil
}

func (p *Publisher) final(id string) string { return path.Join(p.cfg.Dir, id) }

func (p *Publisher) stagingRoot() string { return path.Join(p.cfg.Dir, ".staging") }

func (p *Publisher) staging(id string, attempt int) string {
	return path.Join(p.stagingRoot(), publish.StagingName(id, attempt))
}

// retryError is a failure that a new connection may not meet.
type retryError struct{ err error }

func (e *retryError) Error() string        { return e.err.Error() }
func (e *retryError) Unwrap() error        { return e.err }
func (e *retryError) Is(target error) bool { return target == publish.ErrUnavailable }

// sort says what an error of the connection means (RFC 959, 4.2).
func (p *Publisher) sort(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if ours(err) {
		return err
	}
	err = p.scrub(err)
	reply, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		return &retryError{err}
	}
	switch reply.Code {
	case jftp.StatusNotLoggedIn, jftp.StatusInvalidCredentials, jftp.StatusStorNeedAccount:
		return fmt.Errorf("%w: %w", publish.ErrDenied, err)
	case jftp.Status452, jftp.StatusExceededStorage:
		return fmt.Errorf("%w: %w", publish.ErrNoSpace, err)
	case jftp.StatusNotAvailable, jftp.StatusCanNotOpenDataConnection, jftp.StatusTransfertAborted,
		jftp.StatusHostUnavailable, jftp.StatusFileActionIgnored, jftp.StatusActionAborted:
		return &retryError{err}
	}
	low := strings.ToLower(reply.Msg)
	switch {
	case strings.Contains(low, "permission denied"):
		return fmt.Errorf("%w: %w", publish.ErrDenied, err)
	case strings.Contains(low, "no space left"), strings.Contains(low, "quota"):
		return fmt.Errorf("%w: %w", publish.ErrNoSpace, err)
	}
	if _, broken := errors.AsType[*net.OpError](err); broken {
		// The data connection broke, whatever the server calls that.
		return &retryError{err}
	}
	return err
}

// ours reports errors that do not come from the connection.
func ours(err error) bool {
	var (
		mismatch *publish.MismatchError
		refused  *publish.RefusedError
		exists   *publish.ExistsError
		again    *retryError
		local    *fs.PathError
		cert     *tls.CertificateVerificationError
	)
	return errors.As(err, &local) || errors.As(err, &cert) || errors.As(err, &mismatch) || errors.As(err, &refused) || errors.As(err, &exists) || errors.As(err, &again) ||
		errors.Is(err, publish.ErrNotStaged) || errors.Is(err, publish.ErrDenied) || errors.Is(err, publish.ErrNoSpace)
}

// scrub takes the password out of what a talkative server sent back.
func (p *Publisher) scrub(err error) error {
	secret := string(p.cfg.Password)
	if len(secret) < 4 || !strings.Contains(err.Error(), secret) {
		return err
	}
	text := strings.ReplaceAll(err.Error(), secret, p.cfg.Password.String())
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return &textproto.Error{Code: reply.Code, Msg: strings.TrimPrefix(text, fmt.Sprintf("%03d ", reply.Code))}
	}
	return errors.New(text)
}

// missing reports the reply to a command on a name that is not there.
func missing(err error) bool {
	reply, ok := errors.AsType[*textproto.Error](err)
	return ok && reply.Code == jftp.StatusFileUnavailable
}

// Finalize implements publish.Publisher.
func (p *Publisher) Finalize(ctx context.Context, staged publish.Staged) (publish.Location, error) {
	err := errors.Join(staged.Validate(), p.ready(ctx))
	if err == nil {
		err = p.with(ctx, func(s *session) (bool, error) { return false, p.finalize(s, staged) })
	}
	if err != nil {
		return publish.Location{}, fmt.Errorf("finalize %s: %w", staged.ID, err)
	}
	return publish.At(p.cfg.URL, staged.ID), nil
}

func (p *Publisher) finalize(s *session, staged publish.Staged) error {
	same, err := p.published(s, staged)
	if err != nil {
		return err
	}
	if !same {
		if err := p.rename(s, staged); err != nil {
			return err
		}
	}
	// What another attempt staged of the same set is of no more use.
	return p.removeStaging(s, staged.ID, staged.Attempt)
}

func (p *Publisher) rename(s *session, staged publish.Staged) error {
	from := p.staging(staged.ID, staged.Attempt)
	digest, err := s.digest(path.Join(from, publish.ChecksumName))
	if err == nil && digest != staged.Digest {
		err = publish.ErrNotStaged
	}
	if err == nil {
		err = s.c.Rename(from, p.final(staged.ID))
	}
	if err == nil {
		return nil
	}
	// Whoever was faster may have published this very set; a connection that
	// broke after the rename is found out by the retry in the same way.
	if same, perr := p.published(s, staged); same || perr != nil {
		return perr
	}
	if errors.Is(err, errNone) {
		return publish.ErrNotStaged
	}
	return err
}

// published reports whether the set stands under its final name, with an
// *ExistsError when something else does.
func (p *Publisher) published(s *session, staged publish.Staged) (bool, error) {
	list := path.Join(p.final(staged.ID), publish.ChecksumName)
	digest, err := s.digest(list)
	if errors.Is(err, errNone) {
		if there, err := s.exists(p.final(staged.ID)); err != nil || !there {
			return false, err
		}
		// It may have come between the two looks.
		if digest, err = s.digest(list); errors.Is(err, errNone) {
			return false, &publish.ExistsError{ID: staged.ID}
		}
	}
	if err != nil {
		return false, err
	}
	if digest != staged.Digest {
		return false, &publish.ExistsError{ID: staged.ID}
	}
	return true, nil
}

// Remove implements publish.Publisher.
func (p *Publisher) Remove(ctx context.Context, id string, attempt int) error {
	err := errors.Join(publish.CheckID(id), p.ready(ctx))
	if err == nil {
		err = p.with(ctx, func(s *session) (bool, error) {
			if attempt > 0 {
				return false, p.removeStaging(s, id, attempt)
			}
			return false, p.removeAll(s, id)
		})
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", id, err)
	}
	return nil
}

func (p *Publisher) removeAll(s *session, id string) error {
	// Renamed first, so that nobody meets half of it. An unknown attempt
	// number makes it part of the staging that is removed below.
	gone := path.Join(p.stagingRoot(), publish.StagingName(id, int(time.Now().Unix())))
	if err := s.c.Rename(p.final(id), gone); err != nil && !missing(err) {
		return err
	}
	if there, err := s.exists(p.final(id)); err != nil {
		return err
	} else if there {
		if err := s.removeTree(p.final(id)); err != nil {
			return err
		}
	}
	entries, err := s.list(p.stagingRoot())
	if err != nil {
		return err
	}
	for _, e := range entries {
		owner, attempt, err := publish.ParseStagingName(strings.TrimSuffix(e.Name, digestSuffix))
		if err != nil || owner != id {
			continue
		}
		if err := p.removeStaging(s, id, attempt); err != nil {
			return err
		}
	}
	return nil
}

func (p *Publisher) removeStaging(s *session, id string, attempt int) error {
	top := p.staging(id, attempt)
	if err := s.removeTree(top); err != nil {
		return err
	}
	if err := s.c.Delete(top + digestSuffix); err != nil && !missing(err) {
		return err
	}
	return nil
}

// readAll reads a small file of the server, errNone when there is none.
func (s *session) readAll(name string, limit int64) ([]byte, error) {
	r, err := s.c.Retr(name)
	if missing(err) {
		return nil, errNone
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, limit))
	if err == nil && int64(len(data)) == limit {
		err = fmt.Errorf("file %s is larger than %d bytes", name, limit)
	}
	return data, errors.Join(err, r.Close())
}
