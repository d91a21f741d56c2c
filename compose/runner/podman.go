package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// OldestPodman is the first podman with rm --time (its release notes).
const OldestPodman = "4.0"

// nodeLabel marks the containers of a node.
const nodeLabel = "io.github.fedora-respin.node"

// Exit codes of podman run that are podman's own (podman-run(1)).
const (
	podmanNotInvoked = 126
	podmanNotFound   = 127
	podmanKilled     = 137 // 128 and SIGKILL
)

// imageName keeps options and odd characters out of the argument list; podman
// knows better what is a reference.
var imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,511}$`)

// Podman runs every command in a privileged container of an image that holds
// the tools of the release. It is safe for concurrent use.
//
// Containers belong to their monitor (conmon) and not to podman: they are found
// by name and label.
type Podman struct {
	Host    *Host             // runs podman; required
	Node    string            // names the containers of this node
	Images  map[string]string // by release; "default" for the rest. Required
	Network string            // of podman run --network; default host: repositories may be on this host
	Volumes []string          // cache volumes, NAME:PATH
	Limits  Limits            // Memory and CPUs, kept by podman

	client client
}

var _ compose.Roots = (*Podman)(nil)

// Version is that of the host's podman; one that is too old is a
// *compose.VersionError, none a *proc.NotFoundError.
func (p *Podman) Version(ctx context.Context) (string, error) {
	return p.client.check(ctx, p.Host, "podman", OldestPodman)
}

// Begin implements compose.Roots. It pulls the image where it is not there; no
// container is started yet.
func (p *Podman) Begin(ctx context.Context, j compose.RootJob) (compose.Root, error) {
	if _, err := p.Version(ctx); err != nil {
		return nil, err
	}
	image := orDefault(p.Images[j.Release], p.Images["default"])
	if releases := slices.Sorted(maps.Keys(p.Images)); j.Release == "" && image == "" && len(releases) > 0 {
		image = p.Images[releases[len(releases)-1]] // tools are probed: in the newest
	}
	if !imageName.MatchString(image) {
		return nil, &compose.RootError{Sentence: fmt.Sprintf("no image is configured for release %q", j.Release), Remedy: "name one in runner.images"}
	}
	args, err := p.runArgs(&j)
	if err != nil {
		return nil, err
	}
	host, err := p.Host.Begin(ctx, j)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it is about
	}
	c := &container{podman: p, host: host, ctx: ctx, image: image, dir: j.Dir, name: ownedPrefix(p.Node) + safeName(j.ID), args: args}
	if err := c.pull(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// runArgs are those of every container of a compose.
func (p *Podman) runArgs(j *compose.RootJob) ([]string, error) {
	// conmon need not log what is read here. The image is there.
	args := []string{
		"run", "--privileged", "--pull=never", "--log-driver=none", "--network=" + orDefault(p.Network, "host"),
		"--label=" + nodeLabel + "=" + ownedPrefix(p.Node),
	}
	if p.Limits.Memory > 0 {
		n := strconv.FormatInt(p.Limits.Memory, 10)
		args = append(args, "--memory="+n, "--memory-swap="+n)
	} else {
		args = append(args, "--rm")
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
			if !filepath.IsAbs(path) || strings.ContainsAny(path, ":,\x00") {
				return nil, fmt.Errorf("make container: podman cannot mount %q: it is no absolute path without colon and comma", path)
			}
			if exists(path) {
				args = append(args, "--volume="+path+":"+path+":"+m.mode)
			}
		}
	}
	return args, nil
}

// Clean removes the containers that a killed process of this node left, with
// what runs in them. Where podman is gone there is nothing that it could know.
//
// A podman that is killed while it starts a container leaves a monitor that goes
// on for a moment with what is being removed: Clean looks again until nothing is
// left.
func (p *Podman) Clean(ctx context.Context) ([]string, error) {
	if _, err := p.Host.Look("podman", "podman"); err != nil {
		return nil, nil //nolint:nilerr // said when the tools are looked for
	}
	var removed []string
	var failed error
	for range cleanLooks {
		names, err := p.left(ctx)
		if err != nil {
			return removed, err
		}
		if len(names) == 0 {
			n, err := endMonitors(func(name string) bool { return strings.HasPrefix(name, ownedPrefix(p.Node)) })
			if n > 0 {
				removed = append(removed, fmt.Sprintf("monitors of containers: %d", n))
			}
			return removed, err // what could not be removed before has gone
		}
		failed = nil
		for _, name := range names {
			err := p.remove(ctx, name)
			if what := "container " + name; err == nil && !slices.Contains(removed, what) {
				removed = append(removed, what)
			}
			failed = errors.Join(failed, err)
		}
		select {
		case <-ctx.Done():
			return removed, errors.Join(failed, ctx.Err())
		case <-time.After(cleanPause):
		}
	}
	return removed, failed
}

// endMonitors ends the monitors of containers that podman knows no more, with
// what they wait for. A podman that is killed while it starts a container leaves
// both: the container's first process waits for the word to begin, and podman rm
// takes it for one that was never started (seen with podman 4.3 and runc 1.1).
func endMonitors(of func(container string) bool) (int, error) {
	monitors := func() (all []int) {
		for _, pid := range processIDs() {
			args := argumentsOf(pid)
			at := slices.Index(args, "-n") // conmon(8): --name
			if len(args) > 0 && filepath.Base(args[0]) == "conmon" && at > 0 && at+1 < len(args) && of(args[at+1]) {
				all = append(all, pid)
			}
		}
		return all
	}
	// Most are about to end by themselves, after podman container cleanup.
	deadline := time.Now().Add(monitorTime)
	for len(monitors()) > 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	var wanted []string // with their starts: numbers are used again
	for _, pid := range monitors() {
		for _, one := range descendants(pid) {
			wanted = append(wanted, strconv.Itoa(one)+" "+startOf(one))
		}
	}
	if len(wanted) == 0 {
		return 0, nil
	}
	return killWhere(func(pid int) bool {
		return slices.Contains(wanted, strconv.Itoa(pid)+" "+startOf(pid)) && statField(pid, 3) != "Z"
	})
}

// How often Clean looks for containers, and how long it waits between.
const (
	cleanLooks = 10
	cleanPause = 200 * time.Millisecond

	monitorTime = time.Second // for a monitor to end by itself
)

// left are the names of this node's containers, with those that are only storage
// so far (--external): they have no labels, and keep their names from the compose
// when it is delivered again.
func (p *Podman) left(ctx context.Context) ([]string, error) {
	var names []string
	var mu sync.Mutex
	prefix := ownedPrefix(p.Node)
	err := p.Host.Run(ctx, proc.Cmd{
		Name: "podman", Package: "podman", Args: []string{"ps", "--all", "--external", "--no-trunc", "--format={{.Names}}", "--filter=name=^" + regexp.QuoteMeta(prefix)},
		OnLine: func(s proc.Stream, line string) {
			mu.Lock()
			defer mu.Unlock()
			if s == proc.Stdout && strings.HasPrefix(line, prefix) {
				names = append(names, line)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	return names, nil
}

func (p *Podman) remove(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	err := p.Host.unbounded().Run(ctx, proc.Cmd{Name: "podman", Package: "podman", Args: []string{"rm", "--force", "--ignore", "--time=0", name}})
	if err != nil {
		return fmt.Errorf("remove container %s: %w", name, err)
	}
	_, err = endMonitors(func(of string) bool { return of == name })
	return err
}

// outOfMemory asks whether the kernel has killed in the container for memory.
func (p *Podman) outOfMemory(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	var mu sync.Mutex
	killed := false
	err := p.Host.unbounded().Run(ctx, proc.Cmd{
		Name: "podman", Package: "podman", Args: []string{"inspect", "--type=container", "--format={{.State.OOMKilled}}", name},
		OnLine: func(s proc.Stream, line string) {
			mu.Lock()
			defer mu.Unlock()
			killed = killed || s == proc.Stdout && line == "true"
		},
	})
	return err == nil && killed
}

// container is the root of one compose: a container for each command.
type container struct {
	podman *Podman
	host   compose.Root    // what runs podman
	ctx    context.Context //nolint:containedctx // of Begin, for Look, which has none
	image  string
	dir    string // of the compose: where podman runs, and its monitor leaves things
	name   string
	args   []string
	n      atomic.Int64
}

// Where names the image for people.
func (c *container) Where() string { return "image " + c.image }

// pull brings the image, before a command's own time begins.
func (c *container) pull(ctx context.Context) error {
	err := c.host.Run(ctx, proc.Cmd{Name: "podman", Package: "podman", Args: []string{"image", "exists", c.image}})
	if failed, ok := errors.AsType[*proc.Error](err); ok && failed.ExitCode == 1 && failed.Cause == nil {
		if err = c.host.Run(ctx, proc.Cmd{Name: "podman", Package: "podman", Args: []string{"pull", "--quiet", c.image}}); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("pull image %s: %w", c.image, err)
			}
			return &compose.RootError{Sentence: "the image " + c.image + " cannot be pulled", Remedy: "bring it by hand (podman pull), or correct runner.images", Err: err}
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for image %s: %w", c.image, err)
	}
	return nil
}

// Look asks for the tool in the image.
func (c *container) Look(name, pkg string) (string, error) {
	return lookInside(c.ctx, c, c.Where(), name, pkg)
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
	tool, pkg := cmd.Name, cmd.Package
	cmd.Name, cmd.Package, cmd.Args, cmd.Env, cmd.Dir, cmd.PrivateMounts = "podman", "podman", args, nil, c.dir, false
	err := c.host.Run(ctx, cmd)
	failed, _ := errors.AsType[*proc.Error](err)
	bounded := c.podman.Limits.Memory > 0
	switch {
	case failed == nil || failed.Cause != nil:
	case bounded && (failed.ExitCode == podmanKilled || c.podman.outOfMemory(ctx, name)):
		// Not every podman notices (4.3 with cgroup v1 does not), and nobody else
		// kills in a container of this node's.
		err = fmt.Errorf("%w: %w", &compose.LimitError{Resource: compose.ResourceMemory, Bytes: c.podman.Limits.Memory}, err)
	case (failed.ExitCode == podmanNotFound || failed.ExitCode == podmanNotInvoked) && podmanSaid(failed):
		err = errors.Join(&proc.NotFoundError{Tool: tool, Package: pkg, Where: c.Where()}, err)
	}
	if err != nil || bounded {
		err = errors.Join(err, c.podman.remove(ctx, name))
	}
	return err
}

// podmanSaid tells podman's own end from one that the command chose.
func podmanSaid(e *proc.Error) bool {
	return len(e.Tail) > 0 && strings.HasPrefix(e.Tail[len(e.Tail)-1], "Error: ")
}

// Close has nothing to do but to give back what the client has of the host:
// every container ended with its command.
func (c *container) Close() error { return c.host.Close() }
