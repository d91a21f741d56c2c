package compose

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// RepoFile is the text of a .repo file (dnf.conf(5)) with the side repo at
// sideRepo, a directory of the build node, if the Plan has RPMs, and then the
// Plan's repositories in their order. What the request excludes is hidden in all
// of them.
//
// The side repo has dnf's best priority and cost, and packages of its names are
// hidden in the others: lorax takes the newest of a name before it looks at
// priorities (pylorax/ltmpl.py, _pkgver), and somebody who asks for these very
// builds wants them even where the release has newer ones.
func RepoFile(p *Plan, sideRepo string) string {
	var b strings.Builder
	hide := slices.Clone(p.Request.Exclude)
	if len(p.RPMs) > 0 {
		fmt.Fprintf(&b, "[%s]\nname=%[1]s side repo\nbaseurl=%s\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=0\npriority=1\ncost=1\nmetadata_expire=1\n",
			SideRepoID, FileURL(sideRepo))
		if len(hide) > 0 {
			fmt.Fprintf(&b, "excludepkgs=%s\n", strings.Join(hide, ","))
		}
		for i := range p.RPMs {
			hide = append(hide, p.RPMs[i].Name)
		}
		slices.Sort(hide)
		hide = slices.Compact(hide)
	}
	for i := range p.Repos {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		p.Repos[i].section(&b, hide)
	}
	return b.String()
}

func (r *PlanRepo) section(b *strings.Builder, exclude []string) {
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(b, "%s=%s\n", key, value)
		}
	}
	number := func(key string, n int) {
		if n != 0 {
			fmt.Fprintf(b, "%s=%d\n", key, n)
		}
	}
	fmt.Fprintf(b, "[%s]\nname=%[1]s\n", r.ID)
	line("baseurl", escapeVars(r.BaseURL))
	line("metalink", escapeVars(r.Metalink))
	line("mirrorlist", escapeVars(r.Mirrorlist))
	b.WriteString("enabled=1\n")
	if r.GPGCheck {
		fmt.Fprintf(b, "gpgcheck=1\ngpgkey=%s\n", escapeVars(strings.Join(r.GPGKeys, " ")))
	} else {
		b.WriteString("gpgcheck=0\n")
	}
	b.WriteString("repo_gpgcheck=0\n")
	number("priority", r.Priority)
	number("cost", r.Cost)
	line("includepkgs", strings.Join(r.IncludePkgs, ","))
	line("excludepkgs", strings.Join(slices.Concat(r.ExcludePkgs, exclude), ","))
}

// FileURL is the file: URL of a path of the build node, in a form that neither
// dnf nor anaconda finds variables or lists in.
func FileURL(path string) string {
	return strings.ReplaceAll(escapeVars((&url.URL{Scheme: "file", Path: path}).String()), ",", "%2C")
}

// escapeVars hides the sign that begins a variable in dnf's files.
func escapeVars(s string) string { return strings.ReplaceAll(s, "$", "%24") }
