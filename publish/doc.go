// Package publish puts the files of one compose where people fetch them: all
// of them or none, checked on the way, and once, however often the work is
// begun again. The media are its subpackages: publish/dir, publish/ftp and
// publish/http. None of them knows what the files mean.
//
//	set, err := publish.Scan(ctx, "work/out")      // hashes, writes CHECKSUM
//	set.ID, set.Attempt = "c01jq3", 1
//	p, err := dir.New(dir.Config{Base: "/srv/images", URL: "https://host/images/"})
//	staged, err := p.Stage(ctx, set, nil)          // uploaded, not yet visible
//	record(staged)                                 // JSON; survives a kill -9
//	loc, err := p.Finalize(ctx, staged)            // one rename; may be repeated
//	fmt.Println(loc.File("images/boot.iso"))
//
// A set is identified by its CHECKSUM file, which lists every other file with
// size and SHA-256 in the style of Fedora's own. Adapters upload it last, so
// where it stands complete, everything does.
package publish
