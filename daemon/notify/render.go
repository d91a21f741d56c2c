package notify

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"
)

//go:embed templates/*.txt templates/*.html
var templateFiles embed.FS

// Content is what a message says.
type Content struct {
	Subject string
	Text    string
	HTML    string
}

// templates are the two forms of every message; templates/*.txt and *.html
// hold one definition for each state.
type templates struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

func parseTemplates() (*templates, error) {
	funcs := map[string]any{"size": formatSize, "moment": formatMoment, "nothingelse": allIncluded}
	text, err := texttemplate.New("text").Funcs(funcs).ParseFS(templateFiles, "templates/*.txt")
	if err != nil {
		return nil, fmt.Errorf("parse text templates: %w", err)
	}
	html, err := htmltemplate.New("html").Funcs(funcs).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse HTML templates: %w", err)
	}
	return &templates{text: text, html: html}, nil
}

func (t *templates) render(e Event) (Content, error) {
	v := newView(e)
	name := "failed"
	if v.State == StateSucceeded || v.State == StateCanceled {
		name = string(v.State)
	}
	var text, html bytes.Buffer
	if err := t.text.ExecuteTemplate(&text, name+".txt", v); err != nil {
		return Content{}, fmt.Errorf("write text: %w", err)
	}
	if err := t.html.ExecuteTemplate(&html, name+".html", v); err != nil {
		return Content{}, fmt.Errorf("write HTML: %w", err)
	}
	return Content{Subject: v.subject(), Text: squeeze(text.String()), HTML: html.String()}, nil
}

// What names the compose in a few words.
func (v view) What() string {
	what := v.Kind
	if what == "" {
		what = "compose"
	}
	if v.Release != "" {
		what += " for Fedora " + v.Release
	}
	if v.Arch != "" {
		what += " (" + v.Arch + ")"
	}
	return what
}

func (v view) subject() string {
	s := "respin: " + v.What()
	switch {
	case v.State == StateSucceeded:
		s += " is ready"
	case v.State == StateCanceled:
		s += " was canceled"
	case v.Failure != nil && v.Failure.Code != "":
		s += " failed: " + v.Failure.Code
	default:
		s += " failed"
	}
	if v.Title != "" {
		s += " - " + v.Title
	}
	return clean(s, 150)
}

// squeeze leaves at most one empty line in a row and none at the ends: optional
// parts of a template leave theirs behind.
func squeeze(s string) string {
	for strings.Contains(s, "\n\n\n") {
		s = strings.ReplaceAll(s, "\n\n\n", "\n\n")
	}
	return strings.Trim(s, "\n") + "\n"
}

func formatSize(bytes int64) string {
	value, unit := float64(bytes), "B"
	for _, larger := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, larger
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

func formatMoment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func allIncluded(packages []Package) bool {
	for _, p := range packages {
		if p.Verdict != "included" {
			return false
		}
	}
	return true
}
