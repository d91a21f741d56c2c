package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fedora-respin/respin/repo/rpm"
)

type rpmShowCmd struct {
	Paths     []string `arg:"" name:"file" help:"RPMs."`
	Files     bool     `short:"l" help:"List their files."`
	Deps      bool     `help:"List every dependency: requires, provides, conflicts, obsoletes, weak ones, triggers."`
	Scripts   bool     `help:"Print the scriptlets, which run as root when the package is installed."`
	Changelog bool     `help:"Print the changelog."`
	Tags      bool     `help:"Print every tag of both headers as it stands in the file: number, name, type, count and value."`
}

func (*rpmShowCmd) about() string {
	return "Nothing is verified here, see rpm verify; signatures are named as the package has them.\n\n" +
		"With --json one FILE gives an object and several a list. Text that is no UTF-8 is read as latin1."
}

func (*rpmShowCmd) examples() []example {
	return []example{
		{"respin rpm show bash-5.3.0-2.fc44.x86_64.rpm", "Name, version, sizes, digests and signatures."},
		{"respin rpm show -l --deps bash-5.3.0-2.fc44.x86_64.rpm", "With its files and dependencies."},
		{"respin rpm show --tags bash-5.3.0-2.fc44.x86_64.rpm", "The raw headers."},
	}
}

// rpmInfo is what rpm show prints with --json.
type rpmInfo struct {
	NEVRA         string              `json:"nevra"`
	Name          string              `json:"name"`
	Epoch         uint32              `json:"epoch"`
	Version       string              `json:"version"`
	Release       string              `json:"release"`
	Arch          string              `json:"arch"`
	Summary       string              `json:"summary"`
	Description   string              `json:"description,omitempty"`
	License       string              `json:"license"`
	Vendor        string              `json:"vendor,omitempty"`
	Packager      string              `json:"packager,omitempty"`
	URL           string              `json:"url,omitempty"`
	SourceRPM     string              `json:"source_rpm,omitempty"`
	Module        string              `json:"module,omitempty"`
	BuildHost     string              `json:"build_host,omitempty"`
	BuildTime     time.Time           `json:"build_time"`
	Size          int64               `json:"size"`
	InstalledSize uint64              `json:"installed_size"`
	HeaderRange   [2]int64            `json:"header_range"` // bytes of the file
	Format        int                 `json:"format"`
	Payload       string              `json:"payload"`
	SigMD5        string              `json:"sigmd5,omitempty"`
	HeaderSHA256  string              `json:"header_sha256,omitempty"`
	PayloadDigest string              `json:"payload_digest,omitempty"`
	Signatures    []string            `json:"signatures"` // "RSA/SHA256 key id"; not verified
	SignedBy      []rpmSignature      `json:"signed_by"`  // the same in parts
	Requires      []string            `json:"requires,omitempty"`
	Provides      []string            `json:"provides,omitempty"`
	Dependencies  map[string][]string `json:"dependencies,omitempty"` // of every other kind: "obsoletes", "recommends" ...
	Scripts       []rpmScript         `json:"scripts,omitempty"`
	Files         []rpmFileInfo       `json:"files,omitempty"`
	Changelog     []rpmChange         `json:"changelog,omitempty"`
	Tags          *rpmTags            `json:"tags,omitempty"`
}

type rpmSignature struct {
	KeyID     string    `json:"key_id"`
	Algorithm string    `json:"algorithm"`
	Date      time.Time `json:"date,omitzero"`
	Covers    string    `json:"covers"`
}

type rpmScript struct {
	When        string `json:"when"` // such as "post"
	Interpreter string `json:"interpreter"`
	Text        string `json:"text"`
}

type rpmFileInfo struct {
	Path   string    `json:"path"`
	Mode   string    `json:"mode"`
	User   string    `json:"user,omitempty"`
	Group  string    `json:"group,omitempty"`
	Size   uint64    `json:"size"`
	MTime  time.Time `json:"mtime"`
	Link   string    `json:"link,omitempty"`
	Digest string    `json:"digest,omitempty"`
	Caps   string    `json:"caps,omitempty"`
	Ghost  bool      `json:"ghost,omitempty"`
	Config bool      `json:"config,omitempty"`
}

type rpmChange struct {
	Time   time.Time `json:"time"`
	Author string    `json:"author"`
	Text   string    `json:"text"`
}

