//go:build interop

package interop_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/daemon/api"
)

// onMedium are the verdicts on a medium that has the update's packages, and
// inSystem those on a system that was made of them: what nobody named or needs
// is not in it.
var (
	onMedium = map[string]compose.Verdict{
		"greeter": compose.VerdictIncluded, "greeter-libs": compose.VerdictIncluded, "greeter-devel": compose.VerdictIncluded,
		"hello-docs": compose.VerdictIncluded, "clock": compose.VerdictIncluded,
	}
	inSystem = map[string]compose.Verdict{
		"greeter": compose.VerdictIncluded, "greeter-libs": compose.VerdictIncluded, "greeter-devel": compose.VerdictNotInstalled,
		"hello-docs": compose.VerdictIncluded, "clock": compose.VerdictNotInstalled,
	}
)

// Every kind of compose, asked for as a user does, by a daemon that has the
// stand-ins for its tools.
func TestEveryKindThroughTheDaemon(t *testing.T) {
	t.Parallel()
	p := newPlant(t, respinBinary(t), standInsBuilt(t), composetest.Settings{})
	p.start(t)
	both := []string{"plan.json", "report.json"}
	for _, tc := range []struct {
		kind     string
		files    []string // besides those that every compose has
		verdicts map[string]compose.Verdict
	}{
		{"repo", nil, onMedium},
		{"repo-iso", []string{"Fedora-44-repo-iso-x86_64.iso"}, onMedium},
		{"updates-img", []string{"updates.img"}, onMedium},
		{"remaster", []string{"Fedora-44-remaster-x86_64.iso"}, onMedium},
		{"boot-iso", []string{
			"Fedora-44-boot-iso-x86_64.iso", "os/.discinfo", "os/.treeinfo", "os/EFI/BOOT/BOOTX64.EFI", "os/EFI/BOOT/grub.cfg", "os/LICENSE", "os/boot/grub2/grub.cfg",
			"os/images/efiboot.img", "os/images/eltorito.img", "os/images/install.img", "os/images/pxeboot/initrd.img", "os/images/pxeboot/vmlinuz", "packages.txt", "sbom.spdx.json",
		}, inSystem},
		{"dvd", []string{"Fedora-44-dvd-x86_64.iso", "Fedora-44-dvd-x86_64-CHECKSUM", "metadata/composeinfo.json", "metadata/images.json", "metadata/rpms.json"}, onMedium},
		{"live", []string{"Fedora-44-live-x86_64.iso", "packages.txt", "respin.ks", "sbom.spdx.json"}, inSystem},
		{"disk", []string{"Fedora-44-disk-x86_64.qcow2", "packages.txt", "respin.ks"}, inSystem},
		{"pxe-live", []string{"PXE_CONFIG", "initramfs-6.17.0.img", "live-rootfs.squashfs.img", "packages.txt", "respin.ks", "sbom.spdx.json", "vmlinuz-6.17.0"}, inSystem},
		{"tar", []string{"Fedora-44-tar-x86_64.tar.xz", "packages.txt", "respin.ks"}, inSystem},
		{"oci", []string{"Fedora-44-oci-x86_64.tar.xz", "packages.txt", "respin.ks"}, inSystem},
	} {
		code, stdout, stderr := p.respin(t, slices.Concat([]string{"build", "--wait", "--json"}, p.order(tc.kind))...)
		var c api.Compose
		if err := json.Unmarshal([]byte(stdout), &c); code != 0 || err != nil || c.State != compose.StateSucceeded || c.Failure != nil {
			t.Errorf("%s: exit code %d, %v: %+v\n%s", tc.kind, code, err, c.Failure, stderr)
			continue
		}
		p.checkVerdicts(t, tc.kind, c.ID, tc.verdicts)
		got := p.checkPublished(t, &c)
		want := slices.Sorted(slices.Values(slices.Concat(both, []string{"respin-" + c.ID + ".repo"}, tc.files)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: artifacts (-want +got):\n%s", tc.kind, diff)
		}
	}
	if kinds := len(compose.Kinds()); kinds != 11 {
		t.Errorf("there are %d kinds, and this test knows 11", kinds)
	}
	p.checkTidy(t)
}

func (p *plant) checkVerdicts(t *testing.T, kind, id string, want map[string]compose.Verdict) {
	t.Helper()
	code, stdout, stderr := p.respin(t, "report", id, "--json")
	var rep api.Report
	if err := json.Unmarshal([]byte(stdout), &rep); code != 0 || err != nil {
		t.Errorf("%s: report: exit code %d, %v\n%s", kind, code, err, stderr)
		return
	}
	got := map[string]compose.Verdict{}
	for _, e := range rep.Packages {
		got[e.Name] = e.Verdict
		if e.Verdict == compose.VerdictIncluded && (e.Shipped != e.Requested || e.Repo == "" || len(e.SHA256) != 64) {
			t.Errorf("%s: %+v", kind, e)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: verdicts (-want +got):\n%s", kind, diff)
	}
	if len(rep.Timings) < 5 {
		t.Errorf("%s: timings %+v", kind, rep.Timings)
	}
}

// checkPublished compares the folder of a compose with what the API says of it,
// fetches every file, and returns the paths of the artifacts.
func (p *plant) checkPublished(t *testing.T, c *api.Compose) (paths []string) {
	t.Helper()
	list, err := p.api.Artifacts(t.Context(), c.ID)
	if err != nil {
		t.Error(err)
		return nil
	}
	known := map[string]bool{"CHECKSUM": true}
	for _, a := range slices.Concat(list.Artifacts, list.Logs) {
		known[a.Path] = true
		if size, sum := fetched(t, a.URL); size != a.Size || sum != a.SHA256 {
			t.Errorf("%s: %s is %d bytes of %s, listed are %d of %s", c.Kind, a.URL, size, sum, a.Size, a.SHA256)
		}
	}
	for _, a := range list.Artifacts {
		paths = append(paths, a.Path)
	}
	dir, rpms := filepath.Join(p.dir, "data/images", c.ID), 0
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil || e.IsDir():
		case strings.HasPrefix(rel, "repo/Packages/") && strings.HasSuffix(rel, ".rpm"):
			rpms++
		case strings.HasPrefix(rel, "repo/repodata/"):
		case !known[rel] || !e.Type().IsRegular():
			t.Errorf("%s: nobody says what %s is", c.Kind, rel)
		}
		delete(known, rel)
		return err
	})
	if err != nil || len(known) > 0 {
		t.Errorf("%s: listed, and not there: %v %v", c.Kind, known, err)
	}
	if side := c.SideRepo; side != nil {
		_, repomd := fetched(t, side.URL+"repodata/repomd.xml")
		if side.Packages != rpms || repomd != side.RepomdSHA256 {
			t.Errorf("%s: side repo of %d packages: %+v", c.Kind, rpms, side)
		}
	} else if rpms > 0 {
		t.Errorf("%s: %d RPMs without a side repo", c.Kind, rpms)
	}
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "--quiet", "CHECKSUM")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: sha256sum: %v\n%s", c.Kind, err, out)
	}
	slices.Sort(paths)
	return paths
}

