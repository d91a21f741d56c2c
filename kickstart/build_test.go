package kickstart_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

// liveSpec is a small live image.
func liveSpec() kickstart.Spec {
	return kickstart.Spec{
		Profile: kickstart.ProfileLive, Version: kickstart.F44,
		Source:   kickstart.URL{Metalink: "https://mirrors.example.org/metalink?repo=fedora-44&arch=$basearch"},
		Packages: []string{"vim-enhanced"},
	}
}

// fullSpec uses every field that all profiles share.
func fullSpec() kickstart.Spec {
	return kickstart.Spec{
		Version: kickstart.F44, Arch: "aarch64", Title: "A test: 'all of it' #1 %end",
		Source:      kickstart.URL{URL: "http://h/fedora/$releasever/$basearch/os/", Proxy: "http://p:3128", NoVerifySSL: true},
		Repos:       []kickstart.Repo{{Name: "fedora-updates", Metalink: "https://h/?a&b", Cost: 900}},
		Side:        []kickstart.Repo{{Name: "updates", BaseURL: "https://h/side/"}},
		Prefer:      []string{"hello"},
		Environment: "workstation-product-environment",
		Groups:      []kickstart.Group{{Name: "Sound and Video", Level: kickstart.GroupOptional}, {Name: "core", Level: kickstart.GroupMandatory}, {Name: "fonts"}},
		Packages:    []string{"vim*", "gcc-c++", "kernel"}, Exclude: []string{"nano"}, ExcludeGroups: []string{"games"},
		NoDocs: true, NoWeakDeps: true, InstLangs: []string{"cs_CZ", "de"},
		RootSize: 4096, RootFSType: "xfs",
		Locale:     kickstart.Locale{Lang: "cs_CZ.UTF-8", AddSupport: []string{"de_DE.UTF-8"}, Keymap: "cz", XLayouts: []string{"cz (qwerty)", "us"}, Timezone: "Europe/Prague"},
		Root:       kickstart.RootPW{Password: "$6$salt$hash./", Crypted: true, AllowSSH: true},
		Users:      []kickstart.User{{Name: "ann", Groups: []string{"wheel", "video(39)"}, Gecos: `Ann "A" \ #1`, UID: 1001, Home: "/srv/a b", Shell: "/bin/zsh"}, {Name: "bob", Password: "$y$j9T$salt$hash", Crypted: true}},
		SSHKeys:    []kickstart.SSHKey{{User: "ann", Key: "ssh-ed25519 AAAA+/= ann's key #2"}},
		Hostname:   "host.example.org",
		Services:   kickstart.Services{Enabled: []string{"sshd", "getty@tty1.service"}, Disabled: []string{"cups"}},
		Firewall:   kickstart.Firewall{Services: []string{"ssh"}, Removed: []string{"mdns"}, Ports: []string{"80:tcp"}, Trusted: []string{"eth1"}},
		SELinux:    "permissive",
		KernelArgs: []string{"console=ttyS0,115200", "quiet"},
		Graphical:  true, Session: "gnome",
		Scripts: []kickstart.Script{{Section: "%post", Interpreter: "/bin/sh", Body: "echo 'done' # %end\n"}},
	}
}

// build must succeed, and what it prints must be read back without a problem.
func build(t *testing.T, s kickstart.Spec) *kickstart.Document {
	t.Helper()
	doc, err := kickstart.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	again := parse(t, doc.String(), kickstart.Options{Version: s.Version})
	if diags := again.Validate(s.Version); len(diags) > 0 {
		t.Errorf("problems: %v\n%s", diags, doc)
	}
	if diff := cmp.Diff(outline(doc), outline(again)); diff != "" {
		t.Errorf("read back (-built +read):\n%s", diff)
	}
	return again
}

