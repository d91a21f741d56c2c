package productmd

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

const rpmsFile = "rpms.json"

// Categories of RPMs.
const (
	CategoryBinary = "binary"
	CategoryDebug  = "debug"
	CategorySource = "source"
)

// RPM is one package of a compose.
type RPM struct {
	Category string  `json:"category"`
	Path     string  `json:"path"`   // relative to the compose
	SigKey   *string `json:"sigkey"` // id of the key in lower case; nil: unsigned
}

// RPMs is rpms.json: the packages by variant, arch, NEVRA of their source package
// and own NEVRA. A NEVRA has its epoch always: "bash-0:5.2-1.fc44.x86_64".
type RPMs struct {
	Compose Compose                                         `json:"compose"`
	RPMs    map[string]map[string]map[string]map[string]RPM `json:"rpms"`
}

// NEVRA writes a name as rpms.json has it.
func NEVRA(n rpm.NEVRA) string {
	return fmt.Sprintf("%s-%d:%s-%s.%s", n.Name, n.EVR.Epoch, n.EVR.Version, n.EVR.Release, n.Arch)
}

// Add adds a package. source is the NEVRA of its source package and is left out
// of account for a source package.
func (m *RPMs) Add(variant, arch string, source, nevra rpm.NEVRA, r RPM) {
	if r.Category == CategorySource {
		source = nevra
	}
	if m.RPMs == nil {
		m.RPMs = map[string]map[string]map[string]map[string]RPM{}
	}
	if m.RPMs[variant] == nil {
		m.RPMs[variant] = map[string]map[string]map[string]RPM{}
	}
	if m.RPMs[variant][arch] == nil {
		m.RPMs[variant][arch] = map[string]map[string]RPM{}
	}
	bySource := m.RPMs[variant][arch]
	if bySource[NEVRA(source)] == nil {
		bySource[NEVRA(source)] = map[string]RPM{}
	}
	bySource[NEVRA(source)][NEVRA(nevra)] = r
}

// Validate returns the *FieldError of a rule that is broken.
func (m *RPMs) Validate() error {
	if err := m.Compose.validate(rpmsFile); err != nil {
		return err
	}
	for variant, arches := range m.RPMs {
		for arch, sources := range arches {
			if !binaryArch(arch) {
				return &FieldError{File: rpmsFile, Field: variant + "." + clip(arch), Reason: "is no arch for binary packages"}
			}
			for source, packages := range sources {
				for nevra, r := range packages {
					reason := r.validate(nevra)
					if reason == "" {
						reason = badNEVRA(source)
					}
					if reason != "" {
						return &FieldError{File: rpmsFile, Field: clip(nevra), Reason: reason}
					}
				}
			}
		}
	}
	return nil
}

func (r *RPM) validate(nevra string) string {
	if reason := badNEVRA(nevra); reason != "" {
		return reason
	}
	source := strings.HasSuffix(nevra, ".src") || strings.HasSuffix(nevra, ".nosrc")
	switch {
	case r.Category != CategoryBinary && r.Category != CategoryDebug && r.Category != CategorySource:
		return fmt.Sprintf("has the unknown category %q", clip(r.Category))
	case source != (r.Category == CategorySource):
		return "has a category that does not go with its arch"
	case r.Path == "" || path.IsAbs(r.Path):
		return fmt.Sprintf("has the path %q, which is not relative", clip(r.Path))
	case r.SigKey != nil && *r.SigKey != strings.ToLower(*r.SigKey):
		return "has a key that is not in lower case"
	}
	return ""
}

func badNEVRA(text string) string {
	if _, err := rpm.ParseNEVRA(text); err != nil || !strings.Contains(text, ":") {
		return fmt.Sprintf("has the name %q; it must be name-epoch:version-release.arch", clip(text))
	}
	return ""
}

// Write writes rpms.json.
func (m *RPMs) Write(w io.Writer) error {
	if err := m.Validate(); err != nil {
		return err
	}
	out := *m
	if out.RPMs == nil {
		out.RPMs = map[string]map[string]map[string]map[string]RPM{}
	}
	return writeJSON(w, rpmsFile, "productmd.rpms", &out)
}

// ReadRPMs reads rpms.json of version 1.0 to 1.2.
func ReadRPMs(r io.Reader) (*RPMs, error) {
	m, err := readJSON[*RPMs](r, rpmsFile, "productmd.rpms")
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, &SyntaxError{File: rpmsFile, Reason: "has no payload"}
	}
	return m, m.Validate()
}
