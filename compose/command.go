package compose

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Command is one run of a tool as it happened. The build node's directories are
// written as in Plan.Argv, so that nothing of the host is told.
type Command struct {
	Argv    []string `json:"argv"`
	Tool    string   `json:"tool"`
	Version string   `json:"version,omitempty"`
}

// Placeholders of Plan.Argv.
const (
	HoldSideRepo  = "${siderepo}"
	HoldBase      = "${base}"
	HoldKickstart = "${kickstart}"
	HoldUpdates   = "${updates_image}"
	HoldOutput    = "${output}" // the path of the image: OutDir and Plan.Image
	HoldOutDir    = "${outdir}"
	HoldLogs      = "${logs}"
	HoldCache     = "${cache}"
	HoldTemp      = "${tmp}"
)

// HoldFile is the placeholder of one of Plan.Files.
func HoldFile(i int) string { return fmt.Sprintf("${files[%d]}", i) }

// PlaceholderError says that a Plan's argv names something that this build node
// does not have.
type PlaceholderError struct{ Arg string }

func (e *PlaceholderError) Error() string {
	return fmt.Sprintf("fill in argument %q: nothing on this build node stands for it", e.Arg)
}

type hold struct{ name, path string }

// holds lists what placeholders stand for, those first that lie within others.
func (j *BackendJob) holds(p *Plan) []hold {
	list := []hold{
		{HoldBase, j.Base},
		{HoldKickstart, j.Kickstart},
		{HoldUpdates, j.UpdatesImage},
		{HoldSideRepo, j.SideRepo},
		{HoldLogs, j.LogDir},
		{HoldCache, j.CacheDir},
		{HoldTemp, j.Temp},
		{HoldOutDir, j.OutDir},
	}
	for i, path := range j.Files {
		list = append(list, hold{HoldFile(i), path})
	}
	if p.Image != "" && j.OutDir != "" {
		list = append(list, hold{HoldOutput, filepath.Join(j.OutDir, p.Image)})
	}
	list = slices.DeleteFunc(list, func(h hold) bool { return h.path == "" })
	slices.SortStableFunc(list, func(a, b hold) int { return len(b.path) - len(a.path) })
	return list
}

// Expand fills this build's paths into an argv of the Plan. Placeholders that
// nothing stands for are a *PlaceholderError. What a path contains is never
// looked at again, so it cannot become a placeholder.
func (j *BackendJob) Expand(p *Plan, argv []string) ([]string, error) {
	var pairs []string
	for _, h := range j.holds(p) {
		pairs = append(pairs, h.name, h.path)
	}
	fill := strings.NewReplacer(pairs...)
	known := strings.NewReplacer(blank(pairs)...)
	out := make([]string, len(argv))
	for i, arg := range argv {
		if strings.Contains(known.Replace(arg), "${") {
			return nil, &PlaceholderError{arg}
		}
		out[i] = fill.Replace(arg)
	}
	return out, nil
}

// blank makes of pairs for a Replacer those that remove.
func blank(pairs []string) []string {
	out := slices.Clone(pairs)
	for i := 1; i < len(out); i += 2 {
		out[i] = ""
	}
	return out
}

// Record is the Command for what was run: Expand's opposite.
func (j *BackendJob) Record(p *Plan, tool Tool, argv []string) Command {
	var pairs []string
	for _, h := range j.holds(p) {
		pairs = append(pairs, h.path, h.name)
	}
	hide := strings.NewReplacer(pairs...)
	c := Command{Argv: make([]string, len(argv)), Tool: tool.Name, Version: tool.Version}
	for i, arg := range argv {
		c.Argv[i] = hide.Replace(arg)
	}
	return c
}

// Say writes a line of the back end's own into the build's log.
func (j *BackendJob) Say(format string, args ...any) {
	if j.Log != nil {
		_, _ = fmt.Fprintf(j.Log, format+"\n", args...)
	}
}

// Has tells whether the tool was found to know an option, as "--rootfs-type".
func (t *Tool) Has(option string) bool { return slices.Contains(t.Options, option) }
