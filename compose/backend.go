package compose

import (
	"context"
	"io"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Backend makes the image of a Plan with real tools. Implementations are safe
// for concurrent use, never need root for what they do on files, and leave
// nothing behind outside the directories they are given.
type Backend interface {
	// Name is the name of the back end in a Plan and in Options.Backend.
	Name() string
	// Kinds are the kinds that it makes.
	Kinds() []Kind
	// Describe writes into the Plan what the back end will do: its argv
	// template, the tools it needs, the name of the image. It asks nobody, and
	// what it writes depends on the Plan alone. A Plan that the back end cannot
	// carry out is answered with a *RefusedError.
	Describe(*Plan) error
	// Probe finds the tools on this host and returns them with their versions.
	// A missing one is a *proc.NotFoundError that says what to install.
	Probe(context.Context) ([]Tool, error)
	// Build makes the image. When it returns an error, nothing is at job.Output.
	Build(context.Context, *Plan, BackendJob) error
	// Verify reads the finished image back and returns what it ships of the
	// RPMs of the Plan, in the Plan's order, each with the digest as read.
	Verify(context.Context, *Plan, BackendJob) ([]PackageEntry, *ImageFacts, error)
}

// BackendJob says where things are on this host.
type BackendJob struct {
	SideRepo string // directory of the side repo
	Base     string // local path of the base image, if the Plan has one
	Output   string // path of the image to make; does not exist
	Temp     string // an empty directory for the back end's own use
	Log      io.Writer
	Progress func(percent int, message string)
	Verify   rpm.VerifyOptions // what the RPMs in the image are verified with
}

// ImageFacts is what Verify found out about the image.
type ImageFacts struct {
	VolID        string
	Bootable     bool
	ImplantedMD5 string // empty when none is implanted
}
