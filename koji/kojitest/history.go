package kojitest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

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

// record is a row of a versioned table with what it may be asked by.
type record struct {
	event, revoked int
	fields         wire.Struct
	tags           []*tag
	build          *build
	pkg            int
	user           *account
	// names are those of the permission, external repository or target.
	permission, repo, target string
}

// historyTables are the tables of queryHistory, and the arguments that choose
// among them. The hub keeps no groups, hosts and content generators.
func historyTables() map[string][]string {
	return map[string][]string{
		"build_target_config": {"tag", "build_target"}, "cg_users": {"user", "cg"}, "external_repo_config": {"external_repo"}, "external_repo_data": {"external_repo"},
		"group_config": {"tag", "group"}, "group_package_listing": {"tag", "group", "package"}, "group_req_listing": {"tag", "group"}, "host_channels": {"host", "channel"},
		"host_config": {"host"}, "tag_config": {"tag", "permission"}, "tag_external_repos": {"tag", "external_repo"}, "tag_extra": {"tag", "xkey"}, "tag_inheritance": {"tag"},
		"tag_listing": {"tag", "build", "package"}, "tag_package_owners": {"tag", "package", "user"}, "tag_packages": {"tag", "package"},
		"user_groups": {"user", "group"}, "user_perms": {"user", "permission"},
	}
}

// queryHistory answers for each table that knows what is asked for.
func (h *Hub) queryHistory(a args) (any, error) {
	known := historyTables()
	tables := a.list("tables")
	if a["tables"] == nil {
		tables = slices.Sorted(maps.Keys(known))
	}
	keep, err := h.historyFilter(a)
	if err != nil {
		return nil, err
	}
	out := wire.Struct{}
	for _, table := range tables {
		args, ok := known[table]
		if !ok {
			return nil, generic("No such history table: %s", table)
		}
		if slices.ContainsFunc(historyArguments(), func(arg string) bool { return a[arg] != nil && !slices.Contains(args, arg) }) {
			continue
		}
		rows := []any{}
		for _, r := range h.records(table) {
			if keep(r) {
				rows = append(rows, h.historyRow(r, a))
			}
		}
		result, err := page(rows, a["queryOpts"])
		if err != nil {
			return nil, err
		}
		out = append(out, wire.Member{Name: table, Value: result})
	}
	return out, nil
}

func historyArguments() []string {
	return []string{"tag", "build", "package", "user", "permission", "external_repo", "build_target", "group", "cg", "host", "channel", "xkey"}
}

// records are the rows of a table.
func (h *Hub) records(table string) []record {
	switch table {
	case "tag_listing":
		return collect(h.listing, func(l *tagging) record {
			return record{event: l.event, revoked: l.revoked, tags: []*tag{l.tag}, build: l.build, pkg: l.build.pkg, fields: wire.Struct{
				{Name: "build.state", Value: int(l.build.State)},
				{Name: "build_id", Value: l.build.id},
				{Name: "epoch", Value: optional(l.build.Epoch)},
				{Name: "name", Value: l.build.name},
				{Name: "release", Value: l.build.release},
				{Name: "version", Value: l.build.version},
			}}
		})
	case "tag_packages":
		return collect(h.tagPackages, func(p *tagPackage) record {
			return record{event: p.event, revoked: p.revoked, tags: []*tag{p.tag}, pkg: p.pkg, fields: append(h.pkgFields(p.pkg), wire.Struct{
				{Name: "blocked", Value: p.blocked}, {Name: "extra_arches", Value: nil},
			}...)}
		})
	case "tag_package_owners":
		return collect(h.tagPackages, func(p *tagPackage) record {
			return record{event: p.event, revoked: p.revoked, tags: []*tag{p.tag}, pkg: p.pkg, user: p.owner, fields: append(h.pkgFields(p.pkg), wire.Struct{
				{Name: "owner", Value: p.owner.id}, {Name: "owner.name", Value: p.owner.Name},
			}...)}
		})
	case "build_target_config":
		return collect(h.targets, func(t target) record {
			return record{event: t.event, revoked: t.revoked, tags: []*tag{t.build, t.dest}, target: t.name, fields: wire.Struct{
				{Name: "build_tag", Value: t.build.id},
				{Name: "build_tag.name", Value: t.build.Name},
				{Name: "build_target.name", Value: t.name},
				{Name: "build_target_id", Value: t.id},
				{Name: "dest_tag", Value: t.dest.id},
				{Name: "dest_tag.name", Value: t.dest.Name},
			}}
		})
	case "external_repo_config":
		return collect(h.externals, func(e *externalRow) record {
			return record{event: e.event, repo: e.Name, fields: append(e.repoFields(), wire.Member{Name: "url", Value: e.URL})}
		})
	case "tag_external_repos":
		return collect(h.externals, func(e *externalRow) record {
			return record{event: e.event, repo: e.Name, tags: []*tag{e.tag}, fields: append(e.repoFields(), wire.Struct{
				{Name: "arches", Value: nonempty(strings.Join(e.Arches, " "))}, {Name: "merge_mode", Value: string(e.MergeMode)}, {Name: "priority", Value: e.Priority},
			}...)}
		})
	case "tag_config", "tag_extra", "tag_inheritance":
		var out []record
		for _, t := range h.tags {
			for _, fields := range t.historyFields(table) {
				out = append(out, record{event: t.event, revoked: t.deleted, tags: append([]*tag{t}, t.parents...), permission: t.Perm, fields: fields})
			}
		}
		return out
	}
	return nil
}

