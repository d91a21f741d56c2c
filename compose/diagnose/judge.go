package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Verdict is what Read found out.
type Verdict struct {
	Code     Code       `json:"code"`
	Stage    string     `json:"stage,omitempty"` // as given in Facts
	Sentence string     `json:"sentence"`
	Evidence []Evidence `json:"evidence"`         // at most three lines, in the order of the logs
	Remedy   string     `json:"remedy,omitempty"` // what to do
	Tool     string     `json:"tool,omitempty"`   // whose words the cause was recognized by
	Rule     string     `json:"rule,omitempty"`   // the name of the rule; empty: known from Facts, or not known
	// Others are the further causes that showed: what followed from the cause,
	// and what might have been one. The surest come first.
	Others []Other `json:"others,omitempty"`
	Lines  int64   `json:"lines"` // how many were read
	// Partial names the logs of which not all could be read.
	Partial []string `json:"partial,omitempty"`
}

// Evidence is one line of a log. As text it reads file:line: text.
type Evidence struct {
	File string
	Line int
	Text string
}

// String returns file:line: text.
func (e Evidence) String() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// MarshalText implements encoding.TextMarshaler.
func (e Evidence) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// Other is a cause that was not taken for the root.
type Other struct {
	Code Code     `json:"code"`
	Rule string   `json:"rule"`
	Line Evidence `json:"line"`
}

// maxEvidence is how many lines a Verdict shows; maxOthers how many causes.
const (
	maxEvidence = 3
	maxOthers   = 5
)

// judge chooses among what all logs showed.
type judge struct {
	*Classifier
	scans []*scan
	facts Facts
	hits  []*hit // the causes that count, the surest first
	signs []*hit // the symptoms, in the order of the logs
}

func (j *judge) verdict() *Verdict {
	j.collect(false)
	if len(j.hits) == 0 && j.facts.Exit != 0 {
		j.collect(true)
	}
	if len(j.hits) == 0 && j.failed() {
		j.hits = j.alone()
	}
	v := &Verdict{Stage: j.facts.Stage, Evidence: []Evidence{}}
	for _, s := range j.scans {
		v.Lines += int64(s.lines)
		if s.cut {
			v.Partial = append(v.Partial, s.name)
		}
	}
	root := j.root()
	if !j.byFacts(v, root) {
		if root == nil {
			j.unknown(v)
		} else {
			j.known(v, root)
		}
	}
	if v.Remedy == "" {
		v.Remedy = info(v.Code).Remedy
	}
	v.Sentence = clip(j.mask(v.Sentence), maxText)
	for _, h := range j.hits {
		if h != root && len(v.Others) < maxOthers {
			v.Others = append(v.Others, Other{h.code, h.name, j.evidence(h.line)})
		}
	}
	return v
}

// collect takes the hits of all logs that count; with past also those of before
// a tool's success.
func (j *judge) collect(past bool) {
	j.hits, j.signs = nil, nil
	names := map[string]bool{}
	var all []*hit
	for _, s := range j.scans {
		for _, h := range s.hits {
			all = append(all, h)
		}
		if past {
			all = append(all, s.past...)
		}
	}
	gaveUp := false
	for _, h := range all {
		names[h.name] = true
		gaveUp = gaveUp || !h.retried && !h.more.reason && (h.code == FetchFailed || h.code == ChecksumMismatch)
	}
	for _, h := range all {
		switch {
		case h.code == "":
			j.signs = append(j.signs, h)
		case h.more.confirm != "" && !slices.ContainsFunc(strings.Split(h.more.confirm, "|"), func(n string) bool { return names[n] }):
		case h.more.unless != "" && j.overcome(h), h.retried && !gaveUp:
		case h.weight >= likely:
			j.hits = append(j.hits, h)
		}
	}
	slices.SortFunc(j.signs, func(a, b *hit) int { return cmp.Compare(a.line.at(), b.line.at()) })
	slices.SortFunc(j.hits, func(a, b *hit) int {
		return cmp.Or(-cmp.Compare(a.score(), b.score()), cmp.Compare(a.line.at(), b.line.at()), strings.Compare(a.name, b.name))
	})
}

// alone are the hits that may be the cause when a failure shows no other, as
// downloads that were tried again, when the log ends without saying how that went.
func (j *judge) alone() []*hit {
	var out []*hit
	for _, s := range j.scans {
		for _, h := range s.hits {
			if h.more.alone || h.retried && h.code != "" && j.facts.Exit != 0 {
				out = append(out, h)
			}
		}
	}
	return out
}

