package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/kickstart"
)

type kickstartCmd struct {
	Validate kickstartValidateCmd `cmd:"" help:"List everything that is wrong with kickstarts, by file and line."`
	Flatten  kickstartFlattenCmd  `cmd:"" help:"Put what a kickstart includes into it."`
	Show     kickstartShowCmd     `cmd:"" help:"Show what a kickstart asks for."`
}

// kickstartFlags are how kickstarts are read.
type kickstartFlags struct {
	Version string `placeholder:"F44" help:"Syntax version, as F44, RHEL10 or DEVEL. Default: that of its #version comment, else DEVEL."`
	Root    string `placeholder:"DIR" help:"Includes may lead no further up than this. Default: the folder of the kickstart."`
}

func (f *kickstartFlags) version(src []byte) (kickstart.Version, error) {
	if f.Version == "" {
		if v, ok := kickstart.HeaderVersion(src); ok {
			return v, nil
		}
		return kickstart.Devel, nil
	}
	v, ok := kickstart.ParseVersion(f.Version)
	if !ok {
		var known []string
		for _, v := range kickstart.Versions() {
			known = append(known, string(v))
		}
		return "", usagef("--version: %q is not known; there are %s", f.Version, strings.Join(known, ", "))
	}
	return v, nil
}

// opened is a kickstart that was read from its folder.
type opened struct {
	dir, name string // name is below dir
	src       []byte
	version   kickstart.Version
	opts      kickstart.Options
	root      *os.Root
}

// open reads the file at path; the caller closes its root.
func (f *kickstartFlags) open(path string) (*opened, error) {
	o := &opened{dir: f.Root}
	if o.dir == "" {
		o.dir = filepath.Dir(path)
	}
	name, err := below(o.dir, path)
	if err != nil || !filepath.IsLocal(name) {
		return nil, usagef("--root: %s is not below %s", path, o.dir)
	}
	o.name = filepath.ToSlash(name)
	if o.root, err = os.OpenRoot(o.dir); err != nil {
		return nil, fmt.Errorf("read kickstart: %s", reason(err))
	}
	// One byte more than the parser takes lets it say what its limit is.
	a := &app{}
	if o.src, err = a.readFile(path, 4<<20+1); err == nil {
		o.version, err = f.version(o.src)
	}
	if err != nil {
		return nil, errors.Join(err, o.root.Close())
	}
	o.opts = kickstart.Options{Version: o.version, Includes: kickstart.FSIncluder(o.root.FS())}
	return o, nil
}

// below is path as seen from dir.
func below(dir, path string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", fmt.Errorf("find folder: %w", err)
	}
	return filepath.Rel(dir, path) //nolint:wrapcheck // looked at by the caller
}

// at is a file of the folder as the user would name it.
func (o *opened) at(file string) string {
	if file == "" {
		file = o.name
	}
	return filepath.Join(o.dir, filepath.FromSlash(file))
}

// diagnosis is one line of kickstart validate, with --json as it stands.
type diagnosis struct {
	File     string         `json:"file"`
	Line     int            `json:"line,omitempty"`
	Column   int            `json:"column,omitempty"`
	Severity string         `json:"severity"` // error or warning
	Code     kickstart.Code `json:"code"`
	Message  string         `json:"message"`
	Remedy   string         `json:"remedy,omitempty"`
}

func (d diagnosis) String() string {
	text := d.File + ": "
	if d.Line > 0 {
		text = fmt.Sprintf("%s:%d: ", d.File, d.Line)
	}
	text += d.Severity + ": " + strings.TrimSuffix(d.Message, ".")
	if d.Remedy != "" {
		text += "; " + d.Remedy
	}
	return text + " [" + string(d.Code) + "]"
}

// check lists what is wrong, structure and content.
func (o *opened) check() (*kickstart.Document, []diagnosis) {
	doc, found, err := kickstart.Check(o.name, o.src, o.opts)
	list := []diagnosis{}
	if e, ok := errors.AsType[*kickstart.ParseError](err); ok {
		list = append(list, o.parseError(e))
	}
	for _, d := range found {
		list = append(list, diagnosis{o.at(d.Pos.File), d.Pos.Line, d.Pos.Col, d.Severity.String(), d.Code, d.Message, d.Remedy})
	}
	return doc, list
}

func (o *opened) parseError(e *kickstart.ParseError) diagnosis {
	return diagnosis{o.at(e.File), e.Line, e.Col, kickstart.SeverityError.String(), e.Code, e.Msg, e.Remedy}
}

type kickstartValidateCmd struct {
	kickstartFlags
	Files []string `arg:"" name:"file" help:"Kickstarts."`
}

func (*kickstartValidateCmd) about() string {
	return `The rules are pykickstart's, with its option tables built in. Errors are what anaconda refuses and give exit code 3; warnings, as deprecated commands, give 0.`
}

func (*kickstartValidateCmd) examples() []example {
	return []example{
		{"respin kickstart validate my.ks --version F44", "What anaconda of Fedora 44 would say."},
		{"respin kickstart validate *.ks --json", "For an editor or a test."},
	}
}