// collect makes records of rows. What they are about as a tag comes with them.
func collect[T any](rows []T, make func(T) record) []record {
	out := []record{}
	for _, row := range rows {
		r := make(row)
		if _, target := r.fields.Get("build_target_id"); len(r.tags) == 1 && !target {
			r.fields = append(r.fields, tagFields(r.tags[0])...)
		}
		out = append(out, r)
	}
	return out
}

func tagFields(t *tag) wire.Struct {
	return wire.Struct{{Name: "tag.name", Value: t.Name}, {Name: "tag_id", Value: t.id}}
}

func (h *Hub) pkgFields(pkg int) wire.Struct {
	return wire.Struct{{Name: "package.name", Value: h.packages.list[pkg-1]}, {Name: "package_id", Value: pkg}}
}

func (e *externalRow) repoFields() wire.Struct {
	return wire.Struct{{Name: "external_repo.name", Value: e.Name}, {Name: "external_repo_id", Value: e.id}}
}

// historyFields are what the tables of tags have about one.
func (t *tag) historyFields(table string) []wire.Struct {
	var out []wire.Struct
	switch table {
	case "tag_config":
		row := t.row()
		return []wire.Struct{append(tagFields(t), wire.Struct{
			row[0], row[2], row[3], row[4], row[7], {Name: "permission.name", Value: row[6].Value},
		}...)}
	case "tag_extra":
		for _, key := range slices.Sorted(maps.Keys(t.Extra)) {
			value, err := json.Marshal(t.Extra[key])
			if err != nil {
				continue
			}
			out = append(out, append(tagFields(t), wire.Struct{{Name: "key", Value: key}, {Name: "value", Value: string(value)}}...))
		}
	default:
		for i, p := range t.parents {
			l := link{child: t, parent: p, priority: i}.row()
			out = append(out, append(tagFields(t), wire.Struct{l[0], l[1], l[3], l[4], l[5], l[6], {Name: "parent.name", Value: p.Name}}...))
		}
	}
	return out
}

