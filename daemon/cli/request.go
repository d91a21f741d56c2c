package cli

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/repo"
)

// requestFlags are the parts of a request on the command line. What they say
// comes on top of the file of -f.
type requestFlags struct {
	Kind    string   `arg:"" optional:"" help:"What to make: repo, repo-iso, updates-img, remaster, boot-iso, dvd, live, disk, pxe-live, tar or oci. With -f it may be left out."`
	Sources []string `arg:"" optional:"" name:"source" help:"What goes into the side repo: an update (FEDORA-2026-1a2b3c4d5e), a build (name-version-release), task:ID, tag:NAME, copr:OWNER/PROJECT, repo:URL or repo:URL#name,name, a URL of an RPM, a file ending in .rpm, or a package's name."`

	File          string            `short:"f" placeholder:"FILE" help:"Read the request from this YAML or JSON file (- is standard input)."`
	Release       string            `short:"r" placeholder:"R" help:"Fedora release: a number, rawhide or eln. Default: that of the sources."`
	Arch          string            `short:"a" placeholder:"ARCH" help:"Architecture: x86_64, aarch64, ppc64le or s390x. Default: the server's."`
	With          []string          `sep:"none" placeholder:"SOURCE" help:"The same as a SOURCE argument."`
	Package       []string          `short:"p" sep:"none" placeholder:"NAME" help:"Package, or group as @name, for the image."`
	Exclude       []string          `sep:"none" placeholder:"NAME" help:"Package to keep out of the image."`
	Require       []string          `sep:"none" placeholder:"NAME>=EVR" help:"Fail unless the result ships this."`
	Kickstart     string            `short:"k" placeholder:"FILE" help:"Kickstart: a file, a URL, or - for standard input."`
	Spin          string            `placeholder:"NAME" help:"Kickstart of one of Fedora's spins, as fedora-live-workstation, instead of --kickstart."`
	BaseISO       string            `name:"base-iso" placeholder:"FILE" help:"Image to start from: a file, which is uploaded once, or a URL."`
	BaseSHA256    string            `name:"base-sha256" placeholder:"HEX" help:"SHA-256 that the base image must have."`
	BaseCompose   string            `name:"base-compose" placeholder:"ID" help:"Start from the image of an earlier compose."`
	Volid         string            `placeholder:"ID" help:"Volume id of the image, at most 32 of A-Z a-z 0-9 _ -."`
	Repo          []string          `sep:"none" placeholder:"[ID=]URL" help:"Install the image from this repository, a metalink or mirror list too, instead of the release's own. $$releasever and $$basearch are filled in."`
	Backend       string            `placeholder:"NAME" help:"Back end, where several make the kind."`
	RootfsSize    int               `placeholder:"GIB" help:"Size of the root file system of the image, in GiB."`
	RootfsType    string            `placeholder:"TYPE" help:"Type of it: squashfs, squashfs-ext4, erofs or erofs-ext4."`
	Variant       string            `placeholder:"NAME" help:"Variant of the release, as Server."`
	BootArg       []string          `sep:"none" placeholder:"ARG" help:"Argument for every kernel line of the boot menus, as inst.text or console=ttyS0."`
	RemoveArg     []string          `sep:"none" placeholder:"NAME" help:"Argument to take off every kernel line of the boot menus, as quiet or rd.live.check."`
	Title         string            `placeholder:"TEXT" help:"A line for people."`
	Label         map[string]string `mapsep:"none" placeholder:"KEY=VALUE" help:"Label to find the compose by."`
	TTL           string            `name:"ttl" placeholder:"TIME" help:"How long the files stay, like 336h. Default: the server's."`
	Notify        []string          `sep:"none" placeholder:"EMAIL" help:"Who gets an e-mail when it has ended."`
	Multilib      bool              `help:"Take i686 packages too, on x86_64."`
	Debuginfo     bool              `help:"Take debuginfo and debugsource packages too."`
	IncludeSource bool              `help:"Take source packages too."`
	Signatures    []string          `sep:"none" placeholder:"[SOURCE=]POLICY" help:"What is asked of the signatures of a source, or of all: require, prefer or ignore. Default: require for what is stable, prefer for the rest. May be repeated."`
	UpdatesImg    bool              `name:"updates-img" help:"Have the installer of a remaster run the packages: put an updates.img of them onto it."`
	Kiwi          string            `placeholder:"DIR|FILE|URL" help:"Make a live image, disk, tar or oci from this kiwi description: a directory or tar archive, which is uploaded, or the URL of an archive."`
	KiwiFile      string            `placeholder:"NAME" help:"Main .kiwi file of the description, where it has several."`
	KiwiProfile   string            `placeholder:"NAME[,NAME]" help:"Profile of the description, as KDE-Desktop-Live."`
	KiwiType      string            `placeholder:"TYPE" help:"kiwi's type of image. Default: iso, oem, tbz or oci, by the kind."`
	Medium        string            `placeholder:"MEDIUM" help:"What a dvd must fit on: cd, dvd, dvd-dl, bd, bd-dl or usb. Default: dvd, 4.7 GB."`
	SmokeBoot     bool              `help:"Boot the image in a virtual machine before it is published."`
	mediumFlags   `embed:""`
}

