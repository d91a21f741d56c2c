package livemedia

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
)

// What the real livemedia-creator 40.5.19 leaves of --make-pxe-live.
func TestNetworkBootImagesAreWhole(t *testing.T) {
	t.Parallel()
	p := &compose.Plan{Request: compose.Request{Kind: compose.KindPXELive}, Image: liveImage}
	for missing, names := range map[string][]string{
		"":           {liveImage, "vmlinuz-6.17.1", "initramfs-6.17.1.img", "PXE_CONFIG", "lmc-disk-s62cgcnk.img"},
		"initr":      {liveImage, "vmlinuz-6.17.1", "lmc-disk-s62cgcnk.img"},
		"vmlinuz":    {liveImage, "initramfs-6.17.1.img", "PXE_CONFIG"},
		"PXE_CONFIG": {liveImage, "vmlinuz-6.17.1", "initramfs-6.17.1.img"},
	} {
		out := t.TempDir()
		if err := os.Mkdir(filepath.Join(out, resultName), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(out, resultName, name), []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		list, err := collect(p, out)
		if missing != "" {
			if err == nil || !strings.Contains(told(err), "there is no "+missing) {
				t.Errorf("without %s: %v", missing, err)
			}
			continue
		}
		if err != nil || len(list) != 4 {
			t.Errorf("%v, %+v", err, list)
		}
		for _, a := range list {
			if strings.HasPrefix(a.Name, "lmc-disk") || strings.HasPrefix(a.Name, "initramfs") && a.Type != compose.ArtifactBoot {
				t.Errorf("%+v", a)
			}
		}
	}
}

func told(err error) string {
	if f, ok := err.(*compose.FailedError); ok { //nolint:errorlint // as collect returns it
		return f.Failure.Sentence
	}
	return err.Error()
}
