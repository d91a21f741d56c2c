package rpm_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// small is a package whose header starts at a known place.
func small() []byte {
	return rpmtest.Build(rpmtest.Spec{
		Name: "hello", Version: "1.0", Release: "1", Arch: "x86_64",
		Requires: rpmtest.Deps("glibc >= 2.38"),
		Files:    []rpmtest.File{{Path: "/usr/bin/hello", Mode: 0o755, Data: []byte("x")}},
	})
}

// patch overwrites field (0 tag, 1 type, 2 offset, 3 count) of the index line of tag.
func patch(t *testing.T, data []byte, tag rpm.Tag, field int, value uint32) []byte {
	t.Helper()
	p, err := rpm.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(data)
	i := 0
	for e := range p.Header.Entries() {
		if e.Tag == tag {
			binary.BigEndian.PutUint32(out[p.HeaderStart+16+int64(16*i+4*field):], value)
			return out
		}
		i++
	}
	t.Fatalf("no tag %d", tag)
	return nil
}

func TestGuardRefuses(t *testing.T) {
	t.Parallel()
	put := func(data []byte, at int64, v uint32) []byte {
		out := bytes.Clone(data)
		binary.BigEndian.PutUint32(out[at:], v)
		return out
	}
	good := small()
	p, err := rpm.Read(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	hs := p.HeaderStart
	for name, c := range map[string]struct {
		data   []byte
		part   string
		tag    rpm.Tag
		reason string
	}{
		"empty":                  {nil, rpm.PartLead, 0, "ends after 0"},
		"html page":              {[]byte(strings.Repeat("<html>", 100)), rpm.PartLead, 0, "no RPM"},
		"package format 5":       {append([]byte("\xed\xab\xee\xdb\x05"), good[5:]...), rpm.PartLead, 0, "format 5.0"},
		"no signature":           {put(good, 76, 1<<16), rpm.PartLead, 0, "signature type 0"},
		"signature magic":        {put(good, 96, 0), rpm.PartSignature, 0, "no header magic"},
		"header magic":           {put(good, hs, 0), rpm.PartHeader, 0, "no header magic"},
		"too many tags":          {put(good, hs+8, 0x10000), rpm.PartHeader, 0, "at most 65535"},
		"too many sig tags":      {put(good, 96+8, 33), rpm.PartSignature, 0, "at most 32"},
		"no tags":                {put(good, hs+8, 0), rpm.PartHeader, 0, "no entries"},
		"too much data":          {put(good, hs+12, 0xffffffff), rpm.PartHeader, 0, "at most"},
		"cut in header":          {good[:hs+400], rpm.PartHeader, 0, "ends after"},
		"count of a string":      {patch(t, good, rpm.TagName, 3, 2), rpm.PartHeader, rpm.TagName, "count 1"},
		"count of zero":          {patch(t, good, rpm.TagFileModes, 3, 0), rpm.PartHeader, rpm.TagFileModes, "out of range"},
		"count of four billion":  {patch(t, good, rpm.TagFileModes, 3, 0xffffffff), rpm.PartHeader, rpm.TagFileModes, "out of range"},
		"count past the data":    {patch(t, good, rpm.TagFileSizes, 3, 200), rpm.PartHeader, rpm.TagFileSizes, "do not fit"},
		"strings past the data":  {patch(t, good, rpm.TagBaseNames, 3, 500), rpm.PartHeader, rpm.TagBaseNames, "do not fit"},
		"negative offset":        {patch(t, good, rpm.TagFileModes, 2, 0xfffffff0), rpm.PartHeader, rpm.TagFileModes, "lies outside"},
		"overlap":                {patch(t, good, rpm.TagVersion, 2, 0), rpm.PartHeader, rpm.TagVersion, "overlaps"},
		"unknown type":           {patch(t, good, rpm.TagVersion, 1, 10), rpm.PartHeader, rpm.TagVersion, "unknown type 10"},
		"null type":              {patch(t, good, rpm.TagVersion, 1, 0), rpm.PartHeader, rpm.TagVersion, "unknown null"},
		"tag in the region":      {patch(t, good, rpm.TagVersion, 0, 63), rpm.PartHeader, 63, "out of place"},
		"region type":            {patch(t, good, rpm.TagHeaderImmutable, 1, 4), rpm.PartHeader, 63, "region of int32"},
		"region offset":          {patch(t, good, rpm.TagHeaderImmutable, 2, 1<<24), rpm.PartHeader, 63, "lies outside"},
		"region trailer":         {patch(t, good, rpm.TagHeaderImmutable, 2, 0), rpm.PartHeader, 63, "region trailer has tag"},
		"missing name":           {patch(t, good, rpm.TagName, 0, 999), rpm.PartHeader, rpm.TagName, "missing"},
		"directory out of range": {dirIndex(t, good, 7), rpm.PartHeader, rpm.TagDirIndexes, "directory 7 of 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := rpm.Read(bytes.NewReader(c.data))
			var fe *rpm.FormatError
			if !errors.As(err, &fe) {
				t.Fatalf("got %v", err)
			}
			if fe.Part != c.part || fe.Tag != c.tag || !strings.Contains(fe.Reason, c.reason) {
				t.Errorf("part %q, tag %d, reason %q; want %q, %d, %q", fe.Part, fe.Tag, fe.Reason, c.part, c.tag, c.reason)
			}
			if fe.Offset < 0 || !strings.HasPrefix(err.Error(), "read rpm: ") {
				t.Errorf("offset %d in %q", fe.Offset, err)
			}
		})
	}
}

