package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/web"
)

func sample() *plain {
	return &plain{
		composes: []api.Compose{succeeded(), failed(), building(), queued()},
		next:     "cursor+1",
		report: api.Report{
			Tools: []compose.Tool{{Name: "xorriso", Version: "1.5.6"}},
			Packages: []compose.PackageEntry{
				{Name: "anaconda", Arch: "x86_64", Requested: "44.12-1.fc44", Shipped: "44.12-1.fc44", SHA256: digest, Verdict: compose.VerdictIncluded},
				{Name: "lorax", Arch: "x86_64", Requested: "1:44.1-1.fc44", Verdict: compose.VerdictMissing},
			},
		},
		queue: api.Queue{Waiting: []api.Compose{{ID: "r", State: compose.StateResolving}, queued()}, Running: []api.Compose{building()}},
		nodes: api.Nodes{Nodes: []api.Node{
			{
				ID: "node-1", Host: "builder.example.org", Version: "1.2.3", Online: true, LastSeen: time.Now(),
				Offers:  []api.Offer{{Kind: "repo", Arch: "x86_64"}, {Kind: "remaster", Arch: "x86_64"}, {Kind: "repo", Arch: "aarch64"}},
				Missing: map[string]string{"boot-iso": "lorax is not installed"}, Running: []string{"20261123-building"},
			},
			{ID: "node-2", Draining: true, LastSeen: *ago(3*time.Hour + time.Second)},
		}},
	}
}

func TestPagesShowTheirFacts(t *testing.T) {
	t.Parallel()
	for path, wants := range map[string][]string{
		"/": {
			`value="remaster" required>`, `value="dvd" disabled>`, `title="lorax is not installed"`, `<option>ppc64le</option>`,
			`enctype="multipart/form-data"`, "respin 1.2.3",
		},
		"/composes": {
			`<span class="badge s-succeeded">succeeded</span>`, "Installer with new anaconda", "42 %", "no. 3", "5 min ago", "vim, emacs, nano and more",
			`href="/composes?cursor=cursor%2B1"`, `href="/composes?state=failed"`, "node-1",
		},
		"/composes?state=failed&cursor=x": {`href="/composes?state=failed" aria-current="true"`, `href="/composes?cursor=cursor%2B1&amp;state=failed"`, ">Newest<"},
		"/composes/20261123-k3f9qz7m": {
			"<title>Installer with new anaconda · respin</title>", "785.0 MiB", `title="823 132 160 bytes"`, `title="` + digest + `"`, `data-copy="` + digest + `"`,
			"curl -fL -C - -o f44.iso http://respin.example.org/images/20261123-k3f9qz7m/f44.iso", "-cdrom f44.iso", "virt-install --name respin-20261123-k3f9qz7m",
			"sudo dnf --repofrompath=respin-20261123-k3f9qz7m,http://respin.example.org/repos/20261123-k3f9qz7m/", "addrepo --from-repofile=http", "--add-repo http",
			"1 package is", `<span class="badge v-missing">missing</span>`, "1:44.1-1.fc44", "xorriso 1.5.6", "12 s", "1 min 02 s", "not needed",
			"A remaster does not use packages.", `<a href="ftp://ftp.example.org/x/">`, "the password was refused", "n-sent", "/api/v1/composes/20261123-k3f9qz7m/plan", "in 3 days",
			"booted", "attempt 2", `href="/composes/20261122-older111"`, "1234", `action="/composes/20261123-k3f9qz7m/retry"`, `name="clone" value="20261123-k3f9qz7m"`,
		},
		"/composes/20261123-failed11": {
			"xorriso ended with an error.", "Read the evidence and the log.", "xorriso : FAILURE : one\nxorriso : FAILURE : two", "tool-failed",
			`href="/api/v1/composes/20261123-failed11/log"`, `data-stage="compose" data-state="failed"`, "the mail server does not answer",
		},
		"/composes/20261123-building": {
			`<progress id="progress" max="100" value="42"`, "writing the image", `data-events="/api/v1/composes/20261123-building/events"`,
			`data-stage="kickstart" data-state="done"`, `data-stage="compose" data-state="current" aria-current="step"`, `data-stage="verify" data-state="todo"`,
			`action="/composes/20261123-building/cancel"`, `<noscript><meta http-equiv="refresh"`, `role="log" aria-live="polite"`, "remaster of vim, emacs and 2 other sources",
		},
		"/composes/20261123-queued11": {"Number 3 in the queue: no node offers aarch64."},
		"/queue": {
			"no node offers aarch64", `<dt>x86_64</dt><dd>remaster, repo</dd>`, `<dt>aarch64</dt><dd>repo</dd>`, `<dt>boot-iso</dt><dd>lorax is not installed</dd>`,
			"3 h ago", "draining", "offline", `value="42"`, "its sources are looked up", `<a href="/composes/20261123-building">20261123-building</a>`,
		},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			w := get(t, newPages(t, sample()), path)
			if w.Code != http.StatusOK {
				t.Errorf("status %d", w.Code)
			}
			wantText(t, w.Body.String(), wants...)
		})
	}
}

