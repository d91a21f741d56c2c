package siderepo

import (
	"fmt"
	"strings"
)

// Config is what a .repo file of a side repo says.
type Config struct {
	ID      string // of the compose; the repository is named respin-<ID>
	Name    string // for people; default "Packages of compose <ID>"
	BaseURL string // https://… as served, or file:///… on a medium
	// Required makes dnf fail when the repository cannot be reached. The
	// default is to go on without it: side repos expire.
	Required bool
	// GPGKeys are URLs of keys. With any, packages must be signed by one of
	// them; the default is not to check, as builds fresh from Koji are unsigned.
	GPGKeys []string
}

// RepoFile returns the text of the .repo file. Priority and cost are 1, the
// best that dnf knows (its defaults are 99 and 1000), so that a package of the
// side repo is taken even where the distribution has a newer one: that is what
// somebody who asks for these very builds wants.
func RepoFile(c Config) string {
	name := c.Name
	if name == "" {
		name = "Packages of compose " + c.ID
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[respin-%s]\n", oneLine(c.ID))
	fmt.Fprintf(&b, "name=%s\n", oneLine(name))
	fmt.Fprintf(&b, "baseurl=%s\n", oneLine(c.BaseURL))
	b.WriteString("enabled=1\n")
	if len(c.GPGKeys) > 0 {
		keys := make([]string, len(c.GPGKeys))
		for i, k := range c.GPGKeys {
			keys[i] = oneLine(k)
		}
		fmt.Fprintf(&b, "gpgcheck=1\ngpgkey=%s\n", strings.Join(keys, " "))
	} else {
		b.WriteString("gpgcheck=0\n")
	}
	b.WriteString("repo_gpgcheck=0\npriority=1\ncost=1\n")
	if c.Required {
		b.WriteString("skip_if_unavailable=0\n")
	} else {
		b.WriteString("skip_if_unavailable=1\n")
	}
	// A compose that is built again replaces the repository under its URL.
	b.WriteString("metadata_expire=300\n")
	return b.String()
}

// FileName returns the name of the .repo file of a compose.
func FileName(id string) string { return "respin-" + id + ".repo" }

// oneLine keeps a value from starting a line of its own.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}
