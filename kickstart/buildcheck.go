package kickstart

import (
	"fmt"
	"slices"
	"strings"
)

// The characters that values of a Spec are made of, beside letters and digits.
const (
	idChars      = "_.-+"       // users, groups of users, sessions, file systems
	localeChars  = "_.-@"       // languages
	zoneChars    = "_+-/"       // time zones
	unitChars    = "_.-@:\\"    // systemd units
	hashChars    = "$./=,_-+"   // crypt(3)
	hostChars    = ".-"         // host names
	networkChars = "_.-:/,=@%*" // devices, addresses, options of them
	partChars    = "_.-:/,="    // mount points and what belongs to them
)

// check refuses, field by field, what a kickstart cannot carry or would take
// for something else.
func (s Spec) check() error {
	for _, check := range []func(Spec) error{
		Spec.checkKind, Spec.checkLocale, Spec.checkPeople, Spec.checkNetworks, Spec.checkSystem, Spec.checkStorage, Spec.checkPackages,
	} {
		if err := check(s); err != nil {
			return err
		}
	}
	return nil
}

func (s Spec) checkKind() error {
	if _, ok := s.Version.table(); !ok {
		return &ValueError{"Version", "has no option table; use one of " + joinVersions()}
	}
	for _, c := range []struct {
		field, value string
		allowed      []string
	}{
		{"Profile", string(s.Profile), []string{string(ProfileLive), string(ProfileDisk), string(ProfileInstaller)}},
		{"Backend", string(s.Backend), []string{string(BackendLivemedia), string(BackendLivemediaVirt), string(BackendAnaconda)}},
		{"Arch", s.Arch, []string{"x86_64", "aarch64", "ppc64le", "s390x"}},
		{"SELinux", s.SELinux, []string{"enforcing", "permissive", "disabled"}},
		{"Finish", s.Finish, []string{"reboot", "poweroff", "halt", "shutdown"}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return &ValueError{c.field, "is " + repr(c.value) + ", which is none of " + strings.Join(c.allowed, ", ")}
		}
	}
	if (s.Profile == ProfileInstaller) != (s.Backend == BackendAnaconda) {
		return &ValueError{"Backend", fmt.Sprintf("%s does not make the profile %s", s.Backend, s.Profile)}
	}
	if err := checkText("Title", s.Title); err != nil {
		return err
	}
	hasSource := s.Source.args() != nil
	if hasSource || s.Profile != ProfileInstaller {
		return prefixed("Source", s.Source.check())
	}
	return nil
}

func (s Spec) checkLocale() error {
	l := s.Locale
	if err := checkChars("Locale.Lang", localeChars, l.Lang); err != nil {
		return err
	}
	if err := checkChars("Locale.AddSupport", localeChars, l.AddSupport...); err != nil {
		return err
	}
	if err := checkChars("Locale.Timezone", zoneChars, l.Timezone); err != nil {
		return err
	}
	if strings.Contains(l.Timezone, "//") || strings.HasPrefix(l.Timezone, "/") || strings.HasSuffix(l.Timezone, "/") {
		return &ValueError{"Locale.Timezone", "is no name of a time zone"}
	}
	if l.Keymap != "" {
		if err := checkChars("Locale.Keymap", idChars+"()", l.Keymap); err != nil {
			return err
		}
	}
	return checkChars("Locale.XLayouts", idChars+" ()", l.XLayouts...)
}

