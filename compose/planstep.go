package compose

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// PlanStep is an image that another back end makes first and that the Plan's own
// starts from: the boot.iso of a DVD. It is made of the same side repo and
// repositories, has the Plan's VolID, and is not published.
type PlanStep struct {
	Kind    Kind   `json:"kind"`
	Backend string `json:"backend"`
	// Packages and Require are those of the request that the side repo brings:
	// naming them asks for them here, too.
	Packages []string `json:"packages,omitempty"`
	Require  []string `json:"require,omitempty"`
	Argv     []string `json:"argv"` // as Plan.Argv; ${output} and ${outdir} are this step's
	Tools    []Tool   `json:"tools,omitempty"`
	Image    string   `json:"image"` // file name
}

// FirstPlan is the Plan of the first step alone, as its back end is handed it;
// nil when there is none.
func (p *Plan) FirstPlan() *Plan {
	s := p.First
	if s == nil {
		return nil
	}
	r := &p.Request
	return &Plan{
		Request: Request{
			Kind: s.Kind, Release: r.Release, Arch: r.Arch, Packages: s.Packages, Exclude: r.Exclude, Require: s.Require, Repos: r.Repos,
			VolID: r.VolID, Options: r.Options,
		},
		RPMs: p.RPMs, Repos: p.Repos, Backend: s.Backend, Argv: s.Argv, Tools: s.Tools, VolID: p.VolID, Image: s.Image, Final: p.Final, Epoch: p.Epoch,
	}
}

// Needs is what a build node must offer for the Plan: its kind, or a chain of
// kinds.
func (p *Plan) Needs(backends []Backend) Kind {
	if p.First == nil {
		return JobKind(backends, p.Request.Kind, p.Backend)
	}
	return Chain(p.Request.Kind, p.First.Kind)
}

// Chain names what a node offers that makes a kind and, before it, the one that
// it starts from: "dvd_boot-iso".
func Chain(kind, first Kind) Kind { return kind + "_" + first }

// first freezes the step that makes the base where the request names none.
func (q *resolution) first(backend Backend) error {
	p := q.plan
	c, _ := capability(backend, p.Request.Kind, p.Request.Arch, p.Request.Release)
	if c.StartsFrom == "" || p.Base != nil {
		return nil
	}
	i := slices.IndexFunc(q.opts.Backends, func(b Backend) bool {
		_, ok := capability(b, c.StartsFrom, p.Request.Arch, p.Request.Release)
		return ok
	})
	if i < 0 {
		return Refuse(Problem{
			Code: CodeBaseRequired, Field: "base", Remedy: "Name a boot.iso with base.url (--base-iso).",
			Sentence: fmt.Sprintf("A %s starts from an image, none was named, and no back end makes a %s of release %s for %s.",
				p.Request.Kind, c.StartsFrom, p.Request.Release, p.Request.Arch),
		})
	}
	maker := q.opts.Backends[i]
	step := &PlanStep{
		Kind: c.StartsFrom, Backend: maker.Name(), Image: imageName(p.Request.Release, c.StartsFrom, p.Request.Arch),
		Packages: slices.DeleteFunc(slices.Clone(p.Request.Packages), func(name string) bool { return !p.brings(name) }),
		Require: slices.DeleteFunc(slices.Clone(p.Request.Require), func(spec string) bool {
			dep, err := parseRequire(spec)
			return err != nil || !p.brings(dep.Name)
		}),
	}
	p.First = step
	alone := p.FirstPlan()
	if err := maker.Describe(alone); err != nil {
		return err //nolint:wrapcheck // it refuses, and says why
	}
	step.Argv, step.Tools = alone.Argv, alone.Tools
	p.Warnings = append(p.Warnings, alone.Warnings...)
	return nil
}

// firstTools looks for the tools of the first step before anything is fetched: the
// whole of a DVD would be in vain. Those in a root are only there once it is made.
func (r *build) firstTools() error {
	if r.plan.First == nil || r.roots != nil {
		return nil
	}
	var errs []error
	for _, t := range r.plan.First.Tools {
		_, err := r.runner.Look(t.Name, t.Package)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// brings tells whether the side repo has a package of the name.
func (p *Plan) brings(name string) bool {
	return slices.ContainsFunc(p.RPMs, func(r PlanRPM) bool { return r.Name == name && r.Arch != "src" })
}

func imageName(release string, kind Kind, arch string) string {
	return fmt.Sprintf("%s-%s-%s-%s.iso", distro(release), release, kind, arch)
}

// uses are the request's fields that count for the Plan.
func (q *resolution) uses(backend Backend) []string {
	if backend == nil {
		return nil
	}
	c, _ := capability(backend, q.req.Kind, q.req.Arch, q.req.Release)
	uses := append(slices.Clone(c.Uses), "volid")
	if s := q.plan.First; s != nil {
		for _, b := range q.opts.Backends {
			if b.Name() == s.Backend {
				first, _ := capability(b, s.Kind, q.req.Arch, q.req.Release)
				uses = append(uses, first.Uses...)
			}
		}
	}
	return uses
}

// chains adds to can and missing what this host makes with another kind before:
// both back ends must work here. errs are what probing said, by back end.
func (b *Builder) chains(errs []error, can []Offer, missing map[Kind]string) []Offer {
	for last, backend := range b.backends {
		for _, c := range backend.Makes() {
			for first, maker := range b.backends {
				base, ok := capability(maker, c.StartsFrom, "", "")
				if !ok {
					continue
				}
				kind := Chain(c.Kind, base.Kind)
				if err := cmp.Or(errs[last], errs[first]); err != nil {
					missing[kind] = reason(err)
					continue
				}
				for _, arch := range base.hostArches() {
					if slices.Contains(c.hostArches(), arch) {
						can = append(can, Offer{kind, arch})
					}
				}
			}
		}
	}
	return can
}