// localFile is a file of this host that the request stands on.
type localFile struct {
	path, name string
	kind       string // rpm, iso, tar or file
	size       int64
	sha256     string
	set        func(*compose.Request, string) // puts an upload id into the request
}

// prepared is a request and the files that must be brought along.
type prepared struct {
	req   compose.Request
	files []*localFile
	temps []string // files that were made for this request
}

// close removes what was made for the request.
func (p *prepared) close() {
	for _, path := range p.temps {
		_ = os.Remove(path)
	}
}

// build makes the request. Everything that is wrong with it, as far as can be
// told here, is one refusal.
func (f *requestFlags) build(a *app) (*prepared, error) {
	p := &prepared{}
	dir, err := f.load(a, p)
	if err != nil {
		return nil, err
	}
	if p.req.Kind == "" {
		return nil, usagef("missing argument %q: name what to make, as repo or remaster", "<kind>")
	}
	if err := f.apply(&p.req); err != nil {
		return nil, err
	}
	r := &reader{app: a, prepared: p}
	r.kickstart(f.Kickstart, f.Spin, dir)
	r.base(f, dir)
	r.medium(&f.mediumFlags, dir)
	r.sources(dir, len(p.req.Sources)-len(f.Sources))
	r.kiwi(f, dir)
	if len(r.problems) > 0 {
		p.close()
		return nil, compose.Refuse(r.problems...)
	}
	// What the text alone shows to be wrong is said before gigabytes are sent.
	checked := p.req
	checked.Sources, checked.Signatures = slices.Clone(checked.Sources), maps.Clone(checked.Signatures)
	if checked.Base != nil {
		base := *checked.Base
		checked.Base = &base
	}
	checked.Files = slices.Clone(checked.Files)
	if checked.Options.Kiwi != nil {
		k := *checked.Options.Kiwi
		checked.Options.Kiwi = &k
	}
	for _, file := range p.files {
		file.set(&checked, strings.Repeat("0", 64))
	}
	if problems := checked.Check(); len(problems) > 0 {
		p.close()
		return nil, compose.Refuse(problems...)
	}
	return p, nil
}

// load reads the file of -f and sets kind and sources. dir is where relative
// paths of that file start.
func (f *requestFlags) load(a *app, p *prepared) (dir string, err error) {
	if f.File != "" {
		data, err := a.readFile(f.File, compose.MaxRequestSize)
		if err != nil {
			return "", usagef("--file: %v", err)
		}
		if p.req, err = compose.DecodeRequest(bytes.NewReader(data)); err != nil {
			return "", err
		}
		if f.File != "-" {
			dir = filepath.Dir(f.File)
		}
		// The file names the kind already: then the first word may be a source.
		if f.Kind != "" && p.req.Kind != "" && !slices.Contains(compose.Kinds(), compose.Kind(f.Kind)) {
			f.Kind, f.Sources = "", append([]string{f.Kind}, f.Sources...)
		}
	}
	if f.Kind != "" {
		p.req.Kind = compose.Kind(f.Kind)
	}
	f.Sources = append(f.Sources, f.With...)
	p.req.Sources = append(p.req.Sources, f.Sources...)
	return dir, nil
}

