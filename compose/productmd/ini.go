package productmd

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
)

const (
	maxTreeInfo = 4 << 20
	maxSections = 4096
	maxOptions  = 1 << 16
)

// ini is a file of Python's configparser with case-sensitive keys: sections in
// brackets, "key = value" or "key: value", comments on lines of their own, and
// values that go on in indented lines. "%%" stands for "%".
type ini map[string]map[string]string

// parseINI reads what configparser reads, but for interpolation of other keys,
// which no .treeinfo has.
func parseINI(r io.Reader, file string, limit int64) (ini, error) {
	data, err := limitio.ReadAll(r, limit, file)
	if err != nil {
		return nil, &SyntaxError{File: file, Reason: "cannot be read", Err: err}
	}
	p := &iniParser{file: file, out: ini{}}
	for line := range strings.Lines(strings.ToValidUTF8(string(data), "\uFFFD")) {
		p.n++
		if err := p.line(strings.TrimRight(line, "\r\n")); err != nil {
			return nil, err
		}
	}
	return p.out, p.unescape()
}

type iniParser struct {
	file    string
	out     ini
	section map[string]string
	key     string
	indent  int // of the line that key stands in
	n       int
	options int
}

func (p *iniParser) fail(format string, args ...any) error {
	return &SyntaxError{File: p.file, Line: p.n, Reason: fmt.Sprintf(format, args...)}
}

func (p *iniParser) line(line string) error {
	text := strings.TrimSpace(line)
	if text == "" {
		return nil
	}
	if text[0] == '#' || text[0] == ';' {
		return nil
	}
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	if p.key != "" && indent > p.indent {
		p.section[p.key] += "\n" + text
		return nil
	}
	if text[0] == '[' {
		return p.begin(text)
	}
	if p.section == nil {
		return p.fail("there is no section yet")
	}
	i := strings.IndexAny(text, "=:")
	if i < 0 {
		return p.fail("the line has no value")
	}
	key := strings.TrimSpace(text[:i])
	if key == "" {
		return p.fail("the line has no key")
	}
	if _, twice := p.section[key]; twice {
		return p.fail("%q comes twice", key)
	}
	if p.options++; p.options > maxOptions {
		return p.fail("there are more than %d values", maxOptions)
	}
	p.key, p.indent = key, indent
	p.section[key] = strings.TrimSpace(text[i+1:])
	return nil
}

func (p *iniParser) begin(text string) error {
	end := strings.IndexByte(text, ']')
	if end < 2 {
		return p.fail("the section has no name")
	}
	name := text[1:end]
	if p.out[name] != nil {
		return p.fail("the section %q comes twice", name)
	}
	if len(p.out) >= maxSections {
		return p.fail("there are more than %d sections", maxSections)
	}
	p.section, p.key = map[string]string{}, ""
	p.out[name] = p.section
	return nil
}

// unescape turns "%%" into "%".
func (p *iniParser) unescape() error {
	for _, section := range p.out {
		for key, value := range section {
			if !strings.Contains(value, "%") {
				continue
			}
			plain := strings.ReplaceAll(value, "%%", "\x00")
			if strings.Contains(plain, "%") {
				return &SyntaxError{File: p.file, Reason: fmt.Sprintf("the value of %q has a single %%", key)}
			}
			section[key] = strings.ReplaceAll(plain, "\x00", "%")
		}
	}
	return nil
}

// set stores a value; an empty one is left out.
func (f ini) set(section, key, value string) {
	if value == "" {
		return
	}
	if f[section] == nil {
		f[section] = map[string]string{}
	}
	f[section][key] = value
}

// write writes the sections and their keys sorted, as productmd does. The error
// is a *FieldError for a key or value that would be read as something else.
func (f ini) write(w io.Writer, file string) error {
	var b bytes.Buffer
	for _, section := range slices.Sorted(maps.Keys(f)) {
		if strings.ContainsAny(section, "[]\n\r") {
			return &FieldError{File: file, Field: section, Reason: "has a character that no section's name can have"}
		}
		fmt.Fprintf(&b, "[%s]\n", section)
		for _, key := range slices.Sorted(maps.Keys(f[section])) {
			value := f[section][key]
			if bad := badOption(key, value); bad != "" {
				return &FieldError{File: file, Field: section + "." + key, Reason: bad}
			}
			fmt.Fprintf(&b, "%s = %s\n", key, strings.ReplaceAll(value, "%", "%%"))
		}
		b.WriteByte('\n')
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// warnings are keys that productmd writes to be read as comments.
const warningKey = "; WARNING."

func badOption(key, value string) string {
	switch {
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }), strings.TrimSpace(value) != value:
		return fmt.Sprintf("has the value %q, which is not one line", value)
	case strings.HasPrefix(key, warningKey):
		return ""
	case key == "", strings.TrimSpace(key) != key, strings.ContainsAny(key, "=:\n\r\x00"), strings.ContainsAny(key[:1], "#;["):
		return "is a key that would be read as another"
	}
	return ""
}
