package updates

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Types of files in a mode (S_IFMT of stat).
const (
	modeType    = 0o170000
	modeFIFO    = 0o010000
	modeDir     = 0o040000
	modeRegular = 0o100000
	modeSymlink = 0o120000
)

// node is one entry of the image.
type node struct {
	name     string
	mode     uint32
	uid, gid uint32
	mtime    uint32
	size     int64
	linkto   string
	digest   string
	algo     uint32
	color    uint64 // rpm's: 1 for 32-bit ELF, 2 for 64-bit, 0 for what is no ELF
	owner    *source
	file     int // number in owner
}

func (n *node) is(t uint32) bool { return n.mode&modeType == t }

// layout is what goes where.
type layout struct {
	o       Options
	owners  owners
	nodes   map[string]*node
	folders []*node // sorted by name
	sources []*source
	report  *Report
	unknown map[string]bool // owners that a warning has named
	names   int64           // bytes of all names
	size    int64           // of the archive
	limit   uint32          // no time is later
	errs    []error
}

// maxErrors bounds what one answer names.
const maxErrors = 20

func (l *layout) addAll(sources []*source) error {
	l.owners, l.unknown, l.sources = newOwners(), map[string]bool{}, sources
	l.limit = l.newest()
	l.report.Packages = make([]PackageReport, len(sources))
	for i, s := range sources {
		s.report = &l.report.Packages[i]
		*s.report = PackageReport{Input: s.index, Verdict: s.verdict, Scripts: hasScripts(s.verdict.Package)}
		if err := l.add(s); err != nil {
			return err
		}
		if s.report.Scripts {
			l.warn("%s has scriptlets; the installer does not run them.", s.nevra)
		}
	}
	return nil
}

// newest is Options.Time, or its default.
func (l *layout) newest() uint32 {
	t := l.o.Time.Unix()
	if l.o.Time.IsZero() {
		t = 0
		for _, s := range l.sources {
			t = max(t, s.verdict.Package.BuildTime)
		}
	}
	return uint32(min(max(t, 0), math.MaxUint32))
}

func (l *layout) warn(format string, args ...any) {
	if len(l.report.Warnings) < maxWarnings {
		l.report.Warnings = append(l.report.Warnings, fmt.Sprintf(format, args...))
	}
}

// add places the files of one package. The error is one that no further package
// could make more useful; others are kept in errs.
func (l *layout) add(s *source) error {
	p := s.verdict.Package
	if n := p.FileCount(); n > l.o.MaxFiles-len(l.nodes) && n > l.o.MaxFiles {
		return &TooLargeError{What: "files", Limit: int64(l.o.MaxFiles)}
	}
	s.nodes = make([]*node, p.FileCount())
	i := -1
	for f := range p.Files() {
		i++
		if f.IsGhost() {
			continue
		}
		n, err := l.node(s, &f, i)
		if err != nil {
			l.fail(err)
			continue
		}
		if n == nil {
			continue
		}
		if err := l.put(n); err != nil {
			if _, large := errors.AsType[*TooLargeError](err); large {
				return err
			}
			l.fail(err)
		}
	}
	return nil
}

func (l *layout) fail(err error) {
	if len(l.errs) < maxErrors {
		l.errs = append(l.errs, err)
	}
}

