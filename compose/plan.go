package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/fedora-respin/respin/compose/kiwidesc"
	"github.com/fedora-respin/respin/repo/siderepo"
)

// Plan is a Request with every question answered: nothing after it asks Koji,
// Bodhi or a mirror what to take. Its Digest is its identity.
type Plan struct {
	Request Request      `json:"request"` // as resolved: defaults filled in, without Notify
	Sources []PlanSource `json:"sources"` // what each source stood for
	RPMs    []PlanRPM    `json:"rpms"`    // the side repo, sorted by NEVRA
	// Updates is what the side repo's updateinfo.xml says of the updates among
	// the sources.
	Updates []siderepo.Update `json:"updates,omitempty"`
	Repos   []PlanRepo        `json:"repos,omitempty"`
	// Gathered are the packages of Repos that go onto the medium besides the side
	// repo's, sorted by NEVRA, and Groups the comps.xml that they can serve.
	Gathered  []PlanPackage `json:"gathered,omitempty"`
	Groups    string        `json:"groups,omitempty"`
	Kickstart string        `json:"kickstart,omitempty"` // frozen text
	// KickstartFiles are those that the kickstart of a spin was put together from.
	KickstartFiles []PlanKickstart `json:"kickstart_files,omitempty"`
	// First is what is made before, in the same build, where Base is nil and the
	// image starts from one all the same.
	First *PlanStep `json:"first,omitempty"`
	Base  *PlanBase `json:"base,omitempty"`
	// Description is what an image is made from by kiwi.
	Description *PlanDescription `json:"description,omitempty"`
	// Files go onto the medium, in the order of Request.Files, and UpdatesImage for
	// its installer.
	Files        []PlanFile `json:"files,omitempty"`
	UpdatesImage *PlanFile  `json:"updates_image,omitempty"`
	Backend      string     `json:"backend,omitempty"` // empty for kind repo
	Argv         []string   `json:"argv,omitempty"`    // the back end's command with ${...} for local paths
	Tools        []Tool     `json:"tools,omitempty"`
	VolID        string     `json:"volid,omitempty"`
	Image        string     `json:"image,omitempty"` // file name of the image, or of the first artifact
	// Final says that the release is out: its installer does not warn of being a
	// pre-release, and updates exist.
	Final     bool      `json:"final,omitempty"`
	KojiEvent int       `json:"koji_event,omitempty"` // the event the tags were read at
	Warnings  []Warning `json:"warnings,omitempty"`
	Epoch     int64     `json:"epoch"`    // SOURCE_DATE_EPOCH of the build: the newest build time of the RPMs
	Resolved  time.Time `json:"resolved"` // when; not part of Digest
	Digest    string    `json:"digest"`   // sha256, hex
}

// PlanRPM is one RPM of the side repo. At least one of SHA256, SHA512, SigMD5 and
// HeaderSHA256 is set.
type PlanRPM struct {
	NEVRA string `json:"nevra"` // name-[epoch:]version-release.arch
	Name  string `json:"name"`
	Arch  string `json:"arch"`
	File  string `json:"file"` // file name
	URL   string `json:"url"`
	// Mirrors are further places of the same file.
	Mirrors []string `json:"mirrors,omitempty"`
	// UnsignedURL and SignatureURL are what the signed copy is made from where
	// URL has it no more: Koji removes signed copies and keeps their signatures.
	UnsignedURL  string `json:"unsigned_url,omitempty"`
	SignatureURL string `json:"signature_url,omitempty"`
	// Size in bytes. Of a signed copy in Koji it is that of the unsigned one, some
	// kilobytes less: the hub knows no other.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	SHA512 string `json:"sha512,omitempty"`
	SigMD5 string `json:"sigmd5,omitempty"` // RPM's own digest of header and payload; Koji's payloadhash
	// HeaderSHA256 is the digest of the header, which in turn holds that of the
	// payload; Koji 1.36 names RPMs without SigMD5 by it.
	HeaderSHA256 string `json:"header_sha256,omitempty"`
	// SignedBy is the id of the key that the RPM is, or is said to be, signed
	// with: 16 hexadecimal digits, or the last 8 of them where Koji says so.
	SignedBy string `json:"signed_by,omitempty"`
	// Signature is "signed", "unsigned", or "unread" for the RPM of a repository
	// whose header nobody has looked at yet.
	Signature string `json:"signature,omitempty"`
	// Policy is what was asked of the signature; "require" holds when the RPM is
	// fetched, too.
	Policy    SignaturePolicy `json:"signature_policy,omitempty"`
	BuildTime int64           `json:"build_time,omitempty"` // Unix seconds
	From      string          `json:"from"`                 // the source it came by, and the build
}

