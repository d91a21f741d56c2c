package koji_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// arguments of each method of Batch, for a hub made by world.
func arguments() map[string][]any {
	ref, rpm := koji.NVR("tool-1.1^20260101-1.fc44"), koji.NVRA("tool-1.1^20260101-1.fc44.x86_64")
	return map[string][]any{
		"GetAPIVersion": {}, "GetKojiVersion": {}, "ListMethods": {}, "ListAPI": {}, "Echo": {1, "x", nil}, "GetVolume": {"DEFAULT"}, "ListVolumes": {}, "ListBTypes": {},
		"GetUser": {"qa"}, "GetLoggedInUser": {}, "GetLastEvent": {}, "GetLastEventBefore": {kojitest.StartTime().Add(time.Minute)}, "GetEvent": {3},
		"GetBuild": {ref}, "ListBuilds": {koji.BuildOptions{Package: "tool", Page: koji.Page{Order: "-nvr"}}}, "CountBuilds": {koji.BuildOptions{State: new(koji.BuildComplete)}},
		"GetBuildLogs": {ref}, "GetBuildType": {ref}, "GetChangelogEntries": {koji.NVR("tool-1.0-1.fc44"), koji.ChangelogOptions{}}, "GetTaskChangelogEntries": {2, "none.rpm", koji.ChangelogOptions{After: time.Unix(1, 0)}},
		"ListRPMs": {2, "noarch"}, "FindRPMs": {koji.RPMOptions{BuildID: 2, Arches: []string{"src"}}}, "ListBuildRPMs": {ref}, "GetRPM": {rpm}, "GetRPMs": {rpm},
		"QueryRPMSigs": {rpm}, "QueryRPMSigsByKey": {"31645531", koji.Page{Limit: 5}}, "GetRPMChecksums": {2, koji.ChecksumSHA256}, "GetRPMHeaders": {koji.RPMID(9), "name"},
		"GetTaskRPMHeaders": {2, "none.rpm", "name"}, "GetRPMDeps": {koji.RPMID(9), koji.DepOptions{Type: new(koji.DepProvide)}}, "ListRPMFiles": {koji.RPMID(9), koji.Page{}},
		"ListArchives": {koji.ArchiveOptions{BuildID: 2, ChecksumType: new(koji.ChecksumSHA256)}},
		"ListTagged":   {"f44-build-side-4", koji.TaggedOptions{Latest: true, Inherit: true, Extra: true}}, "GetLatestBuilds": {"f44-build-side-4", koji.LatestOptions{Package: "tool"}},
		"ListTaggedRPMs": {"f44-build-side-4", koji.TaggedRPMOptions{Signatures: true}}, "GetLatestRPMs": {"f44-build-side-4", koji.LatestRPMOptions{Arches: []string{"noarch"}}},
		"GetTag": {"f44-build-side-4"}, "GetTagBlocked": {"f44-build-side-4"}, "ListTags": {koji.TagOptions{Build: ref, NoPerms: true}}, "GetBuildConfig": {"f44-build-side-4"},
		"GetInheritanceData": {"f44-build-side-4"}, "GetFullInheritance": {"f44", koji.InheritanceOptions{Reverse: true}}, "GetExternalRepoList": {"f44-build"},
		"GetBuildTarget": {"f44"}, "GetBuildTargets": {koji.TargetOptions{DestTag: "f44-updates"}}, "TagLastChangeEvent": {"f44", koji.TagChangeOptions{}}, "TagChangedSinceEvent": {3, 1, 2},
		"GetPackageID": {"tool"}, "GetPackage": {"tool"}, "ListPackages": {koji.PackageOptions{Tag: "f44-build", Inherited: true}}, "ListPackagesSimple": {"to", koji.Page{}},
		"Search": {"tool-*", koji.SearchBuild, koji.MatchGlob, koji.Page{Order: "-id", Limit: 1}}, "ListSideTags": {"f44-build", "qa"},
		"QueryHistory": {koji.HistoryOptions{Tables: []koji.HistoryTable{koji.HistoryTagListing}, Build: ref}},
		"GetRepo":      {"f44-build", koji.RepoOptions{}}, "RepoInfo": {1}, "RepoGet": {"f44-build", koji.RepoGetOptions{Contents: koji.RepoOpts{Debuginfo: true}}},
		"RepoQuery":   {[]koji.Clause{{Member: "tag_name", Operator: "=", Value: "f44-build"}}, koji.Page{Order: "-id"}},
		"GetTaskInfo": {1}, "GetTaskInfos": {1, 2, 99}, "GetTaskRequest": {1}, "GetTaskChildren": {1}, "GetTaskDescendents": {1}, "GetTaskResult": {2},
		"ListTasks": {koji.TaskOptions{Method: "buildArch", States: []koji.TaskState{koji.TaskClosed}, ParentIDs: []int{1}}}, "CountTasks": {koji.TaskOptions{TopLevel: true}},
		"ListTaskOutput": {2}, "DownloadTaskOutput": {2, "build.log", koji.DownloadOptions{Offset: 1, Size: 2, Volume: "disk2"}},
	}
}

