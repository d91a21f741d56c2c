package productmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/fedora-respin/respin/internal/limitio"
)

const maxJSON = 256 << 20

// header is the part that all JSON files begin with.
type header struct {
	Type    string `json:"type"`
	Version string `json:"version"`
}

// document is a whole file; P is its payload.
type document[P any] struct {
	Header  header `json:"header"`
	Payload P      `json:"payload"`
}

// writeJSON writes as Python's json.dump(indent=4, sort_keys=True) does. The
// fields of the types here stand in the order of their keys.
func writeJSON[P any](w io.Writer, file, kind string, payload P) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	if err := enc.Encode(document[P]{header{kind, version}, payload}); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if _, err := w.Write(ascii(bytes.TrimSuffix(b.Bytes(), []byte("\n")))); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// ascii escapes what Python does not write into JSON.
func ascii(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r < 0x80:
			out = append(out, text[0])
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, "\\u%04x\\u%04x", hi, lo)
		default:
			out = fmt.Appendf(out, "\\u%04x", r)
		}
		text = text[n:]
	}
	return out
}

// readJSON reads a file whose header says that it is of a kind and a version
// that this package knows: 1.0 to 1.2, which have the same fields.
func readJSON[P any](r io.Reader, file, kind string) (P, error) {
	var d document[P]
	data, err := limitio.ReadAll(r, maxJSON, file)
	if err != nil {
		return d.Payload, &SyntaxError{File: file, Reason: "cannot be read", Err: err}
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return d.Payload, &SyntaxError{File: file, Reason: "is no JSON of this kind", Err: err}
	}
	switch d.Header.Version {
	case "1.0", "1.1", "1.2":
	default:
		return d.Payload, &FieldError{File: file, Field: "header.version", Reason: fmt.Sprintf("is %q; 1.0 to 1.2 are read", clip(d.Header.Version))}
	}
	if d.Header.Type != kind && (d.Header.Version != "1.0" || d.Header.Type != "") {
		return d.Payload, &FieldError{File: file, Field: "header.type", Reason: fmt.Sprintf("is %q, not %q", clip(d.Header.Type), kind)}
	}
	return d.Payload, nil
}
