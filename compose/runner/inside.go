package runner

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"sync"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// versionText is a version in what a tool says of itself.
var versionText = regexp.MustCompile(`[0-9]+(\.[0-9]+)+`)

// client is the program on the host that makes roots.
type client struct {
	mu      sync.Mutex
	version string // as it was found
}

// check looks for the program once, and refuses one that is too old.
func (c *client) check(ctx context.Context, host compose.Runner, name, oldest string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != "" {
		return c.version, nil
	}
	if _, err := host.Look(name, name); err != nil {
		return "", err //nolint:wrapcheck // it says what to install
	}
	var version string
	var mu sync.Mutex
	err := host.Run(ctx, proc.Cmd{Name: name, Package: name, Args: []string{"--version"}, OnLine: func(_ proc.Stream, line string) {
		mu.Lock()
		defer mu.Unlock()
		if version == "" {
			version = versionText.FindString(line)
		}
	}})
	switch {
	case err != nil:
		return "", fmt.Errorf("probe %s: %w", name, err)
	case version == "":
		return "", fmt.Errorf("probe %s: it names no version (--version)", name)
	case compose.OlderVersion(version, oldest):
		return "", &compose.VersionError{Tool: name, Version: version, Oldest: oldest, Package: name}
	}
	c.version = version
	return version, nil
}

// lookInside looks for a tool in a root by its coreutils: images often lack
// which(1), and mock puts both streams of a command on one.
func lookInside(ctx context.Context, root compose.Runner, where, name, pkg string) (string, error) {
	var places []string
	for _, dir := range []string{"/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin"} {
		places = append(places, path.Join(dir, name))
	}
	var found string
	var mu sync.Mutex
	err := root.Run(ctx, proc.Cmd{Name: "ls", Package: "coreutils", Args: append([]string{"-d", "-L", "--"}, places...), OnLine: func(_ proc.Stream, line string) {
		mu.Lock()
		defer mu.Unlock()
		if found == "" && slices.Contains(places, line) {
			found = line
		}
	}})
	// ls(1) ends with 2 when it has not found one of them, busybox's with 1.
	failed, ok := errors.AsType[*proc.Error](err)
	incomplete := ok && failed.Cause == nil && (failed.ExitCode == 2 || failed.ExitCode == 1 && found != "")
	if err != nil && !incomplete {
		return "", fmt.Errorf("look for %s in %s: %w", name, where, err)
	}
	if found == "" {
		return "", &proc.NotFoundError{Tool: name, Package: pkg, Where: where}
	}
	return found, nil
}
