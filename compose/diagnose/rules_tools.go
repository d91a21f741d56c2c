package diagnose

// livemediaRules know livemedia-creator's own endings that say a cause. Source:
// pylorax installer.py.
func livemediaRules() []rule {
	return []rule{
		{"lmc-vnc", Busy, livemedia, fatal, "no free vnc ports", `No free VNC ports`, "No port is free for the virtual machine's display.", "", extra{}},
		{"lmc-firmware", FileMissing, livemedia, fatal, "uefi firmware|missing firmware configuration", `UEFI firmware file\(s\) are missing: (?P<files>.+)|UEFI firmware directory is missing: (?P<dir>\S+)|missing firmware configuration`, "The UEFI firmware for the virtual machine is not there[: {files}][: {dir}].", "Install edk2-ovmf, or name --ovmf-path.", extra{}},
		{"lmc-missing-input", FileMissing, livemedia, certain, "is missing|install iso", `The (?:iso|disk image|filesystem image) (?P<file>\S+) is missing|virt install needs an install iso|(?:oci|Vagrant metadata) \S+ (?:file )?is missing`, "What the image is to be made from is not there[: {file}].", "Check the path.", extra{}},
	}
}

// mockRules know mock. Sources: mockbuild/*.py.
func mockRules() []rule {
	return []rule{
		{"mock-bootstrap", TransactionFailed, mock, likely, "can not prepare bootstrap|bootstraperror", `Can not prepare bootstrap chroot|BootstrapError`, "mock could not prepare its bootstrap root.", "See root.log; --no-bootstrap-chroot works without one.", extra{}},
		{"mock-lvm", LoopDevice, mock, strong, "lvm manipulation failed|lvmerror|volume group must be specified", `LVM manipulation failed|LvmError: (?P<why>.+)|Volume group must be specified`, "mock's LVM volumes could not be used[: {why}].", "", extra{}},
		{"mock-podman", ToolMissing, mock, fatal, "not installed", `'(?P<tool>podman[^']*)' not installed`, "The program {tool} is not installed.", "", extra{}},
		{"mock-builddep", ToolMissing, mock, fatal, "builddep command missing", `builddep command missing`, "dnf-plugins-core is not installed, which mock needs.", "", extra{}},
		{"mock-srpm", FileMissing, mock, fatal, "cannot find/open srpm|file is not an srpm", `Cannot find/open srpm: (?P<file>[^.]\S*)\. Error|File is not an srpm: (?P<not>\S+?)\.`, "The source package cannot be read:[ {file}][ {not}].", "", extra{}},
	}
}

