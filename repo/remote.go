package repo

import (
	"bytes"
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
	"path"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/repo/metalink"
)

// Location says where a repository is, as a .repo file does. One of the fields
// is enough; with several, the metalink counts first, then the mirror list.
type Location struct {
	BaseURLs   []string // URLs above repodata, tried in order
	Metalink   string   // URL of a metalink
	Mirrorlist string   // URL of a list of mirrors
}

// LocationOf tells a metalink and a mirror list from a plain repository by the
// last word of the path: that is how MirrorManager's URLs look.
func LocationOf(where string) Location {
	last := where
	if u, err := url.Parse(where); err == nil {
		last = path.Base(u.Path)
	}
	switch {
	case strings.Contains(last, "metalink"):
		return Location{Metalink: where}
	case strings.Contains(last, "mirrorlist"):
		return Location{Mirrorlist: where}
	}
	return Location{BaseURLs: []string{where}}
}

// RemoteOptions change how a Remote reaches servers. The zero value works.
type RemoteOptions struct {
	HTTP *http.Client // its transport must be nil or an *http.Transport; default one that heeds the proxy variables
	// By default only public addresses are reached, so that a URL from outside
	// leads nowhere inside.
	AllowLoopback bool
	AllowPrivate  bool
	TrustHosts    []string // "host" or "host:port": not judged
	MaxCache      int64    // bytes of metadata files that are kept; 0 means 2 GiB
	MaxMirrors    int      // mirrors that are tried; 0 means 8
	Logger        hclog.Logger
}

// Remote opens repositories of the network through a cache on disk: repomd.xml
// is asked for each time and brought when it has changed (ETag), the files that
// it names are brought once, resumed where a transfer broke off, from whichever
// mirror has them. Several processes may share the directory. It is safe for
// concurrent use.
type Remote struct {
	fetcher *fetch.Fetcher
	opts    RemoteOptions
}

// ErrUntrusted says that no mirror has a repomd.xml that the metalink vouches for.
var ErrUntrusted = errors.New("repomd.xml is none that the metalink vouches for")

// ErrUnreachable is what errors.Is finds when a server could not be reached, or
// was not able to answer (429, 5xx).
var ErrUnreachable = fetch.ErrUnreachable

const maxLinkSize = 16 << 20

// remoteError adds the *StatusError that package fetch has of its own.
type remoteError struct {
	error
	status *StatusError
}

func (e *remoteError) Unwrap() []error { return []error{e.error, e.status} }

func withStatus(err error) error {
	if s, ok := errors.AsType[*fetch.StatusError](err); ok {
		return &remoteError{err, &StatusError{URL: s.URL, Status: s.Code}}
	}
	return err
}

// NewRemote makes the cache directory if needed. The caller closes the Remote.
func NewRemote(cacheDir string, opts RemoteOptions) (*Remote, error) {
	if opts.MaxCache == 0 {
		opts.MaxCache = 2 << 30
	}
	if opts.MaxMirrors <= 0 {
		opts.MaxMirrors = 8
	}
	f, err := fetch.New(cacheDir, fetch.Options{
		HTTP: opts.HTTP, MaxCache: opts.MaxCache, MaxFile: maxOpenSize, Logger: opts.Logger,
		Policy: fetch.Policy{AllowLoopback: opts.AllowLoopback, AllowPrivate: opts.AllowPrivate, TrustHosts: opts.TrustHosts},
	})
	if err != nil {
		return nil, fmt.Errorf("open repository cache: %w", err)
	}
	return &Remote{fetcher: f, opts: opts}, nil
}

// Close ends what is under way. Repos that were opened cannot be read further.
func (r *Remote) Close() error { return r.fetcher.Close() }

