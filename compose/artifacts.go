package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
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
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return fmt.Errorf("list artifacts: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		a := known[e.Name()]
		a.Name, a.Path = e.Name(), e.Name()
		if a.Type == "" {
			a.Type = typeOf(e.Name())
		}
		if a.Size, a.SHA256, err = digest(filepath.Join(r.out, a.Path)); err != nil {
			return err
		}
		r.result.Artifacts = append(r.result.Artifacts, a)
	}
	logs, err := os.ReadDir(filepath.Join(r.out, "logs"))
	if err != nil {
		return fmt.Errorf("list logs: %w", err)
	}
	for _, e := range logs {
		a := Artifact{Name: e.Name(), Path: "logs/" + e.Name(), Type: ArtifactLog}
		if a.Size, a.SHA256, err = digest(filepath.Join(r.out, a.Path)); err != nil {
			return err
		}
		r.result.Logs = append(r.result.Logs, a)
	}
	return nil
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