// full adds what world leaves out, so that every method has something to say.
func full(t *testing.T) *koji.Client {
	t.Helper()
	h, c := world(t, koji.Options{})
	must(h.AddBuild(kojitest.Build{
		NVR: "image-1-1", Tags: []string{"f44"}, Logs: map[string][]byte{"x86_64/build.log": []byte("log")},
		Archives: []kojitest.Archive{{Name: "image-1-1.qcow2", Data: []byte("qcow"), Arch: "x86_64"}},
	}))
	must(h.AddExternalRepo("f44", kojitest.ExternalRepo{Name: "ext", URL: "https://example.org/$arch/", Priority: 5}))
	must(h.AddRepo(kojitest.Repo{Tag: "f44-build", Opts: koji.RepoOpts{Debuginfo: true}}))
	return c
}

func values(args []any, types func(int) reflect.Type) []reflect.Value {
	var out []reflect.Value
	for i, arg := range args {
		v := reflect.ValueOf(arg)
		if !v.IsValid() {
			v = reflect.Zero(types(i))
		}
		out = append(out, v)
	}
	return out
}

// Every method of Batch is one of Client with the same arguments, and gives the
// same answer. A method that the table does not know fails.
func TestBatchHasTheMethodsOfTheClient(t *testing.T) {
	t.Parallel()
	c := full(t)
	table := arguments()
	batch := reflect.TypeFor[*koji.Batch]()
	for method := range batch.Methods() {
		name := method.Name
		args, known := table[name]
		if name == "Do" || name == "Len" {
			continue
		}
		m := reflect.ValueOf(c).MethodByName(name)
		if !known || !m.IsValid() {
			t.Errorf("%s: in the table %v, of Client %v", name, known, m.IsValid())
			continue
		}
		b := c.Batch()
		last := method.Type.In(method.Type.NumIn() - 1)
		in := values(args, func(int) reflect.Type { return last.Elem() })
		pending := reflect.ValueOf(b).MethodByName(name).Call(in)[0]
		single := m.Call(append([]reflect.Value{reflect.ValueOf(t.Context())}, in...))
		if err := b.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := pending.MethodByName("Get").Call(nil)
		if diff := cmp.Diff(single[0].Interface(), got[0].Interface()); diff != "" {
			t.Errorf("%s (-Client +Batch):\n%s", name, diff)
		}
		if a, b := fmt.Sprint(single[1].Interface()), fmt.Sprint(got[1].Interface()); a != b {
			t.Errorf("%s: %s, in a batch %s", name, a, b)
		}
		if single[1].Interface() != nil {
			t.Errorf("%s: %v", name, single[1].Interface())
		}
	}
	// And those of Client that answer a question are there in Batch.
	client := reflect.TypeFor[*koji.Client]()
	for method := range client.Methods() {
		name := method.Name
		reads := strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List") || strings.HasPrefix(name, "Query") || strings.HasPrefix(name, "Repo")
		if _, ok := batch.MethodByName(name); !ok && reads {
			t.Errorf("Batch has no %s", name)
		}
	}
}

