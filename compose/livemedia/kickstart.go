package livemedia

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/kickstart"
)

// Describe implements compose.Backend.
func (*Backend) Describe(p *compose.Plan) error {
	if err := iso.ValidVolumeID(p.VolID); err != nil && p.Request.Kind == compose.KindLive {
		return compose.Refuse(compose.Problem{Code: compose.CodeBadVolID, Field: "volid", Sentence: err.Error() + ".", Remedy: "Use at most 32 of A-Z a-z 0-9 _ -."})
	}
	if p.Request.Options.Virt && p.Base == nil {
		return compose.Refuse(compose.Problem{
			Code: compose.CodeBaseRequired, Field: "base", Remedy: "Name a boot.iso with base.url (--base-iso).",
			Sentence: "An installation in a virtual machine starts from a boot.iso, and none was named.",
		})
	}
	if err := freeze(p); err != nil {
		return err
	}
	p.Image = imageOf(p)
	p.Argv = arguments(p)
	p.Tools = []compose.Tool{{Name: Tool, Package: Package}, {Name: "anaconda", Package: "anaconda-tui"}}
	return nil
}

func badKickstart(format string, args ...any) compose.Problem {
	return compose.Problem{Code: compose.CodeBadKickstart, Field: "kickstart", Sentence: fmt.Sprintf(format, args...)}
}

// freeze puts everything that the request says into the kickstart, and refuses
// one that livemedia-creator would refuse.
func freeze(p *compose.Plan) error {
	if p.Kickstart == "" {
		problem := badKickstart("A compose of kind %s is made from a kickstart, and none was given.", p.Request.Kind)
		problem.Remedy = "Give it with kickstart (--kickstart, or --spin for one of Fedora's)."
		return compose.Refuse(problem)
	}
	doc, err := parse(p)
	if err != nil {
		return compose.Refuse(badKickstart("The kickstart has an error: %v.", err))
	}
	doc = doc.Flatten()
	err = errors.Join(addRepos(doc, p), doc.AddPackages(p.Request.Packages...), doc.ExcludePackages(p.Request.Exclude...))
	if err != nil {
		return compose.Refuse(badKickstart("The packages or repositories of the request cannot be put into the kickstart: %v.", err))
	}
	var problems []compose.Problem
	for _, d := range doc.CheckLivemedia(kickstart.Livemedia{Make: makeOf(p.Request.Kind), Virt: p.Request.Options.Virt}) {
		switch {
		case d.Severity == kickstart.SeverityError || d.Code == kickstart.CodeOpenInclude:
			problem := badKickstart("%s.", strings.TrimSuffix(d.Message, "."))
			problem.Line, problem.File, problem.Remedy = d.Pos.Line, d.Pos.File, sentence(d.Remedy)
			problems = append(problems, problem)
		default:
			p.Warnings = append(p.Warnings, compose.Warning{Code: string(compose.CodeBadKickstart), Field: "kickstart", Sentence: sentence(d.Message)})
		}
	}
	if len(problems) > 0 {
		return compose.Refuse(problems...)
	}
	if _, ok := doc.URL(); ok && len(p.RPMs) > 0 {
		p.Warnings = append(p.Warnings, compose.Warning{
			Code: string(compose.CodeUnsupportedField), Field: "kickstart",
			Sentence: "The url command of a kickstart cannot leave packages out: where its repository has newer versions than the side repo, they are installed, and the compose fails.",
		})
	}
	p.Kickstart = doc.String()
	return nil
}

func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

func parse(p *compose.Plan) (*kickstart.Document, error) {
	opts := kickstart.Options{}
	if v, ok := kickstart.ParseVersion("F" + p.Request.Release); ok {
		opts.Version = v
	}
	return kickstart.Parse(ksName, []byte(p.Kickstart), opts) //nolint:wrapcheck // it says file and line
}

// addRepos adds the repositories of the request. A kickstart knows no priority
// and no keys.
func addRepos(doc *kickstart.Document, p *compose.Plan) error {
	lost := func(i int, field, what string) {
		p.Warnings = append(p.Warnings, compose.Warning{
			Code: string(compose.CodeUnsupportedField), Field: fmt.Sprintf("repos[%d].%s", i, field),
			Sentence: fmt.Sprintf("A kickstart cannot say %s of a repository: that of %s does not count.", what, p.Repos[i].ID),
		})
	}
	for i := range p.Repos {
		r := &p.Repos[i]
		err := doc.AddRepo(kickstart.Repo{
			Name: r.ID, BaseURL: r.BaseURL, MirrorList: r.Mirrorlist, Metalink: r.Metalink, Cost: r.Cost, IncludePkgs: r.IncludePkgs, ExcludePkgs: r.ExcludePkgs,
		})
		if err != nil {
			return err //nolint:wrapcheck // the caller says what it was for
		}
		if r.Priority != 0 {
			lost(i, "priority", "the priority")
		}
		if r.GPGCheck {
			lost(i, "gpgcheck", "whose signatures are required")
		}
	}
	return nil
}

// writeInputs writes the kickstart with the side repo in it, and what else the
// argv names.
func writeInputs(p *compose.Plan, j *compose.BackendJob) error {
	doc, err := parse(p)
	if err != nil {
		return fmt.Errorf("parse the Plan's kickstart: %w", err)
	}
	if len(p.RPMs) > 0 {
		var names []string
		for i := range p.RPMs {
			names = append(names, p.RPMs[i].Name)
		}
		// Before anaconda can fetch from it, the path has to be one of the node.
		if _, err := doc.InjectRepos([]kickstart.Repo{{Name: compose.SideRepoID, BaseURL: compose.FileURL(j.SideRepo)}}, names...); err != nil {
			return fmt.Errorf("add the side repo to the kickstart: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Join(j.Temp, "lmc"), 0o755); err != nil {
		return fmt.Errorf("make work directory: %w", err)
	}
	files := map[string]string{ksName: doc.String()}
	if p.Request.Kind == compose.KindOCI {
		files[ociConfig], files[ociRuntime] = ociFiles(p.Request.Arch)
	}
	for name, text := range files {
		if err := atomicfile.Write(filepath.Join(j.Temp, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// ociFiles are the two files of an OCI bundle that livemedia-creator puts beside
// rootfs/ (docs/livemedia-creator.rst, "OCI image creation"): a shell in it.
func ociFiles(arch string) (config, runtime string) {
	goarch := map[string]string{"x86_64": "amd64", "aarch64": "arm64"}[arch]
	if goarch == "" {
		goarch = arch
	}
	config = `{"ociVersion": "1.0.0", "platform": {"os": "linux", "arch": "` + goarch + `"}, "process": {"terminal": true, "user": {"uid": 0, "gid": 0}, ` +
		`"args": ["/bin/sh"], "env": ["PATH=/usr/sbin:/usr/bin", "TERM=xterm"], "cwd": "/"}, "root": {"path": "rootfs", "readonly": false}, "hostname": "respin"}` + "\n"
	runtime = `{"mounts": {"proc": {"type": "proc", "source": "proc"}}, "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]}}` + "\n"
	return config, runtime
}
