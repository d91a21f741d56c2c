package rpmdb_test

import (
	"fmt"
	"testing/fstest"

	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/rpmdb"
	"github.com/fedora-respin/respin/repo/rpmdb/rpmdbtest"
)

func Example() {
	file := rpmtest.Build(rpmtest.Spec{Name: "anaconda", Version: "44.12", Release: "1.fc44", Arch: "x86_64"})
	root := fstest.MapFS{ // what an image holds
		"usr/lib/sysimage/rpm/rpmdb.sqlite": {Data: rpmdbtest.SQLite(rpmdbtest.Installed(file, 1767225600))},
	}
	db, err := rpmdb.Open(root, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()
	for p, err := range db.Packages() {
		fmt.Println(p.NEVRA(), p.InstallTime, p.HeaderStatus, err)
	}
	// Output: anaconda-44.12-1.fc44.x86_64 1767225600 ok <nil>
}
