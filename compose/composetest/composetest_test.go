package composetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/iso"
)

func TestOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		opts Options
		want func(error) bool
	}{
		"no folder": {Options{}, func(err error) bool { return err != nil }},
		"arch":      {Options{Dir: t.TempDir(), Arch: "s390x"}, func(err error) bool { _, ok := errors.AsType[*UnsupportedArchError](err); return ok }},
		"volid":     {Options{Dir: t.TempDir(), VolID: "a b"}, func(err error) bool { _, ok := errors.AsType[*iso.VolumeIDError](err); return ok }},
	} {
		if _, err := BaseISO(t.Context(), tc.opts); !tc.want(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// readCpio reads the "new ASCII" format by its definition (cpio(5)).
func readCpio(t *testing.T, b []byte) map[string]string {
	t.Helper()
	files := map[string]string{}
	field := func(i int) int {
		n, err := strconv.ParseUint(string(b[6+8*i:14+8*i]), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	for string(b[:6]) == "070701" {
		mode, size, nameSize := field(1), field(6), field(11)
		name := string(b[110 : 110+nameSize-1])
		data := (110 + nameSize + 3) &^ 3
		files[name] = fmt.Sprintf("%o %d,%d %s", mode, field(9), field(10), b[data:data+size])
		if name == "TRAILER!!!" {
			return files
		}
		b = b[(data+size+3)&^3:]
	}
	t.Fatalf("no header but %q", b[:min(6, len(b))])
	return nil
}

func TestCpioIsReadableAndSortedFoldersFirst(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	in := map[string]cpioFile{
		"init":        {mode: 0o100755, data: []byte("#!")},
		"dev":         {mode: 0o040755},
		"dev/console": {mode: 0o020600, major: 5, minor: 1},
		"bin":         {mode: 0o040755},
		"bin/busybox": {mode: 0o100755, data: []byte("12345")},
	}
	if err := writeCpio(&out, in); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"init": "100755 0,0 #!", "dev": "40755 0,0 ", "dev/console": "20600 5,1 ",
		"bin": "40755 0,0 ", "bin/busybox": "100755 0,0 12345", "TRAILER!!!": "0 0,0 ",
	}
	if diff := cmp.Diff(want, readCpio(t, out.Bytes())); diff != "" {
		t.Fatal(diff)
	}
	for _, pair := range [][2]string{{"bin\x00", "bin/busybox\x00"}, {"dev\x00", "dev/console\x00"}} {
		if bytes.Index(out.Bytes(), []byte(pair[0])) > bytes.Index(out.Bytes(), []byte(pair[1])) {
			t.Errorf("%q comes after %q", pair[0], pair[1])
		}
	}
}

func TestKernelVersionsAreOrdered(t *testing.T) {
	t.Parallel()
	sorted := []string{"5.10.0-9-amd64", "6.1.0-9-amd64", "6.1.0-56-cloud-amd64", "6.1.10-1", "6.18.3-200.fc44.x86_64"}
	for i := range len(sorted) - 1 {
		if compareVersions(sorted[i], sorted[i+1]) >= 0 || compareVersions(sorted[i+1], sorted[i]) <= 0 {
			t.Errorf("%s is not before %s", sorted[i], sorted[i+1])
		}
	}
}

func TestIncompleteKernelIsNotTaken(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "lib/modules/6.1.0")
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "kernel"), 0o755),
		os.WriteFile(filepath.Join(dir, "vmlinuz"), []byte("k"), 0o600),
		os.WriteFile(filepath.Join(dir, "modules.builtin"), []byte("kernel/fs/isofs/isofs.ko\nkernel/drivers/scsi/sr_mod.ko\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if k := newestKernel(root); k != nil {
		t.Fatalf("a kernel without sd_mod was taken: %+v", k)
	}
	k := &KernelFiles{Version: "6.1.0", ModuleDir: dir}
	var missing *MissingModuleError
	if _, err := k.Modules(wantedModules, nil); !errors.As(err, &missing) || missing.Module != "sd_mod" {
		t.Fatalf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "modules.builtin"),
		[]byte("kernel/fs/isofs/isofs.ko\nkernel/drivers/scsi/sr_mod.ko\nkernel/drivers/scsi/sd-mod.ko\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if k := newestKernel(root); k == nil || k.Version != "6.1.0" || k.Image != filepath.Join(dir, "vmlinuz") {
		t.Fatalf("got %+v", k)
	}
}

func TestTreeSaysThatItIsAStandIn(t *testing.T) {
	t.Parallel()
	b := &builder{Options: Options{Arch: "x86_64", Release: "45", VolID: "V"}}
	disc, tree, _ := strings.Cut(b.fill(diskInfo), "---\n")
	if d := iso.ParseDiscInfo([]byte(disc)); d.Arch != "x86_64" || !strings.Contains(d.Description, "stand-in") {
		t.Errorf("got %+v", d)
	}
	if ti := iso.ParseTreeInfo([]byte(tree)); ti.Arch != "x86_64" || ti.Version != "45" || ti.Family != "Fedora" {
		t.Errorf("got %+v", ti)
	}
	if cfg := b.fill(grubConfig); !strings.Contains(cfg, "inst.stage2=hd:LABEL=V quiet") || strings.Contains(cfg, "@") || !strings.Contains(cfg, "stand-in") {
		t.Errorf("got %s", cfg)
	}
}

func ExampleBaseISO() {
	_, err := BaseISO(context.Background(), Options{Dir: "cache", Arch: "aarch64"})
	fmt.Println(err)
	// Output:
	// no stand-in base image for architecture "aarch64", only for x86_64
}
