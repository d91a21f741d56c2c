package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Owned is what one node alone uses, so that all that is found there was left by
// an earlier process of it.
type Owned struct {
	Node    string   // as in Host
	Work    string   // absolute path of its work directory
	Systemd *Systemd // of FindSystemd; nil: none
	Cgroup  string   // of FindCgroup; "": none
	Roots   Cleaner  // the Mock or Podman of the node; nil: the host alone
}

// Cleaner removes the chroots or containers that a killed node left.
type Cleaner interface {
	Clean(ctx context.Context) (removed []string, err error)
}

// Clean removes what a killed node left: processes in its scopes and cgroups and
// those that bear its mark, then its chroots or containers, then mounts below its
// work directory, the latest first, then loop devices backed by files there.
// Processes go first: a podman whose node has died may be about to make its
// container. It returns what it removed, for the log; what cannot be removed is
// an error, and the rest is removed all the same. Call it before anything runs.
func Clean(ctx context.Context, o Owned) (removed []string, err error) {
	var errs []error
	note := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("remove leftover %s: %w", what, err))
			return
		}
		removed = append(removed, what)
	}
	if o.Cgroup != "" {
		left, _ := filepath.Glob(filepath.Join(o.Cgroup, runPrefix+"*"))
		for _, dir := range left {
			note("cgroup "+filepath.Base(dir), removeCgroup(dir))
		}
	}
	if o.Systemd != nil {
		stopped, err := o.Systemd.Clean(ctx, o.Node)
		removed, errs = append(removed, stopped...), append(errs, err)
	}
	if o.Node != "" {
		if n, err := killWhere(markedBy(o.Node)); n > 0 {
			note(fmt.Sprintf("marked processes: %d", n), err)
		}
	}
	if o.Roots != nil {
		cleaned, err := o.Roots.Clean(ctx)
		removed, errs = append(removed, cleaned...), append(errs, err)
	}
	// The kernel names resolved paths.
	work, err := filepath.EvalSymlinks(o.Work)
	if errors.Is(err, fs.ErrNotExist) {
		return removed, errors.Join(errs...)
	}
	if err != nil || !filepath.IsAbs(work) || work == "/" {
		return removed, errors.Join(append(errs, fmt.Errorf("look for leftovers below %q: %w", o.Work, errors.Join(err, fs.ErrInvalid)))...)
	}
	mounts, err := readMounts()
	errs = append(errs, err)
	for _, m := range slices.Backward(mounts) {
		if below(m.point, work) {
			note("mount "+m.point, unix.Unmount(m.point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
		}
	}
	for _, dev := range loopDevices("/sys/block", work) {
		note("loop device "+dev, detach("/dev/"+dev))
	}
	return removed, errors.Join(errs...)
}

// below tells whether path is inside dir; dir itself is not: it may be a mount
// of the operator's.
func below(path, dir string) bool { return strings.HasPrefix(path, dir+"/") }

// loopDevices are those whose backing file is or was inside dir.
func loopDevices(sys, dir string) []string {
	files, _ := filepath.Glob(filepath.Join(sys, "loop*", "loop", "backing_file"))
	var devs []string
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil && below(strings.TrimSuffix(string(data), "\n"), dir) {
			devs = append(devs, filepath.Base(filepath.Dir(filepath.Dir(f))))
		}
	}
	return devs
}

func detach(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err //nolint:wrapcheck // the caller names the device
	}
	err = unix.IoctlSetInt(int(f.Fd()), unix.LOOP_CLR_FD, 0)
	return errors.Join(err, f.Close())
}

// mount is one line of mountinfo.
type mount struct{ point, fsType string }

func readMounts() ([]mount, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	return parseMounts(string(data)), nil
}

// parseMounts reads proc_pid_mountinfo(5); lines of another shape are left out.
func parseMounts(text string) []mount {
	var all []mount
	for line := range strings.Lines(text) {
		// One space, and no other white space of Unicode: that may be in a path.
		fields := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		at := slices.Index(fields, "-")
		if at < 6 || len(fields) < at+2 || fields[4] == "" {
			continue
		}
		all = append(all, mount{point: unescape(fields[4]), fsType: fields[at+1]})
	}
	return all
}

// unescape undoes the kernel's \ooo for space, tab, newline and backslash.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
