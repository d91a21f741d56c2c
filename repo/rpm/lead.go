package rpm

import (
	"fmt"
	"strings"
)

const (
	leadSize  = 96
	leadMagic = "\xed\xab\xee\xdb"
)

// Lead is the fixed start of an RPM file, a relic that only file(1) and koji
// look at; nothing in it is to be trusted.
type Lead struct {
	Major, Minor uint8
	Type         uint16 // 0 binary, 1 source
	ArchNum      uint16
	Name         string // name-version-release, cut to 65 bytes
	OSNum        uint16
	SigType      uint16 // 5: a signature header follows
}

// parseLead reads the lead at the start of s and applies the checks of rpm's
// lib/rpmlead.cc. readErr is how reading s ended: that s is no RPM at all is
// the better answer, when it is long enough to tell.
func parseLead(s string, readErr error) (Lead, error) {
	if len(s) >= len(leadMagic) && s[:len(leadMagic)] != leadMagic {
		return Lead{}, &FormatError{Part: PartLead, Reason: fmt.Sprintf("no RPM: it starts with % x", s[:4])}
	}
	if readErr != nil {
		return Lead{}, readErr
	}
	l := Lead{
		Major: s[4], Minor: s[5],
		Type: be16(s[6:]), ArchNum: be16(s[8:]),
		OSNum: be16(s[76:]), SigType: be16(s[78:]),
	}
	l.Name, _, _ = strings.Cut(s[10:76], "\x00")
	if l.Major < 3 || l.Major > 4 {
		return l, &FormatError{Part: PartLead, Offset: 4, Reason: fmt.Sprintf("package format %d.%d", l.Major, l.Minor)}
	}
	if l.SigType != 5 {
		return l, &FormatError{Part: PartLead, Offset: 78, Reason: fmt.Sprintf("signature type %d, only 5 (a header) is known", l.SigType)}
	}
	return l, nil
}

func be16(s string) uint16 { return uint16(s[0])<<8 | uint16(s[1]) }
