//go:build interop

package interop_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	ks "github.com/fedora-respin/respin/kickstart"
)

// ksPin is the pykickstart that is installed when there is none.
const ksPin = "pykickstart==3.78"

// ksTools finds the folder of ksvalidator and ksflatten: the one of
// $RESPIN_KSVALIDATOR, the one in PATH, or a fresh virtual environment.
func ksTools(t *testing.T) string {
	t.Helper()
	if v := os.Getenv("RESPIN_KSVALIDATOR"); v != "" {
		return filepath.Dir(v)
	}
	if v, err := exec.LookPath("ksvalidator"); err == nil {
		return filepath.Dir(v)
	}
	venv := filepath.Join(t.TempDir(), "venv")
	for _, argv := range [][]string{
		{"python3", "-m", "venv", venv},
		{filepath.Join(venv, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", ksPin},
	} {
		if out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
			shareddata.Missing(t, fmt.Sprintf("ksvalidator (%v: %v: %s)", argv, err, bytes.TrimSpace(out)))
		}
	}
	return filepath.Join(venv, "bin")
}

// ksRun runs a tool and returns its exit status and output.
func ksRun(t *testing.T, tool string, args ...string) (int, string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %s: %v", tool, err)
	}
	if exit != nil {
		return exit.ExitCode(), string(out)
	}
	return 0, string(out)
}

