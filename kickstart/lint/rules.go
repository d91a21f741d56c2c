package lint

import "context"

// Rule is one thing that is looked at.
type Rule struct {
	ID       string   // stable, for scripts
	Summary  string   // what the rule wants, in one sentence
	Reason   string   // why
	Severity Severity // the highest it gives
	// NeedsUniverse: only with Options.Universe.
	NeedsUniverse bool

	check func(context.Context, *linter) error
}

// Rules lists the rules in the order in which they run.
func Rules() []Rule { return rules() }

// simple makes the check of a rule that asks nobody.
func simple(check func(*linter)) func(context.Context, *linter) error {
	return func(_ context.Context, l *linter) error {
		check(l)
		return nil
	}
}

func rules() []Rule {
	return []Rule{
		{
			"validates", "The kickstart is valid in its version.",
			"Spins SIG review: the kickstart must validate. Errors are what anaconda refuses, warnings what ksvalidator refuses.",
			Error, false, simple((*linter).validates),
		},
		{
			"flattens", "Every include is there, and the flattened kickstart is valid.",
			"Spins SIG review: the kickstart must flatten. livemedia-creator looks for includes where it was started.",
			Error, false, simple((*linter).flattens),
		},
		{
			"standard-base", "A live kickstart builds on a standard one, as fedora-live-base.ks.",
			"Spins SIG review: with another base the spin has to follow by itself what changes in Fedora's live images.",
			Warning, false, simple((*linter).standardBase),
		},
		{
			"maintainer", "The maintainers are named in a comment.",
			"Spins SIG review: names and addresses, or the page of the group that maintains the spin.",
			Note, false, simple((*linter).maintainer),
		},
		{
			"livemedia", "livemedia-creator takes the kickstart.",
			"What lorax checks before it starts, and what fails in it later.",
			Error, false, simple((*linter).livemedia),
		},
		{
			"partition-size", "The root partition of a live image has 4096 or 8192 MiB.",
			"Spins SIG review: other sizes have to be noted and motivated; a comment at the command does.",
			Warning, false, simple((*linter).partitionSize),
		},
		{
			"ignore-missing", "%packages is without --ignoremissing.",
			"Spins SIG review: packages that do not exist would be left out without a word.",
			Error, false, simple((*linter).ignoreMissing),
		},
		{
			"post-nochroot", "%post is without --nochroot.",
			"Spins SIG review: such scripts change the host that builds, and work only with one back end.",
			Error, false, simple((*linter).postNoChroot),
		},
		{
			"extra-repo", "No repository is left in that is not the release's own.",
			"Spins SIG review: no additional repository configuration is allowed.",
			Warning, false, simple((*linter).extraRepo),
		},
		{
			"clear-password", "No password stands in clear.",
			"Kickstarts are published, and stay on the installed system under /root.",
			Error, false, simple((*linter).clearPassword),
		},
		{
			"kernel", "An image brings a kernel.",
			"Without one a live image or disk does not start.",
			Error, false, simple((*linter).kernel),
		},
		{
			"selinux", "SELinux is enforcing.",
			"Fedora ships it so; an image that is built without labels needs a relabel before it works.",
			Warning, false, simple((*linter).selinux),
		},
		{
			"services", "No service is switched on and off at once.",
			"anaconda disables first and enables then, so the line that says off is without effect.",
			Warning, false, simple((*linter).services),
		},
		{
			"unknown-package", "Every package of %packages is in the repositories.",
			"Spins SIG review: all packages must exist. anaconda stops where one is missing.",
			Error, true, simple((*linter).unknownPackage),
		},
		{
			"unknown-group", "Every group and environment of %packages is in comps.",
			"anaconda stops where a group is missing.",
			Error, true, simple((*linter).unknownGroup),
		},
		{
			"unknown-service", "Every service that is switched on is brought by a package.",
			"systemctl fails for units that are not there.",
			Warning, true, func(ctx context.Context, l *linter) error { return l.unknownService(ctx) },
		},
		{
			"dependencies", "Every requirement of the packages is met, without what is excluded.",
			"Spins SIG review: no missing dependencies, and nothing that is excluded and installed all the same.",
			Error, true, simple((*linter).dependencies),
		},
		{
			"image-size", "The image fits its medium.",
			"Spins SIG review: an image is at most as large as a CD (700 MiB) or a DVD (4.3 GiB), or as its own limit.",
			Error, true, simple((*linter).imageSize),
		},
		{
			"root-too-small", "The packages fit the root partition.",
			"The installation ends with a full disk otherwise.",
			Error, true, simple((*linter).rootTooSmall),
		},
	}
}