func describeRPM(p *rpm.Package) *rpmInfo {
	v := &rpmInfo{
		NEVRA: utf8Text(p.NEVRA().String()), Name: utf8Text(p.Name), Epoch: p.EVR.Epoch, Version: utf8Text(p.EVR.Version),
		Release: utf8Text(p.EVR.Release), Arch: utf8Text(p.Arch), Summary: utf8Text(p.Summary), Description: utf8Text(p.Description),
		License: utf8Text(p.License), Vendor: utf8Text(p.Vendor), Packager: utf8Text(p.Packager), URL: utf8Text(p.URL),
		SourceRPM: utf8Text(p.SourceRPM), Module: utf8Text(p.ModuleLabel), BuildHost: utf8Text(p.BuildHost),
		BuildTime: time.Unix(p.BuildTime, 0).UTC(), Size: p.FileSize, InstalledSize: p.InstalledSize,
		HeaderRange: [2]int64{p.HeaderStart, p.HeaderEnd}, Format: p.Format, Payload: utf8Text(p.PayloadFormat + "." + p.PayloadCompressor),
		SigMD5: p.Digests.SigMD5, HeaderSHA256: utf8Text(p.Digests.HeaderSHA256), PayloadDigest: utf8Text(p.Digests.Payload),
		Signatures: []string{}, SignedBy: []rpmSignature{},
	}
	for i := range p.Signatures {
		s := &p.Signatures[i]
		v.Signatures = append(v.Signatures, s.Algorithm+" "+s.KeyID)
		v.SignedBy = append(v.SignedBy, rpmSignature{s.KeyID, s.Algorithm, s.Date, s.Covers()})
	}
	return v
}

func (v *rpmInfo) addDependencies(p *rpm.Package) {
	v.Dependencies = map[string][]string{}
	for kind := range rpm.DepKinds() {
		var list []string
		for d := range p.Dependencies(kind) {
			list = append(list, utf8Text(d.String()))
		}
		switch {
		case kind == rpm.Requires:
			v.Requires = list
		case kind == rpm.Provides:
			v.Provides = list
		case len(list) > 0:
			v.Dependencies[kind.String()] = list
		}
	}
}

func (v *rpmInfo) addFiles(p *rpm.Package) {
	for f := range p.Files() {
		v.Files = append(v.Files, rpmFileInfo{
			Path: utf8Text(f.Path()), Mode: fmt.Sprintf("%06o", f.Mode), User: utf8Text(f.User), Group: utf8Text(f.Group), Size: f.Size,
			MTime: time.Unix(int64(f.MTime), 0).UTC(), Link: utf8Text(f.Linkto), Digest: utf8Text(f.Digest), Caps: utf8Text(f.Caps),
			Ghost: f.IsGhost(), Config: f.Flags&rpm.FileConfig != 0,
		})
	}
}

func (v *rpmInfo) addChangelog(p *rpm.Package) {
	for c := range p.Changelogs() {
		v.Changelog = append(v.Changelog, rpmChange{time.Unix(c.Time, 0).UTC(), utf8Text(c.Author), utf8Text(c.Text)})
	}
}

func (v *rpmInfo) addScripts(p *rpm.Package) {
	for _, s := range []struct {
		when       string
		text, prog rpm.Tag
	}{
		{"pretrans", rpm.TagPreTrans, rpm.TagPreTransProg},
		{"pre", rpm.TagPreIn, rpm.TagPreInProg},
		{"post", rpm.TagPostIn, rpm.TagPostInProg},
		{"preun", rpm.TagPreUn, rpm.TagPreUnProg},
		{"postun", rpm.TagPostUn, rpm.TagPostUnProg},
		{"posttrans", rpm.TagPostTrans, rpm.TagPostTransProg},
		{"preuntrans", rpm.TagPreUnTrans, rpm.TagPreUnTransProg},
		{"postuntrans", rpm.TagPostUnTrans, rpm.TagPostUnTransProg},
		{"verify", rpm.TagVerifyScript, rpm.TagVerifyScriptProg},
		{"trigger", rpm.TagTriggerScripts, rpm.TagTriggerScriptProg},
		{"filetrigger", rpm.TagFileTriggerScripts, rpm.TagFileTriggerScriptProg},
		{"transfiletrigger", rpm.TagTransFileTriggerScripts, rpm.TagTransFileTriggerScriptProg},
	} {
		var progs []string
		for prog := range p.Header.Strings(s.prog) {
			progs = append(progs, utf8Text(prog))
		}
		i := 0
		for text := range p.Header.Strings(s.text) {
			// Triggers have an interpreter each, the others one with its arguments.
			prog := strings.Join(progs, " ")
			if strings.HasSuffix(s.when, "trigger") && i < len(progs) {
				prog = progs[i]
			}
			v.Scripts = append(v.Scripts, rpmScript{s.when, prog, utf8Text(text)})
			i++
		}
		if i == 0 && len(progs) > 0 { // an interpreter alone: "%post -p /sbin/ldconfig"
			v.Scripts = append(v.Scripts, rpmScript{When: s.when, Interpreter: strings.Join(progs, " ")})
		}
	}
}

