// Package wire reads and writes the XML-RPC dialect of a Koji hub: nil
// everywhere, integers of 8 to 64 bits, base64, strings whose emptiness means
// something. Reading is streaming and bounded in size, depth and memory, so a
// hostile or broken answer ends as an error and never as a dead process.
//
//	var builds []Build
//	err := wire.DecodeResponse(body, wire.Limits{}, &builds)
//	var fault *wire.Fault // the answer was a fault
//
// Targets are Go values: structs with `koji:"member"` tags (further names
// after a comma are fallbacks), pointers where nil matters, slices, maps with
// string keys, time.Time (seconds since 1970 or Koji's date strings), or any,
// which gets nil, bool, int64, *big.Int, float64, string, []byte, time.Time,
// []any and map[string]any.
//
// Requests are written by github.com/kolo/xmlrpc after normalization
// (EncodeCall); answers of a hub by EncodeResponse, byte for byte as Python's
// xmlrpc.client of the real hub does.
package wire

import "fmt"

// Defaults of Limits.
const (
	DefaultMaxBytes = 256 << 20
	DefaultMaxDepth = 64
)

// Limits bounds what is read. The zero value works.
type Limits struct {
	MaxBytes  int64 // of XML; default DefaultMaxBytes
	MaxDepth  int   // of arrays and structs inside each other; default DefaultMaxDepth
	MaxMemory int64 // of decoded values in bytes, estimated; default 4 x MaxBytes
	// Ordered gives structs as Struct instead of map[string]any where the
	// target is any.
	Ordered bool
}

func (l Limits) withDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = DefaultMaxDepth
	}
	if l.MaxMemory <= 0 {
		l.MaxMemory = 4 * l.MaxBytes
	}
	return l
}

// Member is one named value of a Struct.
type Member struct {
	Name  string
	Value any
}

// Struct is an XML-RPC struct whose order of members is kept.
type Struct []Member

// Get returns the value of the member name, and whether it is there.
func (s Struct) Get(name string) (any, bool) {
	for _, m := range s {
		if m.Name == name {
			return m.Value, true
		}
	}
	return nil, false
}

// Fault is a fault as it came over the wire.
type Fault struct { //nolint:errname // the protocol's word
	Code      int      `koji:"faultCode"`
	String    string   `koji:"faultString"`
	Traceback []string `koji:"traceback"` // only inside multiCall
}

func (f *Fault) Error() string { return fmt.Sprintf("fault %d: %s", f.Code, f.String) }

// Call is a request as a hub sees it.
type Call struct {
	Method string
	Params []any
}

// SyntaxError says that the input is no XML-RPC message of the expected kind.
// Where the input ended too early it unwraps to io.ErrUnexpectedEOF.
type SyntaxError struct {
	Offset int64 // bytes from the start
	Msg    string
	Err    error // may be nil
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("parse XML-RPC at byte %d: %s", e.Offset, e.Msg)
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// TypeError says that a well-formed value does not fit its target.
type TypeError struct {
	Path string // such as [3].epoch; empty for the whole answer
	Got  string // XML-RPC type
	Want string // Go type
}

func (e *TypeError) Error() string {
	path := e.Path
	if path == "" {
		path = "the answer"
	}
	return fmt.Sprintf("decode %s: XML-RPC %s does not fit %s", path, e.Got, e.Want)
}

// LimitError says that the input is deeper or would take more memory than
// allowed. Too many bytes are a *limitio.TooLargeError.
type LimitError struct {
	What  string // "depth" or "memory"
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("decode XML-RPC: more than the allowed %s of %d", e.What, e.Limit)
}
