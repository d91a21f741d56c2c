package diagnose

import (
	"bytes"
	"slices"
)

// keySet finds in one pass over a line which of many short words it holds,
// whatever their case: an Aho-Corasick automaton with all its steps computed
// beforehand. It is what keeps the expressions off the lines that cannot match.
type keySet struct {
	class [256]uint16 // byte -> column; 0: in no key
	width int
	next  []int32   // state*width+column -> state
	found [][]int32 // state -> owners of the keys that end there
}

// newKeySet builds the automaton. keys[i] are the words of owner i, in ASCII.
func newKeySet(keys [][]string) *keySet {
	k := &keySet{width: 1}
	for _, words := range keys {
		for _, w := range words {
			for _, c := range bytes.ToLower([]byte(w)) {
				if k.class[c] == 0 {
					k.class[c] = uint16(k.width)
					k.width++
				}
			}
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		k.class[c] = k.class[c+'a'-'A']
	}
	k.state()
	for owner, words := range keys {
		for _, w := range words {
			k.add(w, int32(owner))
		}
	}
	k.link()
	return k
}

// state adds one; 0 is the root, and as a step means that there is none yet.
func (k *keySet) state() int32 {
	k.next = append(k.next, make([]int32, k.width)...)
	k.found = append(k.found, nil)
	return int32(len(k.found) - 1)
}

func (k *keySet) add(word string, owner int32) {
	at := int32(0)
	for i := range len(word) {
		step := int(at)*k.width + int(k.class[word[i]])
		if k.next[step] == 0 {
			to := k.state()
			k.next[step] = to
		}
		at = k.next[step]
	}
	if !slices.Contains(k.found[at], owner) {
		k.found[at] = append(k.found[at], owner)
	}
}

// link turns the tree into an automaton: where a word breaks off, reading goes
// on in the longest word that the bytes read so far begin.
func (k *keySet) link() {
	fail := make([]int32, len(k.found))
	var queue []int32
	for _, to := range k.next[:k.width] {
		if to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, owner := range k.found[fail[at]] {
			if !slices.Contains(k.found[at], owner) {
				k.found[at] = append(k.found[at], owner)
			}
		}
		for c := 1; c < k.width; c++ {
			step, other := int(at)*k.width+c, k.next[int(fail[at])*k.width+c]
			if to := k.next[step]; to != 0 {
				fail[to] = other
				queue = append(queue, to)
			} else {
				k.next[step] = other
			}
		}
	}
}

// in calls yield for the owner of each key in line; an owner may come again.
func (k *keySet) in(line []byte, yield func(owner int32)) {
	at := int32(0)
	next, width := k.next, k.width
	for _, c := range line {
		at = next[int(at)*width+int(k.class[c])]
		if found := k.found[at]; found != nil {
			for _, owner := range found {
				yield(owner)
			}
		}
	}
}
