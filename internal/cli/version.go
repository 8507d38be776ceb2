package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is the version of this build; the Makefile sets it with -ldflags -X.
var Version = "0.1.0-dev"

// build is what is known of this binary; what `tender version -o json` prints.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a changed working tree
	Time     string `json:"time,omitempty"`     // of the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (a *app) versionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version [flags]",
		Short: "Print the version of this program",
		Long:  `Version prints which build of tender this is. tender status tells the masters'.`,
		Example: `  tender version
  tender version -o json | jq -r .commit`,
		Args: wants(0, 0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			switch a.output {
			case formatJSON:
				return a.printJSON(b)
			case formatName:
				return a.printNames([]string{b.Version})
			}
			s := fmt.Sprintf("tender %s %s %s", b.Version, b.Go, b.Platform)
			if len(b.Commit) >= 12 {
				s += " " + b.Commit[:12]
				if b.Modified {
					s += "+changes"
				}
			}
			return a.print([]byte(s + "\n"))
		},
	}
	a.printsData(cmd)
	return cmd
}
