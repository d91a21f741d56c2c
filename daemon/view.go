package daemon

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/store"
	"github.com/fedora-respin/respin/queue"
)

// view is a record as it goes over the wire.
func (d *Daemon) view(c *store.Compose, waiting map[string]queue.WaitingJob) api.Compose {
	v := api.Compose{
		ID: c.ID, State: c.State, Stage: c.Stage, Percent: c.Percent, Message: c.Message,
		Kind: c.Request.Kind, Release: c.Request.Release, Arch: c.Request.Arch, Title: c.Request.Title, Labels: c.Request.Labels,
		Sources: c.Request.Sources, Owner: c.Owner, PlanDigest: c.Digest, RetryOf: c.RetryOf, Node: c.Node, Attempt: c.Attempt,
		Created: c.Created, Started: optional(c.Started), Finished: optional(c.Finished), Expires: optional(c.Expires),
		Warnings: c.Warnings, Failure: c.Failure, Links: d.links(c.ID),
	}
	if v.Sources == nil {
		v.Sources = []string{}
	}
	if w, ok := waiting[c.ID]; ok && !c.State.Done() {
		v.Position, v.Reason = w.Position, w.Reason
	}
	if c.Result != nil {
		d.fillURLs(c)
		v.Timings, v.Smoke = c.Result.Timings, c.Result.Smoke
		// Before it is finalized a result is not at its URLs yet.
		if c.State.Done() && c.State != compose.StateExpired {
			v.Artifacts, v.SideRepo, v.Published = c.Result.Artifacts, c.Result.SideRepo, c.Published
			v.Links.Files = d.fileURL(c.ID, "")
		}
	}
	return v
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (d *Daemon) links(id string) api.Links {
	self := d.cfg.URL + "/api/v1/composes/" + id
	return api.Links{
		Self: self, Page: d.cfg.URL + "/composes/" + id, Plan: self + "/plan", Report: self + "/report",
		Artifacts: self + "/artifacts", Log: self + "/log", Events: self + "/events",
	}
}

// fileURL is where a file of a published compose is served.
func (d *Daemon) fileURL(id, path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return d.cfg.URL + "/images/" + id + "/" + strings.Join(parts, "/")
}

// fillURLs writes the addresses of its files into a recorded result. It is done
// whenever a result is shown: the server may have another address by then.
func (d *Daemon) fillURLs(c *store.Compose) {
	if c.Result == nil {
		return
	}
	for _, list := range [][]compose.Artifact{c.Result.Artifacts, c.Result.Logs} {
		for i := range list {
			list[i].URL = d.fileURL(c.ID, list[i].Path)
		}
	}
	if s := c.Result.SideRepo; s != nil {
		s.URL = d.cfg.URL + "/repos/" + c.ID + "/"
		s.RepoFileURL = d.fileURL(c.ID, s.RepoFile)
	}
}

// Get returns one compose as it goes over the wire.
func (d *Daemon) Get(ctx context.Context, id string) (api.Compose, error) {
	c, err := d.store.Get(ctx, id)
	if err != nil {
		return api.Compose{}, err
	}
	v, err := d.viewOne(ctx, c)
	if err != nil {
		return v, err
	}
	notices, err := d.store.Notices(ctx, id)
	if err != nil {
		return v, err
	}
	for _, n := range notices {
		v.Notices = append(v.Notices, api.Notice{Kind: n.Kind, State: n.State, Error: n.Error, Time: optional(n.Changed)})
	}
	return v, nil
}

func (d *Daemon) viewOne(ctx context.Context, c *store.Compose) (api.Compose, error) {
	var waiting map[string]queue.WaitingJob
	if c.State == compose.StateQueued {
		var err error
		if waiting, err = d.waiting(ctx); err != nil {
			return api.Compose{}, err
		}
	}
	return d.view(c, waiting), nil
}

// List returns one page of composes, newest first.
func (d *Daemon) List(ctx context.Context, f store.Filter) (api.ComposeList, error) {
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 50
	}
	limit := f.Limit
	f.Limit++
	f.Brief = true
	list, err := d.store.List(ctx, f)
	if err != nil {
		return api.ComposeList{}, err
	}
	waiting, err := d.waiting(ctx)
	if err != nil {
		return api.ComposeList{}, err
	}
	page := api.ComposeList{Composes: []api.Compose{}}
	for i, c := range list {
		if i == limit {
			page.Next = encodeCursor(list[i-1].Seq)
			break
		}
		page.Composes = append(page.Composes, d.view(c, waiting))
	}
	return page, nil
}

// Report returns the package report of a compose.
func (d *Daemon) Report(ctx context.Context, id string) (api.Report, error) {
	c, err := d.store.Get(ctx, id)
	if err != nil {
		return api.Report{}, err
	}
	r := api.Report{ID: id, State: c.State, Failure: c.Failure, Packages: []compose.PackageEntry{}}
	if c.Result != nil {
		r.Tools, r.Timings, r.Smoke = c.Result.Tools, c.Result.Timings, c.Result.Smoke
		if c.Result.Packages != nil {
			r.Packages = c.Result.Packages
		} else if c.State == compose.StateSucceeded {
			if hosted, err := d.hostedReport(id); err != nil {
				return r, err
			} else if hosted != nil {
				r.Packages = hosted
			}
		}
	}
	return r, nil
}

// Queue returns who waits and who is being built.
func (d *Daemon) Queue(ctx context.Context) (api.Queue, error) {
	list, err := d.store.List(ctx, store.Filter{States: unfinished(), Ascending: true, Limit: 500, Brief: true})
	if err != nil {
		return api.Queue{}, err
	}
	waiting, err := d.waiting(ctx)
	if err != nil {
		return api.Queue{}, err
	}
	q := api.Queue{Waiting: []api.Compose{}, Running: []api.Compose{}}
	for _, c := range list {
		if c.State == compose.StateBuilding || c.State == compose.StatePublishing {
			q.Running = append(q.Running, d.view(c, waiting))
		} else {
			q.Waiting = append(q.Waiting, d.view(c, waiting))
		}
	}
	return q, nil
}

// Nodes returns the build nodes.
func (d *Daemon) Nodes(ctx context.Context) (api.Nodes, error) {
	list, err := d.master.Nodes(ctx)
	if err != nil {
		return api.Nodes{}, err
	}
	nodes := api.Nodes{Nodes: []api.Node{}}
	for i := range list {
		n := api.Node{
			ID: list[i].ID, Host: list[i].Host, Version: list[i].Version, Running: list[i].Running,
			LastSeen: list[i].LastSeen.UTC(), Draining: list[i].Draining, Online: list[i].Online, Offers: []api.Offer{}, Missing: map[string]string{},
		}
		for _, o := range list[i].Offers {
			kind, backend := compose.SplitJobKind(compose.Kind(o.Kind))
			n.Offers = append(n.Offers, api.Offer{Kind: string(kind), Arch: o.Arch, Backend: backend})
		}
		for label, reason := range list[i].Labels {
			if job, ok := strings.CutPrefix(label, missingLabel); ok {
				kind, backend := compose.SplitJobKind(compose.Kind(job))
				n.Missing[api.Offer{Kind: string(kind), Backend: backend}.Name()] = reason
			}
		}
		nodes.Nodes = append(nodes.Nodes, n)
	}
	return nodes, nil
}
