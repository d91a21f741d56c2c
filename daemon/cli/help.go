package cli

import (
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/fedora-respin/respin/internal/typo"
)

// explained is a verb with more to say than its one line.
type explained interface {
	// about is a paragraph or two, wrapped by the printer.
	about() string
	// examples are a few command lines, each with what it does.
	examples() []example
}

type example struct{ line, does string }

// told is what the verb of node says about itself.
func told(node *kong.Node) (about string, examples []example) {
	if !node.Target.IsValid() || !node.Target.CanAddr() {
		return "", nil
	}
	e, ok := reflect.TypeAssert[explained](node.Target.Addr())
	if !ok {
		return "", nil
	}
	return e.about(), e.examples()
}

// argName is a positional as usage lines show it: KIND, [SOURCE...].
func argName(p *kong.Positional) string {
	name := strings.ToUpper(p.Name)
	if p.IsSlice() {
		name += "..."
	}
	if !p.Required {
		name = "[" + name + "]"
	}
	return name
}

func usageLine(node *kong.Node) string {
	parts := []string{node.FullPath()}
	if !node.Leaf() {
		parts = append(parts, "VERB")
	}
	for _, p := range node.Positional {
		parts = append(parts, argName(p))
	}
	return strings.Join(append(parts, "[flags]"), " ")
}

// flagName is a flag as help shows it: "-f, --file=FILE".
func flagName(f *kong.Flag) string {
	name := "    --" + f.Name
	if f.Short != 0 {
		name = "-" + string(f.Short) + ", --" + f.Name
	}
	if f.Tag != nil && f.Tag.Negatable != "" {
		name = strings.Replace(name, "--", "--[no-]", 1)
	}
	if !f.IsBool() {
		name += "=" + flagValue(f)
		if f.IsSlice() || f.IsMap() {
			name += " ..."
		}
	}
	return name
}

func flagValue(f *kong.Flag) string {
	if f.PlaceHolder != "" {
		return f.PlaceHolder
	}
	if f.Enum != "" {
		return strings.ReplaceAll(strings.TrimPrefix(f.Enum, ","), ",", "|") // an empty first choice is "not given"
	}
	return strings.ToUpper(f.Name)
}

func flagHelp(f *kong.Flag) string {
	text := f.Help
	if f.HasDefault && f.Default != "" && !f.IsBool() && !strings.Contains(strings.ToLower(text), "default") {
		text = strings.TrimSuffix(text, ".") + " (default " + f.Default + ")."
	}
	return text
}

// ownFlags are the flags of the verb, globalFlags those of every verb.
func ownFlags(node *kong.Node) []*kong.Flag {
	var list []*kong.Flag
	for n := node; n != nil && n.Type != kong.ApplicationNode; n = n.Parent {
		for _, f := range n.Flags {
			if !f.Hidden {
				list = append(list, f)
			}
		}
	}
	return list
}

func globalFlags(model *kong.Application) []*kong.Flag { return model.Flags }

// help prints what node does, how, and with which flags.
func (a *app) help(node *kong.Node) {
	if node.Type == kong.ApplicationNode {
		a.overview()
		return
	}
	about, examples := told(node)
	a.printf("%s\n\nUsage: %s\n", node.Help, usageLine(node))
	if about != "" {
		a.printf("\n%s\n", wrap(about, "", 80))
	}
	if len(node.Positional) > 0 {
		a.heading("Arguments")
		var rows [][2]string
		for _, p := range node.Positional {
			rows = append(rows, [2]string{argName(p), p.Help})
		}
		a.columns(rows)
	}
	if !node.Leaf() {
		a.heading("Verbs")
		var rows [][2]string
		for _, c := range node.Children {
			rows = append(rows, [2]string{c.Name, c.Help})
		}
		a.columns(rows)
	}
	if flags := ownFlags(node); len(flags) > 0 {
		a.heading("Flags")
		a.columns(flagRows(flags))
	}
	if len(examples) > 0 {
		a.heading("Examples")
		for i, e := range examples {
			if i > 0 {
				a.printf("\n")
			}
			a.printf("%s\n    %s\n", wrap(e.does, "  # ", 80), e.line)
		}
	}
	a.heading("Flags of every verb")
	a.columns(flagRows(globalFlags(a.model)))
}

func flagRows(flags []*kong.Flag) [][2]string {
	var rows [][2]string
	for _, f := range flags {
		rows = append(rows, [2]string{flagName(f), flagHelp(f)})
	}
	return rows
}

func (a *app) heading(text string) {
	a.printf("\n%s\n", paint(a.outColor, colorBold, text+":"))
}

// columns prints names and texts side by side; a long name has its text below.
func (a *app) columns(rows [][2]string) {
	const most = 30
	width := 0
	for _, r := range rows {
		if len(r[0]) <= most {
			width = max(width, len(r[0]))
		}
	}
	for _, r := range rows {
		indent := strings.Repeat(" ", width+4)
		text := strings.TrimPrefix(wrap(r[1], indent, 96), indent)
		switch {
		case text == "":
			a.printf("  %s\n", r[0])
		case len(r[0]) > width:
			a.printf("  %s\n%s%s\n", r[0], indent, text)
		default:
			a.printf("  %-*s  %s\n", width, r[0], text)
		}
	}
}

// overview is what respin alone says.
func (a *app) overview() {
	a.printf("%s\n\nUsage: respin VERB [ARGUMENT...] [flags]\n", wrap(a.model.Help, "", 80))
	for _, g := range groups() {
		a.heading(g.Title)
		var rows [][2]string
		for _, n := range a.model.Children {
			if n.Group == nil || n.Group.Key != g.Key {
				continue
			}
			name := n.Name
			if !n.Leaf() {
				var verbs []string
				for _, c := range n.Children {
					verbs = append(verbs, c.Name)
				}
				name += " " + strings.Join(verbs, "|")
			}
			rows = append(rows, [2]string{name, n.Help})
		}
		a.columns(rows)
	}
	a.printf(`
A first image, with a daemon of one's own:
    respin serve &
    respin build remaster FEDORA-2026-1a2b3c4d5e --base-iso boot.iso --wait

respin VERB --help explains a verb, with examples.
`)
}

// wrap breaks text into lines of at most width columns, each with the indent;
// empty lines separate paragraphs.
func wrap(text, indent string, width int) string {
	var out []string
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		line := ""
		for word := range strings.FieldsSeq(paragraph) {
			if line != "" && len(indent)+len(line)+1+len(word) > width {
				out = append(out, indent+line)
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		if line != "" {
			out = append(out, indent+line)
		}
		out = append(out, "")
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n")
}

func verbNames(node *kong.Node) []string {
	var names []string
	for _, c := range node.Children {
		names = append(names, c.Name)
	}
	return names
}

func flagNames(model *kong.Application, node *kong.Node) []string {
	var names []string
	for _, f := range completeFlags(model, node) {
		names = append(names, "--"+f.Name)
	}
	return names
}

// didYouMean names the word that is spelled most alike, if one is.
func didYouMean(word string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		d := typo.Distance(word, name)
		if d < least || len(word) >= 3 && strings.HasPrefix(name, word) && best == "" {
			best, least = name, min(d, least)
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + quote(best) + "?"
}
