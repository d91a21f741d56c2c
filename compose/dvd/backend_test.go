package dvd_test

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/backendtest"
	"github.com/fedora-respin/respin/compose/dvd"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// planOf is a Plan with one package in the side repo and two of the release.
func planOf(t *testing.T) *compose.Plan {
	t.Helper()
	p := &compose.Plan{
		Request: compose.Request{Kind: compose.KindDVD, Release: "44", Arch: "x86_64"}, Epoch: 1767225600, VolID: "Fedora-44-dvd-x86_64", Image: "Fedora-44-dvd-x86_64.iso",
		Repos:  []compose.PlanRepo{{Repo: compose.Repo{ID: "fedora", BaseURL: "https://example.org/fedora/"}, Mirrors: []string{"https://example.org/fedora/"}}},
		Base:   &compose.PlanBase{URL: "https://example.org/boot.iso", Size: 1 << 20},
		Groups: `<comps><group><id>core</id><name>Core</name><packagelist><packagereq>bash</packagereq></packagelist></group></comps>`,
	}
	for i, s := range specs() {
		n := s.NEVRA()
		if i == 0 {
			p.RPMs = []compose.PlanRPM{{NEVRA: n.String(), Name: n.Name, Arch: n.Arch, File: n.FileName()}}
			continue
		}
		sum := sha256.Sum256(rpmtest.Build(s))
		p.Gathered = append(p.Gathered, compose.PlanPackage{NEVRA: n.String(), Location: "Packages/x/" + n.FileName(), Size: 5000, SHA256: hex.EncodeToString(sum[:])})
	}
	return p
}

