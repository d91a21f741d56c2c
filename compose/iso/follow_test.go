package iso_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
)

// bigImage is an image of some pieces, with something in all of them.
func bigImage(t *testing.T) []byte {
	t.Helper()
	data := isotest.Base("F44-base", "x86_64")
	grown := make([]byte, 3<<20)
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

// A follower's checksum is that of a second pass, however the writer wrote.
func TestFollowerImplantsWhatASecondPassWould(t *testing.T) {
	t.Parallel()
	data := bigImage(t)
	plain := filepath.Join(t.TempDir(), "plain.iso")
	if err := os.WriteFile(plain, data, 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := iso.ImplantMD5(t.Context(), plain, iso.ImplantOptions{Force: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(*testing.T, *os.File){
		"in pieces": func(t *testing.T, f *os.File) {
			t.Helper()
			for off := 0; off < len(data); off += 700_001 {
				writeAt(t, f, data[off:min(off+700_001, len(data))], int64(off))
				time.Sleep(2 * time.Millisecond)
			}
		},
		"at once": func(t *testing.T, f *os.File) { t.Helper(); writeAt(t, f, data, 0) },
		"descriptors again at the end": func(t *testing.T, f *os.File) {
			t.Helper()
			other := append([]byte(nil), data...)
			copy(other[16*iso.SectorSize+40:], "ANOTHER-NAME")
			writeAt(t, f, other, 0)
			time.Sleep(50 * time.Millisecond)
			writeAt(t, f, data[:64<<10], 0)
		},
		"end first": func(t *testing.T, f *os.File) {
			t.Helper()
			writeAt(t, f, data[1<<20:], 1<<20)
			time.Sleep(20 * time.Millisecond)
			writeAt(t, f, data[:1<<20], 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "out.iso")
			follower := iso.Follow(t.Context(), path)
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, f)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			got, err := follower.Implant(t.Context(), iso.ImplantOptions{Force: true})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if err := iso.CheckMD5(t.Context(), path, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func writeAt(t *testing.T, f *os.File, data []byte, off int64) {
	t.Helper()
	if _, err := f.WriteAt(data, off); err != nil {
		t.Error(err)
	}
}

func TestFollowerOfAnImageThatNeverComes(t *testing.T) {
	t.Parallel()
	f := iso.Follow(t.Context(), filepath.Join(t.TempDir(), "none.iso"))
	if _, err := f.Implant(t.Context(), iso.ImplantOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f = iso.Follow(ctx, filepath.Join(t.TempDir(), "none.iso"))
	cancel()
	if _, err := f.Implant(ctx, iso.ImplantOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	iso.Follow(t.Context(), filepath.Join(t.TempDir(), "none.iso")).Close()
}

// What is half written when the writer ends is refused, not summed.
func TestFollowerOfATruncatedImage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out.iso")
	f := iso.Follow(t.Context(), path)
	if err := os.WriteFile(path, bigImage(t)[:2<<20], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := f.Implant(t.Context(), iso.ImplantOptions{})
	if _, ok := errors.AsType[*iso.NotISOError](err); !ok {
		t.Errorf("got %v", err)
	}
}
