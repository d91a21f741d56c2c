package notify

import (
	"strings"
	"time"
	"unicode"
)

// State is how a compose ended.
type State string

// The states that people are told about. Any other is treated as failed.
const (
	StateSucceeded State = "succeeded"
	StateFailed    State = "failed"
	StateCanceled  State = "canceled"
)

// Event is the end of one compose. Empty fields are left out of the message.
type Event struct {
	ID      string // of the compose
	Kind    string // boot-iso, remaster, repo...
	Release string // 44, rawhide, eln
	Arch    string
	Title   string // free text of the submitter
	State   State

	PageURL     string // page of the compose
	LogURL      string
	ReportURL   string // package report
	RepoURL     string // side repository
	RepoFileURL string // its .repo file

	Artifacts []Artifact
	Packages  []Package
	Failure   *Failure  // of a compose that failed
	Expires   time.Time // when the files go; zero: not said
}

// Artifact is one file that was made.
type Artifact struct {
	Name   string
	URL    string
	Size   int64 // bytes
	SHA256 string
}

// Package is one line of the package report.
type Package struct {
	Name      string
	Arch      string
	Requested string // [epoch:]version-release
	Shipped   string // the same; "" when it is missing
	Verdict   string // included, older, newer, missing, not-installed
	Size      int64  // bytes, 0: not said
	SHA256    string
}

// Failure says why a compose did not succeed.
type Failure struct {
	Code     string
	Stage    string
	Sentence string
	Remedy   string
	Evidence []string // lines of the log; the first three are shown
}

// Bounds of a message: beyond them there are the links.
const (
	maxArtifacts = 30
	maxPackages  = 100
	maxEvidence  = 3
	maxText      = 500 // characters of a free text
	maxURL       = 2000
)

// view is an Event made safe to print, with what was left out.
type view struct {
	Event
	MoreArtifacts, MorePackages int
}

// newView copies e: the caller's slices stay as they are.
func newView(e Event) view {
	v := view{Event: e}
	for _, s := range []*string{&v.ID, &v.Kind, &v.Release, &v.Arch, &v.Title} {
		*s = clean(*s, maxText)
	}
	v.State = State(clean(string(e.State), maxText))
	for _, s := range []*string{&v.PageURL, &v.LogURL, &v.ReportURL, &v.RepoURL, &v.RepoFileURL} {
		*s = cleanURL(*s)
	}
	v.Artifacts = append([]Artifact(nil), e.Artifacts[:min(len(e.Artifacts), maxArtifacts)]...)
	v.MoreArtifacts = len(e.Artifacts) - len(v.Artifacts)
	for i, a := range v.Artifacts {
		v.Artifacts[i] = Artifact{clean(a.Name, maxText), cleanURL(a.URL), a.Size, clean(a.SHA256, maxText)}
	}
	v.Packages = append([]Package(nil), e.Packages[:min(len(e.Packages), maxPackages)]...)
	v.MorePackages = len(e.Packages) - len(v.Packages)
	for i := range v.Packages {
		p := &v.Packages[i]
		for _, s := range []*string{&p.Name, &p.Arch, &p.Requested, &p.Shipped, &p.Verdict, &p.SHA256} {
			*s = clean(*s, maxText)
		}
	}
	if e.Failure != nil {
		v.Failure = newFailure(*e.Failure)
	}
	return v
}

func newFailure(f Failure) *Failure {
	for _, s := range []*string{&f.Code, &f.Stage, &f.Sentence, &f.Remedy} {
		*s = clean(*s, maxText)
	}
	var lines []string
	for _, line := range f.Evidence {
		if line = clean(line, maxText); line != "" && len(lines) < maxEvidence {
			lines = append(lines, line)
		}
	}
	f.Evidence = lines
	return &f
}

// clean makes one line of s: no control characters, and none of the invisible
// ones that turn text around, at most limit characters.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "..."
	}
	return s
}

// cleanURL lets only links of the web through, whole.
func cleanURL(s string) string {
	bad := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
	if len(s) > maxURL || strings.ContainsFunc(s, bad) {
		return ""
	}
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "ftp://") {
		return ""
	}
	return s
}