// Run is the verb.
func (k *kickstartValidateCmd) Run(a *app) error {
	all := []diagnosis{}
	for _, path := range k.Files {
		o, err := k.open(path)
		if err != nil {
			return err
		}
		_, list := o.check()
		all = append(all, list...)
		if err := o.root.Close(); err != nil {
			return fmt.Errorf("read kickstart: %w", err)
		}
	}
	bad := false
	for _, d := range all {
		bad = bad || d.Severity == kickstart.SeverityError.String()
		if !a.global.JSON {
			a.printf("%s\n", clean(d.String()))
		}
	}
	if a.global.JSON {
		a.printJSON(all)
	}
	if bad {
		return &saidError{ExitRefused}
	}
	return nil
}

// document reads one kickstart for the verbs that show it. What is wrong with it
// is said, and is the error.
func (f *kickstartFlags) document(a *app, path string) (*kickstart.Document, error) {
	o, err := f.open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = o.root.Close() }()
	doc, err := kickstart.Parse(o.name, o.src, kickstart.Options{Includes: o.opts.Includes})
	if e, ok := errors.AsType[*kickstart.ParseError](err); ok {
		a.say("%s\n", clean(o.parseError(e).String()))
		return nil, &saidError{ExitRefused}
	}
	if err != nil {
		return nil, fmt.Errorf("read kickstart: %w", err)
	}
	return doc, nil
}

type kickstartFlattenCmd struct {
	kickstartFlags
	File   string `arg:"" help:"A kickstart."`
	Output string `short:"o" placeholder:"FILE" help:"Write it there instead of to standard output."`
}

func (*kickstartFlattenCmd) about() string {
	return "What a later line overrides is dropped, so that ksvalidator does not find it defined twice. Everything else stays, comments too."
}

func (*kickstartFlattenCmd) examples() []example {
	return []example{{"respin kickstart flatten fedora-live-workstation.ks -o flat.ks", "One file out of many, for livemedia-creator."}}
}

// Run is the verb.
func (k *kickstartFlattenCmd) Run(a *app) error {
	doc, err := k.document(a, k.File)
	if err != nil {
		return err
	}
	flat := doc.Flatten().Bytes()
	switch {
	case k.Output != "":
		return atomicfile.Write(k.Output, flat, 0o644)
	case a.global.JSON:
		a.printJSON(struct {
			Text string `json:"text"`
		}{string(flat)})
	default:
		a.printf("%s", flat)
	}
	return nil
}

type kickstartShowCmd struct {
	kickstartFlags
	File string `arg:"" help:"A kickstart."`
}

func (*kickstartShowCmd) about() string { return "" }

func (*kickstartShowCmd) examples() []example {
	return []example{{"respin kickstart show my.ks", "Its repositories, packages, partitions and scripts, includes followed."}}
}

// kickstartInfo is what kickstart show prints with --json.
type kickstartInfo struct {
	URL        string   `json:"url,omitempty"`
	Repos      []string `json:"repos"`
	Groups     []string `json:"groups"`
	Packages   []string `json:"packages"`
	Excluded   []string `json:"excluded"`
	Partitions []string `json:"partitions"`
	Scripts    []string `json:"scripts"`
	Bootloader string   `json:"bootloader,omitempty"`
}

func describeKickstart(doc *kickstart.Document) kickstartInfo {
	v := kickstartInfo{Repos: []string{}, Groups: []string{}, Packages: []string{}, Excluded: []string{}, Partitions: []string{}, Scripts: []string{}}
	if u, ok := doc.URL(); ok {
		v.URL = u.URL + u.MirrorList + u.Metalink
	}
	for _, r := range doc.Repos() {
		v.Repos = append(v.Repos, strings.TrimSpace(r.Name+" "+r.BaseURL+r.MirrorList+r.Metalink))
	}
	p := doc.Packages()
	if p.Environment != "" {
		v.Groups = append(v.Groups, "@^"+p.Environment)
	}
	for _, g := range p.Groups {
		v.Groups = append(v.Groups, "@"+g.Name)
	}
	v.Packages = append(v.Packages, p.Packages...)
	for _, g := range p.ExcludedGroups {
		v.Excluded = append(v.Excluded, "@"+g)
	}
	v.Excluded = append(v.Excluded, p.Excluded...)
	for _, part := range doc.Partitions() {
		v.Partitions = append(v.Partitions, strings.TrimSpace(fmt.Sprintf("%s %d MiB %s", part.Mountpoint, part.Size, part.FSType)))
	}
	for _, s := range doc.Scripts() {
		v.Scripts = append(v.Scripts, fmt.Sprintf("%s, %d lines (%s:%d)", s.Section, strings.Count(s.Body, "\n"), s.Pos.File, s.Pos.Line))
	}
	if b, ok := doc.Bootloader(); ok {
		v.Bootloader = strings.TrimSpace(b.Location + " " + b.Append)
	}
	return v
}

// Run is the verb.
func (k *kickstartShowCmd) Run(a *app) error {
	doc, err := k.document(a, k.File)
	if err != nil {
		return err
	}
	v := describeKickstart(doc)
	if a.global.JSON {
		a.printJSON(v)
		return nil
	}
	a.pairs("url", v.URL, "repos", strings.Join(v.Repos, "\n"), "groups", strings.Join(v.Groups, "\n"), "packages", strings.Join(v.Packages, "\n"),
		"excluded", strings.Join(v.Excluded, "\n"), "partitions", strings.Join(v.Partitions, "\n"), "scripts", strings.Join(v.Scripts, "\n"), "bootloader", v.Bootloader)
	return nil
}
