package kiwi

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose"
)

const (
	descriptionDir = "description" // below Temp
	configName     = "kiwi.yml"    // below Temp
	workName       = "kiwi"        // below Temp, for kiwi's own temporary files
	targetName     = "kiwi"        // below OutDir
	logName        = "kiwi.log"    // below LogDir
	sidePriority   = 1             // dnf: lower wins
)

// arguments is the whole command line. Global options stand before the service,
// as docopt (10) and typer (11) want it, and every value behind "=", so that none
// is taken for an option.
func arguments(p *compose.Plan) []string {
	d := p.Description
	argv := []string{
		Tool, "--config=" + compose.HoldTemp + "/" + configName, "--logfile=" + compose.HoldLogs + "/" + logName,
		"--temp-dir=" + compose.HoldTemp + "/" + workName, "--shared-cache-dir=" + compose.HoldCache,
		"--target-arch=" + p.Request.Arch, "--type=" + d.Type.Image,
	}
	for _, name := range d.Asked {
		argv = append(argv, "--profile="+name)
	}
	argv = append(argv, "--kiwi-file="+d.File, "system", "build",
		"--description="+path.Join(compose.HoldTemp, descriptionDir, d.Dir), "--target-dir="+compose.HoldOutDir+"/"+targetName)
	if _, err := strconv.Atoi(p.Request.Release); err == nil {
		argv = append(argv, "--set-release-version="+p.Request.Release)
	}
	if d.Type.Image == "iso" {
		argv = append(argv, "--set-type-attr=volid="+p.VolID)
		if len(p.Request.BootArgs) > 0 {
			argv = append(argv, "--set-type-attr=kernelcmdline="+kernelArgs(p))
		}
	}
	if p.Request.Options.Kiwi.IgnoreRepos {
		argv = append(argv, "--ignore-repos-used-for-build")
	}
	argv = append(argv, repos(p)...)
	for _, name := range p.Request.Packages {
		argv = append(argv, "--add-package="+name)
	}
	for _, name := range p.Request.Exclude {
		argv = append(argv, "--delete-package="+name)
	}
	return argv
}

// kernelArgs are the description's own boot arguments and the request's.
func kernelArgs(p *compose.Plan) string {
	return strings.TrimSpace(strings.Join(append(strings.Fields(p.Description.Type.KernelArgs), p.Request.BootArgs...), " "))
}

// repos are the --add-repo arguments: the side repo, then the Plan's repositories.
func repos(p *compose.Plan) []string {
	var list []string
	if len(p.RPMs) > 0 {
		list = append(list, addRepo("file://"+compose.HoldSideRepo, "baseurl", compose.Repo{ID: compose.SideRepoID, Priority: sidePriority}))
	}
	for i := range p.Repos {
		r := p.Repos[i].Repo
		where, kind := r.BaseURL, "baseurl"
		switch {
		case r.Metalink != "":
			where, kind = r.Metalink, "metalink"
		case r.Mirrorlist != "":
			where, kind = r.Mirrorlist, "mirrorlist"
		}
		list = append(list, addRepo(escape(where), kind, r))
	}
	return list
}

// addRepo writes one repository with every field of the list: source, type,
// alias, priority, imageinclude, package_gpgcheck, {signing keys}, components,
// distribution, repo_gpgcheck, repo_sourcetype. An empty priority is dnf's 99.
func addRepo(source, kind string, r compose.Repo) string {
	priority, keys := "", ""
	if r.Priority > 0 {
		priority = strconv.Itoa(r.Priority)
	}
	if len(r.GPGKeys) > 0 {
		escaped := make([]string, len(r.GPGKeys))
		for i, key := range r.GPGKeys {
			escaped[i] = escape(key)
		}
		keys = "{" + strings.Join(escaped, ";") + "}"
	}
	return fmt.Sprintf("--add-repo=%s,rpm-md,%s,%s,false,%t,%s,,,false,%s", source, r.ID, priority, r.GPGCheck, keys, kind)
}

// escape hides from kiwi and dnf what they would take for their own: kiwi splits
// at commas, in keys at semicolons, takes braces away (tasks/base.py, _pop_token)
// and drops what stands behind ";" or "#" of a URL (system/uri.py, urlparse); dnf
// fills in what begins with "$".
func escape(u string) string {
	if parsed, err := url.Parse(u); err == nil {
		parsed.Fragment, parsed.RawFragment = "", ""
		u = parsed.String()
	}
	return strings.NewReplacer(",", "%2C", ";", "%3B", "{", "%7B", "}", "%7D", "$", "%24", " ", "%20").Replace(u)
}

// imageOf is the file name of the first artifact.
func imageOf(p *compose.Plan) string {
	base := strings.TrimSuffix(p.Image, ".iso")
	switch t := &p.Description.Type; t.Image {
	case "oem":
		return base + "." + cmp.Or(t.Format, "raw")
	case "tbz":
		return base + ".tar.xz"
	case "oci", "docker":
		return base + "." + t.Image + ".tar.xz"
	}
	return base + ".iso"
}
