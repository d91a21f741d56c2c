package bodhi

// The enumerations of bodhi/server/models.py. They are strings, so a value that
// a newer Bodhi invents survives; Known tells whether it stands in the list here.

// UpdateStatus says how far an update has come. Pending: only in Koji, maybe unsigned yet; testing and stable: sent to that repository.
type UpdateStatus string

// The values of UpdateStatus.
const (
	StatusPending  UpdateStatus = "pending"
	StatusTesting  UpdateStatus = "testing"
	StatusStable   UpdateStatus = "stable"
	StatusUnpushed UpdateStatus = "unpushed"
	StatusObsolete UpdateStatus = "obsolete"
	// Only in old data.
	StatusProcessing     UpdateStatus = "processing"
	StatusSideTagActive  UpdateStatus = "side_tag_active"
	StatusSideTagExpired UpdateStatus = "side_tag_expired"
)

// Known reports whether the value is one this package has a constant for.
func (u UpdateStatus) Known() bool {
	switch u {
	case StatusPending, StatusTesting, StatusStable, StatusUnpushed, StatusObsolete, StatusProcessing, StatusSideTagActive, StatusSideTagExpired:
		return true
	}
	return false
}

// UpdateType says what kind of change an update is.
type UpdateType string

// The values of UpdateType.
const (
	TypeBugfix      UpdateType = "bugfix"
	TypeSecurity    UpdateType = "security"
	TypeNewpackage  UpdateType = "newpackage"
	TypeEnhancement UpdateType = "enhancement"
	TypeUnspecified UpdateType = "unspecified"
)

// Known reports whether the value is one this package has a constant for.
func (u UpdateType) Known() bool {
	switch u {
	case TypeBugfix, TypeSecurity, TypeNewpackage, TypeEnhancement, TypeUnspecified:
		return true
	}
	return false
}

// UpdateRequest is the move an update waits for; "" when it waits for none.
type UpdateRequest string

// The values of UpdateRequest.
const (
	RequestTesting  UpdateRequest = "testing"
	RequestObsolete UpdateRequest = "obsolete"
	RequestUnpush   UpdateRequest = "unpush"
	RequestRevoke   UpdateRequest = "revoke"
	RequestStable   UpdateRequest = "stable"
	// Only in old data.
	RequestBatched UpdateRequest = "batched"
)

// Known reports whether the value is one this package has a constant for.
func (u UpdateRequest) Known() bool {
	switch u {
	case RequestTesting, RequestObsolete, RequestUnpush, RequestRevoke, RequestStable, RequestBatched:
		return true
	}
	return false
}

// UpdateSeverity is what the submitter thinks of the urgency.
type UpdateSeverity string

// The values of UpdateSeverity.
const (
	SeverityUnspecified UpdateSeverity = "unspecified"
	SeverityUrgent      UpdateSeverity = "urgent"
	SeverityHigh        UpdateSeverity = "high"
	SeverityMedium      UpdateSeverity = "medium"
	SeverityLow         UpdateSeverity = "low"
)

// Known reports whether the value is one this package has a constant for.
func (u UpdateSeverity) Known() bool {
	switch u {
	case SeverityUnspecified, SeverityUrgent, SeverityHigh, SeverityMedium, SeverityLow:
		return true
	}
	return false
}

// UpdateSuggestion is what the user should do after the update.
type UpdateSuggestion string

// The values of UpdateSuggestion.
const (
	SuggestUnspecified UpdateSuggestion = "unspecified"
	SuggestReboot      UpdateSuggestion = "reboot"
	SuggestLogout      UpdateSuggestion = "logout"
)

// Known reports whether the value is one this package has a constant for.
func (u UpdateSuggestion) Known() bool {
	switch u {
	case SuggestUnspecified, SuggestReboot, SuggestLogout:
		return true
	}
	return false
}

// ReleaseState is the phase of a release's life. Pending: rawhide or branched before GA; frozen: during a freeze; current: released.
type ReleaseState string

// The values of ReleaseState.
const (
	ReleaseDisabled ReleaseState = "disabled"
	ReleasePending  ReleaseState = "pending"
	ReleaseFrozen   ReleaseState = "frozen"
	ReleaseCurrent  ReleaseState = "current"
	ReleaseArchived ReleaseState = "archived"
)

// Known reports whether the value is one this package has a constant for.
func (r ReleaseState) Known() bool {
	switch r {
	case ReleaseDisabled, ReleasePending, ReleaseFrozen, ReleaseCurrent, ReleaseArchived:
		return true
	}
	return false
}

// ContentType says what a build consists of.
type ContentType string

// The values of ContentType.
const (
	ContentBase      ContentType = "base"
	ContentRPM       ContentType = "rpm"
	ContentModule    ContentType = "module"
	ContentContainer ContentType = "container"
	ContentFlatpak   ContentType = "flatpak"
)

// Known reports whether the value is one this package has a constant for.
func (c ContentType) Known() bool {
	switch c {
	case ContentBase, ContentRPM, ContentModule, ContentContainer, ContentFlatpak:
		return true
	}
	return false
}

// TestGatingStatus is the verdict of the gating tests; "" when gating is off.
type TestGatingStatus string

// The values of TestGatingStatus.
const (
	GatingWaiting         TestGatingStatus = "waiting"
	GatingIgnored         TestGatingStatus = "ignored"
	GatingQueued          TestGatingStatus = "queued"
	GatingRunning         TestGatingStatus = "running"
	GatingPassed          TestGatingStatus = "passed"
	GatingFailed          TestGatingStatus = "failed"
	GatingGreenwaveFailed TestGatingStatus = "greenwave_failed"
)

// Known reports whether the value is one this package has a constant for.
func (t TestGatingStatus) Known() bool {
	switch t {
	case GatingWaiting, GatingIgnored, GatingQueued, GatingRunning, GatingPassed, GatingFailed, GatingGreenwaveFailed:
		return true
	}
	return false
}

// ComposeState is the step a compose of Bodhi has reached.
type ComposeState string

// The values of ComposeState.
const (
	ComposeRequested    ComposeState = "requested"
	ComposePending      ComposeState = "pending"
	ComposeInitializing ComposeState = "initializing"
	ComposeUpdateinfo   ComposeState = "updateinfo"
	ComposePunging      ComposeState = "punging"
	ComposeSyncingRepo  ComposeState = "syncing_repo"
	ComposeNotifying    ComposeState = "notifying"
	ComposeSuccess      ComposeState = "success"
	ComposeFailed       ComposeState = "failed"
	ComposeSigningRepo  ComposeState = "signing_repo"
	ComposeCleaning     ComposeState = "cleaning"
)

// Known reports whether the value is one this package has a constant for.
func (c ComposeState) Known() bool {
	switch c {
	case ComposeRequested, ComposePending, ComposeInitializing, ComposeUpdateinfo, ComposePunging, ComposeSyncingRepo, ComposeNotifying, ComposeSuccess, ComposeFailed, ComposeSigningRepo, ComposeCleaning:
		return true
	}
	return false
}

// PackageManager is the tool that installs a release's content.
type PackageManager string

// The values of PackageManager.
const (
	ManagerUnspecified PackageManager = "unspecified"
	ManagerDnf         PackageManager = "dnf"
	ManagerYum         PackageManager = "yum"
)

// Known reports whether the value is one this package has a constant for.
func (p PackageManager) Known() bool {
	switch p {
	case ManagerUnspecified, ManagerDnf, ManagerYum:
		return true
	}
	return false
}
