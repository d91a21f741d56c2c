package lorax

import (
	"regexp"

	"github.com/fedora-respin/respin/compose/pylorax"
)

var (
	installing4 = regexp.MustCompile(`^\((\d+)/(\d+)\) (\S+)`)                          // dnf 4
	installing5 = regexp.MustCompile(`^(?:Install|Reinstall|Upgrade|Downgrade) (\S+)$`) // libdnf5
)

// stages are in the order of pylorax/__init__.py, Lorax.run. The shares follow a
// run that downloads 800 packages; they only steer the bar.
func stages() []pylorax.Stage {
	return []pylorax.Stage{
		{Name: "prepare", Marker: "checking for root privileges", At: 0},
		{Name: "prepare", Marker: "setting up build parameters", At: 1},
		{Name: "resolve", Marker: "installing runtime packages", At: 2},
		{Name: "resolve", Marker: "running runtime-install.tmpl", At: 3},
		{Name: "resolve", Marker: "Checking dependencies", At: 4},
		{Name: "download", Marker: "Downloading packages", At: 6},
		{Name: "install", Marker: "Preparing transaction from installation source", At: 30},
		{Name: "configure", Marker: "Performing post-installation setup tasks", At: 54},
		{Name: "configure", Marker: "writing .buildstamp file", At: 55},
		{Name: "configure", Marker: "doing post-install configuration", At: 56},
		{Name: "configure", Marker: "running runtime-postinstall.tmpl", At: 57},
		{Name: "configure", Marker: "backing up installroot", At: 59},
		{Name: "cleanup", Marker: "generating kernel module metadata", At: 61},
		{Name: "cleanup", Marker: "cleaning unneeded files", At: 62},
		{Name: "cleanup", Marker: "running runtime-cleanup.tmpl", At: 63},
		{Name: "check", Marker: "verifying the installroot", At: 66},
		{Name: "check", Marker: "Skipping verify", At: 66},
		{Name: "runtime image", Marker: "creating the runtime image", At: 67},
		{Name: "boot images", Marker: "preparing to build output tree and boot images", At: 82},
		{Name: "boot images", Marker: "rebuilding initramfs images", At: 83},
		{Name: "tree", Marker: "populating output tree and building boot images", At: 95},
		{Name: "tree", Marker: "writing .treeinfo file", At: 99},
	}
}
