package kojitest

import (
	"slices"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// changes returns the events that changed a tag: builds, packages, its own
// making, external repositories.
func (h *Hub) changes(t *tag) []int {
	out := []int{t.event, t.deleted}
	for _, l := range h.listing {
		if l.tag == t {
			out = append(out, l.event, l.revoked)
		}
	}
	for _, p := range h.tagPackages {
		if p.tag == t {
			out = append(out, p.event, p.revoked)
		}
	}
	for _, e := range h.externals {
		if e.tag == t {
			out = append(out, e.event)
		}
	}
	return out
}

func (h *Hub) tagLastChangeEvent(a args) (any, error) {
	t, err := h.needTagInfo(a["tag"])
	if err != nil {
		return nil, err
	}
	before, err := a.int("before")
	if err != nil {
		return nil, err
	}
	tags := []*tag{t}
	if a.unless("inherit") {
		tags = t.lineage(map[*tag]bool{})
	}
	last := 0
	for _, t := range tags {
		for _, event := range h.changes(t) {
			if before == 0 || event < before {
				last = max(last, event)
			}
		}
	}
	return nonzero(last), nil
}

func (h *Hub) tagChangedSinceEvent(a args) (any, error) {
	event, err := a.int("event")
	if err != nil {
		return nil, err
	}
	ids, _ := a.ids("taglist")
	for _, t := range h.tags {
		if slices.Contains(ids, t.id) && slices.Max(h.changes(t)) > event {
			return true, nil
		}
	}
	return false, nil
}

// historyTables are the tables of queryHistory. Only those of builds and
// packages in tags have rows here; the hub keeps no history of the others.
func historyTables() []string {
	return []string{
		"build_target_config", "cg_users", "external_repo_config", "external_repo_data", "group_config", "group_package_listing", "group_req_listing",
		"host_channels", "host_config", "tag_config", "tag_external_repos", "tag_extra", "tag_inheritance", "tag_listing", "tag_package_owners",
		"tag_packages", "user_groups", "user_perms",
	}
}

// queryHistory answers for each table that knows what is asked for.
func (h *Hub) queryHistory(a args) (any, error) {
	tables := a.list("tables")
	if a["tables"] == nil {
		tables = historyTables()
	}
	out := wire.Struct{}
	for _, table := range tables {
		if !slices.Contains(historyTables(), table) {
			return nil, generic("No such history table: %s", table)
		}
		rows, applies, err := h.historyOf(table, a)
		if err != nil {
			return nil, err
		}
		if !applies {
			continue
		}
		result, err := page(rows, a["queryOpts"])
		if err != nil {
			return nil, err
		}
		out = append(out, wire.Member{Name: table, Value: result})
	}
	return out, nil
}

// historyOf returns the rows of a table, and whether it knows what is asked for.
func (h *Hub) historyOf(table string, a args) ([]any, bool, error) {
	known := map[string][]string{
		"tag_listing": {"tag", "build", "package"}, "tag_packages": {"tag", "package"}, "tag_package_owners": {"tag", "package", "user"},
		"tag_config": {"tag"}, "tag_extra": {"tag", "xkey"}, "tag_inheritance": {"tag"}, "tag_external_repos": {"tag", "external_repo"},
		"build_target_config": {"build_target", "tag"}, "group_config": {"tag", "group"}, "group_req_listing": {"tag", "group"},
		"group_package_listing": {"tag", "group", "package"}, "user_perms": {"user", "permission"}, "user_groups": {"user", "group"}, "cg_users": {"user", "cg"},
		"host_config": {"host"}, "host_channels": {"host", "channel"}, "external_repo_config": {"external_repo"}, "external_repo_data": {"external_repo"},
	}[table]
	for _, arg := range []string{"tag", "build", "package", "user", "permission", "external_repo", "build_target", "group", "cg", "host", "channel", "xkey"} {
		if _, asked := a[arg]; asked && !slices.Contains(known, arg) {
			return nil, false, nil
		}
	}
	keep, err := h.historyFilter(a)
	if err != nil {
		return nil, false, err
	}
	rows := []any{}
	switch table {
	case "tag_listing":
		for _, l := range h.listing {
			if keep(l.tag, l.build.pkg, l.build, l.event, l.revoked) {
				rows = append(rows, h.listingHistory(l))
			}
		}
	case "tag_packages":
		for _, p := range h.tagPackages {
			if keep(p.tag, p.pkg, nil, p.event, p.revoked) {
				rows = append(rows, h.packageHistory(p))
			}
		}
	}
	return rows, true, nil
}

// historyFilter reads the conditions that are about tags, packages and times.
func (h *Hub) historyFilter(a args) (func(*tag, int, *build, int, int) bool, error) {
	var tagged *tag
	var wanted *build
	var err error
	if v, ok := a["tag"]; ok {
		if tagged, err = h.needTag(v); err != nil {
			return nil, err
		}
	}
	if v, ok := a["build"]; ok {
		if wanted, err = h.findBuild(v); err == nil && wanted == nil {
			err = generic("No such build: %s", python(v))
		}
		if err != nil {
			return nil, err
		}
	}
	pkg := 0
	if v, ok := a["package"]; ok {
		if pkg = h.findPackage(v); pkg == 0 {
			return nil, generic("No such entry in table package: %s", plain(v))
		}
	}
	after, err := a.int("afterEvent")
	if err != nil {
		return nil, err
	}
	before, err := a.int("beforeEvent")
	if err != nil {
		return nil, err
	}
	active := a.flag("active")
	return func(t *tag, p int, b *build, event, revoked int) bool {
		either := func(test func(int) bool) bool { return test(event) || revoked != 0 && test(revoked) }
		return (tagged == nil || t == tagged) && (wanted == nil || b == wanted) && (pkg == 0 || p == pkg) &&
			(active == nil || *active == (revoked == 0)) &&
			(after == 0 || either(func(e int) bool { return e > after })) && (before == 0 || either(func(e int) bool { return e < before })) &&
			either(func(e int) bool { return a.between("after", "", h.timeOf(e), true) }) &&
			either(func(e int) bool { return a.between("", "before", h.timeOf(e), true) })
	}, nil
}

// span is what all tables of history have in common. Everything was done by
// the first user.
func (h *Hub) span(event, revoked int) wire.Struct {
	creator := h.releng()
	var active, revokeEvent, revokeTS, revoker, revokerName any
	if revoked == 0 {
		active = true
	} else {
		revokeEvent, revokeTS, revoker, revokerName = revoked, stamp(h.timeOf(revoked)), creator.id, creator.Name
	}
	return wire.Struct{
		{Name: "active", Value: active},
		{Name: "create_event", Value: event},
		{Name: "create_ts", Value: stamp(h.timeOf(event))},
		{Name: "creator_id", Value: creator.id},
		{Name: "creator_name", Value: creator.Name},
		{Name: "revoke_event", Value: revokeEvent},
		{Name: "revoke_ts", Value: revokeTS},
		{Name: "revoker_id", Value: revoker},
		{Name: "revoker_name", Value: revokerName},
	}
}

// releng is who is said to have done what Go code did.
func (h *Hub) releng() *account {
	if len(h.users) == 0 {
		return &account{User: User{Name: DefaultOwner}, id: 1}
	}
	return h.users[0]
}

func (h *Hub) listingHistory(l *tagging) wire.Struct {
	return sorted(append(h.span(l.event, l.revoked), wire.Struct{
		{Name: "build.state", Value: int(l.build.State)},
		{Name: "build_id", Value: l.build.id},
		{Name: "epoch", Value: optional(l.build.Epoch)},
		{Name: "name", Value: l.build.name},
		{Name: "release", Value: l.build.release},
		{Name: "tag.name", Value: l.tag.Name},
		{Name: "tag_id", Value: l.tag.id},
		{Name: "version", Value: l.build.version},
	}...))
}

func (h *Hub) packageHistory(p *tagPackage) wire.Struct {
	return sorted(append(h.span(p.event, p.revoked), wire.Struct{
		{Name: "blocked", Value: p.blocked},
		{Name: "extra_arches", Value: nil},
		{Name: "package.name", Value: h.packages.list[p.pkg-1]},
		{Name: "package_id", Value: p.pkg},
		{Name: "tag.name", Value: p.tag.Name},
		{Name: "tag_id", Value: p.tag.id},
	}...))
}

// sorted puts members in the order in which queries answer.
func sorted(s wire.Struct) wire.Struct {
	slices.SortStableFunc(s, func(a, b wire.Member) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		default:
			return 0
		}
	})
	return s
}
