package lint_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/kickstart/lint"
)

// shelf is a universe of a few names.
type shelf struct {
	packages, groups, environments, units []string
	forecast                              lint.Forecast
	err                                   error
}

func has(list []string, name string) (bool, string) {
	near := ""
	for _, have := range list {
		if ok, err := path.Match(name, have); have == name || ok && err == nil {
			return true, ""
		}
		if have[:1] == name[:1] {
			near = have
		}
	}
	return false, near
}

func (s *shelf) HasPackage(name string) (bool, string)     { return has(s.packages, name) }
func (s *shelf) HasGroup(name string) (bool, string)       { return has(s.groups, name) }
func (s *shelf) HasEnvironment(name string) (bool, string) { return has(s.environments, name) }

func (s *shelf) UnitOwners(_ context.Context, name string) (owners []string, known bool, err error) {
	if slices.Contains(s.units, name) {
		owners = []string{strings.TrimSuffix(name, ".service") + "-pkg"}
	}
	return owners, s.units != nil, s.err
}

func (s *shelf) Forecast(context.Context, kickstart.Packages) (lint.Forecast, error) {
	return s.forecast, s.err
}

// good is a live kickstart without a finding.
const good = `# Maintained by: Ann <ann@example.org>
%include fedora-live-base.ks
url --mirrorlist=https://h/
repo --name=fedora --mirrorlist=https://h/
network --device=link --activate
selinux --enforcing
services --enabled=sshd
rootpw --lock
shutdown
part / --size=8192
%packages
@core
kernel
dracut-live
%end
`

// run lints a kickstart and gives the findings as text.
func run(t *testing.T, src string, opts lint.Options) []string {
	t.Helper()
	return findings(t, src, opts).texts()
}

type result struct{ lint.Report }

func (r result) texts() []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, f.String())
	}
	return out
}

func findings(t *testing.T, src string, opts lint.Options) result {
	t.Helper()
	tree := fstest.MapFS{"fedora-live-base.ks": {Data: []byte("part / --size=5120\n%packages\n%end\n")}, "bad.ks": {Data: []byte("lang en\nlangg en\n")}}
	doc, _, err := kickstart.Check("spin.ks", []byte(src), kickstart.Options{Includes: kickstart.FSIncluder(tree), IgnoreMissing: true})
	if err != nil {
		t.Fatal(err)
	}
	opts.Version = kickstart.F44
	report, err := lint.Run(t.Context(), doc, opts)
	if err != nil {
		t.Fatal(err)
	}
	return result{report}
}

