package web

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/fedora-respin/respin/compose"
)

// form is the new-compose form as it was filled in. It goes back to the browser
// as it came when a request is refused.
type form struct {
	Kind, Release, Arch, Sources, Packages    string
	BaseURL, BaseSHA256, BaseCompose          string
	BaseUpload, BaseUploadName                string // an ISO that is here already
	Kickstart, KickstartURL                   string
	VolID, BootArgs, Notify, Title, TTL, More string
	Once                                      string // one showing of the form: posted twice, it makes one compose
	Multilib, Debuginfo, IncludeSource, Smoke bool
}

// fields are the text fields by the name of their control.
func (f *form) fields() map[string]*string {
	return map[string]*string{
		"kind": &f.Kind, "release": &f.Release, "arch": &f.Arch, "sources": &f.Sources, "packages": &f.Packages,
		"base_url": &f.BaseURL, "base_sha256": &f.BaseSHA256, "base_compose": &f.BaseCompose,
		"base_upload": &f.BaseUpload, "base_upload_name": &f.BaseUploadName,
		"kickstart": &f.Kickstart, "kickstart_url": &f.KickstartURL,
		"volid": &f.VolID, "boot_args": &f.BootArgs, "notify": &f.Notify, "title": &f.Title, "ttl": &f.TTL, "more": &f.More,
		"once": &f.Once,
	}
}

// switches are the check boxes.
func (f *form) switches() map[string]*bool {
	return map[string]*bool{
		"multilib": &f.Multilib, "debuginfo": &f.Debuginfo, "include_source": &f.IncludeSource, "smoke_boot": &f.Smoke,
	}
}

// formOf fills a form with an earlier request. What the form has no field for
// goes into More, so that nothing of the request is lost.
func formOf(req compose.Request) (form, error) {
	f := form{
		Kind: string(req.Kind), Release: req.Release, Arch: req.Arch, Title: req.Title, VolID: req.VolID,
		Sources: strings.Join(req.Sources, "\n"), Packages: strings.Join(req.Packages, "\n"), BootArgs: joinArgs(req.BootArgs),
		Multilib: req.Options.Multilib, Debuginfo: req.Options.Debuginfo, IncludeSource: req.Options.IncludeSource, Smoke: req.Options.SmokeBoot,
	}
	rest := notShown(req)
	if b := req.Base; b != nil {
		f.BaseURL, f.BaseSHA256, f.BaseCompose, f.BaseUpload = b.URL, b.SHA256, b.Compose, b.Upload
	}
	if k := req.Kickstart; k != nil {
		f.Kickstart, f.KickstartURL = k.Text, k.URL
		if k.Spin != "" {
			rest.Kickstart = &compose.Kickstart{Spin: k.Spin}
		}
	}
	var emails []string
	for _, n := range req.Notify {
		if n.Email != "" && n.Webhook == "" {
			emails = append(emails, n.Email)
		} else {
			rest.Notify = append(rest.Notify, n)
		}
	}
	f.Notify = strings.Join(emails, ", ")
	if req.TTL != 0 {
		f.TTL = formatTTL(time.Duration(req.TTL))
	}
	var err error
	f.More, err = moreText(rest)
	return f, err
}

// notShown is what the request holds that the form has no control for, but for
// the kickstart and notify, of which it shows a part.
func notShown(req compose.Request) compose.Request {
	req.Kind, req.Release, req.Arch, req.Title, req.VolID, req.TTL = "", "", "", "", "", 0
	req.Sources, req.Packages, req.BootArgs, req.Base, req.Kickstart, req.Notify = nil, nil, nil, nil, nil, nil
	o := &req.Options
	o.Multilib, o.Debuginfo, o.IncludeSource, o.SmokeBoot = false, false, false, false
	return req
}

// moreText writes the fields of req that are set as YAML.
func moreText(req compose.Request) (string, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return "", fmt.Errorf("write request: %w", err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return "", fmt.Errorf("write request: %w", err)
	}
	delete(fields, "kind") // always written, and has a field
	if len(fields) == 0 {
		return "", nil
	}
	text, err := yaml.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("write request: %w", err)
	}
	return string(text), nil
}

