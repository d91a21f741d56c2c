//go:build interop

package interop_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// rpm4 tells whether rpm is one whose words verdictLines knows. Later ones are
// compared by whether they are content.
func rpm4(t *testing.T) bool {
	t.Helper()
	out, err := rpmTool(t, "--version")
	if err != nil {
		t.Fatal(err)
	}
	return strings.HasPrefix(out, "RPM version 4.")
}

// rpmkeysLines are the lines of rpmkeys -Kv about one package, without what
// varies, sorted; ok is its exit status.
func rpmkeysLines(t *testing.T, db, path string) (lines []string, ok bool) {
	t.Helper()
	out, err := rpmTool(t, "--dbpath", db, "-Kv", path)
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, path) {
			continue
		}
		line, _, _ = strings.Cut(line, " (")
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines, err == nil
}

// verdictLines says a verdict in rpmkeys's words.
func verdictLines(v *rpm.Verdict) []string {
	digests := []struct{ check, words string }{
		{rpm.CheckMD5, "MD5 digest"},
		{rpm.CheckHeaderSHA1, "Header SHA1 digest"},
		{rpm.CheckHeaderSHA256, "Header SHA256 digest"},
		{rpm.CheckPayload, "Payload SHA256 digest"},
	}
	var lines []string
	for _, d := range digests {
		if c := v.Check(d.check); c.Status != rpm.StatusAbsent {
			lines = append(lines, d.words+": "+strings.ToUpper(string(c.Status)))
		}
	}
	for i := range v.Signatures {
		s := &v.Signatures[i]
		if s.Signature.Tag == rpm.TagOpenPGP {
			continue // rpm 4.18 does not know it
		}
		header := ""
		if s.Signature.HeaderOnly() {
			header = "Header "
		}
		status := map[rpm.Status]string{rpm.StatusOK: "OK", rpm.StatusBad: "BAD", rpm.StatusUnknownKey: "NOKEY", rpm.StatusUnsupported: "BAD"}[s.Status]
		if s.Signature.Version == 0 || s.Signature.Date.IsZero() {
			kind := map[rpm.Tag]string{rpm.TagRSAHeader: "RSA", rpm.TagSigPGP: "RSA", rpm.TagDSAHeader: "DSA", rpm.TagSigGPG: "DSA"}[s.Signature.Tag]
			lines = append(lines, fmt.Sprintf("%s%s signature: %s", header, kind, status))
			continue
		}
		lines = append(lines, fmt.Sprintf("%sV%d %s Signature, key ID %s: %s", header, s.Signature.Version, s.Algorithm, s.KeyID[8:], status))
	}
	slices.Sort(lines)
	return lines
}

func verifyFile(t *testing.T, path string, ring *rpm.Keyring) (*rpm.Verdict, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return rpm.Verify(f, rpm.VerifyOptions{Keyring: ring})
}

// TestRPMVerifiesTheSame compares every verdict on every package of the shared
// data with that of rpmkeys, which has no keys either.
func TestRPMVerifiesTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "rpms"), "*.rpm"))
	if err != nil || len(files) == 0 {
		shareddata.Missing(t, "rpms")
	}
	db := t.TempDir()
	compared := 0
	for _, f := range files {
		name := filepath.Base(f)
		want, ok := rpmkeysLines(t, db, f)
		v, err := verifyFile(t, f, nil)
		if err != nil {
			if ok {
				t.Errorf("%s: %v, rpmkeys says %v", name, err, want)
			}
			continue
		}
		if slices.ContainsFunc(v.Signatures, func(s rpm.SignatureCheck) bool { return strings.HasPrefix(s.Algorithm, "ECDSA") }) {
			continue // rpm 4.18 cannot decode it
		}
		compared++
		got := verdictLines(v)
		// An ALT digest that is not needed, and the lines of digests that are
		// required and not there, are rpm's own.
		want = slices.DeleteFunc(want, func(s string) bool { return strings.Contains(s, " ALT ") || strings.HasSuffix(s, "NOTFOUND") })
		if d := gocmp.Diff(want, got); d != "" && rpm4(t) {
			t.Errorf("%s, - rpmkeys + ours: %s", name, d)
		}
		good := v.Err() == nil && (v.SignatureStatus() == rpm.StatusUnsigned || v.SignatureStatus() == rpm.StatusOK)
		if good != ok && !onlyOpenPGP(v) {
			t.Errorf("%s: rpmkeys is content: %v, we are: %v, %s", name, ok, v.Err(), v.SignatureStatus())
		}
	}
	if compared < 200 {
		t.Errorf("only %d packages compared", compared)
	}
}

