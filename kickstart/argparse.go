package kickstart

import (
	"slices"
	"strings"
)

// argError is why a line does not fit its table.
type argError struct {
	code   Code
	arg    int // index of the word that is to blame, or -1
	msg    string
	remedy string
}

// argParser reads words by option specs, with the rules of Python's argparse:
// "--option value" and "--option=value", unique prefixes of options, options
// and positionals in any order.
type argParser struct {
	options     []*optionSpec
	positionals []*optionSpec
	words       []string
	kinds       []byte // per word: 'O' option, 'A' argument, '-' the end-of-options marker
	found       []match
	seen        map[*optionSpec]bool
	out         *Arguments
	err         *argError
	deprecated  func(o *optionSpec, word int)
}

// match is what a word that looks like an option stands for.
type match struct {
	spec     *optionSpec // nil: no such option
	inline   string
	inlineOK bool // the word was --option=value
}

// parseArgs reads words. Words without a place end in Arguments.extra. deprecated,
// when not nil, is called for each deprecated option that is used.
func parseArgs(specs []*optionSpec, words []string, deprecated func(*optionSpec, int)) (*Arguments, *argError) {
	p := &argParser{
		words: words, deprecated: deprecated, seen: map[*optionSpec]bool{},
		out: &Arguments{specs: specs, values: map[string]value{}},
	}
	for _, s := range specs {
		if s.positional() {
			p.positionals = append(p.positionals, s)
		} else {
			p.options = append(p.options, s)
		}
	}
	if !p.classify() {
		return nil, p.err
	}
	if !p.run() {
		return nil, p.err
	}
	var missing []string
	for _, s := range specs {
		if s.required && !p.seen[s] {
			missing = append(missing, s.label())
		}
	}
	if missing != nil {
		return nil, &argError{CodeMissingOption, -1, "the following arguments are required: " + strings.Join(missing, ", "), ""}
	}
	return p.out, nil
}

func (p *argParser) fail(code Code, word int, msg string) bool {
	p.err = &argError{code, word, msg, ""}
	return false
}

// classify decides for each word whether it is an option.
func (p *argParser) classify() bool {
	p.kinds = make([]byte, len(p.words))
	p.found = make([]match, len(p.words))
	for i, w := range p.words {
		if w == "--" {
			p.kinds[i] = '-'
			for j := i + 1; j < len(p.words); j++ {
				p.kinds[j] = 'A'
			}
			return true
		}
		isOption, ok := p.option(i, w)
		if !ok {
			return false
		}
		p.kinds[i] = 'A'
		if isOption {
			p.kinds[i] = 'O'
		}
	}
	return true
}

// option finds what word i stands for if it looks like an option.
func (p *argParser) option(i int, w string) (isOption, ok bool) {
	if len(w) < 2 || w[0] != '-' {
		return false, true
	}
	name, inline, hasInline := strings.Cut(w, "=")
	m := match{inline: inline, inlineOK: hasInline}
	if m.spec = p.named(w); m.spec != nil {
		m.inline, m.inlineOK = "", false
	} else if m.spec = p.named(name); m.spec == nil {
		var names []string
		if m.spec, names = p.prefixed(name); len(names) > 1 {
			return false, p.fail(CodeUnknownOption, i, "ambiguous option: "+w+" could match "+strings.Join(names, ", "))
		}
	}
	if m.spec == nil && (negativeNumber(w) || strings.Contains(w, " ")) {
		return false, true
	}
	if m.spec != nil && m.spec.deprecated && p.deprecated != nil {
		p.deprecated(m.spec, i)
	}
	p.found[i] = m
	return true, true
}

func (p *argParser) named(name string) *optionSpec {
	for _, o := range p.options {
		for n := range strings.SplitSeq(o.names, " ") {
			if n == name {
				return o
			}
		}
	}
	return nil
}

// prefixed finds the options that name abbreviates.
func (p *argParser) prefixed(name string) (*optionSpec, []string) {
	if !strings.HasPrefix(name, "--") {
		return nil, nil
	}
	var spec *optionSpec
	var names []string
	for _, o := range p.options {
		for n := range strings.SplitSeq(o.names, " ") {
			if strings.HasPrefix(n, name) {
				spec = o
				names = append(names, n)
			}
		}
	}
	return spec, names
}

