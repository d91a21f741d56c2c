package proof

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose/image"
	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpmdb"
)

const (
	// loraxList is where lorax writes what it installed, before it removes some
	// of it again.
	loraxList = "root/lorax-packages.log"
	maxList   = 16 << 20
	maxNotes  = 100 // damaged headers that are named
	keyName   = "gpg-pubkey"
)

// Evidence says what a statement about a package stands on.
type Evidence string

// The grades of evidence.
const (
	ByDigest  Evidence = "digest"  // the database names the RPM by its digest
	ByVersion Evidence = "version" // the database has the version; no digest could be compared
	ByList    Evidence = "list"    // a list of the builder has the version
)

// ErrNoSystem says that an image holds no operating system that could be read.
var ErrNoSystem = errors.New("no operating system was found in the image")

// Package is one package of a system. What only a database knows is empty for
// one that only a list names.
type Package struct {
	rpm.NEVRA
	// HeaderStatus is rpm.StatusOK when the header in the database is the RPM's
	// own by the digest that the RPM carries.
	HeaderStatus rpm.Status
	SigMD5       string
	HeaderSHA256 string
	KeyID        string // that signed the RPM, "" for none; not verified
	InstallTime  int64  // seconds since 1970
	BuildTime    int64
	Size         uint64 // bytes when installed
	Vendor       string
	License      string
	Summary      string
	URL          string
	SourceRPM    string
}

// Side says where a package is that is not everywhere.
type Side string

// The sides of a Disagreement.
const (
	OnlyInDatabase Side = "only in the database"
	OnlyInList     Side = "only in the list"
)

// Disagreement is a package that database and list do not agree on.
type Disagreement struct {
	Package string // name-version-release.arch
	Side    Side
}

// System is one operating system of an image.
type System struct {
	Path     string // of its file system in the image, as image.Layer.Path
	Format   image.Format
	Release  string       // PRETTY_NAME of os-release, "" without one
	Database string       // path of the database, "" when the system has none
	DBFormat rpmdb.Format // of it
	List     string       // path of lorax' list, or of Listed, "" when there is none
	// Packages are those of the database, or of the list where there is no
	// database, sorted. Keys (gpg-pubkey) are no packages.
	Packages      []Package
	Disagreements []Disagreement // sorted; only where there are both
	Notes         []string       // what could not be read, as sentences
}

// Contents is what an image ships.
type Contents struct {
	Path    string // of the image
	Systems []System
	Notes   []string
}

// Options are the options of Read. The zero value works.
type Options struct {
	// MaxPackages bounds the packages of one system; default 200,000.
	MaxPackages int
}

// Read reads the image, or the folder, at path. Besides the errors of
// image.Open there are ErrNoSystem and those of a database that is damaged
// (*rpmdb.FormatError).
func Read(ctx context.Context, path string, o Options) (*Contents, error) {
	img, err := image.Open(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the image
	}
	c, err := ReadImage(ctx, img, o)
	return c, errors.Join(err, img.Close())
}

// ReadImage is Read for an image that is open.
func ReadImage(ctx context.Context, img *image.Image, o Options) (*Contents, error) {
	c := &Contents{Path: img.Path, Notes: slices.Clone(img.Notes)}
	for _, l := range img.Systems() {
		s := System{Path: l.Path, Format: l.Format, Release: release(l.FS)}
		if err := s.read(ctx, l.FS, o); err != nil {
			return nil, fmt.Errorf("read packages of %s: %w", cmp.Or(l.Path, img.Path), err)
		}
		if s.Database != "" || s.List != "" {
			c.Systems = append(c.Systems, s)
		} else {
			c.Notes = append(c.Notes, fmt.Sprintf("The system in %s has neither a database of rpm nor a list of packages.", cmp.Or(l.Path, "the image")))
		}
	}
	if len(c.Systems) == 0 {
		return nil, fmt.Errorf("read packages of %s: %w", img.Path, errors.Join(append([]error{ErrNoSystem}, noteErrors(c.Notes)...)...))
	}
	return c, nil
}

// Listed is what a list says that an image ships, for one that cannot be asked
// itself: one system without a database. A package without an epoch has none.
func Listed(list string, packages []Package) *Contents {
	s := System{List: list, Packages: slices.Clone(packages)}
	for i := range s.Packages {
		s.Packages[i].EVR.HasEpoch = true // unlike in lorax' list
	}
	s.sort()
	return &Contents{Systems: []System{s}}
}

func noteErrors(notes []string) []error {
	list := make([]error, len(notes))
	for i, n := range notes {
		list[i] = errors.New(n)
	}
	return list
}

