// Package store keeps the daemon's records in SQLite: composes with their
// request and plan, the notices still to be sent, uploads and tokens. One
// process owns the file; every change is one transaction that is on disk when
// the call returns, so a kill at any moment loses nothing that was answered.
//
//	s, err := store.Open(ctx, filepath.Join(data, "respin.db"))
//	defer s.Close()
//	err = s.Insert(ctx, &store.Compose{ID: id, State: compose.StateResolving, Request: req})
//	err = s.Update(ctx, id, func(c *store.Compose) error {
//		c.State = compose.StateQueued
//		return nil
//	})
package store

import (
	"context"
	"database/sql"
	_ "embed" // schema.sql
	"errors"
	"fmt"
	"net/url"
	"os"
	"syscall"
	"time"

	"modernc.org/sqlite" // registers itself with database/sql
)

//go:embed schema.sql
var schema string

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("no such record")
	ErrExists   = errors.New("record exists")
)

// Store is safe for concurrent use.
type Store struct{ db *sql.DB }

// Open opens or makes the database at path.
func Open(ctx context.Context, path string) (*Store, error) {
	// The records hold addresses and hashes: nobody else reads them.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	// One connection: SQLite has one writer, and waiting in Go is fairer than
	// its busy handler. FULL makes a commit survive a power loss.
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{"_pragma": {
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "busy_timeout(10000)",
	}}.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, errors.Join(err, db.Close()))
	}
	return &Store{db: db}, nil
}

// Close ends the store.
func (s *Store) Close() error { return s.db.Close() }

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.PingContext(ctx) }

// tx runs fn in one transaction.
func (s *Store) tx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(full(err), tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", full(err))
	}
	return nil
}

// full makes SQLite's word for a full disk the system's, so that callers know it.
func full(err error) error {
	const sqliteFull = 13 // https://sqlite.org/rescode.html#full
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqliteFull {
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	}
	return err
}

// Meta returns the value kept under key, "" when there is none.
func (s *Store) Meta(ctx context.Context, key string) (string, error) {
	var v string
	err := s.db.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", key, err)
	}
	return v, nil
}

// SetMeta keeps value under key.
func (s *Store) SetMeta(ctx context.Context, key, value string) error {
	if _, err := s.db.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
