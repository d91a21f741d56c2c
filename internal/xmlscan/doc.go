// Package xmlscan cuts XML documents into tags and text, fast and strictly.
// It is made for documents of hundreds of megabytes that come from outside:
// tokens point into its buffer and cost no memory, sizes and depth are bounded
// before memory is spent, and whatever encoding/xml refuses is refused here
// too, so that a document that was cut or altered is never taken for a whole one.
//
//	s := xmlscan.New(r, xmlscan.Limits{})
//	for {
//		kind, err := s.Next()
//		if errors.Is(err, io.EOF) {
//			return nil // one whole document, nothing after it
//		}
//		if err != nil {
//			return err // *xmlscan.SyntaxError, or what r said
//		}
//		if kind == xmlscan.Start && string(s.Local()) == "package" {
//			name, ok := s.Attr("name")
//			...
//		}
//	}
//
// Beyond encoding/xml it refuses what a reader of data has no use for: a second
// root or text outside the root, document types with declarations of their own,
// attributes given twice or without space between them, element names that are
// not ASCII, and characters in comments that no document may hold. As with
// encoding/xml, line ends are normalized and the values of attributes are not
// normalized further.
package xmlscan
