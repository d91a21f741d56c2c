package koji

import (
	"context"
	"strconv"
	"time"
)

// Repo is a repository that the hub made of a tag; its files are at
// PathInfo.Repo, or PathInfo.DistRepo if Dist. Since Koji 1.35 repositories are
// made on demand, so a tag may have none that is ready.
type Repo struct {
	ID         int            `koji:"id"`
	TagID      int            `koji:"tag_id"`
	TagName    string         `koji:"tag_name"`
	State      RepoState      `koji:"state"`
	Dist       bool           `koji:"dist"`
	TaskID     *int           `koji:"task_id"`
	TaskState  *TaskState     `koji:"task_state"`
	Event      int            `koji:"create_event"` // the tag is in it as it was then
	EventTime  time.Time      `koji:"create_ts"`
	BeginEvent *int           `koji:"begin_event"` // since when the tag was like that
	BeginTime  *time.Time     `koji:"begin_ts"`
	EndEvent   *int           `koji:"end_event"` // when the tag changed; nil is not yet
	EndTime    *time.Time     `koji:"end_ts"`
	Created    time.Time      `koji:"creation_ts,creation_time"`
	StateTime  time.Time      `koji:"state_ts,state_time"`
	Options    *RepoOpts      `koji:"opts"`
	Custom     map[string]any `koji:"custom_opts"` // as asked for
}

// RepoOpts says what is in a repository.
type RepoOpts struct {
	Src         bool `koji:"src"`
	Debuginfo   bool `koji:"debuginfo"`
	SeparateSrc bool `koji:"separate_src"`
	Maven       bool `koji:"maven"`
}

// RepoOptions selects a repository of a tag.
type RepoOptions struct {
	State *RepoState // nil is ready
	// Event takes the newest that is not younger, whatever its state.
	Event    int
	MinEvent int  // not older than this
	Dist     bool // a distribution repository
}

func getRepo(tag string, o RepoOptions) spec[*Repo] {
	k := keywords{}.number("event", o.Event).number("min_event", o.MinEvent).on("dist", o.Dist)
	if o.State != nil {
		k["state"] = int(*o.State)
	}
	s := one[Repo]("repository of tag", tag, "getRepo", tag)
	return s.with(k)
}

// GetRepo returns the newest repository of a tag that is selected. None, and a
// tag that does not exist, is a *NotFoundError. A snapshot's event does not
// count here.
func (c *Client) GetRepo(ctx context.Context, tag string, o RepoOptions) (*Repo, error) {
	return call(ctx, c, getRepo(tag, o))
}

// GetRepo adds Client.GetRepo.
func (b *Batch) GetRepo(tag string, o RepoOptions) *Pending[*Repo] { return add(b, getRepo(tag, o)) }

func repoInfo(id int) spec[*Repo] { return one[Repo]("repository", strconv.Itoa(id), "repoInfo", id) }

// RepoInfo returns a repository by its id, or a *NotFoundError.
func (c *Client) RepoInfo(ctx context.Context, id int) (*Repo, error) {
	return call(ctx, c, repoInfo(id))
}

// RepoInfo adds Client.RepoInfo.
func (b *Batch) RepoInfo(id int) *Pending[*Repo] { return add(b, repoInfo(id)) }

// RepoGetOptions says what a repository must have.
type RepoGetOptions struct {
	MinEvent int // not older than this
	AtEvent  int // of exactly this event
	Contents RepoOpts
}

func repoGet(tag string, o RepoGetOptions) spec[*Repo] {
	k := keywords{}.number("min_event", o.MinEvent).number("at_event", o.AtEvent)
	opts := keywords{}.on("src", o.Contents.Src).on("debuginfo", o.Contents.Debuginfo).
		on("separate_src", o.Contents.SeparateSrc).on("maven", o.Contents.Maven)
	if len(opts) > 0 {
		k["opts"] = map[string]any(opts)
	}
	return one[Repo]("repository of tag", tag, "repo.get", tag).with(k)
}

// RepoGet returns the ready repository of a tag that suits best (repo.get, hubs
// from 1.35), or a *NotFoundError.
func (c *Client) RepoGet(ctx context.Context, tag string, o RepoGetOptions) (*Repo, error) {
	return call(ctx, c, repoGet(tag, o))
}

// RepoGet adds Client.RepoGet.
func (b *Batch) RepoGet(tag string, o RepoGetOptions) *Pending[*Repo] { return add(b, repoGet(tag, o)) }

// Clause is a condition of RepoQuery: member, operator (=, !=, <, <=, >, >=, IN,
// IS) and value.
type Clause struct {
	Member   string
	Operator string
	Value    any
}

func repoQuery(clauses []Clause, p Page) spec[[]Repo] {
	list := make([]any, 0, len(clauses))
	for _, c := range clauses {
		list = append(list, []any{c.Member, c.Operator, c.Value})
	}
	k := keywords{"fields": "**"}
	if opts := p.options(); len(opts) > 0 {
		k["opts"] = opts
	}
	return value[[]Repo]("repo.query", list).with(k)
}

// RepoQuery returns the repositories that all clauses hold for (repo.query, hubs
// from 1.35). Clauses and Order are about the members of getRepo.
func (c *Client) RepoQuery(ctx context.Context, clauses []Clause, p Page) ([]Repo, error) {
	return call(ctx, c, repoQuery(clauses, p))
}

// RepoQuery adds Client.RepoQuery.
func (b *Batch) RepoQuery(clauses []Clause, p Page) *Pending[[]Repo] {
	return add(b, repoQuery(clauses, p))
}
