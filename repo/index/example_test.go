package index_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/repo/index"
)

func ExampleBuild() {
	doc := `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
<package type="rpm"><name>openssl-libs</name><arch>x86_64</arch><version epoch="1" ver="3.5.0" rel="2.fc44"/><location href="o/openssl-libs.rpm"/>
<format><rpm:provides><rpm:entry name="libssl.so.3()(64bit)"/></rpm:provides></format></package></metadata>`
	ix, err := index.Build(context.Background(), strings.NewReader(doc), 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for p := range ix.Providers(index.Relation{Name: "libssl.so.3()(64bit)"}) {
		fmt.Println(p, "in", p.Location())
	}
	// Output:
	// openssl-libs-1:3.5.0-2.fc44.x86_64 in o/openssl-libs.rpm
}
