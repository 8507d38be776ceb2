package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/jobspec"
)

func (a *app) fmtCmd() *cobra.Command {
	var check, write bool
	cmd := &cobra.Command{
		Use:   "fmt [flags] FILE...",
		Short: "Lay job files out in the canonical style",
		Long: `Fmt prints job files in HCL's canonical layout: two spaces a level, equals signs
under each other. Only white space changes. With --write files are changed in
place and the names of those that changed are printed; with --check nothing is
changed, the names of files that are not formatted are printed, and the exit code
is 1 if there are any.

The flags may be written with one dash, too: -check, -write.`,
		Example: `  tender fmt job.hcl
  tender fmt --write jobs/*.hcl
  tender fmt --check jobs/*.hcl     # in CI
  tender fmt - < job.hcl            # in an editor`,
		Args: wants(1, -1, "at least one FILE (- for standard input)"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.format(cmd, args, check, write) },
	}
	cmd.Flags().BoolVar(&check, "check", false, "only tell which files are not formatted")
	cmd.Flags().BoolVarP(&write, "write", "w", false, "change the files in place")
	return cmd
}

func (a *app) format(cmd *cobra.Command, files []string, check, write bool) error {
	if check && write {
		return usagef(cmd, "--check and --write do not go together: choose one")
	}
	var bad error
	for _, path := range files {
		if path == "-" && write {
			return usagef(cmd, "--write cannot change standard input: leave it out, the result is printed")
		}
		src, name, err := a.readJobFile(path)
		if err != nil {
			return err
		}
		out, findings := jobspec.Format(src, name)
		if err := findings.WriteText(a.Stderr, bool(a.stderrPaint()), a.StderrColumns); err != nil {
			return err
		}
		changed := !bytes.Equal(src, out)
		switch {
		case findings.HasErrors():
			bad = rejected()
		case !check && !write:
			err = a.print(out)
		case changed && check:
			if bad == nil {
				bad = &exitError{code: exitTrouble}
			}
			err = a.print([]byte(name + "\n"))
		case changed:
			err = errors.Join(replaceFile(path, out), a.print([]byte(name+"\n")))
		}
		if err != nil {
			return err
		}
	}
	return bad
}

// replaceFile writes a file anew so that it is never seen half written.
func replaceFile(path string, text []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name()) // gone already if all went well
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(info.Mode().Perm()), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
