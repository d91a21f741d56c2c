package proof

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/repo/rpm"
)

// SBOMOptions are the options of SBOM. The zero value works.
type SBOMOptions struct {
	Name string // of the document; default: the last element of Contents.Path
	// Created is when the document is said to be made, for SOURCE_DATE_EPOCH;
	// default: the newest build time of the packages, so that the same image
	// always gives the same bytes.
	Created time.Time
	Tool    string // that made it, such as "respin-1.2"; default "respin"
	SHA256  string // of the image file, in hexadecimal; default: not said
	Distro  string // namespace of package URLs; default "fedora"
}

// The parts of SPDX 2.3 that are written (spdx.github.io/spdx-spec/v2.3).
type spdxDocument struct {
	Version     string             `json:"spdxVersion"`
	DataLicense string             `json:"dataLicense"`
	ID          string             `json:"SPDXID"`
	Name        string             `json:"name"`
	Namespace   string             `json:"documentNamespace"`
	Creation    spdxCreation       `json:"creationInfo"`
	Packages    []spdxPackage      `json:"packages"`
	Relations   []spdxRelationship `json:"relationships"`
	Licenses    []spdxLicense      `json:"hasExtractedLicensingInfos,omitempty"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID               string         `json:"SPDXID"`
	Name             string         `json:"name"`
	Version          string         `json:"versionInfo,omitempty"`
	File             string         `json:"packageFileName,omitempty"`
	Supplier         string         `json:"supplier"`
	DownloadLocation string         `json:"downloadLocation"`
	FilesAnalyzed    bool           `json:"filesAnalyzed"`
	Checksums        []spdxChecksum `json:"checksums,omitempty"`
	Homepage         string         `json:"homepage,omitempty"`
	SourceInfo       string         `json:"sourceInfo,omitempty"`
	Concluded        string         `json:"licenseConcluded"`
	Declared         string         `json:"licenseDeclared"`
	Copyright        string         `json:"copyrightText"`
	Summary          string         `json:"summary,omitempty"`
	Comment          string         `json:"comment,omitempty"`
	Refs             []spdxRef      `json:"externalRefs,omitempty"`
	Purpose          string         `json:"primaryPackagePurpose,omitempty"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxRelationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

type spdxLicense struct {
	ID   string `json:"licenseId"`
	Text string `json:"extractedText"`
	Name string `json:"name"`
}

const (
	noAssertion = "NOASSERTION"
	imageID     = "SPDXRef-Image"
	documentID  = "SPDXRef-DOCUMENT"
)

// SBOM writes the packages of the image as an SPDX 2.3 document in JSON. Each
// package has a package URL and, in its comment, the digests by which it can be
// told from any other build. A license that RPM and SPDX spell alike is written
// as such; any other is quoted as the RPM has it.
func (c *Contents) SBOM(w io.Writer, o SBOMOptions) error {
	doc := &spdxDocument{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: documentID,
		Name: cmp.Or(o.Name, c.Path[strings.LastIndexByte(c.Path, '/')+1:]), Packages: []spdxPackage{},
	}
	image := spdxPackage{
		ID: imageID, Name: doc.Name, Supplier: noAssertion, DownloadLocation: noAssertion, Concluded: noAssertion, Declared: noAssertion,
		Copyright: noAssertion, Purpose: "OPERATING-SYSTEM",
	}
	if o.SHA256 != "" {
		image.Checksums = []spdxChecksum{{"SHA256", o.SHA256}}
	}
	doc.Packages = append(doc.Packages, image)
	doc.Relations = append(doc.Relations, spdxRelationship{documentID, "DESCRIBES", imageID})
	newest := int64(0)
	licenses := map[string]string{} // text to id
	for i := range c.Systems {
		for k := range c.Systems[i].Packages {
			p := &c.Systems[i].Packages[k]
			s := p.spdx(cmp.Or(o.Distro, "fedora"), licenses)
			s.ID = fmt.Sprintf("SPDXRef-rpm-%d-%d-%s", i+1, k+1, idText(p.Name))
			doc.Packages = append(doc.Packages, s)
			doc.Relations = append(doc.Relations, spdxRelationship{imageID, "CONTAINS", s.ID})
			newest = max(newest, p.BuildTime)
		}
	}
	for text, id := range licenses {
		doc.Licenses = append(doc.Licenses, spdxLicense{id, text, text})
	}
	slices.SortFunc(doc.Licenses, func(a, b spdxLicense) int { return cmp.Compare(a.ID, b.ID) })
	created := o.Created
	if created.IsZero() {
		created = time.Unix(newest, 0)
	}
	doc.Creation = spdxCreation{created.UTC().Format(time.RFC3339), []string{"Tool: " + cmp.Or(o.Tool, "respin")}}
	// The namespace must be unique for the content, and is nobody's address.
	content, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("write SBOM: %w", err)
	}
	sum := sha256.Sum256(content)
	doc.Namespace = "urn:respin:sbom:sha256:" + hex.EncodeToString(sum[:])
	out := json.NewEncoder(w)
	out.SetIndent("", " ")
	if err := out.Encode(doc); err != nil {
		return fmt.Errorf("write SBOM: %w", err)
	}
	return nil
}