func (s *System) read(ctx context.Context, fsys fs.FS, o Options) error {
	listed, err := s.readList(fsys)
	if err != nil {
		return err
	}
	db, err := rpmdb.Open(fsys, "")
	if errors.Is(err, fs.ErrNotExist) {
		for _, n := range listed {
			s.Packages = append(s.Packages, Package{NEVRA: n})
		}
		s.sort()
		return nil
	}
	if err != nil {
		return err //nolint:wrapcheck // it names the database
	}
	s.Database, s.DBFormat, s.Notes = db.Path, db.Format, append(s.Notes, db.Notes...)
	if err := errors.Join(s.readDB(ctx, db, cmp.Or(o.MaxPackages, 200_000)), db.Close()); err != nil {
		return err
	}
	s.sort()
	if s.List != "" {
		s.compare(listed)
	}
	return nil
}

func (s *System) sort() {
	slices.SortStableFunc(s.Packages, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), a.EVR.Compare(b.EVR), cmp.Compare(a.Arch, b.Arch))
	})
}

func (s *System) readDB(ctx context.Context, db *rpmdb.DB, limit int) error {
	damaged := 0
	for p, err := range db.Packages() {
		if ctx.Err() != nil {
			return fmt.Errorf("read database: %w", ctx.Err())
		}
		if bad, ok := errors.AsType[*rpmdb.HeaderError](err); ok {
			if damaged++; damaged <= maxNotes {
				s.Notes = append(s.Notes, fmt.Sprintf("A header of the database is damaged and was passed over: %s.", bad))
			}
			continue
		}
		if err != nil {
			return err //nolint:wrapcheck // it names the database
		}
		if p.Name == keyName {
			continue
		}
		if len(s.Packages) >= limit {
			return fmt.Errorf("read database: more than %d packages", limit)
		}
		text := strings.Clone // or each package would keep its whole header
		s.Packages = append(s.Packages, Package{
			NEVRA: p.NEVRA(), HeaderStatus: p.HeaderStatus, SigMD5: p.Digests.SigMD5, HeaderSHA256: p.Digests.HeaderSHA256,
			KeyID: p.KeyID(), InstallTime: p.InstallTime, BuildTime: p.BuildTime, Size: p.InstalledSize,
			Vendor: text(p.Vendor), License: text(p.License), Summary: text(p.Summary), URL: text(p.URL), SourceRPM: text(p.SourceRPM),
		})
		if p.HeaderStatus == rpm.StatusBad {
			s.Notes = append(s.Notes, fmt.Sprintf("The header of %s in the database is not that of its RPM.", p.NEVRA()))
		}
	}
	return nil
}

// readList reads what lorax wrote: the output of rpm -qa, without epochs.
func (s *System) readList(fsys fs.FS) ([]rpm.NEVRA, error) {
	f, err := fsys.Open(loraxList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open list of packages: %w", err)
	}
	data, err := limitio.ReadAll(f, maxList, "the list of packages")
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read list of packages: %w", err)
	}
	list, notes := ParseList(bytes.NewReader(data))
	s.List, s.Notes = loraxList, append(s.Notes, notes...)
	return list, nil
}

// ParseList reads a list of packages as rpm -qa prints it, one
// name-version-release.arch a line. Keys are left out; lines that are no package
// are named in notes, at most a hundred.
func ParseList(r io.Reader) (list []rpm.NEVRA, notes []string) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, keyName+"-") {
			continue
		}
		n, err := rpm.ParseNEVRA(line)
		if err == nil {
			list = append(list, n)
		} else if len(notes) < maxNotes {
			notes = append(notes, fmt.Sprintf("A line of the list of packages is no package: %q.", line[:min(len(line), 200)]))
		}
	}
	if err := lines.Err(); err != nil {
		notes = append(notes, fmt.Sprintf("The list of packages was not read to its end: %s.", err))
	}
	return list, notes
}

// nvra names a package as lists do: without epoch.
func nvra(n rpm.NEVRA) string {
	return n.Name + "-" + n.EVR.Version + "-" + n.EVR.Release + "." + n.Arch
}

// compare finds out where database and list disagree.
func (s *System) compare(listed []rpm.NEVRA) {
	inList := map[string]bool{}
	for _, n := range listed {
		inList[nvra(n)] = true
	}
	for i := range s.Packages {
		if name := nvra(s.Packages[i].NEVRA); inList[name] {
			inList[name] = false
		} else if _, ok := inList[name]; !ok {
			s.Disagreements = append(s.Disagreements, Disagreement{name, OnlyInDatabase})
		}
	}
	for name, left := range inList {
		if left {
			s.Disagreements = append(s.Disagreements, Disagreement{name, OnlyInList})
		}
	}
	slices.SortFunc(s.Disagreements, func(a, b Disagreement) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Side, b.Side))
	})
}

// release is the name that the system gives itself.
func release(fsys fs.FS) string {
	for _, name := range []string{"usr/lib/os-release", "etc/os-release"} {
		f, err := fsys.Open(name)
		if err != nil {
			continue
		}
		data, err := limitio.ReadAll(f, 64<<10, name)
		_ = f.Close()
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
				return strings.Trim(v, `"'`)
			}
		}
	}
	return ""
}
