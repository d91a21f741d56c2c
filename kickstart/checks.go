package kickstart

import (
	"slices"
	"strings"
)

// semantics checks what the option table cannot say: options that exclude or
// need each other. The rules are the ones of pykickstart's commands/*.py.
func (c *checker) semantics(n *Command, spec *commandSpec, a *Arguments) {
	switch spec.class {
	case "AutoPart", "BTRFS", "LogVol", "Mount", "Partition", "Raid", "VolGroup", "Snapshot", "IgnoreDisk", "StratisFs", "StratisPool":
		c.storage(n, spec, a)
	case "Network":
		c.network(n, a)
	case "Repo":
		c.exclusive(n, a, false, "mirrorlist", "baseurl", "metalink")
	case "Url":
		c.exclusive(n, a, true, "mirrorlist", "url", "metalink")
	case "Timesource":
		c.exclusive(n, a, true, "ntp_server", "ntp_pool", "ntp_disable")
	case "Timezone":
		c.timezone(n, c.gather(spec, a))
	case "Keyboard":
		all := c.gather(spec, a)
		switch kbd := a.list("kbd"); {
		case len(kbd) > 1:
			c.fail(n.pos, CodeUnknownOption, "A single argument is expected for the keyboard command")
		case len(a.extra) > 0:
			c.unexpected(n, a, "keyboard")
		case len(kbd) == 0 && !all.has("vc_keymap") && !all.has("x_layouts"):
			c.fail(n.pos, CodeMissingOption, "One of --xlayouts, --vckeymap options with value(s) or argument is expected for the keyboard command")
		}
	default:
		c.small(n, spec, a)
	}
}

// small holds the rules of the commands with one or two.
func (c *checker) small(n *Command, spec *commandSpec, a *Arguments) {
	switch spec.class {
	case "Bootloader":
		c.clash(n, a.has("sdboot") && a.has("extlinux"), "Only one of --sdboot and --extlinux may be specified for bootloader command.")
		c.need(n, !strings.Contains(a.text("bootDrive"), ","), CodeBadValue, "--boot-drive accepts only one argument")
	case "DisplayMode":
		c.need(n, n.Name != "cmdline" || !a.has("nonInteractive"), CodeConflict, "Kickstart command cmdline does not support --non-interactive parameter")
	case "DriverDisk":
		c.driverDisk(n, a)
	case "Eula":
		c.need(n, len(a.extra) == 0, CodeUnknownOption, "Kickstart command eula does not take any arguments")
		c.need(n, c.gather(spec, a).has("agreed"), CodeMissingOption, "Kickstart command eula expects the --agreed option")
	case "Logging":
		all := c.gather(spec, a)
		c.need(n, !all.has("port") || all.has("host"), CodeMissingOption, "Can't specify --port without --host.")
	case "Module":
		c.need(n, len(a.extra) == 0, CodeUnknownOption, "The enable module command does not take position arguments!")
	case "OSTreeSetup":
		u := a.text("url")
		c.need(n, strings.HasPrefix(u, "file:") || strings.HasPrefix(u, "http:") || strings.HasPrefix(u, "https:"),
			CodeBadValue, "ostree repos must use file, HTTP or HTTPS protocol.")
	case "Rescue":
		c.clash(n, a.has("nomount") && a.has("romount"), "Only one of --nomount and --romount may be specified for rescue command.")
	case "RHSM":
		c.need(n, !slices.Contains(a.list("activation_keys"), ""), CodeBadValue, "Empty string is not a valid activation key.")
	case "RootPw":
		c.need(n, a.has("password") || a.has("lock"), CodeMissingOption, "A single argument is expected for the rootpw command")
		c.unexpected(n, a, "rootpw")
	case "Services":
		all := c.gather(spec, a)
		c.need(n, all.has("disabled") || all.has("enabled"), CodeMissingOption, "One of --disabled or --enabled must be provided.")
	case "SshPw":
		c.need(n, a.has("password"), CodeMissingOption, "A single argument is expected for the sshpw command")
		c.unexpected(n, a, "sshpw")
	case "Syspurpose":
		c.need(n, len(a.extra) == 0, CodeUnknownOption, "The syspurpose command does not take positional arguments!")
	case "ZFCP":
		both := a.has("wwpn") && a.has("fcplun")
		none := !a.has("wwpn") && !a.has("fcplun")
		c.need(n, a.has("devnum") && (both || none), CodeConflict, "Only --devnum or --devnum with --wwpn and --fcplun are allowed.")
	}
}

// need reports msg unless ok.
func (c *checker) need(n *Command, ok bool, code Code, msg string) {
	if !ok {
		c.add(SeverityError, n.pos, code, msg, "")
	}
}

// clash reports msg when options are used that exclude each other.
func (c *checker) clash(n *Command, both bool, msg string) { c.need(n, !both, CodeConflict, msg) }

