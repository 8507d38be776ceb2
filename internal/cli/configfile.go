package cli

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// configurable gives a daemon its --config flag. A configuration file is HCL
// and holds the same settings as the flags, named with _ for -; a flag wins.
func configurable(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "config", "", "read settings from an HCL `FILE`: the flags' names with _ for -; a flag given here wins over the file")
	must(cmd.MarkFlagFilename("config", "hcl"))
}

// notInFile are flags that say nothing about the daemon.
var notInFile = []string{"config", "help", "no-color"}

// applyConfig sets the flags that were not given from the file at path. All
// mistakes of the file are printed, each with its place.
func (a *app) applyConfig(cmd *cobra.Command, path string) error {
	if path == "" {
		return nil
	}
	src, err := readBounded(path, nil)
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	file, diags := hclsyntax.ParseConfig(src, path, hcl.InitialPos)
	if !diags.HasErrors() {
		diags = append(diags, setFromBody(cmd.Flags(), file.Body.(*hclsyntax.Body))...)
	}
	if !diags.HasErrors() {
		return nil
	}
	for _, d := range diags {
		fmt.Fprintln(a.Stderr, a.configMistake(src, d))
	}
	return usagef(cmd, "%s holds %s", path, plural(len(diags), "mistake"))
}

// configMistake lays a mistake out as jobspec does: place, summary, the source
// line with the place underlined, and what was expected.
func (a *app) configMistake(src []byte, d *hcl.Diagnostic) string {
	p := a.stderrPaint()
	at := d.Subject
	if at == nil {
		at = &hcl.Range{}
	}
	lines := bytes.Split(src, []byte("\n"))
	source := ""
	if n := at.Start.Line - 1; n >= 0 && n < len(lines) {
		source = oneLine(string(lines[n]))
	}
	carets := 1
	if at.End.Line == at.Start.Line {
		carets = max(at.End.Column-at.Start.Column, 1)
	}
	number := fmt.Sprint(at.Start.Line)
	margin := strings.Repeat(" ", len(number))
	return fmt.Sprintf("%s %s %s\n %s %s\n %s %s%s\n %s %s %s\n",
		p.paint(bold, fmt.Sprintf("%s:%d:%d:", at.Filename, at.Start.Line, at.Start.Column)), p.paint(red, "error:"), printable(d.Summary),
		p.paint(blue, number+" |"), source,
		p.paint(blue, margin+" |"), strings.Repeat(" ", max(at.Start.Column-1, 0)), p.paint(red, strings.Repeat("^", carets)),
		margin, p.paint(blue, "="), printable(d.Detail))
}

func setFromBody(flags *pflag.FlagSet, body *hclsyntax.Body) hcl.Diagnostics {
	var diags hcl.Diagnostics
	attrs := slices.SortedFunc(maps.Values(body.Attributes), func(x, y *hclsyntax.Attribute) int {
		return x.SrcRange.Start.Byte - y.SrcRange.Start.Byte
	})
	for _, attr := range attrs {
		f := settingNamed(flags, attr.Name)
		if f == nil {
			diags = append(diags, unknownSetting(flags, attr.Name, attr.NameRange))
			continue
		}
		v, ds := attr.Expr.Value(nil)
		diags = append(diags, ds...)
		if ds.HasErrors() || f.Changed {
			continue
		}
		if err := setFlag(f, v); err != nil {
			diags = append(diags, invalidSetting(attr.Name, err, attr.Expr.Range()))
		}
	}
	for _, block := range body.Blocks {
		f := settingNamed(flags, block.Type)
		table, isTable := flagTable(f)
		switch {
		case f == nil:
			diags = append(diags, unknownSetting(flags, block.Type, block.TypeRange))
			continue
		case !isTable || len(block.Labels) > 0:
			diags = append(diags, invalidSetting(block.Type, fmt.Errorf("write %s = VALUE instead of a block", block.Type), block.DefRange()))
			continue
		}
		for _, attr := range block.Body.Attributes {
			v, ds := attr.Expr.Value(nil)
			diags = append(diags, ds...)
			s, err := scalarText(v)
			switch {
			case ds.HasErrors() || f.Changed:
			case err != nil:
				diags = append(diags, invalidSetting(attr.Name, err, attr.Expr.Range()))
			default:
				table.put(attr.Name, s)
			}
		}
	}
	return diags
}

// settingNamed returns the flag behind a setting, nil if there is none.
func settingNamed(flags *pflag.FlagSet, name string) *pflag.Flag {
	flag := strings.ReplaceAll(name, "_", "-")
	if strings.Contains(name, "-") || slices.Contains(notInFile, flag) {
		return nil
	}
	return flags.Lookup(flag)
}

func unknownSetting(flags *pflag.FlagSet, name string, at hcl.Range) *hcl.Diagnostic {
	var known []string
	best, distance := "", 3
	flags.VisitAll(func(f *pflag.Flag) {
		if slices.Contains(notInFile, f.Name) {
			return
		}
		s := strings.ReplaceAll(f.Name, "-", "_")
		known = append(known, s)
		if d := editDistance(name, s); d < distance {
			best, distance = s, d
		}
	})
	detail := "the settings are " + strings.Join(known, ", ")
	if best != "" {
		detail = fmt.Sprintf("did you mean %q?", best)
	}
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: fmt.Sprintf("there is no setting %q", name), Detail: detail, Subject: &at}
}

func invalidSetting(name string, err error, at hcl.Range) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: fmt.Sprintf("invalid value for %q", name), Detail: err.Error(), Subject: &at}
}

// setFlag sets a flag from a value of a file. The flag does not count as given.
func setFlag(f *pflag.Flag, v cty.Value) error {
	if table, ok := flagTable(f); ok {
		if v.IsNull() || !v.Type().IsObjectType() && !v.Type().IsMapType() {
			return fmt.Errorf("want names and values, as in { rack = \"r1\" }")
		}
		for k, e := range v.AsValueMap() {
			s, err := scalarText(e)
			if err != nil {
				return err
			}
			table.put(k, s)
		}
		return nil
	}
	if list, ok := f.Value.(pflag.SliceValue); ok && !v.IsNull() && (v.Type().IsTupleType() || v.Type().IsListType()) {
		var all []string
		for _, e := range v.AsValueSlice() {
			s, err := scalarText(e)
			if err != nil {
				return err
			}
			all = append(all, s)
		}
		return list.Replace(all)
	}
	s, err := scalarText(v)
	if err != nil {
		return err
	}
	return f.Value.Set(s)
}

// scalarText returns a string, number or bool as one would type it.
func scalarText(v cty.Value) (string, error) {
	if v.IsNull() {
		return "", fmt.Errorf("want a value, not null")
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil || !s.IsKnown() {
		return "", fmt.Errorf("want a text, a number or true or false, not %s", v.Type().FriendlyName())
	}
	return s.AsString(), nil
}

// pairs is a flag of NAME=VALUE that may be repeated.
type pairs map[string]string

func (p pairs) put(name, value string) { p[name] = value }

func (p pairs) String() string { return "" }

// Type names the flag's value in help texts.
func (p pairs) Type() string { return "NAME=VALUE" }

// Set reads one pair.
func (p pairs) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return fmt.Errorf("want NAME=VALUE")
	}
	p[name] = value
	return nil
}

func flagTable(f *pflag.Flag) (pairs, bool) {
	if f == nil {
		return nil, false
	}
	p, ok := f.Value.(pairs)
	return p, ok
}
