package kickstart_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

func TestAddRepoPlacesTheLine(t *testing.T) {
	t.Parallel()
	const line = "repo --name=side --baseurl=https://h/r/$releasever/$basearch --cost=50\n"
	tests := []struct{ name, src, want string }{
		{"after the last repo or url", "url --url=x # why\nrepo --name=a\nlang en\n", "url --url=x # why\nrepo --name=a\n" + line + "lang en\n"},
		{"before the first section and its comment", "lang en\n\n# all of it\n%packages\n%end\n", "lang en\n" + line + "\n# all of it\n%packages\n%end\n"},
		{"after an include before the first section", "%include base.ks\n%packages\n%end\n", "%include base.ks\n" + line + "%packages\n%end\n"},
		{"only sections", "# top\n%packages\n%end\n", "# top\n" + line + "%packages\n%end\n"},
		{"no section, no line end", "lang en", "lang en\n" + line},
		{"empty", "", line},
		{"CRLF", "url --url=x\r\nlang en\r\n", "url --url=x\r\n" + strings.TrimSuffix(line, "\n") + "\r\nlang en\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			doc := parse(t, tt.src, kickstart.Options{})
			if err := doc.AddRepo(kickstart.Repo{Name: "side", BaseURL: "https://h/r/$releasever/$basearch", Cost: 50}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, doc.String()); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddRepoWritesEveryField(t *testing.T) {
	t.Parallel()
	want := kickstart.Repo{
		Name: "side-1", Metalink: "https://h/metalink?repo=a&arch=$basearch#x", Cost: 7,
		IncludePkgs: []string{"vim*", "a[bc]"}, ExcludePkgs: []string{"nano"}, Proxy: "http://u:p'w@h:3128", NoVerifySSL: true, Install: true,
		SSLCACert: "/etc/my ca.pem", SSLClientCert: "/c", SSLClientKey: `/k"\`,
	}
	doc := parse(t, "lang en\n", kickstart.Options{})
	if err := doc.AddRepo(want); err != nil {
		t.Fatal(err)
	}
	again := parse(t, doc.String(), kickstart.Options{Version: kickstart.F44})
	want.Pos = at(2)
	if diff := cmp.Diff([]kickstart.Repo{want}, again.Repos()); diff != "" {
		t.Errorf("read back (-want +got):\n%s\n%s", diff, doc)
	}
}

func TestAddRepoRefusesWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	good := kickstart.Repo{Name: "side", BaseURL: "https://h/"}
	tests := []struct {
		field string
		edit  func(*kickstart.Repo)
	}{
		{"Name", func(r *kickstart.Repo) { r.Name = "" }},
		{"Name", func(r *kickstart.Repo) { r.Name = "a b" }},
		{"Name", func(r *kickstart.Repo) { r.Name = "a/b" }},
		{"Name", func(r *kickstart.Repo) { r.Name = "--" }},
		{"Name", func(r *kickstart.Repo) { r.Name = "updates" }},
		{"Name", func(r *kickstart.Repo) { r.Name = "a\n%post" }},
		{"BaseURL", func(r *kickstart.Repo) { r.BaseURL = "" }},
		{"BaseURL", func(r *kickstart.Repo) { r.Metalink = "https://h/" }},
		{"BaseURL", func(r *kickstart.Repo) { r.BaseURL = "/srv/repo" }},
		{"BaseURL", func(r *kickstart.Repo) { r.BaseURL = "https://h/\nrootpw x" }},
		{"BaseURL", func(r *kickstart.Repo) { r.BaseURL = "https://h/\u2028rootpw" }},
		{"BaseURL", func(r *kickstart.Repo) { r.BaseURL = "https://h/\x0crootpw" }},
		{"BaseURL", func(r *kickstart.Repo) { r.BaseURL = "https://h/\x00" }},
		{"BaseURL", func(r *kickstart.Repo) { r.BaseURL = "https://h/\x1b[2J" }},
		{"BaseURL", func(r *kickstart.Repo) { r.BaseURL = "https://h/a b" }},
		{"BaseURL", func(r *kickstart.Repo) { r.BaseURL = "https://h/\xff" }},
		{"Proxy", func(r *kickstart.Repo) { r.Proxy = "proxy" }},
		{"Cost", func(r *kickstart.Repo) { r.Cost = -1 }},
		{"IncludePkgs", func(r *kickstart.Repo) { r.IncludePkgs = []string{"a,b"} }},
		{"IncludePkgs", func(r *kickstart.Repo) { r.IncludePkgs = []string{"--"} }},
		{"ExcludePkgs", func(r *kickstart.Repo) { r.ExcludePkgs = []string{""} }},
		{"SSLCACert", func(r *kickstart.Repo) { r.SSLCACert = "/a\r" }},
		{"SSLClientKey", func(r *kickstart.Repo) { r.SSLClientKey = "--" }},
	}
	for _, tt := range tests {
		r := good
		tt.edit(&r)
		doc := parse(t, "lang en\n", kickstart.Options{})
		err := doc.AddRepo(r)
		var ve *kickstart.ValueError
		if !errors.As(err, &ve) || ve.Field != tt.field {
			t.Errorf("%+v: got %v, want a *ValueError for %s", r, err, tt.field)
		}
		if doc.String() != "lang en\n" {
			t.Errorf("%+v: the refused repo changed the kickstart: %q", r, doc)
		}
	}
}

func TestAddRepoRefusesNamesInUse(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"repo.ks": {Data: []byte("repo --name=fedora --baseurl=http://h/\n")}}
	doc := parse(t, "%include repo.ks\n", kickstart.Options{Includes: kickstart.FSIncluder(tree)})
	if err := doc.AddRepo(kickstart.Repo{Name: "fedora", BaseURL: "https://h/"}); !errors.Is(err, kickstart.ErrDuplicateRepo) {
		t.Errorf("got %v, want ErrDuplicateRepo: the name is taken in an included file", err)
	}
}

func TestCommandsAreSetAndRemoved(t *testing.T) {
	t.Parallel()
	doc := parse(t, "# head\nlang de # old\ntext\nlang fr\n\n%post\nlang in a script\n%end\n", kickstart.Options{})
	for _, err := range []error{
		doc.SetCommand("lang", "en_US.UTF-8"),
		doc.SetCommand("timezone", "--utc", "Europe/Paris"),
		doc.SetCommand("rootpw", "--plaintext", `a "b' #c\`),
		doc.AddCommand("user", "--name=qa", "--gecos=Q A"),
		doc.AddCommand("user", "--name=other"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := doc.RemoveCommand("text"); n != 1 {
		t.Errorf("removed %d commands, want 1", n)
	}
	want := "# head\nlang en_US.UTF-8\ntimezone --utc Europe/Paris\nrootpw --plaintext \"a \\\"b' #c\\\\\"\n" +
		"user --name=qa --gecos=\"Q A\"\nuser --name=other\n\n%post\nlang in a script\n%end\n"
	if diff := cmp.Diff(want, doc.String()); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
	if pw, ok := parse(t, doc.String(), kickstart.Options{}).RootPW(); !ok || pw.Password != `a "b' #c\` {
		t.Errorf("the password was read back as %+v", pw)
	}
	for _, bad := range [][]string{{"%post"}, {""}, {"lang", "en\nrootpw x"}, {"Lang", "x"}, {"lang", "--x=--"}, {"lang", "a\x00"}, {"#x"}} {
		var ve *kickstart.ValueError
		if err := doc.SetCommand(bad[0], bad[1:]...); !errors.As(err, &ve) {
			t.Errorf("%q: got %v, want a *ValueError", bad, err)
		}
	}
	if doc.String() != want {
		t.Error("a refused command changed the kickstart")
	}
}

func TestPackagesAreAddedAndExcluded(t *testing.T) {
	t.Parallel()
	doc := parse(t, "lang en\n%packages\n-vim\nnano\n%end", kickstart.Options{})
	if err := doc.AddPackages("vim", "@^server", "@core", "lib*[0-9]", "gcc-c++"); err != nil {
		t.Fatal(err)
	}
	if err := doc.ExcludePackages("nano", "@games"); err != nil {
		t.Fatal(err)
	}
	want := "lang en\n%packages\n-vim\nnano\nvim\n@^server\n@core\nlib*[0-9]\ngcc-c++\n-nano\n-@games\n%end"
	if diff := cmp.Diff(want, doc.String()); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "@", "@^", "-x", "%end", "#x", "a b", "a#b", "@core --optional", "a\n%end", "a\u2028b", "a,b", "$x", "é"} {
		var ve *kickstart.ValueError
		if err := doc.AddPackages("fine", bad); !errors.As(err, &ve) {
			t.Errorf("%q: got %v, want a *ValueError", bad, err)
		}
	}
	if doc.String() != want {
		t.Error("a refused package changed the kickstart")
	}
	none := parse(t, "lang en", kickstart.Options{})
	if err := none.AddPackages("vim"); err != nil {
		t.Fatal(err)
	}
	if got, want := none.String(), "lang en\n\n%packages\nvim\n%end\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPackagesGoBehindTheIncludeThatExcludesThem(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"min.ks": {Data: []byte("%packages\n-vim\n%end\n")}}
	doc := parse(t, "%packages\nvim\n%end\n%include min.ks\n", kickstart.Options{Includes: kickstart.FSIncluder(tree)})
	if err := doc.AddPackages("vim"); err != nil {
		t.Fatal(err)
	}
	if p := doc.Packages(); !cmp.Equal(p.Packages, []string{"vim"}) || len(p.Excluded) > 0 {
		t.Errorf("vim is not in: %+v\n%s", p, doc)
	}
}
