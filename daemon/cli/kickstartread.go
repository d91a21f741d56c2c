package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/kickstart"
)

// maxKickstartFile is one byte more than the parser takes, so that it says
// itself what its limit is.
const maxKickstartFile = 4<<20 + 1

// includesHelp is what all verbs say of includes.
const includesHelp = `Includes are followed, relative to the file that has them, but never out of the kickstart's folder (--root names a wider one), by links neither. Absolute paths are files that a script of the kickstart writes on the machine: they are missing here. URLs are followed with --fetch, to public addresses only.`

// kickstartFlags are how kickstarts are read.
type kickstartFlags struct {
	Version       string   `placeholder:"F44" help:"Syntax version, as F44, RHEL10 or DEVEL. Default: that of its #version comment, else DEVEL."`
	Root          string   `placeholder:"DIR" help:"Includes may lead no further up than this. Default: the folder of the kickstart."`
	NoIncludes    bool     `help:"Do not follow includes."`
	IgnoreMissing bool     `help:"Say nothing of includes that do not exist; flatten keeps their lines."`
	Fetch         bool     `help:"Follow includes of http and https addresses."`
	Trust         []string `sep:"none" placeholder:"HOST" help:"With --fetch: a host of an own network that may be asked, as HOST or HOST:PORT. May be given several times."`
}

// opened is a kickstart that was read, with how to go on from it.
type opened struct {
	dir, name string // name is below dir; dir is empty for a URL
	shown     string // for standard input: what to call it
	src       []byte
	version   kickstart.Version
	opts      kickstart.Options
}

