//go:build interop

package interop_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// rpmDump asks rpm's Python binding; one line of input is answered by one value.
func rpmDump[T any](t *testing.T, input []string, args ...string) []T {
	t.Helper()
	python := "/usr/bin/python3" // the one that has the distribution's python3-rpm
	if _, err := os.Stat(python); err != nil {
		python = "python3"
	}
	if err := exec.CommandContext(t.Context(), python, "-c", "import rpm").Run(); err != nil {
		shareddata.Missing(t, "python3-rpm")
	}
	cmd := exec.CommandContext(t.Context(), python, append([]string{filepath.Join("testdata", "rpmdump.py")}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "LANGUAGE=C", "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stdin = strings.NewReader(strings.Join(input, "\n"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("rpmdump.py %v: %v\n%s", args, err, &stderr)
	}
	var list []T
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var v T
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

// fields is a package in rpm's tags: texts, numbers, and lists of both.
type fields map[string]any

// fieldsOf says in rpm's tags what our reader has found, absent ones left out.
func fieldsOf(p *rpm.Package) fields {
	f := fields{}
	text := func(tag, s string) {
		if s != "" {
			f[tag] = latin1(s)
		}
	}
	number := func(tag string, n uint64, has bool) {
		if has {
			f[tag] = float64(n)
		}
	}
	add := func(tag string, v any) {
		if s, ok := v.(string); ok {
			v = latin1(s)
		} else {
			v, _ = strconv.ParseFloat(fmt.Sprint(v), 64)
		}
		list, _ := f[tag].([]any)
		f[tag] = append(list, v)
	}
	for tag, s := range map[string]string{
		"NAME": p.Name, "VERSION": p.EVR.Version, "RELEASE": p.EVR.Release, "ARCH": p.HeaderArch, "SUMMARY": p.Summary,
		"DESCRIPTION": p.Description, "PACKAGER": p.Packager, "URL": p.URL, "LICENSE": p.License, "VENDOR": p.Vendor, "GROUP": p.Group,
		"BUILDHOST": p.BuildHost, "SOURCERPM": p.SourceRPM, "OS": p.OS, "ENCODING": p.Encoding, "RPMVERSION": p.RPMVersion,
		"MODULARITYLABEL": p.ModuleLabel, "PAYLOADFLAGS": p.PayloadFlags,
		"SHA1HEADER": p.Digests.HeaderSHA1, "SHA256HEADER": p.Digests.HeaderSHA256,
	} {
		text(tag, s)
	}
	if p.Header.Has(rpm.TagPayloadFormat) {
		text("PAYLOADFORMAT", p.PayloadFormat)
	}
	if p.Header.Has(rpm.TagPayloadCompressor) {
		text("PAYLOADCOMPRESSOR", p.PayloadCompressor)
	}
	md5, _ := hex.DecodeString(p.Digests.SigMD5)
	text("SIGMD5", string(md5))
	number("EPOCH", uint64(p.EVR.Epoch), p.EVR.HasEpoch)
	number("BUILDTIME", uint64(p.BuildTime), p.Header.Has(rpm.TagBuildTime))
	number("LONGSIZE", p.InstalledSize, p.Header.Has(rpm.TagSize) || p.Header.Has(rpm.TagLongSize))
	number("LONGARCHIVESIZE", p.ArchiveSize, p.ArchiveSize != 0)
	number("FILEDIGESTALGO", uint64(p.FileDigestAlgo), p.Header.Has(rpm.TagFileDigestAlgo))
	if p.Digests.Payload != "" {
		add("PAYLOADDIGEST", p.Digests.Payload)
	}
	if p.Digests.PayloadAlt != "" {
		add("PAYLOADDIGESTALT", p.Digests.PayloadAlt)
	}
	for kind, tag := range depTags() {
		for d := range p.Dependencies(kind) {
			add(tag+"NAME", d.Name)
			add(tag+"FLAGS", uint32(d.Flags))
			add(tag+"VERSION", d.EVR)
		}
	}
	for c := range p.Changelogs() {
		add("CHANGELOGTIME", c.Time)
		add("CHANGELOGNAME", c.Author)
		add("CHANGELOGTEXT", c.Text)
	}
	columns := map[string]rpm.Tag{
		"FILEMODES": rpm.TagFileModes, "FILEFLAGS": rpm.TagFileFlags, "FILEDIGESTS": rpm.TagFileDigests, "FILELINKTOS": rpm.TagFileLinkTos,
		"FILEMTIMES": rpm.TagFileMTimes, "FILEUSERNAME": rpm.TagFileUserName, "FILEGROUPNAME": rpm.TagFileGroupName,
		"FILERDEVS": rpm.TagFileRdevs, "FILEDEVICES": rpm.TagFileDevices, "FILEINODES": rpm.TagFileInodes, "FILECAPS": rpm.TagFileCaps,
	}
	for file := range p.Files() {
		add("FILENAMES", file.Path())
		add("LONGFILESIZES", file.Size)
		for tag, v := range map[string]any{
			"FILEMODES": file.Mode, "FILEFLAGS": uint32(file.Flags), "FILEDIGESTS": file.Digest, "FILELINKTOS": file.Linkto,
			"FILEMTIMES": file.MTime, "FILEUSERNAME": file.User, "FILEGROUPNAME": file.Group,
			"FILERDEVS": file.Rdev, "FILEDEVICES": file.Device, "FILEINODES": file.Inode, "FILECAPS": file.Caps,
		} {
			if p.Header.Has(columns[tag]) {
				add(tag, v)
			}
		}
	}
	return f
}

func depTags() map[rpm.DepKind]string {
	return map[rpm.DepKind]string{
		rpm.Requires: "REQUIRE", rpm.Provides: "PROVIDE", rpm.Conflicts: "CONFLICT", rpm.Obsoletes: "OBSOLETE",
		rpm.Recommends: "RECOMMEND", rpm.Suggests: "SUGGEST", rpm.Supplements: "SUPPLEMENT", rpm.Enhances: "ENHANCE",
		rpm.OldSuggests: "OLDSUGGESTS", rpm.OldEnhances: "OLDENHANCES", rpm.Order: "ORDER", rpm.Triggers: "TRIGGER",
		rpm.FileTriggers: "FILETRIGGER", rpm.TransFileTriggers: "TRANSFILETRIGGER",
	}
}

// fieldNames are the tags of fieldsOf.
func fieldNames() []string {
	names := strings.Fields("NAME VERSION RELEASE ARCH SUMMARY DESCRIPTION PACKAGER URL LICENSE VENDOR GROUP BUILDHOST SOURCERPM OS ENCODING " +
		"RPMVERSION MODULARITYLABEL PAYLOADFORMAT PAYLOADCOMPRESSOR PAYLOADFLAGS SIGMD5 SHA1HEADER SHA256HEADER EPOCH BUILDTIME LONGSIZE " +
		"LONGARCHIVESIZE FILEDIGESTALGO PAYLOADDIGEST PAYLOADDIGESTALT CHANGELOGTIME CHANGELOGNAME CHANGELOGTEXT FILENAMES LONGFILESIZES " +
		"FILEMODES FILEFLAGS FILEDIGESTS FILELINKTOS FILEMTIMES FILEUSERNAME FILEGROUPNAME FILERDEVS FILEDEVICES FILEINODES FILECAPS")
	for _, tag := range depTags() {
		names = append(names, tag+"NAME", tag+"FLAGS", tag+"VERSION")
	}
	return names
}

// latin1 is a string byte by byte, as rpmdump.py prints them.
func latin1(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

// known drops what is no difference: rpm answers with None or an empty list,
// an empty text or the number 0 where a package says nothing.
func known(f fields) fields {
	out := fields{}
	for tag, v := range f {
		if list, ok := v.([]any); v != nil && v != "" && (!ok || len(list) > 0) {
			out[tag] = v
		}
	}
	return out
}

// TestRPMReadsEveryFieldTheSame holds every package of the shared data, and
// those that rpmtest makes, against rpm: both accept the same files, and find
// the same in them.
func TestRPMReadsEveryFieldTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "rpms"), "*.rpm"))
	if err != nil || len(files) == 0 {
		shareddata.Missing(t, "rpms")
	}
	dir := t.TempDir()
	for format, s := range oddSpecs() {
		path := filepath.Join(dir, fmt.Sprintf("odd-%s.rpm", format))
		if err := os.WriteFile(path, rpmtest.Build(s), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	compared := 0
	for i, want := range rpmDump[fields](t, files, "headers", strings.Join(fieldNames(), ",")) {
		name := filepath.Base(files[i])
		p, err := rpm.Open(files[i])
		if refused, _ := want["error"].(string); (refused == "") != (err == nil) {
			t.Errorf("%s: %v, rpm says %q", name, err, refused)
			continue
		}
		if err != nil {
			continue
		}
		compared++
		got := known(fieldsOf(p))
		want = known(want)
		if !p.Source && got["SOURCERPM"] == nil && want["SOURCERPM"] == "(none)" {
			delete(want, "SOURCERPM") // rpm's own filler
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("%s, - rpm + ours: %s", name, d)
		}
	}
	if compared < 200 {
		t.Errorf("only %d packages compared", compared)
	}
}

// oddSpecs are packages of rpmtest with everything that it can make.
func oddSpecs() map[string]rpmtest.Spec {
	specs := map[string]rpmtest.Spec{}
	for _, format := range []int{3, 4, 6} {
		s := rpmtest.Spec{
			Name: "odd", Epoch: 3, Version: "1.0~rc1^git2", Release: "1.fc44", Arch: "x86_64", Format: format,
			Requires: rpmtest.Deps("glibc >= 2.38", "(a if b)"), Provides: rpmtest.Deps("cap = 1~rc"), Conflicts: rpmtest.Deps("c < 1"),
			Obsoletes: rpmtest.Deps("o <= 2:3"), Recommends: rpmtest.Deps("r"), Suggests: rpmtest.Deps("s > 1"),
			Supplements: rpmtest.Deps("(x and y)"), Enhances: rpmtest.Deps("e"),
			Files: []rpmtest.File{
				{Path: "/usr/bin/odd", Mode: 0o4755, Data: []byte("tool"), User: "root", Group: "games", Caps: "cap_net_raw=ep"},
				{Path: "/usr/share/odd/one", Data: []byte("shared data")},
				{Path: "/usr/share/odd/three", Hardlink: "/usr/share/odd/one"},
				{Path: "/usr/share/odd/two", Hardlink: "/usr/share/odd/one"},
				{Path: "/usr/share/odd/empty"},
				{Path: "/usr/share/odd/link", Linkto: "../../bin/odd"},
				{Path: "/usr/share/odd/pipe", Mode: 0o010600},
				{Path: "/var/log/odd", Flags: rpm.FileGhost},
			},
			Scripts:    rpmtest.Scripts{Post: "true"},
			Changelogs: []rpm.Changelog{{Time: 1767225600, Author: "Zo\xeb <qa@example.org> - 1.0-1", Text: "- made"}},
		}
		if format == 3 {
			s.Requires, s.Supplements = s.Requires[:1], nil
		}
		specs[strconv.Itoa(format)] = s
	}
	return specs
}

// TestRPMAcceptsTheSameTypes gives every tag of rpm's table every type of data:
// the guard refuses what rpm refuses.
func TestRPMAcceptsTheSameTypes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	base := rpmtest.Build(rpmtest.Spec{Name: "a", Version: "1", Release: "1"})
	names := rpmDump[map[string]uint32](t, nil, "names")[0]
	var files []string
	for _, number := range names {
		if tag := rpm.Tag(number); tag < rpm.TagI18NTable || slices.Contains([]rpm.Tag{rpm.TagName, rpm.TagVersion, rpm.TagRelease}, tag) {
			continue
		}
		for typ := rpm.TypeChar; typ <= rpm.TypeI18NString; typ++ {
			r := rpmtest.TakeApart(base)
			r.Header = rpmtest.Set(r.Header, rpmtest.Entry{Tag: rpm.Tag(number), Type: typ, Count: 1, Data: []byte("x\x00\x00\x00\x00\x00\x00\x00")[:dataSize(typ)]})
			path := filepath.Join(dir, fmt.Sprintf("%d-%d.rpm", number, typ))
			if err := os.WriteFile(path, r.Digested(), 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, path)
		}
	}
	accepted := 0
	for i, want := range rpmDump[fields](t, files, "headers", "NAME") {
		_, err := rpm.Open(files[i])
		refused, _ := want["error"].(string)
		if refused == "" {
			accepted++
		}
		// A list whose columns have different lengths, or no directories, is one
		// that rpm forgets about without a word; here it is refused.
		lame := err != nil && (strings.Contains(err.Error(), "elements where the list has") || strings.Contains(err.Error(), "without directories"))
		if (refused == "") != (err == nil) && !lame {
			t.Errorf("%s: %v, rpm says %q", filepath.Base(files[i]), err, refused)
		}
	}
	if accepted < 400 || len(files)-accepted < 400 {
		t.Errorf("rpm accepts %d of %d", accepted, len(files))
	}
}

