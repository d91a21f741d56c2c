package compose

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Ships tells whether a package report holds what want names: a package, or a
// package with a version as in Request.Require ("anaconda>=44.12"). It compares
// as rpm does, so a wanted version without a release meets every release. The
// error says what the report holds instead.
func Ships(report []PackageEntry, want string) error {
	dep, err := parseRequire(want)
	if err != nil {
		return err
	}
	instead := "there is no package " + dep.Name
	for i := range report {
		e := &report[i]
		if e.Name != dep.Name {
			continue
		}
		switch {
		case e.Verdict != VerdictIncluded:
			instead = fmt.Sprintf("%s.%s %s is %s", e.Name, e.Arch, e.Requested, e.Verdict)
		case !rpm.Overlaps(rpm.Dependency{Name: e.Name, Flags: rpm.DepEqual, EVR: e.Shipped}, dep):
			instead = fmt.Sprintf("%s.%s is %s", e.Name, e.Arch, e.Shipped)
		default:
			return nil
		}
	}
	return errors.New(instead)
}

// parseRequire reads an entry of Request.Require.
func parseRequire(spec string) (rpm.Dependency, error) {
	i := strings.IndexAny(spec, "<>=")
	if i < 0 {
		return rpm.Dependency{Name: spec}, nil
	}
	evr := strings.TrimLeft(spec[i:], "<>=")
	dep := rpm.Dependency{Name: spec[:i], EVR: evr}
	switch op := spec[i : len(spec)-len(evr)]; op {
	case "=":
		dep.Flags = rpm.DepEqual
	case "<":
		dep.Flags = rpm.DepLess
	case "<=":
		dep.Flags = rpm.DepLess | rpm.DepEqual
	case ">":
		dep.Flags = rpm.DepGreater
	case ">=":
		dep.Flags = rpm.DepGreater | rpm.DepEqual
	default:
		return dep, fmt.Errorf("%q is no comparison: use =, <, <=, > or >=", op)
	}
	if _, err := rpm.ParseEVR(evr); err != nil {
		return dep, fmt.Errorf("parse the version of %s: %w", spec, err)
	}
	return dep, nil
}
