package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji/internal/wire"
)

func response(value string) string {
	return "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n" + value + "\n</param>\n</params>\n</methodResponse>\n"
}

func recorded(t *testing.T, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "koji-wire"), pattern))
	if err != nil || len(paths) < 90 {
		t.Fatalf("%d recordings match %s: %v", len(paths), pattern, err)
	}
	out := map[string][]byte{}
	for _, p := range paths {
		if strings.HasPrefix(filepath.Base(p), "http-4") {
			continue
		}
		if out[filepath.Base(p)], err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestRecordedAnswersComeBackByteForByte(t *testing.T) {
	t.Parallel()
	for name, raw := range recorded(t, "*.response.xml") {
		var v any
		var out bytes.Buffer
		err := wire.DecodeResponse(bytes.NewReader(raw), wire.Limits{Ordered: true}, &v)
		var fault *wire.Fault
		switch {
		case errors.As(err, &fault) && strings.HasPrefix(name, "fault-"):
			err = wire.EncodeFault(&out, fault.Code, fault.String)
		case err == nil:
			err = wire.EncodeResponse(&out, v)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(string(raw), out.String()); diff != "" {
			t.Errorf("%s (-hub +ours):\n%s", name, diff)
		}
	}
}

func TestRecordedRequestsSurviveOurEncoder(t *testing.T) {
	t.Parallel()
	for name, raw := range recorded(t, "*.request.xml") {
		call, err := wire.DecodeCall(iotest.OneByteReader(bytes.NewReader(raw)), wire.Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if call.Method == "echo" {
			call.Params = call.Params[:len(call.Params)-1] // a dateTime, which no argument of Koji needs
		}
		body, err := wire.EncodeCall(call.Method, call.Params...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := wire.DecodeCall(bytes.NewReader(body), wire.Limits{})
		if diff := cmp.Diff(call, again); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestDecodeAny(t *testing.T) {
	t.Parallel()
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for in, want := range map[string]any{
		"<value><nil/></value>":            nil,
		"<value><ex:nil/></value>":         nil,
		"<value><nil></nil></value>":       nil,
		"<value/>":                         "",
		"<value></value>":                  "",
		"<value><string/></value>":         "",
		"<value><string></string></value>": "",
		"<value> bare text </value>":       " bare text ",
		"<value><string>a&lt;&amp;&#x42;&#67;&quot;</string></value>":                    `a<&BC"`,
		"<value><string>x<!-- no -->y<![CDATA[<&z]]></string></value>":                   "xy<&z",
		"<value><string>a\r\nb\rc</string></value>":                                      "a\nb\nc",
		"<value><i1>-1</i1></value>":                                                     int64(-1),
		"<value><i2>300</i2></value>":                                                    int64(300),
		"<value><i4> 4 </i4></value>":                                                    int64(4),
		"<value><i8>5000000000</i8></value>":                                             int64(5000000000),
		"<value><biginteger>9</biginteger></value>":                                      int64(9),
		"<value><biginteger>123456789012345678901234567890</biginteger></value>":         huge,
		"<value><double>1795392190.638085</double></value>":                              1795392190.638085,
		"<value><boolean>1</boolean></value>":                                            true,
		"<value><base64>\nAAH/\n</base64></value>":                                       []byte{0, 1, 255},
		"<value><dateTime.iso8601>20261123T00:12:04</dateTime.iso8601></value>":          time.Date(2026, 11, 23, 0, 12, 4, 0, time.UTC),
		"<value><array><data></data></array></value>":                                    []any{},
		"<value><array><data/></array></value>":                                          []any{},
		"<value><struct/></value>":                                                       map[string]any{},
		"<value><struct><member><name/><value>v</value></member></struct></value>":       map[string]any{"": "v"},
		"<value a='b'><array><data><value><nil/></value><value/></data></array></value>": []any{nil, ""},
	} {
		for _, r := range []io.Reader{strings.NewReader(response(in)), iotest.OneByteReader(strings.NewReader("\xef\xbb\xbf" + response(in)))} {
			var got any = "old"
			if err := wire.DecodeResponse(r, wire.Limits{}, &got); err != nil {
				t.Errorf("%s: %v", in, err)
			} else if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); diff != "" {
				t.Errorf("%s:\n%s", in, diff)
			}
		}
	}
}

type row struct {
	Other  string
	ID     int            `koji:"id,build_id"`
	Epoch  *int           `koji:"epoch"`
	Size   int64          `koji:"st_size"`
	Done   *time.Time     `koji:"completion_ts,completion_time"`
	Key    *string        `koji:"sigkey"`
	Extra  map[string]any `koji:"extra"`
	Weight float64        `koji:"weight"`
}

func TestDecodeIntoStruct(t *testing.T) {
	t.Parallel()
	const body = `<value><array><data>
<value><struct>
<member><name>build_id</name><value><int>7</int></value></member>
<member><name>id</name><value><int>8</int></value></member>
<member><name>completion_time</name><value><string>2026-11-23 00:12:00+00:00</string></value></member>
<member><name>completion_ts</name><value><double>1795392720.856908</double></value></member>
<member><name>epoch</name><value><int>0</int></value></member>
<member><name>st_size</name><value><string>5000000000</string></value></member>
<member><name>sigkey</name><value><string></string></value></member>
<member><name>weight</name><value><int>2</int></value></member>
<member><name>unknown</name><value><array><data><value><struct/></value></data></array></value></member>
</struct></value>
<value><struct>
<member><name>build_id</name><value><int>9</int></value></member>
<member><name>epoch</name><value><nil/></value></member>
<member><name>completion_time</name><value><string>2026-11-23 00:12:00.5</string></value></member>
<member><name>id</name><value><int>10</int></value></member>
<member><name>build_id</name><value><int>9</int></value></member>
<member><name>extra</name><value><nil/></value></member>
</struct></value></data></array></value>`
	stale := 99
	got := []row{{ID: 1, Epoch: &stale}, {ID: 2, Epoch: &stale, Weight: 3}}
	if err := wire.DecodeResponse(strings.NewReader(response(body)), wire.Limits{}, &got); err != nil {
		t.Fatal(err)
	}
	zero, empty := 0, ""
	at := func(usec int64) *time.Time { v := time.UnixMicro(usec).UTC(); return &v }
	want := []row{
		{ID: 8, Epoch: &zero, Size: 5000000000, Done: at(1795392720856908), Key: &empty, Weight: 2},
		{ID: 10, Done: at(1795392720500000)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// What an earlier attempt left is gone.
	old := row{ID: 1, Epoch: &stale, Weight: 3}
	const small = "<value><struct><member><name>id</name><value><int>2</int></value></member></struct></value>"
	if err := wire.DecodeResponse(strings.NewReader(response(small)), wire.Limits{}, &old); err != nil || cmp.Diff(row{ID: 2}, old) != "" {
		t.Errorf("%v %+v", err, old)
	}
}

func TestMisfitsNameTheirPlace(t *testing.T) {
	t.Parallel()
	const body = `<value><array><data><value><struct>
<member><name>epoch</name><value><string>two</string></value></member></struct></value></data></array></value>`
	var got []row
	err := wire.DecodeResponse(strings.NewReader(response(body)), wire.Limits{}, &got)
	var te *wire.TypeError
	if !errors.As(err, &te) || te.Path != "[0].epoch" || te.Got != "string" || te.Want != "int" {
		t.Errorf("%v", err)
	}
	for _, target := range []any{new(string), new([]row), new(int8), new(bool)} {
		err := wire.DecodeResponse(strings.NewReader(response("<value><struct/></value>")), wire.Limits{}, target)
		if !errors.As(err, &te) {
			t.Errorf("%T: %v", target, err)
		}
	}
	if err := wire.DecodeResponse(strings.NewReader(response("<value><int>1000</int></value>")), wire.Limits{}, new(int8)); !errors.As(err, &te) {
		t.Errorf("overflow: %v", err)
	}
}

func TestMultiKeepsCallsApart(t *testing.T) {
	t.Parallel()
	const body = `<value><array><data>
<value><array><data><value><int>5</int></value></data></array></value>
<value><struct><member><name>faultCode</name><value><int>1000</int></value></member>
<member><name>faultString</name><value><string>No such tagInfo: 'x'</string></value></member></struct></value>
<value><array><data><value><struct/></value></data></array></value>
<value><array><data><value><nil/></value></data></array></value>
<value><array><data><value><string>s</string></value></data></array></value>
</data></array></value>`
	one, two, three, last := 0, 0, 0, ""
	four := &one
	m := &wire.Multi{Outs: []any{&one, &two, &three, &four, &last}}
	if err := wire.DecodeResponse(strings.NewReader(response(body)), wire.Limits{}, m); err != nil {
		t.Fatal(err)
	}
	var fault *wire.Fault
	var te *wire.TypeError
	if one != 5 || four != nil || last != "s" || m.Errs[0] != nil || m.Errs[3] != nil || m.Errs[4] != nil ||
		!errors.As(m.Errs[1], &fault) || fault.Code != 1000 || !errors.As(m.Errs[2], &te) {
		t.Errorf("%d %v %q %v", one, four, last, m.Errs)
	}
	for _, n := range []int{4, 6} {
		m := &wire.Multi{Outs: make([]any, n)}
		if err := wire.DecodeResponse(strings.NewReader(response(body)), wire.Limits{}, m); err == nil {
			t.Errorf("5 results pass for %d calls", n)
		}
	}
}

func TestBrokenInputIsAnError(t *testing.T) {
	t.Parallel()
	whole := response("<value><struct><member><name>n</name><value><array><data><value><string>é&amp;</string></value></data></array></value></member></struct></value>")
	for i := range len(strings.TrimSpace(whole)) {
		var v any
		err := wire.DecodeResponse(strings.NewReader(whole[:i]), wire.Limits{}, &v)
		if _, ok := errors.AsType[*wire.SyntaxError](err); !ok {
			t.Errorf("cut at %d: %v", i, err)
		} else if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d is not called truncated: %v", i, err)
		}
	}
	for _, bad := range []string{
		"hello", "<html><body>502</body></html>", whole + "x", whole + whole,
		strings.Replace(whole, "?>", " encoding='ISO-8859-1' standalone='yes'?>", 1),
		`<!DOCTYPE a [<!ENTITY x "y">]><methodResponse/>`,
		response("<value><int>x</int></value>"), response("<value><int></int></value>"), response("<value><boolean>2</boolean></value>"),
		response("<value><double>1,5</double></value>"), response("<value><base64>!</base64></value>"),
		response("<value><string>&nosuch;</string></value>"), response("<value><string>&#0;</string></value>"),
		response("<value><string>\xff</string></value>"), response("<value><string>a</int></value>"),
		response("<value><what>1</what></value>"), response("<value>x<int>1</int></value>"), response("<value><int>1</int>x</value>"),
		response("<value><array><value/></array></value>"), response("<value><struct><name>x</name></struct></value>"),
		response("<value><nil/></value><value><nil/></value>"), response(""), response("<value><struct><member></member></struct></value>"),
		"<methodResponse><fault><value><int>1</int></value></fault></methodResponse",
	} {
		var v any
		if err := wire.DecodeResponse(strings.NewReader(bad), wire.Limits{}, &v); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

// repeated serves a text many times without holding it.
type repeated struct {
	text string
	n    int
	rest string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestHostileInputIsBounded(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(response("CUT"), "CUT")
	for _, limits := range []wire.Limits{{}, {Ordered: true}} {
		for _, target := range []any{new(any), new([]row), nil} {
			in := io.MultiReader(strings.NewReader(head), &repeated{text: "<value><array><data>", n: 3_000_000})
			err := wire.DecodeResponse(in, limits, target)
			var le *wire.LimitError
			if !errors.As(err, &le) || le.What != "depth" {
				t.Errorf("%T: nested arrays: %v", target, err)
			}
		}
	}
	in := io.MultiReader(strings.NewReader(head+"<value><array><data>"), &repeated{text: "<value><struct/></value>", n: 1 << 30})
	var le *wire.LimitError
	if err := wire.DecodeResponse(in, wire.Limits{MaxBytes: 1 << 20, MaxMemory: 1 << 20}, new([]row)); !errors.As(err, &le) || le.What != "memory" {
		t.Errorf("rows from nothing: %v", err)
	}
	var tle *limitio.TooLargeError
	in = io.MultiReader(strings.NewReader(head+"<value><string>"), &repeated{text: "xxxxxxxxxxxxxxxx", n: 1 << 30})
	if err := wire.DecodeResponse(in, wire.Limits{MaxBytes: 1 << 20}, new(any)); !errors.As(err, &tle) {
		t.Errorf("long string: %v", err)
	}
	in = io.MultiReader(strings.NewReader("<"), &repeated{text: "xxxxxxxxxxxxxxxx", n: 1 << 30})
	var se *wire.SyntaxError
	if err := wire.DecodeResponse(in, wire.Limits{}, new(any)); !errors.As(err, &se) {
		t.Errorf("long tag: %v", err)
	}
}

func TestReadErrorsStayThemselves(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	in := io.MultiReader(strings.NewReader(response("")[:60]), iotest.ErrReader(broken))
	if err := wire.DecodeResponse(in, wire.Limits{}, new(any)); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestEncodeCall(t *testing.T) {
	t.Parallel()
	var none *int
	body, err := wire.EncodeCall("m", nil, none, uint8(3), "a\n<b>&\"é", []byte{0, 1, 255}, []string{}, map[string]any{"<x>": nil, "f": 1.5},
		time.UnixMicro(1795392720856908), []any{nil, []any{true}}, wire.Keywords{"k": ""})
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.DecodeCall(bytes.NewReader(body), wire.Limits{})
	want := wire.Call{Method: "m", Params: []any{
		nil, nil, int64(3), "a\n<b>&\"é",
		[]byte{0, 1, 255},
		[]any{},
		map[string]any{"<x>": nil, "f": 1.5},
		1795392720.856908,
		[]any{nil, []any{true}},
		map[string]any{"k": "", "__starstar": true},
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s\n%s", err, diff, body)
	}
}

func TestEncodeCallRefuses(t *testing.T) {
	t.Parallel()
	cycle := []any{nil}
	cycle[0] = cycle
	var self any
	self = &self
	for name, args := range map[string][]any{
		"": nil, "a b": nil, "a</methodName>": nil, strings.Repeat("x", 101): nil,
		"control": {"\x01"}, "utf8": {"\xff"}, "key": {map[string]any{"\x00": 1}}, "keys": {map[int]int{1: 1}},
		"channel": {make(chan int)}, "big": {uint64(1 << 63)}, "cycle": {cycle}, "self": {self}, "struct": {row{}},
	} {
		if body, err := wire.EncodeCall(name, args...); err == nil {
			t.Errorf("%q %v: no error, %s", name, args, body)
		}
	}
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(response("<value><array><data><value><struct><member><name>epoch</name><value><nil/></value></member></struct></value></data></array></value>")))
	f.Add([]byte("<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1</int></value></member></struct></value></fault></methodResponse>"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		limits := wire.Limits{MaxBytes: 1 << 16, Ordered: true}
		var v any
		err := wire.DecodeResponse(bytes.NewReader(raw), limits, &v)
		// Byte by byte everything goes the long way, which must agree with the short one.
		var rows, slow []row
		fastErr := wire.DecodeResponse(bytes.NewReader(raw), limits, &rows)
		slowErr := wire.DecodeResponse(iotest.OneByteReader(bytes.NewReader(raw)), limits, &slow)
		if diff := cmp.Diff(fmt.Sprint(slowErr), fmt.Sprint(fastErr)); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(slow, rows); fastErr == nil && diff != "" {
			t.Fatalf("the short way reads something else:\n%s", diff)
		}
		_ = wire.DecodeResponse(bytes.NewReader(raw), limits, &wire.Multi{Outs: []any{&rows, nil}})
		_, _ = wire.DecodeCall(bytes.NewReader(raw), limits)
		// A skipped answer is accepted and refused like a read one.
		if skipped := wire.DecodeResponse(bytes.NewReader(raw), limits, nil); (err == nil) != (skipped == nil) {
			if _, ok := errors.AsType[*wire.LimitError](err); !ok {
				t.Fatalf("read: %v, skipped: %v", err, skipped)
			}
		}
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := wire.EncodeResponse(&out, v); err != nil {
			return // an integer beyond 64 bits, a float that is none
		}
		var again any
		if err := wire.DecodeResponse(&out, wire.Limits{MaxBytes: 1 << 22, Ordered: true}, &again); err != nil {
			t.Fatalf("our own answer: %v", err)
		}
		if !strings.ContainsAny(string(raw), "\r&") { // a bare \r cannot be written back
			if diff := cmp.Diff(v, again); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
