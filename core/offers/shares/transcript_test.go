package shares

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
)

// TestTranscripts runs the scenarios in testdata; README.md there says how to
// read and write them.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.HasSuffix(path, ".md") {
			return
		}
		s := &script{tree: New()}
		s.order = s.tree.Ranking(Demands)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			s.call(t, d.Pos, d.Cmd, d.CmdArgs)
			for line := range strings.Lines(d.Input) {
				line, _, _ = strings.Cut(line, " #")
				cmd, args, err := datadriven.ParseLine(line)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				s.call(t, d.Pos, cmd, args)
			}
			if s.out.Len() == 0 {
				return "ok"
			}
			return s.out.String()
		})
	})
}

type script struct {
	tree  *Tree
	order *Ranking
	out   strings.Builder
}

func (s *script) printf(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// arguments are a role, and amounts, numbers and words.
type arguments struct {
	words  []string
	values map[string]string
}

func (s *script) call(t *testing.T, pos, cmd string, args []datadriven.CmdArg) {
	t.Helper()
	a := arguments{values: map[string]string{}}
	for _, x := range args {
		if len(x.Vals) == 0 {
			a.words = append(a.words, strings.TrimPrefix(x.Key, "."))
			continue
		}
		a.values[x.Key] = x.Vals[0]
	}
	calls := map[string]func(*testing.T, arguments){
		"total": s.total, "role": s.role, "reset": s.reset, "charge": s.charge, "want": s.want, "serve": s.serve,
		"slack": s.slack, "headroom": s.headroom, "below": s.below, "tree": s.print, "drop": s.drop, "begin": s.begin,
		"retain": s.retain, "release": s.release,
	}
	f := calls[cmd]
	if f == nil {
		t.Fatalf("%s: there is no call %q", pos, cmd)
	}
	f(t, a)
}

// amount reads cpus=, memory= (GiB), disk= (GiB) and gpus= with a prefix.
func (a arguments) amount(t *testing.T, prefix string) (r model.Resources) {
	t.Helper()
	for k, unit := range map[string]struct {
		at   *int64
		unit float64
	}{"cpus": {&r.CPUMilli, 1000}, "memory": {&r.MemoryBytes, 1 << 30}, "disk": {&r.DiskBytes, 1 << 30}, "gpus": {&r.GPUMilli, 1000}} {
		if v, ok := a.values[prefix+k]; ok {
			f, err := strconv.ParseFloat(strings.TrimSuffix(v, "GiB"), 64)
			if err != nil {
				t.Fatal(err)
			}
			*unit.at = int64(f * unit.unit)
		}
	}
	return r
}

func (a arguments) number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v, ok := a.values[name]
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (a arguments) path() string {
	if len(a.words) == 0 {
		return ""
	}
	return a.words[0]
}

func name(n *Node) string {
	if n.Path() == "" {
		return "the root"
	}
	return n.Path()
}

func (s *script) total(t *testing.T, a arguments) { s.tree.SetTotal(a.amount(t, "")) }

func (s *script) role(t *testing.T, a arguments) {
	c := model.RoleConfig{Role: a.path(), Guarantee: a.amount(t, "guarantee.")}
	c.Weight, _ = strconv.ParseFloat(a.values["weight"], 64)
	most := a.amount(t, "limit.")
	for k, p := range map[string][2]any{"cpus": {&most.CPUMilli, &c.Limit.CPUMilli}, "memory": {&most.MemoryBytes, &c.Limit.MemoryBytes},
		"disk": {&most.DiskBytes, &c.Limit.DiskBytes}, "gpus": {&most.GPUMilli, &c.Limit.GPUMilli}} {
		if _, ok := a.values["limit."+k]; ok {
			*p[1].(**int64) = p[0].(*int64)
		}
	}
	s.tree.Configure(c)
}

func (s *script) reset(_ *testing.T, a arguments) { s.tree.Reset(a.path()) }

func (s *script) charge(t *testing.T, a arguments) {
	s.tree.Node(a.path()).Charge(a.amount(t, ""), int64(a.number(t, "times", 1)))
}

func (s *script) want(t *testing.T, a arguments) {
	s.order.Want(s.tree.Node(a.path()), a.amount(t, ""), a.number(t, "count", 1))
}

// serve cpus=1 [turns=6]: each turn's first role gets one task.
func (s *script) serve(t *testing.T, a arguments) {
	shape := a.amount(t, "")
	var line []string
	for range a.number(t, "turns", 1) {
		n := s.order.First()
		if n == nil {
			line = append(line, "nobody")
			break
		}
		n.Charge(shape, 1)
		line = append(line, name(n))
	}
	s.printf("%s", strings.Join(line, ", "))
}

func (s *script) slack(t *testing.T, a arguments) {
	s.printf("%d for %s", s.order.Slack(a.amount(t, ""), a.number(t, "want", 1)), name(s.order.First()))
}

func (s *script) headroom(t *testing.T, a arguments) {
	n, at, kind := s.tree.Node(a.path()).Headroom(a.amount(t, ""), a.number(t, "want", 1000))
	if n == 0 {
		s.printf("none: %s is at its limit of %s", name(at), kind)
		return
	}
	s.printf("%d", n)
}

func (s *script) below(t *testing.T, a arguments) {
	n := s.tree.Node(a.path())
	s.printf("%v, for %d more", n.Below(a.amount(t, "")), n.GuaranteeRoom(a.amount(t, ""), 1000))
}

func (s *script) drop(_ *testing.T, a arguments) { s.order.Drop(s.tree.Node(a.path())) }

func (s *script) begin(*testing.T, arguments) { s.order.Begin() }

func (s *script) retain(_ *testing.T, a arguments) { s.tree.Node(a.path()).Retain() }

func (s *script) release(_ *testing.T, a arguments) { s.tree.Node(a.path()).Release() }

func (s *script) print(*testing.T, arguments) {
	for n := range s.tree.Walk() {
		v := n.View()
		line := fmt.Sprintf("%s: weight %g, uses %s, share %.2g", name(n), v.Weight, v.Used, v.Share)
		if v.Dominant != "" {
			line += " (" + v.Dominant + ")"
		}
		line += fmt.Sprintf(", fair %.2g", v.Fair)
		if v.Below {
			line += ", below its guarantee"
		}
		if v.AtLimit != nil {
			line += ", at its limit of " + strings.Join(slices.Sorted(slices.Values(v.AtLimit)), " and ")
		}
		s.printf("%s", line)
	}
}
