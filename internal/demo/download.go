package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fedora-respin/respin/compose/iso"
)

// cutter is a TCP proxy in front of the daemon that breaks its first connection
// after so many bytes, as a bad line does.
type cutter struct {
	listener net.Listener
	to       string
	cut      int64
	first    atomic.Bool
	wg       sync.WaitGroup
	cancel   context.CancelFunc
}

func startCutter(ctx context.Context, to string, cut int64) (*cutter, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &cutter{listener: l, to: to, cut: cut, cancel: cancel}
	c.first.Store(true)
	c.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.wg.Go(func() { c.carry(ctx, conn) })
		}
	})
	return c, nil
}

func (c *cutter) carry(ctx context.Context, conn net.Conn) {
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.to)
	if err != nil {
		_ = conn.Close()
		return
	}
	stop := context.AfterFunc(ctx, func() { _, _ = conn.Close(), server.Close() }) // idle ones too
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close() // the client has gone: do not wait for the server to notice
	})
	var from io.Reader = server
	if c.first.CompareAndSwap(true, false) {
		from = io.LimitReader(server, c.cut)
	}
	_, _ = io.Copy(conn, from)
	_, _ = conn.Close(), server.Close() // which also ends the other direction
	wg.Wait()
}

func (c *cutter) close() error {
	c.cancel()
	err := c.listener.Close()
	c.wg.Wait()
	return err
}

// download fetches the image as users do, over a line that breaks in the middle.
func (d *demo) download(ctx context.Context, s *scene) (string, error) {
	image, _ := isoOf(&d.main)
	file := d.path("download.iso")
	proxy, err := startCutter(ctx, strings.TrimPrefix(d.url, "http://"), image.Size/2)
	if err != nil {
		return "", err
	}
	defer func() { _ = proxy.close() }()
	url := strings.Replace(image.URL, d.url, "http://"+proxy.listener.Addr().String(), 1)
	s.out.note("A proxy of the demo stands in front of %s and breaks the first connection half-way.", d.url)
	got, err := d.fetch(ctx, s, url, file)
	if err != nil {
		return "", err
	}
	if !s.holds(got > 0 && got < image.Size, "the connection broke after %d of %d bytes", got, image.Size) {
		return "", s.broken()
	}
	s.out.note("The download is resumed where it broke.")
	if err := d.resume(ctx, s, url, file, got, image.Size); err != nil {
		return "", err
	}
	sum, err := fileSum(file)
	if err != nil {
		return "", err
	}
	s.same("sha256, as in the record", image.SHA256, sum)
	info, err := iso.Inspect(file)
	if err != nil {
		return "", err
	}
	if s.holds(info.Checksum != nil, "a checksum is implanted") {
		s.same("it, as in the record", image.ImplantedMD5, info.Checksum.MD5)
	}
	if _, err := s.mustRespin(ctx, "iso", "check-md5", short(file)); err != nil {
		return "", err
	}
	s.fact("resumed at %d of %d bytes", got, image.Size)
	return file, s.broken()
}

// fetch downloads until the line breaks, and says how much came.
func (d *demo) fetch(ctx context.Context, s *scene, url, file string) (int64, error) {
	if s.haveCurl() {
		r, err := s.tool(ctx, []string{"curl", "-sS", "-o", short(file), url}, s.out.output)
		if err != nil {
			return 0, err
		}
		s.same("exit code of curl (18: the transfer is not whole)", 18, r.code)
	} else if err := d.fetchPart(ctx, s, url, file); err != nil {
		return 0, err
	}
	st, err := os.Stat(file)
	if err != nil {
		return 0, fmt.Errorf("look at download: %w", err)
	}
	return st.Size(), nil
}

// fetchPart does what curl would.
func (d *demo) fetchPart(ctx context.Context, s *scene, url, file string) error {
	s.out.note("(curl is not installed: the demo downloads by itself)")
	resp, err := get(ctx, url, "")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // it was cut
	}
	return errors.Join(err, f.Close())
}

func get(ctx context.Context, url, ranges string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	if ranges != "" {
		req.Header.Set("Range", ranges)
	}
	return http.DefaultClient.Do(req)
}

// resume fetches the rest, and checks that only the rest came.
func (d *demo) resume(ctx context.Context, s *scene, url, file string, at, size int64) error {
	status, contentRange, err := d.rest(ctx, s, url, file, at)
	if err != nil {
		return err
	}
	s.same("status", http.StatusPartialContent, status)
	s.same("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, size-1, size), contentRange)
	return nil
}

func (d *demo) rest(ctx context.Context, s *scene, url, file string, at int64) (status int, contentRange string, err error) {
	if s.haveCurl() {
		r, err := s.tool(ctx, []string{"curl", "-sS", "-C", "-", "-D", "-", "-o", short(file), url}, s.out.output)
		if err != nil || r.code != 0 {
			return 0, "", fmt.Errorf("resume download: exit code %d of curl: %w", r.code, err)
		}
		a, err := parseAnswer([]byte(r.stdout))
		return a.status, a.header.Get("Content-Range"), err
	}
	resp, err := get(ctx, url, "bytes="+strconv.FormatInt(at, 10)+"-")
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return 0, "", err
	}
	_, err = io.Copy(f, resp.Body)
	return resp.StatusCode, resp.Header.Get("Content-Range"), errors.Join(err, f.Close())
}
