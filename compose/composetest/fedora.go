package composetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// Fedora is a small Fedora 44 on loopback: a Koji hub with its files and a
// Bodhi, both speaking the real wire formats, with real RPMs in them.
type Fedora struct {
	Hub      *kojitest.Hub
	Bodhi    *bodhitest.Server
	HubURL   string
	TopURL   string
	BodhiURL string

	Update      string // an update of three builds: noarch; with subpackages and debuginfo; with epoch and caret
	SmallUpdate string // an update of one noarch build
	Task        int    // a closed scratch task for x86_64 and aarch64
	OpenTask    int    // one that still runs
	FailedTask  int
	SideTag     string // holds one build
	// Key has signed what stands in f44-updates; Koji calls it KeyID.
	Key   *openpgp.Entity
	KeyID string // 8 hexadecimal digits

	koji  *kojitest.Server
	bodhi *http.Server
}

// NVRs of builds with a story. The first three are those of Update.
const (
	BuildNoarch   = "hello-docs-1.0-1.fc44"
	BuildArch     = "greeter-2.3-4.fc44"
	BuildCaret    = "clock-5.0^20261101gitabcdef-2.fc44" // epoch 1
	BuildSide     = "sidekick-1.1-1.fc44"                // in SideTag
	BuildSmall    = "motd-3.0-1.fc44"                    // in SmallUpdate
	BuildDeleted  = "ghost-1.0-1.fc44"
	BuildBuilding = "slow-1.0-1.fc44"
	BuildARMOnly  = "armonly-1.0-1.fc44"
	BuildEmpty    = "hollow-1.0-1.fc44" // complete, with a source RPM only
)

// StartFedora starts one; Close ends it.
func StartFedora(ctx context.Context) (*Fedora, error) {
	f := &Fedora{Hub: kojitest.NewHub(), Bodhi: bodhitest.New(bodhitest.Options{})}
	if err := f.makeKey(); err != nil {
		return nil, fmt.Errorf("make key of the small Fedora: %w", err)
	}
	if err := errors.Join(f.addTags(), f.addBuilds(), f.addTasks(), f.addUpdates()); err != nil {
		return nil, fmt.Errorf("fill the small Fedora: %w", err)
	}
	var err error
	if f.koji, err = f.Hub.Start("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start hub: %w", err)
	}
	f.HubURL, f.TopURL = f.koji.HubURL, f.koji.TopURL
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start bodhi: %w", errors.Join(err, f.koji.Close()))
	}
	f.BodhiURL = "http://" + listener.Addr().String()
	f.bodhi = &http.Server{Handler: f.Bodhi, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = f.bodhi.Serve(listener) }()
	return f, nil
}

// Close ends both servers.
func (f *Fedora) Close() error { return errors.Join(f.koji.Close(), f.bodhi.Close()) }

func (f *Fedora) makeKey() (err error) {
	made := time.Date(2025, 1, 14, 0, 0, 0, 0, time.UTC)
	f.Key, err = openpgp.NewEntity("Fedora 44", "", "fedora-44-primary@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return made },
	})
	if err != nil {
		return err //nolint:wrapcheck // the caller says what was wanted
	}
	f.KeyID = fmt.Sprintf("%08x", f.Key.PrimaryKey.KeyId&0xffffffff)
	return nil
}

// Signed is the package as the hub has it: with a copy that Key has signed.
func (f *Fedora) Signed(r kojitest.RPM) kojitest.RPM {
	r.Signed = map[string][]byte{f.KeyID: rpmtest.Sign(r.Data, f.Key, rpmtest.SignOptions{})}
	return r
}

func (f *Fedora) addTags() error {
	arches := []string{"x86_64", "aarch64", "ppc64le", "s390x"}
	for _, t := range []kojitest.Tag{
		{Name: "f44", Arches: arches},
		{Name: "f44-updates", Arches: arches, Parents: []string{"f44"}},
		{Name: "f44-updates-testing", Arches: arches, Parents: []string{"f44-updates"}},
		{Name: "f44-updates-candidate", Arches: arches, Parents: []string{"f44-updates"}},
		{Name: "f44-build", Arches: arches, Parents: []string{"f44-updates"}},
	} {
		if _, err := f.Hub.AddTag(t); err != nil {
			return err
		}
	}
	var err error
	f.SideTag, err = f.Hub.AddSideTag("f44-build", "packager")
	return err
}

// pkg makes one RPM that holds one file.
func pkg(name string, epoch uint32, version, release, arch string, requires ...string) kojitest.RPM {
	return kojitest.RPM{Data: rpmtest.Build(rpmtest.Spec{
		Name: name, Epoch: epoch, Version: version, Release: release, Arch: arch,
		Summary: "Part of the stand-in Fedora: " + name, License: "MIT", URL: "https://example.org/" + name,
		Requires: rpmtest.Deps(requires...), Compressor: "zstd", BuildTime: 1793000000,
		Files: []rpmtest.File{{Path: "/usr/share/" + name + "/README", Data: []byte(name + " " + version + "-" + release + "\n")}},
		Changelogs: []rpm.Changelog{{
			Time: 1792972800, Author: "Respin Tests <tests@example.org> - " + version + "-" + release, Text: "- Made for tests",
		}},
	})}
}

