package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose/composetest"
)

// standinReport is what the stand-in said on its serial console; the lines are
// documented in package composetest.
type standinReport struct {
	cmdline string
	medium  string
	ksSHA   string
	ksRepos []string             // repo and url lines of the kickstart
	repos   map[string]string    // path to the rest of the line
	rpms    map[string]serialRPM // by path on the medium
	end     string               // the last line
}

// serialRPM is one package as the booted machine found it.
type serialRPM struct {
	sha256  string
	primary string // ok, MISMATCH, UNLISTED or MISSING
}

// parseSerial reads the report between its marks; the console has the boot
// loader's words and the kernel's before it.
func parseSerial(serial string) (*standinReport, error) {
	_, text, ok := strings.Cut(serial, composetest.MarkBegin)
	if !ok {
		return nil, fmt.Errorf("the console lacks %q", composetest.MarkBegin)
	}
	r := &standinReport{repos: map[string]string{}, rpms: map[string]serialRPM{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, composetest.MarkOK) || strings.HasPrefix(line, composetest.MarkFailed) {
			r.end = line
			return r, nil
		}
		kind, rest, _ := strings.Cut(line, ": ")
		switch kind {
		case "cmdline":
			r.cmdline = rest
		case "medium":
			r.medium = rest
		case "ks":
			r.ksSHA = valueOf(rest, "sha256")
		case "ks-repo":
			r.ksRepos = append(r.ksRepos, rest)
		case "repo":
			name, about, _ := strings.Cut(rest, " ")
			r.repos[name] = about
		case "rpm":
			name, _, _ := strings.Cut(rest, " ")
			if _, twice := r.rpms[name]; twice {
				return nil, fmt.Errorf("the console names %s twice", name)
			}
			r.rpms[name] = serialRPM{valueOf(rest, "sha256"), valueOf(rest, "primary")}
		}
	}
	return nil, fmt.Errorf("the console lacks %q", composetest.MarkOK)
}

// valueOf returns the value of name=value in a line.
func valueOf(line, name string) string {
	for word := range strings.FieldsSeq(line) {
		if v, ok := strings.CutPrefix(word, name+"="); ok {
			return v
		}
	}
	return ""
}

// packages is the number of packages of a repository on the medium.
func (r *standinReport) packages(repo string) int {
	n, err := strconv.Atoi(valueOf(r.repos[repo], "packages"))
	if err != nil {
		return -1
	}
	return n
}
