package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Options of a Fetcher; the zero value works.
type Options struct {
	// HTTP is the client to start from: its transport is cloned (TLS settings
	// and Proxy are kept) and put under the Policy. Its Transport must be nil
	// or an *http.Transport. Nil: a client of its own with
	// http.ProxyFromEnvironment.
	HTTP *http.Client
	// Policy says what may be reached.
	Policy Policy
	// PerHost is how many transfers one host serves at a time; 0 means 8.
	PerHost int
	// Parallel is how many files All works on at a time; 0 means 16.
	Parallel int
	// Retries is how often one mirror is tried again after a failure that may
	// pass; 0 means 3, negative means never. Every try that brings at least
	// 1 MiB starts the count afresh.
	Retries int
	// Backoff gives the pause after the n-th failure in a row of a mirror, n
	// counting from 1. Nil: half a second, doubled each time up to 30 s, with
	// jitter. A longer Retry-After (up to two minutes) wins.
	Backoff func(n int) time.Duration
	// MinFree is the room in bytes that stays free on the cache's file
	// system; 0 means 256 MiB, negative means none.
	MinFree int64
	// MaxCache bounds the finished files in the cache, in bytes; 0 or less means
	// no bound. The least recently used go first, a little more than needed at a
	// time. Files in use stay, even beyond the bound: see [Fetcher.Prune].
	MaxCache int64
	// MaxFile is the most bytes of one file; 0 means 16 GiB.
	MaxFile int64
	// MaxTotal is the most bytes of one All; 0 means 64 GiB.
	MaxTotal int64
	// BytesPerSecond limits the whole Fetcher; 0 means no limit.
	BytesPerSecond int
	// Stall is how long a transfer may bring nothing; 0 means one minute.
	Stall time.Duration
	// PartAge is how long unfinished bytes that no process works on are kept
	// for a later resume; 0 means one hour.
	PartAge time.Duration
	// UserAgent of the requests; "" means "respin".
	UserAgent string
	// Logger gets retries and mirror changes; nil means none.
	Logger hclog.Logger
}

// Want describes one file.
type Want struct {
	// URLs are the places of the file, best first.
	URLs []string
	// Size in bytes; 0 or less when unknown.
	Size int64
	// SHA256 in hex, "" when unknown.
	SHA256 string
	// Judge, if set, makes a judge of the file, a new one for each time that it
	// is read from the start. What is in the cache already is judged too; judges
	// of one Key are taken for equal, and what has passed one of them is not read
	// again by this Fetcher.
	Judge func() Judge
	// Make, if set, makes the file from others once no URL has it any more (404,
	// 410): it writes to w what it makes of files that it gets through get. What
	// it made is verified as a download is.
	Make func(ctx context.Context, w io.Writer, get func(Want) (string, error)) error
	// Key names content that never changes (a digest, an identifier) where its
	// SHA256 is not known: a later Get with the same Key is served from the cache.
	// With neither Key nor SHA256 every Get downloads.
	Key string
}

// Fetcher downloads into one cache directory. It is safe for concurrent use.
type Fetcher struct {
	dir    string
	opt    Options
	client *http.Client
	log    hclog.Logger
	free   func(path string) (int64, error)
	limit  limiter
	boot   string // which start of the machine this is

	ctx    context.Context // of all flights, ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	flights map[string]*flight
	hosts   map[string]chan struct{}
	hashed  map[string]fileID // cache files whose digest this process has seen
	judged  map[string]bool   // see judgeKey
	usage   usage
}

// New makes the cache directory if needed, sweeps what killed processes left
// there, and returns a Fetcher. The caller closes it.
func New(dir string, opt Options) (*Fetcher, error) {
	opt.setDefaults()
	client, err := guardedClient(opt)
	if err != nil {
		return nil, fmt.Errorf("create fetcher: %w", err)
	}
	f := &Fetcher{
		dir: dir, opt: opt, client: client, log: opt.Logger, free: diskFree, limit: newLimiter(opt.BytesPerSecond), boot: bootID(),
		flights: map[string]*flight{}, hosts: map[string]chan struct{}{}, hashed: map[string]fileID{}, judged: map[string]bool{},
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	for _, sub := range []string{"cas/sha256", "keys", "part", "holds", "docs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("create fetcher: %w", err)
		}
	}
	if err := f.sweep(time.Now()); err != nil {
		return nil, fmt.Errorf("sweep cache %s: %w", dir, err)
	}
	return f, nil
}

