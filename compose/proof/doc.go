// Package proof says what an image really ships, from the image itself: the
// database of rpm in it, the list that lorax leaves in it, and where the two
// disagree. It is what a package report, Request.Require and an SBOM stand on.
//
//	c, err := proof.Read(ctx, "boot.iso", proof.Options{})
//	if err != nil { ... }
//	for _, s := range c.Systems {
//		fmt.Println(s.Path, s.Database, len(s.Packages), s.Disagreements)
//	}
//	for _, e := range c.Judge(wants, proof.JudgeOptions{Repos: repos}) {
//		fmt.Println(e.NEVRA, e.Verdict, e.Shipped, e.Reason) // ... older 1.0-1.fc44 "..."
//	}
//	err = c.Require("anaconda>=44.12")   // *RequireError says what is there instead
//	err = c.SBOM(w, proof.SBOMOptions{}) // SPDX 2.3, JSON
//
// Evidence has grades, and each verdict names its own: the digest of the RPM in
// the database, the version in the database, the version in a list. lorax
// removes the database from the installer's image (runtime-cleanup.tmpl) and
// writes root/lorax-packages.log before (runtime-postinstall.tmpl), so that a
// boot.iso most often has a list alone.
package proof
