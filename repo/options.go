package repo

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/repo/internal/dirlock"
	"github.com/fedora-respin/respin/repo/internal/xmltext"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Special values of Options.ChangelogLimit.
const (
	AllChangelogs = -1
	NoChangelogs  = -2

	defaultChangelogs = 10
)

// DefaultKeepOld is how long metadata files stay after a newer repomd.xml has
// stopped naming them: a client that holds the older one can finish its job.
const DefaultKeepOld = 10 * time.Minute

// Options change what Create does. The zero value works: it writes what
// createrepo_c 2.x writes by default.
type Options struct {
	Compression Compression // default Zstd
	Checksum    string      // "sha256" (default) or "sha512": of packages and of metadata files
	Workers     int         // readers of RPMs, two at a time each; default GOMAXPROCS, and at least 4 for the sake of slow disks

	// ChangelogLimit is how many entries per package other.xml gets, newest
	// first choice; 0 means 10. See AllChangelogs and NoChangelogs.
	ChangelogLimit int

	Excludes     []string // patterns with * and ?, matched on base name and on the path below the directory
	PkgList      []string // when not nil: exactly these paths below the directory, no walk
	SkipSymlinks bool     // leave out RPMs that are symbolic links

	// OutputDir is where repodata goes; default: the directory that is indexed.
	// It is made when it is not there.
	OutputDir string

	BaseURL        string // xml:base of every package; a path gets file:// in front
	LocationPrefix string // put before every location
	CutDirs        int    // leading directories to drop from every location

	Revision            string // default: now, in seconds since 1970
	TimestampToRevision bool   // timestamps and modification times of the metadata are Revision, which must be a number
	// SimpleFilenames gives primary.xml.zst instead of <checksum>-primary.xml.zst.
	// A reader that fetched the old repomd.xml then finds newer files beside it.
	// Where the file system can exchange two directories (Linux: ext4, xfs, btrfs,
	// tmpfs) repodata is replaced as a whole, so that a kill leaves no mixture.
	SimpleFilenames bool

	Groupfile string  // comps file, indexed as "group"
	Extra     []Extra // further metadata files

	// Update takes over what the last run wrote about RPMs that have not changed,
	// without reading them; the result is what a run without it gives. What was
	// written is found through the side cache (see Cache), and an RPM counts as
	// unchanged when path, size, modification time, change time (both to the
	// nanosecond), inode and device are those of the file that was read. The
	// change time is the kernel's: a file that was replaced or overwritten and
	// got its old size and modification time back is read again. So is one that
	// was linked, renamed over or given another mode since, and one whose change
	// time was so young when it was read that a write in the same tick of the
	// file system's clock could have gone unseen (0.1 s; 3 s where the file
	// system seems to count in seconds; 15 minutes on a network file system that
	// the metadata are not on). What remains: a file system without change times
	// (FAT), or a clock that was set back to the very tick of the last change.
	// On network file systems the file is opened, so that the server is asked.
	//
	// When nothing has changed, repodata is left alone; see Report.Unchanged. As
	// with createrepo_c, metadata of other types that repomd.xml names and that
	// this run says nothing about (group, updateinfo, modules ...) are kept.
	Update bool
	// Cache is the file of the side cache; it is written when it is named or with
	// Update, then at CacheName beside repodata. It may be lost, damaged or come
	// from elsewhere: it is checked and, if need be, every RPM is read.
	Cache string
	// TrustMTime makes Update do with path, size and modification time, as
	// createrepo_c does: for copies of a repository, where inode, device and
	// change time are others.
	TrustMTime bool
	// DiscardExtra makes Update drop the metadata that it would keep.
	DiscardExtra bool

	ContentTags []string
	RepoTags    []string
	DistroTags  []DistroTag

	Pre PreRule // which requirements count as pre; default Pre2x

	// FileTime, when set, is written as every package's file time instead of
	// the RPM's modification time, so that copies give the same bytes.
	FileTime time.Time
	// KeepOld is for how long files of earlier generations stay; 0 means
	// DefaultKeepOld, negative removes them at once.
	KeepOld time.Duration

	Now      func() time.Time                   // default time.Now
	Progress func(done, total int, name string) // called in order, from one goroutine at a time
	Indexed  func(Indexed)                      // told of every package written, in order
	Logger   hclog.Logger                       // default: none
	RPM      rpm.Options                        // bounds of the header reader
}

// Indexed is a package that Create has written into the metadata.
type Indexed struct {
	NEVRA    rpm.NEVRA
	Location string // href in primary.xml
	Path     string // below the directory
	Checksum Checksum
	Size     int64 // bytes
}

