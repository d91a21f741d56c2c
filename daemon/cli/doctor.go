package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/internal/diskfree"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/koji"
)

type doctorCmd struct {
	Offline bool   `help:"Ask no server, neither the daemon nor Koji and Bodhi."`
	Config  string `placeholder:"FILE" help:"Configuration that says where Koji, Bodhi and the data are (RESPIN_CONFIG)."`
}

func (*doctorCmd) about() string {
	return "Exit code 0 when at least one kind of compose can be built here."
}

func (*doctorCmd) examples() []example {
	return []example{
		{"respin doctor", "What works, and the command that installs what is missing."},
		{"respin doctor --offline --json", "Only this host, for a program."},
	}
}

// doctorReport is what doctor prints with --json.
type doctorReport struct {
	Version  versionInfo    `json:"version"`
	Kernel   string         `json:"kernel,omitempty"`
	KVM      bool           `json:"kvm"`
	Kinds    []doctorKind   `json:"kinds"`
	Runners  []doctorRunner `json:"runners"`
	Tools    []doctorTool   `json:"tools"`
	Data     string         `json:"data"`
	DiskFree int64          `json:"disk_free"`
	Services []doctorServer `json:"services,omitempty"`
}

type doctorKind struct {
	Kind      compose.Kind `json:"kind"`
	Available bool         `json:"available"`
	Reason    string       `json:"reason,omitempty"`
	Missing   []string     `json:"missing,omitempty"` // tools
}

type doctorTool struct {
	Name    string `json:"name"`
	For     string `json:"for"`
	Where   string `json:"where,omitempty"` // the root that it has to be in; empty: this host
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
	Debian  string `json:"debian,omitempty"` // package; empty: Debian has none
	Fedora  string `json:"fedora,omitempty"`
}

type doctorServer struct {
	Name  string `json:"name"`
	URL   string `json:"url"`
	OK    bool   `json:"ok"`
	Says  string `json:"says,omitempty"`
	Error string `json:"error,omitempty"`
}

// knownTools are the programs that this version or a later one runs, with the
// packages that bring them in Debian 12 and Fedora 44.
func knownTools() []doctorTool {
	return []doctorTool{
		{Name: "xorriso", For: "remaster, repo-iso, dvd", Debian: "xorriso", Fedora: "xorriso"},
		{Name: "mcopy", For: "remaster, dvd", Debian: "mtools", Fedora: "mtools"},
		{Name: "mdir", For: "remaster, dvd", Debian: "mtools", Fedora: "mtools"},
		{Name: "qemu-system-x86_64", For: "iso boot, smoke boot", Debian: "qemu-system-x86", Fedora: "qemu-system-x86-core"},
		{Name: "lorax", For: "boot-iso, dvd without a base", Fedora: "lorax"},
		{Name: "livemedia-creator", For: "live, disk, pxe-live, tar, oci", Fedora: "lorax-lmc-novirt"},
		{Name: "kiwi-ng", For: "live, disk, tar, oci from a kiwi description", Fedora: "kiwi-cli"},
		{Name: "rsync", For: "what kiwi makes", Debian: "rsync", Fedora: "kiwi-systemdeps"},
		{Name: "mock", For: "boot-iso in a chroot (runner: mock)", Fedora: "mock"},
		{Name: "podman", For: "boot-iso in a container (runner: podman)", Debian: "podman", Fedora: "podman"},
	}
}

// Run is the verb.
func (d *doctorCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.config(d.Config, nil)
	if err != nil {
		return err
	}
	r := doctorReport{Version: a.version(), Data: cfg.Data, KVM: kvm(ctx)}
	if data, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		r.Kernel = strings.TrimSpace(string(data))
	}
	if r.DiskFree, err = diskfree.At(cfg.Data); err != nil {
		return err
	}
	r.Tools = probeTools(ctx)
	runners, err := daemon.NewRunners(ctx, &cfg, cfg.Node.Work)
	if err != nil {
		return err
	}
	defer runners.Close()
	r.Runners = probeRunners(ctx, runners)
	r.Kinds = probeKinds(ctx, runners, r.Tools)
	if !d.Offline {
		r.Services = a.askServices(ctx, &cfg)
	}
	if a.global.JSON {
		a.printJSON(r)
	} else {
		a.printDoctor(&r, cfg.Limits.DiskFloor)
	}
	if r.DiskFree < cfg.Limits.DiskFloor || !slices.ContainsFunc(r.Kinds, func(k doctorKind) bool { return k.Available }) {
		return &saidError{ExitOther}
	}
	return nil
}

