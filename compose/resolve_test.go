package compose_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
)

func fedora(t *testing.T) *composetest.Fedora {
	t.Helper()
	f, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func resolver(t *testing.T, f *composetest.Fedora) *compose.Resolver {
	t.Helper()
	quick := func(int) time.Duration { return time.Millisecond }
	hub, err := koji.New(f.HubURL, koji.Options{TopURL: f.TopURL, Retries: 1, Backoff: quick})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := bodhi.New(f.BodhiURL, bodhi.Options{Retries: 1})
	if err != nil {
		t.Fatal(err)
	}
	r, err := compose.NewResolver(hub, updates, compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MinFree: 1 << 20},
		compose.ResolverOptions{Backends: []compose.Backend{&remaster.Backend{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func nevras(p *compose.Plan) []string {
	var list []string
	for _, r := range p.RPMs {
		list = append(list, r.NEVRA)
	}
	return list
}

func TestResolveTakesWhatASourceStandsFor(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	r := resolver(t, f)
	update := []string{
		"clock-1:5.0^20261101gitabcdef-2.fc44.x86_64", "greeter-2.3-4.fc44.x86_64", "greeter-devel-2.3-4.fc44.x86_64",
		"greeter-libs-2.3-4.fc44.x86_64", "hello-docs-1.0-1.fc44.noarch",
	}
	for name, tc := range map[string]struct {
		req  compose.Request
		want []string
	}{
		"update":          {compose.Request{Sources: []string{f.Update}}, update},
		"build":           {compose.Request{Sources: []string{composetest.BuildNoarch}}, []string{"hello-docs-1.0-1.fc44.noarch"}},
		"side tag":        {compose.Request{Sources: []string{"tag:" + f.SideTag}}, []string{"sidekick-1.1-1.fc44.noarch"}},
		"task, once each": {compose.Request{Sources: []string{task(f.Task)}}, []string{"probe-0.9-0.1.fc44.x86_64", "probe-data-0.9-0.1.fc44.noarch"}},
		"other arch":      {compose.Request{Arch: "aarch64", Sources: []string{composetest.BuildCaret}}, []string{"clock-1:5.0^20261101gitabcdef-2.fc44.aarch64"}},
		"name, by ladder": {compose.Request{Release: "44", Sources: []string{"motd"}}, []string{"motd-3.0-1.fc44.noarch"}},
		"twice the same":  {compose.Request{Sources: []string{f.Update, composetest.BuildArch}}, update},
		"debuginfo":       {compose.Request{Sources: []string{task(f.Task)}, Options: compose.Options{Debuginfo: true}}, []string{"probe-0.9-0.1.fc44.x86_64", "probe-data-0.9-0.1.fc44.noarch", "probe-debuginfo-0.9-0.1.fc44.x86_64"}},
		"source and i686": {
			compose.Request{Sources: []string{composetest.BuildArch}, Options: compose.Options{IncludeSource: true, Multilib: true}},
			[]string{
				"greeter-2.3-4.fc44.i686", "greeter-2.3-4.fc44.src", "greeter-2.3-4.fc44.x86_64", "greeter-devel-2.3-4.fc44.i686",
				"greeter-devel-2.3-4.fc44.x86_64", "greeter-libs-2.3-4.fc44.i686", "greeter-libs-2.3-4.fc44.x86_64",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.req.Kind = compose.KindRepo
			if tc.req.Arch == "" {
				tc.req.Arch = "x86_64"
			}
			plan, err := r.Resolve(t.Context(), tc.req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, nevras(plan)); diff != "" {
				t.Error(diff)
			}
			for _, p := range plan.RPMs {
				if p.SigMD5 == "" || p.Size == 0 || p.URL == "" || p.From == "" || p.BuildTime == 0 {
					t.Errorf("%+v is not pinned", p)
				}
			}
			if plan.Request.Release != "44" || len(plan.Digest) != 64 || plan.Epoch == 0 {
				t.Errorf("release %q, digest %q, epoch %d", plan.Request.Release, plan.Digest, plan.Epoch)
			}
			again, err := r.Resolve(t.Context(), tc.req)
			if err != nil || again.Digest != plan.Digest {
				t.Errorf("resolved again: %v, digest %s and %s", err, plan.Digest, again.Digest)
			}
		})
	}
}

func task(id int) string {
	return compose.Source{Type: compose.SourceTask, Value: strconv.Itoa(id)}.String()
}

func TestResolveRefusesWithCodeFieldAndRemedy(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	r := resolver(t, f)
	notISO := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.ServeContent(w, req, "x.iso", time.Time{}, strings.NewReader(strings.Repeat("no image ", 10_000)))
	}))
	t.Cleanup(notISO.Close)
	for name, tc := range map[string]struct {
		req   compose.Request
		code  compose.Code
		field string
		line  int
	}{
		"unknown update":      {req: compose.Request{Sources: []string{"FEDORA-2026-0000000000"}}, code: compose.CodeUpdateNotFound, field: "sources[0]"},
		"unknown build":       {req: compose.Request{Sources: []string{f.Update, "nothing-1-1.fc44"}}, code: compose.CodeBuildNotFound, field: "sources[1]"},
		"deleted build":       {req: compose.Request{Sources: []string{composetest.BuildDeleted}}, code: compose.CodeBuildDeleted, field: "sources[0]"},
		"unfinished build":    {req: compose.Request{Sources: []string{composetest.BuildBuilding}}, code: compose.CodeBuildNotComplete, field: "sources[0]"},
		"no RPMs of the arch": {req: compose.Request{Sources: []string{composetest.BuildARMOnly}}, code: compose.CodeNoRPMsForArch, field: "sources[0]"},
		"source RPM only":     {req: compose.Request{Sources: []string{composetest.BuildEmpty}}, code: compose.CodeNoRPMsForArch, field: "sources[0]"},
		"unknown task":        {req: compose.Request{Sources: []string{"task:999999"}}, code: compose.CodeTaskNotFound, field: "sources[0]"},
		"open task":           {req: compose.Request{Sources: []string{task(f.OpenTask)}}, code: compose.CodeTaskNotFinished, field: "sources[0]"},
		"failed task":         {req: compose.Request{Sources: []string{task(f.FailedTask)}}, code: compose.CodeTaskFailed, field: "sources[0]"},
		"unknown tag":         {req: compose.Request{Sources: []string{"tag:f99-build-side-1"}}, code: compose.CodeTagNotFound, field: "sources[0]"},
		"empty tag":           {req: compose.Request{Sources: []string{"tag:f44"}}, code: compose.CodeTagEmpty, field: "sources[0]"},
		"nothing named":       {req: compose.Request{Release: "44"}, code: compose.CodeNoSources, field: "sources"},
		"kind of later":       {req: compose.Request{Kind: compose.KindLive, Sources: []string{f.Update}}, code: compose.CodeUnsupportedKind, field: "kind"},
		"no release":          {req: compose.Request{Sources: []string{"motd"}}, code: compose.CodeBadRelease, field: "release"},
		"base is no ISO": {
			req:  compose.Request{Kind: compose.KindRemaster, Sources: []string{f.Update}, Base: &compose.Base{URL: notISO.URL + "/x.iso"}},
			code: compose.CodeBaseNotISO, field: "base",
		},
		"base is missing": {
			req:  compose.Request{Kind: compose.KindRemaster, Sources: []string{f.Update}, Base: &compose.Base{URL: f.TopURL + "/none.iso"}},
			code: compose.CodeBaseUnreachable, field: "base.url",
		},
		"kickstart with an error": {
			req:  compose.Request{Sources: []string{f.Update}, Kickstart: &compose.Kickstart{Text: "text\nlang en_US\nfrobnicate --now\n%packages\n@core\n%end\n"}},
			code: compose.CodeBadKickstart, field: "kickstart", line: 3,
		},
		"kickstart without end": {
			req:  compose.Request{Sources: []string{f.Update}, Kickstart: &compose.Kickstart{Text: "text\n%packages\n@core\n"}},
			code: compose.CodeBadKickstart, field: "kickstart", line: 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.req.Arch = "x86_64"
			if tc.req.Kind == "" {
				tc.req.Kind = compose.KindRepo
			}
			_, err := r.Resolve(t.Context(), tc.req)
			refused, ok := errors.AsType[*compose.RefusedError](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			p := refused.Problems[0]
			if p.Code != tc.code || p.Field != tc.field || tc.line > 0 && p.Line != tc.line {
				t.Errorf("got %+v", p)
			}
			if p.Sentence == "" || !strings.HasSuffix(p.Sentence, ".") || p.Remedy == "" {
				t.Errorf("sentence %q, remedy %q", p.Sentence, p.Remedy)
			}
		})
	}
}

func TestResolveNamesEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	_, err := resolver(t, f).Resolve(t.Context(), compose.Request{
		Kind: compose.KindRepo, Arch: "x86_64", Sources: []string{"FEDORA-2026-0000000000", composetest.BuildDeleted, "task:999999"},
		Kickstart: &compose.Kickstart{Text: "frobnicate\n"},
	})
	refused, ok := errors.AsType[*compose.RefusedError](err)
	if !ok || len(refused.Problems) != 4 {
		t.Fatalf("got %v", err)
	}
}

func TestResolveTellsUpstreamTrouble(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		trouble func(*composetest.Fedora)
		code    compose.Code
		status  int
	}{
		"hub down":    {func(f *composetest.Fedora) { f.Hub.Fail(kojitest.Failures{Status: 503, Body: "<html>down</html>"}) }, compose.CodeKojiUnreachable, 502},
		"hub offline": {func(f *composetest.Fedora) { f.Hub.Fail(kojitest.Failures{Offline: "outage"}) }, compose.CodeKojiUnreachable, 502},
		"bodhi down":  {func(f *composetest.Fedora) { f.Bodhi.SetFault(bodhitest.Fault{Status: 503}) }, compose.CodeBodhiUnreachable, 502},
		"task files gone": {func(f *composetest.Fedora) {
			for _, name := range f.Hub.Files() {
				if strings.Contains(name, "probe") {
					_ = f.Hub.RemoveFile(name)
				}
			}
		}, compose.CodeTaskExpired, 422},
		"task RPM altered": {func(f *composetest.Fedora) {
			for _, name := range f.Hub.Files() {
				if strings.Contains(name, "probe-0.9-0.1.fc44.x86_64") {
					_ = f.Hub.AlterFile(name, func(b []byte) []byte { return []byte(strings.Repeat("x", len(b))) })
				}
			}
		}, compose.CodeRPMUnreadable, 422},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fedora(t)
			r := resolver(t, f)
			tc.trouble(f)
			_, err := r.Resolve(t.Context(), compose.Request{Kind: compose.KindRepo, Arch: "x86_64", Sources: []string{f.Update, task(f.Task)}})
			refused, ok := errors.AsType[*compose.RefusedError](err)
			if !ok || !refused.Has(tc.code) || refused.Status() != tc.status {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestBareNameInRawhideIsLookedForUnderItsNumber(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	if _, err := f.Hub.AddTag(kojitest.Tag{Name: "f45", Arches: []string{"x86_64"}}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Bodhi.AddRelease(bodhitest.Rawhide(45)), f.Hub.TagBuild("f45", composetest.BuildSide)); err != nil {
		t.Fatal(err)
	}
	plan, err := resolver(t, f).Resolve(t.Context(), compose.Request{Kind: compose.KindRepo, Release: "rawhide", Arch: "x86_64", Sources: []string{"sidekick"}, Signatures: map[string]compose.SignaturePolicy{"*": compose.SignaturesPrefer}})
	if err != nil {
		t.Fatal(err)
	}
	if got := nevras(plan); len(got) != 1 || got[0] != "sidekick-1.1-1.fc44.noarch" || !strings.Contains(plan.Sources[0].Why, "f45") {
		t.Errorf("%v, %+v", got, plan.Sources)
	}
}

func TestResolvePutsTheSideRepoIntoTheKickstart(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	r := resolver(t, f)
	plan, err := r.Resolve(t.Context(), compose.Request{
		Kind: compose.KindRepo, Release: "44", Arch: "x86_64", Sources: []string{f.Update},
		Kickstart: &compose.Kickstart{Text: "# a comment that stays\ntext\n"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Kickstart != "# a comment that stays\ntext\n" || len(plan.Warnings) == 0 {
		t.Errorf("a kind that has no medium: %q, %v", plan.Kickstart, plan.Warnings)
	}
}
