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
	want := kickstart.URL{MirrorList: "http://h/?$releasever", Proxy: "http://p", NoVerifySSL: true}
	if got, ok := doc.URL(); !ok || got != want {
		t.Errorf("url: %+v", got)
	}
	if got, ok := doc.Bootloader(); !ok || got != (kickstart.Bootloader{Location: "none", Append: "a b", Timeout: 3}) {
		t.Errorf("bootloader: %+v", got)
	}
}
