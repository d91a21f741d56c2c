package rpmdbtest

import (
	"encoding/binary"
	"hash/adler32"
)

// NDB returns a Packages.db, as rpm's lib/backend/ndb/rpmpkg.c writes it.
func NDB(blobs ...[]byte) []byte {
	const page, slot, block = 4096, 16, 16
	pages := (2+len(blobs))*slot/page + 1
	out := make([]byte, pages*page)
	copy(out, "RpmP")
	binary.LittleEndian.PutUint32(out[8:], 1)
	binary.LittleEndian.PutUint32(out[12:], uint32(pages))
	binary.LittleEndian.PutUint32(out[16:], uint32(len(blobs)+1))
	for i := 2; i < pages*page/slot; i++ {
		copy(out[i*slot:], "Slot")
	}
	for i, b := range blobs {
		at := len(out)
		out = append(out, "BlbS"...)
		for _, v := range []uint32{uint32(i + 1), 1767225600, uint32(len(b))} {
			out = binary.LittleEndian.AppendUint32(out, v)
		}
		out = append(out, b...)
		for (len(out)+12)%block != 0 {
			out = append(out, 0)
		}
		sum := adler32.Checksum(out[at:])
		out = binary.LittleEndian.AppendUint32(out, sum)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(b)))
		out = append(out, "BlbE"...)
		s := out[(2+i)*slot:]
		binary.LittleEndian.PutUint32(s[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(s[8:], uint32(at/block))
		binary.LittleEndian.PutUint32(s[12:], uint32((len(out)-at)/block))
	}
	return out
}
