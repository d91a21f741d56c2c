// Package kickstart reads, checks, edits, flattens, builds and prints
// kickstarts, the files that tell anaconda and livemedia-creator what to
// install. It is for programs that change other people's kickstarts without
// breaking them, and for those that want to know what a kickstart says.
//
//	doc, err := kickstart.Parse("spin.ks", src, kickstart.Options{
//		Version:  kickstart.F44,
//		Includes: kickstart.FSIncluder(root.FS()), // an os.Root
//	})
//	if err != nil {
//		return err // *ParseError: file, line, column, message, remedy
//	}
//	flat := doc.Flatten() // one file that stands alone
//	_, err = flat.InjectRepos([]kickstart.Repo{{Name: "side", BaseURL: url}})
//	...
//	_, err = flat.WriteTo(w)
//
// # Documents
//
// A Document is lossless: what was not edited is printed byte for byte, with
// its comments, order and quotes. Nodes, Walk, Commands and Sections give its
// parts, each with file, line and column, also where an %include or %ksappend
// leads into other files.
//
// # Questions
//
// Typed views (Repos, URL, Packages, Partitions, Users, Networks, Scripts, ...)
// say what a kickstart comes to, PackageLines where it asks for what, and
// Arguments reads any command by the option table of its version.
//
// # Verdicts
//
// Parse stops at the first error, Check and Validate list all. Lines are cut,
// words are split and options are read as pykickstart does it; tables for
// Fedora 38 to 46 and RHEL 9 and 10 are built in, and Limits bounds what
// foreign input may cost. CheckLivemedia gives livemedia-creator's verdict, and
// package kickstart/lint reviews.
//
// # Edits
//
// Edits (AddRepo, InjectRepos, SetCommand, SetOption, AddPackages, AddScript,
// ...) change one place and leave the rest; Build makes a kickstart from a
// Spec. Every value is quoted or refused with a *ValueError: none can become a
// command, an option or a section of its own.
//
// The facts come from pykickstart 3.74 to 3.78
// (https://github.com/pykickstart/pykickstart) and lorax 46
// (https://github.com/weldr/lorax).
package kickstart
