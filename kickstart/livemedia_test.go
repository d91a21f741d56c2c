package kickstart_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

func TestLivemediaCreatorsRules(t *testing.T) {
	t.Parallel()
	const good = "url --url=http://h/\nnetwork --activate\nshutdown\npart / --size=4096\n%packages\ndracut-live\n%end\n"
	tests := []struct {
		name, src string
		how       kickstart.Livemedia
		want      []kickstart.Code
	}{
		{"good", good, kickstart.Livemedia{}, nil},
		{"good in a virtual machine", good, kickstart.Livemedia{Virt: true}, nil},
		{"no dracut-live", "url --url=http://h/\nnetwork\npart / --size=4096\n%packages\ndracut-*\n%end\n", kickstart.Livemedia{}, []kickstart.Code{kickstart.CodeNoDracutLive}},
		{"excluded again", good + "%packages\n-dracut-live\n%end\n", kickstart.Livemedia{}, []kickstart.Code{kickstart.CodeNoDracutLive}},
		{"a disk needs no dracut-live", "url --url=http://h/\nnetwork\npart / --size=4096\n", kickstart.Livemedia{Make: "disk"}, nil},
		{"cdrom before url", "cdrom\n" + good, kickstart.Livemedia{}, []kickstart.Code{kickstart.CodeInstallSource}},
		{"no source", "repo --name=a\npart / --size=1\n", kickstart.Livemedia{Make: "disk"}, []kickstart.Code{kickstart.CodeInstallSource, kickstart.CodeRepoNeedsURL}},
		{"no source needed", "part / --size=1\nshutdown\n", kickstart.Livemedia{Make: "disk", Virt: true}, nil},
		{"ostree", "ostreesetup --osname=a --url=http://h --ref=r\npart / --size=1\n", kickstart.Livemedia{Make: "disk"}, nil},
		{"no network", "url --url=http://h/\npart / --size=1\n", kickstart.Livemedia{Make: "disk"}, []kickstart.Code{kickstart.CodeNoNetwork}},
		{"a file needs no network", "url --url=file:///h/\npart / --size=1\n", kickstart.Livemedia{Make: "disk"}, nil},
		{"nfs needs one", "nfs --server=a --dir=b\npart / --size=1\n", kickstart.Livemedia{Make: "disk"}, []kickstart.Code{kickstart.CodeNoNetwork}},
		{"text", good + "text\n", kickstart.Livemedia{}, []kickstart.Code{kickstart.CodeDisplayMode}},
		{"autopart", "url --url=file:/h\nautopart\n", kickstart.Livemedia{Make: "disk"}, []kickstart.Code{kickstart.CodeRootPartition}},
		{"only boot", "url --url=file:/h\npart /boot --size=1\n%packages\ndracut-live\n%end\n", kickstart.Livemedia{}, []kickstart.Code{kickstart.CodeRootPartition}},
		{"more than the root", "url --url=file:/h\npart / --size=1\npart swap --size=1\npart /boot --size=1\n", kickstart.Livemedia{Make: "fsimage"}, []kickstart.Code{kickstart.CodeRootPartition}},
		{"swap beside the root", "url --url=file:/h\npart / --size=1\npart swap --size=1\n", kickstart.Livemedia{Make: "pxe-live"}, nil},
		{"reboot", good + "reboot\n", kickstart.Livemedia{Virt: true}, []kickstart.Code{kickstart.CodeNoShutdown}},
		{"updates", good + "repo --name=updates --baseurl=http://u\n", kickstart.Livemedia{}, []kickstart.Code{kickstart.CodeReservedRepo}},
		{"include", "%include /tmp/x\n" + good, kickstart.Livemedia{}, []kickstart.Code{kickstart.CodeOpenInclude}},
	}
	for _, tt := range tests {
		var got []kickstart.Code
		for _, d := range parse(t, tt.src, kickstart.Options{}).CheckLivemedia(tt.how) {
			got = append(got, d.Code)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestLivemediaDiskSize(t *testing.T) {
	t.Parallel()
	const src = "part / --size=100\npart swap --size=20\npart / --size=300\nreqpart --add-boot\n"
	for _, tt := range []struct {
		src  string
		how  kickstart.Livemedia
		want int
		ok   bool
	}{
		{src, kickstart.Livemedia{}, 302, true},
		{src, kickstart.Livemedia{Virt: true}, 1846, true},
		{src, kickstart.Livemedia{Make: "disk"}, 1846, true},
		{"part swap --size=20\n", kickstart.Livemedia{}, 2, false},
		{"part swap --size=20\n", kickstart.Livemedia{Make: "disk"}, 22, true},
		{"autopart\n", kickstart.Livemedia{Make: "disk"}, 2, false},
	} {
		if got, ok := parse(t, tt.src, kickstart.Options{}).LivemediaDiskSize(tt.how); got != tt.want || ok != tt.ok {
			t.Errorf("%q %+v: %d MiB, %v", tt.src, tt.how, got, ok)
		}
	}
}