// node describes a file, nil for the root.
func (l *layout) node(s *source, f *rpm.File, i int) (*node, error) {
	refuse := func(format string, args ...any) error {
		return &FileError{Package: s.nevra, Path: f.Path(), Reason: fmt.Sprintf(format, args...)}
	}
	name, ok := f.Local()
	if !ok {
		return nil, refuse("the path leads elsewhere, or has a second spelling")
	}
	if name == "." {
		return nil, nil //nolint:nilnil // the root is there already
	}
	mode := uint32(f.Mode)
	switch mode & modeType {
	case modeDir, modeRegular, modeFIFO:
	case modeSymlink:
		if reason := badTarget(name, f.Linkto); reason != "" {
			return nil, refuse("the symbolic link %s", reason)
		}
	default:
		return nil, refuse("a device node or socket has no place in an updates image (mode %o)", mode)
	}
	if l.o.MergeUsr {
		name = mergeUsr(name, f.IsDir())
	}
	if len(name) > maxPath || strings.ContainsRune(name, 0) {
		return nil, refuse("the path has %d bytes, Linux has room for %d", len(name), maxPath)
	}
	n := &node{name: strings.Clone(name), owner: s, file: i, mtime: min(f.MTime, l.limit)}
	var unknown string
	n.uid, n.gid, n.mode, unknown = l.owners.own(f.User, f.Group, mode)
	if unknown != "" && !l.unknown[unknown] && len(l.unknown) < maxWarnings {
		l.unknown[strings.Clone(unknown)] = true
		l.warn("%s gives files to %s, who has no fixed number; they are root's.", s.nevra, unknown)
	}
	if f.Caps != "" && f.Caps != "=" {
		l.warn("/%s of %s has the capabilities %s, which an archive cannot carry.", name, s.nevra, f.Caps)
	}
	switch {
	case f.IsRegular():
		if f.Size > math.MaxUint32 {
			return nil, refuse("%d bytes are more than an archive of this form can hold (4 GiB)", f.Size)
		}
		n.size, n.digest, n.algo = int64(f.Size), strings.Clone(f.Digest), s.verdict.Package.FileDigestAlgo
		n.color, _ = s.verdict.Package.Header.Uint(tagFileColors, i)
	case f.IsSymlink():
		n.linkto = strings.Clone(f.Linkto)
		n.size = int64(len(n.linkto))
	}
	return n, nil
}

const tagFileColors rpm.Tag = 1140

// badTarget tells what is wrong with the target of a symbolic link. An absolute
// one means the installer's own root, where it belongs; a relative one must not
// climb out of the image, as it would mean something else wherever it is unpacked.
func badTarget(name, target string) string {
	switch {
	case target == "":
		return "has no target"
	case len(target) > maxPath || strings.ContainsRune(target, 0):
		return "has a target that Linux has no room for"
	case strings.HasPrefix(target, "/"):
		return ""
	}
	depth := strings.Count(name, "/")
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return fmt.Sprintf("to %q leads out of the image", target)
			}
		default:
			depth++
		}
	}
	return ""
}

// mergeUsr is the place below /usr of what lies in a folder that is a symbolic
// link to there.
func mergeUsr(name string, folder bool) string {
	top, rest, below := strings.Cut(name, "/")
	switch top {
	case "bin", "sbin", "lib", "lib64":
		// The link itself, which the package filesystem has, stays what it is.
		if below || folder {
			return path.Join("usr", top, rest)
		}
	}
	return name
}

// put places a node, or finds that it is there.
func (l *layout) put(n *node) error {
	old := l.nodes[n.name]
	if old == nil {
		return l.insert(n)
	}
	reason := old.differs(n)
	switch {
	case reason == "" || old.is(modeDir) && n.is(modeDir):
		if reason != "" {
			l.warn("%s and %s disagree about the folder /%s (%s); the first counts.", old.owner.nevra, n.owner.nevra, n.name, reason)
		}
		n.owner.report.Shared++
		return nil
	case old.owner == n.owner:
	case old.color != 0 && n.color != 0 && old.color != n.color:
		// rpm keeps the file of the preferred color, which is 64-bit wherever both exist.
		if n.color > old.color {
			old.owner.nodes[old.file] = nil
			old.owner.report.Files--
			old.owner.report.Bytes -= old.size
			old.owner.report.Shared++
			l.size -= old.cost()
			l.names -= old.pathBytes()
			delete(l.nodes, n.name)
			return l.insert(n)
		}
		n.owner.report.Shared++
		return nil
	}
	return &ConflictError{Path: n.name, First: old.owner.nevra, Second: n.owner.nevra, Reason: reason}
}

