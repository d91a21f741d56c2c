package web_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/web"
)

func TestFormBecomesARequest(t *testing.T) {
	t.Parallel()
	s := &plain{}
	w := post(
		t, newPages(t, s),
		field{name: "kind", value: "remaster"},
		field{name: "release", value: " 44 "},
		field{name: "arch", value: "x86_64"},
		field{name: "sources", value: "FEDORA-2026-1a2b3c4d5e\r\n\r\n  task:42\r\n"},
		field{name: "packages", value: "@core, vim\r\nnano"},
		field{name: "base_url", value: "https://example.org/boot.iso"},
		field{name: "base_sha256", value: strings.ToUpper(digest)},
		field{name: "kickstart", value: "what is typed"},
		field{name: "kickstart_file", file: "ks.cfg", value: "lang en_US.UTF-8\r\n"},
		field{name: "boot_args", value: "inst.text  console=ttyS0,115200"},
		field{name: "volid", value: "F44"},
		field{name: "notify", value: "qa@example.org, qe@example.org"},
		field{name: "title", value: "A title"},
		field{name: "ttl", value: "14d"},
		field{name: "multilib", value: "on"},
		field{name: "debuginfo", value: "on"},
		field{name: "more", value: "require: ['anaconda>=44']\nlabels: {ticket: '7'}\noptions: {rootfs_size: 3}\n"},
		field{name: "base_file", file: "", value: ""},
		field{name: "who-knows", value: "ignored"},
	)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/composes/20261123-aaaaaaaa" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	want := []compose.Request{{
		Kind: "remaster", Release: "44", Arch: "x86_64", Sources: []string{"FEDORA-2026-1a2b3c4d5e", "task:42"},
		Packages: []string{"@core", "vim", "nano"}, Require: []string{"anaconda>=44"},
		Kickstart: &compose.Kickstart{Text: "lang en_US.UTF-8\n"}, Base: &compose.Base{URL: "https://example.org/boot.iso", SHA256: digest},
		VolID: "F44", BootArgs: []string{"inst.text", "console=ttyS0,115200"}, Options: compose.Options{Multilib: true, Debuginfo: true, RootfsSize: 3},
		TTL: compose.Duration(14 * 24 * time.Hour), Notify: []compose.Notify{{Email: "qa@example.org"}, {Email: "qe@example.org"}},
		Title: "A title", Labels: map[string]string{"ticket": "7"},
	}}
	if diff := cmp.Diff(want, s.submitted); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

// problemsOf is what stands beside a control.
func problemsOf(page, control string) string {
	m := regexp.MustCompile(`(?s)<div id="` + control + `-problems">(.*?)</div>`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return m[1]
}

func TestProblemsStandBesideTheirFields(t *testing.T) {
	t.Parallel()
	fields := map[string]string{ // of the problem, and the control that it belongs to
		"kind": "kind", "release": "release", "arch": "arch", "sources[1]": "sources", "packages[0]": "packages", "base": "base_url", "base.url": "base_url",
		"base.sha256": "base_sha256", "base.compose": "base_compose", "base.upload": "base_file", "kickstart": "kickstart", "kickstart.url": "kickstart_url",
		"volid": "volid", "boot_args[2]": "boot_args", "notify[0].email": "notify", "title": "title", "ttl": "ttl", "require[0]": "more", "labels": "more",
	}
	var problems []compose.Problem
	for field := range fields {
		p := compose.Problem{Code: "some-code", Field: field, Sentence: "Wrong is " + field + ".", Remedy: "Mend it."}
		if field == "kickstart" {
			p.File, p.Line = "ks.cfg", 12
		}
		problems = append(problems, p)
	}
	problems = append(problems, compose.Problem{Code: compose.CodeNoSources, Sentence: "The whole is wrong."})
	w := post(t, newPages(t, &plain{err: compose.Refuse(problems...)}),
		field{name: "kind", value: "remaster"}, field{name: "sources", value: "vim\n\nnano"}, field{name: "volid", value: "what I typed"},
		field{name: "kickstart", value: "\nlang en\n"}, field{name: "smoke_boot", value: "on"}, field{name: "arch", value: "s390x"}, field{name: "more", value: "exclude: [x]"})
	page := w.Body.String()
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("status %d", w.Code)
	}
	for field, control := range fields {
		if got := problemsOf(page, control); !strings.Contains(got, "Wrong is "+field+".") || !strings.Contains(got, "Mend it.") || !strings.Contains(got, "some-code") {
			t.Errorf("beside %s stands %q, want the problem of %s", control, got, field)
		}
		if !strings.Contains(page, `<a href="#`+control+`">`) {
			t.Errorf("the summary does not lead to %s", control)
		}
	}
	wantText(t, problemsOf(page, "kickstart"), "ks.cfg:12:")
	wantText(t, problemsOf(page, "sources"), "line 3, nano:")
	wantText(t, page, "The whole is wrong.", "20 problems", `id="errors" tabindex="-1" autofocus`, "<title>Error: New compose",
		// Everything is still there. A text area's first line end is the markup's.
		`value="remaster" required checked`, "vim\n\nnano</textarea>", `value="what I typed"`, ">\n\nlang en\n</textarea>",
		`name="smoke_boot" value="on" checked`, "<option selected>s390x</option>", "exclude: [x]</textarea>")
	if strings.Contains(page, `value="repo" required checked`) {
		t.Error("a kind is checked that was not chosen")
	}
}

