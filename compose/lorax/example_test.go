package lorax_test

import (
	"fmt"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/lorax"
)

func ExampleBackend_Describe() {
	p := &compose.Plan{
		Request: compose.Request{Kind: compose.KindBootISO, Release: "44", Arch: "x86_64", Require: []string{"anaconda>=44.12"}},
		Repos:   []compose.PlanRepo{{Repo: compose.Repo{ID: "fedora", BaseURL: "https://example.org/44/"}}},
		VolID:   "F44-test", Image: "F44-test.iso", Final: true,
	}
	if err := (&lorax.Backend{}).Describe(p); err != nil {
		fmt.Println(err)
	}
	for _, arg := range p.Argv {
		fmt.Println(arg)
	}
	// Output:
	// lorax
	// --product=Fedora
	// --version=44
	// --release=44
	// --repo=${tmp}/respin.repo
	// --volid=F44-test
	// --buildarch=x86_64
	// --nomacboot
	// --rootfs-type=squashfs
	// --isfinal
	// --installpkgs=anaconda>=44.12
	// --tmp=${tmp}/lorax
	// --cachedir=${cache}/44-x86_64
	// --logfile=${logs}/lorax.log
	// ${outdir}/os
}
