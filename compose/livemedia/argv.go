package livemedia

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose"
)

const (
	ksName     = "respin.ks" // below Temp
	resultName = "result"    // below OutDir; livemedia-creator wants to make it itself
	logName    = "livemedia.log"
	ociConfig  = "oci-config.json"
	ociRuntime = "oci-runtime.json"
	// liveImage is what --make-pxe-live calls its root file system (creator.py).
	liveImage = "live-rootfs.squashfs.img"
)

// imageOf is the file name of the first artifact.
func imageOf(p *compose.Plan) string {
	base := strings.TrimSuffix(p.Image, ".iso")
	switch p.Request.Kind { //nolint:exhaustive // Makes lists the kinds
	case compose.KindDisk:
		return base + ".qcow2"
	case compose.KindTar, compose.KindOCI:
		return base + ".tar.xz"
	case compose.KindPXELive:
		return liveImage
	}
	return base + ".iso"
}

// makeOf is the word behind --make-.
func makeOf(kind compose.Kind) string {
	if kind == compose.KindLive {
		return "iso"
	}
	return string(kind)
}

// arguments is the whole command line in the words of livemedia-creator 46. No
// argument begins with "@", which it would take for a file of arguments.
func arguments(p *compose.Plan) []string {
	o := &p.Request.Options
	project, version := p.Request.Product()
	argv := []string{Tool, "--make-" + makeOf(p.Request.Kind)}
	if o.Virt {
		argv = append(argv, "--iso="+compose.HoldBase)
	} else {
		argv = append(argv, "--no-virt")
	}
	argv = append(argv, "--ks="+compose.HoldTemp+"/"+ksName, "--project="+project, "--releasever="+version, "--release="+version)
	if o.Variant != "" {
		argv = append(argv, "--variant="+o.Variant)
	}
	if p.Final {
		argv = append(argv, "--isfinal")
	}
	// The default wants mkfs.hfsplus, which no release has any more.
	argv = append(argv, "--nomacboot")
	argv = append(argv, kindArguments(p)...)
	return append(argv, "--tmp="+compose.HoldTemp+"/lmc", "--resultdir="+compose.HoldOutDir+"/"+resultName, "--logfile="+compose.HoldLogs+"/"+logName)
}

func kindArguments(p *compose.Plan) []string {
	o := &p.Request.Options
	switch p.Request.Kind { //nolint:exhaustive // Makes lists the kinds
	case compose.KindLive:
		rootfs := o.RootfsType
		if rootfs == "" {
			rootfs = "squashfs"
		}
		argv := []string{"--volid=" + p.VolID, "--iso-only", "--iso-name=" + p.Image, "--rootfs-type=" + rootfs}
		if len(p.Request.BootArgs) > 0 {
			argv = append(argv, "--extra-boot-args="+strings.Join(p.Request.BootArgs, " "))
		}
		return argv
	case compose.KindDisk:
		return []string{"--image-type=qcow2", "--image-name=" + p.Image}
	case compose.KindTar:
		return []string{"--image-name=" + p.Image}
	case compose.KindOCI:
		return []string{"--oci-config=" + compose.HoldTemp + "/" + ociConfig, "--oci-runtime=" + compose.HoldTemp + "/" + ociRuntime, "--image-name=" + p.Image}
	case compose.KindPXELive:
		if o.RootfsSize > 0 {
			return []string{"--live-rootfs-size=" + strconv.Itoa(o.RootfsSize)}
		}
	}
	return nil
}

// translate says the argv in the words of the livemedia-creator that was found,
// as compose/lorax does:
//
//	option          since   before that
//	--rootfs-type   41.3    --squashfs-only, or ext4 in squashfs by default
func translate(argv []string, tool compose.Tool) ([]string, error) {
	out := make([]string, 0, len(argv))
	for i, arg := range argv {
		option, value, _ := strings.Cut(arg, "=")
		switch {
		case i == 0 || tool.Has(option):
			out = append(out, arg)
		case arg == "--rootfs-type=squashfs" && tool.Has("--squashfs-only"):
			out = append(out, "--squashfs-only")
		case option == "--rootfs-type" && value == "squashfs-ext4" && tool.Has("--squashfs-only"):
		default:
			return nil, &compose.FailedError{
				Err: fmt.Errorf("run livemedia-creator %s: its help does not list %s", tool.Version, option),
				Failure: compose.Failure{
					Code: compose.CodeToolMissing, Stage: compose.StageCompose,
					Sentence: fmt.Sprintf("The livemedia-creator %s of the build node does not know %s.", tool.Version, arg),
					Remedy:   "Use a node with a lorax of the release that is to be made.",
				},
			}
		}
	}
	return out, nil
}
