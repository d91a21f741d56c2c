package repo

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/fedora-respin/respin/repo/internal/xmltext"
	"github.com/fedora-respin/respin/repo/rpm"
)

// ErrControlChars is the reason for leaving out a package whose header holds
// control characters that XML cannot carry; createrepo_c leaves it out too.
var ErrControlChars = errors.New("header holds control characters that XML cannot carry")

// fragment is one package's part of the three metadata files.
type fragment struct {
	primary, filelists, other []byte

	crc   [coreCount]uint32 // of the parts, for the side cache
	users atomic.Int32      // writers that have not taken it yet
}

// part returns the package's part of one of the core files.
func (f *fragment) part(file int) []byte {
	switch file {
	case 0:
		return f.primary
	case 1:
		return f.filelists
	}
	return f.other
}

// size is the memory that the parts take.
func (f *fragment) size() int { return cap(f.primary) + cap(f.filelists) + cap(f.other) }

// source is what the XML needs to know of a package besides its header.
type source struct {
	pkg      *rpm.Package
	pkgID    string // checksum of the whole file
	sumType  string
	href     string
	base     string
	size     int64
	fileTime int64
}

// encoder turns packages into XML, one after the other.
type encoder struct {
	pre          PreRule
	changelogMax int // negative: all

	deps depGrouper
}

// fragment writes the three parts, each with the line end that follows it.
func (e *encoder) fragment(s *source, f *fragment) error {
	deps := e.deps.group(s.pkg, e.pre)
	logs := e.changelogs(s.pkg)
	if where := controlChars(s, deps, logs); where != "" {
		return fmt.Errorf("%w: %s", ErrControlChars, where)
	}
	f.primary = appendPrimary(f.primary[:0], s, deps)
	f.filelists = appendFilelists(f.filelists[:0], s)
	f.other = appendOther(f.other[:0], s, logs)
	for i := range f.crc {
		f.crc[i] = castagnoli(f.part(i))
	}
	return nil
}

// controlChars names the first string with a forbidden character.
func controlChars(s *source, deps *depGroups, logs []rpm.Changelog) string {
	p := s.pkg
	for _, f := range []struct{ name, value string }{
		{"name", p.Name},
		{"arch", p.Arch},
		{"version", p.EVR.Version},
		{"release", p.EVR.Release},
		{"summary", p.Summary},
		{"description", p.Description},
		{"url", p.URL},
		{"license", p.License},
		{"vendor", p.Vendor},
		{"group", p.Group},
		{"build host", p.BuildHost},
		{"source rpm", p.SourceRPM},
		{"packager", p.Packager},
		{"location", s.href},
		{"base URL", s.base},
	} {
		if xmltext.HasControl(f.value) {
			return f.name
		}
	}
	for _, l := range deps.lists() {
		for _, d := range l.entries {
			if xmltext.HasControl(d.name) || xmltext.HasControl(d.epoch) || xmltext.HasControl(d.ver) || xmltext.HasControl(d.rel) {
				return l.name
			}
		}
	}
	for f := range p.Paths() {
		if xmltext.HasControl(f.Dir) || xmltext.HasControl(f.Name) {
			return "files"
		}
	}
	for _, c := range logs {
		if xmltext.HasControl(c.Author) || xmltext.HasControl(c.Text) {
			return "changelog"
		}
	}
	return ""
}

type depList struct {
	name    string
	entries []entry
}

// lists returns the groups in the order of primary.xml, with their names.
func (g *depGroups) lists() [8]depList {
	var lists [8]depList
	names := [...]string{"provides", "requires", "conflicts", "obsoletes", "suggests", "enhances", "recommends", "supplements"}
	for i, l := range g.all() {
		lists[i] = depList{names[i], *l}
	}
	return lists
}

// changelogs returns the newest entries, oldest first, with times that rise
// strictly: of entries with one time the newer ones get a second more each,
// as createrepo_c does (yum's SQL could not keep their order otherwise).
func (e *encoder) changelogs(p *rpm.Package) []rpm.Changelog {
	n := p.Header.Count(rpm.TagChangelogName)
	if e.changelogMax >= 0 {
		n = min(n, e.changelogMax)
	}
	logs := make([]rpm.Changelog, 0, n) // newest first, as in the header
	for c := range p.Changelogs() {
		if len(logs) == n {
			break
		}
		logs = append(logs, c)
	}
	last := int64(0)
	for i := range logs {
		logs[i].Author = trimAuthor(logs[i].Author)
		now := logs[i].Time
		if now != last {
			last = now
			continue
		}
		for j := i - 1; j >= 0 && logs[j].Time == now; j-- {
			logs[j].Time++
			now++
		}
	}
	slices.Reverse(logs)
	return logs
}

// trimAuthor drops spaces at the end; createrepo_c never touches the first byte.
func trimAuthor(s string) string {
	if s == "" {
		return s
	}
	return s[:1] + strings.TrimRight(s[1:], " ")
}

