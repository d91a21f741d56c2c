package repo

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/limitio"
)

func TestLibcNewer(t *testing.T) {
	t.Parallel()
	// Rising: each is newer than the ones before it.
	rising := []string{
		"libc.so.6", "libc.so.6(x", "libc.so.6()(64bit)", "libc.so.6(GLIBC_PRIVATE)(64bit)",
		"libc.so.6(GLIBC_2.4)", "libc.so.6(GLIBC_2.10)(64bit)", "libc.so.6(GLIBC_2.34)(64bit)",
	}
	for i, a := range rising {
		for j, b := range rising {
			if got := libcNewer(a, b); got != (i > j) {
				t.Errorf("libcNewer(%q, %q) = %v", a, b, got)
			}
		}
	}
}

func TestGlobMatch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"*.rpm", "a/b.rpm", true},
		{"a/*", "a/b/c.rpm", true},
		{"?", "é", true},
		{"?", "ab", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"[ab]", "a", false},
		{"[ab]", "[ab]", true},
		{"kernel-debug*", "kernel-6.rpm", false},
		{"a**", "a", true},
	} {
		if got := globMatch(tc.pattern, tc.name); got != tc.want {
			t.Errorf("globMatch(%q, %q) = %v", tc.pattern, tc.name, got)
		}
	}
}

func TestIsStrtol(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": true, "0": true, "12": true, " 3": true, "-4": true, "+4": true, "x": false, "1x": false, "-": false, " ": false, "1 ": false} {
		if got := isStrtol(s); got != want {
			t.Errorf("isStrtol(%q) = %v", s, got)
		}
	}
}

// endless gives a head and then the letter a for ever.
type endless struct{ head io.Reader }

func (e endless) Read(p []byte) (int, error) {
	if n, err := e.head.Read(p); err == nil {
		return n, nil
	}
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestRepomdIsBounded(t *testing.T) {
	t.Parallel()
	_, err := ReadRepomd(endless{strings.NewReader(`<repomd xmlns="` + nsRepo + `"><revision>`)})
	if _, ok := errors.AsType[*limitio.TooLargeError](err); !ok {
		t.Errorf("endless repomd.xml: %v", err)
	}
}
