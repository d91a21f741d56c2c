package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every verb explains itself and comes with examples that parse.
func TestEveryVerbTeaches(t *testing.T) {
	t.Parallel()
	parser, err := newParser(&grammar{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes(parser.Model.Node) {
		if !n.Leaf() {
			continue
		}
		path := verbPath(n)
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			if !strings.HasSuffix(n.Help, ".") {
				t.Errorf("the description %q is no sentence", n.Help)
			}
			for _, f := range n.Flags {
				if !strings.HasSuffix(f.Help, ".") {
					t.Errorf("--%s: %q is no sentence", f.Name, f.Help)
				}
			}
			for _, p := range n.Positional {
				if p.Help == "" {
					t.Errorf("argument %s is not explained", p.Name)
				}
			}
			_, examples := told(n)
			if len(examples) == 0 {
				t.Error("no examples")
			}
			own := false
			for _, e := range examples {
				own = own || strings.Contains(e.line, "respin "+path)
				checkExample(t, e.line)
			}
			if !own {
				t.Error("no example shows the verb itself")
			}
			var out bytes.Buffer
			if code := Main(t.Context(), Env{Args: append(strings.Fields(path), "--help"), Stdout: &out}); code != ExitOK {
				t.Errorf("--help exits with %d", code)
			}
			for _, want := range []string{n.Help, "Usage: respin " + path, "Examples:", "--json"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("help does not say %q:\n%s", want, &out)
				}
			}
		})
	}
}

// checkExample parses each respin of a shell line, without running it.
func checkExample(t *testing.T, line string) {
	t.Helper()
	_, line, _ = strings.Cut(" "+line, " respin ")
	for part := range strings.SplitSeq(line, " | ") {
		part = strings.TrimPrefix(part, "xargs -n1 ")
		part = strings.TrimPrefix(part, "respin ")
		part, _, _ = strings.Cut(part, " > ")
		if strings.HasPrefix(part, "jq ") || strings.HasPrefix(part, "man ") || part == "" {
			continue
		}
		part = strings.TrimSuffix(strings.ReplaceAll(part, "'Starting installer'", "x"), ")")
		args := strings.Fields(part)
		if args[0] == "cancel" && len(args) == 1 {
			args = append(args, "ID") // of xargs
		}
		var g grammar
		parser, err := newParser(&g)
		if err != nil {
			t.Fatal(err)
		}
		a := newApp(Env{}, &g.Globals)
		a.model = parser.Model
		if _, err := parse(a, parser, args); err != nil {
			t.Errorf("example %q: %v", part, err)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	got := wrap("one two three\nfour\n\nfive", "  ", 11)
	if d := cmp.Diff("  one two\n  three\n  four\n\n  five", got); d != "" {
		t.Errorf("text differs (-want +got):\n%s", d)
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	names := []string{"build", "list", "show", "kickstart", "node", "nodes"}
	for word, want := range map[string]string{"bulid": "build", "lst": "list", "kick": "kickstart", "nodess": "nodes", "zzz": "", "x": ""} {
		got := didYouMean(word, names)
		if want != "" {
			want = `; did you mean "` + want + `"?`
		}
		if got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}
