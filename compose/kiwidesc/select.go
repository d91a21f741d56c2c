package kiwidesc

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Selection is what kiwi takes of a description for some profiles, a type and an
// architecture.
type Selection struct {
	Dir    string   `json:"dir,omitempty"` // of the description in its archive; "" for the top
	File   string   `json:"file"`          // the .kiwi file in Dir
	Schema string   `json:"schema,omitempty"`
	Name   string   `json:"name"`               // of the image
	Arch   string   `json:"arch"`               // that was selected for
	Asked  []string `json:"profiles,omitempty"` // profiles as they were asked for
	// Profiles are all that count: those asked for, or the description's own
	// choice, with what they require.
	Profiles []string `json:"all_profiles,omitempty"`
	Type     Type     `json:"type"`
	Version  string   `json:"version"`                   // of the image; kiwi makes it part of file names
	Release  string   `json:"release_version,omitempty"` // what dnf takes for $releasever
	Manager  string   `json:"package_manager"`
	Repos    []Repo   `json:"repos,omitempty"`
}

// Type is one way to make the image.
type Type struct {
	Image      string `json:"image"`                // iso, oem, tbz, oci, docker ...
	Format     string `json:"format,omitempty"`     // of a disk: qcow2, vmdk ...; "" for raw
	Filesystem string `json:"filesystem,omitempty"` // of the root, "" for kiwi's default
	VolID      string `json:"volid,omitempty"`
	KernelArgs string `json:"kernel_args,omitempty"`
	Install    bool   `json:"install_iso,omitempty"`  // of a disk: an ISO that installs it
	Derived    string `json:"derived_from,omitempty"` // the image that a container starts from
}

// Repo is a repository that the description brings.
type Repo struct {
	Alias    string `json:"alias,omitempty"`
	Source   string `json:"source"`             // URL, with $releasever and $basearch
	Priority int    `json:"priority,omitempty"` // dnf: lower wins; 0: dnf's default of 99
}

// SelectError says why kiwi would refuse a choice.
type SelectError struct {
	What string   // "profile" or "type"
	Name string   // that was asked for, "" when none was
	Arch string   // for which it is not there
	Have []string // what there is instead, sorted
}

func (e *SelectError) Error() string {
	if e.Name == "" {
		return "the description makes nothing for " + e.Arch + " with the profiles that were chosen"
	}
	return fmt.Sprintf("the description has no %s %s for %s", e.What, e.Name, e.Arch)
}

// Select chooses as kiwi does with --profile (several, or none for what the
// description imports by default), --type ("" for its first) and --target-arch.
// Its error is a *SelectError, or an *Error.
func (d *Description) Select(profiles []string, image, arch string) (*Selection, error) {
	return d.of(arch).choose(profiles, image)
}

// offer is what a description has for one architecture.
type offer struct {
	*Description
	arch  string
	have  map[string]*profile
	names []string // of the profiles, sorted
	own   []string // that the description chooses itself
}

func (d *Description) of(arch string) *offer {
	o := &offer{Description: d, arch: arch, have: map[string]*profile{}}
	for i := range d.profiles {
		p := &d.profiles[i]
		if !matches(p.Arch, arch) {
			continue
		}
		o.have[p.Name] = p
		o.names = append(o.names, p.Name)
		if p.Import {
			o.own = append(o.own, p.Name)
		}
	}
	slices.Sort(o.names)
	return o
}

