package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/repo/rpm"
)

// bootTimeout is for software emulation on a slow machine; it takes 10 to 20 s.
const bootTimeout = 8 * time.Minute

// downloadAndBoot is the proof of the whole.
func (d *demo) downloadAndBoot(ctx context.Context, s *scene) error {
	image, err := d.download(ctx, s)
	if err != nil {
		return err
	}
	s.out.note("Two machines boot it now, without network: as a CD by BIOS, and as a USB stick by UEFI.")
	machines := []*machine{
		{name: "bios-cd", options: smoke.Options{Firmware: smoke.BIOS, As: smoke.CDROM}},
		{name: "uefi-disk", options: smoke.Options{Firmware: smoke.UEFI, As: smoke.Disk}},
	}
	var wg sync.WaitGroup
	for _, m := range machines {
		wg.Go(func() { m.boot(ctx, d, image) })
	}
	wg.Wait()
	headers, err := headerSums(image, d.plan)
	if err != nil {
		return err
	}
	report, err := d.client.Report(ctx, d.main.ID)
	if err != nil {
		return err
	}
	for _, m := range machines {
		if m.err != nil {
			return fmt.Errorf("boot %s: %w", m.name, m.err)
		}
		s.out.note("%s, after %.1f s under %s (serial log %s):", m.name, m.report.Duration.Seconds(), m.report.Accel, short(m.log))
		s.fact("%s %.0f s, console in %s", m.name, m.report.Duration.Seconds(), short(m.log))
		if !s.holds(m.report.OK, "%s", strings.TrimSpace("the machine reached its end "+m.report.Reason)) {
			continue
		}
		serial, err := parseSerial(string(m.report.Serial))
		if err != nil {
			return fmt.Errorf("read %s: %w", short(m.log), err)
		}
		if m == machines[0] {
			_, said, _ := strings.Cut(string(m.report.Serial), composetest.MarkBegin)
			said, _, _ = strings.Cut(said, composetest.MarkOK) // behind it qemu says that it was ended
			s.out.output(composetest.MarkBegin + said + composetest.MarkOK)
		}
		d.checkSerial(s, serial, report.Packages, headers)
	}
	return nil
}

// machine is one boot of the image.
type machine struct {
	name    string
	options smoke.Options
	log     string
	report  *smoke.Report
	err     error
}

func (m *machine) boot(ctx context.Context, d *demo, image string) {
	m.log = d.path("serial-" + m.name + ".log")
	log, err := os.Create(m.log)
	if err != nil {
		m.err = err
		return
	}
	o := m.options
	o.ISO, o.Timeout, o.Log, o.WorkDir = image, bootTimeout, log, d.dir
	o.Until = regexp.MustCompile(regexp.QuoteMeta(composetest.MarkOK))
	o.Fail = regexp.MustCompile(regexp.QuoteMeta(composetest.MarkFailed) + "|Kernel panic")
	m.report, m.err = smoke.Boot(ctx, o)
	if err := log.Close(); m.err == nil {
		m.err = err
	}
}

// checkSerial holds what the booted machine found against the Plan and against
// the package report of the record.
func (d *demo) checkSerial(s *scene, r *standinReport, report []compose.PackageEntry, headers map[string]string) {
	inst := "inst.ks=hd:LABEL=" + d.plan.VolID + ":/" + compose.MediumKickstart
	words := strings.Fields(r.cmdline)
	s.holds(slices.Contains(words, inst), "the kernel command line has %s", inst)
	for _, arg := range d.plan.Request.BootArgs {
		s.holds(slices.Contains(words, arg), "the kernel command line has %s", arg)
	}
	s.holds(strings.HasSuffix(r.medium, "label="+d.plan.VolID), "the medium is %s", r.medium)
	sum := sha256.Sum256([]byte(d.plan.Kickstart))
	s.same("sha256 of the kickstart, as in the Plan", hex.EncodeToString(sum[:]), r.ksSHA)
	s.same("its repo lines, as in the Plan", strings.Join(repoLines(d.plan.Kickstart), " | "), strings.Join(r.ksRepos, " | "))
	s.contains("what the installer would read", strings.Join(r.ksRepos, "\n"), "--baseurl=file:///run/install/repo/"+compose.MediumRepo+"/")
	s.same("packages on the medium, as in the Plan", len(d.plan.RPMs), len(r.rpms))
	s.same("packages in the medium's primary.xml", len(d.plan.RPMs), r.packages("/"+compose.MediumRepo))
	if wrong := wrongRPMs(d.plan, report, headers, r); len(wrong) > 0 {
		s.holds(false, "digests of Plan, report and booted machine agree:\n  %s", strings.Join(wrong, "\n  "))
		return
	}
	s.holds(true, "all %d packages: primary.xml agrees, sha256 as in the report, digests of file, header and payload as in the Plan", len(d.plan.RPMs))
}

