package cli

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// templates are the job files that `tender init` can write, named by their kind.
//
//go:embed templates/*.hcl
var templates embed.FS

// initKinds are the kinds of templates, each with what it is.
var initKinds = []cobra.Completion{
	cobra.CompletionWithDesc("hello", "one task"),
	cobra.CompletionWithDesc("array", "a task for each of a range of numbers"),
	cobra.CompletionWithDesc("gang", "tasks on several nodes that start together, as MPI's do"),
	cobra.CompletionWithDesc("gpu", "a task with a GPU"),
	cobra.CompletionWithDesc("service", "web servers that are checked and updated one after another"),
	cobra.CompletionWithDesc("sysbatch", "a task that runs once on every node"),
	cobra.CompletionWithDesc("schedule", "a job that runs at set times"),
}

// kindName is a completion without its description.
func kindName(c cobra.Completion) string {
	name, _, _ := strings.Cut(c, "\t")
	return name
}

func listKinds() string {
	var b strings.Builder
	for _, c := range initKinds {
		name, what, _ := strings.Cut(c, "\t")
		fmt.Fprintf(&b, "\n  %-10s%s", name, what)
	}
	return b.String()
}

func (a *app) initCmd() *cobra.Command {
	kind, force := "hello", false
	cmd := &cobra.Command{
		Use:   "init [flags] [FILE]",
		Short: "Write an example job file to start from",
		Long: `Init writes a small job file with comments, job.hcl if no FILE is named, - for
standard output. A file that exists is left alone. The kinds are:
` + listKinds(),
		Example: `  tender init
  tender init --kind service web.hcl
  tender init - | tender submit --wait -`,
		Args: wants(0, 1, "at most one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.ContainsFunc(initKinds, func(c cobra.Completion) bool { return kindName(c) == kind }) {
				var names []string
				for _, c := range initKinds {
					names = append(names, kindName(c))
				}
				return usagef(cmd, "--kind %q: want one of %s", kind, strings.Join(names, ", "))
			}
			text, err := templates.ReadFile("templates/" + kind + ".hcl")
			if err != nil {
				return err
			}
			path := "job.hcl"
			if len(args) > 0 {
				path = args[0]
			}
			if path == "-" {
				return a.print(text)
			}
			wait := " --wait"
			if kind == "schedule" {
				wait = "" // it has no end
			}
			return a.writeNew(path, text, force, wait)
		},
	}
	cmd.Flags().StringVar(&kind, "kind", kind, "which example, `KIND`")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite a file that exists")
	must(cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(initKinds, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (a *app) writeNew(path string, text []byte, force bool, wait string) error {
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
	a.note("wrote %s; run it with: tender submit%s %s", path, wait, path)
	return nil
}
