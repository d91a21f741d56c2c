// Package check answers, in part of a second and without a solver, what most
// often breaks an image made of fresh builds: a side repo whose packages need
// something that nobody provides, that clash with each other or with what is
// there, or that lose to it.
//
//	report, err := check.Run(ctx, check.Repo{Name: "side", Index: side}, []check.Repo{
//		{Name: "fedora", Index: fedora}, {Name: "updates", Index: updates},
//	}, check.Options{})
//	if err != nil {
//		return err
//	}
//	for _, p := range report.Problems {
//		fmt.Println(p.Severity, p.Text) // "nothing provides libfoo.so.2 needed by bar-1-1.x86_64"
//	}
//
// The side repo is taken to be preferred, as the .repo file of a side repo says
// (priority=1): packages of the other repositories with the name and
// architecture of one of its packages are not installed beside it.
//
// Every requirement is judged alone, as dnf repoclosure does. That two
// requirements can be met one by one and not together is found only where
// packages conflict with each other directly; the solver of dnf knows more.
// Sentences are those of libsolv (src/problems.c).
package check
