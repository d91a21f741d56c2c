package compose

import (
	"io/fs"
	"regexp"
	"strings"
)

// BackendKiwi is the name of the back end that makes images from descriptions.
const BackendKiwi = "kiwi"

// maxProfiles bounds the profiles of one request.
const maxProfiles = 50

var (
	// What is named here becomes an argument of kiwi, and a name in its files.
	profilePattern  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}$`)
	kiwiTypePattern = regexp.MustCompile(`^[a-z][a-z0-9]{1,19}$`)
	kiwiFilePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}$`)
)

// kiwi checks what names a description.
func (c *checker) kiwi(r *Request) {
	k := r.Options.Kiwi
	if k == nil {
		if r.Options.Backend == BackendKiwi {
			c.add(CodeNoDescription, "options.kiwi", "Name it with options.kiwi.description (--kiwi).", "kiwi makes a %s from a description, and none was named.", r.Kind)
		}
		return
	}
	switch {
	case r.Options.Backend != "" && r.Options.Backend != BackendKiwi:
		c.add(CodeInvalidRequest, "options.kiwi", "Leave out options.backend or options.kiwi.", "A description is for kiwi, and the back end %s was asked for.", clip(r.Options.Backend))
	case r.Kickstart != nil && *r.Kickstart != (Kickstart{}):
		c.add(CodeInvalidRequest, "kickstart", "Leave one of them out.", "An image is made from a kickstart or from a kiwi description, and both are named.")
	}
	c.description(k)
	if k.SHA256 != "" && !sha256Pattern.MatchString(k.SHA256) {
		c.add(CodeInvalidRequest, "options.kiwi.sha256", "Give 64 lower-case hexadecimal digits.", "%q is no SHA-256 sum.", clip(k.SHA256))
	}
	if k.File != "" && (!kiwiFilePattern.MatchString(k.File) || !fs.ValidPath(k.File)) {
		c.add(CodeInvalidRequest, "options.kiwi.file", "Write it like Fedora.kiwi.", "%q is no path of a file in the description.", clip(k.File))
	}
	if k.Type != "" && !kiwiTypePattern.MatchString(k.Type) {
		c.add(CodeInvalidRequest, "options.kiwi.type", "Write it like iso.", "%q is no type of image.", clip(k.Type))
	}
	profiles := k.Profiles()
	if len(profiles) > maxProfiles {
		c.add(CodeInvalidRequest, "options.kiwi.profile", "Name fewer.", "More than %d profiles are named.", maxProfiles)
		return
	}
	for _, name := range profiles {
		if !profilePattern.MatchString(name) {
			c.add(CodeInvalidRequest, "options.kiwi.profile", "Write it like KDE-Desktop-Live, several with commas between.", "%q is no profile.", clip(name))
		}
	}
}

// description checks where the description is.
func (c *checker) description(k *Kiwi) {
	const field = "options.kiwi.description"
	id, upload := strings.CutPrefix(k.Description, "upload:")
	switch {
	case k.Description == "":
		c.add(CodeNoDescription, field, "Give the URL of its archive, or upload:ID.", "The request does not say where the kiwi description is.")
	case upload && !hexPattern.MatchString(id):
		c.add(CodeUploadNotFound, field, "Upload the description again.", "%q is no upload id.", clip(id))
	case upload:
	case !isWebURL(k.Description):
		c.add(CodeURLRefused, field, "Give an http or https URL; respin build --kiwi packs and uploads a local directory.", "%q is no http or https URL without user and password.", clip(k.Description))
	case strings.HasSuffix(k.Description, ".git"):
		c.add(CodeURLRefused, field, "Give the URL of a commit's archive, as the forge's download button does.", "%s is a git repository; what is taken is a tar archive.", clip(k.Description))
	}
}
