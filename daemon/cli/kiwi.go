package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/kiwidesc"
)

// kiwi finds the description: a directory of this host is packed, and an archive
// taken as it is.
func (r *reader) kiwi(f *requestFlags, dir string) {
	k := r.req.Options.Kiwi
	if f.Kiwi != "" || f.KiwiFile != "" || f.KiwiProfile != "" || f.KiwiType != "" {
		if k == nil {
			k = &compose.Kiwi{}
		}
		if f.Kiwi != "" {
			k.Description, k.SHA256, dir = f.Kiwi, "", ""
		}
		for to, from := range map[*string]string{&k.File: f.KiwiFile, &k.Profile: f.KiwiProfile, &k.Type: f.KiwiType} {
			if from != "" {
				*to = from
			}
		}
		r.req.Options.Kiwi = k
	}
	if k == nil || k.Description == "" || strings.Contains(k.Description, "://") || strings.HasPrefix(k.Description, "upload:") {
		return
	}
	path := within(dir, k.Description)
	k.Description = ""
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		packed, err := r.pack(path)
		if err != nil {
			reason := reason(err)
			if bad, ok := errors.AsType[*kiwidesc.ArchiveError](err); ok {
				reason = bad.Error()
			}
			r.problem(compose.CodeBadDescription, "options.kiwi.description", "Check the directory.", "The description %s cannot be packed: %s.", path, reason)
			return
		}
		path = packed
	}
	r.take(path, compose.UploadTar, "options.kiwi.description", compose.CodeBadDescription, "The description",
		func(req *compose.Request, id string) { req.Options.Kiwi.Description = "upload:" + id })
}

// pack writes the description's directory into a file that goes with the request.
func (r *reader) pack(dir string) (string, error) {
	f, err := os.CreateTemp("", "respin-description-*.tar")
	if err != nil {
		return "", fmt.Errorf("pack description: %w", err)
	}
	r.temps = append(r.temps, f.Name())
	abs, err := filepath.Abs(dir)
	if err == nil {
		err = kiwidesc.Pack(f, abs)
	}
	return f.Name(), errors.Join(err, f.Close())
}
