package koji

import (
	"context"
	"iter"
)

// Archive is a file of a build that is no RPM: an image, a jar, a module's
// description.
type Archive struct {
	ID              int            `koji:"id"`
	BuildID         int            `koji:"build_id"`
	BuildrootID     *int           `koji:"buildroot_id"`
	FileName        string         `koji:"filename"`
	Size            int64          `koji:"size"` // bytes
	Checksum        string         `koji:"checksum"`
	ChecksumType    ChecksumType   `koji:"checksum_type"`
	MetadataOnly    bool           `koji:"metadata_only"` // a record without a file
	BuildType       string         `koji:"btype"`         // rpm, maven, win, image, module, ...; see PathInfo.Archive
	BuildTypeID     int            `koji:"btype_id"`
	TypeID          int            `koji:"type_id"`
	TypeName        string         `koji:"type_name"` // such as qcow2
	TypeDescription string         `koji:"type_description"`
	TypeExtensions  string         `koji:"type_extensions"` // separated by spaces
	CompressionType *string        `koji:"compression_type"`
	Extra           map[string]any `koji:"extra"`

	// Only where ArchiveOptions.Type asks for that kind.
	Arch         string `koji:"arch"` // image
	GroupID      string `koji:"group_id"`
	ArtifactID   string `koji:"artifact_id"`
	MavenVersion string `koji:"version"`
	RelPath      string `koji:"relpath"` // win
	Platforms    string `koji:"platforms"`
	Flags        string `koji:"flags"`
}

// ArchiveOptions selects archives; conditions add up. The zero value selects
// all that the hub knows.
type ArchiveOptions struct {
	BuildID              int
	BuildrootID          int // made in this build root
	ComponentBuildrootID int // present in this build root
	HostID               int
	ImageID              int // part of this archive
	ArchiveID            int
	Type                 string // maven, win, image or a type of a content generator
	TypeInfo             map[string]any
	FileName             string
	Size                 int64
	Checksum             string
	ChecksumType         *ChecksumType
	Page                 Page
}

func listArchives(o ArchiveOptions) spec[[]Archive] {
	k := keywords{}.number("buildID", o.BuildID).number("buildrootID", o.BuildrootID).
		number("componentBuildrootID", o.ComponentBuildrootID).number("hostID", o.HostID).number("imageID", o.ImageID).
		number("archiveID", o.ArchiveID).text("type", o.Type).text("filename", o.FileName).number("size", int(o.Size)).
		text("checksum", o.Checksum).page(o.Page)
	if o.ChecksumType != nil {
		k["checksum_type"] = int(*o.ChecksumType)
	}
	if len(o.TypeInfo) > 0 {
		k["typeInfo"] = o.TypeInfo
	}
	return value[[]Archive]("listArchives").with(k)
}

// ListArchives returns the archives that are selected. A build that does not
// exist has none.
func (c *Client) ListArchives(ctx context.Context, o ArchiveOptions) ([]Archive, error) {
	return call(ctx, c, listArchives(o))
}

// ListArchives adds Client.ListArchives.
func (b *Batch) ListArchives(o ArchiveOptions) *Pending[[]Archive] { return add(b, listArchives(o)) }

// Archives iterates over what ListArchives returns.
func (c *Client) Archives(ctx context.Context, o ArchiveOptions) iter.Seq2[*Archive, error] {
	return iterate(ctx, c, listArchives(o))
}
