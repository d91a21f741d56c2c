// Package content answers what the repositories of a compose hold, in the
// words of a kickstart: whether packages, groups, environments and systemd
// units exist, and what an installation of them comes to. It is the
// lint.Universe over real repositories.
//
//	content, err := content.Load(ctx, index.Cache{Dir: cacheDir}, "x86_64",
//		check.Source{Name: "fedora", Repo: fedora}, check.Source{Name: "side", Repo: side})
//	if err != nil {
//		return err
//	}
//	report, err := lint.Run(ctx, doc, lint.Options{Universe: content})
//
// Nothing is solved: Forecast follows requirements and recommendations from
// package to package and takes one provider of several, as dnf mostly would,
// passing over what could not be installed. On CentOS Stream 9 it gathers what
// dnf 4.14 would install, and dnf installs from that alone (internal/interop;
// docs/adr/0023). Conflicts
// only steer the choice of a provider. File lists are read only when somebody asks for a
// path that primary.xml does not name.
package content
