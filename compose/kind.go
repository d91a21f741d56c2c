package compose

import (
	"cmp"
	"runtime"
	"strconv"
)

// Kind says what a compose makes.
type Kind string

// The kinds of compose. Which of them a host can build, its node says.
const (
	KindRepo       Kind = "repo"        // side repo: RPMs, repodata, .repo file
	KindRepoISO    Kind = "repo-iso"    // that repo on an ISO, as an extra medium
	KindUpdatesImg Kind = "updates-img" // anaconda updates.img made of RPMs
	KindRemaster   Kind = "remaster"    // an existing boot.iso with side repo, kickstart, boot arguments
	KindBootISO    Kind = "boot-iso"    // netinstall boot.iso made by lorax
	KindDVD        Kind = "dvd"         // installation DVD
	KindLive       Kind = "live"        // live ISO from a kickstart or kiwi description
	KindDisk       Kind = "disk"        // disk image
	KindPXELive    Kind = "pxe-live"    // live image for network boot
	KindTar        Kind = "tar"         // file system as tar
	KindOCI        Kind = "oci"         // container image
)

// Kinds lists every kind of the contract, in its order.
func Kinds() []Kind {
	return []Kind{
		KindRepo, KindRepoISO, KindUpdatesImg, KindRemaster, KindBootISO, KindDVD,
		KindLive, KindDisk, KindPXELive, KindTar, KindOCI,
	}
}

// Arches lists the architectures of the contract by Fedora's base arch names.
func Arches() []string { return []string{"x86_64", "aarch64", "ppc64le", "s390x"} }

// Product is what an image calls itself, and its version: as lorax writes them into
// .buildstamp and .treeinfo and as Pungi passes them.
func (r *Request) Product() (name, version string) {
	name, version = r.Options.Product, r.Release
	if n, err := strconv.Atoi(version); name == "" && err == nil && n < FirstFedora {
		name = "CentOS Stream"
	}
	if version == "rawhide" {
		version = "Rawhide"
	}
	return cmp.Or(name, "Fedora"), version
}

// HostArch is the architecture of this host by Fedora's base arch name, and the
// default of Request.Arch.
func HostArch() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH // ppc64le and s390x are called the same
}

// State is where a compose stands.
type State string

// The states of a compose, in the order it passes them.
const (
	StateResolving  State = "resolving"
	StateQueued     State = "queued"
	StateBuilding   State = "building"
	StatePublishing State = "publishing"
	StateSucceeded  State = "succeeded"
	StateFailed     State = "failed"
	StateCanceled   State = "canceled"
	StateExpired    State = "expired" // record kept, files gone
)

// Done tells whether a compose in this state will not change by itself, except to expire.
func (s State) Done() bool {
	return s == StateSucceeded || s == StateFailed || s == StateCanceled || s == StateExpired
}

// Stage is a part of building.
type Stage string

// The stages of state building, in order, and the two around them.
const (
	StageResolve   Stage = "resolve"
	StageFetch     Stage = "fetch"
	StageSideRepo  Stage = "siderepo"
	StageKickstart Stage = "kickstart"
	StageCompose   Stage = "compose"
	StageVerify    Stage = "verify"
	StageSmoke     Stage = "smoke"
	StagePublish   Stage = "publish"
)

// Stages lists the stages that a build passes, with smoke even where it is off.
func Stages() []Stage {
	return []Stage{StageFetch, StageSideRepo, StageKickstart, StageCompose, StageVerify, StageSmoke, StagePublish}
}
