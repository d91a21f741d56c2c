package compose_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/internal/proc"
)

func sumOf(data string) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:])
}

func remasterOf(change func(*compose.Request)) compose.Request {
	r := compose.Request{Kind: compose.KindRemaster, Release: "44", Arch: "x86_64", Base: &compose.Base{URL: "https://example.org/boot.iso"}}
	change(&r)
	return r
}

func TestFilesForTheMediumAreConfinedAndBounded(t *testing.T) {
	t.Parallel()
	file := func(f compose.File) compose.Request {
		return remasterOf(func(r *compose.Request) { r.Files = []compose.File{f} })
	}
	at := func(path string) compose.Request { return file(compose.File{Path: path, Text: "x"}) }
	image := func(f compose.File) compose.Request {
		return remasterOf(func(r *compose.Request) { r.UpdatesImage = &f })
	}
	replace := func(list ...compose.Replacement) compose.Request {
		return remasterOf(func(r *compose.Request) { r.Replace = list })
	}
	const url = "https://example.org/x"
	for name, tc := range map[string]struct {
		req   compose.Request
		field string
	}{
		"upwards":              {at("/a/../../etc/passwd"), "files[0].path"},
		"not from the root":    {at("a"), "files[0].path"},
		"the root":             {at("/"), "files[0].path"},
		"no place":             {at(""), "files[0].path"},
		"two lines":            {at("/a\nb"), "files[0].path"},
		"wildcard":             {at("/a*"), "files[0].path"},
		"long name":            {at("/" + strings.Repeat("x", 254)), "files[0].path"},
		"deep":                 {at(strings.Repeat("/a", 33)), "files[0].path"},
		"not UTF-8":            {at("/\xff"), "files[0].path"},
		"the side repo":        {at("/respin-repo/repodata/repomd.xml"), "files[0].path"},
		"the kickstart":        {at("/respin.ks"), "files[0].path"},
		"the updates image":    {at("/updates.img"), "files[0].path"},
		"no content":           {file(compose.File{Path: "/a"}), "files[0]"},
		"two contents":         {file(compose.File{Path: "/a", Text: "x", URL: url}), "files[0]"},
		"a file of the server": {file(compose.File{Path: "/a", File: "/etc/passwd"}), "files[0].file"},
		"another scheme":       {file(compose.File{Path: "/a", URL: "file:///etc/passwd"}), "files[0].url"},
		"a password":           {file(compose.File{Path: "/a", URL: "https://u:p@example.org/x"}), "files[0].url"},
		"no upload":            {file(compose.File{Path: "/a", Upload: "../x"}), "files[0].upload"},
		"no sum":               {file(compose.File{Path: "/a", Text: "x", SHA256: "12"}), "files[0].sha256"},
		"long text":            {file(compose.File{Path: "/a", Text: strings.Repeat("x", 1<<20+1)}), "files[0].text"},
		"twice in one place":   {remasterOf(func(r *compose.Request) { r.Files = []compose.File{{Path: "/a", Text: "x"}, {Path: "/a", Text: "y"}} }), "files[1].path"},
		"below a file": {remasterOf(func(r *compose.Request) {
			r.Files = []compose.File{{Path: "/a/b/c", Text: "x"}, {Path: "/a", Text: "y"}}
		}), "files[0].path"},
		"too many":               {remasterOf(func(r *compose.Request) { r.Files = make([]compose.File, 1001) }), "files"},
		"updates with a place":   {image(compose.File{Path: "/a", URL: url}), "updates_image.path"},
		"updates as text":        {image(compose.File{Text: "x"}), "updates_image.text"},
		"updates to execute":     {image(compose.File{URL: url, Executable: true}), "updates_image.executable"},
		"updates of nothing":     {image(compose.File{}), "updates_image"},
		"updates twice":          {remasterOf(func(r *compose.Request) { r.UpdatesImage, r.Options.UpdatesImg = &compose.File{URL: url}, true }), "updates_image"},
		"replacement of nothing": {replace(compose.Replacement{To: "x"}), "replace[0].from"},
		"replacement of lines":   {replace(compose.Replacement{From: "a\nb"}), "replace[0]"},
		"many replacements":      {replace(make([]compose.Replacement, 65)...), "replace"},
	} {
		if problems := tc.req.Check(); len(problems) != 1 || problems[0].Field != tc.field || problems[0].Remedy == "" {
			t.Errorf("%s: %+v", name, problems)
		}
	}
	good := remasterOf(func(r *compose.Request) {
		r.Files = []compose.File{{Path: "/a b/ü.txt", Text: "x"}, {Path: "/images/product.img", URL: url, SHA256: sumOf("x")}, {Path: "/respin-repository", Upload: sumOf("y")}}
		r.UpdatesImage = &compose.File{URL: url}
		r.Replace = []compose.Replacement{{From: "set timeout=60", To: "set timeout=5"}, {From: "x"}}
		r.Options.NoMD5Sum = true
	})
	if problems := good.Check(); len(problems) != 0 {
		t.Error(problems)
	}
}

// mediumServer has a base image and files; /changing is another file from its
// second reading on.
func mediumServer(t *testing.T) *httptest.Server {
	t.Helper()
	var reads atomic.Int32
	mux := http.NewServeMux()
	for path, body := range map[string]string{
		"/boot.iso": string(isotest.Base("F44", "x86_64")), "/small.img": "small", "/empty": "",
		"/big.img": strings.Repeat("x", 8<<20+1), "/page": "<!DOCTYPE html><title>Not found</title>", "/page.html": "<html></html>",
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
		})
	}
	mux.HandleFunc("/changing", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(strings.Repeat("x", int(reads.Add(1)))))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

