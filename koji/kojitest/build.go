package kojitest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/koji"
)

// Build is a build to add.
type Build struct {
	NVR   string // name-version-release
	Epoch *int   // default: that of the first RPM which has one
	Owner string // default DefaultOwner
	// TaskID is the task that made the build, 0 for an imported one.
	TaskID int
	Source string // such as git+https://src.fedoraproject.org/rpms/x.git#commit
	// State defaults to complete; a build that is not done yet is Building.
	State    koji.BuildState
	Building bool
	Draft    bool
	Volume   string // default koji.DefaultVolume
	Extra    map[string]any
	Tags     []string // to tag it into, in this order
	RPMs     []RPM
	Archives []Archive
	Logs     map[string][]byte // by path below data/logs, such as x86_64/build.log
	// Started and Completed default to when the build is added.
	Started, Completed time.Time
}

// Archive is a file of a build that is no RPM.
type Archive struct {
	Name string // of the file
	Data []byte
	// BuildType is image, maven, win, or a type of content generators such as
	// module, which is made known by its use. Default image.
	BuildType string
	// TypeName says what kind of file it is, such as qcow2. Default: the
	// extension of Name.
	TypeName string
	Arch     string // of an image
	Extra    map[string]any
}

// Signature is a signature that the hub knows of an RPM.
type Signature struct {
	Key         string // 8 hex digits, "" for the unsigned header
	Hash        string // hex md5 of the signature header
	MD5, SHA256 string // of the whole signed copy; "" is not computed yet
}

// RPM is an RPM of a build. What is not given is read from the file. A file
// that is no RPM is taken as it is if Name and Arch are given.
type RPM struct {
	Data []byte // the file
	Path string // or where it is; it must stay there unchanged

	Name, Version, Release, Arch string
	Epoch                        *int
	BuildTime                    time.Time
	// Size and PayloadHash make the record claim something else than the file
	// has; they are needed if there is no file.
	Size        int64
	PayloadHash string
	// MetadataOnly means a record without a file.
	MetadataOnly bool
	// Signed holds the copies signed with a key (8 hex digits).
	Signed map[string][]byte
	// Signatures are records of signed copies without files.
	Signatures []Signature
}

type build struct {
	Build
	id, pkg, event         int
	name, version, release string
	owner                  *account
	volume                 int
	created                time.Time
	rpms                   []*rpmRow
	archives               []*archiveRow
}

type archiveRow struct {
	Archive
	id, typeID int
	build      *build
}

type rpmRow struct {
	id                           int
	build                        *build
	name, version, release, arch string
	epoch                        *int
	size, buildTime              int64
	payloadHash                  string
	metadataOnly                 bool
	sigs                         []Signature
}

func (r *rpmRow) nvr() string { return r.name + "-" + r.version + "-" + r.release }

// AddBuild adds a build with its files, tags it and returns its id. A deleted
// build has records and no files.
func (h *Hub) AddBuild(b Build) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id, err := h.addBuild(b)
	if err != nil {
		return 0, fmt.Errorf("add build %q to koji test hub: %w", b.NVR, err)
	}
	return id, nil
}

func (h *Hub) addBuild(b Build) (int, error) {
	name, version, release, ok := splitNVR(b.NVR)
	if !ok {
		return 0, errors.New("not name-version-release")
	}
	if h.buildByNVR(b.NVR) != nil {
		return 0, errors.New("exists already")
	}
	for _, tag := range b.Tags {
		if h.tag(tag) == nil {
			return 0, fmt.Errorf("no tag %q", tag)
		}
	}
	if b.Building {
		b.State = koji.BuildBuilding
	} else if b.State == koji.BuildBuilding {
		b.State = koji.BuildComplete
	}
	b.Owner, b.Volume = or(b.Owner, DefaultOwner), or(b.Volume, koji.DefaultVolume)
	row := &build{Build: b, name: name, version: version, release: release}
	files := map[string]*file{}
	for i, r := range b.RPMs {
		if err := h.addRPM(row, r, len(h.rpms)+i+1, files); err != nil {
			return 0, fmt.Errorf("RPM %d: %w", i, err)
		}
	}
	for log, data := range b.Logs {
		files["data/logs/"+log] = &file{data: data, mtime: h.now}
	}
	for i, a := range b.Archives {
		if err := h.addArchive(row, a, len(h.archives)+i+1, files); err != nil {
			return 0, fmt.Errorf("archive %d: %w", i, err)
		}
	}
	row.id, row.pkg = len(h.builds)+1, h.packages.index(name)+1
	row.owner, row.volume = h.account(b.Owner), h.volumes.index(b.Volume)
	row.event, row.created = h.event()
	if row.Started.IsZero() {
		row.Started = row.created
	}
	if row.Completed.IsZero() {
		row.Completed = row.created.Add(500 * time.Millisecond)
	}
	h.builds = append(h.builds, row)
	h.rpms = append(h.rpms, row.rpms...)
	h.archives = append(h.archives, row.archives...)
	for p, f := range files {
		if b.State == koji.BuildComplete {
			for _, dir := range row.dirs() {
				h.files[path.Join(dir, p)] = f
			}
		}
	}
	for _, tag := range b.Tags {
		h.tagBuild(h.tag(tag), row)
	}
	return row.id, nil
}

// dirs returns the build's folder, and the link to it if it is on another volume.
func (b *build) dirs() []string {
	dir := path.Join("packages", b.name, b.version, b.release)
	if b.Volume == koji.DefaultVolume {
		return []string{dir}
	}
	return []string{dir, path.Join("vol", b.Volume, dir)}
}

