// Package kiwidesc reads descriptions of images for kiwi: a directory with a
// .kiwi file (XML), files that it includes, scripts and an overlay, packed as a
// tar archive. It is for whoever must know what a description makes before kiwi
// runs, and must not be harmed by one that means ill.
//
//	archive, err := kiwidesc.Open(r)                    // *ArchiveError, *limitio.TooLargeError
//	desc, err := archive.Description("Fedora.kiwi")     // *Error with file and line
//	sel, err := desc.Select([]string{"KDE-Desktop-Live"}, "iso", "x86_64") // *SelectError
//	fmt.Println(sel.Name, sel.Version, sel.Type.Image, sel.Profiles)
//	err = kiwidesc.Unpack(r, dir)                       // nothing of it lands outside of dir
//
// Profiles, architectures and types are chosen as kiwi chooses them (OSInside/kiwi
// 10.3, xml_state.py: _used_profiles, _build_type_section, _profiled). Includes are
// replaced one level deep, from the description itself only (xsl/include.xsl and
// markup/base.py take them from anywhere on the host). Other markup than XML is
// refused, and so is what kiwi's schema would refuse as far as it is looked at;
// the schema itself is kiwi's to judge.
package kiwidesc
