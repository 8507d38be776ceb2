// Command simulate runs the simulator over many seeds, or one with its whole
// trace, and prints how to replay what it finds.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/sim"
)

func main() { os.Exit(run()) }

func run() int {
	var (
		seeds   = flag.Int("seeds", 200, "how many seeds to run")
		first   = flag.Uint64("first", 1, "the first of them")
		seed    = flag.Uint64("seed", 0, "run this seed alone")
		agents  = flag.Int("agents", sim.DefaultAgents, "agents in a run")
		minutes = flag.Float64("minutes", sim.DefaultLength.Minutes(), "virtual minutes with submissions and faults; a quiet time follows")
		flavour = flag.String("flavour", "", fmt.Sprintf("one of %v; empty = each seed draws its own", sim.Flavours()))
		verbose = flag.Bool("v", false, "print the trace")
		jobs    = flag.String("jobs", "", "keep only these jobs of a seed: 1,5,7 or none")
		faults  = flag.String("faults", "", "keep only these faults of a seed: 1,5,7 or none")
		stop    = flag.Bool("stop", false, "stop at the first seed that fails")
		shrink  = flag.Bool("shrink", false, "find out how little of a failing seed still fails")
		workers = flag.Int("workers", runtime.GOMAXPROCS(0), "seeds run at once")
		profile = flag.String("cpuprofile", "", "write a CPU profile to this file")
	)
	flag.Parse()
	debug.SetGCPercent(600) // a cluster takes some 20 MiB, and is garbage soon: a quarter of the time went into collections
	o := sim.Options{Seed: *seed, Agents: *agents, Length: time.Duration(*minutes * float64(time.Minute)), Flavour: sim.Flavour(*flavour)}
	var err1, err2 error
	o.Jobs, err1 = list(*jobs)
	o.Faults, err2 = list(*faults)
	for _, err := range []error{err1, err2, o.Validate()} {
		if err != nil {
			fmt.Fprintln(os.Stderr, "simulate:", err)
			return 2
		}
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "simulate:", err)
			return 2
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			fmt.Fprintln(os.Stderr, "simulate:", err)
			return 2
		}
		defer pprof.StopCPUProfile()
	}
	single := false
	flag.Visit(func(f *flag.Flag) { single = single || f.Name == "seed" })
	if single {
		return one(o, *verbose, *shrink)
	}
	return many(o, *first, *seeds, *workers, *stop, *shrink)
}

// list reads 1,5,7; "none" is an empty list, and nothing is nil.
func list(s string) ([]int, error) {
	switch s {
	case "":
		return nil, nil
	case "none":
		return []int{}, nil
	}
	out := []int{}
	for p := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(p))
		if err != nil {
			return nil, fmt.Errorf("read list %q: want numbers with commas between them", s)
		}
		out = append(out, n)
	}
	return out, nil
}

// one runs a single seed.
func one(o sim.Options, verbose, shrink bool) int {
	if verbose {
		b := bufio.NewWriter(os.Stdout)
		defer b.Flush()
		o.Log = b
	}
	r, err := sim.Run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		return 2
	}
	summary(r.Stats, 1, r.Virtual)
	fmt.Fprintf(os.Stderr, "trace %016x\n", r.Hash)
	if r.Failure == nil {
		return 0
	}
	report(r, !verbose)
	if shrink {
		shrunk(o)
	}
	return 1
}

// many runs seeds side by side; each run is single-threaded.
func many(o sim.Options, first uint64, seeds, workers int, stop, shrink bool) int {
	begun := time.Now()
	next := make(chan uint64)
	results := make(chan sim.Result, workers)
	enough := make(chan struct{})
	go func() {
		defer close(next)
		for i := range uint64(seeds) {
			select {
			case next <- first + i:
			case <-enough:
				return
			}
		}
	}()
	for range max(workers, 1) {
		go func() {
			for seed := range next {
				mine := o
				mine.Seed = seed
				r, err := sim.Run(mine)
				if err != nil {
					panic(err) // the options were checked
				}
				results <- r
			}
		}()
	}
	var total sim.Stats
	var virtual time.Duration
	var failed []sim.Result
	ran := 0
	for ran < seeds && !(stop && len(failed) > 0) {
		r := <-results
		ran++
		total.Add(r.Stats)
		virtual += r.Virtual
		if r.Failure != nil {
			failed = append(failed, r)
		}
		progress(ran, seeds, len(failed), begun)
	}
	close(enough)
	summary(total, ran, virtual)
	fmt.Fprintf(os.Stderr, "%d seeds in %s, %d failed\n", ran, time.Since(begun).Round(10*time.Millisecond), len(failed))
	if len(failed) == 0 {
		return 0
	}
	slices.SortFunc(failed, func(a, b sim.Result) int { return int(a.Options.Seed) - int(b.Options.Seed) })
	report(failed[0], true)
	for _, r := range failed[1:] {
		fmt.Fprintf(os.Stderr, "also seed %d: %s: %.300s\n", r.Options.Seed, r.Failure.Invariant, r.Failure.Message)
	}
	if shrink {
		shrunk(failed[0].Options)
	}
	return 1
}

// progress redraws one line on a terminal and prints one now and then elsewhere.
func progress(n, of, failed int, begun time.Time) {
	line := fmt.Sprintf("%d of %d seeds, %d failed, %s", n, of, failed, time.Since(begun).Round(time.Second))
	st, err := os.Stderr.Stat()
	switch terminal := err == nil && st.Mode()&os.ModeCharDevice != 0; {
	case terminal && n == of:
		fmt.Fprintf(os.Stderr, "\r%s\n", line)
	case terminal:
		fmt.Fprintf(os.Stderr, "\r%s", line)
	case n%max(of/10, 1) == 0:
		fmt.Fprintln(os.Stderr, line)
	}
}

func summary(s sim.Stats, seeds int, virtual time.Duration) {
	fmt.Fprintf(os.Stderr, "%d seeds: %s of virtual time, %d events, %d commits, %d terms, %d jobs, %d tasks launched, %d processes, %d preempted, %d drains, %d runs everywhere, %d states compared\n",
		seeds, virtual.Round(time.Second), s.Events, s.Commits, s.Terms, s.Jobs, s.Attempts, s.Tasks, s.Preempted, s.Drains, s.Spread, s.Replays)
	kinds := make([]string, 0, len(s.Faults))
	for k := range s.Faults {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for i, k := range kinds {
		kinds[i] = fmt.Sprintf("%s %d", k, s.Faults[k])
	}
	fmt.Fprintf(os.Stderr, "faults: %s\n", strings.Join(kinds, ", "))
}

func report(r sim.Result, withTrace bool) {
	f := r.Failure
	if withTrace {
		for _, l := range f.Trace {
			fmt.Println(l)
		}
	}
	fmt.Printf("\nseed %d broke %q after %s:\n%s\n\nreplay it: %s\n", r.Options.Seed, f.Invariant, f.At, f.Message, r.Options.Command())
}

func shrunk(o sim.Options) {
	o.Log = nil
	small, runs := sim.Shrink(o, 300)
	r, err := sim.Run(small)
	if err != nil || r.Failure == nil {
		return
	}
	fmt.Printf("\nafter %d runs the least that fails so has %d agents, %d jobs and %d faults:\n%s\n%s\n",
		runs, small.Agents, len(small.Jobs), len(small.Faults), r.Failure.Message, small.Command())
}
