package kickstart

import "strings"

// storage checks the commands that lay out disks.
func (c *checker) storage(n *Command, spec *commandSpec, a *Arguments) {
	switch spec.class {
	case "AutoPart":
		c.autopart(n, c.gather(spec, a))
	case "BTRFS":
		c.btrfs(n, a)
	case "LogVol":
		c.logvol(n, a)
	case "Mount":
		mp := a.text("mntpoint")
		c.need(n, strings.EqualFold(mp, "none") || strings.HasPrefix(mp, "/"), CodeBadValue, "Invalid mount point '"+mp+"' given")
		c.need(n, a.given("reformat") || !a.has("mkfs_opts"), CodeMissingOption, "'--mkfsoptions' requires --reformat")
	case "Partition":
		c.partition(n, a)
	case "Raid":
		c.raid(n, a)
	case "StratisFs":
		c.need(n, !a.has("maxSizeMB") || a.has("grow"), CodeMissingOption, "--maxsize requires --grow")
	case "StratisPool":
		c.stratispool(n, a)
	case "VolGroup":
		c.volgroup(n, a)
	case "Snapshot":
		vg, lv, _ := strings.Cut(a.text("origin"), "/")
		c.need(n, vg != "" && lv != "" && !strings.Contains(lv, "/"), CodeBadValue,
			"Snapshot origin "+a.text("origin")+" must be specified by VG/LV!")
	case "IgnoreDisk":
		all := c.gather(spec, a)
		c.need(n, all.has("ignoredisk") != all.has("onlyuse"), CodeConflict, "One of --drives or --only-use must be specified for ignoredisk command.")
	}
}

// encryption checks the LUKS options that several commands share.
func (c *checker) encryption(n *Command, a *Arguments) {
	c.clash(n, a.has("pbkdf_time") && a.has("pbkdf_iterations"), "Only one of --pbkdf-time and --pbkdf-iterations can be specified.")
	c.need(n, !a.has("hw_passphrase") || a.has("encrypted") && strings.HasPrefix(a.text("luks_version"), "luks2-"), CodeConflict,
		"hw-passphrase may be specified only with LUKSv2 HW-OPAL encrypted devices")
}

// format checks the options about making a file system.
func (c *checker) format(n *Command, a *Arguments) {
	c.clash(n, a.noFormat() && a.has("mkfsopts"), "--mkfsoptions with --noformat has no effect.")
	c.clash(n, a.has("fsprofile") && a.has("mkfsopts"), "--mkfsoptions and --fsprofile cannot be used together.")
	c.need(n, !c.version.isRHEL() || a.text("fstype") != "btrfs", CodeBadValue, "Btrfs file system is not supported")
}

func (c *checker) autopart(n *Command, all *Arguments) {
	c.encryption(n, all)
	c.stratis(n, all)
	btrfs := all.text("type") == "btrfs"
	c.need(n, all.text("fstype") != "btrfs", CodeBadValue, "autopart --fstype=btrfs is not valid fstype, use --type=btrfs instead")
	c.clash(n, btrfs && all.has("fstype"), "autopart --fstype cannot be used with --type=btrfs")
	c.need(n, !btrfs || !c.version.isRHEL(), CodeBadValue, "autopart --type=btrfs is not supported")
	c.clash(n, all.has("hibernation") && all.has("noswap"), "Only one of --noswap and --hibernation can be specified.")
}

// stratis checks what autopart --type=stratis cannot do, and that it is not
// used before Fedora 45.
func (c *checker) stratis(n *Command, all *Arguments) {
	if all.text("type") != "stratis" {
		return
	}
	c.need(n, c.version.level() >= F45.level(), CodeBadValue, "Invalid autopart type: stratis")
	var bad []string
	for o := range strings.FieldsSeq("luks_version pbkdf pbkdf_memory pbkdf_time pbkdf_iterations hw_passphrase escrowcert backuppassphrase cipher fstype") {
		if all.has(o) {
			bad = append(bad, "--"+strings.ReplaceAll(o, "_", "-"))
		}
	}
	c.need(n, bad == nil, CodeConflict, "The following options are not compatible with --type=stratis: "+strings.Join(bad, ", "))
}