func (s Spec) checkPeople() error {
	if err := checkHash("Root", s.Root.Password, s.Root.Crypted); err != nil {
		return err
	}
	for i, u := range s.Users {
		at := fmt.Sprintf("Users[%d]", i)
		if err := checkChars(at+".Name", idChars, u.Name); err != nil {
			return err
		}
		if err := checkChars(at+".Groups", idChars+"()", u.Groups...); err != nil {
			return err
		}
		if err := checkPaths([]field{{at + ".Home", u.Home}, {at + ".Shell", u.Shell}}); err != nil {
			return err
		}
		if err := checkText(at+".Gecos", u.Gecos); err != nil || u.Gecos == "--" || strings.Contains(u.Gecos, ":") {
			return firstError(err, &ValueError{at + ".Gecos", "holds a colon or is --"})
		}
		if u.UID < 0 || u.GID < 0 {
			return &ValueError{at + ".UID", "is negative"}
		}
		if err := checkHash(at, u.Password, u.Crypted); err != nil {
			return err
		}
	}
	for i, k := range s.SSHKeys {
		at := fmt.Sprintf("SSHKeys[%d]", i)
		if err := checkChars(at+".User", idChars, k.User); err != nil {
			return err
		}
		if err := checkText(at+".Key", k.Key); err != nil {
			return err
		}
		if kind, rest, ok := strings.Cut(k.Key, " "); !ok || rest == "" || checkChars("", "-@.", kind) != nil {
			return &ValueError{at + ".Key", "is no public key: it does not start with its kind, as ssh-ed25519"}
		}
	}
	return nil
}

func (s Spec) checkNetworks() error {
	if s.Hostname != "" {
		if err := checkChars("Hostname", hostChars, s.Hostname); err != nil {
			return err
		}
	}
	for i, n := range s.Networks {
		at := fmt.Sprintf("Networks[%d]", i)
		for _, f := range []field{
			{"Device", n.Device},
			{"BootProto", n.BootProto},
			{"Hostname", n.Hostname},
			{"IP", n.IP},
			{"Netmask", n.Netmask},
			{"Gateway", n.Gateway},
			{"Nameserver", n.Nameserver},
			{"IPv6", n.IPv6},
			{"IPv6Gateway", n.IPv6Gateway},
			{"MTU", n.MTU},
			{"BondSlaves", n.BondSlaves},
			{"BondOpts", n.BondOpts},
			{"TeamSlaves", n.TeamSlaves},
			{"BridgeSlaves", n.BridgeSlaves},
			{"BridgeOpts", n.BridgeOpts},
			{"VLANID", n.VLANID},
			{"InterfaceName", n.InterfaceName},
		} {
			if f.value == "" {
				continue
			}
			if err := checkChars(at+"."+f.name, networkChars, f.value); err != nil {
				return err
			}
		}
		if n.ESSID != "" || n.TeamConfig != "" {
			return &ValueError{at, "wireless networks and team configurations are not built"}
		}
	}
	return nil
}

