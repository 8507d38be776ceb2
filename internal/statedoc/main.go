// Command statedoc writes the page about task states.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/tender-scheduler/tender/core/model"
)

func main() {
	out := flag.String("o", "", "file to write")
	flag.Parse()
	if err := os.WriteFile(*out, []byte(model.TaskStateDoc()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "statedoc:", err)
		os.Exit(1)
	}
}
