package repo_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func ExampleCreate() {
	dir, err := os.MkdirTemp("", "repo")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	hello := rpmtest.Build(rpmtest.Spec{Name: "hello", Version: "1.0", Release: "1.fc44"})
	if err := os.WriteFile(filepath.Join(dir, "hello-1.0-1.fc44.noarch.rpm"), hello, 0o644); err != nil {
		fmt.Println(err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.rpm"), []byte("no package at all"), 0o644); err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	rep, err := repo.Create(ctx, dir, repo.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range rep.Skipped {
		fmt.Println("skipped:", s.Path)
	}
	r, err := repo.OpenDir(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	for e, err := range r.Primary(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.NEVRA(), "at", e.Location)
	}
	// Output:
	// skipped: notes.rpm
	// hello-1.0-1.fc44.noarch at hello-1.0-1.fc44.noarch.rpm
}
