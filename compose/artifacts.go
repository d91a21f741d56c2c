package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// list describes the files of the result with size and digest. The RPMs and
// repodata of the side repo are not listed one by one: SideRepo and the package
// report stand for them.
func (r *build) list() error {
	images := r.result.Artifacts
	r.result.Artifacts, r.result.Logs = nil, nil
	known := map[string]Artifact{}
	for _, a := range images {
		known[a.Path] = a
	}
	err := r.walk(".", func(path string) error {
		if strings.HasPrefix(path, repoDir+"/") || strings.HasPrefix(path, "logs/") {
			return nil
		}
		a := known[path]
		a.Name, a.Path = path, path
		if a.Type == "" {
			a.Type = typeOf(path)
		}
		d, err := r.digest(path)
		a.Size, a.SHA256 = d.Size, d.SHA256
		r.result.Artifacts = append(r.result.Artifacts, a)
		return err
	})
	if err != nil {
		return fmt.Errorf("list artifacts: %w", err)
	}
	err = r.walk("logs", func(path string) error {
		a := Artifact{Name: strings.TrimPrefix(path, "logs/"), Path: path, Type: ArtifactLog}
		d, err := r.digest(path)
		a.Size, a.SHA256 = d.Size, d.SHA256
		r.result.Logs = append(r.result.Logs, a)
		return err
	})
	if err != nil {
		return fmt.Errorf("list logs: %w", err)
	}
	return nil
}

// walk calls visit for every regular file below a directory of the result, by
// its path with slashes, in lexical order. Tools leave links among their logs,
// which would lead out of the result.
func (r *build) walk(dir string, visit func(path string) error) (err error) {
	root, err := os.OpenRoot(r.out)
	if err != nil {
		return fmt.Errorf("open result: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return fs.WalkDir(root.FS(), dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if !e.Type().IsRegular() {
			return root.Remove(path)
		}
		return visit(path)
	})
}

func typeOf(name string) ArtifactType {
	switch {
	case strings.HasSuffix(name, ".iso"):
		return ArtifactISO
	case strings.HasSuffix(name, ".repo"):
		return ArtifactRepoFile
	case strings.HasSuffix(name, ".ks"):
		return ArtifactKickstart
	case name == planPath:
		return ArtifactPlan
	case name == reportPath:
		return ArtifactReport
	default:
		return ArtifactImage
	}
}

// digest sums a file of the result. An image that Verify has summed, and that
// nobody has written to since, is not read once more.
func (r *build) digest(path string) (Digest, error) {
	name := filepath.Join(r.out, path)
	if d := r.summed; d != nil && path == r.plan.Image {
		if st, err := os.Stat(name); err == nil && st.Size() == d.Size && st.ModTime().Equal(d.ModTime) {
			return *d, nil
		}
	}
	return digestFile(name)
}

// Digest is what a file was when it was read.
type Digest struct {
	Size    int64 // bytes
	SHA256  string
	ModTime time.Time // before it was read
}

// digestFile reads the whole of a file.
func digestFile(path string) (Digest, error) {
	var d Digest
	f, err := os.Open(path)
	if err != nil {
		return d, fmt.Errorf("read artifact: %w", err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if d.Size, err = io.Copy(h, f); err != nil {
		return d, fmt.Errorf("read artifact: %w", err)
	}
	d.SHA256 = hex.EncodeToString(h.Sum(nil))
	return d, nil
}