// onlyOpenPGP tells that rpm 4.18 sees no signature where we see some.
func onlyOpenPGP(v *rpm.Verdict) bool {
	return !slices.ContainsFunc(v.Signatures, func(s rpm.SignatureCheck) bool { return s.Signature.Tag != rpm.TagOpenPGP })
}

// signers are keys of every kind that rpm 4.18 and the library both know.
func signers(t *testing.T) map[string]*openpgp.Entity {
	t.Helper()
	list := map[string]*openpgp.Entity{}
	for name, c := range map[string]packet.Config{
		"RSA 2048": {Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048},
		"RSA 4096": {Algorithm: packet.PubKeyAlgoRSA, RSABits: 4096},
		"EdDSA":    {Algorithm: packet.PubKeyAlgoEdDSA},
	} {
		c.Time = func() time.Time { return time.Unix(1767225600, 0) }
		key, err := openpgp.NewEntity("QA", "", "qa@example.org", &c)
		if err != nil {
			t.Fatal(err)
		}
		list[name] = key
	}
	return list
}

// importKey makes a database of rpm that holds the key.
func importKey(t *testing.T, public []byte) (db string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "key.asc")
	if err := os.WriteFile(path, public, 0o600); err != nil {
		t.Fatal(err)
	}
	db = filepath.Join(dir, "db")
	if out, err := rpmTool(t, "--dbpath", db, "--import", path); err != nil {
		t.Fatalf("rpm --import: %v\n%s", err, out)
	}
	return db
}

func armored(t *testing.T, key *openpgp.Entity) []byte {
	t.Helper()
	var asc bytes.Buffer
	w, err := armor.Encode(&asc, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(key.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	return asc.Bytes()
}

// TestRPMJudgesSignaturesTheSame signs packages of every format with every kind
// of key and signature, damages them in every way, and compares each verdict.
func TestRPMJudgesSignaturesTheSame(t *testing.T) {
	t.Parallel()
	for name, key := range signers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := importKey(t, armored(t, key))
			ring := rpm.NewKeyring(key)
			for format, s := range oddSpecs() {
				for how, opts := range map[string]rpmtest.SignOptions{
					"header": {}, "both": {Legacy: true}, "payload": {LegacyOnly: true}, "packet 3": {Packet3: true, Legacy: true},
				} {
					if opts.Packet3 && !strings.HasPrefix(name, "RSA") || format == "6" {
						continue
					}
					signed := rpmtest.Sign(rpmtest.Build(s), key, opts)
					for damage, data := range map[string][]byte{
						"none": signed, "payload": rpmtest.FlipPayload(signed), "header": rpmtest.FlipHeader(signed),
						"cut": rpmtest.Truncate(signed, 7), "more": append(bytes.Clone(signed), "more"...),
					} {
						path := filepath.Join(t.TempDir(), "p.rpm")
						if err := os.WriteFile(path, data, 0o600); err != nil {
							t.Fatal(err)
						}
						compareVerdicts(t, fmt.Sprintf("format %s, %s, damage: %s", format, how, damage), db, path, ring)
					}
				}
			}
		})
	}
}

func compareVerdicts(t *testing.T, name, db, path string, ring *rpm.Keyring) {
	t.Helper()
	want, ok := rpmkeysLines(t, db, path)
	v, err := verifyFile(t, path, ring)
	if err != nil {
		t.Errorf("%s: %v, rpmkeys says %v", name, err, want)
		return
	}
	if good := v.Err() == nil && v.SignatureStatus() == rpm.StatusOK; good != ok {
		t.Errorf("%s: rpmkeys is content: %v, we are: %v, %s\n%v", name, ok, v.Err(), v.SignatureStatus(), want)
	}
	// Digests one by one; of signatures rpm has the header's and the rest's,
	// where a good one that leaves the payload open is bad to us.
	digest := func(s string) bool {
		return !strings.Contains(s, "digest") || strings.Contains(s, "NOTFOUND") || strings.Contains(s, " ALT ")
	}
	if d := gocmp.Diff(slices.DeleteFunc(want, digest), slices.DeleteFunc(verdictLines(v), digest)); d != "" && rpm4(t) {
		t.Errorf("%s, - rpmkeys + ours: %s", name, d)
	}
}