func TestWhatIsNotThereIsNotShown(t *testing.T) {
	t.Parallel()
	p := newPages(t, sample())
	for path, not := range map[string][]string{
		"/composes/20261123-k3f9qz7m": {"data-events", "/cancel", "http-equiv", "Nothing was built anew"},
		"/composes/20261123-building": {"/retry", "Downloads", "Package report", "Side repo"},
		"/composes/20261123-failed11": {"Downloads", "/cancel"},
	} {
		page := get(t, p, path).Body.String()
		for _, text := range not {
			if strings.Contains(page, text) {
				t.Errorf("%s has %q", path, text)
			}
		}
	}
}

func TestWaitingComposesComeInTheirOrder(t *testing.T) {
	t.Parallel()
	first, second := queued(), queued()
	first.ID, first.Position, second.ID, second.Position = "first", 1, "second", 2
	s := &plain{queue: api.Queue{Waiting: []api.Compose{{ID: "resolving", State: compose.StateResolving}, second, first}}}
	page := get(t, newPages(t, s), "/queue").Body.String()
	a, b, c := strings.Index(page, "/composes/first"), strings.Index(page, "/composes/second"), strings.Index(page, "/composes/resolving")
	if a < 0 || a > b || b > c {
		t.Errorf("first at %d, second at %d, resolving at %d", a, b, c)
	}
}

func TestErrorsArePages(t *testing.T) {
	t.Parallel()
	s := sample()
	p := newPages(t, s)
	for path, status := range map[string]int{
		"/nothing": http.StatusNotFound, "/composes/nix": http.StatusNotFound, "/static/nix.js": http.StatusNotFound, "/composes/a/b": http.StatusNotFound,
		"/composes?state=tired": http.StatusBadRequest,
	} {
		w := get(t, p, path)
		if w.Code != status {
			t.Errorf("%s: status %d, want %d", path, w.Code, status)
		}
		wantText(t, w.Body.String(), "<!DOCTYPE html>", `role="alert"`)
	}
	if slices.ContainsFunc(s.calls, func(c string) bool { return strings.Contains(c, "tired") }) {
		t.Error("an unknown state was asked for")
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/queue", http.NoBody))
	if w.Code != http.StatusNotFound {
		t.Errorf("POST /queue: status %d", w.Code)
	}
}

func TestEveryAnswerForbidsWhatThePagesDoNotNeed(t *testing.T) {
	t.Parallel()
	p := newPages(t, sample())
	for _, path := range []string{"/", "/composes", "/composes/20261123-k3f9qz7m", "/queue", "/nothing", "/static/respin.js"} {
		w := get(t, p, path)
		csp := w.Header().Get("Content-Security-Policy")
		for _, rule := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, rule) {
				t.Errorf("%s: policy %q lacks %q", path, csp, rule)
			}
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be sniffed", path)
		}
		// What the policy forbids would silently not work.
		page := w.Body.String()
		if path != "/static/respin.js" && regexp.MustCompile(`(?i) style="| on[a-z]+="|<style|<script(>| [^s])|(src|href)="https?://[^r]`).MatchString(page) {
			t.Errorf("%s holds something that its policy forbids", path)
		}
	}
}

