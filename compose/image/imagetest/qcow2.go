package imagetest

import "encoding/binary"

// QCOW2 makes a qcow2 disk of 1 MiB with nothing on it: a header of version 3 and
// an empty first table (docs/interop/qcow2.rst of QEMU).
func QCOW2() []byte {
	const cluster = 1 << 16
	b := make([]byte, 2*cluster)
	be := binary.BigEndian
	copy(b, "QFI\xfb")
	be.PutUint32(b[4:], 3)
	be.PutUint32(b[20:], 16)
	be.PutUint64(b[24:], 1<<20)
	be.PutUint32(b[36:], 1)
	be.PutUint64(b[40:], cluster)
	be.PutUint32(b[96:], 4)
	be.PutUint32(b[100:], 104)
	return b
}
