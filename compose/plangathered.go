package compose

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/repo/rpm"
)

// PlanPackage is a package of one of the Plan's repositories that goes onto the
// medium beside those of the side repo. There are thousands in a Plan, so it has
// nothing that its repository or its NEVRA tell.
type PlanPackage struct {
	NEVRA    string `json:"nevra"`          // name-[epoch:]version-release.arch
	Repo     int    `json:"repo"`           // number in Plan.Repos
	Location string `json:"location"`       // below the repository, or below Base
	Base     string `json:"base,omitempty"` // xml:base, where the repository has one
	Size     int64  `json:"size"`           // bytes
	SHA256   string `json:"sha256,omitempty"`
	SHA512   string `json:"sha512,omitempty"`
}

// File is the package's file name on a medium: whatever a repository calls it,
// tools look for NAME-VERSION-RELEASE.ARCH.rpm.
func (g *PlanPackage) File() string {
	n, err := rpm.ParseNEVRA(g.NEVRA)
	if err != nil {
		return path.Base(g.Location)
	}
	return n.FileName()
}

// rpm describes the package as one of the side repo is described.
func (p *Plan) rpm(g *PlanPackage) PlanRPM {
	r := PlanRPM{NEVRA: g.NEVRA, File: g.File(), Size: g.Size, SHA256: g.SHA256, SHA512: g.SHA512, Policy: SignaturesIgnore}
	if n, err := rpm.ParseNEVRA(g.NEVRA); err == nil {
		r.Name, r.Arch = n.Name, n.Arch
	}
	bases := []string{g.Base}
	if g.Base == "" && g.Repo >= 0 && g.Repo < len(p.Repos) {
		bases = p.Repos[g.Repo].Mirrors
	}
	for _, base := range bases {
		if u, err := url.Parse(base); err == nil && base != "" {
			r.Mirrors = append(r.Mirrors, u.JoinPath(strings.Split(g.Location, "/")...).String())
		}
	}
	if len(r.Mirrors) > 0 {
		r.URL, r.Mirrors = r.Mirrors[0], r.Mirrors[1:]
	}
	return r
}

// wantGathered is how the fetcher is asked for Gathered: where the repository has
// keys, a package must be signed by one of them.
func (p *Plan) wantGathered() ([]fetch.Want, error) {
	rings := make([]*rpm.Keyring, len(p.Repos))
	for i := range p.Repos {
		if len(p.Repos[i].Keys) == 0 {
			continue
		}
		ring, err := rpm.ReadKeyring(strings.NewReader(strings.Join(p.Repos[i].Keys, "\n")))
		if err != nil {
			return nil, fmt.Errorf("read keys of the repository %s: %w", p.Repos[i].ID, err)
		}
		rings[i] = ring
	}
	list := make([]fetch.Want, len(p.Gathered))
	for i := range p.Gathered {
		g := &p.Gathered[i]
		one := p.rpm(g)
		if g.Repo < 0 || g.Repo >= len(rings) || rings[g.Repo] == nil {
			list[i] = one.want(nil)
			continue
		}
		one.Policy = SignaturesRequire
		if list[i] = one.want(rings[g.Repo]); list[i].Key != "" {
			list[i].Key += fmt.Sprintf(":%x", sha256.Sum256([]byte(strings.Join(p.Repos[g.Repo].Keys, "\n"))))
		}
	}
	return list, nil
}

const maxKey = 64 << 10 // bytes of a file of keys; Fedora's have 2 KiB

// repoKeys freezes the keys that a repository's packages must be signed by.
func (q *resolution) repoKeys(ctx context.Context, field string, r *PlanRepo) error {
	for i, u := range r.GPGKeys {
		refuse := func(code Code, format string, args ...any) {
			q.problem(Problem{
				Code: code, Field: fmt.Sprintf("%s.gpgkeys[%d]", field, i), Sentence: fmt.Sprintf(format, args...),
				Remedy: "Name the address of a public key in ASCII armor, or leave gpgcheck out.",
			})
		}
		// Not by Get, which would store whatever a server sends before its size is known.
		data, total, err := q.fetcher.Head(ctx, u, maxKey+1)
		if err != nil {
			if ctx.Err() != nil {
				return upstream(ctx.Err(), "repos")
			}
			if refused, ok := errors.AsType[*fetch.RefusedError](err); ok {
				refuse(CodeURLRefused, "The key %s is not fetched: %s.", u, refused.Reason)
			} else {
				refuse(CodeRepoInvalid, "The key %s cannot be read: %s.", u, firstLine(err))
			}
			continue
		}
		if len(data) > maxKey || total > maxKey {
			refuse(CodeRepoInvalid, "The key %s is larger than %s.", u, bytesText(maxKey))
			continue
		}
		ring, err := rpm.ReadKeyring(strings.NewReader(string(data)))
		if err == nil && ring.Len() == 0 || !strings.Contains(string(data), "-----BEGIN PGP PUBLIC KEY BLOCK-----") {
			err = errors.New("it holds no public key in ASCII armor")
		}
		if err != nil {
			refuse(CodeRepoInvalid, "The key %s cannot be used: %s.", u, firstLine(err))
			continue
		}
		r.Keys = append(r.Keys, string(data))
	}
	return nil
}

// byCost is the order in which repositories are searched, by their number in the
// Plan: of equal packages the cheapest repository's is taken, as by dnf.
func byCost(repos []PlanRepo) []int {
	order := make([]int, len(repos))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(cmp.Or(repos[a].Cost, 1000), cmp.Or(repos[b].Cost, 1000)) })
	return order
}