// kiwiRules know kiwi. Sources: kiwi/exceptions.py, runtime_checker.py,
// xml_description.py, xml_state.py, cli.py.
func kiwiRules() []rule {
	const description = "Correct the image description; kiwi-ng --debug says which line."
	return []rule{
		{"kiwi-description", TemplateError, kiwi, fatal, "kiwidescriptioninvalid|kiwischema|kiwivalidationerror|kiwimarkup|kiwianymarkup|configuration file could not be parsed|failed to validate schema|kiwiextensionerror|schema validation failed|parse build description|no imagetype set", `Kiwi(?:DescriptionInvalid|SchemaImportError|ValidationError|MarkupConversionError|AnyMarkupPluginError|ExtensionError): ?(?P<why>.*)|Configuration file could not be parsed|Failed to validate schema and/or schematron|Schema validation failed|could not parse build description.*?: (?P<obs>.+)|no (?P<type>imagetype) set for this`, "The image description is not valid[: {why}][: {obs}][: no {type} for this architecture or profile].", description, extra{before: true}},
		{"kiwi-config-missing", TemplateError, kiwi, fatal, "kiwiconfigfilenotfound|no xml description found|kiwiimportdescription", `KiwiConfigFileNotFound: ?(?P<why>.*)|[Nn]o XML description found|KiwiImportDescriptionError: (?P<imp>.+)`, "kiwi found no image description[: {why}][: {imp}].", "Check --description and --kiwi-file.", extra{}},
		{"kiwi-profile", TemplateError, kiwi, fatal, "kiwiprofilenotfound|kiwitypenotfound|kiwirequestedtype|profile ", `KiwiProfileNotFound: ?(?P<why>.*)|Kiwi(?:TypeNotFound|RequestedTypeError): ?(?P<type>.*)`, "The image description has no such profile or type[: {why}][: {type}].", "List the profiles: kiwi-ng image info.", extra{}},
		{"kiwi-runtime", TemplateError, kiwi, strong, "kiwiruntimeerror|dracut module package missing|incompatible dracut-kiwi|conflicts with kiwi's shared cache|directory is lacking", `KiwiRuntimeError: ?(?P<why>.*)|(?P<what>Required dracut module package missing in package list|Incompatible dracut-kiwi module\(s\) found|Target root/image directory is lacking filesystem features|conflicts with kiwi's shared cache)`, "kiwi refuses the image description[: {why}][: {what}].", description, extra{after: 2}},
		{"kiwi-iso-tool", ToolMissing, kiwi, strong, "kiwiisotoolerror|kiwicommandnotfound|kiwicommandnotloaded", `KiwiIsoToolError: (?P<why>.+)|KiwiCommandNot(?:Found|Loaded): (?P<what>.+)`, "kiwi lacks a program[: {why}][: {what}].", "", extra{}},
		{"kiwi-privileges", PermissionDenied, kiwi, certain, "kiwiprivilegeserror", `KiwiPrivilegesError`, "kiwi was not run as root.", "", extra{}},
		{"kiwi-filesystem", ToolMissing, kiwi, likely, "kiwifilesystemsetuperror|kiwipackagemanagersetuperror|kiwirepositorysetuperror", `Kiwi(?:FileSystemSetup|PackageManagerSetup|RepositorySetup)Error: (?P<why>.+)`, "kiwi cannot do what the description asks: {why}.", description, extra{}},
		{"kiwi-request", TemplateError, kiwi, likely, "kiwi", `\bKiwi(?:ConfigFileFormatNotSupported|DistributionName|DataStructure|Template|VolumeGroupConflict|Volume(?:ManagerSetup|RootID)|SnapshotManagerSetup|CustomPartitionConflict|Partitioner(?:Gpt|MsDos)Flag|PartitionerSetup|Request|ShellVariableValue|EnvImport|OSReleaseImport|RuntimeConfig(?:File|Format)|Credentials|Size|DiskFormatSetup|FormatSetup|VhdTag|InstallMedia|BootImageSetup|Container(?:Image)?Setup|RaidSetup|LuksSetup|EnclaveFormat|CATargetDistribution|NotImplemented|RpmDirNotRemote|SolverRepositorySetup|UnknownServiceName|Bundle|CompressionFormatUnknown|Offset)(?:Error)?: (?P<why>\S.*)`, "kiwi refuses what the image description asks: {why}.", description, extra{}},
		{"kiwi-input", FileMissing, kiwi, likely, "kiwirootimporterror|kiwiimageresizeerror|kiwiisometadataerror|kiwicontainerbuildererror|kiwifilesystemsyncerror|kiwiresulterror", `Kiwi(?:RootImport|ImageResize|IsoMetaData|ContainerBuilder|FileSystemSync|Result)Error: (?P<why>\S.*)`, "kiwi lacks a file that it works from: {why}.", "", extra{}},
		{"kiwi-mount", PermissionDenied, kiwi, likely, "kiwimount|kiwilogfilesetupfailed", `Kiwi(?:MountKernelFileSystems|MountSharedDirectory)Error: (?P<why>\S.*)|KiwiLogFileSetupFailed: (?P<log>\S.*)`, "kiwi could not prepare its root[: {why}][: {log}].", "Run it as root, in mock or a privileged container.", extra{}},
		{"kiwi-device", LoopDevice, kiwi, strong, "kiwideviceprovidererror|kiwidiskgeometryerror", `Kiwi(?:DeviceProvider|DiskGeometry)Error: (?P<why>\S.*)`, "kiwi has no device for the image: {why}.", "", extra{}},
	}
}

