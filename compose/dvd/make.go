package dvd

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/productmd"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo/comps"
)

// Package is an RPM for the medium. Whoever hands it over has verified it.
type Package struct {
	Path string // of the RPM on this host
	Name string // file name on the medium; default: the last element of Path
}

func (p Package) name() string { return cmp.Or(p.Name, filepath.Base(p.Path)) }

// Job says what medium to make.
type Job struct {
	BaseISO string // required: a boot.iso
	Output  string // required; must not exist
	Arch    string // required
	VolID   string // required; at most 32 of A-Z a-z 0-9 _ -
	// MetadataDir is where metadata/ and the checksum file go; default: the folder
	// of Output.
	MetadataDir string

	Product  productmd.Product // required
	Variant  string            // letters and digits; default "Everything"
	Packages []Package
	Comps    *comps.Comps // groups, of which those are taken that the packages can serve; default none
	Medium   Medium       // default: a single-layer DVD

	Kickstart []byte   // onto the medium, and named to the installer; default none
	BootArgs  []string // added to every kernel line

	Time     time.Time // SOURCE_DATE_EPOCH; default 1980-01-01, as in package remaster
	WorkDir  string    // for the tree; default: a folder beside Output. Where it is on the file system of the packages, they are linked.
	Runner   compose.Runner
	Log      io.Writer
	Progress func(percent int, message string)
}

// Result says what was made.
type Result struct {
	Path      string
	Size      int64
	SHA256    string
	Info      *iso.Info
	Checksum  *iso.Checksum // as implanted
	Packages  []Placed      // in the order of the metadata
	Metadata  []string      // files below MetadataDir, with slashes
	Warnings  []string
	RepomdSum string // sha256 of repodata/repomd.xml
}

// Placed is a package on the medium.
type Placed struct {
	NEVRA  string
	Path   string // on the medium: "Packages/b/bash-5.2.37-1.fc44.x86_64.rpm"
	SHA256 string
	Size   int64
}

// Make makes the medium. Errors are *TooLargeError, *BaseError, *PackageError,
// those of remaster.Run, and of the file system. After an error there is no
// Output and no metadata.
func Make(ctx context.Context, job Job) (_ *Result, err error) {
	if err := job.defaults(); err != nil {
		return nil, err
	}
	b := &builder{Job: job, res: &Result{}}
	if err := b.look(); err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp(job.WorkDir, atomicfile.TempPrefix)
	if err != nil {
		return nil, fmt.Errorf("make work folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	b.tree = filepath.Join(work, "tree")
	b.Progress(0, "gathering packages")
	if err := b.gather(ctx); err != nil {
		return nil, err
	}
	if err := b.describe(); err != nil {
		return nil, err
	}
	if err := b.image(ctx); err != nil {
		return nil, err
	}
	if err := b.metadata(ctx); err != nil {
		return nil, errors.Join(err, b.undo())
	}
	b.Progress(100, "medium is complete")
	return b.res, nil
}

func (j *Job) defaults() error {
	if j.Medium == (Medium{}) {
		j.Medium, _ = MediumOf("")
	}
	j.Variant = cmp.Or(j.Variant, "Everything")
	j.Product.Short = cmp.Or(j.Product.Short, j.Product.Name)
	if j.Time.Unix() <= 0 {
		j.Time = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if j.Progress == nil {
		j.Progress = func(int, string) {}
	}
	if j.Log == nil {
		j.Log = io.Discard
	}
	if j.WorkDir == "" {
		j.WorkDir = filepath.Dir(j.Output)
	}
	if j.MetadataDir == "" {
		j.MetadataDir = filepath.Dir(j.Output)
	}
	if j.Product.Name == "" || j.Product.Version == "" || j.Arch == "" {
		return &BaseError{"product name, version and architecture must be given"}
	}
	return iso.ValidVolumeID(j.VolID) //nolint:wrapcheck // it says what it is about
}

// builder is one Make.
type builder struct {
	Job
	tree   string // what is added to the base
	base   *baseFacts
	res    *Result
	placed map[string]string // path on the medium to path of the RPM
	made   bool              // Output is there, and ours
}

// look refuses what needs no work to be refused.
func (b *builder) look() error {
	var err error
	if b.base, err = readBase(b.BaseISO, b.Arch); err != nil {
		return err
	}
	var total int64
	for _, p := range b.Packages {
		st, err := os.Stat(p.Path)
		if err != nil {
			return &PackageError{Path: p.Path, Err: err}
		}
		total += st.Size()
	}
	return b.Medium.Fits(b.base.size, total, len(b.Packages))
}

// The shares of the work.
const (
	percentGathered = 15
	percentImage    = 97
)

// image puts the tree onto the base.
func (b *builder) image(ctx context.Context) error {
	entries, err := os.ReadDir(b.tree)
	if err != nil {
		return fmt.Errorf("read tree: %w", err)
	}
	job := remaster.Job{
		BaseISO: b.BaseISO, Output: b.Output, Arch: b.Arch, VolID: b.VolID, Kickstart: b.Kickstart, BootArgs: b.BootArgs,
		Time: b.Time, WorkDir: b.WorkDir, Runner: b.Runner, Log: b.Log,
		Progress: func(percent int, message string) {
			b.Progress(percentGathered+percent*(percentImage-percentGathered)/100, message)
		},
	}
	for _, e := range entries {
		job.Add = append(job.Add, remaster.Graft{Local: filepath.Join(b.tree, e.Name()), ISOPath: "/" + e.Name()})
	}
	res, err := remaster.Run(ctx, job)
	if err != nil {
		return err
	}
	b.made = true
	b.res.Path, b.res.Info, b.res.Checksum = res.Path, res.Info, res.Checksum
	b.res.Warnings = append(b.res.Warnings, res.Warnings...)
	f, err := os.Open(res.Path)
	if err != nil {
		return fmt.Errorf("read medium: %w", err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if b.res.Size, err = io.Copy(sum, contextReader{ctx, f}); err != nil {
		return errors.Join(fmt.Errorf("read medium: %w", err), b.undo())
	}
	b.res.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if b.res.Size > b.Medium.Size {
		return errors.Join(&TooLargeError{
			Medium: b.Medium.Text, Room: b.Medium.Size, Base: b.base.size, Packages: b.res.Size - b.base.size, NumberOfPackages: len(b.Packages), Need: b.res.Size,
		}, b.undo())
	}
	return nil
}

// undo removes what a failed Make has put in place.
func (b *builder) undo() error {
	var errs []error
	if b.made {
		errs = append(errs, os.Remove(b.Output))
	}
	for _, name := range b.res.Metadata {
		errs = append(errs, os.Remove(filepath.Join(b.MetadataDir, filepath.FromSlash(name))))
	}
	for i, err := range errs {
		if errors.Is(err, fs.ErrNotExist) {
			errs[i] = nil
		}
	}
	_ = os.Remove(filepath.Join(b.MetadataDir, metadataDir)) // unless others have files there
	return errors.Join(errs...)
}

type contextReader struct {
	ctx context.Context //nolint:containedctx // it lives as long as one call
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err //nolint:wrapcheck // the caller looks at it
	}
	return c.r.Read(p) //nolint:wrapcheck // io.EOF is what io.Reader means
}
