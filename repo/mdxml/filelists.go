package mdxml

import "io"

// Files are the files of one package, from filelists.xml.
type Files struct {
	PkgID      []byte // checksum of the RPM file, hexadecimal
	Name, Arch []byte
	EVR        EVR
	Files      []File // all of them
}

// ReadFilelists reads filelists.xml and calls each for every package. An error
// of each ends the reading and is returned as it is.
func ReadFilelists(r io.Reader, each func(*Files) error) error {
	x := newReader(r)
	var p Files
	child := func() (err error) {
		switch string(x.Local()) {
		case "version":
			return x.readEVR(&p.EVR)
		case "file":
			p.Files, err = x.readFile(p.Files)
			return err
		}
		return x.Skip()
	}
	read := func() (err error) {
		p = Files{Files: p.Files[:0]}
		if p.PkgID, p.Name, p.Arch, err = x.identity(); err != nil {
			return err
		}
		return x.children(child)
	}
	return x.packages("filelists.xml", NamespaceFilelists, "filelists", read, func() error { return each(&p) })
}

// identity reads the attributes that the packages of filelists.xml and
// other.xml have.
func (r *reader) identity() (pkgID, name, arch []byte, err error) {
	for _, a := range []struct {
		name string
		dst  *[]byte
	}{{"pkgid", &pkgID}, {"name", &name}, {"arch", &arch}} {
		if *a.dst, err = r.keepAttr(a.name); err != nil {
			return nil, nil, nil, err
		}
	}
	if len(pkgID) == 0 {
		return nil, nil, nil, r.Fail("package without pkgid")
	}
	return pkgID, name, arch, nil
}
