package smoke

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

const (
	// screenTime bounds taking a screenshot: the machine is busy, not slow.
	screenTime = 10 * time.Second
	// maxAnswer bounds what the machine may say over QMP meanwhile, in bytes.
	maxAnswer = 1 << 20
	// maxSide bounds the screen, in pixels.
	maxSide = 8192
)

// screen is the way to the machine's screen: a QMP socket, in a folder of its own
// because the path of a socket may have 107 bytes only.
type screen struct{ dir string }

func newScreen() (*screen, error) {
	dir, err := os.MkdirTemp("", "respin-qmp-")
	if err != nil {
		return nil, fmt.Errorf("smoke boot: make socket folder: %w", err)
	}
	return &screen{dir}, nil
}

func (s *screen) socket() string { return filepath.Join(s.dir, "qmp") }

func (s *screen) args() []string {
	return []string{"-qmp", "unix:" + s.socket() + ",server=on,wait=off"}
}

func (s *screen) close() { _ = os.RemoveAll(s.dir) }

// save asks the machine for its screen and writes it to path as PNG.
func (s *screen) save(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, screenTime)
	defer cancel()
	ppm := filepath.Join(s.dir, "screen.ppm")
	if err := s.dump(ctx, ppm); err != nil {
		return fmt.Errorf("take screenshot: %w", err)
	}
	f, err := os.Open(ppm)
	if err != nil {
		return fmt.Errorf("take screenshot: %w", err)
	}
	defer func() { _ = f.Close() }()
	img, err := readPPM(f)
	if err != nil {
		return fmt.Errorf("take screenshot: %w", err)
	}
	return atomicfile.WriteFunc(path, 0o644, func(w io.Writer) error { return png.Encode(w, img) })
}

// dump runs screendump over QMP (qemu, qapi/ui.json), whose default format all
// versions have.
func (s *screen) dump(ctx context.Context, ppm string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", s.socket())
	if err != nil {
		return fmt.Errorf("reach the machine: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if at, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(at)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	type command struct {
		Execute   string            `json:"execute"`
		Arguments map[string]string `json:"arguments,omitempty"`
	}
	in, out := json.NewDecoder(io.LimitReader(conn, maxAnswer)), json.NewEncoder(conn)
	for _, c := range []command{{Execute: "qmp_capabilities"}, {"screendump", map[string]string{"filename": ppm}}} {
		if err := out.Encode(c); err != nil {
			return fmt.Errorf("ask the machine: %w", err)
		}
		if err := answer(in); err != nil {
			return fmt.Errorf("%s: %w", c.Execute, err)
		}
	}
	return nil
}

// answer skips the greeting and events.
func answer(in *json.Decoder) error {
	for {
		var a struct {
			Return json.RawMessage `json:"return"`
			Error  *struct {
				Desc string `json:"desc"`
			} `json:"error"`
		}
		if err := in.Decode(&a); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		switch {
		case a.Error != nil:
			return errors.New(a.Error.Desc)
		case a.Return != nil:
			return nil
		}
	}
}

// readPPM reads qemu's binary PPM (P6) of 8 bits a channel.
func readPPM(r io.Reader) (image.Image, error) {
	in := bufio.NewReader(r)
	var width, height, most int
	if _, err := fmt.Fscanf(in, "P6\n%d %d\n%d\n", &width, &height, &most); err != nil {
		return nil, fmt.Errorf("read PPM header: %w", err)
	}
	if width <= 0 || height <= 0 || width > maxSide || height > maxSide || most != 255 {
		return nil, fmt.Errorf("read PPM: a screen of %d times %d with %d shades is impossible", width, height, most)
	}
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	row := make([]byte, 3*width)
	for y := range height {
		if _, err := io.ReadFull(in, row); err != nil {
			return nil, fmt.Errorf("read PPM: %w", err)
		}
		to := img.Pix[y*img.Stride:]
		for x := range width {
			copy(to[4*x:], row[3*x:3*x+3])
			to[4*x+3] = 0xff
		}
	}
	return img, nil
}
