package rpm_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// walk reads a whole payload and checks the digest of every file.
func walk(t *testing.T, data []byte) (files int, err error) {
	t.Helper()
	r := bytes.NewReader(data)
	p, err := rpm.Read(r)
	if err != nil {
		return 0, err
	}
	y, err := p.Payload(r, rpm.PayloadOptions{MaxSize: 256 << 20})
	if err != nil {
		return 0, err
	}
	defer y.Close()
	for {
		e, err := y.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, err
		}
		files++
		var h hash.Hash
		switch p.FileDigestAlgo {
		case 1:
			h = md5.New()
		case 8:
			h = sha256.New()
		}
		n, err := io.Copy(h, y)
		if err != nil {
			return files, err
		}
		if n != e.Size {
			t.Errorf("%s: %d bytes of %d", e.File.Path(), n, e.Size)
		}
		if e.File.IsRegular() && e.Size > 0 && hex.EncodeToString(h.Sum(nil)) != e.File.Digest {
			t.Errorf("%s: digest differs", e.File.Path())
		}
	}
}

// TestPayloadOfRealPackages walks every payload whose digests rpm finds good:
// the data of each file must have the digest of the header.
func TestPayloadOfRealPackages(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		name := filepath.Base(s.path)
		// A sparse file of 4.5 GiB takes minutes; a delta RPM is no cpio archive.
		if !s.readable() || s.facts["digests"] != "ok" || name == "big64-1.0-1.noarch.rpm" || name == "drpm-new.rpm" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := readFile(t, s.path)
			n, err := walk(t, data)
			p, _ := rpm.Read(bytes.NewReader(data))
			want := 0
			for f := range p.Files() {
				if !f.IsGhost() {
					want++
				}
			}
			if err != nil || n != want {
				t.Errorf("%d files of %d: %v", n, want, err)
			}
		})
	}
}

// TestPayloadOver4GiB reads the start of a file of 4.5 GiB, which has no place
// in a newc archive.
func TestPayloadOver4GiB(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		if filepath.Base(s.path) != "big64-1.0-1.noarch.rpm" {
			continue
		}
		r := bytes.NewReader(readFile(t, s.path))
		p, err := rpm.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		y, err := p.Payload(r, rpm.PayloadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer y.Close()
		for {
			e, err := y.Next()
			if err != nil {
				t.Fatal(err)
			}
			if e.File.IsDir() {
				continue
			}
			n, err := io.CopyN(io.Discard, y, 1<<20)
			if e.Size <= 4<<30 || uint64(e.Size) != e.File.Size || n != 1<<20 || err != nil || p.InstalledSize != e.File.Size {
				t.Errorf("%d bytes, read %d, %v", e.Size, n, err)
			}
			return
		}
	}
	t.Error("no large package")
}

func TestPayloadOfEveryCompressor(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"gzip", "zstd", "xz", "none"} {
		data := rpmtest.Build(rpmtest.Spec{
			Name: "p", Version: "1", Release: "1", Compressor: c,
			Files: []rpmtest.File{
				{Path: "/usr/share/p", Mode: 0o40755},
				{Path: "/usr/share/p/a", Data: bytes.Repeat([]byte("abc"), 100000)},
				{Path: "/usr/share/p/l", Linkto: "a"},
				{Path: "/var/log/p", Flags: rpm.FileGhost},
			},
		})
		if n, err := walk(t, data); n != 3 || err != nil {
			t.Errorf("%s: %d files, %v", c, n, err)
		}
		var fe *rpm.FormatError
		if _, err := walk(t, rpmtest.Truncate(data, 40)); !errors.As(err, &fe) || fe.Part != rpm.PartPayload {
			t.Errorf("%s: truncated: %v", c, err)
		}
	}
}

