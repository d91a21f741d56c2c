package bodhi

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
)

// Update asks for one update by its alias. A name that is no alias is sent as
// well: Bodhi knows the names of packages, and the error is then a
// *PackageNameError. An unknown alias matches ErrNotFound.
func (c *Client) Update(ctx context.Context, alias string) (*Update, error) {
	if err := segment("alias", alias); err != nil {
		return nil, err
	}
	var answer struct {
		Update *Update `json:"update"`
	}
	u := c.url("updates", alias)
	err := c.get(ctx, u, &answer)
	if api, ok := errors.AsType[*APIError](err); ok && packageRedirect(api) {
		err = &PackageNameError{Name: alias}
	}
	if err == nil && (answer.Update == nil || answer.Update.Alias == "") {
		err = &FormatError{URL: shown(u), Reason: "no member update with an alias"}
	}
	if err != nil {
		return nil, fmt.Errorf("ask update %s: %w", clean(alias, 80), err)
	}
	return answer.Update, nil
}

// packageRedirect recognizes the 302 to /updates/?packages=NAME.
func packageRedirect(e *APIError) bool {
	if e.StatusCode < 300 || e.StatusCode > 399 {
		return false
	}
	u, err := url.Parse(e.Location)
	return err == nil && strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/updates") && u.Query().Has("packages")
}

// Updates lists the updates that a query selects, each once. The sequence ends
// with the first error. It may be ranged over several times.
func (c *Client) Updates(ctx context.Context, q UpdateQuery) iter.Seq2[*Update, error] {
	v, err := q.values()
	return list(ctx, c, c.updates(), v, err, q.Limit)
}

// UpdatesPage asks for one page of the updates that a query selects.
func (c *Client) UpdatesPage(ctx context.Context, q UpdateQuery, page int) (*Page[Update], error) {
	v, err := q.values()
	return onePage(ctx, c, c.updates(), v, err, q.Limit, page)
}

func (c *Client) updates() collection[Update] {
	return collection[Update]{name: "updates", in: "updates", rows: c.rows, key: func(u *Update) string { return u.Alias }}
}

// UpdateForBuild asks which update a build is in. A build is in at most one
// update that is not unpushed; where only unpushed or obsolete ones are left, the newest
// of them is the answer (see Update.Status). None matches ErrNotFound.
func (c *Client) UpdateForBuild(ctx context.Context, nvr string) (*Update, error) {
	if reason := badWord(nvr); reason != "" {
		return nil, &ArgumentError{Name: "nvr", Value: nvr, Reason: reason}
	}
	var best *Update
	for u, err := range c.Updates(ctx, UpdateQuery{Builds: []string{nvr}}) {
		if err != nil {
			return nil, fmt.Errorf("ask update of build %s: %w", clean(nvr, 80), err)
		}
		if !slices.Contains(u.NVRs(), nvr) {
			continue
		}
		if u.Status != StatusUnpushed && u.Status != StatusObsolete {
			return u, nil
		}
		if best == nil {
			best = u
		}
	}
	if best == nil {
		return nil, fmt.Errorf("ask update of build %s: %w", clean(nvr, 80), ErrNotFound)
	}
	return best, nil
}

// TestResults asks Greenwave, by way of Bodhi, whether an update may pass its
// gates: one decision for each eight builds. Slow. A Bodhi without Greenwave
// answers 501, one whose Greenwave is silent 502 or 504.
func (c *Client) TestResults(ctx context.Context, alias string) ([]Decision, error) {
	if err := segment("alias", alias); err != nil {
		return nil, err
	}
	var answer struct {
		Decisions []Decision `json:"decisions"`
	}
	if err := c.get(ctx, c.url("updates", alias, "get-test-results"), &answer); err != nil {
		return nil, fmt.Errorf("ask test results of %s: %w", clean(alias, 80), err)
	}
	for i := range answer.Decisions {
		answer.Decisions[i].scrub()
	}
	return answer.Decisions, nil
}
