package iso

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"
)

// What isomd5sum fixes (its utilities.h): the place and size of the application
// use area in the primary volume descriptor, the sectors at the end that are not
// summed because burned discs cannot be read there, and the fragments.
const (
	appDataAt       = 883
	appDataSize     = 512
	skipSectors     = 15
	fragmentCount   = 20
	fragmentSumsLen = 60
	// chunk matters: isomd5sum takes a fragment's sum after the 32 KiB piece with
	// which it begins.
	chunk = 16 * SectorSize
)

// Checksum is an implanted medium checksum.
type Checksum struct {
	MD5           string // 32 hex digits
	FragmentSums  string // 3 hex digits for each of the fragments but the last; shorter from old tools
	FragmentCount int
	SkipSectors   int  // sectors of 2048 bytes at the end that are not summed
	Supported     bool // the installer may say "supported"; Fedora does not set it
}

// ErrNoChecksum says that the image carries no medium checksum.
var ErrNoChecksum = errors.New("no medium checksum is implanted")

// ErrAppDataUsed says that something else stands where the checksum goes.
var ErrAppDataUsed = errors.New("the application use area is taken, by an implanted checksum or something else")

// ChecksumError says that the content is not what the checksum was made from.
type ChecksumError struct {
	Path      string
	Want, Got string // md5, or the three digits of a fragment
	Fragment  int    // from 1; 0 for the whole medium
}

// Error says where the medium is damaged as far as the fragments tell.
func (e *ChecksumError) Error() string {
	if e.Fragment > 0 {
		return fmt.Sprintf("%s is damaged in or before fragment %d of %d", e.Path, e.Fragment, fragmentCount+1)
	}
	return fmt.Sprintf("%s is damaged: its md5 is %s, the implanted one %s", e.Path, e.Got, e.Want)
}

// ImplantOptions are the options of ImplantMD5.
type ImplantOptions struct {
	Supported bool // as implantisomd5 --supported-iso
	Force     bool // replace what is in the application use area
	Progress  func(done, total int64)
}

// ImplantMD5 computes the medium checksum of the image at path and writes it
// into the image, as implantisomd5 does. The errors are *NotISOError and
// ErrAppDataUsed. The image is changed by one write of 512 bytes at the end.
func ImplantMD5(ctx context.Context, path string, opts ImplantOptions) (*Checksum, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	sum, err := implant(ctx, f, path, opts)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return sum, nil
}

func implant(ctx context.Context, f *os.File, path string, opts ImplantOptions) (*Checksum, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	img, err := NewImage(f, st.Size(), path)
	if err != nil {
		return nil, err
	}
	if !opts.Force && len(bytes.Trim(img.appData(), " ")) > 0 {
		return nil, fmt.Errorf("implant checksum into %s: %w", path, ErrAppDataUsed)
	}
	s := summer{img: img, skip: skipSectors, count: fragmentCount, progress: opts.Progress}
	total, sums, err := s.implanted(ctx)
	if err != nil {
		return nil, err
	}
	sum := &Checksum{MD5: total, FragmentSums: string(sums[:]), FragmentCount: fragmentCount, SkipSectors: skipSectors, Supported: opts.Supported}
	return sum, img.write(f, sum)
}

// implanted returns what is implanted: the sum of everything and three digits of
// each fragment's.
func (s *summer) implanted(ctx context.Context) (total string, sums [fragmentSumsLen]byte, err error) {
	// An image below 672 KiB has fewer pieces than fragments. isomd5sum leaves the
	// sums of those out and then refuses its own image; zeros, which neither side
	// compares, keep the others where its checker looks for them.
	for i := range sums {
		sums[i] = '0'
	}
	total, err = s.run(ctx, func(fragment int, digits string) error {
		if fragment <= fragmentCount {
			copy(sums[(fragment-1)*3:], digits)
		}
		return nil
	})
	return total, sums, err
}

// write puts the checksum into the image.
func (m *Image) write(f *os.File, sum *Checksum) error {
	if _, err := f.WriteAt(sum.appData(), m.pvdAt+appDataAt); err != nil {
		return fmt.Errorf("write checksum: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write checksum: %w", err)
	}
	return nil
}

// CheckMD5 compares the image at path with its implanted checksum. The errors
// are *NotISOError, ErrNoChecksum and *ChecksumError; progress may be nil and
// gets bytes.
func CheckMD5(ctx context.Context, path string, progress func(done, total int64)) error {
	img, err := Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = img.Close() }()
	want, err := parseAppData(img.appData())
	if err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	if err := want.fits(img); err != nil {
		return err
	}
	s := summer{img: img, skip: want.SkipSectors, count: want.FragmentCount, progress: progress}
	return s.compare(ctx, want)
}

func (c *Checksum) fits(img *Image) error {
	if int64(c.SkipSectors)*SectorSize >= img.volumeSize() {
		return img.bad("its checksum leaves out %d sectors, more than there are", c.SkipSectors)
	}
	return nil
}

