// Package metalink reads the two ways in which mirror managers say where a
// repository is: Metalink 3.0 documents, which also say which repomd.xml is the
// right one, and plain lists of mirrors.
//
//	m, err := metalink.Read(resp.Body)
//	if err != nil {
//		return err
//	}
//	for _, u := range m.URLs { // best first, http and https only
//		data, err := get(u.URL)
//		if err == nil && m.Accepts(data) {
//			return use(data, metalink.Base(u.URL))
//		}
//	}
//
// The format is what MirrorManager writes (mirrorlist-server, do_metalink) and
// librepo reads (metalink.c).
package metalink

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/internal/xmlscan"
	"github.com/fedora-respin/respin/repo/mdxml"
)

// Metalink is what one says about repomd.xml.
type Metalink struct {
	File       // the newest repomd.xml
	Alternates []File
	URLs       []URL // of repomd.xml, best first
}

// File is one generation of repomd.xml. Mirrors that lag behind still serve an
// older one, which alternates allow for.
type File struct {
	Timestamp int64 // seconds since 1970
	Size      int64 // bytes
	Hashes    []Hash
}

// Hash is a digest of a file.
type Hash struct {
	Type  string // "sha256", "sha512", and of old "md5", "sha1"
	Value string // hexadecimal, lower case
}

// URL is a place of repomd.xml.
type URL struct {
	URL        string
	Location   string // country, such as "DE"; may be empty
	Preference int    // 100 is best
}

// ErrNoMirrors says that a document names no mirror: MirrorManager answers so,
// with a comment, when it does not know the repository or the architecture.
var ErrNoMirrors = errors.New("no mirrors are named")

const (
	maxSize    = 16 << 20
	maxEntries = 10_000 // of URLs, of alternates, and of the digests of each
)

// Read reads a metalink, 16 MiB of it at most. URLs of other protocols than
// http and https are left out. Errors are *mdxml.FormatError, ErrNoMirrors, or
// what r says.
func Read(r io.Reader) (*Metalink, error) {
	x := &reader{Scanner: xmlscan.New(limitio.Reader(r, maxSize, "metalink"), xmlscan.Limits{Depth: 32, Token: 1 << 20})}
	if err := x.read(); err != nil {
		return nil, mdxml.Located("metalink", err)
	}
	if len(x.m.URLs) == 0 {
		return nil, fmt.Errorf("read metalink: %w", ErrNoMirrors)
	}
	slices.SortStableFunc(x.m.URLs, func(a, b URL) int { return cmp.Compare(b.Preference, a.Preference) })
	return &x.m, nil
}

// Accepts tells whether data is a repomd.xml that the metalink vouches for: its
// strongest digest must be that of the newest one or of an alternate. MD5 and
// SHA-1 vouch for nothing. librepo's rule is the same (lr_get_best_checksum),
// but for those two.
func (m *Metalink) Accepts(data []byte) bool {
	sum256, sum512 := sha256.Sum256(data), sha512.Sum512(data)
	for _, f := range append([]File{m.File}, m.Alternates...) {
		switch want := f.strongest(); want.Type {
		case "sha512":
			if hex.EncodeToString(sum512[:]) == want.Value {
				return true
			}
		case "sha256":
			if hex.EncodeToString(sum256[:]) == want.Value {
				return true
			}
		}
	}
	return false
}

// Vouches tells whether the metalink has a digest that counts.
func (m *Metalink) Vouches() bool {
	for _, f := range append([]File{m.File}, m.Alternates...) {
		if f.strongest().Type != "" {
			return true
		}
	}
	return false
}

// strongest returns the strongest digest that counts, the zero Hash without one.
func (f *File) strongest() Hash {
	for _, kind := range []string{"sha512", "sha256"} {
		for _, h := range f.Hashes {
			if h.Type == kind {
				return h
			}
		}
	}
	return Hash{}
}

// Base returns the URL of the repository that a repomd.xml stands for.
func Base(repomd string) string {
	return strings.TrimSuffix(strings.TrimSuffix(repomd, "repodata/repomd.xml"), "/")
}

// ReadMirrorlist reads a list of mirrors, the URL of a repository on each line,
// comments behind "#". Lines that are no http or https URL are passed over.
// ErrNoMirrors says that none is left.
func ReadMirrorlist(r io.Reader) ([]string, error) {
	data, err := limitio.ReadAll(r, maxSize, "mirrorlist")
	if err != nil {
		return nil, fmt.Errorf("read mirrorlist: %w", err)
	}
	var out []string
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' || !isWeb(text) || len(out) == maxEntries {
			continue
		}
		out = append(out, strings.TrimRight(text, "/"))
	}
	if out == nil {
		return nil, fmt.Errorf("read mirrorlist: %w", ErrNoMirrors)
	}
	return out, nil
}

func isWeb(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
