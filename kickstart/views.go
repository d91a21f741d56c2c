package kickstart

import "strings"

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
}

// URL is the url command: the repository to install from.
type URL struct {
	URL, MirrorList, Metalink              string // one of them is set
	Proxy                                  string
	NoVerifySSL                            bool
	SSLCACert, SSLClientCert, SSLClientKey string
}

// Partition is a part or partition command.
type Partition struct {
	Mountpoint string // "/", "swap", "pv.01", ...
	Size       int    // MiB
	MaxSize    int    // MiB, with Grow
	Grow       bool
	FSType     string
	Disk       string // --ondisk
	Label      string
	Pos        Position
}

// Bootloader is what the bootloader commands say together.
type Bootloader struct {
	Location string // mbr, partition, none or boot; empty when not given
	Append   string // kernel arguments
	Timeout  int    // seconds
	Disabled bool
}

// RootPW is the rootpw command.
type RootPW struct {
	Password string // in clear or crypted; empty with only Lock
	Crypted  bool
	Locked   bool
	AllowSSH bool
}

// Script is a %pre, %pre-install, %post, %onerror or %traceback section.
type Script struct {
	Section     string // with the percent sign
	Interpreter string // default /bin/sh
	Log         string
	ErrorOnFail bool
	NoChroot    bool   // %post outside the installed system
	Body        string // with includes put in
	Pos         Position
}

// read parses a command by the table of the document's version. Lines that
// Validate refuses are not read.
func (d *Document) read(n *Command) (*arguments, bool) {
	t, ok := d.version.table()
	if !ok {
		t, _ = Devel.table()
	}
	spec, ok := t.lookup(n.Name)
	if !ok || spec.state != stateActive || n.problem != nil {
		return nil, false
	}
	a, err := parseArgs(spec.specs(), n.texts(), nil)
	if err != nil || len(a.extra) > 0 && !takesExtra(spec.class) {
		return nil, false
	}
	return a, true
}

// last reads the last valid command of one of the names.
func (d *Document) last(names ...string) (*arguments, bool) {
	var out *arguments
	for c := range d.Commands(names...) {
		if a, ok := d.read(c); ok {
			out = a
		}
	}
	return out, out != nil
}

// Repos lists the repo commands in order, those of included files too. Lines
// that Validate refuses are left out.
func (d *Document) Repos() []Repo {
	var out []Repo
	for c := range d.Commands("repo") {
		if a, ok := d.read(c); ok {
			out = append(out, repoOf(a))
		}
	}
	return out
}

func repoOf(a *arguments) Repo {
	return Repo{
		Name: a.text("name"), BaseURL: a.text("baseurl"), MirrorList: a.text("mirrorlist"), Metalink: a.text("metalink"),
		Cost: a.int("cost"), IncludePkgs: a.list("includepkgs"), ExcludePkgs: a.list("excludepkgs"), Proxy: a.text("proxy"),
		NoVerifySSL: a.has("noverifyssl"), Install: a.has("install"),
		SSLCACert: a.text("sslcacert"), SSLClientCert: a.text("sslclientcert"), SSLClientKey: a.text("sslclientkey"),
	}
}

// URL gives the last url command; false when there is none.
func (d *Document) URL() (URL, bool) {
	a, ok := d.last("url")
	if !ok {
		return URL{}, false
	}
	return URL{
		URL: a.text("url"), MirrorList: a.text("mirrorlist"), Metalink: a.text("metalink"), Proxy: a.text("proxy"),
		NoVerifySSL: a.has("noverifyssl"),
		SSLCACert:   a.text("sslcacert"), SSLClientCert: a.text("sslclientcert"), SSLClientKey: a.text("sslclientkey"),
	}, true
}

// Partitions lists the part commands in order. A mount point that is there
// twice is there twice in the list: livemedia-creator takes the last.
func (d *Document) Partitions() []Partition {
	var out []Partition
	for c := range d.Commands("part", "partition") {
		a, ok := d.read(c)
		if !ok {
			continue
		}
		out = append(out, Partition{
			Mountpoint: a.text("mntpoint"), Size: a.int("size"), MaxSize: a.int("maxSizeMB"), Grow: a.has("grow"),
			FSType: a.text("fstype"), Disk: a.text("disk"), Label: a.text("label"), Pos: c.pos,
		})
	}
	return out
}

// Bootloader gives the last bootloader command; false when there is none.
func (d *Document) Bootloader() (Bootloader, bool) {
	a, ok := d.last("bootloader")
	if !ok {
		return Bootloader{}, false
	}
	return Bootloader{
		Location: a.text("location"), Append: a.text("appendLine"), Timeout: a.int("timeout"), Disabled: a.has("disabled"),
	}, true
}

// RootPW gives the last rootpw command; false when there is none.
func (d *Document) RootPW() (RootPW, bool) {
	a, ok := d.last("rootpw")
	if !ok {
		return RootPW{}, false
	}
	return RootPW{Password: a.text("password"), Crypted: a.has("isCrypted"), Locked: a.has("lock"), AllowSSH: a.has("allow_ssh")}, true
}

// Scripts lists the script sections in order, those of included files too.
func (d *Document) Scripts() []Script {
	var out []Script
	for sec := range d.Sections() {
		if !scriptSection(sec.Name) {
			continue
		}
		s := Script{Section: sec.Name, Interpreter: "/bin/sh", Body: sec.Body(), Pos: sec.pos}
		if a, err := parseArgs(sectionOptions(sec.Name, d.version), wordTexts(sec.Args), nil); err == nil {
			if i := a.text("interpreter"); i != "" {
				s.Interpreter = i
			}
			s.Log, s.ErrorOnFail, s.NoChroot = a.text("log"), a.has("erroronfail"), a.has("nochroot")
		}
		out = append(out, s)
	}
	return out
}

// HasCommand tells whether a command stands anywhere, for example "shutdown".
func (d *Document) HasCommand(name string) bool {
	for range d.Commands(name) {
		return true
	}
	return false
}

// line writes the command as one line without its end.
func (r Repo) line() string {
	var b strings.Builder
	b.WriteString("repo " + quoteOption("--name", r.Name))
	for _, o := range []struct{ name, value string }{
		{"--baseurl", r.BaseURL},
		{"--mirrorlist", r.MirrorList},
		{"--metalink", r.Metalink},
		{"--cost", costText(r.Cost)},
		{"--includepkgs", strings.Join(r.IncludePkgs, ",")},
		{"--excludepkgs", strings.Join(r.ExcludePkgs, ",")},
		{"--proxy", r.Proxy},
		{"--sslcacert", r.SSLCACert},
		{"--sslclientcert", r.SSLClientCert},
		{"--sslclientkey", r.SSLClientKey},
	} {
		if o.value != "" {
			b.WriteString(" " + quoteOption(o.name, o.value))
		}
	}
	if r.NoVerifySSL {
		b.WriteString(" --noverifyssl")
	}
	if r.Install {
		b.WriteString(" --install")
	}
	return b.String()
}
