package koji

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"time"
)

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
	MetadataOnly bool `koji:"metadata_only"`
	// ExternalRepoID is 0 and ExternalRepoName INTERNAL for the hub's own;
	// ListTaggedRPMs leaves both out.
	ExternalRepoID   int            `koji:"external_repo_id"`
	ExternalRepoName string         `koji:"external_repo_name"`
	Extra            map[string]any `koji:"extra"`
	// SigKey is set by ListTaggedRPMs with Signatures: "" for the unsigned
	// header, nil if the hub has none.
	SigKey *string `koji:"sigkey"`
	// ComponentBuildrootID is the build root that FindRPMs was asked for, and
	// IsUpdate whether the RPM got there later than the others.
	ComponentBuildrootID *int  `koji:"component_buildroot_id"`
	IsUpdate             *bool `koji:"is_update"`
}

// NVR returns name-version-release.
func (r *RPM) NVR() string { return r.Name + "-" + r.Version + "-" + r.Release }

// NVRA returns name-version-release.arch.
func (r *RPM) NVRA() string { return r.NVR() + "." + r.Arch }

// NEVRA returns name-epoch:version-release.arch, without the epoch if there is none.
func (r *RPM) NEVRA() string { return r.Name + "-" + evr(r.Epoch, r.Version, r.Release) + "." + r.Arch }

// FileName returns name-version-release.arch.rpm.
func (r *RPM) FileName() string { return r.NVRA() + ".rpm" }

// Ref names the RPM for another call.
func (r *RPM) Ref() RPMRef { return RPMRef{ID: r.ID, NVRA: r.NVRA()} }

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

func listRPMs(buildID int, arches []string) spec[[]RPM] {
	return value[[]RPM]("listRPMs", buildID).with(keywords{}.texts("arches", arches))
}

// ListRPMs returns the RPMs of a build, of the given arches only (noarch and
// src are arches too) or all. A build that does not exist has none.
func (c *Client) ListRPMs(ctx context.Context, buildID int, arches ...string) ([]RPM, error) {
	return call(ctx, c, listRPMs(buildID, arches))
}

// ListRPMs adds Client.ListRPMs.
func (b *Batch) ListRPMs(buildID int, arches ...string) *Pending[[]RPM] {
	return add(b, listRPMs(buildID, arches))
}

// RPMOptions selects RPMs by where they come from or went to; conditions add
// up. The zero value selects all that the hub knows.
type RPMOptions struct {
	BuildID              int
	BuildrootID          int // built in this build root
	ComponentBuildrootID int // installed in this build root
	ImageID              int // part of this archive
	HostID               int // built on this host
	Arches               []string
	Draft                *bool // nil is both
	Page                 Page
}

func findRPMs(o RPMOptions) spec[[]RPM] {
	return value[[]RPM]("listRPMs").with(keywords{}.number("buildID", o.BuildID).number("buildrootID", o.BuildrootID).
		number("componentBuildrootID", o.ComponentBuildrootID).number("imageID", o.ImageID).number("hostID", o.HostID).
		texts("arches", o.Arches).flag("draft", o.Draft).page(o.Page))
}

// FindRPMs is listRPMs with all that it can be asked; ListRPMs is the short form.
func (c *Client) FindRPMs(ctx context.Context, o RPMOptions) ([]RPM, error) {
	return call(ctx, c, findRPMs(o))
}

// FindRPMs adds Client.FindRPMs.
func (b *Batch) FindRPMs(o RPMOptions) *Pending[[]RPM] { return add(b, findRPMs(o)) }

// RPMs iterates over what FindRPMs returns.
func (c *Client) RPMs(ctx context.Context, o RPMOptions) iter.Seq2[*RPM, error] {
	return iterate(ctx, c, findRPMs(o))
}

func listBuildRPMs(ref BuildRef) spec[[]RPM] {
	return value[[]RPM]("listBuildRPMs", ref.arg()).of("build", ref.String())
}

// ListBuildRPMs returns all RPMs of a build. An NVR that does not exist is a
// *NotFoundError, an id that does not has none.
func (c *Client) ListBuildRPMs(ctx context.Context, ref BuildRef) ([]RPM, error) {
	return call(ctx, c, listBuildRPMs(ref))
}

// ListBuildRPMs adds Client.ListBuildRPMs.
func (b *Batch) ListBuildRPMs(ref BuildRef) *Pending[[]RPM] { return add(b, listBuildRPMs(ref)) }

