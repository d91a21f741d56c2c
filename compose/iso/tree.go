package iso

import (
	"slices"
	"strings"
)

// DiscInfo is a .discinfo file, as lorax writes it: three lines, a fourth with
// the disc number on DVDs.
type DiscInfo struct {
	Timestamp   string // seconds since 1970, with a fraction
	Description string // lorax: the release; Pungi: "Fedora 44"
	Arch        string
	Discs       string // "ALL" or numbers separated by commas; "" when absent
}

// ParseDiscInfo reads a .discinfo file. Missing lines are empty.
func ParseDiscInfo(data []byte) *DiscInfo {
	lines := strings.Split(string(data), "\n")
	line := func(i int) string {
		if i >= len(lines) {
			return ""
		}
		return strings.TrimSpace(lines[i])
	}
	return &DiscInfo{Timestamp: line(0), Description: line(1), Arch: line(2), Discs: line(3)}
}

// TreeInfo is what respin needs from a .treeinfo file, in lorax's format or in
// productmd's.
type TreeInfo struct {
	Family, Version, Variant, Arch string
	// Sections holds everything, by section and key.
	Sections map[string]map[string]string
}

// ParseTreeInfo reads a .treeinfo file. Lines that are neither a section nor a
// key and value are passed over, as Python's reader of these files would refuse
// what no tool writes.
func ParseTreeInfo(data []byte) *TreeInfo {
	t := &TreeInfo{Sections: map[string]map[string]string{}}
	section := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = line[1 : len(line)-1]
			if t.Sections[section] == nil {
				t.Sections[section] = map[string]string{}
			}
		default:
			if k, v, ok := strings.Cut(line, "="); ok && section != "" {
				t.Sections[section][strings.ToLower(strings.TrimSpace(k))] = strings.TrimSpace(v)
			}
		}
	}
	first := func(keys ...[2]string) string {
		for _, k := range keys {
			if v := t.Sections[k[0]][k[1]]; v != "" {
				return v
			}
		}
		return ""
	}
	t.Arch = first([2]string{"tree", "arch"}, [2]string{"general", "arch"})
	t.Family = first([2]string{"general", "family"}, [2]string{"release", "name"})
	t.Version = first([2]string{"general", "version"}, [2]string{"release", "version"})
	t.Variant = first([2]string{"general", "variant"})
	return t
}

// Arches returns the architectures of the [images-ARCH] sections, sorted.
func (t *TreeInfo) Arches() []string {
	var list []string
	for s := range t.Sections {
		if arch, ok := strings.CutPrefix(s, "images-"); ok {
			list = append(list, arch)
		}
	}
	slices.Sort(list)
	return list
}