func TestStaticFilesMayBeKept(t *testing.T) {
	t.Parallel()
	p := newPages(t, &plain{})
	page := get(t, p, "/").Body.String()
	for _, asset := range regexp.MustCompile(`/static/[^"]+`).FindAllString(page, -1) {
		w := get(t, p, asset)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", asset, w.Code, w.Header())
		}
		path, _, _ := strings.Cut(asset, "?")
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		r.Header.Set("If-None-Match", w.Header().Get("ETag"))
		again := httptest.NewRecorder()
		p.ServeHTTP(again, r)
		if again.Code != http.StatusNotModified || strings.Contains(again.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", path, again.Code, again.Header())
		}
	}
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	const evil = `</textarea></pre></title>"'><script>alert(1)</script><img src=x onerror=alert(1)>`
	c := succeeded()
	c.Title, c.Message, c.Owner, c.Node, c.Reason = evil, evil, evil, evil, evil
	c.Sources, c.Labels = []string{evil}, map[string]string{evil: evil}
	c.Failure = &compose.Failure{Sentence: evil, Remedy: evil, Code: evil, Stage: evil, Evidence: []string{evil}}
	c.Artifacts[0].Name, c.Artifacts[0].URL, c.Artifacts[0].SHA256 = evil, "javascript:alert(1)", evil
	c.SideRepo.URL, c.SideRepo.RepoText = "javascript:alert(1)", evil
	c.Links.Files = "javascript:alert(1)"
	c.Warnings[0].Sentence, c.Notices[0].Error, c.Published[0].URL = evil, evil, "javascript:alert(1)"
	s := sample()
	s.composes, s.queue.Running, s.queue.Waiting = []api.Compose{c}, []api.Compose{c}, []api.Compose{c}
	s.report.Packages[0].Name, s.report.Packages[0].Verdict = evil, evil
	s.nodes.Nodes[0].ID, s.nodes.Nodes[0].Missing = evil, map[string]string{evil: evil}
	s.request = compose.Request{Kind: evil, Sources: []string{evil}, Title: evil, Kickstart: &compose.Kickstart{Text: evil}, Base: &compose.Base{URL: evil, Upload: evil}, Labels: map[string]string{evil: evil}}
	s.err = nil
	p := newPages(t, s)
	pages := map[string]string{}
	for _, path := range []string{"/?clone=1", "/composes", "/composes/" + c.ID, "/queue", "/composes?state=%22%3E%3Cscript%3E", "/%3Cscript%3Ealert(1)"} {
		pages[path] = get(t, p, path).Body.String()
	}
	pages["refused"] = post(t, p, field{name: "sources", value: evil}, field{name: "kickstart", value: evil}, field{name: "ttl", value: evil}, field{name: "more", value: evil}, field{name: "base_upload", value: evil}).Body.String()
	for path, page := range pages {
		if !strings.Contains(page, "</html>") {
			t.Errorf("%s: no whole page", path)
		}
		if regexp.MustCompile(`<script>|<img src=x|href="javascript:|ZgotmplZ`).MatchString(page) {
			t.Errorf("%s: hostile text came through", path)
			t.Log(page)
		}
	}
	// It is there, as text.
	wantText(t, pages["/composes/"+c.ID], "&lt;script&gt;alert(1)&lt;/script&gt;")
}

func TestControlsAreNamed(t *testing.T) {
	t.Parallel()
	s := sample()
	s.err = compose.Refuse(compose.Problem{Code: "x", Field: "volid", Sentence: "Bad."})
	p := newPages(t, s)
	pages := map[string]string{"refused": post(t, p, field{name: "kind", value: "repo"}).Body.String()}
	for _, path := range []string{"/", "/composes/20261123-k3f9qz7m", "/queue"} {
		pages[path] = get(t, p, path).Body.String()
	}
	for path, page := range pages {
		ids := map[string]int{}
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			if ids[m[1]]++; ids[m[1]] > 1 {
				t.Errorf("%s: id %s is there twice", path, m[1])
			}
		}
		for _, m := range regexp.MustCompile(` (?:for|list|aria-describedby|aria-labelledby|data-recognize|href)="(#?)([^"]*)"`).FindAllStringSubmatch(page, -1) {
			if strings.Contains(m[0], "href=") && m[1] == "" {
				continue
			}
			for id := range strings.FieldsSeq(m[2]) {
				if ids[id] == 0 {
					t.Errorf("%s: %s points at nothing", path, m[0])
				}
			}
		}
		// Each control is labeled by for, or stands inside its label.
		for _, m := range regexp.MustCompile(`<(?:input|select|textarea)[^>]*>`).FindAllString(page, -1) {
			id := regexp.MustCompile(` id="([^"]*)"`).FindStringSubmatch(m)
			inLabel := strings.Contains(m, `type="radio"`) || strings.Contains(m, `type="checkbox"`) || strings.Contains(m, `type="hidden"`)
			if !inLabel && (id == nil || !strings.Contains(page, `for="`+id[1]+`"`)) {
				t.Errorf("%s: no label for %s", path, m)
			}
		}
	}
}

