package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/fedora-respin/respin/compose"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (*completionCmd) about() string { return "" }

func (*completionCmd) examples() []example {
	return []example{
		{"source <(respin completion bash)", "In ~/.bashrc."},
		{"respin completion zsh > ~/.zfunc/_respin", "For zsh, with ~/.zfunc in fpath."},
		{"respin completion fish > ~/.config/fish/completions/respin.fish", "For fish."},
	}
}

// Run is the verb.
func (c *completionCmd) Run(a *app) error {
	text := map[string]func(*kong.Application) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Shell](a.model)
	if a.global.JSON {
		a.printJSON(struct {
			Text string `json:"text"`
		}{text})
		return nil
	}
	a.printf("%s", text)
	return nil
}

// nodes lists the verbs below node, itself included, parents first.
func nodes(node *kong.Node) []*kong.Node {
	list := []*kong.Node{node}
	for _, c := range node.Children {
		list = append(list, nodes(c)...)
	}
	return list
}

// verbPath is where a node stands: "" for respin itself, "repo create".
func verbPath(n *kong.Node) string {
	return strings.TrimSpace(strings.TrimPrefix(n.FullPath(), "respin"))
}

// completeFlags are all flags that may follow a node.
func completeFlags(model *kong.Application, n *kong.Node) []*kong.Flag {
	return append(slices.Clone(ownFlags(n)), globalFlags(model)...)
}

// values are what a flag or an argument may be; files says that it is a path.
func values(v *kong.Value) (list []string, files bool) {
	switch {
	case v.Enum != "":
		return v.EnumSlice(), false
	case v.Name == "kind":
		for _, k := range compose.Kinds() {
			list = append(list, string(k))
		}
		return list, false
	case v.Name == "arch":
		return compose.Arches(), false
	}
	holder := v.Tag.PlaceHolder
	files = holder == "FILE" || holder == "DIR" || v.Name == "file" || v.Name == "dir" || v.Name == "source"
	return nil, files
}

// argValues are what the next argument of a verb may be.
func argValues(n *kong.Node) (list []string, files bool) {
	for _, c := range n.Children {
		list = append(list, c.Name)
	}
	for _, p := range n.Positional {
		l, f := values(p)
		list, files = append(list, l...), files || f
	}
	return list, files
}

func bashCompletion(model *kong.Application) string {
	var b strings.Builder
	b.WriteString(`# bash completion of respin; made by: respin completion bash
_respin() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb="" word i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$verb $word" in
`)
	for _, n := range nodes(model.Node)[1:] {
		parent := verbPath(n.Parent)
		fmt.Fprintf(&b, "        %q) verb=%q ;;\n", parent+" "+n.Name, verbPath(n))
	}
	b.WriteString("        esac\n    done\n    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n    [[ $cur == = ]] && cur=\"\"\n    local words=\"\" files=\"\"\n    case \"$verb:$prev\" in\n")
	for _, n := range nodes(model.Node) {
		for _, f := range completeFlags(model, n) {
			if f.IsBool() {
				continue
			}
			list, files := values(f.Value)
			pattern := fmt.Sprintf("%q", verbPath(n)+":--"+f.Name)
			if f.Short != 0 {
				pattern += fmt.Sprintf("|%q", verbPath(n)+":-"+string(f.Short))
			}
			fmt.Fprintf(&b, "    %s) words=%q files=%s ;;\n", pattern, strings.Join(list, " "), yes(files))
		}
	}
	b.WriteString("    *)\n        case \"$verb\" in\n")
	for _, n := range nodes(model.Node) {
		list, files := argValues(n)
		var flags []string
		for _, f := range completeFlags(model, n) {
			flags = append(flags, "--"+f.Name)
		}
		fmt.Fprintf(&b, "        %q)\n            words=%q files=%s\n            [[ $cur == -* ]] && words=%q files=\"\"\n            ;;\n",
			verbPath(n), strings.Join(list, " "), yes(files), strings.Join(flags, " "))
	}
	b.WriteString(`        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur"; [[ -n $files ]] && compgen -f -- "$cur")
    [[ -n $files ]] && compopt -o filenames
    return 0
}
complete -F _respin respin
`)
	return b.String()
}

func yes(on bool) string {
	if on {
		return "1"
	}
	return `""`
}

