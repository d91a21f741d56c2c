package diagnose

import "slices"

// Code is the stable name of a cause. Those that a compose can fail with for
// other reasons too have the same name there.
type Code string

// The causes.
const (
	DiskFull          Code = "disk-full"
	DependencyProblem Code = "dependency-problem"
	FetchFailed       Code = "fetch-failed"
	ChecksumMismatch  Code = "checksum-mismatch"
	PackageNotFound   Code = "package-not-found"
	GroupNotFound     Code = "group-not-found"
	FileConflict      Code = "file-conflict"
	ScriptletFailed   Code = "scriptlet-failed"
	TransactionFailed Code = "transaction-failed"
	BadSignature      Code = "bad-signature"
	LoopDevice        Code = "loop-device"
	SELinux           Code = "selinux"
	TemplateError     Code = "template-error"
	KernelMissing     Code = "kernel-missing"
	BootloaderFailed  Code = "bootloader-failed"
	BadVolID          Code = "bad-volid"
	OutOfMemory       Code = "out-of-memory"
	TimeLimit         Code = "time-limit"
	Killed            Code = "killed"
	NodeLost          Code = "node-lost"
	BadKickstart      Code = "bad-kickstart"
	PermissionDenied  Code = "permission-denied"
	OutputExists      Code = "output-exists"
	ToolMissing       Code = "tool-missing"
	ToolUsage         Code = "tool-usage"
	ToolCrashed       Code = "tool-crashed"
	FileMissing       Code = "file-missing"
	WrongArch         Code = "wrong-arch"
	Busy              Code = "busy"
	IOError           Code = "io-error"
	Unknown           Code = "unknown"
)

// CodeInfo is one line of the catalog of causes.
type CodeInfo struct {
	Code    Code
	Meaning string // one sentence
	Remedy  string // what to do when a rule says nothing better
}

// Codes lists the catalog in its own order: what the disk, the packages, the
// host and the request are to blame for.
func Codes() []CodeInfo {
	return []CodeInfo{
		{DiskFull, "A disk is full: that of the build host, or that of the image.", "Free space on the build node, or delete old composes."},
		{DependencyProblem, "The packages do not fit together: the solver found no solution.", "Add the source that provides what is missing, or leave the named package out."},
		{FetchFailed, "A file could not be downloaded.", "Check the address of the repository, and retry the compose later."},
		{ChecksumMismatch, "A downloaded file is not what the repository describes.", "Retry later, when the mirror is in step; if it stays, the repository is damaged."},
		{PackageNotFound, "The repositories have no package of that name.", "Check the name, and that the repository which has it is enabled."},
		{GroupNotFound, "The repositories have no package group or environment of that name.", "Check the group's name for this release; dnf group list --hidden shows them."},
		{FileConflict, "Two packages bring the same file.", "Leave one of the packages out, or choose builds that fit together."},
		{ScriptletFailed, "A script of a package or of the image description ended with an error.", "Read what the script said before, and correct it or its package."},
		{TransactionFailed, "The package transaction failed.", "Read what the log says before this."},
		{BadSignature, "The signature of a package or repository could not be verified.", "Name the right key of the repository, or turn its check off where that is acceptable."},
		{LoopDevice, "No loop or device-mapper device could be set up.", "Load the loop module on the node, free leftover devices (losetup -D), and give the build access to /dev/loop*."},
		{SELinux, "SELinux kept a tool from its work.", "Build with SELinux permissive, or in a mock or container that labels can be set in."},
		{TemplateError, "A template or the image description has an error.", "Correct the named line of the template or description."},
		{KernelMissing, "The kernel or the initrd of the image is missing or could not be made.", "See that kernel, kernel-modules and dracut are among the packages."},
		{BootloaderFailed, "The boot loader could not be installed.", "See that the boot loader packages of this architecture are among the packages."},
		{BadVolID, "The volume id is too long or not usable.", "Use at most 32 of A-Z a-z 0-9 _ -."},
		{OutOfMemory, "The memory of the build host, or of its share, ran out.", "Give the build more memory, or run fewer builds at once."},
		{TimeLimit, "A step took longer than it may.", "Look for what hung in the last lines; ask for a higher limit."},
		{Killed, "A tool was ended by a signal.", "See who ended it: an operator, a shutdown, or the kernel when memory ran out."},
		{NodeLost, "The build host was lost.", "Retry the compose."},
		{BadKickstart, "The kickstart has an error, or asks for what the tool cannot do.", "Correct the kickstart; respin kickstart validate shows its errors."},
		{PermissionDenied, "A tool lacked a permission, often that of root.", "Run the build as root, or in mock or a privileged container."},
		{OutputExists, "The output directory or file exists already.", "Remove it, or name another."},
		{ToolMissing, "A program that the build needs is not installed.", "Install the named program on the node or in its build root."},
		{ToolUsage, "A tool was called in a way that it does not know.", "Compare the options with the version of the tool."},
		{ToolCrashed, "A tool crashed.", "Report it to the tool's makers with the log; another version may work."},
		{FileMissing, "A file that the build needs is not there.", "See which step should have made or installed it."},
		{WrongArch, "Something of another architecture was to be run or used.", "Build on a node of that architecture."},
		{Busy, "Something else uses the build root, a lock or a device.", "Wait for the other build, or end what was left of it."},
		{IOError, "A disk or file system gave an input or output error.", "Check the disk of the node."},
		{Unknown, "No known cause was recognized in the logs.", "Read the last lines of the log."},
	}
}

