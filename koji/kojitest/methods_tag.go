package kojitest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// findTag finds by id or name; nil is none.
func (h *Hub) findTag(info any) *tag {
	switch v := info.(type) {
	case int64:
		if v >= 1 && v <= int64(len(h.tags)) {
			return h.tags[v-1]
		}
	case string:
		return h.tag(v)
	}
	return nil
}

// taggedQuery reads what listTagged and its kin have in common. A nil tag
// without an error is the empty answer of strict=False.
func (h *Hub) taggedQuery(a args) (*tag, query, error) {
	var q query
	t := h.findTag(a["tag"])
	if t == nil {
		if a.unless("strict") {
			return nil, q, generic("No such tagInfo: %s", python(a["tag"]))
		}
		return nil, q, nil
	}
	var err error
	if q.event, err = a.int("event"); err != nil {
		return nil, q, generic("Invalid event: %s", python(a["event"]))
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
		return (a["package"] == nil || a["package"] == b.name) && (a["owner"] == nil || a["owner"] == b.Owner) &&
			(a["draft"] == nil || a["draft"] == b.Draft) && strings.HasPrefix(b.name, a.text("prefix")) &&
			(a["type"] == nil || a["type"] == "rpm")
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

// signedRows is one row, or with signatures one for each.
func (r *rpmRow) signedRows(s rpmShape) []any {
	if !s.sigkey || len(r.sigs) == 0 {
		return []any{r.row(s)}
	}
	var rows []any
	for _, sig := range r.sigs {
		s.sig = sig.key
		rows = append(rows, r.row(s))
	}
	return rows
}

func (h *Hub) getTag(a args) (any, error) {
	t := h.findTag(a["tagInfo"])
	event, err := a.int("event")
	if err != nil {
		return nil, generic("Invalid event: %s", python(a["event"]))
	}
	if t == nil || event != 0 && t.event > event {
		if a.bool("strict") {
			return nil, generic("No such tagInfo: %s", python(a["tagInfo"]))
		}
		return nil, nil
	}
	row := t.row()
	if event != 0 {
		row = append(row, wire.Member{Name: "query_event", Value: event})
	}
	return append(row, wire.Member{Name: "extra", Value: extraOf(t.Extra)}), nil
}

func (h *Hub) listTags(a args) (any, error) {
	var b *build
	if a["build"] != nil {
		var err error
		if b, err = h.findBuild(a["build"]); err != nil {
			return nil, err
		}
		if b == nil {
			return nil, generic("No such build: %s", python(a["build"]))
		}
	}
	rows := []any{}
	for _, t := range h.tags {
		in := slices.ContainsFunc(h.listing, func(l *tagging) bool { return l.tag == t && l.build == b && l.revoked == 0 })
		if b == nil || in {
			rows = append(rows, t.row())
		}
	}
	return rows, nil
}

func (h *Hub) listSideTags(a args) (any, error) {
	rows := []any{}
	for _, t := range h.tags {
		user, _ := t.Extra["sidetag_user"].(string)
		on, _ := t.Extra["sidetag"].(bool)
		base := a["basetag"]
		if !on || a["user"] != nil && a["user"] != user ||
			base != nil && (len(t.parents) == 0 || h.findTag(base) != t.parents[0]) {
			continue
		}
		rows = append(rows, wire.Struct{
			{Name: "id", Value: t.id},
			{Name: "name", Value: t.Name},
			{Name: "user_id", Value: strconv.Itoa(slices.Index(h.users.list, user) + 1)}, // a string on the wire
			{Name: "user_name", Value: user},
		})
	}
	return rows, nil
}

func (h *Hub) getBuildTarget(a args) (any, error) {
	for _, t := range h.targets {
		id, ok := a["info"].(int64)
		if ok && int(id) == t.id || a["info"] == t.name {
			return t.row(), nil
		}
	}
	if a.bool("strict") {
		return nil, generic("No such build target: %s", python(a["info"]))
	}
	return nil, nil
}
