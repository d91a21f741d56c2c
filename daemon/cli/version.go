package cli

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// versionInfo is what version prints with --json.
type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Time    string `json:"time,omitempty"` // of the commit
	Dirty   bool   `json:"dirty,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// version reads what the build stamped into the binary.
func (a *app) version() versionInfo { return versionOf(a.env.Build) }

func versionOf(b *debug.BuildInfo) versionInfo {
	v := versionInfo{Version: "devel", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if b == nil {
		return v
	}
	if b.Main.Version != "" && b.Main.Version != "(devel)" {
		v.Version = strings.TrimPrefix(b.Main.Version, "v")
	}
	for _, s := range b.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Dirty = s.Value == "true"
		}
	}
	return v
}

type versionCmd struct{}

func (*versionCmd) about() string { return "" }

func (*versionCmd) examples() []example {
	return []example{{"respin version --json", "Version, commit and Go version, for a bug report."}}
}

// Run is the verb.
func (*versionCmd) Run(a *app) error {
	v := a.version()
	if a.global.JSON {
		a.printJSON(v)
		return nil
	}
	a.printf("respin %s", v.Version)
	if v.Commit != "" {
		a.printf(" (%s", v.Commit[:min(12, len(v.Commit))])
		if v.Dirty {
			a.printf(", changed")
		}
		a.printf(")")
	}
	a.printf(" %s %s/%s\n", v.Go, v.OS, v.Arch)
	return nil
}