// TestKojiSplicesTheSame has Koji itself cut the signature header off a signed
// package, as the hub does for data/sigcache, and put it onto the unsigned one.
func TestKojiSplicesTheSame(t *testing.T) {
	t.Parallel()
	python := kojiPython(t)
	key := signers(t)["RSA 2048"]
	for format, s := range oddSpecs() {
		for _, reserve := range []int{0, 4128} {
			s.Reserve = reserve
			dir := t.TempDir()
			unsigned, signed, cached, spliced := filepath.Join(dir, "unsigned.rpm"), filepath.Join(dir, "signed.rpm"), filepath.Join(dir, "sig"), filepath.Join(dir, "spliced.rpm")
			data := rpmtest.Build(s)
			if err := errors.Join(os.WriteFile(unsigned, data, 0o600), os.WriteFile(signed, rpmtest.Sign(data, key, rpmtest.SignOptions{Legacy: true}), 0o600)); err != nil {
				t.Fatal(err)
			}
			script := "import sys, koji\nunsigned, signed, cached, spliced = sys.argv[1:]\n" +
				"sig = koji.rip_rpm_sighdr(signed)\nopen(cached, 'wb').write(sig)\nkoji.splice_rpm_sighdr(sig, unsigned, spliced)\n"
			if out, err := runKoji(t, "", python, "-c", script, unsigned, signed, cached, spliced); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var files [3][]byte
			for i, path := range []string{cached, spliced, signed} {
				var err error
				if files[i], err = os.ReadFile(path); err != nil {
					t.Fatal(err)
				}
			}
			var got bytes.Buffer
			if err := rpm.Splice(&got, bytes.NewReader(data), bytes.NewReader(files[0])); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), files[1]) || !bytes.Equal(got.Bytes(), files[2]) {
				t.Errorf("format %s, %d bytes reserved: Koji's copy is ours %v, the signed package is ours %v", format, reserve, bytes.Equal(got.Bytes(), files[1]), bytes.Equal(got.Bytes(), files[2]))
			}
			if v, err := rpm.Verify(&got, rpm.VerifyOptions{Keyring: rpm.NewKeyring(key)}); err != nil || v.Err() != nil || v.SignatureStatus() != rpm.StatusOK {
				t.Errorf("format %s: %v, %+v", format, err, v)
			}
		}
	}
}

// TestRPMSignsWhatWeVerify has gpg and rpmsign sign, with keys of gpg.
func TestRPMSignsWhatWeVerify(t *testing.T) {
	t.Parallel()
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		shareddata.Missing(t, "gpg")
	}
	if _, err := exec.LookPath("rpmsign"); err != nil {
		shareddata.Missing(t, "rpmsign")
	}
	for _, algorithm := range []string{"rsa2048", "ed25519", "dsa2048"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			home, err := os.MkdirTemp("", "gpg") //nolint:usetesting // gpg's socket needs a short path
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(home) })
			run := func(name string, args ...string) []byte {
				cmd := exec.CommandContext(t.Context(), name, args...)
				cmd.Env = append(os.Environ(), "GNUPGHOME="+home, "LC_ALL=C")
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%s %v: %v\n%s", name, args, err, &stderr)
				}
				return out
			}
			run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "qa@example.org", algorithm, "sign", "never")
			public := run("gpg", "--armor", "--export")
			t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", home, "--kill", "gpg-agent").Run() })
			ring, err := rpm.ReadKeyring(bytes.NewReader(public))
			if err != nil {
				t.Fatal(err)
			}
			db := importKey(t, public)
			for format, s := range oddSpecs() {
				if format != "4" {
					continue // rpmsign 4.18 signs no other
				}
				s.Reserve = 4128
				path := filepath.Join(t.TempDir(), "p.rpm")
				unsigned := rpmtest.Build(s)
				if err := os.WriteFile(path, unsigned, 0o600); err != nil {
					t.Fatal(err)
				}
				run("rpmsign", "--define", "__gpg "+gpg, "--define", "_gpg_name qa@example.org", "--define", "_gpg_path "+home, "--rpmv3", "--addsign", path)
				v, err := verifyFile(t, path, ring)
				if err != nil || v.Err() != nil || v.SignatureStatus() != rpm.StatusOK || len(v.Signatures) != 2 {
					t.Errorf("%v, %+v", err, v)
				}
				compareVerdicts(t, algorithm, db, path, ring)
				// What rpmsign made can be put together again out of its halves.
				signed, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				var spliced bytes.Buffer
				if err := rpm.Splice(&spliced, bytes.NewReader(unsigned), bytes.NewReader(rpmtest.SignatureHeader(signed))); err != nil || !bytes.Equal(spliced.Bytes(), signed) {
					t.Errorf("splice: %v, equal %v", err, bytes.Equal(spliced.Bytes(), signed))
				}
			}
		})
	}
}
