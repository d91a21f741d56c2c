package livemedia

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/pylorax"
	"github.com/fedora-respin/respin/repo/rpm"
)

// stages are in the order of creator.py and installer.py; the shares steer the
// bar only.
func stages() []pylorax.Stage {
	return []pylorax.Stage{
		{Name: "prepare", Marker: "disk_img = ", At: 1},
		{Name: "prepare", Marker: "Using disk size of", At: 2},
		{Name: "install", Marker: "Running anaconda.", At: 3},
		{Name: "install", Marker: "Disk Image install successful", At: 70},
		{Name: "image", Marker: "working dir is", At: 71},
		{Name: "image", Marker: "Creating a squashfs", At: 72}, // "only runtime", "-ext4 runtime"; "+ext4" to lorax 41
		{Name: "image", Marker: "Creating a erofs", At: 72},    // from lorax 41.4
		{Name: "image", Marker: "Packing live rootfs image", At: 72},
		{Name: "boot images", Marker: "Rebuilding initr", At: 88},
		{Name: "ISO", Marker: "Building boot.iso", At: 94},
		{Name: "ISO", Marker: "Disk image erased", At: 98},
		{Name: "done", Marker: "SUMMARY", At: 99},
	}
}

const maxFiles = 200 // of a result

// collect moves what livemedia-creator made to where the Plan says.
func collect(p *compose.Plan, outDir string) ([]compose.Artifact, error) {
	dir := filepath.Join(outDir, resultName)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("collect results: %w", err)
	}
	if len(entries) > maxFiles {
		return nil, fmt.Errorf("collect results: there are %d files", len(entries))
	}
	list := []compose.Artifact{{Name: p.Image, Path: p.Image, Type: compose.ArtifactImage}}
	if p.Request.Kind == compose.KindLive {
		list[0].Type = compose.ArtifactISO
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || rawDisk(p, e.Name()) {
			continue
		}
		if err := os.Rename(filepath.Join(dir, e.Name()), filepath.Join(outDir, e.Name())); err != nil {
			return nil, fmt.Errorf("collect results: %w", err)
		}
		if e.Name() != p.Image {
			list = append(list, compose.Artifact{Name: e.Name(), Path: e.Name(), Type: classify(e.Name())})
		}
	}
	if _, err := os.Stat(filepath.Join(outDir, p.Image)); err != nil {
		return nil, fmt.Errorf("collect results: livemedia-creator ended well and did not make %s: %w", p.Image, err)
	}
	return list, bootable(p, list)
}

// rawDisk tells whether a file is the disk that a network boot image was made
// from, which livemedia-creator leaves beside it (creator.py, make_image).
func rawDisk(p *compose.Plan, name string) bool {
	return p.Request.Kind == compose.KindPXELive && strings.HasPrefix(name, "lmc-disk-") && strings.HasSuffix(name, ".img")
}

// bootable refuses a network boot image that nothing can be booted with: without
// an initramfs livemedia-creator leaves out PXE_CONFIG and ends well.
func bootable(p *compose.Plan, list []compose.Artifact) error {
	if p.Request.Kind != compose.KindPXELive {
		return nil
	}
	for _, want := range []string{"vmlinuz", "initr", "PXE_CONFIG"} {
		if !slices.ContainsFunc(list, func(a compose.Artifact) bool { return strings.HasPrefix(a.Name, want) }) {
			return failed("livemedia-creator ended well, and there is no %s beside the root file system: the kernel was not installed, or without its initramfs.", want)
		}
	}
	return nil
}

// classify tells what lies beside a network boot image (creator.py,
// make_live_images).
func classify(name string) compose.ArtifactType {
	switch {
	case strings.HasPrefix(name, "vmlinuz"), strings.HasPrefix(name, "initr"):
		return compose.ArtifactBoot
	case name == "PXE_CONFIG", strings.HasSuffix(name, ".json"):
		return compose.ArtifactMetadata
	}
	return compose.ArtifactImage
}

