package koji_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/kolo/xmlrpc"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// must panics on an error of a test's own data.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func noPause(int) time.Duration { return 0 }

// world is a hub with a distribution's tags, two builds, a side tag and a
// scratch build, and a client of it.
func world(tb testing.TB, opts koji.Options) (*kojitest.Hub, *koji.Client) {
	tb.Helper()
	h := kojitest.NewHub()
	for _, tag := range []kojitest.Tag{
		{Name: "f44", Arches: []string{"x86_64", "aarch64"}},
		{Name: "f44-updates", Parents: []string{"f44"}},
		{Name: "f44-build", Parents: []string{"f44-updates"}},
	} {
		must(h.AddTag(tag))
	}
	must(h.AddSideTag("f44-build", "qa"))
	if err := h.AddTarget("f44", "f44-build", "f44-updates"); err != nil {
		tb.Fatal(err)
	}
	epoch := 2
	must(h.AddBuild(kojitest.Build{NVR: "tool-1.0-1.fc44", Tags: []string{"f44"}, RPMs: []kojitest.RPM{{Name: "tool", Arch: "noarch", Data: []byte("t1")}}}))
	must(h.AddBuild(kojitest.Build{
		NVR: "tool-1.1^20260101-1.fc44", Epoch: &epoch, Owner: "qa", Source: "git+https://example.org/tool#1", TaskID: 1,
		Tags: []string{"f44-build-side-4"}, Extra: map[string]any{"source": map[string]any{"original_url": "git+https://example.org/tool#main"}},
		RPMs: []kojitest.RPM{
			{Name: "tool", Arch: "src", Data: []byte("src")},
			{Name: "tool", Arch: "x86_64", Data: []byte("x86_64"), Size: 5_000_000_000},
			{Name: "tool-debuginfo", Arch: "x86_64", Data: []byte("debug")},
			{Name: "tool-doc", Arch: "noarch", Data: []byte("doc")},
		},
	}))
	must(h.AddTask(kojitest.Task{Scratch: true, Source: "git+https://example.org/x#1", Target: "f44", Children: []kojitest.Task{
		{Arch: "x86_64", Output: map[string][]byte{"x-1-1.x86_64.rpm": []byte("rpm"), "build.log": []byte("log\n")}, Volume: "disk2"},
	}}))
	server := must(h.Start("127.0.0.1:0"))
	tb.Cleanup(func() { _ = server.Close() })
	opts.TopURL = server.TopURL
	if opts.Backoff == nil {
		opts.Backoff = noPause
	}
	return h, must(koji.New(server.HubURL, opts))
}

