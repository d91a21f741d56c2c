package remaster

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEditConfigByDialect(t *testing.T) {
	t.Parallel()
	e := edits{
		oldVol: "F44-old", newVol: "F44-new", remove: []string{"quiet", "inst.ks"},
		add: []string{"console=ttyS0", "inst.text", "inst.repo=http://h/a?b=1&c=$d", "inst.ks=hd:LABEL=F44-new:/respin.ks"},
	}
	for _, tc := range []struct{ name, in, want string }{
		{
			"EFI/BOOT/grub.cfg",
			"search -l 'F44-old'\nmenuentry 'x' {\n\tlinuxefi /vmlinuz inst.stage2=hd:LABEL=F44-old  console=tty1 quiet inst.ks=http://old\n\tinitrdefi /initrd.img\n}\n",
			"search -l 'F44-new'\nmenuentry 'x' {\n\tlinuxefi /vmlinuz inst.stage2=hd:LABEL=F44-new console=tty1 console=ttyS0 inst.text inst.repo=\"http://h/a?b=1&c=\\$d\" inst.ks=hd:LABEL=F44-new:/respin.ks\n\tinitrdefi /initrd.img\n}\n",
		},
		{
			"isolinux/isolinux.cfg",
			"label linux\r\n  kernel vmlinuz\r\n  APPEND initrd=initrd.img quiet\r\nlabel local\n  localboot 0xffff\n",
			"label linux\r\n  kernel vmlinuz\r\n  APPEND initrd=initrd.img console=ttyS0 inst.text inst.repo=http://h/a?b=1&c=$d inst.ks=hd:LABEL=F44-new:/respin.ks\r\nlabel local\n  localboot 0xffff\n",
		},
		{
			"images/generic.prm",
			"ro ramdisk_size=40000\nquiet cio_ignore=all,!condev\n",
			"ro ramdisk_size=40000 cio_ignore=all,!condev console=ttyS0 inst.text\ninst.repo=http://h/a?b=1&c=$d inst.ks=hd:LABEL=F44-new:/respin.ks\n",
		},
		{
			"boot/grub/grub.cfg", // a continued line, and words that only look like the command
			"linuxfoo quiet\n# linux quiet\nlinux /k \\\n  quiet F44-old-2 xF44-old F44-old\n",
			"linuxfoo quiet\n# linux quiet\nlinux /k F44-old-2 xF44-old F44-new console=ttyS0 inst.text inst.repo=\"http://h/a?b=1&c=\\$d\" inst.ks=hd:LABEL=F44-new:/respin.ks\n",
		},
	} {
		got := editConfig(tc.name, []byte(tc.in), e)
		if diff := cmp.Diff(tc.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		if again := editConfig(tc.name, got, e); string(again) != string(got) {
			t.Errorf("%s: a second edit changes it to\n%s", tc.name, again)
		}
	}
}

// Text is replaced anywhere in a configuration, before arguments are removed and
// added: what is added is never replaced, and a replaced argument can be removed.
func TestReplaceIsFirstAndEverywhere(t *testing.T) {
	t.Parallel()
	e := edits{
		oldVol: "V", newVol: "W", remove: []string{"quiet"}, add: []string{"timeout=60"},
		replace: []Replacement{{"timeout=60", "timeout=5"}, {"timeout=5", "timeout=3"}, {"loud", "quiet"}, {" nothing", ""}},
	}
	for _, tc := range []struct{ name, in, want string }{
		{
			"boot/grub2/grub.cfg",
			"set timeout=60 nothing\nsearch -l 'V'\nlinux /k loud x=V\n",
			"set timeout=3\nsearch -l 'W'\nlinux /k x=W timeout=60\n",
		},
		{"images/cdboot.prm", "ro timeout=60\nloud\n", "ro timeout=3 timeout=60\n"},
		{"isolinux/isolinux.cfg", "timeout=60\n  append loud\n", "timeout=3\n  append timeout=60\n"},
	} {
		if diff := cmp.Diff(tc.want, string(editConfig(tc.name, []byte(tc.in), e))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestVolumeWithBlanksIsRenamedInBothSpellings(t *testing.T) {
	t.Parallel()
	e := edits{oldVol: "Fedora 44", newVol: "NEW"}
	got := editConfig("grub.cfg", []byte("search -l 'Fedora 44'\nlinux /k inst.stage2=hd:LABEL=Fedora\\x2044 a=Fedora\\x2044\\x20b\n"), e)
	if want := "search -l 'NEW'\nlinux /k inst.stage2=hd:LABEL=NEW a=Fedora\\x2044\\x20b\n"; string(got) != want {
		t.Fatalf("got %s", got)
	}
	if got := udevEscape("Si!ly <volid>/é"); got != `Si\x21ly\x20\x3cvolid\x3e\x2fé` {
		t.Fatalf("escaped: %s", got)
	}
}

func TestQuotedArgumentsStayWhole(t *testing.T) {
	t.Parallel()
	e := edits{remove: []string{"b"}, add: []string{"d=e f"}}
	got := editConfig("grub.cfg", []byte("linux /k a=\"1 b 2\" b='x y' 'b=3' c\n"), e)
	if want := "linux /k a=\"1 b 2\" c d=\"e f\"\n"; string(got) != want {
		t.Fatalf("got %s", got)
	}
}

func TestPatchCommandLineOfS390Kernel(t *testing.T) {
	t.Parallel()
	image := func(limit uint64, cmdline string) string {
		b := make([]byte, 0x20000)
		binary.BigEndian.PutUint64(b[cmdlineSizeAt:], limit)
		copy(b[cmdlineAt:], cmdline)
		name := filepath.Join(t.TempDir(), "cdboot.img")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, tc := range []struct {
		name, have, was, is, fault string
		limit                      uint64
	}{
		{name: "replaced", have: "ro a=1\nquiet\n", was: "ro a=1\nquiet\n", is: "ro a=1\ninst.text\n"},
		{name: "longer limit", limit: 4096, have: "ro", was: "ro", is: strings.Repeat("x", 4000)},
		{name: "too long", have: "ro", was: "ro", is: strings.Repeat("x", 896), fault: "takes 895 bytes"},
		{name: "absurd limit", limit: 1 << 40, have: "ro", was: "ro", is: strings.Repeat("x", 896), fault: "takes 895 bytes"},
		{name: "another", have: "ro", was: "rw", is: "x", fault: "are not those"},
	} {
		name := image(tc.limit, tc.have)
		err := patchCmdline(name, []byte(tc.was), []byte(tc.is))
		if (err != nil) != (tc.fault != "") || err != nil && !strings.Contains(err.Error(), tc.fault) {
			t.Errorf("%s: got %v", tc.name, err)
			continue
		}
		b, _ := os.ReadFile(name)
		got, _, _ := strings.Cut(string(b[cmdlineAt:]), "\x00")
		want := tc.is
		if tc.fault != "" {
			want = tc.have
		}
		if got != want {
			t.Errorf("%s: the image has %q", tc.name, got)
		}
	}
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := patchCmdline(short, nil, nil); err == nil {
		t.Error("a short image was patched")
	}
}

// FuzzEditConfig: an edit never panics and is complete; where no quote is left
// open it may be done again.
func FuzzEditConfig(f *testing.F) {
	f.Add("grub.cfg", "search -l 'A'\n\tlinux /k inst.stage2=hd:LABEL=A quiet\n")
	f.Add("isolinux.cfg", "append a=\"b c\" \\\n quiet\n")
	f.Add("cdboot.prm", "ro A\nquiet\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		e := edits{oldVol: "A", newVol: "B", remove: []string{"quiet"}, add: []string{"inst.text", "inst.ks=hd:LABEL=B:/x.ks"}}
		got := editConfig(name, []byte(text), e)
		if strings.ContainsAny(text, "\"'\\") {
			return
		}
		if hasKernelLine(name, []byte(text)) && !strings.Contains(string(got), "inst.ks=hd:LABEL=B:/x.ks") {
			t.Errorf("the argument is missing from %q", got)
		}
		if again := editConfig(name, got, e); string(again) != string(got) {
			t.Errorf("edited once %q, twice %q", got, again)
		}
	})
}
