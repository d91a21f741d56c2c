package kojitest_test

import (
	"bytes"
	"encoding/binary"
	"path"
	"testing"

	"github.com/fedora-respin/respin/koji"
)

// fakeRPM describes a file with the frame of an RPM and no usable payload.
type fakeRPM struct {
	name, version, release, arch string
	epoch                        *int
	source                       bool
	signature, payload           string
	sigmd5                       []byte
	summary, license             string
	built, size                  int64
	deps                         []koji.Dependency
	files                        []koji.RPMFile
	changelog                    []koji.ChangelogEntry
}

type entry struct {
	tag, kind, count uint32
	value            []byte
}

func section(t *testing.T, entries []entry) []byte {
	t.Helper()
	var index, store bytes.Buffer
	for _, e := range entries {
		for e.kind == 4 && store.Len()%4 != 0 || e.kind == 3 && store.Len()%2 != 0 {
			store.WriteByte(0)
		}
		for _, n := range []uint32{e.tag, e.kind, uint32(store.Len()), e.count} {
			if err := binary.Write(&index, binary.BigEndian, n); err != nil {
				t.Fatal(err)
			}
		}
		store.Write(e.value)
	}
	out := []byte{0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0}
	out = binary.BigEndian.AppendUint32(out, uint32(len(entries)))
	out = binary.BigEndian.AppendUint32(out, uint32(store.Len()))
	return append(append(out, index.Bytes()...), store.Bytes()...)
}

func text(tag uint32, s string) entry { return entry{tag, 6, 1, append([]byte(s), 0)} }

func number(tag uint32, n ...int64) entry {
	e := entry{tag: tag, kind: 4, count: uint32(len(n))}
	for _, v := range n {
		e.value = binary.BigEndian.AppendUint32(e.value, uint32(v))
	}
	return e
}

// list collects one column of some things.
func list[T any](tag uint32, things []T, column func(T) string) entry {
	e := entry{tag: tag, kind: 8, count: uint32(len(things))}
	for _, v := range things {
		e.value = append(append(e.value, column(v)...), 0)
	}
	return e
}

func numbers[T any](tag uint32, things []T, column func(T) int64) entry {
	var n []int64
	for _, v := range things {
		n = append(n, column(v))
	}
	return number(tag, n...)
}

func makeRPM(t *testing.T, f fakeRPM) []byte {
	t.Helper()
	lead := make([]byte, 96)
	copy(lead, []byte{0xed, 0xab, 0xee, 0xdb, 3})
	sig := []entry{text(1000, f.signature)}
	if f.sigmd5 != nil {
		sig = append(sig, entry{1004, 7, uint32(len(f.sigmd5)), f.sigmd5})
	}
	head := section(t, sig)
	for len(head)%8 != 0 {
		head = append(head, 0)
	}
	built := f.built
	if built == 0 {
		built = 1700000000
	}
	entries := []entry{
		text(1000, f.name), text(1001, f.version), text(1002, f.release), text(1004, f.summary), number(1006, built), number(1009, f.size), text(1014, f.license), text(1022, f.arch),
	}
	if f.epoch != nil {
		entries = append(entries, number(1003, int64(*f.epoch)))
	}
	if !f.source {
		entries = append(entries, text(1044, f.name+"-"+f.version+"-"+f.release+".src.rpm"))
	}
	entries = append(entries, f.fileEntries()...)
	entries = append(entries, f.depEntries()...)
	if len(f.changelog) > 0 {
		entries = append(
			entries, numbers(1080, f.changelog, func(c koji.ChangelogEntry) int64 { return c.Time.Unix() }),
			list(1081, f.changelog, func(c koji.ChangelogEntry) string { return c.Author }), list(1082, f.changelog, func(c koji.ChangelogEntry) string { return c.Text }),
		)
	}
	return append(append(append(lead, head...), section(t, entries)...), f.payload...)
}

// fileEntries give every file a directory of its own.
func (f fakeRPM) fileEntries() []entry {
	if len(f.files) == 0 {
		return nil
	}
	modes := entry{tag: 1030, kind: 3, count: uint32(len(f.files))}
	index := entry{tag: 1116, kind: 4, count: uint32(len(f.files))}
	for i, file := range f.files {
		modes.value = binary.BigEndian.AppendUint16(modes.value, uint16(file.Mode))
		index.value = binary.BigEndian.AppendUint32(index.value, uint32(i))
	}
	return []entry{
		modes, index, number(5011, 8),
		numbers(1028, f.files, func(x koji.RPMFile) int64 { return x.Size }), numbers(1034, f.files, func(x koji.RPMFile) int64 { return x.ModTime.Unix() }),
		numbers(1037, f.files, func(x koji.RPMFile) int64 { return x.Flags }), list(1035, f.files, func(x koji.RPMFile) string { return x.Digest }),
		list(1039, f.files, func(x koji.RPMFile) string { return x.User }), list(1040, f.files, func(x koji.RPMFile) string { return x.Group }),
		list(1117, f.files, func(x koji.RPMFile) string { return path.Base(x.Name) }), list(1118, f.files, func(x koji.RPMFile) string { return path.Dir(x.Name) + "/" }),
	}
}

func (f fakeRPM) depEntries() []entry {
	var out []entry
	for kind, tags := range map[koji.DepType][3]uint32{koji.DepRequire: {1049, 1050, 1048}, koji.DepProvide: {1047, 1113, 1112}} {
		var deps []koji.Dependency
		for _, d := range f.deps {
			if d.Type == kind {
				deps = append(deps, d)
			}
		}
		if len(deps) > 0 {
			out = append(
				out, list(tags[0], deps, func(d koji.Dependency) string { return d.Name }), list(tags[1], deps, func(d koji.Dependency) string { return d.Version }),
				numbers(tags[2], deps, func(d koji.Dependency) int64 { return d.Flags }),
			)
		}
	}
	return out
}
