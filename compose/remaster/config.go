package remaster

import (
	"path"
	"slices"
	"strings"
)

// edits is what happens to the kernel arguments and to the volume id in every
// boot configuration.
type edits struct {
	oldVol, newVol string
	remove         []string // names
	add            []string // arguments, unquoted
	replace        []Replacement
}

// editsFor translates a job: inst.ks and inst.updates replace earlier ones, as
// mkksiso does.
func (r *run) edits() edits {
	e := edits{oldVol: r.base.info.VolumeID, newVol: r.volID(), remove: slices.Clone(r.RemoveArgs), add: slices.Clone(r.BootArgs), replace: r.Replace}
	label := "hd:LABEL=" + udevEscape(e.newVol) + ":/"
	if len(r.Kickstart) > 0 {
		e.remove = append(e.remove, "inst.ks")
		e.add = append(e.add, "inst.ks="+label+r.KickstartName)
	}
	if r.UpdatesImg != "" {
		e.remove = append(e.remove, "inst.updates")
		e.add = append(e.add, "inst.updates="+label+r.UpdatesName)
	}
	return e
}

// udevEscape writes a volume id as udev names it below /dev/disk/by-label, which
// is how the installer looks for it.
func udevEscape(label string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789#+-.:=@_"
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := range len(label) {
		if c := label[i]; strings.IndexByte(plain, c) >= 0 || c >= 0x80 {
			b.WriteByte(c)
		} else {
			b.WriteString(`\x` + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return b.String()
}

// dialect is the language of a boot configuration.
type dialect struct {
	commands []string            // that begin a kernel line; none: the whole file is one
	quote    func(string) string // how an argument is written
}

// dialectOf goes by the file's name.
func dialectOf(name string) dialect {
	switch base := strings.ToLower(path.Base(name)); {
	case base == "isolinux.cfg":
		return dialect{commands: []string{"append"}, quote: plainQuote}
	case base == "grub.conf":
		return dialect{commands: []string{"kernel"}, quote: plainQuote}
	case strings.HasSuffix(base, ".prm"):
		return dialect{quote: plainQuote}
	default: // GRUB 2
		return dialect{commands: []string{"linux", "linuxefi", "linux16"}, quote: grubQuote}
	}
}

// plainQuote is what the kernel itself understands: a value with blanks in
// double quotes.
func plainQuote(arg string) string {
	name, value, ok := strings.Cut(arg, "=")
	if !ok || !strings.Contains(value, " ") {
		return arg
	}
	return name + `="` + value + `"`
}

// grubQuote protects what GRUB's script language would take for itself. A
// backslash is left alone: Fedora's GRUB hands the \x20 of a label on.
func grubQuote(arg string) string {
	name, value, ok := strings.Cut(arg, "=")
	if !ok || !strings.ContainsAny(value, " $;&|<>{}#") {
		return arg
	}
	return name + `="` + strings.ReplaceAll(value, "$", `\$`) + `"`
}

// editConfig returns the changed configuration. A prm file is one command line
// broken into lines of 80 columns, everything else is edited line by line. Text
// is replaced first, as mkksiso does it, so that an argument that is added is
// never taken for one that was there.
func editConfig(name string, data []byte, e edits) []byte {
	text := string(data)
	d := dialectOf(name)
	if d.commands == nil {
		// Lines end anywhere between two arguments.
		text = strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
	}
	for _, x := range e.replace {
		text = strings.ReplaceAll(text, x.From, x.To)
	}
	text = e.renameVolume(text)
	if d.commands == nil {
		return []byte(wrap(e.apply(splitArgs(text), d.quote)))
	}
	var out strings.Builder
	for _, line := range joinContinued(text) {
		head, args, ok := d.kernelLine(line)
		if !ok {
			out.WriteString(line)
			continue
		}
		body := strings.TrimRight(args, "\r\n")
		end := args[len(body):]
		out.WriteString(head + strings.Join(e.apply(splitArgs(body), d.quote), " ") + end)
	}
	return []byte(out.String())
}

func hasKernelLine(name string, data []byte) bool {
	d := dialectOf(name)
	if d.commands == nil {
		return len(strings.Fields(string(data))) > 0
	}
	for _, line := range joinContinued(string(data)) {
		if _, _, ok := d.kernelLine(line); ok {
			return true
		}
	}
	return false
}

// joinContinued returns the lines with their ends; those that a backslash
// continues are one.
func joinContinued(text string) []string {
	var list []string
	open := ""
	for line := range strings.Lines(text) {
		if body, ok := strings.CutSuffix(strings.TrimRight(line, "\r\n"), `\`); ok {
			open += body
			continue
		}
		list = append(list, open+line)
		open = ""
	}
	if open != "" {
		list = append(list, open)
	}
	return list
}

// kernelLine splits "\tlinux /vmlinuz quiet\n" after the command and its blanks.
func (d dialect) kernelLine(line string) (head, args string, ok bool) {
	body := strings.TrimLeft(line, " \t")
	word := body
	if i := strings.IndexAny(body, " \t"); i >= 0 {
		word = body[:i]
	}
	if !slices.Contains(d.commands, strings.ToLower(word)) || word == body {
		return "", "", false
	}
	args = strings.TrimLeft(body[len(word):], " \t")
	return line[:len(line)-len(args)], args, true
}

// splitArgs splits at blanks outside of quotes and keeps the quotes.
func splitArgs(s string) []string {
	var list []string
	start, quote := -1, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == ' ' || c == '\t':
			if start >= 0 {
				list = append(list, s[start:i])
				start = -1
			}
			continue
		case c == '"' || c == '\'':
			quote = c
		}
		if start < 0 {
			start = i
		}
	}
	if start >= 0 {
		list = append(list, s[start:])
	}
	return list
}

// apply removes first and adds then. An argument that is there is not added
// twice; one whose name is there goes behind its namesake, so that the kernel
// sees them in the order of mkksiso.
func (e edits) apply(args []string, quote func(string) string) []string {
	out := slices.Clone(args)
	out = slices.DeleteFunc(out, func(a string) bool { return slices.Contains(e.remove, argName(a)) })
	for _, a := range e.add {
		a = quote(a)
		if slices.Contains(out, a) {
			continue
		}
		at := len(out)
		for i, have := range slices.Backward(out) {
			if argName(have) == argName(a) {
				at = i + 1
				break
			}
		}
		out = slices.Insert(out, at, a)
	}
	return out
}

func argName(arg string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, `"'`), "=")
	return strings.TrimRight(name, `"'`)
}

// renameVolume replaces the old volume id, plain and as udev escapes it, where
// it stands alone: "F44" is not replaced in "F44-x86_64".
func (e edits) renameVolume(text string) string {
	if e.oldVol == "" || e.oldVol == e.newVol {
		return text
	}
	if esc := udevEscape(e.oldVol); esc != e.oldVol {
		text = replaceWord(text, esc, udevEscape(e.newVol))
	}
	return replaceWord(text, e.oldVol, e.newVol)
}

const wordChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

func replaceWord(text, from, to string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, from)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := i + len(from)
		before := i > 0 && strings.IndexByte(wordChars, text[i-1]) >= 0
		after := end < len(text) && (strings.IndexByte(wordChars, text[end]) >= 0 || strings.HasPrefix(text[end:], `\x`))
		if before || after {
			b.WriteString(text[:i+1])
			text = text[i+1:]
			continue
		}
		b.WriteString(text[:i] + to)
		text = text[end:]
	}
}

// wrap breaks a command line at 80 columns, what the s390 loaders read.
func wrap(args []string) string {
	var b strings.Builder
	col := 0
	for i, a := range args {
		switch {
		case i == 0:
		case col+1+len(a) > 80:
			b.WriteByte('\n')
			col = 0
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(a)
		col += len(a)
	}
	b.WriteByte('\n')
	return b.String()
}
