package rpm

import (
	"slices"
	"strconv"
	"strings"
)

// fill derives the fields of a package from its two checked headers.
func (o Options) fill(p *Package) error {
	x := &extractor{h: p.Header, o: o}
	p.fillIdentity(x)
	p.fillTexts(x)
	p.fillDependencies(x)
	p.Files = x.files()
	p.Changelogs = x.changelogs()
	p.FileDigestAlgo = 1
	if v, ok := x.number(TagFileDigestAlgo); ok {
		p.FileDigestAlgo = uint32(v)
	}
	if x.err != nil {
		return x.err
	}
	s := &extractor{h: p.Signature, o: o}
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

func (p *Package) fillIdentity(x *extractor) {
	p.Name = x.text(TagName)
	p.EVR.Version = x.text(TagVersion)
	p.EVR.Release = x.text(TagRelease)
	if v, ok := x.number(TagEpoch); ok {
		p.EVR.Epoch, p.EVR.HasEpoch = uint32(v), true
	}
	// rpm 2 wrote the arch as a number; such a package gets none.
	if e := x.h.find(TagArch); e != nil && e.Type.isString() {
		p.HeaderArch = x.text(TagArch)
	}
	for _, f := range []struct {
		tag Tag
		s   string
	}{{TagName, p.Name}, {TagVersion, p.EVR.Version}, {TagRelease, p.EVR.Release}} {
		if f.s == "" {
			x.fail(x.h.bad(f.tag, 0, "missing or empty"))
		}
	}
	p.SourceRPM = x.text(TagSourceRPM)
	p.Source = x.h.Has(TagSourcePackage) || p.SourceRPM == ""
	p.NoSource = x.h.Has(TagNoSource) || x.h.Has(TagNoPatch)
	p.Arch = p.HeaderArch
	if p.Source {
		p.Arch = "src"
	}
}

func (p *Package) fillTexts(x *extractor) {
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
	if e := x.h.find(TagOS); e != nil && e.Type.isString() {
		p.OS = x.text(TagOS)
	}
	v, _ := x.number(TagBuildTime)
	p.BuildTime = int64(v)
}

func (p *Package) fillDependencies(x *extractor) {
	p.Requires = x.dependencies(TagRequireName, TagRequireFlags, TagRequireVersion)
	p.Provides = x.dependencies(TagProvideName, TagProvideFlags, TagProvideVersion)
	p.Conflicts = x.dependencies(TagConflictName, TagConflictFlags, TagConflictVersion)
	p.Obsoletes = x.dependencies(TagObsoleteName, TagObsoleteFlags, TagObsoleteVersion)
	p.Suggests = x.dependencies(TagSuggestName, TagSuggestFlags, TagSuggestVersion)
	p.Enhances = x.dependencies(TagEnhanceName, TagEnhanceFlags, TagEnhanceVersion)
	p.Recommends = x.dependencies(TagRecommendName, TagRecommendFlags, TagRecommendVersion)
	p.Supplements = x.dependencies(TagSupplementName, TagSupplementFlags, TagSupplementVersion)
	p.OldSuggests = x.dependencies(TagOldSuggestsName, TagOldSuggestsFlags, TagOldSuggestsVer)
	p.OldEnhances = x.dependencies(TagOldEnhancesName, TagOldEnhancesFlags, TagOldEnhancesVer)
}

func (p *Package) fillSizes(x, s *extractor) {
	p.InstalledSize = x.firstNumber(TagLongSize, TagSize)
	p.ArchiveSize = x.firstNumber(TagLongArchiveSize, TagArchiveSize)
	if p.ArchiveSize == 0 {
		p.ArchiveSize = s.firstNumber(TagSigPayloadSize, TagLongArchiveSize)
	}
}

func (p *Package) fillDigests(x, s *extractor) {
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
		SignedSize:       s.firstNumber(TagLongSigSize, TagSigSize),
	}
	// rpm 6 renamed the tag to PAYLOADSHA256 and writes no algorithm.
	if p.Digests.Payload != "" && p.Digests.PayloadAlgo == 0 {
		p.Digests.PayloadAlgo = 8
	}
}

func (p *Package) fillFormat(x *extractor) {
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
		p.provideOwnName()
	}
	if v, ok := x.number(TagRPMFormat); ok && v >= 6 {
		p.Format = int(min(v, 0xffff))
	}
}

// provideOwnName adds what rpm adds on reading a header without an immutable
// region: such packages provide their own name without saying so
// (providePackageNVR in rpm's lib/headerutil.cc).
func (p *Package) provideOwnName() {
	own := Dependency{Name: p.Name, Flags: DepEqual, EVR: p.EVR.Version + "-" + p.EVR.Release}
	if p.EVR.HasEpoch {
		own.EVR = strconv.FormatUint(uint64(p.EVR.Epoch), 10) + ":" + own.EVR
	}
	if !slices.Contains(p.Provides, own) {
		p.Provides = append(p.Provides, own)
	}
}
