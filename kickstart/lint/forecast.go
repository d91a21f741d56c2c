package lint

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/kickstart"
)

// defaultRatio is Options.ImageRatio where it is 0.
const defaultRatio = 0.4

// The sizes of media that the checklist names.
const (
	cdBytes  = 700 << 20
	dvdBytes = 43 << 30 / 10
)

// maxMissing bounds the findings of one rule about dependencies.
const maxMissing = 50

// forecast asks the universe what the packages come to.
func (l *linter) forecast(ctx context.Context) error {
	if l.opts.Universe == nil || !l.packages.Present {
		return nil
	}
	f, err := l.opts.Universe.Forecast(ctx, l.packages)
	if err != nil {
		return err //nolint:wrapcheck // Run says which kickstart
	}
	l.report.Forecast = &f
	if l.opts.Target == TargetLive {
		l.report.ImageBytes = int64(float64(f.Installed) * l.opts.ImageRatio)
	}
	return nil
}

func (l *linter) dependencies() {
	f := l.report.Forecast
	if f == nil {
		return
	}
	for i, m := range f.Missing {
		if i == maxMissing {
			l.add(Error, kickstart.Position{}, fmt.Sprintf("and %d more requirements that nothing meets", len(f.Missing)-i), "see to the first ones; the others often follow from them")
			break
		}
		if m.Excluded == "" {
			l.add(Error, kickstart.Position{}, fmt.Sprintf("nothing provides %s needed by %s", m.Requirement, m.By), "add a repository that has it, or leave the package out")
			continue
		}
		l.add(Error, l.whereExcluded(m.Excluded), fmt.Sprintf("%s is excluded, but %s requires %s", m.Excluded, m.By, m.Requirement),
			"remove the exclusion, or leave out what needs it")
	}
}

// whereExcluded is the line that keeps a package out.
func (l *linter) whereExcluded(name string) kickstart.Position {
	for line := range l.doc.PackageLines() {
		if line.Excluded && line.Kind == kickstart.PackageName && line.Name == name {
			return line.Pos
		}
	}
	for line := range l.doc.PackageLines() {
		if line.Excluded && line.Glob() {
			return line.Pos
		}
	}
	return kickstart.Position{}
}

func (l *linter) imageSize() {
	size := l.report.ImageBytes
	if size == 0 {
		return
	}
	installed := l.report.Forecast.Installed
	says := func(limit string) string {
		return fmt.Sprintf("about %s are expected of the image (%s installed), more than %s", bytesText(size), bytesText(installed), limit)
	}
	const remedy = "leave packages out; respin kickstart show lists what is asked for"
	switch {
	case l.opts.MaxImage > 0 && size > l.opts.MaxImage:
		l.add(Error, kickstart.Position{}, says("the limit of "+bytesText(l.opts.MaxImage)), remedy)
	case l.opts.MaxImage > 0:
	case size > dvdBytes:
		l.add(Warning, kickstart.Position{}, says("a DVD holds (4.3 GiB)"), remedy)
	case size > cdBytes:
		l.add(Note, kickstart.Position{}, says("a CD holds (700 MiB)"), remedy)
	}
}

// partitionSize judges the root partition of a live image by itself.
func (l *linter) partitionSize() {
	if l.opts.Target != TargetLive {
		return
	}
	root, ok := l.root()
	if !ok || root.Size == 4096 || root.Size == 8192 {
		return
	}
	sev := Warning
	if l.motivated(root.Pos) {
		sev = Note
	}
	l.add(sev, root.Pos, fmt.Sprintf("the root partition has %d MiB, not 4096 or 8192", root.Size), "say why in a comment at the line")
}

// root is the root partition that counts.
func (l *linter) root() (kickstart.Partition, bool) {
	parts := l.doc.Partitions()
	for _, p := range slices.Backward(parts) {
		if p.Mountpoint == "/" {
			return p, true
		}
	}
	return kickstart.Partition{}, false
}

// motivated tells whether a comment stands at the command or above it.
func (l *linter) motivated(pos kickstart.Position) bool {
	above := false
	for n := range l.doc.Walk() {
		if n.Pos() == pos {
			return above || strings.Contains(n.Source(), "#")
		}
		_, above = n.(*kickstart.Comment)
	}
	return false
}

// rootTooSmall leaves room for what a file system needs itself and for what
// scripts, the RPM database and the initramfs add.
func (l *linter) rootTooSmall() {
	root, ok := l.root()
	if !ok || root.Grow || root.Recommended || root.Size == 0 || l.report.Forecast == nil {
		return
	}
	need := l.report.Forecast.Installed/100*115 + 256<<20
	if have := int64(root.Size) << 20; have < need {
		l.add(Error, root.Pos, fmt.Sprintf("the root partition has %d MiB, and the packages are expected to need about %d", root.Size, need>>20),
			fmt.Sprintf("write --size=%d, or leave packages out", (need>>20)/1024*1024+1024))
	}
}

// bytesText is a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	default:
		return fmt.Sprintf("%d MiB", n>>20)
	}
}
