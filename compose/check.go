package compose

import (
	"fmt"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of a request. They are far above what composes need and keep a hostile
// one from costing memory or a hub's patience.
const (
	maxSources  = 200
	maxPackages = 5000
	maxBootArgs = 64
	maxNotify   = 20
	maxLabels   = 50
	maxText     = 300
	maxProblems = 100 // that one answer names
	minTTL      = time.Minute
	maxTTL      = 10 * 365 * 24 * time.Hour
)

var (
	releasePattern = regexp.MustCompile(`^([1-9][0-9]{0,2}|rawhide|eln)$`)
	volidPattern   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
	// Package globs and @groups with options are legal in a kickstart's %packages.
	packagePattern = regexp.MustCompile(`^(@\^?)?[A-Za-z0-9_*?\[\]][A-Za-z0-9_.+*?:\[\]~^-]*$`)
	requirePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*((=|<|<=|>|>=)[A-Za-z0-9_.+:~^-]+)?$`)
	bootArgPattern = regexp.MustCompile(`^[A-Za-z0-9_.,:=/@%+~\[\]-]{1,255}$`)
	// A remaster writes the value into menus as the boot loader's language wants it,
	// so it may hold blanks and what that language takes for its own.
	mediumArgPattern = regexp.MustCompile(`^[A-Za-z0-9_.,:/@%+~\[\]-]+(=[^"'\\[:cntrl:]]*)?$`)
	sha256Pattern    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Check returns everything that is wrong with the request as far as its text
// tells, without asking anybody. It does not change the request.
func (r *Request) Check() []Problem {
	c := &checker{}
	c.kind(r)
	if r.Release != "" && !releasePattern.MatchString(r.Release) {
		c.add(CodeBadRelease, "release", `Write the number, as "44", or "rawhide" or "eln".`, "%q is no release.", clip(r.Release))
	}
	if r.Arch != "" && !slices.Contains(Arches(), r.Arch) {
		c.add(CodeUnknownArch, "arch", "Use one of "+strings.Join(Arches(), ", ")+".", "%q is no architecture of Fedora's.", clip(r.Arch))
	}
	c.sources(r)
	c.names(r)
	c.image(r)
	c.people(r)
	return c.problems
}

type checker struct{ problems []Problem }

func (c *checker) add(code Code, field, remedy, format string, args ...any) {
	if len(c.problems) >= maxProblems {
		return // a hostile request must not cost more to answer than to send
	}
	c.problems = append(c.problems, Problem{Code: code, Field: field, Sentence: fmt.Sprintf(format, args...), Remedy: remedy})
}

func (c *checker) kind(r *Request) {
	switch {
	case r.Kind == "":
		c.add(CodeUnknownKind, "kind", "Name one of "+kindNames()+".", "The request does not say what kind of compose it wants.")
	case !slices.Contains(Kinds(), r.Kind):
		c.add(CodeUnknownKind, "kind", "Use one of "+kindNames()+".", "There is no kind %q.", clip(string(r.Kind)))
	}
}

func kindNames() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func (c *checker) sources(r *Request) {
	if len(r.Sources) > maxSources {
		c.add(CodeBadSource, "sources", "Use a side tag.", "%d sources are more than the %d that one request may have.", len(r.Sources), maxSources)
		return
	}
	for i, text := range r.Sources {
		if _, err := ParseSource(text); err != nil {
			c.add(CodeBadSource, fmt.Sprintf("sources[%d]", i),
				"Write an update alias, name-version-release, task:ID, tag:NAME, copr:OWNER/PROJECT, repo:URL, rpm:URL or upload:ID.", "%s.", upperFirst(err.Error()))
		}
	}
	c.signatures(r)
}

func (c *checker) signatures(r *Request) {
	for _, source := range slices.Sorted(maps.Keys(r.Signatures)) {
		field := fmt.Sprintf("signatures[%s]", clip(source))
		if policy := r.Signatures[source]; !slices.Contains(SignaturePolicies(), policy) {
			c.add(CodeInvalidRequest, field, "Write require, prefer or ignore.", "There is no signature policy %q.", clip(string(policy)))
		}
		if source != EverySource && !slices.Contains(r.Sources, source) {
			c.add(CodeInvalidRequest, field, `Name a source as it is written in sources, or "*" for all.`, "The request has no source %q.", clip(source))
		}
	}
}

func (c *checker) names(r *Request) {
	if len(r.Packages)+len(r.Exclude)+len(r.Require) > maxPackages {
		c.add(CodeBadPackage, "packages", "Use a kickstart.", "More than %d packages are named.", maxPackages)
		return
	}
	c.packages("packages", r.Packages)
	c.packages("exclude", r.Exclude)
	for i, name := range r.Require {
		if !requirePattern.MatchString(name) {
			c.add(CodeBadPackage, fmt.Sprintf("require[%d]", i), "Write it like anaconda>=44.12.", "%q is no package with an optional version.", clip(name))
		}
	}
}

func (c *checker) packages(field string, names []string) {
	for i, name := range names {
		if !packagePattern.MatchString(name) {
			c.add(CodeBadPackage, fmt.Sprintf("%s[%d]", field, i), "Give a package name, a glob, or a group as @name.", "%q is no package or group name.", clip(name))
		}
	}
}

func (c *checker) removeArgs(r *Request) {
	if len(r.RemoveArgs) > maxBootArgs {
		c.add(CodeBadBootArg, "remove_args", "Leave some out.", "%d boot arguments are more than the kernel's command line takes.", len(r.RemoveArgs))
		return
	}
	for i, name := range r.RemoveArgs {
		if !bootArgPattern.MatchString(name) || strings.Contains(name, "=") {
			c.add(CodeBadBootArg, fmt.Sprintf("remove_args[%d]", i), "Give the name alone, like quiet or rd.live.check.", "%q is no name of a boot argument.", clip(name))
		}
	}
}

func (c *checker) image(r *Request) {
	if r.VolID != "" {
		if len(r.VolID) > 32 {
			c.add(CodeBadVolID, "volid", "Shorten it.", "The volume id %q has %d characters; ISO 9660 has room for 32.", clip(r.VolID), len(r.VolID))
		} else if !volidPattern.MatchString(r.VolID) {
			c.add(CodeBadVolID, "volid", "Use only A-Z a-z 0-9 _ and -.", "The volume id %q has characters that boot loaders mangle.", r.VolID)
		}
	}
	if len(r.BootArgs) > maxBootArgs {
		c.add(CodeBadBootArg, "boot_args", "Leave some out.", "%d boot arguments are more than the kernel's command line takes.", len(r.BootArgs))
	}
	for i, arg := range r.BootArgs {
		if bootArgPattern.MatchString(arg) || r.Kind == KindRemaster && len(arg) <= 255 && utf8.ValidString(arg) && mediumArgPattern.MatchString(arg) {
			continue
		}
		c.add(CodeBadBootArg, fmt.Sprintf("boot_args[%d]", i), "Give one argument an entry, without spaces or quotes.", "%q cannot stand in a boot menu.", clip(arg))
	}
	c.removeArgs(r)
	c.medium(r)
	c.base(r)
	c.kickstart(r)
	c.repos(r)
	c.options(&r.Options)
	c.kiwi(r)
}

func (c *checker) base(r *Request) {
	may := r.Kind == KindRemaster || r.Kind == KindDVD
	if r.Base == nil || *r.Base == (Base{}) || *r.Base == (Base{SHA256: r.Base.SHA256}) {
		// A dvd without a base has one made; a digest alone is a slip.
		if r.Kind == KindRemaster || r.Kind == KindDVD && r.Base != nil && r.Base.SHA256 != "" {
			c.add(CodeBaseRequired, "base", "Name a boot.iso with base.url (--base-iso).", "A %s starts from an image, and none was named.", r.Kind)
		}
		return
	}
	if !may && !r.Options.Virt {
		c.add(CodeUnsupportedField, "base", "Leave it out.", "A %s does not start from a base image.", r.Kind)
	}
	if count(r.Base.URL != "", r.Base.Compose != "", r.Base.Upload != "") > 1 {
		c.add(CodeInvalidRequest, "base", "Give one of url, compose and upload.", "The base is named in more than one way.")
	}
	if r.Base.URL != "" && !isWebURL(r.Base.URL) {
		c.add(CodeURLRefused, "base.url", "Give an http or https URL; respin build --base-iso uploads a local file.", "%q is no http or https URL without user and password.", clip(r.Base.URL))
	}
	if r.Base.SHA256 != "" && !sha256Pattern.MatchString(r.Base.SHA256) {
		c.add(CodeInvalidRequest, "base.sha256", "Give 64 lower-case hexadecimal digits.", "%q is no SHA-256 sum.", clip(r.Base.SHA256))
	}
	if r.Base.Upload != "" && !hexPattern.MatchString(r.Base.Upload) {
		c.add(CodeUploadNotFound, "base.upload", "Upload the image again.", "%q is no upload id.", clip(r.Base.Upload))
	}
}

func (c *checker) kickstart(r *Request) {
	k := r.Kickstart
	if k == nil || *k == (Kickstart{}) {
		return
	}
	if count(k.Spin != "", k.URL != "", k.Text != "", k.File != "") > 1 {
		c.add(CodeInvalidRequest, "kickstart", "Give one of spin, url and text.", "The kickstart is named in more than one way.")
	}
	if k.File != "" {
		c.add(CodeInvalidRequest, "kickstart.file", "Send the text; respin build -f reads the file for you.", "A server does not read files of its own for a request.")
	}
	if k.URL != "" && !isWebURL(k.URL) {
		c.add(CodeURLRefused, "kickstart.url", "Give an http or https URL.", "%q is no http or https URL without user and password.", clip(k.URL))
	}
	if k.Spin != "" && !spinPattern.MatchString(spinName(k.Spin)) {
		c.add(CodeInvalidRequest, "kickstart.spin", "Name a file of fedora-kickstarts, as fedora-live-workstation.", "%q is no name of a spin's kickstart.", clip(k.Spin))
	}
}

func (c *checker) people(r *Request) {
	if len(r.Notify) > maxNotify {
		c.add(CodeBadNotify, "notify", "Name fewer.", "%d addresses are more than the %d that one compose may tell.", len(r.Notify), maxNotify)
		return
	}
	for i, n := range r.Notify {
		field := fmt.Sprintf("notify[%d]", i)
		if n.Email != "" {
			// ParseAddress takes "Name <a@b>" too; only the bare form is one here.
			if a, err := mail.ParseAddress(n.Email); err != nil || a.Address != n.Email {
				c.add(CodeBadNotify, field+".email", "Write it like qa@example.org.", "%q is no e-mail address.", clip(n.Email))
			}
		}
		if n.Webhook != "" {
			c.add(CodeUnsupportedField, field+".webhook", "Use email.", "This version does not call webhooks.")
		}
		if n == (Notify{}) {
			c.add(CodeBadNotify, field, "Give email.", "The entry names nobody.")
		}
	}
	if ttl := time.Duration(r.TTL); ttl != 0 && (ttl < minTTL || ttl > maxTTL) {
		c.add(CodeInvalidRequest, "ttl", "Write it like 336h.", "The ttl is not between a minute and ten years.")
	}
	if !cleanText(r.Title) {
		c.add(CodeInvalidRequest, "title", "Use one line of plain text.", "The title is longer than %d characters or holds control characters.", maxText)
	}
	if len(r.Labels) > maxLabels {
		c.add(CodeInvalidRequest, "labels", "Use fewer.", "%d labels are more than %d.", len(r.Labels), maxLabels)
	}
	for k, v := range r.Labels {
		if !cleanText(k) || !cleanText(v) || k == "" {
			c.add(CodeInvalidRequest, "labels", "Use short plain text.", "The label %q is empty, too long or holds control characters.", clip(k))
		}
	}
}

func cleanText(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxText && !strings.ContainsFunc(s, unicode.IsControl)
}

func count(set ...bool) int {
	n := 0
	for _, s := range set {
		if s {
			n++
		}
	}
	return n
}

func clip(s string) string { return clipTo(s, 80) }

func clipTo(s string, size int) string {
	if len(s) > size {
		return s[:size-3] + "..."
	}
	return s
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}
