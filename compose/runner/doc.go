// Package runner says where the tools of the back ends run, and that nothing of
// them outlives their command: on this host (Host), in a mock chroot (Mock), in
// a podman container (Podman). Each is a compose.Runner.
//
//	parent, err := runner.FindCgroup("builder-1")     // "" where there is none
//	host := &runner.Host{Cgroup: parent, Limits: runner.Limits{Memory: 8 << 30}}
//	err = host.Run(ctx, proc.Cmd{Name: "lorax", Args: argv})
//	// every process that lorax started is gone, those that called setsid(2) too
//
//	left, err := runner.Clean(ctx, runner.Owned{Work: dir, Cgroup: parent})
//	// what a killed node left: mounts, loop devices, cgroups with their processes
package runner
