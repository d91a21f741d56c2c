package bodhi

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxQuery bounds a query string: Apache in front of Bodhi refuses a request
// line above 8190 bytes.
const maxQuery = 7000

// UpdateQuery selects updates. Fields combine by "and", the values of one list
// by "or"; a zero field does not restrict. The answer comes newest submission
// first.
type UpdateQuery struct {
	Aliases  []string
	Builds   []string // exact NVRs
	Packages []string // exact names
	// Releases are names (F40), versions ("40", the first release of that
	// version, so better F40) or __current__, __pending__, __archived__. An
	// unknown one is an *APIError with status 400.
	Releases []string
	Users    []string // must exist, else 400
	Bugs     []int
	Status   []UpdateStatus
	Gating   []TestGatingStatus

	Request     UpdateRequest
	Severity    UpdateSeverity
	Suggest     UpdateSuggestion
	Type        UpdateType
	ContentType ContentType // slow on the server; better look at Update.ContentType

	Critpath    *bool
	Locked      *bool
	Pushed      *bool
	FromSideTag *bool

	// Since is inclusive, Before exclusive; the resolution is a second.
	SubmittedSince, SubmittedBefore time.Time
	ModifiedSince, ModifiedBefore   time.Time
	ApprovedSince, ApprovedBefore   time.Time
	// Bodhi compares these two with the push to stable: an update that is only in
	// testing is never selected, although its date_pushed says otherwise.
	PushedSince, PushedBefore time.Time

	Like   string // SQL LIKE on NVRs, case counts
	Search string // within NVRs or the alias, case does not count

	// Limit ends the list after so many updates. Default: no limit.
	Limit int
}

func (q *UpdateQuery) values() (url.Values, error) {
	b := newBuilder()
	b.list("alias", q.Aliases)
	b.list("builds", q.Builds)
	b.list("packages", q.Packages)
	b.list("releases", q.Releases)
	b.list("user", q.Users)
	b.ints("bugs", q.Bugs)
	b.list("status", texts(q.Status))
	b.list("gating", texts(q.Gating))
	b.word("request", string(q.Request))
	b.word("severity", string(q.Severity))
	b.word("suggest", string(q.Suggest))
	b.word("type", string(q.Type))
	b.word("content_type", string(q.ContentType))
	b.flag("critpath", q.Critpath)
	b.flag("locked", q.Locked)
	b.flag("pushed", q.Pushed)
	b.flag("from_side_tag", q.FromSideTag)
	b.span("submitted", q.SubmittedSince, q.SubmittedBefore)
	b.span("modified", q.ModifiedSince, q.ModifiedBefore)
	b.span("approved", q.ApprovedSince, q.ApprovedBefore)
	b.span("pushed", q.PushedSince, q.PushedBefore)
	b.text("like", q.Like)
	b.text("search", q.Search)
	return b.done(q.Limit)
}

// ReleaseQuery selects releases, sorted by name.
type ReleaseQuery struct {
	IDs             []int  // Bodhi's numbers, as in Build.ReleaseID
	Name            string // SQL LIKE: F4% selects F40, F40C, F41...
	Updates         []string
	Packages        []string // must exist, else 400
	States          []ReleaseState
	ExcludeArchived bool
	Limit           int // default: no limit
}

func (q *ReleaseQuery) values() (url.Values, error) {
	b := newBuilder()
	b.ints("ids", q.IDs)
	b.text("name", q.Name)
	b.list("updates", q.Updates)
	b.list("packages", q.Packages)
	b.list("state", texts(q.States))
	if q.ExcludeArchived {
		b.flag("exclude_archived", &q.ExcludeArchived)
	}
	return b.done(q.Limit)
}

// BuildQuery selects builds, sorted by NVR. Packages, releases and updates that
// do not exist are an *APIError with status 400.
type BuildQuery struct {
	NVR      string
	Packages []string
	Releases []string
	Updates  []string
	Limit    int // default: no limit
}

func (q *BuildQuery) values() (url.Values, error) {
	b := newBuilder()
	b.word("nvr", q.NVR)
	b.list("packages", q.Packages)
	b.list("releases", q.Releases)
	b.list("updates", q.Updates)
	return b.done(q.Limit)
}

