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
	System    Marker = "system"    // any of these
)

// Lines of the serial console that come only once something is reached: anaconda's
// greeting (pyanaconda/startup_utils.py), Fedora's /etc/issue above the prompt,
// which itself ends no line, and systemd's last targets and display managers.
// "anaconda" or "systemd[1]" alone would not do: the first may stand in a volume
// id, and both speak in the initrd already, which also runs when the medium is
// not found.
const (
	installerLines = `starting installer|\banaconda \S+ for .+ started|installation log files are stored|reached target .*anaconda`
	loginLines     = `kernel \S+ on (an )?\S+ \(ttyS0\)|\blogin:|reached target .*multi-user`
	liveLines      = `reached target .*graphical|started .*(gdm|sddm|lightdm|plasmalogin|greetd|display manager)|\b(localhost-live|liveuser@\S+|localhost) login:`
)

// Pattern returns the lines of the serial console that come only once it is
// reached. The error is an *OptionError.
func (m Marker) Pattern() (*regexp.Regexp, error) {
	lines, ok := map[Marker]string{
		Installer: installerLines, Login: loginLines, Live: liveLines, System: installerLines + "|" + loginLines + "|" + liveLines,
	}[m]
	if !ok {
		return nil, &OptionError{"Marker", fmt.Sprintf("%q is none of installer, login, live and system", string(m))}
	}
	return regexp.Compile("(?i)" + lines) //nolint:wrapcheck // constants
}

// BadLines are lines after which nothing good comes: of the kernel, of dracut, of
// the medium check and of SeaBIOS.
func BadLines() *regexp.Regexp {
	return regexp.MustCompile(`(?i)kernel panic|entering emergency mode|dracut: (fatal|refusing to continue)|` +
		`the result is: fail|no bootable device`)
}
