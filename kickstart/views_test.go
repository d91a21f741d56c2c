package kickstart_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

func TestPackagesAlgebra(t *testing.T) {
	t.Parallel()
	src := `%packages --nocore --inst-langs= --timeout 30 --exclude-weakdeps
@^first-environment
@core
@Sound and Video --optional # all
@x --nodefaults
@x
kernel*  # comment
vim
-vim
nano
-nano
nano
%end
%packages --multilib
@^second
-@core
-@^second
-@games
%end
`
	want := kickstart.Packages{
		Present:        true,
		Groups:         []kickstart.Group{{Name: "Sound and Video", Level: kickstart.GroupOptional}, {Name: "x", Level: kickstart.GroupMandatory}},
		ExcludedGroups: []string{"core", "games"},
		Packages:       []string{"kernel*", "nano"},
		Excluded:       []string{"vim"},
		Multilib:       true, HasInstLangs: true,
	}
	if diff := cmp.Diff(want, parse(t, src, kickstart.Options{Version: kickstart.F44}).Packages()); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

func TestViewsOfALiveKickstart(t *testing.T) {
	t.Parallel()
	dir, _ := dataFiles(t)
	file := "fedora-f43/fedora-live-base.ks"
	doc := parse(t, string(readFile(t, filepath.Join(dir, file))), kickstart.Options{Version: kickstart.F44})
	parts := doc.Partitions()
	if len(parts) != 1 || parts[0].Mountpoint != "/" || parts[0].Size != 5120 || parts[0].FSType != "ext4" {
		t.Errorf("partitions: %+v", parts)
	}
	if pw, ok := doc.RootPW(); !ok || !pw.Locked || !pw.Crypted || pw.Password != "locked" {
		t.Errorf("root password: %+v", pw)
	}
	if _, ok := doc.URL(); ok {
		t.Error("found a url command")
	}
	p := doc.Packages()
	if diff := cmp.Diff([]kickstart.Group{{Name: "anaconda-tools"}}, p.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"device-mapper-multipath", "fcoe-utils", "sdubby"}, p.Excluded); diff != "" {
		t.Errorf("excluded (-want +got):\n%s", diff)
	}
	if !doc.HasCommand("shutdown") || doc.HasCommand("reboot") {
		t.Error("shutdown must be there, reboot not")
	}
}

func TestBootloaderAndURL(t *testing.T) {
	t.Parallel()
	doc := parse(t, "url --url=http://a\nurl --mirrorlist=http://h/?$releasever --proxy=http://p --noverifyssl\nbootloader --location=none --append='a b' --timeout=3\n", kickstart.Options{})
	want := kickstart.URL{MirrorList: "http://h/?$releasever", Proxy: "http://p", NoVerifySSL: true, Pos: at(2)}
	if got, ok := doc.URL(); !ok || got != want {
		t.Errorf("url: %+v", got)
	}
	got, ok := doc.Bootloader()
	if diff := cmp.Diff(kickstart.Bootloader{Location: "none", Append: "a b", Timeout: 3, Pos: at(3)}, got); !ok || diff != "" {
		t.Errorf("bootloader (-want +got):\n%s", diff)
	}
}

// at is the start of a line of the test's kickstart.
func at(line int) kickstart.Position { return kickstart.Position{File: "test.ks", Line: line, Col: 1} }

