package diagnose

import (
	"fmt"
	"regexp"
	"strings"
)

// The tools whose words the rules know. Empty: the words of many.
const (
	lorax     = "lorax"
	livemedia = "livemedia-creator"
	anaconda  = "anaconda"
	dnf       = "dnf"
	rpm       = "rpm"
	mock      = "mock"
	xorriso   = "xorriso"
	kiwi      = "kiwi"
	koji      = "koji"
	kernel    = "kernel"
)

// Weights. A cause below likely counts only together with what confirms it.
const (
	certain = 95 // says the cause itself, and nothing else says it so
	fatal   = 85 // the tool's last words about it
	strong  = 75
	likely  = 60 // might have been overcome; something better is preferred
	hint    = 40
	symptom = 0 // follows from a cause, or confirms one
)

// repoIgnored is the rule that knows of repositories which the package manager
// went on without.
const repoIgnored = "repo-ignored"

// begin stands for the start of a line, after the time that its writer put there.
const begin = `^[\[\]\d:.,TZs+|/\s-]*`

// rule is one line of the table: a form of words that stands for a cause.
type rule struct {
	name   string // stable, for Verdict.Rule and for confirm
	code   Code   // empty: a symptom
	tool   string
	weight int
	keys   string // a line must hold one of these (| between them) before pattern is tried
	// pattern is an expression of package regexp. Its named groups may stand in
	// sentence as {name}; a part in [ ] falls away when its group is empty.
	pattern  string
	sentence string
	remedy   string // empty: the code's
	more     extra
}

// extra is what few rules need.
type extra struct {
	list    bool   // also in items of lists, where prose stands elsewhere
	confirm string // counts only when one of these rules (| between them) matched too
	unless  string // does not count when one of these matched in the same log later; of done, before
	before  bool   // the line before belongs to the evidence
	after   int    // so many lines after belong to the evidence
	alone   bool   // counts without its confirm too when a failed log shows nothing else
	detail  bool   // {detail} in sentence is the first meaningful line after
	grave   bool   // not in lines that call themselves a warning
	reason  bool   // says why of what other rules of its code only say that
	done    bool   // the tool has succeeded: what the log said before was overcome
}

// compiled is a rule made ready.
type compiled struct {
	*rule
	re    *regexp.Regexp
	names []string
}

// rules is the whole table.
func rules() []rule {
	var all []rule
	for _, part := range [][]rule{
		diskRules(), memoryRules(), packageRules(), solverRules(), fetchRules(), signatureRules(), transactionRules(),
		hostRules(), permissionRules(), imageRules(), kickstartRules(), loraxRules(), livemediaRules(), mockRules(), kiwiRules(), xorrisoRules(), usageRules(), builderRules(), wordRules(), langRules(), symptomRules(),
	} {
		all = append(all, part...)
	}
	return all
}

func (r *rule) words() []string { return strings.Split(strings.ToLower(r.keys), "|") }

func compile(list []rule) ([]compiled, *keySet) {
	out := make([]compiled, len(list))
	keys := make([][]string, len(list), len(list)+2)
	for i := range list {
		r := &list[i]
		re := regexp.MustCompile(r.pattern)
		out[i] = compiled{r, re, re.SubexpNames()}
		keys[i] = r.words()
	}
	// The owners after the last rule: lines that look like errors, and like noise.
	return out, newKeySet(append(keys, strings.Split(errorWords, "|"), strings.Split(noiseWords, "|")))
}

// errorWords are in the lines that an unknown failure is described with.
const errorWords = "error|problem |fail|fatal|critical|traceback|exception|cannot|can't|could not|unable|abort|denied|missing|invalid|not found|refus|erreur|fehler|шибка|エラー|错误"

// values are the groups that matched, by name.
func (c *compiled) values(line []byte, groups []int) map[string]string {
	var out map[string]string
	for i, name := range c.names {
		if name == "" || groups[2*i] < 0 {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		if v := clip(oneLine(printable(line[groups[2*i]:groups[2*i+1]])), 240); v != "" {
			out[name] = strings.TrimRight(v, " .:;,")
		}
	}
	return out
}

// oneLine ends a value where a line end was written out: by Python's repr, or by
// a system log (#012).
func oneLine(v string) string {
	v = strings.TrimSpace(strings.NewReplacer("#012#012", "", `\n\n`, "").Replace(v))
	for _, end := range []string{`\n`, "#012", "']", "', '"} {
		v, _, _ = strings.Cut(v, end)
	}
	return v
}

// expand puts values into a sentence.
func expand(sentence string, values map[string]string) string {
	var b strings.Builder
	for sentence != "" {
		open := strings.IndexAny(sentence, "[{")
		if open < 0 {
			b.WriteString(sentence)
			break
		}
		b.WriteString(sentence[:open])
		end := "]"
		if sentence[open] == '{' {
			end = "}"
		}
		inner, rest, ok := strings.Cut(sentence[open+1:], end)
		switch {
		case !ok:
			return b.String() + sentence[open:]
		case end == "}":
			b.WriteString(values[inner])
		case filled(inner, values):
			b.WriteString(expand(inner, values))
		}
		sentence = rest
	}
	return b.String()
}

// filled says whether the values that a part names are there.
func filled(part string, values map[string]string) bool {
	for {
		_, rest, ok := strings.Cut(part, "{")
		if !ok {
			return true
		}
		name, more, _ := strings.Cut(rest, "}")
		if values[name] == "" {
			return false
		}
		part = more
	}
}

// check finds slips in the table: a name twice, a confirm that names no rule, a
// value that no group gives.
func check(list []rule) error {
	names := map[string]bool{}
	for i := range list {
		if names[list[i].name] {
			return fmt.Errorf("rule %s stands twice", list[i].name)
		}
		names[list[i].name] = true
	}
	for i := range list {
		r := &list[i]
		for other := range strings.SplitSeq(r.more.confirm+"|"+r.more.unless, "|") {
			if other != "" && !names[other] {
				return fmt.Errorf("rule %s names %s, which is none", r.name, other)
			}
		}
		for _, part := range strings.Split(r.sentence, "{")[1:] {
			name, _, _ := strings.Cut(part, "}")
			given := strings.Contains(r.pattern, "(?P<"+name+">") || r.more.detail && name == "detail"
			if !given {
				return fmt.Errorf("rule %s: no group gives %s", r.name, name)
			}
		}
		if (r.code == "") != (r.weight == symptom) || r.code != "" && r.sentence == "" {
			return fmt.Errorf("rule %s: code, weight and sentence do not fit", r.name)
		}
	}
	return nil
}
