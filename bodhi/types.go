package bodhi

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// aliasRE is <id_prefix>-<year>-<hex>; the oldest ones end in decimal digits.
var aliasRE = regexp.MustCompile(`^FEDORA(-[A-Z]+)*-[0-9]{4}-[0-9a-f]{4,10}$`)

// IsAlias reports whether s has the form of an update's alias, such as
// FEDORA-2024-f39890a065 or FEDORA-EPEL-2024-0123456789. Whether the update
// exists only Bodhi knows.
func IsAlias(s string) bool { return aliasRE.MatchString(s) }

// Update is a set of builds that is tested and shipped together. Only Alias is
// sure to be set. The comments are not part of it: see Client.Comments.
type Update struct {
	Alias       string           `json:"alias"`
	Title       string           `json:"title"`        // the NVRs, or the alias when there are none
	DisplayName string           `json:"display_name"` // free text, mostly ""
	Notes       string           `json:"notes"`        // Markdown
	URL         string           `json:"url"`          // the page for people
	Type        UpdateType       `json:"type"`
	Status      UpdateStatus     `json:"status"`
	Request     UpdateRequest    `json:"request"` // "" for none
	Severity    UpdateSeverity   `json:"severity"`
	Suggest     UpdateSuggestion `json:"suggest"`
	ContentType ContentType      `json:"content_type"` // "" without builds
	User        *User            `json:"user"`
	Release     Release          `json:"release"`
	Builds      []Build          `json:"builds"` // sorted by NVR
	Bugs        []Bug            `json:"bugs"`
	TestCases   []TestCase       `json:"test_cases"`

	// FromTag is the side tag the builds come from, "" for none.
	FromTag string `json:"from_tag"`
	// VersionHash changes whenever the set of builds does: the SHA-1 of the
	// sorted NVRs joined by a space.
	VersionHash string `json:"version_hash"`
	// TestGating is "" where gating is off.
	TestGating TestGatingStatus `json:"test_gating_status"`
	// CritpathGroups is space separated; nil: not supported, "": none.
	CritpathGroups *string `json:"critpath_groups"`

	Karma         int  `json:"karma"`
	StableKarma   *int `json:"stable_karma"`
	UnstableKarma *int `json:"unstable_karma"`
	StableDays    *int `json:"stable_days"`

	AutoKarma                bool `json:"autokarma"`
	AutoTime                 bool `json:"autotime"`
	CloseBugs                bool `json:"close_bugs"`
	Critpath                 bool `json:"critpath"`
	Locked                   bool `json:"locked"` // a compose of Bodhi holds it
	Pushed                   bool `json:"pushed"`
	RequireBugs              bool `json:"require_bugs"`
	RequireTestCases         bool `json:"require_testcases"`
	MeetsTestingRequirements bool `json:"meets_testing_requirements"`

	Submitted Time `json:"date_submitted"`
	Modified  Time `json:"date_modified"`
	Approved  Time `json:"date_approved"`
	PushedAt  Time `json:"date_pushed"`
	Testing   Time `json:"date_testing"` // pushed to updates-testing
	Stable    Time `json:"date_stable"`  // pushed to updates
}

// NVRs lists the builds in the order of the answer.
func (u *Update) NVRs() []string {
	nvrs := make([]string, 0, len(u.Builds))
	for _, b := range u.Builds {
		nvrs = append(nvrs, b.NVR)
	}
	return nvrs
}

// RPMBuilds lists the builds that consist of RPMs; the NVR of any other content
// follows rules of its own.
func (u *Update) RPMBuilds() []Build {
	var builds []Build
	for _, b := range u.Builds {
		if b.Type == ContentRPM {
			builds = append(builds, b)
		}
	}
	return builds
}

// InTestingRepo reports whether the builds were sent to the updates-testing
// repository; before that they are in Koji alone. Mirrors follow later.
func (u *Update) InTestingRepo() bool {
	return u.Status == StatusTesting && u.Pushed && !u.Testing.IsZero()
}

// Build is one Koji build as Bodhi knows it.
type Build struct {
	NVR    string      `json:"nvr"`
	Signed bool        `json:"signed"`
	Type   ContentType `json:"type"`
	// Epoch is nil for anything but RPMs and for old builds.
	Epoch *int `json:"epoch"`
	// ReleaseID is Bodhi's own number of the release; see ReleaseQuery.IDs.
	ReleaseID *int `json:"release_id"`
}

