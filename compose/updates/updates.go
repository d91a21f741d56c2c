package updates

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Input is one package.
type Input struct {
	Path string // of the RPM on this host; it is read three times and must not change
	Name string // for messages; default: the last element of Path
}

func (in Input) name() string { return cmp.Or(in.Name, filepath.Base(in.Path)) }

// Options are the rules and bounds of an image. The zero value works.
type Options struct {
	// Time is SOURCE_DATE_EPOCH: no file gets a later time, and folders that no
	// package owns get this one. Default: the newest build time of the packages.
	Time time.Time
	// MergeUsr puts what lies in /bin, /sbin, /lib and /lib64 below /usr. There
	// they are symbolic links in every Fedora since 17, over which the installer
	// cannot copy folders. Default: paths stay as they are.
	MergeUsr bool
	// Verify are the keys and bounds that packages are verified with. Signatures
	// are reported and not judged, unless they are bad.
	Verify rpm.VerifyOptions

	MaxInputs int   // default 4096
	MaxFiles  int   // entries of the image; default 262144
	MaxSize   int64 // bytes of the unpacked archive; default 4 GiB, as the installer holds it in memory

	Progress func(percent int, message string) // default none
}

// Bounds of every image.
const (
	defaultInputs = 4096
	defaultFiles  = 1 << 18
	defaultSize   = 4 << 30
	maxPathBytes  = 64 << 20  // of all paths and link targets
	maxPath       = 4095      // PATH_MAX of Linux without its NUL
	maxHeaders    = 256 << 20 // bytes of the headers of all packages, which stay in memory
	maxWarnings   = 100
)

func (o *Options) defaults() {
	if o.MaxInputs <= 0 {
		o.MaxInputs = defaultInputs
	}
	if o.MaxFiles <= 0 {
		o.MaxFiles = defaultFiles
	}
	if o.MaxSize <= 0 {
		o.MaxSize = defaultSize
	}
	if o.Progress == nil {
		o.Progress = func(int, string) {}
	}
}

// Report says what an image holds.
type Report struct {
	Packages []PackageReport // sorted by NEVRA
	Files    int             // entries that are no folders
	Folders  int
	Size     int64 // bytes of the unpacked archive
	Warnings []string
}

// PackageReport is what an image holds of one package.
type PackageReport struct {
	Input   int          // index in the inputs
	Verdict *rpm.Verdict // of the RPM; its Package has the headers
	Files   int          // entries, folders included, that are this package's
	Shared  int          // further ones that an earlier package has too
	Bytes   int64        // of the contents of its files
	Scripts bool         // it has scriptlets, which nobody runs
}

// Write makes the image of the packages and writes it to w, in one pass and only
// after all of them have been verified and found to go together. Errors are
// *InputError, *FileError, *ConflictError, *TooLargeError, joined as far as they
// are known before the first byte is written, or those of w and ctx. After an
// error what was written is no image.
func Write(ctx context.Context, w io.Writer, inputs []Input, o Options) (*Report, error) {
	o.defaults()
	p, err := plan(ctx, inputs, o)
	if err != nil {
		return nil, err
	}
	zip, err := gzip.NewWriterLevel(w, gzip.DefaultCompression)
	if err != nil {
		return nil, fmt.Errorf("compress updates image: %w", err)
	}
	out := &writer{w: zip}
	if err := p.write(ctx, out); err != nil {
		return nil, err
	}
	if err := errors.Join(out.close(), zip.Close()); err != nil {
		return nil, fmt.Errorf("write updates image: %w", err)
	}
	p.report.Size = out.n
	o.Progress(100, "updates image is complete")
	return p.report, nil
}

// plan verifies the packages and lays out the image.
func plan(ctx context.Context, inputs []Input, o Options) (*layout, error) {
	if len(inputs) > o.MaxInputs {
		return nil, &TooLargeError{What: "packages", Limit: int64(o.MaxInputs)}
	}
	l := &layout{o: o, nodes: map[string]*node{}, report: &Report{}}
	var errs []error
	var headers int64
	found := make([]*source, 0, len(inputs))
	for i, in := range inputs {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("verify packages: %w", err)
		}
		o.Progress(i*percentVerified/len(inputs), "verifying "+in.name())
		s, err := open(ctx, i, in, o.Verify)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if headers += s.verdict.Package.HeaderEnd; headers > maxHeaders {
			return nil, &TooLargeError{What: "bytes of package headers", Limit: maxHeaders}
		}
		found = append(found, s)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortStableFunc(found, func(a, b *source) int {
		return cmp.Or(cmp.Compare(a.nevra, b.nevra), cmp.Compare(a.verdict.SHA256, b.verdict.SHA256))
	})
	if err := l.addAll(found); err != nil {
		return nil, err
	}
	return l, l.finish()
}

// Verifying reads the packages once and writing once more, which unpacks and
// packs and takes longer.
const percentVerified = 20
