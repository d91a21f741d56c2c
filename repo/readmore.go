package repo

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/fedora-respin/respin/repo/comps"
	"github.com/fedora-respin/respin/repo/modules"
	"github.com/fedora-respin/respin/repo/updateinfo"
)

// Comps reads the package groups. Repositories have them once or several times,
// compressed differently; the first copy that is there counts. ErrNoData says
// that there is none.
func (r *Repo) Comps(ctx context.Context) (*comps.Comps, error) {
	err := fmt.Errorf("read group: %w", ErrNoData)
	for _, kind := range []string{"group", "group_xz", "group_gz", "group_zst"} {
		if r.Repomd.Find(kind) == nil {
			continue
		}
		c, tried := r.compsOf(ctx, kind)
		if tried == nil {
			return c, nil
		}
		if errors.Is(err, ErrNoData) {
			err = tried
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func (r *Repo) compsOf(ctx context.Context, kind string) (*comps.Comps, error) {
	in, err := r.Stream(ctx, kind)
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // opened for reading
	c, err := comps.Read(in)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", kind, err)
	}
	return c, nil
}

// Modules reads the modules of EL 8 and 9. ErrNoData says that there are none,
// as everywhere else.
func (r *Repo) Modules(ctx context.Context) ([]modules.Module, error) {
	in, err := r.Stream(ctx, "modules")
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // opened for reading
	list, err := modules.Read(in)
	if err != nil {
		return nil, fmt.Errorf("read modules: %w", err)
	}
	return list, nil
}

// Updateinfo reads the updates that the packages belong to; see updateinfo.Read
// and Stream for the errors. ErrNoData says that there are none.
func (r *Repo) Updateinfo(ctx context.Context) iter.Seq2[*updateinfo.Update, error] {
	return streamed(ctx, r, "updateinfo", updateinfo.Read)
}
