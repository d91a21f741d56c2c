package rpm

import (
	"iter"
	"strconv"
)

// DepKind is a kind of dependency.
type DepKind int

// Kinds of dependencies. The Old ones are the weak dependencies of SUSE before
// rpm 4.12 (tags 1156 to 1161): with DepStrong set an OldSuggests is a
// recommendation and an OldEnhances a supplement.
const (
	Requires DepKind = iota
	Provides
	Conflicts
	Obsoletes
	Recommends
	Suggests
	Supplements
	Enhances
	OldSuggests
	OldEnhances
	Order // OrderWithRequires
	Triggers
	FileTriggers
	TransFileTriggers

	depKinds // how many there are
)

// DepKinds yields all kinds.
func DepKinds() iter.Seq[DepKind] {
	return func(yield func(DepKind) bool) {
		for k := range depKinds {
			if !yield(k) {
				return
			}
		}
	}
}

// String returns the word of rpm --qf in lower case, such as "requires".
func (k DepKind) String() string {
	if k < 0 || k >= depKinds {
		return "kind " + strconv.Itoa(int(k))
	}
	return [...]string{
		"requires", "provides", "conflicts", "obsoletes", "recommends", "suggests", "supplements", "enhances",
		"oldsuggests", "oldenhances", "order", "triggers", "filetriggers", "transfiletriggers",
	}[k]
}

// tags are those of the names, which every list has, the flags and the versions.
func (k DepKind) tags() (name, flags, version Tag) {
	t := [...][3]Tag{
		{TagRequireName, TagRequireFlags, TagRequireVersion},
		{TagProvideName, TagProvideFlags, TagProvideVersion},
		{TagConflictName, TagConflictFlags, TagConflictVersion},
		{TagObsoleteName, TagObsoleteFlags, TagObsoleteVersion},
		{TagRecommendName, TagRecommendFlags, TagRecommendVersion},
		{TagSuggestName, TagSuggestFlags, TagSuggestVersion},
		{TagSupplementName, TagSupplementFlags, TagSupplementVersion},
		{TagEnhanceName, TagEnhanceFlags, TagEnhanceVersion},
		{TagOldSuggestsName, TagOldSuggestsFlags, TagOldSuggestsVer},
		{TagOldEnhancesName, TagOldEnhancesFlags, TagOldEnhancesVer},
		{TagOrderName, TagOrderFlags, TagOrderVersion},
		{TagTriggerName, TagTriggerFlags, TagTriggerVersion},
		{TagFileTriggerName, TagFileTriggerFlags, TagFileTriggerVersion},
		{TagTransFileTriggerName, TagTransFileTriggerFlags, TagTransFileTriggerVersion},
	}[k]
	return t[0], t[1], t[2]
}

// DepFlags is the sense of a dependency: comparison bits and the kind of its use.
type DepFlags uint32

// Bits of DepFlags (rpm's lib/rpmds.h, enum rpmsenseFlags_e).
const (
	DepLess          DepFlags = 1 << 1
	DepGreater       DepFlags = 1 << 2
	DepEqual         DepFlags = 1 << 3
	DepPosttrans     DepFlags = 1 << 5
	DepPrereq        DepFlags = 1 << 6
	DepPretrans      DepFlags = 1 << 7
	DepInterp        DepFlags = 1 << 8
	DepScriptPre     DepFlags = 1 << 9
	DepScriptPost    DepFlags = 1 << 10
	DepScriptPreun   DepFlags = 1 << 11
	DepScriptPostun  DepFlags = 1 << 12
	DepScriptVerify  DepFlags = 1 << 13
	DepFindRequires  DepFlags = 1 << 14
	DepFindProvides  DepFlags = 1 << 15
	DepTriggerIn     DepFlags = 1 << 16
	DepTriggerUn     DepFlags = 1 << 17
	DepTriggerPostun DepFlags = 1 << 18
	DepMissingOK     DepFlags = 1 << 19
	DepRpmlib        DepFlags = 1 << 24
	DepTriggerPrein  DepFlags = 1 << 25
	DepKeyring       DepFlags = 1 << 26
	DepStrong        DepFlags = 1 << 27 // SUSE, legacy
	DepConfig        DepFlags = 1 << 28
)

// depSense are the bits of comparison.
const depSense = DepLess | DepGreater | DepEqual

// Dependency is one entry of a dependency list.
type Dependency struct {
	Name  string   // capability, path, or a rich dependency "(a or b)" verbatim
	Flags DepFlags // raw bits; 0 when the header carries none
	EVR   string   // raw "[epoch:]version[-release]", "" when unversioned
}

// Dependencies yields the dependencies of one kind in header order, nothing
// filtered. A binary package of format 3 is given the provide of its own name,
// as rpm gives it on reading. Each pass reads them out of the header again.
func (p *Package) Dependencies(kind DepKind) iter.Seq[Dependency] {
	return func(yield func(Dependency) bool) {
		if kind < 0 || kind >= depKinds {
			return
		}
		h := p.Header
		name, flags, version := kind.tags()
		e := h.find(name)
		names, versions, bits := h.texts(e), h.texts(h.find(version)), h.ints(h.find(flags))
		own, missing := p.ownProvide(kind)
		for i := range e.Count {
			d := Dependency{Name: names.next(), Flags: DepFlags(bits.at(i)), EVR: versions.next()}
			missing = missing && (d.Name != own.Name || d.EVR != own.EVR || d.Flags&depSense != own.Flags)
			if !yield(d) {
				return
			}
		}
		if missing {
			yield(own)
		}
	}
}

// ownProvide is what rpm adds on reading a header without an immutable region:
// such packages provide their own name without saying so (legacyRetrofit in
// rpm's lib/headerutil.cc).
func (p *Package) ownProvide(kind DepKind) (d Dependency, wanted bool) {
	if kind != Provides || p.Source || p.Header.region != 0 {
		return d, false
	}
	d = Dependency{Name: p.Name, Flags: DepEqual, EVR: p.EVR.Version + "-" + p.EVR.Release}
	if p.EVR.HasEpoch {
		d.EVR = strconv.FormatUint(uint64(p.EVR.Epoch), 10) + ":" + d.EVR
	}
	return d, true
}

// Changelog is one entry of %changelog.
type Changelog struct {
	Time   int64  // seconds since 1970
	Author string // "Name <mail> - version", as written
	Text   string
}

// Changelogs yields the entries in header order: newest first in practice, not
// promised. Each pass reads them out of the header again.
func (p *Package) Changelogs() iter.Seq[Changelog] {
	return func(yield func(Changelog) bool) {
		h := p.Header
		e := h.find(TagChangelogName)
		authors, texts, times := h.texts(e), h.texts(h.find(TagChangelogText)), h.ints(h.find(TagChangelogTime))
		for i := range e.Count {
			if !yield(Changelog{Time: int64(times.at(i)), Author: authors.next(), Text: texts.next()}) {
				return
			}
		}
	}
}
