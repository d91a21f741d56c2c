package natsqueue

import (
	"fmt"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// serverLog passes the NATS server's log to hclog and keeps the latest
// complaints, which are all that the server tells of why it did not start.
type serverLog struct {
	out hclog.Logger

	mu    sync.Mutex
	last  []string
	fatal bool
}

const keptComplaints = 8

func newServerLog(l hclog.Logger) *serverLog {
	if l == nil {
		l = hclog.NewNullLogger()
	}
	return &serverLog{out: l.Named("nats")}
}

func (l *serverLog) keep(line string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = append(l.last, line)
	if len(l.last) > keptComplaints {
		l.last = l.last[1:]
	}
	return line
}

func (l *serverLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.last) == 0 {
		return "the server did not say why"
	}
	return strings.Join(l.last, "; ")
}

// Noticef and the others implement the NATS server's Logger.
func (l *serverLog) Noticef(format string, v ...any) { l.out.Debug(fmt.Sprintf(format, v...)) }

// Warnf implements server.Logger.
func (l *serverLog) Warnf(format string, v ...any) { l.out.Warn(l.keep(fmt.Sprintf(format, v...))) }

// Errorf implements server.Logger.
func (l *serverLog) Errorf(format string, v ...any) { l.out.Error(l.keep(fmt.Sprintf(format, v...))) }

// Fatalf implements server.Logger; it does not exit, Start reports the line.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.Errorf(format, v...)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = true
}

func (l *serverLog) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

// Debugf implements server.Logger.
func (l *serverLog) Debugf(format string, v ...any) { l.out.Trace(fmt.Sprintf(format, v...)) }

// Tracef implements server.Logger.
func (l *serverLog) Tracef(string, ...any) {}