// prepare puts the inputs of planOf into a job.
func prepare(t *testing.T, p *compose.Plan, j *compose.BackendJob) {
	t.Helper()
	put := func(path string, data []byte) string {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	inputs := t.TempDir()
	j.Base = put(filepath.Join(inputs, "boot.iso"), isotest.Base("F44-base", "x86_64"))
	all := specs()
	put(filepath.Join(j.SideRepo, p.RPMs[0].RepoPath()), rpmtest.Build(all[0]))
	j.Gathered = nil
	for i := range p.Gathered {
		j.Gathered = append(j.Gathered, put(filepath.Join(inputs, "cas", strconv.Itoa(i)), rpmtest.Build(all[i+1])))
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	backendtest.Run(t, backendtest.Suite{
		Backend: &dvd.Backend{}, Plan: planOf, Prepare: prepare,
		Tools:   func(t *testing.T) *proc.Runner { t.Helper(); return tools(t) },
		Failing: func(t *testing.T) *proc.Runner { t.Helper(); return tools(t, "STANDIN=fail") },
		Hanging: func(t *testing.T) (*proc.Runner, func() []int) {
			t.Helper()
			file := filepath.Join(t.TempDir(), "pid")
			return tools(t, "STANDIN=hang", "STANDIN_PID="+file), func() []int {
				data, _ := os.ReadFile(file)
				if pid, err := strconv.Atoi(string(data)); err == nil {
					return []int{pid}
				}
				return nil
			}
		},
	})
}

func job(t *testing.T) *compose.BackendJob {
	t.Helper()
	return &compose.BackendJob{
		SideRepo: t.TempDir(), OutDir: t.TempDir(), LogDir: t.TempDir(), Temp: t.TempDir(), Log: io.Discard, Runner: tools(t), Progress: func(string, int, string) {},
	}
}

func TestBackendPutsSideRepoAndReleaseOntoTheMedium(t *testing.T) {
	t.Parallel()
	p, j, backend := planOf(t), job(t), &dvd.Backend{}
	p.Kickstart, p.Request.BootArgs, p.Request.Options.Variant = "text\n", []string{"inst.text"}, "Server"
	if err := backend.Describe(p); err != nil {
		t.Fatal(err)
	}
	prepare(t, p, j)
	made, err := backend.Build(t.Context(), p, j)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range made.Artifacts {
		names = append(names, a.Path+" "+string(a.Type))
	}
	want := "Fedora-44-dvd-x86_64.iso iso, metadata/composeinfo.json metadata, metadata/images.json metadata, metadata/rpms.json metadata, Fedora-44-dvd-x86_64-CHECKSUM checksum"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("artifacts %s", got)
	}
	proof, err := backend.Verify(t.Context(), p, j, made)
	if err != nil {
		t.Fatal(err)
	}
	if e := proof.Packages[0]; e.Verdict != compose.VerdictIncluded || e.Path != "/Packages/b/bash-5.2-1.fc44.x86_64.rpm" || !proof.Image.Bootable || proof.Image.ImplantedMD5 == "" {
		t.Errorf("%+v, %+v", e, proof.Image)
	}
	file := filepath.Join(j.OutDir, p.Image)
	for name, part := range map[string]string{"respin.ks": "text", "boot/grub2/grub.cfg": "inst.text", ".treeinfo": "variants = Server", "Packages/v/Vim-9.1-1.fc44.noarch.rpm": ""} {
		data, err := iso.ReadFile(file, name, 1<<20)
		if err != nil || !strings.Contains(string(data), part) {
			t.Errorf("%s: %v\n%.200s", name, err, data)
		}
	}
	sum := sha512.Sum512(rpmtest.Build(specs()[1]))
	p.Gathered[0].SHA256, p.Gathered[0].SHA512 = "", hex.EncodeToString(sum[:])
	if _, err := backend.Verify(t.Context(), p, j, made); err != nil {
		t.Errorf("by SHA-512: %v", err)
	}
	for _, digest := range []string{strings.Repeat("0", 64), strings.Repeat("0", 128)} {
		p.Gathered[0].SHA256 = digest
		_, err = backend.Verify(t.Context(), p, j, made)
		if failed, ok := errors.AsType[*compose.FailedError](err); !ok || failed.Failure.Code != compose.CodeVerifyFailed {
			t.Errorf("another package of the release: %v", err)
		}
	}
}

func TestBackendRefusals(t *testing.T) {
	t.Parallel()
	for code, change := range map[compose.Code]func(*compose.Plan){
		compose.CodeBaseRequired:    func(p *compose.Plan) { p.Base = nil },
		compose.CodeImageTooLarge:   func(p *compose.Plan) { p.Gathered[0].Size = 5e9 },
		compose.CodePackageNotFound: func(p *compose.Plan) { p.RPMs, p.Gathered = nil, nil },
		compose.CodeBadVolID:        func(p *compose.Plan) { p.VolID = strings.Repeat("x", 33) },
		compose.CodeInvalidRequest:  func(p *compose.Plan) { p.Request.Options.Medium = "floppy" },
	} {
		p := planOf(t)
		change(p)
		err := (&dvd.Backend{}).Describe(p)
		if refused, ok := errors.AsType[*compose.RefusedError](err); !ok || len(refused.Problems) != 1 || refused.Problems[0].Code != code || refused.Problems[0].Remedy == "" {
			t.Errorf("%s: %v", code, err)
		}
	}
	large := planOf(t)
	large.Gathered[0].Size = 5e9
	refused, ok := errors.AsType[*compose.RefusedError]((&dvd.Backend{}).Describe(large))
	if !ok || refused.Problems[0].Sentence != "3 packages of 5.00 GB and the base image of 1.0 MB do not fit on a DVD, which has room for 4.70 GB."+
		" The largest are Vim-2:9.1-1.fc44.noarch (5.00 GB), bash-debuginfo-5.2-1.fc44.x86_64 (0.0 MB), bash-5.2-1.fc44.x86_64 (0.0 MB)." ||
		!strings.HasSuffix(refused.Problems[0].Remedy, "Or choose a larger medium: options.medium dvd-dl has room for 8.54 GB.") {
		t.Errorf("%+v", refused)
	}
	large.Gathered[0].Size = 5e11
	if refused, ok := errors.AsType[*compose.RefusedError]((&dvd.Backend{}).Describe(large)); !ok || strings.Contains(refused.Problems[0].Remedy, "larger medium") {
		t.Errorf("no medium is so large: %+v", refused)
	}
	large.Gathered[0].Size, large.Request.Options.Medium = 5e9, "dvd-dl"
	if err := (&dvd.Backend{}).Describe(large); err != nil {
		t.Errorf("on a larger medium: %v", err)
	}
	// How large a boot.iso becomes is not known before lorax has made it.
	for size, warned := range map[int64]bool{1e9: false, 4e9: true} {
		p := planOf(t)
		p.Base, p.First, p.Gathered[0].Size = nil, &compose.PlanStep{Kind: compose.KindBootISO}, size
		err := (&dvd.Backend{}).Describe(p)
		if err != nil || warned != (len(p.Warnings) == 1) || warned && !strings.Contains(p.Warnings[0].Sentence, "the base image of 1.10 GB do not fit on a DVD") {
			t.Errorf("%d: %v, %+v", size, err, p.Warnings)
		}
	}
	for code, change := range map[compose.Code]func(*testing.T, *compose.BackendJob){
		compose.CodeBaseNotISO: func(t *testing.T, j *compose.BackendJob) {
			t.Helper()
			if err := os.WriteFile(j.Base, isotest.Build(isotest.Options{VolumeID: "X"}), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		compose.CodeRPMAltered: func(t *testing.T, j *compose.BackendJob) {
			t.Helper()
			if err := os.WriteFile(j.Gathered[0], []byte("no package"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		compose.CodeToolFailed: func(t *testing.T, j *compose.BackendJob) { t.Helper(); j.Runner = tools(t, "STANDIN=fail") },
	} {
		p, j := planOf(t), job(t)
		if err := (&dvd.Backend{}).Describe(p); err != nil {
			t.Fatal(err)
		}
		prepare(t, p, j)
		change(t, j)
		_, err := (&dvd.Backend{}).Build(t.Context(), p, j)
		if failed := compose.Diagnose(context.Background(), compose.StageCompose, err); failed.Failure.Code != code {
			t.Errorf("%s: %+v", code, failed.Failure)
		}
	}
}

func TestEveryArchHasItsLayout(t *testing.T) {
	t.Parallel()
	for arch, files := range map[string]map[string]string{
		"aarch64": {"images/pxeboot/vmlinuz": "kernel", "images/pxeboot/initrd.img": "initrd", "images/efiboot.img": "efiboot.img"},
		"ppc64le": {"ppc/ppc64/vmlinuz": "kernel", "ppc/ppc64/initrd.img": "initrd"},
		"s390x": {
			"images/kernel.img": "kernel", "images/initrd.img": "initrd", "images/initrd.addrsize": "initrd.addrsize",
			"images/generic.prm": "generic.prm", "generic.ins": "generic.ins",
		},
	} {
		j := newJob(t)
		content := map[string]string{".discinfo": "1.0\n44\n" + arch + "\n", "images/install.img": "stage2"}
		for name := range files {
			content[name] = name
		}
		content["boot/grub/grub.cfg"] = "linux /kernel inst.stage2=hd:LABEL=X quiet\n"
		if err := os.WriteFile(j.BaseISO, isotest.Build(isotest.Options{VolumeID: "X", Files: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		j.Arch, j.Packages, j.Comps = arch, nil, nil
		res, err := dvd.Make(t.Context(), j)
		if err != nil {
			t.Errorf("%s: %v", arch, err)
			continue
		}
		text, err := iso.ReadFile(res.Path, ".treeinfo", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for path, name := range files {
			if !strings.Contains(string(text), "\n"+name+" = "+path+"\n") {
				t.Errorf("%s: no %s = %s in\n%s", arch, name, path, text)
			}
		}
		if err := dvd.Check(t.Context(), res.Path, dvd.Want{VolID: j.VolID, Arch: arch, Product: product}); err != nil {
			t.Errorf("%s: %v", arch, err)
		}
	}
}
