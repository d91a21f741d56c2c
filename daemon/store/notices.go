package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Notice is one message to one address about the end of one compose. It is
// written in the transaction that ends the compose, so that a kill between the
// end and the sending loses no message.
type Notice struct {
	ID        int64
	ComposeID string
	Kind      string // email
	Address   string
	State     string // pending, sent, failed
	Attempts  int
	Next      time.Time
	Error     string
	Changed   time.Time
}

// insertNotices adds what is to be told about a compose that has ended. It is
// called with every update: a notice is there once per address.
func insertNotices(ctx context.Context, tx *sql.Tx, c *Compose) error {
	if !c.State.Done() {
		return nil
	}
	for _, n := range c.Request.Notify {
		if n.Email == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO notices (compose_id, kind, address, state, changed) VALUES (?, 'email', ?, 'pending', ?)
			ON CONFLICT DO NOTHING`, c.ID, n.Email, millis(c.Finished)); err != nil {
			return fmt.Errorf("insert notice: %w", err)
		}
	}
	return nil
}

const noticeColumns = `id, compose_id, kind, address, state, attempts, next, error, changed`

// DueNotices returns the pending notices whose time has come, at most limit.
func (s *Store) DueNotices(ctx context.Context, now time.Time, limit int) ([]Notice, error) {
	return s.notices(ctx, `SELECT `+noticeColumns+` FROM notices WHERE state = 'pending' AND next <= ? ORDER BY id LIMIT ?`, millis(now), limit)
}

// Notices returns all notices of one compose.
func (s *Store) Notices(ctx context.Context, composeID string) ([]Notice, error) {
	return s.notices(ctx, `SELECT `+noticeColumns+` FROM notices WHERE compose_id = ? ORDER BY id`, composeID)
}

func (s *Store) notices(ctx context.Context, query string, args ...any) ([]Notice, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Notice
	for rows.Next() {
		var n Notice
		var next, changed int64
		if err := rows.Scan(&n.ID, &n.ComposeID, &n.Kind, &n.Address, &n.State, &n.Attempts, &next, &n.Error, &changed); err != nil {
			return nil, fmt.Errorf("list notices: %w", err)
		}
		n.Next, n.Changed = fromMillis(next), fromMillis(changed)
		list = append(list, n)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	return list, nil
}

// UpdateNotice records how a try to send went.
func (s *Store) UpdateNotice(ctx context.Context, n Notice) error {
	if _, err := s.db.ExecContext(ctx, `UPDATE notices SET state = ?, attempts = ?, next = ?, error = ?, changed = ? WHERE id = ?`,
		n.State, n.Attempts, millis(n.Next), n.Error, millis(n.Changed), n.ID); err != nil {
		return fmt.Errorf("update notice: %w", err)
	}
	return nil
}