// negativeNumber tells -5 and -.5 from options.
func negativeNumber(w string) bool {
	digits, frac, dot := strings.Cut(w[1:], ".")
	if !dot {
		return allDigits(digits) && digits != ""
	}
	return allDigits(digits) && allDigits(frac) && frac != ""
}

func allDigits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// run gives the words to options and positionals.
func (p *argParser) run() bool {
	i, last := 0, -1
	for j, k := range p.kinds {
		if k == 'O' {
			last = j
		}
	}
	for i <= last {
		next := i
		for p.kinds[next] != 'O' {
			next++
		}
		if next != i {
			end, ok := p.takePositionals(i)
			if !ok {
				return false
			}
			if end > i {
				i = end
				continue
			}
			p.out.extra = append(p.out.extra, p.words[i:next]...)
			i = next
		}
		end, ok := p.takeOption(i)
		if !ok {
			return false
		}
		i = end
	}
	end, ok := p.takePositionals(i)
	if ok {
		p.out.extra = append(p.out.extra, p.words[end:]...)
	}
	return ok
}

// takeOption stores the option at word i and returns the word after its values.
func (p *argParser) takeOption(i int) (int, bool) {
	m := p.found[i]
	if m.spec == nil {
		p.out.extra = append(p.out.extra, p.words[i])
		return i + 1, true
	}
	o := m.spec
	if m.inlineOK {
		if o.arity == arityFlag {
			return 0, p.fail(CodeBadValue, i, "argument "+o.label()+": ignored explicit argument "+repr(m.inline))
		}
		words := []string{m.inline}
		if m.inline == "--" {
			words = nil // Python 3.11 takes this value for the end-of-options marker
		}
		return i + 1, p.store(o, words, i)
	}
	n := 0
	for i+1+n < len(p.words) && p.kinds[i+1+n] == 'A' && (o.arity == arityAny || n == 0) && o.arity != arityFlag {
		n++
	}
	if n == 0 && (o.arity == arityOne || o.arity == arityList1) {
		return 0, p.fail(CodeBadValue, i, "argument "+o.label()+": expected one argument")
	}
	return i + 1 + n, p.store(o, p.words[i+1:i+1+n], i)
}

// takePositionals gives the run of arguments at word i to as many positionals
// as it can fill, and returns the word after them.
func (p *argParser) takePositionals(i int) (int, bool) {
	run := 0
	for i+run < len(p.words) && p.kinds[i+run] != 'O' {
		run++
	}
	counts := fill(p.positionals, p.kinds[i:i+run])
	for k, n := range counts {
		args := slices.Clone(p.words[i : i+n])
		if j := slices.Index(args, "--"); j >= 0 {
			args = slices.Delete(args, j, j+1)
		}
		if !p.store(p.positionals[k], args, i) {
			return 0, false
		}
		i += n
	}
	p.positionals = p.positionals[len(counts):]
	return i, true
}

// fill says how many words each positional takes: the longest list of
// positionals that the run can satisfy, each as greedy as it can be.
func fill(specs []*optionSpec, run []byte) []int {
	for n := len(specs); n > 0; n-- {
		if counts, ok := fillAll(specs[:n], run); ok {
			return counts
		}
	}
	return nil
}

func fillAll(specs []*optionSpec, run []byte) ([]int, bool) {
	if len(specs) == 0 {
		return nil, true
	}
	minArgs, maxArgs := 1, 1
	switch specs[0].arity {
	case arityAny:
		minArgs, maxArgs = 0, len(run)
	case arityMaybe:
		minArgs = 0
	default:
	}
	n, args := 0, 0
	for n < len(run) && (run[n] != 'A' || args < maxArgs) {
		if run[n] == 'A' {
			args++
		}
		n++
	}
	for ; args >= minArgs; n-- {
		if rest, ok := fillAll(specs[1:], run[n:]); ok {
			return append([]int{n}, rest...), true
		}
		if n == 0 {
			break
		}
		if run[n-1] == 'A' {
			args--
		}
	}
	return nil, false
}
