package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// kickstartText is small and real: with Fedora's own boot.iso it installs an
// unattended machine with the update's packages.
const kickstartText = `# An unattended installation for tests of an update.
text
lang en_US.UTF-8
keyboard us
timezone Etc/UTC --utc
network --bootproto=dhcp
rootpw --lock
url --metalink=https://mirrors.fedoraproject.org/metalink?repo=fedora-44&arch=x86_64
clearpart --all --initlabel
autopart
poweroff

%packages
@core
greeter
clock
%end
`

// mainJob is what the whole demo is about.
func (d *demo) mainJob(ctx context.Context, s *scene) error {
	d.kickstart = d.path("test.ks")
	if err := os.WriteFile(d.kickstart, []byte(kickstartText), 0o644); err != nil {
		return fmt.Errorf("write kickstart: %w", err)
	}
	s.out.note("A small real kickstart; respin adds the side repo to it.")
	s.out.command("cat", short(d.kickstart))
	s.out.output(kickstartText)

	task := "task:" + strconv.Itoa(d.fedora.Task)
	common := []string{d.fedora.Update, task, "--release", release, "--base-iso", short(d.baseISO), "--kickstart", short(d.kickstart), "--boot-arg", "inst.text"}
	s.out.note("What would be built: resolve asks Koji and Bodhi, and builds nothing.")
	if _, err := s.mustRespin(ctx, append([]string{"resolve", "remaster"}, common...)...); err != nil {
		return err
	}
	s.out.note("Now build it, and wait. A terminal gets a progress bar; here are the plain lines.")
	r, err := s.mustRespin(ctx, append(append([]string{"build", "remaster"}, common...), "--notify", mailbox, "--wait")...)
	if err != nil {
		return err
	}
	if d.main, err = d.newest(ctx); err != nil {
		return err
	}
	if d.plan, err = d.client.Plan(ctx, d.main.ID); err != nil {
		return err
	}
	s.same("state of compose "+d.main.ID, compose.StateSucceeded, d.main.State)
	s.contains("the output", r.stdout, d.main.ID)
	if _, err := s.mustRespin(ctx, "report", d.main.ID); err != nil {
		return err
	}
	d.upload = d.main.ID
	if d.plan.Request.Base != nil {
		d.upload = d.plan.Request.Base.Upload
	}
	s.fact("%d packages", len(d.plan.RPMs))
	return d.checkMain(ctx, s)
}

// checkMain holds the record against the Plan, and looks at every URL.
func (d *demo) checkMain(ctx context.Context, s *scene) error {
	report, err := d.client.Report(ctx, d.main.ID)
	if err != nil {
		return err
	}
	var names []string
	for i := range d.plan.RPMs {
		names = append(names, d.plan.RPMs[i].Name)
	}
	// Without debuginfo and sources, and of no other architecture: that was not asked for.
	s.same("packages of the Plan", "clock greeter greeter-devel greeter-libs hello-docs probe probe-data", strings.Join(names, " "))
	s.same("packages in the report, as in the Plan", len(d.plan.RPMs), len(report.Packages))
	included := 0
	for i := range report.Packages {
		if report.Packages[i].Verdict == compose.VerdictIncluded {
			included++
		}
	}
	s.same("of them read back from the image as requested", len(d.plan.RPMs), included)
	image, ok := isoOf(&d.main)
	if !s.holds(ok && d.main.SideRepo != nil, "the compose has an ISO and a side repo") {
		return nil
	}
	for _, link := range [][2]string{
		{"ISO", image.URL},
		{"side repo", d.main.SideRepo.URL + "repodata/repomd.xml"},
		{".repo file", d.main.SideRepo.RepoFileURL},
		{"log", d.main.Links.Log},
		{"report", d.main.Links.Report},
		{"page", d.main.Links.Page},
	} {
		a, err := (&web{method: http.MethodHead, path: link[1]}).do(ctx, d.url)
		if err != nil {
			return err
		}
		s.holds(a.status == http.StatusOK, "%s: %d at %s", link[0], a.status, link[1])
	}
	s.fact("%s, %d MiB", image.Name, image.Size>>20)
	return nil
}

// isoOf returns the image of a compose.
func isoOf(c *api.Compose) (compose.Artifact, bool) {
	for _, a := range c.Artifacts {
		if a.Type == compose.ArtifactISO {
			return a, true
		}
	}
	return compose.Artifact{}, false
}

