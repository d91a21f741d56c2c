package lorax

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/atomicfile"
)

const (
	bootISO      = "images/boot.iso"
	maxTreeFiles = 5000 // lorax's trees have some forty
	maxTreeInfo  = 1 << 20
)

// collect takes the boot.iso out of lorax's tree, under the Plan's name, and
// lists the tree's files. The .treeinfo then names it no more, as Pungi does it
// for media: what the tree says it has, it has.
func collect(p *compose.Plan, outDir string) ([]compose.Artifact, error) {
	tree := filepath.Join(outDir, TreeDir)
	if err := os.Rename(filepath.Join(tree, bootISO), filepath.Join(outDir, p.Image)); err != nil {
		return nil, fmt.Errorf("collect boot.iso: %w", err)
	}
	if err := dropFromTreeInfo(filepath.Join(tree, ".treeinfo")); err != nil {
		return nil, err
	}
	list := []compose.Artifact{{Name: p.Image, Path: p.Image, Type: compose.ArtifactISO}}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return nil, fmt.Errorf("open lorax's tree: %w", err)
	}
	err = fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || e.IsDir():
			return err
		case !e.Type().IsRegular():
			return nil // ppc64le has links for its boot loader inside the ISO only
		case len(list) > maxTreeFiles:
			return fmt.Errorf("the tree has more than %d files", maxTreeFiles)
		}
		name := TreeDir + "/" + path
		list = append(list, compose.Artifact{Name: name, Path: name, Type: classify(path)})
		return nil
	})
	if err := errors.Join(err, root.Close()); err != nil {
		return nil, fmt.Errorf("collect lorax's tree: %w", err)
	}
	return list, nil
}

// classify tells what a file of the tree is, by the layouts of lorax's templates
// for the four architectures (share/templates.d/99-generic/*.tmpl).
func classify(path string) compose.ArtifactType {
	switch path {
	case "images/install.img", "images/updates.img", "images/product.img":
		return compose.ArtifactImage
	case "generic.ins":
		return compose.ArtifactBoot
	}
	top, _, below := strings.Cut(path, "/")
	if below && (top == "images" || top == "EFI" || top == "boot" || top == "ppc" || top == "isolinux") {
		return compose.ArtifactBoot
	}
	return compose.ArtifactMetadata // .treeinfo, .discinfo, licenses
}

func dropFromTreeInfo(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read .treeinfo: %w", err)
	}
	if st.Size() > maxTreeInfo {
		return fmt.Errorf("read .treeinfo: it has %d bytes", st.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read .treeinfo: %w", err)
	}
	var out bytes.Buffer
	for line := range bytes.Lines(data) {
		key, _, _ := bytes.Cut(line, []byte("="))
		if name := string(bytes.TrimSpace(key)); name != "boot.iso" && name != bootISO {
			out.Write(line)
		}
	}
	return atomicfile.Write(path, out.Bytes(), 0o644)
}
