package diagnose

// packageRules know what is not in the repositories. Sources: dnf base.py and
// exceptions.py, libdnf5 base/log_event.cpp, yum, pylorax ltmpl.py, anaconda
// (its payload and pylorax monitor.py), mock with dnf builddep, kiwi
// solver/sat.py, zypper.
func packageRules() []rule {
	const fatalDnf = "dnf-no-match-fatal|dnf-nothing|lorax-required|anaconda-selection|depsolve-fatal|dnf-exception"
	return []rule{
		{"dnf-unable-match", PackageNotFound, dnf, fatal, "unable to find a match", `(?i)Unable to find a match(?:: (?P<pkg>.+))?`, "The repositories have no package for[ {pkg}].", "", extra{list: true, before: true}},
		{"dnf-no-match", PackageNotFound, dnf, fatal, "no match for argument|no match for package", `(?i)No match for (?:argument|package)(?:: | ["']| )(?P<pkg>[^@"'\s][^"']*?)["']?(?: in (?:repositories|selected).*)?\s*$`, "The repositories have no package for {pkg}.", "", extra{list: true, confirm: fatalDnf + "|dnf-unable-match"}},
		{"module-profile", GroupNotFound, dnf, strong, "unable to match profile", `(?i)Unable to match profile (?:for argument|in argument) (?P<arg>[^\s.]+)`, "The module has no such profile: {arg}.", "Name a stream and profile that dnf module list shows.", extra{}},
		{"dnf-no-match-alone", PackageNotFound, dnf, likely, "no match for argument", `(?i)No match for argument: (?P<pkg>[^@\s]\S*)`, "The repositories have no package for {pkg}.", "", extra{list: true, unless: "dnf-nothing-done"}},
		{"dnf-no-match-group", GroupNotFound, dnf, fatal, "no match for argument", `(?i)No match for argument:? ["']?(?P<group>@\S[^"']*)|No match for argument: (?P<name>[A-Z][\w&'/.-]*(?: [\w&'/.-]+)+)\s*$`, "The repositories have no group or environment [{group}][{name}].", "", extra{list: true}},
		{"dnf-missing-packages", PackageNotFound, dnf, fatal, "missing packages:|broken packages:", `(?i)missing packages: (?P<pkg>.+)|broken packages: (?P<broken>.+)`, "Packages are missing from the repositories[: {pkg}][: {broken}].", "", extra{list: true}},
		{"dnf-marking", PackageNotFound, dnf, strong, "packagesnotavailable|packagenotfound|markingerror", `(?:PackagesNotAvailable|PackageNotFound|Marking)Errors?: (?P<why>\S.*)`, "Packages are missing from the repositories[: {why}].", "", extra{list: true}},
		{"dnf-missing-groups", GroupNotFound, dnf, fatal, "missing groups|group id|environment id|module or group|no such group|group not found|find group|find environment|warning: group|group '|environment '|no such comps group", `(?i)missing groups or modules: (?P<group>.+)|(?:Module or Group|Group id|Environment id|(?:^|Warning: |Error: |[^:] )Group|Environment) '(?P<id>[^']+)' (?:does not exist|is not available)|No such (?:comps )?group:? '?(?P<none>[^'.]+)|Group not found:? (?P<nf>\S+)|Failed to find (?:group|environment) '(?P<find>[^']+)'|Warning: Group (?P<warn>\S+) does not exist`, "The repositories have no group or environment[ {group}][ {id}][ {none}][ {nf}][ {find}][ {warn}].", "", extra{list: true, unless: "dnf-nothing-done"}},
		{"dnf-comps-group", GroupNotFound, dnf, strong, "no match for group from environment", `No match for group from environment: (?P<group>.+)`, "An environment names the group {group}, which the repositories do not have.", "", extra{list: true, confirm: fatalDnf}},
		{"dnf-excluded", PackageNotFound, dnf, fatal, "filtered out by|matches only", `(?i)All matches were filtered out by (?P<what>exclude|modular) filtering for argument: (?P<pkg>\S+)|Argument '(?P<arg>[^']+)' matches only (?P<only>excluded|source) packages`, "All packages for[ {pkg}][ {arg}] are excluded or no binary packages.", "Look at excludepkgs and includepkgs of the repositories, and at the streams of modules.", extra{list: true}},
		{"yum-no-package", PackageNotFound, dnf, strong, "no package|find package|find the package|find any package|locate package|no match for:|not found|find a package|locate a package|locate any package|locate the package", `(?i)\bNo package (?P<pkg>\S+) available\b|\bno package matche[ds] '?(?P<match>[^'\s]+)|\bNo packages? found for:? (?P<found>\S+)|(?:[Ff]ailed to|[Uu]nable to|[Cc]ould not|[Cc]ouldn't|[Cc]annot) (?:find|locate) (?:a |the |any )?packages?:? ['"]?(?P<find>[^\s'"]+)|[Pp]ackages? not found: (?P<nf>\S.*)|\b[Pp]ackage ['"]?(?P<pnf>[^\s'"]+)['"]? (?:was |is )?not found(?:\s*$|[.;,]| in\b)|\bno match for: (?P<for>\S+)`, "The repositories have no package[ {pkg}][ {match}][ {found}][ {find}][ {nf}][ {pnf}][ {for}].", "", extra{list: true, unless: "dnf-nothing-done|lorax-optional"}},
		{"some-not-found", PackageNotFound, mock, strong, "packages could not be found", `(?i)Some packages could not be found`, "Some packages could not be found in the repositories.", "", extra{before: true}},
		{"builddep-missing", PackageNotFound, mock, fatal, "no matching package to install", `(?i)No matching package to install: '?(?P<pkg>[^']+?)'?\s*$`, "The repositories have no package for {pkg}.", "", extra{list: true}},
		{"lorax-installpkg", PackageNotFound, lorax, certain, "installpkg", `installpkg (?P<pkg>\S+) failed: (?:no package matched|no match|Package not found)`, "lorax requires the package {pkg}, and the repositories do not have it.", "Add the repository that has it, or leave the --installpkgs or template line out.", extra{confirm: "lorax-required"}},
		{"lorax-installpkg-other", PackageNotFound, lorax, strong, "installpkg", `installpkg (?P<pkg>\S+) failed: (?P<why>.+)`, "lorax could not take the package {pkg}: {why}.", "", extra{confirm: "lorax-required"}},
		{"lorax-required-alone", PackageNotFound, lorax, likely, "required installpkg failed", `Required installpkg failed`, "A package that lorax requires is not in the repositories.", "pylorax.log names it (installpkg ... failed).", extra{before: true}},
		{"lorax-no-anaconda", PackageNotFound, lorax, certain, "no anaconda-core package", `no anaconda-core package in the repository`, "The repositories have no anaconda-core, so that lorax cannot tell the architecture.", "Name the release's own repository too, for the right architecture.", extra{}},
		{"lorax-no-packages", PackageNotFound, lorax, fatal, "no packages in transaction|system-release packages found", `RuntimeError: No packages in transaction|No system-release packages found`, "lorax found nothing to install in the repositories.", "Name the release's own repository for the right architecture.", extra{}},
		{"anaconda-nosuchpackage", PackageNotFound, anaconda, fatal, "nosuchpackage", `(?i)NoSuchPackage: ?(?P<pkg>\S+)|Missed: NoSuchPackage`, "The repositories have no package[ {pkg}].", "", extra{}},
		{"anaconda-nosuchgroup", GroupNotFound, anaconda, fatal, "nosuchgroup|unknowncomps", `(?i)NoSuchGroup: ?(?P<group>.+)|UnknownComps(?:Group|Environment)Error: (?P<id>.+)`, "The repositories have no group or environment[ {group}][ {id}].", "", extra{}},
		{"anaconda-missing-list", PackageNotFound, anaconda, strong, "packages, groups or modules are missing|you have specified that the", `(?i)Some packages, groups or modules are missing|The following packages, groups or modules are missing:\s*(?P<what>\S.*)?|You have specified that the (?:package|group|environment|module) '(?P<pkg>[^']+)' should be installed`, "The kickstart names[ {pkg}] what the repositories do not have[: {what}].", "Correct the name, or write %packages --ignoremissing.", extra{after: 2}},
		{"zypper-not-found", PackageNotFound, kiwi, fatal, "no provider of|not found in package names", `(?i)No provider of '(?P<pkg>[^']+)' found|'(?P<name>[^']+)' not found in package names`, "The repositories have no package for[ {pkg}][ {name}].", "", extra{}},
		{"kiwi-sat-job", PackageNotFound, kiwi, fatal, "kiwisatsolverjoberror", `KiwiSatSolverJobError: (?:Package (?P<pkg>\S+) not found)?`, "The repositories have no package[ {pkg}].", "", extra{}},
		{"requested-not-available", PackageNotFound, koji, strong, "not found in repo|not found in the repo", `(?i)\bpackage (?P<pkg>\S+) (?:was )?not found in (?:the )?repo`, "The repositories have no package {pkg}.", "", extra{}},
	}
}

