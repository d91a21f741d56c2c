package wire_test

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

type inner struct {
	Name string `koji:"name"`
	Same string `koji:"same"`
}

type wide struct {
	inner
	Same    string         `koji:"same"` // hides that of inner
	Text    *string        `koji:"text"`
	Number  int32          `koji:"number"`
	Pointer *int           `koji:"pointer"`
	On      bool           `koji:"on"`
	Weight  float64        `koji:"weight"`
	At      time.Time      `koji:"at_ts,at"`
	Maybe   *time.Time     `koji:"maybe"`
	Extra   map[string]any `koji:"extra"`
	Rest    map[string]any `koji:",rest"`
}

func member(name, value string) string {
	newline := "\n"
	if value == "<nil/>" {
		newline = ""
	}
	return "<member>\n<name>" + name + "</name>\n<value>" + value + "</value>" + newline + "</member>\n"
}

// The short way must read what the long way reads, and refuse what it refuses,
// whatever a hub writes.
func TestShortWayAgreesWithTheLongOne(t *testing.T) {
	t.Parallel()
	values := []string{
		"<nil/>", "<string>plain</string>", "<string></string>", "<string>a&amp;b</string>", "<string>é</string>", "<string>a\r\nb</string>",
		"<string>x<!-- c -->y</string>", "<string>" + strings.Repeat("long ", 2000) + "</string>", "<int>7</int>", "<int>-7</int>", "<int>+7</int>",
		"<int> 7 </int>", "<int></int>", "<int>-</int>", "<int>99999999999999999999</int>", "<int>5000000000</int>", "<i8>5000000000</i8>", "<i4>4</i4>",
		"<boolean>1</boolean>", "<boolean>0</boolean>", "<boolean>2</boolean>", "<double>1.5</double>", "<double>nan</double>", "<double>1,5</double>",
		"<double>1795392720.856908</double>", "<string>2026-11-23 00:12:00.5+00:00</string>", "<string>12</string>", "<base64>\nAAH/\n</base64>",
		"<array><data>\n</data></array>", "<struct>\n" + member("a", "<int>1</int>") + "</struct>", "bare", "", "<string>open", "<int>7</string>",
	}
	names := []string{"text", "number", "pointer", "on", "weight", "at_ts", "at", "maybe", "extra", "name", "same", "unknown", "un&amp;known"}
	for _, name := range names {
		for _, v := range values {
			// Twice, so that the second row goes by the order of the first.
			body := "<value><array><data>\n"
			for range 2 {
				body += "<value><struct>\n" + member("number", "<int>1</int>") + member(name, v) + member("on", "<boolean>1</boolean>") + "</struct></value>\n"
			}
			text := response(body + "</data></array></value>")
			var fast, slow []wide
			fastErr := wire.DecodeResponse(strings.NewReader(text), wire.Limits{}, &fast)
			slowErr := wire.DecodeResponse(iotest.OneByteReader(strings.NewReader(text)), wire.Limits{}, &slow)
			if fmt.Sprint(fastErr) != fmt.Sprint(slowErr) {
				t.Errorf("%s %.40s: %v, the long way says %v", name, v, fastErr, slowErr)
			}
			if diff := cmp.Diff(slow, fast, cmp.AllowUnexported(wide{}), cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); fastErr == nil && diff != "" && v != "<double>nan</double>" {
				t.Errorf("%s %.40s (-long +short):\n%s", name, v, diff)
			}
		}
	}
}

func TestRestTakesWhatNoFieldIsFor(t *testing.T) {
	t.Parallel()
	body := "<value><struct>\n" + member("tag.name", "<string>f42</string>") + member("number", "<int>3</int>") + member("build.state", "<int>1</int>") + "</struct></value>"
	var got wide
	if err := wire.DecodeResponse(strings.NewReader(response(body)), wire.Limits{}, &got); err != nil {
		t.Fatal(err)
	}
	want := wide{Number: 3, Rest: map[string]any{"tag.name": "f42", "build.state": int64(1)}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(wide{})); diff != "" {
		t.Error(diff)
	}
}

func rows(n int) string {
	var b strings.Builder
	b.WriteString("<value><array><data>\n")
	for i := range n {
		b.WriteString("<value><struct>\n" + member("number", fmt.Sprintf("<int>%d</int>", i)) + member("name", "<string>n"+fmt.Sprint(i)+"</string>") + "</struct></value>\n")
	}
	b.WriteString("</data></array></value>")
	return b.String()
}

func TestLongListsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 3, 4, 5, 12, 13, 9000} {
		var got []wide
		if err := wire.DecodeResponse(strings.NewReader(response(rows(n))), wire.Limits{}, &got); err != nil {
			t.Fatal(err)
		}
		if got == nil || len(got) != n || cap(got) != n {
			t.Fatalf("%d rows of %d, room for %d", len(got), n, cap(got))
		}
		for i, row := range got {
			if int(row.Number) != i || row.Name != fmt.Sprintf("n%d", i) {
				t.Fatalf("row %d of %d: %+v", i, n, row)
			}
		}
	}
}

func TestEachGivesElementsAway(t *testing.T) {
	t.Parallel()
	const n = 50_000
	text := response("<value><array><data>\n" + rows(n) + "\n" + rows(3) + "</data></array></value>")
	var row *wide
	var last, count int
	each := &wire.Each{
		New: func() any { row = new(wide); return row },
		Got: func() error { last, count = int(row.Number), count+1; return nil },
	}
	var second []wide
	// All of them would be far beyond the limit of memory.
	if err := wire.DecodeResponse(strings.NewReader(text), wire.Limits{MaxMemory: 1 << 20}, &wire.Tuple{each, &second}); err != nil {
		t.Fatal(err)
	}
	if count != n || last != n-1 || len(second) != 3 {
		t.Errorf("%d rows, the last %d, %d behind them", count, last, len(second))
	}

	stop := errors.New("enough")
	count = 0
	each.Got = func() error { count++; return stop }
	if err := wire.DecodeResponse(strings.NewReader(response(rows(10))), wire.Limits{}, each); !errors.Is(err, stop) || count != 1 {
		t.Errorf("%v after %d rows", err, count)
	}
	each.Got = func() error { t.Error("a row that does not fit is given away"); return nil }
	bad := strings.Replace(response(rows(1)), "<int>0</int>", "<string>x</string>", 1)
	var te *wire.TypeError
	if err := wire.DecodeResponse(strings.NewReader(bad), wire.Limits{}, each); !errors.As(err, &te) || te.Path != "[0].number" {
		t.Errorf("%v", err)
	}
}

// What one row keeps must not change when the buffer moves on.
func TestStringsOutliveTheBuffer(t *testing.T) {
	t.Parallel()
	const n = 3000
	r, w := io.Pipe()
	go func() {
		_, err := io.WriteString(w, response(rows(n)))
		_ = w.CloseWithError(err)
	}()
	var got []wide
	if err := wire.DecodeResponse(iotest.HalfReader(r), wire.Limits{}, &got); err != nil {
		t.Fatal(err)
	}
	for i, row := range got {
		if row.Name != fmt.Sprintf("n%d", i) {
			t.Fatalf("row %d is called %q", i, row.Name)
		}
	}
}
