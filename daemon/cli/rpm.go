package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/fedora-respin/respin/repo/rpm"
)

type rpmCmd struct {
	Show   rpmShowCmd   `cmd:"" help:"Show what a package says about itself."`
	Verify rpmVerifyCmd `cmd:"" help:"Check every digest and signature that packages carry."`
	Vercmp rpmVercmpCmd `cmd:"" help:"Compare two versions as rpm does."`
}

type rpmShowCmd struct {
	File      string `arg:"" help:"An RPM."`
	Files     bool   `short:"l" help:"List its files."`
	Deps      bool   `help:"List what it requires and provides."`
	Changelog bool   `help:"Print its changelog."`
}

func (*rpmShowCmd) about() string { return "" }

func (*rpmShowCmd) examples() []example {
	return []example{
		{"respin rpm show bash-5.3.0-2.fc44.x86_64.rpm", "Name, version, sizes, digests and signatures."},
		{"respin rpm show -l bash-5.3.0-2.fc44.x86_64.rpm", "With its files."},
	}
}

// rpmInfo is what rpm show prints with --json.
type rpmInfo struct {
	NEVRA         string        `json:"nevra"`
	Name          string        `json:"name"`
	Epoch         uint32        `json:"epoch"`
	Version       string        `json:"version"`
	Release       string        `json:"release"`
	Arch          string        `json:"arch"`
	Summary       string        `json:"summary"`
	License       string        `json:"license"`
	Vendor        string        `json:"vendor,omitempty"`
	URL           string        `json:"url,omitempty"`
	SourceRPM     string        `json:"source_rpm,omitempty"`
	BuildHost     string        `json:"build_host,omitempty"`
	BuildTime     time.Time     `json:"build_time"`
	Size          int64         `json:"size"`
	InstalledSize uint64        `json:"installed_size"`
	Format        int           `json:"format"`
	Payload       string        `json:"payload"`
	SigMD5        string        `json:"sigmd5,omitempty"`
	HeaderSHA256  string        `json:"header_sha256,omitempty"`
	Signatures    []string      `json:"signatures"` // "RSA/SHA256 key id"; not verified
	Requires      []string      `json:"requires,omitempty"`
	Provides      []string      `json:"provides,omitempty"`
	Files         []rpmFileInfo `json:"files,omitempty"`
}

type rpmFileInfo struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"`
	Size   uint64 `json:"size"`
	Link   string `json:"link,omitempty"`
	Digest string `json:"digest,omitempty"`
}

func describeRPM(p *rpm.Package) rpmInfo {
	v := rpmInfo{
		NEVRA: p.NEVRA().String(), Name: p.Name, Epoch: p.EVR.Epoch, Version: p.EVR.Version, Release: p.EVR.Release, Arch: p.Arch,
		Summary: p.Summary, License: p.License, Vendor: p.Vendor, URL: p.URL, SourceRPM: p.SourceRPM, BuildHost: p.BuildHost,
		BuildTime: time.Unix(p.BuildTime, 0).UTC(), Size: p.FileSize, InstalledSize: p.InstalledSize, Format: p.Format,
		Payload: p.PayloadFormat + "." + p.PayloadCompressor, SigMD5: p.Digests.SigMD5, HeaderSHA256: p.Digests.HeaderSHA256, Signatures: []string{},
	}
	for _, s := range p.Signatures {
		v.Signatures = append(v.Signatures, s.Algorithm+" "+s.KeyID)
	}
	return v
}

func dependencies(p *rpm.Package, kind rpm.DepKind) []string {
	var out []string
	for d := range p.Dependencies(kind) {
		out = append(out, d.String())
	}
	return out
}

// Run is the verb.
func (r *rpmShowCmd) Run(a *app) error {
	p, err := rpm.Open(r.File)
	if err != nil {
		return fmt.Errorf("%s: %w", r.File, err)
	}
	v := describeRPM(p)
	if r.Deps || a.global.JSON {
		v.Requires, v.Provides = dependencies(p, rpm.Requires), dependencies(p, rpm.Provides)
	}
	if r.Files || a.global.JSON {
		for f := range p.Files() {
			v.Files = append(v.Files, rpmFileInfo{Path: f.Path(), Mode: fmt.Sprintf("%06o", f.Mode), Size: f.Size, Link: f.Linkto, Digest: f.Digest})
		}
	}
	if a.global.JSON {
		a.printJSON(v)
		return nil
	}
	a.pairs("package", v.NEVRA, "summary", v.Summary, "license", v.License, "vendor", v.Vendor, "url", v.URL, "source", v.SourceRPM,
		"built", when(v.BuildTime)+" on "+v.BuildHost, "size", bytesText(v.Size), "installed", bytesText(int64(v.InstalledSize)),
		"format", fmt.Sprintf("%d, %s", v.Format, v.Payload), "sigmd5", v.SigMD5, "header", v.HeaderSHA256, "signed", strings.Join(v.Signatures, "\n"))
	for _, d := range v.Requires {
		a.printf("requires  %s\n", clean(d))
	}
	for _, d := range v.Provides {
		a.printf("provides  %s\n", clean(d))
	}
	for _, f := range v.Files {
		link := ""
		if f.Link != "" {
			link = " -> " + f.Link
		}
		a.printf("%s %12d %s%s\n", f.Mode, f.Size, clean(f.Path), clean(link))
	}
	if r.Changelog {
		for c := range p.Changelogs() {
			a.printf("\n* %s %s\n%s\n", time.Unix(c.Time, 0).UTC().Format("Mon Jan 02 2006"), clean(c.Author), clean(c.Text))
		}
	}
	return nil
}

