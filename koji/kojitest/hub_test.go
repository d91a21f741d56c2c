package kojitest_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// must panics on an error of a test's own data.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func start(tb testing.TB, h *kojitest.Hub) (*koji.Client, *kojitest.Server) {
	tb.Helper()
	s := must(h.Start("127.0.0.1:0"))
	tb.Cleanup(func() { _ = s.Close() })
	return must(koji.New(s.HubURL, koji.Options{TopURL: s.TopURL, Retries: -1})), s
}

func fetch(t *testing.T, url, ranges string) (int, string, error) {
	t.Helper()
	req := must(http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
	if ranges != "" {
		req.Header.Set("Range", ranges)
	}
	resp := must(http.DefaultClient.Do(req))
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func TestRPMFilesSpeakForThemselves(t *testing.T) {
	t.Parallel()
	epoch := 3
	plain := makeRPM(t, fakeRPM{name: "hello", version: "1^2", release: "1.fc44", arch: "x86_64", epoch: &epoch, payload: "payload"})
	signed := makeRPM(t, fakeRPM{name: "hello", version: "1^2", release: "1.fc44", arch: "x86_64", epoch: &epoch, payload: "payload", signature: "a longer signature"})
	source := filepath.Join(t.TempDir(), "hello.src.rpm")
	if err := os.WriteFile(source, makeRPM(t, fakeRPM{name: "hello", version: "1^2", release: "1.fc44", arch: "x86_64", epoch: &epoch, source: true}), 0o600); err != nil {
		t.Fatal(err)
	}
	h := kojitest.NewHub()
	id := must(h.AddBuild(kojitest.Build{
		NVR: "hello-1^2-1.fc44", Volume: "disk2", Logs: map[string][]byte{"x86_64/build.log": []byte("log")},
		RPMs: []kojitest.RPM{{Path: source}, {Data: plain, Signed: map[string][]byte{"31645531": signed}}},
	}))
	c, _ := start(t, h)
	b := must(c.GetBuild(t.Context(), koji.BuildID(id)))
	rpms := must(c.ListRPMs(t.Context(), id))
	if *b.Epoch != 3 || len(rpms) != 2 || rpms[0].Arch != "src" || rpms[1].NEVRA() != "hello-3:1^2-1.fc44.x86_64" || rpms[1].BuildTime.Unix() != 1700000000 || rpms[1].Size != int64(len(plain)) {
		t.Fatalf("%+v\n%+v", b, rpms)
	}
	// Signed and unsigned copy share the payload hash; the cached signature
	// header makes one out of the other.
	r, p := &rpms[1], c.Paths()
	sum := md5.Sum(plain[bytes.LastIndex(plain, []byte{0x8e, 0xad, 0xe8, 1}):])
	if r.PayloadHash != hex.EncodeToString(sum[:]) {
		t.Errorf("payload hash %s", r.PayloadHash)
	}
	code, body, err := fetch(t, p.Signed(b, r, "31645531"), "")
	if code != http.StatusOK || body != string(signed) || err != nil {
		t.Errorf("%d %v", code, err)
	}
	_, header, _ := fetch(t, p.Sigcache(b, r, "31645531"), "")
	if string(plain[:96])+header+string(plain[bytes.LastIndex(plain, []byte{0x8e, 0xad, 0xe8, 1}):]) != string(signed) {
		t.Error("the cached header does not make the signed copy")
	}
	sums := must(c.GetRPMChecksums(t.Context(), r.ID))
	if sum := md5.Sum(signed); *sums["31645531"].MD5 != hex.EncodeToString(sum[:]) {
		t.Errorf("%+v", sums)
	}
	if code, body, _ := fetch(t, p.BuildLogs(b)+"/x86_64/build.log", ""); code != http.StatusOK || body != "log" {
		t.Errorf("log: %d %q", code, body)
	}
	if code, body, _ := fetch(t, strings.Replace(p.RPM(b, r), "/vol/disk2", "/kojifiles", 1), ""); code != http.StatusOK || body != string(plain) {
		t.Errorf("link on the default volume: %d", code)
	}
}

func TestPayloadHashOfRealRPMs(t *testing.T) {
	t.Parallel()
	// SIGMD5 of these files as rpm itself prints it with
	// rpm -qp --qf '%{SIGMD5}' FILE; the hub computes it from the bytes.
	dir := shareddata.Dir(t, "rpms")
	h := kojitest.NewHub()
	for i, name := range []string{"basesystem-10.0-7.noarch.rpm", "Cython-0.17.1-2.el7.src.rpm"} {
		data := must(os.ReadFile(filepath.Join(dir, name)))
		id := must(h.AddBuild(kojitest.Build{NVR: fmt.Sprintf("x-%d-1", i), RPMs: []kojitest.RPM{{Data: data}}}))
		c, _ := start(t, h)
		r := must(c.ListRPMs(t.Context(), id))[0]
		hash, err := hex.DecodeString(r.PayloadHash)
		if r.FileName() != name || err != nil || !bytes.Contains(data[:4096], hash) { // SIGMD5 stands in the signature header
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestBadBuildsAreRefused(t *testing.T) {
	t.Parallel()
	h := kojitest.NewHub()
	must(h.AddTag(kojitest.Tag{Name: "t"}))
	must(h.AddBuild(kojitest.Build{NVR: "a-1-1"}))
	huge := makeRPM(t, fakeRPM{name: "x"})
	copy(huge[96+8:], []byte{0x7f, 0xff, 0xff, 0xff})
	for name, b := range map[string]kojitest.Build{
		"nvr": {NVR: "a-1"}, "twice": {NVR: "a-1-1"}, "tag": {NVR: "b-1-1", Tags: []string{"no"}}, "file": {NVR: "c-1-1", RPMs: []kojitest.RPM{{Path: "/nonexistent"}}},
		"no rpm": {NVR: "d-1-1", RPMs: []kojitest.RPM{{Data: []byte("text")}}}, "header": {NVR: "e-1-1", RPMs: []kojitest.RPM{{Data: huge}}},
		"cut": {NVR: "f-1-1", RPMs: []kojitest.RPM{{Data: makeRPM(t, fakeRPM{name: "x"})[:130]}}}, "nothing": {NVR: "g-1-1", RPMs: []kojitest.RPM{{}}},
		"signed": {NVR: "h-1-1", RPMs: []kojitest.RPM{{Name: "h", Arch: "src", Signed: map[string][]byte{"0": nil}}}},
	} {
		if id, err := h.AddBuild(b); err == nil {
			t.Errorf("%s: build %d", name, id)
		}
	}
	for name, err := range map[string]error{
		"tag": second(h.AddTag(kojitest.Tag{Name: "t"})), "parent": second(h.AddTag(kojitest.Tag{Name: "u", Parents: []string{"no"}})),
		"side": second(h.AddSideTag("no", "qa")), "target": h.AddTarget("x", "t", "no"), "tagging": h.TagBuild("t", "no-1-1"), "untag": h.UntagBuild("t", "a-1-1"),
		"delete": h.DeleteBuild("no-1-1"), "corrupt": h.CorruptFile("no"), "remove": h.RemoveFile("no"), "task": second(h.AddTask(kojitest.Task{ID: -1})),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestFilesGoWrongOnDemand(t *testing.T) {
	t.Parallel()
	h := kojitest.NewHub()
	must(h.AddBuild(kojitest.Build{NVR: "a-1-1", RPMs: []kojitest.RPM{{Name: "a", Arch: "noarch", Data: []byte("0123456789")}}}))
	_, s := start(t, h)
	const file = "packages/a/1/1/noarch/a-1-1.noarch.rpm"
	if got := h.Files(); !slices.Equal(got, []string{file}) {
		t.Fatal(got)
	}
	url := s.TopURL + "/" + file
	if code, body, err := fetch(t, url, "bytes=4-"); code != http.StatusPartialContent || body != "456789" || err != nil {
		t.Errorf("range: %d %q %v", code, body, err)
	}
	h.FailFiles(kojitest.Failures{TruncateAfter: 4, Times: 1})
	if code, body, err := fetch(t, url, ""); code != http.StatusOK || body != "0123" || err == nil {
		t.Errorf("truncated: %d %q %v", code, body, err)
	}
	h.FailFiles(kojitest.Failures{Status: 503, Times: 1})
	if code, _, _ := fetch(t, url, ""); code != 503 {
		t.Errorf("busy: %d", code)
	}
	if err := h.CorruptFile(file); err != nil {
		t.Fatal(err)
	}
	if code, body, _ := fetch(t, url, ""); code != http.StatusOK || body != "012345678\xc6" {
		t.Errorf("corrupt: %d %q", code, body)
	}
	if err := h.RemoveFile("packages/a"); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := fetch(t, url, ""); code != http.StatusNotFound {
		t.Errorf("removed: %d", code)
	}
	h.AddFile("/repos/x/latest/repo.json", []byte("{}"))
	if code, body, _ := fetch(t, s.TopURL+"/repos/x/latest/repo.json", ""); code != http.StatusOK || body != "{}" {
		t.Errorf("added: %d", code)
	}
	resp := must(http.Post(url, "text/plain", nil))
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST to a file: %s", resp.Status)
	}
}

func TestDeletedBuildKeepsItsRecords(t *testing.T) {
	t.Parallel()
	h := kojitest.NewHub()
	must(h.AddTag(kojitest.Tag{Name: "t"}))
	must(h.AddBuild(kojitest.Build{NVR: "a-0-1", State: koji.BuildDeleted, RPMs: []kojitest.RPM{{Name: "a", Arch: "noarch", Data: []byte("x")}}}))
	if files := h.Files(); len(files) != 0 {
		t.Errorf("a build added as deleted has %v", files)
	}
	for _, nvr := range []string{"a-1-1", "a-2-1"} {
		must(h.AddBuild(kojitest.Build{NVR: nvr, Tags: []string{"t"}, RPMs: []kojitest.RPM{{Name: "a", Arch: "noarch", Data: []byte("x")}}}))
	}
	c, _ := start(t, h)
	before := must(c.GetLastEvent(t.Context()))
	if err := h.DeleteBuild("a-2-1"); err != nil {
		t.Fatal(err)
	}
	b := must(c.GetBuild(t.Context(), koji.NVR("a-2-1")))
	rpms := must(c.ListRPMs(t.Context(), b.ID))
	if b.State != koji.BuildDeleted || len(rpms) != 1 {
		t.Errorf("%+v %+v", b, rpms)
	}
	if code, _, _ := fetch(t, c.Paths().RPM(b, &rpms[0]), ""); code != http.StatusNotFound {
		t.Errorf("its file: %d", code)
	}
	now := must(c.ListTagged(t.Context(), "t", koji.TaggedOptions{Latest: true}))
	if len(now) != 1 || now[0].NVR != "a-1-1" {
		t.Errorf("%+v", now)
	}
	if err := h.UntagBuild("t", "a-1-1"); err != nil {
		t.Fatal(err)
	}
	if now := must(c.ListTagged(t.Context(), "t", koji.TaggedOptions{})); len(now) != 0 {
		t.Errorf("%+v", now)
	}
	// As it was: only complete builds are listed, so the deleted one is missing then too.
	if then := must(c.ListTagged(t.Context(), "t", koji.TaggedOptions{Event: before.ID})); len(then) != 1 || then[0].NVR != "a-1-1" {
		t.Errorf("%+v", then)
	}
}

func TestRecursiveMultiCallIsRefused(t *testing.T) {
	t.Parallel()
	c, _ := start(t, kojitest.NewHub())
	b := c.Batch()
	inner := koji.BatchCall[any](b, "multiCall", []any{})
	if err := b.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := inner.Get(); err == nil {
		t.Error("no error")
	}
}

func TestServerCloses(t *testing.T) {
	t.Parallel()
	h := kojitest.NewHub()
	s := must(h.Start("127.0.0.1:0"))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := h.Start("no address"); err == nil {
		t.Error("no error")
	}
}

func FuzzHub(f *testing.F) {
	h := kojitest.NewHub()
	must(h.AddTag(kojitest.Tag{Name: "t"}))
	must(h.AddBuild(kojitest.Build{NVR: "a-1-1", Tags: []string{"t"}, RPMs: []kojitest.RPM{{Name: "a", Arch: "src", Data: []byte("x")}}}))
	must(h.AddTask(kojitest.Task{Output: map[string][]byte{"f": []byte("x")}}))
	f.Add("listTagged", "<value>t</value>", "<value><struct><member><name>latest</name><value><int>1</int></value></member><member><name>__starstar</name><value><boolean>1</boolean></value></member></struct></value>")
	f.Add("downloadTaskOutput", "<value><int>1</int></value>", "<value>f</value>")
	f.Add("getBuild", "<value><struct/></value>", "<value><nil/></value>")
	must(h.AddRepo(kojitest.Repo{Tag: "t"}))
	must(h.AddExternalRepo("t", kojitest.ExternalRepo{Name: "e"}))
	c, _ := start(f, h)
	for _, method := range must(c.ListMethods(f.Context())) {
		f.Add(method, "<value>t</value>", "<value><int>1</int></value>")
		f.Add(method, "<value><int>-1</int></value>", "<value><array><data><value><int>99</int></value></data></array></value>")
	}
	f.Fuzz(func(t *testing.T, method, a, b string) {
		body := "<methodCall><methodName>" + method + "</methodName><params><param>" + a + "</param><param>" + b + "</param></params></methodCall>"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/kojihub", strings.NewReader(body)))
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func ExampleHub() {
	hub := kojitest.NewHub()
	server, err := hub.Start("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }()

	const call = "<methodCall><methodName>getKojiVersion</methodName><params/></methodCall>"
	resp, err := http.Post(server.HubURL, "text/xml", strings.NewReader(call))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(answer))
	// Output:
	// <?xml version='1.0'?>
	// <methodResponse>
	// <params>
	// <param>
	// <value><string>1.35.3</string></value>
	// </param>
	// </params>
	// </methodResponse>
}
