package updates

// The numbers of users and groups that Fedora's setup package fixes (its file
// uidgid), as far as packages give files to them. What systemd-sysusers numbers
// on each system by itself has no number that an archive could carry.
func users() map[string]uint32 {
	return map[string]uint32{
		"root": 0, "bin": 1, "daemon": 2, "adm": 3, "lp": 4, "sync": 5, "shutdown": 6, "halt": 7, "mail": 8, "uucp": 10,
		"operator": 11, "games": 12, "ftp": 14, "squid": 23, "named": 25, "postgres": 26, "mysql": 27, "nscd": 28,
		"rpcuser": 29, "rpc": 32, "rpm": 37, "ntp": 38, "apache": 48, "tss": 59, "ldap": 55, "avahi": 70, "tcpdump": 72,
		"sshd": 74, "dbus": 81, "postfix": 89, "dovecot": 97, "qemu": 107, "systemd-network": 192, "systemd-resolve": 193,
		"nobody": 65534,
	}
}

func groups() map[string]uint32 {
	return map[string]uint32{
		"root": 0, "bin": 1, "daemon": 2, "sys": 3, "adm": 4, "tty": 5, "disk": 6, "lp": 7, "mem": 8, "kmem": 9,
		"wheel": 10, "cdrom": 11, "mail": 12, "uucp": 14, "man": 15, "dialout": 18, "floppy": 19, "games": 20, "slocate": 21,
		"utmp": 22, "squid": 23, "named": 25, "postgres": 26, "mysql": 27, "nscd": 28, "rpcuser": 29, "rpc": 32, "tape": 33,
		"utempter": 35, "kvm": 36, "rpm": 37, "ntp": 38, "video": 39, "apache": 48, "ftp": 50, "lock": 54, "ldap": 55,
		"tss": 59, "audio": 63, "avahi": 70, "tcpdump": 72, "sshd": 74, "dbus": 81, "screen": 84, "postfix": 89,
		"postdrop": 90, "dovecot": 97, "users": 100, "input": 104, "render": 105, "sgx": 106, "qemu": 107,
		"systemd-journal": 190, "systemd-network": 192, "systemd-resolve": 193, "nobody": 65534,
	}
}

const setuid, setgid = 0o4000, 0o2000

// owners turns names into numbers.
type owners struct{ users, groups map[string]uint32 }

func newOwners() owners { return owners{users(), groups()} }

// own returns the numbers of the owner and the mode that is left: a file that
// falls to root because its own user is unknown must not run as root (rpm's
// lib/fsm.cc does the same). unknown is the name that was not found, or "".
func (o owners) own(user, group string, mode uint32) (uid, gid, left uint32, unknown string) {
	uid, okUser := o.users[user]
	if !okUser && user != "" { // packages of rpm 3 may name nobody
		mode &^= setuid
		unknown = user
	}
	gid, okGroup := o.groups[group]
	if !okGroup && group != "" {
		mode &^= setgid
		unknown = group
	}
	return uid, gid, mode, unknown
}