// xorrisoRules know xorriso's failures that no other rule names. Source:
// libisoburn and libisofs 1.5.
func xorrisoRules() []rule {
	return []rule{
		{"xorriso-outdev", OutputExists, xorriso, strong, "closed media with data detected|medium is not blank|disc status not blank|holds no valid|not blank and not|-outdev", `(?i)Closed media with data detected|Disc status not blank and unsuitable|-outdev.*(?:not blank|contains data)`, "The file that the image is to be written to has content already.", "Remove it, or name another.", extra{}},
		{"xorriso-file-4g", ToolUsage, xorriso, strong, "4gb|4gib-1|do represent this file size|4 gib|file exceeds size limit", `(?i)cannot be added to image because its size is 4 GiB or larger|can't be added to image because is greater than 4GB|File exceeds size limit|File (?P<file>\S+) is larger than 4GiB-1|no way do represent this file size`, "A file is too large for ISO 9660 as it was asked for (4 GiB)[: {file}].", "Write the image with -iso-level 3.", extra{}},
		{"xorriso-read", IOError, xorriso, strong, "iso image tree|error reading|premature end of input|read error|scsi error on read", `(?i)Cannot read ISO image tree|Premature end of input|SCSI error on read|xorriso : (?:FAILURE|FATAL) : .*read error`, "The base image cannot be read: it is damaged or cut off.", "Download it again, and check it with respin iso check-md5.", extra{unless: "xorriso-bug"}},
		{"xorriso-write", IOError, xorriso, strong, "cannot write desired amount", `(?i)Cannot write desired amount of`, "The image could not be written.", "See whether the disk is full or failing.", extra{}},
		{"xorriso-unknown", ToolUsage, xorriso, strong, "not a known command|unrecognized option|unknown option", `(?i)xorriso : (?:FAILURE|FATAL) : .*(?:Not a known command|[Uu]nrecognized option|[Uu]nknown option):? *'?(?P<opt>[^']+)?`, "xorriso does not know an option[: {opt}].", "", extra{}},
		{"xorriso-bug", ToolCrashed, xorriso, fatal, "program error", `lib(?:isofs|burn|isoburn) ?: (?:FAILURE|FATAL) : Program error:? ?(?P<why>.+)?`, "xorriso met an error of its own[: {why}].", "Another version of xorriso (libisofs) may work.", extra{}},
		{"xorriso-boot-record", BootloaderFailed, xorriso, likely, "grub2 mbr|el-torito|el torito|system area|boot image|isolinux|isohybrid", `(?:libisofs|libisoburn|xorriso) ?: (?:FAILURE|SORRY|FATAL) : (?P<why>.*(?:GRUB2 MBR|El[- ]Torito|System Area|[Bb]oot image|isohybrid|[Ii][Ss][Oo][Ll][Ii][Nn][Uu][Xx]).*)`, "xorriso could not make the image bootable: {why}.", "See whether another version of xorriso or of the tool that calls it (mkksiso) knows the base image.", extra{unless: "xorriso-source|xorriso-unknown|xorriso-file-4g"}},
	}
}

