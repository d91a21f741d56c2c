package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/store"
)

// stream wraps a plain handler as a documented operation.
func stream(contentType string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: "OK", Content: map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
}

func (d *Daemon) restStreams(a huma.API) {
	logs := op("log", http.MethodGet, "/api/v1/composes/{id}/log", "Its log as text; Range follows it", 404)
	logs.Responses = stream("text/plain; charset=utf-8")
	huma.Register(a, logs, func(ctx context.Context, in *struct {
		ID   string `path:"id" doc:"id of the compose" maxLength:"64"`
		Name string `query:"name" doc:"a log of the artifacts, by its file name; without it the running log" maxLength:"200"`
	},
	) (*huma.StreamResponse, error) {
		c, err := d.store.Get(ctx, in.ID)
		if err != nil {
			return nil, d.answer(err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			d.serveLog(w, r, c, in.Name)
		}}, nil
	})

	events := op("events", http.MethodGet, "/api/v1/composes/{id}/events", "State, stage, percent and log as they come (Server-Sent Events)", 404)
	events.Responses = stream("text/event-stream")
	huma.Register(a, events, func(ctx context.Context, in *struct {
		ID          string `path:"id" doc:"id of the compose" maxLength:"64"`
		LastEventID string `header:"Last-Event-ID" doc:"id of the last event that arrived"`
	},
	) (*huma.StreamResponse, error) {
		if _, err := d.store.Get(ctx, in.ID); err != nil {
			return nil, d.answer(err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			d.serveEvents(w, r, in.ID, in.LastEventID)
		}}, nil
	})
}

func (d *Daemon) serveLog(w http.ResponseWriter, r *http.Request, c *store.Compose, name string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if name != "" {
		d.serveNamedLog(w, r, c.ID, name)
		return
	}
	f, err := d.logs.open(c.ID)
	if err != nil {
		d.writeProblem(w, err)
		return
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		d.writeProblem(w, err)
		return
	}
	if c.LogSize > 0 && !st.Mode().IsRegular() { // it is gone, and its size must not be promised
		d.writeProblem(w, refuseCall(codeNotFound, http.StatusNotFound, "The log of this compose is gone.", "An expired compose keeps its record only; retry it to build it again."))
		return
	}
	// No modification time: a Range on a growing log must not turn into the
	// whole. What lies beyond LogSize is what a kill left, or not yet recorded.
	http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(f, 0, min(c.LogSize, max(st.Size(), 0))))
}

