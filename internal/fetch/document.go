package fetch

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/fedora-respin/respin/internal/limitio"
)

// MaxDocument is the largest document, in bytes.
const MaxDocument = 64 << 20

// documentAge is how long a document that nobody asks for is kept.
const documentAge = 30 * 24 * time.Hour

// Document is a small file whose content changes under its URL, such as the
// table of contents of a repository.
type Document struct {
	Data      []byte
	URL       string // where it came from, after redirects
	Unchanged bool   // the server said so: Data is the copy that was kept
}

// documentMeta stands in front of a kept document, as one line of JSON.
type documentMeta struct {
	Final        string `json:"final"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	SHA256       string `json:"sha256"`
}

// Document returns the file as it is now, from the first of the URLs that has
// it, limit bytes of it at most. The server is asked each time; a copy that was
// kept is used when it answers that nothing has changed (RFC 9110, 13.1: ETag,
// Last-Modified). check, if set, turns answers down: the next URL is tried, and
// nothing is kept. Policy, retries and errors are those of Get.
func (f *Fetcher) Document(ctx context.Context, urls []string, limit int64, check func([]byte) error) (*Document, error) {
	if limit <= 0 || limit > MaxDocument || len(urls) == 0 {
		return nil, fmt.Errorf("get document: %d URLs, limit of %d bytes, 1 to %d possible", len(urls), limit, MaxDocument)
	}
	var d *Document
	err := f.persist(ctx, urls, func(u *url.URL) (err error) {
		d, err = f.tryDocument(ctx, u, limit, check)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (f *Fetcher) tryDocument(ctx context.Context, u *url.URL, limit int64, check func([]byte) error) (*Document, error) {
	checked := func(data []byte) error {
		if check == nil {
			return nil
		}
		if err := check(data); err != nil {
			return &CheckError{URL: u.Redacted(), Err: err}
		}
		return nil
	}
	if u.Scheme == "file" {
		data, size, err := localHead(u, int(limit))
		if err == nil && size > limit {
			err = tooLarge(u, limit)
		}
		if err == nil {
			err = checked(data)
		}
		return &Document{Data: data, URL: u.String()}, err
	}
	release, err := f.slot(ctx, u.Host)
	if err != nil {
		return nil, err
	}
	defer release()
	header := http.Header{}
	meta, kept := f.keptDocument(u, limit)
	if meta.ETag != "" {
		header.Set("If-None-Match", meta.ETag)
	}
	if meta.LastModified != "" {
		header.Set("If-Modified-Since", meta.LastModified)
	}
	resp, _, done, err := f.request(ctx, u, header) //nolint:bodyclose // done closes it
	if err != nil {
		return nil, err
	}
	defer done()
	switch {
	case resp.StatusCode == http.StatusNotModified && meta.SHA256 != "":
		now := time.Now()
		_ = os.Chtimes(f.documentPath(u), now, now) // it is still wanted
		return &Document{Data: kept, URL: meta.Final, Unchanged: true}, checked(kept)
	case resp.StatusCode != http.StatusOK:
		return nil, statusError(resp, u)
	}
	body := bufio.NewReaderSize(resp.Body, 16<<10)
	if err := refuseHTML(body, u, resp); err != nil {
		return nil, err
	}
	data, err := limitio.ReadAll(body, limit, "the file")
	if _, large := errors.AsType[*limitio.TooLargeError](err); large {
		return nil, tooLarge(u, limit)
	}
	if err == nil && resp.ContentLength >= 0 && int64(len(data)) != resp.ContentLength {
		err = &transferError{url: u.Redacted(), err: io.ErrUnexpectedEOF}
	}
	if err == nil {
		err = checked(data)
	}
	if err != nil {
		return nil, err
	}
	d := &Document{Data: data, URL: resp.Request.URL.String()}
	f.keepDocument(u, d, resp.Header)
	return d, nil
}

func (f *Fetcher) documentPath(u *url.URL) string {
	return filepath.Join(f.dir, "docs", hexSum(u.String()))
}

// keptDocument returns the copy of an earlier answer; what was damaged counts
// as absent.
func (f *Fetcher) keptDocument(u *url.URL, limit int64) (documentMeta, []byte) {
	file, err := os.Open(f.documentPath(u))
	if err != nil {
		return documentMeta{}, nil
	}
	defer file.Close() //nolint:errcheck // only read
	all, err := limitio.ReadAll(file, limit+(64<<10), "kept document")
	line, data, ok := bytes.Cut(all, []byte{'\n'})
	var meta documentMeta
	if err != nil || !ok || json.Unmarshal(line, &meta) != nil || int64(len(data)) > limit || meta.SHA256 != hexSum(string(data)) {
		return documentMeta{}, nil
	}
	return meta, data
}

// keepDocument keeps an answer that the server can be asked about later. That
// it could not be kept costs a download and is no failure.
func (f *Fetcher) keepDocument(u *url.URL, d *Document, h http.Header) {
	meta := documentMeta{Final: d.URL, ETag: h.Get("ETag"), LastModified: h.Get("Last-Modified"), SHA256: hexSum(string(d.Data))}
	if meta.ETag == "" && meta.LastModified == "" || len(meta.Final)+len(meta.ETag)+len(meta.LastModified) > 32<<10 {
		return
	}
	line, err := json.Marshal(meta)
	if err == nil {
		err = writeNote(f.documentPath(u), append(append(line, '\n'), d.Data...))
	}
	if err != nil {
		f.log.Warn("document not kept", "url", u.Redacted(), "error", err)
	}
}

// sweepDocuments removes documents that nobody has asked for lately.
func (f *Fetcher) sweepDocuments(now time.Time) error {
	entries, err := os.ReadDir(filepath.Join(f.dir, "docs"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && isHex256(e.Name()) && now.Sub(info.ModTime()) > documentAge {
			_ = os.Remove(filepath.Join(f.dir, "docs", e.Name()))
		}
	}
	return nil
}
