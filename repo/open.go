package repo

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
)

// Limits for the plain content of a metadata file. Fedora's largest, filelists
// of "everything", is about 1 GiB.
const maxOpenSize = 4 << 30

// Repo is a repository that can be read.
type Repo struct {
	Repomd *Repomd
	// RepomdChecksum is the sha256 of repomd.xml as it was read.
	RepomdChecksum Checksum
	// URL is where it was opened, above repodata; the path of a directory.
	URL string
	// Mirrors are the URLs that Remote has for it, URL first. They need not all
	// have the same state.
	Mirrors []string

	open func(ctx context.Context, d *Data) (io.ReadCloser, error)
}

// ErrNoData says that a repository has no metadata of the type asked for.
var ErrNoData = errors.New("repository has no such metadata")

// ChecksumError says that a metadata file is not the one that repomd.xml names.
type ChecksumError struct {
	File      string // href
	What      string // "checksum", "open-checksum", "size", "open-size"
	Want, Got string
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%s: %s is %s, repomd.xml says %s", e.File, e.What, e.Got, e.Want)
}

// StatusError is an HTTP answer other than 200.
type StatusError struct {
	URL    string
	Status int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("get %s: HTTP status %d %s", e.URL, e.Status, http.StatusText(e.Status))
}

// OpenDir opens the repository in the directory above repodata. Nothing
// outside the directory is read, whatever repomd.xml says.
func OpenDir(dir string) (*Repo, error) {
	return open(context.Background(), dir, func(_ context.Context, d *Data) (io.ReadCloser, error) {
		return os.OpenInRoot(dir, filepath.FromSlash(d.Href))
	})
}

// Open opens the repository at the URL above repodata. Nothing is kept on disk:
// see Remote. The client sets the deadlines; nil means http.DefaultClient.
func Open(ctx context.Context, baseURL string, client *http.Client) (*Repo, error) {
	base, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("open repository %s: scheme is neither http nor https", base.Redacted())
	}
	if client == nil {
		client = http.DefaultClient
	}
	return open(ctx, strings.TrimRight(baseURL, "/"), func(ctx context.Context, d *Data) (io.ReadCloser, error) {
		return get(ctx, client, base.JoinPath(d.Href))
	})
}

func get(ctx context.Context, client *http.Client, u *url.URL) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", u.Redacted(), err)
	}
	// The files are compressed and their checksums are those of the bytes as
	// stored: the transport must not unpack them.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("get repository file: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, &StatusError{URL: u.Redacted(), Status: resp.StatusCode}
	}
	return resp.Body, nil
}

func open(ctx context.Context, where string, opener func(context.Context, *Data) (io.ReadCloser, error)) (*Repo, error) {
	in, err := opener(ctx, &Data{Href: "repodata/repomd.xml"})
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	defer in.Close() //nolint:errcheck // opened for reading
	sum := sha256.New()
	md, err := ReadRepomd(io.TeeReader(in, sum))
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	return &Repo{
		Repomd: md, URL: where, open: opener,
		RepomdChecksum: Checksum{Type: "sha256", Value: hex.EncodeToString(sum.Sum(nil))},
	}, nil
}