// exclusive checks that at most one of some options is used, and with required
// at least one.
func (c *checker) exclusive(n *Command, a *Arguments, required bool, dests ...string) {
	var all, used []string
	for _, d := range dests {
		option := "--" + strings.ReplaceAll(d, "_", "-")
		all = append(all, option)
		if a.has(d) {
			used = append(used, option)
		}
	}
	c.need(n, !required || len(used) > 0, CodeMissingOption,
		"One of "+strings.Join(all, ", ")+" options must be specified for "+n.Name+" command.")
	c.need(n, len(used) < 2, CodeConflict,
		"Only one of "+strings.Join(used, ", ")+" options may be specified for "+n.Name+" command.")
}

func (c *checker) network(n *Command, a *Arguments) {
	if a.has("bridgeopts") {
		c.need(n, a.has("bridgeslaves"), CodeMissingOption, "Option --bridgeopts requires --bridgeslaves to be specified")
		for opt := range strings.SplitSeq(a.text("bridgeopts"), ",") {
			_, val, _ := strings.Cut(opt, "=")
			if val == "" || strings.Contains(val, "=") {
				c.fail(n.pos, CodeBadValue, "Bad format of --bridgeopts, expecting key=value options separated by ','")
				break
			}
		}
	}
	c.clash(n, a.text("bindto") == "mac" && a.has("vlanid") && !a.has("bondopts"), "--bindto=mac is not supported for this type of device")
	if a.has("device") {
		return
	}
	for _, dest := range []string{"ipv4_dns_search", "ipv6_dns_search", "ipv4_ignore_auto_dns", "ipv6_ignore_auto_dns"} {
		if a.has(dest) {
			c.fail(n.pos, CodeMissingOption, "Option --%s requires --device to be specified", strings.ReplaceAll(dest, "_", "-"))
			return
		}
	}
}

// timezone takes what all lines said: the options accumulate.
func (c *checker) timezone(n *Command, all *Arguments) {
	c.need(n, len(n.Args) > 0, CodeMissingOption, "At least one option and/or an argument are expected for the timezone command")
	c.need(n, len(all.list("timezone")) < 2, CodeUnknownOption, "One or zero arguments are expected for the timezone command")
	c.clash(n, all.has("ntpservers") && all.has("nontp"), "Options --nontp and --ntpservers are mutually exclusive")
	if c.version.level() >= F40.level() {
		return // there the table marks them as deprecated
	}
	exact := slices.Contains(n.texts(), "--isUtc")
	for _, old := range []struct {
		used            bool
		option, instead string
	}{
		{all.has("ntpservers"), "--ntpservers", "timesource --ntp-server"},
		{all.has("nontp"), "--nontp", "timesource --ntp-disable"},
		{exact, "--isUtc", "--utc"},
	} {
		if old.used {
			c.add(SeverityWarning, n.pos, CodeDeprecatedOption, "The option "+old.option+" will be deprecated in future releases.", "use "+old.instead)
		}
	}
}

func (c *checker) driverDisk(n *Command, a *Arguments) {
	parts := len(a.list("partition"))
	c.need(n, parts < 2, CodeUnknownOption, "Only one partition may be specified for driverdisk command.")
	c.unexpected(n, a, "driverdisk")
	source, bios := a.has("source"), a.has("biospart")
	both := ""
	switch {
	case parts > 0 && source:
		both = "--source and partition"
	case parts > 0 && bios:
		both = "--biospart and partition"
	case source && bios:
		both = "--biospart and --source"
	}
	c.clash(n, both != "", "Only one of "+both+" may be specified for driverdisk command.")
	c.need(n, parts > 0 || source || bios, CodeMissingOption, "One of --source, --biospart, or partition must be specified for driverdisk command.")
}

// unexpected reports the words that the table has no place for.
func (c *checker) unexpected(n *Command, a *Arguments, name string) {
	c.need(n, len(a.extra) == 0, CodeUnknownOption, "Unexpected arguments to "+name+" command: "+reprList(a.extra))
}

// ownSyntax names the classes whose arguments are not argparse's.
func ownSyntax(class string) bool {
	switch class {
	case "Authselect", "Authconfig", "Cdrom", "Hmc", "Realm":
		return true
	}
	return false
}

// freeForm checks the commands of ownSyntax. It reports false for all others.
func (c *checker) freeForm(n *Command, class string) bool {
	switch class {
	case "Authconfig":
		c.add(SeverityWarning, n.pos, CodeDeprecatedCommand, "The authconfig command will be deprecated.", "use authselect")
	case "Cdrom", "Hmc":
		c.need(n, len(n.Args) == 0, CodeUnknownOption, "Kickstart command "+n.Name+" does not take any arguments")
	case "Realm":
		c.realm(n)
	}
	return ownSyntax(class)
}