func (p *Package) spdx(distro string, licenses map[string]string) spdxPackage {
	s := spdxPackage{
		Name: p.Name, Version: p.EVR.String(), File: nvra(p.NEVRA) + ".rpm", Supplier: noAssertion, DownloadLocation: noAssertion,
		Concluded: noAssertion, Declared: noAssertion, Copyright: noAssertion, Summary: p.Summary,
		Refs: []spdxRef{{"PACKAGE-MANAGER", "purl", purl(p.NEVRA, distro)}},
	}
	if p.Vendor != "" {
		s.Supplier = "Organization: " + p.Vendor
	}
	if u, err := url.Parse(p.URL); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && idText(u.Hostname()) == u.Hostname() {
		s.Homepage = u.String()
	}
	if p.SourceRPM != "" {
		s.SourceInfo = "built from " + p.SourceRPM
	}
	if p.License != "" {
		s.Declared = licenseID(p.License, licenses)
	}
	var facts []string
	for _, f := range [][2]string{{"sigmd5", p.SigMD5}, {"header sha256", p.HeaderSHA256}, {"signed by key", p.KeyID}} {
		if f[1] != "" {
			facts = append(facts, f[0]+" "+f[1])
		}
	}
	s.Comment = strings.Join(facts, ", ")
	return s
}

// purl is the package URL (github.com/package-url/purl-spec, type rpm).
func purl(n rpm.NEVRA, distro string) string {
	s := "pkg:rpm/" + url.PathEscape(distro) + "/" + strings.ReplaceAll(url.PathEscape(n.Name), "+", "%2B") + "@" +
		strings.ReplaceAll(url.PathEscape(n.EVR.Version+"-"+n.EVR.Release), "+", "%2B") + "?arch=" + url.QueryEscape(n.Arch)
	if n.EVR.Epoch > 0 {
		s += fmt.Sprintf("&epoch=%d", n.EVR.Epoch)
	}
	return s
}

// idText keeps what an SPDX id may have.
func idText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && (r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return r
		}
		return '-'
	}, s)
}

// licenseID returns an expression of SPDX for what the RPM says, or the id of a
// quotation.
func licenseID(text string, quoted map[string]string) string {
	if isSPDX(text) {
		return text
	}
	id, ok := quoted[text]
	if !ok {
		sum := sha256.Sum256([]byte(text))
		id = "LicenseRef-" + hex.EncodeToString(sum[:8])
		quoted[text] = id
	}
	return id
}

// isSPDX tells whether a text is an expression of known ids, with AND and OR.
func isSPDX(text string) bool {
	if len(text) > 1000 {
		return false
	}
	wantID, depth := true, 0
	for word := range strings.FieldsSeq(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text)) {
		switch {
		case word == "(" && wantID:
			depth++
		case word == ")" && !wantID && depth > 0:
			depth--
		case (word == "AND" || word == "OR") && !wantID:
			wantID = true
		case wantID && knownLicense(word):
			wantID = false
		default:
			return false
		}
	}
	return !wantID && depth == 0
}

// knownLicense tells whether a word is an id of the SPDX list. These are those
// that most of Fedora's packages have; old packages have Fedora's own names.
func knownLicense(id string) bool {
	switch id {
	case "MIT", "MIT-0", "MIT-CMU", "Apache-2.0", "ISC", "Zlib", "BSL-1.0", "CC0-1.0", "Unlicense", "curl", "X11", "NTP", "HPND", "TCL", "PSF-2.0", "Python-2.0.1", "bzip2-1.0.6", "OpenSSL", "Vim", "OFL-1.1", "Unicode-3.0",
		"0BSD", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "BSD-4-Clause-UC", "AFL-2.1", "Artistic-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "EPL-1.0", "EPL-2.0", "MPL-1.1", "MPL-2.0",
		"GPL-1.0-only", "GPL-1.0-or-later", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "AGPL-3.0-only", "AGPL-3.0-or-later",
		"LGPL-2.0-only", "LGPL-2.0-or-later", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later",
		"GFDL-1.1-or-later", "GFDL-1.2-or-later", "GFDL-1.3-only", "GFDL-1.3-or-later", "Sleepycat", "PostgreSQL", "Ruby", "SISSL", "W3C":
		return true
	}
	return false
}
