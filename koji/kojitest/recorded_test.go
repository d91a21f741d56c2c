package kojitest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/internal/wire"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// The recordings are read, and a hub with the same things in it is built by Go
// calls from what they say.

// recording returns a recorded answer.
func recording(t *testing.T, name string) any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(shareddata.Dir(t, "koji-wire"), name+".response.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := wire.DecodeResponse(bytes.NewReader(raw), wire.Limits{Ordered: true}, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// into reads a recorded answer into a type.
func into[T any](t *testing.T, name string) T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(shareddata.Dir(t, "koji-wire"), name+".response.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := wire.DecodeResponse(bytes.NewReader(raw), wire.Limits{}, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// builder builds the recorded hub.
type builder struct {
	t *testing.T
	h *kojitest.Hub
}

func (b builder) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// recordedHub is a hub with what the recorded one had in it.
func recordedHub(t *testing.T) *kojitest.Hub {
	t.Helper()
	b := builder{t: t, h: kojitest.NewHub()}
	principals := into[koji.User](t, "getUser").Principals
	for _, u := range []kojitest.User{{Name: "admin", Password: "secret", Permissions: []string{"admin"}}, {Name: "ada", Principals: principals}} {
		second(b.h.AddUser(u))
	}
	b.tags()
	b.builds()
	b.tasks()
	return b.h
}

func (b builder) tags() {
	arches := []string{"x86_64", "aarch64"}
	config := into[koji.BuildConfig](b.t, "getBuildConfig").Extra
	fifth := into[koji.Event](b.t, "getEvent").Time
	for _, tag := range []kojitest.Tag{
		{Name: "f42", Arches: arches},
		{Name: "f42-updates", Arches: arches, Parents: []string{"f42"}},
		{Name: "f42-updates-testing", Arches: arches, Parents: []string{"f42-updates"}},
		{Name: "other"},
		{Name: "f42-updates-candidate", Arches: arches, Parents: []string{"f42-updates"}},
		{Name: "f42-build", Arches: arches, Parents: []string{"f42-updates"}, Extra: map[string]any{
			"mock.package_manager": config["mock.package_manager"], "rpm.macro.dist": config["rpm.macro.dist"],
		}},
		{Name: "f42-build-side-101", Arches: arches, Parents: []string{"f42-build"}, Extra: map[string]any{"sidetag": true, "sidetag_user": "ada", "sidetag_user_id": 2}},
	} {
		if tag.Name == "f42-updates-candidate" { // the fifth event
			b.h.SetTime(fifth)
		}
		b.check(second(b.h.AddTag(tag)))
	}
	b.check(b.h.AddTarget("f42", "f42-build", "f42-updates-candidate"))
	for _, pkg := range []string{"ondemand-core", "ondemand-tool", "blocked-pkg"} {
		b.check(b.h.AddPackage("f42", pkg, "ada"))
	}
	repo := into[[]koji.ExternalRepo](b.t, "getExternalRepoList")[0]
	b.check(second(b.h.AddExternalRepo("f42-build", kojitest.ExternalRepo{Name: repo.Name, URL: repo.URL, Priority: repo.Priority})))
	for b.h.Tick() < 16 {
	}
}

// build is a recorded build without its RPMs.
func (b builder) build(r koji.Build) kojitest.Build {
	out := kojitest.Build{NVR: r.NVR, Epoch: r.Epoch, Owner: r.OwnerName, Extra: r.Extra, State: r.State, Building: r.State == koji.BuildBuilding}
	if r.Source != nil {
		out.Source = *r.Source
	}
	if r.Started != nil {
		out.Started = *r.Started
	}
	if r.Completed != nil {
		out.Completed = *r.Completed
	}
	b.h.SetTime(r.Created)
	return out
}

func (b builder) builds() {
	first := into[[]koji.Build](b.t, "listBuilds")[1]
	add := func(r koji.Build, rpms []kojitest.RPM) {
		row := b.build(r)
		row.RPMs = rpms
		if r.NVR == "ondemand-core-1.1-1.fc42" {
			row.Logs = map[string][]byte{}
			for _, l := range into[[]koji.BuildLog](b.t, "getBuildLogs") {
				row.Logs[l.Dir+"/"+l.Name] = []byte("log\n")
			}
		}
		b.check(second(b.h.AddBuild(row)))
	}
	core, tool := into[koji.Build](b.t, "getBuild"), into[koji.Build](b.t, "getBuild-epoch")
	multi := into[[]any](b.t, "multiCall")
	add(first, b.rpms(listOf(multi[4])))
	add(core, b.rpms(listOf([]any{into[any](b.t, "listBuildRPMs")})))
	add(tool, b.rpms(listOf([]any{into[any](b.t, "listBuildRPMs-i8-size")})))
	b.check(b.h.TagBuild("f42", first.NVR))
	b.check(b.h.TagBuild("f42", tool.NVR))
	history := into[map[string][]koji.HistoryRow](b.t, "queryHistory")["tag_listing"]
	b.h.SetTime(history[0].CreateTime)
	b.check(b.h.TagBuild("f42-updates-testing", core.NVR))
	b.h.SetTime(history[1].CreateTime)
	b.check(b.h.TagBuild("f42-build-side-101", core.NVR))
	repo := into[koji.Repo](b.t, "getRepo")
	b.h.SetTime(repo.EventTime)
	b.check(second(b.h.AddRepo(kojitest.Repo{Tag: "f42-build", Created: repo.Created})))
	b.check(second(b.h.AddBuild(kojitest.Build{NVR: "ondemand-core-0.2-deleted", State: koji.BuildDeleted})))
	b.check(second(b.h.AddBuild(kojitest.Build{NVR: "ondemand-core-0.3-failed", State: koji.BuildFailed})))
	add(into[koji.Build](b.t, "getBuild-building"), nil)
}

func listOf(v any) []any {
	list, _ := v.([]any)
	rows, _ := list[0].([]any)
	return rows
}

// rpms are recorded RPMs; two of them have files.
func (b builder) rpms(rows []any) []kojitest.RPM {
	var out []kojitest.RPM
	sigs := into[[]koji.Signature](b.t, "queryRPMSigs")
	sums := into[map[string]koji.Checksums](b.t, "getRPMChecksums")
	for _, row := range rows {
		m, _ := row.(map[string]any)
		text := func(name string) string { s, _ := m[name].(string); return s }
		number := func(name string) int64 { n, _ := m[name].(int64); return n }
		r := kojitest.RPM{
			Name: text("name"), Version: text("version"), Release: text("release"), Arch: text("arch"), Size: number("size"),
			PayloadHash: text("payloadhash"), BuildTime: time.Unix(number("buildtime"), 0),
		}
		if number("build_id") == 2 {
			for _, s := range sigs {
				sig := kojitest.Signature{Key: s.SigKey, Hash: s.SigHash}
				if sum := sums[s.SigKey]; sum.MD5 != nil {
					sig.MD5, sig.SHA256 = *sum.MD5, *sum.SHA256
				}
				r.Signatures = append(r.Signatures, sig)
			}
		}
		switch number("id") {
		case 7:
			r.Data = makeRPM(b.t, fakeRPM{name: r.Name, version: r.Version, release: r.Release, arch: "x86_64", source: true, changelog: into[[]koji.ChangelogEntry](b.t, "getChangelogEntries")})
		case 9:
			r.Data = makeRPM(b.t, b.header("getRPMHeaders"))
		}
		out = append(out, r)
	}
	return out
}

// header is the RPM that recorded headers, dependencies and files are of.
func (b builder) header(name string) fakeRPM {
	h := into[koji.RPMHeaders](b.t, name)
	built, _ := h.Number("buildtime")
	return fakeRPM{
		name: h.Text("name"), version: h.Text("version"), release: h.Text("release"), arch: "x86_64", built: built, sigmd5: h.Bytes("sigmd5"),
		summary: h.Text("summary"), license: h.Text("license"), deps: into[[]koji.Dependency](b.t, "getRPMDeps"), files: into[[]koji.RPMFile](b.t, "listRPMFiles"),
	}
}

func (b builder) tasks() {
	tree := into[map[string][]koji.Task](b.t, "getTaskDescendents")
	root := into[koji.Task](b.t, "getTaskInfo-request")
	listed := into[[]koji.Task](b.t, "listTasks")
	task := func(r koji.Task) kojitest.Task {
		out := kojitest.Task{
			ID: r.ID, Method: r.Method, Arch: r.Arch, Owner: "admin", State: r.State, Request: r.Request, Priority: r.Priority,
			Created: r.Created, Started: *r.Started, Completed: *r.Completed,
		}
		if r.Label != nil {
			out.Label = *r.Label
		}
		return out
	}
	build := task(root)
	build.Result = b.result("listTasks", 1)
	for _, child := range tree["1"] {
		c := task(child)
		if child.ID == 2 {
			c.Output = b.output()
			c.Result = recording(b.t, "getTaskResult")
		}
		build.Children = append(build.Children, c)
	}
	failed := task(listed[0])
	failure, _ := listed[0].Result.(map[string]any)
	failed.Failure, _ = failure["faultString"].(string)
	for _, t := range []kojitest.Task{build, failed, {ID: 6, State: koji.TaskCanceled}, {ID: 7, State: koji.TaskOpen}} {
		b.check(second(b.h.AddTask(t)))
	}
}

// result is the recorded result of the n-th task of a list, its members in order.
func (b builder) result(name string, n int) any {
	rows, _ := recording(b.t, name).([]any)
	row, _ := rows[n].(wire.Struct)
	v, _ := row.Get("result")
	list, _ := v.([]any)
	return list[0]
}

// output are files of the recorded names; two are RPMs.
func (b builder) output() map[string][]byte {
	out := map[string][]byte{}
	for _, name := range into[[]string](b.t, "listTaskOutput") {
		out[name] = []byte("log\n")
	}
	h := into[koji.RPMHeaders](b.t, "getRPMHeaders-task")
	size, _ := h.Number("size")
	out["ondemand-scratch-0.1-1.fc42.x86_64.rpm"] = makeRPM(b.t, fakeRPM{name: h.Text("name"), version: h.Text("version"), release: h.Text("release"), arch: h.Text("arch"), source: false, size: size})
	out["ondemand-scratch-0.1-1.fc42.src.rpm"] = makeRPM(b.t, fakeRPM{
		name: h.Text("name"), version: h.Text("version"), release: h.Text("release"), arch: "x86_64", source: true,
		changelog: into[[]koji.ChangelogEntry](b.t, "getChangelogEntries-task"),
	})
	return out
}
