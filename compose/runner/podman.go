package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// Podman runs every command in a privileged container of an image that holds
// the tools of the release. It is safe for concurrent use.
type Podman struct {
	Host    compose.Runner    // runs podman; required
	Node    string            // names the containers of this node
	Images  map[string]string // by release; "default" for the rest. Required
	Network string            // of podman run --network; default host: repositories may be on this host
	Volumes []string          // cache volumes, NAME:PATH
	Limits  Limits            // Memory and CPUs, kept by podman
}

var _ compose.Roots = (*Podman)(nil)

// Begin implements compose.Roots. Nothing is started yet.
func (p *Podman) Begin(_ context.Context, j compose.RootJob) (compose.Root, error) {
	if _, err := p.Host.Look("podman", "podman"); err != nil {
		return nil, err //nolint:wrapcheck // it says what to install
	}
	image := orDefault(p.Images[j.Release], p.Images["default"])
	if image == "" || strings.HasPrefix(image, "-") {
		return nil, fmt.Errorf("make container: no image is configured for release %q", j.Release)
	}
	args := []string{"run", "--rm", "--privileged", "--pull=missing", "--network=" + orDefault(p.Network, "host")}
	if p.Limits.Memory > 0 {
		args = append(args, "--memory="+strconv.FormatInt(p.Limits.Memory, 10))
	}
	if p.Limits.CPUs > 0 {
		args = append(args, "--cpus="+strconv.FormatFloat(p.Limits.CPUs, 'f', -1, 64))
	}
	for _, v := range p.Volumes {
		args = append(args, "--volume="+v)
	}
	// A privileged container is not confined by labels; relabeling would change
	// files that the cache shares by hard links.
	for _, m := range []struct {
		mode  string
		paths []string
	}{{"ro", j.Read}, {"rw", j.Write}} {
		for _, path := range m.paths {
			if strings.ContainsAny(path, ":,") {
				return nil, fmt.Errorf("make container: podman cannot mount %s: it has a colon or comma", path)
			}
			if exists(path) {
				args = append(args, "--volume="+path+":"+path+":"+m.mode)
			}
		}
	}
	return &container{podman: p, image: image, name: ownedPrefix(p.Node) + safeName(j.ID), args: args}, nil
}

// Clean removes the containers that a killed process of this node left.
func (p *Podman) Clean(ctx context.Context) ([]string, error) {
	var names []string
	prefix := ownedPrefix(p.Node)
	err := p.Host.Run(ctx, proc.Cmd{
		Name: "podman", Package: "podman", Args: []string{"ps", "--all", "--format={{.Names}}", "--filter=name=^" + strings.ReplaceAll(prefix, ".", `\.`)},
		OnLine: func(s proc.Stream, line string) {
			// A second look at the name: an old podman takes the filter for a part.
			if s == proc.Stdout && strings.HasPrefix(line, prefix) {
				names = append(names, line)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	var removed []string
	var errs []error
	for _, name := range names {
		err := p.remove(ctx, name)
		if err == nil {
			removed = append(removed, "container "+name)
		}
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

func (p *Podman) remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	err := p.Host.Run(ctx, proc.Cmd{Name: "podman", Package: "podman", Args: []string{"rm", "--force", "--ignore", "--time=0", name}})
	if err != nil {
		return fmt.Errorf("remove container %s: %w", name, err)
	}
	return nil
}

// container is the root of one compose: a container for each command.
type container struct {
	podman *Podman
	image  string
	name   string
	args   []string
	n      atomic.Int64
}

// Look asks for the tool in the image.
func (c *container) Look(name, pkg string) (string, error) {
	err := c.Run(context.Background(), proc.Cmd{Name: "which", Args: []string{name}})
	if failed, ok := errors.AsType[*proc.Error](err); ok && (failed.ExitCode == 1 || failed.ExitCode == 127) {
		return "", &proc.NotFoundError{Tool: name, Package: pkg}
	}
	if err != nil {
		return "", fmt.Errorf("look for %s in image %s: %w", name, c.image, err)
	}
	return name, nil
}

// Run runs the command in a container of its own, without the image's entry
// point. The container is gone when it returns: killing podman alone would leave
// it to its monitor.
func (c *container) Run(ctx context.Context, cmd proc.Cmd) error {
	name := fmt.Sprintf("%s-%d", c.name, c.n.Add(1))
	args := append(slices.Clone(c.args), "--name="+name)
	for _, kv := range cmd.Env {
		args = append(args, "--env="+kv)
	}
	if cmd.Dir != "" {
		args = append(args, "--workdir="+cmd.Dir)
	}
	args = append(append(args, "--entrypoint="+cmd.Name, c.image), cmd.Args...)
	cmd.Name, cmd.Package, cmd.Args, cmd.Env, cmd.Dir, cmd.PrivateMounts = "podman", "podman", args, nil, "", false
	err := c.podman.Host.Run(ctx, cmd)
	if err != nil {
		err = errors.Join(err, c.podman.remove(ctx, name))
	}
	return err
}

// Close has nothing to do: every container ended with its command.
func (c *container) Close() error { return nil }