// odd has every kind of file there is.
func odd(format int, compressor string) rpmtest.Spec {
	return rpmtest.Spec{
		Name: "odd", Version: "1", Release: "1", Format: format, Compressor: compressor,
		Files: []rpmtest.File{
			{Path: "/", Mode: 0o40555},
			{Path: "/dev/odd", Mode: 0o020600, Rdev: 5<<8 | 1},
			{Path: "/run/odd", Mode: 0o010600},
			{Path: "/usr/bin/odd", Mode: 0o4755, Data: []byte("tool"), User: "odd", Group: "games", Caps: "cap_net_raw=ep"},
			{Path: "/usr/bin/one", Data: []byte("shared data")},
			{Path: "/usr/bin/three", Hardlink: "/usr/bin/one"},
			{Path: "/usr/bin/two", Hardlink: "/usr/bin/one"},
			{Path: "/usr/lib/empty"},
			{Path: "/usr/lib/link", Linkto: "../bin/odd"},
			{Path: "/var/log/odd", Flags: rpm.FileGhost},
		},
	}
}

// TestPayloadTellsWhatUnpackingNeeds: type, owner, device number, capabilities
// and hard links, from every format.
func TestPayloadTellsWhatUnpackingNeeds(t *testing.T) {
	t.Parallel()
	type entry struct {
		Path, Data, Owner, Caps string
		Mode, Rdev              uint16
		Links                   int
	}
	want := []entry{
		{"/", "", "root:root", "", 0o40555, 0, 1},
		{"/dev/odd", "", "root:root", "", 0o20600, 0x501, 1},
		{"/run/odd", "", "root:root", "", 0o10600, 0, 1},
		{"/usr/bin/odd", "tool", "odd:games", "cap_net_raw=ep", 0o104755, 0, 1},
		{"/usr/lib/empty", "", "root:root", "", 0o100644, 0, 1},
		{"/usr/lib/link", "../bin/odd", "root:root", "", 0o120777, 0, 1},
		{"/usr/bin/one", "", "root:root", "", 0o100644, 0, 3},
		{"/usr/bin/three", "", "root:root", "", 0o100644, 0, 3},
		{"/usr/bin/two", "shared data", "root:root", "", 0o100644, 0, 3},
	}
	for _, format := range []int{3, 4, 6} {
		for _, compressor := range []string{"gzip", "xz", "zstd", "lzma", "none"} {
			r := bytes.NewReader(rpmtest.Build(odd(format, compressor)))
			p, err := rpm.Read(r)
			if err != nil {
				t.Fatal(err)
			}
			y, err := p.Payload(r, rpm.PayloadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer y.Close()
			all := slices.Collect(p.Files())
			var got []entry
			for {
				e, err := y.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("format %d, %s: %v", format, compressor, err)
				}
				if *e.File != all[e.Index] {
					t.Errorf("index %d is %+v, the entry is %+v", e.Index, all[e.Index], e.File)
				}
				data, err := io.ReadAll(y)
				if err != nil || int64(len(data)) != e.Size {
					t.Errorf("%s: %d bytes of %d, %v", e.File.Path(), len(data), e.Size, err)
				}
				if e.File.IsDevice() != (e.File.Path() == "/dev/odd") {
					t.Errorf("%s: device %v", e.File.Path(), e.File.IsDevice())
				}
				f := e.File
				caps := f.Caps
				if format == 3 && f.Path() == "/usr/bin/odd" {
					caps = "cap_net_raw=ep" // it has no such column
				}
				got = append(got, entry{f.Path(), string(data), f.User + ":" + f.Group, caps, f.Mode, f.Rdev, e.Links})
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("format %d, %s: %s", format, compressor, d)
			}
		}
	}
}