// stratispool checks the members of a pool.
func (c *checker) stratispool(n *Command, a *Arguments) {
	names := a.list("name")
	members := len(names) > 1 || a.has("blockdevs") || len(a.extra) > 0
	c.need(n, len(names) > 0, CodeMissingOption, "stratispool must be given a pool name")
	c.need(n, members || a.has("preexist"), CodeMissingOption, "stratispool must be given a list of blockdevs")
	c.clash(n, members && a.has("preexist"), "Members may not be specified for preexisting stratispool")
	c.need(n, a.text("passphrase") == "" || a.has("encrypted"), CodeMissingOption, "--passphrase can only be used with --encrypted")
}

func (c *checker) partition(n *Command, a *Arguments) {
	c.encryption(n, a)
	c.format(n, a)
	if a.text("fstype") == "tmpfs" {
		c.need(n, !a.has("grow") && !a.has("maxSizeMB"), CodeConflict, "The --fstype=tmpfs option can't be used together with --grow or --maxsize")
	}
	c.need(n, !a.has("resize") || a.has("onPart"), CodeMissingOption, "--resize can only be used in conjunction with --onpart")
	c.need(n, !a.has("resize") || a.has("size"), CodeMissingOption, "--resize requires --size to specify new size")
	c.need(n, !c.version.isRHEL() || !strings.HasPrefix(a.text("mntpoint"), "btrfs."), CodeBadValue, "Btrfs file system is not supported")
}

func (c *checker) logvol(n *Command, a *Arguments) {
	c.encryption(n, a)
	c.format(n, a)
	preexist := a.has("preexist") || a.noFormat()
	c.need(n, !a.has("resize") || preexist, CodeMissingOption, "--resize can only be used in conjunction with --useexisting")
	c.need(n, !a.has("resize") || a.has("size"), CodeMissingOption, "--resize requires --size to indicate new size")
	c.clash(n, a.has("thin_volume") && a.has("thin_pool"), "--thin and --thinpool cannot both be specified for the same logvol")
	c.need(n, !a.has("thin_volume") || a.has("pool_name"), CodeMissingOption, "--thin requires --poolname to specify pool name")
	c.need(n, a.has("thin_pool") || !a.has("chunk_size") && !a.has("metadata_size"), CodeConflict, "--chunksize and --metadatasize are for thin pools only")
	c.need(n, preexist || a.has("percent") || a.has("size") || a.has("recommended") || a.has("hibernation"), CodeMissingOption,
		"No size given for logical volume. Use one of --useexisting, --noformat, --size, --percent, or --hibernation.")
	c.need(n, a.int("percent") >= 0 && a.int("percent") <= 100, CodeBadValue, "Percentage must be between 0 and 100.")
	c.clash(n, a.has("size") && a.has("percent"), "--size and --percent cannot both be specified for the same logvol")
	if !a.has("cache_size") && !a.has("cache_mode") && !a.has("cache_pvs") {
		return
	}
	c.need(n, !preexist, CodeConflict, "Adding a cache to an existing logical volume is not supported")
	c.need(n, !a.has("thin_volume"), CodeConflict, "Thin volumes cannot be cached")
	c.need(n, a.has("cache_pvs"), CodeMissingOption, "Cache needs to have a list of (fast) PVs specified")
	c.need(n, a.has("cache_size"), CodeMissingOption, "Cache needs to have size specified")
	mode := a.text("cache_mode")
	c.need(n, mode == "" || mode == "writeback" || mode == "writethrough", CodeBadValue, "Invalid cache mode given: "+mode)
}

func (c *checker) raid(n *Command, a *Arguments) {
	for _, w := range a.extra {
		if strings.HasPrefix(w, "-") {
			c.fail(n.pos, CodeUnknownOption, "Unexpected arguments to raid command: %s", reprList(a.extra))
			return
		}
	}
	c.encryption(n, a)
	c.format(n, a)
	members := a.has("partitions") || len(a.extra) > 0
	preexist := a.has("preexist") || a.noFormat()
	c.need(n, members || preexist, CodeMissingOption, "Partitions required for raid")
	c.clash(n, members && preexist, "Members may not be specified for preexisting RAID device")
	c.need(n, preexist || a.has("level"), CodeMissingOption, "RAID Partition defined without RAID level")
	c.need(n, !preexist || a.has("device"), CodeMissingOption, "Device required for preexisting RAID device")
}

