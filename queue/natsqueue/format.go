package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// Master opens the master's side in this process. Errors: *CorruptError.
func (s *Server) Master(ctx context.Context, o Options) (*Master, error) {
	n, err := newNames(o.Namespace)
	if err != nil {
		return nil, err
	}
	key, err := nkeyOption(s.masterKey)
	if err != nil {
		return nil, err
	}
	c, err := dial(ctx, "", o.Logger, nats.InProcessServer(s.ns), key, nats.Name("master"))
	if err != nil {
		return nil, fmt.Errorf("connect master: %w", err)
	}
	if err := s.checkComplete(ctx, c.js, n); err != nil {
		c.close()
		return nil, err
	}
	note := func(ctx context.Context) error { return s.noteFormat(ctx, c.js, n) }
	m, err := openMaster(ctx, c, n, o, note)
	if err != nil {
		c.close()
		return nil, err
	}
	return m, nil
}

// format is Dir/format.json: how far each stream had come when it was last
// looked at. JetStream skips a stream whose description it cannot read, and
// starts one anew whose messages it cannot read, with nothing but a line in the
// log. Sequence numbers never go back, so this file shows both.
type format struct {
	Version int               `json:"version"`
	Last    map[string]uint64 `json:"last"`
}

func (s *Server) formatFile() string { return filepath.Join(s.cfg.Dir, "format.json") }

func (s *Server) readFormat() (format, error) {
	f := format{Version: 1, Last: map[string]uint64{}}
	data, err := os.ReadFile(s.formatFile())
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("read queue format: %w", err)
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, &CorruptError{Dir: s.cfg.Dir, Detail: "format.json: " + err.Error()}
	}
	if f.Version != 1 {
		return f, fmt.Errorf("queue directory %s has format %d, which this program does not know", s.cfg.Dir, f.Version)
	}
	return f, nil
}

// noteFormat is called when a master opens and closes, and at times in between.
func (s *Server) noteFormat(ctx context.Context, js jetstream.JetStream, n names) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.readFormat()
	if err != nil {
		return err
	}
	next := format{Version: 1, Last: maps.Clone(f.Last)}
	for _, name := range n.streams() {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			return fmt.Errorf("open %s: %w", name, err)
		}
		next.Last[name] = stream.CachedInfo().State.LastSeq
	}
	if maps.Equal(f.Last, next.Last) {
		return nil
	}
	data, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(s.formatFile(), append(data, '\n'), 0o600)
}

func (s *Server) checkComplete(ctx context.Context, js jetstream.JetStream, n names) error {
	f, err := s.readFormat()
	if err != nil {
		return err
	}
	var damage []string
	for _, name := range n.streams() {
		last, known := f.Last[name]
		if !known {
			continue
		}
		stream, err := js.Stream(ctx, name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			damage = append(damage, name+" is missing or unreadable")
		case err != nil:
			return fmt.Errorf("open %s: %w", name, err)
		case stream.CachedInfo().State.LastSeq < last:
			damage = append(damage, fmt.Sprintf("%s ends at message %d and had come to %d",
				name, stream.CachedInfo().State.LastSeq, last))
		}
	}
	if len(damage) == 0 {
		return nil
	}
	detail := strings.Join(damage, "; ") + " (" + s.log.tail() + "); delete format.json to go on with what is left"
	if s.cfg.Unsafe {
		s.log.out.Error("the queue lost what was not synced", "detail", detail)
		return nil
	}
	return &CorruptError{Dir: s.cfg.Dir, Detail: detail}
}