// TestPayloadMustFitTheHeader changes archives that have no compression.
func TestPayloadMustFitTheHeader(t *testing.T) {
	t.Parallel()
	files := []rpmtest.File{{Path: "/a", Data: []byte("aaaa")}, {Path: "/b", Data: []byte("bbbb")}, {Path: "/d", Mode: 0o40755}}
	build := func(format int, files ...rpmtest.File) *rpmtest.Raw {
		return rpmtest.TakeApart(rpmtest.Build(rpmtest.Spec{Name: "p", Version: "1", Release: "1", Format: format, Compressor: "none", Files: files}))
	}
	newc, stripped := build(4, files...), build(6, files...)
	one := len(build(4, files[0]).Payload) - len(build(4).Payload) // bytes of an entry with data
	change := func(r *rpmtest.Raw, at int, s string) []byte { return changed(r, at, s).Bytes() }
	with := func(r *rpmtest.Raw, payload ...[]byte) []byte {
		c := *r
		c.Payload = bytes.Join(payload, nil)
		return c.Bytes()
	}
	a, b, rest := newc.Payload[:one], newc.Payload[one:2*one], newc.Payload[2*one:]
	for name, c := range map[string]struct {
		data   []byte
		reason string
	}{
		"twice":                    {with(newc, a, a, b, rest), `"/a" comes twice`},
		"missing":                  {with(newc, a, rest), `"/b" is in the header and not in the payload`},
		"another order":            {with(newc, b, a, rest), ""},
		"another file":             {change(newc, 110, "./z\x00"), `"./z" is in the payload and not in the header`},
		"no prefix":                {change(newc, 110, "a\x00\x00\x00"), ""},
		"larger":                   {change(newc, 54, "00000008"), `8 bytes of "/a", the header has 4`},
		"a directory with data":    {change(newc, 2*one+54, "00000004"), `4 bytes of "/d", the header has 0`},
		"magic":                    {change(newc, 0, "070707"), "no cpio magic"},
		"a sign":                   {change(newc, 94, "-0000004"), "cpio header"},
		"a space":                  {change(newc, 14, "  0081a4"), "cpio header"},
		"no name":                  {change(newc, 94, "00000000"), "a name of 0 bytes"},
		"a name of 4 GiB":          {change(newc, 94, "ffffffff"), "a name of 4294967295 bytes"},
		"a name without end":       {change(newc, 110, "./aa"), "without an end"},
		"no trailer":               {with(newc, a, b), "ends before the trailer"},
		"cut in data":              {with(newc, a[:len(a)-2]), "ends in the data of a file"},
		"cut in a header":          {with(newc, a, b[:50]), "ends before the trailer"},
		"bytes after the trailer":  {with(newc, newc.Payload, []byte("more")), ""},
		"stripped, twice":          {change(stripped, 20, "07070X00000000"), `"/a" comes twice`},
		"stripped, out of range":   {change(stripped, 6, "00000003"), "file 3 of 3"},
		"stripped, negative":       {change(stripped, 6, "-0000001"), "cpio header"},
		"stripped, another order":  {change(changed(stripped, 26, "00000000"), 6, "00000001"), ""},
		"stripped, with an end":    {with(stripped, stripped.Payload[:56], []byte("07070Xffffffff\x00\x00")), ""},
		"stripped, ends too early": {with(stripped, stripped.Payload[:20], []byte("07070Xffffffff\x00\x00")), `"/b" is in the header`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := bytes.NewReader(c.data)
			p, err := rpm.Read(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = walkPayload(p, r)
			if c.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var fe *rpm.FormatError
			if !errors.As(err, &fe) || fe.Part != rpm.PartPayload || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("%v, want %q", err, c.reason)
			}
		})
	}
}

// changed returns a copy with another payload.
func changed(r *rpmtest.Raw, at int, s string) *rpmtest.Raw {
	c := *r
	c.Payload = bytes.Clone(r.Payload)
	copy(c.Payload[at:], s)
	return &c
}

func TestLocal(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/": ".", "/usr/bin/x": "usr/bin/x", "x.spec": "x.spec", "/a/..b": "a/..b",
		"": "", "/..": "", "/usr/../etc/passwd": "", "../x": "", "/a//b": "", "/a/./b": "", "/a/": "", "//": "", "/.": "", ".": "",
	} {
		f := rpm.File{Name: path}
		got, ok := f.Local()
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v, want %q", path, got, ok, want)
		}
	}
}

func TestPayloadLimit(t *testing.T) {
	t.Parallel()
	r := bytes.NewReader(rpmtest.Build(rpmtest.Spec{
		Name: "p", Version: "1", Release: "1", Files: []rpmtest.File{{Path: "/a", Data: make([]byte, 1<<20)}},
	}))
	p, err := rpm.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	y, err := p.Payload(r, rpm.PayloadOptions{MaxSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	if _, err = y.Next(); err == nil {
		_, err = io.Copy(io.Discard, y)
	}
	if err == nil {
		t.Error("1 MiB passes a limit of 1000 bytes")
	}
}
