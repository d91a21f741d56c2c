package kickstart

import (
	"fmt"
	"slices"
)

// Profile is what an image built from a kickstart is for.
type Profile string

// The profiles.
const (
	ProfileLive      Profile = "live"      // a live image: livemedia-creator --make-iso, --make-pxe-live
	ProfileDisk      Profile = "disk"      // an installed disk: livemedia-creator --make-disk and the like
	ProfileInstaller Profile = "installer" // an unattended installation from a boot.iso or DVD
)

// Backend is the program that carries a kickstart out.
type Backend string

// The back ends. kiwi and image-builder take no kickstart.
const (
	BackendLivemedia     Backend = "livemedia"      // livemedia-creator --no-virt
	BackendLivemediaVirt Backend = "livemedia-virt" // livemedia-creator in a virtual machine
	BackendAnaconda      Backend = "anaconda"       // the installer of a medium
)

// Spec says what a system is to be, in the words of a request. Build makes the
// kickstart. Pos fields are ignored throughout.
type Spec struct {
	Profile Profile // required
	Backend Backend // default: livemedia for live and disk, anaconda for installer
	Version Version // default Devel
	Arch    string  // x86_64 (default), aarch64, ppc64le or s390x; chooses the boot loader's packages of a live image
	Title   string  // one line of comment on top

	// Source is where to install from. Required for live and disk; an installer
	// without one installs from its medium.
	Source URL
	Repos  []Repo // more repositories, as they are
	// Side are repositories that must win, in the sense of
	// Document.InjectRepos, and Prefer the packages that must come from them
	// even when others have newer ones.
	Side   []Repo
	Prefer []string

	Environment   string // comps id, without @^
	Groups        []Group
	Packages      []string // names and globs
	Exclude       []string // names and globs
	ExcludeGroups []string
	NoCore        bool // leave the group core out
	NoDocs        bool // --excludedocs
	NoWeakDeps    bool
	InstLangs     []string // languages of the packages' own texts; empty: all

	// RootSize is the size of the root file system in MiB. Default 8192, and
	// for an installer the whole disk.
	RootSize   int
	RootFSType string // default ext4
	// Partitions are partitions beside the root one; a live image has none.
	Partitions []Partition

	// Locale defaults to en_US.UTF-8, us, and Etc/UTC with the clock in UTC.
	Locale     Locale
	Root       RootPW // default locked; a password must be a hash
	Users      []User // passwords must be hashes; users without one are locked
	SSHKeys    []SSHKey
	Hostname   string
	Networks   []Network // default: the device with a link, by DHCP
	Services   Services
	Firewall   Firewall // default: on
	SELinux    string   // enforcing (default), permissive or disabled
	KernelArgs []string
	Graphical  bool   // start a desktop; an installer installs in its graphical mode
	Session    string // of a live image: what livesys starts, as gnome or kde
	// Finish is how an installer ends: reboot (default), poweroff, halt or
	// shutdown. The others always shut down.
	Finish  string
	Scripts []Script // run after those that the profile brings
}

// Build makes the kickstart of a Spec: one that ksvalidator accepts in the
// version, and livemedia-creator in its profile. Every value is quoted or
// refused with a *ValueError that names the field; no value can become a
// command, a section or an option of its own.
func Build(s Spec) (*Document, error) {
	s = s.withDefaults()
	if err := s.check(); err != nil {
		return nil, err
	}
	b := &builder{doc: New("respin.ks", s.Version), spec: s}
	b.head()
	b.locale()
	b.system()
	b.users()
	b.sources()
	b.storage()
	b.packages()
	b.scripts()
	if b.err != nil {
		return nil, b.err
	}
	return b.doc, b.proof()
}

// withDefaults fills in what the Spec leaves open.
func (s Spec) withDefaults() Spec {
	def := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	if s.Version == "" {
		s.Version = Devel
	}
	if s.Backend == "" {
		s.Backend = BackendLivemedia
		if s.Profile == ProfileInstaller {
			s.Backend = BackendAnaconda
		}
	}
	if s.RootSize == 0 && s.Profile != ProfileInstaller {
		s.RootSize = 8192
	}
	def(&s.Arch, "x86_64")
	def(&s.RootFSType, "ext4")
	def(&s.Locale.Lang, "en_US.UTF-8")
	if s.Locale.Keymap == "" && len(s.Locale.XLayouts) == 0 {
		s.Locale.Keymap = "us"
	}
	if s.Locale.Timezone == "" {
		s.Locale.Timezone, s.Locale.UTC = "Etc/UTC", true
	}
	def(&s.SELinux, "enforcing")
	def(&s.Finish, "reboot")
	if s.Profile != ProfileInstaller {
		s.Finish = "shutdown"
	}
	if len(s.Networks) == 0 {
		s.Networks = []Network{{Device: "link", BootProto: "dhcp", OnBoot: true, Activate: true}}
	}
	return s
}

// builder writes the kickstart; the first error stops it.
type builder struct {
	doc  *Document
	spec Spec
	err  error
}

// command adds a command at the end.
func (b *builder) command(name string, args ...string) {
	if b.err != nil {
		return
	}
	line, err := commandLine(name, args)
	if err != nil {
		b.err = err
		return
	}
	b.err = b.doc.insert(len(b.doc.nodes), line)
}

