package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// SignaturePolicy says what is done about the signatures of a source's RPMs.
type SignaturePolicy string

// The policies. What a source gets when the request names none depends on where
// its RPMs are: those of the release and its updates are signed, and must be;
// what is newer need not be signed yet.
const (
	// SignaturesRequire takes signed copies only, and refuses a source that has
	// an RPM without.
	SignaturesRequire SignaturePolicy = "require"
	// SignaturesPrefer takes the signed copy where there is one.
	SignaturesPrefer SignaturePolicy = "prefer"
	// SignaturesIgnore takes Koji's unsigned copies, and other files as they are.
	SignaturesIgnore SignaturePolicy = "ignore"
)

// SignaturePolicies lists the policies, the strictest first.
func SignaturePolicies() []SignaturePolicy {
	return []SignaturePolicy{SignaturesRequire, SignaturesPrefer, SignaturesIgnore}
}

// EverySource is the key of Request.Signatures that stands for the sources that
// have none of their own.
const EverySource = "*"

// Keys say which signatures count. The zero value proves nothing: a signature
// counts by the id of the key that it names, whoever made it.
type Keys struct {
	// Keyring, if set, decides: a signature that is required must be good by one
	// of its keys, and every signature by one of them is verified.
	Keyring *rpm.Keyring
	// Releases holds ids of keys, at least the last 8 hexadecimal digits, by
	// release ("44", "rawhide"): where a release is listed, only these count for
	// it. What is not listed goes by the keys that Fedora is known to use, which
	// are preferred and missed with a warning.
	Releases map[string][]string
}

// keyIDPattern is what an id of a key looks like; a fingerprint will do as well.
var keyIDPattern = regexp.MustCompile(`^(0x)?([0-9A-Fa-f]{8}){1,5}$`)

// CheckKeyID tells what is wrong with the id of a key.
func CheckKeyID(id string) error {
	if !keyIDPattern.MatchString(id) {
		return fmt.Errorf("%q is no id of a key: give its last 8 or 16 hexadecimal digits, or its fingerprint", clip(id))
	}
	return nil
}

// fedoraKeys are the ids of the keys that sign Fedora's releases. Source:
// fedora-repos, RPM-GPG-KEY-fedora-NN-primary; Koji names keys by these 8 digits.
func fedoraKeys() map[int]string {
	return map[int]string{41: "e99d6ad1", 42: "105ef944", 43: "31645531", 44: "6d9f90a6", 45: "f577861e"}
}

// known returns the ids of the release's keys. Rawhide's packages are signed
// with the key of the release that it will be, or was before (mock's template).
func (k *Keys) known(release, branch string) (ids []string, configured bool) {
	for _, r := range []string{release, branch} {
		if ids := k.Releases[r]; r != "" && len(ids) > 0 {
			return ids, true
		}
	}
	n, err := strconv.Atoi(release)
	around := []int{n}
	if err != nil {
		if n, err = strconv.Atoi(branch); err != nil {
			return nil, false
		}
		around = []int{n, n - 1, n + 1}
	}
	for _, n := range around {
		if id := fedoraKeys()[n]; id != "" {
			ids = append(ids, id)
		}
	}
	return ids, false
}

// sameKey compares ids of 8 to 40 digits by the digits that both have.
func sameKey(a, b string) bool {
	a, b = strings.ToLower(strings.TrimPrefix(a, "0x")), strings.ToLower(strings.TrimPrefix(b, "0x"))
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= 8 && strings.HasSuffix(b, a)
}

func containsKey(ids []string, id string) bool {
	return slices.ContainsFunc(ids, func(other string) bool { return sameKey(other, id) })
}

// ReadKeyring reads every public key in the files of a directory, as
// /etc/pki/rpm-gpg: those whose names begin with RPM-GPG-KEY, or end in .gpg,
// .asc, .key or .pub.
func ReadKeyring(dir string) (*rpm.Keyring, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	var rings []*rpm.Keyring
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "RPM-GPG-KEY") && !slices.Contains([]string{".gpg", ".asc", ".key", ".pub"}, filepath.Ext(e.Name())) {
			continue
		}
		ring, err := readKeyFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a link of another release's package
		}
		if err != nil {
			return nil, fmt.Errorf("read keys of %s: %w", filepath.Join(dir, e.Name()), err)
		}
		rings = append(rings, ring)
	}
	all := rpm.Merge(rings...)
	if all.Len() == 0 {
		return nil, fmt.Errorf("read keys: %s holds no public key", dir)
	}
	return all, nil
}

func readKeyFile(path string) (*rpm.Keyring, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the file
	}
	defer f.Close() //nolint:errcheck // opened for reading
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return rpm.NewKeyring(), err //nolint:wrapcheck // the caller names the file
	}
	return rpm.ReadKeyring(f) //nolint:wrapcheck // the caller names the file
}

// policyOf is the policy of a source: as the request names it, else the default
// of where its RPMs were found.
func (r *Request) policyOf(source string, byDefault SignaturePolicy) SignaturePolicy {
	if p, ok := r.namedPolicy(source); ok {
		return p
	}
	return byDefault
}

func (r *Request) namedPolicy(source string) (SignaturePolicy, bool) {
	for _, key := range []string{source, EverySource} {
		if p, ok := r.Signatures[key]; ok {
			return p, true
		}
	}
	return "", false
}

// stricter tells whether p asks for more than o.
func (p SignaturePolicy) stricter(o SignaturePolicy) bool {
	rank := func(p SignaturePolicy) int {
		return slices.Index([]SignaturePolicy{"", SignaturesIgnore, SignaturesPrefer, SignaturesRequire}, p)
	}
	return rank(p) > rank(o)
}
