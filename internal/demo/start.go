package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/daemon/client"
	"github.com/fedora-respin/respin/daemon/notify/smtptest"
)

// baseImage makes the stand-in, or finds it in the cache.
func (d *demo) baseImage(ctx context.Context, s *scene) error {
	if err := os.MkdirAll(d.opts.cache, 0o755); err != nil {
		return fmt.Errorf("make cache: %w", err)
	}
	log, err := os.Create(d.path("base.log"))
	if err != nil {
		return fmt.Errorf("make log: %w", err)
	}
	defer func() { _ = log.Close() }()
	start := time.Now()
	d.baseISO, err = composetest.BaseISO(ctx, composetest.Options{Dir: d.opts.cache, Release: release, Arch: arch, Log: log})
	if err != nil {
		return fmt.Errorf("make the stand-in (its log is %s): %w", short(log.Name()), err)
	}
	took := time.Since(start)
	where := "made from this distribution's kernel, GRUB and busybox"
	if st, err := os.Stat(d.baseISO); err == nil && st.ModTime().Before(start) {
		where = "found in the cache"
	}
	s.out.note("%s: %s in %.1f s", short(d.baseISO), where, took.Seconds())
	s.fact("%s", where)

	info, err := iso.Inspect(d.baseISO)
	if err != nil {
		return err
	}
	s.same("architecture", arch, info.Arch)
	s.same("volume id", "Fedora-standin-"+arch+"-"+release, info.VolumeID)
	s.holds(info.BIOS && info.UEFI && info.BIOSDisk && info.UEFIDisk, "boots by BIOS and by UEFI, from CD and from disk")
	if s.holds(info.Checksum != nil, "has an implanted checksum") {
		s.holds(iso.CheckMD5(ctx, d.baseISO, nil) == nil, "the implanted checksum %s agrees with the content", info.Checksum.MD5)
	}
	s.fact("%d MiB", info.FileSize>>20)
	return nil
}

// smallFedora starts every server that respin talks to.
func (d *demo) smallFedora(ctx context.Context, s *scene) error {
	var err error
	if d.fedora, err = composetest.StartFedora(ctx); err != nil {
		return err
	}
	if d.mail, err = smtptest.New(); err != nil {
		return err
	}
	if d.ftp, err = startFTP(d.path("ftp"), ftpUser, ftpPassword); err != nil {
		return err
	}
	f := d.fedora
	for _, line := range [][2]string{
		{"Koji hub", f.HubURL},
		{"its files", f.TopURL},
		{"Bodhi", f.BodhiURL},
		{"mail", "smtp://" + d.mail.Addr()},
		{"FTP", "ftp://" + d.ftp.addr + ", user " + ftpUser},
		{"update", f.Update + ": " + strings.Join([]string{composetest.BuildNoarch, composetest.BuildArch, composetest.BuildCaret}, ", ")},
		{"scratch build", fmt.Sprintf("task %d", f.Task)},
		{"side tag", f.SideTag + ": " + composetest.BuildSide},
	} {
		s.out.note("%-14s %s", line[0], line[1])
	}
	var names []string
	for _, name := range f.Hub.Files() {
		if strings.HasSuffix(name, ".rpm") {
			names = append(names, filepath.Base(name))
		}
	}
	s.out.note("%-14s %d, built just now by the demo; those for %s:", "RPMs", len(names), arch)
	for _, name := range names {
		if strings.HasSuffix(name, "."+arch+".rpm") || strings.HasSuffix(name, ".noarch.rpm") {
			s.out.output(name)
		}
	}
	// Asked as respin will ask.
	c, err := bodhi.New(f.BodhiURL, bodhi.Options{})
	if err != nil {
		return err
	}
	u, err := c.Update(ctx, f.Update)
	if err != nil {
		return err
	}
	s.same("Bodhi answers for the update with its builds", 3, len(u.Builds))
	s.fact("%d RPMs on %s", len(names), f.HubURL)
	return nil
}

// configText is the daemon's configuration. Everything that is not in it is the default.
func (d *demo) configText(listen string) string {
	return fmt.Sprintf(`# Written by make demo. Without a configuration file respin serves the same
# against the real Fedora: koji.fedoraproject.org and bodhi.fedoraproject.org.
listen: %s
data: %s
queue: {listen: "%s", lease: 5s}
koji: {hub: "%s", topurl: "%s"}
bodhi: {url: "%s"}
node: {id: %s}
smtp: {host: 127.0.0.1, port: %d, from: respin@example.org, tls: none}
`, listen, d.path("data"), d.queue, d.fedora.HubURL, d.fedora.TopURL, d.fedora.BodhiURL, localNode, d.mail.Port())
}

// serve writes the configuration and starts the daemon.
func (d *demo) serve(ctx context.Context, s *scene) error {
	listen, wanted, err := address(ctx, 8080)
	if err != nil {
		return err
	}
	if !wanted {
		s.out.note("Port 8080 is taken on this machine, so the demo's daemon listens on %s.", listen)
	}
	if d.queue, wanted, err = address(ctx, 4222); err != nil {
		return err
	}
	if !wanted {
		s.out.note("Port 4222 is taken, so its queue listens on %s.", d.queue)
	}
	d.url = "http://" + listen
	if d.client, err = client.New(d.url, client.Options{}); err != nil {
		return err
	}
	config := d.configText(listen)
	if err := os.WriteFile(d.path("serve.yaml"), []byte(config), 0o644); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	s.out.note("respin needs no configuration: without one it serves the same against the real Fedora.")
	s.out.note("This file points it at the small one.")
	s.out.command("cat", short(d.path("serve.yaml")))
	s.out.output(config)
	start := time.Now()
	if err := d.startDaemon(ctx, s); err != nil {
		return err
	}
	s.holds(true, "/readyz says ready after %.1f s", time.Since(start).Seconds())
	if !strings.HasSuffix(listen, ":8080") {
		s.out.note("The command line finds it by this variable:")
		s.out.command("export", "RESPIN_SERVER="+d.url)
	}
	if err := d.nodeOnline(ctx, localNode, d.daemon); err != nil {
		return err
	}
	s.holds(true, "its build node %s is online", localNode)
	s.fact("%s", d.url)
	return nil
}

// startDaemon starts respin serve, for the first time or again, and waits until
// it is ready.
func (d *demo) startDaemon(ctx context.Context, s *scene) error {
	argv := []string{d.opts.respin, "serve", "--config", short(d.path("serve.yaml"))}
	s.out.command(append(argv, "&")...)
	var err error
	if d.daemon, err = d.startChild("serve", argv...); err != nil {
		return err
	}
	return until(ctx, "the daemon to be ready", func() (bool, error) {
		a, err := (&web{path: "/readyz"}).do(ctx, d.url)
		return err == nil && a.status == http.StatusOK, err
	}, d.daemon.alive)
}
