package composetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/internal/proc"
)

// Settings say what the stand-in tools stand for, and what they do wrong.
type Settings struct {
	// Version is that of lorax: "46.0" (default), "43.0", "41.0", "40.5". It
	// decides which options there are.
	Version string `json:"version,omitempty"`
	// Kiwi is the version of kiwi: "10.3.11" (DefaultKiwi), "11.1.6", whose parser
	// of arguments is another one, "9.25.22".
	Kiwi string `json:"kiwi,omitempty"`
	// Fail is what goes wrong: "missing" (a package that no repository has),
	// "depsolve", "download", "disk", "template", "volid" (the image gets
	// another one), "anaconda" (the installation fails), "script" (that of a kiwi
	// description), "hang" (never ends, ignores TERM), "memory" (takes more and more
	// of it, up to 3 GiB), "fill" (writes more and more into its temporary directory,
	// up to 1 GiB).
	Fail string `json:"fail,omitempty"`
	// Runtime are the packages that the installer's own templates install, as
	// far as the repositories have them.
	Runtime []string `json:"runtime,omitempty"`
	// Bootable is a folder that the kernel is kept in: the boot.iso then really
	// boots. Default: it only looks as if.
	Bootable string `json:"base_iso,omitempty"`
	// AnyUser lets it run without root, which the real ones need.
	AnyUser bool `json:"any_user,omitempty"`
	// Pace is the least time between two lines of the log, in milliseconds, for
	// tests that break in between. Default: none.
	Pace int `json:"pace,omitempty"`
	// Roots are those of mock, podman and systemd; see InstallRoots.
	Roots *Roots `json:"roots,omitempty"`
	// DNF4 has the log look as that of a lorax with dnf 4 (EL).
	DNF4 bool `json:"dnf4,omitempty"`
}

// DefaultKiwi is the version of kiwi that is stood for.
const DefaultKiwi = "10.3.11"

// Install builds the stand-ins for lorax, livemedia-creator, anaconda and kiwi
// with the Go toolchain and puts them into dir, a folder for PATH.
func Install(ctx context.Context, dir string, s Settings) error {
	built, err := BuildStandIn(ctx, dir)
	if err != nil {
		return err
	}
	return Link(dir, built, s)
}

func build(ctx context.Context, built string) error {
	err := (&proc.Runner{}).Run(ctx, proc.Cmd{
		Name: "go", Args: []string{"build", "-o", built, "github.com/fedora-respin/respin/compose/composetest/standin"}, Package: "golang",
		Env: goEnv(),
	})
	if err != nil {
		return fmt.Errorf("build stand-in tools: %w", err)
	}
	return nil
}

// Link puts stand-ins that Install has built elsewhere into dir with other settings.
func Link(dir, built string, s Settings) error {
	if s.Version == "" {
		s.Version = "46.0"
	}
	if s.Kiwi == "" {
		s.Kiwi = DefaultKiwi
	}
	if err := WriteSettings(dir, s); err != nil {
		return err
	}
	// rsync is only looked for, and never run: the stand-in kiwi has no need of it.
	for _, name := range []string{"lorax", "livemedia-creator", "anaconda", "kiwi-ng", "rsync"} {
		// Hard links: the stand-in looks for its settings where it is called.
		if err := os.Link(built, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("place stand-in tool: %w", err)
		}
	}
	return nil
}

// WriteSettings tells the stand-ins in dir what they stand for.
func WriteSettings(dir string, s Settings) error {
	data, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "standin.json"), data, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write settings: %w", err)
	}
	return nil
}

// Hanging reads the ids of the processes of a tool that hangs (Settings.Fail);
// none while it does not yet.
func Hanging(dir string) []int {
	data, err := os.ReadFile(filepath.Join(dir, "pids"))
	if err != nil {
		return nil
	}
	var pids []int
	for text := range strings.FieldsSeq(string(data)) {
		if pid, err := strconv.Atoi(text); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// goEnv is what the toolchain needs of this process's environment.
func goEnv() []string {
	var env []string
	for _, key := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOROOT", "GOPROXY", "GOTOOLCHAIN", "XDG_CACHE_HOME"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return append(env, "CGO_ENABLED=0")
}

// Alive tells whether a process still runs; a zombie does not.
func Alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, after, ok := strings.Cut(string(stat), ") ")
	return ok && after[0] != 'Z'
}
