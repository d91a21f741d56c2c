package proof_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fedora-respin/respin/compose/image/imagetest"
	"github.com/fedora-respin/respin/compose/proof"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "install.img")
	if err := os.WriteFile(path, imagetest.Squashfs(system("", spec("anaconda", "44.12"))), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	c, err := proof.Read(context.Background(), path, proof.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range c.Systems {
		for _, p := range s.Packages {
			fmt.Println(s.Release, p.NEVRA, p.HeaderStatus)
		}
	}
	fmt.Println(c.Require("anaconda>=44.13"))
	// Output:
	// Fedora Linux 44 anaconda-44.12-1.fc44.x86_64 ok
	// the image does not ship anaconda>=44.13: it has anaconda-44.12-1.fc44.x86_64
}
