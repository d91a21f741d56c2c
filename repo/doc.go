// Package repo reads and writes RPM repodata: the primary, filelists and other
// metadata that dnf needs to know a directory of RPMs as a repository. What it
// writes is, byte for byte, what createrepo_c writes; what it reads it verifies
// and bounds.
//
//	rep, err := repo.Create(ctx, "/srv/repo", repo.Options{Compression: repo.Zstd})
//	if err != nil {
//		return err // nothing was published
//	}
//	for _, s := range rep.Skipped {
//		log.Print(s) // an RPM that cannot be read; the rest is indexed
//	}
//
//	r, err := repo.Open(ctx, "https://example.org/repo", nil)
//	...
//	for e, err := range r.Primary(ctx) {
//		if err != nil {
//			return err // cut, altered or malformed
//		}
//		fmt.Println(e.NEVRA(), e.Location)
//	}
//
// # Where it differs from createrepo_c
//
// Strings that are UTF-8 in form only (overlong forms, surrogates, U+FFFE) are
// read as latin1 here; createrepo_c copies them and its XML can then not be
// read. A comps file is compressed and indexed once, as "group", as createrepo_c
// does since 1.0; the 0.17 series indexed it twice, plain and compressed. Pre017
// selects which requirements the 0.17 series marks pre. Module metadata that
// stand among the RPMs are put together as they are written, where createrepo_c
// lets libmodulemd merge and print them; see Extra. An update trusts the change
// time and inode of a file, not only its size and modification time; see
// Options.Update.
//
// The facts about createrepo_c come from its sources (parsehdr.c, xml_dump*.c,
// misc.c, createrepo_c.c) at version 2.0.0 and from runs of 0.17.3.
package repo
