package lint

import (
	"context"

	"github.com/fedora-respin/respin/kickstart"
)

// Universe is what the repositories of a compose hold. Implementations answer
// for one architecture.
type Universe interface {
	// HasPackage tells whether a line of %packages finds anything: a name, a
	// glob, name.arch, name-version, a capability or a path. near is a name that
	// was perhaps meant, or "".
	HasPackage(spec string) (found bool, near string)
	// HasGroup tells whether comps has the group, by id or by name.
	HasGroup(id string) (found bool, near string)
	// HasEnvironment tells whether comps has the environment, by id or by name.
	HasEnvironment(id string) (found bool, near string)
	// UnitOwners names the packages that bring the systemd unit, which is named
	// with its suffix ("sshd.service"). known is false where the repositories do
	// not say which files packages have.
	UnitOwners(ctx context.Context, unit string) (owners []string, known bool, err error)
	// Forecast computes what an installation of the packages comes to.
	Forecast(ctx context.Context, p kickstart.Packages) (Forecast, error)
}

// Forecast is what an installation is expected to come to, without solving it
// to the end: conflicts are not seen, and of several providers one is taken.
type Forecast struct {
	Packages  []string  // names, sorted
	Download  int64     // bytes of the packages
	Installed int64     // bytes of their files
	Missing   []Missing // requirements that nothing meets
}

// Missing is a requirement without a provider.
type Missing struct {
	Requirement string // as "libfoo.so.1()(64bit)"
	By          string // the package that has it
	// Excluded is a package that would meet it, but that the kickstart keeps
	// out; empty when nothing would.
	Excluded string
}
