package lorax

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose"
)

// repoFile is the .repo file, below Temp.
const repoFile = "respin.repo"

// The types of the installer's root file system.
const (
	squashfs     = "squashfs"
	squashfsExt4 = "squashfs-ext4"
	erofs        = "erofs"
	erofsExt4    = "erofs-ext4"
)

// rootfsType is frozen in every Plan: lorax's default has changed (ext4 in
// squashfs before 41.3, squashfs since).
func rootfsType(p *compose.Plan) string {
	if t := p.Request.Options.RootfsType; t != "" {
		return t
	}
	return squashfs
}

// arguments is the whole command line in the words of lorax 46. Options take
// their value after "=", as Pungi writes them, so that no value is ever taken
// for an option.
func arguments(p *compose.Plan) []string {
	name, version := p.Request.Product()
	o := &p.Request.Options
	argv := []string{Tool, "--product=" + name, "--version=" + version, "--release=" + version}
	if o.Variant != "" {
		argv = append(argv, "--variant="+o.Variant)
	}
	argv = append(argv, "--repo="+compose.HoldTemp+"/"+repoFile, "--volid="+p.VolID, "--buildarch="+p.Request.Arch,
		// The default wants hfsplus-tools, which no release has any more.
		"--nomacboot", "--rootfs-type="+rootfsType(p))
	if o.RootfsSize > 0 {
		argv = append(argv, "--rootfs-size="+strconv.Itoa(o.RootfsSize))
	}
	if p.Final {
		argv = append(argv, "--isfinal")
	}
	for _, spec := range install(p) {
		argv = append(argv, "--installpkgs="+spec)
	}
	for i, t := range o.Templates {
		option := "--add-template="
		if t.Arch {
			option = "--add-arch-template="
		}
		argv = append(argv, option+path.Join(compose.HoldTemp, templateFile(i, t)))
	}
	for _, key := range slices.Sorted(maps.Keys(o.TemplateVars)) {
		argv = append(argv, "--add-template-var="+key+"="+o.TemplateVars[key])
	}
	for _, key := range slices.Sorted(maps.Keys(o.ArchTemplateVars)) {
		argv = append(argv, "--add-arch-template-var="+key+"="+o.ArchTemplateVars[key])
	}
	return append(argv, "--tmp="+compose.HoldTemp+"/lorax", "--cachedir="+compose.HoldCache+"/"+p.Request.Release+"-"+p.Request.Arch,
		"--logfile="+compose.HoldLogs+"/lorax.log", compose.HoldOutDir+"/"+TreeDir)
}

// install lists what lorax must install besides its templates' own choice: the
// packages of the request, and what it requires, for which lorax then fails
// early. Where the side repo has a package of that name, lorax sees no other (see
// compose.RepoFile).
func install(p *compose.Plan) []string {
	var list []string
	add := func(spec string) {
		if !slices.Contains(list, spec) {
			list = append(list, spec)
		}
	}
	for _, name := range p.Request.Packages {
		add(name)
	}
	for _, spec := range p.Request.Require {
		// lorax matches "=" only with a release behind the version.
		if name, evr, exact := strings.Cut(spec, "="); exact && !strings.HasSuffix(name, "<") && !strings.HasSuffix(name, ">") && !strings.Contains(evr, "-") {
			spec = name
		}
		add(spec)
	}
	return list
}

func checkPackages(p *compose.Plan) []compose.Problem {
	var problems []compose.Problem
	for i, name := range p.Request.Packages {
		if strings.HasPrefix(name, "@") {
			problems = append(problems, compose.Problem{
				Code: compose.CodeBadPackage, Field: fmt.Sprintf("packages[%d]", i), Remedy: "Name its packages.",
				Sentence: fmt.Sprintf("lorax installs packages, not groups like %s.", name),
			})
		}
	}
	switch rootfsType(p) {
	case squashfs, squashfsExt4, erofs, erofsExt4:
	default:
		problems = append(problems, compose.Problem{
			Code: compose.CodeInvalidRequest, Field: "options.rootfs_type", Remedy: "Use squashfs, squashfs-ext4, erofs or erofs-ext4.",
			Sentence: fmt.Sprintf("lorax makes no root file system %q.", rootfsType(p)),
		})
	}
	return problems
}

// warnings says what of the request will not count. Repositories lose nothing
// but signatures: the .repo file carries the rest.
func warnings(p *compose.Plan) []compose.Warning {
	var list []compose.Warning
	warn := func(field, format string, args ...any) {
		list = append(list, compose.Warning{Code: string(compose.CodeUnsupportedField), Field: field, Sentence: fmt.Sprintf(format, args...)})
	}
	for i := range p.Repos {
		if p.Repos[i].GPGCheck {
			warn(fmt.Sprintf("repos[%d].gpgcheck", i), "lorax imports no keys of its own accord: the signatures of %s are checked only as far as its dnf does.", p.Repos[i].ID)
		}
	}
	if t := rootfsType(p); p.Request.Options.RootfsSize > 0 && (t == squashfs || t == erofs) {
		warn("options.rootfs_size", "A root file system of type %s is as large as its content; rootfs_size counts for squashfs-ext4 and erofs-ext4.", t)
	}
	return list
}
