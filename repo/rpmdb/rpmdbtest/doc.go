// Package rpmdbtest makes databases of rpm without rpm, for tests: real SQLite,
// ndb and Berkeley DB files, of which rpm itself reads the first and the last.
// It is not part of the product.
//
//	blob := rpmdbtest.Installed(rpmFile, 1767225600) // what rpm -i would store
//	os.WriteFile("rpmdb.sqlite", rpmdbtest.SQLite(blob), 0o644)
//	os.WriteFile("Packages.db", rpmdbtest.NDB(blob), 0o644)
//	os.WriteFile("Packages", rpmdbtest.BDB(blob), 0o644)
//
// Headers are numbered from 1. Programming errors panic, as in repo/rpm/rpmtest.
package rpmdbtest
