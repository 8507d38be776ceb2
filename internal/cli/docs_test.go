package cli

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand calls f with the root command and all below it.
func everyCommand(f func(*cobra.Command)) {
	a := &app{Env: Env{Stdout: io.Discard, Stderr: io.Discard}, output: formatTable}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		f(c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(a.root())
}

func TestEveryCommandIsDocumented(t *testing.T) {
	everyCommand(func(c *cobra.Command) {
		name := c.CommandPath()
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || len(c.Short) > 70 {
			t.Errorf("%s: short text %q: want one line without a full stop", name, c.Short)
		}
		if c.Long == "" || c.Example == "" {
			t.Errorf("%s: has no long text or no example", name)
		}
		for l := range strings.Lines(c.Long) {
			if cells(strings.TrimSuffix(l, "\n")) > 86 {
				t.Errorf("%s: a line of the long text is too long for a terminal: %q", name, l)
			}
		}
		for l := range strings.Lines(c.Example) {
			if !strings.HasPrefix(l, "  ") {
				t.Errorf("%s: example line is not indented: %q", name, l)
			}
		}
		if c.Runnable() && c.HasParent() && !strings.Contains(c.Example, name) {
			t.Errorf("%s: no example shows the command itself", name)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s --%s: hidden or without a usage text, or one with a full stop: %q", name, f.Name, f.Usage)
			}
			if value, _ := pflag.UnquoteUsage(f); value != strings.ToUpper(value) {
				t.Errorf("%s --%s: the value is called %q, want a word in capitals", name, f.Name, value)
			}
		})
	})
}

// inExamples finds the tender commands of an example, without what the shell
// does around them.
var inExamples = regexp.MustCompile(`(?:^|[\s($|"])tender ([a-z][^|;&#)<>]*)`)

// TestExamplesAreTrue parses every command that a help text shows, with its
// flags and arguments.
func TestExamplesAreTrue(t *testing.T) {
	everyCommand(func(shown *cobra.Command) {
		for line := range strings.Lines(shown.Example + "\n" + shown.Long) {
			if strings.HasPrefix(line, "  ") {
				for _, m := range inExamples.FindAllStringSubmatch(line, -1) {
					checkExample(t, shown.CommandPath(), m[1])
				}
			}
		}
	})
}

// shellWords are words, and what stands between two quotes.
var shellWords = regexp.MustCompile(`"[^"$]*"|'[^']*'|\S+`)

func checkExample(t *testing.T, shown, line string) {
	args := shellWords.FindAllString(line, -1)
	for i := range args {
		args[i] = strings.NewReplacer(`"`, "", `'`, "").Replace(args[i])
	}
	a := &app{Env: Env{Stdout: io.Discard, Stderr: io.Discard}, output: formatTable}
	c, rest, err := a.root().Find(args)
	if err != nil || !c.HasParent() {
		t.Errorf("%s shows %q: %v", shown, line, err)
		return
	}
	if err := c.ParseFlags(longFlags(append([]string{c.Name()}, rest...))[1:]); err != nil {
		t.Errorf("%s shows %q: %v", shown, line, err)
		return
	}
	positional := c.Flags().Args()
	if strings.Contains(line, "xargs") || slices.Contains(strings.Fields(line), "JOB") {
		return
	}
	if c.Args != nil && len(positional) > 0 {
		if err := c.Args(c, positional); err != nil {
			t.Errorf("%s shows %q: %v", shown, line, err)
		}
	}
}

// TestFlagsInProseExist holds long texts to flags that the command has.
func TestFlagsInProseExist(t *testing.T) {
	flag := regexp.MustCompile(`--([a-z][a-z-]+)`)
	everyCommand(func(c *cobra.Command) {
		if !c.Runnable() || !c.HasParent() {
			return // topics speak of several commands
		}
		for _, m := range flag.FindAllStringSubmatch(c.Long, -1) {
			if c.Flags().Lookup(m[1]) == nil && c.InheritedFlags().Lookup(m[1]) == nil {
				t.Errorf("%s speaks of --%s, which it does not have", c.CommandPath(), m[1])
			}
		}
	})
}
