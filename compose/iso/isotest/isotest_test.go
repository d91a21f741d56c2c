package isotest_test

import (
	"bytes"
	"fmt"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
)

func ExampleBuild() {
	data := isotest.Build(isotest.Options{VolumeID: "TEST", UEFI: true, Files: map[string]string{"a/b.txt": "hello"}})
	img, err := iso.NewImage(bytes.NewReader(data), int64(len(data)), "test.iso")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := img.ReadFile("/a/b.txt", 100)
	fmt.Println(img.VolumeID(), string(text), err)
	// Output:
	// TEST hello <nil>
}
