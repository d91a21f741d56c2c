package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fedora-respin/respin/compose"
)

// Exit codes of podman's own (podman-run(1), Exit Status).
const (
	podmanFailed  = 125
	podmanDenied  = 126
	podmanMissing = 127
)

var (
	podmanName   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)
	volumeOption = regexp.MustCompile(`^(rw|ro|z|Z|O|U|copy|nocopy|dev|nodev|exec|noexec|suid|nosuid|r?bind|r?(shared|slave|private|unbindable)|nocreate)$`)
)

func podmanError(code int, format string, args ...any) int {
	_, _ = fmt.Fprintf(os.Stderr, "Error: "+format+"\n", args...)
	return code
}

// pflags are options as github.com/spf13/pflag reads them.
type pflags struct {
	bools  []string
	takes  []string
	values map[string][]string
	rest   []string
}

func (p *pflags) parse(args []string, interspersed bool) (wrong string) {
	p.values = map[string][]string{}
	for i := 0; i < len(args); i++ {
		name, value, inline := strings.Cut(args[i], "=")
		switch {
		case args[i] == "--":
			p.rest = append(p.rest, args[i+1:]...)
			return ""
		case !strings.HasPrefix(args[i], "-"):
			if !interspersed {
				p.rest = append(p.rest, args[i:]...)
				return ""
			}
			p.rest = append(p.rest, args[i])
		case slices.Contains(p.bools, name):
			if !inline {
				value = "true"
			}
			if _, err := strconv.ParseBool(value); err != nil {
				return fmt.Sprintf("invalid argument %q for %q flag: strconv.ParseBool: parsing %q: invalid syntax", value, name, value)
			}
			p.values[name] = append(p.values[name], value)
		case slices.Contains(p.takes, name):
			if !inline {
				if i++; i == len(args) {
					return "flag needs an argument: " + name
				}
				value = args[i]
			}
			p.values[name] = append(p.values[name], value)
		default:
			return "unknown flag: " + name
		}
	}
	return ""
}

func (p *pflags) on(name string) bool { return p.last(name, "false") == "true" }
func (p *pflags) last(name, otherwise string) string {
	if v := p.values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return otherwise
}

func (s *session) podman(args []string) int {
	if len(args) > 0 && args[0] == "--version" {
		fmt.Printf("podman version %s\n", s.Roots.Podman)
		return 0
	}
	verbs := map[string]struct {
		flags        pflags
		interspersed bool
		run          func(*pflags) int
	}{
		"run": {pflags{
			bools: []string{"--rm", "--privileged", "--init", "--read-only", "--interactive", "--tty", "--detach"},
			takes: []string{"--pull", "--network", "--label", "--log-driver", "--memory", "--memory-swap", "--cpus", "--volume", "--name", "--env", "--workdir", "--entrypoint", "--pids-limit", "--security-opt", "--device"},
		}, false, s.podmanRun},
		"rm":      {pflags{bools: []string{"--force", "--ignore", "--all", "--volumes"}, takes: []string{"--time", "--filter"}}, true, s.podmanRm},
		"ps":      {pflags{bools: []string{"--all", "--external", "--no-trunc", "--quiet"}, takes: []string{"--format", "--filter"}}, true, s.podmanPs},
		"inspect": {pflags{takes: []string{"--format", "--type"}}, true, s.podmanInspect},
		"image":   {pflags{}, true, s.podmanImage},
		"pull":    {pflags{bools: []string{"--quiet"}, takes: []string{"--policy"}}, true, s.podmanPull},
	}
	if len(args) == 0 {
		return podmanError(podmanFailed, "missing command 'podman COMMAND'")
	}
	verb, ok := verbs[args[0]]
	if !ok {
		return podmanError(podmanFailed, "unrecognized command `podman %s`", args[0])
	}
	if compose.OlderVersion(s.Roots.Podman, "4.0") {
		verb.flags.takes = slices.DeleteFunc(verb.flags.takes, func(f string) bool { return args[0] == "rm" && f == "--time" })
	}
	if wrong := verb.flags.parse(args[1:], verb.interspersed); wrong != "" {
		return podmanError(podmanFailed, "%s\nSee 'podman %s --help'", wrong, args[0])
	}
	return verb.run(&verb.flags)
}

func (s *session) store(parts ...string) string {
	return filepath.Join(append([]string{s.Roots.Dir, "podman"}, parts...)...)
}

// imageDir is the root of an image that is there. Those of the settings are made
// when they are first asked for.
func (s *session) imageDir(name string) (string, bool, error) {
	sum := sha256.Sum256([]byte(name))
	dir := s.store("images", hex.EncodeToString(sum[:8]))
	if exists(dir) {
		return dir, true, nil
	}
	tools, ok := s.Roots.Images[name]
	if !ok {
		return dir, false, nil
	}
	return dir, true, s.makeImage(dir, tools)
}

func (s *session) makeImage(dir string, tools []string) error {
	tmp := dir + ".tmp-" + strconv.Itoa(os.Getpid())
	if err := s.fillRoot(tmp, tools); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		_ = os.RemoveAll(tmp)
		if !exists(dir) { // or another one was faster
			return fmt.Errorf("make image: %w", err)
		}
	}
	return nil
}

