package xmlscan_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/xmlscan"
)

// peerTokens is tokens by encoding/xml.
func peerTokens(doc []byte) (out []string, err error) {
	dec := xml.NewDecoder(bytes.NewReader(doc))
	text, depth := "", 0
	flush := func() {
		if text != "" {
			out = append(out, fmt.Sprintf("%q", text))
		}
		text = ""
	}
	for {
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			flush()
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		switch e := tok.(type) {
		case xml.CharData:
			if depth > 0 {
				text += string(e)
			}
		case xml.StartElement:
			flush()
			depth++
			line := "<" + e.Name.Local
			for _, a := range e.Attr {
				name := a.Name.Local
				if a.Name.Space != "" {
					name = a.Name.Space + ":" + name
				}
				line += fmt.Sprintf(" %s=%q", name, a.Value)
			}
			out = append(out, line)
		case xml.EndElement:
			flush()
			depth--
			out = append(out, "/"+e.Name.Local)
		}
	}
}

// FuzzScanner holds against encoding/xml: what is accepted here is accepted
// there, with the same tokens, however the input arrives.
func FuzzScanner(f *testing.F) {
	for _, doc := range []string{
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a x='1' p:y=\"&lt;&#xEB;\"><b/>t &amp; u\r\n<!-- c --><![CDATA[d]]></a>\n",
		"\ufeff<!DOCTYPE a SYSTEM 'b'><a><?pi x?></a>",
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := tokens(bytes.NewReader(doc), xmlscan.Limits{})
		again, errAgain := tokens(iotest.OneByteReader(bytes.NewReader(doc)), xmlscan.Limits{})
		if (err == nil) != (errAgain == nil) || !cmp.Equal(got, again) && err == nil {
			t.Fatalf("whole: %v %v\nbytewise: %v %v", got, err, again, errAgain)
		}
		if err != nil {
			return
		}
		// Token, unlike RawToken, checks that the tags match.
		for dec := xml.NewDecoder(bytes.NewReader(doc)); ; {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("accepted, but encoding/xml says %v", err)
			}
		}
		want, err := peerTokens(doc)
		if err != nil {
			t.Fatalf("accepted, but encoding/xml says %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("tokens (-encoding/xml +ours):\n%s", diff)
		}
	})
}
