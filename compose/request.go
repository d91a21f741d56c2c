package compose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/internal/typo"
)

// MaxRequestSize bounds a request document, in bytes. The largest part is an
// inline kickstart; Fedora's flattened ones are below 20 kB.
const MaxRequestSize = 4 << 20

// Request says what is wanted. The zero value of every field but Kind, Release
// and Sources has a sensible meaning. JSON and YAML names are those of the tags.
type Request struct {
	Kind    Kind     `json:"kind"`
	Release string   `json:"release,omitempty"` // number, "rawhide" or "eln"
	Arch    string   `json:"arch,omitempty"`    // default: the host's
	Sources []string `json:"sources,omitempty"` // see ParseSource
	// Signatures is the policy of a source, named as it is written in Sources, or
	// of all that are not named (EverySource, "*"). Default: require for what a
	// bare name is found as in the release or its updates, prefer for the rest.
	Signatures map[string]SignaturePolicy `json:"signatures,omitempty"`

	Packages  []string   `json:"packages,omitempty"`  // names and @groups, into the image
	Exclude   []string   `json:"exclude,omitempty"`   // packages kept out of the image
	Require   []string   `json:"require,omitempty"`   // the compose fails unless the image ships these
	Repos     []Repo     `json:"repos,omitempty"`     // default: the release's own
	Kickstart *Kickstart `json:"kickstart,omitempty"` // at most one of its fields
	Base      *Base      `json:"base,omitempty"`      // boot.iso for remaster and dvd
	VolID     string     `json:"volid,omitempty"`     // at most 32 of [A-Za-z0-9_-]
	BootArgs  []string   `json:"boot_args,omitempty"` // appended to every kernel command line
	// RemoveArgs are names of arguments, without "=", that are taken off every
	// kernel command line before BootArgs are appended.
	RemoveArgs []string `json:"remove_args,omitempty"`
	// Replace is text that is replaced in every boot menu, before arguments are
	// removed and appended.
	Replace []Replacement `json:"replace,omitempty"`
	Files   []File        `json:"files,omitempty"` // that go onto the medium of a remaster
	// UpdatesImage is a ready updates.img for the installer of a remaster. It has
	// no Path.
	UpdatesImage *File             `json:"updates_image,omitempty"`
	Options      Options           `json:"options,omitzero"`
	TTL          Duration          `json:"ttl,omitempty"` // how long the files stay; 0: the server's default
	Notify       []Notify          `json:"notify,omitempty"`
	Title        string            `json:"title,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
}

// Repo is a package repository that the image is built from.
type Repo struct {
	ID          string   `json:"id"`
	BaseURL     string   `json:"baseurl,omitempty"`
	Metalink    string   `json:"metalink,omitempty"`
	Mirrorlist  string   `json:"mirrorlist,omitempty"`
	Priority    int      `json:"priority,omitempty"` // dnf: lower wins; 0 means dnf's default of 99
	Cost        int      `json:"cost,omitempty"`     // dnf: cheaper mirror of the same package; 0 means 1000
	GPGCheck    bool     `json:"gpgcheck,omitempty"`
	GPGKeys     []string `json:"gpgkeys,omitempty"`
	IncludePkgs []string `json:"includepkgs,omitempty"`
	ExcludePkgs []string `json:"excludepkgs,omitempty"`
}

// Kickstart names a kickstart in one of four ways.
type Kickstart struct {
	Spin string `json:"spin,omitempty"` // a kickstart of fedora-kickstarts by name
	URL  string `json:"url,omitempty"`
	Text string `json:"text,omitempty"`
	File string `json:"file,omitempty"` // only in `respin build -f`, which reads it into Text
}

// Base names the image that a remaster or a DVD starts from.
type Base struct {
	URL     string `json:"url,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
	Compose string `json:"compose,omitempty"` // the ISO of an earlier compose
	Upload  string `json:"upload,omitempty"`  // an ISO of one's own, see POST /api/v1/uploads
}

// File is a file for the medium. Its content comes from one of URL, Upload and Text.
type File struct {
	Path   string `json:"path,omitempty"`   // on the medium, from its root: "/extra/data.txt"
	URL    string `json:"url,omitempty"`    // http or https; without SHA256 at most 8 MiB
	Upload string `json:"upload,omitempty"` // a file of one's own, see POST /api/v1/uploads
	Text   string `json:"text,omitempty"`   // at most 1 MiB
	File   string `json:"file,omitempty"`   // only in `respin build -f`, which uploads it
	SHA256 string `json:"sha256,omitempty"` // that the content must have
	// Executable sets the bits that let a script or program run from the medium.
	Executable bool `json:"executable,omitempty"`
}

