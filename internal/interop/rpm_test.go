//go:build interop

package interop_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// rpmTool runs rpm and returns its standard output; standard error stands in
// the error.
func rpmTool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("rpm")
	if err != nil {
		shareddata.Missing(t, "rpm")
	}
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "LANGUAGE=C")
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return out.String(), err
}

// TestRPMReadsTheSame holds every readable package of the shared data against
// rpm's own query, and sees that both accept the same files.
func TestRPMReadsTheSame(t *testing.T) {
	t.Parallel()
	const format = `%{NAME}|%|EPOCH?{%{EPOCH}}:{-}||%{VERSION}|%{RELEASE}|%{ARCH}|%{LONGSIZE}|%{LONGARCHIVESIZE}|%{BUILDTIME}|` +
		`%{LICENSE}|%{SOURCERPM}|%{SIGMD5}|[%{FILENAMES};%{FILEMODES};%{FILEFLAGS};%{LONGFILESIZES};%{FILEDIGESTS};%{FILELINKTOS};]|` +
		`[%{REQUIRENAME};%{REQUIREFLAGS};%{REQUIREVERSION};]|[%{PROVIDENAME};%{PROVIDEFLAGS};%{PROVIDEVERSION};]|` +
		`[%{SUPPLEMENTNAME};%{SUPPLEMENTFLAGS};%{SUPPLEMENTVERSION};]|[%{CHANGELOGTIME};%{CHANGELOGNAME};%{CHANGELOGTEXT};]` + "\n"
	files, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "rpms"), "*.rpm"))
	if err != nil || len(files) == 0 {
		shareddata.Missing(t, "rpms")
	}
	compared := 0
	for _, f := range files {
		p, readErr := rpm.Open(f)
		out, err := rpmTool(t, "-qp", "--nosignature", "--nodigest", "--qf", format, f)
		if (err == nil) != (readErr == nil) {
			t.Errorf("%s: %v, rpm says %v: %s", filepath.Base(f), readErr, err, out)
			continue
		}
		if readErr != nil {
			continue
		}
		compared++
		if want := queryFormat(p); out != want {
			t.Errorf("%s, - rpm + ours: %s", filepath.Base(f), gocmp.Diff(strings.Split(out, "|"), strings.Split(want, "|")))
		}
	}
	if compared < 200 {
		t.Errorf("only %d packages compared", compared)
	}
}

// queryFormat prints a package as the format of TestRPMReadsTheSame does.
func queryFormat(p *rpm.Package) string {
	none := func(s string) string {
		if s == "" {
			return "(none)"
		}
		return s
	}
	epoch := "-"
	if p.EVR.HasEpoch {
		epoch = strconv.Itoa(int(p.EVR.Epoch))
	}
	deps := func(kind rpm.DepKind) string {
		var b strings.Builder
		for d := range p.Dependencies(kind) {
			fmt.Fprintf(&b, "%s;%d;%s;", d.Name, d.Flags, d.EVR)
		}
		return b.String()
	}
	size := func(n uint64, tags ...rpm.Tag) string {
		for _, t := range tags {
			if p.Header.Has(t) || n != 0 {
				return strconv.FormatUint(n, 10)
			}
		}
		return "(none)"
	}
	var files, logs strings.Builder
	for f := range p.Files() {
		fmt.Fprintf(&files, "%s;%d;%d;%d;%s;%s;", f.Path(), f.Mode, f.Flags, f.Size, f.Digest, f.Linkto)
	}
	for c := range p.Changelogs() {
		fmt.Fprintf(&logs, "%d;%s;%s;", c.Time, c.Author, c.Text)
	}
	return strings.Join([]string{
		p.Name, epoch, p.EVR.Version, p.EVR.Release, p.HeaderArch, size(p.InstalledSize, rpm.TagSize, rpm.TagLongSize),
		size(p.ArchiveSize, rpm.TagArchiveSize), strconv.FormatInt(p.BuildTime, 10), none(p.License), none(p.SourceRPM),
		none(p.Digests.SigMD5), files.String(), deps(rpm.Requires), deps(rpm.Provides), deps(rpm.Supplements), logs.String(),
	}, "|") + "\n"
}

// TestRPMVerifiesTheSame compares verdicts on digests: rpm -K fails exactly
// where ours does.
func TestRPMVerifiesTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "rpms"), "*.rpm"))
	if err != nil || len(files) == 0 {
		shareddata.Missing(t, "rpms")
	}
	for _, f := range files {
		in, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		v, err := rpm.Verify(in, rpm.VerifyOptions{})
		in.Close()
		if err == nil {
			err = v.Err()
		}
		out, rpmErr := rpmTool(t, "-Kv", "--nosignature", f)
		if (err == nil) != (rpmErr == nil) {
			t.Errorf("%s: %v, rpm says %s", filepath.Base(f), err, out)
		}
	}
}

