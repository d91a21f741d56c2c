package koji_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/internal/wire"
)

// recordings serves a recorded answer to every call.
func recordings(t *testing.T, name string) *koji.Client {
	t.Helper()
	raw := must(os.ReadFile(filepath.Join(shareddata.Dir(t, "koji-wire"), name+".response.xml")))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(raw) }))
	t.Cleanup(s.Close)
	return must(koji.New(s.URL, koji.Options{}))
}

// typed reads a recorded answer with the method that it is an answer of.
type typed func(context.Context, *koji.Client) (any, error)

// of makes a typed of a method's result.
func of[R any](f func(context.Context, *koji.Client) (R, error)) typed {
	return func(ctx context.Context, c *koji.Client) (any, error) { return f(ctx, c) }
}

// recordedCalls says which method reads which recording.
func recordedCalls() map[string]typed {
	type ctx = context.Context
	type client = *koji.Client
	build := of(func(x ctx, c client) (*koji.Build, error) { return c.GetBuild(x, koji.BuildID(1)) })
	rpms := of(func(x ctx, c client) ([]koji.RPM, error) { return c.ListRPMs(x, 1) })
	rpm := of(func(x ctx, c client) (*koji.RPM, error) { return c.GetRPM(x, koji.RPMID(1)) })
	tagged := of(func(x ctx, c client) ([]koji.TaggedBuild, error) { return c.ListTagged(x, "x", koji.TaggedOptions{}) })
	pair := of(func(x ctx, c client) (koji.TaggedRPMs, error) {
		return c.ListTaggedRPMs(x, "x", koji.TaggedRPMOptions{})
	})
	tags := of(func(x ctx, c client) ([]koji.Tag, error) { return c.ListTags(x, koji.TagOptions{}) })
	search := of(func(x ctx, c client) ([]koji.Named, error) {
		return c.Search(x, "x", koji.SearchBuild, koji.MatchGlob, koji.Page{})
	})
	task := of(func(x ctx, c client) (*koji.Task, error) { return c.GetTaskInfo(x, 1) })
	sigs := of(func(x ctx, c client) ([]koji.Signature, error) { return c.QueryRPMSigs(x, koji.RPMID(9)) })
	changes := of(func(x ctx, c client) ([]koji.ChangelogEntry, error) {
		return c.GetChangelogEntries(x, koji.BuildID(2), koji.ChangelogOptions{})
	})
	event := of(func(x ctx, c client) (koji.Event, error) { return c.GetLastEvent(x) })
	side := of(func(x ctx, c client) ([]koji.SideTag, error) { return c.ListSideTags(x, "", "") })
	user := of(func(x ctx, c client) (*koji.User, error) { return c.GetLoggedInUser(x) })
	return map[string]typed{
		"getAPIVersion":  of(func(x ctx, c client) (int, error) { return c.GetAPIVersion(x) }),
		"getKojiVersion": of(func(x ctx, c client) (string, error) { return c.GetKojiVersion(x) }),
		"getBuild":       build, "getBuild-int": build, "getBuild-kwargs": build, "getBuild-epoch": build, "getBuild-map": build, "getBuild-building": build,
		"listBuilds":           of(func(x ctx, c client) ([]koji.Build, error) { return c.ListBuilds(x, koji.BuildOptions{}) }),
		"listBuilds-countOnly": of(func(x ctx, c client) (int, error) { return c.CountBuilds(x, koji.BuildOptions{}) }),
		"getLatestBuilds": of(func(x ctx, c client) ([]koji.TaggedBuild, error) {
			return c.GetLatestBuilds(x, "x", koji.LatestOptions{})
		}),
		"listTagged": tagged, "listTagged-latest-inherit": tagged, "listTaggedRPMS": pair, "listTaggedRPMS-rpmsigs": pair,
		"getLatestRPMS": of(func(x ctx, c client) (koji.TaggedRPMs, error) {
			return c.GetLatestRPMs(x, "x", koji.LatestRPMOptions{})
		}),
		"listRPMs": rpms, "listRPMs-arches": rpms, "getRPM": rpm, "getRPM-map": rpm,
		"listBuildRPMs":         of(func(x ctx, c client) ([]koji.RPM, error) { return c.ListBuildRPMs(x, koji.BuildID(2)) }),
		"listBuildRPMs-i8-size": of(func(x ctx, c client) ([]koji.RPM, error) { return c.ListBuildRPMs(x, koji.BuildID(3)) }),
		"getRPMHeaders":         of(func(x ctx, c client) (koji.RPMHeaders, error) { return c.GetRPMHeaders(x, koji.RPMID(9), "name") }),
		"getRPMHeaders-task": of(func(x ctx, c client) (koji.RPMHeaders, error) {
			return c.GetTaskRPMHeaders(x, 2, "x.rpm", "name")
		}),
		"getRPMDeps": of(func(x ctx, c client) ([]koji.Dependency, error) {
			return c.GetRPMDeps(x, koji.RPMID(9), koji.DepOptions{})
		}),
		"listRPMFiles":    of(func(x ctx, c client) ([]koji.RPMFile, error) { return c.ListRPMFiles(x, koji.RPMID(9), koji.Page{}) }),
		"getRPMChecksums": of(func(x ctx, c client) (map[string]koji.Checksums, error) { return c.GetRPMChecksums(x, 9) }),
		"listTags":        tags, "listTags-package": tags, "listTags-pattern": tags,
		"getTag":         of(func(x ctx, c client) (*koji.Tag, error) { return c.GetTag(x, "x") }),
		"getBuildConfig": of(func(x ctx, c client) (*koji.BuildConfig, error) { return c.GetBuildConfig(x, "x") }),
		"getBuildTarget": of(func(x ctx, c client) (*koji.BuildTarget, error) { return c.GetBuildTarget(x, "x") }),
		"getBuildTargets": of(func(x ctx, c client) ([]koji.BuildTarget, error) {
			return c.GetBuildTargets(x, koji.TargetOptions{})
		}),
		"getFullInheritance": of(func(x ctx, c client) ([]koji.Inheritance, error) {
			return c.GetFullInheritance(x, "x", koji.InheritanceOptions{})
		}),
		"getInheritanceData": of(func(x ctx, c client) ([]koji.Inheritance, error) { return c.GetInheritanceData(x, "x") }),
		"getPackageID":       of(func(x ctx, c client) (int, error) { return c.GetPackageID(x, "x") }),
		"getPackage":         of(func(x ctx, c client) (*koji.Named, error) { return c.GetPackage(x, "x") }),
		"listPackages":       of(func(x ctx, c client) ([]koji.Package, error) { return c.ListPackages(x, koji.PackageOptions{}) }),
		"listPackagesSimple": of(func(x ctx, c client) ([]koji.Package, error) { return c.ListPackagesSimple(x, "", koji.Page{}) }),
		"search-build":       search, "search-rpm": search, "search-package-exact": search, "search-tag-regexp": search,
		"getTaskInfo": task, "getTaskInfo-request": task,
		"getTaskInfo-list":   of(func(x ctx, c client) ([]*koji.Task, error) { return c.GetTaskInfos(x, 1, 2) }),
		"getTaskDescendents": of(func(x ctx, c client) (map[int][]koji.Task, error) { return c.GetTaskDescendents(x, 1) }),
		"getTaskChildren":    of(func(x ctx, c client) ([]koji.Task, error) { return c.GetTaskChildren(x, 1) }),
		"getTaskRequest":     of(func(x ctx, c client) ([]any, error) { return c.GetTaskRequest(x, 2) }),
		"getTaskResult":      of(func(x ctx, c client) (any, error) { return c.GetTaskResult(x, 2) }),
		"listTasks":          of(func(x ctx, c client) ([]koji.Task, error) { return c.ListTasks(x, koji.TaskOptions{}) }),
		"listArchives":       of(func(x ctx, c client) ([]koji.Archive, error) { return c.ListArchives(x, koji.ArchiveOptions{}) }),
		"queryRPMSigs":       sigs, "queryRPMSigs-nvra": sigs, "getChangelogEntries": changes, "getChangelogEntries-task": changes,
		"getLastEvent": event, "getEvent": event,
		"getRepo":         of(func(x ctx, c client) (*koji.Repo, error) { return c.GetRepo(x, "x", koji.RepoOptions{}) }),
		"repoInfo":        of(func(x ctx, c client) (*koji.Repo, error) { return c.RepoInfo(x, 1) }),
		"getBuildLogs":    of(func(x ctx, c client) ([]koji.BuildLog, error) { return c.GetBuildLogs(x, koji.BuildID(2)) }),
		"getVolume":       of(func(x ctx, c client) (*koji.Named, error) { return c.GetVolume(x, "DEFAULT") }),
		"listVolumes":     of(func(x ctx, c client) ([]koji.Named, error) { return c.ListVolumes(x) }),
		"getUser":         of(func(x ctx, c client) (*koji.User, error) { return c.GetUser(x, "ada") }),
		"getLoggedInUser": user, "getLoggedInUser-by-url": user,
		"getExternalRepoList": of(func(x ctx, c client) ([]koji.ExternalRepo, error) { return c.GetExternalRepoList(x, "x") }),
		"getBuildType":        of(func(x ctx, c client) (map[string]map[string]any, error) { return c.GetBuildType(x, koji.BuildID(2)) }),
		"listBTypes":          of(func(x ctx, c client) ([]koji.Named, error) { return c.ListBTypes(x) }),
		"queryHistory": of(func(x ctx, c client) (map[koji.HistoryTable][]koji.HistoryRow, error) {
			return c.QueryHistory(x, koji.HistoryOptions{})
		}),
		"tagHistory-lastchange": of(func(x ctx, c client) (*int, error) { return c.TagLastChangeEvent(x, "x", koji.TagChangeOptions{}) }),
		"listSideTags":          side, "listSideTags-filter": side,
		"system.listMethods": of(func(x ctx, c client) ([]string, error) { return c.ListMethods(x) }),
		"createSideTag-authed": of(func(x ctx, c client) (koji.NewSideTag, error) {
			return c.CreateSideTag(x, "x", koji.SideTagOptions{})
		}),
		"echo-types": of(func(x ctx, c client) ([]any, error) { return c.Echo(x, 1) }),
	}
}

