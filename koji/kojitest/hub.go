package kojitest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/internal/wire"
)

// Version is the version of Koji that the hub says to be.
const Version = "1.35.3"

// StartTime is when a new hub's first event happens.
func StartTime() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 250_000_000, time.UTC) }

// DefaultOwner owns what is added without an owner.
const DefaultOwner = "releng"

// Hub is a hub. It is a http.Handler: the calls are at /kojihub, the files at
// the root and, as on a stock installation, below /kojifiles. It is safe for
// concurrent use.
type Hub struct {
	mu          sync.RWMutex
	now         time.Time
	events      []time.Time // the n-th has id n+1
	users       []*account
	packages    names
	volumes     names // ids from 0
	types       names // of builds
	builds      []*build
	rpms        []*rpmRow
	archives    []*archiveRow
	tags        []*tag
	lastTag     int // id
	listing     []*tagging
	tagPackages []*tagPackage
	targets     []target
	externals   []*externalRow
	tasks       map[int]*task
	lastTask    int
	repos       []*repoRow
	files       map[string]*file
	failHub     Failures
	failFile    Failures
	calls       []string
	methods     map[string]method
	sessions    map[int]*session
	lastSession int
	negotiate   func(string) string
}

// NewHub returns an empty hub.
func NewHub() *Hub {
	h := &Hub{
		now: StartTime(), tasks: map[int]*task{}, files: map[string]*file{}, sessions: map[int]*session{}, methods: methodTable(),
	}
	h.volumes.list = []string{koji.DefaultVolume}
	h.types.list = []string{"rpm", "maven", "win", "image"}
	return h
}

// names gives ids to names as they come up.
type names struct{ list []string }

func (n *names) index(name string) int {
	i := slices.Index(n.list, name)
	if i < 0 {
		i = len(n.list)
		n.list = append(n.list, name)
	}
	return i
}

// SetTime moves the hub's clock; the next event happens at t.
func (h *Hub) SetTime(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = t.UTC().Truncate(time.Microsecond)
}

// Tick lets an event happen that changes nothing, and returns its id.
func (h *Hub) Tick() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	id, _ := h.event()
	return id
}

// event makes a new event and lets a second pass.
func (h *Hub) event() (int, time.Time) {
	t := h.now
	h.now = t.Add(time.Second)
	h.events = append(h.events, t)
	return len(h.events), t
}

// timeOf is when an event happened.
func (h *Hub) timeOf(event int) time.Time { return h.events[event-1] }

// Failures switches on what may go wrong with requests. The zero value is none.
type Failures struct {
	// Method restricts the failures to calls of this method, multiCalls that
	// hold one included; "" is every request.
	Method string
	// Fault makes the call a fault; inside a multiCall only those of Method.
	Fault *Fault
	// Offline makes every call the fault 1014 ServerOffline with this text.
	Offline string
	Latency time.Duration // before each answer
	// Status and Body answer as a gateway would, RetryAfter in seconds being
	// put into the header if it is not 0.
	Status     int
	Body       string
	RetryAfter int
	// TruncateAfter breaks the connection after so many bytes of the body.
	TruncateAfter int
	// Times is how many requests these failures strike; 0 is all.
	Times int
}

// Fault is a refusal of the hub. Codes are those of koji/__init__.py: 1000
// GenericError, 1005 BuildError, 1 any other exception.
type Fault struct {
	Code int
	Text string
}

// Fail switches failures of calls on, or off with the zero value.
func (h *Hub) Fail(f Failures) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failHub = f
}

// FailFiles switches failures of files on, or off with the zero value.
func (h *Hub) FailFiles(f Failures) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failFile = f
}

// strike returns the failures that hit the request at hand. methods are what
// is called, none before that is known.
func (h *Hub) strike(f *Failures, methods ...string) Failures {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := *f
	if (now.Method == "") != (len(methods) == 0) || now.Method != "" && !slices.Contains(methods, now.Method) {
		return Failures{}
	}
	if f.Times > 0 {
		if f.Times--; f.Times == 0 {
			*f = Failures{}
		}
	}
	return now
}

// strikeCall returns the failures of the methods that are called.
func (h *Hub) strikeCall(call wire.Call) Failures {
	methods := []string{call.Method}
	for _, c := range inner(call.Params) {
		methods = append(methods, c.Method)
	}
	return h.strike(&h.failHub, methods...)
}

// answer does what needs no knowledge of the request, and reports whether that
// was the answer.
func (f Failures) answer(w http.ResponseWriter, r *http.Request) bool {
	if f.Latency > 0 {
		select {
		case <-time.After(f.Latency):
		case <-r.Context().Done():
			return true
		}
	}
	if f.Status == 0 {
		return false
	}
	w.Header().Set("Content-Type", "text/html")
	if f.RetryAfter != 0 {
		w.Header().Set("Retry-After", fmt.Sprint(f.RetryAfter))
	}
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body)) // the peer's matter
	return true
}

// Calls returns the methods called so far, in order; those inside a multiCall
// follow it.
func (h *Hub) Calls() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Clone(h.calls)
}

// ServeHTTP answers calls and serves files.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fail, serve := &h.failFile, h.serveFile
	if isHub(r.URL) {
		fail, serve = &h.failHub, h.serveCall
	}
	f := h.strike(fail)
	if f.answer(w, r) {
		return
	}
	serve(f.cutting(w), r, f)
}

// cutting wraps w so that the answer breaks off where it is to.
func (f Failures) cutting(w http.ResponseWriter) http.ResponseWriter {
	if f.TruncateAfter > 0 {
		return &truncated{ResponseWriter: w, left: f.TruncateAfter}
	}
	return w
}

// truncated breaks the connection once so many bytes have been sent.
type truncated struct {
	http.ResponseWriter
	left int
}

func (t *truncated) Write(p []byte) (int, error) {
	if len(p) < t.left {
		t.left -= len(p)
		return t.ResponseWriter.Write(p)
	}
	_, _ = t.ResponseWriter.Write(p[:t.left]) // broken on purpose
	_ = http.NewResponseController(t.ResponseWriter).Flush()
	panic(http.ErrAbortHandler) // how net/http breaks a connection
}

// Server is a running hub.
type Server struct {
	URL    string // without a slash at the end
	HubURL string
	TopURL string
	http   *http.Server
	done   chan error
}

// Start serves the hub at addr, such as "127.0.0.1:0" for any free port.
func (h *Hub) Start(addr string) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start koji test hub: %w", err)
	}
	s := &Server{
		URL:  "http://" + listener.Addr().String(),
		http: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute},
		done: make(chan error, 1),
	}
	s.HubURL, s.TopURL = s.URL+"/kojihub", s.URL
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

// Close ends all connections and waits until the port is free.
func (s *Server) Close() error {
	err := s.http.Close()
	if serve := <-s.done; !errors.Is(serve, http.ErrServerClosed) {
		err = errors.Join(err, serve)
	}
	s.done <- http.ErrServerClosed // for another Close
	return err
}

// cleanPath is how files are named inside the hub: no leading slash.
func cleanPath(path string) string {
	path = strings.TrimPrefix(path, "/")
	return strings.TrimPrefix(path, "kojifiles/")
}
