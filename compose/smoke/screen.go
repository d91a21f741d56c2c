package smoke

import (
	"bufio"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// maxSide bounds the screen, in pixels.
const maxSide = 8192

// saveScreen asks the machine for its screen and writes it to path as PNG. PPM is
// the format that all versions of qemu have.
func (m *monitor) saveScreen(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	ppm := filepath.Join(m.dir, "screen.ppm")
	if err := m.dump(ctx, ppm); err != nil {
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

func (m *monitor) dump(ctx context.Context, ppm string) error {
	s, err := m.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	return s.ask("screendump", map[string]any{"filename": ppm}, nil)
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