// elsewhere are recordings that other tests read.
func elsewhere(name string) bool {
	for _, prefix := range []string{
		"fault-", "http-", "login", "sslLogin", "multiCall", "createTag", "downloadTaskOutput", "getTaskResult-noraise", "listTaskOutput",
		"listBuilds-asList", "_listapi",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return strings.HasSuffix(name, "-nil")
}

// Every recorded answer is read by the method it belongs to, and every member of
// it must stand in the result with its very value: nil as nil, "" as "", times
// to the microsecond. No member may get lost.
func TestRecordedAnswersAreReadWhole(t *testing.T) {
	t.Parallel()
	calls := recordedCalls()
	paths := must(filepath.Glob(filepath.Join(shareddata.Dir(t, "koji-wire"), "*.response.xml")))
	read := 0
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".response.xml")
		f, ok := calls[name]
		if !ok {
			if !elsewhere(name) {
				t.Errorf("no method reads %s", name)
			}
			continue
		}
		read++
		got, err := f(t.Context(), recordings(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var raw any
		if err := wire.DecodeResponse(bytes.NewReader(must(os.ReadFile(path))), wire.Limits{}, &raw); err != nil {
			t.Fatal(err)
		}
		whole(t, name, raw, reflect.ValueOf(got))
	}
	if read < 70 || read != len(calls) {
		t.Errorf("%d of %d recordings read", read, len(calls))
	}
}

// whole holds a result against the answer without types.
func whole(t *testing.T, path string, raw any, v reflect.Value) {
	t.Helper()
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			if raw != nil {
				t.Errorf("%s: %v became nil", path, raw)
			}
			return
		}
		v = v.Elem()
	}
	switch r := raw.(type) {
	case nil:
		if !v.IsZero() || v.Kind() != reflect.Map && v.Kind() != reflect.Slice {
			t.Errorf("%s: nil became %v", path, v)
		}
	case map[string]any:
		wholeStruct(t, path, r, v)
	case []any:
		if v.Type() == reflect.TypeFor[koji.TaggedRPMs]() {
			whole(t, path+".RPMs", r[0], v.FieldByName("RPMs"))
			whole(t, path+".Builds", r[1], v.FieldByName("Builds"))
			return
		}
		if v.Kind() != reflect.Slice || v.Len() != len(r) {
			t.Errorf("%s: %d elements became %v", path, len(r), v)
			return
		}
		for i := range r {
			whole(t, fmt.Sprintf("%s[%d]", path, i), r[i], v.Index(i))
		}
	default:
		if !same(r, v) {
			t.Errorf("%s: %T %v became %v", path, raw, raw, v)
		}
	}
}

