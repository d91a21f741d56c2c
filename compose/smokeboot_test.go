package compose_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/internal/proc"
)

// copier is a back end whose image is a few bytes.
type copier struct{ built *bool }

func (copier) Name() string                                                  { return "copier" }
func (copier) Describe(*compose.Plan) error                                  { return nil }
func (copier) Probe(context.Context, compose.Runner) ([]compose.Tool, error) { return nil, nil }
func (copier) Makes() []compose.Capability {
	return []compose.Capability{{Kind: compose.KindRemaster, Uses: []string{"options.smoke_boot"}}}
}

func (c copier) Build(_ context.Context, p *compose.Plan, j *compose.BackendJob) (*compose.Made, error) {
	*c.built = true
	made := &compose.Made{Artifacts: []compose.Artifact{{Name: p.Image, Path: p.Image, Type: compose.ArtifactISO}}}
	return made, os.WriteFile(filepath.Join(j.OutDir, p.Image), []byte("image"), 0o644)
}

func (copier) Verify(context.Context, *compose.Plan, *compose.BackendJob, *compose.Made) (*compose.Proof, error) {
	return &compose.Proof{Image: compose.ImageFacts{Bootable: true}}, nil
}

// machine stands for qemu: it says lines and judges them as smoke.Prove does.
type machine struct {
	missing bool
	console string
	booted  smoke.Options
	during  func(context.Context) error
}

func (m *machine) Find() error {
	if m.missing {
		return &proc.NotFoundError{Tool: smoke.Tool, Package: smoke.Package}
	}
	return nil
}

func (m *machine) Prove(ctx context.Context, o smoke.Options) (*smoke.Report, error) {
	m.booted = o
	if data, err := os.ReadFile(o.ISO); err != nil || string(data) != "image" {
		return nil, errors.Join(err, errors.New("the image is not there"))
	}
	_, _ = o.Log.Write([]byte("\x1b[2J" + m.console))
	if m.during != nil {
		if err := m.during(ctx); err != nil {
			return nil, err
		}
	}
	rep := &smoke.Report{Serial: []byte(m.console), Duration: 3 * time.Second, Accel: smoke.TCG, Reason: "nothing decisive on the console in 10m0s"}
	for line := range strings.Lines(m.console) {
		line = strings.TrimSuffix(line, "\n")
		if o.Fail.MatchString(line) {
			rep.Line, rep.Reason = line, "the console says: "+line
			break
		}
		if o.Until.MatchString(line) {
			rep.OK, rep.Line, rep.Reason = true, line, ""
			break
		}
	}
	return rep, nil
}

func smokePlan(args ...string) *compose.Plan {
	return &compose.Plan{
		Backend: "copier", Image: "f44.iso", Digest: "d",
		Request: compose.Request{
			Kind: compose.KindRemaster, Release: "44", Arch: "x86_64", BootArgs: args, Options: compose.Options{SmokeBoot: true},
		},
	}
}

