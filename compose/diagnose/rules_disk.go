package diagnose

// diskRules know full disks and images. The words for ENOSPC are glibc's; who
// says them puts a colon, a bracket or a quote before them. Sources besides: rpm
// lib/rpmprob, dnf cli/cli.py, pylorax treebuilder.py, anaconda, blivet, kiwi
// exceptions.py, libisoburn, mtools, squashfs-tools, sqlite.
func diskRules() []rule {
	const image = "Make the root file system larger: part / --size in the kickstart, rootfs_size for boot.iso, or <size> in the kiwi description."
	return []rule{
		{
			"enospc", DiskFull, "", certain, "no space left on device|enospc",
			`(?i)(?:^\s*|[:;,\]"'(=>|-]\s*|\b(?:because|with|is|error) )(?:no space left on device|ENOSPC\b)(?:\s*$|\s*["'.,;:()\]\[{}]|\s+\(\d+\)|\s+(?:at|while|writing|in|on) )`,
			"The disk is full: no space was left on the device.", "",
			extra{},
		},
		{
			"enospc-file", DiskFull, "", certain + 1, "no space left on device|errno 28",
			`(?i)\b(?:on|on file|to|writing|writing to|write|open|create|copying|copy|mkdir|tar|cp|rsync|install|unpack|file|directory)[\s:]+[\x60"'‘]?(?P<path>/[^\s"'’:;]+)["'’]?(?:;\w+)?[^/]*[:-] (?:no space left on device|\[Errno 28\])|\[Errno 28\] No space left on device: ["'](?P<file>[^"']+)["']`,
			"The disk is full: no space was left for writing[ {path}][ {file}].", "",
			extra{},
		},
		{"edquot", DiskFull, "", certain, "disk quota exceeded", `(?i)[:\]"'(-]\s*disk quota exceeded`, "The disk quota of the build is used up.", "Raise the quota, or free space.", extra{}},
		{
			"rpm-needs-space", DiskFull, rpm, certain, "on the",
			`(?i)installing package (?P<pkg>\S+) needs (?P<much>\d+ ?[KMGT]?i?B) (?:more space )?on the (?P<fs>\S+) file ?system`,
			"The file system {fs} of the image is full: {pkg} needs {much} more.", image,
			extra{list: true},
		},
		{
			"rpm-needs-inodes", DiskFull, rpm, certain, "inodes on the",
			`(?i)installing package (?P<pkg>\S+) needs (?P<much>\d+) (?:more )?inodes on the (?P<fs>\S+) file ?system`,
			"The file system {fs} of the image has no inodes left: {pkg} needs {much} more.", image,
			extra{list: true},
		},
		{
			"dnf-needs-space", DiskFull, dnf, certain, "more space needed on the",
			`(?i)At least (?P<much>\d+ ?[KMGT]?i?B) more space needed on the (?P<fs>\S+) file ?system`,
			"The file system {fs} is full: at least {much} more are needed.", image,
			extra{list: true},
		},
		{
			"anaconda-download-space", DiskFull, anaconda, certain, "disk space",
			`(?i)Not enough disk space to download the packages(?:; size (?P<much>[\d.]+ ?\w+))?|insufficient disk space:`,
			"There is not enough disk space to download the packages[ ({much})].", image,
			extra{},
		},
		{
			"anaconda-software-space", DiskFull, anaconda, certain, "not enough space in file system|enough space available to install|of available space|for the current software selection",
			`(?i)Not enough space in file ?systems? for the current software selection\.?(?: An additional (?P<much>[\d.]+ ?\w+) is needed)?|You don't have enough space available to install|software requires .* of available space`,
			"The file systems of the kickstart are too small for the packages[: {much} more are needed].", image,
			extra{},
		},
		{
			"anaconda-partition-space", DiskFull, anaconda, strong, "not enough free space|not enough free disk space|suitable free space|allocate requested partition",
			`(?i)Not enough free (?:disk )?space (?:on|for)|There is not enough free disk space|No suitable free space found|(?:Could not|Unable to) allocate requested partition`,
			"The disk is too small for the partitions of the kickstart.", image,
			extra{},
		},
		{
			"lorax-rootfs-full", DiskFull, lorax, certain + 2, "rootfs ran out of space",
			`(?i)The rootfs ran out of space(?: with size=(?P<size>\d+))?`,
			"The root file system of the installer is too small[: {size} GiB do not hold it].", "Ask for a larger one: options.rootfs_size, or --rootfs-size of lorax.",
			extra{},
		},
		{
			"xorriso-no-room", DiskFull, xorriso, certain, "free space on media|free space on med",
			`(?i)Image size +(?P<size>\d+)s exceeds free space on media +(?P<free>\d+)s|Pending image size larger than free space on med`,
			"The image does not fit the disk or medium that it is written to[: {size} blocks of 2048 bytes where {free} are free].", "Free space where the image is written, or leave packages out.",
			extra{},
		},
		{"squashfs-probably-full", DiskFull, "", strong, "out of space on output", `(?i)Probably out of space on output (?P<file>.+)`, "mksquashfs could not write its image: the disk is full[: {file}].", "", extra{}},
		{"table-full", DiskFull, "", strong, "no free sectors|fit requested partitions|satisfy all constraints|out of range|all space for", `(?i)No free sectors available|Can't fit requested partitions into available free space|Unable to satisfy all constraints on the partition|All space for primary partitions is in use|partition\b.*: start sector \d+ out of range`, "The partitions do not fit the image.", image, extra{}},
		{"squashfs-full", DiskFull, "", likely, "failed to write to output", `(?i)FATAL ERROR: ?Failed to write to output (?:filesystem|file)`, "mksquashfs could not write its image; most often the disk is full.", "", extra{}},
		{"kiwi-too-small", DiskFull, kiwi, certain, "kiwivolumetoosmallerror|kiwipartitiontoosmallerror", `Kiwi(?:Volume|Partition)TooSmallError:?\s*(?P<what>.*)`, "A partition or volume of the image is too small[: {what}].", image, extra{}},
		{"kiwi-size-limit", DiskFull, kiwi, certain, "build constraint failed", `(?:KiwiSizeError: )?Build constraint failed: (?P<what>.*is bigger than.*)`, "The image became larger than it may: {what}.", "Leave packages out, or raise the limit.", extra{}},
		{"mtools-full", DiskFull, "", fatal, "disk full", `(?i)` + begin + `(?:mcopy|mmd|mformat)?:? ?Disk full\b|\bmcopy\b.*: Disk full`, "The FAT image (EFI boot) is too small for its files.", "See how large the EFI image is made; large boot loaders or device trees need more.", extra{}},
		{"ext-full", DiskFull, "", strong, "could not allocate block|allocate inode in ext2", `(?i)Could not allocate (?:block|inode) in ext2 filesystem`, "The file system of the image is too small for its files.", image, extra{}},
		{"fs-full-words", DiskFull, "", strong, "filesystem is full|file system is full|disk is full|file system full|device is full|device full|disk full|filesystem full", `(?i)\b(?:file ?system|disk|device) (?:is )?full\b`, "A disk or file system is full.", "", extra{}},
		{"lvm-pool-full", DiskFull, mock, fatal, "over 90%", `Thin pool (?P<pool>\S+) is over 90%`, "The LVM pool {pool} of mock is full.", "Enlarge the pool.", extra{}},
		{"not-enough-space", DiskFull, "", strong, "not enough room|not enough free|too full:|not enough space|not enough disk space|out of disk space|ran out of disk|insufficient |out of space", `(?i)(?:Volume group "(?P<vg>[^"]+)" has )?\b(?:not enough (?:free )?(?:disk )?space|insufficient (?:free |disk )*space|(?:out|ran out) of (?:disk )?space|not enough room (?:on|for)|too full: \d+ blocks needed)\b`, "There is not enough disk space[ in the volume group {vg}].", "", extra{}},
		{"fs-too-small", DiskFull, "", strong, "too small", `(?i)(?:file ?system|image|device|partition|volume|disk|size|space)(?: size)?(?: (?:is|are|was|(?:might|may|could) be|seems(?: to be)?))? too small\b|\btoo small for (?:a|the) (?:journal|file ?system)`, "A file system or partition of the image is too small.", image, extra{}},
		{"ostree-min-free", DiskFull, "", certain, "min-free-space", `min-free-space-\S+ .*exceeded`, "The disk is full: ostree keeps some space free.", "", extra{}},
		{
			"io-error", IOError, "", strong, "input/output error|i/o error|[errno 5]",
			`(?i)(?:[:\]"']| -) ?Input/output error|\b(?:Buffer )?I/O error(?:,| on) (?:dev(?:ice)? (?P<dev>[\w/-]+)|sector)|\[Errno 5\]`,
			"A disk[, {dev},] gave an input or output error.", "",
			extra{},
		},
	}
}

