package compose

import (
	"net/url"
	"path"
	"strings"

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

// File is the package's file name.
func (g *PlanPackage) File() string { return path.Base(g.Location) }

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
