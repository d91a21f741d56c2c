package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// logs writes the console and the log files in the formats of pylorax's
// setup_logging: the console has no levels, the log has.
type logs struct {
	dir     string
	files   map[string]*os.File
	console bool
	pace    time.Duration
}

func newLogs(logfile string, pace int) (*logs, error) {
	l := &logs{dir: filepath.Dir(logfile), files: map[string]*os.File{}, console: true, pace: time.Duration(pace) * time.Millisecond}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make log directory: %w", err)
	}
	for _, name := range []string{filepath.Base(logfile), "program.log"} {
		f, err := os.Create(filepath.Join(l.dir, name))
		if err != nil {
			return nil, fmt.Errorf("make log: %w", err)
		}
		l.files[map[bool]string{true: "program", false: "main"}[name == "program.log"]] = f
	}
	return l, nil
}

func (l *logs) line(level, logger, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	at := time.Now().Format("2006-01-02 15:04:05,000")
	_, _ = fmt.Fprintf(l.files["main"], "%s %s %s: %s\n", at, level, logger, text)
	if level != "DEBUG" {
		_, _ = fmt.Fprintf(os.Stderr, "%s: %s\n", at, text)
	}
	time.Sleep(l.pace)
}

func (l *logs) info(format string, args ...any)  { l.line("INFO", "pylorax", format, args...) }
func (l *logs) error(format string, args ...any) { l.line("ERROR", "pylorax", format, args...) }

func (l *logs) critical(text string) int {
	l.line("CRITICAL", "pylorax", "%s", text)
	return 1
}

// traceback ends as Python does with an exception that nobody catches.
func traceback(exception string) int {
	_, _ = fmt.Fprintf(os.Stderr, "Traceback (most recent call last):\n  File \"/usr/bin/lorax\", line 8, in <module>\n    sys.exit(main())\n%s\n", exception)
	return 1
}

// hang never ends, ignores TERM, and has a child that does the same. Both write
// their ids beside the executable.
func (s *session) hang() int {
	if last := os.Args[len(os.Args)-1]; last == "-V" || last == "--help" || last == "--version" {
		s.Fail = ""
		if s.prog == "kiwi-ng" {
			return s.kiwi(os.Args[1:])
		}
		if s.prog == "lorax" {
			return s.lorax(os.Args[1:])
		}
		return s.livemedia(os.Args[1:])
	}
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	if os.Getenv("STANDIN_CHILD") == "" {
		child, err := os.StartProcess(filepath.Join(s.dir, s.prog), os.Args, &os.ProcAttr{
			Env: append(os.Environ(), "STANDIN_CHILD=1"), Files: []*os.File{nil, os.Stdout, os.Stderr},
		})
		if err != nil {
			return fatal("start child: %v", err)
		}
		ids := strconv.Itoa(os.Getpid()) + "\n" + strconv.Itoa(child.Pid) + "\n"
		tmp := filepath.Join(s.dir, ".pids")
		if err := errors.Join(os.WriteFile(tmp, []byte(ids), 0o600), os.Rename(tmp, filepath.Join(s.dir, "pids"))); err != nil {
			return fatal("write ids: %v", err)
		}
		_, _ = fmt.Fprintln(os.Stderr, "the stand-in hangs, as it was told")
	}
	for {
		time.Sleep(time.Hour)
	}
}
