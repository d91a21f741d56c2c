package kiwi

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
)

// typesOf are kiwi's types of image that are a kind's.
func typesOf(kind compose.Kind) []string {
	switch kind { //nolint:exhaustive // Makes lists the kinds
	case compose.KindLive:
		return []string{"iso"}
	case compose.KindDisk:
		return []string{"oem"}
	case compose.KindTar:
		return []string{"tbz"}
	case compose.KindOCI:
		return []string{"oci", "docker"}
	}
	return nil
}

// Describe implements compose.Backend.
func (*Backend) Describe(p *compose.Plan) error {
	if p.Description == nil || p.Request.Options.Kiwi == nil {
		return compose.Refuse(compose.Problem{
			Code: compose.CodeNoDescription, Field: "options.kiwi", Remedy: "Name it with options.kiwi.description (--kiwi).",
			Sentence: fmt.Sprintf("kiwi makes a %s from a description, and none was named.", p.Request.Kind),
		})
	}
	if problems := slices.Concat(checkType(p), checkRequest(p)); len(problems) > 0 {
		return compose.Refuse(problems...)
	}
	p.Warnings = append(p.Warnings, warnings(p)...)
	p.Image = imageOf(p)
	p.Argv = arguments(p)
	p.Tools = []compose.Tool{{Name: Tool, Package: Package}, {Name: helper, Package: helperPackage}}
	return nil
}

func checkType(p *compose.Plan) []compose.Problem {
	var problems []compose.Problem
	t := &p.Description.Type
	if types := typesOf(p.Request.Kind); !slices.Contains(types, t.Image) {
		problems = append(problems, compose.Problem{
			Code: compose.CodeBadDescription, Field: "options.kiwi.type", Remedy: "Use " + strings.Join(types, " or ") + ", or another kind.",
			Sentence: fmt.Sprintf("An image of kiwi's type %s is no %s.", t.Image, p.Request.Kind),
		})
	}
	if t.Image == "oem" && t.Format != "" && t.Format != "raw" && t.Format != "qcow2" {
		problems = append(problems, compose.Problem{
			Code: compose.CodeBadDescription, Field: "options.kiwi.profile", Remedy: "Choose a profile that makes a raw or qcow2 disk.",
			Sentence: fmt.Sprintf("The description makes a disk of the format %s, which cannot be read back.", t.Format),
		})
	}
	if m := p.Description.Manager; m != "dnf5" && m != "dnf4" && m != "dnf" && m != "microdnf" {
		problems = append(problems, compose.Problem{
			Code: compose.CodeBadDescription, Field: "options.kiwi.description", Remedy: "Give a description of Fedora's.",
			Sentence: fmt.Sprintf("The description installs by %s, and Fedora's packages are installed by dnf.", m),
		})
	}
	if t.Image == "iso" {
		if err := iso.ValidVolumeID(p.VolID); err != nil {
			problems = append(problems, compose.Problem{Code: compose.CodeBadVolID, Field: "volid", Sentence: err.Error() + ".", Remedy: "Use at most 32 of A-Z a-z 0-9 _ -."})
		}
	}
	return problems
}

// plainArgs are boot arguments that survive kiwi's setting them: it evaluates
// --set-type-attr as a line of Python (tasks/system_build.py).
var plainArgs = regexp.MustCompile(`^[A-Za-z0-9_.,:=/@%+~\[\] -]*$`)

