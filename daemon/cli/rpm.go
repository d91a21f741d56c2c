package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"github.com/fedora-respin/respin/repo/rpm"
)

type rpmCmd struct {
	Show   rpmShowCmd   `cmd:"" help:"Show what packages say about themselves."`
	Verify rpmVerifyCmd `cmd:"" help:"Check every digest and signature that packages carry."`
	Vercmp rpmVercmpCmd `cmd:"" help:"Compare two versions as rpm does."`
}

type rpmVerifyCmd struct {
	Files   []string `arg:"" name:"file" help:"RPMs."`
	Keyring []string `sep:"none" placeholder:"FILE" help:"Public keys, as in /etc/pki/rpm-gpg; may be repeated. Without it signatures are named, not judged."`
	Signed  bool     `help:"Packages without a good signature are bad too; needs --keyring."`
	Details bool     `help:"Print every digest and signature with its verdict."`
}

func (*rpmVerifyCmd) about() string {
	return "Exit code 1 when a package is damaged, altered or, with --signed, not signed by a known key.\n\n" +
		"Each signature is ok, bad, of an unknown-key, or unsupported; a package without any is unsigned. ok means that the whole package is as its signer made it: " +
		"a signature of the header alone counts only when the header holds a good digest of the payload. Several signatures count as the worst that is bad, else as the best."
}

func (*rpmVerifyCmd) examples() []example {
	return []example{
		{"respin rpm verify *.rpm", "Digests of header and payload."},
		{"respin rpm verify --keyring /etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-44-primary --signed bash.rpm", "And that Fedora has signed it."},
		{"respin rpm verify --details --json bash.rpm", "Every verdict, for a program."},
	}
}

// rpmVerdict is one file of rpm verify --json.
type rpmVerdict struct {
	File  string `json:"file"`
	OK    bool   `json:"ok"`
	NEVRA string `json:"nevra,omitempty"`
	*rpm.Verdict
	SignatureStatus rpm.Status `json:"signature_status,omitempty"`
	Error           string     `json:"error,omitempty"`
}

// Run is the verb.
func (r *rpmVerifyCmd) Run(a *app) error {
	if r.Signed && len(r.Keyring) == 0 {
		return usagef("--signed: needs the keys to trust; name them with --keyring")
	}
	opts := rpm.VerifyOptions{}
	for _, path := range r.Keyring {
		ring, err := readKeyring(path)
		if err != nil {
			return usagef("--keyring: %v", err)
		}
		opts.Keyring = rpm.Merge(opts.Keyring, ring)
	}
	bad := 0
	list := make([]rpmVerdict, 0, len(r.Files))
	for _, path := range r.Files {
		v := a.verifyRPM(path, opts, r.Signed)
		if !v.OK {
			bad++
		}
		if a.global.JSON {
			list = append(list, v)
		} else {
			a.printVerdict(&v, r.Details)
		}
	}
	if a.global.JSON {
		a.printJSON(list)
	}
	if bad > 0 {
		return &saidError{ExitOther}
	}
	return nil
}

func readKeyring(path string) (*rpm.Keyring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.New(reason(err))
	}
	ring, err := rpm.ReadKeyring(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ring, nil
}

func (a *app) printVerdict(v *rpmVerdict, details bool) {
	word := paint(a.outColor, colorGood, "ok")
	if !v.OK {
		word = paint(a.outColor, colorBad, "BAD")
	}
	a.printf("%s: %s", clean(v.File), word)
	if v.SignatureStatus != "" {
		a.printf(", signature %s", v.SignatureStatus)
	}
	if v.Error != "" {
		a.printf(": %s", clean(v.Error))
	}
	a.printf("\n")
	if !details || v.Verdict == nil {
		return
	}
	for _, c := range v.Checks {
		if c.Status != rpm.StatusAbsent {
			a.printf("  %-16s  %-11s  %s\n", c.Name, c.Status, clean(c.Got))
		}
	}
	for i := range v.Signatures {
		s := &v.Signatures[i]
		a.printf("  %-16s  %-11s  %s key %s", "signature", s.Status, s.Algorithm, s.KeyID)
		if !s.Date.IsZero() {
			a.printf(" of %s", s.Date.Format(time.DateOnly))
		}
		a.printf(", over %s", s.Covers)
		if s.Signer != "" {
			a.printf(", %s", clean(s.Signer))
		}
		if s.Reason != "" {
			a.printf(": %s", clean(s.Reason))
		}
		a.printf("\n")
	}
}

func (a *app) verifyRPM(path string, opts rpm.VerifyOptions, signed bool) rpmVerdict {
	out := rpmVerdict{File: path}
	v, err := a.readVerdict(path, opts)
	if err == nil {
		out.Verdict, out.SignatureStatus, out.NEVRA = v, v.SignatureStatus(), utf8Text(v.Package.NEVRA().String())
		err = v.Err()
	}
	if err == nil && signed && out.SignatureStatus != rpm.StatusOK {
		err = fmt.Errorf("it has no good signature, it is %s", out.SignatureStatus)
	}
	if err != nil {
		out.Error = utf8Text(err.Error())
		return out
	}
	out.OK = true
	return out
}

// readVerdict verifies a file, with a bar for a large one.
func (a *app) readVerdict(path string, opts rpm.VerifyOptions) (*rpm.Verdict, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.New(reason(err))
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, errors.New(reason(err))
	}
	bar := a.transfer("verifying "+path, info.Size())
	defer bar.close()
	v, err := rpm.Verify(bar.reader(io.Reader(f)), opts)
	if err != nil {
		return nil, fmt.Errorf("read package: %w", err)
	}
	return v, nil
}

// utf8Text is text of a package for people and JSON: old packages are in
// latin1, which is what bytes that are no UTF-8 are taken for, as in repodata.
func utf8Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	r := make([]rune, 0, len(s))
	for i := range len(s) {
		r = append(r, rune(s[i]))
	}
	return string(r)
}

type rpmVercmpCmd struct {
	A string `arg:"" name:"a" help:"[epoch:]version[-release]"`
	B string `arg:"" name:"b" help:"[epoch:]version[-release]"`
}

func (*rpmVercmpCmd) about() string {
	return "Prints A < B, A == B or A > B. A tilde sorts before everything, a caret after the version it follows. An absent epoch is 0; an absent release comes before any other."
}

func (*rpmVercmpCmd) examples() []example {
	return []example{
		{"respin rpm vercmp 1.0~rc1 1.0", "Prints 1.0~rc1 < 1.0."},
		{"respin rpm vercmp 1:1.0-1 2.0-1", "The epoch wins."},
	}
}

// Run is the verb.
func (r *rpmVercmpCmd) Run(a *app) error {
	x, err := rpm.ParseEVR(r.A)
	if err != nil {
		return usagef("%v", err)
	}
	y, err := rpm.ParseEVR(r.B)
	if err != nil {
		return usagef("%v", err)
	}
	n := x.Compare(y)
	if a.global.JSON {
		a.printJSON(struct {
			A      string `json:"a"`
			B      string `json:"b"`
			Result int    `json:"result"` // -1: a is older, 1: a is newer
		}{r.A, r.B, n})
		return nil
	}
	a.printf("%s %s %s\n", r.A, map[int]string{-1: "<", 0: "==", 1: ">"}[n], r.B)
	return nil
}