// solverRules know what libsolv says (src/problems.c), what libdnf5 makes of it
// (base/solver_problems.cpp), and yum, rpm (lib/rpmprob) and zypper. The items
// stand below a line "Problem".
func solverRules() []rule {
	const sentence = "The packages do not fit together: {what}."
	const over = "depsolve-skipped"
	one := func(name string, weight int, keys, pattern string) rule {
		return rule{name, DependencyProblem, dnf, weight, keys, pattern, sentence, "", extra{list: true, before: true, after: 1, unless: over}}
	}
	return []rule{
		one("solver-nothing-provides", fatal, "nothing provides", `(?P<what>nothing provides (?:requested \S.*|\S.* needed by \S.*))$`),
		one("solver-conflicts", fatal-1, "conflicts with", `(?P<what>(?:installed )?(?:package|module) \S+(?: from \S+)? conflicts with \S.* provided by \S.*)$`),
		one("solver-install-both", fatal-1, "cannot install both", `(?P<what>cannot install both \S.* and \S.*)$`),
		one("solver-filtered", fatal-1, "filtering|is excluded|is disabled|strict repo priority", `(?P<what>(?:package|module) \S+(?: from \S+)? is (?:filtered out by \w+ filtering|excluded(?: by strict repo priority)?|disabled))`),
		one("solver-obsoletes", fatal-2, "obsolete", `(?P<what>(?:installed |both )?package \S+.* (?:implicitly )?obsoletes? \S.*(?:provided by \S.*|\S))$`),
		one("solver-providers", fatal-3, "none of the providers can be installed", `(?P<what>(?:installed )?(?:package|module) \S.* requires \S.*, but none of the providers can be installed)`),
		one("solver-arch", fatal-3, "inferior architecture|compatible architecture|is not installable", `(?P<what>(?:package )?\S+(?: from \S+)? (?:has inferior architecture|does not have a compatible architecture|is not installable))`),
		one("solver-best", strong, "cannot install the best", `(?P<what>cannot install the best (?:update )?candidate for \S.*)$`),
		one("solver-broken", strong, "would result in", `(?P<what>The operation would result in (?:removing|broken dependencies).*)$`),
		one("solver-problem", strong-5, "problem", `\bProblem(?: \d+)?: (?P<what>\S.*)$`),
		one("yum-protected", strong, "protected|multilib version", `(?P<what>Protected multilib versions: .*|Multilib version problems found\b.*|Trying to remove "[^"]+", which is protected|removing the following protected packages: .*)$`),
		one("solver-module", strong, "modular dependency problem|module dependency", `(?i)(?P<what>Modular dependency problems?.*)`),
		{"dnf-conflicting", DependencyProblem, dnf, strong - 5, "conflicting requests", `(?P<what>conflicting requests)\s*$`, sentence, "", extra{list: true, after: 2, unless: over}},
		{"rpm-needed-by", DependencyProblem, rpm, fatal - 2, "is needed by|is obsoleted by", `(?P<what>\S+(?: [<>=]+ \S+)? is (?:needed|obsoleted) by (?:\(installed\) )?\S+)\s*$`, sentence, "", extra{list: true, before: true}},
		{"rpm-conflicts", DependencyProblem, rpm, strong, "conflicts with", `^\s*(?P<what>\S+(?: [<>=]+ \S+)? conflicts with (?:\(installed\) )?\S+)\s*$`, sentence, "", extra{before: true, confirm: "rpm-failed-dependencies"}},
		{"yum-requires", DependencyProblem, dnf, fatal - 2, "error: package:", `Error: Package: (?P<pkg>\S+)`, "The packages do not fit together: {pkg}, {detail}.", "", extra{detail: true, after: 2}},
		{"zypper-solver", DependencyProblem, kiwi, strong, "nothing provides|uninstallable providers|dependency problem|the to be installed", `(?i)(?P<what>nothing provides '[^']+'.*|the to be installed \S+ requires .*|uninstallable providers: .*)`, sentence, "", extra{before: true, list: true}},
		{"anaconda-requires", DependencyProblem, anaconda, strong, "packaging:", `packaging: (?P<what>.* requires .*)`, sentence, "", extra{}},
		{"kiwi-sat-problems", DependencyProblem, kiwi, strong, "kiwisatsolverjobproblems", `KiwiSatSolverJobProblems: ?(?P<what>.*)`, "The packages do not fit together[: {what}].", "", extra{after: 2}},
		{"resolve-failed", DependencyProblem, dnf, likely + 5, "dependency check failed|depsolve error|depsolveerror|dependencies resolution failed|failed to resolve|could not depsolve|not all dependencies satisfied|failed dependencies|couldn't be resolved|error in dependency resolution|failed build dependencies", `(?i)(?:Dependency check failed|Depsolve Error|DepsolveError|Failed to resolve the transaction|could not depsolve|Not all dependencies satisfied|Failed (?:build )?dependencies|packages couldn't be resolved|error in dependency resolution)(?:: (?P<what>\S.*))?`, "The packages do not fit together[: {what}].", "", extra{after: 2}},
	}
}