func TestAGoodKickstartHasNoFindings(t *testing.T) {
	t.Parallel()
	r := findings(t, good, lint.Options{})
	if len(r.Findings) > 0 || r.Target != lint.TargetLive || r.Worst() != 0 {
		t.Errorf("target %s, findings %v", r.Target, r.texts())
	}
	want := []string{"unknown-package", "unknown-group", "unknown-service", "dependencies", "image-size", "root-too-small"}
	if diff := cmp.Diff(want, r.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	u := &shelf{packages: []string{"kernel", "dracut-live"}, groups: []string{"core"}, units: []string{"sshd.service"}, forecast: lint.Forecast{Installed: 1 << 30, Packages: []string{"sshd-pkg"}}}
	if r := findings(t, good, lint.Options{Universe: u}); len(r.Findings) > 0 || r.Skipped != nil || r.ImageBytes != 1<<30*4/10 {
		t.Errorf("skipped %v, image %d, findings %v", r.Skipped, r.ImageBytes, r.texts())
	}
}

// TestEveryRule breaks the good kickstart in one way each.
func TestEveryRule(t *testing.T) {
	t.Parallel()
	change := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the kickstart", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	tests := []struct{ name, src, want string }{
		{"invalid", good + "langg en\n", `spin.ks:16: error: Unknown command: langg; did you mean lang? [validates]`},
		{"deprecated", good + "nvdimm use\n", `spin.ks:16: warning: The nvdimm command has been deprecated and no longer has any effect; remove it [validates]`},
		{"invalid include", change("shutdown", "shutdown\n%include bad.ks"), `bad.ks:2: error: Unknown command: langg; did you mean lang? [validates]`},
		{"missing include", change("shutdown", "shutdown\n%include gone.ks"), `spin.ks:10: error: the included file "gone.ks" is not there; put it beside the kickstart, or remove the line [flattens]`},
		{"missing include in a section", change("@core", "%include gone.ks\n@core"), `spin.ks:12: error: the included file "gone.ks" is not there; put it beside the kickstart, or remove the line [flattens]`},
		{"no base", change("%include fedora-live-base.ks\n", ""), `spin.ks: warning: the kickstart builds on no standard base; begin with %include fedora-live-base.ks [standard-base]`},
		{"no maintainer", change("# Maintained by: Ann <ann@example.org>", "# A spin."), `spin.ks: note: no comment names the maintainers; write # Maintained by: name <address> [maintainer]`},
		{"no dracut-live", change("dracut-live", "livesys-scripts"), `spin.ks: error: dracut-live package is missing from the kickstart; add dracut-live to %packages, by its own name [livemedia]`},
		{"no network", change("network --device=link --activate\n", ""), `spin.ks:3: error: The kickstart must activate networking if the url or nfs install method is used; add network --bootproto=dhcp --device=link --activate [livemedia]`},
		{"display mode", change("shutdown", "shutdown\ntext"), `spin.ks:10: error: The kickstart must not set a display mode (text, cmdline, graphical), this will interfere with livemedia-creator; remove it [livemedia]`},
		{"repo called updates", change("--name=fedora", "--name=updates"), `spin.ks:4: warning: A repo must not be called "updates": anaconda keeps the name for itself; call it fedora-updates [livemedia]`},
		{"odd size", change("part / --size=8192", "part / --size=5000"), `spin.ks:10: warning: the root partition has 5000 MiB, not 4096 or 8192; say why in a comment at the line [partition-size]`},
		{"odd size with a reason", change("part / --size=8192", "part / --size=5000 # KDE is large"), `spin.ks:10: note: the root partition has 5000 MiB, not 4096 or 8192; say why in a comment at the line [partition-size]`},
		{"ignore missing", change("%packages", "%packages --ignoremissing"), `spin.ks:11: error: %packages --ignoremissing hides packages that do not exist; remove --ignoremissing and the packages that are gone [ignore-missing]`},
		{"no chroot", good + "%post --nochroot\ntrue\n%end\n", `spin.ks:16: error: %post --nochroot runs on the host that builds; do it in the image, without --nochroot [post-nochroot]`},
		{"extra repo", change("network", "repo --name=side --baseurl=http://h/\nnetwork"), `spin.ks:5: warning: the repo "side" is not the release's own; remove it before the spin is published [extra-repo]`},
		{"root's password", change("rootpw --lock", "rootpw secret"), `spin.ks:8: error: the password of root stands in clear; use --iscrypted with what mkpasswd or openssl passwd -6 prints, or --lock [clear-password]`},
		{"a hash that is none", change("rootpw --lock", "rootpw --iscrypted secret"), `spin.ks:8: error: the password of root is said to be a hash but is none; give what mkpasswd or openssl passwd -6 prints, or --lock [clear-password]`},
		{"an old hash", change("rootpw --lock", "rootpw --iscrypted $1$a$b"), `spin.ks:8: warning: the password of root is hashed with MD5; hash it anew: mkpasswd -m yescrypt, or openssl passwd -6 [clear-password]`},
		{"a user's password", good + "user --name=ann --password=secret\n", `spin.ks:16: error: the password of the user "ann" stands in clear; use --iscrypted with what mkpasswd or openssl passwd -6 prints, or --lock [clear-password]`},
		{"a disk's password", change("part / --size=8192", "part / --size=8192 --encrypted --passphrase=x"), `spin.ks:10: error: part --passphrase stands in clear; let a %pre script write the line on the machine, and include it [clear-password]`},
		{"an address's password", change("network", "repo --name=rawhide --baseurl=http://u:p@h/\nnetwork"), `spin.ks:5: error: the address of repo --baseurl holds a password; use an address without one [clear-password]`},
		{"the boot loader's password", good + "bootloader --password=x\n", `spin.ks:16: error: the password of the boot loader stands in clear; use --iscrypted with what grub2-mkpasswd-pbkdf2 prints [clear-password]`},
		{"ssh password", good + "sshpw --username=root x\n", `spin.ks:16: error: the password for ssh into the installer stands in clear; use --sshkey, or --iscrypted with a hash [clear-password]`},
		{"no kernel", change("kernel\n", ""), `spin.ks: error: no kernel is asked for; add kernel to %packages [kernel]`},
		{"kernel excluded", change("kernel\n", "kernel\n-kernel\n"), `spin.ks:14: error: the kernel is excluded; remove the line [kernel]`},
		{"SELinux off", change("--enforcing", "--disabled"), `spin.ks:6: warning: SELinux is disabled; write selinux --enforcing [selinux]`},
		{"SELinux not said", change("selinux --enforcing\n", ""), `spin.ks: note: nothing is said about SELinux, so it is enforcing; write selinux --enforcing [selinux]`},
		{"on and off", change("services --enabled=sshd", "services --enabled=sshd.service,a --disabled=sshd"), `spin.ks:7: warning: the service "sshd.service" is enabled and disabled; say one of both [services]`},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := run(t, tt.src, lint.Options{})
			if !cmp.Equal([]string{tt.want}, got) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), tt.want)
			}
		})
		seen[tt.want[strings.LastIndex(tt.want, "[")+1:len(tt.want)-1]] = true
	}
	for _, r := range lint.Rules() {
		if !r.NeedsUniverse && !seen[r.ID] {
			t.Errorf("no test breaks the rule %s", r.ID)
		}
	}
}

