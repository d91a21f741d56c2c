package kickstart_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

func TestInjectedReposWin(t *testing.T) {
	t.Parallel()
	side := kickstart.Repo{Name: "side", BaseURL: "https://h/r/$releasever/$basearch/"}
	tests := []struct {
		name, src, want string
		repos           []kickstart.Repo
		prefer          []string
		notes           []string // a part of each
	}{
		{
			"below the default cost", "url --url=x\nlang en\n",
			"url --url=x\nrepo --name=side --baseurl=https://h/r/$releasever/$basearch/ --cost=999\nlang en\n",
			[]kickstart.Repo{side},
			nil, nil,
		},
		{
			"below the cheapest", "url --url=x\nrepo --name=a --cost=40\nrepo --name=b --cost 70\n",
			"url --url=x\nrepo --name=a --cost=40\nrepo --name=b --cost 70\nrepo --name=side --baseurl=https://h/r/$releasever/$basearch/ --cost=39\n",
			[]kickstart.Repo{side},
			nil, nil,
		},
		{
			"own cost", "url --url=x\n", "url --url=x\nrepo --name=side --baseurl=http://h/ --cost=7\n",
			[]kickstart.Repo{{Name: "side", BaseURL: "http://h/", Cost: 7}},
			nil, nil,
		},
		{
			"nothing is below 1", "url --url=x\nrepo --name=a --cost=1\n", "url --url=x\nrepo --name=a --cost=1\nrepo --name=side --baseurl=http://h/ --cost=1\n",
			[]kickstart.Repo{{Name: "side", BaseURL: "http://h/"}},
			nil,
			[]string{"cost 1 already"},
		},
		{
			"reserved and used names", "url --url=x\nrepo --name=side\n",
			"url --url=x\nrepo --name=side\nrepo --name=updates-side --baseurl=http://h/1 --cost=999\nrepo --name=side-2 --baseurl=http://h/2 --cost=999\nrepo --name=side-3 --baseurl=http://h/3 --cost=999\n",
			[]kickstart.Repo{{Name: "updates", BaseURL: "http://h/1"}, {Name: "side", BaseURL: "http://h/2"}, {Name: "side", BaseURL: "http://h/3"}},
			nil, nil,
		},
		{
			"older packages", "url --url=x\nrepo  --name=a  --baseurl='http://a/'  # why\nrepo --name=b --excludepkgs=nano\n",
			"url --url=x\nrepo  --name=a  --baseurl='http://a/' --excludepkgs=vim*,nano  # why\nrepo --name=b --excludepkgs=nano,vim*\n" +
				"repo --name=side --baseurl=http://h/ --cost=999\n",
			[]kickstart.Repo{{Name: "side", BaseURL: "http://h/"}},
			[]string{"vim*", "nano"},
			[]string{"url command cannot exclude"},
		},
		{
			"no url", "lang en\n", "lang en\nrepo --name=side --baseurl=http://h/ --cost=999\n",
			[]kickstart.Repo{{Name: "side", BaseURL: "http://h/"}},
			nil,
			[]string{"no url command"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			doc := parse(t, tt.src, kickstart.Options{})
			in, err := doc.InjectRepos(tt.repos, tt.prefer...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, doc.String()); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
			if len(in.Repos) != len(tt.repos) || len(in.Notes) != len(tt.notes) {
				t.Fatalf("got %+v", in)
			}
			for i, part := range tt.notes {
				if !strings.Contains(in.Notes[i], part) {
					t.Errorf("note %q does not say %q", in.Notes[i], part)
				}
			}
			if diags := doc.Validate(kickstart.F44); len(diags) > 0 {
				t.Errorf("the result has problems: %v", diags)
			}
			if tt.prefer == nil {
				return
			}
			for _, r := range doc.Repos()[:2] {
				if got := strings.Join(r.ExcludePkgs, ","); !strings.Contains(got, "nano") || !strings.Contains(got, "vim*") {
					t.Errorf("repo %s excludes %s", r.Name, got)
				}
			}
		})
	}
}

