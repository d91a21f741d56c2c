package updateinfo_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo/updateinfo"
)

func write(t *testing.T, updates []updateinfo.Update) string {
	t.Helper()
	var b bytes.Buffer
	if err := updateinfo.Write(&b, updates); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// full has something in every field.
func full() updateinfo.Update {
	return updateinfo.Update{
		From: "a@b é\t<&\"'\n", Status: "final", Type: "security", Version: "3",
		ID: "ID é<", Title: "é \t\r\n<>&\"'", Issued: "2024-01-02 03:04:05", Updated: "1700000000", Rights: "c", Release: "F", PushCount: "1",
		Severity: "Low", Summary: " s ", Description: "multi\nline\n", Solution: "x", RebootSuggested: true,
		References: []updateinfo.Reference{{Href: "http://x?a=1&b=ü", ID: "1", Type: "bugzilla", Title: "ü\"'<>&\t\n\r"}, {}},
		Collections: []updateinfo.Collection{{
			Short: "F4é", Name: "Fedora é", Module: &updateinfo.Module{Name: "n", Stream: "s", Version: 5, Context: "c", Arch: "a"},
			Packages: []updateinfo.Package{
				{
					Name: "n", Version: "1", Release: "2", Epoch: "0", Arch: "x86_64", Src: "s.src.rpm", Filename: "f.rpm",
					Sum: &updateinfo.Sum{Type: "sha256", Value: "abc"}, RebootSuggested: true, RestartSuggested: true, ReloginSuggested: true,
				},
				{},
			},
		}, {Module: &updateinfo.Module{}}, {}},
	}
}

// TestEveryFieldIsWritten holds what createrepo_c 1.2.5 wrote for the same
// update; the interop suite asks it again.
func TestEveryFieldIsWritten(t *testing.T) {
	t.Parallel()
	want := `<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="a@b é&#9;&lt;&amp;&quot;'&#10;" status="final" type="security" version="3">
    <id>ID é&lt;</id>
    <title>é ` + "\t&#13;\n" + `&lt;&gt;&amp;"'</title>
    <issued date="2024-01-02 03:04:05"/>
    <updated date="1700000000"/>
    <rights>c</rights>
    <release>F</release>
    <pushcount>1</pushcount>
    <severity>Low</severity>
    <summary> s </summary>
    <description>multi
line
</description>
    <solution>x</solution>
    <reboot_suggested>True</reboot_suggested>
    <references>
      <reference href="http://x?a=1&amp;b=ü" id="1" type="bugzilla" title="ü&quot;'&lt;&gt;&amp;&#9;&#10;&#13;"/>
      <reference/>
    </references>
    <pkglist>
      <collection short="F4é">
        <name>Fedora é</name>
        <module name="n" stream="s" version="5" context="c" arch="a"/>
        <package name="n" version="1" release="2" epoch="0" arch="x86_64" src="s.src.rpm">
          <filename>f.rpm</filename>
          <sum type="sha256">abc</sum>
          <reboot_suggested>True</reboot_suggested>
          <restart_suggested>True</restart_suggested>
          <relogin_suggested>True</relogin_suggested>
        </package>
        <package/>
      </collection>
      <collection>
        <module version="0"/>
      </collection>
      <collection/>
    </pkglist>
  </update>
  <update>
    <references/>
    <pkglist/>
  </update>
</updates>
`
	if diff := cmp.Diff(want, write(t, []updateinfo.Update{full(), {}})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<updates/>\n", write(t, nil)); diff != "" {
		t.Error(diff)
	}
}

type brokenPipe struct{ left int }

var errPipe = errors.New("broken pipe")

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errPipe
	}
	return len(p), nil
}

func TestWriteErrorIsReturned(t *testing.T) {
	t.Parallel()
	many := make([]updateinfo.Update, 2000)
	for _, left := range []int{0, 100_000} {
		if err := updateinfo.Write(&brokenPipe{left}, many); !errors.Is(err, errPipe) {
			t.Errorf("%d: %v", left, err)
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 1, 31, 12, 30, 0, 0, time.UTC)
	for _, s := range []string{
		"2026-01-31 12:30:00", "2026-01-31T12:30:00Z", "2026-01-31T13:30:00+01:00", "2026-01-31 12:30:00 UTC", "2026-01-31T12:30:00", " 1769862600 ", "2026-01-31 12:30",
	} {
		if got, err := updateinfo.ParseDate(s); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v %v", s, got, err)
		}
	}
	if got, err := updateinfo.ParseDate("2026-01-31"); err != nil || got.Unix() != want.Unix()/86400*86400 {
		t.Errorf("%v %v", got, err)
	}
	for _, s := range []string{"", "yesterday", "-5", "2026-13-01", "99999999999999999999"} {
		if got, err := updateinfo.ParseDate(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
	if got := updateinfo.FormatDate(want.In(time.FixedZone("", 3600))); got != "2026-01-31 12:30:00" {
		t.Errorf("formatted %s", got)
	}
	if got := updateinfo.FormatDate(time.Time{}); got != "" {
		t.Errorf("formatted %q", got)
	}
}

// FuzzWrite: whatever is in the fields, a strict parser reads the result, and
// finds as many updates as were written.
func FuzzWrite(f *testing.F) {
	f.Add("id", "title", "a\x00b\xff")
	f.Add("<&>", "\"'", "\r\n\t")
	f.Fuzz(func(t *testing.T, id, title, other string) {
		u := updateinfo.Update{ID: id, Title: title, From: other, Description: other, Issued: title}
		u.References = []updateinfo.Reference{{Href: other, Title: title}}
		u.Collections = []updateinfo.Collection{{Name: other, Packages: []updateinfo.Package{{Name: id, Filename: other, Sum: &updateinfo.Sum{Type: title, Value: id}}}}}
		text := write(t, []updateinfo.Update{u, u})
		var got struct {
			Updates []struct {
				ID string `xml:"id"`
			} `xml:"update"`
		}
		if err := xml.NewDecoder(strings.NewReader(text)).Decode(&got); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(got.Updates) != 2 {
			t.Errorf("%d updates\n%s", len(got.Updates), text)
		}
	})
}
