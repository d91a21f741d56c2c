package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed templates static
var files embed.FS

// static is one embedded file with what a browser needs to keep it.
type static struct {
	data    []byte
	digest  string
	content string // media type
}

func loadStatic() (map[string]static, error) {
	all := map[string]static{}
	entries, err := fs.ReadDir(files, "static")
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	for _, e := range entries {
		data, err := files.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read static files: %w", err)
		}
		sum := sha256.Sum256(data)
		s := static{data: data, digest: hex.EncodeToString(sum[:8])}
		// The system's table of types may say otherwise, and nosniff is on.
		switch path.Ext(e.Name()) {
		case ".css":
			s.content = "text/css; charset=utf-8"
		case ".js":
			s.content = "text/javascript; charset=utf-8"
		case ".svg":
			s.content = "image/svg+xml"
		default:
			return nil, fmt.Errorf("serve %s: no media type is known for it", e.Name())
		}
		all[e.Name()] = s
	}
	return all, nil
}

// asset is the address of a static file, with its digest: it may be kept for
// ever, as another content has another address.
func (p *Pages) asset(name string) (string, error) {
	s, ok := p.static[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return "/static/" + name + "?v=" + s.digest, nil
}

func (p *Pages) serveStatic(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	s, ok := p.static[name]
	if !ok {
		p.notFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", s.content)
	h.Set("ETag", `"`+s.digest+`"`)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == s.digest {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(s.data))
}
