package limitio_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fedora-respin/respin/internal/limitio"
)

func TestReadAllAtAndPastTheLimit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in    string
		limit int64
		fails bool
	}{{"", 0, false}, {"a", 0, true}, {"abc", 3, false}, {"abcd", 3, true}, {"ab", 3, false}} {
		for _, oneByte := range []bool{false, true} {
			r := limitio.Reader(strings.NewReader(tc.in), tc.limit, "answer")
			if oneByte {
				r = limitio.Reader(iotest.OneByteReader(strings.NewReader(tc.in)), tc.limit, "answer")
			}
			got, err := limitio.ReadAll(r, 1<<20, "outer")
			var tooLarge *limitio.TooLargeError
			if errors.As(err, &tooLarge) != tc.fails {
				t.Errorf("%q limit %d: %v", tc.in, tc.limit, err)
			}
			if !tc.fails && string(got) != tc.in {
				t.Errorf("%q limit %d: got %q", tc.in, tc.limit, got)
			}
			if tc.fails && int64(len(got)) != tc.limit {
				t.Errorf("%q limit %d: %d bytes before the error", tc.in, tc.limit, len(got))
			}
		}
	}
}
