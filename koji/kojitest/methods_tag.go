package kojitest

import (
	"maps"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// tagMethods are those about tags, what is in them, and their repositories.
func tagMethods() map[string]method {
	return map[string]method{
		"listTagged":      signature("listTagged", "tag, event=None, inherit=False, prefix=None, latest=False, package=None, owner=None, type=None, strict=True, extra=False, draft=None", (*Hub).listTagged),
		"getLatestBuilds": signature("getLatestBuilds", "tag, event=None, package=None, type=None, draft=None", (*Hub).getLatestBuilds),
		"listTaggedRPMS": signature("listTaggedRPMS", "tag, event=None, inherit=False, latest=False, package=None, arch=None, rpmsigs=False, owner=None, type=None, strict=True, extra=True, draft=None",
			(*Hub).listTaggedRPMS),
		"getLatestRPMS": signature("getLatestRPMS", "tag, package=None, arch=None, event=None, rpmsigs=False, type=None, draft=None", (*Hub).getLatestRPMS),

		"getTag":              signature("get_tag", "tagInfo, strict=False, event=None, blocked=False", (*Hub).getTag),
		"getTagID":            signature("get_tag_id", "info, strict=False, create=False", (*Hub).getTagID),
		"listTags":            signature("list_tags", "build=None, package=None, perms=True, queryOpts=None, pattern=None", (*Hub).listTags),
		"getBuildConfig":      signature("getBuildConfig", "tag, event=None", (*Hub).getBuildConfig),
		"getInheritanceData":  signature("getInheritanceData", "tag, event=None", (*Hub).getInheritanceData),
		"getFullInheritance":  signature("getFullInheritance", "tag, event=None, reverse=False, **kwargs", (*Hub).getFullInheritance),
		"getExternalRepoList": signature("get_external_repo_list", "tag_info, event=None", (*Hub).getExternalRepoList),
		"getTagExternalRepos": signature("get_tag_external_repos", "tag_info=None, repo_info=None, event=None", (*Hub).getTagExternalRepos),
		"getTagGroups": signature("readTagGroups", "tag, event=None, inherit=True, incl_pkgs=True, incl_reqs=True, incl_blocked=False",
			func(h *Hub, a args) (any, error) { _, err := h.needTag(a["tag"]); return []any{}, err }),
		"getBuildTarget":  signature("get_build_target", "info, event=None, strict=False", (*Hub).getBuildTarget),
		"getBuildTargets": signature("get_build_targets", "info=None, event=None, buildTagID=None, destTagID=None, queryOpts=None", (*Hub).getBuildTargets),

		"getPackage":         signature("lookup_package", "info, strict=False, create=False", (*Hub).getPackage),
		"getPackageID":       signature("getPackageID", "name, strict=False", (*Hub).getPackageID),
		"listPackages":       signature("listPackages", "tagID=None, userID=None, pkgID=None, prefix=None, inherited=False, with_dups=False, event=None, queryOpts=None, with_owners=True, with_blocked=True", (*Hub).listPackages),
		"listPackagesSimple": signature("listPackagesSimple", "prefix=None, queryOpts=None", (*Hub).listPackagesSimple),

		"getRepo":    signature("old_get_repo", "tag, state=None, event=None, dist=False, min_event=None", (*Hub).getRepo),
		"repoInfo":   signature("repo_info", "repo_id, strict=False", (*Hub).repoInfo),
		"repo.get":   signature("get_repo", "tag, min_event=None, at_event=None, opts=None", (*Hub).repoGet),
		"repo.query": signature("query", "clauses, fields=None, opts=None", (*Hub).repoQuery),

		"listSideTags":  signature("listSideTags", "basetag=None, user=None, queryOpts=None", (*Hub).listSideTags),
		"createSideTag": signature("createSideTag", "basetag, debuginfo=False, suffix=None", (*Hub).createSideTag).writing(),
		"removeSideTag": signature("removeSideTag", "sidetag", (*Hub).removeSideTag).writing(),
		"createTag":     signature("create_tag", "name, parent=None, arches=None, perm=None, locked=False, maven_support=False, maven_include_all=False, extra=None", (*Hub).createTag).writing(),
		"tagBuild":      signature("tagBuild", "tag, build, force=False, fromtag=None", (*Hub).callTagBuild).writing(),
		"untagBuild":    signature("untagBuild", "tag, build, strict=True, force=False", (*Hub).callUntagBuild).writing(),
	}
}

// findTag finds by id or name; nil is none.
func (h *Hub) findTag(info any) *tag { return h.findTagAt(info, 0) }

func (h *Hub) findTagAt(info any, event int) *tag {
	i := slices.IndexFunc(h.tags, func(t *tag) bool {
		return t.active(event) && (info == t.Name || info == int64(t.id))
	})
	if i < 0 {
		return nil
	}
	return h.tags[i]
}

// needTag finds a tag as lookup_name does, needTagInfo as get_tag does: the
// faults differ.
func (h *Hub) needTag(info any) (*tag, error) {
	if t := h.findTag(info); t != nil {
		return t, nil
	}
	return nil, generic("No such entry in table tag: %s", plain(info))
}

func (h *Hub) needTagInfo(info any) (*tag, error) {
	if t := h.findTag(info); t != nil {
		return t, nil
	}
	return nil, generic("No such tagInfo: %s", python(info))
}

// taggedQuery reads what listTagged and its kin have in common. A nil tag
// without an error is the empty answer of strict=False.
func (h *Hub) taggedQuery(a args) (*tag, query, error) {
	var q query
	var err error
	if q.event, err = a.int("event"); err != nil {
		return nil, q, generic("Invalid event: %s", python(a["event"]))
	}
	t := h.findTagAt(a["tag"], q.event)
	if t == nil {
		if a.unless("strict") {
			return nil, q, generic("No such tagInfo: %s", python(a["tag"]))
		}
		return nil, q, nil
	}
	kind := a.text("type")
	if kind != "" && !slices.Contains(h.types.list, kind) {
		return nil, q, generic("unsupported build type: %s", kind)
	}
	q.inherit = a.bool("inherit")
	switch v := a["latest"].(type) {
	case bool:
		if v {
			q.latest = 1
		}
	case int64:
		q.latest = max(0, int(v))
	}
	q.match = func(b *build) bool {
		return (a["package"] == nil || a["package"] == b.name) && (a["owner"] == nil || a["owner"] == b.owner.Name) &&
			(a["draft"] == nil || a["draft"] == b.Draft) && strings.HasPrefix(b.name, a.text("prefix")) &&
			(kind == "" || slices.Contains(b.types(), kind))
	}
	return t, q, nil
}

func (h *Hub) listTagged(a args) (any, error) {
	t, q, err := h.taggedQuery(a)
	if err != nil {
		return nil, err
	}
	rows := []any{}
	if t == nil {
		return rows, nil
	}
	for _, l := range h.tagged(t, q) {
		rows = append(rows, l.row(a.bool("extra")))
	}
	return rows, nil
}

func (h *Hub) getLatestBuilds(a args) (any, error) {
	a["inherit"], a["latest"] = true, true
	return h.listTagged(a)
}

func (h *Hub) listTaggedRPMS(a args) (any, error) {
	t, q, err := h.taggedQuery(a)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return []any{}, nil
	}
	arches, builds, rpms := a.list("arch"), []any{}, []any{}
	for _, l := range h.tagged(t, q) {
		builds = append(builds, l.row(false))
		for _, r := range l.build.rpms {
			if a["arch"] != nil && !slices.Contains(arches, r.arch) {
				continue
			}
			rpms = append(rpms, r.signedRows(rpmShape{extra: a.unless("extra"), sigkey: a.bool("rpmsigs")})...)
		}
	}
	return []any{rpms, builds}, nil
}

