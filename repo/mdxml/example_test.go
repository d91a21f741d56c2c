package mdxml_test

import (
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/repo/mdxml"
)

func ExampleReadPrimary() {
	doc := `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
<package type="rpm"><name>hello</name><arch>x86_64</arch><version epoch="1" ver="2.0" rel="1.fc44"/><location href="hello.rpm"/>
<format><rpm:requires><rpm:entry name="libhello.so.2()(64bit)"/></rpm:requires></format></package></metadata>`
	err := mdxml.ReadPrimary(strings.NewReader(doc), func(p *mdxml.Package) error {
		for _, r := range p.Relations[mdxml.Requires] {
			fmt.Printf("%s %s needs %s\n", p.Name, p.EVR.EVR(), r.Name)
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// hello 1:2.0-1.fc44 needs libhello.so.2()(64bit)
}
