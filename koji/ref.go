package koji

import "strconv"

// BuildRef names a build: by id, or by name, version and release. The zero
// value names none.
type BuildRef struct {
	ID                     int
	NVR                    string // used if ID is 0
	Name, Version, Release string // used if ID is 0 and NVR is ""
}

// BuildID names a build by its id.
func BuildID(id int) BuildRef { return BuildRef{ID: id} }

// NVR names a build by name-version-release, without epoch.
func NVR(nvr string) BuildRef { return BuildRef{NVR: nvr} }

// ParseBuildRef reads what a person types: digits are an id, the rest an NVR.
func ParseBuildRef(s string) BuildRef {
	if id, err := strconv.Atoi(s); err == nil && id > 0 && s[0] != '+' {
		return BuildID(id)
	}
	return NVR(s)
}

// String returns the id or the NVR.
func (r BuildRef) String() string {
	switch {
	case r.ID != 0:
		return strconv.Itoa(r.ID)
	case r.NVR != "":
		return r.NVR
	default:
		return r.Name + "-" + r.Version + "-" + r.Release
	}
}

func (r BuildRef) isZero() bool { return r == BuildRef{} }

// arg is how the hub wants it.
func (r BuildRef) arg() any {
	switch {
	case r.ID != 0:
		return r.ID
	case r.NVR != "":
		return r.NVR
	default:
		return map[string]any{"name": r.Name, "version": r.Version, "release": r.Release}
	}
}

// RPMRef names an RPM: by id, or by name, version, release and arch. The zero
// value names none.
type RPMRef struct {
	ID                           int
	NVRA                         string // used if ID is 0; .rpm at the end is no harm
	Name, Version, Release, Arch string // used if ID is 0 and NVRA is ""
}

// RPMID names an RPM by its id.
func RPMID(id int) RPMRef { return RPMRef{ID: id} }

// NVRA names an RPM by name-version-release.arch, without epoch.
func NVRA(nvra string) RPMRef { return RPMRef{NVRA: nvra} }

// String returns the id or name-version-release.arch.
func (r RPMRef) String() string {
	switch {
	case r.ID != 0:
		return strconv.Itoa(r.ID)
	case r.NVRA != "":
		return r.NVRA
	default:
		return r.Name + "-" + r.Version + "-" + r.Release + "." + r.Arch
	}
}

func (r RPMRef) arg() any {
	switch {
	case r.ID != 0:
		return r.ID
	case r.NVRA != "":
		return r.NVRA
	default:
		return map[string]any{"name": r.Name, "version": r.Version, "release": r.Release, "arch": r.Arch}
	}
}
