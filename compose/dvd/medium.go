package dvd

import (
	"fmt"
	"slices"
)

// Medium is a kind of disc.
type Medium struct {
	Name string // as in Options of a request: "cd", "dvd", "dvd-dl", "bd", "bd-dl", "usb"
	Text string // for people
	Size int64  // bytes
}

// Media lists the media by size. A USB stick has the size of the smallest that
// Fedora's tools write such images to without asking.
func Media() []Medium {
	return []Medium{
		{"cd", "CD", 737_280_000}, // 80 minutes
		{"dvd", "DVD", 4_700_372_992},
		{"dvd-dl", "dual-layer DVD", 8_543_666_176},
		{"bd", "Blu-ray disc", 25_025_314_816},
		{"bd-dl", "dual-layer Blu-ray disc", 50_050_629_632},
		{"usb", "64 GB USB stick", 64_000_000_000},
	}
}

// MediumOf returns the medium of a name, the single-layer DVD for "".
func MediumOf(name string) (Medium, bool) {
	media := Media()
	if name == "" {
		name = "dvd"
	}
	i := slices.IndexFunc(media, func(m Medium) bool { return m.Name == name })
	if i < 0 {
		return Medium{}, false
	}
	return media[i], true
}

// larger is the remedy for a set of so many bytes, overhead included.
func larger(need int64) string {
	remedy := "Name fewer groups, or leave packages out with exclude."
	for _, m := range Media() {
		if m.Size >= need {
			return fmt.Sprintf("%s Or choose a larger medium: options.medium %s has room for %s.", remedy, m.Name, size(m.Size))
		}
	}
	return remedy
}

// overhead of a file on a medium: its rounding to sectors, its records in three
// directories, its lines in the metadata.
const overhead = 4 << 10

// Fits answers with a *TooLargeError when packages of so many bytes in all and
// the base do not fit on the medium.
func (m Medium) Fits(base, packages int64, count int) error {
	if base+packages+int64(count)*overhead <= m.Size {
		return nil
	}
	return &TooLargeError{Medium: m.Text, Room: m.Size, Base: base, Packages: packages, NumberOfPackages: count, Need: base + packages + int64(count)*overhead}
}