func TestRefusalWithoutFields(t *testing.T) {
	t.Parallel()
	w := post(t, newPages(t, &plain{err: errors.New("disk on fire")}), field{name: "kind", value: "repo"}, field{name: "title", value: "kept"})
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
	wantText(t, w.Body.String(), "The server made an error.", `value="kept"`)
	if strings.Contains(w.Body.String(), "disk on fire") {
		t.Error("an inner error is shown")
	}
}

func TestFormSaysEverythingAtOnce(t *testing.T) {
	t.Parallel()
	s := &plain{}
	w := post(t, newPages(t, s), field{name: "kind", value: "repo"}, field{name: "ttl", value: "soon"}, field{name: "more", value: "volid: X"},
		field{name: "sources", value: "12345"}, field{name: "release", value: "nope"})
	page := w.Body.String()
	wantText(t, problemsOf(page, "ttl"), "soon", "14d")
	wantText(t, problemsOf(page, "more"), "a place of its own")
	wantText(t, problemsOf(page, "release"), "bad-release")
	wantText(t, problemsOf(page, "sources"), "bad-source", "line 1, 12345")
	if w.Code != http.StatusUnprocessableEntity || len(s.submitted) != 0 {
		t.Errorf("status %d, %d submitted", w.Code, len(s.submitted))
	}
	for ttl, sentence := range map[string]string{"1s": "between a minute and ten years", "4000d": "between", "99999999999999999999d": "no duration", "-3d": "between", "3": "no duration"} {
		page := post(t, newPages(t, s), field{name: "kind", value: "repo"}, field{name: "ttl", value: ttl}).Body.String()
		wantText(t, problemsOf(page, "ttl"), sentence)
	}
	page = post(t, newPages(t, s), field{name: "kind", value: "repo"}, field{name: "more", value: "nonsense: 1"}).Body.String()
	wantText(t, problemsOf(page, "more"), "nonsense")
}

func TestImageIsStreamedToTheService(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	var sum [sha256.Size]byte
	s := &plain{}
	s.upload = func(name string, r web.Reader) (api.Upload, error) {
		h := sha256.New()
		first := make([]byte, 1000)
		if _, err := io.ReadFull(r, first); err != nil {
			return api.Upload{}, err
		}
		close(started) // the browser has not sent everything yet
		h.Write(first)
		_, err := io.Copy(h, r)
		copy(sum[:], h.Sum(nil))
		return api.Upload{ID: digest, Name: name}, err
	}
	srv := httptest.NewServer(newPages(t, s))
	defer srv.Close()
	image := []byte(strings.Repeat("0123456789abcdef", 1<<17)) // 2 MiB
	pr, pw := io.Pipe()
	m := multipart.NewWriter(pw)
	go func() {
		_ = m.WriteField("kind", "remaster")
		f, err := m.CreateFormFile("base_file", "boot.iso")
		if err == nil {
			_, err = f.Write(image[:len(image)/2])
		}
		<-started
		if err == nil {
			_, err = f.Write(image[len(image)/2:])
		}
		_ = m.WriteField("sources", "vim") // what follows the file counts too
		_ = m.Close()
		pw.CloseWithError(err)
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/", pr)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", m.FormDataContentType())
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %s", resp.Status)
	}
	if sum != sha256.Sum256(image) {
		t.Error("the service got other bytes")
	}
	want := []compose.Request{{Kind: "remaster", Sources: []string{"vim"}, Packages: []string{}, BootArgs: []string{}, Base: &compose.Base{Upload: digest}}}
	if diff := cmp.Diff(want, s.submitted); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestRefusedImage(t *testing.T) {
	t.Parallel()
	s := &plain{upload: func(string, web.Reader) (api.Upload, error) { // reads nothing
		return api.Upload{}, compose.Refuse(compose.Problem{Code: compose.CodeBaseNotISO, Field: "base", Sentence: "The file is no ISO.", Remedy: "Give a boot.iso."})
	}}
	w := post(t, newPages(t, s), field{name: "kind", value: "remaster"}, field{name: "base_file", file: "boot.iso", value: strings.Repeat("x", 1<<20)},
		field{name: "volid", value: "behind the file"})
	page := w.Body.String()
	wantText(t, problemsOf(page, "base_file"), "The file is no ISO.", "Give a boot.iso.", "base-not-iso")
	wantText(t, problemsOf(page, "volid"), "bad-volid")
	wantText(t, page, `value="behind the file"`)
	if strings.Contains(page, string(compose.CodeBaseRequired)) {
		t.Error("a base was named; that it is wrong was said already")
	}
	if w.Code != http.StatusUnprocessableEntity || len(s.submitted) != 0 {
		t.Errorf("status %d, %d submitted", w.Code, len(s.submitted))
	}
}

