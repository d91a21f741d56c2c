package cli_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/daemon/cli"
)

// respin runs one command line in this process.
func respin(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Main(t.Context(), cli.Env{Args: args, Environ: []string{"HOME=" + t.TempDir()}, Stdout: &out, Stderr: &errs})
	return code, out.String(), errs.String()
}

// TestKickstartsOfTheNetwork: a URL that the user gives may be anywhere, one
// that a kickstart includes only where --fetch and --trust allow it.
func TestKickstartsOfTheNetwork(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"/spin.ks":     "lang en\n%include sub/base.ks\n",
		"/sub/base.ks": "keyboard us\n%include ../missing.ks\n",
		"/good.ks":     "lang en\n%include sub/ok.ks\n",
		"/sub/ok.ks":   "timezone UTC\n",
		"/local.ks":    "%include ../../../../etc/hostname\n",
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if code, out, errs := respin(t, "kickstart", "flatten", server.URL+"/good.ks"); code != cli.ExitOK || out != "lang en\ntimezone UTC\n" {
		t.Errorf("flatten: %d, %q, %q", code, out, errs)
	}
	want := server.URL + "/sub/base.ks:2: warning: the included file \"../missing.ks\" is not there"
	if code, out, errs := respin(t, "kickstart", "validate", "--strict", server.URL+"/spin.ks"); code != cli.ExitRefused || !strings.HasPrefix(out, want) {
		t.Errorf("missing include: %d, %q, %q", code, out, errs)
	}
	if code, out, _ := respin(t, "kickstart", "validate", server.URL+"/local.ks"); code != cli.ExitOK || !strings.Contains(out, "is not there") {
		t.Errorf("a page reached local files: %d, %q", code, out)
	}
	if code, _, errs := respin(t, "kickstart", "validate", server.URL+"/gone.ks"); code == cli.ExitOK || !strings.Contains(errs, "404") {
		t.Errorf("a page that is not there: %d, %q", code, errs)
	}

	file := filepath.Join(t.TempDir(), "x.ks")
	if err := os.WriteFile(file, []byte("%include "+server.URL+"/good.ks\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		code int
		part string
	}{
		{nil, cli.ExitOK, "was not followed"},
		{[]string{"--fetch"}, cli.ExitRefused, "127.0.0.1"},
		{[]string{"--fetch", "--trust", u.Host}, cli.ExitOK, ""},
		{[]string{"--no-includes"}, cli.ExitOK, ""},
	} {
		code, out, errs := respin(t, append([]string{"kickstart", "validate", file}, tt.args...)...)
		if code != tt.code || !strings.Contains(out, tt.part) {
			t.Errorf("%v: %d, %q, %q", tt.args, code, out, errs)
		}
	}
}

// TestKickstartShowAsJSON: the lists are there even when they are empty, so that
// programs need no second look.
func TestKickstartShowAsJSON(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x.ks")
	if err := os.WriteFile(file, []byte("lang en\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := respin(t, "kickstart", "show", "--json", file)
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != cli.ExitOK {
		t.Fatalf("%d, %v, %q", code, err, errs)
	}
	for _, list := range []string{"repos", "groups", "packages", "excluded", "excluded_groups", "partitions", "users", "networks", "scripts", "sections", "package_options"} {
		if _, ok := got[list].([]any); !ok {
			t.Errorf("%s is %v", list, got[list])
		}
	}
	if got["lang"] != "en" || got["root_password"] != "none" || got["file"] != file {
		t.Errorf("got %v", got)
	}
}
