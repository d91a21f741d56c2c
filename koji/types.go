package koji

import (
	"strconv"
	"strings"
	"time"
)

// DefaultVolume is the name of the volume directly below the top URL.
const DefaultVolume = "DEFAULT"

// Build is a build as getBuild answers. Pointers are nil where the hub says nil.
type Build struct {
	ID                 int        `koji:"id,build_id"`
	PackageID          int        `koji:"package_id"`
	Name               string     `koji:"package_name,name"` // the source package's
	Version            string     `koji:"version"`
	Release            string     `koji:"release"`
	Epoch              *int       `koji:"epoch"`
	NVR                string     `koji:"nvr"` // name-version-release, without epoch
	State              BuildState `koji:"state"`
	Draft              bool       `koji:"draft"`
	TaskID             *int       `koji:"task_id"` // nil for imported builds
	OwnerID            int        `koji:"owner_id"`
	OwnerName          string     `koji:"owner_name"`
	VolumeID           int        `koji:"volume_id"`
	VolumeName         string     `koji:"volume_name"` // DefaultVolume, or another disk of the hub
	Event              int        `koji:"creation_event_id"`
	Created            time.Time  `koji:"creation_ts,creation_time"`
	Started            *time.Time `koji:"start_ts,start_time"`
	Completed          *time.Time `koji:"completion_ts,completion_time"` // nil while building
	Promoted           *time.Time `koji:"promotion_ts,promotion_time"`   // of former drafts
	PromoterID         *int       `koji:"promoter_id"`
	Promoter           *string    `koji:"promoter_name"`
	Source             *string    `koji:"source"` // such as git+https://src.fedoraproject.org/rpms/x.git#commit; not from ListTagged
	ContentGenerator   *string    `koji:"cg_name"`
	ContentGeneratorID *int       `koji:"cg_id"`
	// Extra is free form; OriginalURL reads the one member that is common.
	Extra map[string]any `koji:"extra"`
}

// EVR returns epoch:version-release, without the epoch if there is none.
func (b *Build) EVR() string { return evr(b.Epoch, b.Version, b.Release) }

// OriginalURL returns extra.source.original_url, what the build was asked for
// with, or "".
func (b *Build) OriginalURL() string {
	source, ok := b.Extra["source"].(map[string]any)
	if !ok {
		return ""
	}
	text, _ := source["original_url"].(string)
	return text
}

// TaggedBuild is a build as a tag holds it. ListTagged leaves Source and the
// content generator nil.
type TaggedBuild struct {
	Build
	TagID    int    `koji:"tag_id"`
	TagName  string `koji:"tag_name"`     // the tag it really is in, when others are inherited
	TagEvent int    `koji:"create_event"` // of the tagging: the greater, the later
}

// RPM is one RPM of a build. Its name may differ from the build's, its version
// and release usually do not.
type RPM struct {
	ID      int    `koji:"id"`
	BuildID int    `koji:"build_id"`
	Name    string `koji:"name"`
	Version string `koji:"version"`
	Release string `koji:"release"`
	Arch    string `koji:"arch"` // src for a source RPM
	Epoch   *int   `koji:"epoch"`
	// PayloadHash is what identifies the RPM, the same for signed and unsigned
	// copies: the hex md5 over header and payload (RPM's SIGMD5). For an RPM
	// without SIGMD5, hubs from 1.36 on give another digest; see Ident.
	PayloadHash string    `koji:"payloadhash"`
	Size        int64     `koji:"size"` // bytes of the unsigned file
	BuildTime   time.Time `koji:"buildtime"`
	BuildrootID *int      `koji:"buildroot_id"`
	Draft       bool      `koji:"draft"`
	// MetadataOnly means that the hub has the record and no file.
	MetadataOnly     bool           `koji:"metadata_only"`
	ExternalRepoID   int            `koji:"external_repo_id"`   // 0 for the hub's own
	ExternalRepoName string         `koji:"external_repo_name"` // INTERNAL for the hub's own
	Extra            map[string]any `koji:"extra"`
	// SigKey is set by ListTaggedRPMs with Signatures: "" for the unsigned
	// header, nil if the hub has none.
	SigKey *string `koji:"sigkey"`
}