func (s *session) podmanImage(p *pflags) int {
	if len(p.rest) != 2 || p.rest[0] != "exists" {
		return podmanError(podmanFailed, "accepts 1 arg(s), received %d", max(len(p.rest)-1, 0))
	}
	switch _, there, err := s.imageDir(p.rest[1]); {
	case err != nil:
		return podmanError(podmanFailed, "%v", err)
	case !there:
		return 1
	}
	return 0
}

func (s *session) podmanPull(p *pflags) int {
	if len(p.rest) != 1 {
		return podmanError(podmanFailed, "requires at least 1 arg(s), only received %d", len(p.rest))
	}
	name := p.rest[0]
	tools, ok := s.Roots.Registry[name]
	if !ok {
		return podmanError(podmanFailed, "initializing source docker://%s: reading manifest: manifest unknown", name)
	}
	dir, there, err := s.imageDir(name)
	if err == nil && !there {
		err = s.makeImage(dir, tools)
	}
	if err != nil {
		return podmanError(podmanFailed, "%v", err)
	}
	fmt.Println(filepath.Base(dir))
	return 0
}

// specOf checks what podman run checks before a container is made.
func (s *session) specOf(p *pflags) (*containerSpec, int) {
	fail := func(format string, args ...any) (*containerSpec, int) {
		return nil, podmanError(podmanFailed, format, args...)
	}
	if len(p.rest) == 0 {
		return fail("requires at least 1 arg(s), only received 0")
	}
	c := &containerSpec{
		Name: p.last("--name", "stand-in-"+strconv.Itoa(os.Getpid())), Labels: p.values["--label"], Env: p.values["--env"], Dir: p.last("--workdir", "/"), Rm: p.on("--rm"),
		OwnNetwork: p.last("--network", "bridge") != "host", Argv: p.rest[1:],
	}
	if entry := p.last("--entrypoint", ""); entry != "" {
		c.Argv = append([]string{entry}, c.Argv...)
	}
	if !podmanName.MatchString(c.Name) {
		return fail("running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument")
	}
	if policy := p.last("--pull", "missing"); !slices.Contains([]string{"always", "missing", "never", "newer"}, policy) {
		return fail("unsupported pull policy %q", policy)
	}
	seen := map[string]bool{}
	for _, v := range p.values["--volume"] {
		parts := strings.Split(v, ":")
		if len(parts) < 2 || len(parts) > 3 {
			return fail("incorrect volume format, should be [host-dir:]ctr-dir[:option]: %s", v)
		}
		m := containerMount{From: parts[0], To: parts[1]}
		if len(parts) == 3 {
			for o := range strings.SplitSeq(parts[2], ",") {
				if !volumeOption.MatchString(o) {
					return fail("invalid option %s for volume %s", o, v)
				}
				m.ReadOnly = m.ReadOnly || o == "ro"
			}
		}
		switch {
		case !filepath.IsAbs(m.To):
			return fail("invalid container path %q, must be an absolute path", m.To)
		case seen[m.To]:
			return fail("%s: duplicate mount destination", m.To)
		case !strings.HasPrefix(m.From, "/") && !strings.HasPrefix(m.From, "."):
			if !podmanName.MatchString(m.From) {
				return fail("invalid volume name %q", m.From)
			}
			m.From = s.store("volumes", m.From)
			_ = os.MkdirAll(m.From, 0o755)
		case !exists(m.From):
			return fail("statfs %s: no such file or directory", m.From)
		}
		seen[m.To] = true
		c.Mounts = append(c.Mounts, m)
	}
	if text := p.last("--memory", ""); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fail("invalid value for memory: invalid size: '%s'", text)
		}
		c.Memory = n
	}
	if text := p.last("--cpus", ""); text != "" {
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return fail("invalid argument %q for \"--cpus\" flag", text)
		}
	}
	return c, 0
}

func (s *session) podmanRun(p *pflags) int {
	c, code := s.specOf(p)
	if code != 0 {
		return code
	}
	image, there, err := s.imageDir(p.rest[0])
	switch {
	case err != nil:
		return podmanError(podmanFailed, "%v", err)
	case !there && p.last("--pull", "missing") == "never":
		return podmanError(podmanFailed, "%s: image not known", p.rest[0])
	case !there:
		if code := s.podmanPull(&pflags{rest: p.rest[:1]}); code != 0 {
			return code
		}
	}
	if len(c.Argv) == 0 {
		return podmanError(podmanFailed, "no command or entrypoint provided, and no CMD or ENTRYPOINT from image")
	}
	dir, err := s.register(c)
	if err != nil {
		return podmanError(podmanFailed, "%v", err)
	}
	if err := linkTree(image, filepath.Join(dir, "rootfs")); err != nil {
		return podmanError(podmanFailed, "%v", errors.Join(err, s.unregister(dir)))
	}
	return s.attach(dir)
}

