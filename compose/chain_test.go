package compose_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// step is a back end that writes down what it is given.
type step struct {
	copier
	name   string
	makes  compose.Capability
	events *[]string
	fails  bool
}

func (s step) Name() string                 { return s.name }
func (s step) Makes() []compose.Capability  { return []compose.Capability{s.makes} }
func (s step) note(format string)           { *s.events = append(*s.events, format) }
func (s step) Describe(*compose.Plan) error { return nil }

func (s step) Build(_ context.Context, p *compose.Plan, j *compose.BackendJob) (*compose.Made, error) {
	where := "on the host"
	if _, ok := j.Runner.(*fakeRoot); ok {
		where = "in a root"
	}
	s.note(s.name + " builds a " + string(p.Request.Kind) + " " + where)
	if s.fails {
		return nil, errors.New("no")
	}
	image := s.name
	if j.Base != "" {
		data, err := os.ReadFile(j.Base)
		if err != nil {
			return nil, err
		}
		image += " of " + string(data)
	}
	j.Progress("", 50, "half")
	made := &compose.Made{
		Artifacts: []compose.Artifact{{Name: p.Image, Path: p.Image, Type: compose.ArtifactISO}}, Commands: []compose.Command{{Argv: []string{s.name}}},
	}
	return made, os.WriteFile(filepath.Join(j.OutDir, p.Image), []byte(image), 0o600)
}

func (s step) Verify(_ context.Context, p *compose.Plan, j *compose.BackendJob, made *compose.Made) (*compose.Proof, error) {
	data, err := os.ReadFile(filepath.Join(j.OutDir, made.Artifacts[0].Path))
	s.note(s.name + " verifies " + string(data))
	j.Progress("", 100, "read")
	entries, wrong := compose.InstalledEntries(p, nil)
	return &compose.Proof{Packages: entries}, errors.Join(err, wrong)
}

// fakeRoot is a root that tells when it is made and removed.
type fakeRoot struct {
	proc.Runner
	events *[]string
}

func (r *fakeRoot) Begin(_ context.Context, j compose.RootJob) (compose.Root, error) {
	var dirs []string
	for _, dir := range j.Write {
		dirs = append(dirs, filepath.Base(dir))
	}
	*r.events = append(*r.events, "root for "+strings.Join(dirs, " "))
	return r, nil
}

func (r *fakeRoot) Close() error {
	*r.events = append(*r.events, "root is gone")
	return nil
}

// steps are a plan of two steps, and who makes them.
func steps(events *[]string) (*compose.Plan, []compose.Backend) {
	built := false
	first := step{copier{&built}, "first", compose.Capability{Kind: compose.KindBootISO, Native: true}, events, false}
	second := step{copier{&built}, "second", compose.Capability{Kind: compose.KindDVD, StartsFrom: compose.KindBootISO}, events, false}
	return &compose.Plan{
		Request: compose.Request{Kind: compose.KindDVD, Release: "44", Arch: compose.HostArch()}, Backend: "second", Image: "dvd.iso",
		First: &compose.PlanStep{Kind: compose.KindBootISO, Backend: "first", Image: "boot.iso"},
	}, []compose.Backend{second, first}
}

func TestStepsRunOneAfterTheOther(t *testing.T) {
	t.Parallel()
	var events []string
	plan, backends := steps(&events)
	b := builder(t, compose.Network{}, compose.BuilderOptions{Backends: backends, Roots: &fakeRoot{events: &events}})
	dir := t.TempDir()
	last := 0
	result, err := b.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir, Progress: func(p compose.Progress) {
		if p.Percent < last {
			t.Errorf("progress fell from %d to %d", last, p.Percent)
		}
		last = p.Percent
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"root for made-first logs first first", "first builds a boot-iso in a root", "root is gone", "second builds a dvd on the host",
		"first verifies first", "second verifies second of first",
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Error(diff)
	}
	var paths, commands []string
	for _, a := range result.Artifacts {
		paths = append(paths, a.Path)
	}
	for _, c := range result.Commands {
		commands = append(commands, c.Argv[0])
	}
	if !slices.Contains(paths, "dvd.iso") || slices.Contains(paths, "boot.iso") || !slices.Equal(commands, []string{"first", "second"}) {
		t.Errorf("artifacts %q, commands %q", paths, commands)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

func TestAFailedStepIsTheLast(t *testing.T) {
	t.Parallel()
	var events []string
	plan, backends := steps(&events)
	failing := backends[1].(step)
	failing.fails = true
	backends[1] = failing
	b := builder(t, compose.Network{}, compose.BuilderOptions{Backends: backends, Roots: &fakeRoot{events: &events}})
	dir := t.TempDir()
	if _, err := b.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir}); err == nil {
		t.Fatal("it was built")
	}
	if want := []string{"root for made-first logs first first", "first builds a boot-iso in a root", "root is gone"}; !slices.Equal(events, want) {
		t.Errorf("%q", events)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}
