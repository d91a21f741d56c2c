package check

import (
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
)

// verdict is what was found out about a requirement, for whoever has it.
type verdict struct {
	code  Code  // "" when it is met
	by    []ref // of a plain one: the first packages that meet it, maxKept at most
	more  bool  // there are others
	by0   ref   // for ProviderReplaced: who met it, when that is one package
	err   error // for BadDependency
	isOdd bool  // rich with a condition: it depends on who asks
}

// maxKept bounds the providers that are kept for a look at their conflicts.
const maxKept = 8

// miss is a requirement that is not met, and who has it.
type miss struct {
	rel     index.Relation
	verdict *verdict
	pkgs    []ref
}

func (c *checker) checkRequires(p ref) {
	for _, rel := range p.pkg.Rels(index.Requires) {
		v, ok := c.memo[rel]
		if !ok {
			v = c.judge(p.pkg.Index().Relation(rel), p)
			if !v.isOdd {
				c.memo[rel] = v
			}
		}
		if v.code == "" {
			c.checkInstallable(p, rel, v)
			continue
		}
		c.remember(p, rel, v)
	}
}

// remember keeps a requirement that is not met until settle.
func (c *checker) remember(p ref, rel index.Rel, v *verdict) {
	m, ok := c.byVerdict[v]
	if !ok {
		m = &miss{rel: p.pkg.Index().Relation(rel), verdict: v}
		c.byVerdict[v] = m
		c.missed = append(c.missed, m)
	}
	m.pkgs = append(m.pkgs, p)
}

// judge looks for packages that meet a requirement of p. Paths that are not
// primary files are left to settle.
func (c *checker) judge(r index.Relation, p ref) *verdict {
	v := &verdict{}
	if r.IsRich() {
		c.judgeRich(v, r, p)
		return v
	}
	if strings.HasPrefix(r.Name, "rpmlib(") {
		return v
	}
	c.providers(r, false, func(by ref) bool {
		if len(v.by) == maxKept {
			v.more = true
			return false
		}
		v.by = append(v.by, by)
		return true
	})
	if len(v.by) > 0 {
		return v
	}
	v.code = NothingProvides
	c.providers(r, true, func(by ref) bool {
		v.code, v.by0 = ProviderReplaced, by
		return false
	})
	return v
}

func (c *checker) judgeRich(v *verdict, r index.Relation, p ref) {
	rich, err := c.parseRich(r.Name)
	if err != nil {
		v.code, v.err = BadDependency, err
		return
	}
	v.isOdd = conditional(rich)
	switch {
	case !c.met(rich, asker{ref: p}):
		v.code = NothingProvides
		if c.met(rich, asker{ref: p, withReplaced: true}) {
			v.code = ProviderReplaced
		}
	case v.isOdd && !c.met(rich, asker{ref: p, whenever: true}):
		v.code = NeededIf
	}
}

// settle makes problems of what is missing. File lists are read here, after all
// requirements were looked at, and only when a path is among the missing.
func (c *checker) settle() error {
	kept := c.missed[:0]
	for _, m := range c.missed {
		if m.verdict.code == NothingProvides && strings.HasPrefix(m.rel.Name, "/") {
			c.judgePath(m)
		}
		if c.err != nil {
			return c.err
		}
		if m.verdict.code != "" {
			kept = append(kept, m)
		}
	}
	c.missed = kept
	near := c.nearMisses()
	for i, m := range c.missed {
		for _, p := range m.pkgs {
			c.add(c.missing(m, p, near[i]))
		}
	}
	return nil
}

func (c *checker) judgePath(m *miss) {
	c.pathOwners(m.rel.Name, true, func(by ref) bool {
		if c.repos[by.repo].state[by.pkg.Number()] == replaced {
			m.verdict.code, m.verdict.by0 = ProviderReplaced, by
			return true
		}
		m.verdict.code = ""
		return false
	})
}

func (c *checker) missing(m *miss, p ref, near []string) Problem {
	v := m.verdict
	out := Problem{
		Severity: Error, Code: v.code, Package: p.pkg.String(), Repo: c.nameOf(p), Requirement: m.rel.String(),
		Text: fmt.Sprintf("nothing provides %s needed by %s", m.rel, p.pkg), Misses: near,
	}
	switch {
	case v.code == NeededIf:
		out.Severity = Warning
		out.Text = fmt.Sprintf("nothing provides what %s asks for where its condition is met, needed by %s", m.rel, p.pkg)
	case v.code == BadDependency:
		out.Text = fmt.Sprintf("package %s requires %s, which is no dependency: %v", p.pkg, m.rel, v.err)
	case v.code == ProviderReplaced && v.by0.pkg.Index() != nil:
		out.Other, out.OtherRepo = v.by0.pkg.String(), c.nameOf(v.by0)
		out.Misses = append([]string{fmt.Sprintf(
			"%s from %s provides it, but the side repo replaces that with %s", v.by0.pkg, c.nameOf(v.by0), c.replacement(v.by0),
		)}, near...)
	case v.code == ProviderReplaced:
		out.Misses = append([]string{"only packages that the side repo replaces meet it"}, near...)
	}
	return out
}

// replacement names the package of the side repo that replaces one.
func (c *checker) replacement(by ref) string {
	for s := range c.repos[0].Index.Named(by.pkg.Name()) {
		if c.repos[0].state[s.Number()] == visible && twins(s, by.pkg) {
			return s.String()
		}
	}
	return by.pkg.Name()
}

func (c *checker) parseRich(name string) (*rpm.Rich, error) {
	if r, ok := c.rich[name]; ok && r != nil {
		return r, nil
	}
	r, err := rpm.ParseRich(name)
	if err != nil {
		return nil, fmt.Errorf("read dependency: %w", err)
	}
	c.rich[name] = r
	return r, nil
}
