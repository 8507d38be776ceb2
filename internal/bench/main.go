// Command bench measures the figures of docs/benchmarks.md with the built
// program, each beside a peer's where the peer is installed, in the same run:
//
//	make bench                        all of them
//	go run ./internal/bench -only array,latency -runs 3
//	go run ./internal/bench -only offers        the allocator alone, without the program
//
// It prints a table in Markdown with the median, the smallest and the largest
// of the runs. Machines differ and are noisy: compare within a run only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// figure is one row of the table.
type figure struct {
	name  string
	what  string
	reach string
	run   func(ctx context.Context, b *bench) ([]sample, error)
}

// sample is one measured value: one run of one thing.
type sample struct {
	of    string // "tender", or the peer
	unit  string
	value float64
}

// bench is what the figures share.
type bench struct {
	tender string // path of the binary
	dir    string // scratch
}

func main() {
	var (
		tender = flag.String("tender", "bin/tender", "the binary to measure")
		only   = flag.String("only", "", "comma-separated figures, or offers: the allocator's benchmarks; empty = all")
		runs   = flag.Int("runs", 5, "runs of each figure")
		cpu    = flag.String("cpuprofile", "", "write a CPU profile of this process to a file")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *cpu != "" {
		f, err := os.Create(*cpu)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	if err := run(ctx, *tender, *only, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, tender, only string, runs int) error {
	dir, err := os.MkdirTemp("", "tender-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{tender: tender, dir: dir}
	wanted := strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
	header := "| figure | who | median | min … max | runs | reach |\n|---|---|---|---|---|---|\n"
	for _, f := range figures {
		if len(wanted) > 0 && !slices.Contains(wanted, f.name) {
			continue
		}
		fmt.Print(header)
		header = ""
		var all []sample
		for range runs {
			s, err := f.run(ctx, b)
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			all = append(all, s...)
		}
		report(f, all)
	}
	if len(wanted) == 0 || slices.Contains(wanted, "offers") {
		fmt.Println()
		return b.offers(ctx, runs)
	}
	return nil
}

// report prints one line for each thing measured, in the order they came.
func report(f figure, all []sample) {
	type key struct{ of, unit string }
	var order []key
	values := map[key][]float64{}
	for _, s := range all {
		k := key{s.of, s.unit}
		if values[k] == nil {
			order = append(order, k)
		}
		values[k] = append(values[k], s.value)
	}
	for _, k := range order {
		v := values[k]
		slices.Sort(v)
		reach := ""
		if k.of == "tender" {
			reach = f.reach
		}
		fmt.Printf("| %s | %s | %s %s | %s … %s | %d | %s |\n", f.what, k.of,
			number(v[len(v)/2]), k.unit, number(v[0]), number(v[len(v)-1]), len(v), reach)
	}
}

func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// quantile returns the value below which the share q of the durations lies.
func quantile(ds []time.Duration, q float64) time.Duration {
	slices.Sort(ds)
	return ds[min(int(q*float64(len(ds))), len(ds)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
