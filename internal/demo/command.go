package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/internal/proc"
)

// reply is what a command line said.
type reply struct {
	stdout string
	all    string // both streams as they came
	code   int
}

// respin shows and runs the binary as a user would, with its output as it comes.
func (s *scene) respin(ctx context.Context, args ...string) (reply, error) {
	return s.tool(ctx, append([]string{s.opts.respin}, args...), s.out.output)
}

// quietly shows and runs the binary, and leaves its output to the caller.
func (s *scene) quietly(ctx context.Context, args ...string) (reply, error) {
	return s.tool(ctx, append([]string{s.opts.respin}, args...), nil)
}

// tool runs argv. An exit code is a fact to check, not an error.
func (s *scene) tool(ctx context.Context, argv []string, show func(string)) (reply, error) {
	s.out.command(argv...)
	var r reply
	var mu sync.Mutex
	var all strings.Builder
	var stdout bytes.Buffer
	err := s.runner.Run(ctx, proc.Cmd{
		Name: argv[0], Args: argv[1:], Env: s.env(), Stdout: &stdout,
		OnLine: func(_ proc.Stream, line string) {
			mu.Lock()
			defer mu.Unlock()
			all.WriteString(line + "\n")
			if show != nil {
				show(line)
			}
		},
	})
	r.stdout, r.all = stdout.String(), all.String()
	if failed, ok := errors.AsType[*proc.Error](err); ok && failed.Cause == nil && failed.Signal == 0 {
		r.code = failed.ExitCode
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("run %s: %w", strings.Join(argv, " "), err)
	}
	return r, nil
}

// mustRespin is respin for what has to succeed.
func (s *scene) mustRespin(ctx context.Context, args ...string) (reply, error) {
	r, err := s.respin(ctx, args...)
	if err == nil && r.code != 0 {
		err = fmt.Errorf("respin %s: expected exit code 0, saw %d:\n%s", strings.Join(args, " "), r.code, r.all)
	}
	return r, err
}

// web is one HTTP call, as curl is told it.
type web struct {
	method string // default GET
	path   string // below the server's URL, or a whole URL
	header []string
	json   string // a file with a body of JSON
	file   string // a body from a file
	form   []part // a multipart form
}

// part is one control of a form.
type part struct {
	name, value string
	file        bool // value is the path of a file
}

// answer is what came back.
type answer struct {
	status int
	line   string // the status line
	header http.Header
	body   []byte
}

// maxBody bounds an answer, in bytes.
const maxBody = 16 << 20

func (w *web) url(base string) string {
	if strings.Contains(w.path, "://") {
		return w.path
	}
	return base + w.path
}

// argv is the curl command line.
func (w *web) argv(base string) []string {
	argv := []string{"curl", "-sS", "-i"}
	for _, h := range w.header {
		argv = append(argv, "-H", h)
	}
	if w.json != "" {
		argv = append(argv, "-H", "Content-Type: application/json", "-d", "@"+short(w.json))
	}
	if w.file != "" {
		argv = append(argv, "-H", "Content-Type: application/octet-stream", "--data-binary", "@"+short(w.file))
	}
	for _, p := range w.form {
		if p.file {
			argv = append(argv, "-F", p.name+"=@"+short(p.value))
		} else {
			argv = append(argv, "--form-string", p.name+"="+p.value)
		}
	}
	if w.method != "" && (w.method != http.MethodPost || w.json == "" && w.file == "" && w.form == nil) {
		argv = append(argv, "-X", w.method)
	}
	return append(argv, w.url(base))
}

// curl makes the call with curl where that is installed, and shows what it says.
func (s *scene) curl(ctx context.Context, w web) (answer, error) {
	argv := w.argv(s.url)
	s.out.command(argv...)
	var a answer
	var err error
	if s.haveCurl() {
		var stdout bytes.Buffer
		err = s.runner.Run(ctx, proc.Cmd{Name: argv[0], Args: argv[1:], Stdout: &limited{w: &stdout, left: maxBody}})
		if err == nil {
			a, err = parseAnswer(stdout.Bytes())
		}
	} else {
		s.out.note("(curl is not installed: the demo makes this call itself)")
		a, err = w.do(ctx, s.url)
	}
	if err != nil {
		return a, fmt.Errorf("%s %s: %w", w.method, w.url(s.url), err)
	}
	s.out.output(a.line)
	for _, name := range []string{"Location", "Content-Type", "Content-Range", "Retry-After"} {
		if v := a.header.Get(name); v != "" {
			s.out.output(name + ": " + v)
		}
	}
	if strings.Contains(a.header.Get("Content-Type"), "json") {
		s.out.output(fold(string(a.body), maxWidth, 4))
	}
	return a, nil
}

func (s *scene) haveCurl() bool {
	_, err := s.runner.Look("curl", "")
	return err == nil
}

// limited is a writer that refuses to grow without end.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errors.New("the answer is too long")
	}
	return l.w.Write(p)
}

// parseAnswer reads what curl -i writes: heads, of which the last counts, and
// the body with its transfer coding undone.
func parseAnswer(data []byte) (answer, error) {
	r := bufio.NewReader(bytes.NewReader(data))
	tp := textproto.NewReader(r)
	for {
		line, err := tp.ReadLine()
		if err != nil {
			return answer{}, fmt.Errorf("read status line: %w", err)
		}
		_, rest, _ := strings.Cut(line, " ")
		code, _, _ := strings.Cut(rest, " ")
		status, err := strconv.Atoi(code)
		if err != nil || !strings.HasPrefix(line, "HTTP/") {
			return answer{}, fmt.Errorf("read status line: %q", clip(line, 80))
		}
		header, err := tp.ReadMIMEHeader()
		if err != nil {
			return answer{}, fmt.Errorf("read header: %w", err)
		}
		if status < http.StatusOK {
			continue // 100 Continue
		}
		body, err := io.ReadAll(r)
		return answer{status, line, http.Header(header), body}, err
	}
}

// do makes the call with net/http.
func (w *web) do(ctx context.Context, base string) (answer, error) {
	body, contentType, err := w.body()
	if err != nil {
		return answer{}, err
	}
	method := w.method
	if method == "" {
		method = http.MethodGet
		if body != nil {
			method = http.MethodPost
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, w.url(base), body)
	if err != nil {
		return answer{}, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for _, h := range w.header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	noFollow := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := noFollow.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := limitio.ReadAll(resp.Body, maxBody, "the answer")
	return answer{resp.StatusCode, resp.Proto + " " + resp.Status, resp.Header, data}, err
}

// body returns what is sent. The files of the demo are small enough for memory.
func (w *web) body() (io.Reader, string, error) {
	switch {
	case w.json != "":
		data, err := os.ReadFile(w.json)
		return bytes.NewReader(data), "application/json", err
	case w.file != "":
		data, err := os.ReadFile(w.file)
		return bytes.NewReader(data), "application/octet-stream", err
	case w.form != nil:
		return formBody(w.form)
	}
	return nil, "", nil
}
