package compose_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
)

func TestParseSourceDetectsEveryForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]compose.Source{
		"FEDORA-2026-1a2b3c4d5e":                 {Type: compose.SourceUpdate, Value: "FEDORA-2026-1a2b3c4d5e"},
		"FEDORA-EPEL-NEXT-2026-1a2b3c4d5e":       {Type: compose.SourceUpdate, Value: "FEDORA-EPEL-NEXT-2026-1a2b3c4d5e"},
		"update:FEDORA-2026-1a2b3c4d5e":          {Type: compose.SourceUpdate, Value: "FEDORA-2026-1a2b3c4d5e"},
		"anaconda-44.12-1.fc44":                  {Type: compose.SourceBuild, Value: "anaconda-44.12-1.fc44"},
		"systemd-258~rc1^20260101git1234-1.fc44": {Type: compose.SourceBuild, Value: "systemd-258~rc1^20260101git1234-1.fc44"},
		"gtk+-1.2.10-1.fc44":                     {Type: compose.SourceBuild, Value: "gtk+-1.2.10-1.fc44"},
		"build:12345":                            {Type: compose.SourceBuild, Value: "12345", ID: 12345},
		"task:" + " 123456":                      {Type: compose.SourceTask, Value: "123456", ID: 123456},
		"TASK:7":                                 {Type: compose.SourceTask, Value: "7", ID: 7},
		"tag:f44-build-side-101234":              {Type: compose.SourceTag, Value: "f44-build-side-101234"},
		"copr:@python/pypy":                      {Type: compose.SourceCOPR, Value: "@python/pypy"},
		"repo:https://example.org/r/#a,b":        {Type: compose.SourceRepo, Value: "https://example.org/r/#a,b"},
		"https://example.org/a-1-1.noarch.rpm":   {Type: compose.SourceRPM, Value: "https://example.org/a-1-1.noarch.rpm"},
		"rpm:./a-1-1.noarch.rpm":                 {Type: compose.SourceRPM, Value: "./a-1-1.noarch.rpm"},
		"upload:00112233":                        {Type: compose.SourceUpload, Value: "00112233"},
		"anaconda":                               {Type: compose.SourceName, Value: "anaconda"},
		"python-gtk":                             {Type: compose.SourceName, Value: "python-gtk"},
		"python-gtk-doc":                         {Type: compose.SourceName, Value: "python-gtk-doc"},
	} {
		got, err := compose.ParseSource(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
}

func TestParseSourceRefusesWithAHint(t *testing.T) {
	t.Parallel()
	for text, hint := range map[string]string{
		"": "empty", "12345": "task:12345", "task:abc": "no task number", "task:": "nothing stands after",
		"update:anaconda": "FEDORA-", "https://example.org/repo": "repo:URL", "copr:onlyowner": "OWNER/PROJECT",
		"wheel:x": "no source type", "tag:a b": "no tag name", "upload:xyz": "no upload id", "a b": "no update alias",
		"../../etc/passwd": "no update alias", "build:../x": "no build", "task:-1": "no task number", "repo:file:///etc": "http",
	} {
		_, err := compose.ParseSource(text)
		if err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v, want a hint at %q", text, err, hint)
		}
	}
}

