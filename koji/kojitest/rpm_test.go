package kojitest_test

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// fakeRPM describes a file with the frame of an RPM and no usable payload.
type fakeRPM struct {
	name, version, release, arch string
	epoch                        *int
	source                       bool
	signature, payload           string
}

type entry struct {
	tag, kind, count uint32
	value            []byte
}

func section(t *testing.T, entries []entry) []byte {
	t.Helper()
	var index, store bytes.Buffer
	for _, e := range entries {
		for e.kind == 4 && store.Len()%4 != 0 {
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

func makeRPM(t *testing.T, f fakeRPM) []byte {
	t.Helper()
	text := func(tag uint32, s string) entry { return entry{tag, 6, 1, append([]byte(s), 0)} }
	number := func(tag, n uint32) entry { return entry{tag, 4, 1, binary.BigEndian.AppendUint32(nil, n)} }
	lead := make([]byte, 96)
	copy(lead, []byte{0xed, 0xab, 0xee, 0xdb, 3})
	sig := section(t, []entry{text(1000, f.signature)})
	for len(sig)%8 != 0 {
		sig = append(sig, 0)
	}
	entries := []entry{text(1000, f.name), text(1001, f.version), text(1002, f.release), number(1006, 1700000000), text(1022, f.arch)}
	if f.epoch != nil {
		entries = append(entries, number(1003, uint32(*f.epoch)))
	}
	if !f.source {
		entries = append(entries, text(1044, f.name+".src.rpm"))
	}
	return append(append(append(lead, sig...), section(t, entries)...), f.payload...)
}
