package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// maxReportRows bounds the table of the page; the report itself has every row.
const maxReportRows = 1000

type composePage struct {
	api.Compose
	Heading     string
	Unfinished  bool
	Notice      string // what led here, as "?reused"
	Stages      []stageView
	Downloads   []download
	API         string // path of its REST address
	DnfTry      string
	DnfAdd      string
	DnfAddOld   string
	Packages    []compose.PackageEntry
	PackagesAll int
	Wrong       int // packages that the image does not ship as requested
	In, Absent  int // packages that it ships, and those that were only offered
	ReportError string
	Tools       []compose.Tool
}

// stageView is one line of the list of stages.
type stageView struct {
	Stage   compose.Stage
	State   string // todo, current, done, failed
	Seconds float64
	Timed   bool
}

// download is an artifact with the command lines that use it.
type download struct {
	compose.Artifact
	Get, Check, Qemu, Virt string
}

func (p *Pages) compose(w http.ResponseWriter, r *http.Request) {
	c, err := p.service.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		p.fail(w, err, "/composes")
		return
	}
	page := composePage{
		Compose: c, Heading: heading(&c), Unfinished: !c.State.Done(), Stages: stagesOf(&c),
		API: "/api/v1/composes/" + url.PathEscape(c.ID),
	}
	if r.URL.Query().Has("reused") {
		page.Notice = "Nothing was built anew: this compose already holds exactly what you asked for."
	}
	artifacts := slices.Clone(c.Artifacts)
	slices.SortStableFunc(artifacts, func(a, b compose.Artifact) int { return cmp.Compare(rank(a.Type), rank(b.Type)) })
	for _, a := range artifacts {
		page.Downloads = append(page.Downloads, downloadOf(&c, a))
	}
	if s := c.SideRepo; s != nil && s.URL != "" {
		id := "respin-" + c.ID
		page.DnfTry = "sudo dnf --repofrompath=" + shellQuote(id+","+s.URL) + " --setopt=" + shellQuote(id+".gpgcheck=0") + " upgrade"
		if s.RepoFileURL != "" {
			page.DnfAdd = "sudo dnf config-manager addrepo --from-repofile=" + shellQuote(s.RepoFileURL)
			page.DnfAddOld = "sudo dnf config-manager --add-repo " + shellQuote(s.RepoFileURL)
		}
	}
	p.addReport(r, &page)
	v := view{Title: page.Heading, Nav: "composes", Page: page}
	if page.Unfinished {
		v.Refresh = 10
	}
	p.render(w, http.StatusOK, "compose", v)
}

// addReport adds the package report. The page is of use without it.
func (p *Pages) addReport(r *http.Request, page *composePage) {
	if page.State != compose.StateSucceeded && page.State != compose.StateFailed && page.State != compose.StateExpired {
		return
	}
	report, err := p.service.Report(r.Context(), page.ID)
	if err != nil {
		page.ReportError = p.service.Problem(err).Detail
		return
	}
	page.Tools = report.Tools
	packages := slices.Clone(report.Packages)
	slices.SortStableFunc(packages, func(a, b compose.PackageEntry) int {
		return cmp.Or(cmp.Compare(severity(a.Verdict), severity(b.Verdict)), strings.Compare(a.Name, b.Name))
	})
	page.PackagesAll = len(packages)
	for i := range packages {
		switch {
		case severity(packages[i].Verdict) == 0:
			page.Wrong++
		case packages[i].Verdict == compose.VerdictNotInstalled:
			page.Absent++
		default:
			page.In++
		}
	}
	page.Packages = packages[:min(len(packages), maxReportRows)]
}

// rank puts first what people come for.
func rank(t compose.ArtifactType) int {
	switch t {
	case compose.ArtifactISO, compose.ArtifactImage:
		return 0
	case compose.ArtifactRepoFile, compose.ArtifactKickstart:
		return 1
	case compose.ArtifactChecksum:
		return 2
	default:
		return 3
	}
}

// severity sorts what went wrong to the top.
func severity(v compose.Verdict) int {
	switch v {
	case compose.VerdictIncluded:
		return 2
	case compose.VerdictNotInstalled:
		return 1
	case compose.VerdictOlder, compose.VerdictNewer, compose.VerdictMissing:
		return 0
	default:
		return 0
	}
}

