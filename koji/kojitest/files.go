package kojitest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// file is a file of the tree, in memory or on disk.
type file struct {
	data  []byte
	disk  string // used if not ""
	mtime time.Time
}

func (f *file) open() (io.ReadSeekCloser, error) {
	if f.disk != "" {
		return os.Open(f.disk)
	}
	return struct {
		io.ReadSeeker
		io.Closer
	}{bytes.NewReader(f.data), io.NopCloser(nil)}, nil
}

func (f *file) read() ([]byte, error) {
	if f.disk != "" {
		return os.ReadFile(f.disk)
	}
	return f.data, nil
}

func (f *file) size() (int64, error) {
	if f.disk == "" {
		return int64(len(f.data)), nil
	}
	st, err := os.Stat(f.disk)
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// Files returns the paths of all files below the top URL, sorted, as
// CorruptFile, AlterFile and RemoveFile take them.
func (h *Hub) Files() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.sortedFiles()
}

func (h *Hub) sortedFiles() []string { return slices.Sorted(maps.Keys(h.files)) }

// AddFile puts any file below the top URL, or replaces one.
func (h *Hub) AddFile(name string, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[cleanPath(name)] = &file{data: data, mtime: h.now}
}

// AlterFile replaces what a file holds without telling the hub's records.
func (h *Hub) AlterFile(name string, alter func([]byte) []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, ok := h.files[cleanPath(name)]
	if !ok {
		return fmt.Errorf("alter file of koji test hub: no %s", name)
	}
	data, err := f.read()
	if err != nil {
		return fmt.Errorf("alter file of koji test hub: %w", err)
	}
	h.files[cleanPath(name)] = &file{data: alter(bytes.Clone(data)), mtime: f.mtime.Add(time.Second)}
	return nil
}

// CorruptFile changes the last byte of a file, which of an RPM is payload.
func (h *Hub) CorruptFile(name string) error {
	return h.AlterFile(name, func(data []byte) []byte {
		if len(data) > 0 {
			data[len(data)-1] ^= 0xff
		}
		return data
	})
}

// RemoveFile removes a file, or a folder with all that is in it, without
// telling the hub's records, as the pruning of signed copies and of task output
// does.
func (h *Hub) RemoveFile(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.remove(cleanPath(name)) {
		return fmt.Errorf("remove file of koji test hub: no %s", name)
	}
	return nil
}

func (h *Hub) remove(name string) bool {
	found := false
	for p := range h.files {
		if p == name || strings.HasPrefix(p, name+"/") {
			delete(h.files, p)
			found = true
		}
	}
	return found
}

// serveFile serves the tree with ranges and conditions, as httpd does.
func (h *Hub) serveFile(w http.ResponseWriter, r *http.Request, _ Failures) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	h.mu.RLock()
	f, ok := h.files[cleanPath(r.URL.Path)]
	h.mu.RUnlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	body, err := f.open()
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer func() { _ = body.Close() }()
	if size, err := f.size(); err == nil {
		w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x-%x", size, f.mtime.UnixMicro())))
	}
	name := path.Base(r.URL.Path)
	w.Header().Set("Content-Type", contentType(name))
	http.ServeContent(w, r, name, f.mtime, body)
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".rpm":
		return "application/x-rpm"
	case ".log", ".txt":
		return "text/plain"
	}
	return "application/octet-stream"
}
