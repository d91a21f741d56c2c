package livemedia_test

import (
	"os"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/backendtest"
)

// built is shared by the tests of the package; TestMain removes it.
var built backendtest.StandIns //nolint:gochecknoglobals // one build of the stand-ins for all tests

func TestMain(m *testing.M) {
	code := m.Run()
	built.Remove()
	os.Exit(code)
}

// releaseRPMs are those of a small release.
func releaseRPMs() map[string][]byte {
	return map[string][]byte{
		"anaconda-44.10-1.fc44.x86_64":      backendtest.Package("anaconda", "44.10", "1.fc44", "x86_64", "anaconda-core"),
		"anaconda-core-44.10-1.fc44.x86_64": backendtest.Package("anaconda-core", "44.10", "1.fc44", "x86_64", "bash"),
		"bash-5.3-1.fc44.x86_64":            backendtest.Package("bash", "5.3", "1.fc44", "x86_64"),
		"kernel-6.17.0-1.fc44.x86_64":       backendtest.Package("kernel", "6.17.0", "1.fc44", "x86_64"),
		"dracut-live-107-1.fc44.x86_64":     backendtest.Package("dracut-live", "107", "1.fc44", "x86_64"),
		"hello-9-1.fc44.noarch":             backendtest.Package("hello", "9", "1.fc44", "noarch"),
	}
}

// sideRPMs are the builds that are to be in.
func sideRPMs() map[string][]byte {
	return map[string][]byte{
		"anaconda-44.12-1.fc44.x86_64":      backendtest.Package("anaconda", "44.12", "1.fc44", "x86_64", "anaconda-core"),
		"anaconda-core-44.12-1.fc44.x86_64": backendtest.Package("anaconda-core", "44.12", "1.fc44", "x86_64", "bash"),
		"anaconda-live-44.12-1.fc44.x86_64": backendtest.Package("anaconda-live", "44.12", "1.fc44", "x86_64"),
		"hello-10-1.fc44.noarch":            backendtest.Package("hello", "10", "1.fc44", "noarch"),
	}
}

// ks is a kickstart of a live image that installs from url.
func ks(url string) string {
	return "lang en_US.UTF-8\nkeyboard us\ntimezone Etc/UTC --utc\nrootpw --lock\nnetwork --bootproto=dhcp --device=link --activate\n" +
		"zerombr\nclearpart --all\npart / --size=8192 --fstype=ext4\nshutdown\nurl --url=" + url + "\n" +
		"%packages\nkernel\ndracut-live\nanaconda\n%end\n"
}

// plan is a Plan as the resolver hands it to Describe.
func plan(kind compose.Kind, url string) *compose.Plan {
	p := &compose.Plan{
		Request:   compose.Request{Kind: kind, Release: "44", Arch: "x86_64", Packages: []string{"hello"}, Require: []string{"anaconda>=44.12"}},
		Kickstart: ks(url), VolID: "Fedora-44-live-x86_64", Image: "Fedora-44-" + string(kind) + "-x86_64.iso", Final: true, Epoch: 1793000000,
	}
	for _, nevra := range []string{"anaconda-44.12-1.fc44.x86_64", "anaconda-core-44.12-1.fc44.x86_64", "anaconda-live-44.12-1.fc44.x86_64", "hello-10-1.fc44.noarch"} {
		name, arch := nevra[:strings.LastIndex(nevra[:strings.LastIndex(nevra, "-")], "-")], nevra[strings.LastIndex(nevra, ".")+1:]
		p.RPMs = append(p.RPMs, compose.PlanRPM{NEVRA: nevra, Name: name, Arch: arch, File: nevra + ".rpm"})
	}
	return p
}