// Release is a version of a distribution for one kind of content: F40 for the
// RPMs of Fedora 40, F40C its containers, F40F its flatpaks, EPEL-9.
type Release struct {
	Name     string `json:"name"`      // F40
	LongName string `json:"long_name"` // Fedora 40
	Version  string `json:"version"`   // 40, eln, 10.1
	IDPrefix string `json:"id_prefix"` // FEDORA, FEDORA-EPEL, FEDORA-FLATPAK...
	Branch   string `json:"branch"`    // f40, rawhide, epel9
	DistTag  string `json:"dist_tag"`  // f40

	// The Koji tags a build passes; "" where the release has none.
	StableTag         string `json:"stable_tag"`
	TestingTag        string `json:"testing_tag"`
	CandidateTag      string `json:"candidate_tag"`
	PendingSigningTag string `json:"pending_signing_tag"`
	PendingTestingTag string `json:"pending_testing_tag"`
	PendingStableTag  string `json:"pending_stable_tag"`
	OverrideTag       string `json:"override_tag"`

	State                  ReleaseState   `json:"state"`
	ComposedByBodhi        bool           `json:"composed_by_bodhi"`
	CreateAutomaticUpdates bool           `json:"create_automatic_updates"`
	PackageManager         PackageManager `json:"package_manager"`
	TestingRepository      string         `json:"testing_repository"` // updates-testing
	MailTemplate           string         `json:"mail_template"`
	SettingStatus          string         `json:"setting_status"` // pre_beta, post_beta
	ReleasedOn             Date           `json:"released_on"`
	EOL                    Date           `json:"eol"`

	// What an update must have before it may go stable; nil before Bodhi 26.
	MandatoryDays         *int `json:"mandatory_days_in_testing"`
	MinKarma              *int `json:"min_karma"`
	CritpathMandatoryDays *int `json:"critpath_mandatory_days_in_testing"`
	CritpathMinKarma      *int `json:"critpath_min_karma"`
}

// FedoraVersion is the number of a Fedora Linux release made of RPMs; false for
// EPEL, ELN, containers, flatpaks and modules. Rawhide has a number, too.
func (r *Release) FedoraVersion() (int, bool) {
	n, err := strconv.Atoi(r.Version)
	return n, err == nil && r.IDPrefix == "FEDORA"
}

// IsRawhide reports whether the release is the development branch.
func (r *Release) IsRawhide() bool { return r.Branch == "rawhide" }

// HasTestingRepo reports whether Bodhi composes an updates-testing repository
// for the release. Where it creates updates by itself (rawhide, branched before
// its activation) a build goes to the release's own tag at once.
func (r *Release) HasTestingRepo() bool {
	return r.ComposedByBodhi && !r.CreateAutomaticUpdates && r.TestingTag != ""
}

// Bug is a bug that an update fixes.
type Bug struct {
	ID       int    `json:"bug_id"`
	Title    string `json:"title"`
	Security bool   `json:"security"`
	Parent   bool   `json:"parent"` // a tracker of the same bug in several releases
}

// TestCase is a page of instructions for testers.
type TestCase struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// User is an account. Its e-mail address is left out on purpose, and the
// avatar, whose address is made of it.
type User struct {
	ID     int     `json:"id"`
	Name   string  `json:"name"`
	OpenID string  `json:"openid"`
	Groups []Group `json:"groups"`
	// URLs is set by Client.User alone.
	URLs *UserURLs `json:"-"`
}

// UserURLs are addresses of what belongs to an account, as lists and as feeds.
type UserURLs struct {
	CommentsBy         string `json:"comments_by"`
	CommentsOn         string `json:"comments_on"`
	RecentUpdates      string `json:"recent_updates"`
	RecentOverrides    string `json:"recent_overrides"`
	CommentsByRSS      string `json:"comments_by_rss"`
	CommentsOnRSS      string `json:"comments_on_rss"`
	RecentUpdatesRSS   string `json:"recent_updates_rss"`
	RecentOverridesRSS string `json:"recent_overrides_rss"`
}

// Group is a group of users.
type Group struct {
	Name string `json:"name"`
}

