// Package api holds the wire types of respin's REST interface, once: the daemon
// serves them, the client decodes them, and `respin --json` prints them.
//
//	c, err := client.New("http://127.0.0.1:8080", client.Options{})
//	made, err := c.Submit(ctx, compose.Request{Kind: compose.KindRepo, Release: "44",
//		Sources: []string{"FEDORA-2026-1a2b3c4d5e"}}, client.SubmitOptions{})
//	fmt.Println(made.ID, made.State, made.Links.Page)
//
// Times are RFC 3339 in UTC, sizes are bytes, digests are lower-case hex.
package api

import (
	"time"

	"github.com/fedora-respin/respin/compose"
)

// Compose is the record of one compose.
type Compose struct {
	ID         string             `json:"id"`
	State      compose.State      `json:"state"`
	Stage      compose.Stage      `json:"stage,omitempty"`
	Percent    int                `json:"percent"`
	Message    string             `json:"message,omitempty"`  // what the stage is doing
	Position   int                `json:"position,omitempty"` // in the queue, from 1
	Reason     string             `json:"reason,omitempty"`   // why it waits
	Kind       compose.Kind       `json:"kind"`
	Release    string             `json:"release"`
	Arch       string             `json:"arch"`
	Title      string             `json:"title,omitempty"`
	Labels     map[string]string  `json:"labels,omitempty"`
	Sources    []string           `json:"sources"`
	Owner      string             `json:"owner,omitempty"`
	PlanDigest string             `json:"plan_digest,omitempty"`
	Reused     bool               `json:"reused,omitempty"`
	RetryOf    string             `json:"retry_of,omitempty"`
	Node       string             `json:"node,omitempty"`
	Attempt    int                `json:"attempt,omitempty"`
	Created    time.Time          `json:"created"`
	Started    *time.Time         `json:"started,omitempty"`
	Finished   *time.Time         `json:"finished,omitempty"`
	Expires    *time.Time         `json:"expires,omitempty"`
	Warnings   []compose.Warning  `json:"warnings,omitempty"`
	Failure    *compose.Failure   `json:"failure,omitempty"`
	Artifacts  []compose.Artifact `json:"artifacts,omitempty"`
	SideRepo   *compose.SideRepo  `json:"side_repo,omitempty"`
	Timings    []compose.Timing   `json:"timings,omitempty"`
	Smoke      *compose.Smoke     `json:"smoke,omitempty"`
	Published  []Published        `json:"published,omitempty"` // further places, as FTP
	Links      Links              `json:"links"`
	Notices    []Notice           `json:"notices,omitempty"` // who was told, without addresses
}

// Published is a further place that the result was put at.
type Published struct {
	Name  string `json:"name"`
	URL   string `json:"url,omitempty"`
	Error string `json:"error,omitempty"`
}

// Notice says how telling somebody went.
type Notice struct {
	Kind  string     `json:"kind"`  // email
	State string     `json:"state"` // pending, sent, failed
	Error string     `json:"error,omitempty"`
	Time  *time.Time `json:"time,omitempty"`
}

// Links are absolute URLs of everything about a compose.
type Links struct {
	Self      string `json:"self"`
	Page      string `json:"page"`
	Plan      string `json:"plan"`
	Report    string `json:"report"`
	Artifacts string `json:"artifacts"`
	Log       string `json:"log"`
	Events    string `json:"events"`
	Files     string `json:"files,omitempty"`
}

// ComposeList is one page of composes, newest first.
type ComposeList struct {
	Composes []Compose `json:"composes"`
	Next     string    `json:"next,omitempty"` // cursor of the next page
}

// Report is the package report of a compose.
type Report struct {
	ID       string                 `json:"id"`
	State    compose.State          `json:"state"`
	Packages []compose.PackageEntry `json:"packages"`
	Tools    []compose.Tool         `json:"tools,omitempty"`
	Timings  []compose.Timing       `json:"timings,omitempty"`
	Smoke    *compose.Smoke         `json:"smoke,omitempty"`
	Failure  *compose.Failure       `json:"failure,omitempty"`
}