func (c *checker) volgroup(n *Command, a *Arguments) {
	names := a.list("name")
	members := len(names) > 1 || a.has("partitions") || len(a.extra) > 0
	preexist := a.has("preexist") || a.noFormat()
	c.need(n, len(names) > 0, CodeMissingOption, "volgroup must be given a VG name")
	c.need(n, members || preexist, CodeMissingOption, "volgroup must be given a list of partitions")
	c.clash(n, members && preexist, "Members may not be specified for preexisting volgroup")
	c.need(n, !a.given("reserved_space") || a.int("reserved_space") >= 0, CodeBadValue, "Volume group reserved space must be a positive integer.")
	pct := a.int("reserved_percent")
	c.need(n, !a.given("reserved_percent") || pct > 0 && pct < 100, CodeBadValue, "Volume group reserved space percentage must be between 1 and 99.")
}

func (c *checker) btrfs(n *Command, a *Arguments) {
	for _, w := range a.extra {
		if strings.HasPrefix(w, "-") {
			c.fail(n.pos, CodeUnknownOption, "Unexpected arguments to btrfs command: %s", reprList(a.extra))
			return
		}
	}
	switch {
	case len(a.extra) == 0:
		c.fail(n.pos, CodeMissingOption, "btrfs must be given a mountpoint")
		return
	case len(a.extra) == 1 && !a.has("subvol"):
		c.fail(n.pos, CodeMissingOption, "btrfs must be given a list of partitions")
		return
	case len(a.extra) == 1:
		c.fail(n.pos, CodeMissingOption, "btrfs subvol requires specification of parent volume")
		return
	}
	c.need(n, !a.has("subvol") || a.has("name"), CodeMissingOption, "btrfs subvolume requires a name")
	c.clash(n, (a.has("preexist") || a.noFormat()) && a.has("mkfsopts"), "--mkfsoptions with --noformat or --useexisting has no effect.")
}

// noMountpoint is the key of a btrfs volume that is not mounted.
const noMountpoint = "mnone"

// identity is what makes two commands of a class the same thing: its key, and
// the words that name it in a message. The key is empty when the class has
// none.
func identity(class string, a *Arguments) (key, what string) {
	name := func(dest, kind string) (string, string) { return a.text(dest), kind + " " + a.text(dest) }
	switch class {
	case "BTRFS":
		if len(a.extra) > 0 {
			mp := mountpoint(a.extra[0])
			return "m" + mp, "A btrfs volume with the mountpoint " + mp
		}
	case "Partition":
		if mp := a.text("mntpoint"); mp != "swap" {
			return "m" + mp, "A partition with the mountpoint " + mp
		}
	case "Network":
		return "d" + a.text("device"), "A network device with the name " + a.text("device")
	case "LogVol":
		return a.text("vgname") + "/" + a.text("name"),
			"A logical volume with the name " + a.text("name") + " in volume group " + a.text("vgname")
	case "VolGroup":
		if names := a.list("name"); len(names) > 0 {
			return "v" + names[0], "A volgroup with the name " + names[0]
		}
	case "StratisFs":
		return a.text("poolname") + "/" + a.text("name"), "A stratisfs with the name " + a.text("name") + " in pool " + a.text("poolname")
	case "StratisPool":
		if names := a.list("name"); len(names) > 0 {
			return "s" + names[0], "A stratispool with the name " + names[0]
		}
	case "Raid":
		return name("device", "A RAID device with the name")
	case "Fcoe":
		return name("nic", "A FCOE device with the name")
	case "Group":
		return name("name", "A group with the name")
	case "Repo":
		return name("name", "A repo with the name")
	case "User":
		return name("name", "A user with the name")
	case "SshKey", "SshPw":
		return name("username", "An ssh user with the name")
	case "Snapshot":
		return name("name", "A snapshot with the name")
	case "ZFCP":
		return a.text("devnum") + "/" + a.text("wwpn") + "/" + a.text("fcplun"), "A zfcp with this information"
	}
	return "", ""
}

// duplicates warns about the second definition of the same thing.
func (c *checker) duplicates(n *Command, class string, a *Arguments) {
	key, what := identity(class, a)
	if key == "" {
		return
	}
	key = class + " " + key
	if c.known[key] {
		sev := SeverityWarning
		if class == "Snapshot" {
			sev = SeverityError
		}
		c.add(sev, n.pos, CodeDuplicate, what+" has already been defined.", "keep one of the two lines")
	}
	c.known[key] = true
}
