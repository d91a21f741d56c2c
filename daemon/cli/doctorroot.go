package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/runner"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/internal/proc"
)

// doctorRunner is one of the places where lorax and its like can run.
type doctorRunner struct {
	Name       string `json:"name"` // host, mock or podman
	Configured bool   `json:"configured"`
	Usable     bool   `json:"usable"`
	Version    string `json:"version,omitempty"`
	Says       string `json:"says,omitempty"`
}

// probeRunners asks every runner, not only the one that is configured.
func probeRunners(ctx context.Context, runners *daemon.Runners) []doctorRunner {
	mock, podman := runners.Mock, runners.Podman
	if mock == nil {
		mock = &runner.Mock{Host: runners.Host}
	}
	if podman == nil {
		podman = &runner.Podman{Host: runners.Host}
	}
	held, heldErr := runners.Ready(ctx)
	list := []doctorRunner{{Name: "host", Says: "processes are held by " + held}}
	fail := func(r *doctorRunner, err error) {
		if r.Usable = err == nil; err != nil {
			r.Says = firstLine(err)
		}
	}
	fail(&list[0], heldErr)
	for _, client := range []struct {
		name    string
		version func(context.Context) (string, error)
	}{{"mock", mock.Version}, {"podman", podman.Version}} {
		r := doctorRunner{Name: client.name}
		var err error
		r.Version, err = client.version(ctx)
		fail(&r, errors.Join(err, heldErr))
		list = append(list, r)
	}
	for i := range list {
		list[i].Configured = list[i].Name == runners.Kind
	}
	return list
}

// wants tells whether a missing tool is to be installed: those that make roots
// only where they are configured.
func (r *doctorReport) wants(tool string) bool {
	i := slices.IndexFunc(r.Runners, func(d doctorRunner) bool { return d.Name == tool })
	return i < 0 || r.Runners[i].Configured
}

// probeKinds asks every back end of this version, and writes into tools what was
// found of those that run in a root.
func probeKinds(ctx context.Context, runners *daemon.Runners, tools []doctorTool) []doctorKind {
	found := map[compose.Kind]doctorKind{compose.KindRepo: {Available: true}}
	for _, b := range daemon.Backends() {
		probed, err := compose.ProbeTools(ctx, b, runners.Host, runners.Roots)
		if runners.Roots != nil && compose.IsNative(b) {
			inRoot(tools, b, probed, runners.Kind)
		}
		for _, c := range b.Makes() {
			before := found[c.Kind]
			if before.Available {
				continue
			}
			one := judgeKind(err)
			if err != nil && before.Reason != "" { // another back end makes it too
				one.Missing = append(before.Missing, one.Missing...)
				one.Reason = before.Reason + "; or " + one.Reason
			}
			found[c.Kind] = one
		}
	}
	withoutBase(found)
	var list []doctorKind
	for _, k := range compose.Kinds() {
		one, ok := found[k]
		if !ok {
			one.Reason = "not in this version"
		}
		one.Kind = k
		list = append(list, one)
	}
	return list
}

func judgeKind(err error) doctorKind {
	one := doctorKind{Available: err == nil}
	if err == nil {
		return one
	}
	one.Missing = missingTools(err)
	one.Reason = "missing: " + strings.Join(one.Missing, ", ")
	if where, ok := errors.AsType[*proc.NotFoundError](err); ok && where.Where != "" {
		one.Reason += " (in " + where.Where + ")"
	}
	if len(one.Missing) == 0 {
		one.Reason = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return one
}

// inRoot puts what a back end's root has in the place of what the host has: the
// host's own is not used.
func inRoot(tools []doctorTool, b compose.Backend, probed compose.Probed, kind string) {
	where := probed.Where
	if where == "" {
		where = kind
	}
	for i := range tools {
		t := &tools[i]
		if !slices.Contains(rootTools(b.Name()), t.Name) {
			continue
		}
		t.Where, t.Path, t.Version = where, "", ""
		for _, in := range probed.Tools {
			if in.Name == t.Name {
				t.Path, t.Version = in.Name, in.Version
			}
		}
	}
}

// rootTools are the tools of a native back end in the table of doctor.
func rootTools(backend string) []string {
	switch backend {
	case "lorax":
		return []string{"lorax"}
	case "livemedia":
		return []string{"livemedia-creator"}
	}
	return nil
}

func (a *app) printRunners(list []doctorRunner) {
	t := &table{head: []string{"RUNNER", "USABLE", "VERSION", ""}}
	for _, r := range list {
		name := r.Name
		if r.Configured {
			name += " *"
		}
		t.add(name, map[bool]string{true: "yes", false: "no"}[r.Usable], r.Version, r.Says)
	}
	t.color = func(row, col int, text string) string {
		switch {
		case col != 1:
			return text
		case list[row].Usable:
			return paint(a.outColor, colorGood, text)
		}
		return paint(a.outColor, colorWarn, text)
	}
	a.printTable(t)
	a.printf("* is configured\n")
}
