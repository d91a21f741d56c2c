package cli

import (
	"encoding/hex"
	"fmt"
	"strings"

	peer "github.com/cavaliergopher/rpm"

	"github.com/fedora-respin/respin/repo/rpm"
)

// rpmTags are the raw tags of rpm show --tags.
type rpmTags struct {
	Signature []rpmTag `json:"signature"`
	Header    []rpmTag `json:"header"`
}

// rpmTag is one entry of an index.
type rpmTag struct {
	Tag   rpm.Tag `json:"tag"`
	Name  string  `json:"name"`
	Type  string  `json:"type"`
	Count int     `json:"count"`
	Value any     `json:"value"` // []string, []uint64, or hexadecimal text of a bin
}

// readTags decodes every tag by cavaliergopher/rpm. It is given what our own
// reader has checked, and nothing else: on its own it makes lists as long as a
// file claims before it looks whether they are there. Its limit of 32 MiB for a
// header stands.
func readTags(p *rpm.Package) (*rpmTags, error) {
	q, err := peer.Read(p.Headers())
	if err != nil {
		return nil, fmt.Errorf("read tags: %w", err)
	}
	return &rpmTags{tagsOf(p.Signature, q.Signature.Tags), tagsOf(p.Header, q.Header.Tags)}, nil
}

func tagsOf(h *rpm.Header, decoded map[int]*peer.Tag) []rpmTag {
	list := []rpmTag{}
	for e := range h.Entries() {
		t := rpmTag{Tag: e.Tag, Name: h.TagName(e.Tag), Type: e.Type.String(), Count: e.Count}
		d := decoded[int(e.Tag)]
		switch {
		case d == nil:
		case d.StringSlice() != nil:
			texts := make([]string, 0, e.Count)
			for _, s := range d.StringSlice() {
				texts = append(texts, utf8Text(s))
			}
			t.Value = texts
		case d.Int64Slice() != nil:
			numbers := make([]uint64, 0, e.Count)
			for _, n := range d.Int64Slice() {
				numbers = append(numbers, uint64(n))
			}
			t.Value = numbers
		case e.Type == rpm.TypeBin:
			t.Value = hex.EncodeToString(d.Bytes())
		default:
			numbers := make([]uint64, 0, e.Count)
			for _, b := range d.Bytes() {
				numbers = append(numbers, uint64(b))
			}
			t.Value = numbers
		}
		list = append(list, t)
	}
	return list
}

// How much of a value a line shows.
const (
	shownElements = 8
	shownBytes    = 200
)

func (a *app) printTags(tags *rpmTags) {
	for _, part := range []struct {
		name string
		list []rpmTag
	}{{"signature header", tags.Signature}, {"header", tags.Header}} {
		a.printf("%s\n", paint(a.outColor, colorBold, part.name))
		for _, t := range part.list {
			a.printf("  %5d  %-24s  %-12s  %6d  %s\n", t.Tag, t.Name, t.Type, t.Count, clean(t.text()))
		}
	}
}

// text is the value on one line, cut.
func (t *rpmTag) text() string {
	var words []string
	switch v := t.Value.(type) {
	case []string:
		for _, s := range v[:min(len(v), shownElements)] {
			words = append(words, fmt.Sprintf("%q", cut(s)))
		}
	case []uint64:
		for _, n := range v[:min(len(v), shownElements)] {
			words = append(words, fmt.Sprint(n))
		}
	case string:
		return cut(v)
	}
	line := strings.Join(words, " ")
	if more := t.Count - len(words); more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	return line
}

func cut(s string) string {
	if len(s) <= shownBytes {
		return s
	}
	return strings.ToValidUTF8(s[:shownBytes], "") + "..."
}
