package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fedora-respin/respin/internal/limitio"
)

// maxModules bounds one file of module metadata, unpacked; those of RHEL 8 have
// some 10 MB.
const maxModules = 64 << 20

// modulesType is the type of module metadata in repomd.xml.
const modulesType = "modules"

// withModules adds the module metadata that the walk found to the extras.
// createrepo_c lets libmodulemd merge such files; here their documents are put
// together as they are written. Of documents about the same thing (the same
// module, stream, version, context and arch; the defaults of a module ...) the
// first stays, in the order of the paths, those of Options.Extra before all.
func (c *creator) withModules(ctx context.Context, found []string) ([]Extra, error) {
	if len(found) == 0 {
		return c.opts.Extra, nil
	}
	var rest, sources []Extra
	for _, e := range c.opts.Extra {
		if e.Type == modulesType {
			sources = append(sources, e)
		} else {
			rest = append(rest, e)
		}
	}
	for _, rel := range found {
		sources = append(sources, Extra{Path: c.path(rel)})
	}
	var all bytes.Buffer
	first := map[string]moduleDocument{}
	for _, e := range sources {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		docs, err := readModules(&e)
		if err != nil {
			return nil, fmt.Errorf("read module metadata %s: %w", e.Path, err)
		}
		for _, d := range docs {
			if known, ok := first[d.id]; ok {
				if !bytes.Equal(known.text, d.text) {
					c.warn("%s and %s differ about %s; the first one counts", known.from, d.from, d.id)
				}
				continue
			}
			first[d.id] = d
			fmt.Fprintf(&all, "---\n%s...\n", d.text)
		}
	}
	write := func(w io.Writer) error {
		_, err := all.WriteTo(w)
		return err
	}
	return append(rest, Extra{Type: modulesType, Name: "modules.yaml", Write: write}), nil
}

// moduleDocument is one document of a modulemd file.
type moduleDocument struct {
	text []byte // without the marks around it, ends in a line end
	id   string // what it is about
	from string // base name of its file
}

// readAll returns the plain content, at most limit bytes.
func (e *Extra) readAll(limit int64) ([]byte, error) {
	if e.Write != nil {
		var b bytes.Buffer
		err := e.Write(&b)
		return b.Bytes(), err
	}
	in, err := e.open()
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // opened for reading
	return limitio.ReadAll(in, limit, "module metadata")
}

func readModules(e *Extra) ([]moduleDocument, error) {
	data, err := e.readAll(maxModules)
	if err != nil {
		return nil, err
	}
	var docs []moduleDocument
	for _, text := range splitYAML(data) {
		id, err := moduleID(text)
		if err != nil {
			return nil, err
		}
		docs = append(docs, moduleDocument{text: text, id: id, from: filepath.Base(e.Path)})
	}
	return docs, nil
}

// splitYAML cuts a stream of documents at its marks. A line that begins with one
// is a mark everywhere: YAML forbids it inside of scalars (c-forbidden).
func splitYAML(data []byte) [][]byte {
	var docs [][]byte
	start := 0
	end := func(upTo int) {
		// Nothing but directives and comments is no document.
		for line := range bytes.Lines(data[start:upTo]) {
			if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '%' && line[0] != '#' {
				docs = append(docs, data[start:upTo])
				return
			}
		}
	}
	if n := len(data); n > 0 && data[n-1] != '\n' {
		data = append(data[:n:n], '\n')
	}
	for at := 0; at < len(data); {
		next := at + bytes.IndexByte(data[at:], '\n') + 1
		line := data[at:next]
		if mark := string(line[:min(3, len(line))]); (mark == "---" || mark == "...") && strings.ContainsRune(" \t\r\n", rune(line[3])) {
			end(at)
			start = next
			if mark == "---" && len(bytes.TrimSpace(line[3:])) > 0 {
				start = at + 3 // the document begins beside its mark
			}
		}
		at = next
	}
	end(len(data))
	return docs
}

// moduleID says what a document is about.
func moduleID(text []byte) (string, error) {
	var d struct {
		Document string
		Data     struct{ Name, Module, Stream, Version, Context, Arch, Modified string }
	}
	if err := yaml.Unmarshal(text, &d); err != nil {
		return "", fmt.Errorf("parse document: %w", err)
	}
	if d.Document == "" {
		return "", errNoModule
	}
	m := &d.Data
	parts := []string{d.Document, m.Name + m.Module}
	for _, p := range []string{m.Stream, m.Version, m.Context, m.Arch, m.Modified} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ":"), nil
}

// errNoModule says that a document is none of modulemd's.
var errNoModule = errors.New(`document has no "document:" and is none of modulemd`)
