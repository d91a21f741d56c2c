package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/kickstart"
)

type kickstartShowCmd struct {
	kickstartFlags
	Only  string   `enum:",packages,groups,repos,scripts,partitions,users,networks" default:"" placeholder:"WHAT" help:"One kind of thing, a line each: packages, groups, repos, scripts, partitions, users or networks."`
	Files []string `arg:"" name:"file" help:"Kickstarts: files, URLs, or - for standard input."`
}

func (*kickstartShowCmd) about() string {
	return `What the kickstart and all it includes come to: packages after inclusions and exclusions have canceled each other, repositories, partitions, users, scripts. Lines that validate refuses are left out.

` + includesHelp
}

func (*kickstartShowCmd) examples() []example {
	return []example{
		{"respin kickstart show my.ks", "Everything, as tables."},
		{"respin kickstart show fedora-live-kde.ks --only packages", "The packages that it names, a line each."},
		{"respin kickstart show my.ks --json", "The same and more for a program: bodies of scripts, options, positions."},
	}
}

// kickstartInfo is what kickstart show prints with --json, for each file.
type kickstartInfo struct {
	File           string               `json:"file"`
	Version        kickstart.Version    `json:"version"`
	Lang           string               `json:"lang,omitempty"`
	Keyboard       string               `json:"keyboard,omitempty"`
	Timezone       string               `json:"timezone,omitempty"`
	SELinux        string               `json:"selinux,omitempty"`
	URL            *kickstartRepo       `json:"url,omitempty"`
	Repos          []kickstartRepo      `json:"repos"`
	Environment    string               `json:"environment,omitempty"`
	Groups         []kickstartGroup     `json:"groups"`
	Packages       []string             `json:"packages"`
	ExcludedGroups []string             `json:"excluded_groups"`
	Excluded       []string             `json:"excluded"`
	PackageOptions []string             `json:"package_options"`
	Partitions     []kickstartPartition `json:"partitions"`
	Bootloader     *kickstartBootloader `json:"bootloader,omitempty"`
	RootPassword   string               `json:"root_password"` // locked, crypted, clear or none
	Users          []kickstartUser      `json:"users"`
	Networks       []kickstartNetwork   `json:"networks"`
	Enabled        []string             `json:"enabled_services"`
	Disabled       []string             `json:"disabled_services"`
	Scripts        []kickstartScript    `json:"scripts"`
	Sections       []kickstartOtherPart `json:"sections"` // %addon, %anaconda and %certificate
}

type kickstartRepo struct {
	Name        string   `json:"name,omitempty"`
	BaseURL     string   `json:"baseurl,omitempty"`
	MirrorList  string   `json:"mirrorlist,omitempty"`
	Metalink    string   `json:"metalink,omitempty"`
	Cost        int      `json:"cost,omitempty"`
	IncludePkgs []string `json:"includepkgs,omitempty"`
	ExcludePkgs []string `json:"excludepkgs,omitempty"`
	Proxy       string   `json:"proxy,omitempty"`
	NoVerifySSL bool     `json:"noverifyssl,omitempty"`
	Install     bool     `json:"install,omitempty"`
	kickstartPlace
}

// kickstartPlace is where something stands.
type kickstartPlace struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

type kickstartGroup struct {
	ID    string `json:"id"`
	Level string `json:"level"` // default, mandatory or optional
}

type kickstartPartition struct {
	Mountpoint string `json:"mountpoint"`
	Size       int    `json:"size,omitempty"` // MiB
	MaxSize    int    `json:"maxsize,omitempty"`
	Grow       bool   `json:"grow,omitempty"`
	FSType     string `json:"fstype,omitempty"`
	Label      string `json:"label,omitempty"`
	Disk       string `json:"disk,omitempty"`
	Encrypted  bool   `json:"encrypted,omitempty"`
	kickstartPlace
}

