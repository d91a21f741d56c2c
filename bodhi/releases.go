package bodhi

import (
	"context"
	"fmt"
	"iter"
	"net/url"
)

// Release asks for one release by name (F40), long name (Fedora 40) or dist tag
// (f40). An unknown one matches ErrNotFound.
func (c *Client) Release(ctx context.Context, name string) (*Release, error) {
	var r Release
	err := c.one(ctx, "releases", "name", name, &r, func() bool { return r.Name != "" })
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// Releases lists releases by name, each once. There are above a hundred, so
// pages are of the largest size.
func (c *Client) Releases(ctx context.Context, q ReleaseQuery) iter.Seq2[*Release, error] {
	v, err := q.values()
	return list(ctx, c, "releases", v, err, q.Limit, maxRows, func(r *Release) string { return r.Name })
}

// Build asks for one build. An unknown one matches ErrNotFound. Its update is
// found with UpdateForBuild.
func (c *Client) Build(ctx context.Context, nvr string) (*Build, error) {
	var b Build
	err := c.one(ctx, "builds", "nvr", nvr, &b, func() bool { return b.NVR != "" })
	if err != nil {
		return nil, err
	}
	return &b, nil
}

// Builds lists builds by NVR, each once.
func (c *Client) Builds(ctx context.Context, q BuildQuery) iter.Seq2[*Build, error] {
	v, err := q.values()
	return list(ctx, c, "builds", v, err, q.Limit, c.rows, func(b *Build) string { return b.NVR })
}

// Override asks for the buildroot override of a build. None matches ErrNotFound.
func (c *Client) Override(ctx context.Context, nvr string) (*Override, error) {
	var answer struct {
		Override Override `json:"override"`
	}
	err := c.one(ctx, "overrides", "nvr", nvr, &answer, func() bool { return answer.Override.NVR != "" })
	if err != nil {
		return nil, err
	}
	return &answer.Override, nil
}

// Overrides lists buildroot overrides, each once.
func (c *Client) Overrides(ctx context.Context, q OverrideQuery) iter.Seq2[*Override, error] {
	v, err := q.values()
	return list(ctx, c, "overrides", v, err, q.Limit, c.rows, func(o *Override) string { return o.NVR })
}

// User asks for one account. An unknown one matches ErrNotFound.
func (c *Client) User(ctx context.Context, name string) (*User, error) {
	var answer struct {
		User User `json:"user"`
	}
	err := c.one(ctx, "users", "name", name, &answer, func() bool { return answer.User.Name != "" })
	if err != nil {
		return nil, err
	}
	return &answer.User, nil
}

// Packages lists source packages whose name contains search, case not counting.
func (c *Client) Packages(ctx context.Context, search string) iter.Seq2[*Package, error] {
	b := newBuilder()
	b.text("search", search)
	v, err := b.done(0)
	return list(ctx, c, "packages", v, err, 0, c.rows, func(p *Package) string { return p.Name + "/" + string(p.Type) })
}

// Composes asks for the pushes in progress, the most urgent first. An update in
// one of them is locked.
func (c *Client) Composes(ctx context.Context) ([]Compose, error) {
	var answer struct {
		Composes []Compose `json:"composes"`
	}
	if err := c.get(ctx, c.list("composes", nil), &answer); err != nil {
		return nil, fmt.Errorf("ask composes: %w", err)
	}
	return answer.Composes, nil
}

// Compose asks for the push of a release to a repository (RequestTesting or
// RequestStable). None in progress matches ErrNotFound; Bodhi says so in HTML.
func (c *Client) Compose(ctx context.Context, release string, request UpdateRequest) (*Compose, error) {
	if err := segment("release", release); err != nil {
		return nil, err
	}
	if err := segment("request", string(request)); err != nil {
		return nil, err
	}
	var answer struct {
		Compose *Compose `json:"compose"`
	}
	u := c.url("composes", release, string(request))
	err := c.get(ctx, u, &answer)
	if err == nil && answer.Compose == nil {
		err = &FormatError{URL: u.String(), Reason: "no member compose"}
	}
	if err != nil {
		return nil, fmt.Errorf("ask compose of %s %s: %w", release, request, err)
	}
	return answer.Compose, nil
}

// LatestBuilds asks for the newest build of a package in each tag of the active
// releases: tag to NVR. Bodhi asks Koji for it, which is slow.
func (c *Client) LatestBuilds(ctx context.Context, pkg string) (map[string]string, error) {
	if reason := badWord(pkg); reason != "" {
		return nil, &ArgumentError{Name: "pkg", Value: pkg, Reason: reason}
	}
	builds := map[string]string{}
	u := c.url("latest_builds")
	u.RawQuery = url.Values{"package": {pkg}}.Encode()
	if err := c.get(ctx, u, &builds); err != nil {
		return nil, fmt.Errorf("ask latest builds of %s: %w", pkg, err)
	}
	return builds, nil
}

// one asks for a member of a collection by its name in the path.
func (c *Client) one(ctx context.Context, collection, argument, name string, out any, filled func() bool) error {
	if err := segment(argument, name); err != nil {
		return err
	}
	u := c.url(collection, name)
	err := c.get(ctx, u, out)
	if err == nil && !filled() {
		err = &FormatError{URL: u.String(), Reason: "a member that identifies the object is missing"}
	}
	if err != nil {
		return fmt.Errorf("ask for %s in %s: %w", name, collection, err)
	}
	return nil
}
