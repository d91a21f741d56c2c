package dvd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose/productmd"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
)

// packagesDir is the folder of the packages on the medium.
const packagesDir = "Packages"

// gather puts the packages into the tree and indexes them.
func (b *builder) gather(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(b.tree, packagesDir), 0o755); err != nil {
		return fmt.Errorf("make tree: %w", err)
	}
	b.placed = make(map[string]string, len(b.Packages))
	for _, p := range b.Packages {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("gather packages: %w", err)
		}
		if err := b.place(p); err != nil {
			return &PackageError{Path: p.Path, Err: err}
		}
	}
	names := map[string]bool{}
	group, err := b.groups(names)
	if err != nil {
		return err
	}
	report, err := repo.Create(ctx, b.tree, repo.Options{
		Compression: repo.Gzip, // anaconda of every release reads it
		Revision:    strconv.FormatInt(b.Time.Unix(), 10), TimestampToRevision: true, FileTime: b.Time, Groupfile: group,
		Indexed: func(p repo.Indexed) {
			b.res.Packages = append(b.res.Packages, Placed{NEVRA: p.NEVRA.String(), Path: p.Location, SHA256: p.Checksum.Value, Size: p.Size})
		},
		Progress: func(done, total int, name string) {
			b.Progress(done*percentGathered/max(total, 1), name)
		},
	})
	if err != nil {
		return fmt.Errorf("index packages: %w", err)
	}
	for _, s := range report.Skipped {
		return &PackageError{Path: b.placed[s.Path], Err: s.Err}
	}
	b.res.RepomdSum = report.RepomdChecksum.Value
	if group != "" {
		err = os.Remove(group)
	}
	return errors.Join(err, b.setTimes())
}

// place links a package into the tree, or copies it.
func (b *builder) place(p Package) error {
	name := p.name()
	if _, err := rpm.ParseNEVRA(name); err != nil || name != path.Base(name) || !strings.HasSuffix(name, ".rpm") || name[0] == '.' {
		return fmt.Errorf("%q is no file name of a package", name)
	}
	at := path.Join(packagesDir, strings.ToLower(name[:1]), name)
	if b.placed[at] != "" {
		return fmt.Errorf("%s has the same name", b.placed[at])
	}
	b.placed[at] = p.Path
	to := filepath.Join(b.tree, filepath.FromSlash(at))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err //nolint:wrapcheck // the caller names the package
	}
	// A package that is a link would be left out of the image.
	if st, err := os.Lstat(p.Path); err == nil && st.Mode().IsRegular() && os.Link(p.Path, to) == nil {
		return nil
	}
	from, err := os.Open(p.Path)
	if err != nil {
		return err //nolint:wrapcheck // the caller names the package
	}
	defer func() { _ = from.Close() }()
	return atomicfile.WriteFunc(to, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, from)
		return err //nolint:wrapcheck // the caller names the package
	})
}

// groups writes the comps of the medium beside the tree and returns their path.
func (b *builder) groups(names map[string]bool) (string, error) {
	if b.Comps == nil {
		return "", nil
	}
	for at := range b.placed {
		if n, err := rpm.ParseNEVRA(path.Base(at)); err == nil {
			names[n.Name] = true
		}
	}
	only := b.Comps.Only(b.Arch, func(name string) bool { return names[name] })
	var text bytes.Buffer
	if err := only.Write(&text); err != nil {
		return "", err
	}
	group := filepath.Join(filepath.Dir(b.tree), "comps.xml")
	if err := os.WriteFile(group, text.Bytes(), 0o600); err != nil {
		return "", fmt.Errorf("write groups: %w", err)
	}
	return group, nil
}

// setTimes is for what a reader of the tree sees; on the medium the remaster
// sets them.
func (b *builder) setTimes() error {
	for _, dir := range []string{filepath.Join(b.tree, "repodata"), b.tree} {
		if err := os.Chtimes(dir, b.Time, b.Time); err != nil {
			return fmt.Errorf("set times: %w", err)
		}
	}
	return nil
}

// describe writes .treeinfo, .discinfo and media.repo.
func (b *builder) describe() error {
	stamp, title := productmd.Stamp(b.Time.Unix()), b.Product.Name+" "+b.Product.Version
	sums := b.base.sums
	sums["repodata/repomd.xml"] = productmd.Checksum{Type: "sha256", Value: b.res.RepomdSum}
	tree := &productmd.TreeInfo{
		Release: b.Product, Arch: b.Arch, BuildTime: b.Time.Unix(),
		Variants: []productmd.TreeVariant{{ID: b.Variant, Packages: packagesDir, Repository: "."}},
		Images:   map[string]map[string]string{b.Arch: b.base.images}, MainImage: b.base.stage2, Checksums: sums, Disc: 1, Discs: 1,
	}
	disc := &productmd.DiscInfo{Timestamp: stamp, Description: title, Arch: b.Arch, Discs: []int{1}}
	media := &productmd.MediaRepo{Name: title, MediaID: stamp}
	for name, write := range map[string]func(io.Writer) error{".treeinfo": tree.Write, ".discinfo": disc.Write, "media.repo": media.Write} {
		if err := writeFile(filepath.Join(b.tree, name), b.Time, write); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, at time.Time, write func(io.Writer) error) error {
	if err := atomicfile.WriteFunc(path, 0o644, write); err != nil {
		return err
	}
	if err := os.Chtimes(path, at, at); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}