func TestSmokeBootOfAGoodImage(t *testing.T) {
	t.Parallel()
	built, m := false, &machine{console: "Linux version 6.15\nStarting installer, one moment...\n"}
	b := builder(t, compose.Network{}, compose.BuilderOptions{Backends: []compose.Backend{copier{&built}}, Smoke: m})
	dir := t.TempDir()
	var said []compose.Progress
	result, err := b.Build(t.Context(), smokePlan(), compose.Work{ID: "c1", Dir: dir, Progress: func(p compose.Progress) { said = append(said, p) }})
	if err != nil {
		t.Fatal(err)
	}
	want := &compose.Smoke{OK: true, Log: "logs/serial.log", Seconds: 3}
	if diff := cmp.Diff(want, result.Smoke); diff != "" {
		t.Error(diff)
	}
	var report compose.Result
	data, _ := os.ReadFile(filepath.Join(dir, "out", "report.json"))
	if err := json.Unmarshal(data, &report); err != nil || !cmp.Equal(want, report.Smoke) {
		t.Errorf("report.json: %v %s", err, data)
	}
	files := tree(t, filepath.Join(dir, "out"))
	if files["logs/serial.log"] != m.console || files["f44.iso"] != "image" {
		t.Errorf("console %q, image %q", files["logs/serial.log"], files["f44.iso"])
	}
	if !slices.ContainsFunc(result.Logs, func(a compose.Artifact) bool { return a.Path == "logs/serial.log" && a.Size == int64(len(m.console)) }) {
		t.Errorf("logs %+v", result.Logs)
	}
	if n := len(result.Timings); n != 6 || result.Timings[4].Stage != compose.StageVerify || result.Timings[5].Stage != compose.StageSmoke {
		t.Errorf("timings %+v", result.Timings)
	}
	if last := said[len(said)-1]; last.Stage != compose.StageSmoke || !strings.Contains(last.Message, "on the serial console") || last.Percent < 90 {
		t.Errorf("last progress %+v", last)
	}
	if m.booted.Firmware != smoke.BIOS || m.booted.As != smoke.CDROM || m.booted.Timeout != 10*time.Minute {
		t.Errorf("booted with %+v", m.booted)
	}
}

func TestSmokeBootOnlyWhereAsked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*compose.Request){
		"not asked":    func(r *compose.Request) { r.Options.SmokeBoot = false },
		"another arch": func(r *compose.Request) { r.Arch = "aarch64" },
		"another kind": func(r *compose.Request) { r.Kind = compose.KindRepoISO },
	} {
		built, m := false, &machine{missing: true}
		b := builder(t, compose.Network{}, compose.BuilderOptions{Backends: []compose.Backend{copier{&built}}, Smoke: m})
		p := smokePlan()
		change(&p.Request)
		result, err := b.Build(t.Context(), p, compose.Work{ID: "c1", Dir: t.TempDir()})
		if err != nil || !built || result.Smoke != nil || m.booted.ISO != "" || len(result.Timings) != 5 {
			t.Errorf("%s: %v, %+v", name, err, result)
		}
	}
}

func TestSmokeBootFailsTheBuild(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		machine  machine
		args     []string
		code     compose.Code
		says     []string
		silent   string // what the sentence must not say
		evidence []string
		console  string
		built    bool
	}{
		"panic": {
			machine: machine{console: "one\ntwo\nthree\nKernel panic - not syncing: VFS\n---[ end\n"}, code: compose.CodeSmokeFailed, built: true,
			says: []string{"did not boot: the console says: Kernel panic - not syncing: VFS."}, silent: "console=ttyS0",
			evidence: []string{"two", "three", "Kernel panic - not syncing: VFS"}, console: "one\ntwo\nthree\nKernel panic - not syncing: VFS\n---[ end\n",
		},
		"silent": {
			machine: machine{}, code: compose.CodeSmokeFailed, built: true, args: []string{"console=tty0"},
			says: []string{"did not boot: nothing decisive"}, silent: "ttyS0",
		},
		"stuck with a serial console": {
			machine: machine{console: "a\n\nb\n"}, code: compose.CodeSmokeFailed, built: true, args: []string{"console=ttyS0,115200"},
			says: []string{"did not boot: nothing decisive"}, silent: "ttyS0", evidence: []string{"a", "b"}, console: "a\n\nb\n",
		},
		"no tool": {machine: machine{missing: true}, code: compose.CodeToolMissing, says: []string{smoke.Tool}},
		"cannot be tried": {
			machine: machine{console: "x", during: func(context.Context) error { return errors.New("no memory") }}, code: compose.CodeInternal, built: true,
			says: []string{"no memory"}, console: "\x1b[2Jx",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			built := false
			b := builder(t, compose.Network{}, compose.BuilderOptions{Backends: []compose.Backend{copier{&built}}, Smoke: &tc.machine})
			dir := t.TempDir()
			result, err := b.Build(t.Context(), smokePlan(tc.args...), compose.Work{ID: "c1", Dir: dir})
			failed, ok := errors.AsType[*compose.FailedError](err)
			if !ok || failed.Failure.Code != tc.code || failed.Failure.Stage != compose.StageSmoke || built != tc.built {
				t.Fatalf("built %t: %v", built, err)
			}
			for _, part := range tc.says {
				if !strings.Contains(failed.Failure.Sentence, part) {
					t.Errorf("%q does not say %q", failed.Failure.Sentence, part)
				}
			}
			if tc.silent != "" && strings.Contains(failed.Failure.Sentence, tc.silent) || failed.Failure.Remedy == "" && tc.code != compose.CodeInternal {
				t.Errorf("%+v", failed.Failure)
			}
			if diff := cmp.Diff(tc.evidence, failed.Failure.Evidence); diff != "" {
				t.Error(diff)
			}
			if tc.code == compose.CodeSmokeFailed && (result.Smoke == nil || result.Smoke.OK || result.Smoke.Reason == "" || result.Smoke.Log != "logs/serial.log") {
				t.Errorf("smoke %+v", result.Smoke)
			}
			files := tree(t, filepath.Join(dir, "out"))
			if files["logs/serial.log"] != tc.console {
				t.Errorf("console %q", files["logs/serial.log"])
			}
			if _, there := files["f44.iso"]; there || len(result.Artifacts) != 2 {
				t.Errorf("image left: %t, artifacts %+v", there, result.Artifacts)
			}
		})
	}
}

func TestSmokeBootIsCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	built, dir := false, t.TempDir()
	m := &machine{console: "half a boot\n", during: func(ctx context.Context) error {
		cancel(compose.ErrCanceled)
		<-ctx.Done()
		return ctx.Err()
	}}
	b := builder(t, compose.Network{}, compose.BuilderOptions{Backends: []compose.Backend{copier{&built}}, Smoke: m})
	_, err := b.Build(ctx, smokePlan(), compose.Work{ID: "c1", Dir: dir})
	if failed, ok := errors.AsType[*compose.FailedError](err); !ok || failed.Failure.Code != compose.CodeCanceled || failed.Failure.Stage != compose.StageSmoke {
		t.Fatalf("got %v", err)
	}
	if got := tree(t, filepath.Join(dir, "out"))["logs/serial.log"]; !strings.Contains(got, "half a boot") {
		t.Errorf("console %q", got)
	}
}

func TestSmokeBootLogIsBounded(t *testing.T) {
	t.Parallel()
	built, dir := false, t.TempDir()
	m := &machine{}
	m.during = func(context.Context) error {
		for range 100 {
			if n, err := m.booted.Log.Write(make([]byte, 100_000)); n != 100_000 || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
		}
		return errors.New("over")
	}
	b := builder(t, compose.Network{}, compose.BuilderOptions{Backends: []compose.Backend{copier{&built}}, Smoke: m})
	_, _ = b.Build(t.Context(), smokePlan(), compose.Work{ID: "c1", Dir: dir})
	if st, err := os.Stat(filepath.Join(dir, "out", "logs", "serial.log")); err != nil || st.Size() != 4<<20 {
		t.Errorf("%+v, %v", st, err)
	}
}

