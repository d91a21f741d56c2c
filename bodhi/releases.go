package bodhi

import (
	"context"
	"fmt"
	"iter"
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
	return list(ctx, c, releases("releases"), v, err, q.Limit)
}

// ReleasesPage asks for one page of the releases that a query selects.
func (c *Client) ReleasesPage(ctx context.Context, q ReleaseQuery, page int) (*Page[Release], error) {
	v, err := q.values()
	return onePage(ctx, c, releases("releases"), v, err, q.Limit, page)
}

// ListReleases is Releases by the other address that Bodhi has for it since 8.1,
// which answers in JSON only.
func (c *Client) ListReleases(ctx context.Context, q ReleaseQuery) iter.Seq2[*Release, error] {
	v, err := q.values()
	return list(ctx, c, releases("list_releases"), v, err, q.Limit)
}

func releases(path string) collection[Release] {
	return collection[Release]{name: path, in: "releases", rows: maxRows, key: func(r *Release) string { return r.Name }}
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
	return list(ctx, c, c.builds(), v, err, q.Limit)
}

// BuildsPage asks for one page of the builds that a query selects.
func (c *Client) BuildsPage(ctx context.Context, q BuildQuery, page int) (*Page[Build], error) {
	v, err := q.values()
	return onePage(ctx, c, c.builds(), v, err, q.Limit, page)
}

func (c *Client) builds() collection[Build] {
	return collection[Build]{name: "builds", in: "builds", rows: c.rows, key: func(b *Build) string { return b.NVR }}
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
	return list(ctx, c, c.overrides(), v, err, q.Limit)
}

// OverridesPage asks for one page of the overrides that a query selects.
func (c *Client) OverridesPage(ctx context.Context, q OverrideQuery, page int) (*Page[Override], error) {
	v, err := q.values()
	return onePage(ctx, c, c.overrides(), v, err, q.Limit, page)
}

func (c *Client) overrides() collection[Override] {
	return collection[Override]{name: "overrides", in: "overrides", rows: c.rows, key: func(o *Override) string { return o.NVR }}
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
		err = &FormatError{URL: shown(u), Reason: "no member compose"}
	}
	if err != nil {
		return nil, fmt.Errorf("ask compose of %s %s: %w", clean(release, 80), clean(string(request), 80), err)
	}
	return answer.Compose, nil
}

// one asks for a member of a collection by its name in the path.
func (c *Client) one(ctx context.Context, collection, argument, name string, out any, filled func() bool) error {
	if err := segment(argument, name); err != nil {
		return err
	}
	u := c.url(collection, name)
	err := c.get(ctx, u, out)
	if err == nil && !filled() {
		err = &FormatError{URL: shown(u), Reason: "a member that identifies the object is missing"}
	}
	if err != nil {
		return fmt.Errorf("ask for %s in %s: %w", clean(name, 80), collection, err)
	}
	return nil
}
