package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// kiwiOption is an option of kiwi.
type kiwiOption struct {
	name     string
	flag     bool // takes no value
	many     bool // may be given several times
	number   bool
	required bool
}

// kiwiGlobal are the options that stand before the service (kiwi/cli.py).
func (s *session) kiwiGlobal() []kiwiOption {
	list := []kiwiOption{
		{name: "--color-output", flag: true},
		{name: "--debug", flag: true},
		{name: "--debug-run-scripts-in-screen", flag: true},
		{name: "--profile", many: true},
		{name: "--loglevel", number: true},
	}
	for _, name := range []string{"--config", "--logfile", "--logsocket", "--shared-cache-dir", "--temp-dir", "--target-arch", "--type", "--kiwi-file"} {
		list = append(list, kiwiOption{name: name})
	}
	if s.kiwiSince(10) {
		list = append(list, kiwiOption{name: "--setenv", many: true})
	}
	return list
}

// kiwiBuild are the options of system build (kiwi/tasks/system_build.py).
func (s *session) kiwiBuild() []kiwiOption {
	list := []kiwiOption{{name: "--description", required: true}, {name: "--target-dir", required: true}}
	for _, name := range []string{"--allow-existing-root", "--clear-cache", "--ignore-repos", "--ignore-repos-used-for-build"} {
		list = append(list, kiwiOption{name: name, flag: true})
	}
	for _, name := range []string{"--set-repo", "--set-repo-credentials", "--set-container-derived-from", "--set-container-tag"} {
		list = append(list, kiwiOption{name: name})
	}
	many := []string{"--add-repo", "--add-repo-credentials", "--add-package", "--add-bootstrap-package", "--delete-package", "--add-container-label", "--signing-key"}
	if s.kiwiSince(10) {
		list = append(list, kiwiOption{name: "--ca-target-distribution"}, kiwiOption{name: "--set-release-version"})
		many = append(many, "--ca-cert", "--set-type-attr")
	}
	for _, name := range many {
		list = append(list, kiwiOption{name: name, many: true})
	}
	return list
}

// kiwiSince tells whether the kiwi that is stood for is of that major version or newer.
func (s *session) kiwiSince(major int) bool {
	n, _, _ := strings.Cut(s.Kiwi, ".")
	have, _ := strconv.Atoi(n)
	return have >= major
}

// typer tells which of the two parsers of its history kiwi has: docopt up to 10,
// typer since 11. They refuse different things.
func (s *session) typer() bool { return s.kiwiSince(11) }

// kiwiArgs are parsed arguments.
type kiwiArgs struct {
	values map[string][]string
	rest   []string // from the first positional on
}

func (a *kiwiArgs) has(name string) bool { return len(a.values[name]) > 0 }

func (a *kiwiArgs) last(name, otherwise string) string {
	if v := a.values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return otherwise
}

// kiwiParse parses options; wrong is what the parser would say. With stop it ends
// at the first positional, as both parsers do before the service.
func (s *session) kiwiParse(options []kiwiOption, args []string, stop bool) (a *kiwiArgs, wrong string) {
	a = &kiwiArgs{values: map[string][]string{}}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			if stop {
				a.rest = args[i:]
				break
			}
			a.rest = append(a.rest, arg)
			continue
		}
		name, value, inline := strings.Cut(arg, "=")
		o, problem := s.kiwiFind(options, name)
		switch {
		case problem != "":
			return a, problem
		case o.flag && inline:
			return a, s.say("%s must not have an argument", "Option '%s' does not take a value.", o.name)
		case o.flag:
			value = "true"
		case !inline && i+1 == len(args):
			return a, s.say("%s requires argument", "Option '%s' requires an argument.", o.name)
		case !inline:
			i++
			value = args[i]
		}
		if _, err := strconv.Atoi(value); o.number && err != nil && s.typer() {
			return a, fmt.Sprintf("Invalid value for '%s': Input should be a valid integer", o.name)
		}
		if !o.many && a.has(o.name) && !s.typer() {
			return a, fmt.Sprintf("Warning: found unmatched (duplicate?) arguments [Option(None, '%s', 1, '%s')]", o.name, value)
		}
		a.values[o.name] = append(a.values[o.name], value)
	}
	for _, o := range options {
		if o.required && !a.has(o.name) {
			return a, s.say("Warning: found unmatched (duplicate?) arguments [%s]", "Missing option '%s'.", o.name)
		}
	}
	return a, ""
}