func TestDecodeRequestNamesTheField(t *testing.T) {
	t.Parallel()
	req, err := compose.DecodeRequest(strings.NewReader("kind: repo\nrelease: \"44\"\nttl: 48h\nsources: [a, 'task:1']\nlabels: {k: v}\n"))
	want := compose.Request{
		Kind: compose.KindRepo, Release: "44", TTL: compose.Duration(48 * time.Hour),
		Sources: []string{"a", "task:1"}, Labels: map[string]string{"k": "v"},
	}
	if diff := cmp.Diff(want, req); diff != "" || err != nil {
		t.Fatalf("%v %s", err, diff)
	}
	for text, want := range map[string]struct{ field, remedy string }{
		`{"kind": "repo", "relase": "44"}`:               {"relase", "Did you mean release?"},
		"kind: repo\nsource: [a]":                        {"source", "Did you mean sources?"},
		"kind: repo\noptions: {smokeboot: true}":         {"smokeboot", "Did you mean smoke_boot?"},
		"kind: repo\noptions: {smoke_boot: yes}":         {"options.smoke_boot", "true or false"},
		"kind: repo\nttl: 2 weeks":                       {"ttl", "336h"},
		"kind: repo\nrelease: 44":                        {"release", "quotes"},
		`{"kind": "repo", "base": {"url": 1}}`:           {"base.url", "quotes"},
		`{"kind": "repo", "options": {"x": 1}}`:          {"x", "docs/request.md"},
		`{"kind": "repo", "kickstart": {"spinn": "x"}}`:  {"spinn", "Did you mean spin?"},
		`{"kind": "repo", "somethingelseentirely": "x"}`: {"somethingelseentirely", "The fields are listed"},
	} {
		_, err := compose.DecodeRequest(strings.NewReader(text))
		refused, ok := errors.AsType[*compose.RefusedError](err)
		if !ok || refused.Problems[0].Field != want.field || !strings.Contains(refused.Problems[0].Remedy, want.remedy) {
			t.Errorf("%s: %v, want %+v", text, err, want)
		}
	}
	for _, text := range []string{"{", "kind: [", strings.Repeat("a", compose.MaxRequestSize+1), "1: 2", "- a"} {
		if _, err := compose.DecodeRequest(strings.NewReader(text)); !errors.As(err, new(*compose.RefusedError)) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestCheckNamesEveryBadFieldAtOnce(t *testing.T) {
	t.Parallel()
	req := compose.Request{
		Kind: "livecd", Release: "fortyfour", Arch: "sparc", Sources: []string{"task:1", "task:x"},
		Packages: []string{"@core", "a b"}, Require: []string{"x>>1"}, VolID: strings.Repeat("x", 33),
		BootArgs: []string{"ok=1", "a\nb"}, Notify: []compose.Notify{{Email: "no"}, {}}, Title: "a\x00b",
		Kickstart: &compose.Kickstart{File: "/etc/passwd"}, Base: &compose.Base{URL: "file:///x"},
	}
	got := map[string]compose.Code{}
	for _, p := range req.Check() {
		got[p.Field] = p.Code
		if p.Sentence == "" || p.Remedy == "" {
			t.Errorf("%+v has no sentence or no remedy", p)
		}
	}
	want := map[string]compose.Code{
		"kind": compose.CodeUnknownKind, "release": compose.CodeBadRelease, "arch": compose.CodeUnknownArch, "sources[1]": compose.CodeBadSource,
		"packages[1]": compose.CodeBadPackage, "require[0]": compose.CodeBadPackage, "volid": compose.CodeBadVolID, "boot_args[1]": compose.CodeBadBootArg,
		"notify[0].email": compose.CodeBadNotify, "notify[1]": compose.CodeBadNotify, "title": compose.CodeInvalidRequest,
		"kickstart.file": compose.CodeInvalidRequest, "base": compose.CodeUnsupportedField, "base.url": compose.CodeURLRefused,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSoundRequestsPass(t *testing.T) {
	t.Parallel()
	for name, req := range map[string]compose.Request{
		"repo":     {Kind: compose.KindRepo, Release: "44", Arch: "x86_64", Sources: []string{"anaconda"}},
		"remaster": {Kind: compose.KindRemaster, Release: "rawhide", Base: &compose.Base{URL: "https://example.org/boot.iso"}, VolID: "Fedora_44-x"},
		"live":     {Kind: compose.KindLive, Release: "eln", Packages: []string{"@^workstation-product-environment", "vim-*"}, Exclude: []string{"fedora-logos"}},
	} {
		if problems := req.Check(); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
	remaster := compose.Request{Kind: compose.KindRemaster, Base: &compose.Base{SHA256: strings.Repeat("a", 64)}}
	if problems := remaster.Check(); len(problems) != 1 || problems[0].Code != compose.CodeBaseRequired {
		t.Errorf("a base with only a sum: %v", problems)
	}
}

func TestPlanDigestDependsOnWhatIsBuiltOnly(t *testing.T) {
	t.Parallel()
	plan := func(change func(*compose.Plan)) string {
		p := compose.Plan{
			Request: compose.Request{Kind: compose.KindRepo, Release: "44", Title: "one"}, Resolved: time.Now(),
			RPMs: []compose.PlanRPM{{NEVRA: "a-1-1.noarch", SigMD5: "x"}},
		}
		change(&p)
		if err := p.Seal(); err != nil {
			t.Fatal(err)
		}
		return p.Digest
	}
	base := plan(func(*compose.Plan) {})
	for name, change := range map[string]func(*compose.Plan){
		"title": func(p *compose.Plan) { p.Request.Title = "two" }, "time": func(p *compose.Plan) { p.Resolved = time.Unix(1, 0) },
		"event": func(p *compose.Plan) { p.KojiEvent = 7 }, "notify": func(p *compose.Plan) { p.Request.Notify = []compose.Notify{{Email: "qa@example.org"}} },
		"ttl": func(p *compose.Plan) { p.Request.TTL = 1 },
	} {
		if plan(change) != base {
			t.Errorf("%s changes the digest", name)
		}
	}
	for name, change := range map[string]func(*compose.Plan){
		"rpm": func(p *compose.Plan) { p.RPMs[0].SigMD5 = "y" }, "arch": func(p *compose.Plan) { p.Request.Arch = "s390x" },
		"kickstart": func(p *compose.Plan) { p.Kickstart = "text" }, "argv": func(p *compose.Plan) { p.Argv = []string{"a"} },
	} {
		if plan(change) == base {
			t.Errorf("%s does not change the digest", name)
		}
	}
}

func TestCatalogIsCompleteAndUnique(t *testing.T) {
	t.Parallel()
	seen := map[compose.Code]bool{}
	for _, info := range compose.Codes() {
		if seen[info.Code] || info.Meaning == "" {
			t.Errorf("%s stands twice or has no meaning", info.Code)
		}
		seen[info.Code] = true
	}
}

func TestProductIsNamedAsItsReleaseIs(t *testing.T) {
	t.Parallel()
	for release, want := range map[string]string{"44": "Fedora 44", "rawhide": "Fedora Rawhide", "eln": "Fedora eln", "9": "CentOS Stream 9", "10": "CentOS Stream 10"} {
		if name, version := (&compose.Request{Release: release}).Product(); name+" "+version != want {
			t.Errorf("%s: %s %s", release, name, version)
		}
	}
	r := compose.Request{Release: "9", Options: compose.Options{Product: "Mine"}}
	if name, _ := r.Product(); name != "Mine" {
		t.Errorf("%s", name)
	}
}