// TestRPMAcceptsTheSameMutants changes bytes of the headers of every package,
// of their index first of all. What rpm refuses is refused. The other way round
// we are stricter in what nobody makes, because its meaning depends on who
// reads it: lists whose columns do not fit, files without a directory, tags that
// come twice, and packages without a name.
func TestRPMAcceptsTheSameMutants(t *testing.T) {
	t.Parallel()
	stricter := []string{"missing or empty", "elements where the list has", "without directories", "is in directory", "directories for", "twice in the index", "wants a string", "wants strings", "wants an integer", "unexpected"}
	files, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "rpms"), "*.rpm"))
	if err != nil || len(files) == 0 {
		shareddata.Missing(t, "rpms")
	}
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(8, 9))
	var paths []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p, err := rpm.Read(bytes.NewReader(data))
		if err != nil || p.HeaderEnd > 64<<10 {
			continue
		}
		for i := range 40 {
			m := bytes.Clone(data[:p.HeaderEnd])
			for range 1 + rnd.IntN(3) {
				mutate(rnd, m, int(p.HeaderStart))
			}
			path := filepath.Join(dir, fmt.Sprintf("%s-%d", filepath.Base(f), i))
			if err := os.WriteFile(path, m, 0o600); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
	}
	accepted := 0
	for i, want := range rpmDump[fields](t, paths, "headers", "NAME") {
		_, err := rpm.Open(paths[i])
		refused, _ := want["error"].(string)
		if refused == "" {
			accepted++
		}
		// Tags of rpm 6 have a type that rpm 4.18 does not know.
		fe, _ := errors.AsType[*rpm.FormatError](err)
		newer := fe != nil && (fe.Tag > 5102 || fe.Tag == rpm.TagOpenPGP || fe.Tag == rpm.TagSHA3Header)
		if (refused == "") == (err == nil) || newer && refused == "" {
			continue
		}
		if fe != nil && refused == "" && fe.Part == rpm.PartSignature && twiceSigned(t, paths[i], fe.Tag) {
			continue // rpm looks at one of the two, whichever
		}
		if err == nil || !slices.ContainsFunc(stricter, func(s string) bool { return strings.Contains(err.Error(), s) }) {
			t.Errorf("%s: %v, rpm says %q", filepath.Base(paths[i]), err, refused)
		}
	}
	if accepted < len(paths)/10 || accepted > len(paths)*9/10 {
		t.Errorf("rpm accepts %d of %d mutants: no good sample", accepted, len(paths))
	}
}