// failed says whether there was a failure, as far as that can be known.
func (j *judge) failed() bool {
	return j.facts.Exit != 0 || j.facts.Signal != 0 || !slices.ContainsFunc(j.scans, func(s *scan) bool { return s.done })
}

// overcome says whether the log went on to say that a hit does not matter. A
// repository that was ignored matters after all when something is then missing.
func (j *judge) overcome(h *hit) bool {
	if j.skipped(h) {
		return false
	}
	for name := range strings.SplitSeq(h.more.unless, "|") {
		for _, other := range j.scans[h.line.log].hits {
			if other.name == name && other.last >= h.line.num {
				return true
			}
		}
	}
	return false
}

// skipped says whether a hit is about a repository that was then ignored, and
// something was missing after that.
func (j *judge) skipped(h *hit) bool {
	var ignored *hit
	for _, other := range j.scans[h.line.log].hits {
		if other.name == repoIgnored && strings.Contains(h.more.unless, repoIgnored) && other.last >= h.line.num {
			ignored = other
		}
	}
	if ignored == nil {
		return false
	}
	for _, s := range j.scans {
		for _, other := range s.hits {
			if missing(other.code) && other.weight >= strong && (other.line.log != ignored.line.log || other.last >= ignored.line.num) {
				return true
			}
		}
	}
	return false
}

// missing says of a cause that a repository which was not read may explain it.
func missing(c Code) bool {
	return c == PackageNotFound || c == GroupNotFound
}

// root is the surest hit, or what explains it.
func (j *judge) root() *hit {
	if len(j.hits) == 0 {
		return nil
	}
	root := j.hits[0]
	visited := map[Code]bool{root.code: true}
	for range len(j.hits) {
		at := slices.IndexFunc(j.hits, func(h *hit) bool { return !visited[h.code] && j.explains(h, root) })
		if at < 0 {
			break
		}
		root = j.hits[at]
		visited[root.code] = true
	}
	return root
}

// explains says whether b follows from a: by their nature, and because a did
// not come after it. What only says that something failed may come first.
func (j *judge) explains(a, b *hit) bool {
	if !slices.Contains(j.because[a.code], b.code) && (!j.skipped(a) || !missing(b.code)) {
		return false
	}
	follows := b.code == TransactionFailed || b.code == TemplateError || b.code == Killed
	return follows || a.line.log != b.line.log || a.line.num <= b.last
}

// known fills in what a rule recognized.
func (j *judge) known(v *Verdict, root *hit) {
	v.Code, v.Rule, v.Remedy, v.Tool = root.code, root.name, root.remedy, root.tool
	if v.Tool == "" {
		v.Tool = j.facts.Tool
	}
	v.Sentence = strings.TrimSpace(expand(root.sentence, root.values))
	if root.more.grave && len(root.values) == 0 { // words of no tool in particular: what it says
		v.Sentence += " The log says: " + trimDetail(root.line.text) + "."
	}
	if why := j.reason(root); why != nil {
		v.Sentence += " " + strings.TrimSpace(expand(why.sentence, why.values))
		v.Remedy = cmp.Or(v.Remedy, why.remedy)
	}
	v.Evidence = j.lines(root)
}

// reason is the surest hit that says why of the root, when the root does not: why
// no mirror had a file, say.
func (j *judge) reason(root *hit) *hit {
	at := slices.IndexFunc(j.hits, func(h *hit) bool {
		return h.more.reason && h.code == root.code && h.line.log == root.line.log && h.line.num <= root.last+1
	})
	if at < 0 || root.more.reason {
		return nil
	}
	return j.hits[at]
}

// lines chooses the evidence: the line itself, what belongs to it, and how the
// failure went on from there to the tool's end.
func (j *judge) lines(root *hit) []Evidence {
	chosen := []place{root.line}
	add := func(p place) {
		if len(chosen) < maxEvidence && p.text != "" && !slices.ContainsFunc(chosen, func(c place) bool { return c.at() == p.at() || c.text == p.text }) {
			chosen = append(chosen, p)
		}
	}
	if root.more.before {
		add(root.before)
	}
	if why := j.reason(root); why != nil {
		add(why.line)
	}
	for _, p := range root.after[:min(len(root.after), max(root.more.after, btoi(root.more.detail)))] {
		add(p)
	}
	for _, h := range j.signs {
		if h.line.log != root.line.log || h.line.num > root.line.num {
			add(h.line)
		}
	}
	for _, h := range j.hits {
		if h.code == root.code || slices.Contains(j.because[root.code], h.code) {
			add(h.line)
		}
	}
	for _, p := range j.scans[root.line.log].lastWrong() {
		if p.num > root.line.num {
			add(p)
		}
	}
	add(root.before)
	for s, i := j.scans[root.line.log], 0; i < s.filled; i++ {
		add(s.words(i))
	}
	return j.sorted(chosen)
}

