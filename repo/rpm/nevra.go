package rpm

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// EVR is epoch, version and release. An absent epoch counts as 0; HasEpoch
// only records whether a header or a text had one, so compare with Compare,
// not with ==.
type EVR struct {
	Epoch    uint32
	HasEpoch bool
	Version  string
	Release  string
}

// Compare orders two EVRs: -1 when e is older, 0 when equal, 1 when newer.
func (e EVR) Compare(o EVR) int {
	return cmp.Or(cmp.Compare(e.Epoch, o.Epoch), Vercmp(e.Version, o.Version), Vercmp(e.Release, o.Release))
}

// String returns "[epoch:]version[-release]"; the epoch 0 is left out.
func (e EVR) String() string {
	s := e.Version
	if e.Epoch != 0 {
		s = strconv.FormatUint(uint64(e.Epoch), 10) + ":" + s
	}
	if e.Release != "" {
		s += "-" + e.Release
	}
	return s
}

// NEVRA is name, EVR and arch: what makes a package unique in a repository.
type NEVRA struct {
	Name string
	EVR  EVR
	Arch string
}

// String returns "name-[epoch:]version-release.arch"; the epoch 0 is left out.
func (n NEVRA) String() string { return n.Name + "-" + n.EVR.String() + "." + n.Arch }

// NVR drops epoch and arch.
func (n NEVRA) NVR() NVR { return NVR{Name: n.Name, Version: n.EVR.Version, Release: n.EVR.Release} }

// FileName returns "name-version-release.arch.rpm", as rpmbuild and Koji name it.
func (n NEVRA) FileName() string { return n.NVR().String() + "." + n.Arch + ".rpm" }

// NVR is name, version and release: what makes a Koji build unique.
type NVR struct {
	Name, Version, Release string
}

// String returns "name-version-release".
func (n NVR) String() string { return n.Name + "-" + n.Version + "-" + n.Release }

// ParseError says what is wrong with a written EVR, NEVRA or NVR.
type ParseError struct {
	What   string // "EVR", "NEVRA" or "NVR"
	Input  string
	Reason string
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("parse %s %q: %s", e.What, e.Input, e.Reason)
}

// ParseEVR parses "[epoch:]version[-release]". The release starts at the last
// hyphen, as in rpm's rpmverParse.
func ParseEVR(s string) (EVR, error) { return parseEVR("EVR", s, s) }

func parseEVR(what, input, s string) (EVR, error) {
	var e EVR
	if head, rest, ok := strings.Cut(s, ":"); ok {
		n, err := strconv.ParseUint(head, 10, 32)
		if err != nil {
			return EVR{}, &ParseError{what, input, fmt.Sprintf("epoch %q is no number below 2^32", head)}
		}
		e.Epoch, e.HasEpoch, s = uint32(n), true, rest
	}
	e.Version = s
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		e.Version, e.Release = s[:i], s[i+1:]
		if e.Release == "" {
			return EVR{}, &ParseError{what, input, "the release is empty"}
		}
	}
	if e.Version == "" {
		return EVR{}, &ParseError{what, input, "the version is empty"}
	}
	if i := strings.IndexFunc(s, badRune); i >= 0 || strings.Contains(s, ":") {
		return EVR{}, &ParseError{what, input, "a character that no version has"}
	}
	return e, nil
}

// badRune finds what appears in no name, version, release or arch, so that a
// parsed value is safe as a file name.
func badRune(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune(`/\"'<>|&;*?`, r)
}

// ParseNEVRA parses "name-[epoch:]version-release.arch", with or without
// ".rpm" at the end. What stands after the last dot is taken as the arch: a
// text without arch cannot be told from one with. The epoch may also stand in
// front, "epoch:name-version-release.arch", where yum and Koji write it.
func ParseNEVRA(s string) (NEVRA, error) {
	t := strings.TrimSuffix(s, ".rpm")
	dot := strings.LastIndexByte(t, '.')
	if dot < 0 || dot < strings.LastIndexByte(t, '-') {
		return NEVRA{}, &ParseError{"NEVRA", s, "no .arch at the end"}
	}
	arch := t[dot+1:]
	t = t[:dot]
	epoch, rest, front := strings.Cut(t, ":")
	if front = front && len(leading(epoch, isDigit)) == len(epoch); front {
		t = rest
	}
	name, evr, err := splitNVR("NEVRA", s, t)
	if err != nil {
		return NEVRA{}, err
	}
	if front {
		n, err := strconv.ParseUint(epoch, 10, 32)
		if err != nil || evr.HasEpoch {
			return NEVRA{}, &ParseError{"NEVRA", s, "a bad epoch"}
		}
		evr.Epoch, evr.HasEpoch = uint32(n), true
	}
	if arch == "" || strings.IndexFunc(arch, badRune) >= 0 || strings.ContainsAny(arch, ":") {
		return NEVRA{}, &ParseError{"NEVRA", s, "a bad arch"}
	}
	return NEVRA{Name: name, EVR: evr, Arch: arch}, nil
}

// ParseNVR parses "name-version-release".
func ParseNVR(s string) (NVR, error) {
	name, evr, err := splitNVR("NVR", s, s)
	if err != nil {
		return NVR{}, err
	}
	if evr.HasEpoch {
		return NVR{}, &ParseError{"NVR", s, "an epoch has no place in it"}
	}
	return NVR{Name: name, Version: evr.Version, Release: evr.Release}, nil
}

func splitNVR(what, input, s string) (string, EVR, error) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return "", EVR{}, &ParseError{what, input, "no hyphen before the release"}
	}
	j := strings.LastIndexByte(s[:i], '-')
	if j < 0 {
		return "", EVR{}, &ParseError{what, input, "no hyphen before the version"}
	}
	name := s[:j]
	if name == "" || strings.HasPrefix(name, ".") || strings.IndexFunc(name, badRune) >= 0 || strings.Contains(name, ":") {
		return "", EVR{}, &ParseError{what, input, "a bad name"}
	}
	evr, err := parseEVR(what, input, s[j+1:])
	return name, evr, err
}
