package http

import (
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/publish/dir"
)

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"", "bytes 0-9/10", "bytes 5-9/10", "bytes 5-8/10", "bytes */10", "bytes -1-9/10"} {
		f.Add(s, int64(5))
	}
	f.Fuzz(func(t *testing.T, s string, length int64) {
		r, err := parseRange(s, length)
		if err != nil {
			return
		}
		if r.first < 0 || r.total < r.first || length >= 0 && r.total-r.first != length {
			t.Errorf("%q of %d bytes: %+v", s, length, r)
		}
	})
}

// What the server means arrives at the client as the same error.
func TestErrorsCrossTheWire(t *testing.T) {
	t.Parallel()
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	for _, c := range []struct {
		err  error
		same func(error) bool
	}{
		{publish.ErrNoSpace, is(publish.ErrNoSpace)},
		{publish.ErrDenied, is(publish.ErrDenied)},
		{publish.ErrNotStaged, is(publish.ErrNotStaged)},
		{&publish.ExistsError{ID: "x"}, func(err error) bool { e, ok := errors.AsType[*publish.ExistsError](err); return ok && e.ID == "x" }},
		{&publish.MismatchError{Path: "a", What: "sha256", Want: "1", Got: "2"}, func(err error) bool {
			e, ok := errors.AsType[*publish.MismatchError](err)
			return ok && *e == publish.MismatchError{Path: "a", What: "sha256", Want: "1", Got: "2"}
		}},
		{&publish.RefusedError{Name: "a"}, func(err error) bool { _, ok := errors.AsType[*publish.RefusedError](err); return ok }},
		{&limitio.TooLargeError{What: "a"}, func(err error) bool { _, ok := errors.AsType[*publish.RefusedError](err); return ok }},
		{&dir.OffsetError{Have: 3}, is(publish.ErrUnavailable)},
		{dir.ErrBusy, is(publish.ErrUnavailable)},
		{errors.New("open /srv/secret: no such file"), func(err error) bool {
			return errors.Is(err, publish.ErrUnavailable) && !strings.Contains(err.Error(), "secret")
		}},
	} {
		var b strings.Builder
		p := describe(fmt.Errorf("wrapped: %w", c.err))
		writeProblem(&recorder{Writer: &b}, p)
		resp := &nethttp.Response{StatusCode: p.Status, Body: io.NopCloser(strings.NewReader(b.String()))}
		if got := problemError(resp, "x"); !c.same(got) {
			t.Errorf("%v became %v", c.err, got)
		}
	}
}

type recorder struct{ io.Writer }

func (*recorder) Header() nethttp.Header { return nethttp.Header{} }
func (*recorder) WriteHeader(int)        {}