// kiwiFind finds an option; docopt takes a beginning that only one has.
func (s *session) kiwiFind(options []kiwiOption, name string) (kiwiOption, string) {
	var found []kiwiOption
	for _, o := range options {
		if o.name == name {
			return o, ""
		}
		if strings.HasPrefix(o.name, name) && !s.typer() && strings.HasPrefix(name, "--") {
			found = append(found, o)
		}
	}
	if len(found) == 1 {
		return found[0], ""
	}
	return kiwiOption{}, s.say("Warning: found unmatched (duplicate?) arguments [Option(None, '%s', 0, True)]", "No such option: %s", name)
}

func (s *session) say(docopt, typer, name string) string {
	if s.typer() {
		return fmt.Sprintf(typer, name)
	}
	return fmt.Sprintf(docopt, name)
}

// kiwiUsage ends as the parser does: docopt's message comes out of kiwi's own
// handler with 1, typer ends with 2 and a box.
func (s *session) kiwiUsage(wrong string) int {
	if s.typer() {
		_, _ = fmt.Fprintf(os.Stderr, "Usage: kiwi-ng [OPTIONS] COMMAND [ARGS]...\nTry 'kiwi-ng --help' for help.\n╭─ Error ─╮\n│ %s │\n╰─────────╯\n", wrong)
		return 2
	}
	fmt.Printf("usage: kiwi-ng [global options] service <command> [<args>]\n\n%s\n       kiwi-ng -h | --help\n", wrong)
	return 1
}

// kiwiHelp lists options in the form of the parser, and ends as it does: with 1
// where docopt is.
func (s *session) kiwiHelp(options []kiwiOption) int {
	if s.typer() {
		fmt.Print("\n Usage: kiwi-ng [OPTIONS] COMMAND [ARGS]...\n\n╭─ Options ─╮\n")
		for _, o := range options {
			fmt.Printf("│ %s %-40s <%s>  a stand-in's help │\n", map[bool]string{true: "*", false: " "}[o.required], o.name, map[bool]string{true: "bool", false: "str"}[o.flag])
		}
		fmt.Print("╰───────────╯\n")
		return 0
	}
	fmt.Print("usage: kiwi-ng [global options] service <command> [<args>]\n\n")
	for _, o := range options {
		fmt.Printf("           [%s%s%s]\n", o.name, map[bool]string{true: "", false: "=<value>"}[o.flag], map[bool]string{true: "...", false: ""}[o.many])
	}
	return 1
}

// kiwi is kiwi-ng.
func (s *session) kiwi(args []string) int {
	switch {
	case slices.Equal(args, []string{"--version"}), slices.Equal(args, []string{"-v"}) && !s.typer():
		fmt.Printf("KIWI (next generation) version %s\n", s.Kiwi)
		return 0
	case slices.Equal(args, []string{"--help"}):
		return s.kiwiHelp(s.kiwiGlobal())
	case slices.Equal(args, []string{"system", "build", "--help"}):
		return s.kiwiHelp(s.kiwiBuild())
	}
	global, wrong := s.kiwiParse(s.kiwiGlobal(), args, true)
	if wrong != "" {
		return s.kiwiUsage(wrong)
	}
	service := append(slices.Clone(global.rest), "", "")
	switch {
	case service[0] != "system" || service[1] == "":
		return s.kiwiUsage(s.say("Warning: found unmatched (duplicate?) arguments [Argument(None, '%s')]", "No such command '%s'.", service[0]))
	case service[1] != "build" && s.typer():
		return s.kiwiUsage(fmt.Sprintf("No such command '%s'.", service[1]))
	case service[1] != "build":
		return s.kiwiError("KiwiCommandNotLoaded: Command %q not found", service[1])
	}
	own, wrong := s.kiwiParse(s.kiwiBuild(), global.rest[2:], false)
	if wrong == "" && len(own.rest) > 0 {
		wrong = s.say("Warning: found unmatched (duplicate?) arguments [Argument(None, '%s')]", "Got unexpected extra argument(s) (%s)", own.rest[0])
	}
	if wrong != "" {
		return s.kiwiUsage(wrong)
	}
	return s.kiwiSystemBuild(global, own)
}
