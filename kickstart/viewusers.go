package kickstart

// RootPW is the rootpw command.
type RootPW struct {
	Password string // in clear or crypted; empty with only Lock
	Crypted  bool
	Locked   bool
	AllowSSH bool
	Pos      Position
}

// User is a user command. A UID or GID of 0 was not given.
type User struct {
	Name     string
	Groups   []string // further groups, as "wheel" or "name(gid)"
	Home     string
	Shell    string
	UID, GID int
	Gecos    string
	Password string // in clear unless Crypted
	Crypted  bool
	Locked   bool
	Pos      Position
}

// UserGroup is a group command: a group of users to make on the installed
// system, not a group of packages.
type UserGroup struct {
	Name string
	GID  int // 0 when not given
	Pos  Position
}

// SSHKey is an sshkey command: a public key that lets a user in.
type SSHKey struct {
	User string
	Key  string // one line of authorized_keys
	Pos  Position
}

// RootPW gives the last rootpw command; false when there is none.
func (d *Document) RootPW() (RootPW, bool) {
	a, pos, ok := d.merged("rootpw")
	return RootPW{Password: a.text("password"), Crypted: a.has("isCrypted"), Locked: a.has("lock"), AllowSSH: a.has("allow_ssh"), Pos: pos}, ok
}

// Users lists the user commands in order.
func (d *Document) Users() []User {
	var out []User
	d.each(func(a *Arguments, pos Position) {
		out = append(out, User{
			Name: a.text("name"), Groups: a.list("groups"), Home: a.text("homedir"), Shell: a.text("shell"), UID: a.int("uid"), GID: a.int("gid"),
			Gecos: a.text("gecos"), Password: a.text("password"), Crypted: a.has("isCrypted"), Locked: a.has("lock"), Pos: pos,
		})
	}, "user")
	return out
}

// UserGroups lists the group commands in order.
func (d *Document) UserGroups() []UserGroup {
	var out []UserGroup
	d.each(func(a *Arguments, pos Position) {
		out = append(out, UserGroup{Name: a.text("name"), GID: a.int("gid"), Pos: pos})
	}, "group")
	return out
}

// SSHKeys lists the sshkey commands in order.
func (d *Document) SSHKeys() []SSHKey {
	var out []SSHKey
	d.each(func(a *Arguments, pos Position) {
		out = append(out, SSHKey{User: a.text("username"), Key: a.text("sshkey"), Pos: pos})
	}, "sshkey")
	return out
}
