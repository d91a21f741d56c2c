package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/koji"
)

// signedBy chooses for each RPM of the build the key whose signed copy is taken,
// "" for the unsigned copy. What a policy of require misses is a problem.
func (q *resolution) signedBy(c *chosen, answers map[int]*known) []string {
	keys := make([]string, len(c.rpms))
	if c.of.policy == SignaturesIgnore {
		return keys
	}
	q.relax(c, answers)
	var missing []string
	var others []string // keys that do not count
	for i := range c.rpms {
		r := &c.rpms[i]
		// A hub that cannot say has no signatures as far as anybody knows.
		sigs, _ := answers[r.ID].sigs.Get()
		key, rest := q.chooseKey(c.of, sigs)
		if keys[i] = key; key == "" {
			missing = append(missing, r.NVRA())
			others = append(others, rest...)
		}
	}
	if c.of.policy == SignaturesRequire && len(missing) > 0 {
		q.unsigned(c.of, "The build "+c.build.NVR, missing, others)
	}
	return keys
}

// relax gives up what nobody asked for in words where the hub knows no
// signatures at all, and no keyring could check any.
func (q *resolution) relax(c *chosen, answers map[int]*known) {
	s := c.of
	if _, named := q.req.namedPolicy(s.text); named || s.policy != SignaturesRequire || q.opts.Keys.Keyring != nil || len(c.rpms) == 0 {
		return
	}
	if _, err := answers[c.rpms[0].ID].sigs.Get(); noSuchMethod(err) {
		s.policy, s.info.Signatures = SignaturesPrefer, SignaturesPrefer
		q.warn(CodeSignatureRequired, s.field, "The Koji hub knows no signatures, so those of %s are not asked for.", s.text)
	}
}

