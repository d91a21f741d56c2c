package dvd_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/internal/proc"
)

// TestMain is also xorriso and mtools, by the name that it is called by: enough
// of them to put files onto an image without the tools. The interop suite uses
// the real ones.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case "xorriso":
		if err := xorriso(os.Args[1:]); err != nil {
			_, _ = os.Stderr.WriteString("xorriso : FAILURE : " + err.Error() + "\n")
			os.Exit(5)
		}
		os.Exit(0)
	case "mdir":
		os.Exit(0)
	case "mcopy":
		os.Exit(1)
	}
	code := m.Run()
	if loraxBuilt.dir != "" {
		_ = os.RemoveAll(loraxBuilt.dir)
	}
	os.Exit(code)
}

func xorriso(args []string) error {
	if len(args) == 1 {
		_, err := os.Stdout.WriteString("xorriso 1.5.4 : RockRidge filesystem manipulator\n")
		return err
	}
	switch os.Getenv("STANDIN") {
	case "fail":
		return fs.ErrPermission
	case "hang":
		if err := os.WriteFile(os.Getenv("STANDIN_PID"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
			return err
		}
		time.Sleep(time.Hour)
	}
	var in, out, volid string
	files := map[string]string{}
	for i := 0; i+1 < len(args); i++ {
		switch args[i] {
		case "-indev":
			in = strings.TrimPrefix(args[i+1], "stdio:")
		case "-outdev":
			out = strings.TrimPrefix(args[i+1], "stdio:")
		case "-volid":
			volid = args[i+1]
		case "-map", "-update":
			if i+2 >= len(args) {
				return fs.ErrInvalid
			}
			if err := addFiles(files, args[i+1], args[i+2]); err != nil {
				return err
			}
		}
	}
	base, err := iso.Open(in)
	if err != nil {
		return err
	}
	defer func() { _ = base.Close() }()
	if volid == "" {
		volid = base.VolumeID()
	}
	err = base.Walk(func(name string, e iso.Entry) error {
		name = strings.TrimPrefix(name, "/")
		if _, there := files[name]; there || !e.Mode.IsRegular() {
			return nil
		}
		data, err := base.ReadFile(name, 1<<20)
		files[name] = string(data)
		return err
	})
	if err != nil {
		return err
	}
	return os.WriteFile(out, isotest.Build(isotest.Options{VolumeID: volid, BIOS: true, UEFI: true, Pad: 64, Files: files}), 0o600)
}

func addFiles(files map[string]string, local, at string) error {
	return filepath.WalkDir(local, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(local, name)
		files[strings.TrimPrefix(path.Join(at, filepath.ToSlash(rel)), "/")] = string(data)
		return err
	})
}

// tools is where the stand-ins are found.
func tools(t *testing.T, env ...string) *proc.Runner {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"xorriso", "mdir", "mcopy"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return &proc.Runner{Env: append([]string{"PATH=" + dir}, env...), Grace: time.Second}
}
