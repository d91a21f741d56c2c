package kojitest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// rpmTag is a field of an RPM header by the name that rpm gives it.
type rpmTag struct {
	number uint32
	list   bool // read as a list, however many there are
	sig    bool // stands in the signature header
}

// rpmTags are the fields that getRPMHeaders answers (rpmtag.h). rpm shows those
// of the signature header under other numbers; the names are what counts here.
func rpmTags() map[string]rpmTag {
	t := map[string]rpmTag{
		"NAME": {number: 1000}, "VERSION": {number: 1001}, "RELEASE": {number: 1002}, "EPOCH": {number: 1003}, "SUMMARY": {number: 1004},
		"DESCRIPTION": {number: 1005}, "BUILDTIME": {number: 1006}, "BUILDHOST": {number: 1007}, "SIZE": {number: 1009}, "DISTRIBUTION": {number: 1010},
		"VENDOR": {number: 1011}, "LICENSE": {number: 1014}, "PACKAGER": {number: 1015}, "GROUP": {number: 1016}, "URL": {number: 1020}, "OS": {number: 1021},
		"ARCH": {number: 1022}, "PREIN": {number: 1023}, "POSTIN": {number: 1024}, "PREUN": {number: 1025}, "POSTUN": {number: 1026}, "SOURCERPM": {number: 1044},
		"ARCHIVESIZE": {number: 1046}, "RPMVERSION": {number: 1064}, "SOURCEPACKAGE": {number: 1106}, "PAYLOADFORMAT": {number: 1124}, "PAYLOADCOMPRESSOR": {number: 1125},
		"PLATFORM": {number: 1132}, "FILEDIGESTALGO": {number: 5011}, "ENCODING": {number: 5062}, "MODULARITYLABEL": {number: 5096},
		"SIGSIZE": {number: 1000, sig: true}, "SIGMD5": {number: 1004, sig: true}, "RSAHEADER": {number: 268, sig: true}, "SHA1HEADER": {number: 269, sig: true},
		"SHA256HEADER": {number: 273, sig: true},
	}
	for name, number := range map[string]uint32{
		"FILESIZES": 1028, "FILEMODES": 1030, "FILEMTIMES": 1034, "FILEDIGESTS": 1035, "FILEMD5S": 1035, "FILELINKTOS": 1036, "FILEFLAGS": 1037,
		"FILEUSERNAME": 1039, "FILEGROUPNAME": 1040, "DIRINDEXES": 1116, "BASENAMES": 1117, "DIRNAMES": 1118, "EXCLUSIVEARCH": 1061,
		"CHANGELOGTIME": 1080, "CHANGELOGNAME": 1081, "CHANGELOGTEXT": 1082,
		"PROVIDENAME": 1047, "PROVIDES": 1047, "PROVIDEFLAGS": 1112, "PROVIDEVERSION": 1113,
		"REQUIRENAME": 1049, "REQUIRES": 1049, "REQUIREFLAGS": 1048, "REQUIREVERSION": 1050,
		"CONFLICTNAME": 1054, "CONFLICTS": 1054, "CONFLICTFLAGS": 1053, "CONFLICTVERSION": 1055,
		"OBSOLETENAME": 1090, "OBSOLETES": 1090, "OBSOLETEFLAGS": 1114, "OBSOLETEVERSION": 1115,
		"RECOMMENDNAME": 5046, "RECOMMENDVERSION": 5047, "RECOMMENDFLAGS": 5048, "SUGGESTNAME": 5049, "SUGGESTVERSION": 5050, "SUGGESTFLAGS": 5051,
		"SUPPLEMENTNAME": 5052, "SUPPLEMENTVERSION": 5053, "SUPPLEMENTFLAGS": 5054, "ENHANCENAME": 5055, "ENHANCEVERSION": 5056, "ENHANCEFLAGS": 5057,
	} {
		t[name] = rpmTag{number: number, list: true}
	}
	return t
}

// depNames are the kinds of dependencies in the order of getRPMDeps, with
// koji's DEP_ numbers.
func depNames() []struct {
	name string
	id   int
} {
	return []struct {
		name string
		id   int
	}{{"REQUIRE", 0}, {"PROVIDE", 1}, {"CONFLICT", 3}, {"OBSOLETE", 2}, {"SUGGEST", 4}, {"ENHANCE", 5}, {"SUPPLEMENT", 6}, {"RECOMMEND", 7}}
}

// rpmHeader is the pair of headers of an RPM file.
type rpmHeader struct{ sig, main section }

