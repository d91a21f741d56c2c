package lint

import (
	"net/url"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/kickstart"
)

func (l *linter) postNoChroot() {
	for _, s := range l.doc.Scripts() {
		if s.NoChroot {
			l.add(Error, s.Pos, "%post --nochroot runs on the host that builds", "do it in the image, without --nochroot")
		}
	}
}

// ownRepos are the names of the release's repositories in Fedora's own
// kickstarts.
func ownRepos() []string {
	return []string{"fedora", "updates", "updates-testing", "rawhide", "fedora-updates", "fedora-source", "updates-source"}
}

func (l *linter) extraRepo() {
	if l.opts.Target == TargetInstall {
		return
	}
	own := l.opts.Repos
	if own == nil {
		own = ownRepos()
	}
	for _, r := range l.doc.Repos() {
		if !slices.Contains(own, r.Name) {
			l.add(Warning, r.Pos, "the repo "+quote(r.Name)+" is not the release's own", "remove it before the spin is published")
		}
	}
}

func (l *linter) selinux() {
	mode, pos := l.doc.SELinux()
	switch {
	case mode == "disabled" || mode == "permissive":
		l.add(Warning, pos, "SELinux is "+mode, "write selinux --enforcing")
	case mode == "" && l.opts.Target != TargetInstall:
		l.add(Note, pos, "nothing is said about SELinux, so it is enforcing", "write selinux --enforcing")
	}
}

func (l *linter) services() {
	s, _ := l.doc.Services()
	for _, name := range s.Enabled {
		if slices.ContainsFunc(s.Disabled, func(d string) bool { return unit(d) == unit(name) }) {
			l.add(Warning, s.Pos, "the service "+quote(name)+" is enabled and disabled", "say one of both")
		}
	}
}

// unit is a service's name with its suffix.
func unit(name string) string {
	for _, suffix := range []string{".service", ".socket", ".target", ".timer", ".path", ".mount", ".automount", ".swap", ".slice"} {
		if strings.HasSuffix(name, suffix) {
			return name
		}
	}
	return name + ".service"
}

// clearPassword looks at everything that lets somebody in or opens a disk.
func (l *linter) clearPassword() {
	if pw, ok := l.doc.RootPW(); ok && pw.Password != "" {
		l.password(pw.Pos, "root", pw.Password, pw.Crypted, pw.Locked)
	}
	for _, u := range l.doc.Users() {
		if u.Password != "" {
			l.password(u.Pos, "the user "+quote(u.Name), u.Password, u.Crypted, u.Locked)
		}
	}
	if b, ok := l.doc.Bootloader(); ok && b.Password != "" && !b.Crypted {
		l.add(Error, b.Pos, "the password of the boot loader stands in clear", "use --iscrypted with what grub2-mkpasswd-pbkdf2 prints")
	}
	for c := range l.doc.Commands() {
		a, err := l.doc.Arguments(c)
		if err != nil {
			continue
		}
		if c.Name == "sshpw" && !a.Has("--iscrypted") && !a.Has("--sshkey") {
			l.add(Error, c.Pos(), "the password for ssh into the installer stands in clear", "use --sshkey, or --iscrypted with a hash")
		}
		for _, secret := range []string{"--passphrase", "--wpakey", "--wepkey", "--hw-passphrase"} {
			if a.Text(secret) != "" {
				l.add(Error, c.Pos(), c.Name+" "+secret+" stands in clear", "let a %pre script write the line on the machine, and include it")
			}
		}
		if (c.Name == "vnc" || c.Name == "rdp") && a.Text("--password") != "" {
			l.add(Error, c.Pos(), "the password of "+c.Name+" stands in clear", "give it as a boot argument")
		}
		for _, address := range []string{"--url", "--baseurl", "--mirrorlist", "--metalink", "--proxy"} {
			if u, err := url.Parse(a.Text(address)); err == nil && u.User != nil {
				if _, has := u.User.Password(); has {
					l.add(Error, c.Pos(), "the address of "+c.Name+" "+address+" holds a password", "use an address without one")
				}
			}
		}
	}
}

// password judges one password.
func (l *linter) password(pos kickstart.Position, whose, password string, crypted, locked bool) {
	switch {
	case !crypted:
		l.add(Error, pos, "the password of "+whose+" stands in clear", "use --iscrypted with what mkpasswd or openssl passwd -6 prints, or --lock")
	case !locked && !strings.HasPrefix(password, "$") && !strings.HasPrefix(password, "!") && !strings.HasPrefix(password, "*"):
		l.add(Error, pos, "the password of "+whose+" is said to be a hash but is none", "give what mkpasswd or openssl passwd -6 prints, or --lock")
	case strings.HasPrefix(password, "$1$"):
		l.add(Warning, pos, "the password of "+whose+" is hashed with MD5", "hash it anew: mkpasswd -m yescrypt, or openssl passwd -6")
	}
}

// quote puts quotes around a word of a message.
func quote(s string) string { return `"` + s + `"` }