func TestInjectionIsAllOrNothing(t *testing.T) {
	t.Parallel()
	const src = "url --url=x\nrepo --name=a\n"
	good := kickstart.Repo{Name: "side", BaseURL: "http://h/"}
	for _, tt := range []struct {
		repos  []kickstart.Repo
		prefer []string
	}{
		{[]kickstart.Repo{good, {Name: "bad", BaseURL: "http://h/\n%post"}}, []string{"vim"}},
		{[]kickstart.Repo{good}, []string{"vim\n%post"}},
		{[]kickstart.Repo{good}, []string{"vim,nano"}},
	} {
		doc := parse(t, src, kickstart.Options{})
		_, err := doc.InjectRepos(tt.repos, tt.prefer...)
		if _, ok := errors.AsType[*kickstart.ValueError](err); !ok {
			t.Errorf("%v: got %v, want a *ValueError", tt, err)
		}
		if doc.String() != src {
			t.Errorf("refused, but printed %q", doc)
		}
	}
	tree := fstest.MapFS{"repo.ks": {Data: []byte("repo --name=a\n")}}
	doc := parse(t, "%include repo.ks\n", kickstart.Options{Includes: kickstart.FSIncluder(tree)})
	if _, err := doc.InjectRepos([]kickstart.Repo{good}, "vim"); !errors.Is(err, kickstart.ErrIncluded) {
		t.Errorf("got %v, want ErrIncluded", err)
	}
	if _, err := doc.Flatten().InjectRepos([]kickstart.Repo{good}, "vim"); err != nil {
		t.Errorf("flattened: %v", err)
	}
}

func TestAddRepoArgument(t *testing.T) {
	t.Parallel()
	arg, lost, err := kickstart.Repo{Name: "side", BaseURL: "https://h/r/", Cost: 5, ExcludePkgs: []string{"vim"}, NoVerifySSL: true}.AddRepoArgument()
	if err != nil || arg != "inst.addrepo=side,https://h/r/" {
		t.Errorf("got %q, %v", arg, err)
	}
	if diff := cmp.Diff([]string{"Cost", "ExcludePkgs", "NoVerifySSL"}, lost); diff != "" {
		t.Errorf("lost (-want +got):\n%s", diff)
	}
	for _, r := range []kickstart.Repo{
		{Name: "side", Metalink: "https://h/"},
		{Name: "a,b", BaseURL: "https://h/"},
		{Name: "side", BaseURL: "https://h/ inst.sshd"},
		{Name: "side", BaseURL: `https://h/"`},
	} {
		if arg, _, err := r.AddRepoArgument(); err == nil {
			t.Errorf("%+v became %q", r, arg)
		}
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	v := kickstart.Vars{ReleaseVer: "44", BaseArch: "x86_64"}
	for in, want := range map[string]string{
		"http://h/$releasever/$basearch/?arch=$arch": "http://h/44/x86_64/?arch=x86_64",
		"${releasever}x$releaseverx":                 "44x$releaseverx",
		"$releasever_major $ ${ ${x} $$basearch":     "$releasever_major $ ${ ${x} $x86_64",
		"none":                                       "none",
	} {
		if got := v.Expand(in); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
	doc := parse(t, "url --url=http://h/$releasever/ # $releasever\nrepo --name=a --baseurl='http://h/$basearch'\nlang $basearch\nrepo --name=b\n%post\necho $releasever\n%end\n", kickstart.Options{})
	n, err := doc.ExpandVars(v)
	want := "url --url=http://h/44/ # $releasever\nrepo --name=a --baseurl='http://h/x86_64'\nlang $basearch\nrepo --name=b\n%post\necho $releasever\n%end\n"
	if n != 2 || err != nil || doc.String() != want {
		t.Errorf("%d changed, %v, printed %q", n, err, doc)
	}
	if r := doc.Repos()[0]; r.BaseURL != "http://h/x86_64" {
		t.Errorf("repo %+v", r)
	}
	if _, err := doc.ExpandVars(kickstart.Vars{ReleaseVer: "44 --noverifyssl"}); err == nil {
		t.Error("a value with a blank was filled in")
	}
}
