package iso

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"strings"
)

// maxContinuations bounds the chain of continuation areas of one record, and
// maxNameLen what Rock Ridge may build a name from.
const (
	maxContinuations = 16
	maxNameLen       = 1024
)

// detectRockRidge looks at the root's own record: SP says that system use
// entries are there and how many bytes precede them.
func (m *Image) detectRockRidge(rec []byte) {
	if len(rec) < 34+7 {
		return
	}
	su := rec[34:]
	if string(su[:2]) == "SP" && su[2] == 7 && su[4] == 0xBE && su[5] == 0xEF {
		m.rr, m.skip = true, int(su[6])
	}
}

// rockRidge applies the entries of one record: NM (name), PX (mode), SL (is a
// symbolic link), CE (goes on elsewhere).
func (m *Image) rockRidge(area []byte, e *Entry) error {
	var name strings.Builder
	for range maxContinuations {
		next, err := m.suEntries(area, e, &name)
		if err != nil {
			return err
		}
		if next == nil {
			if name.Len() > 0 {
				e.Name = name.String()
			}
			return nil
		}
		area = next
	}
	return m.bad("file %s has too many continuation areas", e.Name)
}

// suEntries reads one area; it returns the continuation area, if there is one.
func (m *Image) suEntries(area []byte, e *Entry, name *strings.Builder) ([]byte, error) {
	var next []byte
	for len(area) >= 4 {
		n := int(area[2])
		if n < 4 || n > len(area) {
			break // padding
		}
		body := area[4:n]
		switch string(area[:2]) {
		case "NM":
			if len(body) > 1 && body[0]&6 == 0 {
				name.Write(body[1:])
			}
			if name.Len() > maxNameLen {
				return nil, m.bad("file %s has a name of more than %d bytes", e.Name, maxNameLen)
			}
		case "PX":
			if len(body) >= 8 {
				e.Mode = unixMode(binary.LittleEndian.Uint32(body), e.Mode)
			}
		case "SL":
			e.Mode = e.Mode&fs.ModePerm | fs.ModeSymlink
		case "CE":
			var err error
			if next, err = m.continuation(body); err != nil {
				return nil, err
			}
		case "ST":
			return next, nil
		}
		area = area[n:]
	}
	return next, nil
}

func (m *Image) continuation(body []byte) ([]byte, error) {
	if len(body) < 24 {
		return nil, m.bad("it has a short continuation entry")
	}
	sector := int64(binary.LittleEndian.Uint32(body))
	off := int64(binary.LittleEndian.Uint32(body[8:]))
	size := int64(binary.LittleEndian.Uint32(body[16:]))
	at := sector*SectorSize + off
	if size > SectorSize || at+size > m.size {
		return nil, m.bad("it has a continuation area outside of the file")
	}
	next := make([]byte, size)
	if _, err := m.r.ReadAt(next, at); err != nil {
		return nil, fmt.Errorf("read %s: %w", m.path, err)
	}
	return next, nil
}

// unixMode keeps what the directory record itself says about being a folder: a
// record that claims both would otherwise be read as what it is not.
func unixMode(mode uint32, old fs.FileMode) fs.FileMode {
	perm := fs.FileMode(mode & 0o777)
	switch mode & 0o170000 {
	case 0o100000, 0o040000:
		return perm | old&fs.ModeDir
	case 0o120000:
		return perm | fs.ModeSymlink
	}
	return perm | fs.ModeIrregular
}
