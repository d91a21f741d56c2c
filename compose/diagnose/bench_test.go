package diagnose_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose/diagnose"
)

// ordinary is a piece of a log as tools write most of it.
const ordinary = `2025-06-01 09:14:20,001 INFO pylorax: Installing texlive-base.x86_64 (1201/1741)
DEBUG util.py:459:    Installing       : python3-libs-3.13.3-2.fc42.x86_64                     61/156
[ DEBUG   ]: 14:03:02 | EXEC: [mksquashfs /tmp/tmp3k2j /tmp/tmpabcd -comp xz -b 1M]
[ DEBUG   ]: 14:03:03 | system: [203/431] Installing libgpg-error-0:1.51  100% |  14.0 MiB/s |   1.8 MiB |  00m00s
xorriso : UPDATE : Writing:     131072s   12.1%   fifo 100%  buf  50%
09:14:19,801 INF packaging: Configuring (post-installation trigger) error-tools.noarch
2025-06-01T09:14:19Z DDEBUG Cleaning up.
Running... losetup --find --show /var/tmp/x.img
`

// repeated gives text over and over, n bytes in all.
func repeated(text string, n int64) io.Reader {
	block := []byte(strings.Repeat(text, 1<<20/len(text)))
	var parts []io.Reader
	for left := n; left > 0; left -= int64(len(block)) {
		parts = append(parts, bytes.NewReader(block[:min(left, int64(len(block)))]))
	}
	return io.MultiReader(parts...)
}

// BenchmarkRead reads a log of 200 MB; B/op shows that its size costs no memory.
func BenchmarkRead(b *testing.B) {
	const size = 200 << 20
	c := diagnose.New(diagnose.Options{})
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		in := io.MultiReader(repeated(ordinary, size), strings.NewReader("\ntar: /x: Cannot write: No space left on device\n"))
		v, err := c.Read(b.Context(), []diagnose.Log{{Name: "x", Reader: in}}, diagnose.Facts{})
		if err != nil || v.Code != diagnose.DiskFull {
			b.Fatalf("%+v, %v", v, err)
		}
	}
}

// BenchmarkReadErrors is the worst of logs: every line looks like an error.
func BenchmarkReadErrors(b *testing.B) {
	const size, line = 50 << 20, "sh: /dev/null: Permission denied: error: cannot find no package, failed to download\n"
	c := diagnose.New(diagnose.Options{})
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Read(b.Context(), []diagnose.Log{{Name: "x", Reader: repeated(line, size)}}, diagnose.Facts{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadHostile is a log made to cost time: all lines differ, are long and
// hold the keys of many rules. The work on it is bounded.
func BenchmarkReadHostile(b *testing.B) {
	const size = 50 << 20
	var keys strings.Builder
	for range 100 {
		keys.WriteString("on the kickstart gpg-key certificate scriptlet losetup nothing provides /x: no space left on devic unpacking of archive failed ")
	}
	var text strings.Builder
	for i := 0; text.Len() < size; i++ {
		fmt.Fprintf(&text, "x%d %s\n", i, keys.String())
	}
	c := diagnose.New(diagnose.Options{})
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		v, err := c.Read(b.Context(), []diagnose.Log{{Name: "x", Reader: strings.NewReader(text.String())}}, diagnose.Facts{})
		if err != nil || len(v.Partial) != 1 {
			b.Fatalf("%+v, %v", v, err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		diagnose.New(diagnose.Options{})
	}
}
