package koji

import "strconv"

// The enumerations of koji/__init__.py. They are numbers on the wire, so a
// value that a newer hub invents survives; Known tells whether it stands in
// the list here, String gives Koji's name, or the number of an unknown value.

// enum names the values of an enumeration from 0 on.
func enum(n int, names ...string) string {
	if n >= 0 && n < len(names) {
		return names[n]
	}
	return strconv.Itoa(n)
}

// BuildState is the state of a build (koji.BUILD_STATES). Of a deleted build
// only the record is left; a build is usable only when complete.
type BuildState int

// The values of BuildState.
const (
	BuildBuilding BuildState = 0
	BuildComplete BuildState = 1
	BuildDeleted  BuildState = 2
	BuildFailed   BuildState = 3
	BuildCanceled BuildState = 4
)

// String returns Koji's name, such as COMPLETE.
func (s BuildState) String() string {
	return enum(int(s), "BUILDING", "COMPLETE", "DELETED", "FAILED", "CANCELED")
}

// Known reports whether this package has a constant for the value.
func (s BuildState) Known() bool { return s >= BuildBuilding && s <= BuildCanceled }

// TaskState is the state of a task (koji.TASK_STATES). Closed is success.
type TaskState int

// The values of TaskState.
const (
	TaskFree     TaskState = 0
	TaskOpen     TaskState = 1
	TaskClosed   TaskState = 2
	TaskCanceled TaskState = 3
	TaskAssigned TaskState = 4
	TaskFailed   TaskState = 5
)

// String returns Koji's name, such as CLOSED.
func (s TaskState) String() string {
	return enum(int(s), "FREE", "OPEN", "CLOSED", "CANCELED", "ASSIGNED", "FAILED")
}

// Known reports whether this package has a constant for the value.
func (s TaskState) Known() bool { return s >= TaskFree && s <= TaskFailed }

// Finished reports whether the state is final.
func (s TaskState) Finished() bool {
	return s == TaskClosed || s == TaskCanceled || s == TaskFailed
}

// RepoState is the state of a repository that the hub made of a tag
// (koji.REPO_STATES). Expired ones are there for a while.
type RepoState int

// The values of RepoState.
const (
	RepoInit    RepoState = 0
	RepoReady   RepoState = 1
	RepoExpired RepoState = 2
	RepoDeleted RepoState = 3
	RepoProblem RepoState = 4
)

// String returns Koji's name, such as READY.
func (s RepoState) String() string {
	return enum(int(s), "INIT", "READY", "EXPIRED", "DELETED", "PROBLEM")
}

// Known reports whether this package has a constant for the value.
func (s RepoState) Known() bool { return s >= RepoInit && s <= RepoProblem }

// ChecksumType is the kind of an archive's checksum (koji.CHECKSUM_TYPES).
type ChecksumType int

// The values of ChecksumType.
const (
	ChecksumMD5    ChecksumType = 0
	ChecksumSHA1   ChecksumType = 1
	ChecksumSHA256 ChecksumType = 2
)

// String returns Koji's name, such as sha256.
func (t ChecksumType) String() string { return enum(int(t), "md5", "sha1", "sha256") }

// Known reports whether this package has a constant for the value.
func (t ChecksumType) Known() bool { return t >= ChecksumMD5 && t <= ChecksumSHA256 }

// UserType tells people from build machines (koji.USERTYPES).
type UserType int

// The values of UserType.
const (
	UserNormal UserType = 0
	UserHost   UserType = 1
	UserGroup  UserType = 2
)

// String returns Koji's name, such as NORMAL.
func (t UserType) String() string { return enum(int(t), "NORMAL", "HOST", "GROUP") }

// Known reports whether this package has a constant for the value.
func (t UserType) Known() bool { return t >= UserNormal && t <= UserGroup }

// UserStatus tells whether an account may be used (koji.USER_STATUS).
type UserStatus int

// The values of UserStatus.
const (
	UserActive  UserStatus = 0 // Koji's NORMAL
	UserBlocked UserStatus = 1
)

