package bodhitest

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/bodhi"
)

// Update is what AddUpdate takes. Only Release is required.
type Update struct {
	Alias       string // default: made from the release, the year and the builds
	Release     string // the name of a release added before
	Builds      []bodhi.Build
	DisplayName string
	Notes       string
	Type        bodhi.UpdateType       // default: bugfix
	Status      bodhi.UpdateStatus     // default: pending
	Request     bodhi.UpdateRequest    // default: null
	Severity    bodhi.UpdateSeverity   // default: unspecified
	Suggest     bodhi.UpdateSuggestion // default: unspecified
	Gating      bodhi.TestGatingStatus // default: null
	FromTag     string                 // side tag, default: null
	User        string                 // default: packager
	Bugs        []bodhi.Bug
	TestCases   []bodhi.TestCase
	Comments    []Comment
	Karma       int // default: the last vote of each user in Comments
	Critpath    bool
	Locked      bool

	// Submitted defaults to the server's clock; Testing and Stable to the same
	// moment where the status says that it has passed.
	Submitted, Modified, Approved, Testing, Stable time.Time
}

// Comment is a remark on an update.
type Comment struct {
	User  string
	Text  string
	Karma int
	Time  time.Time
	// Bugs and TestCases are votes on those of the update: number and karma.
	// What else the answers have is filled in.
	Bugs      []bodhi.BugFeedback
	TestCases []bodhi.TestCaseFeedback
}

// Fedora is the release of RPMs of Fedora Linux n as Bodhi has it after GA.
func Fedora(n int) bodhi.Release {
	tag := fmt.Sprintf("f%d", n)
	return bodhi.Release{
		Name: fmt.Sprintf("F%d", n), LongName: fmt.Sprintf("Fedora %d", n), Version: fmt.Sprint(n), IDPrefix: "FEDORA",
		Branch: tag, DistTag: tag, StableTag: tag + "-updates", TestingTag: tag + "-updates-testing",
		CandidateTag: tag + "-updates-candidate", PendingSigningTag: tag + "-signing-pending",
		PendingTestingTag: tag + "-updates-testing-pending", PendingStableTag: tag + "-updates-pending",
		OverrideTag: tag + "-override", MailTemplate: "fedora_errata_template", State: bodhi.ReleaseCurrent,
		ComposedByBodhi: true, PackageManager: bodhi.ManagerDnf, TestingRepository: "updates-testing",
	}
}

// Rawhide is the development release that becomes Fedora Linux n: it has no
// updates-testing, and Bodhi creates its updates by itself.
func Rawhide(n int) bodhi.Release {
	r := Fedora(n)
	r.Branch, r.State = "rawhide", bodhi.ReleasePending
	r.StableTag = r.DistTag
	r.ComposedByBodhi, r.CreateAutomaticUpdates, r.TestingRepository = false, true, ""
	return r
}

// entry is a stored update with what the answers need beside it.
type entry struct {
	Update
	serial    int
	release   *bodhi.Release
	releaseID int
}

// AddRelease adds a release, or replaces the one of that name.
func (s *Server) AddRelease(r bodhi.Release) error {
	if r.Name == "" {
		return errors.New("add release: no name")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.release(r.Name); old != nil {
		*old = r
		return nil
	}
	s.releases = append(s.releases, &r)
	return nil
}

// AddUpdate adds an update and gives its alias. A build may be in one update
// that is not unpushed, as in Bodhi.
func (s *Server) AddUpdate(u Update) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	release := s.release(u.Release)
	if release == nil {
		return "", fmt.Errorf("add update: no release %q", u.Release)
	}
	for _, b := range u.Builds {
		if strings.Count(b.NVR, "-") < 2 {
			return "", fmt.Errorf("add update: %q is no NVR", b.NVR)
		}
		if other := s.holder(b.NVR); other != nil {
			return "", fmt.Errorf("add update: %s is in %s", b.NVR, other.Alias)
		}
	}
	s.serial++
	e := &entry{Update: u, serial: s.serial, release: release, releaseID: s.releaseID(release)}
	e.fill(s.now())
	if s.find(e.Alias) != nil {
		return "", fmt.Errorf("add update: %s exists", e.Alias)
	}
	s.updates = append(s.updates, e)
	s.meet(e)
	return e.Alias, nil
}

// ChangeUpdate lets f edit an update, as a maintainer or a push would. Alias
// and Release stay as they are.
func (s *Server) ChangeUpdate(alias string, f func(*Update)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(alias)
	if e == nil {
		return fmt.Errorf("change update: no %s", alias)
	}
	release := e.Release
	f(&e.Update)
	e.Alias, e.Release = alias, release
	e.Modified = s.now()
	e.fill(s.now())
	s.meet(e)
	return nil
}

// meet makes accounts of those who submitted and commented.
func (s *Server) meet(e *entry) {
	s.user(e.User)
	for _, c := range e.Comments {
		s.user(c.User)
	}
}

func (s *Server) release(name string) *bodhi.Release {
	for _, r := range s.releases {
		if r.Name == name {
			return r
		}
	}
	return nil
}

func (s *Server) find(alias string) *entry {
	for _, e := range s.updates {
		if e.Alias == alias {
			return e
		}
	}
	return nil
}

// holder is the update that a build is in.
func (s *Server) holder(nvr string) *entry {
	for _, e := range s.updates {
		if e.Status != bodhi.StatusUnpushed && slices.Contains(e.nvrs(), nvr) {
			return e
		}
	}
	return nil
}

func (e *entry) nvrs() []string {
	u := bodhi.Update{Builds: e.Builds}
	return u.NVRs()
}

// fill sets what Bodhi would set by itself.
func (e *entry) fill(now time.Time) {
	set(&e.Type, bodhi.TypeBugfix)
	set(&e.Status, bodhi.StatusPending)
	set(&e.Severity, bodhi.SeverityUnspecified)
	set(&e.Suggest, bodhi.SuggestUnspecified)
	set(&e.User, "packager")
	set(&e.Submitted, now)
	e.Builds = slices.Clone(e.Builds)
	for i := range e.Builds {
		set(&e.Builds[i].Type, bodhi.ContentRPM)
		set(&e.Builds[i].ReleaseID, &e.releaseID)
	}
	slices.SortFunc(e.Builds, func(a, b bodhi.Build) int { return strings.Compare(a.NVR, b.NVR) })
	if e.Status == bodhi.StatusTesting || e.Status == bodhi.StatusStable {
		set(&e.Testing, e.Submitted)
	}
	if e.Status == bodhi.StatusStable {
		set(&e.Stable, e.Testing)
	}
	if e.Alias == "" {
		sum := sha1.Sum(fmt.Appendf(nil, "%d %s", e.serial, strings.Join(e.nvrs(), " ")))
		e.Alias = fmt.Sprintf("%s-%d-%s", e.release.IDPrefix, e.Submitted.UTC().Year(), hex.EncodeToString(sum[:5]))
	}
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// pushed is the hybrid date_pushed of models.py.
func (e *entry) pushed() time.Time {
	if !e.Stable.IsZero() {
		return e.Stable
	}
	return e.Testing
}

// packageName is the part of an NVR before its last two dashes.
func packageName(nvr string) string {
	for range 2 {
		if i := strings.LastIndexByte(nvr, '-'); i >= 0 {
			nvr = nvr[:i]
		}
	}
	return nvr
}
