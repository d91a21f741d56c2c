package remaster

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// treeInfoName is what an installation tree says of itself, with digests of its
// images: productmd, doc/treeinfo-1.x.rst.
const treeInfoName = "/.treeinfo"

// checksumLine is a line of its section [checksums].
var checksumLine = regexp.MustCompile(`^(\s*)(\S+)(\s*=\s*)([a-z0-9]+):([0-9a-f]+)(\s*)$`)

// editTreeInfo corrects the digests of the files that were changed or replaced.
func (r *run) editTreeInfo() error {
	data := r.base.treeInfo
	if data == nil || r.replacement(treeInfoName) != "" {
		return nil // there is none, or a new one is put in
	}
	var out strings.Builder
	section := ""
	for line := range strings.Lines(string(data)) {
		if s := strings.TrimSpace(line); strings.HasPrefix(s, "[") {
			section = s
		}
		m := checksumLine.FindStringSubmatch(line)
		if section == "[checksums]" && m != nil {
			if local := r.replacement(path.Join("/", m[2])); local != "" {
				sum, err := fileSum(local)
				if err != nil {
					return err
				}
				line = m[1] + m[2] + m[3] + "sha256:" + sum + m[6]
			}
		}
		out.WriteString(line)
	}
	if changed := []byte(out.String()); !bytes.Equal(changed, data) {
		return r.update(treeInfoName, changed)
	}
	return nil
}

// replacement is the local file that takes the place of a file of the base, "" when
// none does.
func (r *run) replacement(name string) string {
	if local, ok := r.changed[name]; ok {
		return local
	}
	for _, g := range r.Add {
		rel, ok := strings.CutPrefix(name, path.Clean(g.ISOPath))
		if !ok || rel != "" && rel[0] != '/' {
			continue
		}
		local := filepath.Join(g.Local, filepath.FromSlash(rel))
		if st, err := os.Stat(local); err == nil && st.Mode().IsRegular() {
			return local
		}
	}
	return ""
}

func fileSum(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("sum file: %w", err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("sum file: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
