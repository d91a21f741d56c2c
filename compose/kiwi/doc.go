// Package kiwi makes live images, disks, tar archives and container images from
// the descriptions that Fedora makes its own with, by kiwi.
//
//	b := &kiwi.Backend{}
//	tools, err := b.Probe(ctx, &proc.Runner{}) // kiwi-ng 10 or newer
//	err = b.Describe(plan)                     // from plan.Description
//	made, err := b.Build(ctx, plan, job)       // unpacks job.Description, runs kiwi
//	proof, err := b.Verify(ctx, plan, job, made)
//
// The description stays as it is; what the request wants is said on the command
// line: repositories by --add-repo, packages by --add-package and
// --delete-package, volume id and boot arguments by --set-type-attr. The side
// repo has dnf's best priority, so that its packages are taken even where another
// repository has newer ones of their names.
//
// kiwi keeps its .repo files in the shared cache directory, so that two builds
// with one such directory spoil each other: every build has a directory of its
// own among a few that stay, for the downloads in them.
//
// Facts: OSInside/kiwi 10.3.11 and 11.1.6, kiwi/cli.py, tasks/system_build.py,
// tasks/base.py, xml_state.py, system/uri.py, repository/dnf5.py, builder/*.py,
// command_process.py, logger.py.
package kiwi
