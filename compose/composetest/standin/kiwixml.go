package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// kiwiImage is a description as kiwi sees it after its includes were taken in.
type kiwiImage struct {
	Schema      string            `xml:"schemaversion,attr"`
	Name        string            `xml:"name,attr"`
	Includes    []kiwiInclude     `xml:"include"`
	Profiles    []kiwiProfiles    `xml:"profiles"`
	Preferences []kiwiPreferences `xml:"preferences"`
	Repos       []kiwiRepository  `xml:"repository"`
	Packages    []kiwiPackages    `xml:"packages"`
}

type kiwiInclude struct {
	From string `xml:"from,attr"`
}

type kiwiProfiles struct {
	Profile []struct {
		Name     string `xml:"name,attr"`
		Arch     string `xml:"arch,attr"`
		Import   bool   `xml:"import,attr"`
		Requires []struct {
			Profile string `xml:"profile,attr"`
		} `xml:"requires"`
	} `xml:"profile"`
}

type kiwiPreferences struct {
	kiwiSection
	Version string     `xml:"version"`
	Release string     `xml:"release-version"`
	Manager string     `xml:"packagemanager"`
	Types   []kiwiType `xml:"type"`
}

type kiwiSection struct {
	ForProfiles string `xml:"profiles,attr"`
	Arch        string `xml:"arch,attr"`
}

type kiwiType struct {
	Image      string `xml:"image,attr"`
	Primary    bool   `xml:"primary,attr"`
	Flags      string `xml:"flags,attr"`
	VolID      string `xml:"volid,attr"`
	Args       string `xml:"kernelcmdline,attr"`
	Format     string `xml:"format,attr"`
	MediaCheck bool   `xml:"mediacheck,attr"`
}

type kiwiRepository struct {
	kiwiSection
	Alias      string `xml:"alias,attr"`
	Priority   string `xml:"priority,attr"`
	SourceType string `xml:"sourcetype,attr"`
	ImageOnly  bool   `xml:"imageonly,attr"`
	Source     struct {
		Path string `xml:"path,attr"`
	} `xml:"source"`
}

type kiwiPackages struct {
	kiwiSection
	Type    string `xml:"type,attr"`
	Package []struct {
		Name string `xml:"name,attr"`
		Arch string `xml:"arch,attr"`
	} `xml:"package"`
}

// kiwiState is a description for chosen profiles, a type and an architecture.
type kiwiState struct {
	kiwiImage
	arch     string
	profiles []string
	build    *kiwiType
	version  string
	release  string
	manager  string
}

// kiwiLoad finds and reads the description as load_xml_description does; the
// error's text begins with the name of kiwi's exception.
func kiwiLoad(dir, file string) (*kiwiImage, error) {
	path := filepath.Join(dir, file)
	if file == "" {
		path = filepath.Join(dir, "config.xml")
		if !exists(path) {
			path = filepath.Join(dir, "image", "config.xml")
		}
		if found, _ := filepath.Glob(filepath.Join(dir, "*.kiwi")); !exists(path) && len(found) > 0 {
			slices.Sort(found)
			path = found[0]
		}
	}
	if !exists(path) {
		return nil, fmt.Errorf("KiwiConfigFileNotFound: no XML description found in %s", dir)
	}
	image := &kiwiImage{}
	if err := kiwiRead(path, image); err != nil {
		return nil, err
	}
	includes := image.Includes
	for _, in := range includes {
		from := filepath.Join(filepath.Dir(path), strings.TrimPrefix(in.From, "this://"))
		if !exists(from) {
			return nil, fmt.Errorf("KiwiIncludFileNotFoundError: include reference '%s' does not exist", from)
		}
		more := &kiwiImage{}
		if err := kiwiRead(from, more); err != nil {
			return nil, err
		}
		if len(more.Includes) > 0 {
			return nil, fmt.Errorf("KiwiRuntimeError: the include of %s was not resolved", more.Includes[0].From)
		}
		image.Profiles, image.Preferences = append(image.Profiles, more.Profiles...), append(image.Preferences, more.Preferences...)
		image.Repos, image.Packages = append(image.Repos, more.Repos...), append(image.Packages, more.Packages...)
	}
	return image, nil
}

