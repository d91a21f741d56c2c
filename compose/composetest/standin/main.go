// Command standin stands in for lorax and livemedia-creator where the real ones
// are not at hand: tests, CI on Debian, the demo. It is called by their names
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
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/compose/composetest"
)

func main() { os.Exit(run()) }

func run() int {
	dir := filepath.Dir(os.Args[0])
	set := composetest.Settings{Version: "46.0"}
	data, err := os.ReadFile(filepath.Join(dir, "standin.json"))
	if err == nil {
		err = json.Unmarshal(data, &set)
	}
	if err != nil && !os.IsNotExist(err) {
		return fatal("read standin.json: %v", err)
	}
	s := &session{Settings: set, prog: filepath.Base(os.Args[0]), dir: dir}
	switch {
	case set.Fail == "hang":
		return s.hang()
	case s.prog == "lorax":
		return s.lorax(os.Args[1:])
	case s.prog == "livemedia-creator":
		return s.livemedia(os.Args[1:])
	case s.prog == "anaconda":
		return s.anaconda(os.Args[1:])
	}
	return fatal("call it lorax, livemedia-creator or anaconda, not %s", s.prog)
}

func fatal(format string, args ...any) int {
	_, _ = fmt.Fprintf(os.Stderr, "standin: "+format+"\n", args...)
	return 70
}

// session is one run.
type session struct {
	composetest.Settings
	prog, dir string
	log       *logs
	root      string // where anaconda installs the system
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
