package proc

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

func sysProcAttr(c *Cmd) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if c.PrivateMounts && mayUnshare() {
		// Go makes all mounts private in the new namespace.
		attr.Unshareflags = syscall.CLONE_NEWNS
	}
	if c.Cgroup != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(c.Cgroup.Fd())
	}
	return attr
}

// mayUnshare tells whether this process has CAP_SYS_ADMIN: a container's root
// often has not.
func mayUnshare() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// waitEnded returns when the process has ended, and leaves it unreaped.
func waitEnded(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func killGroup(pgid int, sig syscall.Signal) { _ = syscall.Kill(-pgid, sig) }
