package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

const (
	// maxAnswer bounds what the machine may say over QMP on one connection, in bytes.
	maxAnswer = 64 << 20
	// askTime bounds one connection for a screenshot: the machine is busy, not slow.
	askTime = 10 * time.Second
	// kernelPause is the time between two looks at where the machine is.
	kernelPause = 250 * time.Millisecond
)

// monitor is the way to a running machine: qemu's QMP on a socket in the work
// folder. The machine is started in that folder and knows the socket by its name:
// the path of a socket may have 107 bytes only.
type monitor struct{ dir string }

const socketName = "qmp"

func (m *monitor) args() []string {
	return []string{"-qmp", "unix:" + socketName + ",server=on,wait=off"}
}

// session is one connection, of which the machine takes one at a time.
type session struct {
	conn net.Conn
	in   *json.Decoder
	out  *json.Encoder
}

// connect opens a session, which ends with ctx.
func (m *monitor) connect(ctx context.Context) (*session, error) {
	path := filepath.Join(m.dir, socketName)
	if len(path) > 100 {
		dir, err := os.Open(m.dir)
		if err != nil {
			return nil, fmt.Errorf("reach the machine: %w", err)
		}
		defer func() { _ = dir.Close() }()
		path = fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("reach the machine: %w", err)
	}
	if at, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(at)
	}
	context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	s := &session{conn: conn, in: json.NewDecoder(io.LimitReader(conn, maxAnswer)), out: json.NewEncoder(conn)}
	if err := s.ask("qmp_capabilities", nil, nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

func (s *session) close() { _ = s.conn.Close() }

// ask runs one command (qemu, qapi/) and decodes what it returns into answer.
func (s *session) ask(command string, arguments map[string]any, answer any) error {
	err := s.out.Encode(struct {
		Execute   string         `json:"execute"`
		Arguments map[string]any `json:"arguments,omitempty"`
	}{command, arguments})
	for err == nil {
		var a struct {
			Return json.RawMessage `json:"return"`
			Error  *struct {
				Desc string `json:"desc"`
			} `json:"error"`
		}
		if err = s.in.Decode(&a); err != nil {
			break
		}
		switch { // the greeting and events are passed over
		case a.Error != nil:
			err = errors.New(a.Error.Desc)
		case a.Return != nil && answer != nil:
			if err = json.Unmarshal(a.Return, answer); err == nil {
				return nil
			}
		case a.Return != nil:
			return nil
		}
	}
	return fmt.Errorf("ask the machine, %s: %w", command, err)
}

// programCounter is where the processor is, as "info registers" has it.
var programCounter = regexp.MustCompile(`\bRIP=([0-9a-f]{16})\b`)

// The part of the address space that only the kernel of Linux runs in, on x86_64
// with and without KASLR (Documentation/arch/x86/x86_64/mm.rst: kernel text and
// modules). Firmware and boot loaders run below 4 GiB.
const kernelFrom, kernelTo = 0xffffffff80000000, 0xffffffffff5fffff

func inKernel(registers string) bool {
	for _, m := range programCounter.FindAllStringSubmatch(registers, -1) {
		if at, err := strconv.ParseUint(m[1], 16, 64); err == nil && at >= kernelFrom && at <= kernelTo {
			return true
		}
	}
	return false
}

// awaitKernel returns when the machine runs a kernel of Linux. Until then it
// presses the return key now and then, as boot menus wait a minute for one.
func (m *monitor) awaitKernel(ctx context.Context) error {
	var s *session
	defer func() {
		if s != nil {
			s.close()
		}
	}()
	enter := map[string]any{"keys": []map[string]string{{"type": "qcode", "data": "ret"}}}
	for look := 1; ; look++ {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the kernel: %w", ctx.Err())
		case <-time.After(kernelPause):
		}
		var err error
		if s == nil {
			if s, err = m.connect(ctx); err != nil {
				s = nil
				continue // the machine has not made its socket yet
			}
		}
		var registers string
		if err = s.ask("human-monitor-command", map[string]any{"command-line": "info registers"}, &registers); err == nil && inKernel(registers) {
			return nil
		}
		if err == nil && look%8 == 0 {
			err = s.ask("send-key", enter, nil)
		}
		if err != nil {
			s.close()
			s = nil
		}
	}
}