// heading names a compose: its title, or what it is made of.
func heading(c *api.Compose) string {
	if c.Title != "" {
		return c.Title
	}
	if len(c.Sources) == 0 {
		return string(c.Kind) + " " + c.Release
	}
	text := string(c.Kind) + " of " + strings.Join(c.Sources[:min(len(c.Sources), 2)], ", ")
	if more := len(c.Sources) - 2; more > 0 {
		text += " and " + plural(more, "other source", "other sources")
	}
	return text
}

// stagesOf tells for every stage whether it is done, by the stage that the
// compose is at: a build without an image skips some, and those are done too.
func stagesOf(c *api.Compose) []stageView {
	stages := compose.Stages()
	at := slices.Index(stages, c.Stage)
	if c.State == compose.StatePublishing {
		at = slices.Index(stages, compose.StagePublish)
	}
	failedAt := -1
	if c.Failure != nil {
		failedAt = slices.Index(stages, c.Failure.Stage)
	}
	var list []stageView
	for i, stage := range stages {
		v := stageView{Stage: stage, State: "todo"}
		for _, t := range c.Timings {
			if t.Stage == stage {
				v.Seconds, v.Timed = t.Seconds, true
			}
		}
		switch {
		case c.State == compose.StateSucceeded || c.State == compose.StateExpired && c.Failure == nil:
			v.State = "done"
			// Publishing is the server's part and has no timing of the build's.
			if !v.Timed && len(c.Timings) > 0 && stage != compose.StagePublish {
				v.State = "skipped"
			}
		case c.State.Done():
			// A failure names its stage; a canceled compose has those done that were timed.
			if i == failedAt {
				v.State = "failed"
			} else if v.Timed || i < failedAt {
				v.State = "done"
			}
		case i < at:
			v.State = "done"
		case i == at:
			v.State = "current"
		}
		list = append(list, v)
	}
	return list
}

func downloadOf(c *api.Compose, a compose.Artifact) download {
	d := download{Artifact: a}
	if a.URL == "" {
		return d
	}
	name := cmp.Or(a.Name, a.Path)
	name = name[strings.LastIndex(name, "/")+1:]
	if strings.HasPrefix(name, "-") {
		name = "./" + name // not to be taken for an option
	}
	d.Get = "curl -fL -C - -o " + shellQuote(name) + " " + shellQuote(a.URL)
	if a.SHA256 != "" {
		d.Check = "echo " + shellQuote(a.SHA256+"  "+name) + " | sha256sum -c"
	}
	name = shellQuote(name)
	if a.Type == compose.ArtifactISO && a.Bootable {
		d.Qemu = qemuLine(c.Arch, name)
		d.Virt = "virt-install --name " + shellQuote("respin-"+c.ID) + " --memory 4096 --vcpus 2 --disk size=20 --cdrom " + name +
			" --osinfo detect=on,require=off"
		if c.Arch != "x86_64" && c.Arch != "" {
			d.Virt += " --arch " + shellQuote(c.Arch)
		}
	}
	return d
}

// qemuLine boots an ISO on a machine of its architecture; x86_64 by BIOS, as
// every qemu has that firmware.
func qemuLine(arch, iso string) string {
	switch arch {
	case "aarch64":
		return "qemu-system-aarch64 -machine virt,accel=kvm:tcg -cpu max -m 4096 -bios /usr/share/edk2/aarch64/QEMU_EFI.fd -device virtio-gpu -device qemu-xhci -device usb-kbd -cdrom " + iso
	case "ppc64le":
		return "qemu-system-ppc64 -machine pseries,accel=kvm:tcg -m 4096 -boot d -cdrom " + iso
	case "s390x":
		return "qemu-system-s390x -machine s390-ccw-virtio,accel=kvm:tcg -m 4096 -nographic -cdrom " + iso
	default:
		return "qemu-system-x86_64 -machine q35,accel=kvm:tcg -cpu max -m 4096 -boot d -cdrom " + iso
	}
}

func (p *Pages) cancel(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	page := "/composes/" + url.PathEscape(id)
	if err := p.service.Cancel(r.Context(), id); err != nil {
		p.fail(w, err, page)
		return
	}
	redirect(w, page)
}

func (p *Pages) retry(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	c, err := p.service.Retry(r.Context(), id)
	if err != nil {
		p.fail(w, err, "/composes/"+url.PathEscape(id))
		return
	}
	redirect(w, "/composes/"+url.PathEscape(c.ID))
}

// redirect sends a browser on with a GET, so that a reload posts nothing again.
func redirect(w http.ResponseWriter, path string) {
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
}