// memoryRules know the ends that a tool does not choose itself. Sources: Linux
// mm/oom_kill.c, glibc, CPython, squashfs-tools, bash, coreutils timeout,
// systemd, pylorax executils.py.
func memoryRules() []rule {
	const less = "Give the build more memory; for live images also fewer packages or another compression."
	return []rule{
		{"oom-killer", OutOfMemory, kernel, certain, "out of memory:|oom-kill|oom killer|oomkilled|oom_reaper", `(?i)\b(?:Memory cgroup )?Out of memory: Kill(?:ed)? process \d+ \((?P<what>[^)]+)\)|invoked oom-killer|oom-kill:|killed by the OOM killer|\bOOMKilled\b|result 'oom-kill'|oom_reaper: reaped process`, "The kernel ended a process[ ({what})] because the memory ran out.", less, extra{}},
		{"oom-words", OutOfMemory, "", fatal, "out of memory|more physical memory than", `(?i)(?:` + begin + `|[:\]] ?|\bFATAL ERROR: ?|\berror: )out of memory\b|requires more physical memory than is available`, "A tool found no memory left.", less, extra{}},
		{"oom-compiler", OutOfMemory, "", fatal, "terminated program|error: killed (program", `(?i)\bKilled signal terminated program (?P<what>\S+)|internal compiler error: Killed \(program (?P<prog>[^)]+)\)`, "The kernel ended a compiler[ ({what})][ ({prog})], most often because the memory ran out.", less, extra{}},
		{"enomem", OutOfMemory, "", fatal, "cannot allocate memory|errno 12|cannot allocate more memory", `(?i)(?:[:\]"'(]| -) ?Cannot allocate memory|\[Errno 12\]|Cannot allocate more memory`, "The memory ran out: a tool could not get more.", less, extra{}},
		{"memory-error", OutOfMemory, "", fatal, "memoryerror|bad_alloc|memory exhausted|memory allocation failed|memory limit|memory allocation of|memory usage limit", begin + `MemoryError\b|\bMemoryError: |std::bad_alloc|(?i:virtual memory exhausted|\bmemory exhausted|memory allocation (?:of \d+ bytes )?failed|Memory usage limit reached)`, "The memory ran out: a tool could not get more.", less, extra{}},
		{"qemu-memory", OutOfMemory, "", fatal, "cannot set up guest memory", `cannot set up guest memory`, "The virtual machine of the build does not get its memory.", "Ask for a smaller machine (--ram), or build on a larger node.", extra{}},
		{"killed-word", Killed, "", strong, "killed", begin + `Killed(?: {2,}(?P<cmd>\S.*?))?\s*$|\bline \d+: +(?:\d+ )?Killed\b(?: +(?P<job>\S.*?)\s*$)?`, "A process was killed[: {cmd}][: {job}]; often that is the kernel when memory runs out.", "", extra{}},
		{"signal", Killed, "", strong, "signal|code=killed|status -|code -|returned -|value -|exit -|with -| -9| -15", `(?i)killed by signal:? (?P<name>[239]\b|[1-9]\d|(?:SIG)?(?:KILL|TERM|INT|HUP|QUIT|XCPU|ALRM|PIPE|USR\d)\b|(?:Killed|Terminated|Interrupt|Hangup))|terminated (?:by|with) signal (?P<other>\w+)|\bsignal: (?P<go>killed|terminated|interrupt)\b|code=killed, status=\d+/(?P<unit>\w+)|(?:exit(?:ed)?|return(?:ed|s)?) (?:with )?(?:exit )?(?:status |code |value )?-(?P<minus>9|15)\b|died with <Signals\.(?P<py>SIG(?:KILL|TERM|INT|HUP))|scriptlet failed, signal (?P<rpm>9|15)\b`, "A process was ended by a signal[ {name}][ {other}][ {py}][ {rpm}][ {go}][ {unit}][ {minus}].", "", extra{}},
		{"qemu-signal", Killed, "", likely, "terminating on signal", `terminating on signal (?P<sig>\d+) from pid (?P<pid>\d+)`, "The virtual machine was ended by signal {sig} of process {pid}.", "See who ended it: a time limit of what started the machine, an operator, or a shutdown.", extra{}},
		{"terminated-word", Killed, "", likely, "terminated", begin + `Terminated(?: {2,}.*)?\s*$|\bline \d+: +(?:\d+ )?Terminated\b`, "A process was told to end (SIGTERM).", "", extra{}},
		{"interrupted", Killed, "", fatal, "user interrupt|keyboard interrupt|keyboardinterrupt", `(?i)Exiting on user interrupt|aborted by keyboard interrupt|` + begin + `KeyboardInterrupt\b`, "Somebody interrupted the build.", "Start it again.", extra{}},
		{"canceled", Killed, "", strong, "cancel", `(?i)ISO creation canceled|virt_install canceled by cancel_func|\bTask \d+ (?:was|is) cancel+ed\b|\bbuild was cancel+ed\b`, "The build was canceled.", "Start it again.", extra{}},
		{"shutdown-signal", NodeLost, "", fatal, "shutdown signal|system is going down|channelclosed|lost communication|connection to|client_loop:|not responding|cannot contact|was evicted|interruption|runner has been|is offline|went offline", `(?i)runner has received a shutdown signal|system is going down for|ChannelClosedException|lost communication with the server|agent went offline|\b(?:node|host|builder) \S*\s?(?:is|went) offline\b|Connection to \S+ closed by remote host|client_loop: send disconnect|Timeout, server \S+ not responding|Cannot contact \S+: |\bpod was evicted|\bspot (?:instance )?interruption|runner has been (?:shut down|stopped|removed)`, "The build host was shut down or lost while the build ran.", "", extra{}},
		{"node-lost", NodeLost, "", strong, "lost|heartbeat", `(?i)\b(?:node|host|builder|worker|agent)\b(?: \S+)?(?: (?:was|is|has been))? lost\b|\blost (?:the )?(?:connection|contact) (?:to|with) (?:the )?(?:node|host|builder|worker|agent)|heartbeat (?:was )?(?:lost|missed|timed out)`, "The build host was lost while the build ran.", "", extra{}},
		{"signal-words", Killed, "", strong, "received| 137| 143", `(?i)\breceived (?:signal )?(?:SIG)?(?:TERM|KILL|INT|HUP)\b|\bexit(?:ed)?(?: with)?(?: exit)? (?:code|status):? 1(?:37|43)\b`, "A process was ended by a signal.", "", extra{}},
		{"segfault", ToolCrashed, "", strong, "segmentation fault|segfault at|dumped core|core dumped|sigsegv|sigabrt|crashed on signal|assertion|signal 11|stack smashing|signal 6|signals.sig|killed by signal|check failed| aborted", `(?i)(?:(?P<who>[\w./-]+): )?segmentation fault|(?P<seg>\S+)\[\d+\]: segfault at\b|dumped core|\bcore dumped\b|Signals\.SIG(?:SEGV|ABRT|BUS|ILL)|crashed on signal|(?P<what>%\w+\([^)]*\)) scriptlet failed, signal (?:11|6)\b|signal 11\b|killed by signal:? (?:[4678]\b|SIG(?:ILL|TRAP|ABRT|BUS|FPE|SEGV)|Aborted|Segmentation|Bus error|Illegal|Trace|Floating)|\bCHECK failed: |Assertion .* failed|\bassertion failed\b|\bline \d+: +\d+ Aborted\b|stack smashing detected`, "A tool crashed[: {who}][: {seg}][: {what}].", "", extra{}},
		{"kernel-trace", ToolCrashed, kernel, strong, "call trace:|kernel panic|kernel bug at", `(?i)\bCall Trace:|Kernel panic - not syncing|kernel BUG at`, "The kernel reported a fault.", "Look at the kernel's log of the node or of the virtual machine.", extra{after: 1}},
		{"lmc-timeout", TimeLimit, livemedia, certain, "canceling installation due to timeout", `Canceling installation due to timeout`, "The installation took longer than --timeout allows.", "Raise --timeout, or see in anaconda's log what hung.", extra{}},
		{"mock-timeout", TimeLimit, mock, certain, "expired for command|commandtimeoutexpired|command timeout expired", `Timeout\((?P<time>[\d.]+)\) expired for command|commandTimeoutExpired|Command timeout expired`, "A command in mock took longer than it may[ ({time} s)].", "Raise rpmbuild_timeout, or see in the log what hung.", extra{}},
		{"timeout-kill", TimeLimit, "", fatal, "timed out|due to timeout|due to a timeout|timeout: sending signal|maximum execution time|timeoutexpired|watchdog timeout|task timeout|took longer than|result 'timeout'|seems to be stuck|timeout => sending|time limit|its timeout|exceeded|exceeds", `(?i)timeout: sending signal \w+ to|\b(?:job|task|build|command|step|process|compose|installation|installer|anaconda|qemu)\b(?: \S+)?(?: (?:has|was))? timed out\b|(?:killed|canceled|ended|stopped|terminated|failed) due to (?:a )?timeout|exceeded the timeout|\btimed out after \d+|(?:exceeded|exceeds) (?:its |the )?(?:task )?time(?:out| limit)|maximum execution time|time(?:out| limit) exceeded|TimeoutExpired\b|watchdog timeout|\btask timeout\b|execution took longer than|operation timed out\. (?:Terminating|Killing|Stopping)|result 'timeout'|seems to be stuck here, killed|\btimeout => sending (?:INT|TERM|KILL)|\btimed out waiting for (?:the )?(?:guest|install\w*|instance|VM|virtual machine|machine|boot|ssh|server|process|task|build\w*|command|container|response)\b`, "A step took longer than it may.", "", extra{}},
	}
}
