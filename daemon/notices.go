package daemon

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/notify"
	"github.com/fedora-respin/respin/daemon/store"
)

// noticeTries is how often a mail server is asked before a notice is given up:
// with the pauses between the tries that is about a day.
const noticeTries = 16

func newNotifier(c SMTPConfig, log hclog.Logger) (*notify.Notifier, error) {
	return notify.New(notify.Config{
		Host: c.Host, Port: c.Port, From: c.From, Username: c.Username, Password: string(c.Password), TLS: notify.TLSMode(c.TLS), Logger: log,
	})
}

// sendNotices sends what is due. A kill between the sending and its record
// sends a message twice; its Message-ID is the same.
func (d *Daemon) sendNotices(ctx context.Context) error {
	due, err := d.store.DueNotices(ctx, d.now(), 20)
	if err != nil {
		return err
	}
	for _, n := range due {
		c, err := d.store.Get(ctx, n.ComposeID)
		if err != nil {
			return err
		}
		d.sendNotice(ctx, c, &n)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the process stops: the notice stays due
		}
		if err := d.store.UpdateNotice(ctx, n); err != nil {
			return err
		}
		d.changed(n.ComposeID)
	}
	return nil
}

func (d *Daemon) sendNotice(ctx context.Context, c *store.Compose, n *store.Notice) {
	n.Attempts++
	n.Changed = d.now().UTC()
	if d.notifier == nil {
		n.State, n.Error = "failed", "this server has no mail server configured"
		d.log.Warn("nobody is told: smtp is not configured", "compose_id", c.ID)
		return
	}
	err := d.notifier.Send(ctx, notify.Message{To: []string{n.Address}, Event: d.event(c)})
	switch {
	case err == nil:
		n.State, n.Error = "sent", ""
		d.log.Info("mail sent", "compose_id", c.ID)
	case notify.IsTemporary(err) && n.Attempts < noticeTries:
		pause := min(5*time.Second<<min(n.Attempts, 12), 4*time.Hour)
		n.Next, n.Error = d.now().Add(pause), "the mail server does not take it now"
		d.log.Warn("mail not sent; trying again", "compose_id", c.ID, "in", pause, "error", err)
	default:
		n.State, n.Error = "failed", "the mail server does not take it"
		d.log.Error("mail not sent", "compose_id", c.ID, "error", err)
	}
}

// event is what a message says about the compose.
func (d *Daemon) event(c *store.Compose) notify.Event {
	d.fillURLs(c)
	links := d.links(c.ID)
	e := notify.Event{
		ID: c.ID, Kind: string(c.Request.Kind), Release: c.Request.Release, Arch: c.Request.Arch, Title: c.Request.Title,
		State: notify.State(c.State), PageURL: links.Page, LogURL: links.Log, ReportURL: links.Report, Expires: c.Expires,
	}
	if c.State == compose.StateExpired {
		e.State = notify.StateSucceeded
	}
	if f := c.Failure; f != nil {
		e.Failure = &notify.Failure{Code: string(f.Code), Stage: string(f.Stage), Sentence: f.Sentence, Remedy: f.Remedy, Evidence: f.Evidence}
		if e.State == notify.StateSucceeded {
			e.State = notify.StateFailed
		}
	}
	if c.Result == nil {
		return e
	}
	for _, a := range c.Result.Artifacts {
		if a.Type == compose.ArtifactISO || a.Type == compose.ArtifactImage {
			e.Artifacts = append(e.Artifacts, notify.Artifact{Name: a.Name, URL: a.URL, Size: a.Size, SHA256: a.SHA256})
		}
	}
	if s := c.Result.SideRepo; s != nil {
		e.RepoURL, e.RepoFileURL = s.URL, s.RepoFileURL
	}
	for _, p := range c.Result.Packages {
		e.Packages = append(e.Packages, notify.Package{
			Name: p.Name, Arch: p.Arch, Requested: p.Requested, Shipped: p.Shipped, Verdict: string(p.Verdict), SHA256: p.SHA256,
		})
	}
	return e
}
