package rpm

import (
	"strings"
)

// fill checks the tables of a package and derives its fields from the two
// checked headers. The tables themselves stay in the header.
func (o Options) fill(p *Package) error {
	x := &checker{h: p.Header, o: o}
	p.fillIdentity(x)
	p.fillTexts(x)
	x.dependencies()
	x.changelogs()
	p.dirEnds = x.files()
	p.FileDigestAlgo = 1
	if v, ok := x.number(TagFileDigestAlgo); ok {
		p.FileDigestAlgo = uint32(v)
	}
	s := &checker{h: p.Signature, o: o}
	p.fillSizes(x, s)
	p.fillDigests(x, s)
	p.fillFormat(x)
	if x.err != nil {
		return x.err
	}
	if s.err != nil {
		return s.err
	}
	p.Signatures = p.signatures()
	return nil
}

// fillIdentity copies what makes the NEVRA, because that is what programs
// keep: a part of the header's memory would keep all of it.
func (p *Package) fillIdentity(x *checker) {
	for _, f := range []struct {
		tag Tag
		s   *string
	}{{TagName, &p.Name}, {TagVersion, &p.EVR.Version}, {TagRelease, &p.EVR.Release}} {
		*f.s = strings.Clone(x.text(f.tag))
		if *f.s == "" {
			x.fail(x.h.bad(f.tag, 0, "missing or empty"))
		}
	}
	if v, ok := x.number(TagEpoch); ok {
		p.EVR.Epoch, p.EVR.HasEpoch = uint32(v), true
	}
	// rpm 2 wrote the arch as a number; such a package gets none.
	if x.h.find(TagArch).Type.isString() {
		p.HeaderArch = strings.Clone(x.text(TagArch))
	}
	p.SourceRPM = x.text(TagSourceRPM)
	p.Source = x.h.Has(TagSourcePackage) || p.SourceRPM == ""
	p.NoSource = x.h.Has(TagNoSource) || x.h.Has(TagNoPatch)
	p.Arch = p.HeaderArch
	if p.Source {
		p.Arch = "src"
	}
}

func (p *Package) fillTexts(x *checker) {
	p.Summary = x.text(TagSummary)
	p.Description = x.text(TagDescription)
	p.Packager = x.text(TagPackager)
	p.URL = x.text(TagURL)
	p.License = x.text(TagLicense)
	p.Vendor = x.text(TagVendor)
	p.Group = x.text(TagGroup)
	p.BuildHost = x.text(TagBuildHost)
	p.Encoding = x.text(TagEncoding)
	p.RPMVersion = x.text(TagRPMVersion)
	p.ModuleLabel = x.text(TagModularityLabel)
	if x.h.find(TagOS).Type.isString() {
		p.OS = x.text(TagOS)
	}
	v, _ := x.number(TagBuildTime)
	p.BuildTime = int64(v)
}

func (p *Package) fillSizes(x, s *checker) {
	p.InstalledSize = x.firstNumber(TagLongSize, TagSize)
	p.ArchiveSize = x.firstNumber(TagLongArchiveSize, TagArchiveSize)
	if p.ArchiveSize == 0 {
		p.ArchiveSize = s.firstNumber(TagSigPayloadSize, TagLongArchiveSize)
	}
}

func (p *Package) fillDigests(x, s *checker) {
	lower := strings.ToLower
	p.Digests = Digests{
		SigMD5:           p.Signature.hexBytes(TagSigMD5),
		HeaderSHA1:       lower(s.text(TagSHA1Header)),
		HeaderSHA256:     lower(s.text(TagSHA256Header)),
		HeaderSHA3:       lower(s.text(TagSHA3Header)),
		Payload:          lower(x.text(TagPayloadDigest)),
		PayloadAlt:       lower(x.text(TagPayloadDigestAlt)),
		PayloadAlgo:      uint32(x.firstNumber(TagPayloadDigestAlgo)),
		PayloadSHA512:    lower(x.text(TagPayloadSHA512)),
		PayloadSHA512Alt: lower(x.text(TagPayloadSHA512Alt)),
		PayloadSHA3:      lower(x.text(TagPayloadSHA3)),
		PayloadSHA3Alt:   lower(x.text(TagPayloadSHA3Alt)),
		PayloadSize:      x.firstNumber(TagPayloadSize),
		PayloadSizeAlt:   x.firstNumber(TagPayloadSizeAlt),
		SignedSize:       s.firstNumber(TagLongSigSize, TagSigSize),
	}
	// rpm 6 renamed the tag to PAYLOADSHA256 and writes no algorithm.
	if p.Digests.Payload != "" && p.Digests.PayloadAlgo == 0 {
		p.Digests.PayloadAlgo = 8
	}
}

func (p *Package) fillFormat(x *checker) {
	p.PayloadFormat, p.PayloadCompressor = "cpio", "gzip"
	if s := x.text(TagPayloadFormat); s != "" {
		p.PayloadFormat = s
	}
	if s := x.text(TagPayloadCompressor); s != "" {
		p.PayloadCompressor = s
	}
	p.PayloadFlags = x.text(TagPayloadFlags)
	p.Format = 4
	if x.h.region == 0 {
		p.Format = 3
	}
	if v, ok := x.number(TagRPMFormat); ok && v >= 6 {
		p.Format = int(min(v, 0xffff))
	}
}