func (h *Hub) getLatestRPMS(a args) (any, error) {
	a["inherit"], a["latest"] = true, true
	return h.listTaggedRPMS(a)
}

// signedRows is one row, or with signatures one for each.
func (r *rpmRow) signedRows(s rpmShape) []any {
	if !s.sigkey || len(r.sigs) == 0 {
		return []any{r.row(s)}
	}
	var rows []any
	for _, sig := range r.sigs {
		s.sig = sig.Key
		rows = append(rows, r.row(s))
	}
	return rows
}

func (h *Hub) getTag(a args) (any, error) {
	event, err := a.int("event")
	if err != nil {
		if a["event"] != "auto" {
			return nil, generic("Invalid event: %s", python(a["event"]))
		}
		event = 0
	}
	t := h.findTagAt(a["tagInfo"], event)
	if t == nil {
		if a.bool("strict") {
			return nil, generic("No such tagInfo: %s", python(a["tagInfo"]))
		}
		return nil, nil
	}
	row := h.tagRow(t)
	if event != 0 {
		row = append(row, wire.Member{Name: "query_event", Value: event})
	}
	return append(row, wire.Member{Name: "extra", Value: t.extra(a.bool("blocked"))}), nil
}

// extra is the tag's own extra; with blocked each value is a pair, and members
// that are blocked are there, too.
func (t *tag) extra(blocked bool) map[string]any {
	out := map[string]any{}
	for name, v := range t.Extra {
		if blocked {
			v = []any{false, v}
		}
		out[name] = v
	}
	for _, name := range t.BlockedExtra {
		if blocked {
			out[name] = []any{true, nil}
		}
	}
	return out
}