// twiceSigned tells whether the signature header of a package has a tag twice.
func twiceSigned(t *testing.T, path string, tag rpm.Tag) bool {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range int(binary.BigEndian.Uint32(data[104:])) {
		if rpm.Tag(binary.BigEndian.Uint32(data[112+16*i:])) == tag {
			n++
		}
	}
	return n > 1
}

// mutate changes one byte: of the index of the signature header, of that of the
// header, or anywhere.
func mutate(rnd *rand.Rand, m []byte, header int) {
	at := rnd.IntN(len(m))
	switch rnd.IntN(3) {
	case 0:
		at = header + rnd.IntN(16*60)
	case 1:
		at = 96 + rnd.IntN(16*8)
	}
	at = min(at, len(m)-1)
	switch rnd.IntN(3) {
	case 0:
		m[at] = byte(rnd.Uint32())
	case 1:
		m[at] ^= 1 << rnd.IntN(8)
	default:
		m[at] += byte(rnd.IntN(3)) - 1
	}
}

func dataSize(t rpm.Type) int {
	switch t {
	case rpm.TypeInt16:
		return 2
	case rpm.TypeInt32:
		return 4
	case rpm.TypeInt64:
		return 8
	case rpm.TypeString, rpm.TypeStringArray, rpm.TypeI18NString:
		return 2
	default:
		return 1
	}
}

