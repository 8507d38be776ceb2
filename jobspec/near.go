package jobspec

import (
	"slices"
	"strings"
)

// near returns the candidate a misspelt name most likely stands for, or "".
// Two names are near when at most a third of the longer one has to change.
func near(name string, candidates []string) string {
	best, bestDistance := "", 1<<30
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		d := typos(plain(name), plain(c))
		if d < bestDistance && d*3 <= max(len(name), len(c)) {
			best, bestDistance = c, d
		}
	}
	return best
}

var separators = strings.NewReplacer("_", "", "-", "", ".", "")

// plain makes spellings of one name equal: Time-Limit, timelimit, time_limit.
func plain(s string) string { return separators.Replace(strings.ToLower(s)) }

// maxTypoBytes bounds what is compared; longer names are near to nothing.
const maxTypoBytes = 64

// typos counts the letters added, dropped, changed or swapped between a and b:
// the optimal string alignment distance (Damerau 1964), where a swap counts
// once, unlike in Levenshtein's.
func typos(a, b string) int {
	if len(a) > maxTypoBytes || len(b) > maxTypoBytes {
		return maxTypoBytes
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// didYouMean returns `did you mean "x"?`, or "" where nothing is near.
func didYouMean(name string, candidates []string) string {
	if n := near(name, candidates); n != "" && n != name {
		return "did you mean " + quote(n) + "?"
	}
	return ""
}

func quote(s string) string { return `"` + s + `"` }

// orList joins words as "a, b or c".
func orList(words []string) string { return joinList(words, "or") }

// andList joins words as "a, b and c".
func andList(words []string) string { return joinList(words, "and") }

func joinList(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}