// info returns the catalog's line of a code.
func info(c Code) CodeInfo {
	list := Codes()
	return list[max(slices.IndexFunc(list, func(i CodeInfo) bool { return i.Code == c }), 0)]
}

// explains says which other causes follow from a cause, so that they are not
// taken for the root when both show.
func explains() map[Code][]Code {
	// What fails in many words whatever the reason was.
	follow := []Code{TransactionFailed, TemplateError}
	with := func(more ...Code) []Code { return append(slices.Clone(follow), more...) }
	host := with(FetchFailed, ChecksumMismatch, ScriptletFailed, KernelMissing, BootloaderFailed, FileMissing, Killed, ToolCrashed, Busy, LoopDevice, BadSignature, IOError)
	return map[Code][]Code{
		DiskFull:          host,
		OutOfMemory:       host,
		IOError:           with(ScriptletFailed, KernelMissing, BootloaderFailed, FileMissing, FetchFailed, ChecksumMismatch),
		NodeLost:          append(slices.Clone(host), TimeLimit),
		TimeLimit:         with(Killed),
		SELinux:           with(PermissionDenied, ScriptletFailed, BootloaderFailed),
		PermissionDenied:  with(ScriptletFailed, FileMissing, BootloaderFailed, Busy, ToolUsage),
		ChecksumMismatch:  with(FetchFailed, PackageNotFound),
		FetchFailed:       with(GroupNotFound, FileMissing, ScriptletFailed),
		PackageNotFound:   with(KernelMissing, FileMissing),
		GroupNotFound:     with(PackageNotFound),
		DependencyProblem: with(KernelMissing, FileMissing),
		BadSignature:      with(FetchFailed),
		FileConflict:      follow,
		ScriptletFailed:   with(KernelMissing),
		KernelMissing:     with(BootloaderFailed, FileMissing),
		BootloaderFailed:  follow,
		ToolMissing:       with(ScriptletFailed, FileMissing, BootloaderFailed, KernelMissing),
		LoopDevice:        follow,
		WrongArch:         with(ScriptletFailed, ToolMissing),
		FileMissing:       follow,
		BadVolID:          with(ToolUsage),
		BadKickstart:      with(FileMissing),
		ToolCrashed:       with(Killed, ScriptletFailed),
		Busy:              follow,
		ToolUsage:         follow,
		OutputExists:      follow,
		Killed:            with(LoopDevice, FileMissing, KernelMissing, BootloaderFailed, ScriptletFailed),
	}
}
