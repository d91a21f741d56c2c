// Package updateinfo describes updateinfo.xml: the updates (advisories) that the
// packages of a repository belong to, which `dnf updateinfo` and
// `dnf upgrade --security` read. What Write writes is, byte for byte, what
// createrepo_c writes.
//
//	err := updateinfo.Write(w, []updateinfo.Update{{
//		ID: "FEDORA-2026-1a2b3c4d5e", Type: "security", Severity: "Important", Title: "hello-2.12-1.fc44",
//		Issued: updateinfo.FormatDate(submitted),
//		References: []updateinfo.Reference{{Type: "bugzilla", ID: "123", Href: "https://bugzilla.example.org/123", Title: "hello crashes"}},
//		Collections: []updateinfo.Collection{{Short: "F44", Name: "Fedora 44", Packages: []updateinfo.Package{{
//			Name: "hello", Epoch: "0", Version: "2.12", Release: "1.fc44", Arch: "x86_64", Filename: "hello-2.12-1.fc44.x86_64.rpm",
//		}}}},
//	}})
//
// The fields are those of createrepo_c's updateinfo.h, in the order in which
// xml_dump_updateinfo.c writes them. An empty string stands for an element or
// attribute that is not there; createrepo_c can also write empty ones.
package updateinfo

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Update is one advisory.
type Update struct {
	From    string // who issued it, such as "updates@fedoraproject.org"
	Status  string // "stable", "testing", "final" ...
	Type    string // "security", "bugfix", "enhancement", "newpackage", "unspecified"
	Version string // of the advisory or of what wrote it

	ID          string // "FEDORA-2026-1a2b3c4d5e", "RHSA-2026:1234"
	Title       string
	Issued      string // date as written; see FormatDate and ParseDate
	Updated     string // date as written
	Rights      string // copyright
	Release     string // "Fedora 44"
	PushCount   string
	Severity    string // "Critical", "Important", "Moderate", "Low", "None"
	Summary     string
	Description string
	Solution    string

	RebootSuggested bool

	References  []Reference
	Collections []Collection
}

// Reference is something to read about an update.
type Reference struct {
	Href  string // URL
	ID    string // "1234567", "CVE-2026-1234"
	Type  string // "bugzilla", "cve", "self", "vendor" ...
	Title string
}

// Collection is a group of packages that an update brings to one product.
type Collection struct {
	Short    string // "F44"
	Name     string // "Fedora 44"
	Module   *Module
	Packages []Package
}

// Module is the module stream that a collection's packages belong to.
type Module struct {
	Name    string
	Stream  string
	Version uint64 // always written
	Context string
	Arch    string
}

// Package is one package of an update.
type Package struct {
	Name     string
	Version  string
	Release  string
	Epoch    string // a number; "0" for none
	Arch     string
	Src      string // file name or URL of the source package
	Filename string
	Sum      *Sum

	RebootSuggested  bool
	RestartSuggested bool // of the services concerned
	ReloginSuggested bool
}

// Sum is the checksum of a package's file.
type Sum struct {
	Type  string // "sha256" ...
	Value string // lower-case hexadecimal
}

// dateLayout is how Bodhi and RHEL write dates, in UTC.
const dateLayout = time.DateTime

// FormatDate returns t as Bodhi and RHEL write it, "2026-01-31 12:00:00" in UTC,
// and "" for the zero time.
func FormatDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(dateLayout)
}

// ParseDate reads the forms that distributions use: FormatDate's with or without
// the time of day, RFC 3339, and seconds since 1970 (SUSE, createrepo_c). Without
// a zone the date is taken as UTC.
func ParseDate(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{dateLayout, time.DateOnly, time.RFC3339, "2006-01-02 15:04:05 MST", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	// Seconds have at most 18 digits here, so that they fit.
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && len(s) <= 18 {
		return time.Unix(n, 0).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("parse date of update: %q is none", s)
}