func fetched(t *testing.T, url string) (size int64, sum string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	h := sha256.New()
	if size, err = io.Copy(h, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", url, resp.Status, err)
	}
	return size, hex.EncodeToString(h.Sum(nil))
}

// checkTidy looks that nothing is left of composes that have ended but what is
// published.
func (p *plant) checkTidy(t *testing.T) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if left = p.leftovers(t); len(left) == 0 || time.Now().After(deadline) {
			break
		}
	}
	for _, l := range left {
		t.Errorf("left: %s", l)
	}
}

// Every way in which a tool is told to fail: the failure has the right code, a
// sentence and evidence, and nothing but logs is published.
func TestEveryFailureThroughTheDaemon(t *testing.T) {
	t.Parallel()
	p := newPlant(t, respinBinary(t), standInsBuilt(t), composetest.Settings{})
	p.start(t)
	for _, tc := range []struct {
		kind, fail string // fail is a stand-in's, or a real tool and what it says before it ends with 5
		code       compose.Code
		stage      compose.Stage
		says       string
		evidence   string
	}{
		{"boot-iso", "missing", "package-not-found", compose.StageCompose, "nosuchpkg", "no package matched nosuchpkg"},
		{"boot-iso", "depsolve", "dependency-problem", compose.StageCompose, "libnothere.so.1", "nothing provides libnothere.so.1"},
		{"boot-iso", "download", "fetch-failed", compose.StageCompose, "anaconda-44.12-1.fc44.x86_64", "404"},
		{"boot-iso", "disk", "disk-full", compose.StageCompose, "2 GiB do not hold it", "rootfs ran out of space"},
		{"boot-iso", "template", "template-error", compose.StageCompose, "x86.tmpl", "runcmd xorrisofs"},
		{"boot-iso", "volid", compose.CodeVerifyFailed, compose.StageVerify, "SOMETHING-ELSE where Fedora-44-boot-iso-x86_64", ""},
		{"live", "anaconda", compose.CodeToolFailed, compose.StageCompose, "anaconda", "fatal error and installation will be aborted"},
		{"repo-iso", "xorriso: FAILURE : Cannot write: No space left on device", "disk-full", compose.StageCompose, "disk is full", "No space left"},
		{"remaster", "xorriso: FATAL : -indev: cannot be read", compose.CodeToolFailed, compose.StageCompose, "xorriso ended with exit status 5", "-indev"},
		{"remaster", "mcopy:Disk full", "disk-full", compose.StageCompose, "FAT image (EFI boot) is too small", "Disk full"},
		{"dvd", "xorriso: FATAL : Lost connection to drive", compose.CodeToolFailed, compose.StageCompose, "Lost connection", "Lost connection"},
	} {
		repair := p.damage(t, tc.fail)
		code, stdout, stderr := p.respin(t, slices.Concat([]string{"build", "--wait", "--json"}, p.order(tc.kind))...)
		repair()
		var c api.Compose
		if err := json.Unmarshal([]byte(stdout), &c); code != 4 || err != nil || c.State != compose.StateFailed || c.Failure == nil {
			t.Errorf("%s, %s: exit code %d, %v: %s\n%s", tc.kind, tc.fail, code, err, c.State, stderr)
			continue
		}
		f := c.Failure
		if f.Code != tc.code || f.Stage != tc.stage || !strings.Contains(f.Sentence, tc.says) || strings.Contains(f.Sentence, p.dir) {
			t.Errorf("%s, %s: %+v", tc.kind, tc.fail, f)
		}
		if text := strings.Join(f.Evidence, "\n"); !strings.Contains(text, tc.evidence) || len(f.Evidence) > 3 || (len(f.Evidence) == 0) != (tc.evidence == "") || strings.Contains(text, p.dir) {
			t.Errorf("%s, %s: evidence %q", tc.kind, tc.fail, f.Evidence)
		}
		if !strings.Contains(stderr, f.Sentence) || !strings.Contains(stderr, "["+string(f.Code)+"]") {
			t.Errorf("%s, %s: the command line does not say why:\n%s", tc.kind, tc.fail, stderr)
		}
		p.checkTidy(t)
		if diff := cmp.Diff([]string{"plan.json", "report.json"}, p.checkPublished(t, &c)); diff != "" {
			t.Errorf("%s, %s: published (-want +got):\n%s", tc.kind, tc.fail, diff)
		}
	}
}

// damage makes a tool fail until the returned function is called.
func (p *plant) damage(t *testing.T, fail string) (repair func()) {
	t.Helper()
	name, text, real := strings.Cut(fail, ":")
	if !real {
		p.settings(t, func(s *composetest.Settings) { s.Fail = fail })
		return func() { p.settings(t, func(s *composetest.Settings) { s.Fail = "" }) }
	}
	door := filepath.Join(p.tools, name+".fail")
	put(t, door, []byte(text+"\n"))
	return func() {
		if err := os.Remove(door); err != nil {
			t.Error(err)
		}
	}
}
