package kojitest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// findPackage finds the id of a package by name or id; 0 is none.
func (h *Hub) findPackage(info any) int {
	for i, name := range h.packages.list {
		if info == name || info == int64(i+1) {
			return i + 1
		}
	}
	return 0
}

func (h *Hub) getPackage(a args) (any, error) {
	id := h.findPackage(a["info"])
	switch {
	case id != 0:
		return pair(id, h.packages.list[id-1]), nil
	case a.bool("strict"):
		return nil, generic("No such entry in table package: %s", plain(a["info"]))
	}
	return nil, nil
}

func (h *Hub) getPackageID(a args) (any, error) {
	name := a.text("name")
	if i := slices.Index(h.packages.list, name); i >= 0 {
		return i + 1, nil
	}
	if a.bool("strict") {
		return nil, generic("No such package name: %s", name)
	}
	return nil, nil
}

func (h *Hub) listPackages(a args) (any, error) {
	if a["tagID"] == nil && a["userID"] == nil && a["pkgID"] == nil {
		return h.listPackagesSimple(a)
	}
	var list []*tagPackage
	event, err := a.int("event")
	if err != nil {
		return nil, generic("Invalid event: %s", python(a["event"]))
	}
	if a["tagID"] != nil {
		t, err := h.needTag(a["tagID"])
		if err != nil {
			return nil, err
		}
		list = h.packagesOf(t, event, a.bool("inherited"), a.bool("with_dups"))
	} else {
		for _, p := range h.tagPackages {
			if lives(p.event, p.revoked, event) {
				list = append(list, p)
			}
		}
	}
	user, pkg := (*account)(nil), 0
	if a["userID"] != nil {
		if user = h.findUser(a["userID"]); user == nil {
			return nil, generic("No such user: %s", python(a["userID"]))
		}
	}
	if a["pkgID"] != nil {
		if pkg = h.findPackage(a["pkgID"]); pkg == 0 {
			return nil, generic("No such entry in table package: %s", plain(a["pkgID"]))
		}
	}
	rows := []any{}
	for _, p := range list {
		name := h.packages.list[p.pkg-1]
		if user != nil && p.owner != user || pkg != 0 && p.pkg != pkg || p.blocked && !a.unless("with_blocked") ||
			!strings.HasPrefix(strings.ToLower(name), strings.ToLower(a.text("prefix"))) {
			continue
		}
		rows = append(rows, h.packageRow(p, a.unless("with_owners")))
	}
	return page(rows, a["queryOpts"])
}

func (h *Hub) packageRow(p *tagPackage, owner bool) wire.Struct {
	row := wire.Struct{{Name: "blocked", Value: p.blocked}, {Name: "extra_arches", Value: nil}}
	if owner {
		row = append(row, wire.Struct{{Name: "owner_id", Value: p.owner.id}, {Name: "owner_name", Value: p.owner.Name}}...)
	}
	return append(row, wire.Struct{
		{Name: "package_id", Value: p.pkg},
		{Name: "package_name", Value: h.packages.list[p.pkg-1]},
		{Name: "tag_id", Value: p.tag.id},
		{Name: "tag_name", Value: p.tag.Name},
	}...)
}

func (h *Hub) listPackagesSimple(a args) (any, error) {
	rows := []any{}
	for i, name := range h.packages.list {
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(a.text("prefix"))) {
			rows = append(rows, wire.Struct{{Name: "package_id", Value: i + 1}, {Name: "package_name", Value: name}})
		}
	}
	return page(rows, a["queryOpts"])
}

