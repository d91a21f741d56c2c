package xmlscan_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/internal/xmlscan"
)

// tokens writes a document down as one line a token; text parts are joined.
func tokens(r io.Reader, limits xmlscan.Limits) (out []string, err error) {
	s := xmlscan.New(r, limits)
	text := ""
	flush := func() {
		if text != "" {
			out = append(out, fmt.Sprintf("%q", text))
		}
		text = ""
	}
	for {
		kind, err := s.Next()
		if err != nil {
			flush()
			if errors.Is(err, io.EOF) {
				return out, nil
			}
			return out, err
		}
		switch kind {
		case xmlscan.Text:
			text += string(s.Text())
			continue
		case xmlscan.Start:
			flush()
			line := "<" + string(s.Local())
			s.Attrs(func(name, value []byte) { line += fmt.Sprintf(" %s=%q", name, value) })
			out = append(out, line)
		case xmlscan.End:
			flush()
			out = append(out, "/"+string(s.Local()))
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		doc  string
		want []string
	}{
		"declaration, comment, root": {"<?xml version=\"1.0\" encoding='UTF-8'?>\n<!-- c --><a/>\n", []string{"<a", "/a"}},
		"byte order mark":            {"\ufeff<a></a>", []string{"<a", "/a"}},
		"attributes":                 {`<p:a x = '1' p:y="a>b&lt;&#xEB;&#10;"/>`, []string{`<a x="1" p:y="a>b<ë\n"`, "/a"}},
		"text and references":        {"<a>x &amp; y &#955;\r\nz\rq</a >", []string{"<a", `"x & y λ\nz\nq"`, "/a"}},
		"CDATA":                      {"<a>1<![CDATA[<b>&amp;]]]]>2</a>", []string{"<a", `"1<b>&amp;]]2"`, "/a"}},
		"nested": {
			"<a><b i=\"1\"><c/></b><b i=\"2\"/>t</a>",
			[]string{"<a", `<b i="1"`, "<c", "/c", "/b", `<b i="2"`, "/b", `"t"`, "/a"},
		},
		"document type": {`<!DOCTYPE comps PUBLIC "-//X//DTD//EN" "comps.dtd"><comps/>`, []string{"<comps", "/comps"}},
		"instruction":   {"<a><?php x ?>t</a><?end?><!--e-->", []string{"<a", `"t"`, "/a"}},
		"] in text":     {"<a>]] ]> ]</a>", []string{"<a", `"]] ]> ]"`, "/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, r := range map[string]io.Reader{
				"whole": strings.NewReader(tc.doc), "bytewise": iotest.OneByteReader(strings.NewReader(tc.doc)),
				"data with EOF": iotest.DataErrReader(strings.NewReader(tc.doc)),
			} {
				got, err := tokens(r, xmlscan.Limits{})
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for doc, reason := range map[string]string{
		"":                             "no root element",
		"<!-- c -->":                   "no root element",
		"<a>":                          "inside element a",
		"<a><b></a>":                   "element b ends as",
		"<a":                           "ends in a tag",
		"<a><":                         "ends in a tag",
		"<a></a":                       "ends in a tag",
		"<a/><b/>":                     "second root",
		"<a/>x":                        "text outside",
		"x<a/>":                        "text outside",
		"<![CDATA[x]]><a/>":            "text outside",
		"</a>":                         "end tag outside",
		"<a x=1/>":                     "without quotes",
		"<a x/>":                       "without a value",
		"<a x='1'y='2'/>":              "white space",
		"<a x='1' x='2'/>":             "stands twice",
		"<a x='<'/>":                   "not allowed",
		"<a / >":                       "> is expected",
		"< a/>":                        "name is expected",
		"<1a/>":                        "name is expected",
		"<é/>":                         "name is expected",
		"<a:b:c/>":                     "colon",
		"<:a/>":                        "colon",
		"<a b:='1'/>":                  "colon",
		"<a>&nbsp;</a>":                "unknown reference",
		"<a>& </a>":                    "unknown reference",
		"<a>&#0;</a>":                  "unknown reference",
		"<a>&#xD800;</a>":              "unknown reference",
		"<a>&#x110000;</a>":            "unknown reference",
		"<a>\x00</a>":                  "not allowed",
		"<a>\x1b</a>":                  "not allowed",
		"<a>\xff</a>":                  "invalid UTF-8",
		"<a>\xed\xa0\x80</a>":          "invalid UTF-8",
		"<a>\xef\xbf\xbe</a>":          "invalid UTF-8",
		"<a x='\xff'/>":                "invalid UTF-8",
		"<a>]]></a>":                   "]]> in text",
		"<a><!-- -- --></a>":           "-- in a comment",
		"<a><!-- \x01 --></a>":         "comment",
		"<a><!-- ":                     "ends in a comment",
		"<a><![CDATA[x</a>":            "ends in a CDATA",
		"<a><?x</a>":                   "ends in an instruction",
		"<a><? x?></a>":                "without a target",
		" <?xml version='1.0'?><a/>":   "out of place",
		"<a><?xml version='1.0'?></a>": "out of place",
		"<?xml version='1.1'?><a/>":    "version 1.1",
		"<?xml version='1.0' encoding='latin1'?><a/>": "encoding latin1",
		"<?xml version?><a/>":                         "malformed XML declaration",
		"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>":    "declarations of its own",
		"<a/><!DOCTYPE a>":                            "out of place",
		"<!ELEMENT a ANY><a/>":                        "unknown markup",
	} {
		got, err := tokens(strings.NewReader(doc), xmlscan.Limits{})
		var syntax *xmlscan.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(syntax.Reason, reason) {
			t.Errorf("%q: %v %v, wants %q", doc, got, err, reason)
		}
	}
}

func TestACutDocumentIsSaidToBeCut(t *testing.T) {
	t.Parallel()
	const doc = "<?xml version=\"1.0\"?>\n<a x='1'>t&amp;<!-- c --><b/><![CDATA[d]]></a>"
	for n := range len(doc) {
		if _, err := tokens(strings.NewReader(doc[:n]), xmlscan.Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			// Cut inside a reference it is that which is wrong first.
			if !strings.HasSuffix(doc[:n], "&") && !strings.Contains(fmt.Sprint(err), "reference") {
				t.Errorf("cut after %q: %v", doc[:n], err)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<a>", 3_000_000)
	for name, tc := range map[string]struct {
		doc    io.Reader
		limits xmlscan.Limits
		reason string
	}{
		"depth":      {strings.NewReader(deep), xmlscan.Limits{}, "nested more than 64"},
		"own depth":  {strings.NewReader("<a><a><a/></a></a>"), xmlscan.Limits{Depth: 2}, "nested more than 2"},
		"text":       {strings.NewReader("<a>" + strings.Repeat("x", 1<<20)), xmlscan.Limits{Token: 1 << 19}, "larger than"},
		"tag":        {strings.NewReader("<a " + strings.Repeat("x", 1<<20)), xmlscan.Limits{Token: 1 << 19}, "larger than"},
		"end tag":    {strings.NewReader("<a></" + strings.Repeat(" ", 1<<20)), xmlscan.Limits{Token: 1 << 19}, "larger than"},
		"comment":    {strings.NewReader("<!--" + strings.Repeat(" ", 1<<20)), xmlscan.Limits{Token: 1 << 19}, "larger than"},
		"attributes": {strings.NewReader("<a " + strings.Repeat(" x=''", 100)), xmlscan.Limits{}, "too many attributes"},
		"name":       {strings.NewReader("<" + strings.Repeat("x", 1<<16)), xmlscan.Limits{}, "a name of more than"},
	} {
		if _, err := tokens(tc.doc, tc.limits); err == nil || !strings.Contains(err.Error(), tc.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokensLongerThanTheBuffer(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 100_000)
	got, err := tokens(strings.NewReader("<a x='"+long+"'>"+long+"&lt;"+long+"</a>"), xmlscan.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{fmt.Sprintf("<a x=%q", long), fmt.Sprintf("%q", long+"<"+long), "/a"}; !cmp.Equal(want, got) {
		t.Error("the tokens are not what was written")
	}
}

func TestALongTagInSmallPiecesIsNotParsedForEachOfThem(t *testing.T) {
	t.Parallel()
	doc := "<a x='" + strings.Repeat("v", 1<<20) + "'" + strings.Repeat(" ", 1<<20) + "/>"
	start := time.Now()
	if _, err := tokens(iotest.OneByteReader(strings.NewReader(doc)), xmlscan.Limits{}); err != nil {
		t.Fatal(err)
	}
	// Parsed again with each byte it takes minutes.
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestAppendTextIsBounded(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]string{"comments": "<!-- -->", "elements": "<b/>", "sections": "<![CDATA[x]]>"} {
		s := xmlscan.New(strings.NewReader("<a>"+strings.Repeat(strings.Repeat("x", 1<<10)+between, 1<<10)+"</a>"), xmlscan.Limits{Token: 1 << 16})
		if err := s.Root("", "a"); err != nil {
			t.Fatal(err)
		}
		text, err := s.AppendText([]byte("before"))
		if _, ok := errors.AsType[*limitio.TooLargeError](err); !ok || len(text) > 1<<16+6 {
			t.Errorf("text between %s: %d bytes, %v", name, len(text), err)
		}
	}
}

func TestReaderErrorsPassThrough(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := tokens(io.MultiReader(strings.NewReader("<a>"), iotest.ErrReader(broken)), xmlscan.Limits{})
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	// An error in place of the end of the input, as a checksum gives it, must
	// not pass for an end.
	_, err = tokens(io.MultiReader(strings.NewReader("<a></a>"), iotest.ErrReader(broken)), xmlscan.Limits{})
	if !errors.Is(err, broken) {
		t.Errorf("after the root: %v", err)
	}
}

func TestPlaceOfAnError(t *testing.T) {
	t.Parallel()
	_, err := tokens(strings.NewReader("<a>\n<b>\n  &x;</b></a>"), xmlscan.Limits{})
	var syntax *xmlscan.SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 2 || syntax.Offset != 7 {
		t.Errorf("%+v", err)
	}
}

func TestNamespaceOfTheRoot(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`<a xmlns="u" xmlns:p="v"/>`:   "u",
		`<p:a xmlns="u" xmlns:p="v"/>`: "v",
		`<a/>`:                         "",
	} {
		s := xmlscan.New(strings.NewReader(doc), xmlscan.Limits{})
		if _, err := s.Next(); err != nil || s.Space() != want || s.Depth() != 1 {
			t.Errorf("%s: %q %v", doc, s.Space(), err)
		}
	}
}

func TestParseNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"": 0, "\t12\n": 12, "-3": -3, "+4": 4, "1381706941.75": 1381706941, "9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63,
	} {
		if n, ok := xmlscan.ParseNumber([]byte(text)); !ok || n != want {
			t.Errorf("%q: %d %v", text, n, ok)
		}
	}
	for _, text := range []string{"x", "-", "1e9", "0x10", "1 2", "9223372036854775808", "१"} {
		if n, ok := xmlscan.ParseNumber([]byte(text)); ok {
			t.Errorf("%q: %d", text, n)
		}
	}
}
