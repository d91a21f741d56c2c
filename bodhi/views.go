package bodhi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// The views of Bodhi that pass on what Koji and other services say
// (bodhi/server/views/generic.py). They are slow; a client of Koji of one's own
// is better where there is one.

// view asks for a path below the base with typed parameters.
func (c *Client) view(ctx context.Context, what string, b *builder, out any, path ...string) error {
	v, err := b.done(0)
	if err == nil {
		u := c.url(path...)
		u.RawQuery = v.Encode()
		err = c.get(ctx, u, out)
	}
	if err != nil {
		return fmt.Errorf("ask %s: %w", clean(what, 120), err)
	}
	return nil
}

// LatestBuilds asks for the newest build of a package in each tag of the active
// releases: tag to NVR.
func (c *Client) LatestBuilds(ctx context.Context, pkg string) (map[string]string, error) {
	b, builds := newBuilder(), map[string]string{}
	b.list("package", []string{pkg})
	if err := c.view(ctx, "latest builds of "+pkg, b, &builds, "latest_builds"); err != nil {
		return nil, err
	}
	return builds, nil
}

// KojiBuild is a build as Koji lists it for a tag; package koji has the rest.
type KojiBuild struct {
	ID          int    `json:"id"`
	NVR         string `json:"nvr"`
	Name        string `json:"name"` // as PackageName
	Version     string `json:"version"`
	Release     string `json:"release"`
	Epoch       *int   `json:"epoch"`
	PackageID   int    `json:"package_id"`
	PackageName string `json:"package_name"`
	TagID       int    `json:"tag_id"`
	TagName     string `json:"tag_name"`
	OwnerID     int    `json:"owner_id"`
	OwnerName   string `json:"owner_name"`
	VolumeID    int    `json:"volume_id"`
	VolumeName  string `json:"volume_name"`
	TaskID      *int   `json:"task_id"`
	State       int    `json:"state"` // koji.BuildState
}

// LatestBuildsInTag asks for the newest build of each package in a Koji tag.
func (c *Client) LatestBuildsInTag(ctx context.Context, tag string) ([]KojiBuild, error) {
	b := newBuilder()
	b.list("tag", []string{tag})
	var builds []KojiBuild
	err := c.view(ctx, "latest builds in "+tag, b, &builds, "latest_builds_in_tag")
	return builds, err
}

// CandidateQuery selects builds that may become updates.
type CandidateQuery struct {
	Package      string // exact; goes before Prefix
	Prefix       string
	Testing      bool // those in testing, too
	HideExisting bool // without those of pending updates
}

// Candidate is a build that may become an update, or is one in testing.
type Candidate struct {
	ID          int    `json:"id"` // of Koji
	NVR         string `json:"nvr"`
	PackageName string `json:"package_name"`
	OwnerName   string `json:"owner_name"`
	// ReleaseName is the long name, such as Fedora 44; "" for archived releases.
	ReleaseName string `json:"release_name"`
}

// LatestCandidates asks for the newest builds of the packages in the candidate
// tags of all active releases.
func (c *Client) LatestCandidates(ctx context.Context, q CandidateQuery) ([]Candidate, error) {
	b := newBuilder()
	b.word("package", q.Package)
	b.word("prefix", q.Prefix)
	b.set("testing", q.Testing)
	b.set("hide_existing", q.HideExisting)
	var builds []Candidate
	err := c.view(ctx, "latest candidates", b, &builds, "latest_candidates")
	return builds, err
}

// SideTagQuery selects side tags of Koji.
type SideTagQuery struct {
	User           string // "" is any
	ContainsBuilds bool   // only those with builds in them
}

// SideTag is a side tag of Koji with the builds in it.
type SideTag struct {
	ID     int         `json:"id"`
	Name   string      `json:"name"`
	User   string      `json:"sidetag_user"`
	Builds []KojiBuild `json:"builds"`
}

// SideTags asks for side tags, sorted by name. A user whom Koji does not know
// has none.
func (c *Client) SideTags(ctx context.Context, q SideTagQuery) ([]SideTag, error) {
	b := newBuilder()
	b.word("user", q.User)
	b.set("contains_builds", q.ContainsBuilds)
	var tags []SideTag
	err := c.view(ctx, "side tags", b, &tags, "get_sidetags")
	return tags, err
}

// CritpathQuery selects components of the critical path.
type CritpathQuery struct {
	Collection    string      // branch, such as f44; default rawhide
	ComponentType ContentType // default rpm
	Components    []string    // only these; default all
}

// CritpathComponents asks which components belong to the critical path: group to
// names.
func (c *Client) CritpathComponents(ctx context.Context, q CritpathQuery) (map[string][]string, error) {
	b := newBuilder()
	b.word("collection", q.Collection)
	b.word("component_type", string(q.ComponentType))
	for _, name := range q.Components {
		if reason := badWord(name); reason != "" {
			b.errs = append(b.errs, &ArgumentError{Name: "Components", Value: name, Reason: reason})
		}
	}
	if len(q.Components) > 0 { // the one list that is a single value
		b.v.Set("components", strings.Join(q.Components, ","))
	}
	groups := map[string][]string{}
	if err := c.view(ctx, "components of the critical path", b, &groups, "get_critpath_components"); err != nil {
		return nil, err
	}
	return groups, nil
}

// MessageTopics asks for the topics of the messages that Bodhi sends, such as
// bodhi.update.request.testing.
func (c *Client) MessageTopics(ctx context.Context) ([]string, error) {
	var topics []string
	err := c.view(ctx, "message topics", newBuilder(), &topics, "message-schemas", "v1", "")
	return topics, err
}

// MessageSchema asks for the JSON schema of the messages of a topic. An unknown
// one matches ErrNotFound.
func (c *Client) MessageSchema(ctx context.Context, topic string) (json.RawMessage, error) {
	if err := segment("topic", topic); err != nil {
		return nil, err
	}
	var schema json.RawMessage
	err := c.view(ctx, "message schema of "+topic, newBuilder(), &schema, "message-schemas", "v1", topic)
	return schema, err
}

// Live asks whether the server answers at all.
func (c *Client) Live(ctx context.Context) error {
	var answer string
	u := c.url("healthz", "live")
	err := c.get(ctx, u, &answer)
	if err == nil && answer != "ok" {
		err = &FormatError{URL: shown(u), Reason: fmt.Sprintf("says %q", clean(answer, 40))}
	}
	if err != nil {
		return fmt.Errorf("ask health: %w", err)
	}
	return nil
}

// Ready asks whether the server reaches its database.
func (c *Client) Ready(ctx context.Context) error {
	var answer struct {
		Database bool `json:"db_session"`
	}
	u := c.url("healthz", "ready")
	err := c.get(ctx, u, &answer)
	if err == nil && !answer.Database {
		err = &FormatError{URL: shown(u), Reason: "says that its database is away"}
	}
	if err != nil {
		return fmt.Errorf("ask health: %w", err)
	}
	return nil
}

// set adds a flag that is on; off is the server's default.
func (b *builder) set(key string, on bool) {
	if on {
		b.flag(key, &on)
	}
}

// Version asks for the version of the server, such as "8.1.1".
func (c *Client) Version(ctx context.Context) (string, error) {
	var answer struct {
		Version string `json:"version"`
	}
	u := c.url("api_version")
	if err := c.get(ctx, u, &answer); err != nil {
		return "", fmt.Errorf("ask version: %w", err)
	}
	if answer.Version == "" {
		return "", fmt.Errorf("ask version: %w", &FormatError{URL: shown(u), Reason: "no member version"})
	}
	return answer.Version, nil
}