func TestListing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b.iso", "a b%41.log", ".treeinfo", ".hidden", "javascript:x", `"><script>.txt`} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 2048), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "repodata"), 0o755); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := newPages(t, &plain{})
	w := httptest.NewRecorder()
	p.Listing(w, httptest.NewRequest(http.MethodGet, "/images/ID1/sub/", http.NoBody), entries)
	page := w.Body.String()
	wantText(t, page, `href="./b.iso"`, "2.0 KiB", `href="./repodata/"`, `href="./a%20b%2541.log"`, ".treeinfo", `href="./javascript:x"`, `href="../"`, `href="/composes/ID1"`)
	if strings.Contains(page, ".hidden") || strings.Contains(page, "<script>") {
		t.Error("the listing shows a hidden name or takes a name for markup")
	}
	if strings.Index(page, "repodata") > strings.Index(page, "b.iso") {
		t.Error("directories do not come first")
	}
	if w.Header().Get("Content-Security-Policy") == "" {
		t.Error("the listing has no policy")
	}
	// The directory above a whole set is none of ours to show.
	w = httptest.NewRecorder()
	p.Listing(w, httptest.NewRequest(http.MethodGet, "/images/ID1/", http.NoBody), nil)
	if page := w.Body.String(); strings.Contains(page, `href="../"`) || !strings.Contains(page, "The directory is empty.") {
		t.Error(page)
	}
}

func TestLargeReportIsCutAndSaysSo(t *testing.T) {
	t.Parallel()
	s := sample()
	s.report.Packages = nil
	for i := range 3000 {
		s.report.Packages = append(s.report.Packages, compose.PackageEntry{Name: fmt.Sprintf("pkg%d", i), Verdict: compose.VerdictIncluded})
	}
	s.report.Packages[2999] = compose.PackageEntry{Name: "the-lost-one", Verdict: compose.VerdictMissing}
	page := get(t, newPages(t, s), "/composes/20261123-k3f9qz7m").Body.String()
	wantText(t, page, "1000 of 3000 are shown", "the-lost-one")
	if n := strings.Count(page, `data-label="Verdict"`); n != 1000 {
		t.Errorf("%d rows", n)
	}
}

func ExampleNew() {
	// What the daemon implements; here nothing is asked of it.
	var service struct{ web.Service }
	pages, err := web.New(service, web.Options{Version: "1.2.3"})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/elsewhere", http.NoBody))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 404 text/html; charset=utf-8
}

func ExamplePages_Listing() {
	var service struct{ web.Service }
	pages, err := web.New(service, web.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	set := fstest.MapFS{"f44.iso": {Data: make([]byte, 4096)}}
	entries, _ := set.ReadDir(".")
	w := httptest.NewRecorder()
	pages.Listing(w, httptest.NewRequest(http.MethodGet, "/images/20261123-k3f9qz7m/", http.NoBody), entries)
	fmt.Println(strings.Contains(w.Body.String(), `<a href="./f44.iso">f44.iso</a>`))
	// Output: true
}

func TestReportTellsWhatIsInTheImage(t *testing.T) {
	t.Parallel()
	entry := func(name string, v compose.Verdict) compose.PackageEntry {
		return compose.PackageEntry{Name: name, Arch: "noarch", Requested: "1-1", Verdict: v, Reason: "Because of " + name + "."}
	}
	a, b, c := entry("a", compose.VerdictIncluded), entry("b", compose.VerdictNotInstalled), entry("c", compose.VerdictNewer)
	for want, packages := range map[string][]compose.PackageEntry{
		"All 2 packages are as requested": {a, a},
		"1 package of the side repo is in the image as requested; 1 other was not asked for":     {a, b},
		"2 packages of the side repo are in the image as requested; 2 others were not asked for": {a, a, b, b},
		"<strong>1 package is not as requested</strong>, of 2.":                                  {a, c},
	} {
		s := &plain{composes: []api.Compose{{
			ID: "20261123-aaaaaaaa", State: compose.StateSucceeded, Links: api.Links{Files: "http://127.0.0.1/images/x/"},
			Smoke: &compose.Smoke{OK: true, Log: "logs/serial.log", Boots: []compose.SmokeBoot{{How: "bios", OK: true, Screenshot: "logs/screen-bios.png"}}},
		}}, report: api.Report{Packages: packages}}
		body := get(t, newPages(t, s), "/composes/20261123-aaaaaaaa").Body.String()
		for _, part := range []string{want, packages[0].Reason, `href="http://127.0.0.1/images/x/logs/serial.log"`, `href="http://127.0.0.1/images/x/logs/screen-bios.png"`} {
			if !strings.Contains(body, part) {
				t.Errorf("no %q in\n%s", part, body)
			}
		}
	}
}
