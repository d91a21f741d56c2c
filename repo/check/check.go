package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/repo/index"
)

// Repo is one repository to look at.
type Repo struct {
	Name  string
	Index *index.Index
	// Paths answers for files that primary.xml does not name. It is called when
	// one is asked for, at most once. nil: there are no such answers.
	Paths func(context.Context) (*index.Paths, error)
	// Hidden leaves packages out, such as those of module streams that are not
	// enabled. nil: none.
	Hidden func(index.Package) bool
}

// Options change what Run looks at. The zero value works.
type Options struct {
	// Arch looks at one architecture and those it can run beside, such as i686
	// and noarch for x86_64. Default: those of the side repo's packages, each with
	// its own.
	Arch string
	// Source looks at source packages too: their requirements are what they need
	// to be built.
	Source bool
	// MaxMisses is how many near misses a problem names; default 3, negative none.
	MaxMisses int
	// Progress is told how many of the side repo's packages were looked at.
	Progress func(done, total int)
}

// Severity says how bad a problem is.
type Severity string

// The severities, worst first.
const (
	Error   Severity = "error"   // the package cannot be installed, or is not the one that is taken
	Warning Severity = "warning" // other packages suffer, or it depends on what else is installed
	Note    Severity = "note"    // good to know
)

func (s Severity) rank() int { return slices.Index([]Severity{Error, Warning, Note}, s) }

// Code names the kind of a problem, for programs.
type Code string

// The kinds of problems.
const (
	NothingProvides  Code = "nothing-provides"  // a requirement that no package meets
	NeededIf         Code = "needed-if"         // a requirement under a condition that can be met while it cannot
	ProviderReplaced Code = "provider-replaced" // only a package meets it that the side repo replaces
	NotInstallable   Code = "not-installable"   // every package that meets it conflicts
	BadDependency    Code = "bad-dependency"    // a rich dependency that cannot be parsed
	Conflict         Code = "conflict"          // two packages of the side repo conflict
	ConflictsBase    Code = "conflicts-base"    // a package of the side repo and another conflict
	Obsoleted        Code = "obsoleted"         // another package obsoletes one of the side repo
	SameNEVRA        Code = "same-nevra"        // other content under the same name and version
	Loses            Code = "loses"             // another repository has a newer version
	Breaks           Code = "breaks"            // a package of another repository loses what it requires
	NoFileLists      Code = "no-file-lists"     // paths were asked for and could not be looked up
)

// Problem is one thing that is wrong.
type Problem struct {
	Severity    Severity `json:"severity"`
	Code        Code     `json:"code"`
	Package     string   `json:"package"`               // NEVRA
	Repo        string   `json:"repo"`                  // where Package is
	Requirement string   `json:"requirement,omitempty"` // dependency concerned
	Other       string   `json:"other,omitempty"`       // NEVRA of the other package
	OtherRepo   string   `json:"other_repo,omitempty"`
	Text        string   `json:"text"`             // one sentence
	Misses      []string `json:"misses,omitempty"` // what comes near, one sentence each
}

// Report is what Run found.
type Report struct {
	Packages     int       `json:"packages"`     // of the side repo that were looked at
	Requirements int       `json:"requirements"` // different ones
	Problems     []Problem `json:"problems"`     // worst first
	// Omitted is how many problems are left out, because pairs of packages have
	// more than 10,000 of their kind.
	Omitted int `json:"omitted,omitempty"`
}

// Count returns how many problems are at least as bad as s.
func (r *Report) Count(s Severity) int {
	n := 0
	for i := range r.Problems {
		if r.Problems[i].Severity.rank() <= s.rank() {
			n++
		}
	}
	return n
}

// Run checks the side repo against the others. The error is that of the
// context or ErrTooComplex; what is wrong with packages is in the report. Names
// and sentences of more than 4 KiB are cut.
func Run(ctx context.Context, side Repo, base []Repo, opts Options) (*Report, error) {
	if opts.MaxMisses == 0 {
		opts.MaxMisses = 3
	}
	report, pairs := &Report{}, map[Code]int{}
	for _, family := range families(side, opts) {
		u := newUniverse(ctx, family, side, base)
		c := &checker{universe: u, opts: opts, report: report, byVerdict: map[*verdict]*miss{}, pairs: pairs}
		if err := c.run(); err != nil {
			return nil, fmt.Errorf("check repository: %w", err)
		}
	}
	slices.SortStableFunc(report.Problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Severity.rank(), b.Severity.rank()), strings.Compare(a.Package, b.Package),
			strings.Compare(string(a.Code), string(b.Code)), strings.Compare(a.Text, b.Text),
		)
	})
	report.Problems = slices.CompactFunc(report.Problems, func(a, b Problem) bool {
		return a.Code == b.Code && a.Text == b.Text && a.Repo == b.Repo // noarch packages are in every family
	})
	return report, nil
}

// checker is one run for one family of architectures.
type checker struct {
	*universe
	opts      Options
	report    *Report
	missed    []*miss
	byVerdict map[*verdict]*miss
	pairs     map[Code]int // problems between two packages
}

func (c *checker) run() error {
	var mine []ref
	for _, p := range c.repos[0].visible(c.opts.Source) {
		mine = append(mine, ref{0, p})
	}
	c.report.Packages += len(mine)
	for i, p := range mine {
		if !c.spend(1) {
			return c.err
		}
		c.checkRequires(p)
		c.checkConflicts(p)
		c.checkTwins(p)
		if c.opts.Progress != nil {
			c.opts.Progress(i+1, len(mine))
		}
	}
	if err := c.settle(); err != nil {
		return err
	}
	c.report.Requirements += len(c.memo)
	for i := range c.repos[1:] {
		c.checkBase(i + 1)
		if c.err != nil {
			return c.err
		}
	}
	for _, v := range c.repos {
		if v.failed != nil {
			c.add(Problem{
				Severity: Warning, Code: NoFileLists, Repo: v.Name,
				Text: fmt.Sprintf("the file lists of %s cannot be read, so paths were not looked up in them: %v", v.Name, v.failed),
			})
		}
	}
	return c.err
}
