package livemedia_test

import (
	"fmt"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/livemedia"
)

func ExampleBackend_Describe() {
	p := &compose.Plan{
		Request:   compose.Request{Kind: compose.KindLive, Release: "44", Arch: "x86_64"},
		Kickstart: "url --url=https://example.org/44/\npart / --size=4096\n%packages\ndracut-live\n%end\n", VolID: "F44-live", Image: "F44-live.iso",
	}
	fmt.Println((&livemedia.Backend{}).Describe(p))
	// Output:
	// request refused: kickstart: respin.ks:1: The kickstart must activate networking if the url or nfs install method is used. Add network --bootproto=dhcp --device=link --activate.
}
