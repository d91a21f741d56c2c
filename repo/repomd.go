package repo

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/repo/internal/xmltext"
)

// Checksum is a digest with the name of its algorithm as repodata writes it:
// "sha256", "sha512", in old repositories also "sha", "sha1", "md5".
type Checksum struct {
	Type  string
	Value string // lower-case hexadecimal
}

// IsZero tells whether no checksum is given.
func (c Checksum) IsZero() bool { return c.Value == "" }

// String returns "type:value".
func (c Checksum) String() string { return c.Type + ":" + c.Value }

// DistroTag says which distribution a repository belongs to.
type DistroTag struct {
	CPEID string // such as "cpe:/o:fedoraproject:fedora:44", may be empty
	Name  string
}

// Repomd is repomd.xml: the list of a repository's metadata files.
type Repomd struct {
	Revision    string // createrepo_c writes seconds since 1970; any text is allowed
	ContentTags []string
	RepoTags    []string
	DistroTags  []DistroTag
	Data        []Data
}

// Data is one metadata file of a repository.
type Data struct {
	Type            string   // "primary", "filelists", "other", "group", "modules", "updateinfo" ...
	Checksum        Checksum // of the file as it stands
	OpenChecksum    Checksum // of its plain content; zero for a file that is not compressed
	HeaderChecksum  Checksum // of a zchunk header
	Href            string   // relative to the repository, such as "repodata/…-primary.xml.zst"
	Base            string   // xml:base, when the file lives at another URL
	Timestamp       int64    // seconds since 1970
	Size            int64    // bytes of the file; 0 when repomd.xml does not say
	OpenSize        int64    // bytes of the plain content; 0 when repomd.xml does not say
	HeaderSize      int64    // bytes of a zchunk header
	DatabaseVersion int      // of the sqlite files
}

// Find returns the metadata file of the type, or nil.
func (m *Repomd) Find(kind string) *Data {
	for i := range m.Data {
		if m.Data[i].Type == kind {
			return &m.Data[i]
		}
	}
	return nil
}

// Namespaces of repodata.
const (
	nsRepo   = "http://linux.duke.edu/metadata/repo"
	nsCommon = "http://linux.duke.edu/metadata/common"
	nsFiles  = "http://linux.duke.edu/metadata/filelists"
	nsOther  = "http://linux.duke.edu/metadata/other"
	nsRPM    = "http://linux.duke.edu/metadata/rpm"

	xmlDecl = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
)

// WriteTo writes the document as createrepo_c does: primary, filelists and
// other first, the rest by type.
func (m *Repomd) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(m.appendXML(nil))
	return int64(n), err
}

func (m *Repomd) appendXML(b []byte) []byte {
	b = append(b, xmlDecl+`<repomd xmlns="`+nsRepo+`" xmlns:rpm="`+nsRPM+"\">\n"...)
	b = xmltext.AppendElement(b, "  ", "revision", m.Revision)
	b = m.appendTags(b)
	data := slices.Clone(m.Data)
	slices.SortStableFunc(data, func(x, y Data) int {
		if d := dataRank(x.Type) - dataRank(y.Type); d != 0 {
			return d
		}
		return strings.Compare(x.Type, y.Type)
	})
	for i := range data {
		b = data[i].appendXML(b)
	}
	return append(b, "</repomd>\n"...)
}

func dataRank(kind string) int {
	if i := slices.Index([]string{"primary", "filelists", "other"}, kind); i >= 0 {
		return i
	}
	return 3
}

func (m *Repomd) appendTags(b []byte) []byte {
	if len(m.ContentTags)+len(m.RepoTags)+len(m.DistroTags) == 0 {
		return b
	}
	b = append(b, "  <tags>\n"...)
	for _, t := range m.ContentTags {
		b = xmltext.AppendElement(b, "    ", "content", t)
	}
	for _, t := range m.RepoTags {
		b = xmltext.AppendElement(b, "    ", "repo", t)
	}
	for _, t := range m.DistroTags {
		b = append(b, "    <distro"...)
		if t.CPEID != "" {
			b = xmltext.AppendAttr(b, "cpeid", t.CPEID, false)
		}
		b = append(b, '>')
		b = xmltext.AppendText(b, t.Name)
		b = append(b, "</distro>\n"...)
	}
	return append(b, "  </tags>\n"...)
}

func (d *Data) appendXML(b []byte) []byte {
	b = append(b, "  <data"...)
	b = xmltext.AppendAttr(b, "type", d.Type, false)
	b = append(b, ">\n"...)
	b = appendChecksum(b, "checksum", d.Checksum)
	b = appendChecksum(b, "open-checksum", d.OpenChecksum)
	b = appendChecksum(b, "header-checksum", d.HeaderChecksum)
	b = append(b, "    <location"...)
	b = xmltext.AppendAttr(b, "href", d.Href, false)
	if d.Base != "" {
		b = xmltext.AppendAttr(b, "xml:base", d.Base, false)
	}
	b = append(b, "/>\n"...)
	b = appendNumber(b, "timestamp", d.Timestamp)
	b = appendNumber(b, "size", d.Size)
	if !d.OpenChecksum.IsZero() {
		b = appendNumber(b, "open-size", d.OpenSize)
	}
	if !d.HeaderChecksum.IsZero() {
		b = appendNumber(b, "header-size", d.HeaderSize)
	}
	if strings.HasSuffix(d.Type, "_db") {
		b = appendNumber(b, "database_version", int64(d.DatabaseVersion))
	}
	return append(b, "  </data>\n"...)
}

func appendChecksum(b []byte, name string, c Checksum) []byte {
	if c.IsZero() {
		return b
	}
	b = append(b, "    <"+name...)
	b = xmltext.AppendAttr(b, "type", c.Type, false)
	b = append(b, '>')
	b = xmltext.AppendText(b, c.Value)
	return append(b, "</"+name+">\n"...)
}

func appendNumber(b []byte, name string, n int64) []byte {
	return xmltext.AppendElement(b, "    ", name, strconv.FormatInt(n, 10))
}