// CommentQuery selects comments, newest first, those of Bodhi itself included.
// Users, updates and packages that do not exist are an *APIError with status 400.
type CommentQuery struct {
	Updates      []string // aliases
	Packages     []string
	Users        []string
	UpdateOwners []string
	IgnoreUsers  []string
	Since        time.Time
	Like         string // SQL LIKE on the text
	Limit        int    // default: no limit
}

func (q *CommentQuery) values() (url.Values, error) {
	b := newBuilder()
	b.list("updates", q.Updates)
	b.list("packages", q.Packages)
	b.list("user", q.Users)
	b.list("update_owner", q.UpdateOwners)
	b.list("ignore_user", q.IgnoreUsers)
	b.moment("since", q.Since)
	b.text("like", q.Like)
	// The default hides the comments that Bodhi writes.
	b.word("chrome", "false")
	return b.done(q.Limit)
}

// OverrideQuery selects buildroot overrides, newest first. Packages, releases and
// users that do not exist are an *APIError with status 400.
type OverrideQuery struct {
	Builds   []string
	Packages []string
	Releases []string
	Users    []string
	Expired  *bool
	Like     string
	Search   string
	Limit    int // default: no limit
}

func (q *OverrideQuery) values() (url.Values, error) {
	b := newBuilder()
	b.list("builds", q.Builds)
	b.list("packages", q.Packages)
	b.list("releases", q.Releases)
	b.list("user", q.Users)
	b.flag("expired", q.Expired)
	b.text("like", q.Like)
	b.text("search", q.Search)
	return b.done(q.Limit)
}

// builder collects parameters and everything that is wrong with them.
type builder struct {
	v    url.Values
	errs []error
}

func newBuilder() *builder { return &builder{v: url.Values{}} }

// list adds a repeated key. Bodhi splits most lists at commas and spaces, so
// a value with one of these would select something else.
func (b *builder) list(key string, values []string) {
	for _, v := range values {
		if reason := badWord(v); reason != "" {
			b.errs = append(b.errs, &ArgumentError{Name: key, Value: v, Reason: reason})
			continue
		}
		b.v.Add(key, v)
	}
}

func (b *builder) ints(key string, values []int) {
	for _, v := range values {
		b.v.Add(key, strconv.Itoa(v))
	}
}

func (b *builder) word(key, value string) {
	if value != "" {
		b.list(key, []string{value})
	}
}

func (b *builder) text(key, value string) {
	if strings.ContainsFunc(value, unicode.IsControl) {
		b.errs = append(b.errs, &ArgumentError{Name: key, Value: value, Reason: "contains a control character"})
	} else if value != "" {
		b.v.Set(key, value)
	}
}

func (b *builder) flag(key string, value *bool) {
	if value != nil {
		b.v.Set(key, strconv.FormatBool(*value))
	}
}

func (b *builder) span(key string, since, before time.Time) {
	b.moment(key+"_since", since)
	b.moment(key+"_before", before)
}

func (b *builder) moment(key string, t time.Time) {
	if !t.IsZero() {
		b.v.Set(key, t.UTC().Format("2006-01-02T15:04:05Z"))
	}
}

func (b *builder) done(limit int) (url.Values, error) {
	if limit < 0 {
		b.errs = append(b.errs, &ArgumentError{Name: "Limit", Value: strconv.Itoa(limit), Reason: "is negative"})
	}
	if n := len(b.v.Encode()); n > maxQuery {
		b.errs = append(b.errs, &ArgumentError{Name: "query", Value: fmt.Sprint(n, " bytes"), Reason: "too many values for one request, split them"})
	}
	return b.v, errors.Join(b.errs...)
}

func badWord(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > 300:
		return "is longer than 300 bytes"
	case strings.ContainsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "contains a comma, a space or a control character"
	}
	return ""
}

// segment checks what becomes a part of the path.
func segment(name, s string) error {
	reason := ""
	switch {
	case s == "":
		reason = "is empty"
	case len(s) > 300:
		reason = "is longer than 300 bytes"
	case s == "." || s == ".." || strings.ContainsAny(s, `/\`):
		reason = "is a path"
	case strings.ContainsFunc(s, unicode.IsControl):
		reason = "contains a control character"
	}
	if reason == "" {
		return nil
	}
	return &ArgumentError{Name: name, Value: s, Reason: reason}
}

func texts[T ~string](values []T) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}
