package kickstart

import (
	"slices"
	"strings"
)

// Livemedia says how livemedia-creator will be called; the zero value stands
// for --make-iso --no-virt.
type Livemedia struct {
	// Make is the image type behind --make-: "iso" (default), "disk",
	// "fsimage", "ami", "tar", "tar-disk", "pxe-live", "ostree-live", "oci",
	// "vagrant".
	Make string
	Virt bool // installs in a virtual machine, without --no-virt
}

// The codes of CheckLivemedia.
const (
	CodeNoDracutLive  Code = "no-dracut-live" // an ISO does not boot without it
	CodeInstallSource Code = "install-source" // the installation source cannot be used
	CodeRepoNeedsURL  Code = "repo-needs-url" // repo without url
	CodeNoNetwork     Code = "no-network"     // a network source without network
	CodeDisplayMode   Code = "display-mode"   // text, cmdline or graphical
	CodeRootPartition Code = "root-partition" // no /, or more than /
	CodeNoShutdown    Code = "no-shutdown"    // the virtual machine would never end
	CodeOpenInclude   Code = "open-include"   // an include that nobody will resolve
	CodeReservedRepo  Code = "reserved-repo"  // a repo called updates
)

// CheckLivemedia lists what makes livemedia-creator refuse the kickstart or
// fail with it, in the order of its own checks. Errors are its own refusals, in
// its words; warnings are what fails later or may. Flatten first: includes are
// resolved by livemedia-creator relative to where it was started.
//
// Source: weldr/lorax 46.0, src/pylorax/creator.py, check_kickstart,
// run_creator and calculate_disk_size.
func (d *Document) CheckLivemedia(l Livemedia) []Diagnostic {
	if l.Make == "" {
		l.Make = "iso"
	}
	c := &livemediaCheck{doc: d, how: l}
	c.packages()
	c.source()
	c.display()
	c.partitions()
	c.end()
	c.advice()
	return c.diags
}

// livemediaCheck collects the findings of CheckLivemedia.
type livemediaCheck struct {
	doc   *Document
	how   Livemedia
	diags []Diagnostic
}

func (c *livemediaCheck) add(sev Severity, pos Position, code Code, msg, remedy string) {
	if pos == (Position{}) {
		pos = Position{File: c.doc.Name}
	}
	c.diags = append(c.diags, Diagnostic{sev, pos, code, msg, remedy})
}

// where is the first command of one of the names.
func (c *livemediaCheck) where(names ...string) (Position, bool) {
	for n := range c.doc.Commands(names...) {
		return n.pos, true
	}
	return Position{}, false
}

func (c *livemediaCheck) packages() {
	if c.how.Make == "iso" && !slices.Contains(c.doc.Packages().Packages, "dracut-live") {
		c.add(SeverityError, Position{}, CodeNoDracutLive, "dracut-live package is missing from the kickstart.", "add dracut-live to %packages, by its own name")
	}
}

// method is the installation source that livemedia-creator sees.
func (c *livemediaCheck) method() string {
	for _, name := range []string{"cdrom", "harddrive", "nfs", "url", "liveimg", "hmc"} {
		if c.doc.HasCommand(name) {
			return name
		}
	}
	return ""
}

func (c *livemediaCheck) source() {
	method := c.method()
	pos, _ := c.where(method)
	if !c.how.Virt && method != "url" && method != "nfs" && !c.doc.HasCommand("ostreesetup") {
		c.add(SeverityError, pos, CodeInstallSource, "Only url, nfs and ostreesetup install methods are currently supported. Please fix your kickstart file.",
			"say where to install from, as url --mirrorlist=...")
	}
	if pos, ok := c.where("repo"); ok && method != "url" {
		c.add(SeverityError, pos, CodeRepoNeedsURL, "repo can only be used with the url install method. Add url to your kickstart file.", "add url beside repo")
	}
	u, _ := c.doc.URL()
	if !c.doc.HasCommand("network") && (method == "nfs" || method == "url" && !strings.HasPrefix(u.URL, "file:")) {
		c.add(SeverityError, pos, CodeNoNetwork, "The kickstart must activate networking if the url or nfs install method is used.",
			"add network --bootproto=dhcp --device=link --activate")
	}
}

