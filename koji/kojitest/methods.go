package kojitest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// methodTable names the hub's methods with the parameters of kojihub.py.
func methodTable() map[string]method {
	t := hubMethods()
	maps.Copy(t, buildMethods())
	maps.Copy(t, tagMethods())
	maps.Copy(t, taskMethods())
	listed := slices.Sorted(maps.Keys(t))
	listed = append(listed, "login", "logout", "sslLogin", "system.listMethods", "system.methodHelp", "system.methodSignature", "_listapi")
	slices.Sort(listed)
	t["system.listMethods"] = signature("system_listMethods", "", func(*Hub, args) (any, error) { return listed, nil })
	t["system.methodHelp"] = signature("system_methodHelp", "method", (*Hub).methodHelp)
	t["system.methodSignature"] = signature("system_methodSignature", "method", func(*Hub, args) (any, error) { return "signatures not supported", nil })
	t["_listapi"] = signature("_listapi", "", func(h *Hub, _ args) (any, error) { return h.listAPI(), nil })
	return t
}

// hubMethods are those about the hub itself, its people and its history.
func hubMethods() map[string]method {
	return map[string]method{
		"getAPIVersion":  signature("getAPIVersion", "", func(*Hub, args) (any, error) { return 1, nil }),
		"getKojiVersion": signature("getKojiVersion", "", func(*Hub, args) (any, error) { return Version, nil }),
		"echo":           signature("echo", "*args", func(_ *Hub, a args) (any, error) { return a["*"], nil }),
		"fault": signature("fault", "", func(*Hub, args) (any, error) {
			return nil, raise(1, "<class 'Exception'>: test exception")
		}),

		"mavenEnabled": signature("mavenEnabled", "", func(*Hub, args) (any, error) { return false, nil }),
		"winEnabled":   signature("winEnabled", "", func(*Hub, args) (any, error) { return false, nil }),

		"getUser":         signature("get_user", "userInfo=None, strict=False, krb_princs=True, groups=False", (*Hub).getUser),
		"getUserPerms":    signature("getUserPerms", "userID=None, with_groups=True", (*Hub).getUserPerms),
		"getAllPerms":     signature("getAllPerms", "", (*Hub).getAllPerms),
		"getLoggedInUser": signature("getLoggedInUser", "", (*Hub).getLoggedInUser),
		"getVolume":       signature("getVolume", "volume, strict=False", (*Hub).getVolume),
		"listVolumes":     signature("list_volumes", "", (*Hub).listVolumes),
		"listBTypes":      signature("list_btypes", "query=None, queryOpts=None", (*Hub).listBTypes),

		"getLastEvent":         signature("getLastEvent", "before=None, strict=True", (*Hub).getLastEvent),
		"getEvent":             signature("getEvent", "id, strict=True", (*Hub).getEvent),
		"tagLastChangeEvent":   signature("tag_last_change_event", "tag, before=None, inherit=True", (*Hub).tagLastChangeEvent),
		"tagChangedSinceEvent": signature("tag_changed_since_event", "event, taglist", (*Hub).tagChangedSinceEvent),
		"queryHistory":         signature("query_history", "tables=None, **kwargs", (*Hub).queryHistory),

		"search":                signature("search", "terms, type, matchType, queryOpts=None", (*Hub).search),
		"count":                 signature("count", "methodName, *args, **kw", (*Hub).count),
		"filterResults":         signature("filterResults", "methodName, *args, **kw", (*Hub).filterResults),
		"countAndFilterResults": signature("countAndFilterResults", "methodName, *args, **kw", (*Hub).countAndFilterResults),
	}
}

// listAPI describes the methods as _listapi does, without their documentation.
func (h *Hub) listAPI() []any {
	rows := []any{}
	for _, name := range slices.Sorted(maps.Keys(h.methods)) {
		m := h.methods[name]
		list, names, defaults := []any{}, []any{}, []any{}
		for _, p := range m.params {
			names = append(names, p.name)
			if !p.optional {
				list = append(list, p.name)
				continue
			}
			list, defaults = append(list, []any{p.name, literal(p.value)}), append(defaults, literal(p.value))
		}
		var varargs, varkw, defaultsOrNone any
		if m.variadic {
			varargs, list = "args", append(list, "args")
		}
		if m.keyword {
			varkw, list = "kwargs", append(list, "kwargs")
		}
		if len(defaults) > 0 {
			defaultsOrNone = defaults
		}
		rows = append(rows, wire.Struct{
			{Name: "name", Value: name},
			{Name: "doc", Value: nil},
			{Name: "argspec", Value: []any{names, varargs, varkw, defaultsOrNone, []any{}, nil, wire.Struct{}}},
			{Name: "argdesc", Value: m.description()},
			{Name: "args", Value: list},
		})
	}
	return rows
}

