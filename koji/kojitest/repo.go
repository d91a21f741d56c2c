package kojitest

import (
	"fmt"
	"time"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/internal/wire"
)

// Repo is a repository that the hub has made of a tag. Its files, if any are
// wanted, are added with AddFile below repos/TAG/ID.
type Repo struct {
	Tag string
	// State defaults to ready; one that is being made is Init.
	State  koji.RepoState
	Init   bool
	Dist   bool
	TaskID int
	Opts   koji.RepoOpts
	// Created defaults to when it is added.
	Created time.Time
}

type repoRow struct {
	Repo
	id, event int
	tag       *tag
}

// AddRepo adds a repository and returns its id. It is of the tag as it is now.
func (h *Hub) AddRepo(r Repo) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tag(r.Tag)
	if t == nil {
		return 0, fmt.Errorf("add repository to koji test hub: no tag %q", r.Tag)
	}
	if r.State == koji.RepoInit && !r.Init {
		r.State = koji.RepoReady
	}
	row := &repoRow{Repo: r, id: len(h.repos) + 1, tag: t}
	var now time.Time
	row.event, now = h.event()
	if row.Created.IsZero() {
		row.Created = now
	}
	h.repos = append(h.repos, row)
	return row.id, nil
}

// SetRepoState changes the state of a repository, as its expiry does.
func (h *Hub) SetRepoState(id int, state koji.RepoState) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id < 1 || id > len(h.repos) {
		return fmt.Errorf("change repository of koji test hub: no %d", id)
	}
	h.repos[id-1].State = state
	return nil
}

func (h *Hub) repoRow(r *repoRow) wire.Struct {
	var taskState any
	if t := h.tasks[r.TaskID]; t != nil {
		taskState = int(t.State)
	}
	return wire.Struct{
		{Name: "begin_event", Value: nil},
		{Name: "begin_ts", Value: nil},
		{Name: "create_event", Value: r.event},
		{Name: "create_ts", Value: stamp(h.timeOf(r.event))},
		{Name: "creation_time", Value: when(r.Created)},
		{Name: "creation_ts", Value: stamp(r.Created)},
		{Name: "custom_opts", Value: nil},
		{Name: "dist", Value: r.Dist},
		{Name: "end_event", Value: nil},
		{Name: "end_ts", Value: nil},
		{Name: "id", Value: r.id},
		{Name: "opts", Value: wire.Struct{
			{Name: "src", Value: r.Opts.Src},
			{Name: "maven", Value: r.Opts.Maven},
			{Name: "debuginfo", Value: r.Opts.Debuginfo},
			{Name: "separate_src", Value: r.Opts.SeparateSrc},
		}},
		{Name: "state", Value: int(r.State)},
		{Name: "state_time", Value: when(r.Created)},
		{Name: "state_ts", Value: stamp(r.Created)},
		{Name: "tag_id", Value: r.tag.id},
		{Name: "tag_name", Value: r.tag.Name},
		{Name: "task_id", Value: nonzero(r.TaskID)},
		{Name: "task_state", Value: taskState},
	}
}

// newest returns the youngest repository that is kept.
func (h *Hub) newest(keep func(*repoRow) bool) any {
	var best *repoRow
	for _, r := range h.repos {
		if keep(r) && (best == nil || r.Created.After(best.Created)) {
			best = r
		}
	}
	if best == nil {
		return nil
	}
	return h.repoRow(best)
}

func (h *Hub) getRepo(a args) (any, error) {
	t, err := h.needTag(a["tag"])
	if err != nil {
		return nil, err
	}
	event, err := a.int("event")
	if err != nil {
		return nil, err
	}
	minEvent, err := a.int("min_event")
	if err != nil {
		return nil, err
	}
	state := koji.RepoReady
	if n, ok := a["state"].(int64); ok {
		state = koji.RepoState(n)
	}
	return h.newest(func(r *repoRow) bool {
		return r.tag == t && r.Dist == a.bool("dist") && r.event >= minEvent && (event == 0 && r.State == state || event != 0 && r.event <= event)
	}), nil
}

func (h *Hub) repoInfo(a args) (any, error) {
	id, err := a.int("repo_id")
	if err != nil {
		return nil, err
	}
	if id < 1 || id > len(h.repos) {
		if a.bool("strict") {
			return nil, generic("query returned no rows")
		}
		return nil, nil
	}
	return h.repoRow(h.repos[id-1]), nil
}

func (h *Hub) repoGet(a args) (any, error) {
	t, err := h.needTag(a["tag"])
	if err != nil {
		return nil, err
	}
	minEvent, err := a.int("min_event")
	if err != nil {
		return nil, err
	}
	atEvent, err := a.int("at_event")
	if err != nil {
		return nil, err
	}
	opts, _ := a["opts"].(map[string]any)
	return h.newest(func(r *repoRow) bool {
		row, _ := h.repoRow(r).Get("opts")
		have, _ := row.(wire.Struct)
		for name, want := range opts {
			if v, ok := have.Get(name); !ok || v != want {
				return false
			}
		}
		return r.tag == t && !r.Dist && r.State == koji.RepoReady && r.event >= minEvent && (atEvent == 0 || r.event == atEvent)
	}), nil
}

// repoQuery knows the operators on numbers, and = and IN on texts.
func (h *Hub) repoQuery(a args) (any, error) {
	clauses, _ := a["clauses"].([]any)
	rows := []any{}
	for _, r := range h.repos {
		row := h.repoRow(r)
		keep := true
		for _, c := range clauses {
			clause, _ := c.([]any)
			if len(clause) != 3 {
				return nil, raise(1019, "Invalid clause: %s", python(c))
			}
			name, _ := clause[0].(string)
			v, ok := row.Get(name)
			if !ok {
				return nil, raise(1019, "Invalid field for query: %s", python(clause[0]))
			}
			operator, _ := clause[1].(string)
			keep = keep && holds(v, operator, clause[2])
		}
		if keep {
			rows = append(rows, row)
		}
	}
	return page(rows, a["opts"])
}

func holds(v any, operator string, want any) bool {
	if list, ok := want.([]any); ok && operator == "IN" {
		for _, item := range list {
			if compare(v, item) == 0 {
				return true
			}
		}
		return false
	}
	c := compare(v, want)
	switch operator {
	case "=", "IS":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	default:
		return false
	}
}