func TestUploadedImageNeedNotBeSentAgain(t *testing.T) {
	t.Parallel()
	s := &plain{}
	p := newPages(t, s)
	page := post(t, p, field{name: "kind", value: "remaster"}, field{name: "volid", value: "not good"}, field{name: "ttl", value: "x"},
		field{name: "base_file", file: "my boot.iso", value: "image"}).Body.String()
	wantText(t, page, `name="base_upload" value="`+digest+`" checked`, "my boot.iso")
	post(t, p, field{name: "kind", value: "remaster"}, field{name: "base_upload", value: digest}, field{name: "base_upload_name", value: "my boot.iso"})
	if len(s.submitted) != 1 || s.submitted[0].Base == nil || s.submitted[0].Base.Upload != digest {
		t.Errorf("submitted %+v", s.submitted)
	}
	// A new file takes the place of the one that is here.
	s.upload = func(string, web.Reader) (api.Upload, error) { return api.Upload{ID: "feedfacefeedface"}, nil }
	post(t, p, field{name: "kind", value: "remaster"}, field{name: "base_file", file: "b.iso", value: "x"}, field{name: "base_upload", value: digest})
	if len(s.submitted) != 2 || s.submitted[1].Base.Upload != "feedfacefeedface" {
		t.Errorf("submitted %+v", s.submitted)
	}
}

func TestFormIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5<<20)
	for name, f := range map[string]struct {
		field   field
		control string
	}{
		"kickstart file": {field{name: "kickstart_file", file: "ks", value: long[:1<<20+1]}, "kickstart"},
		"sources":        {field{name: "sources", value: long}, "sources"},
		"base url":       {field{name: "base_url", value: long}, "base_url"},
	} {
		s := &plain{}
		w := post(t, newPages(t, s), f.field, field{name: "kind", value: "repo"})
		if w.Code != http.StatusUnprocessableEntity || len(s.submitted) != 0 {
			t.Errorf("%s: status %d, %d submitted", name, w.Code, len(s.submitted))
		}
		if got := problemsOf(w.Body.String(), f.control); !strings.Contains(got, "longer than the") {
			t.Errorf("%s: %q", name, got)
		}
		if w.Body.Len() > 1<<20 {
			t.Errorf("%s: an answer of %d bytes", name, w.Body.Len())
		}
	}
	s := &plain{}
	if w := post(t, newPages(t, s), field{name: "kickstart_file", file: "ks", value: long[:1<<20]}, field{name: "kind", value: "repo"}); w.Code != http.StatusSeeOther {
		t.Errorf("a kickstart of just 1 MiB: status %d", w.Code)
	}
	many := make([]field, 101)
	for i := range many {
		many[i] = field{name: fmt.Sprint("f", i)}
	}
	if w := post(t, newPages(t, s), many...); w.Code != http.StatusBadRequest {
		t.Errorf("101 parts: status %d", w.Code)
	}
	if w := post(t, newPages(t, s), field{name: "kind", value: "repo\xff\xfe"}); !strings.Contains(w.Header().Get("Location"), "/composes/") || s.submitted[len(s.submitted)-1].Kind != "repo\uFFFD" {
		t.Errorf("bytes that are no UTF-8: %d %q", w.Code, s.submitted[len(s.submitted)-1].Kind)
	}
}

func TestBrokenForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ contentType, body string }{
		"not multipart": {"application/x-www-form-urlencoded", "kind=repo"},
		"no boundary":   {"multipart/form-data", "x"},
		"cut off":       {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nre"},
		"no type":       {"", ""},
	} {
		s := &plain{}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		w := httptest.NewRecorder()
		newPages(t, s).ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || len(s.submitted) != 0 || !strings.Contains(w.Body.String(), "did not arrive whole") {
			t.Errorf("%s: status %d, %d submitted", name, w.Code, len(s.submitted))
		}
	}
}

func TestPostsRedirect(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][2]string{
		"/composes/20261123-building/cancel": {"cancel 20261123-building", "/composes/20261123-building"},
		"/composes/20261123-failed11/retry":  {"retry 20261123-failed11", "/composes/20261123-bbbbbbbb"},
		"/composes/a%2F..%2F%2Fevil/cancel":  {"cancel a/..//evil", "/composes/a%2F..%2F%2Fevil"},
	} {
		s := sample()
		w := httptest.NewRecorder()
		newPages(t, s).ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, http.NoBody))
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want[1] || len(s.calls) != 1 || s.calls[0] != want[0] {
			t.Errorf("%s: %d %s %v", path, w.Code, w.Header().Get("Location"), s.calls)
		}
		// By a link or an image of another page nothing is done.
		get(t, newPages(t, s), path)
		if len(s.calls) != 1 {
			t.Errorf("GET %s did %v", path, s.calls)
		}
		s.err = errNotFound
		w = httptest.NewRecorder()
		newPages(t, s).ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, http.NoBody))
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "There is no compose of that id.") {
			t.Errorf("%s refused: %d", path, w.Code)
		}
	}
}

func TestReusedComposeIsSaid(t *testing.T) {
	t.Parallel()
	s := sample()
	s.reused = true
	w := post(t, newPages(t, s), field{name: "kind", value: "repo"})
	if got := w.Header().Get("Location"); got != "/composes/20261123-aaaaaaaa?reused" {
		t.Fatalf("location %q", got)
	}
	wantText(t, get(t, newPages(t, s), "/composes/20261123-k3f9qz7m?reused").Body.String(), "Nothing was built anew")
}

func TestCloneFillsTheForm(t *testing.T) {
	t.Parallel()
	s := &plain{request: compose.Request{
		Kind: "remaster", Release: "44", Sources: []string{"vim", "task:42"}, Kickstart: &compose.Kickstart{Text: "lang en\n"}, Notify: []compose.Notify{{Email: "qa@example.org"}},
		Base: &compose.Base{Compose: "20261101-older111"}, Require: []string{"anaconda>=44"}, TTL: compose.Duration(48 * time.Hour),
	}}
	p := newPages(t, s)
	wantText(t, get(t, p, "/?clone=20261123-k3f9qz7m").Body.String(), `value="remaster" required checked`, "vim\ntask:42</textarea>", "lang en\n</textarea>",
		`value="qa@example.org"`, `value="20261101-older111"`, "require:\n    - anaconda&gt;=44", `value="2d"`, `<a href="/composes/20261123-k3f9qz7m">`)
	s.err = errNotFound
	if w := get(t, p, "/?clone=nix"); w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
}

func TestRecognize(t *testing.T) {
	t.Parallel()
	p := newPages(t, &plain{})
	ask := func(text string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/recognize", strings.NewReader(text)))
		return w
	}
	got := ask("FEDORA-2026-1a2b3c4d5e\nanaconda-44.12-1.fc44\n\ntask:1\ntag:f44-x\nvim\n<b>\n").Body.String()
	var types []string
	for _, m := range regexp.MustCompile(`<span class="no">(\d)</span> <span class="badge [a-z-]+">([a-z ]+)</span>`).FindAllStringSubmatch(got, -1) {
		types = append(types, m[1]+" "+m[2])
	}
	want := []string{"1 update", "2 build", "4 task", "5 tag", "6 package", "7 not recognized"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if strings.Contains(got, "<b>") || strings.Contains(got, "<html") {
		t.Error(got)
	}
	if w := ask(strings.Repeat("x\n", 40<<10)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", w.Code)
	}
}
