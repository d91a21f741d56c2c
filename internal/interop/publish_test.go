//go:build interop

package interop_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/publish/ftp"
	"github.com/fedora-respin/respin/publish/publishtest"
)

// proftpdHash is crypt(3), SHA-512, of "correct horse".
const proftpdHash = "$6$respin$iTzNaW5uiInITa2wY08A7yGqC9.qcjYzK8cKU0eeEy9DP/gGecXwvnirulZxiv3YrIQ8ruvMtF8vKs2fWwS0p1"

// startProFTPD runs a real ProFTPD on loopback with a directory of its own.
func startProFTPD(t *testing.T) (addr, root string) {
	t.Helper()
	bin, err := exec.LookPath("proftpd")
	if err != nil {
		shareddata.Missing(t, "proftpd (Debian: proftpd-core)")
	}
	// AuthUserFile and ScoreboardFile must not lie in a directory that
	// everybody can write to.
	etc, root := t.TempDir(), t.TempDir()
	uid, gid := os.Getuid(), os.Getgid()
	account := ""
	if uid == 0 { // ProFTPD serves nobody as root
		uid, gid = 65534, 65534
		account = "User nobody\nGroup nogroup\n"
		// The directory above is for its owner alone.
		if err := errors.Join(os.Chown(root, uid, gid), os.Chmod(filepath.Dir(root), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	port := freePort(t)
	conf := fmt.Sprintf(`ServerName respin
ServerType standalone
DefaultAddress 127.0.0.1
Port %d
UseIPv6 off
UseReverseDNS off
%sAuthOrder mod_auth_file.c
AuthUserFile %[3]s/passwd
RequireValidShell off
AllowStoreRestart on
AllowRetrieveRestart on
AllowOverwrite on
ScoreboardFile %[3]s/scoreboard
PidFile %[3]s/pid
SystemLog %[3]s/log
WtmpLog off
MaxInstances 30
<IfModule mod_delay.c>
DelayEngine off
</IfModule>
`, port, account, etc)
	passwd := fmt.Sprintf("qa:%s:%d:%d::%s:/bin/false\n", proftpdHash, uid, gid, root)
	for name, text := range map[string]string{"proftpd.conf": conf, "passwd": passwd} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), bin, "-n", "-q", "-c", filepath.Join(etc, "proftpd.conf"))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(etc, "log"))
			t.Logf("proftpd: %s\n%s", out.String(), log)
		}
	})
	addr = net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			return addr, root
		}
		if time.Now().After(deadline) {
			t.Fatalf("proftpd does not listen: %v", err)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestPublishToProFTPD(t *testing.T) {
	t.Parallel()
	addr, root := startProFTPD(t)
	var places atomic.Int32
	publishtest.Run(t, func(t *testing.T) publishtest.Place {
		t.Helper()
		dir := fmt.Sprintf("place%d", places.Add(1))
		// Made by the server's own user, as the first upload would.
		full := filepath.Join(root, dir)
		if err := os.Mkdir(full, 0o755); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(full, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}
		return publishtest.Place{
			Root: full, Bytewise: true,
			Open: func(t *testing.T) publish.Publisher {
				t.Helper()
				p, err := ftp.New(ftp.Config{Addr: addr, User: "qa", Password: "correct horse", Dir: dir, ReadBack: true})
				if err != nil {
					t.Fatal(err)
				}
				return p
			},
		}
	})
}

func TestSha256sumReadsChecksum(t *testing.T) {
	t.Parallel()
	bin, err := exec.LookPath("sha256sum")
	if err != nil {
		shareddata.Missing(t, "sha256sum (coreutils)")
	}
	dir := t.TempDir()
	for _, name := range []string{"boot.iso", "repo/repodata/repomd.xml", "repo/g++-1^2~rc1 x%y#z (1).rpm", ".treeinfo"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := publish.Scan(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	check := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), bin, "--check", "--strict", publish.ChecksumName)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := check(); err != nil || strings.Count(out, ": OK\n") != 4 {
		t.Errorf("error %v:\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "boot.iso"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := check(); err == nil || !strings.Contains(out, "boot.iso: FAILED") {
		t.Errorf("a changed file passed:\n%s", out)
	}
}