// header reads the headers of a file of the tree; nil if it is none of RPM.
func (h *Hub) header(name string) (*rpmHeader, error) {
	f, ok := h.files[name]
	if !ok {
		return nil, nil
	}
	data, err := f.read()
	if err != nil {
		return nil, err
	}
	r := bytes.NewReader(data)
	sig, err := readSection(r, leadSize)
	if err != nil {
		return nil, err
	}
	main, err := readSection(r, leadSize+(sig.size+7)/8*8)
	if err != nil {
		return nil, err
	}
	return &rpmHeader{sig: sig, main: main}, nil
}

// field reads one field as rpm's Python shows it.
func (r *rpmHeader) field(name string) (any, error) {
	upper := strings.ToUpper(name)
	if upper == "FILENAMES" {
		return r.fileNames(), nil
	}
	tag, ok := rpmTags()[upper]
	if !ok {
		return nil, generic("No such rpm header field: %s", upper)
	}
	from := r.main
	if tag.sig {
		from = r.sig
	}
	v := from.read(tag.number)
	switch {
	case v == nil && tag.list:
		return []any{}, nil
	case tag.list:
		return v, nil
	}
	if list, ok := v.([]any); ok && len(list) > 0 {
		return list[0], nil
	}
	return v, nil
}

// list reads a field that is one.
func (r *rpmHeader) list(name string) []any {
	v, _ := r.field(name)
	list, _ := v.([]any)
	return list
}

func (r *rpmHeader) fileNames() []any {
	dirs, index := r.list("DIRNAMES"), r.list("DIRINDEXES")
	out := []any{}
	for i, base := range r.list("BASENAMES") {
		name, _ := base.(string)
		if i < len(index) {
			if n, ok := index[i].(int64); ok && n >= 0 && int(n) < len(dirs) {
				dir, _ := dirs[n].(string)
				name = dir + name
			}
		}
		out = append(out, name)
	}
	return out
}

// read returns the value of a tag: a list of numbers or texts, or bytes; nil if
// it is missing or broken.
func (s section) read(tag uint32) any {
	for e := s.entries; len(e) >= entrySize; e = e[entrySize:] {
		if binary.BigEndian.Uint32(e) != tag {
			continue
		}
		kind, offset, count := binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])
		if int64(offset) > int64(len(s.store)) || int64(count) > int64(len(s.store)) {
			return nil
		}
		return decodeEntry(kind, int(count), s.store[offset:])
	}
	return nil
}

func decodeEntry(kind uint32, count int, v []byte) any {
	list := []any{}
	width := map[uint32]int{1: 1, 2: 1, 3: 2, 4: 4, 5: 8}[kind]
	switch {
	case width > 0:
		for ; count > 0 && len(v) >= width; count, v = count-1, v[width:] {
			var n uint64
			for _, c := range v[:width] {
				n = n<<8 | uint64(c)
			}
			list = append(list, int64(n))
		}
		return list
	case kind == 7:
		return bytes.Clone(v[:min(count, len(v))])
	case kind == 6 || kind == 8 || kind == 9:
		for ; count > 0; count-- {
			end := bytes.IndexByte(v, 0)
			if end < 0 {
				break
			}
			list = append(list, printable(string(v[:end])))
			v = v[end+1:]
		}
		return list
	}
	return nil
}

// printable is koji.fixEncoding without what XML cannot carry.
func printable(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "?")
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return -1
		}
		return r
	}, s)
}

// rpmPath is where the unsigned file of an RPM stands.
func (r *rpmRow) path() string {
	return r.build.dirs()[0] + "/" + r.arch + "/" + r.nvr() + "." + r.arch + ".rpm"
}

// fileHeader reads the header of an RPM of a build or, with taskID and filepath,
// of a task; nil if there is no such file.
func (h *Hub) fileHeader(a args, ref any) (*rpmHeader, error) {
	if ref != nil {
		r := h.findRPM(ref)
		if r == nil {
			if a.bool("strict") {
				return nil, generic("No such rpm: %s", python(ref))
			}
			return nil, nil
		}
		return h.header(r.path())
	}
	id, err := a.int("taskID")
	if err != nil {
		return nil, err
	}
	name := a.text("filepath")
	switch {
	case id == 0:
		return nil, generic("either rpmID or taskID and filepath must be specified")
	case name == "":
		return nil, generic("filepath must be specified with taskID")
	case strings.HasPrefix(name, "/") || strings.Contains(name, "../"):
		return nil, generic("Invalid filepath: %s", name)
	}
	t := h.tasks[id]
	if t == nil {
		return nil, nil
	}
	return h.header(t.file(name))
}

