package smoke

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/internal/proc"
)

func TestRegistersTellAKernel(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"RIP=ffffffff81e0f3a2 RFL=00000246":                        true,
		"RIP=ffffffffc0123456 RFL=00000246":                        true,  // a module
		"RIP=000000007e5a1d3b RFL=00000246":                        false, // firmware
		"EIP=00008e4f EFL=00000046":                                false, // GRUB
		"RIP=00007f1c2a3b4c5d RFL=00000246":                        false, // a program
		"RIP=fffffffffff00000":                                     false, // near the reset vector
		"CPU#0\nRIP=000000007e5a1d3b\nCPU#1\nRIP=ffffffff81e0f3a2": true,
		"": false,
	} {
		if inKernel(text) != want {
			t.Errorf("%q", text)
		}
	}
}

// fakeQEMU is a script in place of qemu that does one thing with firmware and
// another when it is given a kernel, with a machine behind its socket, which may
// run a kernel once the return key was pressed.
func fakeQEMU(t *testing.T, firmware, direct string, kernel bool) *proc.Runner {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nfor a; do echo \"arg:$a\"; [ \"$a\" = -kernel ] && d=1; done\nif [ -n \"$d\" ]; then\n" + direct + "\nelse\n" +
		"pwd >" + dir + "/cwd.tmp; mv " + dir + "/cwd.tmp " + dir + "/cwd\n" + firmware + "\nfi\nexec sleep 60\n"
	if err := os.WriteFile(filepath.Join(dir, Tool), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	t.Cleanup(func() { cancel(); <-served })
	go func() {
		defer close(served)
		for ctx.Err() == nil {
			if cwd, err := os.ReadFile(filepath.Join(dir, "cwd")); err == nil {
				serveMachine(ctx, filepath.Join(strings.TrimSpace(string(cwd)), socketName), kernel)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return &proc.Runner{Env: []string{"PATH=" + dir + ":/usr/bin:/bin"}, Grace: time.Second}
}

func serveMachine(ctx context.Context, path string, kernel bool) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return // the machine has ended
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	pressed := false
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(conn, `{"QMP": {}}`)
		for in := json.NewDecoder(conn); ; {
			var c struct {
				Execute   string
				Arguments map[string]any
			}
			if in.Decode(&c) != nil {
				break
			}
			answer := any(map[string]any{})
			switch c.Execute {
			case "send-key":
				pressed = kernel
			case "human-monitor-command":
				answer = map[bool]string{true: "RIP=ffffffff81e0f3a2", false: "RIP=000000007e5a1d3b"}[pressed]
			case "screendump":
				_ = os.WriteFile(fmt.Sprint(c.Arguments["filename"]), []byte("P6\n1 1\n255\nabc"), 0o600)
			}
			data, _ := json.Marshal(map[string]any{"return": answer})
			fmt.Fprintln(conn, string(data))
		}
		_ = conn.Close()
	}
}

func TestAnImageWithoutSerialConsoleIsProvedInTwoSteps(t *testing.T) {
	t.Parallel()
	heard := strings.ReplaceAll(grubMenu, " quiet", " quiet console=ttyS0")
	for name, tc := range map[string]struct {
		menu, firmware, direct string
		steps                  string
		reason                 string
	}{
		"both good":            {grubMenu, ":", "echo login:", "bios true, kernel true", ""},
		"the system fails":     {grubMenu, ":", "echo Kernel panic", "bios true, kernel false", "Kernel panic"},
		"no kernel":            {grubMenu, ":", "echo login:", "bios false", "in 3s"},
		"nothing boots":        {grubMenu, "echo No bootable device.", "echo login:", "bios false", "No bootable device."},
		"a menu that is heard": {heard, "echo login:", "exit 1", "bios true", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			work, err := os.MkdirTemp("", "w") //nolint:usetesting // the path of a socket must be short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(work) })
			out := t.TempDir()
			o := Options{
				ISO: medium(t, map[string]string{
					"boot/grub2/grub.cfg": tc.menu, "images/pxeboot/vmlinuz": "k", "images/pxeboot/initrd.img": "i", "images/more.img": "m",
				}),
				Accel: TCG, Timeout: time.Minute, WorkDir: work, Screenshot: filepath.Join(out, "s.png"),
				Until: regexp.MustCompile("^login:"), Fail: BadLines(), Runner: fakeQEMU(t, tc.firmware, tc.direct, name != "no kernel"),
			}
			if name == "no kernel" {
				o.Timeout = 3 * time.Second
			}
			rep, err := Prove(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			var steps []string
			for _, s := range rep.Steps {
				steps = append(steps, fmt.Sprintf("%s %t", s.How, s.OK))
			}
			if got := strings.Join(steps, ", "); got != tc.steps || rep.OK != (tc.reason == "") || !strings.Contains(rep.Reason, tc.reason) {
				t.Errorf("%s, %t: %s", got, rep.OK, rep.Reason)
			}
			if n := strings.Count(string(rep.Serial), "arg:-accel\n"); n != len(steps) {
				t.Errorf("the console of %d machines of %d", n, len(steps))
			}
			if shot := rep.Steps[0].Screenshot; len(steps) == 2 && shot != filepath.Join(out, "s-bios.png") {
				t.Errorf("screenshot %q, %s", shot, rep.ScreenshotError)
			}
			if left, _ := os.ReadDir(work); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}