type kickstartBootloader struct {
	Location string `json:"location"`
	Append   string `json:"append,omitempty"`
	Timeout  int    `json:"timeout,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
}

type kickstartUser struct {
	Name     string   `json:"name"`
	Groups   []string `json:"groups,omitempty"`
	Password string   `json:"password"` // locked, crypted, clear or none
	Gecos    string   `json:"gecos,omitempty"`
	kickstartPlace
}

type kickstartNetwork struct {
	Device    string `json:"device,omitempty"`
	BootProto string `json:"bootproto,omitempty"`
	IP        string `json:"ip,omitempty"`
	Hostname  string `json:"hostname,omitempty"`
	Activate  bool   `json:"activate,omitempty"`
	kickstartPlace
}

type kickstartScript struct {
	Section     string `json:"section"`
	Interpreter string `json:"interpreter"`
	Log         string `json:"log,omitempty"`
	ErrorOnFail bool   `json:"erroronfail,omitempty"`
	NoChroot    bool   `json:"nochroot,omitempty"`
	Body        string `json:"body"`
	kickstartPlace
}

type kickstartOtherPart struct {
	Section string   `json:"section"`
	Args    []string `json:"args,omitempty"`
	Body    string   `json:"body"`
	kickstartPlace
}

// Run is the verb.
func (k *kickstartShowCmd) Run(ctx context.Context, a *app) error {
	var all []kickstartInfo
	err := k.each(ctx, a, k.Files, func(o *opened) error {
		if _, err := o.document(a); err != nil {
			return err
		}
		// The structure is valid; read it again by the tables of its version.
		doc, _, err := kickstart.Check(o.name, o.src, o.opts)
		if err != nil {
			return err
		}
		for _, d := range k.missing(o, doc) {
			a.remark("%s\n", clean(d.String()))
		}
		all = append(all, describeKickstart(o, doc))
		return nil
	})
	switch {
	case a.global.JSON && len(k.Files) == 1 && len(all) == 1:
		a.printJSON(all[0])
	case a.global.JSON:
		a.printJSON(all)
	default:
		for i := range all {
			if len(k.Files) > 1 && k.Only == "" {
				a.printf("%s%s:\n", map[bool]string{true: "\n"}[i > 0], clean(all[i].File))
			}
			k.print(a, &all[i])
		}
	}
	return err
}

// describeKickstart collects what a kickstart says.
func describeKickstart(o *opened, doc *kickstart.Document) kickstartInfo {
	l := doc.Locale()
	v := kickstartInfo{
		File: o.at(""), Version: doc.Version(), Lang: l.Lang, Keyboard: l.Keymap, Timezone: l.Timezone,
		Repos: []kickstartRepo{}, Groups: []kickstartGroup{}, PackageOptions: []string{}, Partitions: []kickstartPartition{},
		RootPassword: "none", Users: []kickstartUser{}, Networks: []kickstartNetwork{}, Enabled: []string{}, Disabled: []string{},
		Scripts: []kickstartScript{}, Sections: []kickstartOtherPart{},
	}
	if v.Keyboard == "" {
		v.Keyboard = strings.Join(l.XLayouts, ",")
	}
	v.SELinux, _ = doc.SELinux()
	v.sources(o, doc)
	v.packages(doc)
	v.system(o, doc)
	v.sections(o, doc)
	return v
}

func (o *opened) place(p kickstart.Position) kickstartPlace {
	return kickstartPlace{o.at(p.File), p.Line}
}

func (v *kickstartInfo) sources(o *opened, doc *kickstart.Document) {
	if u, ok := doc.URL(); ok {
		v.URL = &kickstartRepo{
			BaseURL: u.URL, MirrorList: u.MirrorList, Metalink: u.Metalink, Proxy: u.Proxy, NoVerifySSL: u.NoVerifySSL, kickstartPlace: o.place(u.Pos),
		}
	}
	for _, r := range doc.Repos() {
		v.Repos = append(v.Repos, kickstartRepo{
			r.Name, r.BaseURL, r.MirrorList, r.Metalink, r.Cost, r.IncludePkgs, r.ExcludePkgs, r.Proxy, r.NoVerifySSL, r.Install, o.place(r.Pos),
		})
	}
}

func (v *kickstartInfo) packages(doc *kickstart.Document) {
	p := doc.Packages()
	levels := map[kickstart.GroupLevel]string{kickstart.GroupDefault: "default", kickstart.GroupMandatory: "mandatory", kickstart.GroupOptional: "optional"}
	for _, g := range p.Groups {
		v.Groups = append(v.Groups, kickstartGroup{g.Name, levels[g.Level]})
	}
	v.Environment = p.Environment
	v.Packages = append([]string{}, p.Packages...)
	v.Excluded = append([]string{}, p.Excluded...)
	v.ExcludedGroups = append([]string{}, p.ExcludedGroups...)
	for _, option := range []struct {
		name string
		on   bool
	}{
		{"--default", p.Default},
		{"--excludedocs", p.ExcludeDocs},
		{"--ignoremissing", p.IgnoreMissing},
		{"--ignorebroken", p.IgnoreBroken},
		{"--nocore", p.NoCore},
		{"--multilib", p.Multilib},
		{"--exclude-weakdeps", p.ExcludeWeakDeps},
		{"--inst-langs=" + p.InstLangs, p.HasInstLangs},
		{"--timeout=" + strconv.Itoa(p.Timeout), p.Timeout != 0},
		{"--retries=" + strconv.Itoa(p.Retries), p.Retries != 0},
	} {
		if option.on {
			v.PackageOptions = append(v.PackageOptions, option.name)
		}
	}
}

// passwordState says what there is without showing it.
func passwordState(password string, crypted, locked bool) string {
	switch {
	case locked:
		return "locked"
	case password == "":
		return "none"
	case crypted:
		return "crypted"
	}
	return "clear"
}

func (v *kickstartInfo) system(o *opened, doc *kickstart.Document) {
	for _, p := range doc.Partitions() {
		v.Partitions = append(v.Partitions, kickstartPartition{p.Mountpoint, p.Size, p.MaxSize, p.Grow, p.FSType, p.Label, p.Disk, p.Encrypted, o.place(p.Pos)})
	}
	if b, ok := doc.Bootloader(); ok {
		if b.Location == "" {
			b.Location = "mbr"
		}
		v.Bootloader = &kickstartBootloader{b.Location, b.Append, b.Timeout, b.Disabled}
	}
	if pw, ok := doc.RootPW(); ok {
		v.RootPassword = passwordState(pw.Password, pw.Crypted, pw.Locked)
	}
	for _, u := range doc.Users() {
		v.Users = append(v.Users, kickstartUser{u.Name, u.Groups, passwordState(u.Password, u.Crypted, u.Locked), u.Gecos, o.place(u.Pos)})
	}
	for _, n := range doc.Networks() {
		v.Networks = append(v.Networks, kickstartNetwork{n.Device, n.BootProto, n.IP, n.Hostname, n.Activate, o.place(n.Pos)})
	}
	if s, ok := doc.Services(); ok {
		v.Enabled, v.Disabled = append(v.Enabled, s.Enabled...), append(v.Disabled, s.Disabled...)
	}
}

func (v *kickstartInfo) sections(o *opened, doc *kickstart.Document) {
	for _, s := range doc.Scripts() {
		v.Scripts = append(v.Scripts, kickstartScript{s.Section, s.Interpreter, s.Log, s.ErrorOnFail, s.NoChroot, s.Body, o.place(s.Pos)})
	}
	for s := range doc.Sections("%addon", "%anaconda", "%certificate") {
		part := kickstartOtherPart{Section: s.Name, Body: s.Body(), kickstartPlace: o.place(s.Pos())}
		for _, w := range s.Args {
			part.Args = append(part.Args, w.Text)
		}
		v.Sections = append(v.Sections, part)
	}
}
