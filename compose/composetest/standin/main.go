// Command standin stands in for lorax, livemedia-creator and kiwi, and for mock,
// podman and systemd-run that these run in, where the real ones are not at hand:
// tests, CI on Debian, the demo. It is called by their names
// (argv[0]), keeps their rules for arguments (required options, exit code 2,
// directories that must not exist, macboot), really reads repositories, really
// installs what it chose as far as that is copying, and leaves the trees and logs
// that they leave. Everything it makes says that it is a stand-in.
//
// standin.json beside the executable says which version it stands for, and what
// it is to do wrong; see composetest.Settings.
//
//	err := composetest.Install(ctx, dir, composetest.Settings{Version: "46.0"})
//	runner := &proc.Runner{Env: []string{"PATH=" + dir + ":" + os.Getenv("PATH")}}
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose/composetest"
)

func main() { os.Exit(run()) }

func run() int {
	self, err := exec.LookPath(os.Args[0])
	if err != nil {
		return fatal("find myself: %v", err)
	}
	dir := filepath.Dir(self)
	set := composetest.Settings{Version: "46.0", Kiwi: composetest.DefaultKiwi}
	data, err := os.ReadFile(filepath.Join(dir, "standin.json"))
	if err == nil {
		err = json.Unmarshal(data, &set)
	}
	if err != nil && !os.IsNotExist(err) {
		return fatal("read standin.json: %v", err)
	}
	s := &session{Settings: set, prog: filepath.Base(os.Args[0]), dir: dir}
	if code, ok := s.rootTool(); ok {
		return code
	}
	switch {
	case set.Fail == "hang":
		return s.hang()
	case s.prog == "kiwi-ng":
		return s.kiwi(os.Args[1:])
	case s.prog == "lorax":
		return s.lorax(os.Args[1:])
	case s.prog == "livemedia-creator":
		return s.livemedia(os.Args[1:])
	case s.prog == "anaconda":
		return s.anaconda(os.Args[1:])
	}
	return fatal("call it lorax, livemedia-creator, anaconda or kiwi-ng, not %s", s.prog)
}

func fatal(format string, args ...any) int {
	_, _ = fmt.Fprintf(os.Stderr, "standin: "+format+"\n", args...)
	return 70
}

// rootTool runs what is no tool of a compose: what makes roots, and what is in
// every one of them.
func (s *session) rootTool() (code int, ok bool) {
	args := os.Args[1:]
	switch s.prog {
	case "env", "ls":
		return map[string]func([]string) int{"env": envApplet, "ls": lsApplet}[s.prog](args), true
	case "sleep":
		time.Sleep(time.Hour)
		return 0, true
	}
	if s.Roots == nil {
		return 0, false
	}
	tools := map[string]func([]string) int{
		"mock": s.mock, "podman": s.podman, conmonName: s.conmon, initName: s.containerInit, "systemd-run": s.systemdRun, "systemctl": s.systemctl,
	}
	tool, ok := tools[s.prog]
	if !ok {
		return 0, false
	}
	if err := s.note(args); err != nil {
		return fatal("note the call: %v", err), true
	}
	return tool(args), true
}

// note writes down how a tool that makes roots was called.
func (s *session) note(args []string) error {
	if !slices.Contains(composetest.RootTools(), s.prog) || os.Getenv("USERHELPER_UID") != "" {
		return nil
	}
	line, err := json.Marshal(append([]string{s.prog}, args...))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Roots.Dir, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(s.Roots.Dir, "calls"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// session is one run.
type session struct {
	composetest.Settings
	prog, dir string
	log       *logs
	root      string   // where anaconda installs the system
	kiwiFile  *os.File // kiwi's log
}

// major and minor of the version that is stood for.
func (s *session) since(major, minor int) bool {
	var a, b int
	_, _ = fmt.Sscanf(s.Version, "%d.%d", &a, &b)
	return a > major || a == major && b >= minor
}

// usage ends as argparse does.
func (s *session) usage(format string, args ...any) int {
	_, _ = fmt.Fprintf(os.Stderr, "usage: %s [-h] ...\n%s: error: %s\n", s.prog, s.prog, fmt.Sprintf(format, args...))
	return 2
}

func (s *session) help(p *parser) int {
	fmt.Printf("usage: %s [-h]\n\noptions:\n", s.prog)
	for _, o := range p.options {
		fmt.Printf("  %s%s\n", strings.Join(o.names, ", "), map[bool]string{true: " VALUE"}[o.value])
	}
	return 0
}
