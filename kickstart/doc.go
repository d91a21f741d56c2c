// Package kickstart reads, checks, edits, flattens and prints kickstarts, the
// files that tell anaconda and livemedia-creator what to install. It is for
// programs that change other people's kickstarts without breaking them, and
// for those that want to know what a kickstart says.
//
// A Document is lossless: what was not edited is printed byte for byte, with
// its comments, order and quotes. Typed views (Repos, URL, Packages,
// Partitions, Scripts, ...) answer questions, edits (AddRepo, SetCommand,
// AddPackages, ...) quote every value or refuse it with a *ValueError, and
// Validate gives pykickstart's verdict with line, code and remedy:
//
//	doc, err := kickstart.Parse("spin.ks", src, kickstart.Options{
//		Version:  kickstart.F44,
//		Includes: kickstart.FSIncluder(root.FS()), // an os.Root
//	})
//	if err != nil {
//		return err // *ParseError: file, line, column, message, remedy
//	}
//	flat := doc.Flatten()
//	err = flat.AddRepo(kickstart.Repo{Name: "side", BaseURL: url, Cost: 50})
//	...
//	_, err = flat.WriteTo(w)
//
// Lines are cut and words are split as pykickstart does it, option tables for
// Fedora 38 to 45 and RHEL 9 and 10 are built in, and Limits bounds what
// foreign input may cost. The facts come from pykickstart 3.74
// (https://github.com/pykickstart/pykickstart).
package kickstart
