package jobspec

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// near returns the candidate a misspelt name most likely stands for, or "".
// Two names are near when at most a third of the longer one has to change.
func near(name string, candidates []string) string {
	best, bestDistance := "", 1<<30
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		d := levenshtein.Distance(plain(name), plain(c), nil)
		if d < bestDistance && d*3 <= max(len(name), len(c)) {
			best, bestDistance = c, d
		}
	}
	return best
}

// plain makes spellings of one name equal: Time-Limit, timelimit, time_limit.
func plain(s string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(s))
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
