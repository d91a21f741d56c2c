package kickstart

import (
	"slices"
	"strings"
)

// Vars are the variables that dnf fills into the addresses of url and repo
// commands. The installer does it by itself; programs that ask the repositories
// beforehand, or that freeze what a kickstart means, do it with Expand or
// Document.ExpandVars. Empty fields leave their variable as it stands.
type Vars struct {
	ReleaseVer string // "44", "rawhide"
	BaseArch   string // "x86_64", "aarch64", "ppc64le", "s390x"
	Arch       string // dnf's $arch; empty: BaseArch
}

// value is that of a variable; false for those that stay as they stand.
func (v Vars) value(name string) (string, bool) {
	value := ""
	switch name {
	case "releasever":
		value = v.ReleaseVer
	case "basearch":
		value = v.BaseArch
	case "arch":
		if value = v.Arch; value == "" {
			value = v.BaseArch
		}
	}
	return value, value != ""
}

// Expand replaces $releasever, $basearch and $arch, also as ${releasever}, and
// leaves all else, as $releasever_major.
func (v Vars) Expand(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "$")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after := varName(rest)
		if value, ok := v.value(strings.Trim(name, "{}")); ok {
			b.WriteString(value)
		} else {
			b.WriteString("$" + name)
		}
		s = after
	}
}

// varName cuts the name of a variable off, with its braces.
func varName(s string) (name, rest string) {
	if strings.HasPrefix(s, "{") {
		if i := strings.IndexByte(s, '}'); i > 0 {
			return s[:i+1], s[i+1:]
		}
		return "", s
	}
	i := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// ExpandVars fills the variables into the url and repo commands of the file and
// returns how many commands changed. A value that is no plain word gives a
// *ValueError, and then nothing changes.
func (d *Document) ExpandVars(v Vars) (int, error) {
	for _, f := range []field{{"ReleaseVer", v.ReleaseVer}, {"BaseArch", v.BaseArch}, {"Arch", v.Arch}} {
		if f.value != "" && (checkWord(f.name, f.value) != nil || quote(f.value) != f.value || strings.Contains(f.value, "$")) {
			return 0, &ValueError{f.name, "is no plain word: " + repr(f.value)}
		}
	}
	nodes, changed := slices.Clone(d.nodes), 0
	for i, n := range nodes {
		c, ok := n.(*Command)
		if !ok || c.Name != "url" && c.Name != "repo" || len(c.Args) == 0 {
			continue
		}
		end := wordEnd(c.raw, c.Args[len(c.Args)-1]) // a comment behind it stays
		raw := v.Expand(c.raw[:end]) + c.raw[end:]
		words, err := split(raw, true)
		if raw == c.raw || err != nil || len(words) == 0 {
			continue
		}
		edited := *c
		edited.raw, edited.Args = raw, words[1:]
		nodes[i] = &edited
		changed++
	}
	d.nodes = nodes
	return changed, nil
}
