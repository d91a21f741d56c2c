-- The records of respin: what was asked for, what became of it, who is to be
-- told. Written by the one daemon that owns the data directory.
CREATE TABLE IF NOT EXISTS meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS composes (
	id        TEXT PRIMARY KEY,
	seq       INTEGER NOT NULL UNIQUE, -- order of arrival, for paging
	state     TEXT NOT NULL,
	kind      TEXT NOT NULL,
	release   TEXT NOT NULL,
	arch      TEXT NOT NULL,
	owner     TEXT NOT NULL DEFAULT '',
	digest    TEXT NOT NULL DEFAULT '', -- of the plan
	idem_key  TEXT UNIQUE,              -- Idempotency-Key of the request that made it
	submitted INTEGER NOT NULL DEFAULT 0, -- the queue has it
	canceling INTEGER NOT NULL DEFAULT 0,
	created   INTEGER NOT NULL,         -- Unix milliseconds
	expires   INTEGER NOT NULL DEFAULT 0,
	request   BLOB NOT NULL,            -- JSON
	plan      BLOB,                     -- JSON
	record    BLOB NOT NULL             -- JSON, the rest of the record
) STRICT;
CREATE INDEX IF NOT EXISTS composes_state ON composes (state);
CREATE INDEX IF NOT EXISTS composes_digest ON composes (digest);

CREATE TABLE IF NOT EXISTS compose_sources (
	id     TEXT NOT NULL REFERENCES composes (id) ON DELETE CASCADE,
	source TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS compose_sources_source ON compose_sources (source);

CREATE TABLE IF NOT EXISTS compose_labels (
	id    TEXT NOT NULL REFERENCES composes (id) ON DELETE CASCADE,
	label TEXT NOT NULL -- key=value
) STRICT;
CREATE INDEX IF NOT EXISTS compose_labels_label ON compose_labels (label);

CREATE TABLE IF NOT EXISTS notices (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	compose_id TEXT NOT NULL REFERENCES composes (id) ON DELETE CASCADE,
	kind       TEXT NOT NULL,
	address    TEXT NOT NULL,
	state      TEXT NOT NULL, -- pending, sent, failed
	attempts   INTEGER NOT NULL DEFAULT 0,
	next       INTEGER NOT NULL DEFAULT 0, -- Unix milliseconds of the next try
	error      TEXT NOT NULL DEFAULT '',
	changed    INTEGER NOT NULL DEFAULT 0,
	UNIQUE (compose_id, kind, address)
) STRICT;
CREATE INDEX IF NOT EXISTS notices_state ON notices (state, next);

CREATE TABLE IF NOT EXISTS uploads (
	id      TEXT PRIMARY KEY, -- sha256 of the content
	name    TEXT NOT NULL,
	type    TEXT NOT NULL,
	size    INTEGER NOT NULL,
	nevra   TEXT NOT NULL DEFAULT '',
	created INTEGER NOT NULL,
	used    INTEGER NOT NULL DEFAULT 0 -- Unix milliseconds of the last request that named it
) STRICT;

CREATE TABLE IF NOT EXISTS tokens (
	id      TEXT PRIMARY KEY,
	name    TEXT NOT NULL,
	hash    BLOB NOT NULL UNIQUE, -- sha256 of the secret
	scopes  TEXT NOT NULL,        -- comma separated
	extra   TEXT NOT NULL DEFAULT '', -- node: its public queue key
	created INTEGER NOT NULL,
	used    INTEGER NOT NULL DEFAULT 0
) STRICT;
