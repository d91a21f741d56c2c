package productmd

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
)

const (
	discInfoFile = ".discinfo"
	maxSmall     = 64 << 10
)

// DiscInfo is .discinfo: four lines by which the installer tells its own medium
// from others.
type DiscInfo struct {
	// Timestamp is seconds since 1970, as a number with a point as productmd and
	// lorax write it ("1767225600.0", "1767225600.123456"). It is kept as text,
	// because media.repo repeats it.
	Timestamp   string
	Description string // such as "Fedora 44"; lorax writes the release alone
	Arch        string
	Discs       []int // numbers of the disc; nil: "ALL"
}

// Stamp writes a time as DiscInfo.Timestamp has it.
func Stamp(seconds int64) string { return strconv.FormatInt(seconds, 10) + ".0" }

// Validate returns the *FieldError of the first rule that is broken.
func (d *DiscInfo) Validate() error {
	bad := func(field, reason string) error {
		return &FieldError{File: discInfoFile, Field: field, Reason: reason}
	}
	if f, err := strconv.ParseFloat(d.Timestamp, 64); err != nil || f == 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		return bad("timestamp", fmt.Sprintf("is %q, which is no time", d.Timestamp))
	}
	for field, text := range map[string]string{"description": d.Description, "arch": d.Arch} {
		if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "\r\n") {
			return bad(field, fmt.Sprintf("is %q, and must be one line", text))
		}
	}
	return nil
}

// Write writes the file.
func (d *DiscInfo) Write(w io.Writer) error {
	if err := d.Validate(); err != nil {
		return err
	}
	discs := "ALL"
	if len(d.Discs) > 0 {
		numbers := make([]string, len(d.Discs))
		for i, n := range d.Discs {
			numbers[i] = strconv.Itoa(n)
		}
		discs = strings.Join(numbers, ",")
	}
	if _, err := fmt.Fprintf(w, "%s\n%s\n%s\n%s", d.Timestamp, strings.TrimSpace(d.Description), strings.TrimSpace(d.Arch), discs); err != nil {
		return fmt.Errorf("write %s: %w", discInfoFile, err)
	}
	return nil
}

// ReadDiscInfo reads the file; the fourth line may be missing, as in lorax's.
func ReadDiscInfo(r io.Reader) (*DiscInfo, error) {
	data, err := limitio.ReadAll(r, maxSmall, discInfoFile)
	if err != nil {
		return nil, &SyntaxError{File: discInfoFile, Reason: "cannot be read", Err: err}
	}
	lines := strings.Split(string(data), "\n")
	if len(lines) < 3 {
		return nil, &SyntaxError{File: discInfoFile, Reason: fmt.Sprintf("has %d lines, not three or four", len(lines))}
	}
	d := &DiscInfo{
		Timestamp: strings.TrimSpace(lines[0]), Description: strings.Trim(strings.TrimSpace(lines[1]), `"'`), Arch: strings.TrimSpace(lines[2]),
	}
	if len(lines) > 3 {
		if discs := strings.TrimSpace(lines[3]); discs != "" && discs != "ALL" {
			for number := range strings.SplitSeq(discs, ",") {
				n, err := strconv.Atoi(strings.TrimSpace(number))
				if err != nil {
					return nil, &SyntaxError{File: discInfoFile, Line: 4, Reason: fmt.Sprintf("%q is no number of a disc", clip(number))}
				}
				d.Discs = append(d.Discs, n)
			}
		}
	}
	return d, d.Validate()
}

func clip(s string) string { return s[:min(len(s), 80)] }
