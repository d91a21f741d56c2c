package lorax

import (
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/compose"
)

// translate says the argv of a Plan in the words of the lorax that was found. It
// goes by the options that its help lists, never by its version. What that lorax
// cannot do is a *compose.FailedError.
//
//	option               lorax has it since   before that
//	--rootfs-type        41.3 (and 40.5.x)    --squashfs-only, or ext4 in squashfs by default
//	--skip-branding      34                   not used
//
// Source: the history of src/pylorax/cmdline/__init__.py.
func translate(argv []string, tool compose.Tool) ([]string, error) {
	out := make([]string, 0, len(argv))
	for i, arg := range argv {
		option, value, _ := strings.Cut(arg, "=")
		switch {
		case i == 0 || !strings.HasPrefix(arg, "--") || tool.Has(option):
			out = append(out, arg)
		case option == "--rootfs-type" && value == squashfs && tool.Has("--squashfs-only"):
			out = append(out, "--squashfs-only")
		case option == "--rootfs-type" && value == squashfsExt4 && tool.Has("--squashfs-only"):
			// What such a lorax makes when nothing is said.
		default:
			return nil, &compose.FailedError{
				Err: fmt.Errorf("run lorax %s: its help does not list %s", tool.Version, option),
				Failure: compose.Failure{
					Code: compose.CodeToolMissing, Stage: compose.StageCompose,
					Sentence: fmt.Sprintf("The lorax %s of the build node does not know %s.", tool.Version, arg),
					Remedy:   "Use a node with a lorax of the release that is to be made.",
				},
			}
		}
	}
	return out, nil
}
