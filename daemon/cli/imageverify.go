package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/proof"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/rpm"
)

type imageVerifyCmd struct {
	File    string   `arg:"" help:"An image, or a folder with the root of a system."`
	Require []string `sep:"none" placeholder:"SPEC" help:"What the image must ship: a name, NAME>=VERSION, an NVR of a package or build, or a NEVRA. May be given several times."`
	RPM     []string `name:"rpm" sep:"none" placeholder:"FILE" help:"An RPM that the image must ship, by its digest. May be given several times."`
	Plan    string   `placeholder:"FILE" help:"A Plan (plan.json of a compose): each RPM of its side repo is judged; one that nothing needs may be absent."`
	Repo    []string `sep:"none" placeholder:"NAME=REPO" help:"Repository that the image was made from, to say which one won and why. May be given several times."`
}

func (*imageVerifyCmd) about() string {
	return "Exit code 1 when something that is required is missing, older, newer or another build.\n\n" + imageHelp + "\n\n" + reposHelp
}

func (*imageVerifyCmd) examples() []example {
	return []example{
		{"respin image verify boot.iso --require 'anaconda>=44.12' --require dracut-107-4.fc44", "Is the fix in the installer?"},
		{"respin image verify live.iso --rpm kernel-core-7.0-1.fc44.x86_64.rpm", "Is it this very build?"},
		{"respin image verify boot.iso --plan plan.json --repo side=repo/ --repo fedora=https://example.org/fedora/44/x86_64/os/", "What became of everything in the side repo, and which repository won."},
	}
}

// imageVerdict is what image verify prints with --json.
type imageVerdict struct {
	OK       bool            `json:"ok"`
	Required []imageRequired `json:"required,omitempty"`
	Report   []imageEntry    `json:"report,omitempty"`
	Notes    []string        `json:"notes,omitempty"`
}

type imageRequired struct {
	Spec    string `json:"spec"`
	OK      bool   `json:"ok"`
	Instead string `json:"instead,omitempty"`
}

type imageEntry struct {
	Name      string `json:"name"`
	Arch      string `json:"arch"`
	Requested string `json:"requested"`
	Shipped   string `json:"shipped,omitempty"`
	Repo      string `json:"repo,omitempty"`
	Verdict   string `json:"verdict"`
	Evidence  string `json:"evidence,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// Run is the verb.
func (i *imageVerifyCmd) Run(ctx context.Context, a *app) error {
	if len(i.Require)+len(i.RPM) == 0 && i.Plan == "" {
		return usagef("nothing to verify: give --require, --rpm or --plan")
	}
	wants, priorities, err := i.wants(a)
	if err != nil {
		return err
	}
	c, err := proof.Read(ctx, i.File, proof.Options{})
	if err != nil {
		return err
	}
	repos, err := i.repos(ctx, a, priorities)
	if err != nil {
		return err
	}
	v := imageVerdict{OK: true, Notes: c.Notes}
	for _, spec := range i.Require {
		r := imageRequired{Spec: spec, OK: true}
		if err := c.Require(spec); err != nil {
			missing, ok := errors.AsType[*proof.RequireError](err)
			if !ok {
				return usagef("--require: %v", err)
			}
			r.OK, r.Instead, v.OK = false, missing.Instead, false
		}
		v.Required = append(v.Required, r)
	}
	for _, e := range c.Judge(wants, proof.JudgeOptions{Repos: repos}) {
		v.OK = v.OK && (e.Verdict == proof.Included || e.Verdict == proof.NotInstalled)
		v.Report = append(v.Report, imageEntry{e.Name, e.Arch, e.EVR.String(), e.Shipped, e.Repo, string(e.Verdict), string(e.Evidence), e.Reason})
	}
	if a.global.JSON {
		a.printJSON(v)
	} else {
		a.imageNotes(c)
		i.print(a, &v)
	}
	if !v.OK {
		return &saidError{ExitOther}
	}
	return nil
}

func (*imageVerifyCmd) print(a *app, v *imageVerdict) {
	for _, r := range v.Required {
		if r.OK {
			a.printf("%s: ok\n", clean(r.Spec))
		} else {
			a.printf("%s: missing, %s\n", clean(r.Spec), clean(r.Instead))
		}
	}
	if len(v.Report) == 0 {
		return
	}
	t := &table{head: []string{"PACKAGE", "ARCH", "REQUESTED", "SHIPPED", "VERDICT", "BY", "REASON"}}
	for _, e := range v.Report {
		t.add(e.Name, e.Arch, e.Requested, e.Shipped, e.Verdict, e.Evidence, e.Reason)
	}
	a.printTable(t)
}

// wants are the RPMs to judge, and the priorities of the Plan's repositories.
func (i *imageVerifyCmd) wants(a *app) (list []proof.Want, priorities map[string]int, err error) {
	for _, path := range i.RPM {
		p, err := rpm.Open(path)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, proof.Want{NEVRA: p.NEVRA(), SigMD5: p.Digests.SigMD5, HeaderSHA256: p.Digests.HeaderSHA256, Named: true})
	}
	if i.Plan == "" {
		return list, nil, nil
	}
	data, err := a.readFile(i.Plan, maxPlanFile)
	if err != nil {
		return nil, nil, err
	}
	var plan compose.Plan
	if err := json.Unmarshal(data, &plan); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", filepath.Base(i.Plan), err)
	}
	more, err := plan.Wants()
	priorities = map[string]int{}
	for k := range plan.Repos {
		priorities[plan.Repos[k].ID] = plan.Repos[k].Priority
	}
	return append(list, more...), priorities, err
}

// maxPlanFile bounds a plan.json: 100,000 RPMs of 500 bytes.
const maxPlanFile = 64 << 20

// repos opens the repositories that explain a verdict.
func (i *imageVerifyCmd) repos(ctx context.Context, a *app, priorities map[string]int) ([]proof.Repo, error) {
	if len(i.Repo) == 0 {
		return nil, nil
	}
	reader := a.repoReader()
	defer reader.close()
	sources := make([]check.Source, 0, len(i.Repo))
	for _, arg := range i.Repo {
		s, err := reader.source(ctx, arg)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	loaded, err := check.Load(ctx, reader.indexes(), sources...)
	if err != nil {
		return nil, err
	}
	list := make([]proof.Repo, len(loaded))
	for k, r := range loaded {
		list[k] = proof.Repo{ID: r.Name, Priority: priorities[r.Name], Named: func(name string) iter.Seq[rpm.NEVRA] {
			return func(yield func(rpm.NEVRA) bool) {
				for p := range r.Index.Named(name) {
					if (r.Hidden == nil || !r.Hidden(p)) && !yield(p.NEVRA()) {
						return
					}
				}
			}
		}}
	}
	return list, nil
}
