package web

import (
	"os/exec"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

func TestFormLosesNothingOfARequest(t *testing.T) {
	t.Parallel()
	want := compose.Request{
		Kind: "dvd", Release: "rawhide", Arch: "aarch64", Sources: []string{"vim", "task:1"}, Packages: []string{"@core", "nano"},
		Exclude: []string{"a"}, Require: []string{"b>=1"}, Repos: []compose.Repo{{ID: "x", BaseURL: "https://example.org/", Priority: 5, GPGKeys: []string{"k"}}},
		Kickstart: &compose.Kickstart{Spin: "fedora-live"}, Base: &compose.Base{URL: "https://example.org/b.iso", SHA256: "00"}, VolID: "V", BootArgs: []string{"a=b", "c", "words=one  two", "x=a&b"}, RemoveArgs: []string{"quiet"},
		Replace: []compose.Replacement{{From: "timeout=60", To: "timeout=5"}}, Files: []compose.File{{Path: "/a b", Upload: "00"}, {Path: "/c", Text: "d\ne"}}, UpdatesImage: &compose.File{URL: "https://example.org/updates.img"},
		Signatures: map[string]compose.SignaturePolicy{"*": compose.SignaturesPrefer},
		Options:    compose.Options{Backend: "kiwi", RootfsSize: 12345678, Multilib: true, IncludeSource: true, Debuginfo: true, SmokeBoot: true, SkipPreflight: true, NoMD5Sum: true},
		TTL:        compose.Duration(90 * time.Minute), Notify: []compose.Notify{{Email: "qa@example.org"}, {Webhook: "https://example.org/hook"}},
		Title: "T", Labels: map[string]string{"k": "v: [x]", "n": "1", "y": "yes"},
	}
	for field, value := range reflect.ValueOf(want).Fields() {
		if value.IsZero() {
			t.Errorf("the request of this test has no %s", field.Name)
		}
	}
	f, err := formOf(want)
	if err != nil {
		t.Fatal(err)
	}
	got, problems := f.request()
	if len(problems) > 0 {
		t.Fatal(problems, f.More)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("request (-want +got):\n%s\nmore:\n%s", diff, f.More)
	}
}

func FuzzFormRoundTrip(f *testing.F) {
	f.Add("FEDORA-2026-1a2b3c4d5e\n\n vim ", "@core,nano", "a=b  c", "qa@example.org", "336h", "lang en\n", "")
	f.Add("", "", "", "", "1h0m10s", "", "require: [x]\n")
	f.Add("a\rb", "\u00a0", "\x00", ",", "14d", " ", "options: {rootfs_size: 3}")
	f.Fuzz(func(t *testing.T, sources, packages, args, notify, ttl, kickstart, more string) {
		in := form{Kind: "repo", Sources: sources, Packages: packages, BootArgs: args, Notify: notify, TTL: ttl, Kickstart: kickstart, More: more}
		req, problems := in.request()
		in.formProblems(append(problems, req.Check()...)) // must not panic
		if len(problems) > 0 || more != "" {
			return
		}
		again, err := formOf(req)
		if err != nil {
			t.Fatal(err)
		}
		got, problems := again.request()
		if len(problems) > 0 {
			t.Fatalf("%+v became %+v: %v", in, again, problems)
		}
		if diff := cmp.Diff(req, got, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStages(t *testing.T) {
	t.Parallel()
	timed := func(stages ...compose.Stage) (list []compose.Timing) {
		for _, s := range stages {
			list = append(list, compose.Timing{Stage: s, Seconds: 1})
		}
		return list
	}
	for name, c := range map[string]struct {
		c    api.Compose
		want []string // fetch, siderepo, kickstart, compose, verify, smoke, publish
	}{
		"queued":     {api.Compose{State: compose.StateQueued}, []string{"todo", "todo", "todo", "todo", "todo", "todo", "todo"}},
		"building":   {api.Compose{State: compose.StateBuilding, Stage: compose.StageKickstart}, []string{"done", "done", "current", "todo", "todo", "todo", "todo"}},
		"publishing": {api.Compose{State: compose.StatePublishing, Stage: compose.StageVerify}, []string{"done", "done", "done", "done", "done", "done", "current"}},
		"succeeded": {
			api.Compose{State: compose.StateSucceeded, Timings: timed(compose.StageFetch, compose.StageSideRepo, compose.StageVerify)},
			[]string{"done", "done", "skipped", "skipped", "done", "skipped", "done"},
		},
		"failed": {
			api.Compose{State: compose.StateFailed, Stage: compose.StageVerify, Failure: &compose.Failure{Stage: compose.StageSideRepo}},
			[]string{"done", "failed", "todo", "todo", "todo", "todo", "todo"},
		},
		"canceled": {api.Compose{State: compose.StateCanceled, Timings: timed(compose.StageFetch)}, []string{"done", "todo", "todo", "todo", "todo", "todo", "todo"}},
	} {
		var got []string
		for _, s := range stagesOf(&c.c) {
			got = append(got, s.State)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A real shell reads the words back.
func TestShellQuote(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"plain-1.2_3.iso", "", "a b", "it's", "$(reboot)", "`id`", "a;b|c&d", "~root", "*", "\n", `"\`, "#x", "a=b", "é"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shellQuote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q came back as %q: %v", word, out, err)
		}
	}
	d := downloadOf(&api.Compose{}, compose.Artifact{Name: "x/-rf.iso", URL: "http://example.org/-rf.iso", SHA256: "00", Type: compose.ArtifactISO, Bootable: true})
	if want := "curl -fL -C - -o ./-rf.iso http://example.org/-rf.iso"; d.Get != want {
		t.Errorf("got %q, want %q", d.Get, want)
	}
	if want := "echo '00  ./-rf.iso' | sha256sum -c"; d.Check != want {
		t.Errorf("got %q, want %q", d.Check, want)
	}
}

func TestForPeople(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: `<data value="0" title="0 bytes">0 B</data>`, 1023: `<data value="1023" title="1 023 bytes">1023 B</data>`,
		1 << 30: `<data value="1073741824" title="1 073 741 824 bytes">1.0 GiB</data>`,
	} {
		if got := string(size(n)); got != want {
			t.Errorf("size %d: %s", n, got)
		}
	}
	for s, want := range map[float64]string{0.04: "0 s", 9.94: "9.9 s", 9.96: "10 s", 59.4: "59 s", 59.6: "1 min 00 s", 3599: "59 min 59 s", 3661: "1 h 01 min", -1: "-"} {
		if got := seconds(s); got != want {
			t.Errorf("seconds %v: %s, want %s", s, got, want)
		}
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	p := &Pages{now: func() time.Time { return now }}
	for d, want := range map[time.Duration]string{
		time.Second: "just now", 30 * time.Second: "30 s ago", 5 * time.Minute: "5 min ago", 30 * time.Hour: "30 h ago", 72 * time.Hour: "3 days ago", -2 * time.Hour: "in 2 h",
	} {
		at := now.Add(-d)
		if got, want := p.ago(&at), timeTag(at, want); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	var none *time.Time
	if p.ago(none) != "" || p.time(time.Time{}) != "" {
		t.Error("no time is shown as one")
	}
}
