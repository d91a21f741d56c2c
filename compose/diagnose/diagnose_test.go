package diagnose_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/diagnose"
)

func read(t *testing.T, text string, facts diagnose.Facts) *diagnose.Verdict {
	t.Helper()
	v, err := diagnose.New(diagnose.Options{}).Read(t.Context(), []diagnose.Log{{Name: "x.log", Reader: strings.NewReader(text)}}, facts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRootIsTakenBeforeWhatFollows(t *testing.T) {
	t.Parallel()
	const enospc = "tar: /x: Cannot write: No space left on device\n"
	for name, c := range map[string]struct {
		log  string
		want diagnose.Code
	}{
		"full disk behind a transaction behind lmc":  {"x\n" + enospc + "Transaction failed: Rpm transaction failed.\nImage creation failed: novirt_install failed\n", diagnose.DiskFull},
		"what failed is said before why":             {"Transaction failed: Rpm transaction failed.\n" + enospc, diagnose.DiskFull},
		"checksums behind tried mirrors":             {"[MIRROR] a.rpm: Downloading successful, but checksum doesn't match.\nError: Error downloading packages:\n  Cannot download a.rpm: All mirrors were tried\n", diagnose.ChecksumMismatch},
		"a key behind a failed check":                {"Public key for a.rpm is not installed\nError: GPG check FAILED\n", diagnose.BadSignature},
		"memory behind a killed process":             {"Out of memory: Killed process 7 (xz)\nKilled\n", diagnose.OutOfMemory},
		"a missing program behind a template":        {"template command error in x86.tmpl:\n  runcmd xorrisofs\n  FileNotFoundError: [Errno 2] No such file or directory: 'xorrisofs'\n", diagnose.ToolMissing},
		"a later full disk does not explain the key": {"Error: GPG check FAILED\n", diagnose.BadSignature},
		"a repository that is ignored is no cause":   {"Error: Failed to download metadata for repo 'a': x\nIgnoring repositories: a\nError: \n Problem: conflicting requests\n  - nothing provides b needed by c-1-1.noarch from d\n", diagnose.DependencyProblem},
		"before a success nothing counts":            {enospc + "INFO: Done(a.src.rpm) Config(x) 1 minutes\n", diagnose.Unknown},
		"after a success it does":                    {"INFO: Done(a.src.rpm) Config(x) 1 minutes\n" + enospc, diagnose.DiskFull},
		"a required package":                         {"installpkg a failed: no package matched a\n  RuntimeError: Required installpkg failed.\n", diagnose.PackageNotFound},
		"an optional package":                        {"installpkg a failed: no package matched a\n", diagnose.Unknown},
		"unknown is unknown":                         {"Traceback (most recent call last):\nWeirdError: the frobnicator is sad\n", diagnose.Unknown},
	} {
		if v := read(t, c.log, diagnose.Facts{}); v.Code != c.want {
			t.Errorf("%s: %s by %s: %s", name, v.Code, v.Rule, v.Sentence)
		}
	}
}

func TestUnknownShowsTheLastError(t *testing.T) {
	t.Parallel()
	v := read(t, "starting\n2025-01-01 10:00:00,000 ERROR frob: the frobnicator is sad\nbye bye\n", diagnose.Facts{Exit: 1, Stage: "compose"})
	if v.Sentence != "The cause is not known; the last error says: the frobnicator is sad." || v.Stage != "compose" ||
		len(v.Evidence) != 1 || v.Evidence[0].Line != 2 {
		t.Errorf("%+v", v)
	}
	v = read(t, "starting the\nlast words\n", diagnose.Facts{})
	if !strings.Contains(v.Sentence, "last words") || len(v.Evidence) != 2 {
		t.Errorf("%+v", v)
	}
	if v = read(t, "", diagnose.Facts{}); v.Code != diagnose.Unknown || v.Evidence == nil || v.Remedy == "" {
		t.Errorf("%+v", v)
	}
}

func TestOvercomeErrorsCountWhenTheToolFailed(t *testing.T) {
	t.Parallel()
	log := "tar: /x: Cannot write: No space left on device\nINFO: Done(a.src.rpm) Config(x) 1 minutes\n"
	if v := read(t, log, diagnose.Facts{Exit: 1}); v.Code != diagnose.DiskFull {
		t.Errorf("%+v", v)
	}
}

func TestFactsSpeakWhereLogsAreSilent(t *testing.T) {
	t.Parallel()
	const oom = "Out of memory: Killed process 7 (xz)\n"
	for name, c := range map[string]struct {
		log   string
		facts diagnose.Facts
		want  diagnose.Code
	}{
		"node lost":               {oom, diagnose.Facts{NodeLost: true}, diagnose.NodeLost},
		"counted by the cgroup":   {"GPG check FAILED\n", diagnose.Facts{OOMKilled: true}, diagnose.OutOfMemory},
		"took too long":           {"installing\n", diagnose.Facts{TimedOut: true}, diagnose.TimeLimit},
		"hung on a full disk":     {"write error: No space left on device\n", diagnose.Facts{TimedOut: true}, diagnose.DiskFull},
		"killed":                  {"installing\n", diagnose.Facts{Signal: syscall.SIGKILL}, diagnose.Killed},
		"killed, says a shell":    {"installing\n", diagnose.Facts{Exit: 137}, diagnose.Killed},
		"killed for memory":       {oom, diagnose.Facts{Signal: syscall.SIGKILL}, diagnose.OutOfMemory},
		"crashed":                 {"installing\n", diagnose.Facts{Signal: syscall.SIGSEGV}, diagnose.ToolCrashed},
		"timeout(1)":              {"installing\n", diagnose.Facts{Exit: 124}, diagnose.TimeLimit},
		"no program":              {"installing\n", diagnose.Facts{Exit: 127}, diagnose.ToolMissing},
		"mock's lock":             {"installing\n", diagnose.Facts{Tool: "mock", Exit: 60}, diagnose.Busy},
		"60 of another tool":      {"installing\n", diagnose.Facts{Tool: "dnf", Exit: 60}, diagnose.Unknown},
		"mock failed by its logs": {"Error: GPG check FAILED\n", diagnose.Facts{Tool: "mock", Exit: 11}, diagnose.BadSignature},
	} {
		if v := read(t, c.log, c.facts); v.Code != c.want {
			t.Errorf("%s: %s: %s", name, v.Code, v.Sentence)
		} else if v.Remedy == "" || v.Sentence == "" || len(v.Evidence) == 0 {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ log, secret string }{
		{"Error: Failed to download metadata for repo 'a': Status code: 401 for https://bob:s3cr3t@example.org/repo", "s3cr3t"},
		{"ERROR: request failed: Authorization: Bearer abcdef0123456789", "abcdef0123456789"},
		{"ERROR: request failed: {'Authorization': 'Basic Ym9iOnMzY3IzdA=='}", "Ym9iOnMzY3IzdA"},
		{"ERROR: koji call failed: http://hub/kojihub?callnum=3&session-id=4711&session-key=993-AbCdEf", "993-AbCdEf"},
		{"ERROR: failed with password=hunter2hunter2", "hunter2"},
		{"ERROR: failed with --token s3cr3ts3cr3t", "s3cr3t"},
		{"ERROR: line 3: rootpw --plaintext swordfish failed", "swordfish"},
		{"ERROR: user x $6$saltsalt$abcdefghijklmnopqrstuvwxyz failed", "abcdefghijklm"},
		{"ERROR: upload failed: ghp_abcdefghijklmnopqrstuvwx1234", "ghp_abcdef"},
		{"ERROR: failed: https://b.example.org/f?X-Amz-Signature=0123abcd&x=1", "0123abcd"},
		{"ERROR: failed: Set-Cookie: session=99aa88bb77; path=/", "99aa88bb77"},
		{"fatal: unable to access 'https://tok3n@git.example.org/r.git/'", "tok3n"},
	} {
		v := read(t, "x\n"+c.log+"\n", diagnose.Facts{})
		all, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(all), c.secret) {
			t.Errorf("%q shows %s", all, c.secret)
		}
		if !strings.Contains(string(all), "***") {
			t.Errorf("%q: nothing is masked", all)
		}
	}
	const plain = "ERROR: Failed to fetch https://example.org/a@b/c failed in session setup, tokens: none"
	if v := read(t, plain, diagnose.Facts{}); v.Evidence[0].Text != plain {
		t.Errorf("masked without need: %q", v.Evidence[0].Text)
	}
}

func TestHostileLogs(t *testing.T) {
	t.Parallel()
	const enospc = "tar: /x: Cannot write: No space left on device"
	long := strings.Repeat("x", 3<<20)
	for name, log := range map[string]string{
		"colors":               "\x1b[31mtar: /x: Cannot write:\x1b[0m \x1b]0;title\x07No space \x1b[1mleft on device\x1b[0m\n",
		"progress":             "10%\r20%\r" + enospc + "\r30%\n",
		"crlf":                 enospc + "\r\n",
		"no end":               enospc,
		"NULs of a crash":      "\x00\x00\x00" + enospc + "\x00\x00\n",
		"after a long line":    long + "\n" + enospc + "\n",
		"at a long line's end": long + " " + enospc + "\n",
		"after binary":         "\x7fELF\x01\x02\x00\x03No space left on device\x00\x05\x06\n" + enospc + "\n",
		"not UTF-8":            "\xff\xfe " + enospc + "\n",
	} {
		v := read(t, log, diagnose.Facts{})
		if v.Code != diagnose.DiskFull {
			t.Errorf("%s: %s: %s", name, v.Code, v.Sentence)
		}
		for _, e := range v.Evidence {
			if len(e.Text) > 600 || strings.ContainsFunc(e.Text, func(r rune) bool { return r < 0x20 }) {
				t.Errorf("%s: evidence %q", name, e.Text[:min(len(e.Text), 80)])
			}
		}
	}
	if v := read(t, "\x7fELF\x01\x02\x00\x03: No space left on device\x00\x05\x06\n", diagnose.Facts{}); v.Code != diagnose.Unknown {
		t.Errorf("a message in a program counts: %+v", v)
	}
}

func TestLogsAreBounded(t *testing.T) {
	t.Parallel()
	c := diagnose.New(diagnose.Options{MaxBytes: 1000, MaxLogs: 2})
	endless := io.MultiReader(strings.NewReader("Error: GPG check FAILED\n"), iotest.DataErrReader(endlessReader{}))
	v, err := c.Read(t.Context(), []diagnose.Log{{Name: "a", Reader: endless}}, diagnose.Facts{})
	if err != nil || v.Code != diagnose.BadSignature || !cmp.Equal(v.Partial, []string{"a"}) {
		t.Errorf("%+v, %v", v, err)
	}
	_, err = c.Read(t.Context(), make([]diagnose.Log, 3), diagnose.Facts{})
	if many, ok := errors.AsType[*diagnose.TooManyError](err); !ok || many.Limit != 2 {
		t.Errorf("%v", err)
	}
}

type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestBrokenLogsCountAsFarAsTheyGo(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	c := diagnose.New(diagnose.Options{})
	v, err := c.Read(t.Context(), []diagnose.Log{
		{Name: "a", Reader: io.MultiReader(strings.NewReader("Error: GPG check FAILED\n"), iotest.ErrReader(broken))},
		{Name: "b", Reader: strings.NewReader("x\n")},
	}, diagnose.Facts{})
	if !errors.Is(err, broken) || v.Code != diagnose.BadSignature || !cmp.Equal(v.Partial, []string{"a"}) || v.Lines != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Read(ctx, []diagnose.Log{{Name: "a", Reader: endlessReader{}}}, diagnose.Facts{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestEvidenceNamesFileAndLine(t *testing.T) {
	t.Parallel()
	v, err := diagnose.New(diagnose.Options{}).Read(t.Context(), []diagnose.Log{
		{Name: "livemedia.log", Reader: strings.NewReader("Running anaconda.\nInstall failed: novirt_install failed\n")},
		{Name: "program.log", Reader: strings.NewReader("Running... cp a b\ncp: error writing '/b': No space left on device\nReturn code: 1\n")},
	}, diagnose.Facts{Tool: "livemedia-creator"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range v.Evidence {
		got = append(got, e.String())
	}
	for _, want := range []string{"livemedia.log:2: Install failed: novirt_install failed", "program.log:2: cp: error writing '/b': No space left on device"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if v.Sentence != "The disk is full: no space was left for writing /b." || v.Tool != "livemedia-creator" {
		t.Errorf("%+v", v)
	}
}
