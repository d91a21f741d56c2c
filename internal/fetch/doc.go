// Package fetch brings files from web servers into a content-addressed cache:
// verified before they get a name, resumed after a break, from whichever
// mirror answers, each one only once however many callers want it.
//
//	f, err := fetch.New("/var/cache/app", fetch.Options{Logger: log})
//	if err != nil { ... }
//	defer f.Close()
//	path, err := f.Get(ctx, fetch.Want{
//		URLs:   []string{"https://a.example.org/x.bin", "https://b.example.org/x.bin"},
//		Size:   1048576,
//		SHA256: "9f86d0...",
//	})
//	var full *fetch.DiskFullError
//	switch {
//	case errors.As(err, &full):                  // free full.Need bytes in full.Path
//	case errors.Is(err, fetch.ErrUnreachable):   // worth another try later
//	}
//	err = fetch.Link(path, "work/x.bin")         // hard link, or a copy
//
// What may be reached is decided in one place, [Policy]: http and https only,
// public addresses only, judged at the moment of dialing on the resolved
// address, so that neither a redirect nor a changing DNS answer leads inside.
//
// On disk, below the directory given to [New]:
//
//	cas/sha256/ab/abcd...   finished files, named by their SHA-256, mode 0444; their
//	                        access time is when they were last handed out
//	keys/ab/abcd...         which file a caller's Key stands for
//	part/abcd.part          unfinished bytes (locked by their owner; .json: their origin)
//	docs/abcd...            small files that change under their URL: [Fetcher.Document]
//	holds/1234.hold         digests of the files that a [Session] holds; locked by it
//	use.lock, prune.lock    who marks files as used, who removes them
//
// Several processes may share one directory. [Options.MaxCache] bounds it: the
// least recently used files go first, never those handed out during the last
// hour or held by a Session:
//
//	s, err := f.Session(ctx)
//	if err != nil { ... }
//	defer s.Close()
//	paths, err := s.All(ctx, wants, nil)         // stay until s is closed
package fetch