func TestSnapshotPinsQuestionsAboutTags(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h, c := world(t, koji.Options{})
	before, err := c.LatestSnapshot(ctx)
	if err != nil || before.Event() == 0 || c.Event() != 0 {
		t.Fatalf("%v", err)
	}
	must(h.AddBuild(kojitest.Build{NVR: "late-1-1", Tags: []string{"f44"}, RPMs: []kojitest.RPM{{Name: "late", Arch: "noarch", Data: []byte("x")}}}))
	if err := h.AddTarget("late", "f44", "f44"); err != nil {
		t.Fatal(err)
	}
	must(h.AddTag(kojitest.Tag{Name: "late"}))
	now := must(c.LatestSnapshot(ctx))
	count := func(c *koji.Client) string {
		b := c.Batch()
		pending := b.ListTagged("f44", koji.TaggedOptions{})
		if err := b.Do(ctx); err != nil {
			t.Fatal(err)
		}
		rpms := 0
		for _, err := range c.TaggedRPMs(ctx, "f44", koji.TaggedRPMOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			rpms++
		}
		_, tagErr := c.GetTag(ctx, "late")
		return fmt.Sprint(
			len(must(c.ListTagged(ctx, "f44", koji.TaggedOptions{}))), len(must(pending.Get())), len(must(c.GetLatestBuilds(ctx, "f44", koji.LatestOptions{}))), rpms,
			len(must(c.ListTaggedRPMs(ctx, "f44", koji.TaggedRPMOptions{})).RPMs), len(must(c.GetLatestRPMs(ctx, "f44", koji.LatestRPMOptions{})).RPMs),
			len(must(c.ListPackages(ctx, koji.PackageOptions{Tag: "f44"}))), len(must(c.GetBuildTargets(ctx, koji.TargetOptions{}))), tagErr == nil,
			" ", *must(c.TagLastChangeEvent(ctx, "f44", koji.TagChangeOptions{})) > before.Event(),
		)
	}
	for name, tc := range map[string]struct {
		c    *koji.Client
		want string
	}{
		"then": {before, "1 1 1 1 1 1 1 2 false false"}, "now": {now, "2 2 2 2 2 2 2 3 true true"}, "unpinned": {c, "2 2 2 2 2 2 2 3 true true"}, "released": {before.Snapshot(0), "2 2 2 2 2 2 2 3 true true"},
	} {
		if got := count(tc.c); got != tc.want {
			t.Errorf("%s: %s instead of %s", name, got, tc.want)
		}
	}
	// An event of one's own goes before that of the snapshot.
	if got := must(before.ListTagged(ctx, "f44", koji.TaggedOptions{Event: now.Event()})); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	if tag := must(before.GetTag(ctx, "f44")); *tag.QueryEvent != before.Event() {
		t.Errorf("%+v", tag)
	}
}

// manyRPMs is a hub with a tag of many RPMs.
func manyRPMs(t *testing.T, n int, opts koji.Options) (*kojitest.Hub, *koji.Client) {
	t.Helper()
	h, c := world(t, opts)
	rpms := make([]kojitest.RPM, n)
	for i := range rpms {
		rpms[i] = kojitest.RPM{Name: fmt.Sprintf("tool-%d", i), Arch: "x86_64", Size: 1, PayloadHash: "186a0eb5d745407abffeae9b7300cc5f"}
	}
	must(h.AddBuild(kojitest.Build{NVR: "many-1-1", RPMs: rpms, Tags: []string{"f44-updates"}}))
	return h, c
}

