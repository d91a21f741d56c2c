package kickstart

import (
	"slices"
	"strings"
)

// packages writes the %packages section: what the profile needs, then what the
// Spec asks for.
func (b *builder) packages() {
	s := b.spec
	if b.err != nil {
		return
	}
	args := options("--inst-langs", strings.Join(s.InstLangs, ":"))
	args = flag(flag(flag(args, "--nocore", s.NoCore), "--excludedocs", s.NoDocs), "--exclude-weakdeps", s.NoWeakDeps)
	header, err := sectionHeader("%packages", args)
	if err != nil {
		b.err = err
		return
	}
	words, err := split(header, true)
	if err != nil {
		b.err = err
		return
	}
	sec := &Section{Name: "%packages", Args: words[1:], header: header + "\n", end: "%end\n", pos: Position{File: b.doc.Name}}
	b.doc.appendSection(sec)
	if s.Environment != "" {
		b.names(b.doc.AddPackages, "@^"+s.Environment)
	}
	if b.err == nil {
		b.err = b.doc.AddGroups(s.Groups...)
	}
	b.names(b.doc.AddPackages, b.profilePackages()...)
	b.names(b.doc.AddPackages, s.Packages...)
	b.names(b.doc.ExcludePackages, s.Exclude...)
	for _, g := range s.ExcludeGroups {
		b.names(b.doc.ExcludePackages, "@"+g)
	}
}

func (b *builder) names(edit func(...string) error, names ...string) {
	if b.err == nil {
		b.err = edit(names...)
	}
}

// profilePackages lists what the profile needs and the Spec does not ask for
// itself.
func (b *builder) profilePackages() []string {
	s := b.spec
	var want []string
	switch s.Profile {
	case ProfileLive:
		want = append([]string{"kernel", "kernel-modules", "kernel-modules-extra", "dracut-live", "dracut-config-generic", "livesys-scripts", "glibc-all-langpacks"},
			liveBootPackages(s.Arch)...)
		if len(s.InstLangs) > 0 {
			want = slices.DeleteFunc(want, func(p string) bool { return p == "glibc-all-langpacks" })
		}
	case ProfileDisk:
		want = []string{"kernel", "dracut-config-generic"}
	case ProfileInstaller: // anaconda adds kernel and boot loader itself
	}
	return slices.DeleteFunc(want, func(p string) bool { return slices.Contains(s.Packages, p) })
}

// liveBootPackages lists the packages from which livemedia-creator takes the
// boot loader of a live ISO (lorax, share/templates.d/99-generic/live).
func liveBootPackages(arch string) []string {
	switch arch {
	case "x86_64":
		return []string{"shim-x64", "grub2-efi-x64", "grub2-efi-x64-cdboot", "grub2-pc", "grub2-pc-modules", "grub2-tools", "grub2-tools-extra", "efibootmgr"}
	case "aarch64":
		return []string{"shim-aa64", "grub2-efi-aa64", "grub2-efi-aa64-cdboot", "grub2-tools", "efibootmgr"}
	case "ppc64le":
		return []string{"grub2-ppc64le", "grub2-ppc64le-modules", "grub2-tools", "grub2-tools-extra", "powerpc-utils"}
	case "s390x":
		return []string{"s390utils-base"}
	}
	return nil
}

// liveScript prepares the installed tree for being booted as a live system.
const liveScript = `# livesys sets up the live session; without a session it only makes the user.
systemctl enable livesys.service livesys-late.service
systemctl enable tmp.mount
echo 'vartmp /var/tmp tmpfs defaults 0 0' >> /etc/fstab
# The rescue kernel is made anew by an installation; here it only takes room.
rm -f /boot/*-rescue*
rm -f /var/lib/systemd/random-seed
# Every machine gets its own identity when it starts.
rm -f /etc/machine-id
touch /etc/machine-id
`

func (b *builder) scripts() {
	if b.err != nil {
		return
	}
	if b.spec.Profile == ProfileLive {
		body := liveScript
		if b.spec.Session != "" {
			body += "sed -i 's/^livesys_session=.*/livesys_session=\"" + b.spec.Session + "\"/' /etc/sysconfig/livesys\n"
		}
		b.err = b.doc.AddScript(Script{Section: "%post", Body: body})
	}
	for _, s := range b.spec.Scripts {
		if b.err == nil {
			b.err = b.doc.AddScript(s)
		}
	}
}

// args gives the arguments of the command. Its values were checked.
func (u User) args() []string {
	out := options("--name", u.Name, "--groups", commas(u.Groups), "--homedir", u.Home, "--shell", u.Shell, "--uid", number(u.UID), "--gid", number(u.GID),
		"--gecos", u.Gecos, "--password", u.Password)
	return flag(flag(out, "--iscrypted", u.Password != ""), "--lock", u.Locked || u.Password == "")
}

// args gives the arguments of the command. Its values were checked.
func (n Network) args() []string {
	out := options("--bootproto", n.BootProto, "--device", n.Device, "--hostname", n.Hostname, "--ip", n.IP, "--netmask", n.Netmask, "--gateway", n.Gateway,
		"--nameserver", n.Nameserver, "--ipv6", n.IPv6, "--ipv6gateway", n.IPv6Gateway, "--mtu", n.MTU, "--essid", n.ESSID,
		"--bondslaves", n.BondSlaves, "--bondopts", n.BondOpts, "--teamslaves", n.TeamSlaves, "--teamconfig", n.TeamConfig,
		"--bridgeslaves", n.BridgeSlaves, "--bridgeopts", n.BridgeOpts, "--vlanid", n.VLANID, "--interfacename", n.InterfaceName)
	if !n.OnBoot {
		out = append(out, "--onboot=off")
	}
	for _, f := range []struct {
		name string
		on   bool
	}{
		{"--activate", n.Activate},
		{"--no-activate", n.NoActivate},
		{"--nodns", n.NoDNS},
		{"--nodefroute", n.NoDefRoute},
		{"--noipv4", n.NoIPv4},
		{"--noipv6", n.NoIPv6},
	} {
		out = flag(out, f.name, f.on)
	}
	return out
}

// args gives the arguments of the command. Its values were checked.
func (p Partition) args() []string {
	out := append([]string{p.Mountpoint}, options("--fstype", p.FSType, "--size", number(p.Size), "--maxsize", number(p.MaxSize), "--ondisk", p.Disk,
		"--onpart", p.OnPart, "--label", p.Label, "--fsoptions", p.FSOptions, "--mkfsoptions", p.MkfsOptions, "--luks-version", p.LUKSVersion)...)
	for _, f := range []struct {
		name string
		on   bool
	}{
		{"--grow", p.Grow},
		{"--recommended", p.Recommended},
		{"--hibernation", p.Hibernation},
		{"--asprimary", p.AsPrimary},
		{"--noformat", p.NoFormat},
		{"--resize", p.Resize},
	} {
		out = flag(out, f.name, f.on)
	}
	return out
}

func commas(list []string) string { return strings.Join(list, ",") }
func spaces(list []string) string { return strings.Join(list, " ") }
