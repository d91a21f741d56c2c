package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"os"
)

// Judge sees the bytes of a file in their order, as they come, and then says
// whether it is the right one, before it gets its name. An error of either
// method makes the next mirror be tried; one of Write ends the transfer at once.
// A Judge that is not asked in the end is dropped.
type Judge interface {
	io.Writer
	Verdict() error
}

// Summer is a Judge that computes the SHA-256 of all bytes for itself, so that
// nobody else needs to. Sum256 is called after a Verdict without error.
type Summer interface {
	Judge
	Sum256() [sha256.Size]byte
}

// witness feeds a file's bytes to the Judge and to SHA-256.
type witness struct {
	judge  Judge     // nil: there is none
	summer Summer    // the judge, if it is one
	hash   hash.Hash // where it is not
}

func newWitness(w *Want) *witness {
	t := &witness{}
	if w.Judge != nil {
		t.judge = w.Judge()
	}
	if t.summer, _ = t.judge.(Summer); t.summer == nil {
		t.hash = sha256.New()
	}
	return t
}

func (t *witness) Write(b []byte) (int, error) {
	if t.hash != nil {
		t.hash.Write(b)
	}
	if t.judge != nil {
		if _, err := t.judge.Write(b); err != nil {
			return 0, &judgedError{err}
		}
	}
	return len(b), nil
}

// verdict is the judge's; sum is "" when it is against the file and nobody else
// has computed it.
func (t *witness) verdict() (sum string, err error) {
	if t.judge != nil {
		if err := t.judge.Verdict(); err != nil {
			if t.hash != nil {
				sum = hex.EncodeToString(t.hash.Sum(nil))
			}
			return sum, &judgedError{err}
		}
	}
	if t.summer != nil {
		own := t.summer.Sum256()
		return hex.EncodeToString(own[:]), nil
	}
	return hex.EncodeToString(t.hash.Sum(nil)), nil
}

// judgedError is what a Judge said, until it is known of which URL.
type judgedError struct{ err error }

func (e *judgedError) Error() string { return e.err.Error() }

// checkError names the URL in the error of a Judge and leaves others alone.
func checkError(url string, err error) error {
	if said, ok := errors.AsType[*judgedError](err); ok {
		return &CheckError{URL: url, Err: said.err}
	}
	return err
}

// verify judges the complete part and returns its SHA-256.
func (p *part) verify(w *Want, u *url.URL) (string, error) {
	if w.Size > 0 && p.size != w.Size {
		return "", sizeMismatch(u, w.Size, p.size)
	}
	sum, err := p.seen.verdict()
	if sum != "" && w.SHA256 != "" && sum != w.SHA256 {
		return "", &MismatchError{URL: u.Redacted(), What: "sha256", Want: w.SHA256, Got: sum}
	}
	return sum, checkError(u.Redacted(), err)
}

// judgeKey names a pair of content and judge. Judges of one Key are taken for
// equal, those of Wants without Key for nobody's.
func judgeKey(sum string, w *Want) string {
	if w.Judge == nil || w.Key == "" {
		return ""
	}
	return sum + " " + w.Key
}

// passed reports whether this process has seen the content pass the want's
// Judge, or that there is no Judge.
func (f *Fetcher) passed(sum string, w *Want) bool {
	if w.Judge == nil {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.judged[judgeKey(sum, w)]
}

func (f *Fetcher) pass(sum string, w *Want) {
	if key := judgeKey(sum, w); key != "" {
		f.mu.Lock()
		f.judged[key] = true
		f.mu.Unlock()
	}
}

// judgeFile lets the want's Judge see a file of the cache.
func (f *Fetcher) judgeFile(ctx context.Context, w *Want, path, sum string) error {
	if f.passed(sum, w) {
		return nil
	}
	if _, err := readInto(ctx, path, newWitness(w)); err != nil {
		return checkError(w.name(), err)
	}
	f.pass(sum, w)
	return nil
}

// readInto shows a file to the witness and returns its verdict.
func readInto(ctx context.Context, path string, t *witness) (sum string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read cached file: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	if _, err := io.CopyBuffer(struct{ io.Writer }{t}, ctxReader{ctx, file}, make([]byte, copyBuffer)); err != nil {
		if said, ok := errors.AsType[*judgedError](err); ok {
			return "", said
		}
		return "", fmt.Errorf("read cached file: %w", err)
	}
	return t.verdict()
}

// examine reads a file of the cache whose bytes this process has not seen, once
// for its digest and the Judge. whole is false for a file that does not have the
// digest, or is gone; judged is what the Judge said of one that has.
func (f *Fetcher) examine(ctx context.Context, w *Want, path, sum string) (whole bool, judged, err error) {
	got, err := readInto(ctx, path, newWitness(w))
	said, against := errors.AsType[*judgedError](err)
	if against && got == "" {
		// Damaged, or another file than the Judge wants: only the digest tells.
		got, err = readInto(ctx, path, newWitness(&Want{}))
	} else if against {
		err = nil
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil, nil
	case err != nil:
		return false, nil, err
	case got != sum:
		return false, nil, nil
	case against:
		return true, &CheckError{URL: w.name(), Err: said.err}, nil
	}
	f.pass(sum, w)
	return true, nil, nil
}