func TestIteratorsGiveWhatListsGive(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, c := manyRPMs(t, 3000, koji.Options{MaxResponse: 64 << 20})
	want := must(c.ListTaggedRPMs(ctx, "f44-updates", koji.TaggedRPMOptions{}))
	seq := c.TaggedRPMs(ctx, "f44-updates", koji.TaggedRPMOptions{})
	for range 2 { // it may be ranged over again
		var got []koji.RPM
		for r, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, *r)
		}
		if diff := cmp.Diff(want.RPMs, got); diff != "" {
			t.Fatal(diff)
		}
	}
	var builds []string
	for b, err := range c.Builds(ctx, koji.BuildOptions{Page: koji.Page{Order: "-build_id"}}) {
		if err != nil {
			t.Fatal(err)
		}
		builds = append(builds, b.NVR)
	}
	if !slices.Equal(builds, []string{"many-1-1", "tool-1.1^20260101-1.fc44", "tool-1.0-1.fc44"}) {
		t.Error(builds)
	}
	n := 0
	for _, err := range koji.Iterate[koji.Event](ctx, c, "nosuch") {
		if !errors.Is(err, koji.ErrGeneric) {
			t.Error(err)
		}
		n++
	}
	for _, err := range c.TaggedRPMs(ctx, "nosuch", koji.TaggedRPMOptions{}) {
		if !errors.Is(err, koji.ErrNotFound) {
			t.Error(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d errors", n)
	}
}

// More than a quarter of the answer may never be held: of the limit on memory
// an answer's rows count only one at a time.
func TestIteratorsHoldOneRow(t *testing.T) {
	t.Parallel()
	_, c := manyRPMs(t, 5000, koji.Options{MaxResponse: 100 << 10, Retries: -1})
	var tle *limitio.TooLargeError
	if _, err := c.ListTaggedRPMs(t.Context(), "f44-updates", koji.TaggedRPMOptions{}); !errors.As(err, &tle) {
		t.Errorf("%v", err)
	}
	n := 0
	for _, err := range c.TaggedRPMs(t.Context(), "f44-updates", koji.TaggedRPMOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 5000 {
		t.Errorf("%d RPMs", n)
	}
	short := must(koji.New(c.Paths().TopURL+"/kojihub", koji.Options{MaxStream: 100 << 10, Retries: -1}))
	for _, err := range short.TaggedRPMs(t.Context(), "f44-updates", koji.TaggedRPMOptions{}) {
		if err != nil && !errors.As(err, &tle) {
			t.Errorf("%v", err)
		}
	}
}

func TestIterationsCanBeLeftAndBreak(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h, c := manyRPMs(t, 5000, koji.Options{})
	for range c.TaggedRPMs(ctx, "f44-updates", koji.TaggedRPMOptions{}) {
		break
	}
	if n := len(h.Calls()); n != 1 {
		t.Errorf("%d calls", n)
	}
	// What was yielded is not yielded again: a break in the middle is an error.
	h.Fail(kojitest.Failures{TruncateAfter: 500_000, Times: 1})
	n, failed := 0, error(nil)
	for r, err := range c.TaggedRPMs(ctx, "f44-updates", koji.TaggedRPMOptions{}) {
		if failed = err; err == nil && r.Name != fmt.Sprintf("tool-%d", n) {
			t.Fatalf("row %d is %s", n, r.Name)
		}
		n++
	}
	if !errors.Is(failed, koji.ErrUnreachable) || n < 100 || n > 4000 {
		t.Errorf("%v after %d rows", failed, n)
	}
	// A break before the first row is none.
	h.Fail(kojitest.Failures{TruncateAfter: 100, Times: 1})
	n = 0
	for _, err := range c.TaggedRPMs(ctx, "f44-updates", koji.TaggedRPMOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 5000 {
		t.Errorf("%d rows", n)
	}
}

// The time that a consumer takes for its rows is not the hub's.
func TestSlowConsumersAreNoTimeout(t *testing.T) {
	t.Parallel()
	answer := taggedAnswer(2000) // more than fits into buffers on the way
	c := hubOf(t, koji.Options{Timeout: 500 * time.Millisecond, Retries: -1}, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) })
	n := 0
	for _, err := range c.TaggedRPMs(t.Context(), "f44-updates", koji.TaggedRPMOptions{}) {
		if err != nil {
			t.Fatalf("after %d rows: %v", n, err)
		}
		if n++; n < 4 {
			time.Sleep(300 * time.Millisecond)
		}
	}
	if n != 2000 {
		t.Errorf("%d rows", n)
	}
	// A hub that stops in the middle is one.
	c = hubOf(t, koji.Options{Timeout: 500 * time.Millisecond, Retries: -1}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(answer[:len(answer)/2])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	var failed error
	for _, err := range c.TaggedRPMs(t.Context(), "f44-updates", koji.TaggedRPMOptions{}) {
		failed = err
	}
	if !errors.Is(failed, koji.ErrUnreachable) || !strings.Contains(failed.Error(), "no answer within 500ms") {
		t.Errorf("%v", failed)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h, c := world(t, koji.Options{MaxRequest: 4000})
	var tle *limitio.TooLargeError
	if _, err := c.Echo(ctx, strings.Repeat("x", 5000)); !errors.As(err, &tle) || len(h.Calls()) != 0 {
		t.Errorf("%v %v", err, h.Calls())
	}
	// A batch becomes several requests; what is too long by itself fails alone,
	// as does what cannot be written.
	b := c.Batch()
	var echoes []*koji.Pending[[]any]
	for i := range 20 {
		echoes = append(echoes, b.Echo(i, strings.Repeat("x", 500)))
	}
	unwritable := b.Echo("\x00")
	if err := b.Do(ctx); err != nil {
		t.Fatal(err)
	}
	for i, p := range echoes {
		if v, err := p.Get(); err != nil || v[0] != int64(i) {
			t.Errorf("%d: %v %v", i, v, err)
		}
	}
	if _, err := unwritable.Get(); err == nil || !strings.Contains(err.Error(), "control characters") {
		t.Errorf("%v", err)
	}
	requests := 0
	for _, m := range h.Calls() {
		if m == "multiCall" {
			requests++
		}
	}
	if requests < 4 || requests > 10 {
		t.Errorf("%d requests", requests)
	}
	b = c.Batch()
	huge := b.Echo(strings.Repeat("x", 5000))
	if err := b.Do(ctx); !errors.As(err, &tle) {
		t.Errorf("%v", err)
	}
	if _, err := huge.Get(); !errors.As(err, &tle) {
		t.Errorf("%v", err)
	}
}

func TestBatchesHaveTwoHundredCalls(t *testing.T) {
	t.Parallel()
	h, c := world(t, koji.Options{})
	b := c.Batch()
	for range 450 {
		b.GetAPIVersion()
	}
	if err := b.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, m := range h.Calls() {
		if m == "multiCall" {
			sizes = append(sizes, 0)
		} else {
			sizes[len(sizes)-1]++
		}
	}
	if !slices.Equal(sizes, []int{200, 200, 50}) {
		t.Error(sizes)
	}
}

func TestVersionsAndCapabilities(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h, c := world(t, koji.Options{})
	if v := must(c.Version(ctx)); v != (koji.Version{Major: 1, Minor: 35, Patch: 3}) || !v.AtLeast(1, 35) || !v.AtLeast(1, 9) || v.AtLeast(1, 36) || v.AtLeast(2, 0) || v.String() != "1.35.3" {
		t.Errorf("%+v", v)
	}
	for method, want := range map[string]bool{"listSideTags": true, "noSuchMethod": false, "getBuild": true} {
		if got := must(c.Has(ctx, method)); got != want {
			t.Errorf("%s: %v", method, got)
		}
	}
	if n := len(h.Calls()); n != 2 { // getKojiVersion, then the list, once
		t.Errorf("%v", h.Calls())
	}
	var calls atomic.Int32
	old := hubOf(t, koji.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		fmt.Fprint(w, "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1000</int></value></member>"+
			"<member><name>faultString</name><value><string>Invalid method: getKojiVersion</string></value></member></struct></value></fault></methodResponse>")
	})
	if v := must(old.Version(ctx)); v != (koji.Version{}) || v.AtLeast(1, 23) {
		t.Errorf("%+v", v)
	}
	for text, want := range map[string]string{"1.35.3": "1.35.3", "1.36": "1.36.0", "1.35.0~rc1": "1.35.0", "2": "2.0.0"} {
		if got := must(koji.ParseVersion(text)); got.String() != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	if _, err := koji.ParseVersion("trunk"); err == nil {
		t.Error("trunk is a version")
	}
	methods := must(c.ListAPI(ctx))
	i := slices.IndexFunc(methods, func(m koji.Method) bool { return m.Name == "getBuild" })
	if m := methods[i]; m.Desc != "(buildInfo, strict=False)" || !slices.Equal(m.Args, []string{"buildInfo", "strict"}) {
		t.Errorf("%+v", m)
	}
}

func TestCountAndFilter(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, c := manyRPMs(t, 30, koji.Options{})
	if n := must(c.Count(ctx, "listBuildRPMs", 3)); n != 30 {
		t.Errorf("%d", n)
	}
	page, err := koji.Filter[koji.TaggedBuild](ctx, c, koji.Page{Order: "-id", Limit: 1}, "listTagged", "f44-build-side-4", koji.Keywords{"inherit": true})
	if err != nil || page.Total != 3 || len(page.Rows) != 1 || page.Rows[0].NVR != "many-1-1" {
		t.Errorf("%+v %v", page, err)
	}
	if _, err := c.ListBuilds(ctx, koji.BuildOptions{Page: koji.Page{Order: "bogus"}}); err == nil || !strings.Contains(err.Error(), "Invalid order: bogus") {
		t.Errorf("%v", err)
	}
}

// Each option must reach the hub under its own name.
func TestOptionsSelect(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h, c := world(t, koji.Options{})
	must(h.AddBuild(kojitest.Build{
		NVR: "odd-9-9", Owner: "odd", Draft: true, State: koji.BuildFailed, Volume: "disk9", TaskID: 9, Source: "git://odd",
		Archives: []kojitest.Archive{{Name: "odd.yaml", BuildType: "module", Data: []byte("m")}},
	}))
	all := must(c.ListBuilds(ctx, koji.BuildOptions{}))
	last := all[len(all)-1]
	volume := last.VolumeID
	for name, o := range map[string]koji.BuildOptions{
		"package": {Package: "odd"}, "user": {User: "odd"}, "prefix": {Prefix: "OD"}, "pattern": {Pattern: "*-9-9"}, "source": {Source: "git://o*"}, "state": {State: new(koji.BuildFailed)},
		"task": {TaskID: 9}, "volume": {VolumeID: &volume}, "type": {Type: "module"}, "draft": {Draft: new(true)}, "created": {CreatedAfter: last.Created.Add(-time.Microsecond)},
		"completed": {CompletedAfter: last.Completed.Add(-time.Microsecond)}, "page": {Page: koji.Page{Order: "-build_id", Limit: 1}}, "offset": {Page: koji.Page{Order: "build_id", Offset: len(all) - 1}},
	} {
		if got := must(c.ListBuilds(ctx, o)); len(got) != 1 || got[0].NVR != "odd-9-9" {
			t.Errorf("%s selects %+v", name, got)
		}
		if n := must(c.CountBuilds(ctx, koji.BuildOptions{Package: o.Package, State: o.State})); o.Package != "" && n != 1 {
			t.Errorf("%s counts %d", name, n)
		}
	}
	for name, o := range map[string]koji.BuildOptions{
		"before": {CreatedBefore: all[0].Created}, "completed": {CompletedBefore: *all[0].Completed}, "promoted": {PromotedAfter: time.Unix(1, 0)}, "generator": {ContentGenerator: "osbs"}, "promoter": {Promoter: "qa"}, "nobody": {User: "nobody"},
	} {
		if got := must(c.ListBuilds(ctx, o)); len(got) != 0 {
			t.Errorf("%s selects %+v", name, got)
		}
	}
	if got := must(c.ListBuilds(ctx, koji.BuildOptions{TaskID: koji.AnyTask})); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	must(h.AddTask(kojitest.Task{ID: 50, Method: "image", Arch: "s390x", Owner: "odd", State: koji.TaskFailed, Failure: "LiveMediaError: x"}))
	odd := must(c.GetUser(ctx, "odd"))
	for name, o := range map[string]koji.TaskOptions{
		"method": {Method: "image"}, "state": {States: []koji.TaskState{koji.TaskFailed, koji.TaskOpen}}, "not state": {NotStates: []koji.TaskState{koji.TaskClosed}}, "arch": {Arches: []string{"s390x"}},
		"not arch": {NotArches: []string{"noarch", "x86_64"}}, "owner": {OwnerIDs: []int{odd.ID}}, "parent": {TopLevel: true, NotArches: []string{"noarch"}}, "page": {Page: koji.Page{Order: "-id", Limit: 1}},
	} {
		if got := must(c.ListTasks(ctx, o)); len(got) != 1 || got[0].ID != 50 || *got[0].OwnerName != "odd" {
			t.Errorf("%s selects %+v", name, got)
		}
	}
	if n := must(c.CountTasks(ctx, koji.TaskOptions{NotOwnerIDs: []int{odd.ID}, NotParentIDs: []int{5}, ChannelIDs: []int{1}, NotChannelIDs: []int{2}})); n != 1 {
		t.Errorf("%d", n)
	}
	// NULL is neither in a list nor outside of it.
	if n := must(c.CountTasks(ctx, koji.TaskOptions{NotHostIDs: []int{1}})); n != 0 {
		t.Errorf("%d", n)
	}
}

// What is asked for by name or number and is not there is typed, wherever the
// hub says so in its various ways.
func TestEveryMissingThingIsNotFound(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, c := world(t, koji.Options{})
	err := func(_ any, err error) error { return err }
	for name, got := range map[string]error{
		"event": err(c.GetEvent(ctx, 999)), "event before": err(c.GetLastEventBefore(ctx, time.Unix(5, 0))), "task": err(c.GetTaskInfo(ctx, 99)), "request": err(c.GetTaskRequest(ctx, 99)),
		"result": err(c.GetTaskResult(ctx, 99)), "file": err(c.DownloadTaskOutput(ctx, 2, "no.log", koji.DownloadOptions{})), "build type": err(c.GetBuildType(ctx, koji.NVR("no-1-1"))),
		"logs": err(c.GetBuildLogs(ctx, koji.NVR("no-1-1"))), "config": err(c.GetBuildConfig(ctx, "no")), "inheritance": err(c.GetInheritanceData(ctx, "no")),
		"full inheritance": err(c.GetFullInheritance(ctx, "no", koji.InheritanceOptions{})), "external": err(c.GetExternalRepoList(ctx, "no")), "change": err(c.TagLastChangeEvent(ctx, "no", koji.TagChangeOptions{})),
		"package": err(c.GetPackage(ctx, "no")), "package id": err(c.GetPackageID(ctx, "no")), "packages of tag": err(c.ListPackages(ctx, koji.PackageOptions{Tag: "no"})),
		"packages of user": err(c.ListPackages(ctx, koji.PackageOptions{User: "no"})), "tags of package": err(c.ListTags(ctx, koji.TagOptions{Package: "no"})), "tags of build": err(c.ListTags(ctx, koji.TagOptions{Build: koji.NVR("no-1-1")})),
		"repo of tag": err(c.GetRepo(ctx, "no", koji.RepoOptions{})), "repo": err(c.RepoInfo(ctx, 5)), "no repo": err(c.RepoGet(ctx, "f44-build", koji.RepoGetOptions{})), "side tags of tag": err(c.ListSideTags(ctx, "no", "")),
		"side tags of user": err(c.ListSideTags(ctx, "", "no")), "history": err(c.QueryHistory(ctx, koji.HistoryOptions{Tag: "no"})), "user": err(c.GetUser(ctx, "no")), "volume": err(c.GetVolume(ctx, "no")),
		"latest": err(c.GetLatestBuilds(ctx, "no", koji.LatestOptions{})), "latest RPMs": err(c.GetLatestRPMs(ctx, "no", koji.LatestRPMOptions{})), "blocked": err(c.GetTagBlocked(ctx, "no")), "target": err(c.GetBuildTarget(ctx, "no")),
	} {
		var missing *koji.NotFoundError
		if !errors.Is(got, koji.ErrNotFound) || !errors.As(got, &missing) || missing.What == "" || missing.Ref == "" {
			t.Errorf("%s: %v", name, got)
		}
	}
}
