package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// unknownUpdate has the form of an update's alias.
const unknownUpdate = "FEDORA-2026-ffffffffff"

// goesWrong shows a refusal, a failure, and who is told.
func (d *demo) goesWrong(ctx context.Context, s *scene) error {
	for _, part := range []func(context.Context, *scene) error{d.goodMail, d.refused, d.altered} {
		if err := part(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// goodMail reads the mail about the main compose.
func (d *demo) goodMail(ctx context.Context, s *scene) error {
	mails, err := d.mails(ctx, mailbox, 1)
	if err != nil {
		return err
	}
	m := mails[0]
	s.out.note("First the good news, which came by mail after step 4:")
	s.out.output("To: " + strings.Join(m.To, ", ") + "\nSubject: " + m.Subject + "\n\n" + m.Text)
	s.contains("the subject", m.Subject, "ready")
	if image, ok := isoOf(&d.main); ok {
		s.contains("the mail", m.Text, image.URL)
	}
	s.contains("the mail", m.Text, d.main.Links.Page)
	s.fact("mail: %s", m.Subject)
	return nil
}

// refused asks for what cannot be.
func (d *demo) refused(ctx context.Context, s *scene) error {
	s.out.note("An update that does not exist: refused before anything is built, by command line and REST alike.")
	r, err := s.respin(ctx, "build", "repo", unknownUpdate, "--release", release, "--wait")
	if err != nil {
		return err
	}
	s.same("exit code (3: refused)", 3, r.code)
	s.contains("the output", r.all, unknownUpdate)
	file := d.path("refused.json")
	body := fmt.Sprintf(`{"kind": "repo", "release": %q, "sources": [%q]}`+"\n", release, unknownUpdate)
	if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	a, err := s.curl(ctx, web{path: "/api/v1/composes", json: file})
	if err != nil {
		return err
	}
	s.same("status", http.StatusUnprocessableEntity, a.status)
	var p api.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	s.same("code", compose.CodeUpdateNotFound, p.Code)
	s.contains("the command line", r.all, p.Detail)
	return nil
}

// altered lets a compose fail: the hub's copy of an RPM is damaged after the
// hub recorded its digest.
func (d *demo) altered(ctx context.Context, s *scene) error {
	const address = "packager@example.org"
	hub := d.fedora.Hub
	i := slices.IndexFunc(hub.Files(), func(name string) bool { return strings.HasSuffix(name, "/"+composetest.BuildSmall+".noarch.rpm") })
	if i < 0 {
		return fmt.Errorf("the hub has no RPM of %s", composetest.BuildSmall)
	}
	name := hub.Files()[i]
	s.out.note("Now the last byte of %s changes on the hub's disk.", name)
	if err := hub.CorruptFile(name); err != nil {
		return err
	}
	r, err := s.respin(ctx, "build", "repo", d.fedora.SmallUpdate, "--release", release, "--notify", address, "--wait")
	if err != nil {
		return err
	}
	s.same("exit code (4: the compose failed)", 4, r.code)
	c, err := d.newest(ctx)
	if err != nil {
		return err
	}
	if !s.holds(c.Failure != nil, "the record says why") {
		return nil
	}
	s.same("code", compose.CodeRPMAltered, c.Failure.Code)
	s.same("stage", compose.StageFetch, c.Failure.Stage)
	mails, err := d.mails(ctx, address, 1)
	if err != nil {
		return err
	}
	m := mails[0]
	s.out.output("To: " + strings.Join(m.To, ", ") + "\nSubject: " + m.Subject + "\n\n" + m.Text)
	s.contains("the subject", m.Subject, string(compose.CodeRPMAltered))
	s.contains("the mail", m.Text, c.Failure.Sentence)
	s.contains("the mail", m.Text, c.Links.Log)
	a, err := (&web{path: c.Links.Log}).do(ctx, d.url)
	if err != nil {
		return err
	}
	s.contains("the log behind that link", string(a.body), string(compose.CodeRPMAltered))
	s.fact("mail: %s", m.Subject)

	s.out.note("The file is restored; the same Plan is tried again.")
	if err := hub.CorruptFile(name); err != nil { // a second change of the same byte undoes the first
		return err
	}
	if _, err := s.mustRespin(ctx, "retry", c.ID, "--wait"); err != nil {
		return err
	}
	again, err := d.newest(ctx)
	if err != nil {
		return err
	}
	s.same("retried", c.ID, again.RetryOf)
	s.same("state of compose "+again.ID, compose.StateSucceeded, again.State)
	return nil
}

// killed kills the daemon while it builds.
func (d *demo) killed(ctx context.Context, s *scene) error {
	const address = "releng@example.org"
	hub := d.fedora.Hub
	s.out.note("The hub takes five seconds for each file, so that there is time to strike.")
	hub.FailFiles(kojitest.Failures{Latency: 5 * time.Second})
	defer hub.FailFiles(kojitest.Failures{})
	if _, err := s.mustRespin(ctx, "build", "repo-iso", d.fedora.Update, "--release", release, "--multilib", "--notify", address); err != nil {
		return err
	}
	c, err := d.newest(ctx)
	if err != nil {
		return err
	}
	err = until(ctx, "the compose to be building", func() (bool, error) {
		c, err = d.client.Get(ctx, c.ID)
		return err == nil && c.State == compose.StateBuilding, err
	})
	if err != nil {
		return err
	}
	s.out.note("Compose %s is %s on %s, in stage %s.", c.ID, c.State, c.Node, c.Stage)
	s.out.command("kill", "-9", fmt.Sprint(d.daemon.pid))
	d.daemon.kill()
	hub.FailFiles(kojitest.Failures{})
	if err := d.startDaemon(ctx, s); err != nil {
		return err
	}
	if c, err = d.finished(ctx, c.ID); err != nil {
		return err
	}
	if _, err := s.mustRespin(ctx, "log", c.ID); err != nil {
		return err
	}
	s.same("state of compose "+c.ID, compose.StateSucceeded, c.State)
	s.holds(c.Attempt > 1, "attempt %d finished it, on %s", c.Attempt, c.Node)
	s.fact("finished by attempt %d on %s", c.Attempt, c.Node)
	return d.checkOnce(ctx, s, &c, address)
}

// checkOnce makes sure that a compose is published once, and told once.
func (d *demo) checkOnce(ctx context.Context, s *scene, c *api.Compose, address string) error {
	mails, err := d.mails(ctx, address, 1)
	if err != nil {
		return err
	}
	if err := settle(ctx, 3*time.Second); err != nil { // would there be a second?
		return err
	}
	if mails, err = d.mails(ctx, address, len(mails)); err != nil {
		return err
	}
	s.same("mails about it", 1, len(mails))
	s.contains("the subject", mails[0].Subject, "ready")
	var dirs, left []string
	for _, sub := range []string{".", ".staging"} {
		entries, err := os.ReadDir(d.path("data/images/" + sub))
		if err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("read hosted files: %w", err)
		}
		for _, e := range entries {
			switch {
			case !strings.Contains(e.Name(), c.ID):
			case sub == ".":
				dirs = append(dirs, e.Name())
			default:
				left = append(left, e.Name())
			}
		}
	}
	s.same("directories published", c.ID, strings.Join(dirs, " "))
	s.holds(len(left) == 0, "%s", strings.TrimSpace("nothing of it is left in staging "+strings.Join(left, " ")))
	image, ok := isoOf(c)
	if s.holds(ok, "the image is there") {
		sum, err := fileSum(d.path("data/images/" + c.ID + "/" + image.Path))
		if err != nil {
			return err
		}
		s.same("sha256 of "+image.Name, image.SHA256, sum)
	}
	return nil
}