// Verify implements compose.Backend.
func (*Backend) Verify(ctx context.Context, p *compose.Plan, j *compose.BackendJob, made *compose.Made) (*compose.Proof, error) {
	image := filepath.Join(j.OutDir, filepath.FromSlash(made.Artifacts[0].Path))
	facts, err := verifyImage(ctx, p, image)
	if err != nil {
		return nil, err
	}
	shipped, err := logged(j.LogDir)
	if err != nil {
		return nil, fmt.Errorf("read the image's packages: %w", err)
	}
	if len(shipped) == 0 {
		return nil, failed("Anaconda's log does not say which packages were installed.")
	}
	entries, err := compose.InstalledEntries(p, shipped)
	return &compose.Proof{Packages: entries, Image: *facts, Shipped: shipped}, err
}

func failed(format string, args ...any) error {
	return &compose.FailedError{
		Err:     errors.New("read the image back"),
		Failure: compose.Failure{Code: compose.CodeVerifyFailed, Stage: compose.StageVerify, Sentence: fmt.Sprintf(format, args...)},
	}
}

// magic is what images of a kind begin with.
func magic(kind compose.Kind) string {
	switch kind { //nolint:exhaustive // Makes lists the kinds
	case compose.KindDisk:
		return "QFI\xfb"
	case compose.KindPXELive:
		return "hsqs"
	}
	return "\xfd7zXZ\x00" // tar, oci
}

func verifyImage(ctx context.Context, p *compose.Plan, path string) (*compose.ImageFacts, error) {
	if p.Request.Kind != compose.KindLive {
		return &compose.ImageFacts{Bootable: p.Request.Kind == compose.KindDisk}, checkMagic(path, magic(p.Request.Kind))
	}
	if err := iso.CheckMD5(ctx, path, nil); err != nil {
		return nil, fmt.Errorf("check the medium checksum: %w", err)
	}
	info, err := iso.Inspect(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the image
	}
	facts := &compose.ImageFacts{VolID: info.VolumeID, Bootable: info.Bootable()}
	if info.Checksum != nil {
		facts.ImplantedMD5 = info.Checksum.MD5
	}
	if info.VolumeID != p.VolID {
		return nil, failed("The image has the volume id %s where %s was asked for.", info.VolumeID, p.VolID)
	}
	if p.Request.Arch == "x86_64" && (!info.BIOS || !info.UEFI) {
		return nil, failed("The image does not boot on every PC: BIOS %t, UEFI %t.", info.BIOS, info.UEFI)
	}
	return facts, nil
}

func checkMagic(path, magic string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read image: %w", err)
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(f, head); err != nil || string(head) != magic {
		return failed("The image begins with % x, not as one of its kind does.", head)
	}
	return nil
}

// installed is how anaconda's log names each package that it installs. With dnf 4
// (Fedora to 42, EL 8 to 10) that is "Installed: NEVRA buildtime digest", with
// libdnf5 (Fedora 43 and later) "Installing - NEVRA", the epoch always there
// (pyanaconda, modules/payloads/payload/dnf/transaction_progress.py). What it says
// to the user, "Installing NAME.ARCH (1/9)", has no version.
var installed = regexp.MustCompile(`\b(?:Installed: (\S+) \d+ [0-9a-f]+|Installing - (\S+-\d+:\S+)\s*$)`)

const (
	maxShipped  = 50_000
	maxLogBytes = 256 << 20
)

// logged reads which packages anaconda installed out of its logs.
func logged(logDir string) ([]compose.Shipped, error) {
	var list []compose.Shipped
	for _, pattern := range []string{"anaconda/*log", "virt-install.log"} {
		paths, err := filepath.Glob(filepath.Join(logDir, pattern))
		if err != nil {
			return nil, fmt.Errorf("find logs: %w", err)
		}
		for _, path := range paths {
			f, err := os.Open(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("read log: %w", err)
			}
			list, err = readLog(io.LimitReader(f, maxLogBytes), list)
			if err := errors.Join(err, f.Close()); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(list, func(a, b compose.Shipped) int { return strings.Compare(a.NEVRA, b.NEVRA) })
	return slices.CompactFunc(list, func(a, b compose.Shipped) bool { return a.NEVRA == b.NEVRA }), nil
}

func readLog(r io.Reader, list []compose.Shipped) ([]compose.Shipped, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		m := installed.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		n, err := rpm.ParseNEVRA(m[1] + m[2])
		if err != nil {
			continue
		}
		if len(list) == maxShipped {
			return nil, fmt.Errorf("read anaconda's log: it names more than %d packages", maxShipped)
		}
		list = append(list, compose.Shipped{NEVRA: n.String(), From: "anaconda"})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read anaconda's log: %w", err)
	}
	return list, nil
}