// Stream opens the plain content of the metadata file of the type. Sizes and
// checksums are compared as the bytes pass: a file that is not the right one
// ends in a *ChecksumError instead of io.EOF, so nothing is proven before the
// end was reached. ErrNoData says that there is none. The caller closes it.
func (r *Repo) Stream(ctx context.Context, kind string) (io.ReadCloser, error) {
	d := r.Repomd.Find(kind)
	if d == nil {
		return nil, fmt.Errorf("read %s: %w", kind, ErrNoData)
	}
	if !filepath.IsLocal(filepath.FromSlash(d.Href)) || strings.Contains(d.Href, `\`) {
		return nil, &FormatError{File: "repomd.xml", Reason: "location " + d.Href + " leads out of the repository"}
	}
	sum := readHash(d.Checksum.Type)
	if sum == nil {
		return nil, &FormatError{File: "repomd.xml", Reason: "checksum type " + d.Checksum.Type + " is not known"}
	}
	in, err := r.open(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", kind, err)
	}
	v := &verified{data: d, in: in, sum: sum}
	limit := int64(maxOpenSize)
	if d.Size > 0 {
		limit = min(limit, d.Size)
	}
	v.raw = io.TeeReader(limitio.Reader(in, limit, d.Href), countWriter{sum, &v.size})
	v.plain, err = Decompress(d.Href, v.raw)
	if err != nil {
		_ = in.Close()
		return nil, fmt.Errorf("read %s: %w", kind, err)
	}
	limit = maxOpenSize
	if d.OpenSize > 0 {
		limit = min(limit, d.OpenSize)
	}
	v.bounded = limitio.Reader(v.plain, limit, "plain content of "+d.Href)
	if !d.OpenChecksum.IsZero() {
		v.openSum = readHash(d.OpenChecksum.Type)
	}
	return v, nil
}

// Primary reads the packages of the repository; see the function Primary and
// Stream for the errors.
func (r *Repo) Primary(ctx context.Context) iter.Seq2[*Entry, error] {
	return streamed(ctx, r, "primary", Primary)
}

// Filelists reads the files of the packages; see the function Filelists and
// Stream for the errors.
func (r *Repo) Filelists(ctx context.Context) iter.Seq2[*EntryFiles, error] {
	return streamed(ctx, r, "filelists", Filelists)
}

// Other reads the changelogs of the packages; see the function Other and Stream
// for the errors.
func (r *Repo) Other(ctx context.Context) iter.Seq2[*EntryChangelogs, error] {
	return streamed(ctx, r, "other", Other)
}

func streamed[T any](ctx context.Context, r *Repo, kind string, read func(io.Reader) iter.Seq2[*T, error]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		in, err := r.Stream(ctx, kind)
		if err != nil {
			yield(nil, err)
			return
		}
		defer in.Close() //nolint:errcheck // opened for reading
		for e, err := range read(in) {
			if !yield(e, err) {
				return
			}
		}
	}
}

// readHash returns a hash that some repository, old ones included, names.
func readHash(name string) hash.Hash {
	switch name {
	case "sha", "sha1":
		return sha1.New()
	case "md5":
		return md5.New()
	}
	return newHash(name)
}

// verified is the stream of one metadata file.
type verified struct {
	data     *Data
	in       io.ReadCloser
	raw      io.Reader // file bytes, hashed
	plain    io.ReadCloser
	bounded  io.Reader
	sum      hash.Hash
	openSum  hash.Hash
	size     int64
	openSize int64
	end      error
}

func (v *verified) Read(p []byte) (int, error) {
	if v.end != nil {
		return 0, v.end
	}
	n, err := v.bounded.Read(p)
	v.openSize += int64(n)
	if v.openSum != nil {
		v.openSum.Write(p[:n])
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = v.check()
		}
		v.end = err
	}
	return n, err
}

// check returns io.EOF when everything agrees.
func (v *verified) check() error {
	// A decompressor may stop before the end of the file.
	if _, err := io.Copy(io.Discard, v.raw); err != nil {
		return fmt.Errorf("read %s: %w", v.data.Href, err)
	}
	d := v.data
	mismatch := func(what, want, got string) error {
		return &ChecksumError{File: d.Href, What: what, Want: want, Got: got}
	}
	if d.Size > 0 && v.size != d.Size {
		return mismatch("size", fmt.Sprint(d.Size), fmt.Sprint(v.size))
	}
	if got := hex.EncodeToString(v.sum.Sum(nil)); got != d.Checksum.Value {
		return mismatch("checksum", d.Checksum.Value, got)
	}
	if d.OpenSize > 0 && v.openSize != d.OpenSize {
		return mismatch("open-size", fmt.Sprint(d.OpenSize), fmt.Sprint(v.openSize))
	}
	if v.openSum != nil {
		if got := hex.EncodeToString(v.openSum.Sum(nil)); got != d.OpenChecksum.Value {
			return mismatch("open-checksum", d.OpenChecksum.Value, got)
		}
	}
	return io.EOF
}

// Close closes the file.
func (v *verified) Close() error {
	return errors.Join(v.plain.Close(), v.in.Close())
}
