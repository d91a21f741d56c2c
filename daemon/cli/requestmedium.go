package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// mediumFlags are the flags for what a remaster puts onto its medium and changes
// there besides the side repo; they are those of mkksiso where it has some.
type mediumFlags struct {
	Add          []string `sep:"none" placeholder:"PATH[=PLACE]" help:"Put a file, a folder or a URL onto the medium of a remaster, at PLACE, by default at its name in the root: extra.tar, docs=/extra/docs, https://example.org/a.img=/images/product.img. May be repeated."`
	UpdatesImage string   `name:"updates-image" placeholder:"FILE" help:"Ready updates.img for the installer of a remaster, a file or a URL: it goes onto the medium and is named by inst.updates. Of the packages --updates-img makes one."`
	Replace      []string `sep:"none" placeholder:"FROM=>TO" help:"Replace text in every boot menu of a remaster, as 'timeout=60=>timeout=5'. May be repeated."`
	NoMD5Sum     bool     `name:"no-md5sum" help:"Leave out the checksum that the installer's medium check goes by."`
}

// apply puts what needs no file to be read on top of what the file said.
func (f *mediumFlags) apply(req *compose.Request) error {
	for _, text := range f.Replace {
		from, to, ok := strings.Cut(text, "=>")
		if !ok || from == "" {
			return usagef("--replace: %q does not say what to replace by what: write FROM=>TO", text)
		}
		req.Replace = append(req.Replace, compose.Replacement{From: from, To: to})
	}
	req.Options.NoMD5Sum = req.Options.NoMD5Sum || f.NoMD5Sum
	return nil
}

// medium finds the files for the medium: those that the file of -f names, which
// are relative to dir, and those of --add.
func (r *reader) medium(f *mediumFlags, dir string) {
	for i := range r.req.Files {
		if local := r.req.Files[i].File; local != "" {
			r.req.Files[i].File = ""
			r.mediumFile(within(dir, local), i)
		}
	}
	for _, text := range f.Add {
		r.add(text)
	}
	if u := r.req.UpdatesImage; u != nil && u.File != "" && f.UpdatesImage == "" {
		f.UpdatesImage, u.File = within(dir, u.File), ""
	}
	switch {
	case f.UpdatesImage == "":
	case isURL(f.UpdatesImage):
		r.req.UpdatesImage = &compose.File{URL: f.UpdatesImage}
	default:
		r.req.UpdatesImage = &compose.File{}
		r.take(f.UpdatesImage, api.UploadFile, "updates_image", compose.CodeBadFile, "The updates image", func(req *compose.Request, id string) {
			req.UpdatesImage = &compose.File{Upload: id}
		})
	}
}

// add takes one --add. A = in a path is kept where a file of the whole name is.
func (r *reader) add(text string) {
	from, place := text, ""
	if i := strings.LastIndex(text, "=/"); i > 0 {
		if _, err := os.Stat(text); err != nil || isURL(text) {
			from, place = text[:i], text[i+1:]
		}
	}
	if isURL(from) {
		if place == "" {
			place = "/" + path.Base(from)
		}
		r.req.Files = append(r.req.Files, compose.File{Path: place, URL: from})
		return
	}
	abs, err := filepath.Abs(from)
	if err == nil {
		if place == "" {
			place = "/" + filepath.Base(abs)
		}
		err = r.addTree(from, strings.TrimSuffix(place, "/"))
	}
	if err != nil {
		r.problem(compose.CodeBadFile, "files", "Check the path.", "The file %s cannot be put onto the medium: %s.", from, reason(err))
	}
}

// errTooMany ends the walk of a folder that was hardly meant.
var errTooMany = errors.New("it has more than 1000 files; put them into an archive")

func (r *reader) addTree(root, place string) error {
	files := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case name != root && !d.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder", name)
		}
		if files++; files > 1000 {
			return errTooMany
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err //nolint:wrapcheck // the caller says what it was for
		}
		r.req.Files = append(r.req.Files, compose.File{Path: path.Join(place, filepath.ToSlash(rel))})
		r.mediumFile(name, len(r.req.Files)-1)
		return nil
	})
	if err == nil && files == 0 {
		err = errors.New("it is an empty folder")
	}
	return err
}

// mediumFile takes a file of this host; what may be executed here stays so.
func (r *reader) mediumFile(local string, i int) {
	if st, err := os.Stat(local); err == nil && st.Mode()&0o111 != 0 {
		r.req.Files[i].Executable = true
	}
	r.take(local, api.UploadFile, fmt.Sprintf("files[%d]", i), compose.CodeBadFile, "The file", func(req *compose.Request, id string) {
		req.Files[i].Upload = id
	})
}
