package kickstart_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/fedora-respin/respin/kickstart"
)

// A side repo is injected into a kickstart; all else stays as it was.
func ExampleDocument_AddRepo() {
	src := `# My spin
url --mirrorlist=https://mirrors.example.org/?repo=fedora-$releasever
lang en_US.UTF-8   # the default

%packages
@core
%end
`
	doc, err := kickstart.Parse("spin.ks", []byte(src), kickstart.Options{Version: kickstart.F44})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := doc.AddRepo(kickstart.Repo{Name: "side", BaseURL: "https://respin.example.org/repos/1/", Cost: 50}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := doc.WriteTo(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// # My spin
	// url --mirrorlist=https://mirrors.example.org/?repo=fedora-$releasever
	// repo --name=side --baseurl=https://respin.example.org/repos/1/ --cost=50
	// lang en_US.UTF-8   # the default
	//
	// %packages
	// @core
	// %end
}

// Parse refuses what pykickstart refuses and says where and what to do.
func ExampleParse() {
	_, err := kickstart.Parse("spin.ks", []byte("lang en_US.UTF-8\ninstall\n"), kickstart.Options{Version: kickstart.F44})
	if pe, ok := errors.AsType[*kickstart.ParseError](err); ok {
		fmt.Println(pe.Line, pe.Code)
	}
	fmt.Println(err)
	// Output:
	// 2 removed-command
	// spin.ks:2:1: install has been removed.; remove it: installing is what a kickstart does
}

// Validate lists errors and what only ksvalidator complains about.
func ExampleDocument_Validate() {
	doc, err := kickstart.Parse("spin.ks", []byte("part / --size=4096\npart / --size=8192\nkeybord us\n"), kickstart.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range doc.Validate(kickstart.F44) {
		fmt.Println(d, "-", d.Remedy)
	}
	// Output:
	// spin.ks:2:1: warning: A partition with the mountpoint / has already been defined. - keep one of the two lines
	// spin.ks:3:1: error: Unknown command: keybord - did you mean keyboard?
}