// compare sums the image and says where it is not what was implanted.
func (s *summer) compare(ctx context.Context, want *Checksum) error {
	got, err := s.run(ctx, func(fragment int, digits string) error {
		n := want.digits()
		at := (fragment - 1) * n
		if n == 0 || fragment > want.FragmentCount {
			return nil
		}
		if sum := want.FragmentSums[at : at+n]; sum != digits[:n] {
			return &ChecksumError{Path: s.img.path, Want: sum, Got: digits[:n], Fragment: fragment}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if got != want.MD5 {
		return &ChecksumError{Path: s.img.path, Want: want.MD5, Got: got}
	}
	return nil
}

// digits returns how many hex digits a fragment has, 0 when the fragment sums
// cannot be told apart.
func (c *Checksum) digits() int {
	if c.FragmentCount <= 0 || len(c.FragmentSums) != fragmentSumsLen {
		return 0
	}
	return min(fragmentSumsLen/c.FragmentCount, md5.Size)
}

func (m *Image) appData() []byte { return m.pvd[appDataAt : appDataAt+appDataSize] }

// appData returns the 512 bytes as implantisomd5 writes them.
func (c *Checksum) appData() []byte {
	supported := 0
	if c.Supported {
		supported = 1
	}
	text := fmt.Sprintf("ISO MD5SUM = %s;SKIPSECTORS = %d;RHLISOSTATUS=%d;FRAGMENT SUMS = %s;FRAGMENT COUNT = %d;"+
		"THIS IS NOT THE SAME AS RUNNING MD5SUM ON THIS ISO!!", c.MD5, c.SkipSectors, supported, c.FragmentSums, c.FragmentCount)
	return fmt.Appendf(nil, "%-*s", appDataSize, text)
}

// parseAppData reads the fields in any order, as checkisomd5 does; the sum and
// the skipped sectors must be there.
func parseAppData(data []byte) (*Checksum, error) {
	c := &Checksum{SkipSectors: -1, FragmentCount: fragmentCount}
	for field := range strings.SplitSeq(string(data), ";") {
		number := func(prefix string, max int, set func(int)) bool {
			v, ok := strings.CutPrefix(field, prefix)
			n, err := strconv.Atoi(v)
			if !ok || err != nil || n < 0 || n > max {
				return false
			}
			set(n)
			return true
		}
		switch {
		case number("SKIPSECTORS = ", 1<<31-1, func(n int) { c.SkipSectors = n }):
		case number("RHLISOSTATUS=", 9, func(n int) { c.Supported = n != 0 }):
		case number("FRAGMENT COUNT = ", fragmentSumsLen, func(n int) { c.FragmentCount = n }):
		default:
			if v, ok := strings.CutPrefix(field, "ISO MD5SUM = "); ok && isHex(v) && len(v) == 2*md5.Size {
				c.MD5 = v
			}
			if v, ok := strings.CutPrefix(field, "FRAGMENT SUMS = "); ok && isHex(v) && len(v) <= fragmentSumsLen {
				c.FragmentSums = v
			}
		}
	}
	if c.MD5 == "" || c.SkipSectors < 0 {
		return nil, ErrNoChecksum
	}
	return c, nil
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// summer reads the medium once, from its start to the skipped sectors, with the
// application use area taken as blank.
type summer struct {
	img         *Image
	skip, count int
	progress    func(done, total int64)
}

// run calls fragment with the number (from 1) and the first digits of each
// fragment's sum, and returns the md5 of everything.
func (s *summer) run(ctx context.Context, fragment func(n int, digits string) error) (string, error) {
	total := s.img.volumeSize() - int64(s.skip)*SectorSize
	if total <= s.img.pvdAt+SectorSize {
		return "", s.img.bad("it is too small for a medium checksum")
	}
	fragmentSize := total / int64(s.count+1)
	sum := md5.New()
	buf := make([]byte, chunk)
	last := int64(0)
	for off := int64(0); off < total; {
		if err := ctx.Err(); err != nil {
			return "", fmt.Errorf("sum %s: %w", s.img.path, err)
		}
		b := buf[:min(chunk, total-off)]
		if _, err := s.img.r.ReadAt(b, off); err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("sum %s: %w", s.img.path, err)
		}
		s.blank(b, off)
		_, _ = sum.Write(b)
		if now := off / fragmentSize; now != last && s.count > 0 {
			last = now
			if err := fragment(int(now), fragmentDigits(sum)); err != nil {
				return "", err
			}
		}
		off += int64(len(b))
		if s.progress != nil {
			s.progress(off, total)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// blank fills the part of the application use area that is in b with spaces.
func (s *summer) blank(b []byte, off int64) {
	from := s.img.pvdAt + appDataAt - off
	to := from + appDataSize
	if from >= int64(len(b)) || to <= 0 {
		return
	}
	for i := max(from, 0); i < min(to, int64(len(b))); i++ {
		b[i] = ' '
	}
}

// fragmentDigits returns one digit for each byte of the sum so far: isomd5sum
// prints the byte without a leading zero and keeps the first character.
func fragmentDigits(h hash.Hash) string {
	digits := make([]byte, 0, md5.Size)
	for _, b := range h.Sum(nil) {
		digits = append(digits, strconv.FormatUint(uint64(b), 16)[0])
	}
	return string(digits)
}
