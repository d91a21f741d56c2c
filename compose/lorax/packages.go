package lorax

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/pylorax"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Bounds of lorax's own lists.
const (
	maxShipped  = 50_000
	maxLogBytes = 256 << 20
)

// logged reads which packages lorax's dnf installed out of lorax.log, where each
// is named as it goes in: "Install NEVRA" with libdnf5, "(i/N) NEVRA" with dnf 4.
func logged(logDir string) ([]compose.Shipped, error) {
	f, err := os.Open(filepath.Join(logDir, "lorax.log"))
	if err != nil {
		return nil, fmt.Errorf("read lorax's log: %w", err)
	}
	defer func() { _ = f.Close() }()
	return readLog(io.LimitReader(f, maxLogBytes))
}

func readLog(r io.Reader) ([]compose.Shipped, error) {
	var list []compose.Shipped
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		_, text, _ := pylorax.Message(lines.Text())
		nevra := ""
		if g := installing5.FindStringSubmatch(text); g != nil {
			nevra = g[1]
		} else if g := installing4.FindStringSubmatch(text); g != nil {
			nevra = g[3]
		}
		if nevra == "" {
			continue
		}
		n, err := rpm.ParseNEVRA(nevra)
		if err != nil {
			continue // another line that begins alike
		}
		if len(list) == maxShipped {
			return nil, fmt.Errorf("read lorax's log: it names more than %d packages", maxShipped)
		}
		list = append(list, compose.Shipped{NEVRA: n.String(), From: Tool})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read lorax's log: %w", err)
	}
	slices.SortFunc(list, func(a, b compose.Shipped) int { return strings.Compare(a.NEVRA, b.NEVRA) })
	return slices.CompactFunc(list, func(a, b compose.Shipped) bool { return a.NEVRA == b.NEVRA }), nil
}

// packLists puts the directory pkglists, a file for each package, into one file:
// nobody reads a thousand logs.
func packLists(logDir string) (err error) {
	dir := filepath.Join(logDir, "pkglists")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pack package lists: %w", err)
	}
	if err := pack(dir, entries, filepath.Join(logDir, "pkglists.tar.gz")); err != nil {
		return fmt.Errorf("pack package lists: %w", err)
	}
	return os.RemoveAll(dir)
}

func pack(dir string, entries []fs.DirEntry, to string) (err error) {
	out, err := os.Create(to)
	if err != nil {
		return err //nolint:wrapcheck // the caller says what it was for
	}
	zip := gzip.NewWriter(out)
	archive := tar.NewWriter(zip)
	defer func() { err = errors.Join(err, archive.Close(), zip.Close(), out.Close()) }()
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err //nolint:wrapcheck // the caller says what it was for
		}
		err = archive.WriteHeader(&tar.Header{Name: "pkglists/" + e.Name(), Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = archive.Write(data)
		}
		if err != nil {
			return err //nolint:wrapcheck // the caller says what it was for
		}
	}
	return nil
}