// kvm tells whether a machine really runs with it: some hosts have a device
// that opens and then never answers.
func kvm(ctx context.Context) bool {
	if _, err := os.Stat("/dev/kvm"); err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	ok, err := smoke.Probe(ctx, nil, smoke.KVM)
	return err == nil && ok
}

func probeTools(ctx context.Context) []doctorTool {
	var runner proc.Runner
	list := knownTools()
	var wg sync.WaitGroup
	for i := range list {
		wg.Go(func() {
			t := &list[i]
			path, err := runner.Look(t.Name, t.Fedora)
			if err != nil {
				return
			}
			t.Path, t.Version = path, toolVersion(ctx, &runner, path, versionFlag(t.Name))
		})
	}
	wg.Wait()
	return list
}

// versionFlag is how a tool is asked for its version; lorax's --version is that
// of the release to make.
func versionFlag(tool string) string {
	if tool == "lorax" || tool == "livemedia-creator" {
		return "-V"
	}
	return "--version"
}

// toolVersion is the first line of the answer that has a digit in it.
func toolVersion(ctx context.Context, runner *proc.Runner, path, arg string) string {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var version string
	_ = runner.Run(ctx, proc.Cmd{Name: path, Args: []string{arg}, OnLine: func(_ proc.Stream, line string) { // some end with an error
		if version == "" && strings.ContainsAny(line, "0123456789") {
			version = clip(clean(strings.TrimSpace(line)), 60)
		}
	}})
	return version
}

// withoutBase says of kinds that start from an image which other kinds make, that
// one must be named where it cannot be made here.
func withoutBase(found map[compose.Kind]doctorKind) {
	for _, b := range daemon.Backends() {
		for _, c := range b.Makes() {
			one, first := found[c.Kind], found[c.StartsFrom]
			if c.StartsFrom == "" || !one.Available || first.Available {
				continue
			}
			one.Missing = first.Missing
			one.Reason = fmt.Sprintf("only from a base image: a %s cannot be made here", c.StartsFrom)
			if len(first.Missing) > 0 {
				one.Reason += ", missing: " + strings.Join(first.Missing, ", ")
			}
			found[c.Kind] = one
		}
	}
}

// missingTools collects every *proc.NotFoundError that err joins or wraps.
func missingTools(err error) []string {
	switch e := err.(type) { //nolint:errorlint // the tree is walked, each error as it is
	case *proc.NotFoundError:
		return []string{e.Tool}
	case interface{ Unwrap() []error }:
		var all []string
		for _, one := range e.Unwrap() {
			all = append(all, missingTools(one)...)
		}
		return all
	case interface{ Unwrap() error }:
		return missingTools(e.Unwrap())
	}
	return nil
}

// askServices asks all servers at a time, each within a few seconds.
func (a *app) askServices(ctx context.Context, cfg *daemon.Config) []doctorServer {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	list := []doctorServer{{Name: "daemon", URL: a.global.Server}, {Name: "koji", URL: cfg.Koji.Hub}, {Name: "bodhi", URL: cfg.Bodhi.URL}}
	ask := []func() (string, error){
		func() (string, error) { return a.askDaemon(ctx) },
		func() (string, error) {
			c, err := koji.New(cfg.Koji.Hub, koji.Options{TopURL: cfg.Koji.TopURL, Retries: -1})
			if err != nil {
				return "", fmt.Errorf("set up koji: %w", err)
			}
			v, err := c.GetKojiVersion(ctx)
			return "Koji " + v, err //nolint:wrapcheck // shown as it is
		},
		func() (string, error) {
			c, err := bodhi.New(cfg.Bodhi.URL, bodhi.Options{Retries: -1})
			if err != nil {
				return "", fmt.Errorf("set up bodhi: %w", err)
			}
			v, err := c.Version(ctx)
			return "Bodhi " + v, err //nolint:wrapcheck // shown as it is
		},
	}
	var wg sync.WaitGroup
	for i := range list {
		wg.Go(func() {
			says, err := ask[i]()
			if err != nil {
				list[i].Error = firstLine(err)
				return
			}
			list[i].OK, list[i].Says = true, says
		})
	}
	wg.Wait()
	return list
}

