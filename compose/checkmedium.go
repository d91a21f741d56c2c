package compose

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MediumUpdates is where an updates.img stands on a medium.
const MediumUpdates = "updates.img"

// Limits of what goes onto a medium besides the side repo.
const (
	maxFiles        = 1000
	maxFileText     = 1 << 20 // bytes
	maxReplacements = 64
	// maxMediumName is the longest name that ISO images with Rock Ridge and its
	// extensions hold without cutting it, maxMediumDepth what readers follow.
	maxMediumName  = 253
	maxMediumDepth = 32
)

// medium checks what a remaster puts onto its medium and changes there.
func (c *checker) medium(r *Request) {
	c.files(r)
	c.updatesImage(r)
	if len(r.Replace) > maxReplacements {
		c.add(CodeInvalidRequest, "replace", "Leave some out.", "%d replacements are more than %d.", len(r.Replace), maxReplacements)
		return
	}
	for i, x := range r.Replace {
		field := fmt.Sprintf("replace[%d]", i)
		switch {
		case x.From == "":
			c.add(CodeInvalidRequest, field+".from", "Give the text that stands in the boot menu.", "The replacement does not say what to look for.")
		case !cleanText(x.From) || !cleanText(x.To):
			c.add(CodeInvalidRequest, field, "Replace text within one line.", "The replacement of %q is longer than %d characters or holds control characters.", clip(x.From), maxText)
		}
	}
}

func (c *checker) files(r *Request) {
	if len(r.Files) > maxFiles {
		c.add(CodeBadFile, "files", "Put them into an archive.", "%d files are more than the %d that one request may have.", len(r.Files), maxFiles)
		return
	}
	seen := map[string]int{}
	for i, f := range r.Files {
		field := fmt.Sprintf("files[%d]", i)
		c.content(field, &f)
		if reason := mediumPath(f.Path); reason != "" {
			c.add(CodeBadFile, field+".path", "Write the place on the medium like /extra/data.txt.", "%q cannot be a place on the medium: %s.", clip(f.Path), reason)
			continue
		}
		if other, ok := seen[f.Path]; ok {
			c.add(CodeBadFile, field+".path", "Give each its own place.", "files[%d] has the place %s, too.", other, clip(f.Path))
		}
		seen[f.Path] = i
	}
	for i, f := range r.Files {
		if mediumPath(f.Path) != "" {
			continue
		}
		for dir := path.Dir(f.Path); dir != "/"; dir = path.Dir(dir) {
			if other, ok := seen[dir]; ok {
				c.add(CodeBadFile, fmt.Sprintf("files[%d].path", i), "Give it another place.", "%s lies below files[%d], which is no folder.", clip(f.Path), other)
			}
		}
	}
}

func (c *checker) updatesImage(r *Request) {
	f := r.UpdatesImage
	if f == nil {
		return
	}
	c.content("updates_image", f)
	if f.Path != "" {
		c.add(CodeBadFile, "updates_image.path", "Leave it out.", "The updates image has its place on the medium, /%s.", MediumUpdates)
	}
	if f.Executable {
		c.add(CodeBadFile, "updates_image.executable", "Leave it out.", "An updates image is not executed.")
	}
	if f.Text != "" {
		c.add(CodeBadFile, "updates_image.text", "Give url or upload.", "An updates image is no text.")
	}
	if r.Options.UpdatesImg {
		c.add(CodeInvalidRequest, "updates_image", "Give one of updates_image and options.updates_img.", "The installer takes one updates image: the one that is given, or one made of the packages.")
	}
}

// content checks where a file's content comes from.
func (c *checker) content(field string, f *File) {
	switch count(f.URL != "", f.Upload != "", f.Text != "", f.File != "") {
	case 0:
		c.add(CodeBadFile, field, "Give one of url, upload and text.", "The file has no content.")
	case 1:
	default:
		c.add(CodeBadFile, field, "Give one of url, upload and text.", "The file's content is given in more than one way.")
	}
	if f.File != "" {
		c.add(CodeBadFile, field+".file", "Upload it; respin build -f does so for you.", "A server does not read files of its own for a request.")
	}
	if f.URL != "" && !isWebURL(f.URL) {
		c.add(CodeURLRefused, field+".url", "Give an http or https URL; respin build uploads local files.", "%q is no http or https URL without user and password.", clip(f.URL))
	}
	if f.Upload != "" && !hexPattern.MatchString(f.Upload) {
		c.add(CodeUploadNotFound, field+".upload", "Upload the file again.", "%q is no upload id.", clip(f.Upload))
	}
	if f.SHA256 != "" && !sha256Pattern.MatchString(f.SHA256) {
		c.add(CodeInvalidRequest, field+".sha256", "Give 64 lower-case hexadecimal digits.", "%q is no SHA-256 sum.", clip(f.SHA256))
	}
	if len(f.Text) > maxFileText {
		c.add(CodeBadFile, field+".text", "Upload it.", "A text of %d bytes is larger than %s.", len(f.Text), bytesText(maxFileText))
	}
}

// mediumPath says why a path cannot be a place on a medium, "" when it can.
func mediumPath(p string) string {
	own, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	switch {
	case !strings.HasPrefix(p, "/") || p == "/" || path.Clean(p) != p:
		return "it is not a plain path from the medium's root"
	case !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl) || strings.ContainsAny(p, `*?[]\`):
		return `it has a control character or one of * ? [ ] \`
	case strings.Count(p, "/") > maxMediumDepth:
		return fmt.Sprintf("it is deeper than %d folders", maxMediumDepth)
	case own == MediumRepo || own == MediumKickstart || own == MediumUpdates:
		return "respin puts its own there"
	}
	for name := range strings.SplitSeq(p, "/") {
		if len(name) > maxMediumName {
			return fmt.Sprintf("a name of %d bytes is longer than %d", len(name), maxMediumName)
		}
	}
	return ""
}