// apply puts the plain flags on top of what the file said.
func (f *requestFlags) apply(req *compose.Request) error {
	for _, s := range []struct {
		to   *string
		from string
	}{{&req.Release, f.Release}, {&req.Arch, f.Arch}, {&req.VolID, f.Volid}, {&req.Title, f.Title}} {
		if s.from != "" {
			*s.to = s.from
		}
	}
	req.Repos = append(req.Repos, repoFlags(f.Repo)...)
	req.Packages = append(req.Packages, f.Package...)
	req.Exclude = append(req.Exclude, f.Exclude...)
	req.Require = append(req.Require, f.Require...)
	req.BootArgs = append(req.BootArgs, f.BootArg...)
	req.RemoveArgs = append(req.RemoveArgs, f.RemoveArg...)
	for _, address := range f.Notify {
		req.Notify = append(req.Notify, compose.Notify{Email: address})
	}
	for k, v := range f.Label {
		if req.Labels == nil {
			req.Labels = map[string]string{}
		}
		req.Labels[k] = v
	}
	if f.TTL != "" {
		if err := req.TTL.UnmarshalText([]byte(f.TTL)); err != nil {
			return usagef("--ttl: %v", err)
		}
	}
	if err := signaturesInto(req, f.Signatures); err != nil {
		return err
	}
	if err := f.mediumFlags.apply(req); err != nil {
		return err
	}
	o := &req.Options
	o.Multilib = o.Multilib || f.Multilib
	o.Debuginfo = o.Debuginfo || f.Debuginfo
	o.IncludeSource = o.IncludeSource || f.IncludeSource
	o.SmokeBoot = o.SmokeBoot || f.SmokeBoot
	if f.RootfsSize != 0 {
		o.RootfsSize = f.RootfsSize
	}
	o.Backend, o.RootfsType, o.Variant = cmp.Or(f.Backend, o.Backend), cmp.Or(f.RootfsType, o.RootfsType), cmp.Or(f.Variant, o.Variant)
	o.UpdatesImg = o.UpdatesImg || f.UpdatesImg
	if f.Medium != "" {
		o.Medium = f.Medium
	}
	return nil
}

// signaturesInto reads "POLICY" and "SOURCE=POLICY"; a source may hold a =.
func signaturesInto(req *compose.Request, flags []string) error {
	for _, text := range flags {
		source, policy := compose.EverySource, text
		if i := strings.LastIndexByte(text, '='); i >= 0 {
			source, policy = text[:i], text[i+1:]
		}
		if !slices.Contains(compose.SignaturePolicies(), compose.SignaturePolicy(policy)) {
			return usagef("--signatures: %q is no policy: write require, prefer or ignore, for one source SOURCE=POLICY", policy)
		}
		if req.Signatures == nil {
			req.Signatures = map[string]compose.SignaturePolicy{}
		}
		req.Signatures[source] = compose.SignaturePolicy(policy)
	}
	return nil
}

// repoFlags reads --repo. A repository without an id is numbered.
func repoFlags(flags []string) []compose.Repo {
	var repos []compose.Repo
	for i, flag := range flags {
		id, where, named := strings.Cut(flag, "=")
		if !named || isURL(flag) {
			id, where = "repo-"+strconv.Itoa(i+1), flag
		}
		l := repo.LocationOf(where)
		r := compose.Repo{ID: id, Metalink: l.Metalink, Mirrorlist: l.Mirrorlist}
		if len(l.BaseURLs) > 0 {
			r.BaseURL = l.BaseURLs[0]
		}
		repos = append(repos, r)
	}
	return repos
}

// reader brings the local files of a request along.
type reader struct {
	*app
	*prepared
	problems []compose.Problem
}

func (r *reader) problem(code compose.Code, field, remedy, format string, args ...any) {
	r.problems = append(r.problems, compose.Problem{Code: code, Field: field, Sentence: fmt.Sprintf(format, args...), Remedy: remedy})
}