// NVR returns name-version-release.
func (r *RPM) NVR() string { return r.Name + "-" + r.Version + "-" + r.Release }

// NEVRA returns name-epoch:version-release.arch, without the epoch if there is none.
func (r *RPM) NEVRA() string { return r.Name + "-" + evr(r.Epoch, r.Version, r.Release) + "." + r.Arch }

// FileName returns name-version-release.arch.rpm.
func (r *RPM) FileName() string { return r.NVR() + "." + r.Arch + ".rpm" }

// Ident splits PayloadHash into what it is and its hex digits: "sigmd5", or
// "sha256", "sha3-256" or "sha1" over the header section alone, which says
// nothing about the payload (koji.make_rpm_ident).
func (r *RPM) Ident() (kind, digest string) {
	if kind, digest, ok := strings.Cut(r.PayloadHash, "::"); ok {
		return kind, digest
	}
	return "sigmd5", r.PayloadHash
}

// IsSource reports whether this is the source RPM.
func (r *RPM) IsSource() bool { return r.Arch == "src" || r.Arch == "nosrc" }

// IsDebuginfo reports whether this is debuginfo or debugsource.
func (r *RPM) IsDebuginfo() bool { return IsDebuginfo(r.Name) }

func evr(epoch *int, version, release string) string {
	s := version + "-" + release
	if epoch != nil {
		s = strconv.Itoa(*epoch) + ":" + s
	}
	return s
}

// Tag is a tag. Koji has no kinds of tags: what a tag is for stands in its
// name and in Extra.
type Tag struct {
	ID         int            `koji:"id"`
	Name       string         `koji:"name"`
	Arches     *string        `koji:"arches"` // separated by spaces; see ArchList
	Locked     bool           `koji:"locked"`
	PermID     *int           `koji:"perm_id"`
	Perm       *string        `koji:"perm"` // needed to tag into it
	Maven      bool           `koji:"maven_support"`
	MavenAll   bool           `koji:"maven_include_all"`
	Extra      map[string]any `koji:"extra"`
	QueryEvent *int           `koji:"query_event"`
}

// ArchList returns the arches that the tag builds for.
func (t *Tag) ArchList() []string {
	if t.Arches == nil {
		return nil
	}
	return strings.Fields(*t.Arches)
}

// IsSideTag reports whether the tag is a side tag (extra.sidetag). Its name
// says nothing: hubs choose the pattern.
func (t *Tag) IsSideTag() bool {
	switch v := t.Extra["sidetag"].(type) {
	case bool:
		return v
	case int64:
		return v != 0
	default:
		return false
	}
}

// SideTagUser returns who asked for the side tag, or "".
func (t *Tag) SideTagUser() string {
	user, _ := t.Extra["sidetag_user"].(string)
	return user
}

// Event is a point in the hub's history.
type Event struct {
	ID   int       `koji:"id"`
	Time time.Time `koji:"ts"`
}

// BuildTarget says where a build of that target is made and where it goes.
type BuildTarget struct {
	ID           int    `koji:"id"`
	Name         string `koji:"name"`
	BuildTagID   int    `koji:"build_tag"`
	BuildTagName string `koji:"build_tag_name"`
	DestTagID    int    `koji:"dest_tag"`
	DestTagName  string `koji:"dest_tag_name"`
}

// SideTag is a side tag as the hub's plugin lists it.
type SideTag struct {
	ID       int    `koji:"id"`
	Name     string `koji:"name"`
	UserID   int    `koji:"user_id"`
	UserName string `koji:"user_name"`
}

// Signature says that the hub has a signed copy's header of an RPM.
type Signature struct {
	RPMID   int    `koji:"rpm_id"`
	SigKey  string `koji:"sigkey"`  // the last 8 hex digits of the key's id; "" for the unsigned header
	SigHash string `koji:"sighash"` // hex md5 of the signature header
}

// Checksums of one signed (or the unsigned) copy of an RPM, nil where the hub
// has not computed them.
type Checksums struct {
	MD5    *string `koji:"md5"`
	SHA256 *string `koji:"sha256"`
}