// Replacement replaces text in boot menus, in every line, as often as it stands
// there.
type Replacement struct {
	From string `json:"from"`
	To   string `json:"to,omitempty"` // default: From is removed
}

// Options are switches of the compose.
type Options struct {
	Backend    string `json:"backend,omitempty"`
	RootfsSize int    `json:"rootfs_size,omitempty"` // GiB
	// RootfsType is the type of the installer's or the live root file system:
	// squashfs (default), squashfs-ext4, erofs, erofs-ext4.
	RootfsType string `json:"rootfs_type,omitempty"`
	Product    string `json:"product,omitempty"` // as the image calls itself; default Fedora
	Variant    string `json:"variant,omitempty"` // as Server: chooses fedora-release-server
	// Templates run in lorax besides its own, with variables for those of the
	// installer's root and those of the boot images (Arch). They run commands as
	// root on the build node.
	Templates        []Template        `json:"templates,omitempty"`
	TemplateVars     map[string]string `json:"template_vars,omitempty"`
	ArchTemplateVars map[string]string `json:"arch_template_vars,omitempty"`
	// UpdatesImg puts an updates.img of the side repo's packages onto a remaster, so
	// that the installer itself runs them.
	UpdatesImg bool `json:"updates_img,omitempty"`
	// NoMD5Sum leaves the medium checksum out, which the installer's medium check
	// goes by.
	NoMD5Sum bool `json:"no_md5sum,omitempty"`
	// Kiwi names the description that an image is made from by kiwi.
	Kiwi *Kiwi `json:"kiwi,omitempty"`
	// Virt has livemedia-creator install in a virtual machine, from the base image.
	Virt bool `json:"virt,omitempty"`
	// Medium is what a DVD must fit on: cd, dvd (default, 4.7 GB), dvd-dl, bd, bd-dl, usb.
	Medium        string `json:"medium,omitempty"`
	Multilib      bool   `json:"multilib,omitempty"` // i686 too, on x86_64
	IncludeSource bool   `json:"include_source,omitempty"`
	Debuginfo     bool   `json:"debuginfo,omitempty"`
	SmokeBoot     bool   `json:"smoke_boot,omitempty"`
	SkipPreflight bool   `json:"skip_preflight,omitempty"`
}

// Kiwi names a description of an image for kiwi, and what of it is to be made.
type Kiwi struct {
	// Description is the URL of a tar archive (plain, gzip, xz, zstd or bzip2) with
	// the description's directory, as forges serve it for a commit, or upload:ID.
	// `respin build` takes a directory or an archive of the caller's too.
	Description string `json:"description"`
	SHA256      string `json:"sha256,omitempty"` // of the archive, to pin it
	// File is the path of the main .kiwi file in the description; default the only
	// one there is.
	File string `json:"file,omitempty"`
	// Profile is the profile to make, or several with commas between; default those
	// that the description chooses itself.
	Profile string `json:"profile,omitempty"`
	// Type is kiwi's type of image; default that of the kind: iso for live, oem for
	// disk, tbz for tar, oci for oci.
	Type string `json:"type,omitempty"`
	// IgnoreRepos leaves out the repositories that the description brings for the
	// build: those of the request, or the release's own, take their place.
	IgnoreRepos bool `json:"ignore_repos,omitempty"`
}

// Profiles are the profiles by name.
func (k *Kiwi) Profiles() []string {
	if k.Profile == "" {
		return nil
	}
	return strings.Split(k.Profile, ",")
}

// Template is a template in the language of lorax (pylorax/ltmpl.py).
type Template struct {
	Name string `json:"name"` // for the logs: letters, digits, dash, underscore
	Text string `json:"text"`
	Arch bool   `json:"arch,omitempty"` // of the boot images, not of the root file system
}

// Notify is somebody to tell when the compose ends.
type Notify struct {
	Email   string `json:"email,omitempty"`
	Webhook string `json:"webhook,omitempty"`
}

// Duration is a time.Duration written as "336h" in JSON and YAML.
type Duration time.Duration

// MarshalText writes d as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return &durationError{string(text)}
	}
	*d = Duration(v)
	return nil
}

