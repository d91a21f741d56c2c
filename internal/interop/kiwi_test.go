//go:build interop

package interop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/kiwi"
	"github.com/fedora-respin/respin/compose/kiwidesc"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
)

// kiwiVersions are the real ones, as internal/setup brings them, each with the
// parser of arguments that it has.
func kiwiVersions() map[string]string {
	return map[string]string{"10.3.11": "RESPIN_KIWI10", "11.1.6": "RESPIN_KIWI11"}
}

// realKiwi finds a real kiwi, which wants root and programs of the host.
func realKiwi(t *testing.T, version string) string {
	t.Helper()
	path := os.Getenv(kiwiVersions()[version])
	if _, err := os.Stat(path); err != nil {
		shareddata.Missing(t, "kiwi "+version+" ($"+kiwiVersions()[version]+")")
	}
	for _, tool := range []string{"rsync", "dnf", "rpm"} {
		repoTool(t, tool)
	}
	if os.Geteuid() != 0 {
		shareddata.Missing(t, "root, which kiwi wants")
	}
	return path
}

// kiwiTools is a PATH with kiwi-ng at its beginning.
func kiwiTools(t *testing.T, path string) *proc.Runner {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(path, filepath.Join(dir, "kiwi-ng")); err != nil {
		t.Fatal(err)
	}
	return &proc.Runner{Env: []string{"PATH=" + dir + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root"}} // Debian's rpm has its database in $HOME
}

// kiwiDescription is a small description for dnf 4, which this host has. All that
// is installed is installed from outside of the root: nothing in it could run dnf.
func kiwiDescription(repository string) map[string]string {
	return map[string]string{
		"Test.kiwi": `<?xml version="1.0" encoding="utf-8"?>
<image schemaversion="7.5" name="Test">
	<description type="system"><author>A</author><contact>a@example.org</contact><specification>test</specification></description>
	<profiles>
		<profile name="Base" description="b"/>
		<profile name="Tar" description="t"><requires profile="Base"/></profile>
		<profile name="Live" description="l"><requires profile="Base"/></profile>
		<profile name="Arm" description="a" arch="aarch64"/>
		<profile name="Both" description="c"><requires profile="Tar"/><requires profile="Live"/></profile>
		<profile name="Broken" description="d"><requires profile="Gone"/></profile>
		<profile name="Twice" description="e"><requires profile="Live"/></profile>
	</profiles>
	<preferences><version>44</version><packagemanager>dnf4</packagemanager><release-version>44</release-version></preferences>
	<preferences profiles="Tar"><type image="tbz"/></preferences>
	<preferences profiles="Live" arch="x86_64"><type image="iso" flags="dmsquash" firmware="uefi" kernelcmdline="quiet"><bootloader name="grub2"/></type></preferences>
	<preferences profiles="Live" arch="aarch64"><type image="iso" flags="dmsquash" firmware="uefi" primary="true"><bootloader name="grub2"/></type></preferences>
	<preferences profiles="Twice"><type image="iso" flags="dmsquash" firmware="uefi"><bootloader name="grub2"/></type></preferences>
	<include from="this://./repositories/core.xml"/>
	<packages type="bootstrap"><package name="filesystem"/><package name="hello"/></packages>
</image>
`,
		"repositories/core.xml": `<image><repository type="rpm-md" alias="release"><source path="` + repository + `"/></repository></image>` + "\n",
	}
}

func putDescription(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(files[name]), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// kiwiRepos makes the release's repository, whose filesystem has the programs
// that kiwi runs in the root, and one with another hello. more packages go into
// the first.
func kiwiRepos(t *testing.T, more ...[]byte) (release, side string) {
	t.Helper()
	busybox, err := os.ReadFile(repoTool(t, "busybox"))
	if err != nil {
		t.Fatal(err)
	}
	base := []rpmtest.File{{Path: "/usr/bin/busybox", Mode: 0o755, Data: busybox}, {Path: "/bin", Linkto: "usr/bin"}, {Path: "/usr/lib/os-release", Data: []byte("ID=fedora\nPRETTY_NAME=\"Test\"\n")}}
	for _, applet := range []string{"ln", "sh", "rm", "mkdir", "cat", "chmod", "chown", "find", "cp", "mv"} {
		base = append(base, rpmtest.File{Path: "/usr/bin/" + applet, Linkto: "busybox"})
	}
	pkg := func(name, version string, files ...rpmtest.File) (string, []byte) {
		return name + "-" + version + "-1.fc44.noarch", rpmtest.Build(rpmtest.Spec{Name: name, Version: version, Release: "1.fc44", Arch: "noarch", Files: files})
	}
	write := func(rpms ...[]byte) string {
		dir, in := t.TempDir(), t.TempDir()
		var items []siderepo.Item
		for i, data := range rpms {
			path := filepath.Join(in, fmt.Sprint(i))
			put(t, path, data)
			items = append(items, siderepo.Item{Path: path, Name: fmt.Sprintf("p%d-1-1.noarch.rpm", i)})
		}
		if _, err := siderepo.Write(t.Context(), dir, items, siderepo.Options{ID: "c1", BaseURL: "https://example.org/", Time: time.Unix(1793000000, 0), Compression: repo.Gzip}); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	_, fs := pkg("filesystem", "3", base...)
	_, newer := pkg("hello", "11", rpmtest.File{Path: "/usr/share/hello", Data: []byte("11")})
	_, older := pkg("hello", "10", rpmtest.File{Path: "/usr/share/hello", Data: []byte("10")})
	return write(append(more, fs, newer)...), write(older)
}

// A description goes through the back end and the real kiwi: a side repo with an
// older version wins by its priority, and the image is what the Plan says.
func TestRealKiwiMakesATarOfTheSideRepo(t *testing.T) {
	t.Parallel()
	for version := range kiwiVersions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			runner := kiwiTools(t, realKiwi(t, version))
			release, side := kiwiRepos(t)
			src := t.TempDir()
			putDescription(t, src, kiwiDescription("dir://"+release))
			var archive bytes.Buffer
			if err := kiwidesc.Pack(&archive, src); err != nil {
				t.Fatal(err)
			}
			p, j := kiwiPlan(t, archive.Bytes(), runner, compose.KindTar, "Tar")
			j.SideRepo = side
			_, proof := kiwiMakes(t, p, j)
			if j.Tools[0].Version != version {
				t.Errorf("probed %+v", j.Tools)
			}
			if e := proof.Packages[0]; e.Verdict != compose.VerdictIncluded || e.Shipped != "10-1.fc44" {
				t.Errorf("the release's newer hello won: %+v", proof.Packages)
			}
			listing := runTool(t, repoTool(t, "tar"), "-tf", filepath.Join(j.OutDir, p.Image))
			if !strings.Contains(listing, "usr/share/hello") {
				t.Errorf("the archive holds %s", listing)
			}
			mounts, err := os.ReadFile("/proc/self/mounts")
			if err != nil || strings.Contains(string(mounts), j.OutDir) {
				t.Errorf("something is mounted: %v", err)
			}
		})
	}
}

// kiwiPlan is a Plan for a profile of the description, and a job for it.
func kiwiPlan(t *testing.T, archive []byte, runner *proc.Runner, kind compose.Kind, profile string) (*compose.Plan, *compose.BackendJob) {
	t.Helper()
	a, err := kiwidesc.Open(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	desc, err := a.Description("")
	if err != nil {
		t.Fatal(err)
	}
	selected, err := desc.Select([]string{profile}, compose.DefaultKiwiType(kind), compose.HostArch())
	if err != nil {
		t.Fatal(err)
	}
	p := &compose.Plan{
		Request: compose.Request{Kind: kind, Release: "44", Arch: compose.HostArch(), Options: compose.Options{Kiwi: &compose.Kiwi{Description: "upload:00000000"}}},
		RPMs:    []compose.PlanRPM{{NEVRA: "hello-10-1.fc44.noarch", Name: "hello", Arch: "noarch"}},
		VolID:   "Test", Image: "test.iso", Epoch: 1793000000, Description: &compose.PlanDescription{Size: int64(len(archive)), Selection: *selected},
	}
	dir := t.TempDir()
	j := &compose.BackendJob{
		OutDir: dir + "/out", LogDir: dir + "/logs", CacheDir: dir + "/cache", Temp: dir + "/tmp", Description: dir + "/d.tar.gz",
		Runner: runner, Log: &syncBuffer{}, Progress: func(string, int, string) {},
	}
	for _, d := range []string{j.OutDir, j.LogDir, j.CacheDir, j.Temp} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, j.Description, archive)
	return p, j
}

// A build that is canceled while the real kiwi has things mounted in its root
// leaves neither mounts nor processes.
func TestCanceledRealKiwiLeavesNothing(t *testing.T) {
	t.Parallel()
	runner := kiwiTools(t, realKiwi(t, "11.1.6"))
	release, side := kiwiRepos(t)
	src := t.TempDir()
	putDescription(t, src, kiwiDescription("dir://"+release))
	var archive bytes.Buffer
	if err := kiwidesc.Pack(&archive, src); err != nil {
		t.Fatal(err)
	}
	p, j := kiwiPlan(t, archive.Bytes(), runner, compose.KindTar, "Tar")
	j.SideRepo = side
	b := &kiwi.Backend{}
	if err := b.Describe(p); err != nil {
		t.Fatal(err)
	}
	var err error
	if j.Tools, err = b.Probe(t.Context(), runner); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	j.Progress = func(stage string, _ int, _ string) {
		if stage == "bootstrap" {
			cancel(compose.ErrCanceled)
		}
	}
	_, err = b.Build(ctx, p, j)
	if failed := compose.Diagnose(ctx, compose.StageCompose, err); err == nil || failed.Failure.Code != compose.CodeCanceled {
		t.Fatalf("got %v", err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || strings.Contains(string(mounts), j.OutDir) {
		t.Errorf("something is mounted: %v", err)
	}
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range procs {
		if args, err := os.ReadFile(path); err == nil && bytes.Contains(args, []byte(j.OutDir)) {
			t.Errorf("%s is left: %q", path, args)
		}
	}
}

// syncBuffer is a log that two streams write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// kiwiCase is one command line; DIR, OUT and REPO stand for directories.
type kiwiCase struct {
	global, own []string
	existing    bool // the root is there already
}

// kiwiCases are good and bad command lines, by what is tried.
func kiwiCases() map[string]kiwiCase {
	global := func(args ...string) []string { return append([]string{"--type=tbz", "--profile=Tar"}, args...) }
	own := func(args ...string) []string {
		return append([]string{"--description=DIR", "--target-dir=OUT"}, args...)
	}
	return map[string]kiwiCase{
		"all is well":                 {global: global("--kiwi-file=Test.kiwi", "--target-arch=x86_64", "--debug"), own: own("--add-repo=file://REPO,rpm-md,respin,1,false,false,,,,false,baseurl", "--set-type-attr=volid=X", "--set-release-version=44")},
		"values as next argument":     {global: []string{"--type", "tbz", "--profile", "Tar"}, own: []string{"--description", "DIR", "--target-dir", "OUT"}},
		"default file":                {global: global(), own: own()},
		"unknown global option":       {global: global("--bogus"), own: own()},
		"unknown option":              {global: global(), own: own("--bogus")},
		"global option behind":        {global: []string{"--profile=Tar"}, own: own("--type=tbz")},
		"option of build in front":    {global: global("--add-package=x"), own: own()},
		"type twice":                  {global: global("--type=tbz"), own: own()},
		"description twice":           {global: global(), own: own("--description=DIR")},
		"abbreviated global option":   {global: global("--prof=Base"), own: own()},
		"abbreviated option":          {global: global(), own: []string{"--descr=DIR", "--target-dir=OUT"}},
		"value for a flag":            {global: global("--debug=yes"), own: own()},
		"no number":                   {global: global("--loglevel=abc"), own: own()},
		"value missing":               {global: global(), own: own("--add-repo")},
		"extra argument":              {global: global(), own: own("extra")},
		"no description":              {global: global(), own: []string{"--target-dir=OUT"}},
		"no target":                   {global: global(), own: []string{"--description=DIR"}},
		"description that is not":     {global: global(), own: []string{"--description=DIR/none", "--target-dir=OUT"}},
		"file that is not":            {global: global("--kiwi-file=none.kiwi"), own: own()},
		"log where nothing is":        {global: global("--logfile=OUT/none/x.log"), own: own()},
		"configuration that is not":   {global: global("--config=OUT/none.yml"), own: own()},
		"temp that is not":            {global: global("--temp-dir=OUT/none"), own: own()},
		"root that exists":            {global: global(), own: own(), existing: true},
		"root that may exist":         {global: global(), own: own("--allow-existing-root"), existing: true},
		"no scheme":                   {global: global(), own: own("--add-repo=nonsense,rpm-md,x")},
		"unknown scheme":              {global: global(), own: own("--add-repo=ftpx://a/b,rpm-md,x")},
		"empty repository":            {global: global(), own: own("--add-repo=")},
		"escaped path is passed over": {global: global(), own: own("--add-repo=file://REPO%2F,rpm-md,x")},
		"few fields":                  {global: global(), own: own("--add-repo=file://REPO,rpm-md,x,1,false,false")},
		"unknown type of repository":  {global: global(), own: own("--add-repo=file://REPO,bogus,x")},
		"no repositories":             {global: global(), own: own("--ignore-repos")},
		"unknown attribute":           {global: global(), own: own("--set-type-attr=bogus=1")},
		"unknown profile":             {global: []string{"--type=tbz", "--profile=None"}, own: own()},
		"profile of another arch":     {global: []string{"--profile=Arm"}, own: own()},
		"required profile is gone":    {global: []string{"--type=iso", "--profile=Broken"}, own: own()},
		"type of another profile":     {global: []string{"--type=iso", "--profile=Tar"}, own: own()},
		"two profiles":                {global: []string{"--type=tbz", "--profile=Base", "--profile=Tar"}, own: own()},
		"no profile":                  {global: []string{"--type=tbz"}, own: own()},
		"type twice in profiles":      {global: []string{"--type=iso", "--profile=Twice"}, own: own()},
	}
}

// kiwiVerdict is how a kiwi took a command line: whether it came to installing,
// and its exit code where it did not.
type kiwiVerdict struct {
	taken bool
	code  int
}

// ask runs one command line. What comes behind the beginning of the installation
// is not looked at.
func (c *kiwiCase) ask(t *testing.T, runner *proc.Runner, release, side string) (v kiwiVerdict, output string) {
	t.Helper()
	dir := t.TempDir()
	putDescription(t, dir+"/d", kiwiDescription("dir://"+release))
	for _, name := range []string{"/out", "/cache"} {
		if err := os.Mkdir(dir+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if c.existing {
		if err := os.MkdirAll(dir+"/out/build/image-root", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	fill := strings.NewReplacer("DIR", dir+"/d", "OUT", dir+"/out", "REPO", side)
	args := append([]string{"--shared-cache-dir=" + dir + "/cache"}, c.global...)
	args = append(append(args, "system", "build"), c.own...)
	for i := range args {
		args[i] = fill.Replace(args[i])
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	log := &syncBuffer{}
	err := runner.Run(ctx, proc.Cmd{Name: "kiwi-ng", Args: args, Log: log, Dir: dir, PrivateMounts: true, OnLine: func(_ proc.Stream, line string) {
		if strings.Contains(line, "| Installing bootstrap packages") {
			cancel() // it has taken everything; the rest costs time
		}
	}})
	if strings.Contains(log.String(), "| Installing bootstrap packages") {
		return kiwiVerdict{taken: true}, log.String()
	}
	var failed *proc.Error
	switch {
	case err == nil:
	case errors.As(err, &failed):
		v.code = failed.ExitCode
	default:
		t.Fatal(err)
	}
	return v, log.String()
}

// The stand-in takes and refuses the same command lines as the real one, with the
// same exit codes.
func TestStandInKiwiJudgesAsTheRealOne(t *testing.T) {
	t.Parallel()
	built := t.TempDir()
	if err := composetest.Install(t.Context(), built, composetest.Settings{}); err != nil {
		t.Fatal(err)
	}
	for version := range kiwiVersions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			real := kiwiTools(t, realKiwi(t, version))
			dir := t.TempDir()
			if err := composetest.Link(dir, filepath.Join(built, "standin"), composetest.Settings{Kiwi: version}); err != nil {
				t.Fatal(err)
			}
			standIn := &proc.Runner{Env: []string{"PATH=" + dir + ":/usr/bin:/bin"}}
			release, side := kiwiRepos(t)
			cases := kiwiCases()
			if len(cases) < 35 {
				t.Fatalf("only %d command lines", len(cases))
			}
			taken := 0
			for _, name := range slices.Sorted(maps.Keys(cases)) {
				c := cases[name]
				want, real := c.ask(t, real, release, side)
				got, ours := c.ask(t, standIn, release, side)
				if got != want {
					t.Errorf("%s: the stand-in says %+v, the real one %+v\n%s\n--\n%s", name, got, want, ours, real)
				}
				if want.taken {
					taken++
				}
			}
			if taken < 5 || taken > len(cases)-10 {
				t.Errorf("%d of %d command lines were taken", taken, len(cases))
			}
		})
	}
}

// What is chosen of a description when a request is resolved is what kiwi would
// choose: profile by profile, type by type, for two architectures.
func TestSelectionIsThatOfTheRealKiwi(t *testing.T) {
	t.Parallel()
	path := realKiwi(t, "11.1.6")
	runner := kiwiTools(t, path)
	dir := t.TempDir()
	putDescription(t, dir, kiwiDescription("dir:///none"))
	var archive bytes.Buffer
	if err := kiwidesc.Pack(&archive, dir); err != nil {
		t.Fatal(err)
	}
	a, err := kiwidesc.Open(&archive)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := a.Description("Test.kiwi")
	if err != nil {
		t.Fatal(err)
	}
	both := 0
	for _, profile := range []string{"", "Base", "Tar", "Live", "Arm", "Both", "Broken", "Twice", "None"} {
		for _, arch := range []string{"x86_64", "aarch64"} {
			for _, image := range []string{"", "iso", "tbz"} {
				var profiles []string
				args := []string{"--target-arch=" + arch}
				if profile != "" {
					profiles, args = []string{profile}, append(args, "--profile="+profile)
				}
				if image != "" {
					args = append(args, "--type="+image)
				}
				selected, err := desc.Select(profiles, image, arch)
				log := &syncBuffer{}
				real := runner.Run(t.Context(), proc.Cmd{Name: "kiwi-ng", Args: append(args, "image", "info", "--description="+dir), Log: log})
				if profile == "Twice" && err != nil && real == nil {
					continue // a check of system build, which image info does not make
				}
				if (err == nil) != (real == nil) {
					t.Errorf("%q %s %q: we say %v, kiwi %v\n%s", profile, arch, image, err, real, log)
					continue
				}
				if err != nil {
					continue
				}
				both++
				if !strings.Contains(log.String(), "--> Selected build type: "+selected.Type.Image+"\n") ||
					len(selected.Profiles) > 0 && !strings.Contains(log.String(), "--> Selected profiles: "+strings.Join(selected.Profiles, ",")+"\n") {
					t.Errorf("%q %s %q: we choose %+v, kiwi\n%s", profile, arch, image, selected, log)
				}
			}
		}
	}
	if both < 8 {
		t.Errorf("only %d choices were possible", both)
	}
}
