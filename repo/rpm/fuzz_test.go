package rpm_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	peer "github.com/cavaliergopher/rpm"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// seeds are small packages of every kind that rpmtest makes.
func seeds() [][]byte {
	source := rpmtest.Source(rpmtest.Spec{Name: "s", Version: "1", Release: "1", Files: []rpmtest.File{{Path: "s.spec"}}})
	set := [][]byte{small(), source}
	for _, format := range []int{3, 4, 6} {
		set = append(set, rpmtest.Build(odd(format, "none")))
	}
	return set
}

func FuzzRead(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := rpm.Read(bytes.NewReader(data))
		if err != nil {
			if _, ok := errors.AsType[*rpm.FormatError](err); !ok {
				t.Fatalf("%v is no *FormatError", err)
			}
			return
		}
		if p.HeaderEnd > int64(len(data)) || p.HeaderStart >= p.HeaderEnd {
			t.Fatalf("header at %d to %d of %d", p.HeaderStart, p.HeaderEnd, len(data))
		}
		walkTables(p)
		if n := len(slicesOf(p)); n != p.FileCount() {
			t.Fatalf("%d files of %d", n, p.FileCount())
		}
		again, err := rpm.Read(p.Headers())
		if err != nil || again.NEVRA() != p.NEVRA() || again.HeaderEnd != p.HeaderEnd {
			t.Fatalf("its own headers read as %+v: %v", again, err)
		}
		// What the guard lets pass does no harm to the other reader either.
		if _, err := peer.Read(p.Headers()); err != nil {
			t.Fatalf("the peer behind the guard: %v", err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := rpm.Read(bytes.NewReader(data))
		v, verifyErr := rpm.Verify(bytes.NewReader(data), rpm.VerifyOptions{})
		if (err == nil) != (verifyErr == nil) {
			t.Fatalf("Read says %v, Verify %v", err, verifyErr)
		}
		if err != nil {
			return
		}
		if v.Size != int64(len(data)) || (len(v.Signatures) == 0) != (v.SignatureStatus() == rpm.StatusUnsigned) {
			t.Fatalf("%d bytes of %d, %s", v.Size, len(data), v.SignatureStatus())
		}
		if n, err := walkPayload(p, bytes.NewReader(data[p.HeaderEnd:])); err == nil && n > p.FileCount() {
			t.Fatalf("%d files in the payload, %d in the header", n, p.FileCount())
		}
		if err := rpm.Splice(io.Discard, bytes.NewReader(data), bytes.NewReader(data[96:])); err != nil {
			t.Fatalf("its own signature header: %v", err)
		}
	})
}

func FuzzParseNEVRA(f *testing.F) {
	for _, s := range []string{"bash-5.2.37-1.fc44.x86_64", "a-1:1~rc^git-1.noarch.rpm", "a-0:1-1.src", "2:a-1-1.src", "--.", "a-1-1."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := rpm.ParseNEVRA(s)
		if err != nil {
			return
		}
		again, err := rpm.ParseNEVRA(n.String())
		if err != nil {
			t.Fatalf("%q prints as %q: %v", s, n, err)
		}
		again.EVR.HasEpoch = n.EVR.HasEpoch
		if again != n {
			t.Fatalf("%q reads as %+v, then as %+v", s, n, again)
		}
		if n.EVR.Compare(again.EVR) != 0 {
			t.Fatalf("%q is not equal to itself", s)
		}
		nvr, err := rpm.ParseNVR(n.NVR().String())
		if err != nil || nvr != n.NVR() {
			t.Fatalf("%q as an NVR: %+v, %v", s, nvr, err)
		}
		if strings.ContainsAny(n.FileName(), "/\x00 ") {
			t.Fatalf("%q makes the file name %q", s, n.FileName())
		}
	})
}

func FuzzParseEVR(f *testing.F) {
	for _, s := range []string{"1", "1:2-3", "0:1~rc1^git-1.fc44", "1-", ":1", "4294967296:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := rpm.ParseEVR(s)
		if err != nil {
			return
		}
		again, err := rpm.ParseEVR(e.String())
		if again.HasEpoch = e.HasEpoch; err != nil || again != e || e.Compare(again) != 0 {
			t.Fatalf("%q reads as %+v, then as %+v: %v", s, e, again, err)
		}
	})
}

func FuzzVercmp(f *testing.F) {
	f.Add("1.0~rc1", "1.0^git")
	f.Fuzz(func(t *testing.T, a, b string) {
		if rpm.Vercmp(a, b) != -rpm.Vercmp(b, a) {
			t.Fatalf("%q and %q do not compare the same from both sides", a, b)
		}
		if rpm.Vercmp(a, a) != 0 {
			t.Fatalf("%q differs from itself", a)
		}
	})
}

func FuzzOverlaps(f *testing.F) {
	f.Add("1:1-1", uint32(rpm.DepEqual), "1", uint32(rpm.DepLess))
	f.Add("", uint32(0), ":-", uint32(14))
	f.Fuzz(func(t *testing.T, a string, fa uint32, b string, fb uint32) {
		x := rpm.Dependency{Name: "n", Flags: rpm.DepFlags(fa), EVR: a}
		y := rpm.Dependency{Name: "n", Flags: rpm.DepFlags(fb), EVR: b}
		got := rpm.Overlaps(x, y)
		if got != rpm.Overlaps(y, x) {
			t.Fatalf("%v and %v do not overlap the same from both sides", x, y)
		}
		if !rpm.Overlaps(x, x) {
			t.Fatalf("%v does not overlap itself", x)
		}
		// A wider range overlaps at least as much.
		wide := x
		wide.Flags |= rpm.DepEqual
		if got && !rpm.Overlaps(wide, y) && fa&14 != 0 {
			t.Fatalf("%v overlaps %v, %v does not", x, y, wide)
		}
	})
}

func FuzzReadInstalled(f *testing.F) {
	for _, s := range seeds() {
		p, err := rpm.Read(bytes.NewReader(s))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(s[p.HeaderStart+8 : p.HeaderEnd])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := rpm.ReadInstalled(data)
		if err != nil {
			if _, ok := errors.AsType[*rpm.FormatError](err); !ok {
				t.Fatalf("%v is no *FormatError", err)
			}
			return
		}
		walkTables(p.Package)
	})
}
