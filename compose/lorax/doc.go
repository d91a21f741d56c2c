// Package lorax makes installer images (boot.iso and the tree that it stands
// in) with lorax, the tool that Fedora's own are made with.
//
//	b := &lorax.Backend{}
//	tools, err := b.Probe(ctx, &proc.Runner{}) // lorax's version and options
//	err = b.Describe(plan)                     // plan.Argv: what lorax will be asked
//	made, err := b.Build(ctx, plan, job)       // os/..., boot.iso
//	proof, err := b.Verify(ctx, plan, job, made)
//
// The side repo and the release's repositories are handed over in a .repo file:
// of URLs on the command line lorax drops those that it does not understand
// without a word, skips what has "srpm" in it, and gives all the same priority.
// Packages that are to stay out are excluded in that file, too: lorax's own
// --excludepkgs fails since it uses libdnf5 (removepkg before the transaction).
//
// lorax runs as root, in a mount namespace of its own where the runner allows
// one, and is best run from the release that it makes.
//
// Facts: weldr/lorax 40.5 to 46.0, src/pylorax/cmdline/__init__.py, __init__.py,
// dnfbase.py, ltmpl.py and treebuilder.py.
package lorax
