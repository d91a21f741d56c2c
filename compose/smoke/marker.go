package smoke

import (
	"fmt"
	"regexp"
)

// Marker names what an image is expected to reach.
type Marker string

// What images reach.
const (
	Installer Marker = "installer" // anaconda runs
	Login     Marker = "login"     // a login prompt
	Live      Marker = "live"      // the session of a live image
)

// Pattern returns the lines of the serial console that come only once it is
// reached: anaconda's greeting (pyanaconda/startup_utils.py), Fedora's /etc/issue
// above the prompt, which itself ends no line, and systemd's last targets and
// display managers. The error is an *OptionError.
func (m Marker) Pattern() (*regexp.Regexp, error) {
	switch m {
	case Installer:
		return regexp.MustCompile(`(?i)starting installer|\banaconda \S+ for .+ started|installation log files are stored|reached target .*anaconda`), nil
	case Login:
		return regexp.MustCompile(`(?i)kernel \S+ on (an )?\S+ \(ttyS0\)|\blogin:|reached target .*multi-user`), nil
	case Live:
		return regexp.MustCompile(`(?i)reached target .*graphical|started .*(gdm|sddm|lightdm|plasmalogin|greetd|display manager)|\b(localhost-live|liveuser@\S+|localhost) login:`), nil
	}
	return nil, &OptionError{"Marker", fmt.Sprintf("%q is none of installer, login and live", string(m))}
}
