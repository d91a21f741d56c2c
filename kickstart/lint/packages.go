package lint

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/kickstart"
)

func (l *linter) ignoreMissing() {
	for s := range l.doc.Sections("%packages") {
		if slices.ContainsFunc(s.Args, func(w kickstart.Word) bool { return w.Text == "--ignoremissing" }) {
			l.add(Error, s.Pos(), "%packages --ignoremissing hides packages that do not exist", "remove --ignoremissing and the packages that are gone")
		}
	}
}

func (l *linter) kernel() {
	if l.opts.Target == TargetInstall {
		return // anaconda adds one
	}
	kernels := []string{"kernel", "kernel-core"}
	for line := range l.doc.PackageLines() {
		if line.Excluded && line.Kind == kickstart.PackageName && line.Name == "kernel" && slices.Contains(l.packages.Excluded, "kernel") {
			l.add(Error, line.Pos, "the kernel is excluded", "remove the line")
			return
		}
	}
	for _, p := range l.packages.Packages {
		for _, k := range kernels {
			if ok, err := path.Match(p, k); p == k || ok && err == nil {
				return
			}
		}
	}
	sev := Error
	if l.opts.Target == TargetDisk {
		sev = Warning // anaconda adds one where it installs a boot loader
	}
	l.add(sev, kickstart.Position{}, "no kernel is asked for", "add kernel to %packages")
}

// effective yields the lines of %packages that are not taken back by a later
// one.
func (l *linter) effective(kind kickstart.PackageKind, excluded bool) []kickstart.PackageLine {
	var out []kickstart.PackageLine
	for line := range l.doc.PackageLines() {
		if line.Kind != kind || line.Excluded != excluded {
			continue
		}
		same := func(o kickstart.PackageLine) bool { return o.Name == line.Name }
		stands := true
		switch {
		case kind == kickstart.PackageName && !excluded:
			stands = slices.Contains(l.packages.Packages, line.Name)
		case kind == kickstart.PackageGroup && !excluded:
			stands = slices.ContainsFunc(l.packages.Groups, func(g kickstart.Group) bool { return g.Name == line.Name })
		case kind == kickstart.PackageEnvironment:
			stands = l.packages.Environment == line.Name
		}
		if stands && !slices.ContainsFunc(out, same) {
			out = append(out, line)
		}
	}
	return out
}

func (l *linter) unknownPackage() {
	sev := Error
	if l.packages.IgnoreMissing {
		sev = Warning
	}
	for _, line := range l.effective(kickstart.PackageName, false) {
		if found, near := l.opts.Universe.HasPackage(line.Name); !found {
			what := "there is no package " + quote(line.Name)
			if line.Glob() {
				what = "no package matches " + quote(line.Name)
			}
			l.add(sev, line.Pos, what, meant(near, "remove the line, or find out what replaced it"))
		}
	}
	for _, line := range l.effective(kickstart.PackageName, true) {
		if found, near := l.opts.Universe.HasPackage(line.Name); !found {
			l.add(Note, line.Pos, "there is no package "+quote(line.Name)+" to exclude", meant(near, "remove the line"))
		}
	}
}

func (l *linter) unknownGroup() {
	sev := Error
	if l.packages.IgnoreMissing {
		sev = Warning
	}
	for _, k := range []struct {
		kind     kickstart.PackageKind
		excluded bool
		what     string
		sev      Severity
		has      func(string) (bool, string)
	}{
		{kickstart.PackageGroup, false, "group", sev, l.opts.Universe.HasGroup},
		{kickstart.PackageEnvironment, false, "environment", sev, l.opts.Universe.HasEnvironment},
		{kickstart.PackageGroup, true, "group to exclude", Note, l.opts.Universe.HasGroup},
	} {
		for _, line := range l.effective(k.kind, k.excluded) {
			if found, near := k.has(line.Name); !found {
				l.add(k.sev, line.Pos, "there is no "+k.what+" "+quote(line.Name), meant(near, "remove the line, or use an id of comps"))
			}
		}
	}
}

func (l *linter) unknownService(ctx context.Context) error {
	s, _ := l.doc.Services()
	for _, name := range s.Enabled {
		owners, known, err := l.opts.Universe.UnitOwners(ctx, unit(name))
		if err != nil {
			return err //nolint:wrapcheck // Run says which kickstart
		}
		installed := func(p string) bool {
			_, found := slices.BinarySearch(l.report.Forecast.Packages, p)
			return found
		}
		switch {
		case !known:
		case len(owners) == 0:
			l.add(Warning, s.Pos, "no package brings the unit "+quote(unit(name)), "check its name, or add the package to the repositories")
		case l.report.Forecast != nil && !slices.ContainsFunc(owners, installed):
			l.add(Warning, s.Pos, "the unit "+quote(unit(name))+" comes with "+strings.Join(owners, ", ")+", which is not expected to be installed", "add it to %packages")
		}
	}
	return nil
}

// meant is the remedy for a name that was perhaps mistyped.
func meant(near, otherwise string) string {
	if near != "" {
		return "did you mean " + strings.TrimSpace(near) + "?"
	}
	return otherwise
}