// register makes the container known at once or not at all, as a database does.
func (s *session) register(c *containerSpec) (string, error) {
	dir, made := s.store("containers", c.Name), s.store("registering-"+strconv.Itoa(os.Getpid()))
	if err := errors.Join(os.MkdirAll(filepath.Dir(dir), 0o755), os.MkdirAll(made, 0o755), c.save(made)); err != nil {
		return "", err
	}
	if err := os.Rename(made, dir); err != nil {
		return "", errors.Join(fmt.Errorf("creating container storage: the container name %q is already in use by %s. You have to remove that container to be able to reuse that name: that name is already in use, or use --replace to instruct Podman to do so", c.Name, c.Name), os.RemoveAll(made))
	}
	return dir, nil
}

// unregister is its counterpart.
func (s *session) unregister(dir string) error {
	gone := s.store("removing-" + strconv.Itoa(os.Getpid()))
	if err := os.Rename(dir, gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(gone)
}

// attach starts the monitor and passes on what it hears, and signals to the
// container (--sig-proxy).
func (s *session) attach(dir string) int {
	monitor := filepath.Join(s.dir, conmonName)
	if err := s.place(monitor); err != nil {
		return podmanError(podmanFailed, "%v", err)
	}
	cmd := exec.CommandContext(context.Background(), monitor, dir)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.Stdout, cmd.Stderr = passOn{os.Stdout}, passOn{os.Stderr}
	if err := cmd.Start(); err != nil {
		return podmanError(podmanFailed, "start conmon: %v", err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		for got := range signals {
			sig, _ := got.(syscall.Signal)
			if c, err := loadContainer(dir); err == nil && c.Pid > 0 {
				_ = syscall.Kill(c.Pid, sig)
			}
		}
	}()
	_ = cmd.Wait() // until the monitor, too, has closed its output
	data, err := os.ReadFile(exitFile(dir))
	if err != nil {
		return podmanError(podmanFailed, "container exit code: %v", err)
	}
	code, err := strconv.Atoi(string(data))
	if err := errors.Join(err, os.Remove(exitFile(dir))); err != nil {
		return podmanError(podmanFailed, "%v", err)
	}
	return code
}

// exitFile is where the monitor leaves how a container ended.
func exitFile(dir string) string {
	return filepath.Join(filepath.Dir(filepath.Dir(dir)), "exits-"+filepath.Base(dir))
}

// passOn hides from exec that it is a file, so that the child gets a pipe.
type passOn struct{ f *os.File }

func (p passOn) Write(b []byte) (int, error) { return p.f.Write(b) }

func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		return os.Link(path, filepath.Join(to, rel))
	})
}

func (s *session) podmanRm(p *pflags) int {
	if len(p.values["--time"]) > 0 && !p.on("--force") {
		return podmanError(podmanFailed, "--force option must be specified to use the --time option")
	}
	if len(p.rest) == 0 && !p.on("--all") {
		return podmanError(podmanFailed, "you must provide at least one name or id")
	}
	for _, name := range p.rest {
		dir := s.store("containers", name)
		c, err := loadContainer(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && p.on("--ignore"):
			continue
		case err != nil:
			return podmanError(1, "no container with ID or name %q found: no such container", name)
		case c.Running && !p.on("--force"):
			return podmanError(2, "cannot remove container %s as it is running - running or paused containers cannot be removed without force: container state improper", name)
		}
		for deadline := time.Now().Add(settleTime); c.Running && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if c.Pid > 0 {
				_ = syscall.Kill(c.Pid, syscall.SIGKILL)
			}
			next, err := loadContainer(dir) // the monitor says when it is over
			if err != nil {                 // its monitor has removed it (--rm)
				break
			}
			c = next
		}
		if err := s.unregister(dir); err != nil {
			return podmanError(podmanFailed, "%v", err)
		}
		fmt.Println(name)
	}
	return 0
}

func (s *session) podmanPs(p *pflags) int {
	if format := p.last("--format", ""); format != "{{.Names}}" {
		return podmanError(podmanFailed, "the stand-in knows no format %q", format)
	}
	entries, _ := os.ReadDir(s.store("containers"))
	for _, e := range entries {
		c, err := loadContainer(s.store("containers", e.Name()))
		if err != nil || !c.Running && !p.on("--all") {
			continue
		}
		match := true
		for _, filter := range p.values["--filter"] {
			key, value, _ := strings.Cut(filter, "=")
			switch key {
			case "label":
				match = match && slices.Contains(c.Labels, value)
			case "name":
				found, err := regexp.MatchString(value, c.Name)
				match = match && err == nil && found
			default:
				return podmanError(podmanFailed, "%s is an invalid filter", key)
			}
		}
		if match {
			fmt.Println(c.Name)
		}
	}
	return 0
}

func (s *session) podmanInspect(p *pflags) int {
	if len(p.rest) != 1 || p.last("--format", "") != "{{.State.OOMKilled}}" {
		return podmanError(podmanFailed, "the stand-in tells of one container whether it was killed for memory, not %q of %q", p.last("--format", ""), p.rest)
	}
	c, err := loadContainer(s.store("containers", p.rest[0]))
	if err != nil {
		return podmanError(podmanFailed, "no such container %s", p.rest[0])
	}
	fmt.Println(c.OOMKilled)
	return 0
}
