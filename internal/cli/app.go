package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// app is one run of the command.
type app struct {
	Env
	address string
	noColor bool
	quiet   bool
	output  format
}

// Run runs one command and returns its exit code.
func Run(ctx context.Context, env Env, args []string) int {
	a := &app{Env: env, output: formatTable}
	root := a.root()
	root.SetArgs(longFlags(args))
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	_, err := root.ExecuteContextC(ctx)
	if err != nil {
		a.complain(err)
	}
	return exitCode(err)
}

// longFlags lets fmt's flags be written with one dash, as go fmt's and
// terraform fmt's users do.
func longFlags(args []string) []string {
	if len(args) == 0 || args[0] != "fmt" {
		return args
	}
	out := []string{"fmt"}
	for i, s := range args[1:] {
		switch s {
		case "--":
			return append(out, args[i+1:]...)
		case "-check", "-write", "-diff":
			s = "-" + s
		}
		out = append(out, s)
	}
	return out
}

// client returns a client for the cluster that --address or TENDER_ADDR names.
func (a *app) client() (*client.Client, error) {
	list, from := a.address, "--address"
	if list == "" {
		list, from = a.Getenv("TENDER_ADDR"), "TENDER_ADDR"
	}
	options := []client.Option{client.WithUserAgent("tender/" + Version)}
	if a.Patience > 0 {
		options = append(options, client.WithPatience(a.Patience))
	}
	c, err := client.New(client.ParseAddresses(list), options...)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("%s: %w", from, err)}
	}
	return c, nil
}

// asking makes a command's work of what it does with a master.
func (a *app) asking(do func(cmd *cobra.Command, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		defer c.Close()
		return do(cmd, c, args)
	}
}

// complain tells the user why a command failed, and what to do about it.
func (a *app) complain(err error) {
	if e, ok := errors.AsType[*exitError](err); ok && e.err == nil {
		return
	}
	p := a.stderrPaint()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", p.paint(red, "error:"), printable(err.Error()))
	if r, ok := errors.AsType[*model.Refusal](err); ok {
		for _, d := range r.Details {
			fmt.Fprintf(&b, "  %s\n", printable(d))
		}
	}
	for _, h := range hintsFor(err) {
		fmt.Fprintf(&b, "%s %s\n", p.paint(dim, "hint:"), h)
	}
	fmt.Fprint(a.Stderr, b.String())
	if a.output == formatJSON {
		_ = a.printJSON(failure{Error: describe(err), ExitCode: exitCode(err)})
	}
}

// hintsFor says what to do about a failure.
func hintsFor(err error) []string {
	if u, ok := errors.AsType[*usageError](err); ok {
		return []string{u.cmd.CommandPath() + " --help shows what it takes"}
	}
	if _, ok := errors.AsType[*client.UnreachableError](err); ok {
		return []string{"start a cluster on this machine with: tender dev --data-dir DIR",
			"or say where one is with --address HOST:PORT or TENDER_ADDR"}
	}
	if r, ok := errors.AsType[*model.Refusal](err); ok {
		switch r.Reason {
		case model.ReasonNotFound:
			if strings.HasPrefix(r.Message, "role ") || strings.HasPrefix(r.Message, "nothing on node ") {
				return []string{"tender role ls lists the roles that have settings, tender shares those that are used"}
			}
			return []string{"tender jobs lists the jobs, tender job JOB the tasks of one"}
		case model.ReasonAmbiguous:
			return []string{"give more characters of the id"}
		case model.ReasonConflict:
			return []string{"use another --idempotency-key for another job"}
		case model.ReasonNotTerminal:
			return []string{"tender wait JOB waits for its end, tender cancel JOB stops it"}
		case model.ReasonTerminalJob:
			return []string{"tender retry JOB runs its failed tasks again"}
		}
	}
	return nil
}

// hint tells a person at a terminal what could come next; scripts have no use for it.
func (a *app) hint(format string, args ...any) {
	if a.quiet || a.StderrColumns == 0 {
		return
	}
	fmt.Fprintf(a.Stderr, "%s %s\n", a.stderrPaint().paint(dim, "hint:"), fmt.Sprintf(format, args...))
}

// warn prints a warning.
func (a *app) warn(format string, args ...any) {
	fmt.Fprintf(a.Stderr, "%s %s\n", a.stderrPaint().paint(yellow, "warning:"), printable(fmt.Sprintf(format, args...)))
}

// note prints a line about what is going on.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintln(a.Stderr, printable(fmt.Sprintf(format, args...)))
	}
}