// Open opens the repository. An answer of a server that is no success is a
// *StatusError; see ErrUnreachable too. Of a metalink's mirrors only one counts whose
// repomd.xml has a digest that the metalink names (SHA-256 or SHA-512; see
// metalink.Metalink.Accepts): ErrUntrusted says that there was none.
func (r *Remote) Open(ctx context.Context, l Location) (*Repo, error) {
	bases, check, err := r.mirrors(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", withStatus(err))
	}
	tried := bases[:min(len(bases), r.opts.MaxMirrors)]
	urls := make([]string, len(tried))
	for i, b := range tried {
		if urls[i], err = url.JoinPath(b, "repodata/repomd.xml"); err != nil {
			return nil, fmt.Errorf("open repository: %w", err)
		}
	}
	doc, err := r.fetcher.Document(ctx, urls, maxRepomdSize, check)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", withStatus(err))
	}
	md, err := ReadRepomd(bytes.NewReader(doc.Data))
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	sum := sha256.Sum256(doc.Data)
	// The mirror that answered goes first for the files: others may lag behind.
	first := metalink.Base(doc.URL)
	rest := make([]string, 0, len(tried))
	for _, b := range tried {
		if strings.TrimRight(b, "/") != first {
			rest = append(rest, b)
		}
	}
	bases = append([]string{first}, rest...)
	return &Repo{
		Repomd: md, URL: first, Mirrors: bases[:min(len(bases), r.opts.MaxMirrors)], RepomdChecksum: Checksum{Type: "sha256", Value: hex.EncodeToString(sum[:])},
		open: func(ctx context.Context, d *Data) (io.ReadCloser, error) { return r.file(ctx, bases, d) },
	}, nil
}

// mirrors returns the URLs of the repository, and how to judge a repomd.xml.
func (r *Remote) mirrors(ctx context.Context, l Location) (bases []string, check func([]byte) error, err error) {
	switch {
	case l.Metalink != "":
		doc, err := r.fetcher.Document(ctx, []string{l.Metalink}, maxLinkSize, nil)
		if err != nil {
			return nil, nil, err
		}
		m, err := metalink.Read(bytes.NewReader(doc.Data))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", l.Metalink, err)
		}
		if !m.Vouches() {
			return nil, nil, fmt.Errorf("%s: %w: it has no sha256 or sha512", l.Metalink, ErrUntrusted)
		}
		for _, u := range m.URLs {
			bases = append(bases, metalink.Base(u.URL))
		}
		return bases, func(data []byte) error {
			if !m.Accepts(data) {
				return ErrUntrusted
			}
			return nil
		}, nil
	case l.Mirrorlist != "":
		doc, err := r.fetcher.Document(ctx, []string{l.Mirrorlist}, maxLinkSize, nil)
		if err != nil {
			return nil, nil, err
		}
		bases, err := metalink.ReadMirrorlist(bytes.NewReader(doc.Data))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", l.Mirrorlist, err)
		}
		return bases, nil, nil
	case len(l.BaseURLs) > 0:
		return l.BaseURLs, nil, nil
	}
	return nil, nil, errors.New("no URL is given")
}

// file brings a metadata file. Its digest is that of repomd.xml, so any mirror
// will do.
func (r *Remote) file(ctx context.Context, bases []string, d *Data) (io.ReadCloser, error) {
	want := fetch.Want{Size: d.Size, Key: "repodata " + d.Checksum.String()}
	if d.Checksum.Type == "sha256" {
		want.SHA256 = d.Checksum.Value
	} else {
		if readHash(d.Checksum.Type) == nil {
			return nil, &FormatError{File: "repomd.xml", Reason: "checksum type " + d.Checksum.Type + " is not known"}
		}
		want.Judge = func() fetch.Judge { return &fileSum{readHash(d.Checksum.Type), d} }
	}
	if d.Base != "" {
		bases = []string{d.Base}
	}
	for _, b := range bases {
		u, err := url.JoinPath(b, d.Href)
		if err != nil {
			return nil, fmt.Errorf("get %s: %w", d.Href, err)
		}
		want.URLs = append(want.URLs, u)
	}
	path, err := r.fetcher.Get(ctx, want)
	if err != nil {
		return nil, withStatus(err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", d.Href, err)
	}
	return f, nil
}

// fileSum compares a file with a digest that the cache does not know itself.
type fileSum struct {
	hash.Hash
	data *Data
}

// Verdict is asked by the fetcher after the last byte.
func (s *fileSum) Verdict() error {
	if got := hex.EncodeToString(s.Sum(nil)); got != s.data.Checksum.Value {
		return &ChecksumError{File: s.data.Href, What: "checksum", Want: s.data.Checksum.Value, Got: got}
	}
	return nil
}
