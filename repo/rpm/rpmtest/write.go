package rpmtest

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Write writes the binary package that s describes.
func Write(w io.Writer, s Spec) error {
	b, err := build(s, false)
	if err != nil {
		return err
	}
	if _, err = w.Write(b); err != nil {
		return fmt.Errorf("write rpm: %w", err)
	}
	return nil
}

// Build returns the binary package that s describes. It panics when s is not
// usable (no name, an unknown compressor): a Spec is written by a programmer.
func Build(s Spec) []byte { return must(build(s, false)) }

// Source returns the source package that s describes; the files are bare
// names and Arch is that of the machine it was built on. It panics as Build does.
func Source(s Spec) []byte { return must(build(s, true)) }

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func build(spec Spec, source bool) ([]byte, error) {
	s := spec.withDefaults()
	if s.Name == "" || s.Version == "" || s.Release == "" {
		return nil, fmt.Errorf("build rpm: name %q, version %q and release %q are required", s.Name, s.Version, s.Release)
	}
	files, err := s.files(source)
	if err != nil {
		return nil, err
	}
	prefix := "."
	if source {
		prefix = ""
	}
	plain := archive(files, prefix, s.Format == 6)
	packed, flags, err := compress(s.Compressor, plain)
	if err != nil {
		return nil, err
	}
	h := &headerWriter{}
	s.identity(h, source)
	s.fileTable(h, files)
	s.dependencies(h, source)
	s.scriptsAndLog(h)
	h.text(rpm.TagPayloadFormat, "cpio")
	if s.Compressor != "none" {
		h.text(rpm.TagPayloadCompressor, s.Compressor)
	}
	h.text(rpm.TagPayloadFlags, flags)
	s.payloadDigests(h, packed, plain)
	region, sigRegion := rpm.TagHeaderImmutable, rpm.TagHeaderSignatures
	if s.Format == 3 {
		region, sigRegion = 0, 0
	}
	header := h.sort().bytes(region)
	if int64(len(header))+int64(len(packed)) > math.MaxUint32 {
		return nil, fmt.Errorf("build rpm: %s is larger than 4 GiB", s.Name)
	}
	sig := s.digests(header, packed, uint32(len(plain)))
	return join(lead(&s, source), sig.sort().bytes(sigRegion), header, packed), nil
}

// payloadDigests writes the digests of the payload that the header carries.
func (s *Spec) payloadDigests(h *headerWriter, packed, plain []byte) {
	if s.Format == 3 {
		return
	}
	h.texts(rpm.TagPayloadDigest, []string{hexSum256(packed)})
	h.texts(rpm.TagPayloadDigestAlt, []string{hexSum256(plain)})
	if s.Format == 4 {
		h.ints(rpm.TagPayloadDigestAlgo, 8)
		return
	}
	h.ints(rpm.TagRPMFormat, 6)
	h.longs(rpm.TagPayloadSize, uint64(len(packed)))
	h.longs(rpm.TagPayloadSizeAlt, uint64(len(plain)))
	for _, d := range []struct {
		tag512, tag3 rpm.Tag
		data         []byte
	}{
		{rpm.TagPayloadSHA512, rpm.TagPayloadSHA3, packed},
		{rpm.TagPayloadSHA512Alt, rpm.TagPayloadSHA3Alt, plain},
	} {
		sum512, sum3 := sha512.Sum512(d.data), sha3.Sum256(d.data)
		h.text(d.tag512, hex.EncodeToString(sum512[:]))
		h.text(d.tag3, hex.EncodeToString(sum3[:]))
	}
}

// reserved is the space that rpm 6 leaves for signatures.
const reserved = 4128

// digests makes the signature header of an unsigned package.
func (s *Spec) digests(header, packed []byte, plainSize uint32) *headerWriter {
	w := &headerWriter{}
	if s.Format == 6 {
		sum3 := sha3.Sum256(header)
		w.text(rpm.TagSHA256Header, hexSum256(header))
		w.text(rpm.TagSHA3Header, hex.EncodeToString(sum3[:]))
		w.bin(rpm.TagSigReservedV6, make([]byte, reserved))
		return w
	}
	if s.Format == 4 {
		sum1 := sha1.Sum(header)
		w.text(rpm.TagSHA1Header, hex.EncodeToString(sum1[:]))
		w.text(rpm.TagSHA256Header, hexSum256(header))
	}
	w.ints(rpm.TagSigSize, uint32(len(header)+len(packed)))
	m := md5.New()
	m.Write(header)
	m.Write(packed)
	w.bin(rpm.TagSigMD5, m.Sum(nil))
	w.ints(rpm.TagSigPayloadSize, plainSize)
	if s.Reserve > 0 {
		w.bin(rpm.TagSigReserved, make([]byte, s.Reserve))
	}
	return w
}

// join puts the parts of a package together; the signature header is padded to 8 bytes.
func join(lead, sig, header, payload []byte) []byte {
	var b bytes.Buffer
	b.Write(lead)
	b.Write(sig)
	for b.Len()%8 != 0 {
		b.WriteByte(0)
	}
	b.Write(header)
	b.Write(payload)
	return b.Bytes()
}

func lead(s *Spec, source bool) []byte {
	l := make([]byte, 96)
	copy(l, "\xed\xab\xee\xdb\x03\x00")
	if source {
		l[7] = 1
	}
	if s.Format == 6 {
		l[4] = 4
	} else {
		l[9], l[77] = 1, 1
	}
	copy(l[10:75], rpm.NVR{Name: s.Name, Version: s.Version, Release: s.Release}.String())
	l[79] = 5
	return l
}