func TestFilesForTheMediumAreFrozen(t *testing.T) {
	t.Parallel()
	srv := mediumServer(t)
	id := sumOf("uploaded")
	r := resolverWith(t, fedora(t), compose.ResolverOptions{Backends: []compose.Backend{&remaster.Backend{}}, Uploads: func(_ context.Context, asked string) (compose.Uploaded, error) {
		if !strings.HasPrefix(id, asked) {
			return compose.Uploaded{}, compose.ErrNoUpload
		}
		return compose.Uploaded{ID: id, Type: "file", URL: "https://respin.example.org/" + id, Size: 8, SHA256: id}, nil
	}})
	base := &compose.Base{URL: srv.URL + "/boot.iso"}
	req := remasterOf(func(r *compose.Request) {
		r.Base = base
		r.Files = []compose.File{
			{Path: "/text", Text: "text", Executable: true},
			{Path: "/small", URL: srv.URL + "/small.img"},
			{Path: "/big", URL: srv.URL + "/big.img", SHA256: sumOf("taken as given")},
			{Path: "/uploaded", Upload: id[:12]},
			{Path: "/page", URL: srv.URL + "/page.html"},
			{Path: "/empty", URL: srv.URL + "/empty"},
		}
		r.UpdatesImage = &compose.File{Upload: id}
		r.Replace = []compose.Replacement{{From: "quiet"}}
	})
	plan, err := r.Resolve(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := []compose.PlanFile{
		{Path: "/text", Size: 4, SHA256: sumOf("text"), Executable: true},
		{Path: "/small", URL: srv.URL + "/small.img", Size: 5, SHA256: sumOf("small")},
		{Path: "/big", URL: srv.URL + "/big.img", Size: 8<<20 + 1, SHA256: sumOf("taken as given")},
		{Path: "/uploaded", URL: "https://respin.example.org/" + id, Size: 8, SHA256: id},
		{Path: "/page", URL: srv.URL + "/page.html", Size: 13, SHA256: sumOf("<html></html>")},
		{Path: "/empty", URL: srv.URL + "/empty", SHA256: sumOf("")},
	}
	if diff := cmp.Diff(want, plan.Files); diff != "" {
		t.Error(diff)
	}
	if u := plan.UpdatesImage; u == nil || u.Path != "/updates.img" || u.SHA256 != id {
		t.Errorf("updates image: %+v", u)
	}
	if got := strings.Join(plan.Argv, " "); !strings.Contains(got, "-map ${updates_image} /updates.img") || !strings.Contains(got, "-map ${files[3]} /uploaded") {
		t.Errorf("argv: %s", got)
	}
	if len(plan.Warnings) > 1 { // the base is not pinned
		t.Errorf("warnings: %v", plan.Warnings)
	}
	req.Files[0].Text = "other"
	if other, err := r.Resolve(t.Context(), req); err != nil || other.Digest == plan.Digest {
		t.Errorf("another file makes the same Plan: %v", err)
	}
	for name, tc := range map[string]struct {
		file compose.File
		code compose.Code
	}{
		"unpinned and big": {compose.File{URL: srv.URL + "/big.img"}, compose.CodeBadFile},
		"another sum":      {compose.File{URL: srv.URL + "/small.img", SHA256: sumOf("x")}, compose.CodeFileAltered},
		"gone":             {compose.File{URL: srv.URL + "/gone"}, compose.CodeFileUnreachable},
		"a web page":       {compose.File{URL: srv.URL + "/page"}, compose.CodeWebPage},
		"no upload":        {compose.File{Upload: strings.Repeat("0", 64)}, compose.CodeUploadNotFound},
		"a private host":   {compose.File{URL: "http://192.168.0.1/x"}, compose.CodeURLRefused},
	} {
		tc.file.Path = "/x"
		_, err := r.Resolve(t.Context(), remasterOf(func(r *compose.Request) { r.Base, r.Files = base, []compose.File{tc.file} }))
		if p := refusedWith(t, err, tc.code); !strings.HasPrefix(p.Field, "files[0]") {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestAFileThatChangedSinceThePlanFailsTheFetch(t *testing.T) {
	t.Parallel()
	srv := mediumServer(t)
	r := resolverWith(t, fedora(t), compose.ResolverOptions{Backends: []compose.Backend{&remaster.Backend{}}})
	plan, err := r.Resolve(t.Context(), remasterOf(func(r *compose.Request) {
		r.Base, r.Files = &compose.Base{URL: srv.URL + "/boot.iso"}, []compose.File{{Path: "/a", URL: srv.URL + "/changing"}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	// The tools are asked for before anything is fetched, and never run.
	dir := t.TempDir()
	for _, name := range []string{"xorriso", "mcopy", "mdir"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho 1.5.4\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b := builder(t, compose.Network{AllowLoopback: true}, compose.BuilderOptions{
		Backends: []compose.Backend{&remaster.Backend{}}, Runner: &proc.Runner{Env: []string{"PATH=" + dir}},
	})
	_, err = b.Build(t.Context(), plan, compose.Work{ID: "x", Dir: t.TempDir()})
	failed, ok := errors.AsType[*compose.FailedError](err)
	if !ok || failed.Failure.Code != compose.CodeFileAltered || !strings.Contains(failed.Failure.Sentence, "/a") {
		t.Fatalf("got %v", err)
	}
}

func TestOtherKindsSayThatTheyDoNotUseFiles(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	req := repoOf(f.Update)
	req.Files, req.Replace = []compose.File{{Path: "/a", Text: "x"}}, []compose.Replacement{{From: "a"}}
	plan, err := resolver(t, f).Resolve(t.Context(), req)
	if err != nil || plan.Files != nil || len(plan.Warnings) < 2 {
		t.Fatalf("%+v, %v", plan, err)
	}
}
