package kiwidesc_test

import (
	"archive/tar"
	"bytes"
	"fmt"

	"github.com/fedora-respin/respin/compose/kiwidesc"
)

func Example() {
	text := `<image schemaversion="7.5" name="Fedora">
<profiles><profile name="KDE-Desktop-Live" description="KDE"/></profiles>
<preferences><version>44</version><packagemanager>dnf5</packagemanager></preferences>
<preferences profiles="KDE-Desktop-Live"><type image="iso" volid="Fedora-KDE"/></preferences>
</image>`
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "descriptions/Fedora.kiwi", Mode: 0o644, Size: int64(len(text))})
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	archive, err := kiwidesc.Open(&b)
	if err != nil {
		fmt.Println(err)
		return
	}
	desc, err := archive.Description("")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = desc.Select([]string{"KDE-Live"}, "iso", "x86_64")
	fmt.Println(err)
	sel, err := desc.Select(desc.Choices("iso", "x86_64"), "iso", "x86_64")
	fmt.Println(sel.Name, sel.Version, sel.Type.VolID, sel.Profiles, err)
	// Output:
	// the description has no profile KDE-Live for x86_64
	// Fedora 44 Fedora-KDE [KDE-Desktop-Live] <nil>
}