func TestBuildOfALiveImage(t *testing.T) {
	t.Parallel()
	doc := build(t, liveSpec())
	if diags := doc.CheckLivemedia(kickstart.Livemedia{}); len(diags) > 0 {
		t.Errorf("livemedia-creator: %v", diags)
	}
	if pw, ok := doc.RootPW(); !ok || !pw.Locked || pw.Password != "" {
		t.Errorf("root is not locked: %+v", pw)
	}
	if b, _ := doc.Bootloader(); b.Location != "none" {
		t.Errorf("boot loader %+v", b)
	}
	if p := doc.Partitions(); len(p) != 1 || p[0].Mountpoint != "/" || p[0].Size != 8192 {
		t.Errorf("partitions %+v", p)
	}
	pkgs := doc.Packages().Packages
	for _, want := range []string{"dracut-live", "kernel", "livesys-scripts", "shim-x64", "grub2-efi-x64-cdboot", "vim-enhanced"} {
		if !slices.Contains(pkgs, want) {
			t.Errorf("%s is missing in %v", want, pkgs)
		}
	}
	if !doc.HasCommand("shutdown") || doc.HasCommand("text", "graphical", "cmdline", "autopart") {
		t.Errorf("commands of\n%s", doc)
	}
}

func TestBuildWritesWhatTheSpecSays(t *testing.T) {
	t.Parallel()
	for _, profile := range []kickstart.Profile{kickstart.ProfileLive, kickstart.ProfileDisk, kickstart.ProfileInstaller} {
		t.Run(string(profile), func(t *testing.T) {
			t.Parallel()
			s := fullSpec()
			s.Profile = profile
			doc := build(t, s)
			users, keys := doc.Users(), doc.SSHKeys()
			for i := range users {
				users[i].Pos = kickstart.Position{}
				users[i].Locked = false
			}
			if diff := cmp.Diff(s.Users, users); diff != "" {
				t.Errorf("users (-want +got):\n%s", diff)
			}
			if len(keys) != 1 || keys[0].Key != s.SSHKeys[0].Key || keys[0].User != "ann" {
				t.Errorf("keys %+v", keys)
			}
			if diff := cmp.Diff(s.Locale, doc.Locale()); diff != "" {
				t.Errorf("locale (-want +got):\n%s", diff)
			}
			p := doc.Packages()
			if diff := cmp.Diff(s.Groups, p.Groups); diff != "" || p.Environment != s.Environment || !p.ExcludeDocs || !p.ExcludeWeakDeps || p.InstLangs != "cs_CZ:de" {
				t.Errorf("packages %+v, groups (-want +got):\n%s", p, diff)
			}
			repos := doc.Repos()
			if len(repos) != 2 || repos[0].Name != "fedora-updates" || repos[1].Name != "updates-side" || repos[1].Cost >= repos[0].Cost {
				t.Errorf("repos %+v", repos)
			}
			if !cmp.Equal(repos[0].ExcludePkgs, []string{"hello"}) {
				t.Errorf("the other repo still offers hello: %+v", repos[0])
			}
			if b, _ := doc.Bootloader(); b.Append != "console=ttyS0,115200 quiet" {
				t.Errorf("kernel arguments %q", b.Append)
			}
			if n := doc.Networks(); len(n) != 1 || n[0].Hostname != s.Hostname || !n[0].Activate {
				t.Errorf("networks %+v", n)
			}
			scripts := doc.Scripts()
			if last := scripts[len(scripts)-1]; last.Body != s.Scripts[0].Body {
				t.Errorf("script %q", last.Body)
			}
		})
	}
}

func TestBuildInAllVersions(t *testing.T) {
	t.Parallel()
	for _, v := range kickstart.Versions() {
		for _, backend := range []kickstart.Backend{kickstart.BackendLivemedia, kickstart.BackendLivemediaVirt} {
			s := liveSpec()
			s.Version, s.Backend = v, backend
			build(t, s)
		}
		s := fullSpec()
		s.Version, s.Profile = v, kickstart.ProfileInstaller
		build(t, s)
	}
}

