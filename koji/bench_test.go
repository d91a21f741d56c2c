package koji_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/kolo/xmlrpc"

	"github.com/fedora-respin/respin/koji"
)

// benchRows make an answer of somewhat more than 50 MB: what a hub says to
// listTaggedRPMS of a whole release with signatures.
const benchRows = 42_000

// taggedAnswer writes the answer as the hub's Python does. Names, versions and
// releases repeat as they do in a release, where a build has several RPMs and
// each is there for several arches; the payload hashes never do.
func taggedAnswer(rows int) []byte {
	var b bytes.Buffer
	member := func(name, kind, value string) {
		if kind == "nil" {
			b.WriteString("<member>\n<name>" + name + "</name>\n<value><nil/></value></member>\n")
			return
		}
		b.WriteString("<member>\n<name>" + name + "</name>\n<value><" + kind + ">" + value + "</" + kind + "></value>\n</member>\n")
	}
	b.WriteString("<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><array><data>\n<value><array><data>\n")
	arches := []string{"x86_64", "aarch64", "noarch", "src", "ppc64le", "s390x"}
	for i := range rows {
		build := i / 9
		b.WriteString("<value><struct>\n")
		member("arch", "string", arches[i%len(arches)])
		member("build_id", "int", strconv.Itoa(2_000_000+build))
		member("buildroot_id", "int", strconv.Itoa(50_000_000+i))
		member("buildtime", "int", strconv.Itoa(1_700_000_000+build))
		member("draft", "boolean", "0")
		if build%7 == 0 {
			member("epoch", "int", "1")
		} else {
			member("epoch", "nil", "")
		}
		member("extra", "nil", "")
		member("id", "int", strconv.Itoa(30_000_000+i))
		member("metadata_only", "boolean", "0")
		member("name", "string", fmt.Sprintf("package-%d-sub%d", build, i%9))
		member("payloadhash", "string", fmt.Sprintf("%08x%08x%08x%08x", i*2654435761, i*40503, build*97, i))
		member("release", "string", strconv.Itoa(1+build%9)+".fc42")
		member("sigkey", "string", "105ef944")
		member("size", "int", strconv.Itoa(6_000+i*13))
		member("version", "string", fmt.Sprintf("%d.%d.%d", build%40, build%17, build%5))
		b.WriteString("</struct></value>\n")
	}
	b.WriteString("</data></array></value>\n<value><array><data>\n</data></array></value>\n</data></array></value>\n</param>\n</params>\n</methodResponse>\n")
	return b.Bytes()
}

// koloRPM is what a user of kolo/xmlrpc would declare.
type koloRPM struct {
	Arch         string `xmlrpc:"arch"`
	BuildID      int    `xmlrpc:"build_id"`
	BuildrootID  *int   `xmlrpc:"buildroot_id"`
	BuildTime    int    `xmlrpc:"buildtime"`
	Draft        bool   `xmlrpc:"draft"`
	Epoch        *int   `xmlrpc:"epoch"`
	Extra        any    `xmlrpc:"extra"`
	ID           int    `xmlrpc:"id"`
	MetadataOnly bool   `xmlrpc:"metadata_only"`
	Name         string `xmlrpc:"name"`
	PayloadHash  string `xmlrpc:"payloadhash"`
	Release      string `xmlrpc:"release"`
	SigKey       string `xmlrpc:"sigkey"`
	Size         int64  `xmlrpc:"size"`
	Version      string `xmlrpc:"version"`
}

// BenchmarkTaggedRPMs reads the same answer of about 50 MB over the same
// loopback connection with our client and with kolo's own. make bench-koji
// prints the ratios.
func BenchmarkTaggedRPMs(b *testing.B) {
	answer := taggedAnswer(benchRows)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer)
	}))
	defer s.Close()
	run := func(name string, read func() int) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(answer)))
			b.ReportAllocs()
			for b.Loop() {
				if n := read(); n != benchRows {
					b.Fatalf("%d rows", n)
				}
			}
		})
	}
	c := must(koji.New(s.URL, koji.Options{}))
	run("respin", func() int {
		return len(must(c.ListTaggedRPMs(b.Context(), "f42", koji.TaggedRPMOptions{})).RPMs)
	})
	run("respin iterator", func() int {
		n := 0
		for _, err := range c.TaggedRPMs(b.Context(), "f42", koji.TaggedRPMOptions{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		return n
	})
	kolo := must(xmlrpc.NewClient(s.URL, nil))
	run("kolo", func() int {
		// Only an empty list of builds lets kolo read the pair into one type.
		var out [][]koloRPM
		if err := kolo.Call("listTaggedRPMS", []any{"f42"}, &out); err != nil {
			b.Fatal(err)
		}
		return len(out[0])
	})
}
