// Package index keeps the primary metadata of a whole repository in memory,
// small and ready for questions: which packages have this name, which provide
// this capability or path, what does this package require. A distribution of
// 70,000 packages takes about a third of its primary.xml, because every text
// is kept once.
//
//	r, err := repo.Open(ctx, "https://example.org/fedora/os/", nil)
//	...
//	ix, err := index.Open(ctx, r, cacheDir) // built once for each primary.xml
//	...
//	for p := range ix.Providers(index.Relation{Name: "libssl.so.3()(64bit)"}) {
//		fmt.Println(p.NEVRA(), p.Location())
//	}
//
// Open keeps what it built in a file and reads that the next time, in a small
// part of the time. An Index never changes and is safe for concurrent use.
//
// primary.xml names only some files of each package: those in /etc/ and in
// directories that end in bin. Paths answers for all the others, from
// filelists.xml, which is read only when somebody asks.
package index