func TestInstallerProfile(t *testing.T) {
	t.Parallel()
	doc := build(t, kickstart.Spec{Profile: kickstart.ProfileInstaller, Version: kickstart.F44, Finish: "poweroff"})
	if !doc.HasCommand("text") || !doc.HasCommand("autopart") || !doc.HasCommand("poweroff") || doc.HasCommand("url", "repo", "part", "shutdown") {
		t.Errorf("commands of\n%s", doc)
	}
	s := kickstart.Spec{
		Profile: kickstart.ProfileInstaller, Version: kickstart.F44,
		Partitions: []kickstart.Partition{{Mountpoint: "/home", Size: 100, FSType: "ext4", Grow: true, Label: "home"}, {Mountpoint: "swap", Recommended: true}},
	}
	doc = build(t, s)
	got := doc.Partitions()
	for i := range got {
		got[i].Pos = kickstart.Position{}
	}
	want := append(slices.Clone(s.Partitions), kickstart.Partition{Mountpoint: "/", Size: 4096, Grow: true, FSType: "ext4"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("partitions (-want +got):\n%s", diff)
	}
}

func TestBuildRefusesByField(t *testing.T) {
	t.Parallel()
	tests := []struct {
		field string
		edit  func(*kickstart.Spec)
	}{
		{"Profile", func(s *kickstart.Spec) { s.Profile = "" }},
		{"Version", func(s *kickstart.Spec) { s.Version = "F12" }},
		{"Arch", func(s *kickstart.Spec) { s.Arch = "x86_64\n" }},
		{"Backend", func(s *kickstart.Spec) { s.Backend = kickstart.BackendAnaconda }},
		{"Title", func(s *kickstart.Spec) { s.Title = "a\n%post" }},
		{"Source.URL", func(s *kickstart.Spec) { s.Source = kickstart.URL{} }},
		{"Source.URL", func(s *kickstart.Spec) { s.Source = kickstart.URL{URL: "http://a b"} }},
		{"Name", func(s *kickstart.Spec) { s.Side = []kickstart.Repo{{Name: "a b", BaseURL: "http://h"}} }},
		{"Prefer", func(s *kickstart.Spec) { s.Prefer = []string{"vim"} }},
		{"package", func(s *kickstart.Spec) { s.Environment = "a b" }},
		{"package", func(s *kickstart.Spec) { s.Packages = []string{"%end"} }},
		{"package", func(s *kickstart.Spec) { s.Packages = []string{"-vim"} }},
		{"package", func(s *kickstart.Spec) { s.Packages = []string{"vim # x"} }},
		{"package", func(s *kickstart.Spec) { s.Packages = []string{"vim\x00"} }},
		{"package", func(s *kickstart.Spec) { s.Packages = []string{"vim\u2028%end"} }},
		{"Packages", func(s *kickstart.Spec) { s.Packages = []string{"@core"} }},
		{"Exclude", func(s *kickstart.Spec) { s.Exclude = []string{"dracut-live"} }},
		{"group", func(s *kickstart.Spec) { s.Groups = []kickstart.Group{{Name: "^env"}} }},
		{"package", func(s *kickstart.Spec) { s.Groups = []kickstart.Group{{Name: "a --optional"}} }},
		{"ExcludeGroups", func(s *kickstart.Spec) { s.ExcludeGroups = []string{"^env"} }},
		{"RootSize", func(s *kickstart.Spec) { s.RootSize = -1 }},
		{"Partitions", func(s *kickstart.Spec) { s.Partitions = []kickstart.Partition{{Mountpoint: "/boot"}} }},
		{"Locale.Lang", func(s *kickstart.Spec) { s.Locale.Lang = "en --x" }},
		{"Locale.Lang", func(s *kickstart.Spec) { s.Locale.Lang = "--addsupport=x" }},
		{"Locale.Keymap", func(s *kickstart.Spec) { s.Locale.Keymap = "us'" }},
		{"Locale.Timezone", func(s *kickstart.Spec) { s.Locale.Timezone = "/etc" }},
		{"Locale.XLayouts", func(s *kickstart.Spec) { s.Locale.XLayouts = []string{"a,b"} }},
		{"Root.Password", func(s *kickstart.Spec) { s.Root.Password = "secret" }},
		{"Root.Password", func(s *kickstart.Spec) { s.Root = kickstart.RootPW{Password: "secret", Crypted: true} }},
		{"Users[0].Name", func(s *kickstart.Spec) { s.Users = []kickstart.User{{}} }},
		{"Users[1].Groups", func(s *kickstart.Spec) { s.Users = []kickstart.User{{Name: "a"}, {Name: "b", Groups: []string{"a,b"}}} }},
		{"Users[0].Gecos", func(s *kickstart.Spec) { s.Users = []kickstart.User{{Name: "a", Gecos: "a:b"}} }},
		{"Users[0].Home", func(s *kickstart.Spec) { s.Users = []kickstart.User{{Name: "a", Home: "b"}} }},
		{"Users[0].Password", func(s *kickstart.Spec) { s.Users = []kickstart.User{{Name: "a", Password: "b"}} }},
		{"SSHKeys[0].Key", func(s *kickstart.Spec) { s.SSHKeys = []kickstart.SSHKey{{User: "a", Key: "AAAA"}} }},
		{"SSHKeys[0].Key", func(s *kickstart.Spec) { s.SSHKeys = []kickstart.SSHKey{{User: "a", Key: "ssh-rsa A\nB"}} }},
		{"Hostname", func(s *kickstart.Spec) { s.Hostname = "a b" }},
		{"Networks[0].IP", func(s *kickstart.Spec) { s.Networks = []kickstart.Network{{IP: "1 2"}} }},
		{"Services.Enabled", func(s *kickstart.Spec) { s.Services.Enabled = []string{"a,b"} }},
		{"Firewall.Ports", func(s *kickstart.Spec) { s.Firewall.Ports = []string{"1,2"} }},
		{"SELinux", func(s *kickstart.Spec) { s.SELinux = "off" }},
		{"KernelArgs[0]", func(s *kickstart.Spec) { s.KernelArgs = []string{`a"b`} }},
		{"Session", func(s *kickstart.Spec) { s.Session = "gnome'; rm -rf /" }},
		{"Section", func(s *kickstart.Spec) { s.Scripts = []kickstart.Script{{Section: "%addon"}} }},
		{"body", func(s *kickstart.Spec) { s.Scripts = []kickstart.Script{{Section: "%post", Body: "a\n%end\n"}} }},
	}
	for _, tt := range tests {
		s := liveSpec()
		tt.edit(&s)
		_, err := kickstart.Build(s)
		ve, ok := errors.AsType[*kickstart.ValueError](err)
		if !ok || ve.Field != tt.field {
			t.Errorf("got %v, want a *ValueError for %s", err, tt.field)
		}
	}
}

func TestBuildProvesWhatItPromises(t *testing.T) {
	t.Parallel()
	s := liveSpec()
	s.Users = []kickstart.User{{Name: "ann"}, {Name: "ann"}}
	_, err := kickstart.Build(s)
	if pe, ok := errors.AsType[*kickstart.ParseError](err); !ok || pe.Code != kickstart.CodeDuplicate {
		t.Errorf("got %v, want a *ParseError: ksvalidator refuses a user that is there twice", err)
	}
	s = liveSpec()
	s.Repos = []kickstart.Repo{{Name: "a", BaseURL: "http://h"}, {Name: "a", BaseURL: "http://h"}}
	if _, err := kickstart.Build(s); !errors.Is(err, kickstart.ErrDuplicateRepo) {
		t.Errorf("got %v, want ErrDuplicateRepo", err)
	}
}

// FuzzBuild: whatever values a Spec carries, it is refused, or the printed
// kickstart holds exactly the commands and sections of the same Spec with
// harmless values, and the values themselves are read back.
func FuzzBuild(f *testing.F) {
	f.Add("title", "vim", "core", "en_US.UTF-8", "us", "Etc/UTC", "ann", "Ann", "ssh-ed25519 AAAA", "host", "sshd", "quiet", "http://h/", "echo\n")
	f.Add("a\n%post", "-vim", "^env", "--x", "us'\"", "../x", "a,b", "\\\"#%end", "ssh-rsa '\"\\ #", "a b", "a\x00", "a\"b", "http://h/\u2028", "%end\n")
	f.Add("#version=F38", "@core", "a b --optional", "%end", "a (b)", "Europe/Prague", "user", "--", "ecdsa x --", "h", "a@b", "--", "a:--", "%if\n%ende")
	f.Add("", "kernel*", "Sound and Video", "cs@x", "u", "GMT+5", "x", "é ü", "k v", "h.", "u\\x", "a=$b;c|d", "https://u:p@h/?a=b#c", "it's\r%post\r")
	f.Fuzz(func(t *testing.T, title, pkg, group, lang, keymap, zone, user, gecos, key, host, unit, karg, url, body string) {
		spec := func(title, pkg, group, lang, keymap, zone, user, gecos, key, host, unit, karg, url, body string) kickstart.Spec {
			return kickstart.Spec{
				Profile: kickstart.ProfileLive, Version: kickstart.F44, Title: title,
				Source: kickstart.URL{URL: url}, Side: []kickstart.Repo{{Name: "side", BaseURL: url, IncludePkgs: []string{pkg}}},
				Packages: []string{pkg}, Exclude: []string{"x-" + pkg}, Groups: []kickstart.Group{{Name: group}},
				Locale: kickstart.Locale{Lang: lang, Keymap: keymap, Timezone: zone}, Users: []kickstart.User{{Name: user, Gecos: gecos}},
				SSHKeys: []kickstart.SSHKey{{User: user, Key: key}}, Hostname: host, Services: kickstart.Services{Enabled: []string{unit}},
				KernelArgs: []string{karg}, Scripts: []kickstart.Script{{Section: "%post", Body: body}},
			}
		}
		doc, err := kickstart.Build(spec(title, pkg, group, lang, keymap, zone, user, gecos, key, host, unit, karg, url, body))
		if err != nil {
			_, isValue := errors.AsType[*kickstart.ValueError](err)
			_, isProof := errors.AsType[*kickstart.ParseError](err)
			if !isValue && !isProof {
				t.Fatalf("%v is no *ValueError", err)
			}
			if isProof {
				t.Fatalf("the proof failed: %v", err)
			}
			return
		}
		plain, err := kickstart.Build(spec("t", "p", "g", "l", "k", "z", "u", "g", "k k", "h", "u", "a", "http://h", "b"))
		if err != nil {
			t.Fatal(err)
		}
		again := parse(t, doc.String(), kickstart.Options{Version: kickstart.F44})
		if got, want := shape(again), shape(parse(t, plain.String(), kickstart.Options{Version: kickstart.F44})); !cmp.Equal(got, want) {
			t.Fatalf("shape (-want +got):\n%s\n%s", cmp.Diff(want, got), doc)
		}
		users, keys, l := again.Users(), again.SSHKeys(), again.Locale()
		boot, _ := again.Bootloader()
		u, _ := again.URL()
		services, _ := again.Services()
		scripts := again.Scripts()
		if text := scripts[len(scripts)-1].Body; strings.TrimSuffix(text, "\n") != strings.TrimSuffix(body, "\n") {
			t.Fatalf("script %q became %q", body, text)
		}
		got := []string{users[0].Name, users[0].Gecos, keys[0].Key, l.Lang, l.Keymap, l.Timezone, again.Networks()[0].Hostname, services.Enabled[0], boot.Append, u.URL}
		want := []string{user, gecos, key, or(lang, "en_US.UTF-8"), or(keymap, "us"), or(zone, "Etc/UTC"), host, unit, karg, url}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("values (-want +got):\n%s\n%s", diff, doc)
		}
		p := again.Packages()
		if !slices.Contains(p.Packages, pkg) || !cmp.Equal(p.Groups, []kickstart.Group{{Name: group}}) || !cmp.Equal(p.Excluded, []string{"x-" + pkg}) {
			t.Fatalf("packages %+v, want %q and %q", p, pkg, group)
		}
	})
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// shape lists commands and sections without their values: names, options and
// numbers of words and lines of %packages.
func shape(doc *kickstart.Document) []string {
	var out []string
	for n := range doc.Walk() {
		switch n := n.(type) {
		case *kickstart.Command:
			line := n.Name
			for _, w := range n.Args {
				option, _, isOption := strings.Cut(w.Text, "=")
				if !isOption || !strings.HasPrefix(option, "--") {
					option = "word"
				}
				if option != "--gecos" && option != "--hostname" { // left out when empty
					line += " " + option
				}
			}
			out = append(out, line)
		case *kickstart.Section:
			out = append(out, n.Name)
		case *kickstart.Include:
			out = append(out, "include")
		}
	}
	return out
}