// OptionError names every bad field of Options at once.
type OptionError struct {
	Problems []string // "Field: what is wrong"
}

func (e *OptionError) Error() string {
	return "repo options: " + strings.Join(e.Problems, "; ")
}

// CacheName is the side cache's default name, in the directory that holds repodata.
const CacheName = ".respin-repodata-cache"

// withDefaults returns a copy with every default filled in.
func (o Options) withDefaults(dir string) (Options, error) {
	if o.OutputDir == "" {
		o.OutputDir = dir
	}
	if o.Update && o.Cache == "" {
		o.Cache = filepath.Join(o.OutputDir, CacheName)
	}
	if o.Compression == "" {
		o.Compression = Zstd
	}
	if o.Checksum == "" {
		o.Checksum = "sha256"
	}
	if o.Workers == 0 {
		o.Workers = max(4, runtime.GOMAXPROCS(0))
	}
	switch o.ChangelogLimit {
	case 0:
		o.ChangelogLimit = defaultChangelogs
	case NoChangelogs:
		o.ChangelogLimit = 0
	}
	if o.KeepOld == 0 {
		o.KeepOld = DefaultKeepOld
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.Groupfile != "" {
		o.Extra = append([]Extra{{Type: "group", Path: o.Groupfile}}, o.Extra...)
	}
	if strings.HasPrefix(o.BaseURL, "/") {
		o.BaseURL = "file://" + o.BaseURL
	}
	return o, o.check()
}

func (o *Options) check() error {
	var bad []string
	add := func(cond bool, format string, args ...any) {
		if cond {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	add(!o.Compression.valid(), "Compression: %q is none of zstd, gz, xz, none", string(o.Compression))
	add(newHash(o.Checksum) == nil, "Checksum: %q is neither sha256 nor sha512", o.Checksum)
	add(o.Workers < 0 || o.Workers > 1024, "Workers: %d is not between 1 and 1024", o.Workers)
	add(o.ChangelogLimit < AllChangelogs, "ChangelogLimit: %d is negative", o.ChangelogLimit)
	add(o.CutDirs < 0, "CutDirs: %d is negative", o.CutDirs)
	if o.TimestampToRevision {
		_, err := strconv.ParseInt(o.Revision, 10, 64)
		add(err != nil, "Revision: TimestampToRevision needs a number of seconds, not %q", o.Revision)
	}
	for _, p := range o.PkgList {
		add(!filepath.IsLocal(p), "PkgList: %q is not below the directory", p)
	}
	for _, e := range o.Extra {
		add(e.Type == "" || xmltext.HasControl(e.Type), "Extra: type %q of %s", e.Type, e.Path)
		add(isCoreType(family(e.Type)), "Extra: type %q is written by Create", e.Type)
		add(e.Path == "" && e.Write == nil, "Extra: %s has neither Path nor Write", e.Type)
		add(e.Write != nil && e.Name == "", "Extra: %s has no Name", e.Type)
		hidden := strings.HasPrefix(e.name(), ".") && (e.Name != "" || o.SimpleFilenames)
		add(badName(e.name()) || hidden, "Extra: name %q of %s", e.name(), e.Type)
	}
	for _, s := range [][]string{{o.Revision, o.BaseURL, o.LocationPrefix}, o.ContentTags, o.RepoTags} {
		for _, v := range s {
			add(xmltext.HasControl(v), "control character in %q", v)
		}
	}
	for _, d := range o.DistroTags {
		add(xmltext.HasControl(d.Name) || xmltext.HasControl(d.CPEID), "DistroTags: control character in %q", d)
	}
	if len(bad) > 0 {
		return &OptionError{Problems: bad}
	}
	return nil
}

// badName tells whether a metadata file cannot have the name, because it would
// lead elsewhere or not be the one that XML says.
func badName(name string) bool {
	return strings.ContainsAny(name, "/\\\t\r\n") || xmltext.Clean(name) != name
}

func isCoreType(kind string) bool { return dataRank(kind) < 3 }

// newHash returns the hash of the name, nil for one that repodata written
// today does not use.
func newHash(name string) hash.Hash {
	switch name {
	case "sha256":
		return sha256.New()
	case "sha512":
		return sha512.New()
	}
	return nil
}

// ErrLocked is the answer of Create while another writer is at work on the
// same directory.
var ErrLocked = dirlock.ErrLocked

// lockName is the lock file inside repodata; it exists while a writer works.
const lockName = ".respin-lock"