func (j *judge) sorted(list []place) []Evidence {
	slices.SortFunc(list, func(a, b place) int { return cmp.Compare(a.at(), b.at()) })
	out := make([]Evidence, len(list))
	for i, p := range list {
		out[i] = j.evidence(p)
	}
	return out
}

func (j *judge) evidence(p place) Evidence {
	return Evidence{File: j.scans[p.log].name, Line: p.num, Text: clip(j.mask(p.text), maxText)}
}

// unknown says so, with the last words that look like an error, else the last.
func (j *judge) unknown(v *Verdict) {
	v.Code, v.Tool = Unknown, j.facts.Tool
	words, wrong := j.lastWords()
	v.Evidence = j.sorted(slices.Clone(words))
	last := ""
	for _, p := range words { // rather the tool's own words than how they spread
		spread := strings.Contains(p.text, "Traceback (most recent call last)") || slices.ContainsFunc(j.signs, func(h *hit) bool { return h.line.at() == p.at() })
		if last == "" || !spread {
			last = trimDetail(p.text)
		}
	}
	succeeded := j.facts.Exit == 0 && j.facts.Signal == 0 && slices.ContainsFunc(j.scans, func(s *scan) bool { return s.done })
	switch {
	case succeeded:
		v.Sentence = "The logs show no failure: the tool says that it succeeded."
		v.Remedy = "Nothing is to be done, unless the log of what failed is missing here."
	case wrong:
		v.Sentence = "The cause is not known; the last error says: " + last + "."
	case last != "":
		v.Sentence = "The cause is not known, and the logs name no error; the last line says: " + last + "."
	default:
		v.Sentence = "The cause is not known: the logs are empty."
	}
}

// lastWords are the last lines that look like errors, of the log that has the
// most telling ones; without any, the last lines there are.
func (j *judge) lastWords() (words []place, wrong bool) {
	for _, h := range j.signs {
		words = append(append(words, h.line), h.after...) // after: the command that mock ran, say
	}
	if len(words) > 0 { // the tool's own last words, with what stands before the first
		first := words[0]
		for _, p := range j.scans[first.log].lastWrong() {
			if p.num < first.num {
				words = append(words, p)
			}
		}
		return j.lastOf(words), true
	}
	for _, s := range j.scans {
		words = append(words, s.lastWrong()...)
	}
	if len(words) > 0 {
		return j.lastOf(words), true
	}
	for _, s := range slices.Backward(j.scans) {
		if s.filled > 0 {
			for i := range s.filled {
				words = append(words, s.words(i))
			}
			return words, false
		}
	}
	return nil, false
}

func (j *judge) lastOf(list []place) []place {
	slices.SortStableFunc(list, func(a, b place) int { return cmp.Compare(a.at(), b.at()) })
	slices.Reverse(list) // of what stands on one line, the last
	list = slices.CompactFunc(list, func(a, b place) bool { return a.at() == b.at() })
	slices.Reverse(list)
	return list[max(0, len(list)-maxEvidence):]
}

// detailPrefix is what loggers put before their message.
var detailPrefix = regexp.MustCompile(`^(?:\[[^\]]{1,40}\]:?\s+)?(?:\d{4}-\d\d-\d\d[ T])?(?:\d\d:\d\d:\d\d(?:[.,]\d+)?:?\s+)?(?:[|]\s+)?(?:(?:DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|CRITICAL|CRT)\b:?\s+)?(?:[\w.:]+:\d*:?\s+)?(?:[|-]\s+)?`)

// trimDetail takes from a line what its logger put before it, and the full stop.
func trimDetail(s string) string {
	if short := s[len(detailPrefix.FindString(s)):]; len(short) >= 12 {
		s = short
	}
	return clipMiddle(strings.TrimRight(strings.TrimSpace(s), " .:;"), 240)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
