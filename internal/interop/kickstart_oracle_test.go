//go:build interop

package interop_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
)

// ksOracle is pykickstart as a library in one process: testdata/ksoracle.py.
type ksOracle struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// ksQuestion is one kickstart, as text or as a file with what it includes.
type ksQuestion struct {
	Version       string  `json:"version"`
	Text          *string `json:"text,omitempty"`
	Path          string  `json:"path,omitempty"`
	Includes      bool    `json:"includes,omitempty"`
	IgnoreMissing bool    `json:"ignore_missing,omitempty"`
	Fill          bool    `json:"fill,omitempty"`
}

// ksAnswer is what pykickstart made of it. Crash is an error that is none of
// pykickstart's own classes.
type ksAnswer struct {
	Error    *string  `json:"error"`
	Line     int      `json:"line"`
	Crash    bool     `json:"crash"`
	Warnings []string `json:"warnings"`
	Views    *ksViews `json:"views"`
	Text     string   `json:"text"`
}

// ksViews are the data of pykickstart's handler.
type ksViews struct {
	Environment    string      `json:"environment"`
	Groups         [][2]any    `json:"groups"`
	ExcludedGroups []string    `json:"excluded_groups"`
	Packages       []string    `json:"packages"`
	Excluded       []string    `json:"excluded"`
	Header         []any       `json:"header"`
	Scripts        [][6]any    `json:"scripts"`
	Certificates   [][4]string `json:"certificates"`

	Repos      []map[string]any `json:"repos"`
	URL        map[string]any   `json:"url"`
	Partitions []map[string]any `json:"partitions"`
	Users      []map[string]any `json:"users"`
	Networks   []map[string]any `json:"networks"`
	Services   map[string]any   `json:"services"`
	RootPW     map[string]any   `json:"rootpw"`
	Bootloader map[string]any   `json:"bootloader"`
	Lang       map[string]any   `json:"lang"`
	Timezone   map[string]any   `json:"timezone"`
	Keyboard   map[string]any   `json:"keyboard"`
}

// newOracle starts the process; it ends with the test.
func newOracle(t *testing.T) *ksOracle {
	t.Helper()
	script := filepath.Join(shareddata.Root(t), "internal", "interop", "testdata", "ksoracle.py")
	cmd := exec.CommandContext(t.Context(), filepath.Join(ksTools(t), "python"), script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &ksOracle{in, bufio.NewReaderSize(out, 1<<20)}
}

// ask sends a question and reads its answer.
func (o *ksOracle) ask(t *testing.T, q ksQuestion) ksAnswer {
	t.Helper()
	line, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	var a ksAnswer
	got, err := o.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(got, &a)
	}
	if err != nil {
		t.Fatalf("ask pykickstart: %v (%s)", err, got)
	}
	return a
}