// Artifacts lists the files of a compose.
type Artifacts struct {
	ID        string             `json:"id"`
	Artifacts []compose.Artifact `json:"artifacts"`
	Logs      []compose.Artifact `json:"logs"`
	SideRepo  *compose.SideRepo  `json:"side_repo,omitempty"`
}

// Event is one server-sent event of GET /api/v1/composes/{id}/events. Its SSE
// event name is Type, its id resumes the stream.
type Event struct {
	Type    string        `json:"type"` // state, stage, log, end
	Time    time.Time     `json:"time"`
	State   compose.State `json:"state,omitempty"`
	Stage   compose.Stage `json:"stage,omitempty"`
	Percent int           `json:"percent,omitempty"`
	Message string        `json:"message,omitempty"`
	Text    string        `json:"text,omitempty"` // of a log event: whole lines
}

// Node is a build node as the queue sees it.
type Node struct {
	ID       string            `json:"id"`
	Host     string            `json:"host,omitempty"`
	Version  string            `json:"version,omitempty"`
	Offers   []Offer           `json:"offers"`
	Missing  map[string]string `json:"missing,omitempty"` // kind to the reason it is not offered
	Running  []string          `json:"running,omitempty"` // compose ids
	LastSeen time.Time         `json:"last_seen"`
	Online   bool              `json:"online"`
	Draining bool              `json:"draining,omitempty"`
}

// Offer is a kind and an arch that a node builds.
type Offer struct {
	Kind    string `json:"kind"`
	Arch    string `json:"arch"`
	Backend string `json:"backend,omitempty"` // where it is not the kind's first, as kiwi for live
}

// Name is the kind as it is shown, with the back end: "live", "live by kiwi".
func (o Offer) Name() string {
	if o.Backend == "" {
		return o.Kind
	}
	return o.Kind + " by " + o.Backend
}

// Queue is who waits for what.
type Queue struct {
	Waiting []Compose `json:"waiting"`
	Running []Compose `json:"running"`
}

// Nodes lists the build nodes.
type Nodes struct {
	Nodes []Node `json:"nodes"`
}

// SourceInfo says what a source stands for right now.
type SourceInfo struct {
	compose.PlanSource
	RPMs     []compose.PlanRPM `json:"packages"`
	Warnings []compose.Warning `json:"warnings,omitempty"`
}

// UploadFile is the Type of an upload that is neither an RPM nor an ISO.
const UploadFile = "file"

// Upload is a file of a user's own.
type Upload struct {
	ID     string    `json:"id"` // sha256 of the content
	Name   string    `json:"name"`
	Type   string    `json:"type"` // rpm, iso, tar or file
	Size   int64     `json:"size"`
	SHA256 string    `json:"sha256"`
	NEVRA  string    `json:"nevra,omitempty"` // of an RPM
	Time   time.Time `json:"time"`
}

// Releases says what can be built here.
type Releases struct {
	Kinds  []KindInfo `json:"kinds"`
	Arches []string   `json:"arches"`
}

// KindInfo says whether a kind can be built here, and why not.
type KindInfo struct {
	Kind      compose.Kind `json:"kind"`
	Available bool         `json:"available"`
	Reason    string       `json:"reason,omitempty"`
}

// Problem is an error answer, application/problem+json (RFC 9457) with a code
// of the catalog at GET /api/v1/errors.
type Problem struct {
	Type     string            `json:"type,omitempty"`
	Title    string            `json:"title"`
	Status   int               `json:"status"`
	Detail   string            `json:"detail,omitempty"` // one sentence
	Instance string            `json:"instance,omitempty"`
	Code     compose.Code      `json:"code"`
	Remedy   string            `json:"remedy,omitempty"`
	Problems []compose.Problem `json:"problems,omitempty"` // every reason, when a request is refused
}

// Errors is the catalog of codes.
type Errors struct {
	Errors []compose.CodeInfo `json:"errors"`
}

// Token is an API token. Secret is there only in the answer that makes it.
type Token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"` // submit, cancel, renew, node, host-run, admin
	Secret  string     `json:"secret,omitempty"`
	Created time.Time  `json:"created"`
	Used    *time.Time `json:"used,omitempty"`
	// Credentials is the file for `respin node --creds`, for scope node only.
	Credentials string `json:"credentials,omitempty"`
}