// each reads kickstarts one after the other. What cannot be read is said, the
// others are read all the same, and the exit code is that of the first.
func (f *kickstartFlags) each(ctx context.Context, a *app, paths []string, do func(*opened) error) error {
	web := &kickstartWeb{ctx: ctx, flags: f}
	defer web.close()
	var first error
	for _, path := range paths {
		err := f.with(a, web, path, do)
		if _, wrong := errors.AsType[*usageError](err); wrong || len(paths) == 1 && err != nil {
			return err
		}
		if err == nil {
			continue
		}
		if _, said := errors.AsType[*saidError](err); !said {
			a.say("respin: %s\n", clean(err.Error()))
			err = &saidError{exitCode(err)}
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// with reads one kickstart and calls do for it.
func (f *kickstartFlags) with(a *app, web *kickstartWeb, path string, do func(*opened) error) error {
	o := &opened{name: path}
	var includes kickstart.Includer
	if isURL(path) {
		data, err := web.read(path)
		if err != nil {
			return fmt.Errorf("read kickstart %s: %w", path, err)
		}
		o.src = data
	} else {
		root, err := f.open(a, o, path)
		if err != nil {
			return err
		}
		defer func() { _ = root.Close() }()
		includes = kickstart.FSIncluder(root.FS())
	}
	var err error
	if o.version, err = f.version(a, o.src); err != nil {
		return err
	}
	if f.Fetch || isURL(path) {
		includes = kickstart.URLIncluder(includes, web.open)
	}
	if includes != nil && !f.Fetch && !isURL(path) {
		includes = noWeb{includes}
	}
	// What is missing is told by missing, as a warning: a kickstart may be right
	// without the files that it includes.
	o.opts = kickstart.Options{Version: o.version, IgnoreMissing: true}
	if !f.NoIncludes {
		o.opts.Includes = includes
	}
	return do(o)
}

// open reads a file, or standard input, and opens the folder that includes may
// come from.
func (f *kickstartFlags) open(a *app, o *opened, path string) (*os.Root, error) {
	if o.dir = f.Root; o.dir == "" {
		o.dir = filepath.Dir(path)
	}
	if path == "-" {
		path, o.shown = "stdin", "-"
	}
	name, err := below(o.dir, path)
	if err != nil || !filepath.IsLocal(name) {
		return nil, usagef("--root: %s is not below %s", path, o.dir)
	}
	o.name = filepath.ToSlash(name)
	root, err := os.OpenRoot(o.dir)
	if err != nil {
		return nil, fmt.Errorf("read kickstart: %s", reason(err))
	}
	if o.shown != "" {
		path = o.shown
	}
	if o.src, err = a.readKickstart(path); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// readKickstart reads as much of a file as the parser needs to see that it is
// too large.
func (a *app) readKickstart(path string) ([]byte, error) {
	in := a.env.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err //nolint:wrapcheck // the path error says all
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, maxKickstartFile))
}

func (f *kickstartFlags) version(a *app, src []byte) (kickstart.Version, error) {
	if f.Version == "" {
		v, ok := kickstart.HeaderVersion(src)
		if ok {
			return v, nil
		}
		if v != "" {
			a.remark("the version %s of its comment is not known; read as %s\n", clean(string(v)), kickstart.Devel)
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
	switch {
	case file == "" || file == o.name:
		if o.shown != "" {
			return o.shown
		}
		file = o.name
	case isURL(file):
		return file
	}
	if o.dir == "" {
		return file
	}
	return filepath.Join(o.dir, filepath.FromSlash(file))
}

// document reads the kickstart for the verbs that show it: what has no valid
// structure is said, and is the error.
func (o *opened) document(a *app) (*kickstart.Document, error) {
	opts := o.opts
	opts.Version = ""
	doc, err := kickstart.Parse(o.name, o.src, opts)
	if e, ok := errors.AsType[*kickstart.ParseError](err); ok {
		a.say("%s\n", clean(o.parseError(e).String()))
		return nil, &saidError{ExitRefused}
	}
	if err != nil {
		return nil, fmt.Errorf("read kickstart: %w", err)
	}
	return doc, nil
}

// noWeb takes URLs for files that do not exist.
type noWeb struct{ files kickstart.Includer }

// Open implements kickstart.Includer.
func (n noWeb) Open(from, name string) (string, io.ReadCloser, error) {
	if strings.Contains(name, "://") {
		return "", nil, fmt.Errorf("include %s: %w", name, fs.ErrNotExist)
	}
	return n.files.Open(from, name) //nolint:wrapcheck // its own message
}

// missing lists the includes of a kickstart that were not followed.
func (f *kickstartFlags) missing(o *opened, doc *kickstart.Document) []diagnosis {
	var out []diagnosis
	if f.IgnoreMissing {
		return nil
	}
	for inc := range doc.Includes() {
		if !inc.Missing {
			continue
		}
		p := inc.Pos()
		d := diagnosis{
			o.at(p.File), p.Line, p.Col, kickstart.SeverityWarning.String(), kickstart.CodeMissingInclude,
			"the included file " + quote(inc.Path) + " is not there", "give it along, or --ignore-missing",
		}
		if strings.Contains(inc.Path, "://") && !f.Fetch {
			d.Message, d.Remedy = "the include of "+quote(inc.Path)+" was not followed", "--fetch follows it"
		}
		out = append(out, d)
	}
	return out
}

// kickstartWeb brings kickstarts from the network.
type kickstartWeb struct {
	ctx     context.Context //nolint:containedctx // lives for one command
	flags   *kickstartFlags
	own     []string // hosts that the user named by giving their URL
	dir     string
	fetcher *fetch.Fetcher
}

// read brings a kickstart whose URL the user gave: it may be anywhere.
func (w *kickstartWeb) read(address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, usagef("%v", err)
	}
	w.own = append(w.own, u.Host)
	w.close()
	body, err := w.open(address)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(body)
}

// open brings a kickstart that another one includes, or that read was asked for.
func (w *kickstartWeb) open(address string) (io.ReadCloser, error) {
	if w.fetcher == nil {
		var err error
		if w.dir, err = os.MkdirTemp("", "respin-kickstart-"); err != nil {
			return nil, err
		}
		policy := fetch.Policy{TrustHosts: slices.Concat(w.own, w.flags.Trust)}
		if w.fetcher, err = fetch.New(w.dir, fetch.Options{Policy: policy, Retries: 1}); err != nil {
			return nil, err
		}
	}
	data, _, err := w.fetcher.Head(w.ctx, address, maxKickstartFile)
	if s, ok := errors.AsType[*fetch.StatusError](err); ok && (s.Code == http.StatusNotFound || s.Code == http.StatusGone) {
		return nil, errors.Join(err, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (w *kickstartWeb) close() {
	if w.fetcher != nil {
		_ = w.fetcher.Close()
		_ = os.RemoveAll(w.dir)
		w.fetcher = nil
	}
}
