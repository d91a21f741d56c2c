package xmltext_test

import (
	"fmt"

	"github.com/fedora-respin/respin/repo/internal/xmltext"
)

func Example() {
	b := xmltext.AppendAttr(nil, "author", "Zoë & Co", true)
	b = append(b, '\n')
	b = xmltext.AppendElement(b, "  ", "summary", "Zoë & Co")
	fmt.Print(string(b))
	// Output:
	//  author="Zo&#xEB; &amp; Co"
	//   <summary>Zoë &amp; Co</summary>
}