// kickstart reads a kickstart that is a file into the request's text.
func (r *reader) kickstart(flag, spin, dir string) {
	name := flag
	if spin != "" {
		if flag != "" {
			r.problem(compose.CodeInvalidRequest, "kickstart", "Leave one of them out.", "Both --kickstart and --spin are given.")
		}
		r.req.Kickstart = &compose.Kickstart{Spin: spin}
		return
	}
	if name == "" && r.req.Kickstart != nil && r.req.Kickstart.File != "" {
		name = within(dir, r.req.Kickstart.File)
	}
	if name == "" {
		return
	}
	if isURL(name) {
		r.req.Kickstart = &compose.Kickstart{URL: name}
		return
	}
	data, err := r.readFile(name, 1<<20)
	if err != nil {
		r.problem(compose.CodeBadKickstart, "kickstart", "Check the path.", "The kickstart cannot be read: %s.", reason(err))
		return
	}
	r.app.kickstart = name
	r.req.Kickstart = &compose.Kickstart{Text: string(data)}
}

// base finds the image to start from.
func (r *reader) base(f *requestFlags, dir string) {
	if f.BaseISO != "" || f.BaseCompose != "" || f.BaseSHA256 != "" {
		if r.req.Base == nil {
			r.req.Base = &compose.Base{}
		}
		b := r.req.Base
		if f.BaseISO != "" || f.BaseCompose != "" {
			*b = compose.Base{URL: f.BaseISO, Compose: f.BaseCompose, SHA256: b.SHA256}
			dir = ""
		}
		if f.BaseSHA256 != "" {
			b.SHA256 = strings.ToLower(f.BaseSHA256)
		}
	}
	b := r.req.Base
	if b == nil || b.URL == "" || strings.Contains(b.URL, "://") {
		return
	}
	path := within(dir, b.URL)
	b.URL = ""
	r.take(path, "iso", "base", compose.CodeBaseUnreachable, "The base image", func(req *compose.Request, id string) { req.Base.Upload = id })
}

// sources finds the RPM files among the sources. Those before own are of the
// file of -f and relative to dir.
func (r *reader) sources(dir string, own int) {
	for i, text := range r.req.Sources {
		at := ""
		if i < own {
			at = dir
		}
		path, forced := strings.CutPrefix(text, "rpm:")
		if strings.Contains(path, "://") || !forced && !strings.HasSuffix(path, ".rpm") {
			continue
		}
		r.take(within(at, path), "rpm", fmt.Sprintf("sources[%d]", i), compose.CodeRPMUnreadable, "The RPM",
			func(req *compose.Request, id string) {
				req.Sources[i] = "upload:" + id
				if policy, named := req.Signatures[text]; named {
					delete(req.Signatures, text)
					req.Signatures[req.Sources[i]] = policy
				}
			})
	}
}

// take looks at a local file and remembers it.
func (r *reader) take(path, kind, field string, code compose.Code, what string, set func(*compose.Request, string)) {
	f := &localFile{path: path, name: filepath.Base(path), kind: kind, set: set}
	if kind != api.UploadFile && filepath.Ext(f.name) != "."+kind {
		f.name += "." + kind // the server looks at the content anyway
	}
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New(path + ": is not a file")
	}
	if err == nil {
		f.size = st.Size()
		f.sha256, err = r.digest(f)
	}
	if err != nil {
		r.problem(code, field, "Check the path.", "%s cannot be read: %s.", what, reason(err))
		return
	}
	r.files = append(r.files, f)
}

// digest sums a file, with a bar when that takes a moment.
func (a *app) digest(f *localFile) (string, error) {
	in, err := os.Open(f.path)
	if err != nil {
		return "", err //nolint:wrapcheck // the path error says all
	}
	defer func() { _ = in.Close() }()
	bar := a.transfer("reading "+f.name, f.size)
	defer bar.close()
	h := sha256.New()
	if _, err := io.Copy(h, bar.reader(in)); err != nil {
		return "", err //nolint:wrapcheck // the path error says all
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readFile reads a file, or standard input for "-".
func (a *app) readFile(path string, limit int64) ([]byte, error) {
	if path == "-" {
		return limitio.ReadAll(a.env.Stdin, limit, "standard input")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // the path error says all
	}
	defer func() { _ = f.Close() }()
	return limitio.ReadAll(f, limit, path)
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// within is path as written in a file of dir.
func within(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// reason is a path error as a clause: "boot.iso: no such file or directory".
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Path + ": " + pe.Err.Error()
	}
	return strings.TrimSuffix(err.Error(), ".")
}