func (s Spec) checkSystem() error {
	for _, l := range []struct {
		field, chars string
		list         []string
	}{
		{"Services.Enabled", unitChars, s.Services.Enabled},
		{"Services.Disabled", unitChars, s.Services.Disabled},
		{"Firewall.Services", idChars, s.Firewall.Services},
		{"Firewall.Removed", idChars, s.Firewall.Removed},
		{"Firewall.Ports", ":-", s.Firewall.Ports},
		{"Firewall.Trusted", networkChars, s.Firewall.Trusted},
		{"InstLangs", localeChars, s.InstLangs},
	} {
		if err := checkChars(l.field, l.chars, l.list...); err != nil {
			return err
		}
	}
	if s.Session != "" {
		if err := checkChars("Session", "_-", s.Session); err != nil {
			return err
		}
	}
	for i, a := range s.KernelArgs {
		at := fmt.Sprintf("KernelArgs[%d]", i)
		if err := checkWord(at, a); err != nil {
			return err
		}
		if strings.ContainsAny(a, `"'\`) || a == "--" {
			return &ValueError{at, "holds a quote or a backslash, which boot loaders read in their own ways, or is --"}
		}
	}
	return nil
}

func (s Spec) checkStorage() error {
	if s.RootSize < 0 || s.RootSize > 1<<30 {
		return &ValueError{"RootSize", "is not between 0 and 2^30 MiB"}
	}
	if err := checkChars("RootFSType", idChars, s.RootFSType); err != nil {
		return err
	}
	if s.Profile == ProfileLive && len(s.Partitions) > 0 {
		return &ValueError{"Partitions", "a live image has only its root file system"}
	}
	for i, p := range s.Partitions {
		at := fmt.Sprintf("Partitions[%d]", i)
		switch {
		case p.Mountpoint == "" || p.Mountpoint == "/" || strings.HasPrefix(p.Mountpoint, "//"):
			return &ValueError{at + ".Mountpoint", "is empty or the root"}
		case p.Size < 0 || p.MaxSize < 0:
			return &ValueError{at + ".Size", "is negative"}
		case p.Encrypted || p.Passphrase != "":
			return &ValueError{at, "encrypted partitions are not built: the passphrase would stand in clear"}
		}
		for _, f := range []field{
			{"Mountpoint", p.Mountpoint},
			{"FSType", p.FSType},
			{"Disk", p.Disk},
			{"OnPart", p.OnPart},
			{"Label", p.Label},
			{"FSOptions", p.FSOptions},
			{"LUKSVersion", p.LUKSVersion},
		} {
			if f.value == "" {
				continue
			}
			if err := checkChars(at+"."+f.name, partChars, f.value); err != nil {
				return err
			}
		}
		if err := checkText(at+".MkfsOptions", p.MkfsOptions); err != nil || p.MkfsOptions == "--" {
			return firstError(err, &ValueError{at + ".MkfsOptions", "is --"})
		}
	}
	return nil
}

// checkPackages keeps packages, groups and environments apart; what else is
// wrong with their names the edits say.
func (s Spec) checkPackages() error {
	for _, l := range []struct {
		field string
		names []string
	}{{"Packages", s.Packages}, {"Exclude", s.Exclude}} {
		for _, name := range l.names {
			if strings.HasPrefix(name, "@") {
				return &ValueError{l.field, repr(name) + " is a group: it belongs into Groups, ExcludeGroups or Environment"}
			}
		}
	}
	for _, g := range s.ExcludeGroups {
		if strings.HasPrefix(g, "^") {
			return &ValueError{"ExcludeGroups", repr(g) + " is an environment"}
		}
	}
	if len(s.Prefer) > 0 && len(s.Side) == 0 {
		return &ValueError{"Prefer", "needs Side: there is nothing to prefer the packages from"}
	}
	for _, p := range (&builder{spec: s}).profilePackages() {
		if slices.Contains(s.Exclude, p) {
			return &ValueError{"Exclude", "the profile " + string(s.Profile) + " needs " + p}
		}
	}
	return nil
}

// checkChars takes words of letters, digits and some more characters that do
// not start with a dash or a blank.
func checkChars(field, more string, values ...string) error {
	for _, v := range values {
		if err := checkText(field, v); err != nil {
			return err
		}
		if v == "" || v[0] == '-' || v[0] == ' ' {
			return &ValueError{field, "is empty, or starts with a dash or a blank"}
		}
		if i := strings.IndexFunc(v, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(more, r)
		}); i >= 0 {
			return &ValueError{field, "holds " + repr(v[i:i+1]) + ", which has no place there"}
		}
	}
	return nil
}

// checkHash takes no password, or one that crypt(3) has hashed.
func checkHash(field, password string, crypted bool) error {
	switch {
	case password == "":
		return nil
	case !crypted || !strings.HasPrefix(password, "$") || strings.Count(password, "$") < 3:
		return &ValueError{field + ".Password", "is no hash: give what mkpasswd or openssl passwd -6 prints, and set Crypted"}
	}
	return checkChars(field+".Password", hashChars, password)
}

// prefixed puts the name of the outer field before that of an error.
func prefixed(field string, err error) error {
	if ve, ok := err.(*ValueError); ok { //nolint:errorlint // made by the checks of this package, never wrapped
		return &ValueError{field + "." + ve.Field, ve.Reason}
	}
	return err
}

// firstError is err, or other where err is nil.
func firstError(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
