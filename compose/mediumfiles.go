package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/fedora-respin/respin/internal/fetch"
)

// mediumRemote are the files for the medium that are fetched.
func (p *Plan) mediumRemote() []PlanFile {
	var list []PlanFile
	for _, f := range p.Files {
		if f.URL != "" {
			list = append(list, f)
		}
	}
	if p.UpdatesImage != nil {
		list = append(list, *p.UpdatesImage)
	}
	return list
}

func (p *Plan) mediumWants() []fetch.Want {
	var wants []fetch.Want
	for _, f := range p.mediumRemote() {
		wants = append(wants, fetch.Want{URLs: []string{f.URL}, Size: f.Size, SHA256: f.SHA256})
	}
	return wants
}

// fileAlteredError is a file for the medium that is not the Plan's.
type fileAlteredError struct {
	place string // on the medium
	err   *fetch.MismatchError
}

func (e *fileAlteredError) Error() string { return e.place + ": " + e.err.Error() }
func (e *fileAlteredError) Unwrap() error { return e.err }

// ofFile says of an altered file what it was for.
func (p *Plan) ofFile(err error) error {
	if mismatch, ok := errors.AsType[*fetch.MismatchError](err); ok {
		for _, f := range p.mediumRemote() {
			if f.URL == mismatch.URL {
				return &fileAlteredError{f.Path, mismatch}
			}
		}
	}
	return err
}

// mediumFiles takes the files for the medium off paths, what was fetched, and
// writes those whose text the request holds.
func (r *build) mediumFiles(paths []string) (rest []string, err error) {
	for i, f := range r.plan.Files {
		if f.URL != "" {
			r.files, paths = append(r.files, paths[0]), paths[1:]
			continue
		}
		name, err := r.writeText(i, f)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", f.Path, err)
		}
		r.files = append(r.files, name)
	}
	if r.plan.UpdatesImage != nil {
		r.updatesImage, paths = paths[0], paths[1:]
	}
	return paths, nil
}

func (r *build) writeText(i int, f PlanFile) (string, error) {
	if i >= len(r.plan.Request.Files) {
		return "", errors.New("the Plan has no text for it")
	}
	text := []byte(r.plan.Request.Files[i].Text)
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != f.SHA256 {
		return "", errors.New("the Plan has another text than digest")
	}
	name := filepath.Join(r.temp(), "files", strconv.Itoa(i))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return "", err //nolint:wrapcheck // the caller says what it was for
	}
	return name, os.WriteFile(name, text, 0o644) //nolint:wrapcheck // as above
}
