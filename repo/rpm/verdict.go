package rpm

import (
	"fmt"
	"strings"
	"time"
)

// Status is the outcome of one check.
type Status string

// Outcomes. Absent is said of digests and sizes only, Unsigned and UnknownKey
// of signatures only.
const (
	StatusOK          Status = "ok"
	StatusAbsent      Status = "absent"      // the file carries no such digest
	StatusBad         Status = "bad"         // it does not match
	StatusUnsupported Status = "unsupported" // it cannot be checked here
	StatusSkipped     Status = "skipped"     // see VerifyOptions.NoMD5
	StatusUnsigned    Status = "unsigned"    // the file carries no signature
	StatusUnknownKey  Status = "unknown-key" // the keyring has no such key
)

// What a signature covers. The header has a digest of the payload in it, unless
// the package is old.
const (
	CoversHeader = "header"
	CoversAll    = "header+payload"
)

// Names of checks.
const (
	CheckSize          = "size"            // SIGSIZE, LONGSIGSIZE or PAYLOADSIZE
	CheckMD5           = "md5"             // SIGMD5 over header and payload
	CheckHeaderSHA1    = "header-sha1"     //
	CheckHeaderSHA256  = "header-sha256"   //
	CheckHeaderSHA3    = "header-sha3-256" // v6
	CheckPayload       = "payload"         // PAYLOADDIGEST, PAYLOADSHA256 in v6
	CheckPayloadSHA512 = "payload-sha512"  // v6
	CheckPayloadSHA3   = "payload-sha3-256"
)

// Check is the verdict on one digest or size.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Want   string `json:"want,omitempty"` // what the file says
	Got    string `json:"got,omitempty"`  // what was computed
}

// SignatureCheck is the verdict on one signature.
type SignatureCheck struct {
	Signature Signature `json:"-"`
	Status    Status    `json:"status"`
	KeyID     string    `json:"key_id"`
	Algorithm string    `json:"algorithm"`
	Date      time.Time `json:"date,omitzero"`
	Covers    string    `json:"covers"`           // CoversHeader or CoversAll
	Signer    string    `json:"signer,omitempty"` // user id of the key, when known
	Reason    string    `json:"reason,omitempty"`
}

// Verdict is what Verify found out about a file in one pass.
type Verdict struct {
	Package    *Package         `json:"-"`
	Size       int64            `json:"size"`   // of the whole file, bytes
	SHA256     string           `json:"sha256"` // of the whole file
	Checks     []Check          `json:"checks"` // one per Check constant, in their order
	Signatures []SignatureCheck `json:"signatures,omitempty"`
}

// Check returns the verdict with the given name, StatusAbsent when there is none.
func (v *Verdict) Check(name string) Check {
	for _, c := range v.Checks {
		if c.Name == name {
			return c
		}
	}
	return Check{Name: name, Status: StatusAbsent}
}

// refusePartial turns good signatures bad when they leave the payload open: a
// signature of the header alone covers it only by a digest in that header,
// since the digests of the signature header are anybody's to change. rpm
// refuses partially signed packages too (rpmvsVerify in lib/rpmvs.cc).
func (v *Verdict) refusePartial() {
	covered := v.anyOK(CheckPayload, CheckPayloadSHA512, CheckPayloadSHA3)
	for i := range v.Signatures {
		s := &v.Signatures[i]
		covered = covered || s.Status == StatusOK && !s.Signature.HeaderOnly()
	}
	for i := range v.Signatures {
		if s := &v.Signatures[i]; s.Status == StatusOK && !covered {
			s.Status, s.Reason = StatusBad, "the header is signed, the payload is not: no good digest in the header covers it"
		}
	}
}

// SignatureStatus sums up the signatures: bad when one is bad, else ok when
// one is ok, else unknown-key, else unsupported; unsigned without any. ok
// means that the whole package is as the signer made it.
func (v *Verdict) SignatureStatus() Status {
	for _, want := range []Status{StatusBad, StatusOK, StatusUnknownKey, StatusUnsupported} {
		for i := range v.Signatures {
			if v.Signatures[i].Status == want {
				return want
			}
		}
	}
	return StatusUnsigned
}

// Err returns nil when nothing is bad and a matching digest covers the header
// and one covers the payload, otherwise a *VerifyError. Missing signatures and
// unknown keys are no errors here: whether they are is the caller's policy
// (SignatureStatus).
func (v *Verdict) Err() error {
	e := &VerifyError{}
	for _, c := range v.Checks {
		if c.Status == StatusBad {
			e.Bad = append(e.Bad, c)
		}
	}
	for _, s := range v.Signatures {
		if s.Status == StatusBad {
			e.BadSignatures = append(e.BadSignatures, s)
		}
	}
	e.Unprotected = !v.anyOK(CheckMD5, CheckPayload, CheckPayloadSHA512, CheckPayloadSHA3) ||
		!v.anyOK(CheckMD5, CheckHeaderSHA1, CheckHeaderSHA256, CheckHeaderSHA3)
	if len(e.Bad) == 0 && len(e.BadSignatures) == 0 && !e.Unprotected {
		return nil
	}
	if p := v.Package; p != nil {
		e.NEVRA = p.NEVRA()
	}
	return e
}

func (v *Verdict) anyOK(names ...string) bool {
	for _, n := range names {
		if v.Check(n).Status == StatusOK {
			return true
		}
	}
	return false
}

// VerifyError says why a readable RPM is not to be trusted.
type VerifyError struct {
	NEVRA         NEVRA
	Bad           []Check
	BadSignatures []SignatureCheck
	Unprotected   bool // no matching digest covers the header, or the payload
}

func (e *VerifyError) Error() string {
	var why []string
	for _, c := range e.Bad {
		why = append(why, fmt.Sprintf("%s is %s, should be %s", c.Name, c.Got, c.Want))
	}
	for _, s := range e.BadSignatures {
		who := "a signature"
		if s.KeyID != "" {
			who = "signature of key " + s.KeyID
		}
		why = append(why, who+": "+s.Reason)
	}
	if e.Unprotected {
		why = append(why, "no good digest covers header and payload")
	}
	return fmt.Sprintf("verify %s: %s", e.NEVRA, strings.Join(why, "; "))
}
