package siderepo_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
)

func ExampleWrite() {
	tmp, err := os.MkdirTemp("", "siderepo")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(tmp)
	// A cache names files by their digest; the repository wants real names.
	cached := filepath.Join(tmp, "3f2a")
	hello := rpmtest.Build(rpmtest.Spec{Name: "hello", Version: "1.0", Release: "1.fc44"})
	if err := os.WriteFile(cached, hello, 0o644); err != nil {
		fmt.Println(err)
		return
	}
	r, err := siderepo.Write(context.Background(), filepath.Join(tmp, "repo"),
		[]siderepo.Item{{Path: cached, Name: "hello-1.0-1.fc44.noarch.rpm"}},
		siderepo.Options{ID: "42", BaseURL: "https://example.org/composes/42/repo/"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range r.Packages {
		fmt.Println(p.NEVRA, "at", p.Location)
	}
	fmt.Print(r.RepoFile)
	// Output:
	// hello-1.0-1.fc44.noarch at Packages/h/hello-1.0-1.fc44.noarch.rpm
	// [respin-42]
	// name=Packages of compose 42
	// baseurl=https://example.org/composes/42/repo/
	// enabled=1
	// gpgcheck=0
	// repo_gpgcheck=0
	// priority=1
	// cost=1
	// skip_if_unavailable=1
	// metadata_expire=300
}
