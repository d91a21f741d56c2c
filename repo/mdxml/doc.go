// Package mdxml reads the large files of repodata - primary.xml, filelists.xml
// and other.xml - package by package and without a copy of anything that the
// caller does not keep. It is the low level below package repo, for programs
// that read whole distributions: a record, its slices and its bytes belong to
// the reader and are valid during the call alone.
//
//	names := map[string]int{}
//	err := mdxml.ReadPrimary(r, func(p *mdxml.Package) error {
//		names[string(p.Name)]++ // a copy
//		return nil
//	})
//	var format *mdxml.FormatError
//	if errors.As(err, &format) {
//		fmt.Println(format.File, format.Line, format.Reason)
//	}
//
// What encoding/xml refuses is refused, and so is a document that was cut
// (*FormatError) or holds another number of packages than it announces
// (*CountError). Nothing is proven before the end was reached: repo.Repo.Stream
// compares the digests of repomd.xml there.
//
// The format is the one that createrepo_c writes (its src/xml_dump_*.c), read
// with the leniency of its parsers (src/xml_parser_*.c) toward elements and
// attributes that are not known.
package mdxml
