package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// format is how a command prints its data.
type format string

// The formats.
const (
	formatTable format = "table"
	formatWide  format = "wide"
	formatJSON  format = "json"
	formatName  format = "name"
)

var allFormats = []format{formatTable, formatWide, formatJSON, formatName}

// Set, String and Type make a format a flag.
func (f *format) Set(s string) error {
	if !slices.Contains(allFormats, format(s)) {
		return fmt.Errorf("want one of table, wide, json, name")
	}
	*f = format(s)
	return nil
}

func (f *format) String() string { return string(*f) }

// Type names the flag's value in help texts.
func (f *format) Type() string { return "FORMAT" }

// printsData gives a command its -o flag.
func (a *app) printsData(cmd *cobra.Command) {
	cmd.Flags().VarP(&a.output, "output", "o", "how to print: table, wide, json or name")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]cobra.Completion{"table", "wide", "json", "name"}, cobra.ShellCompDirectiveNoFileComp)))
}

// talks gives a command the flags of everything that needs a cluster.
func (a *app) talks(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.address, "address", "", "where the masters are, as `HOST:PORT`[,HOST:PORT…] (default $TENDER_ADDR, or 127.0.0.1:7070)")
}

// printJSON prints v, indented, on standard output.
func (a *app) printJSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	return a.print(b.Bytes())
}

// printTable prints t as the -o flag says.
func (a *app) printTable(t *table) error {
	return a.print(t.render(a.stdoutPaint(), a.output == formatWide, a.StdoutColumns))
}

func (a *app) printNames(names []string) error {
	if len(names) == 0 {
		return nil
	}
	return a.print([]byte(strings.Join(names, "\n") + "\n"))
}

func (a *app) print(b []byte) error {
	if _, err := a.Stdout.Write(b); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}