func checkRequest(p *compose.Plan) []compose.Problem {
	var problems []compose.Problem
	add := func(code compose.Code, field, remedy, format string, args ...any) {
		problems = append(problems, compose.Problem{Code: code, Field: field, Remedy: remedy, Sentence: fmt.Sprintf(format, args...)})
	}
	for i, name := range p.Request.Packages {
		if strings.HasPrefix(name, "@^") {
			add(compose.CodeBadPackage, fmt.Sprintf("packages[%d]", i), "Name its groups.", "kiwi installs packages and groups, not environments like %s.", name)
		}
	}
	for i := range p.Repos {
		r := &p.Repos[i]
		for _, u := range append([]string{r.BaseURL, r.Metalink, r.Mirrorlist}, r.GPGKeys...) {
			// system/uri.py takes such a query for a file of passwords, and drops it.
			if parsed, err := url.Parse(u); err == nil && strings.HasPrefix(parsed.RawQuery, "credentials=") {
				add(compose.CodeURLRefused, fmt.Sprintf("repos[%d]", i), "Give an address without it.", "kiwi takes credentials= in the address of %s for the name of a file.", r.ID)
			}
		}
	}
	if len(p.Request.BootArgs) > 0 && p.Description.Type.Image == "iso" && !plainArgs.MatchString(kernelArgs(p)) {
		add(compose.CodeBadBootArg, "boot_args", "Change kernelcmdline in the description.",
			"The description's own boot arguments have characters that kiwi cannot be given on its command line, so none can be added.")
	}
	return problems
}

// warnings says what of the request does not count, or counts in another way.
func warnings(p *compose.Plan) []compose.Warning {
	var list []compose.Warning
	warn := func(field, format string, args ...any) {
		list = append(list, compose.Warning{Code: string(compose.CodeUnsupportedField), Field: field, Sentence: fmt.Sprintf(format, args...)})
	}
	for i := range p.Repos {
		r, field := &p.Repos[i], fmt.Sprintf("repos[%d].", i)
		if r.Cost != 0 {
			warn(field+"cost", "kiwi cannot say the cost of a repository: that of %s does not count.", r.ID)
		}
		if len(r.IncludePkgs) > 0 {
			warn(field+"includepkgs", "kiwi cannot choose packages of a repository: includepkgs of %s does not count.", r.ID)
		}
		if len(r.ExcludePkgs) > 0 {
			warn(field+"excludepkgs", "kiwi cannot leave packages of a repository out: excludepkgs of %s does not count.", r.ID)
		}
		if r.Priority == sidePriority && len(p.RPMs) > 0 {
			warn(field+"priority", "The repository %s has the side repo's own priority: where it has newer versions, they are installed, and the compose fails.", r.ID)
		}
	}
	list = append(list, descriptionWarnings(p)...)
	if len(p.Request.Exclude) > 0 {
		warn("exclude", "kiwi installs what the description names and then removes %s, with all that requires it.", strings.Join(p.Request.Exclude, ", "))
	}
	return list
}

// descriptionWarnings are about what the description itself brings.
func descriptionWarnings(p *compose.Plan) []compose.Warning {
	var list []compose.Warning
	warn := func(field, format string, args ...any) {
		list = append(list, compose.Warning{Code: string(compose.CodeBadDescription), Field: field, Sentence: fmt.Sprintf(format, args...)})
	}
	d := p.Description
	if d.Type.Derived != "" {
		warn("options.kiwi.profile", "The image starts from the container image %s, which is fetched by kiwi and not frozen.", d.Type.Derived)
	}
	if p.Request.Options.Kiwi.IgnoreRepos {
		return list
	}
	for _, r := range d.Repos {
		if r.Alias == compose.SideRepoID || slices.ContainsFunc(p.Repos, func(o compose.PlanRepo) bool { return o.ID == r.Alias }) {
			warn("options.kiwi.description", "The description's repository %s is replaced by one of that name.", r.Alias)
			continue
		}
		if r.Priority > 0 && r.Priority <= sidePriority && len(p.RPMs) > 0 {
			warn("options.kiwi.description", "The description's repository %s has the side repo's own priority: where it has newer versions, they are installed, and the compose fails.", r.Alias)
		}
	}
	if len(d.Repos) > 0 {
		warn("options.kiwi.description", "The description brings %d repositories of its own, whose content is not frozen; options.kiwi.ignore_repos leaves them out.", len(d.Repos))
	}
	return list
}
