package koji

import (
	"context"
	"time"
)

// HistoryTable names a table of the hub whose rows are kept when they change.
type HistoryTable string

// The values of HistoryTable.
const (
	HistoryTagListing       HistoryTable = "tag_listing" // builds in tags
	HistoryTagPackages      HistoryTable = "tag_packages"
	HistoryTagPackageOwners HistoryTable = "tag_package_owners"
	HistoryTagInheritance   HistoryTable = "tag_inheritance"
	HistoryTagConfig        HistoryTable = "tag_config"
	HistoryTagExtra         HistoryTable = "tag_extra"
	HistoryTagExternalRepos HistoryTable = "tag_external_repos"
	HistoryBuildTarget      HistoryTable = "build_target_config"
	HistoryExternalRepo     HistoryTable = "external_repo_config"
	HistoryUserPerms        HistoryTable = "user_perms"
	HistoryUserGroups       HistoryTable = "user_groups"
	HistoryHostConfig       HistoryTable = "host_config"
	HistoryHostChannels     HistoryTable = "host_channels"
	HistoryGroupConfig      HistoryTable = "group_config"
	HistoryGroupReqListing  HistoryTable = "group_req_listing"
	HistoryGroupPackages    HistoryTable = "group_package_listing"
)

// HistoryRow is one state of one thing: from its creation until its
// revocation.
type HistoryRow struct {
	Active      bool       `koji:"active"` // still so
	CreateEvent int        `koji:"create_event"`
	CreateTime  time.Time  `koji:"create_ts"`
	CreatorID   int        `koji:"creator_id"`
	CreatorName string     `koji:"creator_name"`
	RevokeEvent *int       `koji:"revoke_event"`
	RevokeTime  *time.Time `koji:"revoke_ts"`
	RevokerID   *int       `koji:"revoker_id"`
	RevokerName *string    `koji:"revoker_name"`
	// Fields holds the members that each table has for itself, as they came:
	// "tag.name", "name", "version", "build.state", ...
	Fields map[string]any `koji:",rest"`
}

// Text returns a field that is a string, or "".
func (r *HistoryRow) Text(field string) string {
	s, _ := r.Fields[field].(string)
	return s
}

// Number returns a field that is a number, and whether it is there.
func (r *HistoryRow) Number(field string) (int64, bool) {
	n, ok := r.Fields[field].(int64)
	return n, ok
}

// HistoryOptions selects rows; conditions add up, and those about something
// also choose the tables that know it.
type HistoryOptions struct {
	Tables       []HistoryTable // none is all, which is slow
	Build        BuildRef
	Tag          string
	Package      string
	User         string // that is affected
	Editor       string // that made the change
	Permission   string
	ExternalRepo string
	BuildTarget  string
	Group        string // of comps
	CG           string // content generator
	Active       *bool  // still so; nil is both

	// Before and After are about creation or revocation, by time or by event.
	Before, After           time.Time
	BeforeEvent, AfterEvent int
	Page                    Page
}

func queryHistory(o HistoryOptions) spec[map[HistoryTable][]HistoryRow] {
	k := keywords{}.text("tag", o.Tag).text("package", o.Package).text("user", o.User).text("editor", o.Editor).
		text("permission", o.Permission).text("external_repo", o.ExternalRepo).text("build_target", o.BuildTarget).
		text("group", o.Group).text("cg", o.CG).flag("active", o.Active).moment("before", o.Before).moment("after", o.After).
		number("beforeEvent", o.BeforeEvent).number("afterEvent", o.AfterEvent).page(o.Page)
	if !o.Build.isZero() {
		k["build"] = o.Build.arg()
	}
	if len(o.Tables) > 0 {
		k["tables"] = o.Tables
	}
	return value[map[HistoryTable][]HistoryRow]("queryHistory").with(k).
		of("tag, build, package or user", or(or(o.Tag, o.Package), or(o.User, o.Build.NVR)))
}

// QueryHistory returns what was and is, by table. A tag, build, package or user
// that does not exist is a *NotFoundError.
func (c *Client) QueryHistory(ctx context.Context, o HistoryOptions) (map[HistoryTable][]HistoryRow, error) {
	return call(ctx, c, queryHistory(o))
}

// QueryHistory adds Client.QueryHistory.
func (b *Batch) QueryHistory(o HistoryOptions) *Pending[map[HistoryTable][]HistoryRow] {
	return add(b, queryHistory(o))
}
