package dvd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/productmd"
)

// Want is what a medium should be.
type Want struct {
	VolID   string
	Arch    string
	Product productmd.Product
	// SHA256 are the digests of the packages by their file names, in hex; one that
	// is long enough is a SHA-512. A package of the digest "" must only be there.
	SHA256 map[string]string
	// Package, if set, is called for each package on the medium that SHA256 names,
	// with its content.
	Package func(name, path string, content io.Reader) error
}

// Check reads a medium back: its implanted checksum, its volume id, what it says
// of itself, the digests of its repository, and every package of want. What is
// not as it should be is a *CheckError.
func Check(ctx context.Context, file string, want Want) error {
	if err := iso.CheckMD5(ctx, file, nil); err != nil {
		return fmt.Errorf("check the medium checksum: %w", err)
	}
	m, err := iso.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	if got := m.VolumeID(); got != want.VolID {
		return &CheckError{Path: "/", Reason: fmt.Sprintf("has the volume id %s, not %s", got, want.VolID)}
	}
	tree, err := checkTree(m, &want)
	if err != nil {
		return err
	}
	if err := checkSums(ctx, m, tree); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want.SHA256)) {
		at := path.Join(packagesDir, strings.ToLower(name[:1]), name)
		if err := checkPackage(ctx, m, name, at, want.SHA256[name], want.Package); err != nil {
			return err
		}
	}
	return nil
}

// checkTree compares the three files that describe the medium with each other.
func checkTree(m *iso.Image, want *Want) (*productmd.TreeInfo, error) {
	read := func(name string, parse func(io.Reader) error) error {
		data, err := m.ReadFile(name, 4<<20)
		if err == nil {
			err = parse(bytes.NewReader(data))
		}
		if err != nil {
			return &CheckError{Path: "/" + name, Reason: "cannot be read", Err: err}
		}
		return nil
	}
	var tree *productmd.TreeInfo
	var disc *productmd.DiscInfo
	var media *productmd.MediaRepo
	for name, parse := range map[string]func(io.Reader) error{
		".treeinfo":  func(r io.Reader) (err error) { tree, err = productmd.ReadTreeInfo(r); return err },
		".discinfo":  func(r io.Reader) (err error) { disc, err = productmd.ReadDiscInfo(r); return err },
		"media.repo": func(r io.Reader) (err error) { media, err = productmd.ReadMediaRepo(r); return err },
	} {
		if err := read(name, parse); err != nil {
			return nil, err
		}
	}
	switch {
	case tree.Arch != want.Arch || tree.Release.Name != want.Product.Name || tree.Release.Version != want.Product.Version || tree.Disc != 1:
		return nil, &CheckError{Path: "/.treeinfo", Reason: fmt.Sprintf("is of %s %s for %s", tree.Release.Name, tree.Release.Version, tree.Arch)}
	case disc.Arch != want.Arch:
		return nil, &CheckError{Path: "/.discinfo", Reason: "is for " + disc.Arch}
	case media.MediaID != disc.Timestamp:
		return nil, &CheckError{Path: "/media.repo", Reason: fmt.Sprintf("names the medium %s, and .discinfo %s", media.MediaID, disc.Timestamp)}
	case tree.Checksums["repodata/repomd.xml"].Value == "":
		return nil, &CheckError{Path: "/.treeinfo", Reason: "has no checksum of the repository"}
	}
	return tree, nil
}

// checkSums compares the files that .treeinfo has digests of.
func checkSums(ctx context.Context, m *iso.Image, tree *productmd.TreeInfo) error {
	for _, name := range slices.Sorted(maps.Keys(tree.Checksums)) {
		sum := tree.Checksums[name]
		if sum.Type != "sha256" {
			continue
		}
		if err := checkPackage(ctx, m, name, name, sum.Value, nil); err != nil {
			return err
		}
	}
	for _, images := range tree.Images {
		for _, name := range images {
			if _, err := m.Stat(name); err != nil {
				return &CheckError{Path: "/" + name, Reason: "is named by .treeinfo", Err: err}
			}
		}
	}
	return nil
}

// checkPackage compares one file with its digest.
func checkPackage(ctx context.Context, m *iso.Image, name, at, want string, see func(name, path string, content io.Reader) error) error {
	f, err := m.OpenFile(at)
	if err != nil {
		return &CheckError{Path: "/" + at, Reason: "is missing", Err: err}
	}
	sum := sha256.New()
	if len(want) == 2*sha512.Size {
		sum = sha512.New()
	}
	content := io.TeeReader(contextReader{ctx, f}, sum)
	if see != nil {
		if err := see(name, at, content); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return fmt.Errorf("read /%s on the medium: %w", at, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); want != "" && got != want {
		return &CheckError{Path: "/" + at, Reason: fmt.Sprintf("has the digest %s, not %s", got, want)}
	}
	return nil
}
