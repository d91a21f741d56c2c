package pylorax_test

import (
	"fmt"

	"github.com/fedora-respin/respin/compose/pylorax"
)

func ExampleMonitor() {
	watch := pylorax.NewMonitor([]pylorax.Stage{
		{Name: "download", Marker: "Downloading packages", At: 10}, {Name: "install", Marker: "Preparing transaction", At: 50},
	}, func(stage string, percent int, message string) { fmt.Println(stage, percent, message) })
	watch.Line("2026-11-26 00:00:00,000: Downloading packages")
	watch.Line("Downloading 3 / 4 RPMs")
	// Output:
	// download 10 Downloading packages
	// download 40 Downloading 3 / 4 RPMs
}