func TestRulesThatAskTheRepositories(t *testing.T) {
	t.Parallel()
	u := &shelf{
		packages: []string{"kernel", "dracut-live", "vim-enhanced"}, groups: []string{"core", "games"}, environments: []string{"xfce-desktop-environment"},
		units: []string{"sshd.service", "cups.service"}, forecast: lint.Forecast{
			Installed: 12 << 30, Packages: []string{"sshd-pkg"},
			Missing: []lint.Missing{{"libx.so", "vim-enhanced", ""}, {"nano", "vim-enhanced", "nano"}},
		},
	}
	src := strings.Replace(good, "@core\nkernel", "@core\n@gaming\n-@ham\n@^kde\nkernel\nvim-enhancd\nfoo*\n-nano\nemacs\n-emacs", 1)
	src = strings.Replace(src, "--enabled=sshd", "--enabled=sshd,chronyd,cups", 1)
	want := []string{
		`spin.ks: error: nothing provides libx.so needed by vim-enhanced; add a repository that has it, or leave the package out [dependencies]`,
		`spin.ks: warning: about 4.8 GiB are expected of the image (12.0 GiB installed), more than a DVD holds (4.3 GiB); leave packages out; respin kickstart show lists what is asked for [image-size]`,
		`spin.ks:7: warning: no package brings the unit "chronyd.service"; check its name, or add the package to the repositories [unknown-service]`,
		`spin.ks:7: warning: the unit "cups.service" comes with cups-pkg, which is not expected to be installed; add it to %packages [unknown-service]`,
		`spin.ks:10: error: the root partition has 8192 MiB, and the packages are expected to need about 14387; write --size=15360, or leave packages out [root-too-small]`,
		`spin.ks:13: error: there is no group "gaming"; did you mean games? [unknown-group]`,
		`spin.ks:14: note: there is no group to exclude "ham"; remove the line, or use an id of comps [unknown-group]`,
		`spin.ks:15: error: there is no environment "kde"; remove the line, or use an id of comps [unknown-group]`,
		`spin.ks:17: error: there is no package "vim-enhancd"; did you mean vim-enhanced? [unknown-package]`,
		`spin.ks:18: error: no package matches "foo*"; remove the line, or find out what replaced it [unknown-package]`,
		`spin.ks:19: error: nano is excluded, but vim-enhanced requires nano; remove the exclusion, or leave out what needs it [dependencies]`,
		`spin.ks:19: note: there is no package "nano" to exclude; remove the line [unknown-package]`,
		`spin.ks:21: note: there is no package "emacs" to exclude; remove the line [unknown-package]`,
	}
	if diff := cmp.Diff(want, run(t, src, lint.Options{Universe: u})); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	// What is allowed to be missing is only a warning; an own limit is an error.
	src = strings.Replace(src, "%packages", "%packages --ignoremissing", 1)
	r := findings(t, src, lint.Options{Universe: u, MaxImage: 1 << 30, ImageRatio: 0.25, Disable: []string{"ignore-missing", "dependencies", "root-too-small"}})
	got := r.texts()
	if r.ImageBytes != 3<<30 || !strings.Contains(got[0], "error: about 3.0 GiB are expected of the image (12.0 GiB installed), more than the limit of 1.0 GiB") ||
		strings.Contains(strings.Join(got, "\n"), "error: there is no") {
		t.Errorf("image %d, got\n%s", r.ImageBytes, strings.Join(got, "\n"))
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		src  string
		want lint.Target
	}{
		{good, lint.TargetLive},
		{"%include fedora-live-kde.ks\n", lint.TargetLive},
		{"part / --size=1\nbootloader --location=none\n", lint.TargetLive},
		{"url --url=http://h\npart / --size=1\nshutdown\n", lint.TargetDisk},
		{"url --url=http://h\nautopart\nshutdown\n", lint.TargetInstall},
		{"lang en\n", lint.TargetInstall},
	} {
		if got := findings(t, tt.src, lint.Options{}).Target; got != tt.want {
			t.Errorf("%q: %s, want %s", tt.src, got, tt.want)
		}
	}
	// An installation is not reviewed as a spin.
	got := run(t, "lang en\nrepo --name=side --baseurl=http://h\ntext\nautopart\n%include /tmp/made-by-pre\n", lint.Options{})
	if len(got) > 0 {
		t.Errorf("got %v", got)
	}
	// The same, as a disk image.
	got = run(t, "url --url=http://h\nnetwork\nautopart\nselinux --enforcing\n", lint.Options{Target: lint.TargetDisk, Virt: true})
	want := []string{
		`spin.ks: error: The kickstart must include shutdown when using virt installation; add shutdown as the last word on how to end [livemedia]`,
		`spin.ks: warning: no kernel is asked for; add kernel to %packages [kernel]`,
		`spin.ks:3: error: No partitions in the kickstart. Unable to calculate required disk size; write part / --size=8192; autopart does not do [livemedia]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestErrorsOfTheUniverseAndTheContext(t *testing.T) {
	t.Parallel()
	doc, err := kickstart.Parse("spin.ks", []byte(good), kickstart.Options{})
	if err != nil {
		t.Fatal(err)
	}
	offline := errors.New("offline")
	if _, err := lint.Run(t.Context(), doc, lint.Options{Universe: &shelf{err: offline}}); !errors.Is(err, offline) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lint.Run(ctx, doc, lint.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestRealKickstarts: no rule panics or loses its place, and Fedora's own live
// images are found fit for livemedia-creator.
func TestRealKickstarts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shareddata.Dir(t, "kickstart"), "ks", "fedora-f43")
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	spins, err := filepath.Glob(filepath.Join(dir, "fedora-live-*.ks"))
	if err != nil || len(spins) < 20 {
		t.Fatalf("%d spins, %v", len(spins), err)
	}
	for _, spin := range spins {
		src, err := os.ReadFile(spin)
		if err != nil {
			t.Fatal(err)
		}
		doc, _, err := kickstart.Check(filepath.Base(spin), src, kickstart.Options{Version: kickstart.F44, Includes: kickstart.FSIncluder(root.FS())})
		if err != nil {
			t.Fatal(err)
		}
		report, err := lint.Run(t.Context(), doc, lint.Options{Target: lint.TargetLive})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Findings {
			if strings.Contains(f.Message, "\n") || f.Pos.File == "" || f.Severity == 0 || f.Remedy == "" {
				t.Errorf("%s: odd finding %+v", spin, f)
			}
			isSpin := doc.HasCommand("url") && !strings.Contains(spin, "minimization") && !strings.Contains(spin, "common")
			if isSpin && (f.Rule == "livemedia" && f.Severity == lint.Error || f.Rule == "validates") {
				t.Errorf("%s: %v", filepath.Base(spin), f)
			}
		}
	}
}

// TestWhatBuildMakesPasses: kickstarts that we make are fit by our own rules.
func TestWhatBuildMakesPasses(t *testing.T) {
	t.Parallel()
	for _, profile := range []kickstart.Profile{kickstart.ProfileLive, kickstart.ProfileDisk, kickstart.ProfileInstaller} {
		doc, err := kickstart.Build(kickstart.Spec{
			Profile: profile, Version: kickstart.F44, Title: "Maintained by: Ann <ann@example.org>", Source: kickstart.URL{Metalink: "https://h/"},
			Users: []kickstart.User{{Name: "ann"}}, Services: kickstart.Services{Enabled: []string{"sshd"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		target := map[kickstart.Profile]lint.Target{kickstart.ProfileLive: lint.TargetLive, kickstart.ProfileDisk: lint.TargetDisk, kickstart.ProfileInstaller: lint.TargetInstall}[profile]
		if got := lint.Detect(doc); got != target {
			t.Errorf("%s is taken for %s", profile, got)
		}
		report, err := lint.Run(t.Context(), doc, lint.Options{Target: target})
		if err != nil || len(report.Findings) > 0 {
			t.Errorf("%s: %v, %v", profile, err, report.Findings)
		}
	}
}

func ExampleRun() {
	src := "url --url=https://h/\nrootpw secret\npart / --size=8192\nshutdown\n%packages --ignoremissing\nkernel\ndracut-live\n%end\n"
	doc, _, err := kickstart.Check("spin.ks", []byte(src), kickstart.Options{Version: kickstart.F44})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := lint.Run(context.Background(), doc, lint.Options{Disable: []string{"maintainer", "standard-base", "selinux"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range report.Findings {
		fmt.Println(f)
	}
	fmt.Println("not looked at without repositories:", len(report.Skipped), "rules")
	// Output:
	// spin.ks:1: error: The kickstart must activate networking if the url or nfs install method is used; add network --bootproto=dhcp --device=link --activate [livemedia]
	// spin.ks:2: error: the password of root stands in clear; use --iscrypted with what mkpasswd or openssl passwd -6 prints, or --lock [clear-password]
	// spin.ks:5: error: %packages --ignoremissing hides packages that do not exist; remove --ignoremissing and the packages that are gone [ignore-missing]
	// not looked at without repositories: 6 rules
}