func (h *Hub) getTagID(a args) (any, error) {
	if t := h.findTag(a["info"]); t != nil {
		return t.id, nil
	}
	if a.bool("strict") {
		return nil, generic("No such entry in table tag: %s", plain(a["info"]))
	}
	return nil, nil
}

func (h *Hub) listTags(a args) (any, error) {
	if a["build"] != nil && a["package"] != nil {
		return nil, generic("only one of build and package may be specified")
	}
	var b *build
	pkg := 0
	if a["build"] != nil {
		var err error
		if b, err = h.findBuild(a["build"]); err != nil {
			return nil, err
		}
		if b == nil {
			return nil, generic("No such build: %s", plain(a["build"]))
		}
	}
	if a["package"] != nil {
		if pkg = h.findPackage(a["package"]); pkg == 0 {
			return nil, generic("No such package: %s", plain(a["package"]))
		}
	}
	rows := []any{}
	for _, t := range h.tags {
		in := slices.ContainsFunc(h.listing, func(l *tagging) bool { return l.tag == t && l.build == b && l.revoked == 0 })
		if t.deleted != 0 || b != nil && !in || a["pattern"] != nil && !matches(a.text("pattern"), t.Name) {
			continue
		}
		row := h.tagRow(t)
		if !a.unless("perms") {
			row = row[:len(row)-2]
		}
		if pkg == 0 {
			rows = append(rows, row)
			continue
		}
		for _, p := range h.tagPackages {
			if p.tag == t && p.pkg == pkg && p.revoked == 0 {
				rows = append(rows, sorted(append(slices.Clone(row), wire.Struct{
					{Name: "owner_id", Value: p.owner.id},
					{Name: "owner_name", Value: p.owner.Name},
					{Name: "blocked", Value: p.blocked},
					{Name: "extra_arches", Value: nil},
				}...)))
			}
		}
	}
	return page(rows, a["queryOpts"])
}

// tagRow is the tag as listTags answers.
func (h *Hub) tagRow(t *tag) wire.Struct {
	row := t.row()
	if t.Perm != "" {
		row[len(row)-1].Value = slices.Index(h.permissions(), t.Perm) + 1
	}
	return row
}

// row is the same without the number of the permission, which the hub knows.
func (t *tag) row() wire.Struct {
	return wire.Struct{
		{Name: "arches", Value: t.arches()},
		{Name: "id", Value: t.id},
		{Name: "locked", Value: t.Locked},
		{Name: "maven_include_all", Value: false},
		{Name: "maven_support", Value: false},
		{Name: "name", Value: t.Name},
		{Name: "perm", Value: nonempty(t.Perm)},
		{Name: "perm_id", Value: nil},
	}
}

// getBuildConfig adds the arches and the extra that are inherited.
func (h *Hub) getBuildConfig(a args) (any, error) {
	event, err := a.int("event")
	if err != nil {
		return nil, generic("Invalid event: %s", python(a["event"]))
	}
	t := h.findTagAt(a["tag"], event)
	if t == nil {
		return nil, generic("No such tagInfo: %s", python(a["tag"]))
	}
	var arches, from any = t.arches(), nil
	extra, inherited := maps.Clone(t.Extra), wire.Struct{}
	if extra == nil {
		extra = map[string]any{}
	}
	blocked := slices.Clone(t.BlockedExtra)
	for _, ancestor := range t.lineage(map[*tag]bool{})[1:] {
		if arches == nil && ancestor.arches() != nil {
			arches, from = ancestor.arches(), pair(ancestor.id, ancestor.Name)
		}
		for _, name := range slices.Sorted(maps.Keys(ancestor.Extra)) {
			if _, own := extra[name]; !own && !slices.Contains(blocked, name) {
				extra[name] = ancestor.Extra[name]
				inherited = append(inherited, wire.Member{Name: name, Value: pair(ancestor.id, ancestor.Name)})
			}
		}
		blocked = append(blocked, ancestor.BlockedExtra...)
	}
	row := h.tagRow(t)
	row[0].Value = arches
	if event != 0 {
		row = append(row, wire.Member{Name: "query_event", Value: event})
	}
	return append(row, wire.Struct{
		{Name: "extra", Value: extra},
		{Name: "config_inheritance", Value: wire.Struct{{Name: "extra", Value: inherited}, {Name: "arches", Value: from}}},
	}...), nil
}