// Run is the verb.
func (r *rpmShowCmd) Run(a *app) error {
	list := make([]*rpmInfo, 0, len(r.Paths))
	var failed error
	for _, path := range r.Paths {
		p, err := rpm.Open(path)
		var v *rpmInfo
		if err == nil {
			v, err = r.describe(p, a.global.JSON)
		}
		if err != nil { // the others are shown
			why := reason(err)
			if fe, ok := errors.AsType[*rpm.FormatError](err); ok {
				why = path + ": " + fe.Error()
			}
			a.say("respin: %s\n", clean(why))
			failed = &saidError{ExitOther}
			continue
		}
		if list = append(list, v); !a.global.JSON {
			if len(list) > 1 {
				a.printf("\n")
			}
			r.print(a, v)
		}
	}
	switch {
	case !a.global.JSON, len(r.Paths) == 1 && failed != nil:
	case len(r.Paths) == 1:
		a.printJSON(list[0])
	default:
		a.printJSON(list)
	}
	return failed
}

// describe collects what is asked for; everything but the raw tags and the
// changelog, when a program asks.
func (r *rpmShowCmd) describe(p *rpm.Package, all bool) (v *rpmInfo, err error) {
	v = describeRPM(p)
	if r.Deps || all {
		v.addDependencies(p)
	}
	if r.Scripts || all {
		v.addScripts(p)
	}
	if r.Files || all {
		v.addFiles(p)
	}
	if r.Changelog {
		v.addChangelog(p)
	}
	if r.Tags {
		v.Tags, err = readTags(p)
	}
	return v, err
}

func (r *rpmShowCmd) print(a *app, v *rpmInfo) {
	if r.Tags {
		a.printTags(v.Tags)
		return
	}
	signed := make([]string, 0, len(v.SignedBy))
	for _, s := range v.SignedBy {
		line := s.Algorithm + " " + s.KeyID
		if !s.Date.IsZero() {
			line += ", " + s.Date.Format(time.DateOnly)
		}
		signed = append(signed, line+", over "+s.Covers)
	}
	if len(signed) == 0 {
		signed = append(signed, "no (unsigned)")
	}
	a.pairs("package", v.NEVRA, "summary", v.Summary, "license", v.License, "vendor", v.Vendor, "url", v.URL, "source", v.SourceRPM, "module", v.Module,
		"built", when(v.BuildTime)+" on "+v.BuildHost, "size", bytesText(v.Size), "installed", bytesText(int64(min(v.InstalledSize, 1<<62))),
		"format", fmt.Sprintf("%d, %s", v.Format, v.Payload), "sigmd5", v.SigMD5, "header", v.HeaderSHA256, "signed", strings.Join(signed, "\n"))
	if r.Deps {
		r.printDependencies(a, v)
	}
	for _, s := range v.Scripts {
		a.printf("\n%%%s (%s)\n%s\n", s.When, clean(s.Interpreter), clean(s.Text))
	}
	for _, f := range v.Files {
		link := ""
		if f.Link != "" {
			link = " -> " + f.Link
		}
		a.printf("%s %12d %s%s\n", f.Mode, f.Size, oneLine(f.Path), oneLine(link))
	}
	for _, c := range v.Changelog {
		a.printf("\n* %s %s\n%s\n", c.Time.Format("Mon Jan 02 2006"), clean(c.Author), clean(c.Text))
	}
}

func (r *rpmShowCmd) printDependencies(a *app, v *rpmInfo) {
	for kind := range rpm.DepKinds() {
		list := map[rpm.DepKind][]string{rpm.Requires: v.Requires, rpm.Provides: v.Provides}[kind]
		if list == nil {
			list = v.Dependencies[kind.String()]
		}
		for _, d := range list {
			a.printf("%s  %s\n", kind, oneLine(d))
		}
	}
}

// oneLine is text in which a line end would pretend to be another entry.
func oneLine(s string) string {
	return strings.NewReplacer("\n", "?", "\t", "?").Replace(clean(s))
}
