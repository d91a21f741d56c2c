package smoke

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/proc"
)

func TestFirmwareIsFoundWhereDistributionsPutIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files []string
		want  ovmf
	}{
		"Debian 12": {
			[]string{"usr/share/OVMF/OVMF_CODE.fd", "usr/share/OVMF/OVMF_VARS.fd", "usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/OVMF/OVMF_VARS_4M.fd"},
			ovmf{"usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/OVMF/OVMF_VARS_4M.fd"},
		},
		"Fedora": {
			[]string{"usr/share/edk2/ovmf/OVMF_CODE.fd", "usr/share/edk2/ovmf/OVMF_VARS.fd"},
			ovmf{"usr/share/edk2/ovmf/OVMF_CODE.fd", "usr/share/edk2/ovmf/OVMF_VARS.fd"},
		},
		"code without variables": {[]string{"usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/ovmf/OVMF.fd"}, ovmf{code: "usr/share/ovmf/OVMF.fd"}},
	} {
		root := t.TempDir()
		for _, f := range tc.files {
			path := filepath.Join(root, f)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("fw"), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := findOVMF(root)
		if err != nil {
			t.Fatal(err)
		}
		want := ovmf{code: filepath.Join(root, tc.want.code)}
		if tc.want.vars != "" {
			want.vars = filepath.Join(root, tc.want.vars)
		}
		if got != want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	var missing *proc.NotFoundError
	if _, err := findOVMF(t.TempDir()); !errors.As(err, &missing) {
		t.Errorf("nowhere: got %v", err)
	}
}

// The machine writes to its variables: it must never be the system's file.
func TestFirmwareVariablesAreCopied(t *testing.T) {
	t.Parallel()
	dir, work := t.TempDir(), t.TempDir()
	fw := ovmf{code: filepath.Join(dir, "code"), vars: filepath.Join(dir, "vars")}
	if err := os.WriteFile(fw.vars, []byte("v"), 0o400); err != nil {
		t.Fatal(err)
	}
	args, err := fw.args(work)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"-drive", "if=pflash,format=raw,readonly=on,file=" + fw.code,
		"-drive", "if=pflash,format=raw,file=" + filepath.Join(work, "vars.fd"),
	}
	if diff := cmp.Diff(want, args); diff != "" {
		t.Fatal(diff)
	}
	if err := os.WriteFile(filepath.Join(work, "vars.fd"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(fw.vars); string(data) != "v" {
		t.Fatal("the system's variables were changed")
	}
}
