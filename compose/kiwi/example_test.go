package kiwi_test

import (
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/kiwi"
	"github.com/fedora-respin/respin/compose/kiwidesc"
)

func ExampleBackend_Describe() {
	p := &compose.Plan{
		Request: compose.Request{
			Kind: compose.KindLive, Release: "44", Arch: "x86_64", Packages: []string{"vim"},
			Options: compose.Options{Kiwi: &compose.Kiwi{Description: "https://example.org/f44.tar.gz"}},
		},
		RPMs: []compose.PlanRPM{{Name: "anaconda"}}, VolID: "F44-KDE", Image: "F44-KDE.iso",
		Description: &compose.PlanDescription{Selection: kiwidesc.Selection{
			File: "Fedora.kiwi", Name: "Fedora", Version: "44", Manager: "dnf5", Asked: []string{"KDE-Desktop-Live"}, Type: kiwidesc.Type{Image: "iso"},
		}},
	}
	if err := (&kiwi.Backend{}).Describe(p); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(p.Argv[6:], "\n"))
	// Output:
	// --type=iso
	// --profile=KDE-Desktop-Live
	// --kiwi-file=Fedora.kiwi
	// system
	// build
	// --description=${tmp}/description
	// --target-dir=${outdir}/kiwi
	// --set-release-version=44
	// --set-type-attr=volid=F44-KDE
	// --add-repo=file://${siderepo},rpm-md,respin,1,false,false,,,,false,baseurl
	// --add-package=vim
}
