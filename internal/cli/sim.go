package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/frameworks/batch"
	"github.com/tender-scheduler/tender/sim/replay"
)

// simSettings are the flags of `tender sim`.
type simSettings struct {
	policy            string
	procs, nodes      int
	holds             int
	windows           []string
	csv, svg          string
	gpuNodes, gpuFile string
	seed              int64
}

func (a *app) simCmd() *cobra.Command {
	s := simSettings{policy: string(batch.PolicyDefault)}
	cmd := &cobra.Command{
		Use:   "sim [flags] [FILE]",
		Short: "Replay a job log through the scheduler, without a cluster",
		Long: `Sim replays the log of a real machine, in the Standard Workload Format (SWF) of the
Parallel Workloads Archive, through the allocator and the batch policy of this
program on virtual time, and prints how the jobs fared: the mean bounded slowdown
(the mean of max(1, (wait + run) / max(run, 10 s))), the mean and the longest wait,
and how much of the machine was used. FILE may be compressed with gzip; - is
standard input.

The policies are

  default       first what holds up the others least, by time limits and by how
                long the user's last jobs ran; who was overtaken for 12 h goes first
  easy          first come, first served, with EASY backfill: room is held for the
                first job that waits
  conservative  the same, with room held for every job that waits
  saf, sjf      smallest area and shortest limit first, with EASY backfill: means
                are fine, and large jobs wait for weeks

No policy sees more than it would in a cluster: run times only once a job has ended.
Room that is held is never given away for longer than until it is needed, by the
time limits of what runs.

Jobs with more processors than the machine, without a run time or a time limit are
left out and counted; a log without any time limits is replayed with run times for
limits. Lines that cannot be read are told of with their numbers.

With --gpu-nodes and --gpu-tasks it places GPU tasks instead, on lists of the form of
the Alibaba cluster trace of 2023: tasks in random order until 130 % of the GPUs have
been asked for. The policies are then fgd (the default), pack, bestfit, dotprod,
spread and random.`,
		Example: `  tender sim KTH-SP2.swf.gz
  tender sim --policy easy --csv out.csv --svg out.svg KTH-SP2.swf.gz
  tender sim --procs 256 --window 1981:1024 --window 2756:1024 lublin_256.swf.gz
  tender sim -o json KTH-SP2.swf.gz | jq .bsld_mean
  tender sim --gpu-nodes nodes.csv --gpu-tasks pods.csv --seed 42 -o json`,
		Args: wants(0, 1, "one FILE (- for standard input)"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.sim(cmd, args, s) },
	}
	f := cmd.Flags()
	f.StringVar(&s.policy, "policy", s.policy, "in which order jobs go, `POLICY`: default, easy, conservative, saf or sjf; for GPU tasks how they are placed")
	f.IntVar(&s.procs, "procs", 0, "how many processors the machine has, `N` (default: what the log says)")
	f.IntVar(&s.nodes, "nodes", 0, "over how many nodes they are spread evenly, `M` (default: one)")
	f.IntVar(&s.holds, "holds", 0, "for how many waiting jobs room is held, `N`; -1 = all (default: as suits the policy)")
	f.StringArrayVar(&s.windows, "window", nil, "replay COUNT jobs from the one with number START on, the first being 0, `START:COUNT`; may be repeated, each on an empty machine")
	f.StringVar(&s.csv, "csv", "", "write job,submit,start,end,procs of each job to `FILE`")
	f.StringVar(&s.svg, "svg", "", "draw the use of the machine and the queue over time into `FILE`")
	f.StringVar(&s.gpuNodes, "gpu-nodes", "", "place GPU tasks on the nodes listed in `FILE`")
	f.StringVar(&s.gpuFile, "gpu-tasks", "", "the tasks to place, listed in `FILE`")
	f.Int64Var(&s.seed, "seed", 42, "of the random order of GPU tasks, `N`")
	must(cmd.RegisterFlagCompletionFunc("policy", cobra.FixedCompletions(policyNames(), cobra.ShellCompDirectiveNoFileComp)))
	a.printsData(cmd)
	return cmd
}

func policyNames() (names []cobra.Completion) {
	for _, p := range batch.Policies() {
		names = append(names, string(p))
	}
	return names
}