// String returns Koji's name, such as BLOCKED.
func (s UserStatus) String() string { return enum(int(s), "NORMAL", "BLOCKED") }

// Known reports whether this package has a constant for the value.
func (s UserStatus) Known() bool { return s >= UserActive && s <= UserBlocked }

// AuthType is how a session was opened (koji.AUTHTYPES).
type AuthType int

// The values of AuthType.
const (
	AuthNormal   AuthType = 0 // by password
	AuthKerberos AuthType = 1
	AuthSSL      AuthType = 2
	AuthGSSAPI   AuthType = 3
)

// String returns Koji's name, such as GSSAPI.
func (t AuthType) String() string { return enum(int(t), "NORMAL", "KERBEROS", "SSL", "GSSAPI") }

// Known reports whether this package has a constant for the value.
func (t AuthType) Known() bool { return t >= AuthNormal && t <= AuthGSSAPI }

// BuildrootState is the state of a build root (koji.BR_STATES).
type BuildrootState int

// The values of BuildrootState.
const (
	BuildrootInit     BuildrootState = 0
	BuildrootWaiting  BuildrootState = 1
	BuildrootBuilding BuildrootState = 2
	BuildrootExpired  BuildrootState = 3
)

// String returns Koji's name, such as EXPIRED.
func (s BuildrootState) String() string {
	return enum(int(s), "INIT", "WAITING", "BUILDING", "EXPIRED")
}

// Known reports whether this package has a constant for the value.
func (s BuildrootState) Known() bool { return s >= BuildrootInit && s <= BuildrootExpired }

// BuildrootType tells build roots of the hub from those of content generators
// (koji.BR_TYPES).
type BuildrootType int

// The values of BuildrootType.
const (
	BuildrootStandard BuildrootType = 0
	BuildrootExternal BuildrootType = 1
)

// String returns Koji's name, such as STANDARD.
func (t BuildrootType) String() string { return enum(int(t), "STANDARD", "EXTERNAL") }

// Known reports whether this package has a constant for the value.
func (t BuildrootType) Known() bool { return t >= BuildrootStandard && t <= BuildrootExternal }

// TagUpdateType says why a tag counts as changed (koji.TAG_UPDATE_TYPES).
type TagUpdateType int

// The values of TagUpdateType.
const (
	TagVolumeChange   TagUpdateType = 0
	TagImport         TagUpdateType = 1
	TagManual         TagUpdateType = 2
	TagDraftPromotion TagUpdateType = 3
)

// String returns Koji's name, such as IMPORT.
func (t TagUpdateType) String() string {
	return enum(int(t), "VOLUME_CHANGE", "IMPORT", "MANUAL", "DRAFT_PROMOTION")
}

// Known reports whether this package has a constant for the value.
func (t TagUpdateType) Known() bool { return t >= TagVolumeChange && t <= TagDraftPromotion }

// DepType is the kind of an RPM's dependency (koji.DEP_*).
type DepType int

// The values of DepType.
const (
	DepRequire    DepType = 0
	DepProvide    DepType = 1
	DepObsolete   DepType = 2
	DepConflict   DepType = 3
	DepSuggest    DepType = 4
	DepEnhance    DepType = 5
	DepSupplement DepType = 6
	DepRecommend  DepType = 7
)

// String returns Koji's name, such as REQUIRE.
func (t DepType) String() string {
	return enum(int(t), "REQUIRE", "PROVIDE", "OBSOLETE", "CONFLICT", "SUGGEST", "ENHANCE", "SUPPLEMENT", "RECOMMEND")
}

// Known reports whether this package has a constant for the value.
func (t DepType) Known() bool { return t >= DepRequire && t <= DepRecommend }

// MergeMode is how an external repository is merged into a tag's
// (koji.REPO_MERGE_MODES).
type MergeMode string

// The values of MergeMode.
const (
	MergeKoji   MergeMode = "koji"
	MergeSimple MergeMode = "simple"
	MergeBare   MergeMode = "bare"
)

// Known reports whether this package has a constant for the value.
func (m MergeMode) Known() bool { return m == MergeKoji || m == MergeSimple || m == MergeBare }
