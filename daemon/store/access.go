package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Upload is a file that a user brought. Its content lies beside the database
// under its ID.
type Upload struct {
	ID      string // sha256 of the content, hex
	Name    string
	Type    string // rpm, iso
	Size    int64
	NEVRA   string
	Created time.Time
}

// PutUpload records an upload; the same content again only renews it, but that
// what came as a plain file may turn out to be an RPM or an ISO.
func (s *Store) PutUpload(ctx context.Context, u Upload) error {
	if _, err := s.db.ExecContext(ctx, `INSERT INTO uploads (id, name, type, size, nevra, created) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET used = excluded.created,
		name = CASE WHEN type = 'file' THEN excluded.name ELSE name END,
		nevra = CASE WHEN type = 'file' THEN excluded.nevra ELSE nevra END,
		type = CASE WHEN type = 'file' THEN excluded.type ELSE type END`, u.ID, u.Name, u.Type, u.Size, u.NEVRA, millis(u.Created)); err != nil {
		return fmt.Errorf("record upload: %w", err)
	}
	return nil
}

// Upload returns the upload with the id, or ErrNotFound. A prefix of at least
// eight digits that names only one upload is enough.
func (s *Store) Upload(ctx context.Context, id string) (Upload, error) {
	var u Upload
	var created int64
	rows, err := s.db.QueryContext(ctx, `SELECT id, name, type, size, nevra, created FROM uploads WHERE id >= ? AND id < ? LIMIT 2`, id, id+"g")
	if err != nil {
		return u, fmt.Errorf("read upload: %w", err)
	}
	defer func() { _ = rows.Close() }()
	n := 0
	for ; rows.Next(); n++ {
		if err := rows.Scan(&u.ID, &u.Name, &u.Type, &u.Size, &u.NEVRA, &created); err != nil {
			return u, fmt.Errorf("read upload: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return u, fmt.Errorf("read upload: %w", err)
	}
	if n != 1 || len(id) < 8 {
		return Upload{}, ErrNotFound
	}
	u.Created = fromMillis(created)
	return u, nil
}

// UseUpload notes that an upload was used.
func (s *Store) UseUpload(ctx context.Context, id string, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, `UPDATE uploads SET used = ? WHERE id = ?`, millis(now), id); err != nil {
		return fmt.Errorf("update upload: %w", err)
	}
	return nil
}

// StaleUploads lists the uploads that were last used, or brought, before then.
func (s *Store) StaleUploads(ctx context.Context, then time.Time) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id FROM uploads WHERE max(used, created) < ?`, millis(then))
	if err != nil {
		return nil, fmt.Errorf("list uploads: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list uploads: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list uploads: %w", err)
	}
	return ids, nil
}

// DeleteUpload forgets an upload unless it was used since then, and tells whether
// it did.
func (s *Store) DeleteUpload(ctx context.Context, id string, then time.Time) (bool, error) {
	res, err := s.db.ExecContext(ctx, `DELETE FROM uploads WHERE id = ? AND max(used, created) < ?`, id, millis(then))
	if err != nil {
		return false, fmt.Errorf("delete upload: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Token is an API token. Only the hash of its secret is kept.
type Token struct {
	ID      string
	Name    string
	Hash    []byte // sha256 of the secret
	Scopes  []string
	Extra   string // for scope node: the public key of its queue user
	Created time.Time
	Used    time.Time
}

// Allows tells whether the token carries the scope; admin carries all.
func (t *Token) Allows(scope string) bool {
	return slices.Contains(t.Scopes, scope) || slices.Contains(t.Scopes, "admin")
}

// PutToken records a token.
func (s *Store) PutToken(ctx context.Context, t Token) error {
	if _, err := s.db.ExecContext(ctx, `INSERT INTO tokens (id, name, hash, scopes, extra, created) VALUES (?, ?, ?, ?, ?, ?)`,
		t.ID, t.Name, t.Hash, strings.Join(t.Scopes, ","), t.Extra, millis(t.Created)); err != nil {
		return fmt.Errorf("record token: %w", err)
	}
	return nil
}

const tokenColumns = `id, name, hash, scopes, extra, created, used` //nolint:gosec // G101: names of columns

func scanToken(row scanner) (Token, error) {
	var t Token
	var scopes string
	var created, used int64
	err := row.Scan(&t.ID, &t.Name, &t.Hash, &scopes, &t.Extra, &created, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return t, ErrNotFound
	}
	if err != nil {
		return t, fmt.Errorf("read token: %w", err)
	}
	t.Scopes, t.Created, t.Used = strings.Split(scopes, ","), fromMillis(created), fromMillis(used)
	return t, nil
}

// TokenByHash returns the token whose secret has that hash, or ErrNotFound.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (Token, error) {
	return scanToken(s.db.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE hash = ?`, hash))
}

// Tokens lists all tokens, oldest first.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+tokenColumns+` FROM tokens ORDER BY created, id`)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Token
	for rows.Next() {
		t, err := scanToken(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return list, nil
}

// TokenUsed notes when a token was last used.
func (s *Store) TokenUsed(ctx context.Context, id string, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, `UPDATE tokens SET used = ? WHERE id = ?`, millis(now), id); err != nil {
		return fmt.Errorf("update token: %w", err)
	}
	return nil
}

// DeleteToken revokes a token and returns what it was, or ErrNotFound.
func (s *Store) DeleteToken(ctx context.Context, id string) (Token, error) {
	return scanToken(s.db.QueryRowContext(ctx, `DELETE FROM tokens WHERE id = ? RETURNING `+tokenColumns, id))
}
