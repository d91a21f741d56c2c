package diagnose_test

import (
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/fedora-respin/respin/compose/diagnose"
)

func FuzzRead(f *testing.F) {
	f.Add([]byte("tar: /x: Cannot write: No space left on device\n"), 1, 0)
	f.Add([]byte("Error: \n Problem 1: conflicting requests\n  - nothing provides a needed by b-1-1.noarch\n"), 30, 0)
	f.Add([]byte("\x1b[31m10%\r20%\x1b]0;t\x07\x00\xff[{]}$1 https://a:b@c/\n"), 0, 9)
	f.Add([]byte("template command error in x:\n\n  runcmd\n  RuntimeError: Required installpkg failed.\n"), 137, 0)
	c := diagnose.New(diagnose.Options{MaxBytes: 1 << 20})
	f.Fuzz(func(t *testing.T, log []byte, exit, signal int) {
		v, err := c.Read(t.Context(), []diagnose.Log{{Name: "x", Reader: strings.NewReader(string(log))}}, diagnose.Facts{Exit: exit, Signal: syscall.Signal(signal)})
		if err != nil {
			t.Fatal(err)
		}
		if v.Code == "" || v.Sentence == "" || v.Remedy == "" || len(v.Evidence) > 3 {
			t.Fatalf("%+v", v)
		}
		for _, e := range v.Evidence {
			if e.Line < 1 || int64(e.Line) > v.Lines || len(e.Text) > 600 || !utf8.ValidString(e.Text) || strings.ContainsAny(e.Text, "\x1b\r\n\x00") {
				t.Fatalf("%+v", e)
			}
		}
	})
}
