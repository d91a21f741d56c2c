package updateinfo_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo/mdxml"
	"github.com/fedora-respin/respin/repo/updateinfo"
)

func readAll(doc string) (out []updateinfo.Update, err error) {
	for u, err := range updateinfo.Read(strings.NewReader(doc)) {
		if err != nil {
			return out, err
		}
		out = append(out, *u)
	}
	return out, nil
}

func TestReadsBackWhatWriteWrote(t *testing.T) {
	t.Parallel()
	want := []updateinfo.Update{full(), {}, {ID: "X-1", Type: "bugfix"}}
	got, err := readAll(write(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadIsLenientAndStrict(t *testing.T) {
	t.Parallel()
	got, err := readAll(`<?xml version="1.0"?><updates><other/><update type="security"><id>A</id><odd><x/></odd><reboot_suggested/>
<pkglist><collection><package name="n"><sum type="sha1"> AB </sum><reboot_suggested>False</reboot_suggested></package></collection></pkglist></update></updates>`)
	want := []updateinfo.Update{{Type: "security", ID: "A", RebootSuggested: true, Collections: []updateinfo.Collection{{
		Packages: []updateinfo.Package{{Name: "n", Sum: &updateinfo.Sum{Type: "sha1", Value: "ab"}}},
	}}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, doc := range map[string]string{
		"cut":         "<updates><update><id>A</id>",
		"another":     "<metadata/>",
		"bad version": `<updates><update><pkglist><collection><module version="x"/></collection></pkglist></update></updates>`,
		"not XML":     "<updates><update></updates>",
	} {
		_, err := readAll(doc)
		if _, ok := errors.AsType[*mdxml.FormatError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range updateinfo.Read(strings.NewReader("<updates><update/><update/></updates>")) {
		break // and nothing is called after that
	}
}

// FuzzRead: what is read, written and read again is the same.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := updateinfo.Write(&b, []updateinfo.Update{full()}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := readAll(string(doc))
		if err != nil {
			return
		}
		for dec := xml.NewDecoder(bytes.NewReader(doc)); ; {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("accepted, but encoding/xml refuses %q: %v", doc, err)
			}
		}
		var out bytes.Buffer
		if err := updateinfo.Write(&out, got); err != nil {
			return // a control character that came as a reference
		}
		again, err := readAll(out.String())
		if diff := cmp.Diff(got, again); err != nil || diff != "" {
			t.Fatalf("%v (-first +second):\n%s", err, diff)
		}
	})
}
