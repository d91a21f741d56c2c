package lorax

import (
	"context"
	"errors"
	"fmt"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
)

func verifyFailed(format string, args ...any) error {
	return &compose.FailedError{
		Err:     errors.New("read boot.iso back"),
		Failure: compose.Failure{Code: compose.CodeVerifyFailed, Stage: compose.StageVerify, Sentence: fmt.Sprintf(format, args...)},
	}
}

// verifyImage looks at the boot.iso itself: checksum, volume id, architecture,
// ways to boot.
func verifyImage(ctx context.Context, p *compose.Plan, path string, progress func(string, int, string)) (*compose.ImageFacts, error) {
	err := iso.CheckMD5(ctx, path, func(done, total int64) {
		progress("checksum", int(done*90/max(total, 1)), "checking the medium checksum")
	})
	if err != nil {
		return nil, fmt.Errorf("check the medium checksum: %w", err)
	}
	info, err := iso.Inspect(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the image
	}
	if info.VolumeID != p.VolID {
		return nil, verifyFailed("The image has the volume id %s where %s was asked for.", info.VolumeID, p.VolID)
	}
	if info.Arch != "" && info.Arch != p.Request.Arch {
		return nil, verifyFailed("The image is for %s where %s was asked for.", info.Arch, p.Request.Arch)
	}
	facts := &compose.ImageFacts{VolID: info.VolumeID, Bootable: info.Bootable()}
	switch p.Request.Arch {
	case "x86_64":
		if !info.BIOS || !info.UEFI {
			return nil, verifyFailed("The image does not boot on every PC: BIOS %t, UEFI %t.", info.BIOS, info.UEFI)
		}
	case "aarch64":
		if !info.UEFI {
			return nil, verifyFailed("The image does not boot with UEFI.")
		}
	default:
		if !facts.Bootable {
			return nil, verifyFailed("The image does not boot.")
		}
	}
	if info.Checksum != nil {
		facts.ImplantedMD5 = info.Checksum.MD5
	}
	return facts, nil
}