// addRPM makes the record of an RPM and its files, below the build's folder.
func (h *Hub) addRPM(b *build, r RPM, id int, files map[string]*file) error {
	row := &rpmRow{
		id: id, build: b, name: r.Name, version: r.Version, release: r.Release, arch: r.Arch, epoch: r.Epoch,
		size: r.Size, payloadHash: r.PayloadHash, metadataOnly: r.MetadataOnly, buildTime: h.now.Unix(),
	}
	f := &file{data: r.Data, disk: r.Path, mtime: h.now}
	hasFile, isRPM := r.Data != nil || r.Path != "", false
	if hasFile {
		var err error
		if isRPM, err = row.fromFile(f); err != nil {
			return err
		}
	}
	if !r.BuildTime.IsZero() {
		row.buildTime = r.BuildTime.Unix()
	}
	row.version, row.release = or(row.version, b.version), or(row.release, b.release)
	if row.name == "" || row.arch == "" {
		return errors.New("name or arch neither given nor in the file")
	}
	if b.Epoch == nil {
		b.Epoch = row.epoch
	} else if row.epoch == nil && !isRPM {
		row.epoch = b.Epoch
	}
	name := row.nvr() + "." + row.arch + ".rpm"
	if hasFile {
		files[path.Join(row.arch, name)] = f
	}
	if err := row.sign(r.Signed, name, files, h.now); err != nil {
		return err
	}
	row.sigs = append(row.sigs, r.Signatures...)
	b.rpms = append(b.rpms, row)
	return nil
}

// addArchive makes the record of an archive and its file, below the build's folder.
func (h *Hub) addArchive(b *build, a Archive, id int, files map[string]*file) error {
	if a.Name == "" || strings.Contains(a.Name, "/") {
		return fmt.Errorf("%q is no name of a file", a.Name)
	}
	a.BuildType, a.TypeName = or(a.BuildType, "image"), or(a.TypeName, strings.TrimPrefix(path.Ext(a.Name), "."))
	dir := "files/" + a.BuildType
	switch a.BuildType {
	case "image":
		dir = "images"
	case "maven", "win":
		dir = a.BuildType
	}
	files[path.Join(dir, a.Name)] = &file{data: a.Data, mtime: h.now}
	b.archives = append(b.archives, &archiveRow{Archive: a, id: id, typeID: h.types.index(a.BuildType) + 1, build: b})
	return nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// fromFile fills what is not given from the file and reports whether it is an RPM.
func (r *rpmRow) fromFile(f *file) (bool, error) {
	size, err := f.size()
	if err != nil {
		return false, err
	}
	if r.size == 0 {
		r.size = size
	}
	var at io.ReaderAt = bytes.NewReader(f.data)
	if f.disk != "" {
		disk, err := os.Open(f.disk)
		if err != nil {
			return false, err
		}
		defer func() { _ = disk.Close() }()
		at = disk
	}
	info, err := inspect(at)
	if errors.Is(err, errNoRPM) && r.name != "" && r.arch != "" {
		data, err := f.read()
		sum := md5.Sum(data)
		r.payloadHash = or(r.payloadHash, hex.EncodeToString(sum[:]))
		return false, err
	} else if err != nil {
		return false, err
	}
	r.name, r.version, r.release, r.arch = or(r.name, info.name), or(r.version, info.version), or(r.release, info.release), or(r.arch, info.arch)
	r.payloadHash = or(r.payloadHash, info.payloadHash)
	r.buildTime = info.buildTime
	if r.epoch == nil {
		r.epoch = info.epoch
	}
	return true, nil
}

// sign makes the records and files of signed copies, and those of the unsigned
// header, which a hub keeps once it has a signed one.
func (r *rpmRow) sign(signed map[string][]byte, name string, files map[string]*file, now time.Time) error {
	if len(signed) > 0 {
		r.sigs = append(r.sigs, Signature{Hash: r.payloadHash})
	}
	for _, key := range slices.Sorted(maps.Keys(signed)) {
		data := signed[key]
		info, err := inspect(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("copy signed with %s: %w", key, err)
		}
		sig, sum, sha := md5.Sum(info.sigHeader), md5.Sum(data), sha256.Sum256(data)
		r.sigs = append(r.sigs, Signature{key, hex.EncodeToString(sig[:]), hex.EncodeToString(sum[:]), hex.EncodeToString(sha[:])})
		files[path.Join("data/signed", key, r.arch, name)] = &file{data: data, mtime: now}
		files[path.Join("data/sigcache", key, r.arch, name+".sig")] = &file{data: info.sigHeader, mtime: now}
	}
	return nil
}

// DeleteBuild does what koji-gc does in the end: the build leaves its tags, its
// files are gone, its records stay.
func (h *Hub) DeleteBuild(nvr string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.buildByNVR(nvr)
	if b == nil {
		return fmt.Errorf("delete build %q of koji test hub: no such build", nvr)
	}
	event, _ := h.event()
	for _, l := range h.listing {
		if l.build == b && l.revoked == 0 {
			l.revoked = event
		}
	}
	b.State = koji.BuildDeleted
	for _, dir := range b.dirs() {
		h.remove(dir)
	}
	return nil
}

func (h *Hub) buildByNVR(nvr string) *build {
	i := slices.IndexFunc(h.builds, func(b *build) bool { return b.NVR == nvr })
	if i < 0 {
		return nil
	}
	return h.builds[i]
}

// splitNVR splits at the last two dashes (koji.parse_NVR).
func splitNVR(nvr string) (name, version, release string, ok bool) {
	j := strings.LastIndexByte(nvr, '-')
	if j < 0 {
		return "", "", "", false
	}
	i := strings.LastIndexByte(nvr[:j], '-')
	if i <= 0 || i+1 == j || j+1 == len(nvr) {
		return "", "", "", false
	}
	return nvr[:i], nvr[i+1 : j], nvr[j+1:], true
}
