package mpi

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
)

// The transcripts: what ranks and other machines say, and what follows.
func TestMachine(t *testing.T) {
	datadriven.Walk(t, "testdata/machine", func(t *testing.T, path string) {
		var m *Machine
		now := time.Unix(1000, 0)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var b strings.Builder
			step := func(in Input) {
				for _, e := range m.Step(now, in) {
					b.WriteString(effectText(now, e) + "\n")
				}
			}
			switch d.Cmd {
			case "new":
				o := Options{Name: "kvs", World: 4, Nodes: 2}
				d.ScanArgs(t, "node", &o.Node)
				d.MaybeScanArgs(t, "nodes", &o.Nodes)
				d.MaybeScanArgs(t, "world", &o.World)
				d.MaybeScanArgs(t, "mapping", &o.Mapping)
				var ranks []string
				for _, a := range d.CmdArgs {
					if a.Key == "ranks" {
						ranks = a.Vals
					}
				}
				for _, r := range ranks {
					n, err := strconv.Atoi(r)
					if err != nil {
						d.Fatalf(t, "%v", err)
					}
					o.Ranks = append(o.Ranks, n)
				}
				m = New(o)
			case "say":
				for line := range strings.Lines(d.Input) {
					rank, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
					n, err := strconv.Atoi(rank)
					if err != nil {
						d.Fatalf(t, "%v", err)
					}
					step(Line{n, text})
				}
			case "close":
				var n int
				d.ScanArgs(t, "rank", &n)
				step(Closed{n})
			case "foreign":
				var n int
				d.ScanArgs(t, "rank", &n)
				step(Foreign{n, "libopen-pal.so.40"})
			case "message":
				var n, barrier int
				var kind string
				d.ScanArgs(t, "node", &n)
				d.ScanArgs(t, "kind", &kind)
				d.ScanArgs(t, "barrier", &barrier)
				r := report{kind: kind[0], barrier: uint64(barrier)}
				for pairText := range strings.FieldsSeq(d.Input) {
					k, v, _ := strings.Cut(pairText, "=")
					r.pairs = append(r.pairs, pair{k, v})
				}
				step(Message{n, r.encode()})
			case "wait":
				dur, err := time.ParseDuration(d.CmdArgs[0].Key)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				now = now.Add(dur)
				step(TimeUp{})
			default:
				d.Fatalf(t, "unknown command %q", d.Cmd)
			}
			if b.Len() == 0 {
				return "nothing\n"
			}
			return b.String()
		})
	})
}

func effectText(now time.Time, e Effect) string {
	switch e := e.(type) {
	case Reply:
		return fmt.Sprintf("%d < %s", e.Rank, strings.TrimSuffix(e.Text, "\n"))
	case Send:
		r, ok := decode(e.Data)
		if !ok {
			return "sends nonsense"
		}
		return fmt.Sprintf("node %d < %c barrier %d %v", e.Node, r.kind, r.barrier, r.pairs)
	case Fault:
		return fmt.Sprintf("%d has failed: %s (code %d, now %t)", e.Rank, e.Message, e.Code, e.Now)
	case Wake:
		return fmt.Sprintf("wake in %s", e.At.Sub(now))
	}
	return fmt.Sprintf("%T", e)
}

func TestMapping(t *testing.T) {
	plan := func(runs ...int) *model.GangPlan {
		p := &model.GangPlan{}
		for i := 0; i < len(runs); i += 2 {
			p.Runs = append(p.Runs, model.GangRun{Node: runs[i], Count: runs[i+1]})
			p.Size += runs[i+1]
			for len(p.Nodes) <= runs[i] {
				p.Nodes = append(p.Nodes, fmt.Sprint(len(p.Nodes)))
			}
		}
		return p
	}
	uneven := &model.GangPlan{}
	for n := range 200 {
		uneven.Runs = append(uneven.Runs, model.GangRun{Node: n, Count: 1 + n%2})
	}
	for _, c := range []struct {
		plan  *model.GangPlan
		ranks int
		want  string
	}{
		{plan(0, 1, 1, 1), 2, "(vector,(0,2,2))"},
		{plan(0, 4), 1, "(vector,(0,1,4))"},
		{plan(0, 2, 1, 2, 2, 1), 1, "(vector,(0,2,2),(2,1,1))"},
		{plan(0, 1, 1, 1, 0, 1), 1, "(vector,(0,2,1),(0,1,1))"},
		{plan(0, 1, 1, 3, 2, 3, 3, 3), 2, "(vector,(0,1,2),(1,3,6))"},
		{uneven, 1, ""}, // too long to be told
	} {
		if got := Mapping(c.plan, c.ranks); got != c.want {
			t.Errorf("Mapping(%v, %d) = %s, want %s", c.plan.Runs, c.ranks, got, c.want)
		}
	}
}
