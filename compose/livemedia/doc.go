// Package livemedia makes live images, disks, network boot images, tar archives
// and OCI bundles from a kickstart with livemedia-creator, which has anaconda
// install into a file.
//
//	b := &livemedia.Backend{}
//	tools, err := b.Probe(ctx, &proc.Runner{}) // livemedia-creator and anaconda
//	err = b.Describe(plan)                     // flattens and checks plan.Kickstart
//	made, err := b.Build(ctx, plan, job)
//	proof, err := b.Verify(ctx, plan, job, made)
//
// The kickstart is frozen in the Plan, flattened, with the packages of the
// request in it; the build adds the side repo, whose path only the node knows.
//
// Without a virtual machine (--no-virt, the default) anaconda runs on the node,
// as root, with its root at /mnt/sysimage and its logs in /tmp: one build at a
// time on a host, and every build in a mount namespace of its own where the
// runner allows one. With options.virt it runs in qemu from the base image.
//
// --make-appliance is not offered: it fails since lorax 34 (creator.py reads an
// option that is gone). Facts: weldr/lorax 46.0, src/pylorax/cmdline/livemedia.py,
// creator.py, installer.py, monitor.py.
package livemedia
