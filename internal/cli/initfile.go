package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed templates/hello.hcl
var helloTemplate []byte

//go:embed templates/array.hcl
var arrayTemplate []byte

// templates are the job files that `tender init` can write.
var templates = map[string][]byte{"hello": helloTemplate, "array": arrayTemplate}

func (a *app) initCmd() *cobra.Command {
	kind, force := "hello", false
	cmd := &cobra.Command{
		Use:   "init [flags] [FILE]",
		Short: "Write an example job file to start from",
		Long: `Init writes a small job file with comments, job.hcl if no FILE is named, - for
standard output. There are two kinds: hello, one task, and array, one task for each
of a range of numbers. A file that exists is left alone.`,
		Example: `  tender init
  tender init --kind array sweep.hcl
  tender init - | tender submit --wait -`,
		Args: wants(0, 1, "at most one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, ok := templates[kind]
			if !ok {
				return usagef(cmd, "--kind %q: want one of %s", kind, strings.Join(slices.Sorted(maps.Keys(templates)), ", "))
			}
			path := "job.hcl"
			if len(args) > 0 {
				path = args[0]
			}
			if path == "-" {
				return a.print(text)
			}
			return a.writeNew(path, text, force)
		},
	}
	cmd.Flags().StringVar(&kind, "kind", kind, "which example, `KIND`: hello or array")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite a file that exists")
	must(cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]cobra.Completion{"hello", "array"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (a *app) writeNew(path string, text []byte, force bool) error {
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, mode, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists: name another file, or overwrite it with --force", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	a.note("wrote %s; run it with: tender submit --wait %s", path, path)
	return nil
}
