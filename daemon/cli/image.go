package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose/proof"
	"github.com/fedora-respin/respin/internal/atomicfile"
)

type imageCmd struct {
	Packages imagePackagesCmd `cmd:"" help:"List the packages that an image ships."`
	Verify   imageVerifyCmd   `cmd:"" help:"Check that an image ships what it should."`
	SBOM     imageSBOMCmd     `cmd:"" name:"sbom" help:"Write the packages of an image as an SPDX document."`
}

const imageHelp = `An image is an ISO (boot.iso, DVD, live), an install.img or other squashfs, an EROFS, an ext2, ext3 or ext4 file system, a disk (raw or qcow2) with such partitions, a tar archive of a system (plain, xz, gzip, zstd, bzip2), or a folder with the root of one. Images in images are looked into. Nothing is mounted, root is not needed. Packages come from the database of rpm in the image; the installer's image has none, there the list that lorax has left is taken.`

type imagePackagesCmd struct {
	File string `arg:"" help:"An image, or a folder with the root of a system."`
}

func (*imagePackagesCmd) about() string { return imageHelp }

func (*imagePackagesCmd) examples() []example {
	return []example{
		{"respin image packages Fedora-44-boot.iso", "What is inside the installer, and where database and list disagree."},
		{"respin image packages --json live.iso", "With digests, keys and times, for a program."},
	}
}

// imageContents is what image packages prints with --json.
type imageContents struct {
	Path    string        `json:"path"`
	Systems []imageSystem `json:"systems"`
	Notes   []string      `json:"notes,omitempty"`
}

type imageSystem struct {
	Path          string              `json:"path"` // inside the image
	Format        string              `json:"format"`
	Release       string              `json:"release,omitempty"`
	Database      string              `json:"database,omitempty"`
	List          string              `json:"list,omitempty"`
	Packages      []imagePackage      `json:"packages"`
	Disagreements []imageDisagreement `json:"disagreements,omitempty"`
	Notes         []string            `json:"notes,omitempty"`
}

type imagePackage struct {
	NEVRA        string `json:"nevra"`
	Name         string `json:"name"`
	EVR          string `json:"evr"`
	Arch         string `json:"arch"`
	SigMD5       string `json:"sigmd5,omitempty"`
	HeaderSHA256 string `json:"header_sha256,omitempty"`
	Header       string `json:"header,omitempty"` // ok, bad or absent
	SignedBy     string `json:"signed_by,omitempty"`
	InstallTime  int64  `json:"install_time,omitempty"`
	BuildTime    int64  `json:"build_time,omitempty"`
	Size         uint64 `json:"size,omitempty"`
	Vendor       string `json:"vendor,omitempty"`
	License      string `json:"license,omitempty"`
	SourceRPM    string `json:"source_rpm,omitempty"`
}

type imageDisagreement struct {
	Package string `json:"package"`
	Where   string `json:"where"`
}

func describeContents(c *proof.Contents) imageContents {
	v := imageContents{Path: c.Path, Notes: c.Notes}
	for i := range c.Systems {
		s := &c.Systems[i]
		d := imageSystem{
			Path: s.Path, Format: string(s.Format), Release: s.Release, Database: s.Database, List: s.List,
			Packages: make([]imagePackage, len(s.Packages)), Notes: s.Notes,
		}
		for k := range s.Packages {
			p := &s.Packages[k]
			d.Packages[k] = imagePackage{
				NEVRA: p.String(), Name: p.Name, EVR: p.EVR.String(), Arch: p.Arch, SigMD5: p.SigMD5, HeaderSHA256: p.HeaderSHA256, Header: string(p.HeaderStatus),
				SignedBy: p.KeyID, InstallTime: p.InstallTime, BuildTime: p.BuildTime, Size: p.Size, Vendor: p.Vendor, License: p.License, SourceRPM: p.SourceRPM,
			}
		}
		for _, x := range s.Disagreements {
			d.Disagreements = append(d.Disagreements, imageDisagreement{x.Package, string(x.Side)})
		}
		v.Systems = append(v.Systems, d)
	}
	return v
}

// Run is the verb.
func (i *imagePackagesCmd) Run(ctx context.Context, a *app) error {
	c, err := proof.Read(ctx, i.File, proof.Options{})
	if err != nil {
		return err
	}
	v := describeContents(c)
	if a.global.JSON {
		a.printJSON(v)
		return nil
	}
	a.imageNotes(c)
	for n := range v.Systems {
		s := &v.Systems[n]
		if n > 0 {
			a.printf("\n")
		}
		a.pairs("system", s.Release, "in", s.Path, "format", s.Format, "database", s.Database, "list", s.List, "packages", strconv.Itoa(len(s.Packages)))
		for k := range s.Packages {
			a.printf("%s\n", clean(s.Packages[k].NEVRA))
		}
		for _, d := range s.Disagreements {
			a.printf("%s is %s\n", clean(d.Package), d.Where)
		}
	}
	return nil
}

// imageNotes tells what was not read.
func (a *app) imageNotes(c *proof.Contents) {
	for _, n := range c.Notes {
		a.remark("note: %s\n", clean(n))
	}
	for i := range c.Systems {
		for _, n := range c.Systems[i].Notes {
			a.remark("note: %s\n", clean(n))
		}
	}
}

type imageSBOMCmd struct {
	File   string `arg:"" help:"An image, or a folder with the root of a system."`
	Output string `short:"o" placeholder:"FILE" help:"Write to this file. Default: standard output."`
	Name   string `placeholder:"NAME" help:"Name of the document. Default: the name of the file."`
}

func (*imageSBOMCmd) about() string {
	return "The document is SPDX 2.3 in JSON, and the same for the same image: its time is SOURCE_DATE_EPOCH, or the newest build time of the packages.\n\n" + imageHelp
}

func (*imageSBOMCmd) examples() []example {
	return []example{{"respin image sbom -o boot.spdx.json boot.iso", "For a scanner, or beside the image."}}
}

// Run is the verb.
func (i *imageSBOMCmd) Run(ctx context.Context, a *app) error {
	o := proof.SBOMOptions{Name: i.Name, Tool: "respin"}
	if epoch := a.getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		sec, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || sec < 0 {
			return usagef("SOURCE_DATE_EPOCH is %q, not a number of seconds", epoch)
		}
		o.Created = time.Unix(sec, 0)
	}
	c, err := proof.Read(ctx, i.File, proof.Options{})
	if err != nil {
		return err
	}
	if o.SHA256, err = fileSHA256(ctx, i.File); err != nil {
		return err
	}
	a.imageNotes(c)
	var text strings.Builder
	if err := c.SBOM(&text, o); err != nil {
		return err
	}
	if i.Output != "" {
		return atomicfile.Write(i.Output, []byte(text.String()), 0o644)
	}
	a.printf("%s", text.String())
	return nil
}

// fileSHA256 is the digest of a file, "" for a folder.
func fileSHA256(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return "", err
	}
	h := sha256.New()
	for buf := make([]byte, 1<<20); ; {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return "", err
		}
	}
}