func (o *Options) setDefaults() {
	def := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	def(&o.MinFree, 256<<20)
	o.MinFree = max(o.MinFree, 0)
	def(&o.MaxFile, 16<<30)
	def(&o.MaxTotal, 64<<30)
	if o.PerHost <= 0 {
		o.PerHost = 8
	}
	if o.Parallel <= 0 {
		o.Parallel = 16
	}
	if o.Retries == 0 {
		o.Retries = 3
	}
	o.Retries = max(o.Retries, 0)
	if o.Backoff == nil {
		o.Backoff = func(n int) time.Duration {
			d := min(500*time.Millisecond<<min(n-1, 10), 30*time.Second)
			return d/2 + rand.N(d/2) //nolint:gosec // jitter needs no secrecy
		}
	}
	if o.Stall <= 0 {
		o.Stall = time.Minute
	}
	if o.PartAge <= 0 {
		o.PartAge = time.Hour
	}
	if o.UserAgent == "" {
		o.UserAgent = "respin"
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
}

func guardedClient(opt Options) (*http.Client, error) {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 30 * time.Second}
	client := &http.Client{}
	if opt.HTTP != nil {
		client.Jar = opt.HTTP.Jar
		switch own := opt.HTTP.Transport.(type) {
		case nil:
		case *http.Transport:
			t = own.Clone()
		default:
			return nil, fmt.Errorf("use client: its transport is %T, but only *http.Transport can be put under the policy", own)
		}
	}
	// The bytes of the file itself are wanted, whatever a server would pack.
	t.DisableCompression = true
	t.MaxIdleConnsPerHost = opt.PerHost
	t.IdleConnTimeout = 30 * time.Second
	g := &guard{policy: opt.Policy, proxies: map[string]bool{}}
	g.install(t)
	client.Transport = t
	client.CheckRedirect = opt.Policy.checkRedirect
	return client, nil
}

// Close ends what is under way and waits for it. Finished files stay, and so
// do unfinished bytes, for a later resume.
func (f *Fetcher) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.wg.Wait()
	f.client.CloseIdleConnections()
	return nil
}

// Get returns the path of the wanted file in the cache, downloading it when it
// is not there. The path's last element is the file's SHA-256 in hex. The file
// is read-only and shared: link or copy it out with [Link], never write to it.
// It stays for an hour at least; a [Session] keeps it longer.
//
// Concurrent calls for the same file share one download, which goes on as long
// as one of them still waits. Errors: *RefusedError, *StatusError,
// *MismatchError, *HTMLError, *CheckError, *DiskFullError, anything that Is
// ErrUnreachable, ErrClosed, or the context's; with several mirrors the errors
// of all are joined.
func (f *Fetcher) Get(ctx context.Context, w Want) (string, error) {
	return f.get(ctx, w, nil, nil)
}

func (f *Fetcher) get(ctx context.Context, w Want, listen listener, s *Session) (string, error) {
	if err := w.validate(); err != nil {
		return "", err
	}
	w.SHA256 = strings.ToLower(w.SHA256)
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("get %s: %w", w.name(), err)
	}
	for range 3 {
		path, leader, err := f.join(ctx, w, listen)
		if err != nil {
			return "", err
		}
		there, err := f.use(ctx, filepath.Base(path), s)
		if err != nil {
			return "", fmt.Errorf("get %s: %w", w.name(), err)
		}
		if !there {
			continue // removed since, so it is fetched again
		}
		// Whoever joined another's download has a Judge of his own.
		if !leader && w.Judge != nil {
			if err := f.judgeFile(ctx, &w, path, filepath.Base(path)); err != nil {
				return "", err
			}
		}
		return path, nil
	}
	return "", fmt.Errorf("get %s: %w", w.name(), errGone)
}

func (w *Want) validate() error {
	var errs []error
	if len(w.URLs) == 0 {
		errs = append(errs, errors.New("no URL given"))
	}
	if w.SHA256 != "" && !isHex256(w.SHA256) {
		errs = append(errs, fmt.Errorf("%q is no SHA-256 in hex", w.SHA256))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("get %s: %w", w.name(), err)
	}
	return nil
}

// name is what messages call the file.
func (w *Want) name() string {
	if len(w.URLs) > 0 {
		return redact(w.URLs[0])
	}
	return w.Key
}

// id is the same for wants that one download serves.
func (w *Want) id() string {
	if w.Key == "" && w.SHA256 == "" {
		return "url\x00" + w.URLs[0]
	}
	return w.Key + "\x00" + w.SHA256
}

func isHex256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