func kiwiRead(path string, image *kiwiImage) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("KiwiValidationError: %w", err)
	}
	if err := xml.Unmarshal(data, image); err != nil {
		return fmt.Errorf("KiwiConfigFileFormatNotSupported: Configuration file could not be parsed: %w", err)
	}
	return nil
}

func kiwiListed(list, word string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), word)
}

// kiwiSelect is the constructor of XMLState.
func (m *kiwiImage) kiwiSelect(asked []string, image, arch string) (*kiwiState, error) {
	x := &kiwiState{kiwiImage: *m, arch: arch, manager: "dnf4"}
	if len(asked) == 0 {
		for _, list := range m.Profiles {
			for _, p := range list.Profile {
				if p.Import && kiwiListed(p.Arch, arch) {
					x.profiles = append(x.profiles, p.Name)
				}
			}
		}
	}
	for _, name := range asked {
		if err := x.require(name); err != nil {
			return nil, err
		}
	}
	var types []kiwiType
	for _, p := range m.Preferences {
		if !x.counts(p.kiwiSection) {
			continue
		}
		types = append(types, p.Types...)
		for to, from := range map[*string]string{&x.version: p.Version, &x.release: p.Release} {
			if *to == "" {
				*to = strings.TrimSpace(from)
			}
		}
		if p.Manager != "" {
			x.manager = strings.TrimSpace(p.Manager)
		}
	}
	seen := map[string]bool{}
	for i := range types {
		t := &types[i]
		if t.Image == image || image == "" && (x.build == nil || t.Primary) {
			if x.build == nil || image == "" {
				x.build = t
			}
		}
		if seen[t.Image] {
			return nil, fmt.Errorf("KiwiRuntimeError: Conflicting image type setup detected: the selected image type '%s' is not unique", t.Image)
		}
		seen[t.Image] = true
	}
	switch {
	case x.build != nil:
	case image != "":
		return nil, fmt.Errorf("KiwiTypeNotFound: Build type '%s' not found for applied profiles: %q", image, x.profiles)
	default:
		return nil, fmt.Errorf("KiwiTypeNotFound: No build type defined with applied profiles: %q", x.profiles)
	}
	return x, nil
}

func (x *kiwiState) require(name string) error {
	if slices.Contains(x.profiles, name) {
		return nil
	}
	for _, list := range x.Profiles {
		for _, p := range list.Profile {
			if p.Name != name || !kiwiListed(p.Arch, x.arch) {
				continue
			}
			x.profiles = append(x.profiles, name)
			for _, r := range p.Requires {
				if err := x.require(r.Profile); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return fmt.Errorf("KiwiProfileNotFound: profile %s not found for host arch %s", name, x.arch)
}

// counts tells whether a section is of the chosen profiles and the architecture.
func (x *kiwiState) counts(s kiwiSection) bool {
	return kiwiListed(s.Arch, x.arch) && (s.ForProfiles == "" || slices.ContainsFunc(strings.Split(s.ForProfiles, ","), func(p string) bool { return slices.Contains(x.profiles, p) }))
}

// names are the packages of the sections of some types.
func (x *kiwiState) names(types ...string) []string {
	var list []string
	for _, p := range x.Packages {
		if !x.counts(p.kiwiSection) || !slices.Contains(types, p.Type) {
			continue
		}
		for _, one := range p.Package {
			if kiwiListed(one.Arch, x.arch) {
				list = append(list, one.Name)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// set is --set-type-attr.
func (x *kiwiState) set(attribute, value string) bool {
	switch attribute {
	case "volid":
		x.build.VolID = value
	case "kernelcmdline":
		x.build.Args = value
	case "mediacheck":
		x.build.MediaCheck, _ = strconv.ParseBool(value)
	default:
		return false
	}
	return true
}