// usageRules know how argument parsers refuse. Sources: argparse, optparse,
// docopt of kiwi, kong; pylorax cmdline.
func usageRules() []rule {
	return []rule{
		{"argparse", ToolUsage, "", strong, ": error: ", `^(?:.*[\s:])?(?P<tool>[\w.-]+): error: (?P<why>(?:unrecognized arguments|argument \S+:|the following arguments are required|invalid choice|no such option|ambiguous option|expected|too few arguments|one of the arguments|--source, --repo|config file|sharedir|dracut config file|--rootfs-type).*)`, "{tool} was called in a way that it does not know: {why}.", "", extra{}},
		{"lmc-product", ToolUsage, livemedia, strong, "not both|must be one of|cannot be used with|--dirinstall cannot|image-type cannot|use either --ks", `Use one of --project or --product not both|--images? and --dirinstall cannot be used|image-type cannot be used|Use either --ks KICKSTART`, "Options that exclude each other were given.", "", extra{}},
		{"mkksiso-nothing", ToolUsage, lorax, strong, "nothing to do - pass one or more", `Nothing to do - pass one or more of`, "mkksiso was given nothing to do.", "", extra{}},
		{"bad-option", ToolUsage, "", likely, "bad option|unrecognized option|invalid option|unknown option|unknown argument|no such command|no such option", `(?i)(?:^|: )(?:bad|unrecognized|invalid|unknown) option:? (?:-- )?['"]?(?P<opt>[^'"\s]+)|Unknown argument "(?P<arg>[^"]+)" for command|[Nn]o such (?:command|option): (?P<cmd>\S+)`, "A tool does not know an option:[ {opt}][ {arg}][ {cmd}].", "", extra{}},
		{"dnf5-arguments", ToolUsage, dnf, strong, "for more information about the arguments|command line error:", `(?P<why>\S.*?)\.? Add "--help" for more information about the arguments|Command line error: (?P<dnf4>.+)`, "A tool was called in a way that it does not know[: {why}][: {dnf4}].", "", extra{}},
		{"dnf-config", ToolUsage, dnf, strong, "config error|error in configuration file|parsing file failed|detect release version|bad id for repo", `(?i)^(?:.*\s)?(?:Error: )?Config error: (?P<why>.+)|Error in configuration file "?(?P<file>[^":]+)|Parsing file failed: (?P<parse>.+)|Unable to detect release version|Bad id for repo: (?P<repo>.+)`, "dnf's configuration has an error[: {why}][: {file}][: {parse}][: {repo}].", "Correct dnf.conf or the .repo file, and name the release with --releasever.", extra{unless: "resolve-failed|rpm-needed-by"}},
		{"lorax-kv", ToolUsage, lorax, strong, "missing '=' for key=value", `Missing '=' for key=value in (?P<kv>.+)`, "A template variable is not written as key=value: {kv}.", "", extra{}},
	}
}