type rpmVerifyCmd struct {
	Files   []string `arg:"" name:"file" help:"RPMs."`
	Keyring string   `placeholder:"FILE" help:"Public keys, as in /etc/pki/rpm-gpg. Without it signatures are named, not judged."`
	Signed  bool     `help:"Packages without a good signature are bad too; needs --keyring."`
}

func (*rpmVerifyCmd) about() string {
	return "Exit code 1 when a package is damaged, altered or, with --signed, not signed by a known key."
}

func (*rpmVerifyCmd) examples() []example {
	return []example{
		{"respin rpm verify *.rpm", "Digests of header and payload."},
		{"respin rpm verify --keyring /etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-44-primary --signed bash.rpm", "And that Fedora has signed it."},
	}
}

// rpmVerdict is one file of rpm verify --json.
type rpmVerdict struct {
	File string `json:"file"`
	OK   bool   `json:"ok"`
	*rpm.Verdict
	SignatureStatus rpm.Status `json:"signature_status,omitempty"`
	Error           string     `json:"error,omitempty"`
}

// Run is the verb.
func (r *rpmVerifyCmd) Run(a *app) error {
	if r.Signed && r.Keyring == "" {
		return usagef("--signed: needs the keys to trust; name them with --keyring")
	}
	opts := rpm.VerifyOptions{}
	if r.Keyring != "" {
		f, err := os.Open(r.Keyring)
		if err != nil {
			return usagef("--keyring: %s", reason(err))
		}
		opts.Keyring, err = rpm.ReadKeyring(io.LimitReader(f, 16<<20))
		if err := errors.Join(err, f.Close()); err != nil {
			return usagef("--keyring: %v", err)
		}
	}
	bad := 0
	list := make([]rpmVerdict, 0, len(r.Files))
	for _, path := range r.Files {
		v := verifyRPM(path, opts, r.Signed)
		list = append(list, v)
		if !v.OK {
			bad++
		}
		if a.global.JSON {
			continue
		}
		word := paint(a.outColor, colorGood, "ok")
		if !v.OK {
			word = paint(a.outColor, colorBad, "BAD")
		}
		a.printf("%s: %s", path, word)
		if v.SignatureStatus != "" {
			a.printf(", signature %s", v.SignatureStatus)
		}
		if v.Error != "" {
			a.printf(": %s", clean(v.Error))
		}
		a.printf("\n")
	}
	if a.global.JSON {
		a.printJSON(list)
	}
	if bad > 0 {
		return &saidError{ExitOther}
	}
	return nil
}

func verifyRPM(path string, opts rpm.VerifyOptions, signed bool) rpmVerdict {
	out := rpmVerdict{File: path}
	f, err := os.Open(path)
	if err != nil {
		out.Error = reason(err)
		return out
	}
	defer func() { _ = f.Close() }()
	v, err := rpm.Verify(f, opts)
	if err == nil {
		out.Verdict, out.SignatureStatus = v, v.SignatureStatus()
		err = v.Err()
	}
	if err == nil && signed && out.SignatureStatus != rpm.StatusOK {
		err = errors.New("it has no good signature")
	}
	if err != nil {
		out.Error = err.Error()
		return out
	}
	out.OK = true
	return out
}

type rpmVercmpCmd struct {
	A string `arg:"" name:"a" help:"[epoch:]version[-release]"`
	B string `arg:"" name:"b" help:"[epoch:]version[-release]"`
}

func (*rpmVercmpCmd) about() string {
	return "Prints A < B, A == B or A > B. A tilde sorts before everything, a caret after the version it follows."
}

func (*rpmVercmpCmd) examples() []example {
	return []example{
		{"respin rpm vercmp 1.0~rc1 1.0", "Prints 1.0~rc1 < 1.0."},
		{"respin rpm vercmp 1:1.0-1 2.0-1", "The epoch wins."},
	}
}

// Run is the verb.
func (r *rpmVercmpCmd) Run(a *app) error {
	x, err := rpm.ParseEVR(r.A)
	if err != nil {
		return usagef("%v", err)
	}
	y, err := rpm.ParseEVR(r.B)
	if err != nil {
		return usagef("%v", err)
	}
	n := x.Compare(y)
	if a.global.JSON {
		a.printJSON(struct {
			A      string `json:"a"`
			B      string `json:"b"`
			Result int    `json:"result"` // -1: a is older, 1: a is newer
		}{r.A, r.B, n})
		return nil
	}
	a.printf("%s %s %s\n", r.A, map[int]string{-1: "<", 0: "==", 1: ">"}[n], r.B)
	return nil
}