func (a *app) sim(cmd *cobra.Command, args []string, s simSettings) error {
	if s.gpuNodes != "" || s.gpuFile != "" {
		return a.simGPU(cmd, args, s)
	}
	if len(args) == 0 {
		return usagef(cmd, "sim needs one FILE (- for standard input)")
	}
	o, err := s.options(cmd)
	if err != nil {
		return err
	}
	log, err := a.readLog(args[0])
	if err != nil {
		return err
	}
	if o.Procs == 0 && log.MaxProcs == 0 {
		return usagef(cmd, "%s does not say how many processors its machine had: say so with --procs", args[0])
	}
	res, err := replay.Run(log, o)
	if err != nil {
		return fmt.Errorf("replay %s: %w", args[0], err)
	}
	if err := writeTo(s.csv, res.WriteCSV); err != nil {
		return err
	}
	if err := writeTo(s.svg, res.WriteSVG); err != nil {
		return err
	}
	switch a.output {
	case formatJSON:
		return a.printJSON(res)
	case formatName:
		return a.printNames([]string{args[0]})
	}
	return a.print(renderReplay(filepath.Base(args[0]), res))
}

func (s *simSettings) options(cmd *cobra.Command) (o replay.Options, err error) {
	o = replay.Options{Procs: s.procs, Nodes: s.nodes, Policy: batch.Policy(s.policy)}
	if !o.Policy.Known() {
		return o, usagef(cmd, "--policy %q: want one of default, easy, conservative, saf, sjf", s.policy)
	}
	if cmd.Flags().Changed("holds") {
		o.Holds = &s.holds
	}
	for _, w := range s.windows {
		start, count, ok := strings.Cut(w, ":")
		from, err1 := strconv.Atoi(start)
		n, err2 := strconv.Atoi(count)
		if !ok || err1 != nil || err2 != nil || from < 0 || n < 1 {
			return o, usagef(cmd, "--window %q: want START:COUNT, such as 1981:1024", w)
		}
		o.Windows = append(o.Windows, replay.Window{Start: from, Count: n})
	}
	return o, nil
}

// readLog reads a log and warns of lines that cannot be read.
func (a *app) readLog(path string) (*replay.Log, error) {
	r := a.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	r, err := unzipped(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	log, err := replay.ReadSWF(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	const shown = 10
	for i, f := range log.Faults {
		if i == shown {
			a.warn("%s: %d more lines cannot be read", path, len(log.Faults)-shown)
			break
		}
		a.warn("%s:%d: %s; the line is left out", path, f.Line, f.Text)
	}
	return log, nil
}

// unzipped reads through gzip's format, if r is in it.
func unzipped(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return gzip.NewReader(b)
	}
	return b, nil
}

// writeTo writes a file, if one is named.
func writeTo(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func renderReplay(name string, r *replay.Result) []byte {
	var b bytes.Buffer
	holds := "no room held"
	switch {
	case r.Holds < 0:
		holds = "room held for all that wait"
	case r.Holds > 0:
		holds = "room held for " + plural(r.Holds, "job")
	}
	fmt.Fprintf(&b, "%s: %s on %s, policy %s, %s\n\n", oneLine(name), plural(r.Count, "job"), plural(r.Procs, "processor"), r.Policy, holds)
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)).Round(time.Second) }
	fmt.Fprintf(&b, "mean bounded slowdown  %.2f\n", r.BsldMean)
	fmt.Fprintf(&b, "mean wait              %s\n", seconds(r.WaitMean))
	fmt.Fprintf(&b, "longest wait           %s\n", seconds(float64(r.WaitMax)))
	fmt.Fprintf(&b, "utilization            %.1f %%\n", 100*r.Utilization)
	d := r.Dropped
	for _, x := range []struct {
		n   int
		why string
	}{{d.TooLarge, "larger than the machine"}, {d.NoRun, "without a run time"}, {d.NoLimit, "without a time limit"}} {
		if x.n > 0 {
			fmt.Fprintf(&b, "left out               %s %s\n", plural(x.n, "job"), x.why)
		}
	}
	return b.Bytes()
}
