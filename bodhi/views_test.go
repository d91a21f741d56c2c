package bodhi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
)

func tagged(id int, nvr string) bodhi.KojiBuild {
	return bodhi.KojiBuild{ID: id, NVR: nvr, OwnerName: "ada"}
}

func TestViewsOfKoji(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	ctx := t.Context()
	add(t, hub, bodhitest.Update{}, "vim-9.1-1.fc40")
	hub.SetTagged("f40-updates-candidate", tagged(1, "vim-9.1-1.fc40"), tagged(2, "nano-8-1.fc40"))
	hub.SetTagged("f40-updates-testing", tagged(3, "vim-9.0-1.fc40"))
	hub.SetTagged("f40-build-side-7", tagged(4, "ed-1.20-1.fc40"))
	for _, tag := range []bodhi.SideTag{{ID: 8, Name: "f40-build-side-8", User: "bob"}, {ID: 7, Name: "f40-build-side-7", User: "ada"}} {
		if err := hub.AddSideTag(tag); err != nil {
			t.Fatal(err)
		}
	}

	builds, err := c.LatestBuilds(ctx, "vim")
	if diff := cmp.Diff(map[string]string{"f40-updates-candidate": "vim-9.1-1.fc40", "f40-updates-testing": "vim-9.0-1.fc40"}, builds); diff != "" || err != nil {
		t.Error(diff, err)
	}
	in, err := c.LatestBuildsInTag(ctx, "f40-updates-testing")
	want := bodhi.KojiBuild{
		ID: 3, NVR: "vim-9.0-1.fc40", Name: "vim", PackageName: "vim", Version: "9.0", Release: "1.fc40", TagName: "f40-updates-testing", OwnerName: "ada", State: 1,
	}
	if diff := cmp.Diff([]bodhi.KojiBuild{want}, in); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, tt := range []struct {
		q    bodhi.CandidateQuery
		want []string
	}{
		{bodhi.CandidateQuery{}, []string{"vim-9.1-1.fc40", "nano-8-1.fc40"}},
		{bodhi.CandidateQuery{Package: "vim", Testing: true}, []string{"vim-9.1-1.fc40", "vim-9.0-1.fc40"}},
		{bodhi.CandidateQuery{Prefix: "na"}, []string{"nano-8-1.fc40"}},
		{bodhi.CandidateQuery{HideExisting: true}, []string{"nano-8-1.fc40"}},
	} {
		candidates, err := c.LatestCandidates(ctx, tt.q)
		var got []string
		for _, candidate := range candidates {
			got = append(got, candidate.NVR)
			if candidate.ReleaseName != "Fedora 40" || candidate.OwnerName != "ada" || candidate.ID == 0 || candidate.PackageName == "" {
				t.Errorf("%+v", candidate)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%+v: %s %v", tt.q, diff, err)
		}
	}
	for _, tt := range []struct {
		q    bodhi.SideTagQuery
		want []string
	}{
		{bodhi.SideTagQuery{}, []string{"f40-build-side-7", "f40-build-side-8"}},
		{bodhi.SideTagQuery{User: "bob"}, []string{"f40-build-side-8"}},
		{bodhi.SideTagQuery{ContainsBuilds: true}, []string{"f40-build-side-7"}},
		{bodhi.SideTagQuery{User: "eve"}, nil},
	} {
		tags, err := c.SideTags(ctx, tt.q)
		var got []string
		for _, tag := range tags {
			got = append(got, tag.Name)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%+v: %s %v", tt.q, diff, err)
		}
	}
}

func TestComponentsOfTheCriticalPath(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	hub.SetCritpath("rawhide", map[string][]string{"core": {"bash", "glibc"}, "critical-path-gnome": {"gdm"}})
	hub.SetCritpath("f40", map[string][]string{"core": {"bash"}})
	for _, tt := range []struct {
		q    bodhi.CritpathQuery
		want map[string][]string
	}{
		{bodhi.CritpathQuery{}, map[string][]string{"core": {"bash", "glibc"}, "critical-path-gnome": {"gdm"}}},
		{bodhi.CritpathQuery{Collection: "f40"}, map[string][]string{"core": {"bash"}}},
		{bodhi.CritpathQuery{Components: []string{"glibc", "gdm"}}, map[string][]string{"core": {"glibc"}, "critical-path-gnome": {"gdm"}}},
		{bodhi.CritpathQuery{Collection: "f39"}, map[string][]string{}},
	} {
		got, err := c.CritpathComponents(t.Context(), tt.q)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%+v: %s %v", tt.q, diff, err)
		}
	}
	_, err := c.CritpathComponents(t.Context(), bodhi.CritpathQuery{Components: []string{"a,b"}})
	if _, ok := errors.AsType[*bodhi.ArgumentError](err); !ok {
		t.Errorf("a comma within a name: %v", err)
	}
}

func TestSchemasOfMessages(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	hub.SetMessageSchema("bodhi.update.edit", json.RawMessage(`{"type":"object"}`))
	topics, err := c.MessageTopics(t.Context())
	if diff := cmp.Diff([]string{"bodhi.update.edit"}, topics); diff != "" || err != nil {
		t.Error(diff, err)
	}
	schema, err := c.MessageSchema(t.Context(), "bodhi.update.edit")
	if string(schema) != `{"type":"object"}` || err != nil {
		t.Errorf("%s, %v", schema, err)
	}
	if _, err := c.MessageSchema(t.Context(), "bodhi.none"); !errors.Is(err, bodhi.ErrNotFound) {
		t.Errorf("a topic that is not: %v", err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	if err := errors.Join(c.Live(t.Context()), c.Ready(t.Context())); err != nil {
		t.Error(err)
	}
	hub.SetFault(bodhitest.Fault{Status: http.StatusServiceUnavailable})
	for _, err := range []error{c.Live(t.Context()), c.Ready(t.Context())} {
		if !errors.Is(err, bodhi.ErrUnreachable) {
			t.Errorf("away: %v", err)
		}
	}
	sick := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		answers := map[string]string{"/healthz/live": `"not yet"`, "/healthz/ready": `{"db_session": false}`}
		text("application/json", answers[r.URL.Path])(w, r)
	}), bodhi.Options{})
	for _, err := range []error{sick.Live(t.Context()), sick.Ready(t.Context())} {
		if _, ok := errors.AsType[*bodhi.FormatError](err); !ok {
			t.Errorf("sick: %v", err)
		}
	}
}

// The views that ask Koji complain in the words of the framework, not of Bodhi.
func TestErrorsOfTheFramework(t *testing.T) {
	t.Parallel()
	c := newClient(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"message": "malformed or otherwise incorrect.\n\n\ntag parameter is required\n\n", "code": "400 Bad Request", "title": "Bad Request"}`))
	}), bodhi.Options{})
	_, err := c.LatestBuildsInTag(t.Context(), "f40")
	api, ok := errors.AsType[*bodhi.APIError](err)
	if !ok || !api.JSON {
		t.Fatal(err)
	}
	want := []bodhi.ErrorItem{{Name: "Bad Request", Description: "malformed or otherwise incorrect. tag parameter is required"}}
	if diff := cmp.Diff(want, api.Errors); diff != "" {
		t.Error(diff)
	}
}