// restAndForm asks for the same in the two other ways.
func (d *demo) restAndForm(ctx context.Context, s *scene) error {
	if err := d.overREST(ctx, s); err != nil {
		return err
	}
	return d.byForm(ctx, s)
}

func (d *demo) overREST(ctx context.Context, s *scene) error {
	s.out.note("The base image as an upload; its id is its SHA-256.")
	a, err := s.curl(ctx, web{path: "/api/v1/uploads?name=boot.iso", file: d.baseISO})
	if err != nil {
		return err
	}
	s.same("status", http.StatusCreated, a.status)
	var up api.Upload
	if err := json.Unmarshal(a.body, &up); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	req := compose.Request{
		Kind: compose.KindRemaster, Release: release, Sources: []string{d.fedora.Update, "task:" + strconv.Itoa(d.fedora.Task)},
		Base: &compose.Base{Upload: up.ID}, Kickstart: &compose.Kickstart{Text: kickstartText}, BootArgs: []string{"inst.text"},
	}
	data, err := json.MarshalIndent(req, "", "  ")
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	file := d.path("request.json")
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	s.out.command("cat", short(file))
	s.out.output(string(data))
	s.out.note("The same request again: nothing is built, the answer is the compose that stands.")
	again, err := d.submit(ctx, s, "/api/v1/composes", file, http.StatusOK)
	if err != nil {
		return err
	}
	s.same("reused", true, again.Reused)
	s.same("compose", d.main.ID, again.ID)
	s.out.note("With ?fresh=true it is built anew.")
	fresh, err := d.submit(ctx, s, "/api/v1/composes?fresh=true", file, http.StatusAccepted)
	if err != nil {
		return err
	}
	if fresh, err = d.finished(ctx, fresh.ID); err != nil {
		return err
	}
	s.same("state of compose "+fresh.ID, compose.StateSucceeded, fresh.State)
	first, _ := isoOf(&d.main)
	second, _ := isoOf(&fresh)
	s.same("sha256 of the image, built twice", first.SHA256, second.SHA256)
	s.fact("the same bytes when built twice")
	return nil
}

// submit posts a request file and returns the record.
func (d *demo) submit(ctx context.Context, s *scene, path, file string, status int) (api.Compose, error) {
	var c api.Compose
	a, err := s.curl(ctx, web{path: path, json: file})
	if err != nil {
		return c, err
	}
	if !s.same("status", status, a.status) {
		return c, s.broken()
	}
	if err := json.Unmarshal(a.body, &c); err != nil {
		return c, fmt.Errorf("read answer: %w", err)
	}
	return c, nil
}

func (d *demo) byForm(ctx context.Context, s *scene) error {
	page, err := (&web{path: "/"}).do(ctx, d.url)
	if err != nil {
		return err
	}
	s.out.note("The form at %s/, posted as a browser posts it, with both files.", d.url)
	s.contains("the page", string(page.body), `name="sources"`)
	a, err := s.curl(ctx, web{
		path: "/", header: []string{"Sec-Fetch-Site: same-origin", "Origin: " + d.url},
		form: []part{
			{name: "kind", value: "remaster"},
			{name: "release", value: release},
			{name: "arch", value: arch},
			{name: "sources", value: d.fedora.Update + "\r\ntask:" + strconv.Itoa(d.fedora.Task)},
			{name: "volid", value: "RESPIN-FORM"},
			{name: "notify", value: "developer@example.org"},
			{name: "base_file", value: d.baseISO, file: true},
			{name: "kickstart_file", value: d.kickstart, file: true},
		},
	})
	if err != nil {
		return err
	}
	if !s.same("status", http.StatusSeeOther, a.status) {
		return fmt.Errorf("%w\n%s", s.broken(), clip(string(a.body), 4000))
	}
	location := a.header.Get("Location")
	a, err = s.curl(ctx, web{path: strings.TrimPrefix(location, d.url)})
	if err != nil {
		return err
	}
	s.same("status", http.StatusOK, a.status)
	made, err := d.newest(ctx)
	if err != nil {
		return err
	}
	s.contains("the page", string(a.body), made.ID)
	if made, err = d.finished(ctx, made.ID); err != nil {
		return err
	}
	s.same("state of compose "+made.ID, compose.StateSucceeded, made.State)
	image, _ := isoOf(&made)
	a, err = (&web{path: made.Links.Page}).do(ctx, d.url)
	if err != nil {
		return err
	}
	s.contains("the finished page", string(a.body), image.SHA256)
	s.fact("form: %s", made.ID)
	return nil
}