func (h *Hub) getRPMHeaders(a args) (any, error) {
	header, err := h.fileHeader(a, a["rpmID"])
	if err != nil || header == nil {
		return wire.Struct{}, broken(err)
	}
	names := a.list("headers")
	if a["headers"] == nil {
		for _, name := range []string{"Name", "Version", "Release", "Epoch", "Summary", "Description", "Buildtime", "Buildhost", "Size", "License", "Arch", "Sourcerpm"} {
			if v, err := header.field(name); err == nil && v != nil {
				names = append(names, name)
			}
		}
	}
	out := wire.Struct{}
	for _, name := range names {
		v, err := header.field(name)
		if err != nil {
			return nil, err
		}
		out = append(out, wire.Member{Name: name, Value: v})
	}
	return out, nil
}

// broken is what Python says of a file that is no RPM.
func broken(err error) error {
	if errors.Is(err, errNoRPM) {
		return raise(1, "<class '_rpm.error'>: error reading package header")
	}
	return err
}

func (h *Hub) getRPMDeps(a args) (any, error) {
	rows := []any{}
	header, err := h.fileHeader(a, a["rpmID"])
	if err != nil {
		return nil, broken(err)
	}
	for _, dep := range depNames() {
		if header == nil || a["depType"] != nil && a["depType"] != int64(dep.id) {
			continue
		}
		versions, flags := header.list(dep.name+"VERSION"), header.list(dep.name+"FLAGS")
		for i, name := range header.list(dep.name + "NAME") {
			if i < len(versions) && i < len(flags) {
				rows = append(rows, wire.Struct{
					{Name: "name", Value: name}, {Name: "version", Value: versions[i]}, {Name: "flags", Value: flags[i]}, {Name: "type", Value: dep.id},
				})
			}
		}
	}
	return page(rows, a["queryOpts"])
}

func (h *Hub) listRPMFiles(a args) (any, error) {
	rows := []any{}
	header, err := h.fileHeader(a, a["rpmID"])
	if err != nil || header == nil {
		return rows, broken(err)
	}
	algo := "md5"
	if v, _ := header.field("FILEDIGESTALGO"); v != nil {
		algo = map[any]string{int64(1): "md5", int64(2): "sha1", int64(8): "sha256", int64(9): "sha384", int64(10): "sha512"}[v]
	}
	columns := map[string][]any{}
	for member, name := range map[string]string{
		"digest": "FILEMD5S", "size": "FILESIZES", "flags": "FILEFLAGS", "user": "FILEUSERNAME", "group": "FILEGROUPNAME", "mtime": "FILEMTIMES", "mode": "FILEMODES",
	} {
		columns[member] = header.list(name)
	}
	for i, name := range header.fileNames() {
		at := func(column string) any {
			if i < len(columns[column]) {
				return columns[column][i]
			}
			return nil
		}
		rows = append(rows, wire.Struct{
			{Name: "name", Value: name},
			{Name: "digest", Value: at("digest")},
			{Name: "digest_algo", Value: algo},
			{Name: "md5", Value: at("digest")},
			{Name: "size", Value: at("size")},
			{Name: "flags", Value: at("flags")},
			{Name: "user", Value: at("user")},
			{Name: "group", Value: at("group")},
			{Name: "mtime", Value: at("mtime")},
			{Name: "mode", Value: at("mode")},
		})
	}
	return page(rows, a["queryOpts"])
}

func (h *Hub) getChangelogEntries(a args) (any, error) {
	rows := []any{}
	var ref any
	if truthy(a["buildID"]) {
		b, err := h.findBuild(a["buildID"])
		if err != nil || b == nil {
			return rows, err
		}
		for _, r := range b.rpms {
			if r.arch == "src" {
				ref = int64(r.id)
			}
		}
		if ref == nil {
			return rows, nil
		}
	}
	header, err := h.fileHeader(a, ref)
	if err != nil || header == nil {
		return rows, broken(err)
	}
	authors, texts := header.list("CHANGELOGNAME"), header.list("CHANGELOGTEXT")
	for i, v := range header.list("CHANGELOGTIME") {
		seconds, ok := v.(int64)
		if !ok || i >= len(authors) || i >= len(texts) {
			break
		}
		t := time.Unix(seconds, 0).UTC()
		if a["author"] != nil && a["author"] != authors[i] || !a.between("after", "before", t, true) {
			continue
		}
		rows = append(rows, wire.Struct{
			{Name: "date", Value: t.Format(time.DateTime)}, {Name: "date_ts", Value: seconds}, {Name: "author", Value: authors[i]}, {Name: "text", Value: texts[i]},
		})
	}
	return page(rows, a["queryOpts"])
}
