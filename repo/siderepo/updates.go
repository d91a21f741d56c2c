package siderepo

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/updateinfo"
)

// Update is what a side repo says about an update of Bodhi. It holds no account
// and no address of a person, and nothing that changes while the update stays
// what it is: no karma, no status, no date of a push. The JSON form is stable, so
// that the facts can be frozen before the repository is written.
type Update struct {
	ID           string      `json:"id"`   // alias
	Type         string      `json:"type"` // as Bodhi names it: "security", "bugfix", "enhancement", "newpackage", "unspecified"
	Severity     string      `json:"severity,omitempty"`
	Title        string      `json:"title,omitempty"`
	Notes        string      `json:"notes,omitempty"` // Markdown
	URL          string      `json:"url,omitempty"`   // page for people
	Release      string      `json:"release,omitempty"`
	ReleaseShort string      `json:"release_short,omitempty"`
	Suggest      string      `json:"suggest,omitempty"` // "reboot" or "logout"
	Issued       time.Time   `json:"issued,omitzero"`
	Modified     time.Time   `json:"modified,omitzero"`
	Bugs         []UpdateBug `json:"bugs,omitempty"`
	Builds       []string    `json:"builds,omitempty"` // NVRs
}

// UpdateBug is a bug that an update fixes.
type UpdateBug struct {
	ID    int    `json:"id"` // in Red Hat's Bugzilla
	Title string `json:"title,omitempty"`
}

// UpdateFromBodhi takes over what belongs into a side repo. E-mail addresses in
// free text (Bodhi puts the changelog of automatic updates there) are cut out.
func UpdateFromBodhi(u *bodhi.Update) Update {
	out := Update{
		ID: u.Alias, Type: string(u.Type), Severity: severity(u.Severity), URL: u.URL,
		Title: clip(withoutAddresses(u.Title), maxTitle), Notes: clip(withoutAddresses(u.Notes), maxNotes),
		Release: u.Release.LongName, ReleaseShort: u.Release.Name,
		Issued: u.Submitted.UTC(), Modified: u.Modified.UTC(), Builds: u.NVRs(),
	}
	if u.Suggest == bodhi.SuggestReboot || u.Suggest == bodhi.SuggestLogout {
		out.Suggest = string(u.Suggest)
	}
	for _, b := range u.Bugs {
		out.Bugs = append(out.Bugs, UpdateBug{ID: b.ID, Title: clip(withoutAddresses(b.Title), maxTitle)})
	}
	slices.SortStableFunc(out.Bugs, func(a, b UpdateBug) int { return cmp.Compare(a.ID, b.ID) })
	slices.Sort(out.Builds)
	return out
}

// Bounds for what an update says of itself, in bytes. Notes of rebuilt stacks run
// to hundreds of kilobytes, and a plan carries them all.
const (
	maxTitle = 1 << 10
	maxNotes = 16 << 10
)

// clip cuts s, between characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// severity gives Bodhi's word the name that updateinfo.xml has for it, which is
// Red Hat's (severity_updateinfo_str in bodhi's util.py).
func severity(s bodhi.UpdateSeverity) string {
	switch s {
	case bodhi.SeverityLow:
		return "Low"
	case bodhi.SeverityMedium:
		return "Moderate"
	case bodhi.SeverityHigh:
		return "Important"
	case bodhi.SeverityUrgent:
		return "Critical"
	case bodhi.SeverityUnspecified:
	}
	return "None"
}

// withoutAddresses cuts out what looks like an e-mail address. Units of systemd,
// such as getty@tty1.service, look like one and stay.
func withoutAddresses(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	return regexp.MustCompile(`[\pL\pN._%+-]+@[\pL\pN-]+(\.[\pL\pN-]+)+`).ReplaceAllStringFunc(s, func(found string) string {
		switch found[strings.LastIndexByte(found, '.')+1:] {
		case "service", "socket", "timer", "target", "mount", "path", "slice", "device", "scope", "swap", "automount":
			return found
		}
		return "(address)"
	})
}

// updateInfo is the metadata file of the updates of which the repository has
// packages. packages are complete when it is written.
func updateInfo(updates []Update, packages *[]Package) repo.Extra {
	return repo.Extra{Type: "updateinfo", Name: "updateinfo.xml", Write: func(w io.Writer) error {
		return updateinfo.Write(w, describe(updates, *packages))
	}}
}

// describe lists the updates by their names, each with its packages in the order
// of the metadata. An update that is given twice or has none here is left out.
func describe(updates []Update, packages []Package) []updateinfo.Update {
	sorted := slices.Clone(updates)
	slices.SortStableFunc(sorted, func(a, b Update) int { return strings.Compare(a.ID, b.ID) })
	sorted = slices.CompactFunc(sorted, func(a, b Update) bool { return a.ID == b.ID })
	var out []updateinfo.Update
	for i := range sorted {
		u := &sorted[i]
		c := updateinfo.Collection{Short: u.ReleaseShort, Name: u.Release}
		for j := range packages {
			if p := &packages[j]; slices.Contains(u.Builds, p.Build) {
				c.Packages = append(c.Packages, u.entry(p))
			}
		}
		if len(c.Packages) > 0 {
			out = append(out, u.record(c))
		}
	}
	return out
}

func (u *Update) record(c updateinfo.Collection) updateinfo.Update {
	r := updateinfo.Update{
		Type: u.Type, Version: "1", ID: u.ID, Title: u.Title, Issued: updateinfo.FormatDate(u.Issued),
		Updated: updateinfo.FormatDate(u.Modified), Release: u.Release, Severity: u.Severity,
		Summary: fmt.Sprintf("%s %s update", u.Title, u.Type), Description: u.Notes, RebootSuggested: u.Suggest == string(bodhi.SuggestReboot),
		Collections: []updateinfo.Collection{c},
	}
	if r.Updated == "" {
		r.Updated = r.Issued
	}
	if u.URL != "" {
		r.References = append(r.References, updateinfo.Reference{Href: u.URL, ID: u.ID, Type: "self", Title: u.Title})
	}
	for _, b := range u.Bugs {
		id := strconv.Itoa(b.ID)
		r.References = append(r.References, updateinfo.Reference{
			Href: "https://bugzilla.redhat.com/show_bug.cgi?id=" + id, ID: id, Type: "bugzilla", Title: b.Title,
		})
	}
	return r
}

func (u *Update) entry(p *Package) updateinfo.Package {
	return updateinfo.Package{
		Name: p.NEVRA.Name, Version: p.NEVRA.EVR.Version, Release: p.NEVRA.EVR.Release,
		Epoch: strconv.FormatUint(uint64(p.NEVRA.EVR.Epoch), 10), Arch: p.NEVRA.Arch, Src: p.Build + ".src.rpm",
		Filename: p.Location[strings.LastIndexByte(p.Location, '/')+1:], Sum: &updateinfo.Sum{Type: "sha256", Value: p.SHA256},
		RebootSuggested:  u.Suggest == string(bodhi.SuggestReboot),
		ReloginSuggested: u.Suggest == string(bodhi.SuggestLogout),
	}
}

// buildOf returns the NVR of the Koji build that a package is of: that of its
// source package.
func buildOf(p *rpm.Package) string {
	if p.Source || p.SourceRPM == "" {
		return p.NEVRA().NVR().String()
	}
	nvr := strings.TrimSuffix(p.SourceRPM, ".rpm")
	for _, arch := range []string{".src", ".nosrc"} {
		if rest, ok := strings.CutSuffix(nvr, arch); ok {
			return strings.Clone(rest)
		}
	}
	return strings.Clone(nvr)
}