// ksFiles reads the real kickstarts.
func ksFiles(t *testing.T) (dir string, files map[string][]byte) {
	t.Helper()
	dir = filepath.Join(shareddata.Dir(t, "kickstart"), "ks")
	list, err := os.ReadFile(filepath.Join(dir, "PROVENANCE.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for line := range strings.Lines(string(list)) {
		name, _, _ := strings.Cut(line, "\t")
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = src
	}
	if len(files) < 560 {
		t.Fatalf("only %d kickstarts", len(files))
	}
	return dir, files
}

// ksWrite writes kickstarts into a folder and returns their paths.
func ksWrite(t *testing.T, files map[string][]byte) []string {
	t.Helper()
	dir := t.TempDir()
	paths := make([]string, 0, len(files))
	for name, src := range files {
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(path, src, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// ksAccepted fails the test for every file that ksvalidator refuses.
func ksAccepted(t *testing.T, bin, version string, paths []string) {
	t.Helper()
	tool := filepath.Join(bin, "ksvalidator")
	if code, _ := ksRun(t, tool, append([]string{"-v", version}, paths...)...); code == 0 {
		return
	}
	for _, p := range paths {
		if code, out := ksRun(t, tool, "-v", version, p); code != 0 {
			src, _ := os.ReadFile(p)
			t.Errorf("ksvalidator refuses %s for %s:\n%s\n%s", filepath.Base(p), version, out, src)
		}
	}
}

// TestKickstartAddRepoIsAccepted: ksvalidator accepts what is printed after
// edits, for a sample over all valid kickstarts.
func TestKickstartAddRepoIsAccepted(t *testing.T) {
	bin := ksTools(t)
	_, files := ksFiles(t)
	names := make([]string, 0, len(files))
	for name, src := range files {
		if bytes.Contains(src, []byte("%ksappend")) {
			continue // ksvalidator would look for the file in the current folder
		}
		if _, diags, err := ks.Check(name, src, ks.Options{Version: ks.F44}); err == nil && len(diags) == 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	edited := map[string][]byte{}
	for i := 0; i < len(names); i += max(1, len(names)/40) {
		doc, err := ks.Parse(names[i], files[names[i]], ks.Options{Version: ks.F44})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{
			doc.AddRepo(ks.Repo{Name: "respin-side", BaseURL: "https://respin.example.org/repos/1/$basearch/?a=b#c", Cost: 50, ExcludePkgs: []string{"nano", "a[bc]*"}}),
			doc.AddRepo(ks.Repo{Name: "respin-other", Metalink: `https://respin.example.org/'"\/`, Proxy: "http://u:p@h:3128", Install: true, SSLCACert: "/etc/my ca.pem"}),
			doc.SetCommand("lang", "en_US.UTF-8", "--addsupport=de_CH.UTF-8,fr_FR.UTF-8"),
			doc.AddPackages("vim-enhanced", "@core", "lib*[0-9]", "gcc-c++"),
			doc.ExcludePackages("nano", "@games"),
		} {
			if err != nil {
				t.Errorf("edit %s: %v", names[i], err)
			}
		}
		edited[names[i]] = doc.Bytes()
	}
	if len(edited) < 40 {
		t.Fatalf("only %d files were edited", len(edited))
	}
	ksAccepted(t, bin, "F44", ksWrite(t, edited))
}

// ksSummary is what must not change from ksflatten's output to ours.
type ksSummary struct {
	Packages ks.Packages
	Repos    []ks.Repo
	Scripts  []string
}

func ksSummarize(doc *ks.Document) ksSummary {
	s := ksSummary{Packages: doc.Packages(), Repos: doc.Repos()}
	for i := range s.Repos {
		s.Repos[i].Pos = ks.Position{}
	}
	slices.SortStableFunc(s.Packages.Groups, func(a, b ks.Group) int { return cmp.Compare(a.Name, b.Name) })
	slices.Sort(s.Packages.ExcludedGroups)
	for _, sc := range doc.Scripts() {
		if strings.TrimSpace(sc.Body) != "" { // pykickstart drops empty scripts
			s.Scripts = append(s.Scripts, fmt.Sprint(sc.Section, sc.Interpreter, sc.Log, sc.ErrorOnFail, sc.NoChroot, "\n", sc.Body))
		}
	}
	return s
}

// TestKickstartFlatten: ksvalidator accepts our flattened spins, and they hold
// the packages, groups, repos and scripts that ksflatten finds.
func TestKickstartFlatten(t *testing.T) {
	bin := ksTools(t)
	dir, files := ksFiles(t)
	root, err := os.OpenRoot(filepath.Join(dir, "fedora-f43"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	flattened := map[string][]byte{}
	compared := 0
	for name, src := range files {
		base, isSpin := strings.CutPrefix(name, "fedora-f43/fedora-")
		if !isSpin || strings.Contains(base, "/") {
			continue
		}
		doc, err := ks.Parse("fedora-"+base, src, ks.Options{Version: ks.F44, Includes: ks.FSIncluder(root.FS())})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		flat := doc.Flatten()
		if !slices.ContainsFunc(flat.Validate(ks.F44), func(d ks.Diagnostic) bool { return d.Code != ks.CodeDuplicate }) {
			flattened[name] = flat.Bytes()
		}
		if !strings.HasPrefix(base, "live-") {
			continue
		}
		compared++
		out := filepath.Join(t.TempDir(), "flat.ks")
		if code, msg := ksRun(t, filepath.Join(bin, "ksflatten"), "-c", filepath.Join(dir, name), "-v", "F44", "-o", out); code != 0 {
			t.Fatalf("ksflatten %s: %s", name, msg)
		}
		theirs, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		theirDoc, _, err := ks.Check(name, theirs, ks.Options{Version: ks.F44})
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(ksSummarize(theirDoc), ksSummarize(flat)); diff != "" {
			t.Errorf("%s (-ksflatten +ours):\n%s", name, diff)
		}
	}
	if len(flattened) < 50 || compared < 15 {
		t.Fatalf("only %d flattened and %d compared", len(flattened), compared)
	}
	ksAccepted(t, bin, "F44", ksWrite(t, flattened))
}

// TestKickstartBuildIsAccepted: ksvalidator accepts what Build makes, in every
// version and profile, and reads the same from it as we do.
func TestKickstartBuildIsAccepted(t *testing.T) {
	bin := ksTools(t)
	oracle := newOracle(t)
	for _, version := range []ks.Version{ks.F38, ks.F40, ks.F43, ks.F44, ks.F45, ks.RHEL9, ks.RHEL10} {
		built := map[string][]byte{}
		for _, profile := range []ks.Profile{ks.ProfileLive, ks.ProfileDisk, ks.ProfileInstaller} {
			for _, arch := range []string{"x86_64", "aarch64", "ppc64le", "s390x"} {
				doc, err := ks.Build(ks.Spec{
					Profile: profile, Version: version, Arch: arch, Title: `it's "all" # %end`,
					Source: ks.URL{Metalink: "https://h/?repo=fedora-$releasever&arch=$basearch", SSLCACert: "/etc/my ca.pem"},
					Repos:  []ks.Repo{{Name: "more", MirrorList: "https://h/?a='b'", Cost: 900}},
					Side:   []ks.Repo{{Name: "updates", BaseURL: "https://h/side/#1", IncludePkgs: []string{"hello*"}}}, Prefer: []string{"hello"},
					Environment: "custom-environment", Groups: []ks.Group{{Name: "Sound and Video", Level: ks.GroupOptional}, {Name: "fonts", Level: ks.GroupMandatory}},
					Packages: []string{"vim*", "gcc-c++"}, Exclude: []string{"nano"}, ExcludeGroups: []string{"games"}, InstLangs: []string{"cs", "de"},
					Locale:  ks.Locale{Lang: "cs_CZ.UTF-8", AddSupport: []string{"de_DE.UTF-8"}, XLayouts: []string{"cz (qwerty)", "us"}, Timezone: "Europe/Prague"},
					Root:    ks.RootPW{Password: "$6$salt$hash./", Crypted: true},
					Users:   []ks.User{{Name: "ann", Groups: []string{"wheel"}, Gecos: `Ann "A" \ '#1'`, Home: "/srv/a b"}, {Name: "bob", Password: "$y$j$s$h", Crypted: true}},
					SSHKeys: []ks.SSHKey{{User: "ann", Key: "ssh-ed25519 AAAA+/= ann's key #2"}}, Hostname: "h.example.org",
					Services: ks.Services{Enabled: []string{"sshd"}, Disabled: []string{`dev-disk-by\x2dlabel-a.swap`}}, KernelArgs: []string{"console=ttyS0", "quiet"},
					Firewall: ks.Firewall{Services: []string{"ssh"}, Ports: []string{"80:tcp"}, Trusted: []string{"eth1"}},
					Scripts:  []ks.Script{{Section: "%post", Interpreter: "/usr/bin/python3", Log: "/root/my log", Body: "print('%end')\n  %if\n"}},
				})
				if err != nil {
					t.Errorf("%s %s %s: %v", version, profile, arch, err)
					continue
				}
				built[string(profile)+"-"+arch] = doc.Bytes()
				text := doc.String()
				if want := oracle.ask(t, ksQuestion{Version: string(version), Text: &text, Fill: true}); want.Error != nil {
					t.Errorf("%s %s %s: %s", version, profile, arch, *want.Error)
				} else if diff := ksViewsDiffer(doc, want.Views); diff != "" {
					t.Errorf("%s %s %s (-pykickstart +ours):\n%s", version, profile, arch, diff)
				}
			}
		}
		ksAccepted(t, bin, string(version), ksWrite(t, built))
	}
}
