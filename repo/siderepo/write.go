package siderepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/internal/dirlock"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Item is one RPM to take in.
type Item struct {
	Path string // file to link or copy
	Name string // file name in the repository; default: the base name of Path
}

// Options describe the side repo. Only ID is required.
type Options struct {
	ID      string // of the compose: letters, digits, dot, underscore and hyphen
	Name    string // see Config
	BaseURL string // where the directory will be served, for the .repo file; default file:// and its path
	// Time is the revision of the repository and the time of the metadata
	// (SOURCE_DATE_EPOCH). The zero value means the newest build time among the
	// packages. Each RPM gets its own build time as the time of its file, so that
	// the same items give the same bytes, and createrepo_c the same metadata. An
	// RPM that has that time already is hard-linked, any other one copied.
	Time time.Time
	// Updates are told of in updateinfo.xml as far as their packages are here, so
	// that `dnf updateinfo` knows why; see UpdateFromBodhi. Without any there is
	// no updateinfo.xml.
	Updates     []Update
	Compression repo.Compression // default repo.Zstd
	Workers     int              // see repo.Options
	Progress    func(done, total int, name string)
	Logger      hclog.Logger
}

// Repo is a side repo as written.
type Repo struct {
	Dir          string
	Packages     []Package // in the order of the metadata
	Repomd       repo.Checksum
	Revision     string
	RepoFileName string // below Dir
	RepoFile     string // its text
}

// Package is one RPM of a side repo.
type Package struct {
	NEVRA    rpm.NEVRA
	SHA256   string // of the file, lower-case hexadecimal
	Size     int64  // bytes
	Location string // below the directory, such as "Packages/h/hello-1.0-1.fc44.noarch.rpm"
	Build    string // NVR of its source package, which is that of the Koji build
}

// ItemError says that an item cannot be taken in.
type ItemError struct {
	Path string
	Err  error
}

func (e *ItemError) Error() string { return "side repo: " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *ItemError) Unwrap() error { return e.Err }

// ClashError says that two items cannot stand in one repository: they are
// different files with one NEVRA, or with one file name.
type ClashError struct {
	What          string // "NEVRA" or "file name"
	Value         string // what they share
	First, Second string // paths
}

func (e *ClashError) Error() string {
	return fmt.Sprintf("side repo: %s and %s are different files with the same %s %s", e.First, e.Second, e.What, e.Value)
}

var (
	// ErrForeign says that the directory holds files that are no side repo's
	// and would be lost.
	ErrForeign = errors.New("directory holds something else than a side repo")
	// ErrID says that Options.ID cannot be the name of a repository.
	ErrID = errors.New("ID must be 1 to 100 letters, digits, dots, underscores and hyphens")
	// ErrLocked says that another writer is at work on the same directory.
	ErrLocked = dirlock.ErrLocked
)