func (c *livemediaCheck) display() {
	if pos, ok := c.where("text", "cmdline", "graphical"); ok {
		c.add(SeverityError, pos, CodeDisplayMode, "The kickstart must not set a display mode (text, cmdline, graphical), this will interfere with livemedia-creator.", "remove it")
	}
}

// partitions: file system images hold one file system, and the disk is as large
// as the part commands say.
func (c *livemediaCheck) partitions() {
	pos, auto := c.where("autopart")
	if c.how.Make == "fsimage" || c.how.Make == "pxe-live" && !c.how.Virt {
		more := auto
		for _, p := range c.doc.Partitions() {
			if !more && p.Mountpoint != "/" && p.Mountpoint != "swap" {
				more, pos = true, p.Pos
			}
		}
		if more {
			c.add(SeverityError, pos, CodeRootPartition,
				"Filesystem images must use a single / part, not autopart or multiple partitions. swap is allowed but not used.", "keep only part /")
		}
	}
	if _, ok := c.doc.LivemediaDiskSize(c.how); ok {
		return
	}
	if c.how.rootOnly() {
		c.add(SeverityError, pos, CodeRootPartition, "No / partition in the kickstart. Unable to calculate required disk size.", "write part / --size=8192; autopart does not do")
	} else {
		c.add(SeverityError, pos, CodeRootPartition, "No partitions in the kickstart. Unable to calculate required disk size.", "write part / --size=8192; autopart does not do")
	}
}

// rootOnly tells whether the disk is only as large as the root file system.
func (l Livemedia) rootOnly() bool {
	return !l.Virt && (l.Make == "" || l.Make == "iso" || l.Make == "fsimage")
}

// LivemediaDiskSize is the size in MiB of the disk image that livemedia-creator
// makes for the kickstart; of a mount point that is there twice the last
// counts. False says that it cannot know one and refuses.
func (d *Document) LivemediaDiskSize(l Livemedia) (mib int, ok bool) {
	sizes := map[string]int{}
	for _, p := range d.Partitions() {
		sizes[p.Mountpoint] = p.Size
	}
	if l.rootOnly() {
		return sizes["/"] + 2, sizes["/"] != 0
	}
	mib = 2
	for _, size := range sizes {
		mib += size
	}
	if mib == 2 {
		return mib, false
	}
	if reqpart, _, ok := d.merged("reqpart"); ok {
		mib += 500
		if reqpart.has("addBoot") {
			mib += 1024
		}
	}
	return mib, true
}

func (c *livemediaCheck) end() {
	last := ""
	for n := range c.doc.Commands("shutdown", "reboot", "poweroff", "halt") {
		last = n.Name
	}
	if c.how.Virt && last != "shutdown" {
		pos, _ := c.where(last)
		c.add(SeverityError, pos, CodeNoShutdown, "The kickstart must include shutdown when using virt installation.", "add shutdown as the last word on how to end")
	}
}

// advice is what livemedia-creator does not check itself.
func (c *livemediaCheck) advice() {
	for n := range c.doc.Walk() {
		if inc, ok := n.(*Include); ok && inc.File == "" {
			c.add(SeverityWarning, inc.pos, CodeOpenInclude, "The include of "+repr(inc.Path)+" is looked for where livemedia-creator runs.", "flatten the kickstart")
		}
	}
	for _, r := range c.doc.Repos() {
		if r.Name == reservedRepo {
			c.add(SeverityWarning, r.Pos, CodeReservedRepo, `A repo must not be called "updates": anaconda keeps the name for itself.`, "call it fedora-updates")
		}
	}
}
