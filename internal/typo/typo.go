// Package typo finds the word that was probably meant.
//
//	typo.Closest("keybord", []string{"keyboard", "lang"}) // "keyboard"
package typo

// maxWord bounds the words that are looked at, in bytes: names are short, and
// the work grows with the square.
const maxWord = 64

// Closest returns the candidate that at most two slips of the hand make of
// word, the first of the nearest ones, or "". Candidates that would lose most
// of their letters on the way do not count.
func Closest(word string, candidates []string) string {
	best, least := "", 3
	if len(word) > maxWord {
		return ""
	}
	for _, c := range candidates {
		if diff := len(c) - len(word); diff >= least || -diff >= least {
			continue
		}
		if d := Distance(word, c); d < least && d < len(c)-1 {
			best, least = c, d
		}
	}
	return best
}

// Distance is the number of bytes that must be put in, taken away, changed, or
// swapped with their neighbor to make b of a (optimal string alignment).
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
