package web

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
)

// funcs are what the templates call.
func (p *Pages) funcs() template.FuncMap {
	return template.FuncMap{
		"asset":    p.asset,
		"version":  func() string { return p.version },
		"size":     size,
		"seconds":  seconds,
		"time":     p.time,
		"ago":      p.ago,
		"kindText": kindText,
		"path":     url.PathEscape,
		"short":    short,
		"plural":   plural,
		"href":     href,
	}
}

// href is an address from outside as a link, or nothing when its scheme is none
// that a download has. html/template itself would not let ftp pass.
func href(s string) template.URL {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "ftp", "ftps"}, u.Scheme) {
		return ""
	}
	return template.URL(s) //nolint:gosec // the scheme was checked; it is escaped for HTML all the same
}

// size writes bytes for people, in the powers of 1024 that file managers use.
// The exact number stands in the title.
func size(n int64) template.HTML {
	text := fmt.Sprintf("%d B", n)
	if n >= 1024 {
		v, units := float64(n), []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
		i := -1
		for v >= 1024 && i < len(units)-1 {
			v, i = v/1024, i+1
		}
		text = fmt.Sprintf("%.1f %s", v, units[i])
	}
	return template.HTML(fmt.Sprintf(`<data value="%d" title="%s bytes">%s</data>`, n, grouped(n), text)) //nolint:gosec // numbers and units only
}

// grouped writes 1234567 as 1 234 567.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// seconds writes a duration for people: 0 s, 0.4 s, 12 s, 3 min 05 s, 1 h 02 min.
func seconds(s float64) string {
	if math.IsNaN(s) || s < 0 || s > math.MaxInt32 {
		return "-"
	}
	n := int(math.Round(s))
	switch {
	case s < 0.05:
		return "0 s"
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	case n < 60:
		return fmt.Sprintf("%d s", n)
	case n < 3600:
		return fmt.Sprintf("%d min %02d s", n/60, n%60)
	}
	return fmt.Sprintf("%d h %02d min", n/3600, n%3600/60)
}

// time writes a point in time in UTC, as a <time>. It takes a time.Time or a *time.Time.
func (p *Pages) time(v any) template.HTML {
	t, ok := when(v)
	if !ok {
		return ""
	}
	return timeTag(t, t.Format("2006-01-02 15:04 UTC"))
}

// ago writes how long ago a point in time is, or how far ahead.
func (p *Pages) ago(v any) template.HTML {
	t, ok := when(v)
	if !ok {
		return ""
	}
	d := p.now().Sub(t)
	if d < 0 {
		return timeTag(t, "in "+span(-d))
	}
	if d < 10*time.Second {
		return timeTag(t, "just now")
	}
	return timeTag(t, span(d)+" ago")
}

func when(v any) (t time.Time, ok bool) {
	switch v := v.(type) {
	case time.Time:
		t = v
	case *time.Time:
		if v != nil {
			t = *v
		}
	}
	return t.UTC(), !t.IsZero()
}

func timeTag(t time.Time, text string) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, //nolint:gosec // made of a time alone
		t.Format(time.RFC3339), t.Format("2006-01-02 15:04:05 UTC"), text))
}

func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// short is the start of a digest.
func short(s string) string {
	if len(s) > 12 {
		return s[:12] + "…"
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// kindText says what a kind makes, in a few words.
func kindText(k compose.Kind) string {
	switch k {
	case compose.KindRepo:
		return "a side repo of the chosen builds"
	case compose.KindRepoISO:
		return "that repo on an ISO, as an extra medium"
	case compose.KindUpdatesImg:
		return "an updates.img for the installer"
	case compose.KindRemaster:
		return "your boot.iso with side repo, kickstart and boot arguments"
	case compose.KindBootISO:
		return "a netinstall boot.iso with the builds inside"
	case compose.KindDVD:
		return "an installation DVD with packages"
	case compose.KindLive:
		return "a live ISO"
	case compose.KindDisk:
		return "a disk image"
	case compose.KindPXELive:
		return "a live image for network boot"
	case compose.KindTar:
		return "a file system as tar"
	case compose.KindOCI:
		return "a container image"
	default:
		return ""
	}
}

// shellQuote writes one word of a command line to copy. File names come from
// build nodes and must not end up as anything else in somebody's shell.
func shellQuote(s string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:,=@%+"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
