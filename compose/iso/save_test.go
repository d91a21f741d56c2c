package iso_test

import (
	"bytes"
	stdcmp "cmp"
	"context"
	"errors"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
)

// bigImage is an image of some pieces, with something in all of them.
func bigImage(t *testing.T, size int) []byte {
	t.Helper()
	data := isotest.Base("F44-base", "x86_64")
	grown := make([]byte, size)
	n := copy(grown, data)
	for i := n; i < len(grown); i++ {
		grown[i] = byte(i >> 9)
	}
	sectors := uint32(len(grown) / iso.SectorSize)
	for i := range 4 {
		grown[16*iso.SectorSize+80+i] = byte(sectors >> (8 * i))
		grown[16*iso.SectorSize+84+i] = byte(sectors >> (8 * (3 - i)))
	}
	return grown
}

// What is saved is what came, with the checksum of a second pass: below and above
// a piece, with and without something behind the volume, on any boundary.
func TestSaveImplantsWhatASecondPassWould(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		size  int // of the volume
		after int // bytes behind it
	}{
		"smaller than a piece":      {size: 3 << 20},
		"one piece":                 {size: 4 << 20},
		"more pieces than buffers":  {size: 37 << 20},
		"an odd sector at the end":  {size: 9<<20 + iso.SectorSize},
		"a partition behind":        {size: 5 << 20, after: 6<<20 + 512},
		"a partition of some bytes": {size: 5 << 20, after: 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := append(bigImage(t, tc.size), bytes.Repeat([]byte{7}, tc.after)...)
			dir := t.TempDir()
			plain, saved := filepath.Join(dir, "plain.iso"), filepath.Join(dir, "saved.iso")
			if err := os.WriteFile(plain, data, 0o600); err != nil {
				t.Fatal(err)
			}
			want, err := iso.ImplantMD5(t.Context(), plain, iso.ImplantOptions{Force: true})
			if err != nil {
				t.Fatal(err)
			}
			got, err := iso.Save(t.Context(), iotest.HalfReader(bytes.NewReader(data)), saved, iso.SaveOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if err := iso.CheckMD5(t.Context(), saved, nil); err != nil {
				t.Error(err)
			}
			a, errA := os.ReadFile(plain)
			b, errB := os.ReadFile(saved)
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("the saved image differs from the one summed in a second pass: %v, %v", errA, errB)
			}
		})
	}
}

func TestSaveRefuses(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the tool has died")
	notISO := func(err error) bool { _, ok := errors.AsType[*iso.NotISOError](err); return ok }
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken.iso")
	if err := os.WriteFile(taken, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	image := bigImage(t, 5<<20)
	for name, tc := range map[string]struct {
		ctx  context.Context //nolint:containedctx // of one call
		src  io.Reader
		path string
		want func(error) bool
	}{
		"nothing":                  {src: bytes.NewReader(nil), want: notISO},
		"no image":                 {src: bytes.NewReader(make([]byte, 12<<20)), want: notISO},
		"endless, no image":        {src: rand.New(rand.NewSource(1)), want: notISO},
		"a truncated volume":       {src: bytes.NewReader(image[:2<<20]), want: notISO},
		"the last sectors missing": {src: bytes.NewReader(image[:len(image)-iso.SectorSize]), want: notISO},
		"a source that fails":      {src: io.MultiReader(bytes.NewReader(image[:1<<20]), iotest.ErrReader(broken)), want: func(err error) bool { return errors.Is(err, broken) }},
		"a canceled call":          {ctx: canceled, src: bytes.NewReader(image), want: func(err error) bool { return errors.Is(err, context.Canceled) }},
		"a name that is taken":     {src: bytes.NewReader(image), path: taken, want: func(err error) bool { return errors.Is(err, os.ErrExist) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := tc.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			if sum, err := iso.Save(ctx, tc.src, stdcmp.Or(tc.path, filepath.Join(t.TempDir(), "out.iso")), iso.SaveOptions{}); sum != nil || !tc.want(err) {
				t.Errorf("got %v, %v", sum, err)
			}
		})
	}
	if got, err := os.ReadFile(taken); err != nil || string(got) != "mine" {
		t.Errorf("the other file is now %q, %v", got, err)
	}
}

func TestSaveWithoutChecksumChangesNothing(t *testing.T) {
	t.Parallel()
	data := bigImage(t, 9<<20)
	path := filepath.Join(t.TempDir(), "out.iso")
	sum, err := iso.Save(t.Context(), bytes.NewReader(data), path, iso.SaveOptions{NoChecksum: true})
	if err != nil || sum != nil {
		t.Fatalf("got %v, %v", sum, err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the image was changed: %v", err)
	}
	if err := iso.CheckMD5(t.Context(), path, nil); !errors.Is(err, iso.ErrNoChecksum) {
		t.Errorf("got %v", err)
	}
}

// One pass gives the verdict of CheckMD5 and all bytes of the file, what is behind
// the volume included.
func TestCheckIntoAgreesWithCheckMD5(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		damage int // byte to change; 0: none
		after  int
		none   bool
		want   func(error) bool
	}{
		"sound":             {want: func(err error) bool { return err == nil }},
		"with a tail":       {after: 3<<20 + 77, want: func(err error) bool { return err == nil }},
		"damaged in front":  {damage: 1 << 20, want: func(err error) bool { _, ok := errors.AsType[*iso.ChecksumError](err); return ok }},
		"damaged at an end": {damage: 9<<20 - 64<<10, want: func(err error) bool { _, ok := errors.AsType[*iso.ChecksumError](err); return ok }},
		"without checksum":  {none: true, want: func(err error) bool { return errors.Is(err, iso.ErrNoChecksum) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "a.iso")
			data := append(bigImage(t, 9<<20), bytes.Repeat([]byte{9}, tc.after)...)
			if _, err := iso.Save(t.Context(), bytes.NewReader(data), path, iso.SaveOptions{NoChecksum: tc.none}); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if tc.damage > 0 {
				data[tc.damage] ^= 1
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var got bytes.Buffer
			err, plain := iso.CheckInto(t.Context(), path, &got), iso.CheckMD5(t.Context(), path, nil)
			if !tc.want(err) || !tc.want(plain) {
				t.Errorf("got %v, CheckMD5 says %v", err, plain)
			}
			if tc.damage == 0 && !bytes.Equal(got.Bytes(), data) {
				t.Errorf("the writer got %d bytes of %d", got.Len(), len(data))
			}
		})
	}
	if err := iso.CheckInto(t.Context(), "/nonexistent", io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