// TestRPMNamesTagsTheSame: every name that rpm has is ours.
func TestRPMNamesTagsTheSame(t *testing.T) {
	t.Parallel()
	p, err := rpm.Read(bytes.NewReader(rpmtest.Build(rpmtest.Spec{Name: "a", Version: "1", Release: "1"})))
	if err != nil {
		t.Fatal(err)
	}
	names := map[uint32][]string{}
	for name, number := range rpmDump[map[string]uint32](t, nil, "names")[0] {
		names[number] = append(names[number], name)
	}
	// rpm 6 gave some another name, and the binding knows some by their short one.
	renamed := map[string]string{
		"PAYLOADSHA256": "PAYLOADDIGEST", "PAYLOADSHA256ALGO": "PAYLOADDIGESTALGO", "PAYLOADSHA256ALT": "PAYLOADDIGESTALT",
		"SOURCESIGMD5": "SOURCEPKGID", "FILEDIGESTS": "FILEMD5S",
	}
	for _, name := range []string{"PROVIDE", "REQUIRE", "CONFLICT", "OBSOLETE", "RECOMMEND", "SUGGEST", "SUPPLEMENT", "ENHANCE"} {
		renamed[name+"NAME"] = name + "S"
	}
	for number, list := range names {
		got := p.Header.TagName(rpm.Tag(number))
		if !slices.Contains(list, got) && !slices.Contains(list, renamed[got]) && number != 61 && number != 64 {
			t.Errorf("tag %d is %q, rpm says %v", number, got, list)
		}
	}
	if len(names) < 200 {
		t.Errorf("only %d names", len(names))
	}
}