// durationError is a text that is no Duration.
type durationError struct{ text string }

func (e *durationError) Error() string {
	return fmt.Sprintf("duration %q: write it like 336h or 90m", e.text)
}

// DecodeRequest reads one request as YAML or JSON (which is YAML) and refuses
// fields that it does not know. The error is a *RefusedError.
func DecodeRequest(r io.Reader) (Request, error) {
	var req Request
	data, err := limitio.ReadAll(r, MaxRequestSize, "the request")
	if err != nil {
		return req, Refuse(Problem{Code: CodeInvalidRequest, Sentence: "The request cannot be read: " + err.Error() + "."})
	}
	asJSON := data
	// Most YAML readers stumble over JSON's surrogate pairs and "\/", so what is
	// JSON is read as JSON.
	if !json.Valid(data) {
		if asJSON, err = yamlToJSON(data); err != nil {
			return req, err
		}
	}
	dec := json.NewDecoder(bytes.NewReader(asJSON))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		return req, Refuse(decodeProblem(err))
	}
	return req, nil
}

// maxKeys bounds the keys of one mapping: a YAML decoder compares each with all
// others.
const maxKeys = 200

// yamlToJSON converts one YAML document. Aliases are refused: a few kilobytes
// of them stand for gigabytes.
func yamlToJSON(data []byte) ([]byte, error) {
	refuse := func(format string, args ...any) error {
		return Refuse(Problem{Code: CodeInvalidRequest, Sentence: fmt.Sprintf(format, args...)})
	}
	var root, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		return nil, refuse("The request is neither YAML nor JSON: %v.", err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, refuse("The request is more than one document.")
	}
	if err := checkYAML(&root); err != nil {
		return nil, refuse("The request cannot be read: %v.", err)
	}
	var doc any
	if !root.IsZero() {
		if err := root.Decode(&doc); err != nil {
			return nil, refuse("The request is neither YAML nor JSON: %v.", err)
		}
	}
	asJSON, err := json.Marshal(doc)
	if err != nil {
		return nil, refuse("The request has keys that are not text: %v.", err)
	}
	return asJSON, nil
}

// checkYAML refuses what would cost more to decode than it is long.
func checkYAML(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.AliasNode:
		return fmt.Errorf("line %d: YAML aliases are not taken; write the value out", n.Line)
	case n.Kind == yaml.MappingNode && len(n.Content) > 2*maxKeys:
		return fmt.Errorf("line %d: more than %d keys stand in one place", n.Line, maxKeys)
	}
	for _, child := range n.Content {
		if err := checkYAML(child); err != nil {
			return err
		}
	}
	return nil
}

// decodeProblem names the field that a JSON error is about.
func decodeProblem(err error) Problem {
	p := Problem{Code: CodeInvalidRequest, Sentence: "The request cannot be understood: " + err.Error() + "."}
	if wrongType, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrongType.Field == "" {
			p.Sentence = fmt.Sprintf("The request is of type %s where fields belong.", wrongType.Value)
			return p
		}
		p.Field = wrongType.Field
		p.Sentence = fmt.Sprintf("The field %s is a %s where a %s belongs.", wrongType.Field, wrongType.Value, wrongType.Type.Kind())
		switch kind := wrongType.Type.Kind(); {
		case wrongType.Value == "number" && kind == reflect.String:
			p.Remedy = "Put the value in quotes."
		case kind == reflect.Bool:
			p.Remedy = "Write true or false."
		}
		return p
	}
	if wrong, ok := errors.AsType[*durationError](err); ok {
		p.Field, p.Remedy = "ttl", "Write it like 336h or 90m."
		p.Sentence = fmt.Sprintf("%q is no length of time.", clip(wrong.text))
		return p
	}
	var name string
	if n, _ := fmt.Sscanf(err.Error(), "json: unknown field %q", &name); n == 1 {
		p.Field = name
		p.Sentence = fmt.Sprintf("The request has no field named %q.", name)
		p.Remedy = "The fields are listed in docs/request.md and by GET /openapi.json."
		if meant := typo.Closest(name, fieldNames(reflect.TypeFor[Request](), nil)); meant != "" {
			p.Remedy = "Did you mean " + meant + "? " + p.Remedy
		}
	}
	return p
}

// fieldNames adds the names of the fields of t, and of what they hold, to names.
func fieldNames(t reflect.Type, names []string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return names
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = fieldNames(f.Type, append(names, name))
	}
	return names
}