func (h *Hub) listSideTags(a args) (any, error) {
	user, base := (*account)(nil), (*tag)(nil)
	if a["user"] != nil {
		if user = h.findUser(a["user"]); user == nil {
			return nil, generic("No such user: %s", python(a["user"]))
		}
	}
	if a["basetag"] != nil {
		var err error
		if base, err = h.needTagInfo(a["basetag"]); err != nil {
			return nil, err
		}
	}
	rows := []any{}
	for _, t := range h.tags {
		owner, _ := t.Extra["sidetag_user"].(string)
		if on, _ := t.Extra["sidetag"].(bool); !on || t.deleted != 0 || user != nil && owner != user.Name || base != nil && !slices.Contains(t.parents, base) {
			continue
		}
		id := 0
		if u := h.findUser(owner); u != nil {
			id = u.id
		}
		rows = append(rows, wire.Struct{
			{Name: "id", Value: t.id},
			{Name: "name", Value: t.Name},
			{Name: "user_id", Value: strconv.Itoa(id)}, // a string on the wire
			{Name: "user_name", Value: owner},
		})
	}
	return page(rows, a["queryOpts"])
}

func (h *Hub) createSideTag(a args) (any, error) {
	if a["suffix"] != nil && a.text("suffix") != "" {
		return nil, generic("%s suffix is not allowed for sidetag", a.text("suffix"))
	}
	if err := a.loggedIn(); err != nil {
		return nil, err
	}
	base, err := h.needTagInfo(a["basetag"])
	if err != nil {
		return nil, err
	}
	extra := map[string]any{}
	if a.bool("debuginfo") {
		extra["with_debuginfo"] = true
	}
	h.lastTag++ // the plugin takes a number for the name, and the tag the next
	t, err := h.addSideTag(base, a.user(), extra, "")
	if err != nil {
		return nil, generic("%s", err)
	}
	return wire.Struct{{Name: "name", Value: t.Name}, {Name: "id", Value: t.id}, {Name: "task_id", Value: nil}, {Name: "request", Value: nil}}, nil
}

func (h *Hub) removeSideTag(a args) (any, error) {
	if err := a.loggedIn(); err != nil {
		return nil, err
	}
	t, err := h.needTagInfo(a["sidetag"])
	if err != nil {
		return nil, err
	}
	if on, _ := t.Extra["sidetag"].(bool); !on {
		return nil, generic("Not a sidetag: %s", t.Name)
	}
	if t.Extra["sidetag_user"] != a.user().Name && a.permit("admin") != nil {
		return nil, raise(1004, "This is not your sidetag")
	}
	h.removeTag(t)
	return nil, nil
}

func (h *Hub) createTag(a args) (any, error) {
	if err := a.permit("tag"); err != nil {
		return nil, err
	}
	name := a.text("name")
	if h.tag(name) != nil {
		return nil, generic("A tag with the name '%s' already exists", name)
	}
	extra, _ := a["extra"].(map[string]any)
	t := Tag{Name: name, Arches: strings.Fields(a.text("arches")), Locked: a.bool("locked"), Extra: extra}
	if a["parent"] != nil {
		parent := h.findTag(a["parent"])
		if parent == nil {
			return nil, generic("Parent tag '%s' could not be found", plain(a["parent"]))
		}
		t.Parents = []string{parent.Name}
	}
	id, err := h.addTag(t)
	if err != nil {
		return nil, generic("%s", err)
	}
	return id, nil
}

// callTagBuild tags at once and answers with the id of the task that would have
// done it.
func (h *Hub) callTagBuild(a args) (any, error) {
	if err := a.loggedIn(); err != nil {
		return nil, err
	}
	t, err := h.needTagInfo(a["tag"])
	if err != nil {
		return nil, err
	}
	b, err := h.needBuild(a["build"])
	if err != nil {
		return nil, err
	}
	h.tagBuild(t, b)
	row, err := h.addTask(Task{Method: "tagBuild", Owner: a.user().Name, Request: []any{t.Name, b.NVR, false, nil, true}}, nil)
	if err != nil {
		return nil, generic("%s", err)
	}
	return row.ID, nil
}

func (h *Hub) callUntagBuild(a args) (any, error) {
	if err := a.loggedIn(); err != nil {
		return nil, err
	}
	t, err := h.needTagInfo(a["tag"])
	if err != nil {
		return nil, err
	}
	b, err := h.needBuild(a["build"])
	if err != nil {
		return nil, err
	}
	if !h.untagBuild(t.Name, b.NVR) && a.unless("strict") {
		return nil, raise(1003, "build %s not in tag %s", b.NVR, t.Name)
	}
	return nil, nil
}
