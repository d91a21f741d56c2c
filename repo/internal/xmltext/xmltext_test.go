package xmltext

import (
	"encoding/xml"
	"testing"
	"unicode/utf8"
)

// FuzzText: whatever a header holds becomes XML that a strict parser reads, and
// UTF-8 that XML can carry comes back unchanged.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a<b>&\"'\r\n\t", "Zoë € 😀", "\xff\xfe", "\xc0\x80", "\xed\xa0\x80", "\uffff", "a\x00b", "\xe2\x82", "]]>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc := append([]byte(nil), "<e"...)
		doc = AppendAttr(doc, "a", s, true)
		doc = AppendAttr(doc, "b", s, false)
		doc = append(AppendText(append(doc, '>'), s), "</e>"...)
		var got struct {
			A    string `xml:"a,attr"`
			B    string `xml:"b,attr"`
			Text string `xml:",chardata"`
		}
		if err := xml.Unmarshal(doc, &got); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		want := Clean(s)
		if got.A != want || got.B != want || got.Text != want {
			t.Errorf("%q read back as %q, %q, %q", s, got.A, got.B, got.Text)
		}
		if utf8.ValidString(s) && validXML(s) && want != s {
			t.Errorf("%q was changed to %q", s, want)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for name, s := range map[string]string{
		"path": "/usr/share/doc/package-name/README.md", "text": "A & B < C, and some more words than that\nin two lines.", "accents": "Zoë writes Überschriften",
	} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 256)
			b.SetBytes(2 * int64(len(s)))
			for b.Loop() {
				buf = AppendAttr(AppendText(buf[:0], s), "a", s, true)
			}
		})
	}
}