// Write makes the side repo of the items at dir, replacing a side repo that
// stands there. When it fails, what stood there still stands. An item that
// cannot be read is an *ItemError, never left out: all of them were asked for.
// Items that are copies of one RPM are taken once.
func Write(ctx context.Context, dir string, items []Item, opts Options) (*Repo, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`).MatchString(opts.ID) {
		return nil, fmt.Errorf("side repo %q: %w", opts.ID, ErrID)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("side repo: %w", err)
	}
	parent, base := filepath.Split(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, fmt.Errorf("side repo: %w", err)
	}
	release, err := dirlock.Lock(filepath.Join(parent, ".respin-lock-"+base))
	if err != nil {
		return nil, fmt.Errorf("side repo: %w", err)
	}
	defer release()
	prefix := filepath.Join(parent, atomicfile.TempPrefix+base+"-")
	if err := sweep(prefix, dir); err != nil {
		return nil, err
	}
	if err := checkOurs(dir); err != nil {
		return nil, err
	}
	chosen, err := choose(ctx, items)
	if err != nil {
		return nil, err
	}
	work := prefix + strconv.Itoa(os.Getpid())
	defer os.RemoveAll(work) //nolint:errcheck // a sweep follows with the next run
	out, err := build(ctx, work, dir, chosen, opts)
	if err != nil {
		return nil, err
	}
	if err := swap(work, dir, prefix+oldSuffix); err != nil {
		return nil, fmt.Errorf("side repo: %w", err)
	}
	if err := atomicfile.SyncDir(parent); err != nil {
		return nil, fmt.Errorf("side repo: %w", err)
	}
	return out, nil
}

// checkOurs refuses a directory whose replacement would lose somebody's files.
func checkOurs(dir string) error {
	names, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("side repo: %w", err)
	}
	for _, e := range names {
		switch name := e.Name(); {
		case e.IsDir() && (name == "Packages" || name == "repodata"):
		case e.Type().IsRegular() && strings.HasPrefix(name, "respin-") && strings.HasSuffix(name, ".repo"):
		default:
			return fmt.Errorf("side repo %s: %w: %s", dir, ErrForeign, name)
		}
	}
	return nil
}

// oldSuffix ends the name that a side repo bears while swapInTwo replaces it.
const oldSuffix = "old"

// sweep removes what a killed run left, and puts back what it had moved away;
// the lock is held.
func sweep(prefix, dir string) error {
	parent, start := filepath.Split(prefix)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(prefix+oldSuffix, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("side repo: put back: %w", err)
		}
	}
	names, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("side repo: %w", err)
	}
	for _, e := range names {
		rest, ok := strings.CutPrefix(e.Name(), start)
		if _, err := strconv.Atoi(rest); !ok || (err != nil && rest != oldSuffix) {
			continue // another directory's: "repo-2" also starts with "repo-"
		}
		if err := os.RemoveAll(filepath.Join(parent, e.Name())); err != nil {
			return fmt.Errorf("side repo: %w", err)
		}
	}
	return nil
}

// build makes the whole directory at work; dir is where it will stand.
func build(ctx context.Context, work, dir string, chosen []choice, opts Options) (*Repo, error) {
	if err := os.Mkdir(work, 0o755); err != nil {
		return nil, fmt.Errorf("side repo: %w", err)
	}
	stamp := opts.Time
	for _, c := range chosen {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		built := time.Unix(c.built, 0)
		if err := place(c.path, filepath.Join(work, filepath.FromSlash(c.location)), built); err != nil {
			return nil, &ItemError{Path: c.path, Err: err}
		}
		if opts.Time.IsZero() && (stamp.IsZero() || built.After(stamp)) {
			stamp = built
		}
	}
	if stamp.IsZero() {
		stamp = time.Unix(0, 0)
	}
	builds := make(map[string]string, len(chosen))
	for _, c := range chosen {
		builds[c.location] = c.build
	}
	out := &Repo{Dir: dir, Revision: strconv.FormatInt(stamp.Unix(), 10), RepoFileName: FileName(opts.ID)}
	var extra []repo.Extra
	if len(opts.Updates) > 0 {
		extra = append(extra, updateInfo(opts.Updates, &out.Packages))
	}
	rep, err := repo.Create(ctx, work, repo.Options{
		Compression: opts.Compression, Workers: opts.Workers, Progress: opts.Progress, Logger: opts.Logger,
		Revision: out.Revision, TimestampToRevision: true, Extra: extra,
		Indexed: func(p repo.Indexed) {
			out.Packages = append(out.Packages, Package{
				NEVRA: p.NEVRA, SHA256: p.Checksum.Value, Size: p.Size, Location: p.Location, Build: builds[p.Path],
			})
		},
	})
	if err != nil {
		return nil, fmt.Errorf("side repo: %w", err)
	}
	for _, s := range rep.Skipped {
		return nil, &ItemError{Path: sourceOf(chosen, s.Path), Err: s.Err}
	}
	out.Repomd = rep.RepomdChecksum
	if opts.BaseURL == "" {
		opts.BaseURL = "file://" + dir
	}
	out.RepoFile = RepoFile(Config{ID: opts.ID, Name: opts.Name, BaseURL: opts.BaseURL})
	if err := atomicfile.Write(filepath.Join(work, out.RepoFileName), []byte(out.RepoFile), 0o644); err != nil {
		return nil, fmt.Errorf("side repo: %w", err)
	}
	return out, setTimes(work, out.RepoFileName, stamp)
}

func sourceOf(chosen []choice, location string) string {
	for _, c := range chosen {
		if c.location == location {
			return c.path
		}
	}
	return location
}

// setTimes gives the .repo file and all directories the time of the repository.
func setTimes(work, file string, stamp time.Time) error {
	root, err := os.OpenRoot(work)
	if err != nil {
		return fmt.Errorf("side repo: set times: %w", err)
	}
	defer root.Close() //nolint:errcheck // opened for reading
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || (!d.IsDir() && path != file) {
			return err
		}
		return root.Chtimes(path, stamp, stamp)
	})
	if err != nil {
		return fmt.Errorf("side repo: set times: %w", err)
	}
	return nil
}