func TestBuildsAndRPMs(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, c := world(t, koji.Options{})
	b, err := c.GetBuild(ctx, koji.NVR("tool-1.1^20260101-1.fc44"))
	if err != nil {
		t.Fatal(err)
	}
	if b.ID != 2 || b.EVR() != "2:1.1^20260101-1.fc44" || b.State != koji.BuildComplete || b.TaskID == nil || *b.TaskID != 1 || *b.Source == "" ||
		b.OwnerName != "qa" || b.OriginalURL() != "git+https://example.org/tool#main" || b.Completed == nil || b.Completed.Sub(b.Created) != 500*time.Millisecond {
		t.Errorf("%+v", b)
	}
	for _, ref := range []koji.BuildRef{koji.BuildID(2), koji.ParseBuildRef("2"), {Name: "tool", Version: "1.1^20260101", Release: "1.fc44"}} {
		if other, err := c.GetBuild(ctx, ref); err != nil || cmp.Diff(b, other) != "" {
			t.Errorf("%v: %v\n%s", ref, err, cmp.Diff(b, other))
		}
	}
	old := must(c.GetBuild(ctx, koji.NVR("tool-1.0-1.fc44")))
	if old.Epoch != nil || old.TaskID != nil || old.Source != nil || old.Extra != nil || old.EVR() != "1.0-1.fc44" {
		t.Errorf("nil became something: %+v", old)
	}
	rpms := must(c.ListRPMs(ctx, 2, koji.Arches("x86_64", true, false)...))
	var names []string
	for _, r := range rpms {
		names = append(names, fmt.Sprint(r.NEVRA(), " ", r.Size, " ", r.IsDebuginfo()))
	}
	want := []string{"tool-2:1.1^20260101-1.fc44.x86_64 5000000000 false", "tool-debuginfo-2:1.1^20260101-1.fc44.x86_64 5 true", "tool-doc-2:1.1^20260101-1.fc44.noarch 3 false"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	all := must(c.ListBuildRPMs(ctx, koji.NVR(b.NVR)))
	if len(all) != 4 || !all[0].IsSource() || all[0].PayloadHash == "" || all[0].BuildTime.IsZero() {
		t.Errorf("%+v", all)
	}
	if r := must(c.GetRPM(ctx, koji.NVRA("tool-doc-1.1^20260101-1.fc44.noarch"))); cmp.Diff(*r, all[3]) != "" {
		t.Errorf("%s", cmp.Diff(*r, all[3]))
	}
	resp := must(http.Get(c.Paths().RPM(b, &all[3])))
	body := must(io.ReadAll(resp.Body))
	if resp.StatusCode != http.StatusOK || string(body) != "doc" {
		t.Errorf("%s: %s %q", c.Paths().RPM(b, &all[3]), resp.Status, body)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h, c := world(t, koji.Options{})
	side := must(c.ListSideTags(ctx, "f44-build", "qa"))
	if len(side) != 1 || side[0].UserName != "qa" || side[0].UserID == 0 {
		t.Fatalf("%+v", side)
	}
	tag := must(c.GetTag(ctx, side[0].Name))
	if !tag.IsSideTag() || tag.SideTagUser() != "qa" || len(tag.ArchList()) != 0 {
		t.Errorf("%+v", tag)
	}
	if tag := must(c.GetTag(ctx, "f44")); tag.IsSideTag() || !slices.Equal(tag.ArchList(), []string{"x86_64", "aarch64"}) {
		t.Errorf("%+v", tag)
	}
	nvrs := func(tag string, o koji.TaggedOptions) string {
		var out []string
		for _, b := range must(c.ListTagged(ctx, tag, o)) {
			out = append(out, b.NVR+"@"+b.TagName)
		}
		return strings.Join(out, " ")
	}
	event := must(c.GetLastEvent(ctx))
	if err := h.TagBuild("f44", "tool-1.1^20260101-1.fc44"); err != nil {
		t.Fatal(err)
	}
	if err := h.TagBuild("f44", "tool-1.0-1.fc44"); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		tag  string
		o    koji.TaggedOptions
		want string
	}{
		{"f44", koji.TaggedOptions{}, "tool-1.0-1.fc44@f44 tool-1.1^20260101-1.fc44@f44"},
		{"f44", koji.TaggedOptions{Latest: true}, "tool-1.0-1.fc44@f44"}, // tagged last, not highest
		{"f44", koji.TaggedOptions{Event: event.ID}, "tool-1.0-1.fc44@f44"},
		{"f44", koji.TaggedOptions{Package: "other"}, ""},
		{"f44", koji.TaggedOptions{Owner: "qa", Prefix: "to"}, "tool-1.1^20260101-1.fc44@f44"},
		{"f44-build-side-4", koji.TaggedOptions{Latest: true}, "tool-1.1^20260101-1.fc44@f44-build-side-4"},
		{"f44-build-side-4", koji.TaggedOptions{Latest: true, Inherit: true}, "tool-1.1^20260101-1.fc44@f44-build-side-4"},
		{"f44-updates", koji.TaggedOptions{}, ""},
		{"f44-updates", koji.TaggedOptions{Inherit: true, Latest: true}, "tool-1.0-1.fc44@f44"},
	} {
		if got := nvrs(tc.tag, tc.o); got != tc.want {
			t.Errorf("%s %+v: %s instead of %s", tc.tag, tc.o, got, tc.want)
		}
	}
	tagged := must(c.ListTaggedRPMs(ctx, "f44", koji.TaggedRPMOptions{Arches: []string{"noarch"}, Signatures: true, TaggedOptions: koji.TaggedOptions{Prefix: "other"}}))
	if len(tagged.Builds) != 2 || len(tagged.RPMs) != 2 || tagged.RPMs[0].SigKey != nil || tagged.RPMs[1].NEVRA() != "tool-doc-2:1.1^20260101-1.fc44.noarch" {
		t.Errorf("%+v", tagged)
	}
	if in := must(c.ListTags(ctx, koji.TagOptions{Build: koji.BuildID(2)})); len(in) != 2 {
		t.Errorf("%+v", in)
	}
	if target := must(c.GetBuildTarget(ctx, "f44")); target.DestTagName != "f44-updates" {
		t.Errorf("%+v", target)
	}
	if _, err := c.Snapshot(1).GetTag(ctx, "f44-build"); !errors.Is(err, koji.ErrNotFound) {
		t.Errorf("before its time: %v", err)
	}
}

func TestTasks(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, c := world(t, koji.Options{})
	task := must(c.GetTaskInfo(ctx, 1))
	request, ok := task.BuildRequest()
	if !ok || !request.Scratch || request.Target != "f44" || task.State != koji.TaskClosed || task.Parent != nil || task.Label != nil {
		t.Errorf("%+v %+v", task, request)
	}
	children := must(c.GetTaskChildren(ctx, 1))
	if len(children) != 1 || *children[0].Parent != 1 || children[0].Arch != "x86_64" || len(children[0].Request) == 0 {
		t.Fatalf("%+v", children)
	}
	tree := must(c.GetTaskDescendents(ctx, 1))
	if len(tree) != 2 || cmp.Diff(tree[1], children) != "" || len(tree[2]) != 0 {
		t.Errorf("%+v", tree)
	}
	files := must(c.ListTaskOutput(ctx, children[0].ID))
	if len(files) != 2 || files[0].Name != "build.log" || files[1].Size != 3 || files[1].Volume != "disk2" || files[1].ModTime.IsZero() {
		t.Errorf("%+v", files)
	}
	resp := must(http.Get(c.Paths().Task(children[0].ID, files[1].Volume, files[1].Name)))
	if body := must(io.ReadAll(resp.Body)); string(body) != "rpm" {
		t.Errorf("%s %q", resp.Status, body)
	}
	if none, err := c.ListTaskOutput(ctx, 99); err != nil || len(none) != 0 {
		t.Errorf("%v %v", none, err)
	}
}

func TestBuildRequestForms(t *testing.T) {
	t.Parallel()
	starstar := map[string]any{"__starstar": true, "opts": map[string]any{"scratch": int64(1)}}
	for _, tc := range []struct {
		method  string
		request []any
		want    koji.BuildRequest
		ok      bool
	}{
		{"build", []any{"src", nil}, koji.BuildRequest{Source: "src"}, true},
		{"build", []any{"src", "f44", starstar}, koji.BuildRequest{Source: "src", Target: "f44", Scratch: true, Options: map[string]any{"scratch": int64(1)}}, true},
		{"build", []any{map[string]any{"__starstar": true, "src": "s"}}, koji.BuildRequest{Source: "s"}, true},
		{"build", []any{int64(1)}, koji.BuildRequest{}, false},
		{"build", nil, koji.BuildRequest{}, false},
		{"buildArch", []any{"s"}, koji.BuildRequest{}, false},
	} {
		task := koji.Task{Method: tc.method, Request: tc.request}
		if got, ok := task.BuildRequest(); ok != tc.ok || cmp.Diff(tc.want, got) != "" {
			t.Errorf("%v: %v %+v", tc.request, ok, got)
		}
	}
}

func TestWhatIsNotThereIsTyped(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, c := world(t, koji.Options{})
	calls := map[string]func() error{
		"build":  func() error { _, err := c.GetBuild(ctx, koji.NVR("no-1-1")); return err },
		"tag":    func() error { _, err := c.ListTagged(ctx, "no", koji.TaggedOptions{}); return err },
		"task":   func() error { _, err := c.GetTaskInfo(ctx, 99); return err },
		"RPM":    func() error { _, err := c.GetRPM(ctx, koji.NVRA("no-1-1.noarch")); return err },
		"target": func() error { _, err := c.GetBuildTarget(ctx, "no"); return err },
	}
	for what, call := range calls {
		var nf *koji.NotFoundError
		if err := call(); !errors.Is(err, koji.ErrNotFound) || !errors.As(err, &nf) || nf.What != what || nf.Ref == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for name, call := range map[string]func() error{
		"list build": func() error { _, err := c.ListBuildRPMs(ctx, koji.NVR("no-1-1")); return err },
		"tag":        func() error { _, err := c.GetTag(ctx, "no"); return err },
		"rpms":       func() error { _, err := c.ListTaggedRPMs(ctx, "no", koji.TaggedRPMOptions{}); return err },
		"checksums":  func() error { _, err := c.GetRPMChecksums(ctx, 99); return err },
	} {
		if err := call(); !errors.Is(err, koji.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if rpms, err := c.ListRPMs(ctx, 99); err != nil || len(rpms) != 0 {
		t.Errorf("RPMs of no build: %v %v", rpms, err)
	}
}

func TestFaultsFormAHierarchy(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, c := world(t, koji.Options{})
	_, err := c.GetBuild(ctx, koji.NVR("x"))
	var fault *koji.Fault
	if !errors.As(err, &fault) || fault.Code != 1000 || fault.String != "invalid format: x" || fault.Method != "getBuild" ||
		!errors.Is(err, koji.ErrGeneric) || errors.Is(err, koji.ErrAuth) || errors.Is(err, koji.ErrNotFound) || errors.Is(err, koji.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	var base xmlrpc.FaultError
	if !errors.As(err, &base) || base.Code != 1000 {
		t.Errorf("no kolo fault in %v", err)
	}
	err = c.Call(ctx, "getBuild", []any{1, koji.Keywords{"bogus": nil}}, nil)
	if !errors.Is(err, koji.ErrParameter) || !errors.Is(err, koji.ErrGeneric) || !strings.Contains(err.Error(), "unexpected keyword argument 'bogus'") {
		t.Errorf("%v", err)
	}
	for _, tc := range []struct {
		code     int
		is, isNo []error
	}{
		{1, nil, []error{koji.ErrGeneric, koji.ErrLock}},
		{1007, []error{koji.ErrAuthExpired, koji.ErrAuth, koji.ErrGeneric}, []error{koji.ErrAuthLock}},
		{1011, []error{koji.ErrPostBuild, koji.ErrBuild, koji.ErrGeneric}, []error{koji.ErrPreBuild}},
		{1014, []error{koji.ErrServerOffline, koji.ErrUnreachable, koji.ErrGeneric}, []error{koji.ErrAuth}},
		{1017, []error{koji.ErrCallback, koji.ErrPlugin}, nil},
		{4711, nil, []error{koji.ErrGeneric}},
	} {
		err := error(&koji.Fault{FaultError: xmlrpc.FaultError{Code: tc.code}})
		for _, target := range tc.is {
			if !errors.Is(err, target) {
				t.Errorf("%d is no %v", tc.code, target)
			}
		}
		for _, target := range tc.isNo {
			if errors.Is(err, target) {
				t.Errorf("%d is %v", tc.code, target)
			}
		}
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h, c := world(t, koji.Options{BatchSize: 3})
	b := c.Batch()
	build, none := b.GetBuild(koji.BuildID(1)), b.GetBuild(koji.NVR("no-1-1"))
	bad, version := b.GetBuild(koji.NVR("x")), koji.BatchCall[string](b, "getKojiVersion")
	rpms, misfit := b.ListRPMs(2, "noarch"), koji.BatchCall[int](b, "getKojiVersion")
	files, missing := b.ListTaskOutput(2), b.ListTagged("no", koji.TaggedOptions{})
	if _, err := build.Get(); err == nil || b.Len() != 8 {
		t.Errorf("an answer before Do: %v", err)
	}
	if err := b.Do(ctx); err != nil || b.Len() != 0 {
		t.Fatal(err)
	}
	if v, err := build.Get(); err != nil || v.NVR != "tool-1.0-1.fc44" {
		t.Errorf("%v %v", v, err)
	}
	if _, err := none.Get(); !errors.Is(err, koji.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := bad.Get(); !errors.Is(err, koji.ErrGeneric) || errors.Is(err, koji.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if v, err := version.Get(); err != nil || v != kojitest.Version {
		t.Errorf("%v %v", v, err)
	}
	if v, err := rpms.Get(); err != nil || len(v) != 1 || v[0].Name != "tool-doc" {
		t.Errorf("%v %v", v, err)
	}
	var de *koji.DecodeError
	if _, err := misfit.Get(); !errors.As(err, &de) {
		t.Errorf("%v", err)
	}
	if v, err := files.Get(); err != nil || len(v) != 2 {
		t.Errorf("%v %v", v, err)
	}
	if _, err := missing.Get(); !errors.Is(err, koji.ErrNotFound) {
		t.Errorf("%v", err)
	}
	requests := 0
	for _, m := range h.Calls() {
		if m == "multiCall" {
			requests++
		}
	}
	if requests != 3 {
		t.Errorf("%d requests for 8 calls of 3 each", requests)
	}
	if err := b.Do(ctx); err != nil || len(h.Calls()) != 3+8 {
		t.Errorf("an empty batch: %v %v", err, h.Calls())
	}
}

func TestBatchThatFailsAsAWhole(t *testing.T) {
	t.Parallel()
	h, c := world(t, koji.Options{BatchSize: 1, Retries: -1})
	h.Fail(kojitest.Failures{Offline: "away"})
	b := c.Batch()
	first, second := b.GetTag("f44"), b.GetTag("f44")
	if err := b.Do(t.Context()); !errors.Is(err, koji.ErrServerOffline) {
		t.Errorf("%v", err)
	}
	for _, p := range []*koji.Pending[*koji.Tag]{first, second} {
		if v, err := p.Get(); v != nil || !errors.Is(err, koji.ErrServerOffline) {
			t.Errorf("%v %v", v, err)
		}
	}
	if n := len(h.Calls()); n != 1 {
		t.Errorf("%d requests to a hub that is away", n)
	}
}

func TestNewNamesEveryBadValue(t *testing.T) {
	t.Parallel()
	_, err := koji.New("ftp://koji.example.org", koji.Options{TopURL: "nowhere", BatchSize: 5000, Timeout: -1})
	for _, want := range []string{"hub URL", "TopURL", "BatchSize", "Timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named: %v", want, err)
		}
	}
	for hub, top := range map[string]string{
		koji.DefaultHubURL: koji.DefaultTopURL, "https://koji.example.org/kojihub": "https://koji.example.org/kojifiles",
		"http://u:p@koji.example.org/a/kojihub/": "http://koji.example.org/a/kojifiles",
	} {
		if c := must(koji.New(hub, koji.Options{})); c.Paths().TopURL != top {
			t.Errorf("%s: %s", hub, c.Paths().TopURL)
		}
	}
}

func TestLogSaysWhatWasRepeated(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	h, c := world(t, koji.Options{Logger: hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Debug})})
	h.Fail(kojitest.Failures{Status: 502, Times: 1})
	if _, err := c.GetTag(t.Context(), "f44"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "[WARN]  koji call is repeated: method=getTag attempt=1") || strings.Count(log.String(), "[DEBUG]") != 2 {
		t.Error(log.String())
	}
}
