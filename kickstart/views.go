package kickstart

import (
	"slices"
	"strconv"
	"strings"
)

// Repo is a repo command: a repository that anaconda uses besides the one of
// the url command. Exactly one of BaseURL, MirrorList and Metalink is set;
// none means a repository that the installer knows by name. $releasever and
// $basearch in addresses are filled in by the installer. A kickstart can say
// neither priority nor GPG key: lower Cost wins among equal versions.
type Repo struct {
	Name        string
	BaseURL     string
	MirrorList  string
	Metalink    string
	Cost        int      // dnf's default is 1000; 0 when not given
	IncludePkgs []string // names or globs; nothing else is taken from the repo
	ExcludePkgs []string
	Proxy       string // http://[user:password@]host[:port]
	NoVerifySSL bool   // do not check the server's certificate
	Install     bool   // leave the repo configured on the installed system
	// Client certificates, as paths on the installing machine.
	SSLCACert, SSLClientCert, SSLClientKey string
	Pos                                    Position // where it was read; edits ignore it
}

// URL is the url command: the repository to install from.
type URL struct {
	URL, MirrorList, Metalink              string // exactly one is set
	Proxy                                  string
	NoVerifySSL                            bool
	SSLCACert, SSLClientCert, SSLClientKey string
	Pos                                    Position // where it was read; edits ignore it
}

// Bootloader is what the bootloader commands say together.
type Bootloader struct {
	Location string   // mbr, partition, none or boot; empty when not given, which means mbr
	Append   string   // kernel arguments
	Timeout  int      // seconds
	Drive    string   // --boot-drive
	Drives   []string // --driveorder
	Password string   // of the boot menu
	Crypted  bool     // Password is a hash
	Disabled bool     // install none
	ExtLinux bool
	SDBoot   bool // systemd-boot
	NoMBR    bool
	Pos      Position // of the last command
}

// each yields the arguments of the valid commands of these names, with where
// they stand.
func (d *Document) each(yield func(*Arguments, Position), names ...string) {
	for c := range d.Commands(names...) {
		if a, ok := d.read(c); ok {
			yield(a, c.pos)
		}
	}
}

// merged reads all valid lines of a command that stands for one thing: later
// lines add to earlier ones and replace what they repeat. The position is that
// of the last line; false says that there is none.
func (d *Document) merged(names ...string) (*Arguments, Position, bool) {
	all, pos := &Arguments{values: map[string]value{}}, Position{}
	d.each(func(a *Arguments, at Position) {
		all.merge(a)
		pos = at
	}, names...)
	return all, pos, all.specs != nil
}

// Repos lists the repo commands in order, those of included files too. As in
// all views, lines that Arguments refuses are left out.
func (d *Document) Repos() []Repo {
	var out []Repo
	d.each(func(a *Arguments, pos Position) { out = append(out, repoOf(a, pos)) }, "repo")
	return out
}

func repoOf(a *Arguments, pos Position) Repo {
	return Repo{
		Name: a.text("name"), BaseURL: a.text("baseurl"), MirrorList: a.text("mirrorlist"), Metalink: a.text("metalink"),
		Cost: a.int("cost"), IncludePkgs: a.list("includepkgs"), ExcludePkgs: a.list("excludepkgs"), Proxy: a.text("proxy"),
		NoVerifySSL: a.has("noverifyssl"), Install: a.has("install"),
		SSLCACert: a.text("sslcacert"), SSLClientCert: a.text("sslclientcert"), SSLClientKey: a.text("sslclientkey"), Pos: pos,
	}
}

// URL gives the last url command; false when there is none.
func (d *Document) URL() (URL, bool) {
	var u URL
	ok := false
	d.each(func(a *Arguments, pos Position) {
		ok = true
		u = URL{
			URL: a.text("url"), MirrorList: a.text("mirrorlist"), Metalink: a.text("metalink"), Proxy: a.text("proxy"),
			NoVerifySSL: a.has("noverifyssl"),
			SSLCACert:   a.text("sslcacert"), SSLClientCert: a.text("sslclientcert"), SSLClientKey: a.text("sslclientkey"), Pos: pos,
		}
	}, "url")
	return u, ok
}

// Bootloader gives what the bootloader commands say; false when there is none.
func (d *Document) Bootloader() (Bootloader, bool) {
	a, pos, ok := d.merged("bootloader")
	return Bootloader{
		Location: a.text("location"), Append: a.text("appendLine"), Timeout: a.int("timeout"), Drive: a.text("bootDrive"),
		Drives: a.list("driveorder"), Password: a.text("password"), Crypted: a.has("isCrypted"), Disabled: a.has("disabled"),
		ExtLinux: a.has("extlinux"), SDBoot: a.has("sdboot"), NoMBR: a.has("nombr"), Pos: pos,
	}, ok
}

// HasCommand tells whether a command stands anywhere, for example "shutdown".
func (d *Document) HasCommand(names ...string) bool {
	for range d.Commands(names...) {
		return true
	}
	return false
}

// args gives the arguments of the command.
func (r Repo) args() []string {
	out := options("--name", r.Name, "--baseurl", r.BaseURL, "--mirrorlist", r.MirrorList, "--metalink", r.Metalink, "--cost", number(r.Cost),
		"--includepkgs", strings.Join(r.IncludePkgs, ","), "--excludepkgs", strings.Join(r.ExcludePkgs, ","), "--proxy", r.Proxy,
		"--sslcacert", r.SSLCACert, "--sslclientcert", r.SSLClientCert, "--sslclientkey", r.SSLClientKey)
	return flag(flag(out, "--noverifyssl", r.NoVerifySSL), "--install", r.Install)
}

// args gives the arguments of the command.
func (u URL) args() []string {
	out := options("--url", u.URL, "--mirrorlist", u.MirrorList, "--metalink", u.Metalink, "--proxy", u.Proxy,
		"--sslcacert", u.SSLCACert, "--sslclientcert", u.SSLClientCert, "--sslclientkey", u.SSLClientKey)
	return flag(out, "--noverifyssl", u.NoVerifySSL)
}

// options writes "--name=value" for those of the names and values, in turn,
// that have a value.
func options(pairs ...string) []string {
	var out []string
	for pair := range slices.Chunk(pairs, 2) {
		if name, value := pair[0], pair[len(pair)-1]; value != "" {
			out = append(out, name+"="+value)
		}
	}
	return out
}

// flag appends a switch that is on.
func flag(args []string, name string, on bool) []string {
	if on {
		return append(args, name)
	}
	return args
}

// number writes a number; 0 stands for one that was not given.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