// Values of PlanRPM.Signature.
const (
	SignatureSigned   = "signed"
	SignatureUnsigned = "unsigned"
	SignatureUnread   = "unread"
)

// PlanRepo is a repository as it stood when the Plan was made.
type PlanRepo struct {
	Repo
	RepomdSHA256 string `json:"repomd_sha256,omitempty"`
	Revision     string `json:"revision,omitempty"`
	// Keys are the public keys of GPGKeys in ASCII armor, as they were: what is
	// gathered from the repository must be signed by one of them.
	Keys []string `json:"keys,omitempty"`
	// Mirrors are base URLs of the repository, for Plan.Gathered; no part of the
	// Plan's digest.
	Mirrors []string `json:"mirrors,omitempty"`
}

// PlanBase is the image that the build starts from.
type PlanBase struct {
	URL    string `json:"url"`
	SHA256 string `json:"sha256,omitempty"`
	Size   int64  `json:"size,omitempty"` // bytes
	VolID  string `json:"volid,omitempty"`
	Arch   string `json:"arch,omitempty"`
	// Release is what the image says of itself, as "44" or "Rawhide".
	Release string `json:"release,omitempty"`
}

// PlanFile is a file for the medium.
type PlanFile struct {
	Path       string `json:"path"`           // on the medium, from its root
	URL        string `json:"url,omitempty"`  // empty: the text of the Request's file
	Size       int64  `json:"size,omitempty"` // bytes; 0 when the server does not say
	SHA256     string `json:"sha256"`
	Executable bool   `json:"executable,omitempty"`
}

// PlanDescription is a description for kiwi as it was read when the Plan was made,
// and what was chosen of it.
type PlanDescription struct {
	URL    string `json:"url"`
	SHA256 string `json:"sha256"` // of the archive
	Size   int64  `json:"size"`   // bytes
	kiwidesc.Selection
}

// Tool is a program that the back end needs on the build node.
type Tool struct {
	Name    string `json:"name"`
	Package string `json:"package,omitempty"` // what to install for it
	Version string `json:"version,omitempty"`
	// Options are the options that the tool's own help lists, where it was asked.
	Options []string `json:"-"`
	// Oldest is the version that ProbeTool wants at least; "": any.
	Oldest string `json:"-"`
}

// Warning is something that the user should know and that stops nothing.
type Warning struct {
	Code     string `json:"code"`
	Field    string `json:"field,omitempty"`
	Sentence string `json:"sentence"`
}

// Seal computes the Digest: sha256 of the canonical JSON without times and
// without what does not change the result (title, labels, notify, ttl).
func (p *Plan) Seal() error {
	c := *p
	c.Digest, c.Resolved, c.Warnings, c.KojiEvent = "", time.Time{}, nil, 0
	c.Request.Title, c.Request.Labels, c.Request.Notify, c.Request.TTL = "", nil, nil, 0
	c.Sources = slices.Clone(p.Sources)
	for i := range c.Sources {
		// They change while the RPMs stay.
		c.Sources[i].BuildDetails, c.Sources[i].Task, c.Sources[i].Repo = nil, nil, nil
	}
	c.Repos = slices.Clone(p.Repos)
	for i := range c.Repos {
		c.Repos[i].Mirrors = nil // as with mirrors of RPMs below
	}
	c.RPMs = slices.Clone(p.RPMs)
	for i := range c.RPMs {
		if r := &c.RPMs[i]; len(r.Mirrors) > 0 {
			r.URL, r.Mirrors = "", nil // the order of mirrors is a matter of the day
		}
	}
	data, err := json.Marshal(c) // struct order is fixed and maps are sorted: canonical
	if err != nil {
		return fmt.Errorf("seal plan: %w", err)
	}
	sum := sha256.Sum256(data)
	p.Digest = hex.EncodeToString(sum[:])
	return nil
}

// Size is the sum of what the build has to fetch, in bytes.
func (p *Plan) Size() int64 {
	var n int64
	for i := range p.RPMs {
		n += p.RPMs[i].Size
	}
	for i := range p.Gathered {
		n += p.Gathered[i].Size
	}
	for i := range p.Files {
		n += p.Files[i].Size
	}
	if p.UpdatesImage != nil {
		n += p.UpdatesImage.Size
	}
	if p.Base != nil {
		n += p.Base.Size
	}
	if p.Description != nil {
		n += p.Description.Size
	}
	return n
}