func (a *app) askDaemon(ctx context.Context) (string, error) {
	c, err := a.client()
	if err != nil {
		return "", err
	}
	version, err := c.Version(ctx)
	if err != nil {
		return "", err
	}
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return "", err
	}
	says := "respin " + version
	for i := range nodes.Nodes {
		if n := &nodes.Nodes[i]; n.Online {
			says += fmt.Sprintf("; node %s builds %s", n.ID, offers(n.Offers))
		}
	}
	if !slices.ContainsFunc(strings.Split(says, ";"), func(s string) bool { return strings.HasPrefix(s, " node ") }) {
		says += "; no build node"
	}
	return says, nil
}

func firstLine(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func (a *app) printDoctor(r *doctorReport, floor int64) {
	good := func(on bool, yes, no string) string {
		if on {
			return paint(a.outColor, colorGood, yes)
		}
		return paint(a.outColor, colorWarn, no)
	}
	v := r.Version
	a.pairs("respin", v.Version+", "+v.Go, "host", v.OS+" "+r.Kernel+", "+compose.HostArch(), "kvm", map[bool]string{true: "yes", false: "no: machines boot slowly, in software"}[r.KVM],
		"data", fmt.Sprintf("%s, %s free", r.Data, bytesText(r.DiskFree)))
	if r.DiskFree < floor {
		a.printf("%s\n", paint(a.outColor, colorBad, fmt.Sprintf("there is less room than the %s that must stay free: nothing can be built", bytesText(floor))))
	}
	a.printf("\n")
	kinds := &table{head: []string{"KIND", "HERE", ""}}
	for _, k := range r.Kinds {
		kinds.add(string(k.Kind), map[bool]string{true: "ok", false: "no"}[k.Available], k.Reason)
	}
	kinds.color = func(row, col int, text string) string {
		if col != 1 {
			return text
		}
		return good(r.Kinds[row].Available, text, text)
	}
	a.printTable(kinds)
	a.printf("\n")
	a.printRunners(r.Runners)
	a.printf("\n")
	tools := &table{head: []string{"TOOL", "VERSION", "FOR", "IN"}}
	var missing []doctorTool
	for _, t := range r.Tools {
		version := t.Version
		if t.Path == "" {
			version = "missing"
			if t.Where == "" && r.wants(t.Name) {
				missing = append(missing, t)
			}
		}
		tools.add(t.Name, version, t.For, t.Where)
	}
	a.printTable(tools)
	a.printInstall(missing)
	if len(r.Services) > 0 {
		a.printf("\n")
		t := &table{head: []string{"SERVICE", "ANSWERS", "URL", ""}}
		for _, s := range r.Services {
			t.add(s.Name, map[bool]string{true: "yes", false: "no"}[s.OK], s.URL, s.Says+s.Error)
		}
		t.color = func(row, col int, text string) string {
			if col != 1 {
				return text
			}
			return good(r.Services[row].OK, text, text)
		}
		a.printTable(t)
	}
}

// printInstall prints the commands that install what is missing.
func (a *app) printInstall(missing []doctorTool) {
	var debian, fedora, onlyFedora []string
	for _, t := range missing {
		if t.Debian != "" && !slices.Contains(debian, t.Debian) {
			debian = append(debian, t.Debian)
		}
		if t.Fedora != "" && !slices.Contains(fedora, t.Fedora) {
			fedora = append(fedora, t.Fedora)
		}
		if t.Debian == "" {
			onlyFedora = append(onlyFedora, t.Name)
		}
	}
	if len(missing) == 0 {
		return
	}
	a.printf("\nTo install what is missing:\n")
	a.printf("  Fedora:         sudo dnf install %s\n", strings.Join(fedora, " "))
	if len(debian) > 0 {
		a.printf("  Debian, Ubuntu: sudo apt install %s\n", strings.Join(debian, " "))
	}
	if len(onlyFedora) > 0 {
		a.printf("  Debian has no package of %s.\n", strings.Join(onlyFedora, ", "))
	}
}
