package rpmdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Format is how a database is stored.
type Format string

// The formats.
const (
	SQLite Format = "sqlite" // rpmdb.sqlite
	NDB    Format = "ndb"    // Packages.db
	BDB    Format = "bdb"    // Packages
)

const (
	// maxInMemory bounds a database that its fs.FS can only read from start to
	// end. A workstation's has about 250 MiB.
	maxInMemory = 1 << 30
	// maxBlob bounds one header: rpm's own limit for the data (lib/header.cc),
	// of which repo/rpm accepts 64 MiB, and its index.
	maxBlob = 65 << 20
	// maxPackages bounds the headers of a database. Fedora has 80,000 packages.
	maxPackages = 1 << 20
)

// Folders returns where databases are looked for, below the root of a system:
// Fedora's place since 36, the older one, and that of systems made by ostree.
func Folders() []string {
	return []string{"usr/lib/sysimage/rpm", "var/lib/rpm", "usr/share/rpm"}
}

// files are the names by format. sqlite comes first: where rpm has converted a
// database, the old one may still be there.
func files() []struct {
	name   string
	format Format
} {
	return []struct {
		name   string
		format Format
	}{{"rpmdb.sqlite", SQLite}, {"Packages.db", NDB}, {"Packages", BDB}}
}

// Package is one header of the database.
type Package struct {
	*rpm.Installed
	Number uint32 // of the header in the database; rpm counts up
}

// KeyID is the id of the key that the package was signed with, 16 hexadecimal
// digits, "" when it is not signed. The signature is not verified.
func (p *Package) KeyID() string {
	for i := range p.Signatures {
		if id := p.Signatures[i].KeyID; id != "" {
			return id
		}
	}
	return ""
}

// DB is an open database. Its methods may not be called by many goroutines at
// once.
type DB struct {
	Format Format
	Path   string   // of its file in the fs.FS
	Notes  []string // what a reader of the report should know, as sentences

	src     source
	closers []io.Closer
}

// source yields the headers of a database in the order of their numbers.
type source interface {
	each(yield func(number uint32, blob []byte) error) error
}

// Find returns the path of the database file of a system whose root is fsys,
// and its format. The error wraps fs.ErrNotExist when there is none.
func Find(fsys fs.FS) (file string, format Format, err error) {
	var first error
	for _, dir := range Folders() {
		if file, format, err = findIn(fsys, dir); err == nil {
			return file, format, nil
		}
		// A link that leads nowhere useful must not hide the next place.
		if first == nil && !errors.Is(err, fs.ErrNotExist) {
			first = err
		}
	}
	if first != nil {
		return "", "", first
	}
	return "", "", fmt.Errorf("find database of rpm: %w", fs.ErrNotExist)
}

func findIn(fsys fs.FS, dir string) (string, Format, error) {
	for _, f := range files() {
		name := path.Join(dir, f.name)
		info, err := fs.Stat(fsys, name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) || err == nil && (!info.Mode().IsRegular() || info.Size() == 0) {
			continue
		}
		if err != nil {
			return "", "", fmt.Errorf("find database of rpm: %w", err)
		}
		return name, f.format, nil
	}
	return "", "", fmt.Errorf("find database of rpm in %s: %w", dir, fs.ErrNotExist)
}

// Open opens the database in the folder dir of fsys, or the one that Find finds
// when dir is "". Besides *FormatError the error may wrap fs.ErrNotExist.
func Open(fsys fs.FS, dir string) (*DB, error) {
	var name string
	var format Format
	var err error
	if dir == "" {
		name, format, err = Find(fsys)
	} else {
		name, format, err = findIn(fsys, dir)
	}
	if err != nil {
		return nil, err
	}
	db := &DB{Format: format, Path: name}
	if err := db.open(fsys); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) open(fsys fs.FS) error {
	r, err := db.file(fsys, db.Path)
	if err != nil {
		return err
	}
	switch db.Format {
	case SQLite:
		db.src, err = db.openSQLite(fsys, r)
	case NDB:
		db.src, err = openNDB(r)
	case BDB:
		db.src, err = openBDB(r)
	}
	return err
}

// New reads a database of a format from r, of size bytes; name is used in
// errors. A write-ahead log beside it is not read.
func New(r io.ReaderAt, size int64, format Format, name string) (*DB, error) {
	db := &DB{Format: format, Path: name}
	f := &file{r: r, size: size, name: name, format: format}
	var err error
	switch format {
	case SQLite:
		db.src, err = newSQLite(f, nil)
	case NDB:
		db.src, err = openNDB(f)
	case BDB:
		db.src, err = openBDB(f)
	default:
		return nil, fmt.Errorf("read database of rpm: unknown format %q", format)
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// Packages yields every package in the order of the header numbers. A header
// that is damaged is a *HeaderError, and the next ones follow; after any other
// error, most often a *FormatError, nothing follows.
func (db *DB) Packages() iter.Seq2[*Package, error] {
	return func(yield func(*Package, error) bool) {
		n := 0
		err := db.src.each(func(number uint32, blob []byte) error {
			if n++; n > maxPackages {
				return fmt.Errorf("read database of rpm: more than %d packages", maxPackages)
			}
			in, err := rpm.ReadInstalled(blob)
			if err != nil {
				if !yield(nil, &HeaderError{Number: number, Err: err}) {
					return errStop
				}
				return nil
			}
			if !yield(&Package{Installed: in, Number: number}, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}

var errStop = errors.New("stop")

// Close closes the files that Open opened.
func (db *DB) Close() error {
	var err error
	for _, c := range db.closers {
		err = errors.Join(err, c.Close())
	}
	db.closers = nil
	return err
}

// file is a file of known size whose errors say where.
type file struct {
	r      io.ReaderAt
	size   int64
	name   string
	format Format
}

func (db *DB) file(fsys fs.FS, name string) (*file, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open database of rpm: %w", err)
	}
	db.closers = append(db.closers, f)
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open database of rpm: %w", err)
	}
	if r, ok := f.(io.ReaderAt); ok {
		return &file{r, info.Size(), name, db.Format}, nil
	}
	data, err := limitio.ReadAll(f, maxInMemory, "the database "+name)
	if err != nil {
		return nil, fmt.Errorf("read database of rpm: %w", err)
	}
	return &file{bytes.NewReader(data), int64(len(data)), name, db.Format}, nil
}

// bad makes an error that points at a byte of the file.
func (f *file) bad(offset int64, format string, args ...any) error {
	return &FormatError{File: f.name, Format: f.format, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// read fills b from offset. What a caller wants must lie in the file.
func (f *file) read(b []byte, offset int64) error {
	if offset < 0 || offset > f.size || int64(len(b)) > f.size-offset {
		return &FormatError{File: f.name, Format: f.format, Offset: offset, Reason: fmt.Sprintf("%d bytes lie outside of its %d", len(b), f.size), Err: io.ErrUnexpectedEOF}
	}
	if n, err := f.r.ReadAt(b, offset); n < len(b) {
		return &FormatError{File: f.name, Format: f.format, Offset: offset, Reason: "it cannot be read", Err: err}
	}
	return nil
}

// pageSet remembers which pages were visited.
type pageSet map[uint32]struct{}

// add is false when the page is in the set already.
func (s pageSet) add(page uint32) bool {
	if _, ok := s[page]; ok {
		return false
	}
	s[page] = struct{}{}
	return true
}