func source(name string, epoch uint32, version, release string) kojitest.RPM {
	return kojitest.RPM{Data: rpmtest.Source(rpmtest.Spec{
		Name: name, Epoch: epoch, Version: version, Release: release, BuildTime: 1793000000,
		Files: []rpmtest.File{{Path: name + ".spec", Data: []byte("Name: " + name + "\n")}},
	})}
}

func (f *Fedora) addBuilds() error {
	epoch := 1
	greeter := []kojitest.RPM{source("greeter", 0, "2.3", "4.fc44")}
	for _, arch := range []string{"x86_64", "aarch64", "i686"} {
		for _, name := range []string{"greeter", "greeter-libs", "greeter-devel", "greeter-debuginfo", "greeter-debugsource"} {
			requires := []string{}
			if name == "greeter" {
				requires = []string{"greeter-libs = 2.3-4.fc44", "hello-docs"}
			}
			greeter = append(greeter, pkg(name, 0, "2.3", "4.fc44", arch, requires...))
		}
	}
	caret := "5.0^20261101gitabcdef"
	for _, b := range []kojitest.Build{
		{NVR: BuildNoarch, Tags: []string{"f44-updates-testing"}, RPMs: []kojitest.RPM{source("hello-docs", 0, "1.0", "1.fc44"), pkg("hello-docs", 0, "1.0", "1.fc44", "noarch")}},
		{NVR: BuildArch, Tags: []string{"f44-updates-testing"}, RPMs: greeter},
		{NVR: BuildCaret, Epoch: &epoch, Tags: []string{"f44-updates-testing"}, RPMs: []kojitest.RPM{
			source("clock", 1, caret, "2.fc44"), pkg("clock", 1, caret, "2.fc44", "x86_64"), pkg("clock", 1, caret, "2.fc44", "aarch64"),
		}},
		{NVR: BuildSide, Tags: []string{f.SideTag}, RPMs: []kojitest.RPM{pkg("sidekick", 0, "1.1", "1.fc44", "noarch")}},
		{NVR: BuildSmall, Tags: []string{"f44-updates"}, RPMs: []kojitest.RPM{f.Signed(pkg("motd", 0, "3.0", "1.fc44", "noarch"))}},
		{NVR: BuildBuilding, Building: true},
		{NVR: BuildARMOnly, RPMs: []kojitest.RPM{pkg("armonly", 0, "1.0", "1.fc44", "aarch64")}},
		{NVR: BuildEmpty, RPMs: []kojitest.RPM{source("hollow", 0, "1.0", "1.fc44")}},
		{NVR: BuildDeleted, RPMs: []kojitest.RPM{pkg("ghost", 0, "1.0", "1.fc44", "noarch")}},
	} {
		if _, err := f.Hub.AddBuild(b); err != nil {
			return err
		}
	}
	return f.Hub.DeleteBuild(BuildDeleted)
}

func (f *Fedora) addTasks() error {
	child := func(arch string) kojitest.Task {
		return kojitest.Task{Method: "buildArch", Arch: arch, Output: map[string][]byte{
			"probe-0.9-0.1.fc44." + arch + ".rpm":           pkg("probe", 0, "0.9", "0.1.fc44", arch).Data,
			"probe-debuginfo-0.9-0.1.fc44." + arch + ".rpm": pkg("probe-debuginfo", 0, "0.9", "0.1.fc44", arch).Data,
			"probe-data-0.9-0.1.fc44.noarch.rpm":            pkg("probe-data", 0, "0.9", "0.1.fc44", "noarch").Data,
			"probe-0.9-0.1.fc44.src.rpm":                    source("probe", 0, "0.9", "0.1.fc44").Data,
			"build.log":                                     []byte("a build log\n"),
		}}
	}
	var err error
	if f.Task, err = f.Hub.AddTask(kojitest.Task{Scratch: true, Source: "git+https://example.org/probe#abc", Target: "f44-candidate", Children: []kojitest.Task{child("x86_64"), child("aarch64")}}); err != nil {
		return err
	}
	if f.OpenTask, err = f.Hub.AddTask(kojitest.Task{State: koji.TaskOpen, Scratch: true}); err != nil {
		return err
	}
	f.FailedTask, err = f.Hub.AddTask(kojitest.Task{State: koji.TaskFailed, Failure: "BuildError: error building package (arch x86_64), mock exited with status 1"})
	return err
}

func (f *Fedora) addUpdates() error {
	if err := f.Bodhi.AddRelease(bodhitest.Fedora(44)); err != nil {
		return err
	}
	epoch := 1
	var err error
	if f.Update, err = f.Bodhi.AddUpdate(bodhitest.Update{
		Alias: "FEDORA-2026-1a2b3c4d5e", Release: "F44", Status: bodhi.StatusTesting, Notes: "Three builds that belong together.",
		Type: bodhi.TypeSecurity, Severity: bodhi.SeverityMedium, Bugs: []bodhi.Bug{{ID: 1234567, Title: "greeter greets nobody"}},
		Builds: []bodhi.Build{{NVR: BuildNoarch}, {NVR: BuildArch}, {NVR: BuildCaret, Epoch: &epoch}},
	}); err != nil {
		return err
	}
	f.SmallUpdate, err = f.Bodhi.AddUpdate(bodhitest.Update{
		Alias: "FEDORA-2026-aabbccddee", Release: "F44", Status: bodhi.StatusStable, Builds: []bodhi.Build{{NVR: BuildSmall}},
	})
	return err
}
