package composetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Roots say what the stand-ins for mock, podman and systemd stand for. They keep
// the real ones' rules for arguments and really run the inner command: mock in a
// private mount namespace with a chroot, podman in a container of its own mount
// and process namespaces below a monitor that outlives the client, systemd-run in
// a cgroup v2. That takes root.
type Roots struct {
	Dir     string `json:"dir,omitempty"`     // where mock, podman and systemd keep what they have; set by InstallRoots
	Mock    string `json:"mock,omitempty"`    // version; default 6.7
	Podman  string `json:"podman,omitempty"`  // version; default 5.6.0
	Systemd string `json:"systemd,omitempty"` // version; default 258
	// Configs are mock's configurations. Default fedora-44-x86_64 and
	// fedora-rawhide-x86_64.
	Configs []string `json:"configs,omitempty"`
	// Packages are what can be installed in a mock chroot, with the tools that
	// come with them. Default lorax and lorax-lmc-novirt.
	Packages map[string][]string `json:"packages,omitempty"`
	// Images are podman's that are there, with the tools in them; Registry those
	// that can be pulled.
	Images   map[string][]string `json:"images,omitempty"`
	Registry map[string][]string `json:"registry,omitempty"`
	// Inside are the settings of the tools in the roots.
	Inside *Settings `json:"inside,omitempty"`
}

// RootTools are the stand-ins that InstallRoots places.
func RootTools() []string { return []string{"mock", "podman", "systemd-run", "systemctl"} }

// InstallRoots puts stand-ins for mock, podman and systemd into dir, a folder for
// PATH, from the program that Install has built. Those of lorax and its like are
// only in the roots: what runs there finds nothing of the host.
func InstallRoots(dir, built string, r Roots) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if r.Dir == "" {
		r.Dir = filepath.Join(dir, "roots")
	}
	if r.Packages == nil {
		r.Packages = map[string][]string{"lorax": {"lorax"}, "lorax-lmc-novirt": {"livemedia-creator", "anaconda"}, "anaconda-tui": {"anaconda"}}
	}
	if r.Configs == nil {
		r.Configs = []string{"fedora-44-x86_64", "fedora-rawhide-x86_64"}
	}
	for _, d := range []struct {
		value *string
		is    string
	}{{&r.Mock, "6.7"}, {&r.Podman, "5.6.0"}, {&r.Systemd, "258"}} {
		if *d.value == "" {
			*d.value = d.is
		}
	}
	if err := WriteSettings(dir, Settings{Version: "46.0", Roots: &r}); err != nil {
		return err
	}
	for _, name := range RootTools() {
		if err := os.Link(built, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("place stand-in tool: %w", err)
		}
	}
	return nil
}

// BuildStandIn builds the one program of all stand-ins into dir.
func BuildStandIn(ctx context.Context, dir string) (string, error) {
	built := filepath.Join(dir, "standin")
	return built, build(ctx, built)
}

// Calls are those of the stand-ins that InstallRoots has placed in dir, in their
// order, each with the tool's name first.
func Calls(dir string) ([][]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "roots", "calls"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	var all [][]string
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var call []string
		if err := dec.Decode(&call); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read calls: %w", err)
		}
		all = append(all, call)
	}
}

// Slice is the cgroup that the stand-in for systemd in dir makes its scopes in,
// below the root of the cgroup v2. Whoever makes it removes it.
func Slice(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "standin-" + hex.EncodeToString(sum[:6]) + ".slice"
}

// Chroots are the names of mock's directories that the stand-in of dir has.
func Chroots(dir string) []string {
	return names(filepath.Join(dir, "roots", "mock"))
}

// Containers are the names of podman's containers that the stand-in of dir has.
func Containers(dir string) []string {
	return names(filepath.Join(dir, "roots", "podman", "containers"))
}

func names(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return []string{err.Error()}
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// FillRoot places the stand-in tools of those names into a root's /usr/bin, for
// an image of a real podman, and a static busybox for what else is called.
func FillRoot(root, built, busybox string, tools []string, s Settings) error {
	bin := filepath.Join(root, "usr", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("fill root: %w", err)
	}
	for _, dir := range []string{"tmp", "var/tmp", "etc", "proc", "sys", "dev"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return fmt.Errorf("fill root: %w", err)
		}
	}
	copies := map[string]string{"busybox": busybox}
	for _, name := range tools {
		copies[name] = built
	}
	for name, from := range copies {
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(bin, name), data, 0o755)
		}
		if err != nil {
			return fmt.Errorf("fill root: %w", err)
		}
	}
	for _, name := range []string{"ls", "env", "cat", "sleep", "sh"} {
		if err := os.Symlink("busybox", filepath.Join(bin, name)); err != nil {
			return fmt.Errorf("fill root: %w", err)
		}
	}
	return WriteSettings(bin, s)
}

// Busybox is a static busybox of this host, or a *proc.NotFoundError.
func Busybox() (string, error) { return findBusybox() }
