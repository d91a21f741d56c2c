package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// PartSuffix ends the name of a download that is not complete. A later Download
// goes on with it.
const PartSuffix = ".part"

// downloadTries is how often in a row a download may break off without having
// brought a byte.
const downloadTries = 5

// DigestError says that a downloaded file is not the one that was meant. Nothing
// of it is kept.
type DigestError struct {
	URL       string
	Want, Got string // sha256, hex
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("%s is not the file that was meant: its sha256 is %s where %s was expected", e.URL, e.Got, e.Want)
}

// Download fetches rawURL into the file path. What an earlier attempt left at
// path.part is resumed; a connection that breaks is taken up again. The file
// gets its name only when its sha256 (hex; "" for not known) is right, and a
// file that stands there with that digest is left as it is. progress, which may
// be nil, is told bytes done and in total (0: not known).
func (c *Client) Download(ctx context.Context, rawURL, path, digest string, progress func(done, total int64)) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		return fmt.Errorf("download: %w", err)
	}
	if digest != "" {
		if got, err := fileDigest(path); err == nil && got == digest {
			return nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("download: %w", err)
	}
	d := &download{client: c, url: u, want: digest, progress: progress}
	if d.file, err = os.OpenFile(path+PartSuffix, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return fmt.Errorf("download: %w", err)
	}
	err = d.run(ctx)
	if err == nil {
		err = d.file.Sync()
	}
	if err = errors.Join(err, d.file.Close()); err != nil {
		if _, wrong := errors.AsType[*DigestError](err); wrong || d.size == 0 {
			err = errors.Join(err, os.Remove(path+PartSuffix))
		}
		return err
	}
	if err := os.Rename(path+PartSuffix, path); err != nil {
		return fmt.Errorf("download: %w", err)
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

func fileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read file: %w", err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read file: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// download is the state of one Download.
type download struct {
	client   *Client
	url      *url.URL
	want     string
	progress func(done, total int64)

	file    *os.File
	size    int64 // bytes that stand in file and in hash
	total   int64 // 0: not known
	hash    hash.Hash
	resumed bool // file began as another attempt's
}

// run brings the whole file and verifies it.
func (d *download) run(ctx context.Context) error {
	if err := d.adopt(); err != nil {
		return err
	}
	for {
		if err := d.bring(ctx); err != nil {
			return err
		}
		got := hex.EncodeToString(d.hash.Sum(nil))
		if d.want == "" || got == d.want {
			return nil
		}
		if !d.resumed {
			return &DigestError{URL: d.url.Redacted(), Want: d.want, Got: got}
		}
		// The part was of another file, or damaged: once more from the start.
		if err := d.restart(); err != nil {
			return err
		}
	}
}

// adopt takes over what an earlier attempt left.
func (d *download) adopt() error {
	d.hash = sha256.New()
	n, err := io.Copy(d.hash, d.file)
	if err != nil {
		return fmt.Errorf("read %s: %w", d.file.Name(), err)
	}
	d.size, d.resumed = n, n > 0
	return nil
}

func (d *download) restart() error {
	d.hash.Reset()
	d.size, d.total, d.resumed = 0, 0, false
	if err := d.file.Truncate(0); err != nil {
		return fmt.Errorf("start download anew: %w", err)
	}
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("start download anew: %w", err)
	}
	return nil
}

// bring repeats until the file is complete.
func (d *download) bring(ctx context.Context) error {
	for idle := 0; ; {
		before := d.size
		done, err := d.once(ctx)
		if done || err != nil && (ctx.Err() != nil || !passing(err)) {
			return err
		}
		if d.size > before {
			idle = 0
		}
		if idle++; idle >= downloadTries {
			return err
		}
		timer := time.NewTimer(min(d.client.pause<<idle, 10*time.Second))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("download: %w", context.Cause(ctx))
		}
	}
}

// once asks for what is missing. done says that the file is complete.
func (d *download) once(ctx context.Context) (done bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url.String(), http.NoBody)
	if err != nil {
		return false, fmt.Errorf("download: %w", err)
	}
	d.client.sign(req)
	// A compressed answer would neither fit a Range nor the digest.
	req.Header.Set("Accept-Encoding", "identity")
	if d.size > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.size))
	}
	resp, err := d.client.http.Do(req)
	if err != nil {
		return false, d.client.unreachable(ctx, req.URL, err)
	}
	defer func() { _ = resp.Body.Close() }()
	start, total := contentRange(resp.Header.Get("Content-Range"))
	switch resp.StatusCode {
	case http.StatusPartialContent:
		if start != d.size {
			return false, &FormatError{URL: d.url.Redacted(), Reason: fmt.Sprintf("the server sends from byte %d where %d was asked for", start, d.size)}
		}
		d.total = total
	case http.StatusOK:
		if err := d.restart(); err != nil {
			return false, err
		}
		d.total = max(resp.ContentLength, 0)
	case http.StatusRequestedRangeNotSatisfiable:
		if d.size > 0 && total == d.size {
			return true, nil
		}
		return false, errors.Join(d.restart(), &UnreachableError{URL: d.url.Host, Err: errors.New("the file has become shorter")})
	default:
		return false, problemOf(resp)
	}
	return d.copy(ctx, resp)
}

// contentRange reads "bytes 5-9/10" and "bytes */10"; what is not said is 0.
func contentRange(text string) (start, total int64) {
	text, _ = strings.CutPrefix(text, "bytes ")
	span, size, _ := strings.Cut(text, "/")
	first, _, _ := strings.Cut(span, "-")
	start, _ = strconv.ParseInt(first, 10, 64)
	total, _ = strconv.ParseInt(size, 10, 64)
	return max(start, 0), max(total, 0)
}

// copy appends the answer's body to the file.
func (d *download) copy(ctx context.Context, resp *http.Response) (done bool, err error) {
	buf := make([]byte, 256<<10)
	for {
		n, readErr := resp.Body.Read(buf)
		if n > 0 {
			if _, err := d.file.Write(buf[:n]); err != nil {
				return false, fmt.Errorf("download: %w", err)
			}
			_, _ = d.hash.Write(buf[:n]) // never fails
			d.size += int64(n)
			if d.progress != nil {
				d.progress(d.size, d.total)
			}
		}
		switch {
		case errors.Is(readErr, io.EOF) && (d.total == 0 || d.size >= d.total):
			return true, nil
		case readErr != nil:
			return false, d.client.unreachable(ctx, resp.Request.URL, readErr)
		}
	}
}