// versions makes texts that are like versions, and some that are not.
func versions(rnd *rand.Rand, n int) []string {
	parts := []string{"0", "1", "01", "10", "9", "a", "b", "rc", "~", "^", ".", "_", "+", "-", "~~", "^^", "git", "20250101", "99999999999999999999", "é"}
	list := make([]string, n)
	for i := range list {
		for range 1 + rnd.IntN(6) {
			list[i] += parts[rnd.IntN(len(parts))]
		}
	}
	return list
}

func TestRPMComparesVersionsTheSame(t *testing.T) {
	t.Parallel()
	const pairs = 20_000
	rnd := rand.New(rand.NewPCG(3, 4))
	list := versions(rnd, 2*pairs)
	var input []string
	for i := range pairs {
		input = append(input, list[2*i]+"\t"+list[2*i+1])
	}
	for i, want := range rpmDump[int](t, input, "vercmp") {
		if got := rpm.Vercmp(list[2*i], list[2*i+1]); got != want {
			t.Errorf("Vercmp(%q, %q) is %d, rpm says %d", list[2*i], list[2*i+1], got, want)
		}
	}
}

func TestRPMDecidesRangesTheSame(t *testing.T) {
	t.Parallel()
	const pairs = 20_000
	rnd := rand.New(rand.NewPCG(5, 6))
	// Few different ones, so that many are equal in a part.
	pool := versions(rnd, 6)
	pool = append(pool, "1", "2", "1.0", "1-1", "1-2", "0:1", "1:1", "1:1-1", "00:1-1", ":1", "x:1", "1-", "-1", "5000000000:1", "1-1-1", "")
	evr := func() string {
		s := pool[rnd.IntN(len(pool))]
		if rnd.IntN(3) == 0 {
			s = strconv.Itoa(rnd.IntN(3)) + ":" + s
		}
		if rnd.IntN(3) == 0 {
			s += "-" + strconv.Itoa(rnd.IntN(3))
		}
		return s
	}
	var input []string
	var deps [][2]rpm.Dependency
	for range pairs {
		d := [2]rpm.Dependency{ // the binding takes no dependency with all three bits
			{Name: "n", Flags: rpm.DepFlags(rnd.IntN(7) << 1), EVR: evr()},
			{Name: "n", Flags: rpm.DepFlags(rnd.IntN(7) << 1), EVR: evr()},
		}
		deps = append(deps, d)
		input = append(input, fmt.Sprintf("%d\t%s\t%d\t%s", d[0].Flags, d[0].EVR, d[1].Flags, d[1].EVR))
	}
	yes := 0
	for i, want := range rpmDump[bool](t, input, "overlap") {
		if got := rpm.Overlaps(deps[i][0], deps[i][1]); got != want {
			t.Errorf("%v overlaps %v: %v, rpm says %v", deps[i][0], deps[i][1], got, want)
		}
		if want {
			yes++
		}
	}
	if yes < pairs/4 || yes > pairs*3/4+pairs/8 {
		t.Errorf("%d of %d overlap: no good sample", yes, pairs)
	}
}
