package diagnose

// builderRules know other builders of images and what runs them: oz and
// imagefactory of Koji's image tasks, livecd-tools, osbuild, mkosi, copr. Sources:
// oz/*.py, imgfac, imgcreate/*.py, osbuild stages and sources, mkosi.
func builderRules() []rule {
	return []rule{
		{"oz-idle", TimeLimit, koji, fatal, "no disk activity|waiting for install to finish|waiting for guest|connect to ssh on running guest", `No disk activity in (?P<time>\d+) seconds|Timed out waiting for (?:install to finish|guest to boot)|Failed to connect to ssh on running guest`, "The installation in the virtual machine went no further[: no disk activity in {time} s].", "Look at the screenshot or console of the virtual machine for what it waits for; most often the kickstart asks something, or a repository is not reached.", extra{}},
		{"oz-media", FetchFailed, koji, fatal, "fetch boot media|byte ranges|install media", `Could not reach (?P<url>\S+) to fetch boot media|cannot be done using servers that don't accept byte ranges|Install media of 0 size detected`, "The installation medium could not be downloaded[: {url}].", "", extra{}},
		{"oz-size", ChecksumMismatch, koji, fatal, "expected to download|checksum for downloaded file", `Expected to download \d+ bytes, downloaded \d+|Checksum for downloaded file does not match`, "The installation medium came damaged.", "", extra{}},
		{"oz-host", ToolMissing, koji, fatal, "virtualization type|libvirt bridge|failed to connect to the hypervisor", `does not support virtualization type (?P<type>.+?) for|Could not find a libvirt (?P<bridge>bridge)|[Ff]ailed to connect (?:socket )?to (?:the hypervisor|'/(?:var/)?run/libvirt)`, "libvirt on the build host cannot run the virtual machine[: no {type}][: no {bridge}].", "Start libvirtd and its default network, and give the node /dev/kvm.", extra{}},
		{"oz-arch", WrongArch, koji, fatal, "this cannot work", `Host machine is \S+, but trying to install (?P<arch>\S+) guest`, "The build host cannot run a guest of {arch}.", "", extra{}},
		{"oz-exists", OutputExists, koji, strong, "domain with|diskimage", `(?:Diskimage|Domain with (?:name|UUID)) (?P<what>\S+) already exists`, "The output of an earlier build is in the way: {what}.", "Remove it (virsh undefine for a domain).", extra{}},
		{"livecd-repo", FetchFailed, "", strong, "unable to download from repo|no repositories specified", `Unable to download from repo : (?P<why>.+)|No repositories specified`, "A repository could not be read[: {why}].", "Check the repo lines of the kickstart.", extra{}},
		{"livecd-install", TransactionFailed, "", likely, "failed to build transaction|unable to install:", `Failed to build transaction : (?P<why>.+)|CreatorError: Unable to install: (?P<inst>.+)`, "The package transaction failed[: {why}][: {inst}].", "", extra{after: 2}},
		{"livecd-loop", LoopDevice, "", strong, "allocate loop device|to loop mount|loopback mount|allocate device for", `Failed to (?:allocate (?:loop )?device for|loop(?:back)? mount) '(?P<file>[^']+)'`, "No loop device could be set up for {file}.", "", extra{}},
		{"livecd-script", ScriptletFailed, "", strong, "post script", `%post script failed with code (?P<rc>\d+)|Failed to execute %post script (?P<why>.*)`, "A %post script of the kickstart failed[ with {rc}][: {why}].", "", extra{}},
		{"leaked-mount", Busy, "", strong, "unable to unmount|failed to unmount|leaked a reference|holding onto mounts", `Unable to unmount filesystem at (?P<path>[^\s.]\S*?)\.?(?:\s|$)|leaked a reference to the filesystem|holding onto mounts created by a previous run`, "A file system of the image is still in use[: {path}].", "", extra{unless: "umount-retry"}},
		{"osbuild-loop", LoopDevice, "", strong, "waiting for loop device|org.osbuild.loopback", `waiting for loop device timed out|Can't load org\.osbuild\.loopback`, "osbuild got no loop device.", "", extra{}},
		{"osbuild-solver", ToolMissing, "", strong, "cannot import dnf|cannot import libdnf5|libdnf5 is not installed", `Cannot import (?P<mod>dnf|libdnf5)\b|libdnf5 is not installed`, "The Python module[ {mod}] is not installed.", "", extra{}},
		{"mkosi-tool", ToolMissing, "", strong, "which is required to|failed to find", `Could not find '(?P<tool>[\w./+-]+)' which is required to|mkosi: Failed to find (?P<find>\S+)|‣ +Failed to find (?P<two>\S+)`, "The program[ {tool}][ {find}][ {two}] is not installed.", "", extra{}},
		{"mkosi-script", ScriptletFailed, "", likely, "script returned", `(?P<script>\S+) script returned (?:a )?non-zero exit`, "The script {script} of the image failed.", "", extra{}},
	}
}