func same(raw any, v reflect.Value) bool {
	if at, ok := reflect.TypeAssert[time.Time](v); ok {
		switch r := raw.(type) {
		case float64:
			return math.Abs(float64(at.UnixMicro())/1e6-r) < 1e-6 && at.Location() == time.UTC
		case int64:
			return at.Unix() == r
		case string:
			t, err := time.Parse("2006-01-02 15:04:05.999999-07:00", r)
			return err == nil && t.Equal(at)
		case time.Time:
			return r.Equal(at)
		}
		return false
	}
	switch r := raw.(type) {
	case int64:
		return v.CanInt() && v.Int() == r
	case string:
		if v.CanInt() { // numbers that travel as text
			return strconv.FormatInt(v.Int(), 10) == r
		}
		return v.Kind() == reflect.String && v.String() == r
	case bool:
		return v.Kind() == reflect.Bool && v.Bool() == r
	case float64:
		return v.CanFloat() && v.Float() == r
	case []byte:
		return v.Kind() == reflect.Slice && bytes.Equal(v.Bytes(), r)
	}
	return false
}

func wholeStruct(t *testing.T, path string, raw map[string]any, v reflect.Value) {
	t.Helper()
	if v.Kind() == reflect.Map {
		if v.Len() != len(raw) {
			t.Errorf("%s: %d members became %v", path, len(raw), v)
		}
		for name, member := range raw {
			key := reflect.ValueOf(name)
			if v.Type().Key().Kind() == reflect.Int {
				key = reflect.ValueOf(must(strconv.Atoi(name)))
			}
			if item := v.MapIndex(key.Convert(v.Type().Key())); !item.IsValid() {
				t.Errorf("%s.%s is lost", path, name)
			} else {
				whole(t, path+"."+name, member, item)
			}
		}
		return
	}
	if v.Kind() != reflect.Struct {
		t.Errorf("%s: a struct became %v", path, v)
		return
	}
	for name, member := range raw {
		field, also := fieldOf(v, name)
		switch {
		case !field.IsValid() && slices.Contains([]string{"nvr", "krb_principal"}, name):
			// What an RPM is called can be computed; the principals are a list.
		case !field.IsValid():
			t.Errorf("%s.%s is lost", path, name)
		case also != "" && raw[also] != nil:
			// The exact one of a pair is read: creation_ts, not creation_time.
		default:
			whole(t, path+"."+name, member, field)
		}
	}
}