// The lines are those of real consoles. What the initrd says proves nothing: it
// runs even when the medium cannot be found.
func TestSmokeBootTellsTheInstallerFromTheInitrd(t *testing.T) {
	t.Parallel()
	built, m := false, &machine{}
	b := builder(t, compose.Network{}, compose.BuilderOptions{Backends: []compose.Backend{copier{&built}}, Smoke: m})
	_, _ = b.Build(t.Context(), smokePlan(), compose.Work{ID: "c1", Dir: t.TempDir()})
	for line, want := range map[string]*regexp.Regexp{
		"Starting installer, one moment...":                                    m.booted.Until,
		"anaconda 38.23.4-2.fc38 for Fedora 38 started.":                       m.booted.Until,
		" * installation log files are stored in /tmp during the installation": m.booted.Until,
		"[  OK  ] Reached target multi-user.target - Multi-User System.":       m.booted.Until,
		"[  OK  ] Reached target Multi-User System.":                           m.booted.Until,
		"[  OK  ] Reached target anaconda.target - Anaconda System Services.":  m.booted.Until,
		"Kernel 6.11.4-301.fc41.x86_64 on x86_64 (ttyS0)":                      m.booted.Until,
		"localhost login: ": m.booted.Until,
		"[    1.2] Kernel panic - not syncing: Attempted to kill init!":                        m.booted.Fail,
		"Entering emergency mode. Exit the shell to continue.":                                 m.booted.Fail,
		"[  190.1] dracut-initqueue[600]: Warning: dracut-initqueue: starting timeout scripts": nil,
		"dracut: FATAL: Don't know how to handle 'root=live:CDLABEL=x'":                        m.booted.Fail,
		"The media check is complete, the result is: FAIL.":                                    m.booted.Fail,
		"The media check is complete, the result is: PASS.":                                    nil,
		"No bootable device.": m.booted.Fail,
		"[    0.0] Command line: BOOT_IMAGE=/vmlinuz inst.stage2=hd:LABEL=F44-anaconda quiet": nil,
		"[    3.1] systemd[1]: Running in initrd.":                                            nil,
		"[  OK  ] Reached target sysinit.target - System Initialization.":                     nil,
		"[  OK  ] Reached target initrd-root-fs.target - Initrd Root File System.":            nil,
		"Welcome to Fedora Linux 44 dracut-107-3.fc44 (Initramfs)!":                           nil,
		"  Install Fedora 44":                   nil,
		"  Test this media & install Fedora 44": nil,
	} {
		if until := m.booted.Until.MatchString(line); until != (want == m.booted.Until) {
			t.Errorf("%q is taken for success: %t", line, until)
		}
		if fail := m.booted.Fail.MatchString(line); fail != (want == m.booted.Fail) {
			t.Errorf("%q is taken for failure: %t", line, fail)
		}
	}
}

func TestResolveTellsWhatASmokeBootNeeds(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	images := http.NewServeMux()
	for _, arch := range []string{"x86_64", "aarch64"} {
		images.HandleFunc("/"+arch+".iso", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(isotest.Base("F44", arch)) })
	}
	server := httptest.NewServer(images)
	t.Cleanup(server.Close)
	for name, tc := range map[string]struct {
		kind compose.Kind
		arch string
		args []string
		says string // "" means no warning
		tool bool
	}{
		"without a serial console": {kind: compose.KindRemaster, arch: "x86_64", tool: true},
		"with one":                 {kind: compose.KindRemaster, arch: "x86_64", args: []string{"console=ttyS0,115200n8"}, tool: true},
		"of another arch":          {kind: compose.KindRemaster, arch: "aarch64", args: []string{"console=ttyS0"}, says: "this one is for aarch64"},
		"repo":                     {kind: compose.KindRepo, arch: "x86_64", says: "A repo does not use options.smoke_boot."},
		"repo-iso":                 {kind: compose.KindRepoISO, arch: "x86_64", says: "A repo-iso does not use options.smoke_boot."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := compose.Request{Kind: tc.kind, Release: "44", Arch: tc.arch, Options: compose.Options{SmokeBoot: true}, BootArgs: tc.args}
			if tc.kind == compose.KindRemaster {
				req.Base = &compose.Base{URL: server.URL + "/" + tc.arch + ".iso"}
				req.Kickstart = &compose.Kickstart{Text: "text\n"}
			} else {
				req.Sources = []string{f.Update}
			}
			p, err := resolver(t, f).Resolve(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range p.Warnings {
				if w.Field == "options.smoke_boot" {
					got = append(got, w.Sentence)
				}
			}
			if (len(got) == 1) != (tc.says != "") || len(got) > 1 || !strings.Contains(strings.Join(got, ""), tc.says) {
				t.Errorf("warnings %q", got)
			}
			if has := slices.ContainsFunc(p.Tools, func(tool compose.Tool) bool { return tool.Name == smoke.Tool && tool.Package != "" }); has != tc.tool {
				t.Errorf("tools %+v", p.Tools)
			}
		})
	}
}
