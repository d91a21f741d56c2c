package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/repo/rpm"
)

// parallel is how many transfers each program keeps under way.
const parallel = 8

// download is one file of the list that a fetching child gets.
type download struct {
	URL    string `json:"url"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	SigMD5 string `json:"sigmd5"`
}

// fetch compares downloading with curl, from a server on this machine, the same
// number of transfers at a time. Our ways to verify what comes take turns with
// it; curl verifies nothing.
func (o options) fetch(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	base, stop, err := startServer(ctx, self, dir, stderr)
	if err != nil {
		return err
	}
	defer stop()
	work := filepath.Join(o.cache, "fetched")
	defer os.RemoveAll(work) //nolint:errcheck // made anew each time
	list, config := filepath.Join(o.cache, "fetch.json"), filepath.Join(o.cache, "fetch.curl")
	total, err := writeLists(dir, base, work, list, config)
	if err != nil {
		return err
	}
	argv := [][]string{
		{self, "child", "fetch", list, work, "file"},
		{self, "child", "fetch", list, work, "rpm"},
		{self, "child", "fetch", list, work, "md5"},
		{"curl", "--silent", "--fail", "--create-dirs", "--parallel", "--parallel-max", strconv.Itoa(parallel), "--config", config},
	}
	costs, err := race(ctx, o.runs, len(argv), func(i int) ([]string, error) {
		// What the last one wrote must not be written back at the cost of this one.
		if err := fresh(work); err != nil {
			return nil, err
		}
		if _, err := run(ctx, []string{"sync"}); err != nil {
			return nil, err
		}
		return argv[i], nil
	})
	if err != nil {
		return err
	}
	for i, title := range []string{
		"files with a known SHA-256", "RPMs with a known SHA-256: that, and their own digests", "RPMs of which only Koji's MD5 is known: that, and their own digests",
	} {
		c := contest{Title: fmt.Sprintf("%d %s", o.corpus.Packages, title), Column: "data", Targets: []target{{"curl", "wall", 1 / 0.8}}}
		results := []outcome{{tool: "respin", cost: costs[i], size: total}, {tool: "curl", cost: costs[len(costs)-1], size: total}}
		if err := c.print(stdout, results); err != nil {
			return err
		}
	}
	return nil
}

// startServer serves dir in a process of its own, so that its work is not
// counted as ours.
func startServer(ctx context.Context, self, dir string, stderr io.Writer) (base string, stop func(), err error) {
	server := exec.CommandContext(ctx, self, "child", "serve", dir)
	server.Stderr = stderr
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		return "", nil, fmt.Errorf("start server: %w", err)
	}
	stop = func() { _ = server.Process.Kill(); _ = server.Wait() }
	base, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("start server: %w", err)
	}
	return strings.TrimSpace(base), stop, nil
}

// writeLists writes what is to be fetched, for our child and for curl, and
// returns the bytes of all files.
func writeLists(dir, base, work, list, config string) (total int64, err error) {
	var downloads []download
	var curl strings.Builder
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, fmt.Errorf("list corpus: %w", err)
	}
	defer root.Close() //nolint:errcheck // only read
	err = fs.WalkDir(root.FS(), ".", func(rel string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(rel, ".rpm") {
			return err
		}
		f, err := root.Open(rel)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // opened for reading
		v, err := rpm.Verify(f, rpm.VerifyOptions{})
		if err != nil {
			return err
		}
		u := base + "/" + rel
		downloads = append(downloads, download{URL: u, Size: v.Size, SHA256: v.SHA256, SigMD5: v.Package.Digests.SigMD5})
		fmt.Fprintf(&curl, "url = %q\noutput = %q\n", u, filepath.Join(work, rel))
		total += v.Size
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("list corpus: %w", err)
	}
	data, err := json.Marshal(downloads)
	if err != nil {
		return 0, fmt.Errorf("list corpus: %w", err)
	}
	return total, errors.Join(os.WriteFile(list, data, 0o644), os.WriteFile(config, []byte(curl.String()), 0o644))
}

// serveChild serves a folder until it is killed.
func serveChild(ctx context.Context, dir string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	if _, err := fmt.Fprintf(os.Stdout, "http://%s\n", l.Addr()); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return (&http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute}).Serve(l)
}

// sigMD5 judges an RPM as the side repo's are: by what Koji knows of it, and by
// what it says of itself.
type sigMD5 struct {
	*rpm.Verifier
	want string
}

func (s *sigMD5) Verdict() error {
	v, err := s.Verifier.Verdict()
	if err != nil {
		return err
	}
	if v.Package.Digests.SigMD5 != s.want {
		return errors.New("another package")
	}
	return v.Err()
}

// fetchChild downloads the list into an empty cache.
func fetchChild(ctx context.Context, list io.Reader, dir, mode string) error {
	var downloads []download
	if err := json.NewDecoder(list).Decode(&downloads); err != nil {
		return fmt.Errorf("read list: %w", err)
	}
	f, err := fetch.New(dir, fetch.Options{Policy: fetch.Policy{AllowLoopback: true}, PerHost: parallel})
	if err != nil {
		return err
	}
	wants := make([]fetch.Want, len(downloads))
	for i, d := range downloads {
		wants[i] = fetch.Want{URLs: []string{d.URL}, Size: d.Size, SHA256: d.SHA256}
		if mode == "file" {
			continue
		}
		wants[i].Key = "rpm:" + d.SigMD5
		if mode == "md5" {
			wants[i].SHA256 = ""
		}
		wants[i].Judge = func() fetch.Judge { return &sigMD5{rpm.NewVerifier(rpm.VerifyOptions{NoMD5: mode != "md5"}), d.SigMD5} }
	}
	_, err = f.All(ctx, wants, nil)
	return errors.Join(err, f.Close())
}
