package proof

import (
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// RequireError says that an image does not ship what is required.
type RequireError struct {
	Spec    string // as required
	Instead string // a clause: what the image has
}

func (e *RequireError) Error() string {
	return fmt.Sprintf("the image does not ship %s: %s", e.Spec, e.Instead)
}

// Require tells whether the image ships what spec names: a package ("bash"), a
// package with a version ("anaconda>=44.12", compared as rpm does, so that one
// without a release meets every release), an NVR or a NEVRA. The error is a
// *RequireError, or says that spec is none of these.
func (c *Contents) Require(spec string) error {
	if i := strings.IndexAny(spec, "<>="); i > 0 {
		return c.requireVersion(spec, i)
	}
	if len(c.named(spec)) > 0 {
		return nil
	}
	var names []string
	if n, err := rpm.ParseNEVRA(spec); err == nil {
		names = append(names, n.Name)
		if c.hasExactly(n.Name, n.EVR, n.Arch) {
			return nil
		}
	}
	if n, err := rpm.ParseNVR(spec); err == nil {
		names = append(names, n.Name)
		if evr, err := rpm.ParseEVR(n.Version + "-" + n.Release); err == nil && c.hasExactly(n.Name, evr, "") {
			return nil
		}
		// A build is met by any of its packages.
		if c.hasBuild(spec) {
			return nil
		}
	}
	for _, name := range names {
		if list := c.named(name); len(list) > 0 {
			return &RequireError{spec, "it has " + list[len(list)-1].String()}
		}
	}
	return &RequireError{spec, "there is no such package"}
}

// hasExactly looks for a version, whatever the epoch when evr names none.
func (c *Contents) hasExactly(name string, evr rpm.EVR, arch string) bool {
	for _, f := range c.named(name) {
		have := f.EVR
		if !evr.HasEpoch {
			have.Epoch, have.HasEpoch = 0, false
		}
		if have.Compare(evr) == 0 && (arch == "" || arch == f.Arch) {
			return true
		}
	}
	return false
}

// hasBuild looks for a package that was built from the source package nvr.
func (c *Contents) hasBuild(nvr string) bool {
	for i := range c.Systems {
		for k := range c.Systems[i].Packages {
			if src := c.Systems[i].Packages[k].SourceRPM; src == nvr+".src.rpm" || src == nvr+".nosrc.rpm" {
				return true
			}
		}
	}
	return false
}

func (c *Contents) requireVersion(spec string, i int) error {
	evr := strings.TrimLeft(spec[i:], "<>=")
	op := spec[i : len(spec)-len(evr)]
	flags, ok := map[string]rpm.DepFlags{
		"=": rpm.DepEqual, "<": rpm.DepLess, "<=": rpm.DepLess | rpm.DepEqual, ">": rpm.DepGreater, ">=": rpm.DepGreater | rpm.DepEqual,
	}[op]
	if !ok {
		return fmt.Errorf("read %q: %q is no comparison, use =, <, <=, > or >=", spec, op)
	}
	if _, err := rpm.ParseEVR(evr); err != nil {
		return fmt.Errorf("read %q: %w", spec, err)
	}
	want := rpm.Dependency{Name: spec[:i], Flags: flags, EVR: evr}
	instead := "there is no package " + want.Name
	for _, f := range c.named(want.Name) {
		if rpm.Overlaps(rpm.Dependency{Name: f.Name, Flags: rpm.DepEqual, EVR: f.EVR.String()}, want) {
			return nil
		}
		instead = "it has " + f.String()
	}
	return &RequireError{spec, instead}
}