// TestGuardRefusesMisplacedTags: a tag of the signature header in the main one
// could pass for the true one, and tags of the signature header have one type.
func TestGuardRefusesMisplacedTags(t *testing.T) {
	t.Parallel()
	set := func(edit func(r *rpmtest.Raw)) []byte {
		r := rpmtest.TakeApart(small())
		edit(r)
		return r.Bytes()
	}
	text := func(tag rpm.Tag, s string) rpmtest.Entry {
		return rpmtest.Entry{Tag: tag, Type: rpm.TypeString, Count: 1, Data: []byte(s + "\x00")}
	}
	bin := func(tag rpm.Tag, n int) rpmtest.Entry {
		return rpmtest.Entry{Tag: tag, Type: rpm.TypeBin, Count: n, Data: make([]byte, n)}
	}
	for name, c := range map[string]struct {
		data []byte
		part string
		tag  rpm.Tag
	}{
		"a digest in the main header":    {set(func(r *rpmtest.Raw) { r.Header = rpmtest.Set(r.Header, text(rpm.TagSHA256Header, "x")) }), rpm.PartHeader, rpm.TagSHA256Header},
		"a signature in the main header": {set(func(r *rpmtest.Raw) { r.Header = rpmtest.Set(r.Header, bin(rpm.TagRSAHeader, 9)) }), rpm.PartHeader, rpm.TagRSAHeader},
		"the size of the archive, twice": {set(func(r *rpmtest.Raw) { r.Header = rpmtest.Set(r.Header, rpmtest.Ints(rpm.TagArchiveSize, 1)) }), rpm.PartHeader, rpm.TagArchiveSize},
		"a signature that is a text":     {set(func(r *rpmtest.Raw) { r.Signature = rpmtest.Set(r.Signature, text(rpm.TagRSAHeader, "x")) }), rpm.PartSignature, rpm.TagRSAHeader},
		"a short MD5":                    {set(func(r *rpmtest.Raw) { r.Signature = rpmtest.Set(r.Signature, bin(rpm.TagSigMD5, 15)) }), rpm.PartSignature, rpm.TagSigMD5},
		"two sizes":                      {set(func(r *rpmtest.Raw) { r.Signature = rpmtest.Set(r.Signature, rpmtest.Ints(rpm.TagSigSize, 1, 2)) }), rpm.PartSignature, rpm.TagSigSize},
		"OPENPGP as bytes":               {set(func(r *rpmtest.Raw) { r.Signature = rpmtest.Set(r.Signature, bin(rpm.TagOpenPGP, 9)) }), rpm.PartSignature, rpm.TagOpenPGP},
		"an epoch that is a text":        {set(func(r *rpmtest.Raw) { r.Header = rpmtest.Set(r.Header, text(rpm.TagEpoch, "1")) }), rpm.PartHeader, rpm.TagEpoch},
		"a prefix that is a number":      {set(func(r *rpmtest.Raw) { r.Header = rpmtest.Set(r.Header, rpmtest.Ints(1098, 1)) }), rpm.PartHeader, 1098},
	} {
		_, err := rpm.Read(bytes.NewReader(c.data))
		var fe *rpm.FormatError
		if !errors.As(err, &fe) || fe.Part != c.part || fe.Tag != c.tag {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := rpmtest.TakeApart(small())
	twice.Header = append(twice.Header, twice.Header[1])
	if _, err := rpm.Read(bytes.NewReader(twice.Bytes())); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a name at both ends of the index: %v", err)
	}
	moved := rpmtest.TakeApart(small())
	moved.Signature = rpmtest.Drop(moved.Signature, rpm.TagSigPayloadSize)
	moved.Header = rpmtest.Set(moved.Header, rpmtest.Ints(rpm.TagArchiveSize, 77))
	if p, err := rpm.Read(bytes.NewReader(moved.Bytes())); err != nil || p.ArchiveSize != 77 {
		t.Errorf("the size of the archive in the main header alone: %v", err)
	}
	unknown := rpmtest.TakeApart(small())
	unknown.Header = rpmtest.Set(unknown.Header, text(9999, "x"))
	if _, err := rpm.Read(bytes.NewReader(unknown.Bytes())); err != nil {
		t.Errorf("an unknown tag: %v", err)
	}
}

// dirIndex overwrites the directory of the only file.
func dirIndex(t *testing.T, data []byte, value uint32) []byte {
	t.Helper()
	p, err := rpm.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(data)
	i := bytes.Index(out[p.HeaderStart:], []byte("\x00hello\x00/usr/bin/\x00"))
	binary.BigEndian.PutUint32(out[int(p.HeaderStart)+i-3:], value)
	return out
}

func TestTruncationIsUnexpectedEOF(t *testing.T) {
	t.Parallel()
	data := small()
	for _, n := range []int{0, 3, 95, 96, 111, 200, 400} {
		if _, err := rpm.Read(bytes.NewReader(data[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestOptionsLowerTheLimits(t *testing.T) {
	t.Parallel()
	data := rpmtest.Build(rpmtest.Spec{
		Name: "many", Version: "1", Release: "1", Requires: rpmtest.Deps("a", "b", "c"),
		Files: []rpmtest.File{{Path: "/a"}, {Path: "/b"}},
	})
	for name, c := range map[string]struct {
		o      rpm.Options
		reason string
	}{
		"data":    {rpm.Options{MaxHeaderData: 100}, "at most 100"},
		"tags":    {rpm.Options{MaxTags: 5}, "at most 5"},
		"files":   {rpm.Options{MaxFiles: 1}, "at most 1"},
		"entries": {rpm.Options{MaxEntries: 2}, "at most 2"},
	} {
		if _, err := c.o.Read(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := rpm.Read(bytes.NewReader(data)); err != nil {
		t.Error(err)
	}
}

// TestPathsAreBounded: one long directory named for many files must not
// multiply into memory.
func TestPathsAreBounded(t *testing.T) {
	t.Parallel()
	const files = 2000
	r := rpmtest.TakeApart(small())
	r.Header = rpmtest.Drop(r.Header, fileColumns()...)
	for _, e := range []rpmtest.Entry{
		rpmtest.Ints(rpm.TagDirIndexes, make([]uint32, files)...),
		rpmtest.Strings(rpm.TagBaseNames, strings.Split(strings.Repeat("x,", files-1)+"x", ",")...),
		rpmtest.Strings(rpm.TagDirNames, "/"+strings.Repeat("d", 40<<10)+"/"),
	} {
		r.Header = rpmtest.Set(r.Header, e)
	}
	_, err := rpm.Read(bytes.NewReader(r.Bytes()))
	var fe *rpm.FormatError
	if !errors.As(err, &fe) || fe.Tag != rpm.TagDirNames {
		t.Errorf("got %v", err)
	}
}

// fileColumns are the tags that have an element for each file.
func fileColumns() []rpm.Tag {
	return []rpm.Tag{
		rpm.TagFileSizes, rpm.TagFileModes, rpm.TagFileRdevs, rpm.TagFileMTimes, rpm.TagFileDigests, rpm.TagFileLinkTos,
		rpm.TagFileFlags, rpm.TagFileUserName, rpm.TagFileGroupName, rpm.TagFileVerifyFlags, rpm.TagFileDevices, rpm.TagFileInodes,
		rpm.TagFileLangs,
	}
}
