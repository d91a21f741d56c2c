package rpm

import (
	"fmt"
	"strings"
)

// Parts of an RPM file, for FormatError.Part.
const (
	PartLead      = "lead"
	PartSignature = "signature header"
	PartHeader    = "header"
	PartPayload   = "payload"
	PartInstalled = "installed header" // as a database of rpm holds it
)

// FormatError says where an input stops being an RPM.
type FormatError struct {
	Part   string // PartLead, PartSignature, PartHeader, PartPayload or PartInstalled
	Offset int64  // byte in the file where the trouble was seen
	Tag    Tag    // entry concerned, 0 when none
	Reason string
	Err    error // cause, such as io.ErrUnexpectedEOF for a truncated file; may be nil
}

func (e *FormatError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "read rpm: %s at byte %d", e.Part, e.Offset)
	if e.Tag != 0 {
		fmt.Fprintf(&b, ", tag %d", e.Tag)
	}
	b.WriteString(": " + e.Reason)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }
