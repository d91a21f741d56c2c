// Package lint reviews kickstarts: the rules of Fedora's Spins SIG, and what
// breaks composes in practice though the kickstart is valid. It is for the
// maintainers of spins and for services that build what others send.
//
//	doc, _, err := kickstart.Check("spin.ks", src, kickstart.Options{Includes: includes})
//	if err != nil {
//		return err
//	}
//	report, err := lint.Run(ctx, doc, lint.Options{Universe: repos})
//	if err != nil {
//		return err
//	}
//	for _, f := range report.Findings {
//		fmt.Println(f) // spin.ks:12: error: there is no package vmi; ... [unknown-package]
//	}
//
// A Universe says what the repositories hold: whether packages, groups and
// services exist, and how large the image will be. Without one the rules that
// need it are listed in Report.Skipped. WriteSARIF writes findings in the form
// that code hosts and editors read.
//
// The review rules are those of the Fedora wiki, "Spins SIG Review Checklist";
// the others come from lorax and anaconda, as package kickstart says.
package lint
