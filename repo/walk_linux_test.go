package repo_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fedora-respin/respin/repo"
)

// TestADirectoryThatCannotBeReadIsNamed runs itself again as another user where
// root runs it, because root reads every directory.
func TestADirectoryThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	const given = "RESPIN_TEST_CLOSED_DIRECTORY"
	if dir := os.Getenv(given); dir != "" {
		wantClosedNamed(t, dir)
		return
	}
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "a.rpm"), simple("a"))
	if err := os.Mkdir(filepath.Join(dir, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		wantClosedNamed(t, dir)
		return
	}
	const nobody = 65534
	for _, path := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	again := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestADirectoryThatCannotBeReadIsNamed$", "-test.v")
	again.Env, again.Dir = []string{given + "=" + dir}, dir
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := again.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestADirectoryThatCannotBeReadIsNamed")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// wantClosedNamed indexes a directory with one package and a closed folder.
func wantClosedNamed(t *testing.T, dir string) {
	t.Helper()
	rep, err := repo.Create(t.Context(), dir, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Packages != 1 || len(rep.Warnings) != 1 || !strings.Contains(rep.Warnings[0], "closed") {
		t.Errorf("%+v", rep)
	}
}