func appendPrimary(b []byte, s *source, deps *depGroups) []byte {
	p := s.pkg
	b = append(b, "<package type=\"rpm\">\n"...)
	b = xmltext.AppendElement(b, "  ", "name", p.Name)
	b = xmltext.AppendElement(b, "  ", "arch", p.Arch)
	b = append(b, "  "...)
	b = appendVersion(b, p)
	b = append(b, "  <checksum"...)
	b = xmltext.AppendAttr(b, "type", s.sumType, true)
	b = append(b, " pkgid=\"YES\">"...)
	b = append(b, s.pkgID...)
	b = append(b, "</checksum>\n"...)
	b = xmltext.AppendElement(b, "  ", "summary", p.Summary)
	b = xmltext.AppendElement(b, "  ", "description", p.Description)
	b = xmltext.AppendElement(b, "  ", "packager", p.Packager)
	b = xmltext.AppendElement(b, "  ", "url", p.URL)
	b = append(b, "  <time file=\""...)
	b = strconv.AppendInt(b, s.fileTime, 10)
	b = append(b, "\" build=\""...)
	b = strconv.AppendInt(b, p.BuildTime, 10)
	b = append(b, "\"/>\n  <size package=\""...)
	b = strconv.AppendInt(b, s.size, 10)
	b = append(b, "\" installed=\""...)
	b = strconv.AppendUint(b, p.InstalledSize, 10)
	b = append(b, "\" archive=\""...)
	b = strconv.AppendUint(b, p.ArchiveSize, 10)
	b = append(b, "\"/>\n  <location"...)
	if s.base != "" {
		b = xmltext.AppendAttr(b, "xml:base", s.base, true)
	}
	b = xmltext.AppendAttr(b, "href", s.href, true)
	b = append(b, "/>\n  <format>\n"...)
	b = xmltext.AppendElement(b, "    ", "rpm:license", p.License)
	b = xmltext.AppendElement(b, "    ", "rpm:vendor", p.Vendor)
	b = xmltext.AppendElement(b, "    ", "rpm:group", p.Group)
	b = xmltext.AppendElement(b, "    ", "rpm:buildhost", p.BuildHost)
	b = xmltext.AppendElement(b, "    ", "rpm:sourcerpm", p.SourceRPM)
	b = append(b, "    <rpm:header-range start=\""...)
	b = strconv.AppendInt(b, p.HeaderStart, 10)
	b = append(b, "\" end=\""...)
	b = strconv.AppendInt(b, p.HeaderEnd, 10)
	b = append(b, "\"/>\n"...)
	for _, l := range deps.lists() {
		b = appendDeps(b, l)
	}
	for f := range p.Paths() {
		if isPrimaryFile(&f) {
			b = append(b, "  "...)
			b = appendFile(b, &f)
		}
	}
	return append(b, "  </format>\n</package>\n"...)
}

func appendDeps(b []byte, l depList) []byte {
	if len(l.entries) == 0 {
		return b
	}
	open := false
	for _, d := range l.entries {
		if d.name == "" {
			continue
		}
		if !open {
			open = true
			b = append(b, "    <rpm:"...)
			b = append(b, l.name...)
			b = append(b, ">\n"...)
		}
		b = appendEntry(b, d)
	}
	if !open { // only nameless entries
		b = append(b, "    <rpm:"...)
		b = append(b, l.name...)
		return append(b, "/>\n"...)
	}
	b = append(b, "    </rpm:"...)
	b = append(b, l.name...)
	return append(b, ">\n"...)
}

func appendEntry(b []byte, d entry) []byte {
	b = append(b, "      <rpm:entry"...)
	b = xmltext.AppendAttr(b, "name", d.name, true)
	if d.flags != "" {
		b = xmltext.AppendAttr(b, "flags", d.flags, true)
		for _, a := range [...]struct{ name, value string }{{"epoch", d.epoch}, {"ver", d.ver}, {"rel", d.rel}} {
			if a.value != "" {
				b = xmltext.AppendAttr(b, a.name, a.value, true)
			}
		}
	}
	if d.pre {
		b = append(b, " pre=\"1\""...)
	}
	return append(b, "/>\n"...)
}

func appendFilelists(b []byte, s *source) []byte {
	b = appendPackageOpen(b, s)
	for f := range s.pkg.Paths() {
		b = appendFile(b, &f)
	}
	return append(b, "</package>\n"...)
}

func appendOther(b []byte, s *source, logs []rpm.Changelog) []byte {
	b = appendPackageOpen(b, s)
	for _, c := range logs {
		b = append(b, "  <changelog"...)
		b = xmltext.AppendAttr(b, "author", c.Author, true)
		b = append(b, " date=\""...)
		b = strconv.AppendInt(b, c.Time, 10)
		b = append(b, "\">"...)
		b = xmltext.AppendText(b, c.Text)
		b = append(b, "</changelog>\n"...)
	}
	return append(b, "</package>\n"...)
}

// appendPackageOpen starts the package element of filelists.xml and other.xml.
func appendPackageOpen(b []byte, s *source) []byte {
	b = append(b, "<package"...)
	b = xmltext.AppendAttr(b, "pkgid", s.pkgID, true)
	b = xmltext.AppendAttr(b, "name", s.pkg.Name, true)
	b = xmltext.AppendAttr(b, "arch", s.pkg.Arch, true)
	b = append(b, ">\n  "...)
	return appendVersion(b, s.pkg)
}

func appendVersion(b []byte, p *rpm.Package) []byte {
	b = append(b, "<version epoch=\""...)
	b = strconv.AppendUint(b, uint64(p.EVR.Epoch), 10)
	b = append(b, '"')
	b = xmltext.AppendAttr(b, "ver", p.EVR.Version, true)
	b = xmltext.AppendAttr(b, "rel", p.EVR.Release, true)
	return append(b, "/>\n"...)
}

func appendFile(b []byte, f *rpm.File) []byte {
	b = append(b, "  <file"...)
	switch { // a directory that is also %ghost is a directory
	case f.IsDir():
		b = append(b, " type=\"dir\""...)
	case f.IsGhost():
		b = append(b, " type=\"ghost\""...)
	}
	b = append(b, '>')
	if utf8.ValidString(f.Dir) && utf8.ValidString(f.Name) {
		b = xmltext.AppendText(xmltext.AppendText(b, f.Dir), f.Name)
	} else { // how it is read depends on the whole of it
		b = xmltext.AppendText(b, f.Path())
	}
	return append(b, "</file>\n"...)
}