func getRPM(ref RPMRef) spec[*RPM] { return one[RPM]("RPM", ref.String(), "getRPM", ref.arg()) }

// GetRPM returns an RPM, or a *NotFoundError. Where external repositories have
// the same, the hub's own is preferred.
func (c *Client) GetRPM(ctx context.Context, ref RPMRef) (*RPM, error) {
	return call(ctx, c, getRPM(ref))
}

// GetRPM adds Client.GetRPM.
func (b *Batch) GetRPM(ref RPMRef) *Pending[*RPM] { return add(b, getRPM(ref)) }

func getRPMs(ref RPMRef) spec[[]RPM] {
	return value[[]RPM]("getRPM", ref.arg()).with(keywords{}.on("multi", true))
}

// GetRPMs returns every RPM that is named so: the hub's own and those of
// external repositories. There may be none.
func (c *Client) GetRPMs(ctx context.Context, ref RPMRef) ([]RPM, error) {
	return call(ctx, c, getRPMs(ref))
}

// GetRPMs adds Client.GetRPMs.
func (b *Batch) GetRPMs(ref RPMRef) *Pending[[]RPM] { return add(b, getRPMs(ref)) }

// Signature says that the hub has a signed copy's header of an RPM.
type Signature struct {
	RPMID   int    `koji:"rpm_id"`
	SigKey  string `koji:"sigkey"`  // the last 8 hex digits of the key's id; "" for the unsigned header
	SigHash string `koji:"sighash"` // hex md5 of the signature header
}

func queryRPMSigs(ref RPMRef) spec[[]Signature] {
	return value[[]Signature]("queryRPMSigs", ref.arg())
}

// QueryRPMSigs returns with which keys an RPM is signed. The signed copy may
// have been removed all the same (PathInfo.Sigcache). An RPM that does not
// exist has no signatures.
func (c *Client) QueryRPMSigs(ctx context.Context, ref RPMRef) ([]Signature, error) {
	return call(ctx, c, queryRPMSigs(ref))
}

// QueryRPMSigs adds Client.QueryRPMSigs.
func (b *Batch) QueryRPMSigs(ref RPMRef) *Pending[[]Signature] { return add(b, queryRPMSigs(ref)) }

func queryRPMSigsByKey(sigkey string, p Page) spec[[]Signature] {
	return value[[]Signature]("queryRPMSigs").with(keywords{"sigkey": sigkey}.page(p))
}

// QueryRPMSigsByKey returns what is signed with a key (8 hex digits, lower
// case). There may be hundreds of thousands: use Page, or Iterate.
func (c *Client) QueryRPMSigsByKey(ctx context.Context, sigkey string, p Page) ([]Signature, error) {
	return call(ctx, c, queryRPMSigsByKey(sigkey, p))
}

// QueryRPMSigsByKey adds Client.QueryRPMSigsByKey.
func (b *Batch) QueryRPMSigsByKey(sigkey string, p Page) *Pending[[]Signature] {
	return add(b, queryRPMSigsByKey(sigkey, p))
}

// Checksums of one signed (or the unsigned) copy of an RPM, nil where the hub
// has not computed them.
type Checksums struct {
	MD5    *string `koji:"md5"`
	SHA1   *string `koji:"sha1"`
	SHA256 *string `koji:"sha256"`
}

func getRPMChecksums(rpmID int, types []ChecksumType) spec[map[string]Checksums] {
	names := make([]string, 0, len(types))
	for _, t := range types {
		names = append(names, t.String())
	}
	// Without cacheonly the hub computes and stores, which only users may ask for.
	return value[map[string]Checksums]("getRPMChecksums", rpmID).
		with(keywords{}.texts("checksum_types", names).on("cacheonly", true)).of("RPM", strconv.Itoa(rpmID))
}

// GetRPMChecksums returns by signing key ("" is the unsigned copy) what the hub
// already knows of the checksums of whole files: of the given types, or those
// that the hub keeps by default, MD5 and SHA256. An RPM that does not exist is
// a *NotFoundError.
func (c *Client) GetRPMChecksums(ctx context.Context, rpmID int, types ...ChecksumType) (map[string]Checksums, error) {
	return call(ctx, c, getRPMChecksums(rpmID, types))
}

// GetRPMChecksums adds Client.GetRPMChecksums.
func (b *Batch) GetRPMChecksums(rpmID int, types ...ChecksumType) *Pending[map[string]Checksums] {
	return add(b, getRPMChecksums(rpmID, types))
}
