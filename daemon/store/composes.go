package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// Compose is the record of one compose.
type Compose struct {
	ID        string
	Seq       int64 // order of arrival, set by Insert
	State     compose.State
	Owner     string
	IdemKey   string
	Digest    string // of the plan
	Submitted bool   // the queue has taken it
	Canceling bool   // somebody asked for its end
	Created   time.Time
	Expires   time.Time
	Request   compose.Request
	Plan      *compose.Plan // nil until resolved
	Record
}

// Record is the part of a compose that is never searched for.
type Record struct {
	Stage     compose.Stage     `json:"stage,omitempty"`
	Percent   int               `json:"percent,omitempty"`
	Message   string            `json:"message,omitempty"`
	Node      string            `json:"node,omitempty"`
	Attempt   int               `json:"attempt,omitempty"`
	Started   time.Time         `json:"started,omitzero"`
	Finished  time.Time         `json:"finished,omitzero"`
	RetryOf   string            `json:"retry_of,omitempty"`
	Asked     string            `json:"asked,omitempty"` // digest of the request as it came
	Failure   *compose.Failure  `json:"failure,omitempty"`
	Result    *compose.Result   `json:"result,omitempty"`
	Published []api.Published   `json:"published,omitempty"`
	LogSeq    uint64            `json:"log_seq,omitempty"`  // last queue event whose text is in the log file
	LogSize   int64             `json:"log_size,omitempty"` // bytes of the log file up to that event
	Warnings  []compose.Warning `json:"warnings,omitempty"`
}

const composeColumns = `id, seq, state, owner, digest, coalesce(idem_key, ''), submitted, canceling, created, expires, request, plan, record`

type scanner interface{ Scan(dest ...any) error }

func scanCompose(row scanner) (*Compose, error) {
	var c Compose
	var created, expires int64
	var request, plan, record []byte
	err := row.Scan(&c.ID, &c.Seq, &c.State, &c.Owner, &c.Digest, &c.IdemKey, &c.Submitted, &c.Canceling, &created, &expires, &request, &plan, &record)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read compose: %w", err)
	}
	c.Created, c.Expires = fromMillis(created), fromMillis(expires)
	err = errors.Join(json.Unmarshal(request, &c.Request), json.Unmarshal(record, &c.Record))
	if plan != nil {
		c.Plan = new(compose.Plan)
		err = errors.Join(err, json.Unmarshal(plan, c.Plan))
	}
	if err != nil {
		return nil, fmt.Errorf("read compose %s: %w", c.ID, err)
	}
	return &c, nil
}

func (c *Compose) encode() (request, plan, record []byte, err error) {
	var errs [3]error
	request, errs[0] = json.Marshal(c.Request)
	record, errs[1] = json.Marshal(c.Record)
	if c.Plan != nil {
		plan, errs[2] = json.Marshal(c.Plan)
	}
	return request, plan, record, errors.Join(errs[:]...)
}

// Insert adds a compose. When its IdemKey is taken, ErrExists says so and
// nothing changes.
func (s *Store) Insert(ctx context.Context, c *Compose) error {
	request, plan, record, err := c.encode()
	if err != nil {
		return fmt.Errorf("encode compose: %w", err)
	}
	var key any
	if c.IdemKey != "" {
		key = c.IdemKey
	}
	return s.tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO composes
			(id, seq, state, kind, release, arch, owner, digest, idem_key, submitted, canceling, created, expires, request, plan, record)
			VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM composes), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`,
			c.ID, c.State, c.Request.Kind, c.Request.Release, c.Request.Arch, c.Owner, c.Digest, key, c.Submitted, c.Canceling,
			millis(c.Created), millis(c.Expires), request, plan, record)
		if err != nil {
			return fmt.Errorf("insert compose: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(ErrExists, err)
		}
		for _, source := range c.Request.Sources {
			if _, err := tx.ExecContext(ctx, `INSERT INTO compose_sources (id, source) VALUES (?, ?)`, c.ID, source); err != nil {
				return fmt.Errorf("insert source: %w", err)
			}
		}
		for k, v := range c.Request.Labels {
			if _, err := tx.ExecContext(ctx, `INSERT INTO compose_labels (id, label) VALUES (?, ?)`, c.ID, k+"="+v); err != nil {
				return fmt.Errorf("insert label: %w", err)
			}
		}
		return tx.QueryRowContext(ctx, `SELECT seq FROM composes WHERE id = ?`, c.ID).Scan(&c.Seq)
	})
}

// Update changes the compose id by fn in one transaction and returns what then
// stands. An error of fn leaves everything as it was.
func (s *Store) Update(ctx context.Context, id string, fn func(*Compose) error) (*Compose, error) {
	var c *Compose
	err := s.tx(ctx, func(tx *sql.Tx) error {
		var err error
		if c, err = scanCompose(tx.QueryRowContext(ctx, `SELECT `+composeColumns+` FROM composes WHERE id = ?`, id)); err != nil {
			return err
		}
		if err := fn(c); err != nil {
			return err
		}
		request, plan, record, err := c.encode()
		if err != nil {
			return fmt.Errorf("encode compose: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE composes SET state = ?, release = ?, arch = ?, digest = ?, submitted = ?, canceling = ?,
			expires = ?, request = ?, plan = ?, record = ? WHERE id = ?`,
			c.State, c.Request.Release, c.Request.Arch, c.Digest, c.Submitted, c.Canceling, millis(c.Expires), request, plan, record, id); err != nil {
			return fmt.Errorf("update compose: %w", err)
		}
		return insertNotices(ctx, tx, c)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Delete removes a record that never came to be a compose (a refused request).
