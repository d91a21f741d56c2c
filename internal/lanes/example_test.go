package lanes_test

import (
	"fmt"

	"github.com/fedora-respin/respin/internal/lanes"
)

func ExampleWrite() {
	var a, b lanes.Digest
	lanes.Write(&a, &b, []byte("abc"), nil)
	fmt.Printf("%x\n%x\n", a.Sum(nil), b.Sum(nil))
	// Output:
	// ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
	// e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
}
