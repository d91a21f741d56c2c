package smoke

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// qmp answers as qemu does, with events between, and draws one red and one blue
// pixel; refuse makes screendump fail.
func qmp(t *testing.T, m *monitor, refuse bool) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(m.dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintln(conn, `{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}}`)
		in := json.NewDecoder(conn)
		for {
			var c struct {
				Execute   string
				Arguments struct{ Filename string }
			}
			if in.Decode(&c) != nil {
				return
			}
			fmt.Fprintln(conn, `{"timestamp": {"seconds": 1}, "event": "RTC_CHANGE"}`)
			if c.Execute == "screendump" {
				if refuse {
					fmt.Fprintln(conn, `{"error": {"class": "GenericError", "desc": "no surface"}}`)
					continue
				}
				_ = os.WriteFile(c.Arguments.Filename, []byte("P6\n2 1\n255\n\xff\x00\x00\x00\x00\xff"), 0o600)
			}
			fmt.Fprintln(conn, `{"return": {}}`)
		}
	}()
}

func TestScreenshotIsPNG(t *testing.T) {
	t.Parallel()
	s := &monitor{t.TempDir()}
	qmp(t, s, false)
	path := filepath.Join(t.TempDir(), "screen.png")
	if err := s.saveScreen(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != 2 || b.Dy() != 1 {
		t.Fatalf("bounds %v", b)
	}
	for x, want := range []color.NRGBA{{255, 0, 0, 255}, {0, 0, 255, 255}} {
		if got := color.NRGBAModel.Convert(img.At(x, 0)); got != want {
			t.Errorf("pixel %d: %v", x, got)
		}
	}
}

func TestScreenshotThatCannotBeTaken(t *testing.T) {
	t.Parallel()
	s := &monitor{t.TempDir()}
	path := filepath.Join(t.TempDir(), "screen.png")
	if err := s.saveScreen(t.Context(), path); err == nil || !strings.Contains(err.Error(), "reach the machine") {
		t.Errorf("no machine: %v", err)
	}
	qmp(t, s, true)
	if err := s.saveScreen(t.Context(), path); err == nil || !strings.Contains(err.Error(), "no surface") {
		t.Errorf("refused: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file is left")
	}
}

func FuzzReadPPM(f *testing.F) {
	f.Add([]byte("P6\n2 1\n255\nabcdef"))
	f.Add([]byte("P6\n99999 99999\n255\n"))
	f.Add([]byte("P5\n1 1\n255\na"))
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := readPPM(bytes.NewReader(data))
		if err == nil && img.Bounds().Dx()*img.Bounds().Dy()*3 > len(data) {
			t.Errorf("%d bytes became an image of %v", len(data), img.Bounds())
		}
	})
}