func interopSpec(compressor string) rpmtest.Spec {
	return rpmtest.Spec{
		Name: "hello-" + compressor, Epoch: 1, Version: "2.0^git1", Release: "1.fc44", Arch: "noarch", Compressor: compressor,
		Provides: rpmtest.Deps("hello = 2.0"), Requires: rpmtest.Deps("(hello if rpm)"),
		Files: []rpmtest.File{
			{Path: "/usr/share/hello", Mode: 0o40755},
			{Path: "/usr/share/hello/" + compressor, Data: bytes.Repeat([]byte("hello\n"), 1000)},
			{Path: "/usr/share/hello/link-" + compressor, Linkto: compressor},
			{Path: "/var/log/hello-" + compressor, Flags: rpm.FileGhost},
		},
		Changelogs: []rpm.Changelog{{Time: 1767225600, Author: "QA <qa@example.org> - 2.0-1", Text: "- made"}},
	}
}

// TestRPMAcceptsRpmtest has rpm check, query, install and verify what rpmtest writes.
func TestRPMAcceptsRpmtest(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"gzip", "zstd", "xz", "none"} {
		t.Run(c, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := interopSpec(c)
			path := filepath.Join(dir, s.NEVRA().FileName())
			data := rpmtest.Build(s)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := rpmTool(t, "-Kv", "--nosignature", path)
			if err != nil {
				t.Fatalf("rpm -K: %v\n%s", err, out)
			}
			for _, want := range []string{"Header SHA256 digest: OK", "Header SHA1 digest: OK", "Payload SHA256 digest: OK", "MD5 digest: OK"} {
				if !strings.Contains(out, want) {
					t.Errorf("rpm -K does not say %q:\n%s", want, out)
				}
			}
			for _, bad := range [][]byte{rpmtest.FlipPayload(data), rpmtest.FlipHeader(data), rpmtest.Truncate(data, 7)} {
				if err := os.WriteFile(path+".bad", bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := rpmTool(t, "-K", "--nosignature", path+".bad"); err == nil {
					t.Errorf("rpm -K accepts a damaged package: %s", out)
				}
			}
			installed(t, path, s)
		})
	}
}

// installed installs a package of interopSpec below an empty root, or only
// into a database where the user may not change roots, and has rpm verify it.
func installed(t *testing.T, path string, s rpmtest.Spec) {
	t.Helper()
	root := t.TempDir()
	db := []string{"--root", root, "--dbpath", "/db"}
	if os.Getuid() != 0 {
		db = []string{"--dbpath", root, "--justdb"}
	}
	if out, err := rpmTool(t, append([]string{"-i", "--nodeps", "--nosignature", path}, db...)...); err != nil {
		t.Fatalf("rpm -i: %v\n%s", err, out)
	}
	if os.Getuid() != 0 {
		return
	}
	file := s.Files[1]
	if got, err := os.ReadFile(filepath.Join(root, file.Path)); err != nil || !bytes.Equal(got, file.Data) {
		t.Errorf("installed file: %d bytes, %v", len(got), err)
	}
	if out, err := rpmTool(t, append([]string{"-V", "--nodeps", s.Name}, db...)...); err != nil {
		t.Errorf("rpm -V: %v\n%s", err, out)
	}
}

// TestRPMReadsRpmtestSource has rpm query a source package.
func TestRPMReadsRpmtestSource(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hello-1-1.src.rpm")
	data := rpmtest.Source(rpmtest.Spec{
		Name: "hello", Version: "1", Release: "1", Requires: rpmtest.Deps("gcc"),
		Files: []rpmtest.File{{Path: "hello.spec", Data: []byte("Name: hello\n")}},
	})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := rpmTool(t, "-Kv", "--nosignature", path); err != nil {
		t.Errorf("rpm -K: %v\n%s", err, out)
	}
	out, err := rpmTool(t, "-qp", "--nosignature", "--qf", "%{SOURCEPACKAGE} [%{FILENAMES} %{FILEFLAGS}]", path)
	if err != nil || out != "1 hello.spec 32" {
		t.Errorf("%v, %q", err, out)
	}
}

// TestRPMAcceptsSignatures has rpm check packages signed by rpmtest.
func TestRPMAcceptsSignatures(t *testing.T) {
	t.Parallel()
	for name, algo := range map[string]packet.PublicKeyAlgorithm{"RSA": packet.PubKeyAlgoRSA, "EdDSA": packet.PubKeyAlgoEdDSA} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := openpgp.NewEntity("QA", "", "qa@example.org", &packet.Config{
				Algorithm: algo, RSABits: 2048, Time: func() time.Time { return time.Unix(1767225600, 0) },
			})
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			public, signed := filepath.Join(dir, "key.asc"), filepath.Join(dir, "signed.rpm")
			var asc bytes.Buffer
			w, err := armor.Encode(&asc, openpgp.PublicKeyType, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(key.Serialize(w), w.Close(), os.WriteFile(public, asc.Bytes(), 0o600)); err != nil {
				t.Fatal(err)
			}
			data := rpmtest.Sign(rpmtest.Build(interopSpec("gzip")), key, rpmtest.SignOptions{Legacy: true})
			if err := os.WriteFile(signed, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := rpmTool(t, "--dbpath", filepath.Join(dir, "db"), "--import", public); err != nil {
				t.Fatalf("rpm --import: %v\n%s", err, out)
			}
			out, err := rpmTool(t, "--dbpath", filepath.Join(dir, "db"), "-Kv", signed)
			if err != nil || strings.Count(out, "Signature, key ID") != 2 || strings.Contains(out, "BAD") || strings.Contains(out, "NOKEY") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
