package jobspec

import (
	"embed"
	"slices"
)

//go:embed starter/*.hcl
var starters embed.FS

// StarterKinds are the kinds of starter file, the default first.
var StarterKinds = []string{"batch", "array", "gang"}

// Starter returns a commented job file to begin with, or nil for a kind that
// StarterKinds lacks. Each can be submitted as it is.
func Starter(kind string) []byte {
	if !slices.Contains(StarterKinds, kind) {
		return nil
	}
	b, err := starters.ReadFile("starter/" + kind + ".hcl")
	if err != nil {
		panic("jobspec: a starter is missing: " + err.Error())
	}
	return b
}