// comment adds a line of comment, behind a blank line.
func (b *builder) comment(text string) {
	pos := Position{File: b.doc.Name}
	if len(b.doc.nodes) > 0 {
		b.doc.nodes = append(b.doc.nodes, &Blank{pos, "\n"})
	}
	b.doc.nodes = append(b.doc.nodes, &Comment{pos, "# " + text + "\n"})
}

func (b *builder) head() {
	pos := Position{File: b.doc.Name}
	b.doc.nodes = append(b.doc.nodes, &Comment{pos, "#version=" + string(b.spec.Version) + "\n"})
	if b.spec.Title != "" {
		b.doc.nodes = append(b.doc.nodes, &Comment{pos, "# " + b.spec.Title + "\n"})
	}
}

func (b *builder) locale() {
	l := b.spec.Locale
	b.comment("Language, keyboard, time")
	b.command("lang", append([]string{l.Lang}, options("--addsupport", commas(l.AddSupport))...)...)
	b.command("keyboard", options("--vckeymap", l.Keymap, "--xlayouts", commas(l.XLayouts))...)
	b.command("timezone", flag([]string{l.Timezone}, "--utc", l.UTC)...)
}

func (b *builder) system() {
	s := b.spec
	b.comment("System")
	b.command("selinux", "--"+s.SELinux)
	fw := []string{"--enabled"}
	if s.Firewall.Disabled {
		fw[0] = "--disabled"
	}
	fw = append(fw, options("--service", commas(s.Firewall.Services), "--remove-service", commas(s.Firewall.Removed), "--port", commas(s.Firewall.Ports))...)
	for _, device := range s.Firewall.Trusted {
		fw = append(fw, "--trust="+device)
	}
	b.command("firewall", fw...)
	if args := options("--disabled", commas(s.Services.Disabled), "--enabled", commas(s.Services.Enabled)); args != nil {
		b.command("services", args...)
	}
	for i, n := range s.Networks {
		if i == 0 && n.Hostname == "" {
			n.Hostname = s.Hostname
		}
		b.command("network", n.args()...)
	}
	switch {
	case s.Profile == ProfileInstaller && s.Graphical:
		b.command("graphical")
	case s.Profile == ProfileInstaller:
		b.command("text")
	case s.Graphical:
		b.command("xconfig", "--startxonboot")
	}
	if s.Profile == ProfileInstaller {
		b.command("firstboot", "--disable")
	}
	b.command(s.Finish)
}

func (b *builder) users() {
	s := b.spec
	b.comment("Users")
	if s.Root.Password == "" {
		b.command("rootpw", "--lock")
	} else {
		args := flag([]string{"--iscrypted"}, "--lock", s.Root.Locked)
		b.command("rootpw", append(flag(args, "--allow-ssh", s.Root.AllowSSH), s.Root.Password)...)
	}
	for _, u := range s.Users {
		b.command("user", u.args()...)
	}
	for _, k := range s.SSHKeys {
		b.command("sshkey", "--username="+k.User, k.Key)
	}
}

func (b *builder) sources() {
	s := b.spec
	if s.Profile == ProfileInstaller && s.Source.args() == nil && len(s.Repos)+len(s.Side) == 0 {
		return
	}
	b.comment("Where packages come from")
	if s.Source.args() != nil {
		b.command("url", s.Source.args()...)
	}
	for _, r := range s.Repos {
		if b.err == nil {
			b.err = b.doc.AddRepo(r)
		}
	}
	if b.err == nil && len(s.Side) > 0 {
		_, b.err = b.doc.InjectRepos(s.Side, s.Prefer...)
	}
}

func (b *builder) storage() {
	s := b.spec
	b.comment("Disk")
	b.command("zerombr")
	b.command("clearpart", "--all", "--initlabel")
	root := Partition{Mountpoint: "/", Size: s.RootSize, FSType: s.RootFSType}
	location := "mbr"
	switch {
	case s.Profile == ProfileLive:
		location = "none"
	case s.Profile == ProfileDisk:
		b.command("reqpart")
	case s.RootSize == 0 && len(s.Partitions) == 0:
		b.command("autopart")
	default:
		root.Grow, root.Size = s.RootSize == 0, max(s.RootSize, 4096)
		b.command("reqpart", "--add-boot")
	}
	b.command("bootloader", append([]string{"--location=" + location}, options("--append", spaces(s.KernelArgs))...)...)
	for _, p := range s.Partitions {
		b.command("part", p.args()...)
	}
	if !b.doc.HasCommand("autopart") {
		b.command("part", root.args()...)
	}
}

// proof makes sure that Build keeps its promise.
func (b *builder) proof() error {
	problems := b.doc.Validate(b.spec.Version)
	switch b.spec.Backend {
	case BackendLivemedia, BackendLivemediaVirt:
		how := Livemedia{Make: "iso", Virt: b.spec.Backend == BackendLivemediaVirt}
		if b.spec.Profile == ProfileDisk {
			how.Make = "disk"
		}
		problems = append(problems, b.doc.CheckLivemedia(how)...)
	case BackendAnaconda:
	}
	i := slices.IndexFunc(problems, func(d Diagnostic) bool { return d.Code != CodeReservedRepo })
	if i < 0 {
		return nil
	}
	return fmt.Errorf("build kickstart: %w", problems[i].Err())
}