func (s *Spec) identity(h *headerWriter, source bool) {
	h.texts(rpm.TagI18NTable, []string{"C"})
	h.text(rpm.TagName, s.Name)
	h.text(rpm.TagVersion, s.Version)
	h.text(rpm.TagRelease, s.Release)
	if s.Epoch != 0 {
		h.ints(rpm.TagEpoch, s.Epoch)
	}
	h.i18n(rpm.TagSummary, s.Summary)
	h.i18n(rpm.TagDescription, s.Description)
	h.ints(rpm.TagBuildTime, uint32(s.BuildTime))
	h.text(rpm.TagBuildHost, s.BuildHost)
	h.optional(rpm.TagVendor, s.Vendor)
	h.text(rpm.TagLicense, s.License)
	h.optional(rpm.TagPackager, s.Packager)
	h.i18n(rpm.TagGroup, s.Group)
	h.optional(rpm.TagURL, s.URL)
	h.text(rpm.TagOS, "linux")
	h.text(rpm.TagArch, s.Arch)
	h.text(rpm.TagRPMVersion, "4.20.1")
	h.text(rpm.TagPlatform, s.Arch+"-redhat-linux-gnu")
	h.text(rpm.TagEncoding, "utf-8")
	if source {
		h.ints(rpm.TagSourcePackage, 1)
	} else {
		h.text(rpm.TagSourceRPM, s.SourceRPM)
	}
}

func (s *Spec) dependencies(h *headerWriter, source bool) {
	requires := slices.Concat(s.Requires, s.Scripts.requires(), s.rpmlib(source))
	// rpmbuild sorts dependencies by name.
	slices.SortStableFunc(requires, func(a, b rpm.Dependency) int { return cmp.Compare(a.Name, b.Name) })
	provides := s.Provides
	if s.Format == 6 || !source && s.Format == 4 {
		own := rpm.Dependency{Name: s.Name, Flags: rpm.DepEqual, EVR: s.NEVRA().EVR.String()}
		provides = append([]rpm.Dependency{own}, provides...)
		if i := isa(s.Arch); i != "" && !source {
			provides = append(provides, rpm.Dependency{Name: s.Name + i, Flags: own.Flags, EVR: own.EVR})
		}
		slices.SortStableFunc(provides, func(a, b rpm.Dependency) int { return cmp.Compare(a.Name, b.Name) })
	}
	for _, l := range []struct {
		name, flags, version rpm.Tag
		deps                 []rpm.Dependency
	}{
		{rpm.TagRequireName, rpm.TagRequireFlags, rpm.TagRequireVersion, requires},
		{rpm.TagProvideName, rpm.TagProvideFlags, rpm.TagProvideVersion, provides},
		{rpm.TagConflictName, rpm.TagConflictFlags, rpm.TagConflictVersion, s.Conflicts},
		{rpm.TagObsoleteName, rpm.TagObsoleteFlags, rpm.TagObsoleteVersion, s.Obsoletes},
		{rpm.TagRecommendName, rpm.TagRecommendFlags, rpm.TagRecommendVersion, s.Recommends},
		{rpm.TagSuggestName, rpm.TagSuggestFlags, rpm.TagSuggestVersion, s.Suggests},
		{rpm.TagSupplementName, rpm.TagSupplementFlags, rpm.TagSupplementVersion, s.Supplements},
		{rpm.TagEnhanceName, rpm.TagEnhanceFlags, rpm.TagEnhanceVersion, s.Enhances},
	} {
		if len(l.deps) == 0 {
			continue
		}
		var names, versions []string
		var flags []uint32
		for _, d := range l.deps {
			names, versions, flags = append(names, d.Name), append(versions, d.EVR), append(flags, uint32(d.Flags))
		}
		h.texts(l.name, names)
		h.ints(l.flags, flags...)
		h.texts(l.version, versions)
	}
}

// rpmlib lists the features of rpm that the package needs, as rpmbuild does.
func (s *Spec) rpmlib(source bool) []rpm.Dependency {
	var deps []rpm.Dependency
	need := func(name, evr string) {
		deps = append(deps, rpm.Dependency{Name: "rpmlib(" + name + ")", Flags: rpm.DepRpmlib | rpm.DepLess | rpm.DepEqual, EVR: evr})
	}
	if s.Format == 3 {
		return nil
	}
	need("CompressedFileNames", "3.0.4-1")
	need("FileDigests", "4.6.0-1")
	if s.Format == 6 {
		need("LargeFiles", "4.12.0-1")
	}
	if slices.ContainsFunc(s.Files, func(f File) bool { return f.Caps != "" }) {
		need("FileCaps", "4.6.1-1")
	}
	if !source {
		need("PayloadFilesHavePrefix", "4.0-1")
	}
	switch s.Compressor {
	case "zstd":
		need("PayloadIsZstd", "5.4.18-1")
	case "xz":
		need("PayloadIsXz", "5.2-1")
	case "lzma":
		need("PayloadIsLzma", "4.4.2-1")
	}
	hasMark := func(mark string) bool {
		return strings.Contains(s.Version+s.Release, mark) ||
			slices.ContainsFunc(slices.Concat(s.Requires, s.Provides, s.Conflicts, s.Obsoletes), func(d rpm.Dependency) bool {
				return strings.Contains(d.EVR, mark)
			})
	}
	if hasMark("~") {
		need("TildeInVersions", "4.10.0-1")
	}
	if hasMark("^") {
		need("CaretInVersions", "4.15.0-1")
	}
	if slices.ContainsFunc(slices.Concat(s.Requires, s.Recommends, s.Suggests, s.Supplements, s.Enhances), rpm.Dependency.IsRich) {
		need("RichDependencies", "4.12.0-1")
	}
	return deps
}

func hexSum256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
