package check

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/modules"
)

// Source is an open repository with the name that reports call it by.
type Source struct {
	Name string
	Repo *repo.Repo
}

// Load indexes repositories for Run, from the cache where it has them. Packages
// of module streams that are not enabled are hidden in all of them; see package
// modules.
func Load(ctx context.Context, cache index.Cache, sources ...Source) ([]Repo, error) {
	out := make([]Repo, len(sources))
	lists := make([][]modules.Module, len(sources))
	g, gctx := errgroup.WithContext(ctx)
	for i, s := range sources {
		g.Go(func() error {
			ix, err := cache.Open(gctx, s.Repo)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			out[i] = Repo{Name: s.Name, Index: ix, Paths: pathsOf(cache, s.Repo, ix)}
			lists[i], err = s.Repo.Modules(gctx)
			if err != nil && !errors.Is(err, repo.ErrNoData) {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("load repositories: %w", err)
	}
	var all []modules.Module
	for _, l := range lists {
		all = append(all, l...)
	}
	if len(all) > 0 {
		filter := modules.NewFilter(all)
		for i := range out {
			out[i].Hidden = func(p index.Package) bool { return filter.Hidden(p.NEVRA()) }
		}
	}
	return out, nil
}

// pathsOf answers from filelists, and not at all for a repository without.
func pathsOf(cache index.Cache, r *repo.Repo, ix *index.Index) func(context.Context) (*index.Paths, error) {
	return func(ctx context.Context) (*index.Paths, error) {
		p, err := cache.Paths(ctx, r, ix)
		if errors.Is(err, repo.ErrNoData) {
			return nil, nil //nolint:nilnil // nil means that there are no answers
		}
		return p, err
	}
}
