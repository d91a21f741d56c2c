package compose

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// SourceType is what a source names.
type SourceType string

// The types of source. The type is detected from the text; a prefix forces it.
const (
	SourceUpdate SourceType = "update" // a Bodhi update, by alias
	SourceBuild  SourceType = "build"  // a Koji build, by NVR or id
	SourceTask   SourceType = "task"   // a Koji task, scratch builds too
	SourceTag    SourceType = "tag"    // a Koji tag: its latest builds, not inherited
	SourceCOPR   SourceType = "copr"
	SourceRepo   SourceType = "repo"
	SourceRPM    SourceType = "rpm"
	SourceUpload SourceType = "upload"
	SourceName   SourceType = "name" // a bare package name
)

// Source is one parsed source.
type Source struct {
	Type  SourceType `json:"type"`
	Value string     `json:"value"` // without the prefix
	ID    int        `json:"id,omitempty"`
}

func (s Source) String() string {
	if s.Type == SourceName {
		return s.Value
	}
	return string(s.Type) + ":" + s.Value
}

var (
	aliasPattern = regexp.MustCompile(`^[A-Z]+(-[A-Z]+)*-[0-9]{4}-[0-9a-f]{4,10}$`)
	// Version and release never hold a dash; a name may.
	nvrPattern  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*-[A-Za-z0-9_.+^~]+-[A-Za-z0-9_.+^~,]+$`)
	namePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)
	tagPattern  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)
	// A project may have directories of its own, as project:pr:12.
	coprPattern = regexp.MustCompile(`^@?[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.+:-]*$`)
	hexPattern  = regexp.MustCompile(`^[0-9a-f]{8,64}$`)
)

// ParseSource recognizes one source as it is typed: FEDORA-2026-1a2b3c4d5e,
// anaconda-44.12-1.fc44, task:123456, tag:f44-build-side-1, copr:OWNER/PROJECT,
// repo:URL or repo:URL#name,name, rpm:PATH-or-URL, upload:ID or a bare package
// name. The error says
// which form the text comes closest to.
func ParseSource(text string) (Source, error) {
	text = strings.TrimSpace(text)
	prefix, value, found := strings.Cut(text, ":")
	if !found || strings.HasPrefix(value, "//") {
		return detectSource(text)
	}
	s := Source{Type: SourceType(strings.ToLower(prefix)), Value: strings.TrimSpace(value)}
	if s.Value == "" {
		return s, fmt.Errorf("nothing stands after %q", prefix+":")
	}
	return s.check(prefix)
}

func (s Source) check(prefix string) (Source, error) {
	switch s.Type {
	case SourceUpdate:
		if !aliasPattern.MatchString(s.Value) {
			return s, fmt.Errorf("%q is no update alias: one looks like FEDORA-2026-1a2b3c4d5e", clip(s.Value))
		}
	case SourceBuild:
		if id, err := strconv.Atoi(s.Value); err == nil && id > 0 {
			s.ID = id
		} else if !nvrPattern.MatchString(s.Value) {
			return s, fmt.Errorf("%q is no build: give name-version-release or the build's number", clip(s.Value))
		}
	case SourceTask:
		id, err := strconv.Atoi(s.Value)
		if err != nil || id <= 0 {
			return s, fmt.Errorf("%q is no task number", clip(s.Value))
		}
		s.ID = id
	case SourceTag:
		if !tagPattern.MatchString(s.Value) {
			return s, fmt.Errorf("%q is no tag name", clip(s.Value))
		}
	case SourceUpload:
		if !hexPattern.MatchString(s.Value) {
			return s, fmt.Errorf("%q is no upload id", clip(s.Value))
		}
	case SourceCOPR:
		if where, _ := splitSelection(s.Value); !coprPattern.MatchString(where) {
			return s, fmt.Errorf("%q is no COPR project: write copr:OWNER/PROJECT, or copr:@GROUP/PROJECT", clip(s.Value))
		}
		return s, checkSelection(s.Value)
	case SourceRepo:
		if where, _ := splitSelection(s.Value); !isWebURL(where) {
			return s, fmt.Errorf("%q is no http or https URL without user and password", clip(where))
		}
		return s, checkSelection(s.Value)
	case SourceRPM:
	case SourceName:
		if !namePattern.MatchString(s.Value) {
			return s, fmt.Errorf("%q is no package name", clip(s.Value))
		}
	default:
		return s, fmt.Errorf("there is no source type %q: the types are update, build, task, tag, copr, repo, rpm, upload", clip(prefix))
	}
	return s, nil
}

func detectSource(text string) (Source, error) {
	switch {
	case text == "":
		return Source{}, fmt.Errorf("the source is empty")
	case aliasPattern.MatchString(text):
		return Source{Type: SourceUpdate, Value: text}, nil
	case isWebURL(text) && strings.HasSuffix(text, ".rpm"):
		return Source{Type: SourceRPM, Value: text}, nil
	case isWebURL(text):
		return Source{}, fmt.Errorf("%q is a URL: write rpm:URL for one RPM or repo:URL for a repository", clip(text))
	case nvrPattern.MatchString(text) && strings.ContainsAny(text, "0123456789"):
		return Source{Type: SourceBuild, Value: text}, nil
	case namePattern.MatchString(text):
		if _, err := strconv.Atoi(text); err == nil {
			return Source{}, fmt.Errorf("%q is only a number: write task:%s or build:%s", text, text, text)
		}
		return Source{Type: SourceName, Value: text}, nil
	}
	return Source{}, fmt.Errorf("%q is no update alias, build, task, tag or package name", clip(text))
}

// isWebURL takes no user and password: the URL would stand in the public Plan.
func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// maxSelected bounds the names after the # of a repository.
const maxSelected = 200

// splitSelection takes "URL#name,name" apart. Without # there are no names.
func splitSelection(value string) (where string, names []string) {
	where, list, found := strings.Cut(value, "#")
	if !found {
		return value, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return where, names
}

// checkSelection checks the names after a #.
func checkSelection(value string) error {
	_, names := splitSelection(value)
	if len(names) > maxSelected {
		return fmt.Errorf("%d packages are named after the #; %d may be", len(names), maxSelected)
	}
	for _, name := range names {
		if !namePattern.MatchString(name) {
			return fmt.Errorf("%q after the # is no package name: write repo:URL#name,name", clip(name))
		}
	}
	return nil
}
