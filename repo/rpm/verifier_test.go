package rpm_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// sized makes a package whose header and payload have about the given sizes.
func sized(header, payload int) []byte {
	noise := make([]byte, payload)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	return rpmtest.Build(rpmtest.Spec{
		Name: "sized", Version: "1", Release: "1", Arch: "x86_64", Compressor: "none", Description: string(bytes.Repeat([]byte("d"), header)),
		Files: []rpmtest.File{{Path: "/usr/share/sized", Data: noise}},
	})
}

// TestVerifierTakesBytesAsTheyCome feeds packages in pieces of every kind and
// compares with what crypto/sha256 and the undivided file say.
func TestVerifierTakesBytesAsTheyCome(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, payload := range []int{0, 1, 63, 64, 65, 127, 200, 5000, 100_000} {
		for header := range 70 { // every place that the payload can begin at within a block
			if header > 8 && payload != 200 {
				continue
			}
			data := sized(header, payload)
			sum := sha256.Sum256(data)
			for _, most := range []int{1, 7, 64, 100, 4096, len(data)} {
				if most == 1 && len(data) > 10_000 {
					continue
				}
				v := rpm.NewVerifier(rpm.VerifyOptions{})
				for rest := data; len(rest) > 0; {
					n := min(1+rnd.IntN(most), len(rest))
					if m, err := v.Write(rest[:n]); m != n || err != nil {
						t.Fatal(m, err)
					}
					rest = rest[n:]
				}
				got, err := v.Verdict()
				if err != nil || got.Err() != nil || got.SHA256 != hex.EncodeToString(sum[:]) || got.Size != int64(len(data)) || v.Sum256() != sum {
					t.Fatalf("header %d, payload %d, pieces of %d: %v %v %+v", header, payload, most, err, got.Err(), got)
				}
				if c := got.Check(rpm.CheckPayload); c.Status != rpm.StatusOK {
					t.Fatalf("payload: %+v", c)
				}
			}
		}
	}
}

func TestNoMD5LeavesOutWhatIsCoveredOtherwise(t *testing.T) {
	t.Parallel()
	data := sized(10, 3000)
	for _, at := range []int{0, len(data) - 9, bytes.Index(data, []byte("dddd"))} { // sound, payload altered, header altered
		b := bytes.Clone(data)
		if at > 0 {
			b[at] ^= 1
		}
		v, err := rpm.Verify(bytes.NewReader(b), rpm.VerifyOptions{NoMD5: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Check(rpm.CheckMD5); got.Status != rpm.StatusSkipped || got.Want == "" || got.Got != "" {
			t.Errorf("%+v", got)
		}
		if (v.Err() == nil) != (at == 0) {
			t.Errorf("altered at %d: %v", at, v.Err())
		}
	}
}

func TestVerifierSaysWhatVerifySays(t *testing.T) {
	t.Parallel()
	good := sized(10, 3000)
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 0x20
		return b
	}
	for name, data := range map[string][]byte{
		"good": good, "payload": flip(len(good) - 9), "header": flip(600), "cut in the payload": good[:len(good)-1],
		"cut in the header": good[:700], "cut in the lead": good[:50], "nothing": nil, "signature header": flip(100),
		"text": []byte("<html><body>this is no package at all, and it is longer than the start of one would have to be to be told</body></html>"),
		"huge": append(bytes.Clone(good[:96]), "\x8e\xad\xe8\x01\x00\x00\x00\x00\x00\x00\x00\x10\x7f\xff\xff\xff"...),
	} {
		want, wantErr := rpm.Verify(bytes.NewReader(data), rpm.VerifyOptions{})
		v := rpm.NewVerifier(rpm.VerifyOptions{})
		_, err := io.CopyBuffer(struct{ io.Writer }{v}, struct{ io.Reader }{bytes.NewReader(data)}, make([]byte, 13))
		var got *rpm.Verdict
		if err == nil {
			got, err = v.Verdict()
		}
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s: %v, and in one go %v", name, err, wantErr)
			continue
		}
		if err != nil {
			if _, ok := errors.AsType[*rpm.FormatError](err); !ok {
				t.Errorf("%s: %T", name, err)
			}
			if _, again := v.Write([]byte("x")); again == nil {
				t.Errorf("%s: takes more after %v", name, err)
			}
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(rpm.Verdict{}, "Package")); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
