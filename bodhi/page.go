package bodhi

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/url"
	"strconv"
)

// maxStale is how many pages in a row may bring nothing new. The rows of joined
// queries repeat (bodhi issue 5738), but not for that long; a server or proxy
// that ignores the page number would otherwise be asked for ever.
const maxStale = 20

// pager walks over one collection.
type pager[T any] struct {
	client *Client
	name   string // of the collection, in the path and in the answer
	query  url.Values
	limit  int // rows, 0 for all
	rows   int
	key    func(*T) string

	seen  map[string]bool
	stale int
}

type envelope struct {
	Page  int `json:"page"`
	Pages int `json:"pages"`
	Total int `json:"total"`
}

// all yields every row once, in the order of the server. Bodhi before 25.x
// applies the page size to joined rows, so pages come short and rows come
// twice: a short page is not the end, an empty one is.
func (p pager[T]) all(ctx context.Context) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		p := p // each range starts anew
		p.query, p.seen, p.stale = maps.Clone(p.query), map[string]bool{}, 0
		if p.limit > 0 {
			p.rows = min(p.rows, p.limit)
		}
		for page := 1; ; page++ {
			rows, env, err := p.page(ctx, page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range p.fresh(rows) {
				if !yield(row, nil) {
					return
				}
			}
			if p.limit > 0 && len(p.seen) >= p.limit {
				return
			}
			if len(rows) == 0 || page >= env.Pages || len(p.seen) >= env.Total {
				return
			}
			if p.stale >= maxStale {
				yield(nil, &FormatError{URL: p.client.list(p.name, p.query).String(), Reason: "page after page repeats the same rows"})
				return
			}
		}
	}
}

func (p *pager[T]) page(ctx context.Context, page int) ([]T, envelope, error) {
	p.query.Set("page", strconv.Itoa(page))
	p.query.Set("rows_per_page", strconv.Itoa(p.rows))
	u := p.client.list(p.name, p.query)
	var members map[string]json.RawMessage
	if err := p.client.get(ctx, u, &members); err != nil {
		return nil, envelope{}, err
	}
	bad := func(reason string) ([]T, envelope, error) {
		return nil, envelope{}, &FormatError{URL: u.String(), Reason: reason}
	}
	var rows []T
	if _, ok := members[p.name]; !ok {
		return bad("no member " + p.name)
	}
	if err := json.Unmarshal(members[p.name], &rows); err != nil {
		return bad(clean(err.Error(), 200))
	}
	var env envelope
	for name, into := range map[string]*int{"page": &env.Page, "pages": &env.Pages, "total": &env.Total} {
		if err := json.Unmarshal(members[name], into); err != nil {
			return bad("no number " + name)
		}
	}
	return rows, env, nil
}

// fresh leaves out what was seen, and what has no key; limit is obeyed.
func (p *pager[T]) fresh(rows []T) []*T {
	var out []*T
	p.stale++
	for i := range rows {
		key := p.key(&rows[i])
		if key == "" || p.seen[key] {
			continue
		}
		if p.limit > 0 && len(p.seen) == p.limit {
			break
		}
		p.seen[key] = true
		p.stale = 0
		out = append(out, &rows[i])
	}
	return out
}

// failed is the sequence of one error.
func failed[T any](err error) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) { yield(nil, err) }
}
