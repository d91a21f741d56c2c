package compose_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/koji"
)

func TestDecodeRequestTakesWhatJSONWritersWrite(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"surrogate pairs": `{"kind": "repo", "title": "\ud83d\ude00"}`,
		"escaped slashes": `{"kind": "repo", "title": "a\/b"}`,
		"tabs":            "{\n\t\"kind\": \"repo\",\n\t\"title\": \"x\"\n}",
	} {
		if req, err := compose.DecodeRequest(strings.NewReader(text)); err != nil || req.Title == "" {
			t.Errorf("%s: %+v, %v", name, req, err)
		}
	}
}

func TestDecodeRequestRefusesWhatIsCheapToSendAndDearToRead(t *testing.T) {
	t.Parallel()
	keys := &strings.Builder{}
	for i := range 20_000 {
		fmt.Fprintf(keys, "  k%d: v\n", i)
	}
	for name, text := range map[string]string{
		"aliases":       "kind: repo\ntitle: &a " + strings.Repeat("x", 10_000) + "\nsources: [" + strings.Repeat("*a,", 20_000) + "]\n",
		"many keys":     "kind: repo\nlabels:\n" + keys.String(),
		"two documents": "kind: repo\n---\nkind: repo-iso\n",
		"more after it": `{"kind": "repo"} {"kind": "repo"}`,
		"a list":        `["repo"]`,
	} {
		req, err := compose.DecodeRequest(strings.NewReader(text))
		if refused, ok := errors.AsType[*compose.RefusedError](err); !ok || !refused.Has(compose.CodeInvalidRequest) || len(err.Error()) > 500 {
			t.Errorf("%s: %d sources, error %.500v", name, len(req.Sources), err)
		}
	}
}

func TestCheckAnswersAHostileRequestBriefly(t *testing.T) {
	t.Parallel()
	req := compose.Request{
		Kind: compose.Kind(strings.Repeat("k", 1<<20)), Release: strings.Repeat("9", 1<<20), Arch: strings.Repeat("a", 1<<20),
		Sources: []string{strings.Repeat("!", 1<<20), "update:" + strings.Repeat("x", 1<<20)}, Require: []string{strings.Repeat("!", 1<<20)},
		BootArgs: make([]string, 500_000), TTL: compose.Duration(time.Second),
	}
	problems := req.Check()
	data, err := json.Marshal(problems)
	if err != nil || len(data) > 64<<10 || len(problems) > 100 {
		t.Errorf("%d problems in %d bytes, %v", len(problems), len(data), err)
	}
	req = compose.Request{Kind: compose.KindRepo, Sources: []string{"x-1-1"}, TTL: compose.Duration(290 * 365 * 24 * time.Hour)}
	if problems := req.Check(); len(problems) != 1 || problems[0].Field != "ttl" {
		t.Errorf("a ttl of centuries: %+v", problems)
	}
}

func TestKickstartURLIsReadWithinABound(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for line := []byte(strings.Repeat("# endless\n", 1000)); ; {
			n, err := w.Write(line)
			if sent.Add(int64(n)) > 256<<20 || err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	f := fedora(t)
	_, err := resolver(t, f).Resolve(t.Context(), compose.Request{
		Kind: compose.KindRepo, Arch: "x86_64", Sources: []string{f.SmallUpdate}, Kickstart: &compose.Kickstart{URL: server.URL + "/x.ks"},
	})
	if refused, ok := errors.AsType[*compose.RefusedError](err); !ok || !refused.Has(compose.CodeBadKickstart) || refused.Problems[0].Field != "kickstart.url" {
		t.Errorf("error %v", err)
	}
	server.CloseClientConnections()
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("%d bytes were taken of an endless kickstart", n)
	}
}