func (d *offer) choose(profiles []string, image string) (*Selection, error) {
	arch := d.arch
	s := &Selection{File: d.File, Schema: d.Schema, Name: d.Name, Arch: arch, Asked: profiles, Manager: "dnf4"}
	if d.Dir != "." {
		s.Dir = d.Dir
	}
	var err error
	if s.Profiles, err = d.resolve(profiles); err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, name := range s.Profiles {
		set[name] = true
	}
	var types []typeOf
	manager := ""
	for i := range d.preferences {
		p := &d.preferences[i]
		if !matches(p.Arch, arch) || !chosen(p.Profiles, set) {
			continue
		}
		types = append(types, p.Types...)
		s.Version = cmp.Or(s.Version, strings.TrimSpace(p.Version))
		s.Release = cmp.Or(s.Release, strings.TrimSpace(p.Release))
		manager = cmp.Or(manager, strings.TrimSpace(p.Manager))
	}
	s.Manager = cmp.Or(manager, s.Manager)
	if s.Type, err = pick(types, image, arch); err != nil {
		return nil, err
	}
	if s.Version == "" {
		return nil, &Error{File: d.File, Reason: "no preferences of these profiles say the image's version"}
	}
	return s, d.takeRepos(s, set)
}

// pick is the type that was asked for, else the primary one, else the first. A
// type that stands twice is refused by kiwi's own check (check_image_type_unique).
func pick(types []typeOf, image, arch string) (Type, error) {
	var names []string
	var found []typeOf
	for _, t := range types {
		names = append(names, t.Image)
		if t.Image == image {
			found = append(found, t)
		}
	}
	if image == "" && len(types) > 0 {
		found = types[:1]
		if i := slices.IndexFunc(types, func(t typeOf) bool { return t.Primary }); i >= 0 {
			found = types[i : i+1]
		}
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			return Type{}, &Error{Reason: fmt.Sprintf("the type %s stands twice in the chosen profiles", names[i]), Remedy: "Choose fewer profiles."}
		}
	}
	if len(found) == 0 {
		return Type{}, &SelectError{What: "type", Name: image, Arch: arch, Have: names}
	}
	t := found[0]
	return Type{Image: t.Image, Format: t.Format, Filesystem: t.Filesystem, VolID: t.VolID, KernelArgs: t.KernelArgs, Install: t.Install, Derived: t.Derived}, nil
}

// resolve lists the profiles that count, with what they require.
func (d *offer) resolve(asked []string) ([]string, error) {
	if len(asked) == 0 {
		return d.own, nil // kiwi resolves nothing that these require
	}
	var all []string
	seen := map[string]bool{}
	for todo := slices.Clone(asked); len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		p, ok := d.have[name]
		if !ok {
			return nil, &SelectError{What: "profile", Name: name, Arch: d.arch, Have: slices.Compact(slices.Clone(d.names))}
		}
		all = append(all, name)
		var required []string
		for _, r := range p.Requires {
			if matches(r.Arch, d.arch) {
				required = append(required, r.Profile)
			}
		}
		if len(required) > 0 {
			todo = append(required, todo...)
		}
	}
	return all, nil
}

func (d *Description) takeRepos(s *Selection, set map[string]bool) error {
	for i := range d.repos {
		r := &d.repos[i]
		if r.ImageOnly || !matches(r.Arch, s.Arch) || !chosen(r.Profiles, set) {
			continue
		}
		one := Repo{Alias: r.Alias, Source: r.Source.Path}
		if r.Priority != "" {
			n, err := strconv.Atoi(r.Priority)
			if err != nil {
				return &Error{File: d.File, Reason: fmt.Sprintf("the repository %s has the priority %q", r.Alias, r.Priority)}
			}
			one.Priority = n
		}
		s.Repos = append(s.Repos, one)
	}
	return nil
}

// Choices lists the profiles that make something of a type for an architecture
// when they are asked for alone, sorted.
func (d *Description) Choices(image, arch string) []string {
	o := d.of(arch)
	var list []string
	for _, name := range slices.Compact(slices.Clone(o.names)) {
		if s, err := o.choose([]string{name}, image); err == nil && s.Type.Image == image {
			list = append(list, name)
		}
	}
	return list
}

// matches tells whether a section's list of architectures has arch.
func matches(l list, arch string) bool { return len(l) == 0 || slices.Contains(l, arch) }

// chosen tells whether a section's profiles are among those that count.
func chosen(l list, profiles map[string]bool) bool {
	return len(l) == 0 || slices.ContainsFunc(l, func(p string) bool { return profiles[p] })
}
