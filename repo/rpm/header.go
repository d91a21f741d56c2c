package rpm

// Tag is the number of an entry in a header.
type Tag uint32

// Tags (rpm's lib/rpmtag.h).
const (
	TagSigPGP Tag = 1002
	TagSigGPG Tag = 1005
)

// Lead is the fixed start of an RPM file, a relic that only file(1) reads.
type Lead struct {
	Major, Minor uint8
	Type         uint16 // 0 binary, 1 source
	ArchNum      uint16
	Name         string
	OSNum        uint16
}

// Header is a parsed header.
type Header struct{}
