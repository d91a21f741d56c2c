// Package modules reads modules.yaml, the module metadata of EL 8 and 9
// repositories, as far as is needed to see what dnf sees: packages of module
// streams that are not enabled are as good as absent, and packages of enabled
// ones hide the others of their names.
//
//	in, err := r.Stream(ctx, "modules")
//	...
//	list, err := modules.Read(in)
//	...
//	filter := modules.NewFilter(list)
//	for e, err := range r.Primary(ctx) {
//		if err == nil && filter.Hidden(e.NEVRA()) {
//			continue // of a stream that nobody has enabled
//		}
//	}
//
// Without any state of a system only streams that are the default of their
// module count as enabled. The rule is libdnf's (dnf-sack.cpp,
// setModuleExcludes); the format is that of modulemd 2 (libmodulemd's
// yaml_specs). Fedora has had no modules since 39.
package modules

import (
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Module is one build of a stream of a module.
type Module struct {
	Name, Stream string
	Version      uint64
	Context      string
	Arch         string
	Default      bool     // whether the stream is the default of its module
	Artifacts    []string // its packages, "name-epoch:version-release.arch"
}

const (
	maxSize      = 128 << 20 // of modules.yaml
	maxDocuments = 100_000
)

// Read reads modules.yaml, 128 MiB of it at most. Documents of other kinds
// (obsoletes, translations) are passed over.
func Read(r io.Reader) ([]Module, error) {
	var out []Module
	defaults := map[string]string{}
	dec := yaml.NewDecoder(limitio.Reader(r, maxSize, "modules.yaml"))
	for n := 1; ; n++ {
		var doc document
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && n > maxDocuments {
			err = errors.New("too many documents")
		}
		if err != nil {
			return nil, fmt.Errorf("read modules.yaml, document %d: %w", n, err)
		}
		switch doc.Document {
		case "modulemd":
			out = append(out, Module{
				Name: doc.Data.Name, Stream: string(doc.Data.Stream), Version: doc.Data.Version,
				Context: string(doc.Data.Context), Arch: doc.Data.Arch, Artifacts: doc.Data.Artifacts.RPMs,
			})
		case "modulemd-defaults":
			defaults[doc.Data.Module] = string(doc.Data.Stream)
		}
	}
	for i := range out {
		out[i].Default = out[i].Stream != "" && defaults[out[i].Name] == out[i].Stream
	}
	return out, nil
}

type document struct {
	Document string `yaml:"document"`
	Data     struct {
		Name      string `yaml:"name"`
		Module    string `yaml:"module"`
		Stream    word   `yaml:"stream"`
		Version   uint64 `yaml:"version"`
		Context   word   `yaml:"context"`
		Arch      string `yaml:"arch"`
		Artifacts struct {
			RPMs []string `yaml:"rpms"`
		} `yaml:"artifacts"`
	} `yaml:"data"`
}

// word is a text that looks like a number more often than not: stream 10 and
// stream "10" are one, and 3.10 is not 3.1.
type word string

func (w *word) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: text expected", n.Line)
	}
	*w = word(n.Value)
	return nil
}

// Filter tells which packages dnf would not see.
type Filter struct {
	hidden map[rpm.NEVRA]bool // of streams that are not enabled
	shown  map[rpm.NEVRA]bool // of those that are
	names  map[string]bool    // of packages of those that are
}

// NewFilter makes a filter for the modules of one or more repositories.
// Artifacts whose names cannot be parsed are passed over.
func NewFilter(list []Module) *Filter {
	type stream struct{ name, stream, arch string }
	newest := map[stream]uint64{}
	for _, m := range list {
		key := stream{m.Name, m.Stream, m.Arch}
		newest[key] = max(newest[key], m.Version)
	}
	f := &Filter{hidden: map[rpm.NEVRA]bool{}, shown: map[rpm.NEVRA]bool{}, names: map[string]bool{}}
	for _, m := range list {
		enabled := m.Default && m.Version == newest[stream{m.Name, m.Stream, m.Arch}]
		for _, a := range m.Artifacts {
			n, err := rpm.ParseNEVRA(a)
			if err != nil {
				continue
			}
			n.EVR.HasEpoch = false
			if !enabled {
				f.hidden[n] = true
				continue
			}
			f.shown[n] = true
			if n.Arch != "src" && n.Arch != "nosrc" {
				f.names[n.Name] = true
			}
		}
	}
	return f
}

// Hidden tells whether dnf would not see the package.
func (f *Filter) Hidden(n rpm.NEVRA) bool {
	if f == nil || len(f.hidden)+len(f.shown) == 0 {
		return false
	}
	n.EVR.HasEpoch = false
	return !f.shown[n] && (f.hidden[n] || f.names[n.Name])
}