// description is the list of parameters in Python.
func (m method) description() string {
	var text []string
	for _, p := range m.params {
		if p.optional {
			text = append(text, p.name+"="+p.value)
		} else {
			text = append(text, p.name)
		}
	}
	if m.variadic {
		text = append(text, "*args")
	}
	if m.keyword {
		text = append(text, "**kwargs")
	}
	return "(" + strings.Join(text, ", ") + ")"
}

func (h *Hub) methodHelp(a args) (any, error) {
	name := a.text("method")
	m, ok := h.methods[name]
	if !ok {
		return "", nil
	}
	return name + m.description(), nil
}

// literal reads a default value as Python writes it.
func literal(text string) any {
	switch text {
	case "None":
		return nil
	case "True", "False":
		return text == "True"
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return strings.Trim(text, "'")
}

// python shows a value as Python's repr, as faults do.
func python(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case string:
		return "'" + v + "'"
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, "'"+k+"': "+python(v[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return fmt.Sprint(v)
	}
}

// plain shows a value as Python's str, as some faults do.
func plain(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return python(v)
}

func pair(id int, name string) wire.Struct {
	return wire.Struct{{Name: "id", Value: id}, {Name: "name", Value: name}}
}

func (h *Hub) getVolume(a args) (any, error) {
	for i, name := range h.volumes.list {
		if a["volume"] == name || a["volume"] == int64(i) {
			return pair(i, name), nil
		}
	}
	if a.bool("strict") {
		return nil, generic("No such entry in table volume: %s", plain(a["volume"]))
	}
	return nil, nil
}

func (h *Hub) listVolumes(args) (any, error) {
	rows := []any{}
	for i, name := range h.volumes.list {
		rows = append(rows, pair(i, name))
	}
	return rows, nil
}

func (h *Hub) listBTypes(a args) (any, error) {
	query, _ := a["query"].(map[string]any)
	rows := []any{}
	for i, name := range h.types.list {
		if query["name"] != nil && query["name"] != name || query["id"] != nil && query["id"] != int64(i+1) {
			continue
		}
		rows = append(rows, pair(i+1, name))
	}
	return page(rows, a["queryOpts"])
}

func (h *Hub) search(a args) (any, error) {
	terms := a.text("terms")
	if terms == "" {
		return nil, generic("empty search terms")
	}
	var found []any
	add := func(id int, name string) {
		switch a["matchType"] {
		case "glob":
			if !matches(terms, name) {
				return
			}
		case "regexp":
			if !matchesRegexp(terms, name) {
				return
			}
		default:
			if name != terms {
				return
			}
		}
		found = append(found, pair(id, name))
	}
	switch a["type"] {
	case "package":
		for i, name := range h.packages.list {
			add(i+1, name)
		}
	case "build":
		for _, b := range h.builds {
			add(b.id, b.NVR)
		}
	case "tag":
		for _, t := range h.tags {
			if t.deleted == 0 {
				add(t.id, t.Name)
			}
		}
	case "target":
		for _, t := range h.targets {
			if t.revoked == 0 {
				add(t.id, t.name)
			}
		}
	case "user":
		for _, u := range h.users {
			add(u.id, u.Name)
		}
	case "rpm":
		for _, r := range h.rpms {
			add(r.id, r.nvr()+"."+r.arch+".rpm")
		}
	case "host", "maven", "win", "file":
	default:
		return nil, generic("No such search type: %s", plain(a["type"]))
	}
	return page(found, a["queryOpts"])
}

func (h *Hub) getLastEvent(a args) (any, error) {
	id := len(h.events)
	if before, ok := moment(a["before"]); ok {
		for id > 0 && !h.timeOf(id).Before(before) {
			id--
		}
	}
	return h.eventRow(id, a)
}

func (h *Hub) getEvent(a args) (any, error) {
	id, err := a.int("id")
	if err != nil {
		return nil, err
	}
	return h.eventRow(id, a)
}

func (h *Hub) eventRow(id int, a args) (any, error) {
	if id < 1 || id > len(h.events) {
		if a.unless("strict") {
			return nil, generic("query returned no rows")
		}
		return nil, nil
	}
	return wire.Struct{{Name: "id", Value: id}, {Name: "ts", Value: stamp(h.timeOf(id))}}, nil
}