func TestRPMOfAURLIsNamedByItsHeader(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	var data []byte
	for _, name := range f.Hub.Files() {
		if strings.Contains(name, "motd-3.0-1.fc44.noarch") {
			resp, err := http.Get(f.TopURL + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			data, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(server.Close)
	for _, path := range []string{"/evil.html", "/download?file=x", "/..", "/.rpm"} {
		plan, err := resolver(t, f).Resolve(t.Context(), compose.Request{Kind: compose.KindRepo, Arch: "x86_64", Sources: []string{"rpm:" + server.URL + path}})
		if err != nil || len(plan.RPMs) != 1 || plan.RPMs[0].File != "motd-3.0-1.fc44.noarch.rpm" {
			t.Errorf("%s: %+v, %v", path, plan, err)
		}
	}
}

func TestPlanDoesNotTellWhomToTell(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	plan, err := resolver(t, f).Resolve(t.Context(), compose.Request{
		Kind: compose.KindRepo, Arch: "x86_64", Sources: []string{f.SmallUpdate}, Notify: []compose.Notify{{Email: "qa@example.org"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := json.Marshal(plan); bytes.Contains(data, []byte("qa@example.org")) {
		t.Errorf("the address is in the Plan, which is published: %s", data)
	}
}

func TestTooManyBuildsAreRefusedBeforeTheHubIsAskedForEach(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	var calls atomic.Int64
	// A hub whose tag holds more builds than any update does.
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls.Add(1)
		w.Header().Set("Content-Type", "text/xml")
		if bytes.Contains(body, []byte("getLastEvent")) {
			_, _ = io.WriteString(w, `<?xml version='1.0'?><methodResponse><params><param><value><struct><member><name>id</name><value><int>7</int></value></member><member><name>ts</name><value><double>1.0</double></value></member></struct></value></param></params></methodResponse>`)
			return
		}
		one := `<value><struct><member><name>id</name><value><int>%d</int></value></member><member><name>build_id</name><value><int>%d</int></value></member><member><name>name</name><value><string>p%d</string></value></member><member><name>package_name</name><value><string>p%d</string></value></member><member><name>version</name><value><string>1</string></value></member><member><name>release</name><value><string>1.fc44</string></value></member><member><name>nvr</name><value><string>p%d-1-1.fc44</string></value></member><member><name>state</name><value><int>1</int></value></member></struct></value>`
		_, _ = io.WriteString(w, `<?xml version='1.0'?><methodResponse><params><param><value><array><data>`)
		for i := 1; i <= 2001; i++ {
			_, _ = fmt.Fprintf(w, one, i, i, i, i, i)
		}
		_, _ = io.WriteString(w, `</data></array></value></param></params></methodResponse>`)
	}))
	t.Cleanup(hub.Close)
	client, err := koji.New(hub.URL, koji.Options{})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := bodhi.New(f.BodhiURL, bodhi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	big, err := compose.NewResolver(client, updates, compose.Network{CacheDir: t.TempDir()}, compose.ResolverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = big.Close() })
	_, err = big.Resolve(t.Context(), compose.Request{Kind: compose.KindRepo, Release: "44", Arch: "x86_64", Sources: []string{"tag:f44"}})
	if refused, ok := errors.AsType[*compose.RefusedError](err); !ok || !refused.Has(compose.CodeBadSource) || !strings.Contains(err.Error(), "2001 builds") {
		t.Errorf("error %v", err)
	}
	if n := calls.Load(); n > 2 {
		t.Errorf("the hub was asked %d times", n)
	}
}

func TestWhatNothingActsOnIsSaid(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	plan, err := resolver(t, f).Resolve(t.Context(), compose.Request{
		Kind: compose.KindRepoISO, Arch: "x86_64", Sources: []string{f.SmallUpdate}, BootArgs: []string{"quiet"},
		Kickstart: &compose.Kickstart{Text: "text\n"}, Options: compose.Options{SmokeBoot: true, SkipPreflight: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, w := range plan.Warnings {
		said[w.Field] = w.Code == string(compose.CodeUnsupportedField)
	}
	for _, field := range []string{"boot_args", "kickstart", "options.smoke_boot", "options.skip_preflight"} {
		if !said[field] {
			t.Errorf("nothing is said of %s: %+v", field, plan.Warnings)
		}
	}
}
