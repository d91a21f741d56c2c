package kickstart

import (
	"iter"
	"strings"
)

// PackageKind says what a line of %packages names.
type PackageKind int

// The kinds of a line in %packages.
const (
	PackageName        PackageKind = iota // a package, or a glob
	PackageGroup                          // @group
	PackageEnvironment                    // @^environment
)

// PackageLine is one line of a %packages section, for those who want to know
// where something is asked for; Packages says what all lines come to.
type PackageLine struct {
	Name     string // without @, @^ and dash
	Kind     PackageKind
	Excluded bool       // the line starts with a dash
	Level    GroupLevel // of a group
	Pos      Position
}

// Glob tells whether the name of a package holds wildcards.
func (l PackageLine) Glob() bool { return l.Kind == PackageName && strings.ContainsAny(l.Name, "*?[") }

// PackageLines yields the lines of all %packages sections in order, those of
// included files too, without blank lines and comments. Lines that Validate
// refuses are left out.
func (d *Document) PackageLines() iter.Seq[PackageLine] {
	return func(yield func(PackageLine) bool) {
		for sec := range d.Sections("%packages") {
			for l := range sec.body() {
				p, err := packageLine(l.Text)
				p.Pos = l.pos
				if err == nil && p.Name != "" && !yield(p) {
					return
				}
			}
		}
	}
}

// packageLine reads one line of %packages; blank ones and comments give the
// zero value.
func packageLine(line string) (PackageLine, *argError) {
	if blankOrComment(line) != 1 {
		return PackageLine{}, nil
	}
	text, _, _ := strings.Cut(line, "#")
	text = trim(text)
	if text == "-" {
		return PackageLine{}, &argError{CodeBadValue, -1, "a package exclusion without a name", "remove the line"}
	}
	bare, excluded := strings.CutPrefix(text, "-")
	switch {
	case strings.HasPrefix(bare, "@^"):
		return PackageLine{Name: bare[2:], Kind: PackageEnvironment, Excluded: excluded}, nil
	case strings.HasPrefix(bare, "@") && excluded:
		return PackageLine{Name: bare[1:], Kind: PackageGroup, Excluded: true}, nil
	case strings.HasPrefix(bare, "@"):
		g, err := groupLine(bare[1:])
		return PackageLine{Name: g.Name, Kind: PackageGroup, Level: g.Level}, err
	default:
		return PackageLine{Name: bare, Excluded: excluded}, nil
	}
}
