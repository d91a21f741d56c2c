package bodhi

import (
	"context"
	"encoding/json"
	"fmt"
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
	collection[T]
	client *Client
	query  url.Values
	limit  int // rows, 0 for all

	seen  map[string]bool
	stale int
}

type envelope struct{ page, pages, rows, total int }

// Page is one page of a collection, as the server cuts it: rows may be fewer
// than asked for and may come again on another page. The iterators put pages
// together without that.
type Page[T any] struct {
	Rows        []T
	Number      int // from 1
	Pages       int // 0 when nothing is selected
	RowsPerPage int
	Total       int
}

// collection is a list of Bodhi's.
type collection[T any] struct {
	name string // in the path
	in   string // member of the answer
	rows int    // of a page
	key  func(*T) string
}

// list makes the sequence of what a query selects.
func list[T any](ctx context.Context, c *Client, of collection[T], v url.Values, err error, limit int) iter.Seq2[*T, error] {
	if err != nil {
		return failed[T](fmt.Errorf("list %s: %w", of.name, err))
	}
	p := pager[T]{client: c, collection: of, query: v, limit: limit}
	return func(yield func(*T, error) bool) {
		for row, err := range p.all(ctx) {
			if err != nil {
				err = fmt.Errorf("list %s: %w", of.name, err)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// onePage asks for a single page of what a query selects.
func onePage[T any](ctx context.Context, c *Client, of collection[T], v url.Values, err error, limit, number int) (*Page[T], error) {
	if err == nil && number < 1 {
		err = &ArgumentError{Name: "page", Value: strconv.Itoa(number), Reason: "is not from 1 on"}
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", of.name, err)
	}
	p := pager[T]{client: c, collection: of, query: v, limit: limit}
	if limit > 0 {
		p.rows = min(p.rows, limit)
	}
	rows, env, err := p.page(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", of.name, err)
	}
	return &Page[T]{Rows: rows, Number: env.page, Pages: env.pages, RowsPerPage: env.rows, Total: env.total}, nil
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
			if len(rows) == 0 || page >= env.pages || len(p.seen) >= env.total {
				return
			}
			if p.stale >= maxStale {
				yield(nil, &FormatError{URL: shown(p.client.list(p.name, p.query)), Reason: "page after page repeats the same rows"})
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
		return nil, envelope{}, &FormatError{URL: shown(u), Reason: reason}
	}
	var rows []T
	if _, ok := members[p.in]; !ok {
		return bad("no member " + p.in)
	}
	if err := json.Unmarshal(members[p.in], &rows); err != nil {
		return bad(clean(err.Error(), 200))
	}
	var env envelope
	if json.Unmarshal(members["rows_per_page"], &env.rows) != nil {
		env.rows = p.rows
	}
	for name, into := range map[string]*int{"page": &env.page, "pages": &env.pages, "total": &env.total} {
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