// insert places a node where there is none, within the bounds.
func (l *layout) insert(n *node) error {
	if len(l.nodes) >= l.o.MaxFiles {
		return &TooLargeError{What: "files", Limit: int64(l.o.MaxFiles)}
	}
	if l.names += n.pathBytes(); l.names > maxPathBytes {
		return &TooLargeError{What: "bytes of paths", Limit: maxPathBytes}
	}
	if l.size += n.cost(); l.size > l.o.MaxSize {
		return &TooLargeError{What: "bytes", Limit: l.o.MaxSize}
	}
	l.nodes[n.name] = n
	if n.owner != nil {
		n.owner.nodes[n.file] = n
		n.owner.report.Files++
		n.owner.report.Bytes += n.size
	}
	return nil
}

func (n *node) pathBytes() int64 { return int64(len(n.name) + len(n.linkto)) }

// cost is what a node takes in the archive, at most.
func (n *node) cost() int64 { return headerSize + int64(len(n.name)) + 1 + 3 + n.size + 3 }

// differs says in what two entries of one path differ, "" when they are the same.
func (n *node) differs(o *node) string {
	switch {
	case n.mode&modeType != o.mode&modeType:
		return kindOf(n.mode) + " in one, " + kindOf(o.mode) + " in the other"
	case n.is(modeSymlink):
		if n.linkto != o.linkto {
			return "the symbolic links have different targets"
		}
		return ""
	case n.mode != o.mode:
		return fmt.Sprintf("the modes are %04o and %04o", n.mode&^modeType, o.mode&^modeType)
	case n.uid != o.uid || n.gid != o.gid:
		return "the owners differ"
	case n.is(modeRegular) && (n.size != o.size || n.algo == o.algo && n.digest != o.digest || n.algo != o.algo && n.size != 0):
		return "the contents differ"
	}
	return ""
}

func kindOf(mode uint32) string {
	switch mode & modeType {
	case modeDir:
		return "a folder"
	case modeSymlink:
		return "a symbolic link"
	case modeFIFO:
		return "a pipe"
	}
	return "a file"
}

// finish adds the folders that no package owns and refuses files below what is
// no folder.
func (l *layout) finish() error {
	names := make([]string, 0, len(l.nodes))
	for name := range l.nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := l.parents(l.nodes[name]); err != nil {
			if _, large := errors.AsType[*TooLargeError](err); large {
				return err
			}
			l.fail(err)
		}
	}
	if len(l.errs) > 0 {
		return errors.Join(l.errs...)
	}
	for _, n := range l.nodes {
		if n.is(modeDir) {
			l.folders = append(l.folders, n)
		}
	}
	slices.SortFunc(l.folders, func(a, b *node) int { return cmp.Compare(a.name, b.name) })
	l.report.Folders, l.report.Files = len(l.folders), len(l.nodes)-len(l.folders)
	return nil
}

func (l *layout) parents(n *node) error {
	for dir := path.Dir(n.name); dir != "."; dir = path.Dir(dir) {
		up := l.nodes[dir]
		if up == nil {
			if err := l.insert(&node{name: dir, mode: modeDir | folderMode(dir), mtime: l.limit}); err != nil {
				return err
			}
			continue
		}
		if !up.is(modeDir) {
			return &ConflictError{
				Path: dir, First: up.owner.nevra, Second: n.owner.nevra,
				Reason: kindOf(up.mode) + " in the first, and the second has /" + n.name + " below it",
			}
		}
		if up.owner == nil {
			break // and so are those above it there
		}
	}
	return nil
}

// folderMode is the mode of a folder that no package of the image owns: that of
// the installer, which the image would change otherwise.
func folderMode(name string) uint32 {
	switch name {
	case "tmp", "var/tmp", "dev/shm":
		return 0o1777
	case "root":
		return 0o550
	}
	return 0o755
}