func TestUsersNetworksAndTheRest(t *testing.T) {
	t.Parallel()
	doc := parse(t, `rootpw --iscrypted $6$x --allow-ssh
user --name=ann --groups=wheel,"video(39)" --uid=1001 --gecos="Ann A." --password=$6$y --iscrypted --homedir=/srv/ann --shell=/bin/zsh
group --name=crew --gid=2000
sshkey --username=ann "ssh-ed25519 AAAA ann@h"
network --device=link --activate --onboot=no --hostname=h
network --device=eth1 --bootproto=static --ip=10.0.0.2 --netmask=255.0.0.0 --nameserver=10.0.0.1,10.0.0.3 --vlanid=7 --noipv6
services --enabled=sshd,chronyd
services --disabled=cups
lang cs_CZ.UTF-8 --addsupport=de_DE.UTF-8,en_US.UTF-8
keyboard --vckeymap=cz --xlayouts='cz (qwerty)',us
timezone Europe/Prague --utc
selinux --permissive
firewall --service=ssh,mdns --port=80:tcp --trust=eth1 --remove-service=dhcpv6-client
part /boot --size=500 --fstype=ext4 --asprimary --label=boot --mkfsoptions="-O x"
part pv.01 --grow --size=1 --maxsize=9000 --encrypted --passphrase=p --luks-version=luks2
`, kickstart.Options{Version: kickstart.F44})
	type all struct {
		Root       kickstart.RootPW
		Users      []kickstart.User
		Groups     []kickstart.UserGroup
		Keys       []kickstart.SSHKey
		Networks   []kickstart.Network
		Services   kickstart.Services
		Locale     kickstart.Locale
		SELinux    string
		Firewall   kickstart.Firewall
		Partitions []kickstart.Partition
	}
	want := all{
		Root:   kickstart.RootPW{Password: "$6$x", Crypted: true, AllowSSH: true, Pos: at(1)},
		Users:  []kickstart.User{{Name: "ann", Groups: []string{"wheel", "video(39)"}, UID: 1001, Gecos: "Ann A.", Password: "$6$y", Crypted: true, Home: "/srv/ann", Shell: "/bin/zsh", Pos: at(2)}},
		Groups: []kickstart.UserGroup{{Name: "crew", GID: 2000, Pos: at(3)}},
		Keys:   []kickstart.SSHKey{{User: "ann", Key: "ssh-ed25519 AAAA ann@h", Pos: at(4)}},
		Networks: []kickstart.Network{
			{Device: "link", BootProto: "dhcp", Hostname: "h", Activate: true, Pos: at(5)},
			{Device: "eth1", BootProto: "static", IP: "10.0.0.2", Netmask: "255.0.0.0", Nameserver: "10.0.0.1,10.0.0.3", VLANID: "7", OnBoot: true, NoIPv6: true, Pos: at(6)},
		},
		Services: kickstart.Services{Enabled: []string{"sshd", "chronyd"}, Disabled: []string{"cups"}, Pos: at(8)},
		Locale: kickstart.Locale{
			Lang: "cs_CZ.UTF-8", AddSupport: []string{"de_DE.UTF-8", "en_US.UTF-8"}, Keymap: "cz", XLayouts: []string{"cz (qwerty)", "us"},
			Timezone: "Europe/Prague", UTC: true,
		},
		SELinux:  "permissive",
		Firewall: kickstart.Firewall{Services: []string{"ssh", "mdns"}, Removed: []string{"dhcpv6-client"}, Ports: []string{"80:tcp"}, Trusted: []string{"eth1"}, Pos: at(13)},
		Partitions: []kickstart.Partition{
			{Mountpoint: "/boot", Size: 500, FSType: "ext4", AsPrimary: true, Label: "boot", MkfsOptions: "-O x", Pos: at(14)},
			{Mountpoint: "pv.01", Grow: true, Size: 1, MaxSize: 9000, Encrypted: true, Passphrase: "p", LUKSVersion: "luks2", Pos: at(15)},
		},
	}
	got := all{Users: doc.Users(), Groups: doc.UserGroups(), Keys: doc.SSHKeys(), Networks: doc.Networks(), Locale: doc.Locale(), Partitions: doc.Partitions()}
	got.Root, _ = doc.RootPW()
	got.Services, _ = doc.Services()
	got.SELinux, _ = doc.SELinux()
	got.Firewall, _ = doc.Firewall()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("views (-want +got):\n%s", diff)
	}
}

func TestSectionsThatArePassedThrough(t *testing.T) {
	t.Parallel()
	src := "%addon com_redhat_kdump --enable --reserve-mb='auto'\nfree \"text\n%end\n%anaconda\npwpolicy root --minlen=6\n%end\n" +
		"%certificate --filename=ca.pem --type=anchor\n-----BEGIN-----\nAAAA\n-----END-----\n%end\n"
	doc := parse(t, src, kickstart.Options{Version: kickstart.F45})
	addon := []kickstart.Addon{{ID: "com_redhat_kdump", Args: []string{"--enable", "--reserve-mb=auto"}, Body: "free \"text\n", Pos: at(1)}}
	if diff := cmp.Diff(addon, doc.Addons()); diff != "" {
		t.Errorf("add-ons (-want +got):\n%s", diff)
	}
	cert := []kickstart.Certificate{{Filename: "ca.pem", Type: "anchor", Body: "-----BEGIN-----\nAAAA\n-----END-----", Pos: at(7)}}
	if diff := cmp.Diff(cert, doc.Certificates()); diff != "" {
		t.Errorf("certificates (-want +got):\n%s", diff)
	}
	for s := range doc.Sections("%anaconda") {
		if s.Body() != "pwpolicy root --minlen=6\n" {
			t.Errorf("%%anaconda holds %q", s.Body())
		}
	}
	if doc.Flatten().String() != src {
		t.Errorf("flattened %q", doc.Flatten())
	}
}

func TestPackageLinesSayWhere(t *testing.T) {
	t.Parallel()
	doc := parse(t, "%packages\n# c\n@^env\n@Sound and Video --optional # all\n-@x\n-@^env\nvim*\n\n -nano\n@a --nodefaults --optional\n-\n%end\n", kickstart.Options{})
	var got []kickstart.PackageLine
	globs := 0
	for l := range doc.PackageLines() {
		got = append(got, l)
		if l.Glob() {
			globs++
		}
	}
	want := []kickstart.PackageLine{
		{Name: "env", Kind: kickstart.PackageEnvironment, Pos: at(3)},
		{Name: "Sound and Video", Kind: kickstart.PackageGroup, Level: kickstart.GroupOptional, Pos: at(4)},
		{Name: "x", Kind: kickstart.PackageGroup, Excluded: true, Pos: at(5)},
		{Name: "env", Kind: kickstart.PackageEnvironment, Excluded: true, Pos: at(6)},
		{Name: "vim*", Pos: at(7)},
		{Name: "nano", Excluded: true, Pos: at(9)},
	}
	if diff := cmp.Diff(want, got); diff != "" || globs != 1 {
		t.Errorf("%d globs, lines (-want +got):\n%s", globs, diff)
	}
}
