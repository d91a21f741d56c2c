package smoke_test

import (
	"errors"
	"testing"

	"github.com/fedora-respin/respin/compose/smoke"
)

func TestMarkersTellSystemsFromInitrds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		marker smoke.Marker
		line   string
		want   bool
	}{
		{smoke.Installer, "Starting installer, one moment...", true},
		{smoke.Installer, "anaconda 44.12-1.fc44 for Fedora 44 started.", true},
		{smoke.Installer, "[  OK  ] Reached target anaconda.target - Anaconda System Services.", true},
		{smoke.Installer, "[    0.0] Command line: inst.stage2=hd:LABEL=F44-anaconda", false},
		{smoke.Installer, "[  OK  ] Reached target basic.target - Basic System.", false},
		{smoke.Login, "Kernel 6.18.0-200.fc44.x86_64 on an x86_64 (ttyS0)", true},
		{smoke.Login, "fedora login: ", true},
		{smoke.Login, "[  OK  ] Reached target initrd.target - Initrd Default Target.", false},
		{smoke.Live, "[  OK  ] Started gdm.service - GNOME Display Manager.", true},
		{smoke.Live, "[  OK  ] Reached target graphical.target - Graphical Interface.", true},
		{smoke.Live, "[  OK  ] Reached target paths.target - Path Units.", false},
	} {
		re, err := tc.marker.Pattern()
		if err != nil {
			t.Fatal(err)
		}
		if re.MatchString(tc.line) != tc.want {
			t.Errorf("%s: %q", tc.marker, tc.line)
		}
	}
	if _, err := smoke.Marker("disco").Pattern(); err == nil {
		t.Error("an unknown marker is taken")
	} else if _, ok := errors.AsType[*smoke.OptionError](err); !ok {
		t.Errorf("got %v", err)
	}
}
