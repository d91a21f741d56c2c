package kickstart_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

func TestValidateListsAllProblems(t *testing.T) {
	t.Parallel()
	src := `lang
part / --size=1
part / --size=2
autopart
%packages --nocore --default
@a --nodefaults --optional
%end
%traceback
true
%end
vnc
timezone --isUtc Europe/Paris
`
	want := []string{
		"test.ks:1:1: error: the following arguments are required: <lang>",
		"test.ks:3:1: warning: A partition with the mountpoint / has already been defined.",
		"test.ks:4:1: error: The autopart and partition commands can't be used at the same time.",
		"test.ks:5:1: error: --default and --nocore cannot be used together",
		"test.ks:6:1: error: Group cannot specify both --nodefaults and --optional",
		"test.ks:8:1: warning: The %traceback section has been deprecated.",
		"test.ks:11:1: warning: The vnc command has been deprecated and no longer has any effect.",
		"test.ks:12:10: warning: The --isUtc option has been deprecated and no longer has any effect.",
	}
	doc := parse(t, src, kickstart.Options{})
	var got []string
	for _, d := range doc.Validate(kickstart.F44) {
		got = append(got, d.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
}

// TestRulesOfPykickstart holds a command for each rule that the option tables
// cannot say. The verdicts were taken from pykickstart 3.74.
func TestRulesOfPykickstart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		version kickstart.Version
		src     string
		want    kickstart.Code // empty: accepted without a warning
	}{
		{kickstart.F44, "repo --name=a --baseurl=http://h --metalink=http://h", kickstart.CodeConflict},
		{kickstart.F44, "repo --name=a", ""},
		{kickstart.F44, "url --noverifyssl", kickstart.CodeMissingOption},
		{kickstart.F44, "bootloader --loc=none --timeout 5", ""}, // unique prefixes are options
		{kickstart.F44, "bootloader --b=sda", ""},
		{kickstart.F44, "bootloader --d=x", kickstart.CodeUnknownOption}, // ambiguous
		{kickstart.F44, "bootloader --location=moon", kickstart.CodeBadValue},
		{kickstart.F44, "bootloader --sdboot --extlinux", kickstart.CodeConflict},
		{kickstart.F44, "network --device=x --onboot=maybe", kickstart.CodeBadValue},
		{kickstart.F44, "network --bridgeopts=a=b", kickstart.CodeMissingOption},
		{kickstart.F44, "network --bridgeslaves=x --bridgeopts=a", kickstart.CodeBadValue},
		{kickstart.F44, "network --ipv4-dns-search=x", kickstart.CodeMissingOption},
		{kickstart.F38, "network --device=x --ipv4-dns-search=x", kickstart.CodeUnknownOption},
		{kickstart.F44, "network --device=a\nnetwork --device=a", kickstart.CodeDuplicate},
		{kickstart.F44, "keyboard us de", kickstart.CodeUnknownOption},
		{kickstart.F44, "keyboard", kickstart.CodeMissingOption},
		{kickstart.F44, "keyboard --xlayouts=us\nkeyboard", ""}, // options stay from line to line
		{kickstart.F44, "services", kickstart.CodeMissingOption},
		{kickstart.F44, "logging --port=1", kickstart.CodeMissingOption},
		{kickstart.F44, "timesource --ntp-disable --ntp-pool=x", kickstart.CodeConflict},
		{kickstart.F44, "timezone", kickstart.CodeMissingOption},
		{kickstart.F44, "timezone a b", kickstart.CodeUnknownOption},
		{kickstart.F39, "timezone --nontp UTC", kickstart.CodeDeprecatedOption},
		{kickstart.F44, "rootpw --lock", ""},
		{kickstart.F44, "rootpw", kickstart.CodeMissingOption},
		{kickstart.F44, "eula", kickstart.CodeMissingOption},
		{kickstart.F44, "eula --agreed", ""},
		{kickstart.F44, "cdrom now", kickstart.CodeUnknownOption},
		{kickstart.F44, "authselect any 'thing' --goes", ""},
		{kickstart.F44, "cmdline --non-interactive", kickstart.CodeConflict},
		{kickstart.F44, "ostreesetup --osname=a --ref=b --url=ftp://h", kickstart.CodeBadValue},
		{kickstart.F44, "rescue --nomount --romount", kickstart.CodeConflict},
		{kickstart.F44, "driverdisk", kickstart.CodeMissingOption},
		{kickstart.F44, "driverdisk sda1 --source=x", kickstart.CodeConflict},
		{kickstart.F44, "zfcp --devnum=a --wwpn=b", kickstart.CodeConflict},
		{kickstart.F44, "realm join --one-time-password x example.org", ""},
		{kickstart.F44, "realm join --bogus example.org", kickstart.CodeUnknownOption},
		{kickstart.F44, "realm leave", kickstart.CodeBadValue},
		{kickstart.F44, "sshpw --username=a", kickstart.CodeMissingOption},
		{kickstart.F44, "user --name=a\nuser --name=a", kickstart.CodeDuplicate},
		{kickstart.F44, "part swap\npart swap", ""},
		{kickstart.F44, "part / --resize --size=1", kickstart.CodeMissingOption},
		{kickstart.F44, "part / --fstype=tmpfs --grow", kickstart.CodeConflict},
		{kickstart.F44, "part / --noformat --mkfsoptions=x", kickstart.CodeConflict},
		{kickstart.F44, "part / --pbkdf-time=1 --pbkdf-iterations=1", kickstart.CodeConflict},
		{kickstart.F44, "part / --hw-passphrase=x --encrypted --luks-version=luks2-hw-opal", ""},
		{kickstart.F44, "part / --hw-passphrase=x --encrypted", kickstart.CodeConflict},
		{kickstart.RHEL9, "part / --fstype=btrfs", kickstart.CodeBadValue},
		{kickstart.F44, "autopart --type=btrfs --fstype=ext4", kickstart.CodeConflict},
		{kickstart.RHEL10, "autopart --type=btrfs", kickstart.CodeBadValue},
		{kickstart.F44, "autopart --noswap --hibernation", kickstart.CodeConflict},
		{kickstart.F44, "autopart --type=fancy", kickstart.CodeBadValue},
		{kickstart.F44, "mount /dev/sda1 home", kickstart.CodeBadValue},
		{kickstart.F44, "mount /dev/sda1 / --mkfsoptions=x", kickstart.CodeMissingOption},
		{kickstart.F44, "mount /dev/sda1 / --mkfsoptions=x --reformat", ""},
		{kickstart.F44, "mount /dev/sda1 /\nautopart", ""},
		{kickstart.F44, "autopart\nmount /dev/sda1 /", kickstart.CodeConflict},
		{kickstart.F44, "raid / --device=0 --level=RAID1 a b", ""},
		{kickstart.F44, "raid / --device=0 --level=2 a b", kickstart.CodeBadValue},
		{kickstart.F44, "raid / --device=0 a b", kickstart.CodeMissingOption},
		{kickstart.F44, "raid / --device=0 --useexisting a", kickstart.CodeConflict},
		{kickstart.F44, "volgroup vg pv.1 --pesize=4", ""},
		{kickstart.F44, "volgroup vg --reserved-percent=100 pv.1", kickstart.CodeBadValue},
		{kickstart.F44, "volgroup vg", kickstart.CodeMissingOption},
		{kickstart.F44, "logvol / --name=a --vgname=b", kickstart.CodeMissingOption},
		{kickstart.F44, "logvol / --name=a --vgname=b --percent=101", kickstart.CodeBadValue},
		{kickstart.F44, "logvol / --name=a --vgname=b --size=1 --thin", kickstart.CodeMissingOption},
		{kickstart.F44, "logvol / --name=a --vgname=b --size=1 --cachesize=1", kickstart.CodeMissingOption},
		{kickstart.F44, "btrfs / --subvol --name=x pool", ""},
		{kickstart.F44, "btrfs / --subvol pool", kickstart.CodeMissingOption},
		{kickstart.RHEL9, "btrfs / pool", kickstart.CodeDeprecatedCommand},
		{kickstart.RHEL10, "btrfs / pool", kickstart.CodeRemovedCommand},
		{kickstart.F44, "snapshot vg --name=a --when=post-install", kickstart.CodeBadValue},
		{kickstart.F44, "snapshot vg/lv --name=a --when=later", kickstart.CodeBadValue},
		{kickstart.F44, "ignoredisk --drives=a --only-use=b", kickstart.CodeConflict},
		{kickstart.F42, "bootc --source-imgref=x", kickstart.CodeUnknownCommand},
		{kickstart.F44, "bootc --source-imgref=x\nostreesetup --osname=a --ref=b --url=http://h", kickstart.CodeConflict},
		{kickstart.F44, "%packages --excludeWeakdeps\n%end", kickstart.CodeDeprecatedOption},
		{kickstart.RHEL10, "%packages --excludeWeakdeps\n%end", kickstart.CodeUnknownOption},
		{kickstart.RHEL9, "%packages --ignorebroken\n%end", kickstart.CodeUnknownOption},
		{kickstart.F44, "%packages --timeout=soon\n%end", kickstart.CodeBadValue},
		{kickstart.F44, "%pre --nochroot\n%end", kickstart.CodeUnknownOption},
		{kickstart.F44, "%certificate --filename=a --dir=/b\n%end", kickstart.CodeBadValue},
		{kickstart.F44, "%certificate --filename=a\nx\n%end", kickstart.CodeMissingOption},
	}
	for _, tt := range tests {
		doc, structure, err := kickstart.Check("test.ks", []byte(tt.src+"\n"), kickstart.Options{})
		if err != nil || len(structure) > 0 {
			t.Fatalf("%q: %v %v", tt.src, structure, err)
		}
		diags := doc.Validate(tt.version)
		found := slices.ContainsFunc(diags, func(d kickstart.Diagnostic) bool { return d.Code == tt.want })
		if tt.want == "" && len(diags) > 0 || tt.want != "" && !found {
			t.Errorf("%s %q: got %v, want %q", tt.version, tt.src, diags, tt.want)
		}
	}
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]kickstart.Version{
		"F44": kickstart.F44, "f44": kickstart.F44, "44": kickstart.F44, "Fedora 44": kickstart.F44,
		"rawhide": kickstart.Devel, "RHEL9": kickstart.RHEL9, "devel": kickstart.Devel,
	} {
		if got, ok := kickstart.ParseVersion(in); !ok || got != want {
			t.Errorf("%q: got %q, %t", in, got, ok)
		}
	}
	for _, in := range []string{"", "F12", "RHEL", "x"} {
		if got, ok := kickstart.ParseVersion(in); ok {
			t.Errorf("%q: got %q", in, got)
		}
	}
	for _, v := range kickstart.Versions() {
		doc := parse(t, "lang en_US.UTF-8\n", kickstart.Options{Version: v})
		if doc.Version() != v {
			t.Errorf("version %q became %q", v, doc.Version())
		}
	}
	if v := parse(t, "# x\n#version=RHEL9\nlang en\n", kickstart.Options{}).Version(); v != kickstart.RHEL9 {
		t.Errorf("the version comment gave %q", v)
	}
}