func (d *Daemon) serveNamedLog(w http.ResponseWriter, r *http.Request, id, name string) {
	root, err := os.OpenRoot(filepath.Join(d.cfg.Data, "images"))
	if err != nil {
		d.writeProblem(w, err)
		return
	}
	defer func() { _ = root.Close() }()
	f, err := root.Open(filepath.Join(id, "logs", name))
	if err != nil || strings.ContainsAny(name, `/\`) {
		if err == nil {
			_ = f.Close()
		}
		d.writeProblem(w, noLog())
		return
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		d.writeProblem(w, err)
		return
	}
	if !st.Mode().IsRegular() {
		d.writeProblem(w, noLog())
		return
	}
	http.ServeContent(w, r, "", st.ModTime(), f)
}

func noLog() error {
	return refuseCall(codeNotFound, http.StatusNotFound, "The compose has no log of that name.", "The artifacts list its logs.")
}

// position is where a follower is: how much of the log it has, and the last
// state that it was told.
type position struct {
	log  int64
	last string
}

// streamStall is how long a follower of events may take nothing.
const streamStall = time.Minute

// serveEvents sends what changes until the compose has ended or the client has
// gone. Ids are "<log offset>": the state is told anew at every start, the log
// goes on where it was.
func (d *Daemon) serveEvents(w http.ResponseWriter, r *http.Request, id, lastID string) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	pos := position{}
	if n, err := strconv.ParseInt(lastID, 10, 64); err == nil && n > 0 {
		pos.log = n
	}
	flush := http.NewResponseController(w)
	keepAlive := time.NewTicker(15 * time.Second)
	defer keepAlive.Stop()
	for {
		// A follower that takes nothing any more must not hold its connection for ever.
		_ = flush.SetWriteDeadline(time.Now().Add(streamStall))
		changed := d.watchers.wait(id) // before reading, so that no change is missed
		c, err := d.store.Get(r.Context(), id)
		if err != nil {
			return
		}
		done, err := d.tell(w, c, &pos)
		if err != nil || done || flush.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-keepAlive.C:
			_ = flush.SetWriteDeadline(time.Now().Add(streamStall))
			if _, err := fmt.Fprint(w, ": still here\n\n"); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// maxLogEvent bounds the text of one log event, in bytes.
const maxLogEvent = 64 << 10

// tell sends what is new of c.
func (d *Daemon) tell(w http.ResponseWriter, c *store.Compose, pos *position) (done bool, err error) {
	send := func(e api.Event) error {
		e.Time = d.now().UTC()
		data, err := json.Marshal(e)
		if err == nil {
			_, err = fmt.Fprintf(w, "event: %s\nid: %d\ndata: %s\n\n", e.Type, pos.log, data)
		}
		return err
	}
	for {
		text, err := d.logs.readFrom(c.ID, pos.log, c.LogSize, maxLogEvent)
		if err != nil || text == "" {
			break
		}
		if len(text) == maxLogEvent { // whole lines, which also keeps characters whole
			if end := strings.LastIndexByte(text, '\n'); end >= 0 {
				text = text[:end+1]
			}
		}
		pos.log += int64(len(text))
		if err := send(api.Event{Type: "log", Text: text}); err != nil {
			return false, err
		}
	}
	now := fmt.Sprint(c.State, c.Stage, c.Percent, c.Message)
	if now != pos.last {
		kind := "stage"
		if !strings.HasPrefix(pos.last, string(c.State)) {
			kind = "state"
		}
		pos.last = now
		if err := send(api.Event{Type: kind, State: c.State, Stage: c.Stage, Percent: c.Percent, Message: c.Message}); err != nil {
			return false, err
		}
	}
	if c.State.Done() {
		return true, send(api.Event{Type: "end", State: c.State, Percent: c.Percent})
	}
	return false, nil
}

func (d *Daemon) restServer(a huma.API) {
	huma.Register(a, op("sources", http.MethodGet, "/api/v1/sources", "What a source stands for right now", 422, 502), func(ctx context.Context, in *struct {
		Source     string `query:"s" required:"true" maxLength:"2000" doc:"As in a request: FEDORA-2026-1a2b3c4d5e, name-version-release, task:ID, tag:NAME, copr:OWNER/PROJECT, repo:URL#name, rpm:URL, upload:ID, name"`
		Release    string `query:"release"`
		Arch       string `query:"arch"`
		Debuginfo  bool   `query:"debuginfo"`
		Multilib   bool   `query:"multilib"`
		Src        bool   `query:"source_rpms"`
		Signatures string `query:"signatures" doc:"require, prefer or ignore"`
	},
	) (*body[api.SourceInfo], error) {
		req := compose.Request{Kind: compose.KindRepo, Release: in.Release, Arch: in.Arch, Sources: []string{in.Source}}
		req.Options = compose.Options{Debuginfo: in.Debuginfo, Multilib: in.Multilib, IncludeSource: in.Src}
		if in.Signatures != "" {
			req.Signatures = map[string]compose.SignaturePolicy{compose.EverySource: compose.SignaturePolicy(in.Signatures)}
		}
		if req.Arch == "" {
			req.Arch = compose.HostArch()
		}
		if problems := req.Check(); len(problems) > 0 {
			return nil, d.answer(compose.Refuse(problems...))
		}
		ctx, done, err := d.ask(ctx)
		if err != nil {
			return nil, d.answer(err)
		}
		defer done()
		plan, err := d.resolver.Source(ctx, req)
		if err != nil {
			return nil, d.answer(err)
		}
		return &body[api.SourceInfo]{api.SourceInfo{PlanSource: plan.Sources[0], RPMs: plan.RPMs, Warnings: plan.Warnings}}, nil
	})
	huma.Register(a, op("releases", http.MethodGet, "/api/v1/releases", "What can be built here"), func(ctx context.Context, _ *struct{}) (*body[api.Releases], error) {
		r, err := d.releases(ctx)
		return &body[api.Releases]{r}, d.answer(err)
	})
	huma.Register(a, op("queue", http.MethodGet, "/api/v1/queue", "Who waits for what"), func(ctx context.Context, _ *struct{}) (*body[api.Queue], error) {
		q, err := d.Queue(ctx)
		return &body[api.Queue]{q}, d.answer(err)
	})
	huma.Register(a, op("nodes", http.MethodGet, "/api/v1/nodes", "Who builds"), func(ctx context.Context, _ *struct{}) (*body[api.Nodes], error) {
		n, err := d.Nodes(ctx)
		return &body[api.Nodes]{n}, d.answer(err)
	})
	huma.Register(a, op("drain", http.MethodPost, "/api/v1/nodes/{id}/drain", "Let a node finish and take nothing new", 401, 403), func(ctx context.Context, in *struct {
		ID   string `path:"id" maxLength:"64"`
		Undo bool   `query:"undo" doc:"take work again"`
	},
	) (*body[api.Nodes], error) {
		if err := d.allow(ctx, scopeAdmin); err != nil {
			return nil, d.answer(err)
		}
		if err := d.master.Drain(ctx, in.ID, !in.Undo); err != nil {
			return nil, d.answer(err)
		}
		n, err := d.Nodes(ctx)
		return &body[api.Nodes]{n}, d.answer(err)
	})
	huma.Register(a, op("errors", http.MethodGet, "/api/v1/errors", "The catalog of error codes"), func(context.Context, *struct{}) (*body[api.Errors], error) {
		list := append(compose.Codes(), callCodes()...)
		slices.SortFunc(list, func(a, b compose.CodeInfo) int { return strings.Compare(string(a.Code), string(b.Code)) })
		return &body[api.Errors]{api.Errors{Errors: list}}, nil
	})
}

// releases says for every kind whether a node offers it.
func (d *Daemon) releases(ctx context.Context) (api.Releases, error) {
	nodes, err := d.Nodes(ctx)
	if err != nil {
		return api.Releases{}, err
	}
	out := api.Releases{Arches: compose.Arches()}
	for _, kind := range compose.Kinds() {
		info := api.KindInfo{Kind: kind, Reason: "this version cannot build it"}
		for _, n := range nodes.Nodes {
			if reason := n.Missing[string(kind)]; reason != "" && !info.Available {
				info.Reason = reason
			}
			if n.Online && slices.ContainsFunc(n.Offers, func(o api.Offer) bool { return o.Kind == string(kind) }) {
				info.Available, info.Reason = true, ""
			}
		}
		out.Kinds = append(out.Kinds, info)
	}
	return out, nil
}