// request reads the form. The problems are those of the form itself; what the
// request's own text says wrong, its Check tells.
func (f *form) request() (compose.Request, []compose.Problem) {
	req, problems := f.more()
	req.Kind, req.Release, req.Arch = compose.Kind(f.Kind), strings.TrimSpace(f.Release), f.Arch
	for _, line := range sourceLines(f.Sources) {
		req.Sources = append(req.Sources, line.Text)
	}
	req.Packages = strings.FieldsFunc(f.Packages, separator)
	req.BootArgs = splitArgs(f.BootArgs)
	req.VolID, req.Title = strings.TrimSpace(f.VolID), strings.TrimSpace(f.Title)
	base := compose.Base{
		URL: strings.TrimSpace(f.BaseURL), SHA256: strings.ToLower(strings.TrimSpace(f.BaseSHA256)),
		Compose: strings.TrimSpace(f.BaseCompose), Upload: f.BaseUpload,
	}
	if base != (compose.Base{}) {
		req.Base = &base
	}
	if strings.TrimSpace(f.Kickstart) != "" || strings.TrimSpace(f.KickstartURL) != "" {
		if req.Kickstart == nil {
			req.Kickstart = &compose.Kickstart{}
		}
		req.Kickstart.URL = strings.TrimSpace(f.KickstartURL)
		if strings.TrimSpace(f.Kickstart) != "" {
			req.Kickstart.Text = f.Kickstart
		}
	}
	var notify []compose.Notify
	for _, address := range strings.FieldsFunc(f.Notify, separator) {
		notify = append(notify, compose.Notify{Email: address})
	}
	req.Notify = append(notify, req.Notify...) // those of the field first: their numbers in problems are the field's
	req.Options.Multilib, req.Options.Debuginfo = f.Multilib, f.Debuginfo
	req.Options.IncludeSource, req.Options.SmokeBoot = f.IncludeSource, f.Smoke
	ttl, err := parseTTL(f.TTL)
	if err != nil {
		problems = append(problems, compose.Problem{
			Code: compose.CodeInvalidRequest, Field: "ttl", Sentence: "The time to keep the files " + err.Error() + ".", Remedy: "Write it like 14d or 336h.",
		})
	}
	req.TTL = compose.Duration(ttl)
	return req, problems
}

// more reads the fields that the form has no control for.
func (f *form) more() (compose.Request, []compose.Problem) {
	if strings.TrimSpace(f.More) == "" {
		return compose.Request{}, nil
	}
	req, err := compose.DecodeRequest(strings.NewReader(f.More))
	if err != nil {
		return compose.Request{}, []compose.Problem{{
			Code: compose.CodeInvalidRequest, Field: "more", Sentence: "The further fields cannot be understood: " + reasonOf(err),
			Remedy: "Write them as in a request file, or leave them out.",
		}}
	}
	// A field that is set in both places would silently lose one of its values.
	rest := notShown(req)
	if req.Kickstart != nil && *req.Kickstart == (compose.Kickstart{Spin: req.Kickstart.Spin}) {
		rest.Kickstart = req.Kickstart
	}
	rest.Notify = req.Notify
	if !reflect.DeepEqual(rest, req) {
		return rest, []compose.Problem{{
			Code: compose.CodeInvalidRequest, Field: "more", Sentence: "The further fields hold one that has a place of its own in this form.",
			Remedy: "Keep exclude, require, repos, signatures, remove_args, replace, files, updates_image, labels, notify, kickstart.spin and the options that the form does not show here, and set the others above.",
		}}
	}
	return rest, nil
}

// joinArgs writes arguments on one line, values with blanks in double quotes as on
// a kernel's command line; splitArgs is the other way round.
func joinArgs(args []string) string {
	list := make([]string, len(args))
	for i, arg := range args {
		list[i] = arg
		if name, value, ok := strings.Cut(arg, "="); ok && strings.Contains(value, " ") {
			list[i] = name + `="` + value + `"`
		}
	}
	return strings.Join(list, " ")
}

func splitArgs(text string) []string {
	quoted := false
	list := strings.FieldsFunc(text, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return unicode.IsSpace(r) && !quoted
	})
	for i, arg := range list {
		name, value, ok := strings.Cut(arg, "=")
		if ok && len(value) > 1 && strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`) {
			list[i] = name + "=" + value[1:len(value)-1]
		}
	}
	return list
}

func separator(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == '\r' }

// sourceLine is one line of the sources as the server understands it.
type sourceLine struct {
	Line  int // in the text area, from 1
	Text  string
	Type  compose.SourceType // empty when not recognized
	Error string
}

// sourceLines reads the text area: one source a line, empty lines do not count.
func sourceLines(text string) []sourceLine {
	var list []sourceLine
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		l := sourceLine{Line: n, Text: line}
		if s, err := compose.ParseSource(line); err != nil {
			l.Error = err.Error()
		} else {
			l.Type = s.Type
		}
		list = append(list, l)
	}
	return list
}

// Bounds of how long files are kept; those of the REST interface.
const (
	minTTL = time.Minute
	maxTTL = 10 * 365 * 24 * time.Hour
)

// parseTTL reads a duration as Go writes it, or days as 14d.
func parseTTL(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok && err != nil {
		var n int
		if n, err = strconv.Atoi(days); err == nil {
			d = time.Duration(min(max(n, 0), 100_000)) * 24 * time.Hour
		}
	}
	if err != nil {
		return 0, fmt.Errorf("is no duration: %q", clip(text, 40))
	}
	if d < minTTL || d > maxTTL {
		return 0, fmt.Errorf("is not between a minute and ten years: %q", clip(text, 40))
	}
	return d, nil
}

// formatTTL is the other way round.
func formatTTL(d time.Duration) string {
	if day := 24 * time.Hour; d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	text := d.String() // 90m is 1h30m0s there
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