// chooseKey picks the signature that is taken: by a key of the release if there
// is one, else by any that counts. others are keys of signatures that do not.
func (q *resolution) chooseKey(s *sourceRun, sigs []koji.Signature) (key string, others []string) {
	ids := make([]string, 0, len(sigs))
	for _, sig := range sigs {
		if id := strings.ToLower(sig.SigKey); len(id) == 8 && strings.Trim(id, "0123456789abcdef") == "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	release, _ := q.opts.Keys.known(q.releaseNow(), q.branchNow())
	slices.SortStableFunc(ids, func(a, b string) int {
		return cmp.Compare(btoi(!containsKey(release, a)), btoi(!containsKey(release, b)))
	})
	for _, id := range slices.Compact(ids) {
		if q.counts(s, id) {
			return id, nil
		}
		others = append(others, id)
	}
	return "", others
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// counts tells whether a signature by the key is one under the source's policy.
// Where signatures are only preferred each is as good as none.
func (q *resolution) counts(s *sourceRun, id string) bool {
	if s.policy != SignaturesRequire {
		return true
	}
	keys := &q.opts.Keys
	if keys.Keyring != nil && !keys.Keyring.Has(id) {
		return false
	}
	ids, configured := keys.known(q.releaseNow(), q.branchNow())
	return !configured || containsKey(ids, id)
}

// unsigned records that a source lacks signatures which it must have.
func (q *resolution) unsigned(s *sourceRun, subject string, missing, others []string) {
	slices.Sort(others)
	p := Problem{
		Code: CodeSignatureRequired, Field: s.field,
		Remedy: fmt.Sprintf("Wait until it is signed, or take unsigned packages with the signature policy prefer (--signatures %q).", s.text+"=prefer"),
	}
	what := fmt.Sprintf("has no signature for %s", missing[0])
	if n := len(missing); n > 1 {
		what += fmt.Sprintf(" and %d more of its RPMs", n-1)
	}
	if others = slices.Compact(others); len(others) > 0 {
		what += fmt.Sprintf(" by a key that counts; there are signatures by %s", strings.Join(others, ", "))
		p.Remedy = "Add the key to the server's keys, or take the packages with the signature policy prefer."
	}
	p.Sentence = fmt.Sprintf("%s %s.", subject, what)
	q.problem(p)
}

// noteKeys warns of required signatures by keys that the release is not known to
// use. Where keys are configured these decide, and nothing is left to say.
func (q *resolution) noteKeys() {
	for i := range q.plan.Sources {
		info := &q.plan.Sources[i]
		release := q.releaseNow()
		ids, configured := q.opts.Keys.known(release, q.branchNow())
		if info.Signatures != SignaturesRequire || configured || q.opts.Keys.Keyring != nil {
			continue
		}
		for _, id := range info.SignedBy {
			switch {
			case containsKey(ids, id):
			case len(ids) == 0:
				q.warn(CodeUnknownKey, fmt.Sprintf("sources[%d]", i), "%s is signed with the key %s; no key of release %s is known here, so nobody knows whose it is.", info.Source, id, release)
			default:
				q.warn(CodeUnknownKey, fmt.Sprintf("sources[%d]", i), "%s is signed with the key %s, and release %s is known to use %s.", info.Source, id, release, strings.Join(ids, ", "))
			}
		}
	}
}

// store is where Koji keeps the copies of a build that one key has signed.
type store struct {
	build int
	key   string
}

type storeState int

const (
	storeThere   storeState = iota // or not to be known now
	storeSpliced                   // only the signatures are left
	storeGone
)

// probe looks whether the signed copies are still there: Koji removes those of
// a build together, while its records stay. One RPM stands for all of a build.
func (q *resolution) probe(ctx context.Context, builds []*chosen, keys [][]string) (map[store]storeState, error) {
	states := map[store]storeState{}
	var mu sync.Mutex
	short, stop := context.WithTimeout(ctx, signedProbeTime)
	defer stop()
	group, ctx := errgroup.WithContext(short)
	group.SetLimit(8)
	for i, c := range builds {
		for j, key := range keys[i] {
			s := store{c.build.ID, key}
			if _, asked := states[s]; key == "" || asked {
				continue
			}
			states[s] = storeThere
			group.Go(func() error {
				state, err := q.probeOne(ctx, c, &c.rpms[j], key)
				mu.Lock()
				defer mu.Unlock()
				states[s] = state
				return err
			})
		}
	}
	err := group.Wait()
	return states, err
}

// signedProbeTime is what all the probes of a resolution may take. What is not known
// by then counts as there: fetching finds out, with more patience.
const signedProbeTime = 5 * time.Second

// probeSize is enough to tell an RPM, or its signature header, from a web page.
const probeSize = 64

func (q *resolution) probeOne(ctx context.Context, c *chosen, r *koji.RPM, key string) (storeState, error) {
	paths := q.koji.Paths()
	for i, url := range []string{paths.Signed(c.build, r, key), paths.Sigcache(c.build, r, key)} {
		_, _, err := q.fetcher.Head(ctx, url, probeSize)
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return storeThere, nil
		case ctx.Err() != nil:
			return storeThere, upstream(ctx.Err(), c.of.field)
		case err == nil:
			return storeState(i), nil
		case notThere(err):
		case q.notAFile(c.of.field, r.FileName(), err):
			return storeThere, nil
		default:
			return storeThere, nil // the fetcher will try again, and say why
		}
	}
	return storeGone, nil
}

func notThere(err error) bool {
	status, ok := errors.AsType[*fetch.StatusError](err)
	return ok && (status.Code == http.StatusNotFound || status.Code == http.StatusGone)
}

// notAFile reports a web page that came instead of a file.
func (q *resolution) notAFile(field, file string, err error) bool {
	page, ok := errors.AsType[*fetch.HTMLError](err)
	if ok {
		sentence, remedy := describePage(file, page)
		q.problem(Problem{Code: CodeWebPage, Field: field, Sentence: sentence, Remedy: remedy})
	}
	return ok
}

// describePage says what a web page in a file's place means. Koji answers for
// openh264, which Cisco distributes, with a redirect to an explanation.
func describePage(file string, page *fetch.HTMLError) (sentence, remedy string) {
	sentence = fmt.Sprintf("A web page came instead of %s", file)
	if page.Title != "" {
		sentence += fmt.Sprintf(" (%q)", page.Title)
	}
	if page.Final != "" && page.Final != page.URL {
		sentence += ", from " + page.Final
	}
	if strings.Contains(file, "openh264") {
		return sentence + "; Koji does not hand out openh264.", "Take it from Cisco's repository: repo:https://codecs.fedoraproject.org/openh264/..., or leave the build out."
	}
	return sentence + ".", "Look at the address with a browser; a proxy may ask for a log-in."
}

// judgeStores says what became of the signed copies of a build.
func (q *resolution) judgeStores(c *chosen, keys []string, stores map[store]storeState) {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		state := stores[store{c.build.ID, key}]
		switch {
		case state == storeSpliced:
			q.warn(CodeSignedCopyGone, c.of.field, "Koji has removed the signed copies of %s; they are made again from the signatures that it kept.", c.build.NVR)
		case state == storeGone && c.of.policy == SignaturesRequire:
			q.problem(Problem{
				Code: CodeSignedCopyGone, Field: c.of.field,
				Remedy:   fmt.Sprintf("Take the unsigned copies with the signature policy prefer (--signatures %q), or choose another build.", c.of.text+"=prefer"),
				Sentence: fmt.Sprintf("Koji has removed the signed copies of %s, and the signatures by the key %s too.", c.build.NVR, key),
			})
		case state == storeGone:
			q.warn(CodeSignedCopyGone, c.of.field, "Koji has removed the signed copies of %s, and the signatures too; the unsigned copies are taken.", c.build.NVR)
		}
	}
}
