package cli

import "github.com/agext/levenshtein"

// editDistance is the number of letters to change to make a of b.
func editDistance(a, b string) int { return levenshtein.Distance(a, b, nil) }