// row is the link as getInheritanceData answers.
func (l link) row() wire.Struct {
	return wire.Struct{
		{Name: "intransitive", Value: false},
		{Name: "maxdepth", Value: nil},
		{Name: "name", Value: l.parent.Name},
		{Name: "noconfig", Value: false},
		{Name: "parent_id", Value: l.parent.id},
		{Name: "pkg_filter", Value: ""},
		{Name: "priority", Value: l.priority},
		{Name: "child_id", Value: l.child.id},
	}
}

func (h *Hub) getInheritanceData(a args) (any, error) {
	t, err := h.needTag(a["tag"])
	if err != nil {
		return nil, err
	}
	rows := []any{}
	for _, l := range h.directLinks(t, false) {
		rows = append(rows, l.row())
	}
	return rows, nil
}

func (h *Hub) getFullInheritance(a args) (any, error) {
	t, err := h.needTag(a["tag"])
	if err != nil {
		return nil, err
	}
	rows := []any{}
	reverse := a.bool("reverse")
	for _, l := range h.links(t, reverse, 1, map[*tag]bool{}) {
		row := l.row()
		if reverse { // these rows come from the other side of the table
			row[2].Value = l.child.Name
			row = sorted(append(row[:7], wire.Member{Name: "tag_id", Value: l.child.id}))
		}
		rows = append(rows, append(row, wire.Struct{
			{Name: "nextdepth", Value: nil}, {Name: "currdepth", Value: l.depth}, {Name: "filter", Value: []any{}},
		}...))
	}
	return rows, nil
}

func (h *Hub) getExternalRepoList(a args) (any, error) {
	t, err := h.needTagInfo(a["tag_info"])
	if err != nil {
		return nil, err
	}
	rows := []any{}
	for _, t := range t.lineage(map[*tag]bool{}) {
		var own []any
		for _, e := range h.externals {
			if e.tag == t {
				own = append(own, e.row())
			}
		}
		if err := order(own, "priority"); err != nil {
			return nil, err
		}
		rows = append(rows, own...)
	}
	return rows, nil
}

func (h *Hub) getTagExternalRepos(a args) (any, error) {
	rows := []any{}
	for _, e := range h.externals {
		if (a["tag_info"] == nil || h.findTag(a["tag_info"]) == e.tag) && (a["repo_info"] == nil || a["repo_info"] == e.Name || a["repo_info"] == int64(e.id)) {
			rows = append(rows, e.row())
		}
	}
	return rows, order(rows, "priority")
}

func (e *externalRow) row() wire.Struct {
	return wire.Struct{
		{Name: "arches", Value: nonempty(strings.Join(e.Arches, " "))},
		{Name: "external_repo_id", Value: e.id},
		{Name: "external_repo_name", Value: e.Name},
		{Name: "merge_mode", Value: string(e.MergeMode)},
		{Name: "priority", Value: e.Priority},
		{Name: "tag_id", Value: e.tag.id},
		{Name: "tag_name", Value: e.tag.Name},
		{Name: "url", Value: e.URL},
	}
}

func (t target) row() wire.Struct {
	return wire.Struct{
		{Name: "build_tag", Value: t.build.id},
		{Name: "build_tag_name", Value: t.build.Name},
		{Name: "dest_tag", Value: t.dest.id},
		{Name: "dest_tag_name", Value: t.dest.Name},
		{Name: "id", Value: t.id},
		{Name: "name", Value: t.name},
	}
}

func (h *Hub) getBuildTargets(a args) (any, error) {
	event, err := a.int("event")
	if err != nil {
		return nil, generic("Invalid event: %s", python(a["event"]))
	}
	is := func(arg any, t *tag) bool { return arg == nil || arg == t.Name || arg == int64(t.id) }
	rows := []any{}
	for _, t := range h.targets {
		if lives(t.event, t.revoked, event) && (a["info"] == nil || a["info"] == t.name || a["info"] == int64(t.id)) &&
			is(a["buildTagID"], t.build) && is(a["destTagID"], t.dest) {
			rows = append(rows, t.row())
		}
	}
	return page(rows, a["queryOpts"])
}

func (h *Hub) getBuildTarget(a args) (any, error) {
	rows, err := h.getBuildTargets(args{"info": a["info"], "event": a["event"]})
	if err != nil {
		return nil, err
	}
	if list, ok := rows.([]any); ok && len(list) == 1 {
		return list[0], nil
	}
	if a.bool("strict") {
		return nil, generic("No such build target: %s", plain(a["info"]))
	}
	return nil, nil
}