// historyFilter reads the conditions.
func (h *Hub) historyFilter(a args) (func(record) bool, error) {
	var want record
	var err error
	if v, ok := a["tag"]; ok {
		t, err := h.needTag(v)
		if err != nil {
			return nil, err
		}
		want.tags = []*tag{t}
	}
	if v, ok := a["build"]; ok {
		if want.build, err = h.needBuild(v); err != nil {
			return nil, err
		}
	}
	if v, ok := a["package"]; ok {
		if want.pkg = h.findPackage(v); want.pkg == 0 {
			return nil, generic("No such entry in table package: %s", plain(v))
		}
	}
	for _, name := range []string{"user", "editor"} {
		if v, ok := a[name]; ok {
			if want.user = h.findUser(v); want.user == nil {
				return nil, generic("No such user: %s", python(v))
			}
		}
	}
	want.permission, want.repo, want.target = a.text("permission"), a.text("external_repo"), a.text("build_target")
	if want.event, err = a.int("afterEvent"); err != nil {
		return nil, err
	}
	if want.revoked, err = a.int("beforeEvent"); err != nil {
		return nil, err
	}
	active := a.flag("active")
	_, byUser := a["user"]
	return func(r record) bool {
		return (want.tags == nil || slices.Contains(r.tags, want.tags[0])) && (want.build == nil || r.build == want.build) &&
			(want.pkg == 0 || r.pkg == want.pkg) && (!byUser || r.user == want.user) && (want.permission == "" || r.permission == want.permission) &&
			(want.repo == "" || r.repo == want.repo) && (want.target == "" || r.target == want.target) &&
			(active == nil || *active == (r.revoked == 0)) && h.within(r, a, want.event, want.revoked)
	}, nil
}

// within applies the conditions about time, each to creation or revocation.
func (h *Hub) within(r record, a args, afterEvent, beforeEvent int) bool {
	either := func(test func(int) bool) bool { return test(r.event) || r.revoked != 0 && test(r.revoked) }
	return (afterEvent == 0 || either(func(e int) bool { return e > afterEvent })) && (beforeEvent == 0 || either(func(e int) bool { return e < beforeEvent })) &&
		either(func(e int) bool { return a.between("after", "", h.timeOf(e), true) }) &&
		either(func(e int) bool { return a.between("", "before", h.timeOf(e), true) })
}

// historyRow is a row as it is answered. Everything was done by the first user.
// Each condition about time or editor adds how it was met.
func (h *Hub) historyRow(r record, a args) wire.Struct {
	creator := h.releng()
	var active, revokeEvent, revokeTS, revoker, revokerName any
	if r.revoked == 0 {
		active = true
	} else {
		revokeEvent, revokeTS, revoker, revokerName = r.revoked, stamp(h.timeOf(r.revoked)), creator.id, creator.Name
	}
	out := append(wire.Struct{
		{Name: "active", Value: active},
		{Name: "create_event", Value: r.event},
		{Name: "create_ts", Value: stamp(h.timeOf(r.event))},
		{Name: "creator_id", Value: creator.id},
		{Name: "creator_name", Value: creator.Name},
		{Name: "revoke_event", Value: revokeEvent},
		{Name: "revoke_ts", Value: revokeTS},
		{Name: "revoker_id", Value: revoker},
		{Name: "revoker_name", Value: revokerName},
	}, r.fields...)
	mark := func(arg, suffix string, test func(int) bool) {
		if a[arg] == nil {
			return
		}
		var revoked any
		if r.revoked != 0 {
			revoked = test(r.revoked)
		}
		out = append(out, wire.Struct{{Name: "_created_" + suffix, Value: test(r.event)}, {Name: "_revoked_" + suffix, Value: revoked}}...)
	}
	number := func(arg string) int { n, _ := a[arg].(int64); return int(n) }
	mark("after", "after", func(e int) bool { return a.between("after", "", h.timeOf(e), true) })
	mark("before", "before", func(e int) bool { return a.between("", "before", h.timeOf(e), true) })
	mark("afterEvent", "after_event", func(e int) bool { return e > number("afterEvent") })
	mark("beforeEvent", "before_event", func(e int) bool { return e < number("beforeEvent") })
	mark("editor", "by", func(int) bool { return h.findUser(a["editor"]) == creator })
	return sorted(out)
}

// releng is who is said to have done what Go code did.
func (h *Hub) releng() *account {
	if len(h.users) == 0 {
		return &account{User: User{Name: DefaultOwner}, id: 1}
	}
	return h.users[0]
}

// sorted puts members in the order in which queries answer.
func sorted(s wire.Struct) wire.Struct {
	slices.SortStableFunc(s, func(a, b wire.Member) int { return strings.Compare(a.Name, b.Name) })
	return s
}
