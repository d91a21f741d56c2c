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
		var err error
		a.Size, a.SHA256, err = digest(filepath.Join(r.out, path))
		r.result.Artifacts = append(r.result.Artifacts, a)
		return err
	})
	if err != nil {
		return fmt.Errorf("list artifacts: %w", err)
	}
	err = r.walk("logs", func(path string) error {
		a := Artifact{Name: strings.TrimPrefix(path, "logs/"), Path: path, Type: ArtifactLog}
		var err error
		a.Size, a.SHA256, err = digest(filepath.Join(r.out, path))
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

func digest(path string) (size int64, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", fmt.Errorf("read artifact: %w", err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return 0, "", fmt.Errorf("read artifact: %w", err)
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}
