package rpm_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func FuzzRead(f *testing.F) {
	f.Add(small())
	f.Add(rpmtest.Source(rpmtest.Spec{Name: "s", Version: "1", Release: "1", Files: []rpmtest.File{{Path: "s.spec"}}}))
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
		// Whatever was read can be verified, and its payload walked, without a panic.
		v, err := rpm.Verify(bytes.NewReader(data), rpm.VerifyOptions{})
		if err != nil || v.Size != int64(len(data)) {
			t.Fatalf("verify: %v", err)
		}
		y, err := p.Payload(bytes.NewReader(data[p.HeaderEnd:]), rpm.PayloadOptions{MaxSize: 1 << 20})
		for err == nil {
			_, err = y.Next()
		}
		if y != nil {
			y.Close()
		}
	})
}

func FuzzParseNEVRA(f *testing.F) {
	for _, s := range []string{"bash-5.2.37-1.fc44.x86_64", "a-1:1~rc^git-1.noarch.rpm", "a-0:1-1.src", "--.", "a-1-1."} {
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
