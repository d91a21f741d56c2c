package kickstart

import (
	"maps"
	"slices"
	"strings"
)

// GroupLevel says how much of a package group is wanted.
type GroupLevel int

// The levels of a group line in %packages.
const (
	GroupDefault   GroupLevel = iota // mandatory and default packages
	GroupMandatory                   // --nodefaults
	GroupOptional                    // --optional: everything
)

// Group is a comps group that %packages asks for.
type Group struct {
	Name  string // without the @; may hold blanks
	Level GroupLevel
}

// Packages is what all %packages sections together ask for, after includes
// and exclusions have canceled each other as pykickstart computes it.
type Packages struct {
	Present        bool     // the kickstart has a %packages section
	Environment    string   // without the @^
	Groups         []Group  // in the order of their first line
	ExcludedGroups []string // "-@group", in order
	Packages       []string // names and globs, sorted
	Excluded       []string // "-name", sorted

	// The options of the last %packages header.
	Default         bool   // --default
	ExcludeDocs     bool   // --excludedocs
	IgnoreMissing   bool   // --ignoremissing
	IgnoreBroken    bool   // --ignorebroken
	NoCore          bool   // --nocore
	Multilib        bool   // --multilib
	ExcludeWeakDeps bool   // --exclude-weakdeps
	InstLangs       string // --inst-langs; see HasInstLangs
	HasInstLangs    bool   // --inst-langs was given, maybe empty
	Timeout         int    // --timeout, seconds; 0 when not given
	Retries         int    // --retries; 0 when not given
}

// packageSet does the algebra of %packages lines.
type packageSet struct {
	env            *string
	groups         []Group // with gaps where a group was taken out again
	groupIndex     map[string]int
	excludedGroups []string
	packages       map[string]bool
	excluded       map[string]bool
}

// add reads one line: "name", "glob*", "-name", "@group --optional", "-@group",
// "@^environment" or "-@^environment", with a comment behind it.
func (s *packageSet) add(line string) *argError {
	if s.packages == nil {
		s.packages, s.excluded, s.groupIndex = map[string]bool{}, map[string]bool{}, map[string]int{}
	}
	p, err := packageLine(line)
	if err != nil || p == (PackageLine{}) {
		return err
	}
	switch {
	case p.Kind == PackageEnvironment && !p.Excluded:
		s.env = &p.Name
	case p.Kind == PackageEnvironment && s.env != nil && *s.env == p.Name:
		s.env = nil
	case p.Kind == PackageEnvironment:
		s.excludeGroup("^" + p.Name) // pykickstart takes it for a group then
	case p.Kind == PackageGroup && p.Excluded:
		s.excludeGroup(p.Name)
	case p.Kind == PackageGroup:
		s.addGroup(Group{p.Name, p.Level})
	case p.Excluded:
		delete(s.packages, p.Name)
		s.excluded[p.Name] = true
	default:
		s.packages[p.Name] = true
		delete(s.excluded, p.Name)
	}
	return nil
}

// addGroup asks for a group; the first line that does counts.
func (s *packageSet) addGroup(g Group) {
	if _, ok := s.groupIndex[g.Name]; !ok {
		s.groupIndex[g.Name] = len(s.groups)
		s.groups = append(s.groups, g)
	}
}

// groupLine reads a group line behind its @; the name may hold blanks.
func groupLine(text string) (Group, *argError) {
	specs := []*optionSpec{flagOption("--nodefaults", "nodefaults"), flagOption("--optional", "optional")}
	a, err := parseArgs(specs, strings.FieldsFunc(text, isSpace), nil)
	switch {
	case err != nil:
		return Group{}, err
	case a.has("nodefaults") && a.has("optional"):
		return Group{}, &argError{CodeConflict, -1, "Group cannot specify both --nodefaults and --optional", ""}
	}
	g := Group{Name: strings.Join(a.extra, " ")}
	switch {
	case a.has("nodefaults"):
		g.Level = GroupMandatory
	case a.has("optional"):
		g.Level = GroupOptional
	}
	return g, nil
}

// excludeGroup takes a group out again and remembers that it is not wanted.
func (s *packageSet) excludeGroup(name string) {
	delete(s.groupIndex, name)
	s.excludedGroups = append(s.excludedGroups, name)
}

// Packages computes what the %packages sections ask for. Lines and headers
// that Validate refuses are left out.
func (d *Document) Packages() Packages {
	var p Packages
	var set packageSet
	for sec := range d.Sections("%packages") {
		p.Present = true
		if a, ok := d.readHeader(sec); ok {
			p.options(a)
		}
		for l := range sec.body() {
			_ = set.add(l.Text) // refused lines are Validate's to report
		}
	}
	if p.ExcludedGroups = set.excludedGroups; set.env != nil {
		p.Environment = *set.env
	}
	for i, g := range set.groups {
		if at, ok := set.groupIndex[g.Name]; ok && at == i {
			p.Groups = append(p.Groups, g)
		}
	}
	p.Packages = slices.Sorted(maps.Keys(set.packages))
	p.Excluded = slices.Sorted(maps.Keys(set.excluded))
	return p
}

// options takes over the header of a section; --default and --inst-langs last,
// the others go back when a later header is without them.
func (p *Packages) options(a *Arguments) {
	p.Default = p.Default || a.has("default")
	p.ExcludeDocs = a.has("excludedocs")
	p.IgnoreMissing = a.has("ignoremissing")
	p.IgnoreBroken = a.has("ignorebroken")
	p.NoCore = a.has("nocore")
	p.Multilib = a.has("multilib")
	p.ExcludeWeakDeps = a.has("excludeweakdeps")
	p.Timeout, p.Retries = a.int("timeout"), a.int("retries")
	if a.given("instlangs") {
		p.InstLangs, p.HasInstLangs = a.text("instlangs"), true
	}
}
