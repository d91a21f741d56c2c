package compose

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/repo/rpm"
)

// AlteredError says that a file is an RPM, or claims to be one, but not the one
// that the Plan names.
type AlteredError struct {
	File   string
	Reason string
	Err    error // may be nil
}

func (e *AlteredError) Error() string { return "altered RPM " + e.File + ": " + e.Reason }

// Unwrap returns the cause.
func (e *AlteredError) Unwrap() error { return e.Err }

// UntrustedError says that an RPM is the one that the Plan names, and that its
// signature is not what is required.
type UntrustedError struct {
	File   string
	Reason string
}

func (e *UntrustedError) Error() string { return "untrusted RPM " + e.File + ": " + e.Reason }

// want is how the fetcher is asked for the RPM. What it brings is judged by the
// Plan's digests, by those that the RPM carries about itself, and by its
// signature where one is required.
func (p *PlanRPM) want(ring *rpm.Keyring) fetch.Want {
	w := fetch.Want{
		URLs: append([]string{p.URL}, p.Mirrors...), SHA256: p.SHA256,
		Judge: func() fetch.Judge { return newRPMJudge(p, ring) },
	}
	if p.SigMD5 != "" || p.HeaderSHA256 != "" || p.SHA512 != "" {
		w.Key = fmt.Sprintf("rpm:%s:%s:%s:%s:%s", p.SigMD5, p.HeaderSHA256, p.SHA512, p.File, p.SignedBy)
		if p.Policy == SignaturesRequire {
			w.Key += ":signed" // it is judged more strictly
		}
	}
	if p.SignatureURL == "" {
		w.Size = p.Size // Koji knows the size of the unsigned file only
		return w
	}
	unsigned := *p
	unsigned.URL, unsigned.UnsignedURL, unsigned.SignatureURL = p.UnsignedURL, "", ""
	unsigned.SHA256, unsigned.SignedBy, unsigned.Policy = "", "", SignaturesIgnore
	signature := fetch.Want{URLs: []string{p.SignatureURL}, Judge: func() fetch.Judge { return &signatureJudge{} }}
	w.Make = func(_ context.Context, out io.Writer, get func(fetch.Want) (string, error)) error {
		if err := splice(out, get, unsigned.want(nil), signature); err != nil {
			return &spliceError{file: p.File, err: err}
		}
		return nil
	}
	return w
}

// spliceError says that the signed copy of an RPM could not be made.
type spliceError struct {
	file string
	err  error
}

func (e *spliceError) Error() string { return "make signed copy of " + e.file + ": " + e.err.Error() }
func (e *spliceError) Unwrap() error { return e.err }

// splice makes the signed copy of an RPM as Koji does.
func splice(out io.Writer, get func(fetch.Want) (string, error), unsigned, signature fetch.Want) error {
	files := make([]*os.File, 2)
	for i, w := range []fetch.Want{signature, unsigned} {
		path, err := get(w)
		if err != nil {
			return err
		}
		if files[i], err = os.Open(path); err != nil {
			return err //nolint:wrapcheck // the path error says all
		}
		defer files[i].Close() //nolint:errcheck // opened for reading
	}
	return rpm.Splice(out, files[1], files[0])
}

// maxSignature bounds a signature header that stands alone, in bytes (rpm's
// lib/header.cc).
const maxSignature = 64<<20 + 1<<10

// signatureJudge keeps what cannot be a signature header out of the cache.
type signatureJudge struct{ size int64 }

func (j *signatureJudge) Write(b []byte) (int, error) {
	if j.size == 0 && len(b) >= 4 && string(b[:4]) != "\x8e\xad\xe8\x01" {
		return 0, fmt.Errorf("it starts with % x, not as a header of RPM does", b[:4])
	}
	if j.size += int64(len(b)); j.size > maxSignature {
		return 0, &limitio.TooLargeError{What: "the signature", Limit: maxSignature}
	}
	return len(b), nil
}

// Verdict is asked by the fetcher after the last byte; what was made of the
// signature is judged as an RPM.
func (*signatureJudge) Verdict() error { return nil }

// rpmJudge compares an RPM with what the Plan says of it, as its bytes come.
type rpmJudge struct {
	*rpm.Verifier
	p    *PlanRPM
	ring *rpm.Keyring
	sum  hash.Hash // SHA-512, where that is known
}

func newRPMJudge(p *PlanRPM, ring *rpm.Keyring) *rpmJudge {
	// MD5 is computed only where Koji knows nothing better of the file.
	j := &rpmJudge{Verifier: rpm.NewVerifier(rpm.VerifyOptions{Keyring: ring, NoMD5: p.SHA256 != "" || p.SHA512 != "" || p.HeaderSHA256 != ""}), p: p, ring: ring}
	if p.SHA512 != "" {
		j.sum = sha512.New()
	}
	return j
}

func (j *rpmJudge) Write(b []byte) (int, error) {
	n, err := j.Verifier.Write(b)
	if err != nil {
		return n, &AlteredError{File: j.p.File, Reason: err.Error(), Err: err}
	}
	if j.sum != nil {
		j.sum.Write(b)
	}
	return n, nil
}

// Verdict is asked by the fetcher after the last byte.
func (j *rpmJudge) Verdict() error {
	p := j.p
	v, err := j.Verifier.Verdict()
	if err != nil {
		return &AlteredError{File: p.File, Reason: err.Error(), Err: err}
	}
	altered := func(format string, args ...any) error {
		return &AlteredError{File: p.File, Reason: fmt.Sprintf(format, args...)}
	}
	if err := v.Err(); err != nil {
		return &AlteredError{File: p.File, Reason: err.Error(), Err: err}
	}
	if got := v.Package.Digests.SigMD5; p.SigMD5 != "" && got != p.SigMD5 {
		return altered("its header and payload have the digest %s where %s was expected", got, p.SigMD5)
	}
	if got := v.Package.Digests.HeaderSHA256; p.HeaderSHA256 != "" && got != p.HeaderSHA256 {
		return altered("its header has the digest %s where %s was expected", got, p.HeaderSHA256)
	}
	if j.sum != nil {
		if got := hex.EncodeToString(j.sum.Sum(nil)); got != p.SHA512 {
			return altered("its sha512 is %s where %s was expected", got, p.SHA512)
		}
	}
	if got := v.Package.NEVRA().String(); got != p.NEVRA {
		return altered("it is %s", got)
	}
	return j.trust(v)
}

// trust judges the signature where one is required. Where it is not, the report
// says what was found.
func (j *rpmJudge) trust(v *rpm.Verdict) error {
	if j.p.Policy != SignaturesRequire {
		return nil
	}
	untrusted := func(format string, args ...any) error {
		return &UntrustedError{File: j.p.File, Reason: fmt.Sprintf(format, args...)}
	}
	if len(v.Signatures) == 0 {
		return untrusted("it is not signed")
	}
	ids := signers(v)
	if by := j.p.SignedBy; by != "" && !containsKey(ids, by) {
		return untrusted("it is signed by %s, and not by %s", strings.Join(ids, ", "), by)
	}
	if j.ring != nil && !slices.ContainsFunc(v.Signatures, func(s rpm.SignatureCheck) bool { return s.Status == rpm.StatusOK }) {
		return untrusted("no key of the keyring has made its signature (%s)", strings.Join(ids, ", "))
	}
	return nil
}