// fieldOf finds the field that takes a member, and the member that goes before.
func fieldOf(v reflect.Value, name string) (reflect.Value, string) {
	var rest reflect.Value
	for _, f := range reflect.VisibleFields(v.Type()) {
		names := strings.Split(f.Tag.Get("koji"), ",")
		if len(names) == 2 && names[0] == "" {
			rest = v.FieldByIndex(f.Index).MapIndex(reflect.ValueOf(name))
			continue
		}
		if i := slices.Index(names, name); i == 0 {
			return v.FieldByIndex(f.Index), ""
		} else if i > 0 {
			return v.FieldByIndex(f.Index), names[0]
		}
	}
	return rest, ""
}

func TestRecordedNilsAreNotFound(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, ask := range map[string]func(*koji.Client) error{
		"getBuild-missing-nil":     func(c *koji.Client) error { _, err := c.GetBuild(ctx, koji.NVR("a-1-1")); return err },
		"getTag-missing-nil":       func(c *koji.Client) error { _, err := c.GetTag(ctx, "a"); return err },
		"getTaskInfo-missing-nil":  func(c *koji.Client) error { _, err := c.GetTaskInfo(ctx, 5); return err },
		"getPackageID-missing-nil": func(c *koji.Client) error { _, err := c.GetPackageID(ctx, "a"); return err },
		"getRepo-nil":              func(c *koji.Client) error { _, err := c.GetRepo(ctx, "a", koji.RepoOptions{}); return err },
		"fault-1000-nosuchtag":     func(c *koji.Client) error { _, err := c.ListTagged(ctx, "a", koji.TaggedOptions{}); return err },
		"fault-1000-nosuchbuild":   func(c *koji.Client) error { _, err := c.ListBuildRPMs(ctx, koji.NVR("a-1-1")); return err },
	} {
		var missing *koji.NotFoundError
		if err := ask(recordings(t, name)); !errors.Is(err, koji.ErrNotFound) || !errors.As(err, &missing) || missing.Ref == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The recorded faults are of the classes that their codes say.
func TestRecordedFaults(t *testing.T) {
	t.Parallel()
	paths := must(filepath.Glob(filepath.Join(shareddata.Dir(t, "koji-wire"), "fault-*.response.xml")))
	if len(paths) < 20 {
		t.Fatalf("%d recordings", len(paths))
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".response.xml")
		code := must(strconv.Atoi(strings.Split(name, "-")[1]))
		err := recordings(t, name).Call(t.Context(), "createTag", nil, nil)
		var fault *koji.Fault
		if !errors.As(err, &fault) || fault.Code != code || fault.String == "" || fault.Method != "createTag" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for class, codes := range map[error][]int{
			koji.ErrAuth: {1002, 1006, 1007, 1008, 1009, 1023}, koji.ErrAuthExpired: {1007}, koji.ErrSequence: {1008}, koji.ErrRetry: {1009},
			koji.ErrBuild: {1005, 1010, 1011, 1012}, koji.ErrServerOffline: {1014}, koji.ErrUnreachable: {1014}, koji.ErrParameter: {1019}, koji.ErrActionNotAllowed: {1004},
		} {
			if errors.Is(err, class) != slices.Contains(codes, code) {
				t.Errorf("%s: is %v: %v", name, class, errors.Is(err, class))
			}
		}
		if errors.Is(err, koji.ErrGeneric) != (code >= 1000) {
			t.Errorf("%s: generic", name)
		}
	}
}

func TestRecordedMultiCall(t *testing.T) {
	t.Parallel()
	b := recordings(t, "multiCall").Batch()
	build, tag, missing := b.GetBuild(koji.NVR("ondemand-core-1.1-1.fc42")), b.GetTag("nosuch"), b.GetBuild(koji.NVR("nosuch-1-1"))
	unknown, rpms := koji.BatchCall[any](b, "nosuchmethod"), b.ListBuildRPMs(koji.NVR("ondemand-core-1.0-1.fc42"))
	if err := b.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, err := build.Get(); err != nil || v.ID != 2 {
		t.Errorf("%+v %v", v, err)
	}
	if _, err := tag.Get(); !errors.Is(err, koji.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := missing.Get(); !errors.Is(err, koji.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := unknown.Get(); !errors.Is(err, koji.ErrGeneric) || errors.Is(err, koji.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if v, err := rpms.Get(); err != nil || len(v) != 6 {
		t.Errorf("%+v %v", v, err)
	}
}

func TestRecordedTaskOutput(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	files := must(recordings(t, "listTaskOutput-stat-allvol").ListTaskOutput(ctx, 2))
	if len(files) != 7 || files[6].Name != "root.log" || files[6].Size != 4 || files[6].Volume != "DEFAULT" || files[6].ModTime.UnixMicro() != 1795392721763999 {
		t.Errorf("%+v", files)
	}
	if data := must(recordings(t, "downloadTaskOutput").DownloadTaskOutput(ctx, 2, "build.log", koji.DownloadOptions{Size: 100})); string(data) != "log\n" {
		t.Errorf("%q", data)
	}
	result := must(recordings(t, "getTaskResult").GetTaskResult(ctx, 2))
	if r, ok := koji.ParseBuildArchResult(result); !ok || len(r.RPMs) != 3 || len(r.SRPMs) != 1 || len(r.Logs) != 3 || r.BuildrootID != 7 {
		t.Errorf("%+v", r)
	}
	_, err := recordings(t, "getTaskResult-noraise").GetTaskResult(ctx, 5)
	var failed *koji.TaskFailedError
	if !errors.As(err, &failed) || failed.TaskID != 5 || !errors.Is(err, koji.ErrBuild) || !strings.Contains(err.Error(), "mock exited") {
		t.Errorf("%v", err)
	}
	tasks := must(recordings(t, "listTasks").ListTasks(ctx, koji.TaskOptions{}))
	if _, err := tasks[0].Outcome(); !errors.As(err, &failed) || failed.TaskID != 5 {
		t.Errorf("%v", err)
	}
	if out, err := tasks[1].Outcome(); err != nil || out == nil {
		t.Errorf("%v %v", out, err)
	}
}

// The typed reading of free form members, on recorded ones.
func TestRecordedExtras(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	b := must(recordings(t, "getBuild").GetBuild(ctx, koji.BuildID(2)))
	if b.OriginalURL() != "git+https://src.example.invalid/rpms/ondemand-core.git#f42" || b.TypeInfo("module") != nil {
		t.Errorf("%+v", b)
	}
	tag := must(recordings(t, "getTag").GetTag(ctx, "x"))
	if !tag.IsSideTag() || tag.SideTagUser() != "ada" || tag.WithDebuginfo() || len(tag.ArchList()) != 2 {
		t.Errorf("%+v", tag)
	}
	config := must(recordings(t, "getBuildConfig").GetBuildConfig(ctx, "x"))
	if config.Macros()["dist"] != ".fc42" || config.MockOptions()["package_manager"] != "dnf5" || config.Inherited.Extra["rpm.macro.dist"].Name != "f42-build" {
		t.Errorf("%+v", config)
	}
	child := must(recordings(t, "getTaskDescendents").GetTaskDescendents(ctx, 1))[1][0]
	if r, ok := child.BuildArchRequest(); !ok || r.Arch != "x86_64" || r.RootTagID != 1 || !r.KeepSRPM || r.Options["repo_id"] != int64(1) {
		t.Errorf("%+v", r)
	}
	if r, ok := must(recordings(t, "getTaskInfo-request").GetTaskInfo(ctx, 1)).BuildRequest(); !ok || !r.Scratch || r.Target != "f42" {
		t.Errorf("%+v", r)
	}
	headers := must(recordings(t, "getRPMHeaders").GetRPMHeaders(ctx, koji.RPMID(9)))
	if _, ok := headers.Number("epoch"); ok || headers.Text("license") != "MIT" || len(headers.Texts("requires")) != 5 || len(headers.Bytes("sigmd5")) != 16 {
		t.Errorf("%+v", headers)
	}
	deps := must(recordings(t, "getRPMDeps").GetRPMDeps(ctx, koji.RPMID(9), koji.DepOptions{}))
	if deps[1].Sense() != ">=" || deps[2].Sense() != "<=" || deps[5].Sense() != "=" || deps[0].Sense() != "" || deps[5].Type != koji.DepProvide {
		t.Errorf("%+v", deps)
	}
	rows := must(recordings(t, "queryHistory").QueryHistory(ctx, koji.HistoryOptions{}))[koji.HistoryTagListing]
	if n, ok := rows[0].Number("build.state"); len(rows) != 2 || rows[0].Text("tag.name") != "f42-updates-testing" || !ok || n != 1 || !rows[0].Active || rows[0].RevokeEvent != nil {
		t.Errorf("%+v", rows)
	}
}
