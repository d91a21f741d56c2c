package publish

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
)

// ChecksumName is the file that lists all others of a set, in the root of it.
const ChecksumName = "CHECKSUM"

const maxChecksum = 256 << 20 // MaxFiles lines of maxPath bytes and a bit

// WriteChecksum writes the list of files (without ChecksumName itself) as
// Fedora's CHECKSUM files do and as `sha256sum --check` reads:
//
//	# images/boot.iso: 734003200 bytes
//	SHA256 (images/boot.iso) = 9f86d081...
func WriteChecksum(w io.Writer, files []File) error {
	bw := bufio.NewWriter(w)
	for _, f := range files {
		if f.Path != ChecksumName {
			// A failed write comes back from Flush.
			_, _ = fmt.Fprintf(bw, "# %s: %d bytes\nSHA256 (%s) = %s\n", f.Path, f.Size, f.Path, f.SHA256)
		}
	}
	if err := bw.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", ChecksumName, err)
	}
	return nil
}

// ChecksumError is a line of a CHECKSUM file that cannot be read.
type ChecksumError struct {
	Line   int
	Reason string
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("read %s: line %d: %s", ChecksumName, e.Line, e.Reason)
}

// ReadChecksum reads what WriteChecksum wrote, strictly; at most MaxFiles
// files. Other comments are passed over. Errors: *ChecksumError,
// *limitio.TooLargeError.
func ReadChecksum(r io.Reader) ([]File, error) {
	var (
		files []File
		next  File // from the comment above
		line  int
		seen  = map[string]bool{}
		bad   = func(reason string) error { return &ChecksumError{Line: line, Reason: reason} }
	)
	sc := bufio.NewScanner(limitio.Reader(r, maxChecksum, ChecksumName))
	sc.Buffer(make([]byte, 0, 4096), 4096)
	for sc.Scan() {
		line++
		text := sc.Text()
		switch {
		case text == "":
			continue
		case strings.HasPrefix(text, "#"):
			if f, ok := parseSize(text); ok {
				next = f
			}
			continue
		}
		rest, ok := strings.CutPrefix(text, "SHA256 (")
		cut := strings.LastIndex(rest, ") = ")
		if !ok || cut < 0 {
			return nil, bad("it is not of the form SHA256 (name) = digest")
		}
		f := File{Path: rest[:cut], SHA256: rest[cut+4:], Size: next.Size}
		if err := f.validate(); err != nil {
			return nil, bad(err.Error())
		}
		switch {
		case next.Path != f.Path:
			return nil, bad("the comment with the size is missing above it")
		case seen[f.Path] || f.Path == ChecksumName:
			return nil, bad("the file cannot be listed (again)")
		case len(files) >= MaxFiles:
			return nil, bad(fmt.Sprintf("there are more than %d files", MaxFiles))
		}
		seen[f.Path], next = true, File{}
		files = append(files, f)
	}
	if err := sc.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			line++
			return nil, bad("it is too long")
		}
		return nil, fmt.Errorf("read %s: %w", ChecksumName, err)
	}
	return files, nil
}

// parseSize reads "# name: N bytes".
func parseSize(s string) (File, bool) {
	s, ok1 := strings.CutPrefix(s, "# ")
	s, ok2 := strings.CutSuffix(s, " bytes")
	cut := strings.LastIndex(s, ": ")
	if !ok1 || !ok2 || cut < 0 {
		return File{}, false
	}
	size, err := strconv.ParseInt(s[cut+2:], 10, 64)
	return File{Path: s[:cut], Size: size}, err == nil && size >= 0
}
