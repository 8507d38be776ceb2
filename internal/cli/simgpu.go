package cli

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// gpuReplay places the tasks of a GPU trace and returns what `-o json` prints and
// what people read. Package sim/openb is to provide it; nil = this build cannot.
var gpuReplay func(nodes, tasks io.Reader, seed int64, policy string) (result any, text []byte, err error)

func (a *app) simGPU(cmd *cobra.Command, args []string, s simSettings) error {
	switch {
	case s.gpuNodes == "" || s.gpuFile == "":
		return usagef(cmd, "--gpu-nodes and --gpu-tasks go together: one lists the nodes, the other the tasks")
	case len(args) > 0:
		return usagef(cmd, "sim replays a log or places GPU tasks, not both: leave out %q", args[0])
	case gpuReplay == nil:
		return errors.New("this build cannot place GPU tasks")
	}
	nodes, err := os.Open(s.gpuNodes)
	if err != nil {
		return err
	}
	defer nodes.Close()
	tasks, err := os.Open(s.gpuFile)
	if err != nil {
		return err
	}
	defer tasks.Close()
	result, text, err := gpuReplay(nodes, tasks, s.seed, s.policy)
	if err != nil {
		return err
	}
	if a.output == formatJSON {
		return a.printJSON(result)
	}
	return a.print(text)
}