// One that has left the state resolving, for instance by a cancellation that
// was answered, stays.
func (s *Store) Delete(ctx context.Context, id string) error {
	if _, err := s.db.ExecContext(ctx, `DELETE FROM composes WHERE id = ? AND state = 'resolving'`, id); err != nil {
		return fmt.Errorf("delete compose: %w", err)
	}
	return nil
}

// Get returns the compose with the id, or ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (*Compose, error) {
	return scanCompose(s.db.QueryRowContext(ctx, `SELECT `+composeColumns+` FROM composes WHERE id = ?`, id))
}

// ByKey returns the compose that a request with this Idempotency-Key made.
func (s *Store) ByKey(ctx context.Context, key string) (*Compose, error) {
	return scanCompose(s.db.QueryRowContext(ctx, `SELECT `+composeColumns+` FROM composes WHERE idem_key = ?`, key))
}

// ByDigest returns the newest compose of that plan which succeeded.
func (s *Store) ByDigest(ctx context.Context, digest string) (*Compose, error) {
	return scanCompose(s.db.QueryRowContext(ctx, `SELECT `+composeColumns+` FROM composes
		WHERE digest = ? AND state = 'succeeded' ORDER BY seq DESC LIMIT 1`, digest))
}

// Filter selects composes. Empty fields select all.
type Filter struct {
	States    []compose.State
	Kind      string
	Release   string
	Arch      string
	Owner     string
	Source    string
	Label     string // key=value
	Before    int64  // only those with a smaller Seq
	Limit     int    // default 50
	Unqueued  bool   // only those that the queue has not yet taken
	Canceling bool   // only those whose end was asked for
	Expiring  time.Time
	Ascending bool // oldest first
	Brief     bool // leave out the Plans, by far the largest part
}

// List returns the composes that the filter selects, newest first.
func (s *Store) List(ctx context.Context, f Filter) ([]*Compose, error) {
	where, args := f.where()
	order := "DESC"
	if f.Ascending {
		order = "ASC"
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	columns := composeColumns
	if f.Brief {
		columns = strings.Replace(columns, " plan,", " NULL,", 1)
	}
	rows, err := s.db.QueryContext(ctx, `SELECT `+columns+` FROM composes WHERE `+where+` ORDER BY seq `+order+` LIMIT ?`, append(args, f.Limit)...) //nolint:gosec // G202: every part is a constant, values are bound
	if err != nil {
		return nil, fmt.Errorf("list composes: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []*Compose
	for rows.Next() {
		c, err := scanCompose(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list composes: %w", err)
	}
	return list, nil
}

// IDs returns the ids of the composes that the filter selects, all of them.
func (s *Store) IDs(ctx context.Context, f Filter) ([]string, error) {
	where, args := f.where()
	rows, err := s.db.QueryContext(ctx, `SELECT id FROM composes WHERE `+where, args...) //nolint:gosec // G202: every part is a constant, values are bound
	if err != nil {
		return nil, fmt.Errorf("list composes: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list composes: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list composes: %w", err)
	}
	return ids, nil
}

func (f *Filter) where() (string, []any) {
	conds, args := []string{"1"}, []any{}
	add := func(cond string, arg ...any) { conds, args = append(conds, cond), append(args, arg...) }
	if len(f.States) > 0 {
		marks := slices.Repeat([]string{"?"}, len(f.States))
		states := make([]any, len(f.States))
		for i, st := range f.States {
			states[i] = string(st)
		}
		add("state IN ("+strings.Join(marks, ", ")+")", states...)
	}
	for _, eq := range []struct{ column, value string }{{"kind", f.Kind}, {"release", f.Release}, {"arch", f.Arch}, {"owner", f.Owner}} {
		if eq.value != "" {
			add(eq.column+" = ?", eq.value)
		}
	}
	if f.Source != "" {
		add("id IN (SELECT id FROM compose_sources WHERE source = ?)", f.Source)
	}
	if f.Label != "" {
		add("id IN (SELECT id FROM compose_labels WHERE label = ?)", f.Label)
	}
	if f.Before > 0 {
		add("seq < ?", f.Before)
	}
	if f.Unqueued {
		add("submitted = 0")
	}
	if f.Canceling {
		add("canceling = 1")
	}
	if !f.Expiring.IsZero() {
		add("expires > 0 AND expires <= ?", millis(f.Expiring))
	}
	return strings.Join(conds, " AND "), args
}

// Count returns how many composes the filter selects.
func (s *Store) Count(ctx context.Context, f Filter) (int, error) {
	where, args := f.where()
	var n int
	if err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM composes WHERE `+where, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count composes: %w", err)
	}
	return n, nil
}