// repoLines are the lines of a kickstart that name repositories.
func repoLines(ks string) []string {
	var list []string
	for line := range strings.Lines(ks) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "repo ") || strings.HasPrefix(line, "url ") {
			list = append(list, line)
		}
	}
	return list
}

// wrongRPMs names every package whose digests do not agree everywhere.
func wrongRPMs(plan *compose.Plan, report []compose.PackageEntry, headers map[string]string, r *standinReport) []string {
	var wrong []string
	for i := range plan.RPMs {
		p := &plan.RPMs[i]
		path := "/" + compose.MediumRepo + "/" + p.RepoPath()
		booted, ok := r.rpms[path]
		at := slices.IndexFunc(report, func(e compose.PackageEntry) bool { return e.Path == path })
		switch {
		case !ok:
			wrong = append(wrong, p.NEVRA+": the booted machine does not see it")
		case at < 0:
			wrong = append(wrong, p.NEVRA+": the report does not name it")
		case booted.primary != "ok":
			wrong = append(wrong, p.NEVRA+": against primary.xml it is "+booted.primary)
		case booted.sha256 == "" || booted.sha256 != report[at].SHA256:
			wrong = append(wrong, fmt.Sprintf("%s: sha256 %s in the report, %s in the booted machine", p.NEVRA, report[at].SHA256, booted.sha256))
		case p.SigMD5 == "" && p.SHA256 == "" && p.HeaderSHA256 == "":
			wrong = append(wrong, p.NEVRA+": the Plan has no digest")
		case p.HeaderSHA256 != "" && p.HeaderSHA256 != headers[path]:
			wrong = append(wrong, fmt.Sprintf("%s: header sha256 %s in the Plan, %s on the image", p.NEVRA, p.HeaderSHA256, headers[path]))
		case p.SigMD5 != "" && p.SigMD5 != report[at].SigMD5:
			wrong = append(wrong, fmt.Sprintf("%s: sigmd5 %s in the Plan, %s in the report", p.NEVRA, p.SigMD5, report[at].SigMD5))
		case p.SHA256 != "" && p.SHA256 != report[at].SHA256:
			wrong = append(wrong, fmt.Sprintf("%s: sha256 %s in the Plan, %s in the report", p.NEVRA, p.SHA256, report[at].SHA256))
		}
	}
	return wrong
}

// headerSums reads the digest of each RPM's header from the image, by path.
// Koji tells no other digest of a scratch build's files.
func headerSums(file string, plan *compose.Plan) (map[string]string, error) {
	image, err := iso.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = image.Close() }()
	sums := map[string]string{}
	for i := range plan.RPMs {
		path := "/" + compose.MediumRepo + "/" + plan.RPMs[i].RepoPath()
		f, err := image.OpenFile(path)
		if err != nil {
			return nil, err
		}
		v, err := rpm.Verify(f, rpm.VerifyOptions{})
		if err == nil {
			err = v.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("read %s from the image: %w", path, err)
		}
		sums[path] = v.Package.Digests.HeaderSHA256
	}
	return sums, nil
}
