// Package rpmdb reads the database of installed packages that rpm keeps on a
// system, without rpm, without C, and without writing anything: what an image
// really ships stands there, whatever logs say.
//
//	db, err := rpmdb.Open(os.DirFS("/mnt"), "") // any fs.FS; "" looks in the usual folders
//	if err != nil { ... } // fs.ErrNotExist (wrapped) when there is none
//	defer db.Close()
//	for p, err := range db.Packages() {
//		if bad, ok := errors.AsType[*rpmdb.HeaderError](err); ok {
//			continue // one damaged header: rpm skips it too
//		} else if err != nil { ... } // *rpmdb.FormatError: the database is damaged
//		fmt.Println(p.NEVRA(), p.InstallTime, p.HeaderStatus, p.KeyID())
//	}
//
// Three formats are read: sqlite (rpm 4.16 and later, Fedora 33 and later), with
// the transactions that are still in its write-ahead log; ndb (SUSE); and
// Berkeley DB's hash (everything older). Nothing in the files is trusted: each
// page and block is visited at most once, so that the work is bounded by the
// size of the file, and a header goes through the guard of repo/rpm before
// anything of it is used.
//
// Facts: sqlite.org/fileformat2.html; rpm's lib/backend/sqlite.cc,
// lib/backend/ndb/rpmpkg.c and lib/backend/bdb_ro.cc.
package rpmdb
