package journal

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// event looks like a record of a scheduler: JSON that repeats itself from one
// record to the next, about sizeBytes long.
func event(rng *rand.Rand, sizeBytes int) []byte {
	b := fmt.Appendf(nil, `{"type":"TaskStaged","job":"%08x","group":"work","index":%d,"agent":"agent-%04d","task":"%016x","cpu_milli":1000,"memory_bytes":268435456`,
		rng.Uint32(), rng.IntN(100000), rng.IntN(1000), rng.Uint64())
	if pad := sizeBytes - len(b) - len(`,"env":""}`); pad > 0 {
		b = append(b, `,"env":"`...)
		for range pad {
			b = append(b, "abcdefghijklmnopqrstuvwxyz0123456789"[rng.IntN(36)])
		}
		b = append(b, '"')
	}
	return append(b, '}')
}

func events(count, sizeBytes int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	records := make([][]byte, count)
	for i := range records {
		records[i] = event(rng, sizeBytes)
	}
	return records
}

type discard struct{ groups int }

func (d *discard) Restore([]byte) error         { return nil }
func (d *discard) Apply(uint64, [][]byte) error { d.groups++; return nil }

func benchmarkAppend(b *testing.B, records [][]byte) {
	e := ownEtcd(b, EmbeddedConfig{})
	term := lead(b, open(b, e, Config{Cluster: "bench"}), &discard{})
	size := 0
	for _, r := range records {
		size += len(r)
	}
	b.SetBytes(int64(size))
	took := make([]time.Duration, 0, 1<<16)
	for b.Loop() {
		begun := time.Now()
		if _, err := term.Append(b.Context(), records); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
	b.ReportMetric(float64(len(records))*float64(len(took))/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkAppendOne(b *testing.B) { benchmarkAppend(b, events(1, 200)) }

func BenchmarkAppendThousand(b *testing.B) { benchmarkAppend(b, events(1000, 200)) }

func BenchmarkAppendMiB(b *testing.B) { benchmarkAppend(b, events(5000, 210)) }

// A MiB that does not compress: the worst case.
func BenchmarkAppendMiBRandom(b *testing.B) {
	record := make([]byte, 1<<20)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range record {
		record[i] = byte(rng.Uint32())
	}
	benchmarkAppend(b, [][]byte{record})
}

// fill makes a data directory whose log has many groups.
func fill(b *testing.B, groups int) string {
	dir := b.TempDir()
	e, err := StartEmbedded(b.Context(), EmbeddedConfig{DataDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	j, err := Open(b.Context(), Config{Embedded: e, Cluster: "bench", Identity: "master"})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	term := lead(b, j, &discard{})
	records := events(2, 200)
	for range groups {
		if _, err := term.Append(b.Context(), records); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// From nothing to leading, with 100,000 groups to replay.
func BenchmarkRestart100k(b *testing.B) {
	dir := fill(b, 100_000)
	var ready, replayed time.Duration
	for b.Loop() {
		begun := time.Now()
		e, err := StartEmbedded(b.Context(), EmbeddedConfig{DataDir: dir})
		if err != nil {
			b.Fatal(err)
		}
		ready += time.Since(begun)
		j, err := Open(b.Context(), Config{Embedded: e, Cluster: "bench", Identity: "master"})
		if err != nil {
			b.Fatal(err)
		}
		d := &discard{}
		lead(b, j, d)
		replayed += time.Since(begun)
		if d.groups != 100_000 {
			b.Fatalf("replayed %d groups", d.groups)
		}
		j.Close()
		e.Close()
	}
	b.ReportMetric(float64(diskBytes(dir))/(1<<20), "disk-MiB")
	b.ReportMetric(ready.Seconds()*1000/float64(b.N), "etcd-ready-ms")
	b.ReportMetric(replayed.Seconds()*1000/float64(b.N), "leading-ms")
}

func BenchmarkStartEmpty(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		e, err := StartEmbedded(b.Context(), EmbeddedConfig{DataDir: dir})
		if err != nil {
			b.Fatal(err)
		}
		j, err := Open(b.Context(), Config{Embedded: e, Cluster: "bench", Identity: "master"})
		if err != nil {
			b.Fatal(err)
		}
		lead(b, j, &discard{})
		b.StopTimer()
		j.Close()
		e.Close()
		os.RemoveAll(dir)
		b.StartTimer()
	}
}

func diskBytes(dir string) (total int64) {
	filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}

// Snapshots of 20 MB over a log of 1,000 groups each.
func BenchmarkSnapshot20MB(b *testing.B) {
	e := ownEtcd(b, EmbeddedConfig{})
	term := lead(b, open(b, e, Config{Cluster: "bench"}), &discard{})
	state := bytes.Join(events(100_000, 200), []byte("\n"))
	b.SetBytes(int64(len(state)))
	records := events(1, 200)
	for b.Loop() {
		b.StopTimer()
		for range 1000 {
			if _, err := term.Append(b.Context(), records); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if err := term.Snapshot(b.Context(), term.Index(), state); err != nil {
			b.Fatal(err)
		}
	}
}

// What commits feel of a snapshot that is taken beside them.
func BenchmarkAppendBesideSnapshots(b *testing.B) {
	e := ownEtcd(b, EmbeddedConfig{})
	term := lead(b, open(b, e, Config{Cluster: "bench"}), &discard{})
	state := bytes.Join(events(100_000, 200), []byte("\n"))
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	records := events(1, 200)
	if _, err := term.Append(ctx, records); err != nil {
		b.Fatal(err)
	}
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := term.Snapshot(ctx, term.Index(), state); err != nil && ctx.Err() == nil {
				b.Error(err)
				return
			}
		}
	}()
	took := make([]time.Duration, 0, 1<<16)
	for b.Loop() {
		begun := time.Now()
		if _, err := term.Append(b.Context(), records); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	cancel()
	<-done
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
}
