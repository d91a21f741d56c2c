package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/runner"
)

// Kinds of runners.
const (
	runnerHost   = "host"
	runnerMock   = "mock"
	runnerPodman = "podman"
)

// RunnerConfig says where the tools run that run programs of the release which
// they compose (lorax, livemedia-creator, kiwi). A plain text is its kind:
// "runner: mock".
type RunnerConfig struct {
	// Kind is host, mock or podman. Default host.
	Kind string `koanf:"kind" validate:"omitempty,oneof=host mock podman"`
	// Isolation is mock's. Default simple.
	Isolation string `koanf:"isolation" validate:"omitempty,oneof=simple nspawn"`
	// Images are podman's by release, "default" for the rest. In the environment
	// "44=IMAGE default=IMAGE".
	Images ReleaseNames `koanf:"images"`
	// Configs are mock's configurations by release. Default fedora-RELEASE-ARCH.
	Configs ReleaseNames `koanf:"configs"`
	// ProbeRelease is what the tools of mock are looked for in at start. Default
	// rawhide.
	ProbeRelease string `koanf:"probe_release"`
	// Volumes are cache volumes of podman, NAME:PATH.
	Volumes []string `koanf:"volumes"`
	// BaseDir is where mock keeps its chroots, as basedir in mock's own
	// configuration. Default /var/lib/mock.
	BaseDir string `koanf:"basedir"`
	// Memory and Disk, in bytes, and CPUs bound all processes of a compose
	// together, Time each command. Default 0: no bound. CPUs needs systemd or a
	// cgroup v2 with the cpu controller, on the host and with mock. Disk bounds by
	// how much the compose's work directory grows while its tools run.
	Memory int64         `koanf:"memory" validate:"min=0"`
	CPUs   float64       `koanf:"cpus" validate:"min=0"`
	Time   time.Duration `koanf:"time" validate:"min=0"`
	Disk   int64         `koanf:"disk" validate:"min=0"`
}

// UnmarshalText reads the plain form.
func (c *RunnerConfig) UnmarshalText(text []byte) error {
	*c = RunnerConfig{Kind: string(text)}
	return nil
}

// kind is Kind or its default.
func (c *RunnerConfig) kind() string {
	if c.Kind == "" {
		return runnerHost
	}
	return c.Kind
}

func (c *RunnerConfig) check() error {
	if c.Kind == runnerPodman && len(c.Images) == 0 {
		return errors.New("runner.images: podman needs an image, by release or as default")
	}
	return nil
}

// ReleaseNames are names by release.
type ReleaseNames map[string]string

// UnmarshalText reads the form of the environment.
func (n *ReleaseNames) UnmarshalText(text []byte) error {
	*n = ReleaseNames{}
	for pair := range strings.FieldsSeq(string(text)) {
		release, name, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%q is not written as RELEASE=NAME", pair)
		}
		(*n)[release] = name
	}
	return nil
}

// Runners are where the tools of one process run.
type Runners struct {
	Kind   string // host, mock or podman
	Host   *runner.Host
	Roots  compose.Roots // nil: Host
	Mock   *runner.Mock  // nil unless Kind is mock
	Podman *runner.Podman
	work   string
}

// NewRunners makes the runners of the configuration for the work directory; the
// caller closes them. What they name carries the node and the directory, so that
// two of one host do not take each other's for leftovers.
func NewRunners(ctx context.Context, c *Config, work string) (*Runners, error) {
	abs, err := filepath.Abs(work)
	if err != nil {
		return nil, fmt.Errorf("find work directory: %w", err)
	}
	sum := sha256.Sum256([]byte(abs))
	node := c.Node.ID + "-" + hex.EncodeToString(sum[:4])
	limits := runner.Limits{Memory: c.Runner.Memory, CPUs: c.Runner.CPUs, Time: c.Runner.Time, Disk: c.Runner.Disk}
	host := &runner.Host{Node: node, Limits: limits, Systemd: runner.FindSystemd(ctx, node)}
	if host.Systemd == nil {
		host.Cgroup = runner.FindCgroup(node)
	}
	r := &Runners{Kind: c.Runner.kind(), Host: host, work: abs}
	switch r.Kind {
	case runnerMock:
		r.Mock = &runner.Mock{Host: host, Node: node, Isolation: c.Runner.Isolation, Configs: c.Runner.Configs, Release: c.Runner.ProbeRelease, Dir: c.Runner.BaseDir}
		r.Roots = r.Mock
	case runnerPodman:
		host.Limits.Memory, host.Limits.CPUs = 0, 0 // podman keeps them
		r.Podman = &runner.Podman{Host: host, Node: node, Images: c.Runner.Images, Volumes: c.Runner.Volumes, Limits: limits}
		r.Roots = r.Podman
	}
	return r, nil
}

// Ready says how the processes of a compose are held, or why they cannot be as
// the configuration wants it.
func (r *Runners) Ready(ctx context.Context) (string, error) {
	held, err := r.Host.Held(ctx)
	if err != nil {
		return "", fmt.Errorf("runner: %w", err)
	}
	return held, nil
}

// Clean removes what a killed process left in the work directory and in the
// runners, and says what. Nothing of this node may run.
func (r *Runners) Clean(ctx context.Context) ([]string, error) {
	owned := runner.Owned{Node: r.Host.Node, Work: r.work, Systemd: r.Host.Systemd, Cgroup: r.Host.Cgroup}
	switch r.Kind {
	case runnerMock:
		owned.Roots = r.Mock
	case runnerPodman:
		owned.Roots = r.Podman
	}
	return runner.Clean(ctx, owned) //nolint:wrapcheck // it says what it is about
}

// Close removes the empty cgroup.
func (r *Runners) Close() {
	if r.Host.Cgroup != "" {
		_ = os.Remove(r.Host.Cgroup) // busy while another process of the node runs
	}
}

// runnerLabel is how a node says where its tools run.
const runnerLabel = "runner"

// checkHostRun refuses a request whose scripts would run as the node's own user,
// often root, from a caller who may not have that. A Go caller, and whoever may
// do everything on this machine, may.
func (d *Daemon) checkHostRun(ctx context.Context, req *compose.Request) error {
	if ctx.Value(callerKey{}) == nil || !req.RunsScripts() || d.allow(ctx, scopeHostRun) == nil {
		return nil
	}
	onHost := !d.cfg.Node.Disabled && d.cfg.Runner.kind() == runnerHost
	nodes, err := d.master.Nodes(ctx)
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	for i := range nodes {
		label := nodes[i].Labels[runnerLabel] // none: an older node, of the host
		onHost = onHost || nodes[i].Online && label != runnerMock && label != runnerPodman
	}
	if !onHost {
		return nil
	}
	field := "kickstart"
	switch {
	case len(req.Options.Templates) > 0:
		field = "options.templates"
	case req.Options.Kiwi != nil:
		field = "options.kiwi"
	case req.Kickstart == nil:
		field = "sources" // scriptlets of packages
	}
	return compose.Refuse(compose.Problem{
		Code: compose.CodeHostRun, Field: field,
		Sentence: "Scripts of this request would run on a build node itself, and the caller does not have the scope " + scopeHostRun + ".",
		Remedy:   "Use a token with the scope " + scopeHostRun + ", or ask the operator for nodes with the runner mock or podman.",
	})
}