// symptomRules are the words in which a failure spreads, what confirms or
// overcomes a cause, and what a tool says at the end of its success.
func symptomRules() []rule {
	sign := func(name, tool, keys, pattern string) rule {
		return rule{name, "", tool, symptom, keys, pattern, "", "", extra{list: true}}
	}
	done := func(name, tool, keys, pattern string) rule {
		return rule{name, "", tool, symptom, keys, pattern, "", "", extra{done: true, unless: "dnf-failed-list"}}
	}
	return []rule{
		sign("lorax-required", lorax, "required installpkg failed", `Required installpkg failed`),
		sign("lmc-install-failed", livemedia, "install failed:|image creation failed|novirt_install failed|virt_install failed|running anaconda failed|make_runtime failed|creating pxe live image failed|iso creation failed", `Install failed: |Image creation failed|novirt_install failed|virt_install failed|Running anaconda failed|make_runtime failed|Creating PXE live image failed`),
		sign("lmc-monitor", livemedia, "installation error detected|traceback script(s) have been run", `Installation error detected|traceback script\(s\) have been run`),
		sign("anaconda-fatal", anaconda, "fatal error and installation will be aborted|non interactive installation failed|noninteractiveerror|payloadinstallationerror|pane is dead", `(?i)fatal error and installation will be aborted|Non interactive installation failed|NonInteractiveError|PayloadInstallationError|Pane is dead`),
		sign("anaconda-selection", anaconda, "packages couldn't be resolved|software marked for installation has errors", `packages couldn't be resolved|software marked for installation has errors`),
		sign("depsolve-fatal", dnf, "failed to resolve the transaction|dependency check failed|skip-broken|allowerasing", `Failed to resolve the transaction|Dependency check failed|--skip-broken|--allowerasing`),
		sign("dnf-no-match-fatal", dnf, "unable to find a match|unable to resolve argument", `Unable to find a match|Unable to resolve argument`),
		sign("dnf-exception", dnf, "dnf.exceptions.|libdnf5.exception", `\bdnf\.exceptions\.\w+|\blibdnf5\.exception\w*`),
		sign("dnf-nothing", dnf, "error: nothing to do|error: some packages could not be found", `Error: (?:Nothing to do|Some packages could not be found)`),
		sign("rpm-failed-dependencies", rpm, "failed dependencies:|failed build dependencies:", `Failed (?:build )?dependencies:`),
		sign("koji-mock-exit", koji, "mock exited with status", `mock exited with status \d+`),
		sign("koji-error", koji, "livemediaerror|applianceerror|livecderror|builderror:|buildrooterror|genericerror:", `(?:LiveMediaError|ApplianceError|LiveCDError|BuildError|BuildrootError|GenericError): `),
		{"mock-error", "", mock, symptom, "command failed", `(?:\bCommand failed|(?:^|[^f] )command failed)`, "", "", extra{list: true, after: 1}},
		sign("mock-exception", mock, "error: exception(", `ERROR: Exception\(`),
		sign("kiwi-phase", kiwi, "phasefailed|commanderror|packagesfailed", `Kiwi\w*(?:PhaseFailed|PackagesFailed|CommandError)`),
		sign("xorriso-aborting", xorriso, "aborting", `xorriso : aborting : `),
		sign("python-exit", "", "returned non-zero exit status|exited with status", `returned non-zero exit status \d+|exited with status [1-9]`),
		sign("pungi-failed", "", "runroot task failed|compose run failed|[fail] ", `[Rr]unroot task failed|Compose run failed|\[FAIL\] `),
		sign("container-build", "", "error building at step|error while running runtime|did not complete successfully|returned a non-zero code|building at step", `error(?:: | )building at STEP|error while running runtime|did not complete successfully: exit code|returned a non-zero code`),
		sign("post-ignored", "", "ignoring %post failure", `ignoring %post failure`),

		sign(repoIgnored, dnf, "ignoring repositor|ignoring this repo|disabling repo|skipping unavailable repo|skip_if_unavailable", `(?i)Ignoring repositor|Ignoring this repo|Disabling repo(?:sitory)? '|skipping unavailable repo`),
		sign("depsolve-skipped", dnf, "skipping packages with", `Skipping packages with (?:conflicts|broken dependencies)`),
		sign("dnf-nothing-done", dnf, "nothing to do.", `^(?:.*\s)?Nothing to do\.\s*$`),
		sign("dnf-failed-list", dnf, "failed:", `^(?:DEBUG \S+ +)?Failed:\s*$`),
		sign("anaconda-spokes", anaconda, "incomplete spokes|installation failed:", `(?i)incomplete spokes detected|Non interactive installation failed:`),
		sign("dracut-created", "", "initramfs image file|created initramfs|*** creating image file", `\*\*\* Creating (?:initramfs )?image file .*done \*\*\*`),
		sign("setfiles-warning", "", "running setfiles on install tree failed", `Running setfiles on install tree failed`),
		sign("only-looked", "", "permission denied", `(?:^|\s)(?:find|du|ls|grep|stat|df|sh): \S+: Permission denied`),
		sign("lorax-optional", lorax, "installpkg", `installpkg \S+ failed: no package matched`),
		sign("umount-retry", lorax, "retrying", `failed to unmount .*retrying`),

		done("lmc-done", livemedia, "results are in", `Results are in `),
		done("lorax-done", lorax, "writing .treeinfo file", `writing \.treeinfo file`),
		done("mock-done", mock, "info: done(", `INFO: Done\(`),
		done("kiwi-done", kiwi, "result files:|result image", `\| Result files:|Result files:`),
		done("xorriso-done", xorriso, "completed successfully", `Writing to '[^']*' completed successfully`),
		done("dnf-done", dnf, "complete!", `^(?:DEBUG \S+ +)?(?:.*\s)?Complete!\s*$`),
		done("koji-done", koji, "0 failed", `\b0 free +0 open +\d+ done +0 failed`),
		done("anaconda-done", anaconda, "image install successful|installation complete", `Disk Image install successful|Installation complete(?:\.|d)`),
	}
}