// zshCompletion describes verbs and flags in the menus of zsh.
func zshCompletion(model *kong.Application) string {
	var b strings.Builder
	b.WriteString("#compdef respin\n# zsh completion of respin; made by: respin completion zsh\n_respin() {\n    local verb=\"\" word i\n    for ((i = 2; i < CURRENT; i++)); do\n        case \"$verb ${words[i]}\" in\n")
	for _, n := range nodes(model.Node)[1:] {
		fmt.Fprintf(&b, "        %q) verb=%q ;;\n", verbPath(n.Parent)+" "+n.Name, verbPath(n))
	}
	b.WriteString("        esac\n    done\n    case \"$verb:${words[CURRENT-1]}\" in\n")
	for _, n := range nodes(model.Node) {
		for _, f := range completeFlags(model, n) {
			if f.IsBool() {
				continue
			}
			list, files := values(f.Value)
			pattern := fmt.Sprintf("%q", verbPath(n)+":--"+f.Name)
			if f.Short != 0 {
				pattern += fmt.Sprintf("|%q", verbPath(n)+":-"+string(f.Short))
			}
			act := "_message value"
			switch {
			case files:
				act = "_files"
			case len(list) > 0:
				act = "compadd -- " + strings.Join(list, " ")
			}
			fmt.Fprintf(&b, "    %s) %s; return ;;\n", pattern, act)
		}
	}
	b.WriteString("    esac\n    local -a verbs flags\n    case \"$verb\" in\n")
	for _, n := range nodes(model.Node) {
		var verbs, flags []string
		for _, c := range n.Children {
			verbs = append(verbs, zshItem(c.Name, c.Help))
		}
		list, files := argValues(n)
		for _, v := range list[len(n.Children):] {
			verbs = append(verbs, zshItem(v, ""))
		}
		for _, f := range completeFlags(model, n) {
			flags = append(flags, zshItem("--"+f.Name, f.Help))
		}
		fmt.Fprintf(&b, "    %q)\n        verbs=(%s)\n        flags=(%s)\n        [[ ${words[CURRENT]} == -* ]] && { _describe flag flags; return; }\n        (( $#verbs )) && _describe argument verbs\n",
			verbPath(n), strings.Join(verbs, " "), strings.Join(flags, " "))
		if files {
			b.WriteString("        _files\n")
		}
		b.WriteString("        ;;\n")
	}
	b.WriteString("    esac\n}\nif [[ $funcstack[1] == _respin ]]; then _respin \"$@\"; else compdef _respin respin; fi\n")
	return b.String()
}

// zshItem is "name:help" as _describe reads it, in single quotes.
func zshItem(name, help string) string {
	text := strings.ReplaceAll(name, ":", `\:`)
	if help != "" {
		text += ":" + help
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func fishCompletion(model *kong.Application) string {
	var b strings.Builder
	b.WriteString("# fish completion of respin; made by: respin completion fish\nfunction __respin_verb\n    set -l verb ''\n    for word in (commandline -opc)[2..-1]\n        switch \"$verb $word\"\n")
	for _, n := range nodes(model.Node)[1:] {
		fmt.Fprintf(&b, "            case %s\n                set verb %s\n", fishQuote(verbPath(n.Parent)+" "+n.Name), fishQuote(verbPath(n)))
	}
	b.WriteString("        end\n    end\n    test \"$verb\" = \"$argv[1]\"\nend\ncomplete -c respin -f\n")
	for _, n := range nodes(model.Node) {
		when := fishQuote("__respin_verb " + fishQuote(verbPath(n)))
		for _, c := range n.Children {
			fmt.Fprintf(&b, "complete -c respin -n %s -a %s -d %s\n", when, c.Name, fishQuote(c.Help))
		}
		list, files := argValues(n)
		if list = list[len(n.Children):]; len(list) > 0 {
			fmt.Fprintf(&b, "complete -c respin -n %s -a %s\n", when, fishQuote(strings.Join(list, " ")))
		}
		if files {
			fmt.Fprintf(&b, "complete -c respin -n %s -F\n", when)
		}
		for _, f := range completeFlags(model, n) {
			fmt.Fprintf(&b, "complete -c respin -n %s -l %s", when, f.Name)
			if f.Short != 0 {
				fmt.Fprintf(&b, " -s %c", f.Short)
			}
			if !f.IsBool() {
				list, files := values(f.Value)
				if files {
					b.WriteString(" -r -F")
				} else {
					b.WriteString(" -x")
				}
				if len(list) > 0 {
					fmt.Fprintf(&b, " -a %s", fishQuote(strings.Join(list, " ")))
				}
			}
			fmt.Fprintf(&b, " -d %s\n", fishQuote(f.Help))
		}
	}
	return b.String()
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
