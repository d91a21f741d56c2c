package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/proof"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/rpm"
)

type imageCmd struct {
	Packages imagePackagesCmd `cmd:"" help:"List the packages that an image ships."`
	Verify   imageVerifyCmd   `cmd:"" help:"Check that an image ships what it should."`
	SBOM     imageSBOMCmd     `cmd:"" name:"sbom" help:"Write the packages of an image as an SPDX document."`
}

const imageHelp = `An image is an ISO (boot.iso, DVD, live), an install.img or other squashfs, an EROFS, an ext2, ext3 or ext4 file system without partitions, or a folder with the root of a system. Images in images are looked into. Nothing is mounted, root is not needed. Packages come from the database of rpm in the image; the installer's image has none, there the list that lorax has left is taken.`

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

type imageVerifyCmd struct {
	File    string   `arg:"" help:"An image, or a folder with the root of a system."`
	Require []string `sep:"none" placeholder:"SPEC" help:"What the image must ship: a name, NAME>=VERSION, an NVR of a package or build, or a NEVRA. May be given several times."`
	RPM     []string `name:"rpm" sep:"none" placeholder:"FILE" help:"An RPM that the image must ship, by its digest. May be given several times."`
	Plan    string   `placeholder:"FILE" help:"A Plan (plan.json of a compose): each RPM of its side repo is judged; one that nothing needs may be absent."`
	Repo    []string `sep:"none" placeholder:"NAME=REPO" help:"Repository that the image was made from, to say which one won and why. May be given several times."`
}

func (*imageVerifyCmd) about() string {
	return "Exit code 1 when something that is required is missing, older, newer or another build.\n\n" + imageHelp + "\n\n" + reposHelp
}

func (*imageVerifyCmd) examples() []example {
	return []example{
		{"respin image verify boot.iso --require 'anaconda>=44.12' --require dracut-107-4.fc44", "Is the fix in the installer?"},
		{"respin image verify live.iso --rpm kernel-core-7.0-1.fc44.x86_64.rpm", "Is it this very build?"},
		{"respin image verify boot.iso --plan plan.json --repo side=repo/ --repo fedora=https://example.org/fedora/44/x86_64/os/", "What became of everything in the side repo, and which repository won."},
	}
}

// imageVerdict is what image verify prints with --json.
type imageVerdict struct {
	OK       bool            `json:"ok"`
	Required []imageRequired `json:"required,omitempty"`
	Report   []imageEntry    `json:"report,omitempty"`
	Notes    []string        `json:"notes,omitempty"`
}

type imageRequired struct {
	Spec    string `json:"spec"`
	OK      bool   `json:"ok"`
	Instead string `json:"instead,omitempty"`
}

type imageEntry struct {
	Name      string `json:"name"`
	Arch      string `json:"arch"`
	Requested string `json:"requested"`
	Shipped   string `json:"shipped,omitempty"`
	Repo      string `json:"repo,omitempty"`
	Verdict   string `json:"verdict"`
	Evidence  string `json:"evidence,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// Run is the verb.
func (i *imageVerifyCmd) Run(ctx context.Context, a *app) error {
	if len(i.Require)+len(i.RPM) == 0 && i.Plan == "" {
		return usagef("nothing to verify: give --require, --rpm or --plan")
	}
	wants, priorities, err := i.wants(a)
	if err != nil {
		return err
	}
	c, err := proof.Read(ctx, i.File, proof.Options{})
	if err != nil {
		return err
	}
	repos, err := i.repos(ctx, a, priorities)
	if err != nil {
		return err
	}
	v := imageVerdict{OK: true, Notes: c.Notes}
	for _, spec := range i.Require {
		r := imageRequired{Spec: spec, OK: true}
		if err := c.Require(spec); err != nil {
			missing, ok := errors.AsType[*proof.RequireError](err)
			if !ok {
				return usagef("--require: %v", err)
			}
			r.OK, r.Instead, v.OK = false, missing.Instead, false
		}
		v.Required = append(v.Required, r)
	}
	for _, e := range c.Judge(wants, proof.JudgeOptions{Repos: repos}) {
		v.OK = v.OK && (e.Verdict == proof.Included || e.Verdict == proof.NotInstalled)
		v.Report = append(v.Report, imageEntry{e.Name, e.Arch, e.EVR.String(), e.Shipped, e.Repo, string(e.Verdict), string(e.Evidence), e.Reason})
	}
	if a.global.JSON {
		a.printJSON(v)
	} else {
		a.imageNotes(c)
		i.print(a, &v)
	}
	if !v.OK {
		return &saidError{ExitOther}
	}
	return nil
}

func (*imageVerifyCmd) print(a *app, v *imageVerdict) {
	for _, r := range v.Required {
		if r.OK {
			a.printf("%s: ok\n", clean(r.Spec))
		} else {
			a.printf("%s: missing, %s\n", clean(r.Spec), clean(r.Instead))
		}
	}
	if len(v.Report) == 0 {
		return
	}
	t := &table{head: []string{"PACKAGE", "ARCH", "REQUESTED", "SHIPPED", "VERDICT", "BY", "REASON"}}
	for _, e := range v.Report {
		t.add(e.Name, e.Arch, e.Requested, e.Shipped, e.Verdict, e.Evidence, e.Reason)
	}
	a.printTable(t)
}

// wants are the RPMs to judge, and the priorities of the Plan's repositories.
func (i *imageVerifyCmd) wants(a *app) (list []proof.Want, priorities map[string]int, err error) {
	for _, path := range i.RPM {
		p, err := rpm.Open(path)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, proof.Want{NEVRA: p.NEVRA(), SigMD5: p.Digests.SigMD5, HeaderSHA256: p.Digests.HeaderSHA256, Named: true})
	}
	if i.Plan == "" {
		return list, nil, nil
	}
	data, err := a.readFile(i.Plan, maxPlanFile)
	if err != nil {
		return nil, nil, err
	}
	var plan compose.Plan
	if err := json.Unmarshal(data, &plan); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", filepath.Base(i.Plan), err)
	}
	more, err := plan.Wants()
	priorities = map[string]int{}
	for k := range plan.Repos {
		priorities[plan.Repos[k].ID] = plan.Repos[k].Priority
	}
	return append(list, more...), priorities, err
}

// maxPlanFile bounds a plan.json: 100,000 RPMs of 500 bytes.
const maxPlanFile = 64 << 20

// repos opens the repositories that explain a verdict.
func (i *imageVerifyCmd) repos(ctx context.Context, a *app, priorities map[string]int) ([]proof.Repo, error) {
	if len(i.Repo) == 0 {
		return nil, nil
	}
	reader := a.repoReader()
	defer reader.close()
	sources := make([]check.Source, 0, len(i.Repo))
	for _, arg := range i.Repo {
		s, err := reader.source(ctx, arg)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	loaded, err := check.Load(ctx, reader.indexes(), sources...)
	if err != nil {
		return nil, err
	}
	list := make([]proof.Repo, len(loaded))
	for k, r := range loaded {
		list[k] = proof.Repo{ID: r.Name, Priority: priorities[r.Name], Named: func(name string) iter.Seq[rpm.NEVRA] {
			return func(yield func(rpm.NEVRA) bool) {
				for p := range r.Index.Named(name) {
					if (r.Hidden == nil || !r.Hidden(p)) && !yield(p.NEVRA()) {
						return
					}
				}
			}
		}}
	}
	return list, nil
}
