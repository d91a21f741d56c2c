package bodhi

import (
	"net/url"
	"time"
)

// UpdateQuery selects updates. Fields combine by "and", the values of one list
// by "or"; a zero field does not restrict. The answer comes newest submission
// first.
type UpdateQuery struct {
	Aliases []string
	// UpdateIDs are aliases, too, under the name that Bodhi had for them before.
	UpdateIDs []string
	Builds    []string // exact NVRs
	Packages  []string // exact names
	// Releases are names (F40), versions ("40", the first release of that
	// version, so better F40) or __current__, __pending__, __archived__. An
	// unknown one is an *APIError with status 400.
	Releases []string
	Release  string   // one more of these; for Bodhi 1
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

	// DisplayUser comes back in the answer and changes nothing else.
	DisplayUser *bool

	// Limit ends the list after so many updates. Default: no limit.
	Limit int
}

func (q *UpdateQuery) values() (url.Values, error) {
	b := newBuilder()
	b.list("alias", q.Aliases)
	b.list("updateid", q.UpdateIDs)
	b.list("builds", q.Builds)
	b.list("packages", q.Packages)
	b.list("releases", q.Releases)
	b.word("release", q.Release)
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
	b.flag("display_user", q.DisplayUser)
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
// Users, updates and packages that do not exist are an *APIError with status
// 400. Bodhi takes a search here, too, and ignores it.
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
	Like     string // SQL LIKE on NVRs, case counts
	Search   string // within NVRs, case does not count
	// DisplayUser comes back in the answer and changes nothing else.
	DisplayUser *bool
	Limit       int // default: no limit
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
	b.flag("display_user", q.DisplayUser)
	return b.done(q.Limit)
}

// PackageQuery selects source packages that have been in some update.
type PackageQuery struct {
	Name   string // exact
	Like   string // SQL LIKE within the name, case counts
	Search string // within the name, case does not count
	Limit  int    // default: no limit
}

func (q *PackageQuery) values() (url.Values, error) {
	b := newBuilder()
	b.text("name", q.Name)
	b.text("like", q.Like)
	b.text("search", q.Search)
	return b.done(q.Limit)
}

// UserQuery selects accounts. Groups and updates that do not exist are an
// *APIError with status 400. Bodhi takes packages here, too, and ignores them.
type UserQuery struct {
	Name    string   // SQL LIKE: ada% selects all that begin so
	Like    string   // SQL LIKE within the name, case counts
	Search  string   // within the name, case does not count
	Groups  []string // members of any of these
	Updates []string // submitters of any of these aliases
	Limit   int      // default: no limit
}

func (q *UserQuery) values() (url.Values, error) {
	b := newBuilder()
	b.text("name", q.Name)
	b.text("like", q.Like)
	b.text("search", q.Search)
	b.list("groups", q.Groups)
	b.list("updates", q.Updates)
	return b.done(q.Limit)
}