// Comment is a remark with a vote, written by a user or by Bodhi itself.
type Comment struct {
	ID        int    `json:"id"`
	Text      string `json:"text"`
	Karma     int    `json:"karma"` // -1, 0, 1
	Timestamp Time   `json:"timestamp"`
	UpdateID  int    `json:"update_id"` // Bodhi's own number
	UserID    int    `json:"user_id"`   // Bodhi's own number
	User      *User  `json:"user"`
	// Author and UpdateAlias are set by Client.Comments and Client.Comment alone.
	Author      string             `json:"author"`
	UpdateAlias string             `json:"update_alias"`
	Bugs        []BugFeedback      `json:"bug_feedback"`
	TestCases   []TestCaseFeedback `json:"testcase_feedback"`
}

// BugFeedback is a vote on whether a bug is fixed.
type BugFeedback struct {
	BugID     int  `json:"bug_id"`
	CommentID *int `json:"comment_id"`
	Karma     int  `json:"karma"` // -1, 0, 1
	Bug       *Bug `json:"bug"`
}

// UnmarshalJSON reads the vote under either of its names.
func (f *BugFeedback) UnmarshalJSON(data []byte) error {
	type plain BugFeedback
	return unmarshalVote(data, (*plain)(f), &f.Karma)
}

// TestCaseFeedback is a vote on whether a test case passes.
type TestCaseFeedback struct {
	TestCaseID int       `json:"testcase_id"`
	CommentID  *int      `json:"comment_id"`
	Karma      int       `json:"karma"` // -1, 0, 1
	TestCase   *TestCase `json:"testcase"`
}

// UnmarshalJSON reads the vote under either of its names.
func (f *TestCaseFeedback) UnmarshalJSON(data []byte) error {
	type plain TestCaseFeedback
	return unmarshalVote(data, (*plain)(f), &f.Karma)
}

// unmarshalVote reads a vote, which some versions of Bodhi call feedback instead
// of karma, or both.
func unmarshalVote(data []byte, feedback any, karma *int) error {
	var vote struct {
		Feedback int `json:"feedback"`
	}
	if err := json.Unmarshal(data, &vote); err != nil {
		return err
	}
	*karma = vote.Feedback
	return json.Unmarshal(data, feedback)
}

// Override puts a build into the buildroot before its update is stable.
type Override struct {
	NVR       string `json:"nvr"`
	Notes     string `json:"notes"`
	Submitted Time   `json:"submission_date"`
	Expires   Time   `json:"expiration_date"`
	Expired   Time   `json:"expired_date"` // zero while it is in force
	BuildID   int    `json:"build_id"`     // Bodhi's own number
	Build     Build  `json:"build"`
	Submitter *User  `json:"submitter"`
	// SubmitterID is Bodhi's own number.
	SubmitterID int `json:"submitter_id"`
}

// Compose is a push in progress; it disappears when it is done.
type Compose struct {
	Release     Release         `json:"release"`
	Request     UpdateRequest   `json:"request"` // testing or stable
	State       ComposeState    `json:"state"`
	StateDate   Time            `json:"state_date"`
	Created     Time            `json:"date_created"`
	ReleaseID   int             `json:"release_id"`  // Bodhi's own number
	Checkpoints string          `json:"checkpoints"` // JSON as text
	Error       string          `json:"error_message"`
	ContentType ContentType     `json:"content_type"`
	Security    bool            `json:"security"`
	Updates     []UpdateSummary `json:"update_summary"`
}

// UpdateSummary names an update within a Compose.
type UpdateSummary struct {
	Alias string `json:"alias"`
	Title string `json:"title"`
}

// Decision is Greenwave's verdict on up to eight builds of an update. The
// details belong to Greenwave and are kept as they came.
type Decision struct {
	Satisfied   bool              `json:"policies_satisfied"`
	Summary     string            `json:"summary"`
	Policies    []string          `json:"applicable_policies"`
	Met         []json.RawMessage `json:"satisfied_requirements"`
	Unmet       []json.RawMessage `json:"unsatisfied_requirements"`
	TestResults []json.RawMessage `json:"results"`
	Waivers     []json.RawMessage `json:"waivers"`
}

// Package is a source package that has been in some update.
type Package struct {
	Name string      `json:"name"`
	Type ContentType `json:"type"`
}

// clean makes a text from outside fit for an error or a log: one line, short,
// without e-mail addresses.
func clean(s string, limit int) string {
	s = withoutAddresses(s)
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	s = strings.ToValidUTF8(s, "")
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "..."
	}
	return s
}
